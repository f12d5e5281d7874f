//! Who owns Safes: what stands at each owner's address, and at the owners of those that are Safes.
//!
//! One request for each endpoint and level of nesting. What cannot be read is said to be unread: it is
//! never taken for a key, and never takes the other owners with it.

use std::collections::BTreeMap;

use alloy::primitives::Address;

use super::error::ChainError;
use super::head::BlockRef;
use super::safe_state::SafeReadError;
use super::snapshot::{CallOutcome, READS_MAX, SnapshotPlan};
use super::{Chain, Snapshot};
use crate::domain::safe::owner_tree::{NESTING_MAX_LEVELS, unread_owners};
use crate::domain::safe::{OwnerReading, OwnerTree, SafeAddress, SafeState};

/// The code of a key that has delegated to a contract begins with this (EIP-7702); a key can still sign.
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];

/// Reads that one owner takes: its code, and a dozen if it is a Safe.
const READS_AN_OWNER: usize = 16;

/// An owner's code and, should it be a Safe, all of it.
struct Tickets {
    owner: Address,
    code: super::snapshot::CallTicket,
    safe: super::snapshot::SafeTicket,
}

impl Chain {
    /// What stands at the owners of `safes`, and at the owners of Safes among them, level by level.
    pub async fn owner_readings(
        &self,
        block: &BlockRef,
        safes: &[SafeState],
    ) -> BTreeMap<Address, OwnerReading> {
        let mut readings = BTreeMap::new();
        // As many levels as a tree has, and the first one's owners.
        for _ in 0..=NESTING_MAX_LEVELS {
            let next = unread_owners(safes, &readings);
            if next.is_empty() {
                break;
            }
            let next: Vec<Address> = next.into_iter().collect();
            for owners in next.chunks(READS_MAX / READS_AN_OWNER) {
                self.read_owners(block, owners, &mut readings).await;
            }
        }
        readings
    }

    /// The trees behind these Safes, in their order.
    pub async fn owner_trees(&self, block: &BlockRef, safes: &[SafeState]) -> Vec<OwnerTree> {
        let readings = self.owner_readings(block, safes).await;
        safes.iter().map(|safe| OwnerTree::grow(safe, &readings)).collect()
    }

    async fn read_owners(
        &self,
        block: &BlockRef,
        owners: &[Address],
        readings: &mut BTreeMap<Address, OwnerReading>,
    ) {
        let mut plan = SnapshotPlan::new();
        let tickets: Vec<_> = owners
            .iter()
            .map(|owner| Tickets {
                owner: *owner,
                code: plan.code(*owner),
                safe: plan.safe(SafeAddress(*owner)),
            })
            .collect();
        match self.read(block, plan).await {
            Ok(snapshot) => {
                readings.extend(tickets.iter().map(|tickets| (tickets.owner, reading(&snapshot, tickets))));
            }
            Err(error) => {
                readings.extend(owners.iter().map(|owner| (*owner, unread(&error))));
            }
        }
    }
}

fn reading(snapshot: &Snapshot, tickets: &Tickets) -> OwnerReading {
    let code = match snapshot.call(tickets.code) {
        Ok(CallOutcome::Returned(code)) => code,
        Ok(CallOutcome::Reverted(_)) => {
            return OwnerReading::Unread { because: "asking for its code reverted".to_owned() };
        }
        Err(error) => return unread(&error),
    };
    if code.is_empty() || code.starts_with(&DELEGATION) {
        return OwnerReading::Key;
    }
    match snapshot.safe(tickets.safe) {
        Ok(state) => OwnerReading::Safe(Box::new(state)),
        Err(SafeReadError::NotASafe { reason, .. }) => OwnerReading::Contract { because: reason },
        Err(SafeReadError::Unread { what, source, .. }) => {
            OwnerReading::Unread { because: format!("{what}: {source}") }
        }
        Err(SafeReadError::Foreign(source)) => unread(&source),
    }
}

fn unread(error: &ChainError) -> OwnerReading {
    OwnerReading::Unread { because: error.to_string() }
}
