//! Operations of OpenZeppelin's TimelockController.
//!
//! An operation's id is the hash of what it does, so whoever knows runbook and action knows the id. A runbook's
//! upgrade that was done once and undone since is another *round* of it: the salt differs, and so does the id.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::{SolCall, SolValue};

use super::calls::abi::Timelock;

/// How often one upgrade may be done anew through one timelock.
pub const ROUNDS_MAX: u32 = 16;

/// `_DONE_TIMESTAMP` of TimelockController.
const DONE: u64 = 1;

/// One call that a timelock makes after a delay. There is no predecessor: it waits for nothing but time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who is called.
    pub target: Address,
    /// Calldata.
    pub data: Bytes,
    /// Tells it apart from the same call at another time.
    pub salt: B256,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    /// Never scheduled, or cancelled.
    Unknown,
    /// May be executed from this time on, in seconds since 1970.
    Scheduled {
        /// By the chain's clock.
        ready_at_s: u64,
    },
    /// Executed.
    Done,
}

impl OperationState {
    /// What `getTimestamp(id)` means.
    pub fn of(timestamp: U256) -> Self {
        match timestamp.saturating_to::<u64>() {
            0 => Self::Unknown,
            DONE => Self::Done,
            ready_at_s => Self::Scheduled { ready_at_s },
        }
    }
}

impl Operation {
    /// `hashOperation`: its id.
    pub fn id(&self) -> B256 {
        let fields = (self.target, U256::ZERO, self.data.clone(), B256::ZERO, self.salt);
        keccak256(fields.abi_encode_params())
    }

    /// Calldata of `schedule`.
    pub fn schedule(&self, delay_s: U256) -> Bytes {
        Timelock::scheduleCall {
            target: self.target,
            value: U256::ZERO,
            data: self.data.clone(),
            predecessor: B256::ZERO,
            salt: self.salt,
            delay: delay_s,
        }
        .abi_encode()
        .into()
    }

    /// Calldata of `execute`.
    pub fn execute(&self) -> Bytes {
        Timelock::executeCall {
            target: self.target,
            value: U256::ZERO,
            data: self.data.clone(),
            predecessor: B256::ZERO,
            salt: self.salt,
        }
        .abi_encode()
        .into()
    }
}

/// Calldata of `cancel`.
pub fn cancel(id: B256) -> Bytes {
    Timelock::cancelCall { id }.abi_encode().into()
}

/// `hashOperationBatch`: the id of several calls that are scheduled as one.
pub fn batch_id(
    targets: &[Address],
    values: &[U256],
    payloads: &[Bytes],
    predecessor: B256,
    salt: B256,
) -> B256 {
    let fields = (targets.to_vec(), values.to_vec(), payloads.to_vec(), predecessor, salt);
    keccak256(fields.abi_encode_params())
}

/// The salt of a runbook's action, counted from 1, in its `round`, counted from 0.
pub fn salt(runbook: &str, action: usize, round: u32) -> B256 {
    keccak256(format!("redhandle upgrade\n{runbook}\n{action}\n{round}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_timestamp_means() {
        assert_eq!(OperationState::of(U256::ZERO), OperationState::Unknown);
        assert_eq!(OperationState::of(U256::ONE), OperationState::Done);
        assert_eq!(
            OperationState::of(U256::from(1_800_000_000)),
            OperationState::Scheduled { ready_at_s: 1_800_000_000 }
        );
    }

    #[test]
    fn rounds_actions_and_runbooks_have_their_own_salt() {
        let all = [salt("a", 1, 0), salt("a", 1, 1), salt("a", 2, 0), salt("b", 1, 0), salt("a\n1", 0, 0)];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(salt("a", 1, 0), all[0], "the same after a restart");
    }
}
