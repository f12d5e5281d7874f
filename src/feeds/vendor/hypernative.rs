//! Hypernative: what it signs is `data`, a document inside a document.

use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, at, document, flat, hash, instant, needed, object, text};
use super::{Claims, Hearing};
use crate::domain::alert::AlertSeverity;
use crate::domain::condition::{StatePhase, write_state};
use crate::feeds::forta_wire::Malformed;

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let Some(data) = at(body, &["data"]).as_str() else {
        return Err(Malformed::new("data is missing or is not text: what is signed is its text"));
    };
    let data = document(data.as_bytes())?;
    hearing.each([&data], |data| insight(hearing, data))
}

fn insight(hearing: &Hearing<'_>, data: &Value) -> Result<Claim, Malformed> {
    let insight = object(at(data, &["riskInsight"]), "data.riskInsight")?;
    let field = |name: &str| insight.get(name).unwrap_or(&Value::Null);
    let id = needed(field("id"), "riskInsight.id")?;
    let stage = text(field("stage"));
    // A state has a start, reminders and an end; the end is no alarm.
    let is_over =
        stage.eq_ignore_ascii_case("end") || text(field("status")).eq_ignore_ascii_case("historical");
    let told = hearing.severity(field("severity"), "riskInsight.severity")?;
    let agent = at(data, &["customAgents", "0"]);
    let rule = match text(at(agent, &["id"])) {
        agent if agent.is_empty() => needed(field("riskTypeId"), "riskInsight.riskTypeId")?,
        agent => format!("agent-{agent}"),
    };
    let mut involved = addresses(field("involvedAssets"));
    involved.extend(addresses(at(data, &["triggeredAssets"])));
    let mut metadata = flat(insight, "");
    metadata.extend(agent.as_object().map(|agent| flat(agent, "agent.")).unwrap_or_default());
    // Later words about a state name the one it began with.
    let began =
        Some(text(field("parentRiId"))).filter(|parent| !parent.is_empty()).unwrap_or_else(|| id.clone());
    let phase = match stage.to_ascii_lowercase().as_str() {
        "start" if !is_over => Some(StatePhase::Begin),
        "reminder" if !is_over => Some(StatePhase::Again),
        "start" | "reminder" | "end" => Some(StatePhase::End),
        _of_an_event => None,
    };
    if let Some(phase) = phase {
        write_state(&mut metadata, &began, phase);
    }
    Ok(Claim {
        vendor: "hypernative",
        id: format!("{id}|{stage}"),
        rule,
        kind: text(field("riskTypeId")),
        severity: if is_over { Some(AlertSeverity::Info) } else { told },
        at: instant(field("timestamp")),
        network: Some(needed(field("chain"), "riskInsight.chain")?),
        transaction: hash(field("txnHash")),
        addresses: involved,
        name: text(field("name")),
        description: text(field("details")),
        metadata,
        ..Claim::default()
    })
}
