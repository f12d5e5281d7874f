//! The Safe transactions of an incident, by hash: its proposal and the companions.
//!
//! Whoever signs, submits, follows, shows or executes asks here; which of them is the proposal matters only to
//! the stage machine.

use std::borrow::Cow;
use std::collections::BTreeMap;

use alloy::primitives::Address;

use super::companion::{Companion, CompanionRole, CompanionState};
use super::companions::is_approval;
use super::fact::OwnerConfirmation;
use super::names::Purpose;
use super::preparation::Preparation;
use super::state::{Incident, Stage};
use crate::domain::safe::SafeTxHash;

/// A transaction that signers are asked for.
pub(super) struct Asked<'a> {
    pub(super) owners: &'a [Address],
    pub(super) threshold: u64,
    pub(super) confirmed: &'a BTreeMap<Address, OwnerConfirmation>,
}

impl Incident {
    pub(super) fn asked_tx(&self, hash: SafeTxHash) -> Option<Asked<'_>> {
        let confirmed = self.confirmations_of(hash)?;
        let (owners, threshold) = match (&self.preparation, self.companion(hash)) {
            (_, Some(known)) => (known.companion.owners.as_slice(), known.companion.threshold),
            (Some(proposal), None) => (proposal.owners.as_slice(), proposal.threshold),
            (None, None) => return None,
        };
        Some(Asked { owners, threshold, confirmed })
    }

    /// Any transaction of this incident as a proposal: the newest proposal, or a companion.
    pub fn transaction(&self, hash: SafeTxHash) -> Option<Cow<'_, Preparation>> {
        if let Some(preparation) = self.preparation.as_ref().filter(|known| known.safe_tx_hash() == hash) {
            return Some(Cow::Borrowed(preparation));
        }
        self.companions.get(&hash).map(|known| Cow::Owned(known.companion.as_proposal(self.attempt())))
    }

    /// The newest proposal's attempt.
    pub(super) fn attempt(&self) -> u32 {
        self.preparation.as_ref().map_or(1, |preparation| preparation.attempt)
    }

    /// This hash is the newest proposal's.
    pub fn is_proposal(&self, hash: SafeTxHash) -> bool {
        self.preparation.as_ref().is_some_and(|known| known.safe_tx_hash() == hash)
    }

    /// A companion, by its hash.
    pub fn companion(&self, hash: SafeTxHash) -> Option<&CompanionState> {
        self.companions.get(&hash).filter(|_| !self.is_proposal(hash))
    }

    /// The confirmations of a transaction, one an owner.
    pub fn confirmations_of(&self, hash: SafeTxHash) -> Option<&BTreeMap<Address, OwnerConfirmation>> {
        if self.is_proposal(hash) {
            return Some(&self.confirmations);
        }
        self.companions.get(&hash).map(|known| &known.confirmations)
    }

    /// Whether a confirmation would tell nothing new: it is there already, or the owner's own signature is, which stands.
    pub fn has_counted(&self, confirmation: &OwnerConfirmation) -> bool {
        let known = self.confirmations_of(confirmation.safe_tx_hash);
        let known = known.and_then(|known| known.get(&confirmation.owner));
        known.is_some_and(|known| known == confirmation || !is_approval(known))
    }

    /// How many owners confirmed a transaction, and how many must.
    pub fn quorum_of(&self, hash: SafeTxHash) -> Option<(u64, u64)> {
        if self.is_proposal(hash) {
            let needed = self.preparation.as_ref().map(|preparation| preparation.threshold)?;
            return Some((self.confirmed_owners() as u64, needed));
        }
        self.companions.get(&hash).map(|known| (known.confirmed_owners(), known.companion.threshold))
    }

    /// Enough owners confirmed this transaction.
    pub fn has_quorum_of(&self, hash: SafeTxHash) -> bool {
        self.quorum_of(hash).is_some_and(|(have, needed)| have >= needed)
    }

    /// The companions that may still execute, in the order of their hashes.
    pub fn open_companions(&self) -> impl Iterator<Item = (SafeTxHash, &CompanionState)> {
        self.companions.iter().filter(|(_, known)| known.stage.is_open()).map(|(hash, known)| (*hash, known))
    }

    /// The proposal stands and is neither executed nor displaced.
    pub fn proposal_is_open(&self) -> bool {
        match &self.stage {
            Stage::Prepared
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. } => self.preparation.is_some(),
            Stage::Idle
            | Stage::Preparing { .. }
            | Stage::PrepareFailed { .. }
            | Stage::Unneeded
            | Stage::Waiting { .. }
            | Stage::Executed { .. }
            | Stage::Verified { .. } => false,
        }
    }

    /// Somebody outside may know the proposal, and it may still be executed by anyone with enough signatures.
    pub fn proposal_has_left(&self) -> bool {
        self.proposal_is_open() && (self.stage != Stage::Prepared || !self.confirmations.is_empty())
    }

    /// What signers are asked for under a purpose now: the proposal first, then its companions; or rejections.
    pub fn asked_for(&self, purpose: Purpose) -> Vec<SafeTxHash> {
        match purpose {
            Purpose::Sign | Purpose::Coverage => self.asked_for_containment(),
            Purpose::Triage
            | Purpose::Execute
            | Purpose::Blocked
            | Purpose::Command
            | Purpose::EffectLost
            | Purpose::JournalGap => Vec::new(),
            Purpose::Reject => self.wanted_rejections(),
        }
    }

    /// Everything that signers are asked for now.
    pub fn asked(&self) -> Vec<SafeTxHash> {
        let mut asked = self.asked_for(Purpose::Sign);
        asked.extend(self.asked_for(Purpose::Reject));
        asked
    }

    fn asked_for_containment(&self) -> Vec<SafeTxHash> {
        let proposal = self.preparation.as_ref().filter(|_| self.proposal_is_open() && !self.is_stood_down());
        let mut asked: Vec<_> = proposal.iter().map(|preparation| preparation.safe_tx_hash()).collect();
        if !asked.is_empty() {
            let serves = |companion: &Companion| match companion.role {
                CompanionRole::NextNonce => true,
                CompanionRole::Approval { .. } => self.approval_is_asked(companion),
                CompanionRole::Rejection { .. } => false,
            };
            asked.extend(
                self.open_companions().filter(|(_, known)| serves(&known.companion)).map(|(hash, _)| hash),
            );
        }
        asked
    }

    /// All that is asked for under a purpose has enough confirmations.
    pub(super) fn asked_is_signed(&self, purpose: Purpose) -> bool {
        self.asked_for(purpose).into_iter().all(|hash| self.is_signed(hash))
    }
}
