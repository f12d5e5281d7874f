//! An upgrade through a TimelockController: scheduled, waited for, executed, or cancelled, as the chain says.

use alloy::primitives::{Address, B256, U256, keccak256};

use super::Refusal;
use super::kinds::Inner;
use super::reading::Reader;
use crate::domain::names::ContractName;
use crate::domain::upgrade::calls::abi::{Timelock, Upgrades};
use crate::domain::upgrade::proof::{TimelockProof, UpgradeStep};
use crate::domain::upgrade::timelock::{Operation, OperationState, ROUNDS_MAX, salt};

/// What is to be done at the timelock now.
#[derive(Debug)]
pub(super) struct AtTimelock {
    pub(super) step: UpgradeStep,
    pub(super) operation: Operation,
    pub(super) proof: TimelockProof,
    /// Who proposes, executes and cancels, in a sentence.
    pub(super) roles: String,
}

/// Where an operation stands.
pub(super) async fn state(
    reader: Reader<'_>,
    timelock: Address,
    id: B256,
) -> Result<OperationState, Refusal> {
    let stamp = reader.view(timelock, Timelock::getTimestampCall { id }).await?;
    let stamp = stamp.ok_or_else(|| not_a_timelock(timelock))?;
    Ok(OperationState::of(stamp))
}

fn not_a_timelock(address: Address) -> Refusal {
    Refusal::never(format!("{address} does not answer as a TimelockController does"))
}

/// Every round of an upgrade that was scheduled or may be, and where it stands, as far as rounds were begun.
pub(super) async fn rounds(
    reader: Reader<'_>,
    timelock: Address,
    inner: &Inner,
    runbook: &str,
    action: usize,
) -> Result<Vec<(Operation, OperationState)>, Refusal> {
    let mut rounds = Vec::new();
    for round in 0..ROUNDS_MAX {
        let salt = salt(runbook, action, round);
        let operation = Operation { target: inner.target, data: inner.data.clone(), salt };
        let found = state(reader, timelock, operation.id()).await?;
        rounds.push((operation, found));
        match found {
            // One that was done is behind us; what follows it may be anything.
            OperationState::Done => {}
            OperationState::Unknown | OperationState::Scheduled { .. } => break,
        }
    }
    Ok(rounds)
}

/// What is to be done now.
pub(super) async fn look(
    reader: Reader<'_>,
    timelock: &(ContractName, Address),
    inner: &Inner,
    of: &(crate::domain::names::RunbookId, usize),
) -> Result<AtTimelock, Refusal> {
    let (name, address) = timelock;
    let delay = reader.view(*address, Timelock::getMinDelayCall {}).await?;
    let delay = delay.ok_or_else(|| not_a_timelock(*address))?;
    let delay_s = delay.saturating_to::<u64>();
    let rounds = rounds(reader, *address, inner, of.0.as_str(), of.1).await?;
    let now_s = reader.block.timestamp_s;
    let (operation, step, ready_at_s) = match rounds.into_iter().next_back() {
        Some((operation, OperationState::Scheduled { ready_at_s })) if ready_at_s <= now_s => {
            (operation, UpgradeStep::Execute, ready_at_s)
        }
        Some((operation, OperationState::Scheduled { ready_at_s })) => {
            (operation, UpgradeStep::Waiting, ready_at_s)
        }
        Some((operation, OperationState::Unknown)) => {
            (operation, UpgradeStep::Schedule, now_s.saturating_add(delay_s))
        }
        Some((_, OperationState::Done)) | None => {
            return Err(Refusal::never(format!(
                "this upgrade was done {ROUNDS_MAX} times through {name} and undone each time: write another runbook"
            )));
        }
    };
    let proof = TimelockProof {
        contract: name.clone(),
        address: *address,
        operation: operation.id(),
        delay_s,
        ready_at_s,
    };
    Ok(AtTimelock { step, operation, proof, roles: roles(reader, name, *address).await? })
}

/// Who proposes, executes and cancels, among those the configuration names.
async fn roles(reader: Reader<'_>, name: &ContractName, timelock: Address) -> Result<String, Refusal> {
    let settings = &reader.agent.config.settings;
    let safes: Vec<_> = settings.safes.values().filter(|safe| safe.chain == *reader.chain.name()).collect();
    let mut told = Vec::new();
    for (verb, role) in
        [("proposed", "PROPOSER_ROLE"), ("executed", "EXECUTOR_ROLE"), ("cancelled", "CANCELLER_ROLE")]
    {
        let role = keccak256(role);
        let has = |account| reader.view(timelock, Upgrades::hasRoleCall { role, account });
        let mut holders = Vec::new();
        if has(Address::ZERO).await? == Some(true) {
            holders.push("anybody".to_owned());
        } else {
            for safe in &safes {
                if has(safe.address).await? == Some(true) {
                    holders.push(format!("Safe {}", safe.name));
                }
            }
        }
        let holders = if holders.is_empty() { "nobody named here".to_owned() } else { holders.join(" or ") };
        told.push(format!("{verb} by {holders}"));
    }
    Ok(format!("through {name}, {}", told.join(", ")))
}

/// `getMinDelay`, as `schedule` takes it.
pub(super) fn delay(proof: &TimelockProof) -> U256 {
    U256::from(proof.delay_s)
}
