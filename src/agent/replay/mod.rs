//! Recorded alerts through the same judgement as `run`, with time taken from them.
//!
//! Nothing is written and nobody is paged: what would have fired is told. The order is the order of delivery;
//! a line that is no alert is counted with its number and its reason, and the next one is read. The alerts of a line that
//! is a batch are judged one by one, each as if it had a line.

mod ahead;
mod asked;
mod doubtful;
mod settle;
mod story;
mod summary;
mod taken_back;
mod terms;
mod unjudged;

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::Serialize;

use self::ahead::Waiting;
pub use self::ahead::{BYTES_AHEAD_MAX, LINES_AHEAD_MAX};
pub use self::asked::HASH_DIGITS_MIN;
use self::doubtful::Doubtful;
pub use self::doubtful::UNKNOWN_BLOCKS_MAX;
use self::story::Telling;
pub use self::story::{Story, StoryArrival, StoryCondition, StoryHeld, StorySilence};
pub use self::summary::{Discarded, MALFORMED_TOLD_MAX, MalformedLine, Summary, WITHDRAWN_TOLD_MAX};
pub use self::taken_back::{FiredBefore, TookBack};
pub use self::unjudged::Unjudged;
use super::blocks::Blocks;
use super::setup::{self, Compiled, SetupProblem, SetupProblems};
use crate::chain::Endpoint;
use crate::config::Config;
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::condition::{Canonicity, Downgrade, Known, Match, Matcher, Response, Withdrawal};
use crate::domain::contract::Contracts;
use crate::domain::names::{ChainId, ConditionId, RunbookId};
use crate::domain::silence::Silences;
use crate::feeds::Rejected;

/// After how many alerts the chain is asked again about blocks it could not tell.
const SETTLE_EVERY_ALERTS: u64 = 500;

/// What would have fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Firing {
    /// The newest event time among its alerts; of a silence, and of a state that lasted, the clock when it was due.
    pub at: Timestamp,
    /// Which condition.
    pub condition: ConditionId,
    /// Whose.
    pub runbook: RunbookId,
    /// How far it goes.
    pub response: Response,
    /// The chain.
    pub chain_id: ChainId,
    /// Where the contract is; none of a silence, which is about what is not heard.
    pub contract: Option<Address>,
    /// The alerts that took part, oldest first.
    pub alerts: Vec<AlertHash>,
    /// One sentence.
    pub because: String,
    /// Why it only pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downgraded: Option<Downgrade>,
    /// One alert's doing, before `count` was met.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
}

/// Where something was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of its line, from 1.
    pub line: u64,
    /// Which alert of that line it is, from 1; `None` where the line is no batch.
    pub alert: Option<u64>,
}

/// Replays alerts.
pub struct Replay {
    matcher: Matcher,
    blocks: Blocks,
    contracts: Contracts,
    silences: BTreeSet<(RunbookId, ConditionId)>,
    summary: Summary,
    unknown: Doubtful,
    waiting: Waiting,
    story: Option<Telling>,
    silenced: Silences,
    /// What is being read, where that has to be told.
    file: Option<String>,
}

impl Replay {
    /// Compiles the runbooks and makes the chains that have endpoints. `why` is the alert whose story is wanted: its hash,
    /// the beginning of it, or its ends as tables shorten it.
    ///
    /// # Errors
    /// Everything that cannot be compiled or asked.
    pub fn new(config: &Config, why: Option<&str>) -> Result<Self, SetupProblems> {
        let Compiled { conditions, .. } = setup::compile(config)?;
        let mut chains = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, settings) in &config.settings.chains {
            match setup::chain(name, settings, Endpoint::for_recordings) {
                Ok(chain) => chains.extend(chain.map(|chain| (name.clone(), chain))),
                Err(problem) => problems.push(SetupProblem { place: format!("[chains.{name}]"), problem }),
            }
        }
        if !problems.is_empty() {
            return Err(SetupProblems(problems));
        }
        let silences = conditions
            .iter()
            .filter(|(_, condition)| condition.spec().absent.is_some())
            .map(|(runbook, condition)| (runbook.clone(), condition.id().clone()))
            .collect();
        let of_feeds = conditions.iter().filter(|(_, condition)| condition.count().feeds > 1);
        let cannot_fire = of_feeds.map(|(_, condition)| {
            let why =
                format!("it asks for {} different feeds, and a recording is one", condition.count().feeds);
            (condition.id().clone(), why)
        });
        let cannot_fire = cannot_fire.collect();
        let fired = conditions.iter().map(|(_, condition)| (condition.id().clone(), 0)).collect();
        Ok(Self {
            matcher: Matcher::with_maintenance(conditions, config.maintenance.clone()),
            blocks: Blocks::new(&chains).remembering().looking_ahead(),
            contracts: config.settings.contracts.clone(),
            silences,
            summary: Summary { conditions: fired, cannot_fire, ..Summary::default() },
            unknown: Doubtful::default(),
            waiting: Waiting::default(),
            silenced: Silences::default(),
            file: None,
            story: why.map(|hash| Telling::new(hash, config)),
        })
    }

    /// Heeds these silences, each while it held, by the time at which an alert was made.
    #[must_use]
    pub fn heeding(mut self, silences: Silences) -> Self {
        self.silenced = silences;
        self
    }

    /// Judges as ever, and asks nothing before its turn.
    #[cfg(test)]
    fn in_order(mut self) -> Self {
        self.blocks = self.blocks.in_order();
        self
    }

    /// Lines are of this file from here on: where there are several, and their numbers alone do not tell.
    pub fn enter(&mut self, file: String) {
        self.file = Some(file);
    }

    /// Counts lines that hold no alert and are in order all the same.
    pub fn pass(&mut self, batches_of_none: u64) {
        self.summary.lines = self.summary.lines.saturating_add(batches_of_none);
        self.summary.batches_of_none = self.summary.batches_of_none.saturating_add(batches_of_none);
    }

    /// Takes one line that is no batch; gives what it makes fire.
    pub async fn take(&mut self, line: u64, item: Result<Alert, Rejected>) -> Vec<Firing> {
        self.take_at(Place { line, alert: None }, item).await
    }

    /// Takes what was read at a place; gives what it makes fire.
    async fn take_at(&mut self, place: Place, item: Result<Alert, Rejected>) -> Vec<Firing> {
        if place.alert.is_none_or(|alert| alert == 1) {
            self.summary.lines = self.summary.lines.saturating_add(1);
        }
        let mut firings = Vec::new();
        let taken = self.summary.alerts.saturating_add(self.summary.malformed).saturating_add(1);
        if taken.is_multiple_of(SETTLE_EVERY_ALERTS) {
            firings = self.settle().await;
        }
        match item {
            Ok(alert) => firings.extend(self.judge(place, &alert).await),
            Err(rejected) => {
                let (file, Place { line, alert }) = (self.file.clone(), place);
                self.summary.note_malformed(MalformedLine { file, line, alert, reason: rejected.reason });
            }
        }
        firings
    }

    async fn judge(&mut self, place: Place, alert: &Alert) -> Vec<Firing> {
        self.summary.alerts = self.summary.alerts.saturating_add(1);
        if let Some(telling) = &mut self.story {
            telling.meet(&alert.hash);
        }
        let look = self.matcher.look(alert);
        let asked = self.matcher.asks(alert, &look);
        let block = match &asked {
            Some(block) => self.blocks.ask(block).await,
            None => Canonicity::Canonical,
        };
        if let (Some(asked), Canonicity::Unknown) = (asked, block) {
            let is_told = self.blocks.has_told(&asked);
            self.unknown.add(asked, is_told);
        }
        if self.silenced.all().next().is_some() {
            self.matcher.silence(self.silenced.scopes(alert.created_at));
        }
        let observation = self.matcher.observe_looked_up(alert, look, &Known { block, now: None });
        self.note_held();
        let came_before = observation.repeated || observation.again;
        self.summary.duplicates = self.summary.duplicates.saturating_add(u64::from(came_before));
        self.summary.reincluded = self.summary.reincluded.saturating_add(u64::from(observation.again));
        if observation.kept && !observation.repeated {
            self.summary.matched = self.summary.matched.saturating_add(1);
        }
        self.summary.discard(&observation);
        self.tell(place, alert, asked.map(|_| block), &observation);
        self.note_withdrawn(&observation.withdrawn);
        observation.matches.into_iter().map(|matched| self.fire(matched)).collect()
    }

    fn fire(&mut self, matched: Match) -> Firing {
        self.summary.fired = self.summary.fired.saturating_add(1);
        if matched.downgraded.is_some() {
            self.summary.downgraded = self.summary.downgraded.saturating_add(1);
        }
        let fired = self.summary.conditions.entry(matched.condition.clone()).or_default();
        *fired = fired.saturating_add(1);
        let silence = self.silences.contains(&(matched.runbook.clone(), matched.condition.clone()));
        let contract = self.contracts.get(&matched.contract).filter(|_| !silence);
        let firing = Firing {
            at: matched.at,
            condition: matched.condition,
            runbook: matched.runbook,
            response: matched.response,
            chain_id: matched.chain_id,
            contract: contract.map(|contract| contract.address),
            alerts: matched.alerts,
            because: matched.because,
            downgraded: matched.downgraded,
            early: matched.early,
        };
        if let Some(telling) = self.story.as_mut().filter(|telling| telling.is_of(&firing.alerts)) {
            telling.story.firings.push(firing.clone());
        }
        firing
    }

    fn note_withdrawn(&mut self, withdrawn: &[Withdrawal]) {
        for withdrawal in withdrawn {
            self.summary.note_withdrawn(withdrawal);
            if let Some(telling) = self.story.as_mut().filter(|telling| telling.is_of(&withdrawal.alerts)) {
                telling.story.withdrawn.push(withdrawal.clone());
            }
        }
    }

    /// Notes why there is more than could be read.
    pub fn stopped(&mut self, why: &str) {
        self.summary.stopped = Some(why.to_owned());
    }

    /// What came of everything.
    pub fn finish(mut self) -> (Summary, Option<Story>) {
        for (_, condition, counters) in self.matcher.counters() {
            let found = Unjudged::of(&counters);
            self.summary.unjudged.extend(found.map(|found| (condition.clone(), found)));
            self.summary.discarded_by(condition, counters.orphaned, counters.late);
            let (dropped, cut_short) = (&mut self.summary.trails_dropped, &mut self.summary.trails_cut_short);
            *dropped = dropped.saturating_add(counters.trails_dropped);
            *cut_short = cut_short.saturating_add(counters.trails_cut_short);
        }
        self.summary.orphaned = self.summary.orphaned.saturating_add(self.matcher.orphaned_later());
        self.summary.unknown_blocks = self.unknown.count();
        self.summary.unknown_blocks_beyond = self.unknown.beyond();
        let failing = self.blocks.failing().map(|(chain, error)| (chain.clone(), error.to_owned()));
        self.summary.failing_chains = failing.collect();
        let story = self.story.map(|telling| telling.end(&self.matcher, self.summary.stopped.as_ref()));
        (self.summary, story)
    }
}

#[cfg(test)]
mod tests;
