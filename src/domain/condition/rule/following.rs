//! `sequence`: steps in order that share something.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::about::About;
use super::super::compile::{Condition, Watched};
use super::super::held::HashKey;
use super::super::mute::{ActiveSilence, Mute};
use super::super::outcome::{Firing, Match, Why, count};
use super::super::shelf::Shelf;
use super::super::spec::Same;
use super::super::steps::Steps;
use super::super::trail::{Own, Print, Shared, Sighting, TRAILS_MAX, Trail, TrailKey};
use super::super::truth::{BlockId, Canonicity, Downgrade};
use super::super::window::{Entry, Mark};
use super::counting::is_open;
use super::passed::Waited;
use super::{Arriving, Marks, Removed, Said, silenced};
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::names::{ContractName, RunbookId};

/// What an older block of an alert had caused, by contract.
pub(super) type Caused = BTreeMap<ContractName, Mark>;

/// The trails of one condition.
#[derive(Clone, Debug, Default)]
pub(super) struct Following {
    trails: Shelf<TrailKey, Trail>,
}

impl Following {
    pub(super) fn take(
        &mut self,
        arriving: &Arriving<'_>,
        about: &[(Watched, About)],
        steps: Steps,
        marks: Marks,
        said: &mut Said<'_>,
    ) {
        let (alert, condition) = (arriving.alert, said.condition);
        for (watched, _) in about.iter().filter(|(_, answer)| *answer == About::Untold) {
            count(&mut said.counters.untold);
            said.note(Why::AddressesCut(watched.contract.clone()));
        }
        let named: Vec<&Watched> =
            about.iter().filter(|(_, answer)| *answer == About::Yes).map(|(watched, _)| watched).collect();
        let entry = arriving.entry(condition);
        let contracts = named
            .iter()
            .map(|watched| {
                (watched.contract.clone(), arriving.maintenance.covers(&watched.contract, entry.at))
            })
            .collect();
        let marks = if let Marks::Following(marks) = marks { marks } else { Caused::new() };
        // A step that names no target is muted as one about each.
        let muted = condition.watched().iter().map(|watched| {
            (watched.contract.clone(), arriving.mutes(said.runbook, condition, &watched.contract))
        });
        let muted: BTreeMap<ContractName, Vec<Mute>> = muted.filter(|(_, by)| !by.is_empty()).collect();
        said.muted(muted.values().flatten());
        let print = Print::new(steps, Arc::new(Sighting { contracts, entry }), Own { muted, marks });
        let keys = keys(arriving, condition, &named);
        for displaced in self.trails.insert_each(&keys, arriving.key, &print) {
            let displaced = displaced.map(|gone| gone.seen.entry.hash.clone());
            said.observation.kept |= displaced.as_ref() != Some(&alert.hash);
            if let Some(displaced) = displaced {
                count(&mut said.counters.displaced);
                said.note(Why::WindowFull(displaced));
            }
        }
        let matches = self.complete(&keys, alert.event_time(), &alert.hash, said.runbook, condition);
        matches.iter().for_each(|_| count(&mut said.counters.fired));
        said.observation.matches.extend(matches);
        // The newest stays: no alert displaces its own trail unless it is the oldest of all.
        let within = condition.count().within;
        for quiet_since in self.trails.make_room(TRAILS_MAX) {
            let quiet_for = alert.event_time().duration_since(quiet_since);
            count(&mut said.counters.trails_dropped);
            if quiet_for <= within {
                count(&mut said.counters.trails_cut_short);
            }
            said.note(Why::TrailDropped { quiet_for, cut_short: quiet_for <= within });
        }
    }

    /// Fires each contract whose steps are all on one of these trails, once.
    fn complete(
        &mut self,
        keys: &[TrailKey],
        at: Timestamp,
        hash: &AlertHash,
        runbook: &RunbookId,
        condition: &Condition,
    ) -> Vec<Match> {
        let (anywhere, within) = (condition.anywhere(), condition.count().within);
        // Most trails lack a step, and are about few contracts.
        let hopeful = keys.iter().filter_map(|key| {
            let trail = self.trails.get(key).filter(|trail| trail.has_steps(anywhere.len()))?;
            Some((key, trail.contracts()))
        });
        let hopeful: Vec<(&TrailKey, BTreeSet<ContractName>)> = hopeful.collect();
        let any_contract = !anywhere.contains(&false);
        let mut matches = Vec::new();
        for watched in condition.watched().iter().filter(|_| !hopeful.is_empty()) {
            let here = hopeful.iter().filter(|((chain, ..), contracts)| {
                *chain == watched.chain_id && (any_contract || contracts.contains(&watched.contract))
            });
            let found = here.map(|(key, _)| *key).find_map(|key| {
                let (taken, doubt) = self.trails.get(key)?.complete(&watched.contract, anywhere, within)?;
                Some((key, taken, doubt))
            });
            let Some(((_, authenticated, shared), taken, doubt)) = found else { continue };
            self.spend(&taken, *authenticated, &watched.contract, hash, doubt);
            let firing = Firing {
                watched,
                early: false,
                doubt,
                response: condition.respond(),
                taken,
                shared: Some(shared.to_string()),
            };
            matches.push(firing.into_match(runbook, condition, at, *authenticated));
        }
        matches
    }

    /// The same alerts may lie on several trails; they are spent on all of them.
    fn spend(
        &mut self,
        taken: &[Entry],
        authenticated: bool,
        contract: &ContractName,
        by: &AlertHash,
        doubt: Option<Downgrade>,
    ) {
        for entry in taken {
            let on = self.trails.keys_of(&entry.hash).filter(|(_, trust, _)| *trust == authenticated);
            let on: Vec<TrailKey> = on.cloned().collect();
            for key in on {
                let print =
                    self.trails.get_mut(&key).and_then(|trail| trail.print_mut(entry.at, &entry.hash));
                let Some(print) = print else { continue };
                let mark = print.own_mut().marks.entry(contract.clone()).or_default();
                match doubt {
                    None => mark.spent = Some(by.clone()),
                    Some(Downgrade::Maintenance | Downgrade::UnknownBlock) => mark.paged = Some(by.clone()),
                    Some(Downgrade::Suppressed) => mark.held = Some(by.clone()),
                }
            }
        }
    }

    pub(super) fn take_out(&mut self, alert: &Alert) -> Caused {
        let trust = alert.authenticated;
        let taken = self.trails.take(&alert.hash, |(_, own, _)| *own == trust);
        taken.into_iter().flat_map(|(_, print)| print.into_own().marks).collect()
    }

    pub(super) fn withdraw(&mut self, retraction: &Alert, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        let on_lane = |key: &TrailKey| key.0 == retraction.chain && key.1 == retraction.authenticated;
        self.remove(&on_lane, gone)
    }

    pub(super) fn drop_where(&mut self, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        self.remove(&|_| true, gone)
    }

    fn remove(&mut self, on: &dyn Fn(&TrailKey) -> bool, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        let mut removed = Removed::default();
        for ((_, authenticated, _), print) in self.trails.take_where(on, |print| gone(&print.seen.entry)) {
            let hash = &print.seen.entry.hash;
            let mut acted = false;
            for (contract, _) in print.own().marks.iter().filter(|(_, mark)| mark.acted()) {
                acted = true;
                removed.acted.entry(contract.clone()).or_default().insert(hash.clone());
            }
            if !acted {
                let about = print.seen.contracts.keys().cloned().collect();
                removed.waiting.insert(hash.clone(), Waited { at: print.at, authenticated, about });
            }
        }
        removed
    }

    pub(super) fn confirm_block(
        &mut self,
        block: &BlockId,
        runbook: &RunbookId,
        condition: &Condition,
    ) -> Vec<Match> {
        let mut touched: BTreeMap<(Timestamp, AlertHash), Vec<TrailKey>> = BTreeMap::new();
        for (key, trail) in self.trails.iter_mut() {
            for print in trail.prints_mut().filter(|print| is_open(&print.seen.entry, block)) {
                Arc::make_mut(&mut print.seen).entry.canonicity = Canonicity::Canonical;
                let at = (print.seen.entry.at, print.seen.entry.hash.clone());
                touched.entry(at).or_default().push(key.clone());
            }
        }
        let found = touched
            .iter()
            .map(|((at, hash), keys)| self.complete(keys, *at, hash, runbook, condition))
            .collect::<Vec<_>>();
        found.into_iter().flatten().collect()
    }

    /// Marks what is silenced from now on, and what no longer is.
    pub(super) fn silence(&mut self, runbook: &RunbookId, condition: &Condition, silences: &[ActiveSilence]) {
        for print in self.trails.iter_mut().flat_map(|(_, trail)| trail.prints_mut()) {
            for watched in condition.watched() {
                let muted = print.own().muted.get(&watched.contract).cloned().unwrap_or_default();
                let group = std::slice::from_ref(&watched.contract);
                let muted = silenced(&muted, &print.seen.entry, (runbook, condition, group), silences);
                if !muted.is_empty() {
                    print.own_mut().muted.insert(watched.contract.clone(), muted);
                } else if print.own().muted.contains_key(&watched.contract) {
                    print.own_mut().muted.remove(&watched.contract);
                }
            }
        }
    }

    pub(super) fn take_back(&mut self, alert: &Alert, contract: &ContractName) {
        let trails = self.trails.iter_mut().filter(|((_, trust, _), _)| *trust == alert.authenticated);
        for (_, trail) in trails {
            for mark in trail
                .prints_mut()
                .flat_map(Print::marks_mut)
                .filter(|(own, _)| *own == contract)
                .map(|(_, mark)| mark)
            {
                mark.release(&alert.hash);
            }
        }
    }

    pub(super) fn forget(&mut self, hash: &AlertHash, authenticated: bool) {
        self.trails.take(hash, |(_, trust, _)| *trust == authenticated);
        let trails = self.trails.iter_mut().filter(|((_, trust, _), _)| *trust == authenticated);
        let prints = trails.flat_map(|(_, trail)| trail.prints_mut());
        prints.flat_map(Print::marks_mut).for_each(|(_, mark)| mark.release(hash));
    }

    pub(super) fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        self.trails.keys_of(hash).any(|(_, trust, _)| *trust == authenticated)
    }

    /// For which contracts the alert waits on a trail: what its steps share, and the most of them that one has.
    pub(super) fn standing(
        &self,
        hash: &AlertHash,
        authenticated: bool,
        condition: &Condition,
    ) -> Vec<(Shared, ContractName, Steps)> {
        let (anywhere, within) = (condition.anywhere(), condition.count().within);
        let keys: Vec<&TrailKey> =
            self.trails.keys_of(hash).filter(|(_, trust, _)| *trust == authenticated).collect();
        let mut waits = Vec::new();
        for watched in condition.watched() {
            let here = keys.iter().filter(|(chain, ..)| *chain == watched.chain_id).filter_map(|key| {
                let steps = self.trails.get(key)?.best(hash, &watched.contract, anywhere, within)?;
                Some((&key.2, steps))
            });
            // Of as many, the first.
            let best = here.min_by_key(|(_, steps)| std::cmp::Reverse(steps.iter().count()));
            waits.extend(best.map(|(shared, steps)| (shared.clone(), watched.contract.clone(), steps)));
        }
        waits
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.trails.items().map(|print| &print.seen.entry)
    }

    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.trails.oldest()
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = &HashKey> {
        self.trails.hashes()
    }

    pub(super) fn prune(&mut self, oldest: Timestamp, authenticated: bool) {
        self.trails.prune(oldest, |(_, trust, _)| *trust == authenticated);
    }
}

/// The trails the alert lies on, in order. What it protects is nobody's attacker.
fn keys(arriving: &Arriving<'_>, condition: &Condition, named: &[&Watched]) -> Vec<TrailKey> {
    let alert = arriving.alert;
    let Some(sequence) = &condition.spec().sequence else { return Vec::new() };
    let key = |shared| (alert.chain, alert.authenticated, shared);
    let mut keys: Vec<TrailKey> = match sequence.same {
        Same::Attacker => {
            let protected = |address| {
                condition
                    .watched()
                    .iter()
                    .any(|watched| watched.chain_id == alert.chain && watched.address == address)
            };
            let attackers = arriving.view.candidates().iter().filter(|address| !protected(**address));
            attackers.map(|address| key(Shared::Attacker(*address))).collect()
        }
        Same::Transaction => alert.transaction.iter().map(|hash| key(Shared::Transaction(*hash))).collect(),
        Same::Contract => {
            named.iter().map(|watched| key(Shared::Contract(watched.contract.clone()))).collect()
        }
    };
    keys.sort_unstable();
    keys.dedup();
    keys
}
