//! PagerDuty's webhook, version 3: somebody else's pager as a source of alerts.

use serde_json::Value;

use super::claim::Claim;
use super::read::{at, flat, instant, needed, object, severity, text};
use super::{Claims, Hearing};
use crate::domain::alert::AlertSeverity;
use crate::domain::condition::{StatePhase, write_state};

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    hearing.each([body], |body| {
        let event = at(body, &["event"]);
        object(event, "event")?;
        let data = at(event, &["data"]);
        let fields = object(data, "event.data")?;
        let kind = needed(at(event, &["event_type"]), "event.event_type")?;
        // A priority's name is each team's own: one that is none of the known words leaves the urgency to tell.
        let priority = severity(at(data, &["priority", "summary"]), "priority").ok().flatten();
        let urgency = match text(at(data, &["urgency"])).as_str() {
            "high" => Some(AlertSeverity::High),
            "low" => Some(AlertSeverity::Low),
            _unsaid => None,
        };
        let begins =
            matches!(kind.as_str(), "incident.triggered" | "incident.escalated" | "incident.reopened");
        let mut metadata = flat(fields, "");
        metadata.insert("service".to_owned(), Value::String(text(at(data, &["service", "summary"]))));
        let phase = match kind.as_str() {
            "incident.triggered" | "incident.reopened" => Some(StatePhase::Begin),
            "incident.resolved" => Some(StatePhase::End),
            goes_on => goes_on.starts_with("incident.").then_some(StatePhase::Again),
        };
        if let Some(phase) = phase {
            write_state(&mut metadata, &text(at(data, &["id"])), phase);
        }
        Ok(Claim {
            vendor: "pagerduty",
            id: needed(at(event, &["id"]), "event.id")?,
            rule: needed(at(data, &["service", "id"]), "event.data.service.id")?,
            kind,
            severity: if begins { priority.or(urgency) } else { Some(AlertSeverity::Info) },
            at: instant(at(event, &["occurred_at"])),
            name: text(at(data, &["title"])),
            metadata,
            ..Claim::default()
        })
    })
}
