//! What may still happen to an incident that is over: what can be executed is followed and called back.

use super::Incident;
use super::about::{About, Step, about};
use super::fact::Fact;
use super::names::Purpose;

impl Incident {
    /// What can still be executed is followed and called back whatever became of the incident.
    pub(super) fn is_of_what_is_loose(&self, fact: &Fact) -> bool {
        self.admit_companion(fact).is_some()
            || match about(fact) {
                About::Transaction(_, step) => ends(&step),
                About::Further => true,
                About::Call(purpose) => purpose == Purpose::Reject,
                About::Answer => self.open_call(Purpose::Reject).is_some(),
                About::Incident => false,
            }
    }
}

/// A proposal that can be executed no more, whoever saw to it.
fn ends(step: &Step<'_>) -> bool {
    match step {
        Step::Superseded | Step::Executed { .. } => true,
        Step::SubmissionStarted { .. }
        | Step::Submitted
        | Step::SubmissionFailed { .. }
        | Step::Confirmed(_)
        | Step::ApprovalGone(_)
        | Step::OwnersChanged { .. }
        | Step::ExecutionStarted { .. }
        | Step::ExecutionSigned
        | Step::ExecutionFailed { .. } => false,
    }
}
