//! What would stand on the chain after calls: views and storage words, read on top of a simulation.
//!
//! One `eth_simulateV1` of several blocks for each endpoint: the calls, then the views, then the storage words. A
//! word of a contract that has no view for it is read by putting five instructions in the place of its code, in
//! the last simulated block and nowhere else. A node that cannot do this says so; nothing stands in for it.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::simulate::{SimBlock, SimCallResult, SimulatePayload};
use alloy::rpc::types::state::StateOverride;
use serde::Deserialize;
use serde_json::json;

use super::Chain;
use super::ask::at;
use super::endpoint::Endpoint;
use super::error::RpcError;
use super::head::BlockRef;
use super::quorum::{Patience, agreed, hear};
use super::simulate::{CALLS_MAX, SimOutcome, SimulateError, SimulateRequest};

/// `sload(calldataload(0))`, returned: PUSH1 0, CALLDATALOAD, SLOAD, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
const READ_A_WORD: &[u8] = &[0x60, 0, 0x35, 0x54, 0x60, 0, 0x52, 0x60, 0x20, 0x60, 0, 0xf3];

/// One value after the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// A view.
    View {
        /// Of which contract.
        to: Address,
        /// Calldata.
        data: Bytes,
    },
    /// A storage word.
    Word {
        /// Of which contract.
        address: Address,
        /// Which.
        slot: B256,
    },
}

/// How calls ended, and what stands on the chain after them.
#[derive(Clone, Debug)]
pub struct Aftermath {
    /// How each call ended, in order.
    pub calls: Vec<SimOutcome>,
    /// What each look found, in order: returned bytes, or why there are none.
    pub found: Vec<Result<Bytes, String>>,
}

/// A simulated block, as far as it is of interest.
#[derive(Deserialize)]
struct SimulatedCalls {
    calls: Vec<SimCallResult>,
}

impl Chain {
    /// Runs the calls on top of `block`, then looks.
    ///
    /// # Errors
    /// When too few endpoints say the same, or when there are more than [`CALLS_MAX`] calls and looks. A call that
    /// reverts is a result.
    pub async fn simulate_then(
        &self,
        block: &BlockRef,
        request: &SimulateRequest,
        looks: &[Look],
    ) -> Result<Aftermath, SimulateError> {
        let steps = request.steps.len();
        let all = steps.saturating_add(looks.len());
        if steps == 0 || all > CALLS_MAX {
            return Err(SimulateError::Calls(all));
        }
        let votes = hear(self.each(|endpoint| ask(endpoint, block, request, looks)), |votes| {
            Patience::until(agreed(&essences(votes), self.agree).is_some())
        })
        .await;
        let doing = "looking at what a simulation leaves";
        let words = |outcomes: &Vec<(bool, Bytes)>| format!("{} answers", outcomes.len());
        let essence = self.believe(&essences(&votes), doing, words).map_err(SimulateError::NoQuorum)?;
        let outcomes = votes
            .iter()
            .filter_map(super::quorum::Vote::answer)
            .find(|outcomes| essence_of(outcomes) == essence)
            .cloned()
            .unwrap_or_default();
        let (calls, looked) = outcomes.split_at_checked(steps).unwrap_or((&[], &[]));
        let found = looked.iter().map(|outcome| {
            if outcome.succeeded {
                Ok(outcome.data.clone())
            } else {
                Err(format!("it reverts: {}", super::decode_revert(&outcome.data, &[])))
            }
        });
        // Words were asked behind the views.
        let (mut views, mut words) = (Vec::new(), Vec::new());
        for (index, value) in found.enumerate() {
            let is_view = index < looks.iter().filter(|look| matches!(look, Look::View { .. })).count();
            if is_view { views.push(value) } else { words.push(value) }
        }
        let (mut views, mut words) = (views.into_iter(), words.into_iter());
        let in_order = looks.iter().map(|look| {
            let next = match look {
                Look::View { .. } => views.next(),
                Look::Word { .. } => words.next(),
            };
            next.unwrap_or_else(|| Err("it was not answered".to_owned()))
        });
        Ok(Aftermath { found: in_order.collect(), calls: calls.to_vec() })
    }
}

fn essence_of(outcomes: &[SimOutcome]) -> Vec<(bool, Bytes)> {
    outcomes.iter().map(|outcome| (outcome.succeeded, outcome.data.clone())).collect()
}

fn essences(votes: &[super::quorum::Vote<Vec<SimOutcome>>]) -> Vec<super::quorum::Vote<Vec<(bool, Bytes)>>> {
    votes.iter().map(|vote| vote.map(|outcomes| Ok(essence_of(outcomes)))).collect()
}

async fn ask(
    endpoint: &Endpoint,
    block: &BlockRef,
    request: &SimulateRequest,
    looks: &[Look],
) -> Result<Vec<SimOutcome>, RpcError> {
    let doing = "simulating, and looking at what it leaves";
    let calls = request.steps.iter().map(super::simulate::SimCall::transaction);
    let first = SimBlock::default().with_state_overrides(request.state()).extend_calls(calls);
    let view = |to: Address, data: Bytes| TransactionRequest::default().to(to).input(data.into());
    let views = looks.iter().filter_map(|look| match look {
        Look::View { to, data } => Some(view(*to, data.clone())),
        Look::Word { .. } => None,
    });
    let words = looks.iter().filter_map(|look| match look {
        Look::Word { address, slot } => Some((*address, *slot)),
        Look::View { .. } => None,
    });
    let mut state = StateOverride::default();
    let mut reads = Vec::new();
    for (address, slot) in words {
        state.entry(address).or_default().code = Some(Bytes::from_static(READ_A_WORD));
        reads.push(view(address, Bytes::copy_from_slice(slot.as_slice())));
    }
    let views: Vec<_> = views.collect();
    let mut payload = SimulatePayload::default().extend(first);
    if !views.is_empty() {
        payload = payload.extend(SimBlock::default().extend_calls(views));
    }
    if !reads.is_empty() {
        payload = payload.extend(SimBlock::default().with_state_overrides(state).extend_calls(reads));
    }
    let blocks: Vec<SimulatedCalls> =
        endpoint.ask(doing, "eth_simulateV1", json!([payload, at(block)])).await?;
    let outcomes: Vec<_> = blocks.into_iter().flat_map(|block| block.calls).map(SimOutcome::from).collect();
    let wanted = request.steps.len().saturating_add(looks.len());
    if outcomes.len() == wanted {
        Ok(outcomes)
    } else {
        let problem = format!("{} results for {wanted} calls", outcomes.len());
        Err(RpcError::garbled(endpoint.label(), doing, problem))
    }
}

/// The word in what was found; none where it is something else.
pub fn word(bytes: &Bytes) -> Option<B256> {
    (bytes.len() == 32).then(|| B256::from(U256::from_be_slice(bytes)))
}
