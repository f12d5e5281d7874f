//! Alerts to incidents.
//!
//! In this order, so that a crash anywhere loses nothing: what a window keeps is written with the feed's
//! cursor; then matches become incidents; then the feed is told that it may go on. After a restart the
//! kept alerts are judged again in the order in which they came, and the matches that no incident knows are
//! taken up.
//!
//! A match that cannot become an incident now is tried again, and keeps no other from becoming one.
//!
//! Alerts that match nothing cost counters, not disk.

mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use self::stream::{Before, FeedStream, KeptAlert, can_be_kept, read_back};
use super::store::{Opening, Recorded, StoreError};
use super::{Agent, chain_of};
use crate::domain::alert::Alert;
use crate::domain::condition::{Condition, LATENESS, Match, Matcher};
use crate::domain::incident::{Fact, Incident, Source};
use crate::domain::names::{FeedName, RunbookId};
use crate::feeds::{Cursor, Delivery, Rejected};
use crate::journal::{JournalError, Quarantine, RejectedLine};

/// How long before the newest kept alert a match may have been completed to be taken up after a restart. What
/// is older has been an incident, or was tried for as long; alerts from before only fill the windows.
const TAKEN_UP_AFTER_RESTART: SignedDuration = SignedDuration::from_hours(24);

/// Matches that could not become incidents yet, at most; beyond, deliveries are refused and come again.
const WAITING_MATCHES_MAX: usize = 1_000;

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
}

/// Turns deliveries into facts.
pub struct Intake {
    agent: Arc<Agent>,
    quarantine: Arc<dyn Quarantine>,
    matcher: Matcher,
    feeds: BTreeMap<FeedName, FeedStream>,
    waiting: VecDeque<Match>,
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
            agent,
            quarantine,
            matcher: Matcher::new(conditions),
            feeds: BTreeMap::new(),
            waiting: VecDeque::new(),
            taken: Taken::default(),
        };
        intake.agent.store.sync().await?;
        let mut places = BTreeMap::new();
        let mut kept = Vec::new();
        for feed in feeds {
            let journal = intake.agent.store.journal();
            let Before { stream, alerts, place } = read_back(journal.as_ref(), feed, intake.reach()).await?;
            intake.feeds.insert(feed.clone(), stream);
            kept.extend(alerts);
            places.extend(place.map(|place| (feed.clone(), place)));
        }
        intake.judge_again(kept);
        intake.take_up().await?;
        Ok((intake, places))
    }

    /// How far back kept alerts still matter: as far as a window that a match may be taken up from.
    fn reach(&self) -> SignedDuration {
        let longest = self.matcher.conditions().map(|(_, condition)| condition.count().within).max();
        let windows = LATENESS.saturating_add(longest.unwrap_or(SignedDuration::ZERO));
        windows.saturating_add(TAKEN_UP_AFTER_RESTART)
    }

    /// Windows are a function of alerts in the order in which they came.
    fn judge_again(&mut self, mut kept: Vec<KeptAlert>) {
        kept.sort_by_key(|kept| kept.seq);
        let newest = kept.iter().map(|kept| kept.at).max();
        let from =
            newest.and_then(|at| at.checked_sub(TAKEN_UP_AFTER_RESTART).ok()).unwrap_or(Timestamp::MIN);
        for KeptAlert { at, alert, .. } in &kept {
            let seen = self.matcher.observe(alert);
            if *at >= from {
                self.waiting.extend(seen.matches);
            }
        }
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
        let mut kept = Vec::new();
        for alert in self.judge(&good) {
            if can_be_kept(&alert) {
                kept.push(alert);
            } else {
                self.shelve(&feed, too_long(&alert)).await;
            }
        }
        let now = self.agent.clock.now();
        let stream = self.feeds.entry(feed.clone()).or_default();
        let written = stream.write(&self.agent.store, &feed, &kept, cursor, now).await;
        // A journal that is away keeps no match from becoming an incident.
        let taken_up = self.take_up().await;
        match (written, taken_up) {
            (Ok(()), Ok(())) => receipt.accepted(),
            (Err(error), _) => {
                for alert in &kept {
                    self.matcher.forget(alert);
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

    /// Tries again what could not be written.
    pub async fn retry(&mut self) {
        if let Err(error) = self.take_up().await {
            tracing::warn!(error = %chain_of(&error), matches = self.waiting.len(), "matches still wait for the journal");
        }
    }

    /// Observes alerts; gives those a window keeps and the journal lacks.
    fn judge(&mut self, alerts: &[Alert]) -> Vec<Alert> {
        let mut kept = Vec::new();
        for alert in alerts {
            self.taken.alerts += 1;
            let seen = self.matcher.observe(alert);
            if seen.repeated {
                self.taken.repeated += 1;
                continue;
            }
            if seen.kept {
                self.taken.kept += 1;
                kept.push(alert.clone());
            }
            self.taken.matches += seen.matches.len() as u64;
            self.waiting.extend(seen.matches);
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

    /// Turns waiting matches into incidents, oldest first. Those that cannot be taken up wait on.
    async fn take_up(&mut self) -> Result<(), StoreError> {
        let mut problem = None;
        for matched in std::mem::take(&mut self.waiting) {
            if let Err(error) = take_up(&self.agent, &matched).await {
                self.waiting.push_back(matched);
                problem.get_or_insert(error);
            }
        }
        problem.map_or(Ok(()), Err)
    }
}

/// An alert that was judged, and is too long to be remembered over a restart.
fn too_long(alert: &Alert) -> Rejected {
    let raw = serde_json::to_vec(alert).unwrap_or_default();
    Rejected::new(None, "judged, but too long for the journal: forgotten at a restart", &raw)
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

/// Whether an incident has this match already: the same condition on no other alerts.
fn knows(incident: &Incident, matched: &Match) -> bool {
    incident.matches.iter().any(|known| {
        known.condition == matched.condition
            && known.early == matched.early
            && matched.alerts.iter().all(|alert| known.alerts.contains(alert))
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

#[cfg(test)]
mod tests;
