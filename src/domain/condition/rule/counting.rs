//! `count`: windows of alerts of one group, which is one contract unless `group` says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::about::About;
use super::super::compile::{Condition, Watched};
use super::super::grouping::{GROUPS_MAX, GroupKey, groups};
use super::super::held::HashKey;
use super::super::mute::ActiveSilence;
use super::super::outcome::{Firing, Match, Why, count};
use super::super::shelf::Shelf;
use super::super::tally::Found;
use super::super::truth::{BlockId, Canonicity, Downgrade};
use super::super::window::{Entry, Mark, Wanted, Window};
use super::passed::Waited;
use super::{Arriving, Marks, Removed, Said, silenced};
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::names::{ContractName, RunbookId};

/// What an older block of an alert had caused, by group.
pub(super) type Caused = BTreeMap<GroupKey, Mark>;

/// The windows of one condition.
#[derive(Clone, Debug, Default)]
pub(super) struct Counting {
    windows: Shelf<GroupKey, Window>,
}

impl Counting {
    pub(super) fn take(
        &mut self,
        arriving: &Arriving<'_>,
        about: &[(Watched, About)],
        marks: Marks,
        said: &mut Said<'_>,
    ) {
        for (watched, _) in about.iter().filter(|(_, answer)| *answer == About::Untold) {
            count(&mut said.counters.untold);
            said.note(Why::AddressesCut(watched.contract.clone()));
        }
        let (alert, condition) = (arriving.alert, said.condition);
        let groups = groups(alert, arriving.view.candidates(), condition, about);
        if groups.is_empty() && about.iter().any(|(_, answer)| *answer == About::Yes) {
            said.note(Why::NoGroup);
        }
        let marks = if let Marks::Counting(marks) = marks { marks } else { Caused::new() };
        let base = arriving.entry(condition);
        let mut heard = BTreeSet::new();
        // In every group first: what fires in one is spent in those beside it.
        for (key, watched) in &groups {
            let about: Vec<ContractName> = watched.iter().map(|watched| watched.contract.clone()).collect();
            let covered = |contract| arriving.maintenance.covers(contract, base.at);
            let entry = Entry {
                mark: caused(&marks, key),
                maintained: about.iter().all(covered),
                differs: condition.differing(alert, &about),
                muted: arriving.mutes_in(said.runbook, condition, &about),
                about,
                ..base.clone()
            };
            said.muted(entry.muted.iter());
            if entry.muted.is_empty() {
                heard.insert(key);
            }
            let displaced = self.windows.insert(key, arriving.key, entry);
            said.observation.kept |= displaced.as_ref().is_none_or(|displaced| displaced.hash != alert.hash);
            if let Some(displaced) = displaced {
                count(&mut said.counters.displaced);
                said.note(Why::WindowFull(displaced.hash));
            }
        }
        // What completes a window of a contract announces nothing for it.
        let mut fired = BTreeSet::new();
        for (key, _) in &groups {
            let Some(matched) = self.complete(key, base.at, &alert.hash, said.runbook, condition) else {
                continue;
            };
            // What is held back for others' sake does not keep this one from being announced.
            let for_others = heard.contains(key) && matched.downgraded == Some(Downgrade::Suppressed);
            if !for_others {
                fired.insert(&key.contract);
            }
            count(&mut said.counters.fired);
            said.observation.matches.push(matched);
        }
        for (key, _) in groups.iter().filter(|(key, _)| !fired.contains(&key.contract)) {
            let Some(matched) = self.announce(key, base.at, alert, said.runbook, condition) else { continue };
            count(&mut said.counters.fired_early);
            said.observation.matches.push(matched);
        }
        self.windows.make_room(GROUPS_MAX);
    }

    /// Fires if the alert completes its window.
    fn complete(
        &mut self,
        key: &GroupKey,
        at: Timestamp,
        hash: &AlertHash,
        runbook: &RunbookId,
        condition: &Condition,
    ) -> Option<Match> {
        let done = self.windows.get_mut(key)?.complete(at, hash, &condition.wanted())?;
        self.remember(key, &done.taken);
        let own = done.taken.iter().find(|entry| entry.hash == *hash);
        let watched = watched_of(key, own, condition)?;
        let (doubt, response, taken) = (done.doubt, condition.respond(), done.taken);
        let firing = Firing { watched, early: false, doubt, response, taken, shared: key.shared() };
        Some(firing.into_match(runbook, condition, at, key.authenticated))
    }

    /// The early response, if it has not been given.
    fn announce(
        &mut self,
        key: &GroupKey,
        at: Timestamp,
        alert: &Alert,
        runbook: &RunbookId,
        condition: &Condition,
    ) -> Option<Match> {
        let response = condition.early(alert)?;
        let within = condition.count().within;
        let entry = self.windows.get_mut(key)?.announce(at, &alert.hash, within)?;
        let taken = vec![entry];
        self.remember(key, &taken);
        let watched = watched_of(key, taken.first(), condition)?;
        let doubt = taken.first().and_then(Entry::doubt);
        let firing = Firing { watched, early: true, doubt, response, taken, shared: None };
        Some(firing.into_match(runbook, condition, at, key.authenticated))
    }

    /// What alerts have caused for a contract, they have caused in all its groups.
    fn remember(&mut self, key: &GroupKey, taken: &[Entry]) {
        for entry in taken {
            let kin = self.windows.keys_of(&entry.hash).filter(|other| *other != key && key.is_kin(other));
            let kin: Vec<GroupKey> = kin.cloned().collect();
            for window in &kin {
                if let Some(window) = self.windows.get_mut(window) {
                    window.remember(entry.at, &entry.hash, &entry.mark);
                }
            }
        }
    }

    pub(super) fn take_out(&mut self, alert: &Alert) -> Caused {
        let trust = alert.authenticated;
        let taken = self.windows.take(&alert.hash, |key| key.authenticated == trust);
        taken.into_iter().map(|(key, entry)| (key, entry.mark)).collect()
    }

    pub(super) fn withdraw(&mut self, retraction: &Alert, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        let trust = retraction.authenticated;
        removed(self.windows.take_where(|key| key.authenticated == trust, gone))
    }

    pub(super) fn drop_where(&mut self, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        removed(self.windows.take_where(|_| true, gone))
    }

    pub(super) fn confirm_block(
        &mut self,
        block: &BlockId,
        runbook: &RunbookId,
        condition: &Condition,
    ) -> Vec<Match> {
        let mut confirmed: Vec<(GroupKey, Timestamp, AlertHash)> = Vec::new();
        for (key, window) in self.windows.iter_mut() {
            for entry in window.entries_mut().filter(|entry| is_open(entry, block)) {
                entry.canonicity = Canonicity::Canonical;
                confirmed.push((key.clone(), entry.at, entry.hash.clone()));
            }
        }
        let fired = confirmed.iter().map(|(key, at, hash)| self.complete(key, *at, hash, runbook, condition));
        fired.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// Marks what is silenced from now on, and what no longer is.
    pub(super) fn silence(&mut self, runbook: &RunbookId, condition: &Condition, silences: &[ActiveSilence]) {
        for entry in self.windows.iter_mut().flat_map(|(_, window)| window.entries_mut()) {
            entry.muted = silenced(&entry.muted, entry, (runbook, condition, &entry.about), silences);
        }
    }

    pub(super) fn take_back(&mut self, alert: &Alert, contract: &ContractName) {
        for (key, window) in self.windows.iter_mut() {
            let is_its = key.contract.as_ref().is_none_or(|own| own == contract);
            if is_its && key.authenticated == alert.authenticated {
                window.take_back(&alert.hash);
            }
        }
    }

    pub(super) fn forget(&mut self, hash: &AlertHash, authenticated: bool) {
        self.windows.take(hash, |key| key.authenticated == authenticated);
        for (_, window) in self.windows.iter_mut().filter(|(key, _)| key.authenticated == authenticated) {
            window.release(hash);
        }
    }

    pub(super) fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        self.windows.keys_of(hash).any(|key| key.authenticated == authenticated)
    }

    /// In which windows the alert waits: what its group shares, its contracts there, and what the best window has.
    pub(super) fn standing(
        &self,
        hash: &AlertHash,
        authenticated: bool,
        wanted: &Wanted,
    ) -> Vec<(Option<String>, Vec<ContractName>, Found)> {
        let keys = self.windows.keys_of(hash).filter(|key| key.authenticated == authenticated);
        let waits = keys.filter_map(|key| {
            let (own, found) = self.windows.get(key)?.best(hash, wanted)?;
            Some((key.shared(), own.about.clone(), found))
        });
        waits.collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.windows.items()
    }

    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.windows.oldest()
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = &HashKey> {
        self.windows.hashes()
    }

    pub(super) fn prune(&mut self, oldest: Timestamp, authenticated: bool) {
        self.windows.prune(oldest, |key| key.authenticated == authenticated);
    }
}

/// What an older block of the alert had caused for the contract of a group.
fn caused(marks: &Caused, key: &GroupKey) -> Mark {
    let kin = marks.iter().filter(|(other, _)| *other == key || key.is_kin(other));
    kin.map(|(_, mark)| mark).find(|mark| mark.acted()).cloned().unwrap_or_default()
}

/// The contract of a group, or else the first that the alert is about.
fn watched_of<'c>(key: &GroupKey, own: Option<&Entry>, condition: &'c Condition) -> Option<&'c Watched> {
    let contract = key.contract.as_ref().or_else(|| own?.about.first())?;
    condition.watched().iter().find(|watched| watched.contract == *contract)
}

/// Whether this answer is about the entry.
pub(super) fn is_open(entry: &Entry, block: &BlockId) -> bool {
    entry.block.as_ref() == Some(block) && entry.canonicity == Canonicity::Unknown
}

/// What was taken out, told.
fn removed(taken: Vec<(GroupKey, Entry)>) -> Removed {
    let mut removed = Removed::default();
    for (key, entry) in taken {
        if !entry.mark.acted() {
            let waited = Waited { at: entry.at, authenticated: key.authenticated, about: entry.about };
            removed.waiting.insert(entry.hash, waited);
            continue;
        }
        for contract in entry.about {
            removed.acted.entry(contract).or_default().insert(entry.hash.clone());
        }
    }
    removed
}
