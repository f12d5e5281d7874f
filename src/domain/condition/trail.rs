//! Alerts that may be steps of one attack, by what they have in common.
//!
//! A trail is a chain and one value all steps share (whom they accuse, a transaction, a contract). It is complete
//! for a contract when its alerts hold the steps in order of event time, none more than `within` after the
//! first; steps in one block are in order. Consume semantics are those of a window: the alerts that took part
//! are spent for that contract, and one trail fires again only with other alerts for every step.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256};
use jiff::{SignedDuration, Timestamp};

use super::mute::Mute;
use super::truth::Downgrade;
use super::window::{Entry, Mark, doubt_of, span};
use crate::domain::alert::AlertHash;
use crate::domain::names::{ChainId, ContractName};

/// Most trails of one condition; beyond, the one whose newest alert is the oldest makes room.
pub const TRAILS_MAX: usize = 16_384;
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
    /// Which steps it may be.
    pub(super) steps: BTreeSet<usize>,
    /// The contracts it is about, and whether it fell into announced work on them.
    pub(super) contracts: BTreeMap<ContractName, bool>,
    /// What holds back firings that need it, by contract.
    pub(super) muted: BTreeMap<ContractName, Vec<Mute>>,
    /// What it has caused, by contract.
    pub(super) marks: BTreeMap<ContractName, Mark>,
    /// The alert; its own mark, mutes and maintenance are not used.
    pub(super) entry: Entry,
}

impl Print {
    /// The alert as it counts for a contract; `None` when it is about others.
    fn for_contract(&self, contract: &ContractName, anywhere: &[bool]) -> Option<(Entry, BTreeSet<usize>)> {
        let named = self.contracts.get(contract);
        let free = |step: &usize| anywhere.get(*step).copied().unwrap_or(false);
        let steps: BTreeSet<usize> =
            self.steps.iter().copied().filter(|step| named.is_some() || free(step)).collect();
        let mark = self.marks.get(contract).cloned().unwrap_or_default();
        let muted = self.muted.get(contract).cloned().unwrap_or_default();
        let entry = Entry { mark, muted, maintained: named.copied().unwrap_or(false), ..self.entry.clone() };
        (!steps.is_empty()).then_some((entry, steps))
    }
}

/// The alerts of one trail by event time, then hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    prints: BTreeMap<(Timestamp, AlertHash), Print>,
}

impl Trail {
    /// Takes an alert in; gives the one that had to make room.
    pub(super) fn insert(&mut self, print: Print) -> Option<AlertHash> {
        self.prints.insert((print.entry.at, print.entry.hash.clone()), print);
        if self.prints.len() <= TRAIL_ALERTS_MAX {
            return None;
        }
        let idle = self.prints.iter().find(|(_, print)| print.marks.values().all(|mark| !mark.acted()));
        let key = idle.or_else(|| self.prints.iter().next()).map(|(key, _)| key.clone())?;
        self.prints.remove(&key).map(|print| print.entry.hash)
    }

    pub(super) fn remove(&mut self, hash: &AlertHash) -> Option<Print> {
        let key = self.prints.keys().find(|(_, held)| held == hash)?.clone();
        self.prints.remove(&key)
    }

    pub(super) fn holds(&self, hash: &AlertHash) -> bool {
        self.prints.keys().any(|(_, held)| held == hash)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.prints.is_empty()
    }

    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.prints.keys().next_back().map(|(at, _)| *at)
    }

    pub(super) fn prune(&mut self, oldest: Timestamp) {
        self.prints.retain(|(at, _), _| *at >= oldest);
    }

    pub(super) fn prints(&self) -> impl Iterator<Item = &Print> {
        self.prints.values()
    }

    pub(super) fn prints_mut(&mut self) -> impl Iterator<Item = &mut Print> {
        self.prints.values_mut()
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
        let about: Vec<(Entry, BTreeSet<usize>)> =
            self.prints.values().filter_map(|print| print.for_contract(contract, anywhere)).collect();
        let sound: Vec<_> =
            about.iter().filter(|(entry, _)| entry.mark.spent.is_none() && entry.is_sound()).collect();
        if let Some(taken) = in_order(&sound, anywhere.len(), within) {
            return Some((taken, None));
        }
        let open: Vec<_> = about
            .iter()
            .filter(|(entry, _)| entry.mark.spent.is_none() && entry.mark.paged.is_none())
            .collect();
        let heard: Vec<_> = open.iter().copied().filter(|(entry, _)| entry.muted.is_empty()).collect();
        if let Some(taken) = in_order(&heard, anywhere.len(), within) {
            let doubt = doubt_of(&taken);
            return Some((taken, doubt));
        }
        let unheld: Vec<_> = open.into_iter().filter(|(entry, _)| entry.mark.held.is_none()).collect();
        Some((in_order(&unheld, anywhere.len(), within)?, Some(Downgrade::Suppressed)))
    }
}

/// The first complete sequence: for each alert that may be the first step, the earliest next step again and again,
/// which is the shortest that begins there. `alerts` are sorted by time.
fn in_order(
    alerts: &[&(Entry, BTreeSet<usize>)],
    steps: usize,
    within: SignedDuration,
) -> Option<Vec<Entry>> {
    for (first, _) in alerts.iter().filter(|(_, may_be)| may_be.contains(&0)) {
        let mut taken = vec![first.clone()];
        for step in 1..steps {
            let after = taken.last().map_or(first.at, |entry| entry.at);
            let next = alerts.iter().find(|(entry, may_be)| {
                may_be.contains(&step)
                    && entry.at >= after
                    && span(first.at, entry.at) <= within
                    && !taken.iter().any(|taken| taken.hash == entry.hash)
            });
            let Some((next, _)) = next else { break };
            taken.push(next.clone());
        }
        if taken.len() == steps {
            return Some(taken);
        }
    }
    None
}
