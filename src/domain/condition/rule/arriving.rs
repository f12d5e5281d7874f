//! An alert that has just come, and why one that would count does not.

use jiff::SignedDuration;

use super::super::attacker;
use super::super::compile::Condition;
use super::super::lane::Lane;
use super::super::outcome::{Why, count};
use super::super::truth::{BlockId, Canonicity, Maintenance};
use super::super::vocabulary::AlertView;
use super::super::window::{Entry, Mark};
use super::Said;
use crate::domain::alert::Alert;

/// An alert that has just come, with all that is known of it.
#[derive(Clone, Copy)]
pub(in super::super) struct Arriving<'a> {
    pub(in super::super) alert: &'a Alert,
    pub(in super::super) view: &'a AlertView<'a>,
    /// It may have been seen before, with an older block.
    pub(in super::super) again: bool,
    /// How far it is behind the clock.
    pub(in super::super) behind: Option<SignedDuration>,
    pub(in super::super) block: Canonicity,
    pub(in super::super) lane: &'a Lane,
    pub(in super::super) maintenance: &'a Maintenance,
}

impl Arriving<'_> {
    /// As a window keeps it; what depends on the contract is added there.
    pub(in super::super) fn entry(&self, condition: &Condition) -> Entry {
        Entry {
            hash: self.alert.hash.clone(),
            bot: self.alert.bot.clone(),
            feed: self.alert.feed.clone(),
            at: self.alert.event_time(),
            mark: Mark::default(),
            accused: attacker::accused(self.alert),
            included: condition.includes(self.view),
            stage: condition.stage(&self.alert.bot),
            block: BlockId::of(self.alert),
            canonicity: self.block,
            maintained: false,
            about: Vec::new(),
            differs: Vec::new(),
        }
    }
}

/// Why an alert that would count does not.
pub(super) fn discarded(arriving: &Arriving<'_>, said: &mut Said<'_>) -> Option<Why> {
    if arriving.block == Canonicity::Orphaned {
        count(&mut said.counters.orphaned);
        return Some(Why::Orphaned);
    }
    let max_age = said.condition.spec().max_age;
    if let Some(behind) = arriving.behind.filter(|behind| *behind > max_age) {
        count(&mut said.counters.late);
        return Some(Why::TooLate(behind));
    }
    let alert = arriving.alert;
    let takes_back = said.condition.retractors().contains(&alert.bot) && alert.retracts().next().is_some();
    if takes_back || said.condition.is_suppressor(&alert.bot) {
        return Some(Why::Suppressor);
    }
    let accused = attacker::accused(alert);
    let cleared = arriving.lane.cleared(alert, &accused, said.condition.retractors())?;
    count(&mut said.counters.retracted);
    Some(Why::Retracted(cleared))
}
