//! Alerts to incidents.
//!
//! In this order, so that a crash anywhere loses nothing: what a window keeps is written with the feed's
//! cursor; then matches become incidents; then the feed is told that it may go on. After a restart the
//! kept alerts are judged again, and the matches that no incident knows are taken up.
//!
//! Alerts that match nothing cost counters, not disk.
//!
//! Before an alert is judged, its chain is asked whether its block is on it, if a condition would take it. What
//! nobody can say at once pages, and is asked again until it is known. What time it is comes from the clock:
//! old alerts do not count, and silent heartbeats are noticed while nothing comes.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::blocks::Blocks;
use super::store::{Opening, Recorded, StoreError};
use super::unsure::Unsure;
use super::{Agent, chain_of};
use crate::domain::alert::Alert;
use crate::domain::condition::{
    BlockId, Canonicity, Condition, Known, Match, Matcher, Observation, Withdrawal,
};
use crate::domain::incident::{Actor, Fact, Incident, Source};
use crate::domain::names::{FeedName, RunbookId};
use crate::feeds::{Cursor, Delivery, Rejected};
use crate::journal::{Appended, JournalError, NewFact, Quarantine, RejectedLine, Stream, Version, Write};

/// How often a feed's place is written when it brings nothing worth keeping. A restart reads again what
/// came since: harmless, because alerts are known by their hashes.
const PLACE_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Matches that could not become incidents yet, at most; beyond, deliveries are refused and come again.
const WAITING_MATCHES_MAX: usize = 1_000;

/// The stream kinds of a feed.
const KEPT: &str = "alert-kept";
const PLACE: &str = "place";

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
    placed: Option<Timestamp>,
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
    /// Blocks that nobody could tell at once whether they are on their chain.
    pub unknown_blocks: u64,
}

/// An alert as the journal keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<'a> {
    #[serde(flatten)]
    alert: Cow<'a, Alert>,
    /// What the chain said about its block when it came. What was written before chains were asked counted.
    #[serde(default)]
    block_is: Canonicity,
}

/// An alert that was read back, with the time it was written.
type ReadBack = (Timestamp, Kept<'static>);

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
    taken: Taken,
}

impl Intake {
    /// Reads what the feeds brought before, judges it again, and takes up what no incident knows. Gives
    /// each feed's last place.
    ///
    /// # Errors
    /// When the journal cannot be read or an incident cannot be opened.
    pub async fn resume(
        agent: Arc<Agent>,
        quarantine: Arc<dyn Quarantine>,
        conditions: Vec<(RunbookId, Condition)>,
        feeds: &[FeedName],
    ) -> Result<(Self, BTreeMap<FeedName, Cursor>), IntakeError> {
        let mut intake = Self {
            matcher: Matcher::with_maintenance(conditions, agent.config.maintenance.clone()),
            blocks: Blocks::new(&agent.chains),
            agent,
            quarantine,
            unsure: Unsure::default(),
            feeds: BTreeMap::new(),
            waiting: VecDeque::new(),
            withdrawn: VecDeque::new(),
            taken: Taken::default(),
        };
        intake.agent.store.sync().await?;
        let mut places = BTreeMap::new();
        let mut kept = Vec::new();
        for feed in feeds {
            let (state, alerts, place) = intake.read_feed(feed).await?;
            intake.feeds.insert(feed.clone(), state);
            kept.extend(alerts);
            places.extend(place.map(|place| (feed.clone(), place)));
        }
        kept.sort_by_key(|(_, kept)| kept.alert.event_time());
        for (at, Kept { alert, block_is }) in &kept {
            // As it was judged then, by the clock of then.
            let seen = intake.matcher.observe(alert, &Known { block: *block_is, now: Some(*at) });
            intake.waiting.extend(seen.matches);
        }
        let now = intake.agent.clock.now();
        intake.matcher.unknown_blocks().into_iter().for_each(|block| intake.unsure.add(block, now));
        intake.take_up().await?;
        Ok((intake, places))
    }

    async fn read_feed(
        &self,
        feed: &FeedName,
    ) -> Result<(FeedState, Vec<ReadBack>, Option<Cursor>), IntakeError> {
        let entries = self.agent.store.journal().read(&stream(feed), Version(0)).await?;
        let mut state = FeedState { version: entries.len() as u64, placed: None };
        let mut alerts = Vec::new();
        let mut place = None;
        for entry in entries {
            let unreadable = |source| IntakeError::Unreadable { seq: entry.seq, source };
            match entry.kind.as_str() {
                KEPT => alerts.push((entry.at, entry.body_as::<Kept<'static>>().map_err(unreadable)?)),
                PLACE => {
                    place = Some(entry.body_as::<Cursor>().map_err(unreadable)?);
                    state.placed = Some(entry.at);
                }
                _ => {}
            }
        }
        Ok((state, alerts, place))
    }

    /// What came in since the start.
    pub fn taken(&self) -> Taken {
        self.taken
    }

    /// The conditions' windows and counters.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// Takes one delivery, and settles its receipt.
    pub async fn take(&mut self, delivery: Delivery) {
        let Delivery { feed, alerts, cursor, receipt } = delivery;
        if self.waiting.len() >= WAITING_MATCHES_MAX {
            receipt.refused("earlier matches could not be written yet");
            return;
        }
        let mut good = Vec::new();
        for item in alerts {
            match item {
                Ok(alert) => good.push(alert),
                Err(rejected) => self.shelve(&feed, rejected).await,
            }
        }
        let kept = self.judge(&good).await;
        // Matches first in memory, so that containment does not wait for a journal that is away.
        let written = self.write_feed(&feed, &kept, cursor).await;
        let taken_up = self.take_up().await;
        match (written, taken_up) {
            (Ok(()), Ok(())) => receipt.accepted(),
            (Err(error), _) => {
                for kept in &kept {
                    self.matcher.forget(&kept.alert);
                }
                tracing::error!(%feed, error = %chain_of(&error), "alerts could not be written; they will come again");
                receipt.refused(chain_of(&error));
            }
            (Ok(()), Err(error)) => {
                tracing::error!(%feed, error = %chain_of(&error), "a match could not be written; it is tried again");
                receipt.refused(chain_of(&error));
            }
        }
    }

    /// Tries again what could not be written, asks again what was not known, and listens for silence.
    pub async fn retry(&mut self) {
        let now = self.agent.clock.now();
        let silences = self.matcher.tick(now);
        self.count_matches(silences);
        for block in self.unsure.due(now) {
            let answer = self.blocks.ask_again(&block).await;
            if answer == Canonicity::Unknown {
                continue;
            }
            self.unsure.remove(&block);
            let (matches, withdrawn) = self.matcher.learn(&block, answer);
            self.count_matches(matches);
            self.withdrawn.extend(withdrawn);
        }
        if let Err(error) = self.take_up().await {
            tracing::warn!(error = %chain_of(&error), matches = self.waiting.len(), "matches still wait for the journal");
        }
    }

    fn count_matches(&mut self, matches: Vec<Match>) {
        self.taken.matches = self.taken.matches.saturating_add(matches.len() as u64);
        self.waiting.extend(matches);
    }

    /// Observes alerts; gives those a window keeps and the journal lacks.
    async fn judge<'a>(&mut self, alerts: &'a [Alert]) -> Vec<Kept<'a>> {
        let mut kept = Vec::new();
        let mut answers: BTreeMap<BlockId, Canonicity> = BTreeMap::new();
        for alert in alerts {
            self.taken.alerts += 1;
            let asked = self.matcher.asks(alert);
            let block_is = match asked {
                Some(block) => match answers.get(&block) {
                    Some(answer) => *answer,
                    None => {
                        let answer = self.blocks.ask(&block).await;
                        answers.insert(block, answer);
                        answer
                    }
                },
                None => Canonicity::Canonical,
            };
            let now = self.agent.clock.now();
            let seen = self.matcher.observe(alert, &Known { block: block_is, now: Some(now) });
            if let (Some(block), Canonicity::Unknown, true) = (asked, block_is, seen.kept) {
                self.taken.unknown_blocks += 1;
                self.unsure.add(block, now);
            }
            if seen.repeated {
                self.taken.repeated += 1;
                continue;
            }
            if seen.kept {
                self.taken.kept += 1;
                kept.push(Kept { alert: Cow::Borrowed(alert), block_is });
            }
            let Observation { matches, withdrawn, .. } = seen;
            self.count_matches(matches);
            self.withdrawn.extend(withdrawn);
        }
        kept
    }

    async fn shelve(&mut self, feed: &FeedName, rejected: Rejected) {
        self.taken.rejected += 1;
        let line = RejectedLine {
            feed: feed.clone(),
            at: self.agent.clock.now(),
            line: rejected.line.unwrap_or(0),
            reason: rejected.reason,
            raw: String::from_utf8_lossy(&rejected.raw).into_owned(),
        };
        if let Err(error) = self.quarantine.keep(line).await {
            // Counted all the same: an item that was no alert must not stop the feed.
            tracing::warn!(%feed, error = %chain_of(&error), "a rejected item could not be kept");
        }
    }

    async fn write_feed(
        &mut self,
        feed: &FeedName,
        kept: &[Kept<'_>],
        cursor: Option<Cursor>,
    ) -> Result<(), StoreError> {
        let now = self.agent.clock.now();
        let state = self.feeds.entry(feed.clone()).or_default();
        let place_is_old = state.placed.is_none_or(|at| now.duration_since(at) >= PLACE_EVERY);
        let cursor = cursor.filter(|_| !kept.is_empty() || place_is_old);
        let mut facts = Vec::new();
        for alert in kept {
            let body = serde_json::to_value(alert).map_err(StoreError::Unwritable)?;
            facts.push(NewFact { kind: KEPT.to_owned(), at: now, body });
        }
        let places = cursor.is_some();
        if let Some(cursor) = cursor {
            facts.push(NewFact { kind: PLACE.to_owned(), at: now, body: json!(cursor) });
        }
        if facts.is_empty() {
            return Ok(());
        }
        loop {
            let count = facts.len() as u64;
            let write =
                Write { stream: stream(feed), expected: Version(state.version), facts: facts.clone() };
            match self.agent.store.journal().append(vec![write]).await? {
                Appended::Applied { .. } => {
                    state.version += count;
                    if places {
                        state.placed = Some(now);
                    }
                    return Ok(());
                }
                // A twin of ours writes the same feed: after it.
                Appended::Stale { current, .. } => state.version = current.0,
                Appended::Refused { reason } => return Err(StoreError::NotTaken(reason)),
            }
        }
    }

    /// Turns waiting matches into incidents, oldest first.
    async fn take_up(&mut self) -> Result<(), StoreError> {
        while let Some(matched) = self.waiting.front() {
            take_up(&self.agent, matched).await?;
            self.waiting.pop_front();
        }
        while let Some(withdrawal) = self.withdrawn.front() {
            annotate(&self.agent, withdrawal).await?;
            self.withdrawn.pop_front();
        }
        Ok(())
    }
}

fn stream(feed: &FeedName) -> Stream {
    Stream::new(format!("feed/{feed}"))
}

/// Attaches a match to the open incident of its runbook and contract, or opens one.
async fn take_up(agent: &Agent, matched: &Match) -> Result<(), StoreError> {
    loop {
        let all = agent.store.all();
        let same = |incident: &&Arc<Incident>| {
            incident.runbook.as_ref() == Some(&matched.runbook)
                && incident.contract.as_ref() == Some(&matched.contract)
        };
        if all.iter().filter(same).any(|incident| knows(incident, matched)) {
            return Ok(());
        }
        let open = all.iter().filter(same).find(|incident| incident.phase.is_open());
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

/// Tells those who were asked to act on a match that an alert of it was taken back. Nothing is undone: whether it was
/// an attack is theirs to decide.
async fn annotate(agent: &Agent, withdrawal: &Withdrawal) -> Result<(), StoreError> {
    let concerned = |incident: &Incident| {
        incident.phase.is_open()
            && incident.runbook.as_ref() == Some(&withdrawal.runbook)
            && incident.contract.as_ref() == Some(&withdrawal.contract)
            && incident.matches.iter().any(|known| {
                known.condition == withdrawal.condition
                    && withdrawal.alerts.iter().any(|alert| known.alerts.contains(alert))
            })
    };
    let text = format!(
        "{} alert(s) of condition {} were taken back: {}",
        withdrawal.alerts.len(),
        withdrawal.condition,
        withdrawal.because
    );
    let ids: Vec<_> = agent.store.all().iter().filter(|i| concerned(i)).map(|incident| incident.id).collect();
    for id in ids {
        while let Some(incident) = agent.store.get(id).filter(|incident| concerned(incident)) {
            let fact = Fact::Noted { text: text.clone(), by: Actor::Agent };
            match agent.store.record(id, incident.version, vec![fact], true).await? {
                Recorded::Applied | Recorded::Unwritten => break,
                Recorded::Stale => {}
            }
        }
    }
    Ok(())
}

/// Whether an incident has this match already: the same condition on no other alerts, going as far. A silence that
/// has no last beat is known by its time.
fn knows(incident: &Incident, matched: &Match) -> bool {
    incident.matches.iter().any(|known| {
        known.condition == matched.condition
            && known.early == matched.early
            && known.response >= matched.response
            && matched.alerts.iter().all(|alert| known.alerts.contains(alert))
            && (!matched.alerts.is_empty() || known.at == matched.at)
    })
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
