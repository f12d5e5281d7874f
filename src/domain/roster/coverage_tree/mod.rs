//! Coverage of a Safe whose owners are Safes: whether the people on call can satisfy the thresholds of the
//! whole tree.
//!
//! A Safe can sign when enough of its owners can; a key can when its holder is on call; a person whose key
//! stands in two Safes counts in both. What could not be looked behind may or may not be able to sign: it
//! never makes anything green, and where it would decide, the answer is [`Coverage::Unknown`].
//!
//! The words keep their meaning: *covered* says how many keys may be missing, whichever they are; *exact*,
//! that one key less breaks it. A tree of keys alone is counted by [`coverage`](super::coverage()).

use std::collections::BTreeSet;

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::coverage::{coverage, several_keys};
use super::{Coverage, CoverageReport, Roster, SignerSlot};
use crate::domain::names::PersonId;
use crate::domain::safe::owner_tree::{OwnerKind, OwnerNode, OwnerTree};
use crate::domain::safe::{SafeAddress, SafeVersion};

/// People among whom the fewest are found by trying every set; among more, one after the other is left
/// out as long as the rest suffice.
pub const FEWEST_EXACT_MAX_PEOPLE: usize = 14;

/// What coverage says about a Safe whose owners are not all keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NestedCoverage {
    /// Its own owners that could sign now.
    pub able: u64,
    /// Its owners, and theirs.
    pub owners: Vec<OwnerCoverage>,
    /// The fewest people on call who suffice; empty when they do not.
    pub fewest: Vec<PersonId>,
}

/// One owner in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerCoverage {
    /// Its address.
    pub owner: Address,
    /// `key`, `safe`, `contract` or `unknown`.
    pub kind: String,
    /// Whether it could sign with those on call; none where that is not known.
    pub able: Option<bool>,
    /// Who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Of a Safe: its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SafeVersion>,
    /// Of a Safe: how many of its owners it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u64>,
    /// What is to be known about it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Of a Safe: its owners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<OwnerCoverage>,
}

/// Whether something can be signed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Can {
    No,
    Unknown,
    Yes,
}

/// Whether a Safe reaches its threshold when `signs` says which keys sign.
fn can(tree: &OwnerTree, signs: &impl Fn(Address) -> bool) -> Can {
    let (mut sure, mut possible) = (0_u64, 0_u64);
    for owner in &tree.owners {
        match owner_can(owner, signs) {
            Can::Yes => sure += 1,
            Can::Unknown => possible += 1,
            Can::No => {}
        }
    }
    if sure >= tree.safe.threshold {
        Can::Yes
    } else if sure + possible >= tree.safe.threshold {
        Can::Unknown
    } else {
        Can::No
    }
}

fn owner_can(owner: &OwnerNode, signs: &impl Fn(Address) -> bool) -> Can {
    use crate::domain::safe::owner_tree::Cut;
    match &owner.kind {
        OwnerKind::Key | OwnerKind::Contract { .. } => {
            if signs(owner.address) {
                Can::Yes
            } else {
                Can::No
            }
        }
        OwnerKind::Safe(child) => can(child, signs),
        OwnerKind::Cut(Cut::Cycle(_)) => Can::No,
        OwnerKind::Cut(Cut::TooDeep | Cut::TooMany) | OwnerKind::Unread { .. } => Can::Unknown,
    }
}

/// Who stands behind the owners, and who of them is on call.
struct Behind<'a> {
    roster: &'a Roster,
    at: Timestamp,
    on_call: BTreeSet<PersonId>,
}

impl Behind<'_> {
    fn holder(&self, owner: Address) -> Option<&PersonId> {
        let person = self.roster.person_of(owner)?;
        person.holds(owner, self.at).then_some(&person.id)
    }

    fn signs(&self, owner: Address) -> bool {
        self.holder(owner).is_some_and(|person| self.on_call.contains(person))
    }

    fn owner(&self, owner: &OwnerNode) -> OwnerCoverage {
        let able = match owner_can(owner, &|key| self.signs(key)) {
            Can::Yes => Some(true),
            Can::No => Some(false),
            Can::Unknown => None,
        };
        let mut found = OwnerCoverage {
            owner: owner.address,
            kind: "key".to_owned(),
            able,
            person: self.holder(owner.address).cloned(),
            version: None,
            threshold: None,
            because: None,
            owners: Vec::new(),
        };
        match &owner.kind {
            OwnerKind::Key => {}
            OwnerKind::Safe(child) => {
                found.kind = "safe".to_owned();
                // Its keys sign, whoever the roster says holds its address.
                found.person = None;
                found.version = Some(child.safe.version);
                found.threshold = Some(child.safe.threshold);
                found.owners = child.owners.iter().map(|owner| self.owner(owner)).collect();
            }
            OwnerKind::Contract { because } => {
                found.kind = "contract".to_owned();
                found.because = Some(format!("no Safe ({because}): it answers for itself"));
            }
            OwnerKind::Cut(cut) => {
                found.kind = "unknown".to_owned();
                found.because = Some(cut.sentence(owner.address));
            }
            OwnerKind::Unread { because } => {
                found.kind = "unknown".to_owned();
                found.because = Some(format!("it could not be read: {because}"));
            }
        }
        found
    }
}

/// Whether the people on call at `at` can sign for the Safe of this tree.
pub fn tree_coverage(tree: &OwnerTree, roster: &Roster, at: Timestamp) -> CoverageReport {
    let flat = coverage(&tree.safe.owners, tree.safe.threshold, roster, at);
    // Keys alone; or owners that were misread, which it says.
    if !tree.is_nested() || flat.threshold == 0 {
        return flat;
    }
    let behind = Behind { roster, at, on_call: roster.on_call(at).into_iter().collect() };
    let (mut available, mut missing, mut unknown_owners) = (Vec::new(), Vec::new(), Vec::new());
    let mut reasons = Vec::new();
    for owner in tree.leaves() {
        match roster.person_of(owner) {
            Some(person) if person.holds(owner, at) => {
                let slot = SignerSlot { person: person.id.clone(), owner };
                if behind.on_call.contains(&person.id) { available.push(slot) } else { missing.push(slot) }
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
    let signs = |owner: Address| behind.signs(owner);
    let owners: Vec<OwnerCoverage> = tree.owners.iter().map(|owner| behind.owner(owner)).collect();
    let able = owners.iter().filter(|owner| owner.able == Some(true)).count() as u64;
    let threshold = tree.safe.threshold;
    let blind_spots = tree.blind_spots();
    let short = i64::try_from(i128::from(able) - i128::from(threshold)).unwrap_or(i64::MIN);
    let (state, margin) = match can(tree, &signs) {
        Can::Yes => match keys_to_spare(tree, &available) {
            0 => (Coverage::Exact, 0),
            margin => (Coverage::Covered { margin }, i64::try_from(margin).unwrap_or(i64::MAX)),
        },
        Can::Unknown => (Coverage::Unknown { cause: blind_spots.join("; ") }, 0),
        Can::No => (Coverage::Uncovered, short.min(-1)),
    };
    reasons.extend(blind_spots);
    let one_person_many_keys = several_keys(available.iter().chain(&missing), &mut reasons);
    if behind.on_call.is_empty() {
        reasons.insert(0, "nobody is on call: no shift and no rotation covers this time".to_owned());
    } else if state == Coverage::Uncovered {
        let of = tree.owners.len();
        reasons.insert(
            0,
            format!("{threshold} of {of} owners must sign, and {able} can with the people on call"),
        );
    }
    let fewest = if state.is_met() { fewest(tree, &available) } else { Vec::new() };
    CoverageReport {
        state,
        margin,
        threshold,
        available,
        missing,
        unknown_owners,
        reasons,
        one_person_many_keys,
        nested: Some(NestedCoverage { able, owners, fewest }),
    }
}

/// How many of the available keys may be missing, whichever they are. Never more than there are; where keys
/// stand in several Safes, never more than was tried.
fn keys_to_spare(tree: &OwnerTree, available: &[SignerSlot]) -> u64 {
    let keys: Vec<Address> = available.iter().map(|slot| slot.owner).collect();
    let without =
        |gone: &[Address]| can(tree, &|owner| keys.contains(&owner) && !gone.contains(&owner)) == Can::Yes;
    if !keys.iter().all(|key| without(&[*key])) {
        return 0;
    }
    let pairs =
        keys.iter().enumerate().flat_map(|(at, one)| keys.iter().skip(at + 1).map(move |two| [*one, *two]));
    if !pairs.into_iter().all(|pair| without(&pair)) {
        return 1;
    }
    let spare = losses(tree, &keys).unwrap_or(0).saturating_sub(1);
    let shared = keys.iter().any(|key| tree.paths_to(*key).len() > 1);
    if shared { spare.min(2) } else { spare }
}

/// The fewest keys whose loss makes the Safe unable, as long as no key stands in two places; none when it
/// is unable already.
fn losses(tree: &OwnerTree, keys: &[Address]) -> Option<u64> {
    let mut costs: Vec<u64> = tree
        .owners
        .iter()
        .filter_map(|owner| match &owner.kind {
            OwnerKind::Key | OwnerKind::Contract { .. } => keys.contains(&owner.address).then_some(1),
            OwnerKind::Safe(child) => losses(child, keys),
            OwnerKind::Cut(_) | OwnerKind::Unread { .. } => None,
        })
        .collect();
    let able = costs.len() as u64;
    let breaking = able.checked_sub(tree.safe.threshold)?.saturating_add(1);
    costs.sort_unstable();
    Some(costs.iter().take(usize::try_from(breaking).unwrap_or(usize::MAX)).sum())
}

/// The fewest of the available people who suffice.
fn fewest(tree: &OwnerTree, available: &[SignerSlot]) -> Vec<PersonId> {
    let people: Vec<&PersonId> =
        available.iter().map(|slot| &slot.person).collect::<BTreeSet<_>>().into_iter().collect();
    let suffice = |chosen: &[&PersonId]| {
        let signs =
            |owner| available.iter().any(|slot| slot.owner == owner && chosen.contains(&&slot.person));
        can(tree, &signs) == Can::Yes
    };
    if people.len() <= FEWEST_EXACT_MAX_PEOPLE {
        let chosen = |set: u32| -> Vec<&PersonId> {
            let picks = people.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
            picks.map(|(_, person)| *person).collect()
        };
        let mut sets: Vec<u32> = (1..1_u32 << people.len()).collect();
        sets.sort_by_key(|set| (set.count_ones(), *set));
        let found = sets.into_iter().map(chosen).find(|people| suffice(people));
        return found.unwrap_or_default().into_iter().cloned().collect();
    }
    let mut kept = people.clone();
    for person in people {
        let rest: Vec<&PersonId> = kept.iter().copied().filter(|other| *other != person).collect();
        if suffice(&rest) {
            kept = rest;
        }
    }
    kept.into_iter().cloned().collect()
}

/// The Safes that a person signs for, on the way to the first Safe of the tree: empty for a direct owner.
pub fn ways_of(tree: &OwnerTree, person: &PersonId, roster: &Roster, at: Timestamp) -> Vec<Vec<SafeAddress>> {
    let holds = |owner: &Address| {
        roster.person_of(*owner).is_some_and(|holder| holder.id == *person && holder.holds(*owner, at))
    };
    let mut ways: Vec<_> =
        tree.leaves().iter().filter(|owner| holds(owner)).flat_map(|owner| tree.paths_to(*owner)).collect();
    ways.sort_by_key(Vec::len);
    ways.dedup();
    ways
}

#[cfg(test)]
mod tests;
