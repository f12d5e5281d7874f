//! What a fact is about: one of the incident's Safe transactions, a call to people, or the incident itself.
//!
//! The one list by which those decide who care for a transaction and for nothing else: `companions`, and `loose` for
//! what is over. Whether a fact may follow at all is another question, which `admit` answers for each fact by name.

use alloy::primitives::{Address, B256};

use super::fact::{Fact, OwnerConfirmation, Retry};
use super::names::Purpose;
use crate::domain::safe::SafeTxHash;

/// What a fact is about.
pub(super) enum About<'a> {
    /// One of its Safe transactions.
    Transaction(SafeTxHash, Step<'a>),
    /// A further transaction: it is there, it is being built, or it could not be.
    Further,
    /// A call to people.
    Call(Purpose),
    /// Somebody's answer to all that he is asked.
    Answer,
    /// The incident, or its proposal whichever it is.
    Incident,
}

/// A fact about one Safe transaction, as any of them meets it.
pub(super) enum Step<'a> {
    SubmissionStarted { attempt: u32 },
    Submitted,
    SubmissionFailed { attempt: u32, problem: &'a str, retry: Retry },
    Confirmed(&'a OwnerConfirmation),
    ApprovalGone(Address),
    OwnersChanged { owners: &'a [Address], threshold: u64 },
    Superseded,
    ExecutionStarted { attempt: u32 },
    ExecutionSigned,
    ExecutionFailed { attempt: u32, problem: &'a str, retry: Retry },
    Executed { transaction: B256, success: bool },
}

/// What a fact is about.
pub(super) fn about(fact: &Fact) -> About<'_> {
    let (hash, step) = match fact {
        Fact::SubmissionStarted { safe_tx_hash, attempt } => {
            (*safe_tx_hash, Step::SubmissionStarted { attempt: *attempt })
        }
        Fact::Submitted { safe_tx_hash, .. } => (*safe_tx_hash, Step::Submitted),
        Fact::SubmissionFailed { safe_tx_hash, attempt, problem, retry } => {
            (*safe_tx_hash, Step::SubmissionFailed { attempt: *attempt, problem, retry: *retry })
        }
        Fact::Confirmed(confirmation) => (confirmation.safe_tx_hash, Step::Confirmed(confirmation)),
        Fact::ApprovalGone { safe_tx_hash, owner } => (*safe_tx_hash, Step::ApprovalGone(*owner)),
        Fact::OwnersChanged { safe_tx_hash, owners, threshold } => {
            match safe_tx_hash {
                Some(hash) => (*hash, Step::OwnersChanged { owners, threshold: *threshold }),
                // Of the proposal, whichever it is.
                None => return About::Incident,
            }
        }
        Fact::Superseded { safe_tx_hash, .. } => (*safe_tx_hash, Step::Superseded),
        Fact::ExecutionStarted { safe_tx_hash, attempt, .. } => {
            (*safe_tx_hash, Step::ExecutionStarted { attempt: *attempt })
        }
        Fact::ExecutionSigned { safe_tx_hash, .. } => (*safe_tx_hash, Step::ExecutionSigned),
        Fact::ExecutionFailed { safe_tx_hash, attempt, problem, retry } => {
            (*safe_tx_hash, Step::ExecutionFailed { attempt: *attempt, problem, retry: *retry })
        }
        Fact::Executed { safe_tx_hash, transaction, success, .. } => {
            (*safe_tx_hash, Step::Executed { transaction: *transaction, success: *success })
        }
        Fact::CompanionPrepared(_) | Fact::RejectionStarted { .. } | Fact::RejectionFailed { .. } => {
            return About::Further;
        }
        Fact::PageStarted { page, .. } | Fact::PageDelivered { page, .. } | Fact::PageFailed { page, .. } => {
            return About::Call(page.purpose);
        }
        Fact::Exhausted { purpose } => return About::Call(*purpose),
        Fact::Acknowledged { .. } => return About::Answer,
        Fact::Reported { .. }
        | Fact::PresignedReleased { .. }
        | Fact::Waiting { .. }
        | Fact::Matched { .. }
        | Fact::Triaged { .. }
        | Fact::Declared { .. }
        | Fact::Assigned { .. }
        | Fact::ObjectiveSet { .. }
        | Fact::Noted { .. }
        | Fact::ResponseRaised { .. }
        | Fact::PreparationStarted { .. }
        | Fact::Prepared(_)
        | Fact::Unneeded { .. }
        | Fact::PreparationFailed { .. }
        | Fact::ChildSigned { .. }
        | Fact::StoodDown { .. }
        | Fact::Verified { .. }
        | Fact::EffectMissing { .. }
        | Fact::EffectLost { .. }
        | Fact::JournalGap { .. }
        | Fact::Resolved { .. }
        | Fact::PostMortemDrafted { .. }
        | Fact::ActionItemAdded { .. }
        | Fact::ActionItemDone { .. }
        | Fact::Closed { .. }
        | Fact::Received(_)
        | Fact::ResponseWaits { .. } => return About::Incident,
    };
    About::Transaction(hash, step)
}

/// Which transaction a fact is about, and what happened to it. None: it is about none.
pub(super) fn step(fact: &Fact) -> Option<(SafeTxHash, Step<'_>)> {
    match about(fact) {
        About::Transaction(hash, step) => Some((hash, step)),
        About::Further | About::Call(_) | About::Answer | About::Incident => None,
    }
}
