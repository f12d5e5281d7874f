//! What is due for companions: each is submitted, followed and executed at most once, by its own hash.

use jiff::Timestamp;

use super::apply::may_propose;
use super::companion::{CompanionRole, CompanionStage, CompanionState};
use super::due::{Due, Task, World};
use super::state::{Incident, Stage};
use crate::domain::safe::SafeTxHash;

/// Tasks for every companion that may still execute.
pub(super) fn companions_due(incident: &Incident, world: &World<'_>, now: Timestamp, due: &mut Due) {
    for (hash, state) in incident.open_companions() {
        let one = One { incident, world, now, hash, state };
        one.due(due);
    }
}

struct One<'a> {
    incident: &'a Incident,
    world: &'a World<'a>,
    now: Timestamp,
    hash: SafeTxHash,
    state: &'a CompanionState,
}

impl One<'_> {
    fn due(&self, due: &mut Due) {
        let safe_tx_hash = self.hash;
        let wanted = self.is_wanted();
        match &self.state.stage {
            CompanionStage::Prepared if wanted => {
                due.tasks.push(Task::Submit { safe_tx_hash, attempt: 1, begun: false });
            }
            CompanionStage::Submitting { attempt } if wanted => {
                due.tasks.push(Task::Submit { safe_tx_hash, attempt: *attempt, begun: true });
            }
            CompanionStage::SubmitFailed { attempt, retry_at, .. } if wanted && self.world.can_propose => {
                if waited(*retry_at, self.now, due) {
                    due.tasks.push(Task::Submit { safe_tx_hash, attempt: attempt + 1, begun: false });
                }
            }
            CompanionStage::Prepared
            | CompanionStage::Submitting { .. }
            | CompanionStage::SubmitFailed { .. }
            | CompanionStage::Proposed
            | CompanionStage::Executing { .. }
            | CompanionStage::ExecuteFailed { .. }
            | CompanionStage::Executed { .. }
            | CompanionStage::Spent => {}
        }
        self.execution(wanted, due);
        if wanted || self.state.has_left() {
            due.tasks.push(Task::Follow { safe_tx_hash });
        }
    }

    fn execution(&self, wanted: bool, due: &mut Due) {
        let by_itself = match self.state.companion.role {
            // Its turn is the proposal's turn: once the nonce moved there it is the proposal.
            CompanionRole::NextNonce => false,
            CompanionRole::Approval { .. } | CompanionRole::Rejection { .. } => self.world.auto_execute,
        };
        if !by_itself {
            return;
        }
        let safe_tx_hash = self.hash;
        let may_begin = wanted && self.state.has_quorum();
        match &self.state.stage {
            CompanionStage::Executing { attempt } => {
                due.tasks.push(Task::Execute { safe_tx_hash, attempt: *attempt, begun: true });
            }
            CompanionStage::ExecuteFailed { attempt, retry_at, .. } if may_begin => {
                if waited(*retry_at, self.now, due) {
                    due.tasks.push(Task::Execute { safe_tx_hash, attempt: attempt + 1, begun: false });
                }
            }
            CompanionStage::Prepared
            | CompanionStage::Submitting { .. }
            | CompanionStage::SubmitFailed { .. }
            | CompanionStage::Proposed
                if may_begin =>
            {
                due.tasks.push(Task::Execute { safe_tx_hash, attempt: 1, begun: false });
            }
            CompanionStage::Prepared
            | CompanionStage::Submitting { .. }
            | CompanionStage::SubmitFailed { .. }
            | CompanionStage::Proposed
            | CompanionStage::ExecuteFailed { .. }
            | CompanionStage::Executed { .. }
            | CompanionStage::Spent => {}
        }
    }

    fn serves_the_proposal(&self) -> bool {
        may_propose(self.incident) && !self.incident.is_stood_down() && self.incident.proposal_is_open()
    }

    /// Whether it serves what the incident wants now.
    fn is_wanted(&self) -> bool {
        match self.state.companion.role {
            // With the proposal, once that is on its way: until then it may be built anew.
            CompanionRole::NextNonce => self.serves_the_proposal() && self.incident.stage != Stage::Prepared,
            CompanionRole::Approval { .. } => {
                self.serves_the_proposal()
                    && (self.incident.stage != Stage::Prepared || self.state.has_left())
                    && self.incident.approval_is_needed(&self.state.companion)
            }
            CompanionRole::Rejection { of } => self.incident.loose().contains(&of),
        }
    }
}

fn waited(retry_at: Option<Timestamp>, now: Timestamp, due: &mut Due) -> bool {
    match retry_at {
        Some(at) if at <= now => true,
        Some(at) => {
            due.at(at);
            false
        }
        None => false,
    }
}
