//! How nonce-free paths stand.

use super::settings;
use crate::agent::house::House;
use crate::agent::module::{report, reports};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::module::{PathReport, PathState};
use crate::domain::names::ModuleName;
use crate::domain::text::terminal;

/// Simulates one path, or all.
pub async fn status(context: &Context, house: &House, name: Option<&ModuleName>) -> Result<Exit, Failure> {
    let found = match name {
        Some(name) => vec![report(&house.agent, settings(house, name)?).await],
        None => reports(&house.agent, None).await,
    };
    context.out.result(&found, |out| {
        if found.is_empty() {
            return "no [modules.NAME] is configured".to_owned();
        }
        let rows: Vec<_> =
            rows(out, &found).into_iter().map(|(label, text)| format!("{label:<14}  {text}")).collect();
        rows.join("\n")
    });
    Ok(if found.iter().all(|report| report.path.is_ready()) { Exit::Done } else { Exit::No })
}

/// Label and text of each path, for lists of rows.
pub fn rows(out: &Output, reports: &[PathReport]) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for report in reports {
        let look = match &report.path {
            PathState::Ready(_) => Look::Good,
            PathState::Closed(_) | PathState::Slow(_) | PathState::Unknown(_) => Look::Bad,
        };
        rows.push((report.module.to_string(), format!("{} of Safe {}", report.kind, report.safe)));
        rows.push(("  state".to_owned(), out.look(&terminal(&report.path.in_words()), look)));
        if let PathState::Ready(proof) = &report.path {
            rows.extend(proof.pretending.iter().map(|what| ("  pretending".to_owned(), terminal(what))));
        }
        if let Some(actor) = &report.actor {
            rows.push(("  acts".to_owned(), actor.clone()));
        }
        if let Some(enabled) = report.enabled {
            rows.push(("  enabled".to_owned(), if enabled { "yes" } else { "no" }.to_owned()));
        }
        if let Some(guard) = &report.module_guard {
            rows.push(("  module guard".to_owned(), format!("{guard}, which can veto it")));
        }
    }
    rows
}
