//! How containment moves: prepared, refused, executed, and who is called about it.

use jiff::{SignedDuration, Timestamp};

use super::apply::may_propose;
use super::fact::{Retry, TakenBy};
use super::names::Purpose;
use super::preparation::Preparation;
use super::state::{Incident, Stage, Subject};
use crate::domain::safe::SafeNonce;

/// The longest wait between two attempts at the same task, in seconds.
const RETRY_WAIT_MAX_SECONDS: i64 = 60;

/// When attempt `attempt + 1` is due after attempt `attempt` failed at `at`: 1 s, 2 s, 4 s … 60 s.
/// An emergency does not wait long, and a dead service is not hammered.
pub(super) fn retry_at(retry: Retry, attempt: u32, at: Timestamp) -> Option<Timestamp> {
    match retry {
        Retry::Never => None,
        Retry::Later => {
            let doublings = attempt.saturating_sub(1).min(6);
            let seconds = 1_i64.checked_shl(doublings).unwrap_or(RETRY_WAIT_MAX_SECONDS);
            at.checked_add(SignedDuration::from_secs(seconds.min(RETRY_WAIT_MAX_SECONDS))).ok()
        }
    }
}

impl Incident {
    pub(super) fn prepared(&mut self, preparation: &Preparation, at: Timestamp) {
        let hash = preparation.safe_tx_hash();
        let same = self.preparation.as_ref().is_some_and(|known| known.safe_tx_hash() == hash);
        if !same {
            self.confirmations.clear();
            self.sent = None;
            self.executed_at = None;
            self.close_call(Purpose::Execute);
        }
        self.adopt_companions(preparation);
        self.preparation = Some(preparation.clone());
        self.prepared_at = Some(at);
        self.draft = None;
        self.stage = Stage::Prepared;
        // A nonce that keeps moving is not mended by being prepared for once more.
        if self.open_call(Purpose::Blocked).is_none_or(|call| call.subject != Subject::Race) {
            self.close_call(Purpose::Blocked);
        }
        // A quorum that is not on call is made known at once, before anybody waits for it.
        if preparation.coverage.can_reach_quorum() || self.has_quorum() {
            self.close_call(Purpose::Coverage);
        } else {
            let because = preparation.coverage.sentence(&preparation.safe);
            self.call(Purpose::Coverage, Subject::Safe(preparation.safe.clone()), at, because);
        }
    }

    pub(super) fn preparation_failed(&mut self, attempt: u32, problem: &str, retry: Retry, at: Timestamp) {
        let retry_at = retry_at(retry, attempt, at);
        self.stage = Stage::PrepareFailed { attempt, retry_at, problem: problem.to_owned() };
        let because = format!("no proposal could be prepared: {problem}");
        self.call(Purpose::Blocked, Subject::Preparation, at, because);
    }

    pub(super) fn submission_failed(&mut self, attempt: u32, problem: &str, retry: Retry, at: Timestamp) {
        let retry_at = retry_at(retry, attempt, at);
        self.stage = Stage::SubmitFailed { attempt, retry_at, problem: problem.to_owned() };
        let because =
            format!("the Transaction Service does not have the proposal ({problem}); sign it without");
        self.call(Purpose::Blocked, Subject::Submission, at, because);
    }

    pub(super) fn execution_failed(&mut self, attempt: u32, problem: &str, retry: Retry, at: Timestamp) {
        let retry_at = retry_at(retry, attempt, at);
        self.stage = Stage::ExecuteFailed { attempt, retry_at, problem: problem.to_owned() };
        let because = format!("the confirmed proposal could not be executed: {problem}");
        self.call(Purpose::Blocked, Subject::Execution, at, because);
    }

    pub(super) fn executed(&mut self, success: bool, at: Timestamp) {
        self.executed_at = Some(at);
        self.races_lost = 0;
        self.lost = None;
        self.replan_at = None;
        self.effect_missing = false;
        self.sent = None;
        self.close_call(Purpose::Execute);
        self.close_call(Purpose::Sign);
        self.close_call(Purpose::Coverage);
        self.close_call(Purpose::Blocked);
        if !success {
            let because = "the Safe executed, but the call inside failed".to_owned();
            self.call(Purpose::Blocked, Subject::InnerCall, at, because);
        }
        self.executed_too_late(at);
    }

    /// Whether somebody has to is known to whoever pages: an agent that executes by itself needs nobody.
    pub(super) fn call_for_execution(&mut self, at: Timestamp) {
        let Some(preparation) = &self.preparation else { return };
        if self.executed_at.is_none() && !self.is_stood_down() {
            let because = format!("enough owners signed {}: execute it", preparation.describe_calls());
            self.call(Purpose::Execute, Subject::Itself, at, because);
        }
    }

    /// Who must sign is counted anew: an owner or an approval went.
    pub(super) fn count_anew(&mut self, at: Timestamp) {
        if self.has_quorum() {
            self.call_for_execution(at);
            return;
        }
        self.close_call(Purpose::Execute);
        if may_propose(self) {
            self.call_signers(at);
        }
    }

    /// Another transaction took the nonce. The variant at the next one takes the proposal's place; else it is
    /// prepared anew.
    pub(super) fn superseded(
        &mut self,
        nonce: SafeNonce,
        by: Option<&TakenBy>,
        because: Option<&str>,
        at: Timestamp,
    ) {
        self.close_call(Purpose::Sign);
        self.close_call(Purpose::Execute);
        if !self.is_stood_down() {
            self.race_lost(by, because, at);
        }
        if let Some(variant) = self.variant_at(nonce) {
            self.promote(variant, at);
            self.count_anew(at);
            return;
        }
        self.confirmations.clear();
        self.sent = None;
        self.replan(at);
    }

    pub(super) fn call_signers(&mut self, at: Timestamp) {
        // Whatever is asked of signers is asked once the proposal left the house.
        if self.asked_is_signed(Purpose::Sign) || !self.proposal_has_left() {
            return;
        }
        let Some(preparation) = &self.preparation else { return };
        let because = match &self.lost {
            Some(lost) => format!(
                "sign {} for Safe {} anew: {}",
                preparation.describe_calls(),
                preparation.safe,
                lost.sentence()
            ),
            None => format!("sign {} for Safe {}", preparation.describe_calls(), preparation.safe),
        };
        self.call(Purpose::Sign, Subject::Itself, at, because);
    }
}
