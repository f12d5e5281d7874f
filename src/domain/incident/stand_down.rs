//! Standing down: what left the house and is not wanted any more is called back by a rejection.
//!
//! Published signatures are for ever: a proposal that was only set aside could be executed by anyone, months later.
//! Only a spent nonce calls it back, so a rejection at the same nonce is prepared, and followed until the nonce is
//! spent. Until then the transaction is *loose*, and the incident shows it in red.

use jiff::Timestamp;
use serde::Serialize;

use super::companion::CompanionRole;
use super::containment::retry_at;
use super::due::{Due, Task};
use super::fact::Retry;
use super::names::Purpose;
use super::state::{Incident, Stage, Subject};
use crate::domain::safe::SafeTxHash;

/// A rejection that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "stage")]
pub enum RejectionWork {
    /// It is being built.
    Preparing {
        /// Which attempt.
        attempt: u32,
    },
    /// It could not be.
    Failed {
        /// Which attempt failed.
        attempt: u32,
        /// When the next is due; none: never by itself.
        retry_at: Option<Timestamp>,
        /// In a sentence.
        problem: String,
    },
}

impl Incident {
    /// The proposal is not wanted: it is over, was found to be no incident, or was called off.
    pub fn is_stood_down(&self) -> bool {
        !self.is_live() || self.called_off
    }

    /// What of ours anyone with enough signatures can still execute, and nobody wants any more: the proposal that
    /// was called off, and the variant at the next nonce once its calls were executed.
    pub fn loose(&self) -> Vec<SafeTxHash> {
        let down = self.is_stood_down();
        let mut loose = Vec::new();
        if down && self.proposal_has_left() {
            loose.extend(self.preparation.as_ref().map(|preparation| preparation.safe_tx_hash()));
        }
        if down || matches!(self.stage, Stage::Verified { .. }) {
            let variants = self
                .open_companions()
                .filter(|(_, known)| known.companion.role == CompanionRole::NextNonce && known.has_left());
            loose.extend(variants.map(|(hash, _)| hash));
        }
        loose
    }

    /// What is loose, in a sentence each, for whoever looks at the incident.
    pub fn warnings(&self) -> Vec<String> {
        let each = self.loose().into_iter().filter_map(|hash| {
            let (have, needed) = self.quorum_of(hash)?;
            let known = self.transaction(hash)?;
            let rejection = match self.rejection_of(hash).and_then(|rejection| self.quorum_of(rejection)) {
                Some((have, needed)) => format!("its rejection has {have} of {needed} signatures"),
                None => "its rejection is not prepared yet".to_owned(),
            };
            Some(format!(
                "{} can still be executed by anyone with {needed} signatures at nonce {} of Safe {}, {have} are \
                 there; {rejection}",
                known.describe_calls(),
                known.tx.nonce,
                known.safe
            ))
        });
        each.collect()
    }

    /// The rejection of a transaction, where one was prepared.
    pub fn rejection_of(&self, of: SafeTxHash) -> Option<SafeTxHash> {
        let rejects = CompanionRole::Rejection { of };
        let mut known = self.companions.iter().filter(|(_, known)| known.companion.role == rejects);
        known.next().map(|(hash, _)| *hash)
    }

    /// Rejections that are asked of signers now.
    pub(super) fn wanted_rejections(&self) -> Vec<SafeTxHash> {
        let loose = self.loose();
        let rejections = loose.into_iter().filter_map(|of| self.rejection_of(of));
        rejections
            .filter(|hash| self.companions.get(hash).is_some_and(|known| known.stage.is_open()))
            .collect()
    }

    pub(super) fn stand_down(&mut self) {
        self.called_off = true;
        for purpose in [Purpose::Sign, Purpose::Execute, Purpose::Coverage, Purpose::Blocked] {
            self.close_call(purpose);
        }
    }

    pub(super) fn rejection_failed(
        &mut self,
        of: SafeTxHash,
        attempt: u32,
        problem: &str,
        retry: Retry,
        at: Timestamp,
    ) {
        let retry_at = retry_at(retry, attempt, at);
        self.rejections.insert(of, RejectionWork::Failed { attempt, retry_at, problem: problem.to_owned() });
        let because = format!("the rejection could not be prepared: {problem}");
        self.call(Purpose::Reject, Subject::Preparation, at, because);
    }

    /// Signers are asked for the rejection; whoever executes, once it is signed.
    pub(super) fn call_for_rejection(&mut self, at: Timestamp) {
        let wanted = self.wanted_rejections();
        let Some(first) = wanted.first().and_then(|hash| self.companions.get(hash)) else { return };
        let purpose = first.companion.purpose.clone();
        for hash in &wanted {
            if let Some(CompanionRole::Rejection { of }) =
                self.companions.get(hash).map(|known| known.companion.role)
            {
                self.rejections.remove(&of);
            }
        }
        let (subject, because) = if self.asked_is_signed(Purpose::Reject) {
            (Subject::Signed, format!("enough owners signed {purpose}: execute it"))
        } else if self.is_stood_down() {
            (
                Subject::Itself,
                format!("sign {purpose}: until its nonce is spent anyone can execute what you signed"),
            )
        } else {
            (
                Subject::Leftover,
                format!("sign {purpose}, or let the recovery take its nonce: it could be executed again"),
            )
        };
        self.call(Purpose::Reject, subject, at, because);
    }

    /// Nothing is loose any more.
    pub(super) fn close_rejection_if_done(&mut self) {
        let too_late = self.open_call(Purpose::Reject).is_some_and(|call| call.subject == Subject::TooLate);
        if !too_late && self.loose().is_empty() {
            self.close_call(Purpose::Reject);
        }
    }

    pub(super) fn executed_too_late(&mut self, at: Timestamp) {
        if self.is_stood_down() {
            let because = "what was called off was executed all the same: look whether to recover".to_owned();
            self.call(Purpose::Reject, Subject::TooLate, at, because);
        }
    }
}

/// What standing down leaves to do.
pub(super) fn stand_down_due(incident: &Incident, now: Timestamp, due: &mut Due) {
    // Where containment goes on, the proposal is followed already.
    let follows = incident.is_live();
    for of in incident.loose() {
        if incident.is_proposal(of) && !follows {
            due.tasks.push(Task::Follow { safe_tx_hash: of });
        }
        if incident.rejection_of(of).is_some() {
            continue;
        }
        match incident.rejections.get(&of) {
            None => due.tasks.push(Task::Reject { of, attempt: 1, begun: false }),
            Some(RejectionWork::Preparing { attempt }) => {
                due.tasks.push(Task::Reject { of, attempt: *attempt, begun: true });
            }
            Some(RejectionWork::Failed { attempt, retry_at: Some(at), .. }) => {
                if *at <= now {
                    due.tasks.push(Task::Reject { of, attempt: attempt + 1, begun: false });
                } else {
                    due.at(*at);
                }
            }
            Some(RejectionWork::Failed { retry_at: None, .. }) => {}
        }
    }
}
