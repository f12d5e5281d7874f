//! What calls would do at a block, asked of every endpoint at once.
//!
//! One `eth_simulateV1` each: the node's own EVM, so that guards, modules and a layer 2's own rules
//! apply. A node that does not know the method is asked for the first call alone by `eth_call`, and
//! the report says so. Whoever answers must say the same about success and returned data; dissent is
//! an error even where a quorum stands against it, because a pause that one honest node cannot
//! reproduce is something to look at.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::simulate::{SimBlock, SimCallResult, SimulatePayload};
use alloy::rpc::types::state::StateOverride;
use alloy::rpc::types::{Log, TransactionRequest};
use serde::Deserialize;
use serde_json::json;

use super::Chain;
use super::ask::at;
use super::endpoint::Endpoint;
use super::error::{ChainError, Retry, RpcError, RpcErrorKind, Statement};
use super::head::BlockRef;
use super::quorum::{Patience, Vote, agreed, hear};

/// Calls in one simulation at most.
pub const CALLS_MAX: usize = 64;

/// How long the rest is waited for once a quorum stands.
const GRACE: Duration = Duration::from_millis(300);

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimCall {
    /// Who calls; no key is needed.
    pub from: Address,
    /// The called contract.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
    /// Wei sent along.
    pub value: U256,
}

/// A storage word that is assumed instead of read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageOverride {
    /// The contract.
    pub address: Address,
    /// Which word.
    pub slot: B256,
    /// What is assumed.
    pub value: B256,
    /// What this means, as in "the threshold is 1 until real signatures exist".
    pub meaning: String,
}

/// A balance that is assumed instead of read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceOverride {
    /// The account.
    pub address: Address,
    /// Its assumed balance.
    pub wei: U256,
}

/// What to simulate: the calls run one after the other in one block on top of the given one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulateRequest {
    /// The calls, in order; each sees what those before it did.
    pub steps: Vec<SimCall>,
    /// Assumed storage.
    pub overrides: Vec<StorageOverride>,
    /// Assumed balances.
    pub balances: Vec<BalanceOverride>,
}

/// How the answer was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimulateMethod {
    /// `eth_simulateV1`: every call, with gas and logs.
    SimulateV1,
    /// `eth_call` with overrides: the first call alone, no gas, no logs.
    FirstCallOnly,
}

impl std::fmt::Display for SimulateMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::SimulateV1 => "eth_simulateV1",
            Self::FirstCallOnly => "eth_call of the first call alone",
        })
    }
}

/// How one call ended.
#[derive(Clone, Debug)]
pub struct SimOutcome {
    /// Whether it succeeded.
    pub succeeded: bool,
    /// What it returned, or the revert data.
    pub data: Bytes,
    /// Gas used before refunds, where the node says it.
    pub gas_used: Option<u64>,
    /// What it logged; empty too when it failed or when `eth_call` was used.
    pub logs: Vec<Log>,
}

impl SimOutcome {
    /// What endpoints must agree on; gas may differ between releases of a node.
    fn essence(&self) -> (bool, Bytes) {
        (self.succeeded, self.data.clone())
    }

    fn in_words(&self) -> String {
        if self.succeeded {
            format!("succeeded, returning {} bytes", self.data.len())
        } else {
            format!("reverted: {}", super::decode_revert(&self.data, &[]))
        }
    }
}

/// What was simulated, how, and who says so.
#[derive(Clone, Debug)]
pub struct SimulationReport {
    /// The block on which the calls ran.
    pub block: BlockRef,
    /// How it was asked; [`SimulateMethod::FirstCallOnly`] leaves the later calls unproven.
    pub method: SimulateMethod,
    /// How the calls ended, in order: all of them, or the first alone.
    pub calls: Vec<SimOutcome>,
    /// What each endpoint said.
    pub endpoints: Vec<Statement>,
    /// What was assumed instead of read, in words.
    pub assumed: Vec<String>,
}

impl SimulationReport {
    /// Whether every call succeeded, none of them left out.
    pub fn succeeded(&self) -> bool {
        self.method == SimulateMethod::SimulateV1 && self.calls.iter().all(|call| call.succeeded)
    }
}

/// Why there is no result to rely on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SimulateError {
    /// Too few endpoints gave one same result.
    #[error("the simulation has no result that enough endpoints agree on")]
    NoQuorum(#[source] ChainError),
    /// Enough endpoints agree, but another one got something else.
    #[error("an endpoint got another result than the rest")]
    Dissent(Box<SimulationReport>),
    /// No call, or more than [`CALLS_MAX`].
    #[error("{0} calls cannot be simulated: it must be 1 to {CALLS_MAX}")]
    Calls(usize),
}

impl SimulateError {
    /// When the same may be simulated again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::NoQuorum(source) => source.retry(),
            Self::Dissent(_) => Retry::After,
            Self::Calls(_) => Retry::Never,
        }
    }
}

/// What one endpoint answered.
#[derive(Clone, Debug)]
struct Run {
    method: SimulateMethod,
    calls: Vec<SimOutcome>,
}

type Essence = Vec<(bool, Bytes)>;

impl Run {
    fn essence(&self) -> Essence {
        self.calls.iter().map(SimOutcome::essence).collect()
    }

    fn first(&self) -> Option<(bool, Bytes)> {
        self.calls.first().map(SimOutcome::essence)
    }

    /// Whether it says the same as `other`, as far as both of them went.
    fn agrees_with(&self, other: &Self) -> bool {
        self.calls.iter().zip(&other.calls).all(|(a, b)| a.essence() == b.essence())
    }

    fn in_words(&self) -> String {
        let calls: Vec<_> = self.calls.iter().map(SimOutcome::in_words).collect();
        format!("{}: {}", self.method, calls.join(", then "))
    }
}

impl Chain {
    /// Runs the calls on top of `block` on every endpoint.
    ///
    /// # Errors
    /// When too few endpoints agree, or when one that answered disagrees. A call that reverts is a result.
    pub async fn simulate(
        &self,
        block: &BlockRef,
        request: &SimulateRequest,
    ) -> Result<SimulationReport, SimulateError> {
        if request.steps.is_empty() || request.steps.len() > CALLS_MAX {
            return Err(SimulateError::Calls(request.steps.len()));
        }
        let asks = self.each(|endpoint| run(endpoint, block, request));
        let votes = hear(asks, |votes| Patience::with_grace(self.verdict(votes).is_some(), GRACE)).await;
        let Some(result) = self.verdict(&votes) else {
            return Err(SimulateError::NoQuorum(self.no_quorum(&votes, "simulating", Run::in_words)));
        };
        let dissent = votes.iter().filter_map(Vote::answer).any(|run| !run.agrees_with(&result));
        let report = SimulationReport {
            block: *block,
            method: result.method,
            calls: result.calls,
            endpoints: votes.iter().map(|vote| vote.statement(Run::in_words)).collect(),
            assumed: request.in_words(),
        };
        if dissent { Err(SimulateError::Dissent(Box::new(report))) } else { Ok(report) }
    }

    /// What enough endpoints say: about all calls, or, where too few can run them all, about the first.
    fn verdict(&self, votes: &[Vote<Run>]) -> Option<Run> {
        let full: Vec<Vote<Essence>> = votes
            .iter()
            .filter(|vote| vote.answer().is_some_and(|run| run.method == SimulateMethod::SimulateV1))
            .map(|vote| vote.map(|run| Ok(run.essence())))
            .collect();
        let runs = || votes.iter().filter_map(Vote::answer);
        if full.len() >= self.agree {
            let essence = agreed(&full, self.agree)?;
            return runs().find(|run| run.essence() == *essence).cloned();
        }
        let firsts: Vec<_> = votes.iter().map(|vote| vote.map(|run| Ok(run.first()))).collect();
        let first = agreed(&firsts, self.agree)?;
        let run = runs().find(|run| run.first() == *first)?;
        Some(Run {
            method: SimulateMethod::FirstCallOnly,
            calls: run.calls.iter().take(1).cloned().collect(),
        })
    }
}

impl SimulateRequest {
    fn in_words(&self) -> Vec<String> {
        let storage = self.overrides.iter().map(|o| {
            let slot = U256::from_be_bytes(o.slot.0);
            format!("{} (slot {slot:#x} of {} = {:#x})", o.meaning, o.address, U256::from_be_bytes(o.value.0))
        });
        let balances = self.balances.iter().map(|b| format!("{} holds {} wei", b.address, b.wei));
        storage.chain(balances).collect()
    }

    pub(super) fn state(&self) -> StateOverride {
        let mut state = StateOverride::default();
        for assumed in &self.overrides {
            let account = state.entry(assumed.address).or_default();
            account.state_diff.get_or_insert_default().insert(assumed.slot, assumed.value);
        }
        for assumed in &self.balances {
            state.entry(assumed.address).or_default().balance = Some(assumed.wei);
        }
        state
    }
}

impl SimCall {
    pub(super) fn transaction(&self) -> TransactionRequest {
        TransactionRequest::default()
            .from(self.from)
            .to(self.to)
            .value(self.value)
            .input(self.data.clone().into())
    }
}

async fn run(endpoint: &Endpoint, block: &BlockRef, request: &SimulateRequest) -> Result<Run, RpcError> {
    match simulate_v1(endpoint, block, request).await {
        Ok(calls) => Ok(Run { method: SimulateMethod::SimulateV1, calls }),
        Err(RpcError { kind: RpcErrorKind::Unsupported, .. }) => {
            let call = first_call(endpoint, block, request).await?;
            Ok(Run { method: SimulateMethod::FirstCallOnly, calls: vec![call] })
        }
        Err(error) => Err(error),
    }
}

/// The part of a simulated block that is of interest.
#[derive(Deserialize)]
struct SimulatedCalls {
    calls: Vec<SimCallResult>,
}

async fn simulate_v1(
    endpoint: &Endpoint,
    block: &BlockRef,
    request: &SimulateRequest,
) -> Result<Vec<SimOutcome>, RpcError> {
    let doing = "simulating";
    let calls = request.steps.iter().map(SimCall::transaction);
    let payload = SimulatePayload::default()
        .extend(SimBlock::default().with_state_overrides(request.state()).extend_calls(calls));
    let blocks: Vec<SimulatedCalls> =
        endpoint.ask(doing, "eth_simulateV1", json!([payload, at(block)])).await?;
    let calls: Vec<_> = blocks.into_iter().flat_map(|block| block.calls).map(SimOutcome::from).collect();
    if calls.len() == request.steps.len() {
        Ok(calls)
    } else {
        let problem = format!("{} results for {} calls", calls.len(), request.steps.len());
        Err(RpcError::garbled(endpoint.label(), doing, problem))
    }
}

impl From<SimCallResult> for SimOutcome {
    fn from(result: SimCallResult) -> Self {
        // Some nodes give revert data as returned data, others with the error.
        let data = match result.error {
            Some(error) if result.return_data.is_empty() => error.data.unwrap_or_default(),
            Some(_) | None => result.return_data,
        };
        Self {
            succeeded: result.status,
            data,
            gas_used: Some(result.max_used_gas.unwrap_or(result.gas_used)),
            logs: result.logs,
        }
    }
}

async fn first_call(
    endpoint: &Endpoint,
    block: &BlockRef,
    request: &SimulateRequest,
) -> Result<SimOutcome, RpcError> {
    let call = request.steps.first().map(SimCall::transaction);
    let params = json!([call, at(block), request.state()]);
    let (succeeded, data) = match endpoint.ask::<Bytes>("simulating the first call", "eth_call", params).await
    {
        Ok(data) => (true, data),
        Err(RpcError { kind: RpcErrorKind::Reverted { data }, .. }) => (false, data),
        Err(error) => return Err(error),
    };
    Ok(SimOutcome { succeeded, data, gas_used: None, logs: Vec::new() })
}
