//! How facts move a companion: whether one may follow, and what it changes.
//!
//! A companion's stage is its own. The proposal's moves only where a companion takes its place: the variant at
//! the next nonce, once the nonce moved there.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use jiff::Timestamp;

use super::about::{Step, step};
use super::companion::{Companion, CompanionRole, CompanionStage, CompanionState};
use super::containment::retry_at;
use super::fact::{Fact, OwnerConfirmation};
use super::names::Purpose;
use super::preparation::Preparation;
use super::state::{Incident, Stage, Subject};
use crate::domain::safe::contract_signature::read_alone;
use crate::domain::safe::signature::recover;
use crate::domain::safe::{SafeNonce, SafeTxHash, SignatureKind};

type Admission = Result<(), String>;

impl Incident {
    /// Whether a fact about a companion may follow. None: the fact is not about one.
    pub(super) fn admit_companion(&self, fact: &Fact) -> Option<Admission> {
        let (hash, step) = step(fact)?;
        Some(may_follow(self.companion(hash)?, &step))
    }

    pub(super) fn may_join(&self, companion: &Companion) -> Admission {
        let hash = companion.safe_tx_hash();
        if self.is_proposal(hash) || self.companions.contains_key(&hash) {
            return Err(format!("{hash} is one of its transactions already"));
        }
        if self.preparation.is_none() {
            return Err("no proposal is prepared".to_owned());
        }
        Ok(())
    }

    /// Changes a companion. False: the fact is not about one, or about what is the proposal from now on.
    pub(super) fn change_companion(&mut self, fact: &Fact, at: Timestamp) -> bool {
        let Some((hash, step)) = step(fact).filter(|(hash, _)| self.companion(*hash).is_some()) else {
            return false;
        };
        if matches!(step, Step::Executed { .. }) && self.is_variant(hash) && !self.is_executed() {
            // The same calls were executed at the next nonce: that was the proposal.
            self.promote(hash, at);
            return false;
        }
        if let Some(state) = self.companions.get_mut(&hash) {
            change(state, &step, at);
        }
        match step {
            Step::SubmissionStarted { .. } | Step::OwnersChanged { .. } | Step::ApprovalGone(_) => {
                self.call_signers(at);
                self.call_for_rejection(at);
            }
            Step::Confirmed(_) => {
                if self.asked_is_signed(Purpose::Sign) {
                    self.close_call(Purpose::Sign);
                    self.close_call(Purpose::Coverage);
                }
                self.companion_is_signed(hash, at);
            }
            Step::ExecutionFailed { problem, .. } => {
                let because = format!("{} could not be executed: {problem}", self.purpose_of(hash));
                self.call(Purpose::Blocked, Subject::Execution, at, because);
            }
            Step::Submitted
            | Step::SubmissionFailed { .. }
            | Step::Superseded
            | Step::ExecutionStarted { .. }
            | Step::ExecutionSigned
            | Step::Executed { .. } => {}
        }
        true
    }

    /// The variant waits for the nonce; an approval or a rejection is executed as soon as it is signed.
    fn companion_is_signed(&mut self, hash: SafeTxHash, at: Timestamp) {
        let Some(state) = self.companions.get(&hash).filter(|state| state.has_quorum()) else { return };
        match state.companion.role {
            CompanionRole::NextNonce => {}
            CompanionRole::Approval { .. } => {
                let because = format!("enough owners signed {}: execute it", state.companion.purpose);
                self.call(Purpose::Execute, Subject::Itself, at, because);
            }
            CompanionRole::Rejection { .. } => self.call_for_rejection(at),
        }
    }

    fn purpose_of(&self, hash: SafeTxHash) -> String {
        self.companions.get(&hash).map_or_else(|| hash.to_string(), |state| state.companion.purpose.clone())
    }

    fn is_variant(&self, hash: SafeTxHash) -> bool {
        self.companions.get(&hash).is_some_and(|state| state.companion.role == CompanionRole::NextNonce)
    }

    fn is_executed(&self) -> bool {
        match &self.stage {
            // What is waited for comes after what was executed.
            Stage::Executed { .. } | Stage::Verified { .. } | Stage::Waiting { .. } => true,
            Stage::Idle
            | Stage::Preparing { .. }
            | Stage::PrepareFailed { .. }
            | Stage::Unneeded
            | Stage::Prepared
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. } => false,
        }
    }

    /// A new proposal brings its companions. What of the old ones left the house goes on being followed; a
    /// rejection is of its own.
    pub(super) fn adopt_companions(&mut self, preparation: &Preparation) {
        self.companions.retain(|_, state| match state.companion.role {
            CompanionRole::Rejection { .. } => true,
            CompanionRole::NextNonce | CompanionRole::Approval { .. } => state.has_left(),
        });
        for companion in &preparation.companions {
            self.join(companion);
        }
    }

    pub(super) fn join(&mut self, companion: &Companion) {
        let state = CompanionState::new(companion.clone());
        self.companions.entry(companion.safe_tx_hash()).or_insert(state);
    }

    /// The variant at this nonce, where one is still open.
    pub(super) fn variant_at(&self, nonce: SafeNonce) -> Option<SafeTxHash> {
        let safe = self.preparation.as_ref().map(|preparation| preparation.domain.safe)?;
        self.open_companions()
            .find(|(hash, state)| {
                let companion = &state.companion;
                self.is_variant(*hash) && companion.tx.nonce == nonce && companion.domain.safe == safe
            })
            .map(|(hash, _)| hash)
    }

    /// The variant becomes the proposal, with the signatures it has.
    pub(super) fn promote(&mut self, hash: SafeTxHash, at: Timestamp) {
        let Some(state) = self.companions.remove(&hash) else { return };
        let before = self.preparation.as_ref();
        let mut preparation = state.companion.as_proposal(self.attempt().saturating_add(1));
        if let Some(before) = before {
            preparation.skipped.clone_from(&before.skipped);
            preparation.considered.clone_from(&before.considered);
            preparation.confirmed_on_chain.clone_from(&before.confirmed_on_chain);
        }
        self.preparation = Some(preparation);
        self.confirmations = state.confirmations;
        self.prepared_at = Some(at);
        self.sent = None;
        self.executed_at = None;
        self.stage = match state.stage {
            CompanionStage::Prepared => Stage::Prepared,
            CompanionStage::Submitting { attempt } => Stage::Submitting { attempt },
            CompanionStage::SubmitFailed { attempt, retry_at, problem } => {
                Stage::SubmitFailed { attempt, retry_at, problem }
            }
            CompanionStage::Executing { attempt } => Stage::Executing { attempt },
            CompanionStage::ExecuteFailed { attempt, retry_at, problem } => {
                Stage::ExecuteFailed { attempt, retry_at, problem }
            }
            CompanionStage::Proposed | CompanionStage::Executed { .. } | CompanionStage::Spent => {
                Stage::Proposed
            }
        };
    }
}

fn may_follow(state: &CompanionState, step: &Step<'_>) -> Admission {
    use CompanionStage::{Executing, Prepared, SubmitFailed, Submitting};
    let fits = match step {
        Step::SubmissionStarted { .. } => matches!(state.stage, Prepared | SubmitFailed { .. }),
        Step::Submitted | Step::SubmissionFailed { .. } => matches!(state.stage, Submitting { .. }),
        Step::ExecutionSigned | Step::ExecutionFailed { .. } => matches!(state.stage, Executing { .. }),
        Step::ExecutionStarted { .. } if !state.has_quorum() => {
            return Err("too few owners confirmed".to_owned());
        }
        Step::ApprovalGone(owner) if !state.confirmations.get(owner).is_some_and(needs_chain) => {
            return Err(format!("no approval of {owner} is counted"));
        }
        Step::Confirmed(_)
        | Step::ApprovalGone(_)
        | Step::OwnersChanged { .. }
        | Step::Superseded
        | Step::ExecutionStarted { .. }
        | Step::Executed { .. } => state.stage.is_open(),
    };
    if fits {
        return Ok(());
    }
    Err(format!(
        "{} ({}) is {}",
        state.companion.safe_tx_hash(),
        state.companion.role.words(),
        state.stage.as_str()
    ))
}

fn change(state: &mut CompanionState, step: &Step<'_>, at: Timestamp) {
    let stage = match *step {
        Step::SubmissionStarted { attempt } => CompanionStage::Submitting { attempt },
        Step::Submitted => CompanionStage::Proposed,
        Step::SubmissionFailed { attempt, problem, retry } => {
            let (retry_at, problem) = (retry_at(retry, attempt, at), problem.to_owned());
            CompanionStage::SubmitFailed { attempt, retry_at, problem }
        }
        Step::Superseded => CompanionStage::Spent,
        Step::ExecutionStarted { attempt } => CompanionStage::Executing { attempt },
        Step::ExecutionFailed { attempt, problem, retry } => {
            let (retry_at, problem) = (retry_at(retry, attempt, at), problem.to_owned());
            CompanionStage::ExecuteFailed { attempt, retry_at, problem }
        }
        Step::Executed { transaction, success } => CompanionStage::Executed { transaction, success },
        Step::Confirmed(confirmation) => return count(&mut state.confirmations, confirmation),
        Step::ApprovalGone(owner) => {
            state.confirmations.remove(&owner);
            return;
        }
        Step::OwnersChanged { owners, threshold } => {
            state.companion.owners = owners.to_vec();
            state.companion.threshold = threshold;
            return;
        }
        Step::ExecutionSigned => return,
    };
    state.stage = stage;
}

/// It counts only as long as the chain has it.
pub fn is_approval(confirmation: &OwnerConfirmation) -> bool {
    recover(confirmation.safe_tx_hash, &confirmation.signature)
        .is_ok_and(|recovered| recovered.kind == SignatureKind::ApprovedHash)
}

/// It counts only as long as the chain says so: an approval, or a contract's signature.
pub fn needs_chain(confirmation: &OwnerConfirmation) -> bool {
    read_alone(confirmation.safe_tx_hash, &confirmation.signature).is_ok_and(|read| read.kind.needs_chain())
}

/// The first signature of an owner stands, as at the service; an approval, which the chain may lose, gives way to
/// one that nobody can take back.
pub(super) fn count(
    confirmations: &mut BTreeMap<Address, OwnerConfirmation>,
    confirmation: &OwnerConfirmation,
) {
    let gives_way = confirmations.get(&confirmation.owner).is_none_or(is_approval);
    if gives_way {
        confirmations.insert(confirmation.owner, confirmation.clone());
    }
}
