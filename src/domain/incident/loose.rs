//! What may still happen to an incident that is over: what can be executed is followed and called back.

use super::Incident;
use super::fact::Fact;
use super::names::{PageKey, Purpose};

impl Incident {
    /// What can still be executed is followed and called back whatever became of the incident.
    pub(super) fn is_of_what_is_loose(&self, fact: &Fact) -> bool {
        let rejects = |page: &PageKey| page.purpose == Purpose::Reject;
        self.admit_companion(fact).is_some()
            || match fact {
                Fact::CompanionPrepared(_)
                | Fact::RejectionStarted { .. }
                | Fact::RejectionFailed { .. }
                | Fact::Superseded { .. }
                | Fact::Executed { .. } => true,
                Fact::Exhausted { purpose } => *purpose == Purpose::Reject,
                Fact::PageStarted { page, .. }
                | Fact::PageDelivered { page, .. }
                | Fact::PageFailed { page, .. } => rejects(page),
                Fact::Acknowledged { .. } => self.open_call(Purpose::Reject).is_some(),
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
                | Fact::SubmissionStarted { .. }
                | Fact::Submitted { .. }
                | Fact::SubmissionFailed { .. }
                | Fact::Confirmed(_)
                | Fact::StoodDown { .. }
                | Fact::ChildSigned { .. }
                | Fact::ApprovalGone { .. }
                | Fact::OwnersChanged { .. }
                | Fact::ExecutionStarted { .. }
                | Fact::ExecutionSigned { .. }
                | Fact::ExecutionFailed { .. }
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
                | Fact::ResponseWaits { .. } => false,
            }
    }
}
