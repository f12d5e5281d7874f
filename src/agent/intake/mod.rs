//! Alerts to incidents.
//!
//! In this order, so that a crash anywhere loses nothing: what a window keeps is written together with the
//! matches it brought about and the feed's cursor; then matches become incidents; then the feed is told that it
//! may go on. After a restart (`resume`) the matches that no incident knows are taken up, and nothing else is.
//!
//! Before an alert is judged, its chain is asked whether its block is on it, if a condition would take it (`doubt`).
//! What nobody can say at once pages, and is asked again until it is known. What time it is comes from the clock:
//! old alerts do not count, and silent heartbeats are noticed while nothing comes.
//!
//! Items that are no alerts wait until the good ones of their delivery are done. Alerts that match nothing cost
//! counters, not disk.

mod doubt;
mod hold;
mod keep;
mod orphans;
mod resume;
mod unjudged;
mod unread;
mod unsure;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::blocks::Blocks;
use super::store::{JOURNAL_WAIT_MAX, Opening, Recorded, StoreError};
use super::{Agent, chain_of};
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::condition::{Canonicity, HeldBack, Match, Matcher, Withdrawal};
use crate::domain::incident::{Fact, Incident, Source};
use crate::domain::names::FeedName;
use crate::feeds::{AcceptedRequest, Cursor, Delivery, Rejected};
use crate::journal::{JournalError, Quarantine, RejectedLine, Stream};
use unjudged::Unjudged;
use unread::Unread;
use unsure::Unsure;

/// How often a feed's place is written, at most, when it brings nothing worth keeping. A restart reads again
/// what came since: harmless, because alerts are known by their hashes.
const PLACE_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// Matches that could not become incidents yet, at most; beyond, deliveries are refused and come again.
const WAITING_MATCHES_MAX: usize = 1_000;

/// Items of one delivery that are shelved, at most; the rest is counted. Enough to see what a feed sends.
const SHELVED_MAX: usize = 50;

/// The stream kinds of a feed.
const KEPT: &str = "alert-kept";
const MATCHED: &str = "matched";
const PLACE: &str = "place";
const REQUEST: &str = "request";
const ORPHANED: &str = "orphaned";

/// Intake could not begin.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The journal cannot be read.
    #[error("could not read what the feeds brought before")]
    Journal(#[from] JournalError),
    /// A kept alert or a place is not what this version writes.
    #[error("fact {seq} of the journal is not what a feed wrote")]
    Unreadable {
        /// Its number.
        seq: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// An incident could not be written.
    #[error("could not open an incident")]
    Store(#[from] StoreError),
}

/// A feed's stream, as far as it was read or written.
#[derive(Debug, Default)]
struct FeedState {
    version: u64,
    /// The place that was written last, and when.
    placed: Option<(Timestamp, Cursor)>,
}

/// A new alert that a window holds, and what it brought about.
struct Judged {
    alert: Alert,
    /// What the chain said about its block when it came.
    block_is: Canonicity,
    matches: Vec<Match>,
}

/// Counters since the start, for people and health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Taken {
    /// Alerts seen, repetitions included.
    pub alerts: u64,
    /// Alerts seen before.
    pub repeated: u64,
    /// Items that were no alerts.
    pub rejected: u64,
    /// Alerts a window kept.
    pub kept: u64,
    /// Matches.
    pub matches: u64,
    /// Firings that were held back.
    pub held: u64,
    /// Blocks that nobody could tell at once whether they are on their chain.
    pub unknown_blocks: u64,
    /// Trails of sequences that had to make room for others.
    pub trails_dropped: u64,
    /// Of these, where the next step could still have come in time: a firing may be missing.
    pub trails_cut_short: u64,
}

/// Turns deliveries into facts.
pub struct Intake {
    agent: Arc<Agent>,
    quarantine: Arc<dyn Quarantine>,
    matcher: Matcher,
    blocks: Blocks,
    unsure: Unsure,
    feeds: BTreeMap<FeedName, FeedState>,
    waiting: VecDeque<Match>,
    withdrawn: VecDeque<Withdrawal>,
    /// What was withdrawn because a block left its chain, by alert.
    gone: BTreeMap<AlertHash, Withdrawal>,
    /// What of it came again in another block, which stands as the reason.
    returned: VecDeque<Withdrawal>,
    held: VecDeque<HeldBack>,
    unjudged: Unjudged,
    unread: Unread,
    requests: Vec<AcceptedRequest>,
    taken: Taken,
}

impl Intake {
    fn new(agent: Arc<Agent>, quarantine: Arc<dyn Quarantine>, matcher: Matcher) -> Self {
        Self {
            blocks: Blocks::new(&agent.chains),
            agent,
            quarantine,
            matcher,
            unsure: Unsure::default(),
            feeds: BTreeMap::new(),
            waiting: VecDeque::new(),
            withdrawn: VecDeque::new(),
            gone: BTreeMap::new(),
            returned: VecDeque::new(),
            held: VecDeque::new(),
            unjudged: Unjudged::default(),
            unread: Unread::default(),
            requests: Vec::new(),
            taken: Taken::default(),
        }
    }

    /// What came in since the start.
    pub fn taken(&self) -> Taken {
        self.taken
    }

    /// Signed requests of before the start that could still be sent again.
    pub fn requests(&self) -> &[AcceptedRequest] {
        &self.requests
    }

    /// The conditions' windows and counters.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// Takes one delivery, and settles its receipt.
    pub async fn take(&mut self, delivery: Delivery) {
        let Delivery { feed, alerts, cursor, request, orphaned, receipt } = delivery;
        if self.waiting.len().max(self.held.len()) >= WAITING_MATCHES_MAX {
            receipt.refused("earlier matches could not be written yet");
            return;
        }
        let (mut good, mut rejected) = (Vec::new(), Vec::new());
        for item in alerts {
            match item {
                Ok(alert) => good.push(alert),
                Err(item) => rejected.push(item),
            }
        }
        self.taken.rejected = self.taken.rejected.saturating_add(rejected.len() as u64);
        if let Err(error) = self.leave(&feed, &orphaned).await {
            tracing::error!(%feed, error = %chain_of(&error), "blocks that left their chain could not be written; they will come again");
            receipt.refused(chain_of(&error));
            return;
        }
        let judged = self.judge(good).await;
        let written = self.write_feed(&feed, &judged, request, cursor).await;
        let taken_up = self.take_up().await;
        match (written, taken_up) {
            (Ok(mut shelved), Ok(())) => {
                // Real alerts first: junk must not push them beyond the bound.
                shelved.append(&mut rejected);
                self.shelve(&feed, shelved).await;
                receipt.accepted();
            }
            (Err(error), _) => {
                for Judged { alert, .. } in &judged {
                    self.matcher.forget(alert);
                }
                tracing::error!(%feed, error = %chain_of(&error), "alerts could not be written; they will come again");
                receipt.refused(chain_of(&error));
            }
            (Ok(_too_long), Err(error)) => {
                tracing::error!(%feed, error = %chain_of(&error), "a match could not be written; it is tried again");
                receipt.refused(chain_of(&error));
            }
        }
    }

    /// Puts items that were no alerts where people can look at them: the first few, in one transaction.
    async fn shelve(&mut self, feed: &FeedName, rejected: Vec<Rejected>) {
        if rejected.is_empty() {
            return;
        }
        self.unread.note(feed, &rejected);
        let at = self.agent.clock.now();
        let more = rejected.len().saturating_sub(SHELVED_MAX);
        let rest = (more > 0).then(|| {
            let reason = format!("and {more} more of the same delivery, which are not kept");
            Rejected::new(None, reason, b"")
        });
        let shelved = rejected.into_iter().take(SHELVED_MAX).chain(rest);
        let lines = shelved.map(|rejected| RejectedLine {
            feed: feed.clone(),
            at,
            line: rejected.line.unwrap_or(0),
            reason: rejected.reason,
            raw: String::from_utf8_lossy(&rejected.raw).into_owned(),
        });
        // Counted all the same: an item that was no alert must not stop the feed.
        match tokio::time::timeout(JOURNAL_WAIT_MAX, self.quarantine.keep_many(lines.collect())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%feed, error = %chain_of(&error), "rejected items could not be kept");
            }
            Err(_elapsed) => {
                tracing::warn!(%feed, "rejected items could not be kept: the journal stands still")
            }
        }
    }

    /// Turns waiting matches into incidents, oldest first.
    async fn take_up(&mut self) -> Result<(), StoreError> {
        while let Some(matched) = self.waiting.front() {
            take_up(&self.agent, matched).await?;
            self.waiting.pop_front();
        }
        self.tell_withdrawn().await?;
        self.write_held().await
    }
}

fn stream(feed: &FeedName) -> Stream {
    Stream::new(format!("feed/{feed}"))
}

/// Attaches a match to the open incident of its runbook and contract, or opens one.
async fn take_up(agent: &Agent, matched: &Match) -> Result<(), StoreError> {
    loop {
        if is_known(agent, matched) {
            return Ok(());
        }
        let all = agent.store.all();
        let open = all.iter().find(|incident| incident.phase.is_open() && is_about(incident, matched));
        let done = match open {
            Some(incident) => {
                let fact = Fact::Matched { matched: matched.clone(), response: matched.response };
                match agent.store.record(incident.id, incident.version, vec![fact], true).await? {
                    Recorded::Applied | Recorded::Unwritten => true,
                    Recorded::Stale => false,
                }
            }
            None => {
                let facts = vec![report(agent, matched)];
                agent.store.open(Opening { facts, containment: true }).await?.is_some()
            }
        };
        if done {
            return Ok(());
        }
    }
}

/// Whether the match belongs to the incident.
fn is_about(incident: &Incident, matched: &Match) -> bool {
    incident.runbook.as_ref() == Some(&matched.runbook)
        && incident.contract.as_ref() == Some(&matched.contract)
}

/// Whether an incident, open or over, has this match already.
fn is_known(agent: &Agent, matched: &Match) -> bool {
    let all = agent.store.all();
    let mut matches = all.iter().filter(|incident| is_about(incident, matched)).flat_map(|one| &one.matches);
    matches.any(|known| same_match(known, matched))
}

/// Whether `known` covers `matched`: the same condition about the same contract, on no other alerts, going as far. A
/// silence that has no last beat is known by its time.
fn same_match(known: &Match, matched: &Match) -> bool {
    known.runbook == matched.runbook
        && known.condition == matched.condition
        && known.contract == matched.contract
        && known.early == matched.early
        && known.response >= matched.response
        && matched.alerts.iter().all(|alert| known.alerts.contains(alert))
        && (!matched.alerts.is_empty() || known.at == matched.at)
}

fn report(agent: &Agent, matched: &Match) -> Fact {
    let runbook = agent.config.runbooks.get(&matched.runbook);
    let title = runbook.map_or_else(|| matched.runbook.to_string(), |runbook| runbook.title.clone());
    let severity = runbook.map_or(crate::domain::runbook::Severity::Emergency, |runbook| runbook.severity);
    Fact::Reported {
        source: Source::Match(matched.condition.clone()),
        title,
        severity,
        runbook: Some(matched.runbook.clone()),
        contract: Some(matched.contract.clone()),
        response: matched.response,
        matched: Some(matched.clone()),
        statement: None,
    }
}
