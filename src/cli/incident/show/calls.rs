//! Open calls: who was paged, by what, and who has answered.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::incident::page::{Block, hang};
use crate::cli::output::{Look, Output};
use crate::domain::incident::Incident;
use crate::domain::incident::names::Purpose;
use crate::domain::incident::state::{Call, PageOutcome, PageState};
use crate::domain::names::{ChannelName, PersonId};
use crate::domain::roster::Roster;
use crate::domain::text::terminal;

/// How wide names of people are before their pages begin.
const PERSON_COLUMNS: usize = 16;

/// The open calls; nothing where there is none.
pub fn calls(incident: &Incident, roster: &Roster, out: &Output) -> String {
    let open: Vec<_> = incident.calls.iter().filter(|(_, call)| !call.closed).collect();
    if open.is_empty() {
        return String::new();
    }
    let mut block = Block::new(out);
    block.heading("Open calls", Look::Bold);
    let mut text = vec![block.text()];
    for (purpose, call) in open {
        text.push(head(*purpose, call, out));
        let pages = pages(incident, *purpose, call);
        if pages.is_empty() {
            text.push(hang("    ", 4, "nobody was paged yet", Look::Bad, out));
        }
        for (person, channels) in pages {
            text.push(paged(incident, call, roster, person, &channels, out));
        }
    }
    text.join("\n")
}

fn head(purpose: Purpose, call: &Call, out: &Output) -> String {
    let because = terminal(&call.because);
    let mut line = format!("{}, since {}: {because}", purpose.as_str(), out.time(call.since));
    let mut look = Look::Plain;
    if let Some(at) = call.exhausted {
        line.push_str(&format!("; NOBODY ANSWERED, everybody is called since {}", out.time(at)));
        look = Look::Bad;
    }
    hang("  ", 2, &line, look, out)
}

type Channels<'a> = BTreeMap<&'a ChannelName, &'a PageState>;

/// The pages of one call: for each person the newest state of each channel.
fn pages<'a>(incident: &'a Incident, purpose: Purpose, call: &Call) -> BTreeMap<&'a PersonId, Channels<'a>> {
    let mut people: BTreeMap<&PersonId, Channels<'_>> = BTreeMap::new();
    // Keys are in the order of rounds, so that a later round's page replaces an earlier one's.
    for (key, state) in &incident.pages {
        if key.purpose == purpose && key.call == call.number {
            people.entry(&key.person).or_default().insert(&key.channel, state);
        }
    }
    people
}

fn paged(
    incident: &Incident,
    call: &Call,
    roster: &Roster,
    person: &PersonId,
    channels: &Channels<'_>,
    out: &Output,
) -> String {
    let acknowledged = incident.acknowledged.get(person).filter(|at| **at >= call.since);
    let confirmed = incident
        .confirmations
        .keys()
        .any(|owner| roster.person_of(*owner).is_some_and(|holder| holder.id == *person));
    let (answer, look) = match (acknowledged, confirmed) {
        (_, true) => ("confirmed; ".to_owned(), Look::Good),
        (Some(at), false) => (format!("acknowledged {}; ", out.time(*at)), Look::Good),
        (None, false) => (String::new(), if reached(channels) { Look::Plain } else { Look::Bad }),
    };
    let each: BTreeSet<_> = channels.iter().map(|(channel, state)| outcome(channel, state)).collect();
    let pages = each.into_iter().collect::<Vec<_>>().join(", ");
    let lead = format!("    {:<PERSON_COLUMNS$}", terminal(person.as_str()));
    hang(&lead, lead.chars().count(), &format!("{answer}{pages}"), look, out)
}

fn reached(channels: &Channels<'_>) -> bool {
    channels.values().any(|state| match state.outcome {
        PageOutcome::Delivered => true,
        PageOutcome::Started | PageOutcome::FailedForNow(_) | PageOutcome::FailedForGood(_) => false,
    })
}

fn outcome(channel: &ChannelName, state: &PageState) -> String {
    let channel = terminal(channel.as_str());
    match &state.outcome {
        PageOutcome::Started => format!("{channel}: on its way"),
        PageOutcome::Delivered => format!("{channel}: delivered"),
        PageOutcome::FailedForNow(why) => {
            format!("{channel}: failed {} time(s), tried again ({})", state.attempts, terminal(why))
        }
        PageOutcome::FailedForGood(why) => format!("{channel}: FAILED ({})", terminal(why)),
    }
}
