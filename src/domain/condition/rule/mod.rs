//! One condition and everything it remembers.
//!
//! What all kinds share is here: whether an alert concerns the condition at all, and why one that would is
//! discarded. What it then does is its kind's: a count in windows, a sequence on trails, a heartbeat.

mod arriving;
mod concern;
mod counting;
mod following;
mod lasting;
mod muted;
mod passed;
mod reach;
mod silent;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use jiff::Timestamp;

use super::absence::Vigil;
use super::compile::Condition;
use super::lane::{Lane, not_after};
use super::mute::{ActiveSilence, Mute};
use super::outcome::{Counters, Match, Note, Observation, Why, Withdrawal, count, short};
use super::truth::{BlockId, Canonicity};
use super::window::Entry;
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::names::{ContractName, RunbookId};
pub(super) use arriving::Arriving;
use arriving::discarded;
pub(super) use concern::Concern;
use counting::Counting;
use following::Following;
use lasting::Lasting;
use muted::silenced;
use passed::{Passed, Waited};
use silent::silent;

/// One condition and everything it remembers.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) runbook: RunbookId,
    pub(super) condition: Condition,
    pub(super) counters: Counters,
    memory: Memory,
    passed: Passed,
}

#[derive(Clone, Debug)]
enum Memory {
    Counting(Counting),
    Following(Following),
    Listening(Vigil),
    Lasting(Lasting),
}

/// What a condition gives back.
pub(super) struct Said<'o> {
    pub(super) runbook: &'o RunbookId,
    pub(super) condition: &'o Condition,
    pub(super) counters: &'o mut Counters,
    pub(super) observation: &'o mut Observation,
}

impl Said<'_> {
    fn note(&mut self, why: Why) {
        let (runbook, condition) = (self.runbook.clone(), self.condition.id().clone());
        self.observation.notes.push(Note { runbook, condition, why });
    }

    /// Tells that the alert is muted, and by what.
    fn muted<'m>(&mut self, by: impl Iterator<Item = &'m Mute>) {
        let by: BTreeSet<&Mute> = by.collect();
        if !by.is_empty() {
            count(&mut self.counters.muted);
        }
        by.into_iter().for_each(|mute| self.note(Why::Muted(mute.clone())));
    }
}

impl Rule {
    pub(super) fn new(runbook: RunbookId, condition: Condition) -> Self {
        let memory = match (&condition.spec().sequence, &condition.spec().absent, condition.spec().lasting) {
            (Some(_), _, _) => Memory::Following(Following::default()),
            (None, Some(_), _) => Memory::Listening(Vigil::default()),
            (None, None, Some(_)) => Memory::Lasting(Lasting::default()),
            (None, None, None) => Memory::Counting(Counting::default()),
        };
        Self { runbook, condition, counters: Counters::default(), memory, passed: Passed::default() }
    }

    /// Judges the alert, which concerns it so.
    pub(super) fn observe(
        &mut self,
        arriving: &Arriving<'_>,
        concern: Option<Concern>,
        observation: &mut Observation,
    ) {
        let (notes, matches) = (observation.notes.len(), observation.matches.len());
        self.judge(arriving, concern.as_ref(), observation);
        for (note, concern) in observation.notes.iter().skip(notes).zip(concern.iter().cycle()) {
            self.passed.note(|| concern.passed_by(arriving.alert), &note.why);
        }
        let within = self.condition.count().within;
        for matched in observation.matches.iter_mut().skip(matches) {
            self.passed.tell(matched, arriving.alert.authenticated, within);
        }
    }

    fn judge(&mut self, arriving: &Arriving<'_>, concern: Option<&Concern>, observation: &mut Observation) {
        let alert = arriving.alert;
        count(&mut self.counters.seen);
        // What an older block of the same alert had caused stays caused; what never happened displaces nothing.
        let orphaned = arriving.block == Canonicity::Orphaned;
        let marks = if orphaned || !arriving.again { Marks::None } else { self.take_out(alert) };
        if let Memory::Lasting(lasting) = &mut self.memory {
            let (runbook, condition, counters) = (&self.runbook, &self.condition, &mut self.counters);
            lasting.end(arriving, &mut Said { runbook, condition, counters, observation });
        }
        let Some(Concern { about, steps, gap, holds }) = concern else { return };
        let Self { runbook, condition, counters, memory, .. } = self;
        let mut said = Said { runbook, condition, counters, observation };
        if !about.is_empty() {
            count(&mut said.counters.about);
        }
        if let (Some(gap), false) = (gap, holds) {
            let why = said.counters.lack(gap.clone());
            said.note(why);
        }
        if !holds {
            return;
        }
        count(&mut said.counters.when_true);
        if let Memory::Listening(vigil) = memory {
            if alert.authenticated {
                // Where nobody else has spoken meanwhile, it is the beat itself that shows the silence before it.
                let spec = said.condition.spec().absent.as_ref();
                // A sender whose clock runs ahead must not be heard in the future.
                let at = not_after(alert.created_at, arriving.now);
                let silence = spec.and_then(|spec| vigil.tick(at, spec));
                vigil.beat(alert, at);
                if let Some(silence) = silence {
                    count(&mut said.counters.fired);
                    let found = silent(said.runbook, said.condition, at, &silence);
                    said.observation.matches.extend(found);
                }
            }
            return;
        }
        if let Some(why) = discarded(arriving, &mut said) {
            said.note(why);
            return;
        }
        match memory {
            Memory::Counting(counting) => counting.take(arriving, about, marks, &mut said),
            Memory::Following(following) => following.take(arriving, about, *steps, marks, &mut said),
            Memory::Lasting(lasting) => lasting.take(arriving, about, &mut said),
            Memory::Listening(_) => {}
        }
    }

    /// A heartbeat that the clock finds silent, or states that it finds to have lasted.
    pub(super) fn tick(&mut self, clock: Timestamp) -> Vec<Match> {
        let mut found: Vec<Match> = match (&mut self.memory, &self.condition.spec().absent) {
            (Memory::Listening(vigil), Some(spec)) => {
                let silence = vigil.tick(clock, spec);
                let found =
                    silence.and_then(|silence| silent(&self.runbook, &self.condition, clock, &silence));
                found.into_iter().collect()
            }
            (Memory::Lasting(lasting), _) => lasting.tick(clock, &self.runbook, &self.condition),
            (Memory::Listening(_) | Memory::Counting(_) | Memory::Following(_), _) => return Vec::new(),
        };
        let within = self.condition.count().within;
        for matched in &mut found {
            count(&mut self.counters.fired);
            self.passed.tell(matched, true, within);
        }
        found
    }

    fn take_out(&mut self, alert: &Alert) -> Marks {
        match &mut self.memory {
            Memory::Counting(counting) => Marks::Counting(counting.take_out(alert)),
            Memory::Following(following) => Marks::Following(following.take_out(alert)),
            Memory::Listening(_) | Memory::Lasting(_) => Marks::None,
        }
    }

    /// Takes out what a retraction withdraws, and tells what it would have prevented.
    pub(super) fn withdraw(
        &mut self,
        retraction: &Alert,
        cleared: &BTreeSet<Address>,
        lane: &Lane,
        observation: &mut Observation,
    ) {
        let Self { runbook, condition, counters, memory, passed } = self;
        let gone = |entry: &Entry| {
            entry.chain == retraction.chain
                && !entry.accused.is_disjoint(cleared)
                && lane.cleared(retraction, &entry.accused, condition.retractors()).is_some()
        };
        let found = match memory {
            Memory::Counting(counting) => counting.withdraw(retraction, &gone),
            Memory::Following(following) => following.withdraw(retraction, &gone),
            Memory::Lasting(lasting) => lasting.withdraw(retraction, &gone),
            Memory::Listening(_) => return,
        };
        let mut said = Said { runbook, condition, counters, observation };
        for (hash, waited) in found.waiting {
            count(&mut said.counters.retracted);
            passed.add(waited.passed_by(&hash, retraction.chain), RETRACTED.to_owned());
            said.note(Why::Withdrawn(hash));
        }
        said.observation.withdrawn.extend(found.acted.into_iter().map(|(contract, alerts)| Withdrawal {
            runbook: runbook.clone(),
            condition: condition.id().clone(),
            contract,
            alerts: alerts.into_iter().collect(),
            because: format!("retracted by bot {}", short(retraction.bot.as_str())),
        }));
    }

    pub(super) fn unknown_blocks(&self) -> BTreeSet<BlockId> {
        let mut blocks = BTreeSet::new();
        let mut add = |entry: &Entry| {
            if entry.canonicity == Canonicity::Unknown {
                blocks.extend(entry.block);
            }
        };
        match &self.memory {
            Memory::Counting(counting) => counting.entries().for_each(&mut add),
            Memory::Following(following) => following.entries().for_each(&mut add),
            Memory::Lasting(lasting) => lasting.entries().for_each(&mut add),
            Memory::Listening(_) => {}
        }
        blocks
    }

    /// The block is on the chain: what now fires in full.
    pub(super) fn confirm_block(&mut self, block: &BlockId) -> Vec<Match> {
        let Self { runbook, condition, counters, memory, passed } = self;
        let mut found = match memory {
            Memory::Counting(counting) => counting.confirm_block(block, runbook, condition),
            Memory::Following(following) => following.confirm_block(block, runbook, condition),
            Memory::Lasting(lasting) => {
                lasting.confirm_block(block);
                Vec::new()
            }
            Memory::Listening(_) => Vec::new(),
        };
        for matched in &mut found {
            count(&mut counters.fired);
            // What anybody could have sent goes no further than before.
            passed.tell(matched, true, condition.count().within);
        }
        found
    }

    /// The block is not on the chain: its alerts are taken out.
    pub(super) fn orphan_block(&mut self, block: &BlockId) -> (BTreeSet<AlertHash>, Vec<Withdrawal>) {
        let gone = |entry: &Entry| entry.block.as_ref() == Some(block);
        let found = match &mut self.memory {
            Memory::Counting(counting) => counting.drop_where(&gone),
            Memory::Following(following) => following.drop_where(&gone),
            Memory::Lasting(lasting) => lasting.drop_where(&gone),
            Memory::Listening(_) => Removed::default(),
        };
        let withdrawn = found.acted.iter().map(|(contract, alerts)| Withdrawal {
            runbook: self.runbook.clone(),
            condition: self.condition.id().clone(),
            contract: contract.clone(),
            alerts: alerts.iter().cloned().collect(),
            because: ORPHANED.to_owned(),
        });
        let withdrawn = withdrawn.collect();
        for (hash, waited) in &found.waiting {
            self.passed.add(waited.passed_by(hash, block.chain), ORPHANED.to_owned());
        }
        let hashes: BTreeSet<AlertHash> =
            found.waiting.into_keys().chain(found.acted.into_values().flatten()).collect();
        hashes.iter().for_each(|_| count(&mut self.counters.orphaned));
        (hashes, withdrawn)
    }

    pub(super) fn forget(&mut self, hash: &AlertHash, authenticated: bool) {
        match &mut self.memory {
            Memory::Counting(counting) => counting.forget(hash, authenticated),
            Memory::Following(following) => following.forget(hash, authenticated),
            Memory::Lasting(lasting) => lasting.forget(hash, authenticated),
            Memory::Listening(_) => {}
        }
    }

    /// What the alert completed for the contract did not happen; the alerts stay.
    pub(super) fn take_back(&mut self, alert: &Alert, contract: &ContractName) {
        match &mut self.memory {
            Memory::Counting(counting) => counting.take_back(alert, contract),
            Memory::Following(following) => following.take_back(alert, contract),
            Memory::Lasting(lasting) => lasting.take_back(contract),
            Memory::Listening(vigil) => *vigil = Vigil::default(),
        }
    }

    /// Forgets every beat, so that the grace of a start begins.
    pub(super) fn listen_anew(&mut self) {
        match &mut self.memory {
            Memory::Counting(_) | Memory::Following(_) | Memory::Lasting(_) => {}
            Memory::Listening(vigil) => *vigil = Vigil::default(),
        }
    }

    /// Says what is silenced from now on.
    pub(super) fn silence(&mut self, silences: &[ActiveSilence]) {
        let Self { runbook, condition, memory, .. } = self;
        match memory {
            Memory::Counting(counting) => counting.silence(runbook, condition, silences),
            Memory::Following(following) => following.silence(runbook, condition, silences),
            Memory::Lasting(lasting) => lasting.silence(runbook, condition, silences),
            Memory::Listening(_) => {}
        }
    }

    pub(super) fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        match &self.memory {
            Memory::Counting(counting) => counting.holds(hash, authenticated),
            Memory::Following(following) => following.holds(hash, authenticated),
            Memory::Lasting(lasting) => lasting.holds(hash, authenticated),
            Memory::Listening(_) => false,
        }
    }

    pub(super) fn prune(&mut self, newest: Timestamp, authenticated: bool) {
        let Ok(oldest) = newest.checked_sub(self.keep()) else { return };
        match &mut self.memory {
            Memory::Counting(counting) => counting.prune(oldest, authenticated),
            Memory::Following(following) => following.prune(oldest, authenticated),
            Memory::Lasting(lasting) => lasting.prune(oldest, authenticated),
            Memory::Listening(_) => {}
        }
    }
}

/// What an older block of an alert had caused.
enum Marks {
    None,
    Counting(counting::Caused),
    Following(following::Caused),
}

/// Why an alert that waited no longer does.
const RETRACTED: &str = "whom it accuses was cleared";
const ORPHANED: &str = "its block is not on the chain";

/// What was taken out of windows or trails.
#[derive(Debug, Default)]
struct Removed {
    /// Alerts that had caused nothing.
    waiting: BTreeMap<AlertHash, Waited>,
    /// Alerts that took part in matches, by contract.
    acted: BTreeMap<ContractName, BTreeSet<AlertHash>>,
}
