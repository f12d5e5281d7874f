//! Alerts that may be steps of one attack, by what they have in common.
//!
//! A trail is a chain and one value all steps share (whom they accuse, a transaction, a contract). It is complete
//! for a contract when its alerts hold the steps in order of event time, none more than `within` after the
//! first; steps in one block are in order. Consume semantics are those of a window: the alerts that took part
//! are spent for that contract, and one trail fires again only with other alerts for every step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use jiff::{SignedDuration, Timestamp};

use super::mute::Mute;
use super::shelf::Holds;
use super::truth::Downgrade;
use super::window::{Entry, Mark, doubt, doubt_of, span};
use crate::domain::alert::AlertHash;
use crate::domain::names::{ChainId, ContractName};

/// Most trails of one condition; beyond, the one whose newest alert is the oldest makes room, which is counted and
/// noted ([`super::Why::TrailDropped`]).
///
/// The corpus's sample begins 0.55 trails a line, which is 17,000 an hour at a million lines in 33 hours; an hour is what a
/// sequence usually has. A trail takes about 1 KB where alerts name three accounts each, and 2.5 KB where they name one.
pub const TRAILS_MAX: usize = 65_536;
/// Most alerts of one trail; beyond, the oldest that has caused nothing makes room.
pub const TRAIL_ALERTS_MAX: usize = 256;

/// What the steps share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shared {
    Attacker(Address),
    Transaction(B256),
    Contract(ContractName),
}

impl std::fmt::Display for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Attacker(address) => write!(f, "all about the attacker {address}"),
            Self::Transaction(hash) => write!(f, "all about the transaction {hash}"),
            Self::Contract(_) => write!(f, "all about it"),
        }
    }
}

/// A chain, whether anybody could have sent it, and what is shared.
pub(super) type TrailKey = (ChainId, bool, Shared);

/// An alert on a trail. What never changes is shared by all trails it lies on.
#[derive(Clone, Debug)]
pub(super) struct Print {
    /// Which steps it may be.
    pub(super) steps: Arc<BTreeSet<usize>>,
    /// The contracts it is about, and whether it fell into announced work on them.
    pub(super) contracts: Arc<BTreeMap<ContractName, bool>>,
    /// What holds back firings that need it, by contract.
    pub(super) muted: BTreeMap<ContractName, Vec<Mute>>,
    /// What it has caused, by contract.
    pub(super) marks: BTreeMap<ContractName, Mark>,
    /// The alert; its own mark, mutes and maintenance are not used.
    pub(super) entry: Arc<Entry>,
}

/// An alert as it counts for one contract.
struct Seen<'p> {
    print: &'p Print,
    /// Whether it names the contract.
    named: bool,
    maintained: bool,
    mark: Option<&'p Mark>,
    muted: &'p [Mute],
}

impl<'p> Seen<'p> {
    fn new(print: &'p Print, contract: &ContractName) -> Self {
        let named = print.contracts.get(contract);
        Self {
            print,
            named: named.is_some(),
            maintained: named.copied().unwrap_or(false),
            mark: print.marks.get(contract),
            muted: print.muted.get(contract).map_or(&[], Vec::as_slice),
        }
    }

    fn may_be(&self, step: usize, anywhere: &[bool]) -> bool {
        self.print.steps.contains(&step) && (self.named || anywhere.get(step) == Some(&true))
    }

    fn has(&self, caused: fn(&Mark) -> &Option<AlertHash>) -> bool {
        self.mark.is_some_and(|mark| caused(mark).is_some())
    }

    fn is_sound(&self) -> bool {
        self.muted.is_empty() && doubt(self.maintained, self.print.entry.canonicity).is_none()
    }

    fn entry(&self) -> Entry {
        let (mark, muted) = (self.mark.cloned().unwrap_or_default(), self.muted.to_vec());
        Entry { mark, muted, maintained: self.maintained, ..Entry::clone(&self.print.entry) }
    }
}

/// The alerts of one trail. Most have one, so that a list takes a tenth of the room of a tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// By event time, then hash.
    prints: Vec<Print>,
    /// How many may be each step.
    steps: Vec<usize>,
}

impl Print {
    fn key(&self) -> (Timestamp, &AlertHash) {
        (self.entry.at, &self.entry.hash)
    }
}

impl Holds for Trail {
    type Item = Print;

    fn hash_of(print: &Print) -> &AlertHash {
        &print.entry.hash
    }

    fn insert(&mut self, print: Print) -> Option<Print> {
        for step in print.steps.iter() {
            if self.steps.len() <= *step {
                self.steps.resize(step.saturating_add(1), 0);
            }
            self.steps.get_mut(*step).into_iter().for_each(|count| *count = count.saturating_add(1));
        }
        match self.prints.binary_search_by(|held| held.key().cmp(&print.key())) {
            Ok(place) => {
                let before = self.prints.get_mut(place).map(|held| std::mem::replace(held, print));
                before.iter().for_each(|before| self.count_out(before));
            }
            Err(place) => {
                // Mostly there is one, and a list would make room for four.
                self.prints.reserve_exact(usize::from(self.prints.is_empty()));
                self.prints.insert(place, print);
            }
        }
        if self.prints.len() <= TRAIL_ALERTS_MAX {
            return None;
        }
        let idle = self.prints.iter().position(|print| print.marks.values().all(|mark| !mark.acted()));
        self.take_out(idle.unwrap_or_default())
    }

    fn remove(&mut self, hash: &AlertHash) -> Option<Print> {
        let place = self.prints.iter().position(|print| print.entry.hash == *hash)?;
        self.take_out(place)
    }

    fn items(&self) -> impl Iterator<Item = &Print> {
        self.prints.iter()
    }

    fn prune(&mut self, oldest: Timestamp) -> Vec<Print> {
        let old = self.prints.partition_point(|print| print.entry.at < oldest);
        let gone: Vec<Print> = self.prints.drain(..old).collect();
        gone.iter().for_each(|print| self.count_out(print));
        gone
    }

    fn oldest(&self) -> Option<Timestamp> {
        self.prints.first().map(|print| print.entry.at)
    }

    fn newest(&self) -> Option<Timestamp> {
        self.prints.last().map(|print| print.entry.at)
    }
}

impl Trail {
    fn take_out(&mut self, place: usize) -> Option<Print> {
        if place >= self.prints.len() {
            return None;
        }
        let gone = self.prints.remove(place);
        self.count_out(&gone);
        Some(gone)
    }

    fn count_out(&mut self, gone: &Print) {
        for step in gone.steps.iter() {
            self.steps.get_mut(*step).into_iter().for_each(|count| *count = count.saturating_sub(1));
        }
    }

    /// Whether there is an alert for each of so many steps: without, no sequence is complete.
    pub(super) fn has_steps(&self, steps: usize) -> bool {
        self.steps.len() >= steps && self.steps.iter().take(steps).all(|count| *count > 0)
    }

    /// The contracts that alerts on it are about.
    pub(super) fn contracts(&self) -> BTreeSet<ContractName> {
        self.prints.iter().flat_map(|print| print.contracts.keys()).cloned().collect()
    }

    pub(super) fn print_mut(&mut self, at: Timestamp, hash: &AlertHash) -> Option<&mut Print> {
        let place = self.prints.binary_search_by(|held| held.key().cmp(&(at, hash))).ok()?;
        self.prints.get_mut(place)
    }

    pub(super) fn prints_mut(&mut self) -> impl Iterator<Item = &mut Print> {
        self.prints.iter_mut()
    }

    /// The steps for a contract, in order, if they are all there: without doubt, or else for a page, or else to be
    /// held back.
    /// Nothing is spent yet.
    pub(super) fn complete(
        &self,
        contract: &ContractName,
        anywhere: &[bool],
        within: SignedDuration,
    ) -> Option<(Vec<Entry>, Option<Downgrade>)> {
        let fresh = self.prints.iter().map(|print| Seen::new(print, contract));
        let fresh: Vec<Seen<'_>> = fresh.filter(|seen| !seen.has(|mark| &mark.spent)).collect();
        let in_order = |fits: &dyn Fn(&Seen<'_>) -> bool| {
            let fitting: Vec<&Seen<'_>> = fresh.iter().filter(|seen| fits(seen)).collect();
            in_order(&fitting, anywhere, within)
        };
        // Whatever fits is among all that are not spent: where these do not suffice, nothing does.
        in_order(&|_| true)?;
        if let Some(taken) = in_order(&|seen| seen.is_sound()) {
            return Some((taken, None));
        }
        let unpaged = |seen: &Seen<'_>| !seen.has(|mark| &mark.paged);
        if let Some(taken) = in_order(&|seen| unpaged(seen) && seen.muted.is_empty()) {
            let doubt = doubt_of(&taken);
            return Some((taken, doubt));
        }
        let taken = in_order(&|seen| unpaged(seen) && !seen.has(|mark| &mark.held))?;
        Some((taken, Some(Downgrade::Suppressed)))
    }
}

/// The first complete sequence: for each alert that may be the first step, the earliest next step again and again,
/// which is the shortest that begins there. `alerts` are sorted by time.
fn in_order(alerts: &[&Seen<'_>], anywhere: &[bool], within: SignedDuration) -> Option<Vec<Entry>> {
    let steps = anywhere.len();
    for first in alerts.iter().filter(|seen| seen.may_be(0, anywhere)) {
        let began = first.print.entry.at;
        let mut taken = vec![*first];
        for step in 1..steps {
            let after = taken.last().map_or(began, |seen| seen.print.entry.at);
            let from = alerts.partition_point(|seen| seen.print.entry.at < after);
            let mut later = alerts.iter().skip(from);
            let mut reached = later.by_ref().take_while(|seen| span(began, seen.print.entry.at) <= within);
            let next = reached.find(|seen| {
                seen.may_be(step, anywhere)
                    && !taken.iter().any(|taken| taken.print.entry.hash == seen.print.entry.hash)
            });
            let Some(next) = next else { break };
            taken.push(next);
        }
        if taken.len() == steps {
            return Some(taken.into_iter().map(Seen::entry).collect());
        }
    }
    None
}
