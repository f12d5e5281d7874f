//! PagerDuty's webhook, version 3: somebody else's pager as a source of alerts.
//!
//! An incident that begins, or whose priority is set, is an alarm. What else is told of one (a note, a role, a task) goes on
//! with it and is information, as is what is told of a service, and the ping by which a subscription is tried out.

use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses_within, at, flat, instant, needed, object, text};
use super::{Claims, Hearing};
use crate::domain::alert::AlertSeverity;
use crate::domain::condition::{StatePhase, write_state};
use crate::feeds::forta_wire::Malformed;

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    hearing.each([body], |body| one(hearing, body))
}

fn one(hearing: &Hearing<'_>, body: &Value) -> Result<Claim, Malformed> {
    let event = at(body, &["event"]);
    object(event, "event")?;
    let data = at(event, &["data"]);
    let fields = object(data, "event.data")?;
    let kind = needed(at(event, &["event_type"]), "event.event_type")?;
    let (incident, rule) = match text(at(data, &["type"])).as_str() {
        "incident" | "" => (data, needed(at(data, &["service", "id"]), "event.data.service.id")?),
        // Of something that is not an incident: which service it is about is not said.
        other => (at(data, &["incident"]), other.to_owned()),
    };
    // A priority's name is each team's own: one that is none of the known words leaves the urgency to tell.
    let priority = hearing.severity(at(data, &["priority", "summary"]), "priority").ok().flatten();
    let urgency = match text(at(data, &["urgency"])).as_str() {
        "high" => Some(AlertSeverity::High),
        "low" => Some(AlertSeverity::Low),
        _unsaid => None,
    };
    let begins = match kind.as_str() {
        "incident.triggered" | "incident.escalated" | "incident.reopened" => true,
        // Who sets it says how bad it is, and often later than it began.
        "incident.priority_updated" => priority.is_some() && text(at(data, &["status"])) != "resolved",
        _goes_on => false,
    };
    let mut metadata = flat(fields, "");
    metadata.insert("service".to_owned(), Value::String(text(at(data, &["service", "summary"]))));
    let phase = match kind.as_str() {
        "incident.triggered" | "incident.reopened" => Some(StatePhase::Begin),
        "incident.resolved" => Some(StatePhase::End),
        goes_on => goes_on.starts_with("incident.").then_some(StatePhase::Again),
    };
    if let Some(phase) = phase {
        write_state(&mut metadata, &text(at(incident, &["id"])), phase);
    }
    let name = text(at(data, &["title"]));
    Ok(Claim {
        vendor: "pagerduty",
        id: needed(at(event, &["id"]), "event.id")?,
        rule,
        kind,
        severity: if begins { priority.or(urgency) } else { Some(AlertSeverity::Info) },
        at: instant(at(event, &["occurred_at"])),
        addresses: addresses_within(&name),
        name,
        metadata,
        ..Claim::default()
    })
}
