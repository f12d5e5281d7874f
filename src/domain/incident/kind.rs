//! The word by which a fact stands in the journal.
//!
//! *Invariant.* It is the one that its serialised form carries, and it never changes.

use super::fact::Fact;

impl Fact {
    /// The fact's word in the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Reported { .. } => "reported",
            Self::Matched { .. } => "matched",
            Self::Triaged { .. } => "triaged",
            Self::Declared { .. } => "declared",
            Self::Assigned { .. } => "assigned",
            Self::ObjectiveSet { .. } => "objective-set",
            Self::Noted { .. } => "noted",
            Self::ResponseRaised { .. } => "response-raised",
            Self::PreparationStarted { .. } => "preparation-started",
            Self::Prepared(_) => "prepared",
            Self::Unneeded { .. } => "unneeded",
            Self::Waiting { .. } => "waiting",
            Self::PreparationFailed { .. } => "preparation-failed",
            Self::SubmissionStarted { .. } => "submission-started",
            Self::Submitted { .. } => "submitted",
            Self::SubmissionFailed { .. } => "submission-failed",
            Self::Confirmed(_) => "confirmed",
            Self::CompanionPrepared(_) => "companion-prepared",
            Self::ChildSigned { .. } => "child-signed",
            Self::StoodDown { .. } => "stood-down",
            Self::RejectionStarted { .. } => "rejection-started",
            Self::RejectionFailed { .. } => "rejection-failed",
            Self::ApprovalGone { .. } => "approval-gone",
            Self::PresignedReleased { .. } => "presigned-released",
            Self::OwnersChanged { .. } => "owners-changed",
            Self::Superseded { .. } => "superseded",
            Self::ExecutionStarted { .. } => "execution-started",
            Self::ExecutionSigned { .. } => "execution-signed",
            Self::Executed { .. } => "executed",
            Self::ExecutionFailed { .. } => "execution-failed",
            Self::Verified { .. } => "verified",
            Self::EffectMissing { .. } => "effect-missing",
            Self::EffectLost { .. } => "effect-lost",
            Self::PageStarted { .. } => "page-started",
            Self::PageDelivered { .. } => "page-delivered",
            Self::PageFailed { .. } => "page-failed",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Exhausted { .. } => "exhausted",
            Self::JournalGap { .. } => "journal-gap",
            Self::Resolved { .. } => "resolved",
            Self::PostMortemDrafted { .. } => "post-mortem-drafted",
            Self::ActionItemAdded { .. } => "action-item-added",
            Self::ActionItemDone { .. } => "action-item-done",
            Self::Closed { .. } => "closed",
            Self::Received(_) => "received",
            Self::ResponseWaits { .. } => "response-waits",
        }
    }
}
