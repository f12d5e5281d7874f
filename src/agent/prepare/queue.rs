//! What stands in the Safe's queue, by purpose.

use std::time::Duration;

use alloy::primitives::hex;

use crate::agent::{Agent, chain_of};
use crate::chain::Chain;
use crate::domain::contract::Contracts;
use crate::domain::incident::preparation::{Displaced, Queue};
use crate::domain::safe::{SafeAddress, SafeState, SafeTx};

/// How long the queue is waited for once the simulation is done: a slow service must not hold up a pause.
const QUEUE_WAIT_MAX: Duration = Duration::from_millis(800);

pub(super) async fn queue(agent: &Agent, chain: &Chain, state: &SafeState) -> Queue {
    let Some(service) = agent.services.get(chain.name()) else {
        return Queue::Unknown(format!("chain {} has no Transaction Service", chain.name()));
    };
    let asked = service.client.queue(state.address, state.nonce);
    match tokio::time::timeout(QUEUE_WAIT_MAX, asked).await {
        Err(_) => Queue::Unknown(format!("{} did not say within {QUEUE_WAIT_MAX:?}", service.name)),
        Ok(Err(error)) => Queue::Unknown(chain_of(&error)),
        Ok(Ok(queued)) => {
            let (ours, behind): (Vec<_>, Vec<_>) =
                queued.into_iter().partition(|queued| queued.tx.nonce == state.nonce);
            let displaced = ours
                .into_iter()
                .map(|queued| Displaced {
                    safe_tx_hash: queued.safe_tx_hash,
                    nonce: queued.tx.nonce,
                    purpose: purpose(&queued.tx, state.address, &agent.config.settings.contracts),
                    confirmations: queued.confirmations.len() as u64,
                })
                .collect();
            Queue::Read { displaced, behind: behind.len() as u64 }
        }
    }
}

/// What a queued transaction does, as far as its calldata tells. Its text never comes from the service.
pub fn purpose(tx: &SafeTx, safe: SafeAddress, contracts: &Contracts) -> String {
    let target = contracts
        .values()
        .find(|contract| contract.address == tx.to)
        .map_or_else(|| tx.to.to_string(), |contract| contract.name.to_string());
    let selector = tx.data.get(..4).map(hex::encode_prefixed);
    match selector {
        None if tx.to == safe.0 => "rejects what is queued at its nonce".to_owned(),
        None => format!("sends {} wei to {target}", tx.value),
        Some(selector) => {
            let function = contracts
                .values()
                .filter(|contract| contract.address == tx.to)
                .flat_map(|contract| contract.abi.functions())
                .find(|function| hex::encode_prefixed(function.selector()) == selector)
                .map(|function| function.signature());
            format!("calls {} of {target}", function.unwrap_or(selector))
        }
    }
}
