//! Coverage: could the people who are on call sign for this Safe?
//!
//! An owner counts when somebody who is on call holds its key. An owner that nobody in the roster holds
//! never counts: we would not know whom to wake. Two keys of one person are two signatures, and are said to
//! be: they are lost together. Owners that could not be read are [`Coverage::Unknown`], never covered.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Interval, NestedCoverage, Roster};
use crate::domain::names::PersonId;

/// How many stretches [`coverage_between`] answers at most.
pub const SPANS_MAX: usize = 10_000;

/// Whether a threshold is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// More signatures are available than needed.
    Covered {
        /// How many more.
        margin: u64,
    },
    /// Just enough: one person who does not wake up breaks it.
    Exact,
    /// Not enough.
    Uncovered,
    /// It cannot be told, and counts as not enough.
    Unknown {
        /// Why not.
        cause: String,
    },
}

impl Coverage {
    /// Whether the threshold is met.
    pub fn is_met(&self) -> bool {
        match self {
            Self::Covered { .. } | Self::Exact => true,
            Self::Uncovered | Self::Unknown { .. } => false,
        }
    }
}

/// An owner key in the hands of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignerSlot {
    /// Who signs.
    pub person: PersonId,
    /// As which owner.
    pub owner: Address,
}

/// Who could sign, who could not, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageReport {
    /// The verdict.
    pub state: Coverage,
    /// Signatures available above the threshold; negative when there are too few, zero when unknown.
    pub margin: i64,
    /// Signatures the Safe asks for; zero when unknown.
    pub threshold: u64,
    /// Owner keys whose holder is on call.
    pub available: Vec<SignerSlot>,
    /// Owner keys whose holder is *not* on call: whom to wake as well.
    pub missing: Vec<SignerSlot>,
    /// Owners that nobody in the roster can sign as at this time.
    pub unknown_owners: Vec<Address>,
    /// What a reader should know, one sentence each.
    pub reasons: Vec<String>,
    /// Who holds several keys of this Safe: fewer people than signatures.
    pub one_person_many_keys: Vec<PersonId>,
    /// Where owners are Safes or other contracts: who stands behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<NestedCoverage>,
}

impl CoverageReport {
    /// What is known when the owners could not be read: nothing.
    pub fn unknown(cause: impl Into<String>) -> Self {
        let cause = cause.into();
        Self {
            reasons: vec![cause.clone()],
            state: Coverage::Unknown { cause },
            margin: 0,
            threshold: 0,
            available: Vec::new(),
            missing: Vec::new(),
            unknown_owners: Vec::new(),
            one_person_many_keys: Vec::new(),
            nested: None,
        }
    }
}

/// Whether the people on call at `at` can sign for a Safe with these owners and this threshold.
pub fn coverage(owners: &[Address], threshold: u64, roster: &Roster, at: Timestamp) -> CoverageReport {
    let owners: BTreeSet<Address> = owners.iter().copied().collect();
    let count = u64::try_from(owners.len()).unwrap_or(u64::MAX);
    if threshold == 0 || threshold > count {
        return CoverageReport::unknown(format!(
            "a threshold of {threshold} with {count} owners is none that a Safe can have: the owners were misread"
        ));
    }

    let on_call: BTreeSet<PersonId> = roster.on_call(at).into_iter().collect();
    let (mut available, mut missing, mut unknown_owners) = (Vec::new(), Vec::new(), Vec::new());
    let mut reasons = Vec::new();
    for owner in owners {
        match roster.person_of(owner) {
            Some(person) if person.holds(owner, at) => {
                let slot = SignerSlot { person: person.id.clone(), owner };
                if on_call.contains(&person.id) { available.push(slot) } else { missing.push(slot) }
            }
            Some(person) => {
                reasons.push(format!("{} holds the key of owner {owner}, but not at this time", person.id));
                unknown_owners.push(owner);
            }
            None => {
                reasons.push(format!("owner {owner} is nobody in the roster"));
                unknown_owners.push(owner);
            }
        }
    }

    let have = u64::try_from(available.len()).unwrap_or(u64::MAX);
    let margin = i64::try_from(i128::from(have) - i128::from(threshold)).unwrap_or(i64::MIN);
    let state = match have.checked_sub(threshold) {
        None => Coverage::Uncovered,
        Some(0) => Coverage::Exact,
        Some(margin) => Coverage::Covered { margin },
    };
    let one_person_many_keys = several_keys(available.iter().chain(&missing), &mut reasons);
    if on_call.is_empty() {
        reasons.insert(0, "nobody is on call: no shift and no rotation covers this time".to_owned());
    } else if margin < 0 {
        reasons
            .insert(0, format!("{} needed, and the people on call can give {have}", signatures(threshold)));
    }
    CoverageReport {
        state,
        margin,
        threshold,
        available,
        missing,
        unknown_owners,
        reasons,
        one_person_many_keys,
        nested: None,
    }
}

fn signatures(count: u64) -> String {
    if count == 1 { "1 signature is".to_owned() } else { format!("{count} signatures are") }
}

/// Who holds more than one of `slots`, each with a sentence added to `reasons`.
pub(super) fn several_keys<'a>(
    slots: impl Iterator<Item = &'a SignerSlot>,
    reasons: &mut Vec<String>,
) -> Vec<PersonId> {
    let mut keys: BTreeMap<&PersonId, usize> = BTreeMap::new();
    for slot in slots {
        *keys.entry(&slot.person).or_default() += 1;
    }
    keys.retain(|_, count| *count > 1);
    for (person, count) in &keys {
        reasons.push(format!("{person} holds {count} of the owner keys: they are lost or asleep together"));
    }
    keys.into_keys().cloned().collect()
}

/// A stretch of time in which coverage does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageSpan {
    /// When.
    pub interval: Interval,
    /// What holds during it.
    pub report: CoverageReport,
}

/// Coverage from `within.from` to `within.to`, as stretches that touch; neighbours differ. After
/// [`SPANS_MAX`] stretches the rest is one stretch of [`Coverage::Unknown`], so that nothing looks covered
/// because it was not looked at.
pub fn coverage_between(
    owners: &[Address],
    threshold: u64,
    roster: &Roster,
    within: Interval,
) -> Vec<CoverageSpan> {
    spans(owners, threshold, roster, within, SPANS_MAX)
}

pub(super) fn spans(
    owners: &[Address],
    threshold: u64,
    roster: &Roster,
    within: Interval,
    spans_max: usize,
) -> Vec<CoverageSpan> {
    let mut spans: Vec<CoverageSpan> = Vec::new();
    let mut from = within.from;
    while from < within.to {
        if spans.len() >= spans_max {
            let report = CoverageReport::unknown(format!("not computed beyond {spans_max} changes"));
            spans.push(CoverageSpan { interval: Interval { from, to: within.to }, report });
            break;
        }
        let to = roster.next_change(from).map_or(within.to, |change| change.min(within.to));
        let report = coverage(owners, threshold, roster, from);
        match spans.last_mut() {
            Some(last) if last.report == report => last.interval.to = to,
            Some(_) | None => spans.push(CoverageSpan { interval: Interval { from, to }, report }),
        }
        from = to;
    }
    spans
}
