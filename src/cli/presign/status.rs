//! How windows stand.

use super::settings;
use crate::agent::chain_of;
use crate::agent::house::House;
use crate::agent::presigned::{in_order, look, never_prepared};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::config::settings::{Presigned, Release};
use crate::domain::incident::timeline::short;
use crate::domain::names::WindowName;
use crate::domain::presigned::Standing;

/// One window as it was found.
struct Row<'a> {
    settings: &'a Presigned,
    standing: Option<Standing>,
    trouble: Option<String>,
}

/// Looks at one window, or at all.
pub async fn status(context: &Context, house: &House, name: Option<&WindowName>) -> Result<Exit, Failure> {
    let wanted: Vec<_> = match name {
        Some(name) => vec![settings(house, name)?],
        None => house.agent.config.settings.presigned.iter().collect(),
    };
    let mut rows = Vec::new();
    for settings in wanted {
        rows.push(match look(&house.agent, settings).await {
            Err(error) => Row { settings, standing: None, trouble: Some(chain_of(&error)) },
            Ok(None) => Row { settings, standing: None, trouble: Some(never_prepared(&settings.name)) },
            Ok(Some((_, standing))) => {
                let trouble = standing.trouble();
                Row { settings, standing: Some(standing), trouble }
            }
        });
    }
    let json: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({
                "window": row.settings.name,
                "release": released(row.settings),
                "good": row.trouble.is_none(),
                "trouble": row.trouble,
                "standing": row.standing,
            })
        })
        .collect();
    context.out.result(&json, |out| {
        if rows.is_empty() {
            return "no [[presigned]] window is configured".to_owned();
        }
        rows.iter().map(|row| text(out, house, row)).collect::<Vec<_>>().join("\n\n")
    });
    Ok(if rows.iter().all(|row| row.trouble.is_none()) { Exit::Done } else { Exit::No })
}

fn released(settings: &Presigned) -> &'static str {
    match settings.release {
        Release::ByHand => "by-hand",
        Release::WithProposal => "with-proposal",
    }
}

fn text(out: &Output, house: &House, row: &Row<'_>) -> String {
    let settings = row.settings;
    let head = format!(
        "{}  runbook {}, Safe {}, released {}",
        out.look(settings.name.as_str(), Look::Bold),
        settings.runbook,
        settings.safe,
        released(settings)
    );
    let mut parts = vec![head];
    if let Some(standing) = &row.standing {
        let who = |owner: &alloy::primitives::Address| {
            let person = house.agent.config.roster.person_of(*owner);
            person.map_or_else(|| short(owner), |person| person.id.to_string())
        };
        let rows = standing.entries.iter().map(|entry| {
            let signed: Vec<_> = entry.signed.iter().map(who).collect();
            vec![
                entry.nonce.to_string(),
                entry.entry.in_words(),
                signed.join(", "),
                short(&entry.safe_tx_hash),
            ]
        });
        parts.push(out.table(&["nonce", "state", "signed by", "safeTxHash"], rows.collect()));
    }
    parts.push(match (&row.trouble, &row.standing) {
        (Some(trouble), _) => out.look(trouble, Look::Bad),
        (None, Some(standing)) => out.look(&in_order(standing), Look::Good),
        (None, None) => String::new(),
    });
    parts.join("\n")
}
