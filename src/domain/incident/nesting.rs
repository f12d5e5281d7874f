//! Safes among the owners, as an incident meets them: their approvals are companions, and what the proposal
//! still needs is counted through them.
//!
//! A child Safe signs nothing: its people sign the child's own transaction, that is executed, and the chain
//! then has the child's approval. Until then a child whose people signed enough counts as having answered,
//! never as having confirmed.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolCall;
use serde::Serialize;

use super::companion::{Companion, CompanionRole, CompanionStage, CompanionState};
use super::state::Incident;
use crate::domain::safe::abi::Safe;
use crate::domain::safe::{Operation, SafeAddress, SafeTxHash, multisend};

/// What a child Safe answers its parent, while its owners still sign it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChildMessage {
    /// The parent's transaction.
    pub of: SafeTxHash,
    /// The child.
    pub child: SafeAddress,
    /// Signatures of the child's owners, one each.
    pub signatures: BTreeMap<Address, Bytes>,
}

impl Companion {
    /// The hashes that it approves once it is executed: read from its own calldata. Empty for what is no
    /// approval.
    pub fn approves(&self) -> Vec<SafeTxHash> {
        match self.role {
            CompanionRole::Approval { .. } => {}
            CompanionRole::NextNonce | CompanionRole::Rejection { .. } => return Vec::new(),
        }
        let one = |data: &[u8]| {
            let call = Safe::approveHashCall::abi_decode(data).ok()?;
            Some(SafeTxHash(B256::from(call.hashToApprove)))
        };
        match self.tx.operation {
            Operation::Call => one(&self.tx.data).into_iter().collect(),
            Operation::DelegateCall => {
                let calls = multisend::decode(&self.tx.data).unwrap_or_default();
                calls.iter().filter_map(|call| one(&call.data)).collect()
            }
        }
    }

    /// Whether it is a child Safe's approval.
    pub fn is_approval(&self) -> bool {
        match self.role {
            CompanionRole::Approval { .. } => true,
            CompanionRole::NextNonce | CompanionRole::Rejection { .. } => false,
        }
    }
}

impl Incident {
    /// The approvals of a transaction by Safes that are its owners, those that can never execute left out.
    pub fn approvals_of(&self, hash: SafeTxHash) -> impl Iterator<Item = (SafeTxHash, &CompanionState)> {
        self.companions
            .iter()
            .filter(|(_, known)| known.stage != CompanionStage::Spent)
            .filter(move |(_, known)| known.companion.approves().contains(&hash))
            .map(|(hash, known)| (*hash, known))
    }

    /// Whether a transaction reaches its threshold if, beside those who confirmed, the keys sign for which
    /// `signs` says so: as its owners, or as owners of Safes that are.
    pub fn reaches(&self, hash: SafeTxHash, signs: &dyn Fn(Address) -> bool) -> bool {
        let Some(asked) = self.asked_tx(hash) else { return false };
        let answers = |owner: &&Address| {
            asked.confirmed.contains_key(*owner)
                || signs(**owner)
                || self.approvals_of(hash).any(|(child, known)| {
                    known.companion.domain.safe.0 == **owner && self.reaches(child, signs)
                })
        };
        asked.owners.iter().filter(answers).count() as u64 >= asked.threshold
    }

    /// Nobody has to sign anything more for it, though children may still have to execute their approvals.
    pub fn is_signed(&self, hash: SafeTxHash) -> bool {
        self.reaches(hash, &|_| false)
    }

    pub(super) fn may_be_signed_by_a_child(&self, of: SafeTxHash) -> Result<(), String> {
        match self.transaction(of) {
            Some(_) => Ok(()),
            None => Err(format!("{of} is no transaction of {}", self.id)),
        }
    }

    pub(super) fn child_signed(
        &mut self,
        of: SafeTxHash,
        child: SafeAddress,
        message: SafeTxHash,
        (owner, signature): (Address, Bytes),
    ) {
        let new = ChildMessage { of, child, signatures: BTreeMap::new() };
        let known = self.child_messages.entry(message).or_insert(new);
        known.signatures.entry(owner).or_insert(signature);
    }

    /// Whether this approval still helps something that is wanted and not yet confirmed by enough.
    pub(super) fn approval_is_needed(&self, companion: &Companion) -> bool {
        companion.approves().into_iter().any(|of| {
            let wanted = match self.companion(of) {
                Some(above) if above.companion.is_approval() => {
                    above.stage.is_open() && self.approval_is_needed(&above.companion)
                }
                Some(above) => above.stage.is_open(),
                None => self.is_proposal(of) && self.proposal_is_open(),
            };
            wanted && !self.has_quorum_of(of)
        })
    }

    /// Whether people are still to be asked to sign this approval: it is needed, and what it approves is not
    /// signed for without it.
    pub(super) fn approval_is_asked(&self, companion: &Companion) -> bool {
        self.approval_is_needed(companion)
            && companion.approves().into_iter().any(|of| self.asked_tx(of).is_some() && !self.is_signed(of))
    }

    /// Child Safes whose approval can never execute any more, because their nonce went to something else, and
    /// that have no other one: they must be prepared anew.
    pub fn approvals_lost(&self) -> bool {
        self.companions.values().any(|known| {
            known.stage == CompanionStage::Spent
                && self.approval_is_needed(&known.companion)
                && known.companion.approves().into_iter().any(|of| {
                    let child = known.companion.domain.safe;
                    let again = |other: &CompanionState| other.companion.domain.safe == child;
                    let confirmed = self.confirmations_of(of).is_some_and(|all| all.contains_key(&child.0));
                    !confirmed && !self.approvals_of(of).any(|(_, other)| again(other))
                })
        })
    }
}
