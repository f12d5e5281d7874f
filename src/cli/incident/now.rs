//! What an incident is now, in two lines: said after every change.

use crate::domain::incident::{Incident, Phase};
use crate::domain::names::PersonId;
use crate::domain::text::terminal;

/// What the incident is now.
pub fn in_short(incident: &Incident) -> String {
    let first = format!(
        "{} is {} ({}): {}",
        incident.id,
        standing(incident),
        incident.severity,
        terminal(&incident.title)
    );
    let second = match incident.phase {
        Phase::Reported => {
            format!(
                "Decide whether it is real: redhandle incident triage {} --real|--event --reason …",
                incident.id
            )
        }
        Phase::Triaged | Phase::Declared | Phase::Resolved | Phase::PostMortem | Phase::Closed => {
            [people(incident), containment(incident)].join("; ")
        }
    };
    format!("{first}\n{second}")
}

/// The phase, and after triage its verdict as well.
pub fn standing(incident: &Incident) -> String {
    let phase = incident.phase.as_str();
    match (incident.phase, incident.is_incident) {
        (Phase::Triaged, Some(true)) => format!("{phase}, an incident to be declared"),
        (Phase::Triaged | Phase::Closed, Some(false)) => format!("{phase}, an event and no incident"),
        (
            Phase::Reported
            | Phase::Triaged
            | Phase::Declared
            | Phase::Resolved
            | Phase::PostMortem
            | Phase::Closed,
            _,
        ) => phase.to_owned(),
    }
}

fn people(incident: &Incident) -> String {
    let named =
        |person: Option<&PersonId>| person.map_or_else(|| "nobody".to_owned(), |id| terminal(id.as_str()));
    format!(
        "commander {}, communications {}, responders {}",
        named(incident.commander.as_ref()),
        named(incident.communications.as_ref()),
        everybody(&incident.responders)
    )
}

/// Names, or that there is nobody.
pub fn everybody(people: &[PersonId]) -> String {
    if people.is_empty() {
        return "nobody".to_owned();
    }
    people.iter().map(|person| terminal(person.as_str())).collect::<Vec<_>>().join(", ")
}

fn containment(incident: &Incident) -> String {
    let stage = incident.stage.as_str();
    match &incident.preparation {
        Some(preparation) => {
            format!(
                "containment {stage}, {} of {} confirmations",
                incident.confirmed_owners(),
                preparation.threshold
            )
        }
        None => format!("containment {stage}"),
    }
}
