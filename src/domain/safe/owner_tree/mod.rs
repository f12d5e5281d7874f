//! Safes that own Safes: who stands behind an owner, down to keys.
//!
//! A tree is grown from readings: what was found at each owner's address. Nothing here reads; whoever does
//! asks [`unread_owners`] what is missing, reads it, and asks again, one level at a time.
//!
//! *Invariants.* A tree is finite: a Safe that (through others) owns itself, too deep a chain of Safes and
//! too many Safes are cut there, and the cut says why. What was not read is [`OwnerKind::Unread`], never a
//! key. It does not know who holds a key, or who is on call: that is `domain::roster`.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::ids::SafeAddress;
use super::state::SafeState;

/// Levels of Safes in a tree, the first Safe included. Each level costs its people one more round of
/// signatures and the chain one more transaction; five such rounds are no emergency stop any more.
pub const NESTING_MAX_LEVELS: usize = 6;

/// Safes read for one tree, the first included: each is a dozen reads, and a snapshot takes 2,000.
pub const NESTED_SAFES_MAX: usize = 40;

/// Owners in a tree, those of Safes that occur twice counted twice.
pub const TREE_OWNERS_MAX: usize = 400;

/// What was found at an owner's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerReading {
    /// No code, or the delegation of a key (EIP-7702): a key signs.
    Key,
    /// A Safe.
    Safe(Box<SafeState>),
    /// A contract that is no Safe we know: it answers for itself (EIP-1271), or approves on chain.
    Contract {
        /// Why it is none.
        because: String,
    },
    /// It could not be read.
    Unread {
        /// Why not.
        because: String,
    },
}

/// A Safe and whoever stands behind its owners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerTree {
    /// The Safe.
    pub safe: SafeState,
    /// Its owners, in the contract's order.
    pub owners: Vec<OwnerNode>,
}

/// One owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerNode {
    /// Its address.
    pub address: Address,
    /// What it is.
    pub kind: OwnerKind,
}

/// What an owner is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    /// Somebody's key.
    Key,
    /// Another Safe.
    Safe(Box<OwnerTree>),
    /// Another contract.
    Contract {
        /// Why it is no Safe.
        because: String,
    },
    /// Not looked behind.
    Cut(Cut),
    /// It could not be read.
    Unread {
        /// Why not.
        because: String,
    },
}

/// Why a tree ends where it ought not to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// The Safe owns itself through these, itself first: its approval would wait for itself.
    Cycle(Vec<SafeAddress>),
    /// More than [`NESTING_MAX_LEVELS`] Safes above each other.
    TooDeep,
    /// More than [`NESTED_SAFES_MAX`] Safes or [`TREE_OWNERS_MAX`] owners.
    TooMany,
}

impl Cut {
    /// In a sentence about `owner`.
    pub fn sentence(&self, owner: Address) -> String {
        match self {
            Self::Cycle(through) => {
                let path: Vec<_> = through.iter().map(ToString::to_string).collect();
                format!(
                    "Safe {owner} owns itself ({} owns {owner}): its approval would wait for itself, so it cannot sign",
                    path.join(" owns ")
                )
            }
            Self::TooDeep => format!(
                "owner {owner} stands below {NESTING_MAX_LEVELS} levels of Safes, deeper than is looked: who is behind it is unknown"
            ),
            Self::TooMany => format!(
                "owner {owner} is not looked behind: there are more than {NESTED_SAFES_MAX} Safes or {TREE_OWNERS_MAX} owners below this Safe"
            ),
        }
    }
}

impl OwnerTree {
    /// A tree from what was read. Owners without a reading are unread.
    pub fn grow(safe: &SafeState, readings: &BTreeMap<Address, OwnerReading>) -> Self {
        let full = safes_among(readings) >= NESTED_SAFES_MAX;
        let mut growth = Growth { readings, full, owners: 0, safes: 1 };
        growth.tree(safe, &mut Vec::new())
    }

    /// Whether any owner is something else than a key.
    pub fn is_nested(&self) -> bool {
        self.owners.iter().any(|owner| owner.kind != OwnerKind::Key)
    }

    /// The Safes that are owners of this one, with their trees.
    pub fn children(&self) -> impl Iterator<Item = &OwnerTree> {
        self.owners.iter().filter_map(|owner| match &owner.kind {
            OwnerKind::Safe(child) => Some(child.as_ref()),
            OwnerKind::Key | OwnerKind::Contract { .. } | OwnerKind::Cut(_) | OwnerKind::Unread { .. } => {
                None
            }
        })
    }

    /// The tree of a Safe within this one, itself included.
    pub fn find(&self, safe: SafeAddress) -> Option<&OwnerTree> {
        if self.safe.address == safe {
            return Some(self);
        }
        self.children().find_map(|child| child.find(safe))
    }

    /// Every owner below, with the Safe it owns and how deep that Safe is (0: this one), in order.
    pub fn walk(&self) -> Vec<(usize, &SafeState, &OwnerNode)> {
        let mut found = Vec::new();
        self.walk_into(0, &mut found);
        found
    }

    fn walk_into<'a>(&'a self, depth: usize, found: &mut Vec<(usize, &'a SafeState, &'a OwnerNode)>) {
        for owner in &self.owners {
            found.push((depth, &self.safe, owner));
            if let OwnerKind::Safe(child) = &owner.kind {
                child.walk_into(depth + 1, found);
            }
        }
    }

    /// The addresses that sign with a key or answer for themselves: where the tree ends. Each once.
    pub fn leaves(&self) -> BTreeSet<Address> {
        let ends = |(_, _, owner): (usize, &SafeState, &OwnerNode)| match &owner.kind {
            OwnerKind::Key | OwnerKind::Contract { .. } => Some(owner.address),
            OwnerKind::Safe(_) | OwnerKind::Cut(_) | OwnerKind::Unread { .. } => None,
        };
        self.walk().into_iter().filter_map(ends).collect()
    }

    /// What could not be looked behind, one sentence each.
    pub fn blind_spots(&self) -> Vec<String> {
        let mut spots: Vec<String> = self
            .walk()
            .into_iter()
            .filter_map(|(_, _, owner)| match &owner.kind {
                OwnerKind::Cut(cut) => Some(cut.sentence(owner.address)),
                OwnerKind::Unread { because } => {
                    Some(format!("owner {} could not be read: {because}", owner.address))
                }
                OwnerKind::Key | OwnerKind::Safe(_) | OwnerKind::Contract { .. } => None,
            })
            .collect();
        spots.sort();
        spots.dedup();
        spots
    }

    /// The Safes through which `address` signs for this one: for a direct owner an empty path, else the
    /// child first. The shortest paths first.
    pub fn paths_to(&self, address: Address) -> Vec<Vec<SafeAddress>> {
        let mut paths = Vec::new();
        self.paths_into(address, &mut Vec::new(), &mut paths);
        paths.sort_by_key(Vec::len);
        paths
    }

    fn paths_into(&self, address: Address, path: &mut Vec<SafeAddress>, paths: &mut Vec<Vec<SafeAddress>>) {
        for owner in &self.owners {
            match &owner.kind {
                OwnerKind::Key | OwnerKind::Contract { .. } if owner.address == address => {
                    paths.push(path.clone());
                }
                OwnerKind::Safe(child) => {
                    path.push(child.safe.address);
                    child.paths_into(address, path, paths);
                    path.pop();
                }
                OwnerKind::Key
                | OwnerKind::Contract { .. }
                | OwnerKind::Cut(_)
                | OwnerKind::Unread { .. } => {}
            }
        }
    }
}

/// The owners of these Safes, and of the Safes among them, that nothing is known about yet: what to read
/// next. Empty when the trees are complete, or as large as they may become.
pub fn unread_owners(safes: &[SafeState], readings: &BTreeMap<Address, OwnerReading>) -> BTreeSet<Address> {
    let mut unread = BTreeSet::new();
    if safes_among(readings) >= NESTED_SAFES_MAX {
        return unread;
    }
    let mut level: Vec<&SafeState> = safes.iter().collect();
    let mut seen: BTreeSet<Address> = level.iter().map(|safe| safe.address.0).collect();
    for _ in 0..NESTING_MAX_LEVELS {
        let mut next = Vec::new();
        for owner in level.iter().flat_map(|safe| &safe.owners) {
            match readings.get(owner) {
                None => {
                    unread.insert(*owner);
                }
                Some(OwnerReading::Safe(child)) if seen.insert(*owner) => next.push(child.as_ref()),
                Some(
                    OwnerReading::Safe(_)
                    | OwnerReading::Key
                    | OwnerReading::Contract { .. }
                    | OwnerReading::Unread { .. },
                ) => {}
            }
        }
        level = next;
    }
    unread.into_iter().take(TREE_OWNERS_MAX).collect()
}

fn safes_among(readings: &BTreeMap<Address, OwnerReading>) -> usize {
    readings.values().filter(|reading| matches!(reading, OwnerReading::Safe(_))).count()
}

/// What is counted while a tree grows.
struct Growth<'a> {
    readings: &'a BTreeMap<Address, OwnerReading>,
    /// No more was read because there were too many Safes.
    full: bool,
    owners: usize,
    safes: usize,
}

impl Growth<'_> {
    fn tree(&mut self, safe: &SafeState, above: &mut Vec<SafeAddress>) -> OwnerTree {
        above.push(safe.address);
        let owners = safe
            .owners
            .iter()
            .map(|owner| OwnerNode { address: *owner, kind: self.kind(*owner, above) })
            .collect();
        above.pop();
        OwnerTree { safe: safe.clone(), owners }
    }

    fn kind(&mut self, owner: Address, above: &mut Vec<SafeAddress>) -> OwnerKind {
        self.owners += 1;
        if let Some(place) = above.iter().position(|safe| safe.0 == owner) {
            return OwnerKind::Cut(Cut::Cycle(above.get(place..).unwrap_or_default().to_vec()));
        }
        if self.owners > TREE_OWNERS_MAX {
            return OwnerKind::Cut(Cut::TooMany);
        }
        match self.readings.get(&owner) {
            Some(OwnerReading::Key) => OwnerKind::Key,
            Some(OwnerReading::Contract { because }) => OwnerKind::Contract { because: because.clone() },
            Some(OwnerReading::Unread { because }) => OwnerKind::Unread { because: because.clone() },
            Some(OwnerReading::Safe(_)) if above.len() >= NESTING_MAX_LEVELS => OwnerKind::Cut(Cut::TooDeep),
            Some(OwnerReading::Safe(_)) if self.safes >= NESTED_SAFES_MAX => OwnerKind::Cut(Cut::TooMany),
            Some(OwnerReading::Safe(child)) => {
                self.safes += 1;
                OwnerKind::Safe(Box::new(self.tree(child, above)))
            }
            None if self.full => OwnerKind::Cut(Cut::TooMany),
            None => OwnerKind::Unread { because: "it was not looked at".to_owned() },
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
