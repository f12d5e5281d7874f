//! Races lost: another transaction took the Safe's nonce before ours.
//!
//! The proposal is prepared anew by itself and the signers are asked anew. *Bounded*: a nonce that keeps moving is
//! told to those who can stop it, is answered later and later, and at last by a person.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::fact::TakenBy;
use super::names::Purpose;
use super::state::{Incident, Stage, Subject};
use super::timeline::short;
use crate::domain::safe::{SafeNonce, SafeTxHash};

/// Races lost that are answered at once.
const RACES_AT_ONCE: u32 = 3;

/// After so many lost races nothing is prepared by itself any more: a person raises the response again.
pub const RACES_MAX: u32 = 10;

/// The wait after the first race that is not answered at once, in seconds; it doubles.
const REPLAN_SECONDS: i64 = 30;

/// The longest wait, in seconds.
const REPLAN_SECONDS_MAX: i64 = 900;

/// A race that was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostRace {
    /// Whose signatures are void now.
    pub safe_tx_hash: SafeTxHash,
    /// At which nonce.
    pub nonce: SafeNonce,
    /// What was executed instead, where it is known.
    pub by: Option<TakenBy>,
    /// Why, where its nonce is not what was taken.
    pub because: Option<String>,
}

impl LostRace {
    /// What happened, for whoever signed it.
    pub fn sentence(&self) -> String {
        let hash = short(&self.safe_tx_hash);
        match (&self.because, &self.by) {
            (Some(because), _) => format!("signatures of {hash} are void: {because}"),
            (None, Some(TakenBy { safe_tx_hash, purpose, .. })) => format!(
                "signatures of {hash} are void: {} ({}) was executed at nonce {} before ours",
                short(safe_tx_hash),
                purpose.as_deref().unwrap_or("what it did is not known here"),
                self.nonce
            ),
            (None, None) => format!(
                "signatures of {hash} are void: another transaction was executed at nonce {} before ours",
                self.nonce
            ),
        }
    }
}

/// How long a nonce that moved so often is waited for.
fn wait(races_lost: u32) -> SignedDuration {
    let Some(late) = races_lost.checked_sub(RACES_AT_ONCE + 1) else { return SignedDuration::ZERO };
    SignedDuration::from_secs((REPLAN_SECONDS << late.min(8)).min(REPLAN_SECONDS_MAX))
}

impl Incident {
    pub(super) fn race_lost(&mut self, by: Option<&TakenBy>, because: Option<&str>, at: Timestamp) {
        let Some(preparation) = &self.preparation else { return };
        self.lost = Some(LostRace {
            safe_tx_hash: preparation.safe_tx_hash(),
            nonce: preparation.tx.nonce,
            by: by.cloned(),
            because: because.map(str::to_owned),
        });
        self.races_lost = self.races_lost.saturating_add(1);
        if self.races_lost < RACES_AT_ONCE {
            return;
        }
        let because = format!(
            "the nonce of Safe {} moved under the proposal {} times: stop whoever executes its queue, or contain \
             the harm another way",
            preparation.safe, self.races_lost
        );
        self.call(Purpose::Blocked, Subject::Race, at, because);
    }

    /// Prepared anew: at once, later, or when a person says so.
    pub(super) fn replan(&mut self, at: Timestamp) {
        self.stage = if self.races_lost < RACES_MAX {
            Stage::Idle
        } else {
            let problem = format!(
                "the Safe's nonce moved {RACES_MAX} times before enough owners had signed; `redhandle incident \
                 raise {} propose` tries again",
                self.id
            );
            Stage::PrepareFailed { attempt: self.attempt(), retry_at: None, problem }
        };
        self.replan_at = at.checked_add(wait(self.races_lost)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_that_keeps_moving_is_answered_later_and_later() {
        let waits: Vec<_> = (1..=RACES_MAX).map(|races| wait(races).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 30, 60, 120, 240, 480, 900, 900]);
    }
}
