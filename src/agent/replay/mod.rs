//! Recorded alerts through the same judgement as `run`, with time taken from them.
//!
//! Nothing is written and nobody is paged: what would have fired is told. The order is the order of delivery;
//! a line that is no alert is counted with its number and its reason, and the next one is read.

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

/// After how many lines the chain is asked again about blocks it could not tell.
const SETTLE_EVERY_LINES: u64 = 500;

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

    /// Takes one line; gives what it makes fire.
    pub async fn take(&mut self, line: u64, item: Result<Alert, Rejected>) -> Vec<Firing> {
        self.summary.lines = self.summary.lines.saturating_add(1);
        let mut firings = Vec::new();
        if self.summary.lines.is_multiple_of(SETTLE_EVERY_LINES) {
            firings = self.settle().await;
        }
        match item {
            Ok(alert) => firings.extend(self.judge(line, &alert).await),
            Err(rejected) => {
                let file = self.file.clone();
                self.summary.note_malformed(MalformedLine { file, line, reason: rejected.reason });
            }
        }
        firings
    }

    async fn judge(&mut self, line: u64, alert: &Alert) -> Vec<Firing> {
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
        self.tell(line, alert, asked.map(|_| block), &observation);
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
