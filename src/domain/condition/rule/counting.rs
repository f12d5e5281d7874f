//! `count`: windows of alerts about one contract.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::about::About;
use super::super::compile::{Condition, Watched};
use super::super::mute::ActiveSilence;
use super::super::outcome::{Firing, Match, Why, count};
use super::super::truth::{BlockId, Canonicity, Downgrade};
use super::super::window::{Entry, Mark, Window};
use super::{Arriving, Marks, Removed, Said, silenced};
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::names::{ContractName, RunbookId};

/// What an older block of an alert had caused, by contract.
pub(super) type Caused = BTreeMap<ContractName, Mark>;

/// The windows of one condition, by contract and trust.
#[derive(Clone, Debug, Default)]
pub(super) struct Counting {
    windows: BTreeMap<(ContractName, bool), Window>,
}

impl Counting {
    pub(super) fn take(
        &mut self,
        arriving: &Arriving<'_>,
        about: &[(Watched, About)],
        marks: Marks,
        said: &mut Said<'_>,
    ) {
        let (alert, condition) = (arriving.alert, said.condition);
        let marks = if let Marks::Counting(marks) = marks { marks } else { Caused::new() };
        let base = arriving.entry(condition);
        let (at, wanted) = (base.at, condition.wanted());
        for (watched, answer) in about {
            if *answer == About::Untold {
                count(&mut said.counters.untold);
                said.note(Why::AddressesCut(watched.contract.clone()));
                continue;
            }
            let entry = Entry {
                mark: marks.get(&watched.contract).cloned().unwrap_or_default(),
                maintained: arriving.maintenance.covers(&watched.contract, at),
                muted: arriving.mutes(said.runbook, condition, &watched.contract),
                ..base.clone()
            };
            let doubt = entry.doubt();
            said.muted(entry.muted.iter());
            let heard = entry.muted.is_empty();
            let window = self.windows.entry((watched.contract.clone(), alert.authenticated)).or_default();
            let displaced = window.insert(entry);
            said.observation.kept |= displaced.as_ref().is_none_or(|displaced| displaced.hash != alert.hash);
            if let Some(displaced) = displaced {
                count(&mut said.counters.displaced);
                said.note(Why::WindowFull(displaced.hash));
            }
            let done = window.complete(at, &alert.hash, &wanted);
            // What is held back for others' sake does not keep this one from being announced.
            let for_others =
                heard && done.as_ref().is_some_and(|done| done.doubt == Some(Downgrade::Suppressed));
            let is_done = done.is_some() && !for_others;
            if let Some(done) = done {
                count(&mut said.counters.fired);
                let response = condition.respond();
                let firing = Firing {
                    watched,
                    early: false,
                    doubt: done.doubt,
                    response,
                    taken: done.taken,
                    shared: None,
                };
                let matched = firing.into_match(said.runbook, condition, at, alert.authenticated);
                said.observation.matches.push(matched);
            }
            if !is_done
                && let Some(response) = condition.early(alert)
                && let Some(entry) = window.announce(at, &alert.hash, wanted.count.within)
            {
                count(&mut said.counters.fired_early);
                let firing =
                    Firing { watched, early: true, doubt, response, taken: vec![entry], shared: None };
                let matched = firing.into_match(said.runbook, condition, at, alert.authenticated);
                said.observation.matches.push(matched);
            }
        }
    }

    pub(super) fn take_out(&mut self, alert: &Alert) -> Caused {
        let windows = self.windows.iter_mut().filter(|((_, trust), _)| *trust == alert.authenticated);
        windows
            .filter_map(|((contract, _), window)| Some((contract.clone(), window.remove(&alert.hash)?.mark)))
            .collect()
    }

    pub(super) fn withdraw(&mut self, retraction: &Alert, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        let trust = retraction.authenticated;
        let windows = self.windows.iter_mut().filter(|((_, authenticated), _)| *authenticated == trust);
        let on_chain = |entry: &Entry| entry.block.is_none_or(|block| block.chain == retraction.chain);
        remove(windows, &|entry| on_chain(entry) && gone(entry))
    }

    pub(super) fn drop_where(&mut self, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        remove(self.windows.iter_mut(), gone)
    }

    pub(super) fn confirm_block(
        &mut self,
        block: &BlockId,
        runbook: &RunbookId,
        condition: &Condition,
    ) -> Vec<Match> {
        let wanted = condition.wanted();
        let mut matches = Vec::new();
        for ((contract, authenticated), window) in &mut self.windows {
            let mut confirmed: Vec<(Timestamp, AlertHash)> = Vec::new();
            for entry in window.entries_mut().filter(|entry| is_open(entry, block)) {
                entry.canonicity = Canonicity::Canonical;
                confirmed.push((entry.at, entry.hash.clone()));
            }
            let Some(watched) = condition.watched().iter().find(|watched| watched.contract == *contract)
            else {
                continue;
            };
            for (at, hash) in confirmed {
                let Some(done) = window.complete(at, &hash, &wanted) else { continue };
                let firing = Firing {
                    watched,
                    early: false,
                    doubt: done.doubt,
                    response: condition.respond(),
                    taken: done.taken,
                    shared: None,
                };
                matches.push(firing.into_match(runbook, condition, at, *authenticated));
            }
        }
        matches
    }

    /// Marks what is silenced from now on, and what no longer is.
    pub(super) fn silence(&mut self, runbook: &RunbookId, condition: &Condition, silences: &[ActiveSilence]) {
        for ((contract, _), window) in &mut self.windows {
            for entry in window.entries_mut() {
                let mut muted = std::mem::take(&mut entry.muted);
                silenced(&mut muted, entry, (runbook, condition, contract), silences);
                entry.muted = muted;
            }
        }
    }

    pub(super) fn take_back(&mut self, alert: &Alert, contract: &ContractName) {
        if let Some(window) = self.windows.get_mut(&(contract.clone(), alert.authenticated)) {
            window.take_back(&alert.hash);
        }
    }

    pub(super) fn forget(&mut self, hash: &AlertHash, authenticated: bool) {
        for ((_, trust), window) in &mut self.windows {
            if *trust == authenticated {
                window.forget(hash);
            }
        }
    }

    pub(super) fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        self.windows.iter().any(|((_, trust), window)| *trust == authenticated && window.holds(hash))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.windows.values().flat_map(Window::entries)
    }

    pub(super) fn prune(&mut self, oldest: Timestamp, authenticated: bool) {
        for ((_, trust), window) in &mut self.windows {
            if *trust == authenticated {
                window.prune(oldest);
            }
        }
        self.windows.retain(|_, window| !window.is_empty());
    }
}

/// Whether this answer is about the entry.
pub(super) fn is_open(entry: &Entry, block: &BlockId) -> bool {
    entry.block.as_ref() == Some(block) && entry.canonicity == Canonicity::Unknown
}

fn remove<'w>(
    windows: impl Iterator<Item = (&'w (ContractName, bool), &'w mut Window)>,
    gone: &dyn Fn(&Entry) -> bool,
) -> Removed {
    let mut removed = Removed::default();
    for ((contract, _), window) in windows {
        let hashes: Vec<AlertHash> =
            window.entries().filter(|entry| gone(entry)).map(|entry| entry.hash.clone()).collect();
        for hash in hashes {
            let Some(entry) = window.remove(&hash) else { continue };
            if entry.mark.acted() {
                removed.acted.entry(contract.clone()).or_default().insert(hash);
            } else {
                removed.waiting.insert(hash);
            }
        }
    }
    removed
}
