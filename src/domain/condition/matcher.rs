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
//!
//! **Not each condition for each alert.** An [`Index`] says which rules an alert may touch, [`Held`] which hold its
//! hash, and two [`Agenda`]s which must be told the time; only those are looked at, in the order the conditions were
//! given. What every rule would count alike (alerts seen, alerts about its contracts) is counted once.
//! Memory is bounded by what windows hold, and by constants ([`super::SEEN_HASHES_MAX`], [`super::RETRACTED_MAX`]).

mod asked;
mod standing;

pub use asked::Verdict;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::agenda::Agenda;
use super::compile::Condition;
use super::held::{HashKey, Held};
use super::index::{Index, Touched};
use super::lane::{Arrival, Lane, Looked};
use super::mute::{ActiveSilence, HeldBack};
use super::muting::Muting;
use super::outcome::{Match, Observation, Withdrawal, count};
use super::rule::{Arriving, Concern, Rule};
use super::truth::{BlockId, Canonicity, Known, Maintenance};
use super::vocabulary::AlertView;
use crate::domain::alert::Alert;
use crate::domain::names::RunbookId;

/// All conditions of all runbooks, and their windows.
#[derive(Clone, Debug)]
pub struct Matcher {
    rules: Vec<Rule>,
    maintenance: Maintenance,
    authenticated: Lane,
    open: Lane,
    muting: Muting,
    index: Index,
    held: Held,
    /// When a rule has to be told the time.
    wakes: Agenda,
    /// When a rule may hold something that is too old.
    ages: Agenda,
    /// Alerts, repetitions not counted.
    seen: u64,
    /// Of these, about a contract of the scope.
    about: Vec<u64>,
    /// Alerts whose block turned out to be none of the chain's after a rule had taken them.
    orphaned_later: u64,
}

/// What an alert may touch, looked up once for all that is asked of it. But for whether it is news, it does not depend
/// on what else came.
#[derive(Clone, Debug)]
pub struct Look {
    hash: Looked,
    touched: Touched,
    /// How it concerns each of the rules found, by their numbers.
    concerns: Vec<(usize, Option<Concern>)>,
}

impl Matcher {
    /// Starts with empty windows and no announced work.
    pub fn new(conditions: Vec<(RunbookId, Condition)>) -> Self {
        Self::with_maintenance(conditions, Maintenance::default())
    }

    /// Starts with empty windows.
    pub fn with_maintenance(conditions: Vec<(RunbookId, Condition)>, maintenance: Maintenance) -> Self {
        let muting = Muting::new(&conditions);
        let rules: Vec<Rule> =
            conditions.into_iter().map(|(runbook, condition)| Rule::new(runbook, condition)).collect();
        let index = Index::new(&rules);
        let mut wakes = Agenda::new(rules.len());
        rules.iter().enumerate().for_each(|(number, rule)| wakes.set(number, rule.wakes()));
        Self {
            maintenance,
            authenticated: Lane::default(),
            open: Lane::default(),
            muting,
            held: Held::default(),
            wakes,
            ages: Agenda::new(rules.len()),
            seen: 0,
            about: vec![0; index.scopes()],
            orphaned_later: 0,
            index,
            rules,
        }
    }

    /// Looks the alert up, for this matcher.
    pub fn look(&self, alert: &Alert) -> Look {
        // First, because it lies farthest from the processor, and what follows does not wait for it.
        let hash = self.lane(alert.authenticated).look(HashKey::of(&alert.hash), alert);
        let mut touched = self.index.find(alert);
        touched.rules.sort_unstable();
        touched.rules.dedup();
        let view = AlertView::new(alert);
        let concern = |number: &usize| Some((*number, self.rules.get(*number)?.concern(alert, &view)));
        let mut concerns = Vec::with_capacity(touched.rules.len());
        concerns.extend(touched.rules.iter().filter_map(concern));
        Look { hash, touched, concerns }
    }

    /// The block that is worth asking the chain about before the alert is observed: `None` where no condition would
    /// take the alert, where this block of it is known already, or where it names no block.
    pub fn asks(&self, alert: &Alert, look: &Look) -> Option<BlockId> {
        let takes = |(number, concern): &(usize, Option<Concern>)| {
            self.rules.get(*number).is_some_and(|rule| rule.would_take(concern.as_ref()))
        };
        let taken = look.concerns.iter().any(takes);
        (taken && look.hash.is_news).then(|| BlockId::of(alert)).flatten()
    }

    /// Judges an alert. Windows change at once: if what is returned cannot be stored, call [`Matcher::forget`]
    /// before the alert is observed again.
    pub fn observe(&mut self, alert: &Alert, known: &Known) -> Observation {
        let look = self.look(alert);
        self.observe_looked_up(alert, look, known)
    }

    /// The same, of an alert that was looked up.
    pub fn observe_looked_up(&mut self, alert: &Alert, look: Look, known: &Known) -> Observation {
        let Look { hash: looked, touched, concerns } = look;
        let key = &looked.key;
        let mut observation = Observation::none();
        let lane = if alert.authenticated { &mut self.authenticated } else { &mut self.open };
        let arrival = lane.arrive(&looked, alert, known.block, &self.held);
        if arrival == Arrival::Repeated {
            observation.repeated = true;
            observation.kept = self.holds(&alert.hash, alert.authenticated);
            return observation;
        }
        observation.again = arrival == Arrival::Again;
        count(&mut self.seen);
        let behind = lane.behind(alert, known.now);
        let prune = lane.advance(alert, known.now);
        // A beat that comes after the end of a silence does not hide it.
        let clock = lane.made().max(known.now).filter(|_| alert.authenticated);
        let heeding = self.index.heeding(alert);
        let is_heeded = known.block != Canonicity::Orphaned && !heeding.is_empty();
        let cleared = if is_heeded { lane.retract(alert) } else { BTreeSet::new() };
        let Touched { mut rules, scopes } = touched;
        for scope in scopes {
            self.about.get_mut(scope).into_iter().for_each(count);
        }
        if observation.again {
            rules.extend(self.held.by(key));
        }
        if let Some(clock) = clock {
            rules.append(&mut self.wakes.take_due(clock));
        }
        rules.sort_unstable();
        rules.dedup();
        let lane: &Lane = if alert.authenticated { &self.authenticated } else { &self.open };
        let view = AlertView::new(alert);
        let arriving = Arriving {
            alert,
            key,
            view: &view,
            again: observation.again,
            behind,
            now: known.now,
            block: known.block,
            lane,
            maintenance: &self.maintenance,
            silences: self.muting.silences(),
        };
        // Nothing can be taken from a rule that holds nothing, as most do not.
        let clears = !cleared.is_empty();
        for number in heeding.iter().filter(|number| clears && self.ages.has(**number)) {
            let Some(rule) = self.rules.get_mut(*number) else { continue };
            rule.withdraw(alert, &cleared, lane, &mut observation);
        }
        let mut is_held = false;
        let mut concerns = concerns.into_iter().peekable();
        for number in rules {
            let Some(rule) = self.rules.get_mut(number) else { continue };
            observation.kept = false;
            if let Some(clock) = clock {
                observation.matches.extend(rule.tick(clock));
            }
            // What the index did not find is not concerned.
            let concern = concerns.next_if(|(looked, _)| *looked == number).and_then(|(_, concern)| concern);
            rule.observe(&arriving, concern, &mut observation);
            if rule.listens() {
                self.wakes.set(number, rule.wakes());
            }
            if observation.kept {
                is_held = true;
                self.held.add(key.clone(), number);
                self.ages.no_later(number, too_old_after(rule, alert.event_time()));
            }
        }
        // What clears somebody must be known again after a restart.
        observation.kept = is_held || clears;
        if is_held {
            self.lane_mut(alert.authenticated).hold(&looked);
        }
        if let Some(newest) = prune {
            self.prune(newest, alert.authenticated);
        }
        if self.held.is_full() {
            let rules = self.rules.iter().enumerate();
            self.held.sweep(rules.flat_map(|(number, rule)| rule.hashes().map(move |key| (key, number))));
        }
        self.muting.sift(&mut observation.matches, alert.authenticated);
        observation
    }

    /// Drops what is too old, where there may be such.
    fn prune(&mut self, newest: Timestamp, authenticated: bool) {
        let due = self.ages.take_due(newest);
        for number in due.iter().chain(self.index.anything()) {
            let Some(rule) = self.rules.get_mut(*number) else { continue };
            rule.prune(newest, authenticated);
            self.ages.set(*number, rule.oldest().map(|oldest| too_old_after(rule, oldest)));
        }
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
        let mut due = self.wakes.take_due(clock);
        due.extend(self.index.anything());
        due.sort_unstable();
        due.dedup();
        let mut matches = Vec::new();
        for number in due {
            let Some(rule) = self.rules.get_mut(number) else { continue };
            matches.extend(rule.tick(clock));
            self.wakes.set(number, rule.wakes());
        }
        self.muting.sift(&mut matches, true);
        matches
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
                let mut all = BTreeSet::new();
                for rule in &mut self.rules {
                    let (gone, told) = rule.orphan_block(block);
                    withdrawn.extend(told);
                    all.extend(gone);
                }
                for hash in all {
                    self.authenticated.orphan(&hash);
                    self.open.orphan(&hash);
                    count(&mut self.orphaned_later);
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
        for (number, rule) in self.rules.iter_mut().enumerate() {
            if rule.runbook == matched.runbook && *rule.condition.id() == matched.condition {
                rule.take_back(alert, &matched.contract);
                self.wakes.set(number, rule.wakes());
            }
        }
    }

    /// From here on silence counts: heartbeats are not stored, so that whoever was away has heard none.
    pub fn listen_anew(&mut self) {
        for (number, rule) in self.rules.iter_mut().enumerate() {
            rule.listen_anew();
            self.wakes.set(number, rule.wakes());
        }
    }

    /// Takes back an observation whose outcome could not be stored: the alert leaves every window, and alerts spent
    /// by a firing it completed are fresh again. Counters keep what they counted.
    pub fn forget(&mut self, alert: &Alert) {
        self.lane_mut(alert.authenticated).forget(&alert.hash);
        for rule in &mut self.rules {
            rule.forget(&alert.hash, alert.authenticated);
        }
    }

    /// How many hashes are remembered, and how many are taken to be held.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.authenticated.remembered().saturating_add(self.open.remembered())
    }

    #[cfg(test)]
    pub(super) fn hashes_held(&self) -> usize {
        self.held.len()
    }

    fn lane_mut(&mut self, authenticated: bool) -> &mut Lane {
        if authenticated { &mut self.authenticated } else { &mut self.open }
    }

    fn lane(&self, authenticated: bool) -> &Lane {
        if authenticated { &self.authenticated } else { &self.open }
    }
}

/// The clock after which what happened at `at` is too old for the rule.
fn too_old_after(rule: &Rule, at: Timestamp) -> Timestamp {
    at.checked_add(rule.keep()).unwrap_or(Timestamp::MAX)
}
