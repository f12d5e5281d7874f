//! Alerts that may be steps of one attack, by what they have in common.
//!
//! A trail is a chain and one value all steps share (whom they accuse, a transaction, a contract). It is complete
//! for a contract when its alerts hold the steps in order of event time, none more than `within` after the
//! first; steps in one block are in order. Consume semantics are those of a window: the alerts that took part
//! are spent for that contract, and one trail fires again only with other alerts for every step.

mod best;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use jiff::{SignedDuration, Timestamp};

use super::mute::Mute;
use super::problem::STEPS;
use super::shelf::Holds;
use super::steps::Steps;
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

/// An alert on a trail.
#[derive(Clone, Debug)]
pub(super) struct Print {
    /// Event time.
    pub(super) at: Timestamp,
    /// Which steps it may be.
    pub(super) steps: Steps,
    /// What all trails it lies on share.
    pub(super) seen: Arc<Sighting>,
    /// Mostly there is nothing to say.
    own: Option<Box<Own>>,
}

/// What has become of an alert on a trail.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// What holds back firings that need it, by contract.
    pub(super) muted: BTreeMap<ContractName, Vec<Mute>>,
    /// What it has caused, by contract.
    pub(super) marks: BTreeMap<ContractName, Mark>,
}

static NOTHING: Own = Own { muted: BTreeMap::new(), marks: BTreeMap::new() };

impl Print {
    pub(super) fn new(steps: Steps, seen: Arc<Sighting>, own: Own) -> Self {
        let is_nothing = own.muted.is_empty() && own.marks.is_empty();
        let own = (!is_nothing).then(|| Box::new(own));
        Self { at: seen.entry.at, steps, seen, own }
    }

    pub(super) fn own(&self) -> &Own {
        self.own.as_deref().unwrap_or(&NOTHING)
    }

    pub(super) fn into_own(self) -> Own {
        self.own.map(|own| *own).unwrap_or_default()
    }

    pub(super) fn own_mut(&mut self) -> &mut Own {
        self.own.get_or_insert_default()
    }

    /// What it has caused, if anything.
    pub(super) fn marks_mut(&mut self) -> impl Iterator<Item = (&ContractName, &mut Mark)> {
        self.own.iter_mut().flat_map(|own| own.marks.iter_mut())
    }
}

/// What an alert is on every trail.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    /// The contracts it is about, and whether it fell into announced work on them.
    pub(super) contracts: BTreeMap<ContractName, bool>,
    /// The alert; its own mark, mutes and maintenance are not used.
    pub(super) entry: Entry,
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
        let named = print.seen.contracts.get(contract);
        Self {
            print,
            named: named.is_some(),
            maintained: named.copied().unwrap_or(false),
            mark: print.own().marks.get(contract),
            muted: print.own().muted.get(contract).map_or(&[], Vec::as_slice),
        }
    }

    fn may_be(&self, step: usize, anywhere: &[bool]) -> bool {
        self.print.steps.contains(step) && (self.named || anywhere.get(step) == Some(&true))
    }

    fn has(&self, caused: fn(&Mark) -> &Option<AlertHash>) -> bool {
        self.mark.is_some_and(|mark| caused(mark).is_some())
    }

    fn is_sound(&self) -> bool {
        self.muted.is_empty() && doubt(self.maintained, self.print.seen.entry.canonicity).is_none()
    }

    fn entry(&self) -> Entry {
        let (mark, muted) = (self.mark.cloned().unwrap_or_default(), self.muted.to_vec());
        Entry { mark, muted, maintained: self.maintained, ..self.print.seen.entry.clone() }
    }
}

/// The alerts of one trail by event time, then hash. Most trails have one or two.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    prints: VecDeque<Print>,
    /// How many may be each step.
    steps: [u16; *STEPS.end()],
}

impl Holds for Trail {
    type Item = Print;

    fn hash_of(print: &Print) -> &AlertHash {
        &print.seen.entry.hash
    }

    fn time_of(print: &Print) -> Timestamp {
        print.at
    }

    fn insert(&mut self, print: Print) -> Option<Print> {
        self.count(print.steps, u16::saturating_add);
        match self.place(print.at, &print.seen.entry.hash) {
            Ok(same) => {
                let gone = self.prints.get_mut(same).map(|own| std::mem::replace(own, print));
                gone.iter().for_each(|gone| self.count(gone.steps, u16::saturating_sub));
            }
            Err(between) => {
                // Mostly there is one, and a list would make room for four.
                self.prints.reserve_exact(usize::from(self.prints.is_empty()));
                self.prints.insert(between, print);
            }
        }
        if self.prints.len() <= TRAIL_ALERTS_MAX {
            return None;
        }
        let idle = self.prints.iter().position(|print| print.own().marks.values().all(|mark| !mark.acted()));
        self.take_out(idle.unwrap_or_default())
    }

    fn remove(&mut self, hash: &AlertHash) -> Option<Print> {
        self.take_out(self.prints.iter().position(|print| print.seen.entry.hash == *hash)?)
    }

    fn items(&self) -> impl Iterator<Item = &Print> {
        self.prints.iter()
    }

    fn prune(&mut self, oldest: Timestamp) {
        while self.prints.front().is_some_and(|print| print.at < oldest) {
            self.take_out(0);
        }
    }

    fn newest(&self) -> Option<Timestamp> {
        self.prints.back().map(|print| print.at)
    }
}

impl Trail {
    /// Where the alert is, or where it belongs: mostly behind all others.
    fn place(&self, at: Timestamp, hash: &AlertHash) -> Result<usize, usize> {
        if self.newest().is_none_or(|newest| newest < at) {
            return Err(self.prints.len());
        }
        self.prints.binary_search_by(|print| (print.at, &print.seen.entry.hash).cmp(&(at, hash)))
    }

    fn take_out(&mut self, at: usize) -> Option<Print> {
        let gone = self.prints.remove(at)?;
        self.count(gone.steps, u16::saturating_sub);
        Some(gone)
    }

    fn count(&mut self, steps: Steps, change: fn(u16, u16) -> u16) {
        let counts = self.steps.iter_mut().enumerate().filter(|(step, _)| steps.contains(*step));
        counts.for_each(|(_, count)| *count = change(*count, 1));
    }

    /// Whether there is an alert for each of so many steps: without, no sequence is complete.
    pub(super) fn has_steps(&self, steps: usize) -> bool {
        self.steps.iter().take(steps).all(|count| *count > 0)
    }

    /// The contracts that alerts on it are about.
    pub(super) fn contracts(&self) -> BTreeSet<ContractName> {
        self.prints.iter().flat_map(|print| print.seen.contracts.keys()).cloned().collect()
    }

    pub(super) fn print_mut(&mut self, at: Timestamp, hash: &AlertHash) -> Option<&mut Print> {
        let place = self.place(at, hash).ok()?;
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
        let began = first.print.at;
        let mut taken = vec![*first];
        for step in 1..steps {
            let after = taken.last().map_or(began, |seen| seen.print.at);
            let from = alerts.partition_point(|seen| seen.print.at < after);
            let mut later = alerts.iter().skip(from);
            let mut reached = later.by_ref().take_while(|seen| span(began, seen.print.at) <= within);
            let next = reached.find(|seen| {
                seen.may_be(step, anywhere)
                    && !taken.iter().any(|taken| taken.print.seen.entry.hash == seen.print.seen.entry.hash)
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
