//! Recorded alerts through the same judgement as `run`, with time taken from them.
//!
//! Nothing is written and nobody is paged: what would have fired is told. The order is the order of delivery;
//! a line that is no alert is counted with its number and its reason, and the next one is read.

mod settle;

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::Serialize;

use super::blocks::Blocks;
use super::setup::{self, Compiled, SetupProblem, SetupProblems};
use crate::config::Config;
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::condition::{
    Canonicity, Downgrade, HeldBack, Known, Match, Matcher, Observation, Response, Verdict, Withdrawal,
};
use crate::domain::contract::Contracts;
use crate::domain::names::{ChainId, ChainName, ConditionId, RunbookId};
use crate::feeds::Rejected;

/// Lines told with their reasons; the rest is counted.
pub const MALFORMED_TOLD_MAX: usize = 1_000;
/// After how many lines the chain is asked again about blocks it could not tell.
const SETTLE_EVERY_LINES: u64 = 500;
/// Withdrawals told; the rest is counted.
pub const WITHDRAWN_TOLD_MAX: usize = 1_000;

/// What would have fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Firing {
    /// Event time of the alert that completed it; of a silence, the clock when it was noticed.
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

/// A line that is no alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MalformedLine {
    /// Its number in its file, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// What came of all lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Lines that are not blank.
    pub lines: u64,
    /// Of these, alerts.
    pub alerts: u64,
    /// Of these, seen before with this block or a newer one.
    pub duplicates: u64,
    /// Lines that are no alerts.
    pub malformed: u64,
    /// Alerts that a condition took, repetitions not counted.
    pub matched: u64,
    /// Firings.
    pub fired: u64,
    /// Of these, lowered to paging.
    pub downgraded: u64,
    /// Alerts discarded because their block is not on the chain.
    pub orphaned: u64,
    /// Alerts discarded or taken back because their attacker was cleared.
    pub retracted: u64,
    /// Alerts discarded because they are too old.
    pub late: u64,
    /// Firings held back: inhibited, or by an alert that is excepted.
    pub held: u64,
    /// Blocks nobody could say anything about.
    pub unknown_blocks: u64,
    /// Chains that did not answer when they were last asked, and what was wrong.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failing_chains: BTreeMap<ChainName, String>,
    /// Firings by condition; those that never fired too.
    pub conditions: BTreeMap<ConditionId, u64>,
    /// The lines that are no alerts, the first [`MALFORMED_TOLD_MAX`].
    pub malformed_lines: Vec<MalformedLine>,
    /// What was taken back after it had fired, the first [`WITHDRAWN_TOLD_MAX`].
    pub withdrawn: Vec<Withdrawal>,
}

/// What became of one alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The alert.
    pub hash: String,
    /// Every time it came.
    pub arrivals: Vec<StoryArrival>,
    /// Firings it took part in.
    pub firings: Vec<Firing>,
    /// What was taken back later.
    pub withdrawn: Vec<Withdrawal>,
    /// Firings it took part in that were held back, with their reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldBack>,
}

/// One time the alert came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoryArrival {
    /// The line.
    pub line: u64,
    /// Event time.
    pub at: Timestamp,
    /// What the chain said about its block; none where it was not asked.
    pub block: Option<Canonicity>,
    /// It was known already.
    pub repeated: bool,
    /// What each condition that it is about makes of it, and what was discarded and why.
    pub conditions: Vec<StoryCondition>,
}

/// What one condition made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoryCondition {
    /// Which.
    pub condition: ConditionId,
    /// In words.
    pub told: Vec<String>,
}

/// Replays alerts.
pub struct Replay {
    matcher: Matcher,
    blocks: Blocks,
    contracts: Contracts,
    silences: BTreeSet<(RunbookId, ConditionId)>,
    summary: Summary,
    unknown: BTreeSet<crate::domain::condition::BlockId>,
    story: Option<Story>,
}

impl Replay {
    /// Compiles the runbooks and makes the chains that have endpoints. `why` is the alert whose story is wanted.
    ///
    /// # Errors
    /// Everything that cannot be compiled or asked.
    pub fn new(config: &Config, why: Option<&str>) -> Result<Self, SetupProblems> {
        let Compiled { conditions, .. } = setup::compile(config)?;
        let mut chains = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, settings) in &config.settings.chains {
            match setup::chain(name, settings) {
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
        let fired = conditions.iter().map(|(_, condition)| (condition.id().clone(), 0)).collect();
        Ok(Self {
            matcher: Matcher::with_maintenance(conditions, config.maintenance.clone()),
            blocks: Blocks::new(&chains).remembering(),
            contracts: config.settings.contracts.clone(),
            silences,
            summary: Summary { conditions: fired, ..Summary::default() },
            unknown: BTreeSet::new(),
            story: why.map(|hash| Story { hash: hash.to_ascii_lowercase(), ..Story::default() }),
        })
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
                self.summary.malformed = self.summary.malformed.saturating_add(1);
                if self.summary.malformed_lines.len() < MALFORMED_TOLD_MAX {
                    self.summary.malformed_lines.push(MalformedLine { line, reason: rejected.reason });
                }
            }
        }
        firings
    }

    async fn judge(&mut self, line: u64, alert: &Alert) -> Vec<Firing> {
        self.summary.alerts = self.summary.alerts.saturating_add(1);
        let look = self.matcher.look(alert);
        let asked = self.matcher.asks(alert, &look);
        let block = match &asked {
            Some(block) => self.blocks.ask(block).await,
            None => Canonicity::Canonical,
        };
        if let (Some(asked), Canonicity::Unknown) = (asked, block) {
            self.unknown.insert(asked);
        }
        let observation = self.matcher.observe_looked_up(alert, look, &Known { block, now: None });
        self.note_held();
        if observation.repeated {
            self.summary.duplicates = self.summary.duplicates.saturating_add(1);
        } else if observation.kept {
            self.summary.matched = self.summary.matched.saturating_add(1);
        }
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
        if let Some(story) = &mut self.story
            && firing.alerts.iter().any(|hash| hash.0 == story.hash)
        {
            story.firings.push(firing.clone());
        }
        firing
    }

    fn note_held(&mut self) {
        for held in self.matcher.take_held() {
            self.summary.held = self.summary.held.saturating_add(1);
            if let Some(story) = &mut self.story
                && held.matched.alerts.iter().any(|hash| hash.0 == story.hash)
            {
                story.held.push(held);
            }
        }
    }

    fn note_withdrawn(&mut self, withdrawn: &[Withdrawal]) {
        for withdrawal in withdrawn {
            if self.summary.withdrawn.len() < WITHDRAWN_TOLD_MAX {
                self.summary.withdrawn.push(withdrawal.clone());
            }
            if let Some(story) = &mut self.story
                && withdrawal.alerts.iter().any(|hash| hash.0 == story.hash)
            {
                story.withdrawn.push(withdrawal.clone());
            }
        }
    }

    fn tell(&mut self, line: u64, alert: &Alert, block: Option<Canonicity>, observation: &Observation) {
        let Some(story) = self.story.as_mut().filter(|story| story.hash == alert.hash.0) else { return };
        let conditions =
            self.matcher
                .verdicts(alert)
                .into_iter()
                .map(|verdict| {
                    let notes = observation.notes.iter().filter(|note| {
                        note.runbook == verdict.runbook && note.condition == verdict.condition
                    });
                    let mut told = vec![in_words(&verdict)];
                    told.extend(notes.map(|note| note.why.to_string()));
                    StoryCondition { condition: verdict.condition, told }
                })
                .collect();
        story.arrivals.push(StoryArrival {
            line,
            at: alert.event_time(),
            block,
            repeated: observation.repeated,
            conditions,
        });
    }

    /// What came of everything.
    pub fn finish(mut self) -> (Summary, Option<Story>) {
        for (_, _, counters) in self.matcher.counters() {
            self.summary.orphaned = self.summary.orphaned.saturating_add(counters.orphaned);
            self.summary.retracted = self.summary.retracted.saturating_add(counters.retracted);
            self.summary.late = self.summary.late.saturating_add(counters.late);
        }
        self.summary.unknown_blocks = u64::try_from(self.unknown.len()).unwrap_or(u64::MAX);
        let failing = self.blocks.failing().map(|(chain, error)| (chain.clone(), error.to_owned()));
        self.summary.failing_chains = failing.collect();
        (self.summary, self.story)
    }
}

fn in_words(verdict: &Verdict) -> String {
    let about: Vec<&str> = verdict.about.iter().map(crate::domain::names::ContractName::as_str).collect();
    let about = match about.as_slice() {
        [] => "it is about none of the contracts".to_owned(),
        about => format!("it is about {}", about.join(", ")),
    };
    let when = match &verdict.when {
        Ok(true) => "`when` holds".to_owned(),
        Ok(false) => "`when` does not hold".to_owned(),
        Err(lack) => format!("`when` cannot be told: {lack}"),
    };
    let steps: Vec<String> = verdict.steps.iter().map(ToString::to_string).collect();
    match steps.as_slice() {
        [] => format!("{about}; {when}"),
        steps => format!("{about}; it may be step {}", steps.join(" or ")),
    }
}

#[cfg(test)]
mod tests;
