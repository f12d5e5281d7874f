//! `for`: states that must have lasted.
//!
//! A state begins with the first alert about it that satisfies `when`, is pending from then on, and fires when the clock
//! has reached its begin and `for`, the end of that time included; or with the word that it goes on, or of its end, if it had
//! lasted that long by then and no clock has told so. An earlier end cancels it, whatever `when` says
//! of the end. Each state fires once, until it has ended and begun again. Time is that of the data, or the wall
//! clock where that is ahead, as for heartbeats.
//!
//! An end that is told late, of a time before the state had lasted long enough, takes the firing back; what was said
//! after it has begun the state anew.

mod words;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};

use jiff::Timestamp;

use self::words::Words;
use super::super::about::About;
use super::super::compile::{Condition, Watched};
use super::super::mute::ActiveSilence;
use super::super::outcome::{Firing, Match, Why, Withdrawal, count};
use super::super::state::{StatePhase, state_of};
use super::super::truth::{BlockId, Canonicity, Downgrade};
use super::super::window::{Entry, Mark};
use super::counting::is_open;
use super::passed::Waited;
use super::{Arriving, Removed, Said, silenced};
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::names::{ContractName, FeedName, RunbookId};

/// Most states of one condition; beyond, the one that was not spoken of for longest makes room.
pub(super) const STATES_MAX: usize = 16_384;

/// Whose state: the trust and the feed of its alerts, and its identity there.
type StateKey = (bool, FeedName, String);

/// One state.
#[derive(Clone, Debug, Default)]
struct State {
    /// The contracts it is about, each with what began it.
    begun: BTreeMap<ContractName, Words>,
    /// The last end that is known: when, and by which alert.
    ended: Option<(Timestamp, AlertHash)>,
    /// When it was last spoken of, end or not.
    heard: Option<Timestamp>,
}

impl State {
    /// Fires for each contract for which it has lasted long enough by `clock`; and when it next may, where it has not.
    fn lasted(
        &mut self,
        clock: Timestamp,
        authenticated: bool,
        runbook: &RunbookId,
        condition: &Condition,
    ) -> (Vec<Match>, Option<Timestamp>) {
        let lasting = condition.count().within;
        let (mut matches, mut next) = (Vec::new(), None::<Timestamp>);
        for (contract, words) in &mut self.begun {
            let entry = words.first_mut();
            let Ok(due) = entry.at.checked_add(lasting) else { continue };
            let doubt = if entry.muted.is_empty() { entry.doubt() } else { Some(Downgrade::Suppressed) };
            let told = match doubt {
                None => false,
                Some(Downgrade::Maintenance | Downgrade::UnknownBlock) => entry.mark.paged.is_some(),
                Some(Downgrade::Suppressed) => entry.mark.held.is_some(),
            };
            if told || entry.mark.spent.is_some() {
                continue;
            }
            if clock < due {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            let Some(watched) = condition.watched().iter().find(|own| own.contract == *contract) else {
                continue;
            };
            let by = Some(entry.hash.clone());
            match doubt {
                None => entry.mark.spent = by,
                Some(Downgrade::Maintenance | Downgrade::UnknownBlock) => entry.mark.paged = by,
                Some(Downgrade::Suppressed) => entry.mark.held = by,
            }
            let shared = Some(format!("whose state has lasted for {lasting:#}"));
            let (response, taken) = (condition.respond(), vec![entry.clone()]);
            let firing = Firing { watched, early: false, doubt, response, taken, shared };
            matches.push(firing.into_match(runbook, condition, due, authenticated));
        }
        (matches, next)
    }

    /// Drops these words; gives them for each contract, the first of all in front.
    fn drop_words(&mut self, gone: &dyn Fn(&Entry) -> bool) -> Vec<(ContractName, Vec<Entry>)> {
        let mut dropped = Vec::new();
        for (contract, words) in std::mem::take(&mut self.begun) {
            let (rest, gone) = words.without(gone);
            if !gone.is_empty() {
                dropped.push((contract.clone(), gone));
            }
            self.begun.extend(rest.map(|rest| (contract, rest)));
        }
        dropped
    }
}

/// The states of one condition.
#[derive(Clone, Debug, Default)]
pub(super) struct Lasting {
    states: BTreeMap<StateKey, State>,
    /// Before this nothing is due; none: nothing is at all.
    next: Option<Timestamp>,
}

fn key_of(alert: &Alert) -> Option<(StateKey, StatePhase)> {
    let (id, phase) = state_of(alert)?;
    Some(((alert.authenticated, alert.feed.clone(), id.to_owned()), phase))
}

impl Lasting {
    /// Takes the begin of a state in, or word that it goes on.
    pub(super) fn take(&mut self, arriving: &Arriving<'_>, about: &[(Watched, About)], said: &mut Said<'_>) {
        let Some((key, phase)) = key_of(arriving.alert) else {
            said.note(Why::NoState);
            return;
        };
        if phase == StatePhase::End {
            return;
        }
        let (base, authenticated) = (arriving.entry(said.condition), key.0);
        self.next = Some(Timestamp::MIN);
        let state = self.state(key, base.at, said);
        // An end that overtook the begin it belongs to.
        if state.ended.as_ref().is_some_and(|(ended, _)| *ended >= base.at) {
            said.note(Why::Ended);
            return;
        }
        for (watched, answer) in about {
            if *answer == About::Untold {
                count(&mut said.counters.untold);
                said.note(Why::AddressesCut(watched.contract.clone()));
                continue;
            }
            let entry = Entry {
                maintained: arriving.maintenance.covers(&watched.contract, base.at),
                about: vec![watched.contract.clone()],
                muted: arriving.mutes(said.runbook, said.condition, &watched.contract),
                ..base.clone()
            };
            said.muted(entry.muted.iter());
            said.observation.kept = true;
            match state.begun.entry(watched.contract.clone()) {
                Vacant(begun) => drop(begun.insert_entry(Words::new(entry))),
                Occupied(mut begun) => begun.get_mut().add(entry),
            }
        }
        // As an end does, word that it goes on shows how long it has lasted.
        let (found, _next) = state.lasted(base.at, authenticated, said.runbook, said.condition);
        found.iter().for_each(|_| count(&mut said.counters.fired));
        said.observation.matches.extend(found);
    }

    /// The state of this key, spoken of now.
    fn state(&mut self, key: StateKey, at: Timestamp, said: &mut Said<'_>) -> &mut State {
        if self.states.len() >= STATES_MAX && !self.states.contains_key(&key) {
            self.make_room(said);
        }
        let state = self.states.entry(key).or_default();
        state.heard = state.heard.max(Some(at));
        state
    }

    /// Takes the end of a state in, whatever `when` says of it. One of a state that is not known is remembered if it is
    /// about a contract: it may have overtaken its begin.
    pub(super) fn end(&mut self, arriving: &Arriving<'_>, said: &mut Said<'_>) {
        let alert = arriving.alert;
        let Some((key, StatePhase::End)) = key_of(alert) else { return };
        let is_known = self.states.contains_key(&key);
        let concerns = is_known || !said.condition.about(arriving.view).is_empty();
        if arriving.block == Canonicity::Orphaned || !concerns {
            return;
        }
        said.observation.kept = true;
        let at = alert.event_time();
        // Where nobody else has spoken meanwhile, it is the end itself that shows how long it had lasted.
        if let Some(state) = self.states.get_mut(&key) {
            let (found, _next) = state.lasted(at, key.0, said.runbook, said.condition);
            found.iter().for_each(|_| count(&mut said.counters.fired));
            said.observation.matches.extend(found);
        }
        let state = self.state(key, at, said);
        if state.ended.as_ref().is_none_or(|(known, _)| *known < at) {
            state.ended = Some((at, alert.hash.clone()));
        }
        let lasting = said.condition.count().within;
        for (contract, gone) in state.drop_words(&|word| word.at <= at) {
            // What was said after this end has begun the state anew.
            self.next = Some(Timestamp::MIN);
            let Some(entry) = gone.into_iter().next() else { continue };
            let lasted = at.duration_since(entry.at);
            if lasted >= lasting {
                continue;
            }
            if !entry.mark.acted() {
                said.note(Why::Ended);
                continue;
            }
            said.observation.withdrawn.push(Withdrawal {
                runbook: said.runbook.clone(),
                condition: said.condition.id().clone(),
                contract,
                alerts: vec![entry.hash],
                because: format!(
                    "its end was told late: it had lasted {lasted:#}, and {lasting:#} is asked for"
                ),
            });
        }
    }

    fn make_room(&mut self, said: &mut Said<'_>) {
        let first = self.states.iter().min_by_key(|(_, state)| state.heard).map(|(key, _)| key.clone());
        let Some(gone) = first.and_then(|key| self.states.remove(&key)) else { return };
        for word in gone.begun.values().flat_map(Words::all) {
            count(&mut said.counters.displaced);
            said.note(Why::WindowFull(word.hash.clone()));
        }
    }

    /// What has lasted long enough by `clock`.
    pub(super) fn tick(
        &mut self,
        clock: Timestamp,
        runbook: &RunbookId,
        condition: &Condition,
    ) -> Vec<Match> {
        let mut matches = Vec::new();
        if self.next.is_none_or(|next| clock < next) {
            return matches;
        }
        self.next = None;
        for ((authenticated, ..), state) in &mut self.states {
            let (found, next) = state.lasted(clock, *authenticated, runbook, condition);
            matches.extend(found);
            self.next = self.next.into_iter().chain(next).min();
        }
        matches
    }

    /// Marks what is silenced from now on, and what no longer is: a state that still lasts fires at the next look at the
    /// clock.
    pub(super) fn silence(&mut self, runbook: &RunbookId, condition: &Condition, silences: &[ActiveSilence]) {
        self.next = Some(Timestamp::MIN);
        for entry in self.words_mut() {
            entry.muted = silenced(&entry.muted, entry, (runbook, condition, &entry.about), silences);
        }
    }

    /// The block is on the chain: what it began counts in full from the next look at the clock.
    pub(super) fn confirm_block(&mut self, block: &BlockId) {
        self.next = Some(Timestamp::MIN);
        for entry in self.words_mut() {
            if is_open(entry, block) {
                entry.canonicity = Canonicity::Canonical;
            }
        }
    }

    pub(super) fn withdraw(&mut self, retraction: &Alert, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        self.remove(&|authenticated| authenticated == retraction.authenticated, gone)
    }

    pub(super) fn drop_where(&mut self, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        self.remove(&|_| true, gone)
    }

    fn remove(&mut self, on: &dyn Fn(bool) -> bool, gone: &dyn Fn(&Entry) -> bool) -> Removed {
        let mut removed = Removed::default();
        for ((authenticated, ..), state) in self.states.iter_mut().filter(|((trust, ..), _)| on(*trust)) {
            for (contract, words) in state.drop_words(gone) {
                self.next = Some(Timestamp::MIN);
                for word in words {
                    if word.mark.acted() {
                        removed.acted.entry(contract.clone()).or_default().insert(word.hash);
                    } else {
                        let waited = Waited { at: word.at, authenticated: *authenticated, about: word.about };
                        removed.waiting.insert(word.hash, waited);
                    }
                }
            }
        }
        removed
    }

    /// What the clock made of the states about a contract is not taken for done: it is due again.
    pub(super) fn take_back(&mut self, contract: &ContractName) {
        self.next = Some(Timestamp::MIN);
        for words in self.states.values_mut().filter_map(|state| state.begun.get_mut(contract)) {
            words.first_mut().mark = Mark::default();
        }
    }

    /// The alert was not observed.
    pub(super) fn forget(&mut self, hash: &AlertHash, authenticated: bool) {
        for ((trust, ..), state) in &mut self.states {
            if *trust != authenticated {
                continue;
            }
            state.drop_words(&|word| word.hash == *hash);
            self.next = Some(Timestamp::MIN);
            state.ended = state.ended.take().filter(|(_, by)| by != hash);
        }
    }

    pub(super) fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        let own = self.states.iter().filter(|((trust, ..), _)| *trust == authenticated);
        own.map(|(_, state)| state).any(|state| {
            state.begun.values().flat_map(Words::all).any(|word| word.hash == *hash)
                || state.ended.as_ref().is_some_and(|(_, by)| by == hash)
        })
    }

    /// The states the alert spoke of that last and have not fired: about what, and since when.
    pub(super) fn standing(&self, hash: &AlertHash, authenticated: bool) -> Vec<(ContractName, Timestamp)> {
        let own = self.states.iter().filter(|((trust, ..), _)| *trust == authenticated);
        let last = own.flat_map(|(_, state)| &state.begun).filter_map(|(contract, words)| {
            let speaks = words.all().any(|word| word.hash == *hash);
            let first = words.all().next().filter(|first| speaks && !first.mark.taken())?;
            Some((contract.clone(), first.at))
        });
        last.collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.states.values().flat_map(|state| state.begun.values()).flat_map(Words::all)
    }

    fn words_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.states.values_mut().flat_map(|state| state.begun.values_mut()).flat_map(Words::all_mut)
    }

    /// When the oldest of the states that last began.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.entries().map(|entry| entry.at).min()
    }

    /// The alerts that began states, and those that told the last end of each.
    pub(super) fn hashes(&self) -> impl Iterator<Item = &AlertHash> {
        let ends = self.states.values().filter_map(|state| state.ended.as_ref()).map(|(_, hash)| hash);
        self.entries().map(|entry| &entry.hash).chain(ends)
    }

    /// Drops what was last spoken of before `oldest`.
    pub(super) fn prune(&mut self, oldest: Timestamp, authenticated: bool) {
        self.states.retain(|(trust, ..), state| {
            *trust != authenticated || state.heard.is_some_and(|heard| heard >= oldest)
        });
    }
}
