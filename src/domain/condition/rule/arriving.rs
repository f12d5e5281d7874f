//! An alert that has just come, and why one that would count does not.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::super::compile::Condition;
use super::super::held::HashKey;
use super::super::lane::Lane;
use super::super::mute::{ActiveSilence, Mute, Subject};
use super::super::outcome::{Why, count};
use super::super::truth::{BlockId, Canonicity, Maintenance};
use super::super::vocabulary::AlertView;
use super::super::window::{Entry, Mark};
use super::Said;
use crate::domain::alert::{Alert, AlertSeverity};
use crate::domain::names::{ContractName, RunbookId};

/// An alert that has just come, with all that is known of it.
#[derive(Clone, Copy)]
pub(in super::super) struct Arriving<'a> {
    pub(in super::super) alert: &'a Alert,
    /// Its hash, to look up by.
    pub(in super::super) key: &'a HashKey,
    pub(in super::super) view: &'a AlertView<'a>,
    /// It may have been seen before, with an older block.
    pub(in super::super) again: bool,
    /// How far it is behind the clock.
    pub(in super::super) behind: Option<SignedDuration>,
    /// What time it is, where time does not come from the data.
    pub(in super::super) now: Option<Timestamp>,
    pub(in super::super) block: Canonicity,
    pub(in super::super) lane: &'a Lane,
    pub(in super::super) maintenance: &'a Maintenance,
    pub(in super::super) silences: &'a [ActiveSilence],
}

impl Arriving<'_> {
    /// As a window keeps it; what depends on the contract is added there.
    pub(in super::super) fn entry(&self, condition: &Condition) -> Entry {
        Entry {
            hash: self.alert.hash.clone(),
            bot: self.alert.bot.clone(),
            feed: self.alert.feed.clone(),
            chain: self.alert.chain,
            at: self.alert.event_time(),
            mark: Mark::default(),
            accused: self.view.accused().clone(),
            included: condition.includes(self.view),
            stage: condition.stage(&self.alert.bot),
            block: BlockId::of(self.alert),
            canonicity: self.block,
            maintained: false,
            critical: self.alert.severity == AlertSeverity::Critical,
            muted: Vec::new(),
            about: Vec::new(),
            differs: Vec::new(),
        }
    }

    /// What holds back a firing about the contract that needs the alert.
    pub(super) fn mutes(
        &self,
        runbook: &RunbookId,
        condition: &Condition,
        contract: &ContractName,
    ) -> Vec<Mute> {
        let mut mutes: Vec<Mute> = self.excepted(condition).into_iter().collect();
        let (bot, feed) = (&self.alert.bot, &self.alert.feed);
        let subject = Subject { runbook, condition: condition.id(), contract, bot, feed };
        let silences = self.silences.iter().filter(|silence| silence.scope.covers(&subject));
        mutes.extend(silences.map(|silence| Mute::Silenced { silence: silence.id }));
        mutes
    }

    /// The same for a group of contracts that stand together: it is muted there only if it is about each.
    pub(super) fn mutes_in(
        &self,
        runbook: &RunbookId,
        condition: &Condition,
        group: &[ContractName],
    ) -> Vec<Mute> {
        let each: Vec<Vec<Mute>> =
            group.iter().map(|contract| self.mutes(runbook, condition, contract)).collect();
        if each.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        let all: BTreeSet<Mute> = each.into_iter().flatten().collect();
        all.into_iter().collect()
    }

    /// Whom it accuses, where everybody it accuses is known to be harmless. An alert that accuses nobody in so many
    /// words is about whoever it likes.
    fn excepted(&self, condition: &Condition) -> Option<Mute> {
        let known = &condition.spec().except;
        if known.is_empty() {
            return None;
        }
        let accused = self.view.accused();
        let address = *accused.first()?;
        accused.iter().all(|address| known.contains(address)).then_some(Mute::Excepted { address })
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
    let accused = arriving.view.accused();
    let cleared = arriving.lane.cleared(alert, accused, said.condition.retractors())?;
    count(&mut said.counters.retracted);
    Some(Why::Retracted(cleared))
}
