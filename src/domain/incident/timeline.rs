//! A sentence for each fact: the timeline that people read in a terminal, a war room and a post-mortem.
//!
//! The sentences hold our own words, names from the configuration, hashes and numbers. Where a fact
//! carries somebody else's text (a note, a reporter's statement), the surface that shows it escapes it.

use jiff::Timestamp;
use serde::Serialize;

use super::fact::{Actor, Fact, Retry, Source, TakenBy};
use super::preparation::{Preparation, Queue};
use crate::domain::condition::Response;
use crate::domain::report::Arrival;
use crate::domain::safe::{SafeNonce, SafeTxHash};

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// When it happened.
    pub at: Timestamp,
    /// The fact's word.
    pub kind: &'static str,
    /// How much it matters to a reader in a hurry.
    pub weight: Weight,
    /// What happened.
    pub sentence: String,
}

/// How much a moment matters to a reader in a hurry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// The story's turns.
    Turn,
    /// Good to know.
    Detail,
    /// Something went wrong.
    Trouble,
}

/// Tells what happened, oldest first.
pub fn timeline(facts: &[(Timestamp, Fact)]) -> Vec<Moment> {
    facts.iter().map(|(at, fact)| moment(*at, fact)).collect()
}

fn moment(at: Timestamp, fact: &Fact) -> Moment {
    let (weight, sentence) = tell(fact);
    Moment { at, kind: fact.kind(), weight, sentence }
}

fn named(name: &impl ToString) -> String {
    name.to_string()
}

fn or_nobody<T: ToString>(person: Option<&T>) -> String {
    person.map_or_else(|| "nobody".to_owned(), named)
}

/// A hash short enough for a line: first and last four bytes. The whole one stands in the proposal.
pub fn short(hash: &impl ToString) -> String {
    let text = hash.to_string();
    match (text.get(..10), text.get(text.len().saturating_sub(8)..)) {
        (Some(head), Some(tail)) if text.len() > 24 => format!("{head}…{tail}"),
        _ => text,
    }
}

/// How far a response goes, in words.
fn reach(response: Response) -> &'static str {
    match response {
        Response::Page => "page",
        Response::Prepare => "page and prepare",
        Response::Propose => "page, prepare and propose",
    }
}

fn again(retry: Retry) -> &'static str {
    match retry {
        Retry::Later => "will try again",
        Retry::Never => "a person must look",
    }
}

fn tell(fact: &Fact) -> (Weight, String) {
    use Weight::{Detail, Trouble, Turn};
    match fact {
        Fact::Reported { source, title, severity, response, matched, .. } => {
            let from = match source {
                Source::Match(condition) => format!("condition {condition}"),
                Source::Reporter { kind, .. } => kind.clone(),
                Source::Trigger => "a responder's trigger".to_owned(),
            };
            let why = matched.as_ref().map(|matched| format!("; {}", matched.because)).unwrap_or_default();
            (Turn, format!("reported by {from}: {title} ({severity}; {}){why}", reach(*response)))
        }
        Fact::Matched { matched, response } => {
            (Turn, format!("matched again: {} ({})", matched.because, reach(*response)))
        }
        Fact::Triaged { by, incident, severity, reason } => {
            let verdict = if *incident { "an incident" } else { "an event, no incident" };
            (Turn, format!("{by} triaged it as {verdict}, severity {severity}: {reason}"))
        }
        Fact::Declared { by, commander, communications, responders, objective } => {
            let responders = if responders.is_empty() {
                "nobody".to_owned()
            } else {
                responders.iter().map(named).collect::<Vec<_>>().join(", ")
            };
            (
                Turn,
                format!(
                    "{by} declared it: incident commander {}, communications {}, responders {responders}; \
                     objective: {objective}",
                    or_nobody(commander.as_ref()),
                    or_nobody(communications.as_ref()),
                ),
            )
        }
        Fact::Assigned { by, role, person } => (Turn, format!("{by} made {person} {}", role.as_str())),
        Fact::ObjectiveSet { by, objective } => (Turn, format!("{by} set the objective: {objective}")),
        // What the agent notes has bearing on what is done; people's notes may be many.
        Fact::Noted { by, text } => {
            (if *by == Actor::Agent { Turn } else { Detail }, format!("{by} noted: {text}"))
        }
        Fact::ResponseRaised { by, response } => {
            (Turn, format!("{by} raised the response: {}", reach(*response)))
        }
        Fact::PreparationStarted { attempt } => (Detail, format!("preparing the proposal{}", nth(*attempt))),
        Fact::Prepared(preparation) => (Turn, prepared(preparation)),
        Fact::Unneeded { because } => (Turn, format!("nothing to do: {because}")),
        Fact::Waiting { because, .. } => (Turn, format!("waiting: {because}")),
        Fact::PreparationFailed { attempt, problem, retry, .. } => {
            (Trouble, format!("no proposal{}: {problem}; {}", nth(*attempt), again(*retry)))
        }
        Fact::SubmissionStarted { safe_tx_hash, attempt } => {
            (Detail, format!("submitting {}{}", short(safe_tx_hash), nth(*attempt)))
        }
        Fact::Submitted { safe_tx_hash, service } => {
            (Turn, format!("submitted {} to {service}, read back and equal", short(safe_tx_hash)))
        }
        Fact::SubmissionFailed { attempt, problem, retry, .. } => {
            (Trouble, format!("not submitted{}: {problem}; {}", nth(*attempt), again(*retry)))
        }
        Fact::Confirmed(confirmation) => (
            Turn,
            format!(
                "owner {} confirmed {} ({})",
                short(&confirmation.owner),
                short(&confirmation.safe_tx_hash),
                confirmation.source
            ),
        ),
        Fact::PresignedReleased { by, window } => {
            (Turn, format!("{by} released the pre-signed signatures of window {window}"))
        }
        Fact::CompanionPrepared(companion) => (
            Turn,
            format!(
                "prepared {} at nonce {} of Safe {}: {} ({})",
                short(&companion.safe_tx_hash()),
                companion.tx.nonce,
                companion.safe_label(),
                companion.purpose,
                companion.role.words()
            ),
        ),
        Fact::ChildSigned { of, child, owner, .. } => (
            Turn,
            format!("{} signed for Safe {child}, off chain, that it approves {}", short(owner), short(of)),
        ),
        Fact::ResponseWaits { on } => {
            (Turn, format!("the response waits: that of {on} makes the same calls and is open"))
        }
        Fact::StoodDown { by, reason } => (Turn, format!("{by} called the proposal off: {reason}")),
        Fact::RejectionStarted { of, attempt } => {
            (Detail, format!("preparing the rejection of {}{}", short(of), nth(*attempt)))
        }
        Fact::RejectionFailed { of, attempt, problem, retry } => {
            (Trouble, format!("no rejection of {}{}: {problem}; {}", short(of), nth(*attempt), again(*retry)))
        }
        Fact::ApprovalGone { safe_tx_hash, owner } => (
            Trouble,
            format!(
                "the approval of {} by owner {} is not on the chain any more: it counts no longer",
                short(safe_tx_hash),
                short(owner)
            ),
        ),
        Fact::OwnersChanged { owners, threshold, .. } => {
            (Trouble, format!("the Safe's owners changed: {threshold} of {} must sign now", owners.len()))
        }
        Fact::Superseded { safe_tx_hash, nonce, by, because } => {
            (Trouble, superseded(safe_tx_hash, nonce, by.as_deref(), because.as_deref()))
        }
        Fact::ExecutionStarted { safe_tx_hash, attempt, by } => {
            (Detail, format!("{by} executes {}{}", short(safe_tx_hash), nth(*attempt)))
        }
        Fact::ExecutionSigned { transaction, account_nonce, .. } => {
            (Detail, format!("sending {} at account nonce {account_nonce}", short(transaction)))
        }
        Fact::Executed { transaction, block, success: true, .. } => {
            (Turn, format!("executed in block {block} by {}", short(transaction)))
        }
        Fact::Executed { transaction, block, success: false, .. } => (
            Trouble,
            format!("executed in block {block} by {}, but the call inside FAILED", short(transaction)),
        ),
        Fact::ExecutionFailed { attempt, problem, retry, .. } => {
            (Trouble, format!("not executed{}: {problem}; {}", nth(*attempt), again(*retry)))
        }
        Fact::Verified { block, expects } => {
            (Turn, format!("verified on the chain at block {block}: {}", expects.join("; ")))
        }
        Fact::EffectMissing { block, because } => {
            (Trouble, format!("executed, and the effect is not there at block {block}: {because}"))
        }
        Fact::EffectLost { block, because } => {
            (Trouble, format!("the effect is gone at block {block}: {because}"))
        }
        Fact::PageStarted { page, attempt } => (
            Detail,
            format!(
                "paging {} by {} ({}){}",
                page.person,
                page.channel,
                page.purpose.as_str(),
                nth(*attempt)
            ),
        ),
        Fact::PageDelivered { page, .. } => {
            (Detail, format!("{} took the page to {} ({})", page.channel, page.person, page.purpose.as_str()))
        }
        Fact::PageFailed { page, attempt, problem, retry } => (
            Trouble,
            format!(
                "the page to {} by {} failed{}: {problem}; {}",
                page.person,
                page.channel,
                nth(*attempt),
                again(*retry)
            ),
        ),
        Fact::Acknowledged { person, via } => (Turn, format!("{person} acknowledged ({via})")),
        Fact::Exhausted { purpose } => {
            (Trouble, format!("nobody answered the {} call: everybody is paged", purpose.as_str()))
        }
        Fact::JournalGap { since, facts, dropped } => {
            let lost = if dropped.is_empty() {
                "none lost".to_owned()
            } else {
                format!("no longer applicable: {}", dropped.join(", "))
            };
            (Trouble, format!("the journal could not be written since {since}: {facts} facts kept, {lost}"))
        }
        Fact::Resolved { by, summary } => (Turn, format!("{by} resolved it: {summary}")),
        Fact::PostMortemDrafted { path } => (Detail, format!("post-mortem drafted: {path}")),
        Fact::ActionItemAdded { item, what, owner, due } => {
            (Turn, format!("action item {item}: {what} ({owner}, by {due})"))
        }
        Fact::ActionItemDone { item, by } => (Turn, format!("action item {item} done, says {by}")),
        Fact::Closed { by, reason } => (Turn, format!("{by} closed it: {reason}")),
        Fact::Received(arrival) => (Turn, received(arrival)),
    }
}

/// Without names: whose file it was and who wrote is for responders, and this stands in post-mortems.
fn received(arrival: &Arrival) -> String {
    let mut sentence = format!("it came {}", arrival.standing());
    let files = arrival.files();
    if !files.is_empty() {
        sentence.push_str(&format!("; {files}"));
    }
    if arrival.quiet {
        sentence.push_str("; nobody is paged for reports of this source");
    }
    sentence
}

fn superseded(hash: &SafeTxHash, nonce: &SafeNonce, by: Option<&TakenBy>, because: Option<&str>) -> String {
    if let Some(because) = because {
        return format!("{because}: {} can never execute, and its signatures are void", short(hash));
    }
    let how = match by {
        Some(TakenBy { safe_tx_hash: other, transaction, purpose }) => format!(
            "{} ({}) was executed first, by {}",
            short(other),
            purpose.as_deref().unwrap_or("what it did is not known here"),
            short(transaction)
        ),
        None => "another transaction was executed first".to_owned(),
    };
    format!(
        "{how}: the Safe's nonce is {nonce} now, {} can never execute, and its signatures are void",
        short(hash)
    )
}

fn nth(attempt: u32) -> String {
    if attempt <= 1 { String::new() } else { format!(", attempt {attempt}") }
}

fn prepared(preparation: &Preparation) -> String {
    let Preparation { safe, tx, coverage, simulation, .. } = preparation;
    let endpoints = simulation.endpoints.len();
    let mut sentence = format!(
        "prepared {} for Safe {safe} at nonce {}: {}; simulated at block {} on {endpoints} endpoint{}; signers {}",
        short(&preparation.safe_tx_hash()),
        tx.nonce,
        preparation.describe_calls(),
        simulation.block_number,
        if endpoints == 1 { "" } else { "s" },
        coverage.headline(),
    );
    if !simulation.dissent.is_empty() {
        sentence.push_str(&format!(" ({} said otherwise or nothing)", simulation.dissent.len()));
    }
    match &preparation.queue {
        Queue::Read { displaced, .. } if displaced.is_empty() => {}
        Queue::Read { displaced, .. } => {
            sentence.push_str(&format!("; displaces {} queued", displaced.len()));
        }
        Queue::Unknown(_) => sentence.push_str("; what it displaces is unknown"),
    }
    for companion in &preparation.companions {
        let hash = short(&companion.safe_tx_hash());
        sentence.push_str(&format!("; and {hash}, {}", companion.purpose));
    }
    sentence
}
