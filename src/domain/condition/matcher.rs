//! All conditions and their windows: alerts in, matches out.
//!
//! **When it fires.** An alert that satisfies `about` and `when` joins the window of its condition and
//! contract. If it completes `count` together with alerts that have not fired before, the condition fires its
//! full response, and all alerts of that window are spent: the next full firing needs a window of other
//! alerts. If it does not complete `count`, it may do the early response, once while no alert within `within`
//! of it has announced or fired. A condition without `count` fires on each alert. A `sequence` fires when its
//! steps are there in order, with the same consume semantics; `absent` fires once for each silence, `for` once for each
//! state that lasts.
//!
//! **Doubt.** Alerts of announced maintenance, and alerts whose block is not known to be on the chain, count for a
//! page only; when the chain has answered ([`Matcher::learn`]) they count in full or not at all.
//!
//! **The same alert again.** An alert is its hash. The same hash with the same or an older block changes
//! nothing; with a newer block (a reorg put the transaction into another block) it is judged again and takes
//! the place of the older one, keeping what that one had already caused.
//!
//! **Retraction.** A bot in `retracted_by` that takes its mark off an attacker withdraws the waiting alerts that accuse
//! nobody else, and those to come for a day; what has fired is told as withdrawn and not undone.
//!
//! **Trust.** Alerts that anybody could have sent have windows, duplicates, retractions and a clock of their own;
//! they can neither complete nor repeat nor outdate an authenticated one, and their matches are capped to a page.
//!
//! **Late alerts.** The clock is event time: the newest that *two* bots have reached, so that one source with
//! a clock in the future cannot make everybody else's evidence too old, or the time of day where one is given. An
//! alert more than `max_age` behind it no longer counts, and a note says so.
//!
//! **After a crash.** Everything here is a function of the alerts observed, in their order, and of the conditions.
//! Feed those that were `kept` to [`Matcher::restore`] in that order, an alert that came again with a newer block
//! twice. A match that was none then, because a condition was edited since, is taken back: its alerts are
//! evidence for the next one, and cause none by themselves.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::compile::Condition;
use super::lane::{Arrival, Lane};
use super::mute::{ActiveSilence, HeldBack};
use super::muting::Muting;
use super::outcome::{Counters, Match, Observation, Withdrawal};
use super::rule::{Arriving, Rule};
use super::truth::{BlockId, Canonicity, Known, Maintenance};
use super::vocabulary::AlertView;
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::names::{ConditionId, ContractName, RunbookId};

/// All conditions of all runbooks, and their windows.
#[derive(Clone, Debug)]
pub struct Matcher {
    rules: Vec<Rule>,
    maintenance: Maintenance,
    authenticated: Lane,
    open: Lane,
    muting: Muting,
}

/// What one condition makes of one alert by itself, whatever else came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whose condition.
    pub runbook: RunbookId,
    /// Which condition.
    pub condition: ConditionId,
    /// Its contracts that the alert is about.
    pub about: Vec<ContractName>,
    /// Whether `when` holds; the field that is lacking where that cannot be told.
    pub when: Result<bool, String>,
    /// The steps of its sequence that the alert may be, from 1.
    pub steps: Vec<usize>,
}

impl Matcher {
    /// Starts with empty windows and no announced work.
    pub fn new(conditions: Vec<(RunbookId, Condition)>) -> Self {
        Self::with_maintenance(conditions, Maintenance::default())
    }

    /// Starts with empty windows.
    pub fn with_maintenance(conditions: Vec<(RunbookId, Condition)>, maintenance: Maintenance) -> Self {
        let muting = Muting::new(&conditions);
        let rules =
            conditions.into_iter().map(|(runbook, condition)| Rule::new(runbook, condition)).collect();
        Self { rules, maintenance, authenticated: Lane::default(), open: Lane::default(), muting }
    }

    /// The block that is worth asking the chain about before the alert is observed: `None` where no condition would
    /// take the alert, where this block of it is known already, or where it names no block.
    pub fn asks(&self, alert: &Alert) -> Option<BlockId> {
        let block = BlockId::of(alert)?;
        let view = AlertView::new(alert);
        let asks = self.lane(alert.authenticated).is_news(alert)
            && self.rules.iter().any(|rule| rule.would_take(alert, &view));
        asks.then_some(block)
    }

    /// Judges an alert. Windows change at once: if what is returned cannot be stored, call [`Matcher::forget`]
    /// before the alert is observed again.
    pub fn observe(&mut self, alert: &Alert, known: &Known) -> Observation {
        let mut observation = Observation::none();
        let lane = if alert.authenticated { &mut self.authenticated } else { &mut self.open };
        let arrival = lane.arrive(alert, known.block);
        if arrival == Arrival::Repeated {
            observation.repeated = true;
            observation.kept = self.holds(&alert.hash, alert.authenticated);
            return observation;
        }
        let behind = lane.behind(alert, known.now);
        let prune = lane.advance(alert);
        let clock = lane.made().max(known.now);
        let cleared = if known.block == Canonicity::Orphaned { BTreeSet::new() } else { lane.retract(alert) };
        let lane: &Lane = if alert.authenticated { &self.authenticated } else { &self.open };
        let view = AlertView::new(alert);
        let arriving = Arriving {
            alert,
            view: &view,
            again: arrival == Arrival::Again,
            behind,
            block: known.block,
            lane,
            maintenance: &self.maintenance,
            silences: self.muting.silences(),
        };
        for rule in &mut self.rules {
            if !cleared.is_empty() {
                rule.withdraw(alert, &cleared, lane, &mut observation);
            }
            // A beat that comes after the end of a silence does not hide it.
            if let (Some(clock), true) = (clock, alert.authenticated) {
                observation.matches.extend(rule.tick(clock));
            }
            rule.observe(&arriving, &mut observation);
            if let Some(newest) = prune {
                rule.prune(newest, alert.authenticated);
            }
        }
        self.muting.sift(&mut observation.matches, alert.authenticated);
        observation
    }

    /// Says what is silenced from here on: also what waits in windows is, and what no longer is counts again.
    pub fn silence(&mut self, silences: Vec<ActiveSilence>) {
        if self.muting.silence(silences) {
            self.rules.iter_mut().for_each(|rule| rule.silence(self.muting.silences()));
        }
    }

    /// What was held back since this was asked for last: not among the matches, and not to be lost.
    #[must_use = "what is held back is to be told"]
    pub fn take_held(&mut self) -> Vec<HeldBack> {
        self.muting.take_held()
    }

    /// Tells what time it is, for heartbeats: silence is noticed while nothing comes.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Match> {
        let clock = self.authenticated.made().map_or(now, |made| made.max(now));
        let mut matches = self.rules.iter_mut().flat_map(|rule| rule.tick(clock)).collect();
        self.muting.sift(&mut matches, true);
        matches
    }

    /// Blocks of alerts that still count for a page only because nobody could say whether they are on the chain.
    pub fn unknown_blocks(&self) -> BTreeSet<BlockId> {
        self.rules.iter().flat_map(Rule::unknown_blocks).collect()
    }

    /// Takes the chain's answer about a block that was unknown, or that has left it: what is on the chain counts in full
    /// from now on, what is not is taken out, and what it had caused is told as withdrawn.
    pub fn learn(&mut self, block: &BlockId, answer: Canonicity) -> (Vec<Match>, Vec<Withdrawal>) {
        let (mut matches, mut withdrawn) = (Vec::new(), Vec::new());
        match answer {
            Canonicity::Unknown => {}
            Canonicity::Canonical => {
                self.rules.iter_mut().for_each(|rule| matches.extend(rule.confirm_block(block)));
            }
            Canonicity::Orphaned => {
                for rule in &mut self.rules {
                    let (gone, told) = rule.orphan_block(block);
                    withdrawn.extend(told);
                    for hash in gone {
                        self.authenticated.orphan(&hash);
                        self.open.orphan(&hash);
                    }
                }
            }
        }
        // Whose alerts were confirmed is not said here; who goes beyond a page was authenticated.
        self.muting.sift(&mut matches, false);
        (matches, withdrawn)
    }

    /// Feeds back a stored alert after a restart; what it brings about is taken as done.
    ///
    /// Where it may not be (conditions can be edited in between), call [`Matcher::observe`] instead, compare its
    /// matches with those that were stored, and [`Matcher::take_back`] the others.
    pub fn restore(&mut self, alert: &Alert, known: &Known) {
        let Observation { .. } = self.observe(alert, known);
    }

    /// Takes back a match that this alert brought about when it was observed and that nobody acts on: the alerts
    /// stay in their window, and are fresh again.
    pub fn take_back(&mut self, alert: &Alert, matched: &Match) {
        for rule in &mut self.rules {
            if rule.runbook == matched.runbook && *rule.condition.id() == matched.condition {
                rule.take_back(alert, &matched.contract);
            }
        }
    }

    /// From here on silence counts: heartbeats are not stored, so that whoever was away has heard none.
    pub fn listen_anew(&mut self) {
        self.rules.iter_mut().for_each(Rule::listen_anew);
    }

    /// Takes back an observation whose outcome could not be stored: the alert leaves every window, and alerts spent
    /// by a firing it completed are fresh again. Counters keep what they counted.
    pub fn forget(&mut self, alert: &Alert) {
        let lane = if alert.authenticated { &mut self.authenticated } else { &mut self.open };
        lane.forget(&alert.hash);
        for rule in &mut self.rules {
            rule.forget(&alert.hash, alert.authenticated);
        }
    }

    /// Whether a window still holds the alert; one that none holds need not be restored.
    pub fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        self.rules.iter().any(|rule| rule.holds(hash, authenticated))
    }

    /// What each condition makes of the alert by itself: for people who ask why.
    pub fn verdicts(&self, alert: &Alert) -> Vec<Verdict> {
        let view = AlertView::new(alert);
        self.rules.iter().map(|rule| rule.verdict(alert, &view)).collect()
    }

    /// What each condition has seen.
    pub fn counters(&self) -> impl Iterator<Item = (&RunbookId, &ConditionId, &Counters)> {
        self.rules.iter().map(|rule| (&rule.runbook, rule.condition.id(), &rule.counters))
    }

    /// The conditions, in the order they were given.
    pub fn conditions(&self) -> impl Iterator<Item = (&RunbookId, &Condition)> {
        self.rules.iter().map(|rule| (&rule.runbook, &rule.condition))
    }

    fn lane(&self, authenticated: bool) -> &Lane {
        if authenticated { &self.authenticated } else { &self.open }
    }
}
