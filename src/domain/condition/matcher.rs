//! All conditions and their windows: alerts in, matches out.
//!
//! **When it fires.** An alert that satisfies `about` and `when` joins the window of its condition and
//! contract. If it completes `count` together with alerts that have not fired before, the condition fires its
//! full response, and all alerts of that window are spent: the next full firing needs a window of other
//! alerts. If it does not complete `count`, it may do the early response, once while no alert within `within`
//! of it has announced or fired. A condition without `count` fires on each alert.
//!
//! **The same alert again.** An alert is its hash. The same hash with the same or an older block changes
//! nothing; with a newer block (a reorg put the transaction into another block) it is judged again and takes
//! the place of the older one, keeping what that one had already caused.
//!
//! **Trust.** Alerts that anybody could have sent have windows, duplicates and a clock of their own; they can
//! neither complete nor repeat nor outdate an authenticated one, and their matches are capped to a page.
//!
//! **Late alerts.** The clock is event time: the newest that *two* bots have reached, so that one source with
//! a clock in the future cannot make everybody else's evidence too old. An alert more than [`LATENESS`] behind
//! it no longer counts, and a note says so.
//!
//! **After a crash.** Everything here is a function of the alerts observed, in their order, and of the conditions.
//! Feed those that were `kept` to [`Matcher::restore`] in that order, an alert that came again with a newer block
//! twice. A match that was none then, because a condition was edited since, is taken back: its alerts are
//! evidence for the next one, and cause none by themselves.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::about::About;
use super::compile::Condition;
use super::lane::{Arrival, Lane};
use super::outcome::{Counters, Firing, Match, Note, Observation, Why, count};
use super::vocabulary::AlertView;
use super::window::{Entry, LATENESS, Mark, Window};
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::names::{ConditionId, ContractName, RunbookId};

/// All conditions of all runbooks, and their windows.
#[derive(Clone, Debug)]
pub struct Matcher {
    rules: Vec<Rule>,
    authenticated: Lane,
    open: Lane,
}

#[derive(Clone, Debug)]
struct Rule {
    runbook: RunbookId,
    condition: Condition,
    counters: Counters,
    windows: BTreeMap<(ContractName, bool), Window>,
}

impl Matcher {
    /// Starts with empty windows.
    pub fn new(conditions: Vec<(RunbookId, Condition)>) -> Self {
        let rules = conditions
            .into_iter()
            .map(|(runbook, condition)| Rule {
                runbook,
                condition,
                counters: Counters::default(),
                windows: BTreeMap::new(),
            })
            .collect();
        Self { rules, authenticated: Lane::default(), open: Lane::default() }
    }

    /// Judges an alert. Windows change at once: if what is returned cannot be stored, call [`Matcher::forget`]
    /// before the alert is observed again.
    pub fn observe(&mut self, alert: &Alert) -> Observation {
        let lane = if alert.authenticated { &mut self.authenticated } else { &mut self.open };
        let mut observation =
            Observation { kept: false, repeated: false, matches: Vec::new(), notes: Vec::new() };
        let arrival = lane.arrive(alert);
        if arrival == Arrival::Repeated {
            observation.repeated = true;
            observation.kept = self.holds(&alert.hash, alert.authenticated);
            return observation;
        }
        let late = lane.behind(alert).filter(|behind| *behind > LATENESS);
        let prune = lane.advance(alert);
        let view = AlertView::new(alert);
        for rule in &mut self.rules {
            rule.observe(alert, &view, late, &mut observation);
            if let Some(newest) = prune {
                rule.prune(newest, alert.authenticated);
            }
        }
        observation
    }

    /// Feeds back a stored alert after a restart; what it brings about is taken as done.
    ///
    /// Where it may not be (conditions can be edited in between), call [`Matcher::observe`] instead, compare its
    /// matches with those that were stored, and [`Matcher::take_back`] the others.
    pub fn restore(&mut self, alert: &Alert) {
        let Observation { .. } = self.observe(alert);
    }

    /// Takes back a match that this alert brought about when it was observed and that nobody acts on: the alerts
    /// stay in their window, and are fresh again.
    pub fn take_back(&mut self, alert: &Alert, matched: &Match) {
        let key = (matched.contract.clone(), alert.authenticated);
        for rule in &mut self.rules {
            if rule.runbook == matched.runbook
                && *rule.condition.id() == matched.condition
                && let Some(window) = rule.windows.get_mut(&key)
            {
                window.take_back(&alert.hash);
            }
        }
    }

    /// Takes back an observation whose outcome could not be stored: the alert leaves every window, and alerts spent
    /// by a firing it completed are fresh again. Counters keep what they counted.
    pub fn forget(&mut self, alert: &Alert) {
        let lane = if alert.authenticated { &mut self.authenticated } else { &mut self.open };
        lane.forget(&alert.hash);
        for rule in &mut self.rules {
            for ((_, authenticated), window) in &mut rule.windows {
                if *authenticated == alert.authenticated {
                    window.forget(&alert.hash);
                }
            }
        }
    }

    /// Whether a window still holds the alert; one that none holds need not be restored.
    pub fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        let mut windows = self.rules.iter().flat_map(|rule| &rule.windows);
        windows.any(|((_, trust), window)| *trust == authenticated && window.holds(hash))
    }

    /// What each condition has seen.
    pub fn counters(&self) -> impl Iterator<Item = (&RunbookId, &ConditionId, &Counters)> {
        self.rules.iter().map(|rule| (&rule.runbook, rule.condition.id(), &rule.counters))
    }

    /// The conditions, in the order they were given.
    pub fn conditions(&self) -> impl Iterator<Item = (&RunbookId, &Condition)> {
        self.rules.iter().map(|rule| (&rule.runbook, &rule.condition))
    }
}

impl Rule {
    fn observe(
        &mut self,
        alert: &Alert,
        view: &AlertView<'_>,
        late: Option<SignedDuration>,
        observation: &mut Observation,
    ) {
        count(&mut self.counters.seen);
        // What an older block of the same alert had caused stays caused.
        let marks = self.take_out(alert);
        let about = self.condition.about(alert);
        if about.is_empty() {
            return;
        }
        count(&mut self.counters.about);
        let note = |why| Note { runbook: self.runbook.clone(), condition: self.condition.id().clone(), why };
        match self.condition.holds(view) {
            Ok(true) => count(&mut self.counters.when_true),
            Ok(false) => return,
            Err(gap) => {
                observation.notes.push(note(self.counters.lack(gap)));
                return;
            }
        }
        if let Some(behind) = late {
            count(&mut self.counters.late);
            observation.notes.push(note(Why::TooLate(behind)));
            return;
        }
        let at = alert.event_time();
        for (watched, answer) in about {
            if answer == About::Untold {
                count(&mut self.counters.untold);
                observation.notes.push(note(Why::AddressesCut(watched.contract.clone())));
                continue;
            }
            let key = (watched.contract.clone(), alert.authenticated);
            let mark = marks.get(&watched.contract).cloned().unwrap_or_default();
            let window = self.windows.entry(key).or_default();
            let entry = Entry { hash: alert.hash.clone(), bot: alert.bot.clone(), at, mark };
            let displaced = window.insert(entry);
            observation.kept |= displaced.as_ref().is_none_or(|displaced| displaced.hash != alert.hash);
            if let Some(displaced) = displaced {
                count(&mut self.counters.displaced);
                observation.notes.push(note(Why::WindowFull(displaced.hash)));
            }
            let wanted = self.condition.count();
            if let Some(taken) = window.complete(at, &alert.hash, &wanted) {
                count(&mut self.counters.fired);
                let firing = Firing { watched, early: false, response: self.condition.respond(), taken };
                observation.matches.push(firing.into_match(&self.runbook, &self.condition, alert));
            } else if let Some(response) = self.condition.early(alert)
                && let Some(entry) = window.announce(at, &alert.hash, wanted.within)
            {
                count(&mut self.counters.fired_early);
                let firing = Firing { watched, early: true, response, taken: vec![entry] };
                observation.matches.push(firing.into_match(&self.runbook, &self.condition, alert));
            }
        }
    }

    fn take_out(&mut self, alert: &Alert) -> BTreeMap<ContractName, Mark> {
        let windows = self.windows.iter_mut().filter(|((_, trust), _)| *trust == alert.authenticated);
        windows
            .filter_map(|((contract, _), window)| Some((contract.clone(), window.remove(&alert.hash)?.mark)))
            .collect()
    }

    fn prune(&mut self, newest: Timestamp, authenticated: bool) {
        let keep = LATENESS.saturating_add(self.condition.count().within);
        let Ok(oldest) = newest.checked_sub(keep) else { return };
        for ((_, trust), window) in &mut self.windows {
            if *trust == authenticated {
                window.prune(oldest);
            }
        }
        self.windows.retain(|_, window| !window.is_empty());
    }
}
