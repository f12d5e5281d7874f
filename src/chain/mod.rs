//! A chain as seen through several RPC endpoints that must agree with each other.
//!
//! | file | what |
//! |---|---|
//! | [`endpoint`], `transport` | one endpoint: ask, bound, classify |
//! | `quorum` | hear all of them at once, believe what enough of them say |
//! | [`head`] | the newest block they agree on |
//! | [`block_said`] | which block stands at a height |
//! | [`newest`] | both in one request, where the newest block is known already |
//! | [`snapshot`], [`safe_state`] | contract views and Safes at that block, in one request for each endpoint |
//! | `owner_readings` | who owns Safes, and who owns those, one such request a level |
//! | [`simulate`], [`revert`] | what a call would do, and what a revert says |
//! | [`logs`] | events of contracts in a range of blocks |
//! | [`after`] | what would stand on the chain after a call: views and storage words |
//! | [`broadcast`], [`relay`], [`receipt`], [`executions`] | sending a transaction, and what became of it |
//!
//! *Invariants.* No answer is believed that fewer than `agree` endpoints gave. A failure is an error or
//! a missing voice, never an empty result. Reads are pinned to a block by its hash. No URL leaves this
//! module: people see [`EndpointLabel`]s.
//!
//! Its tests against real nodes are in `drill::ground`: an edge does not import the practice ground.
//!
//! It deliberately does not know incidents, runbooks or when to try again: errors say how they may be
//! retried ([`Retry`]), and the caller decides.

pub mod after;
mod ask;
pub mod block_said;
pub mod broadcast;
pub mod endpoint;
pub mod error;
pub mod executions;
pub mod head;
pub mod logs;
pub mod newest;
mod owner_readings;
mod quorum;
pub mod receipt;
pub mod relay;
pub mod revert;
pub mod safe_state;
pub mod simulate;
pub mod snapshot;
mod terms;
mod transport;

use std::collections::BTreeMap;

pub use after::{Aftermath, Look};
pub use block_said::BlockSaid;
pub use broadcast::{BroadcastError, SignedTransaction, TransactionDraft};
pub use endpoint::{Endpoint, EndpointLabel};
pub use error::{ChainError, Retry, RpcError, RpcErrorKind, Statement};
pub use executions::{ExecutionsError, RANGE_MAX_BLOCKS, SafeExecution};
pub use head::BlockRef;
pub use logs::ChainLog;
pub use receipt::{Receipt, ReceiptError};
pub use relay::Relay;
pub use revert::decode_revert;
pub use safe_state::SafeReadError;
pub use simulate::{
    BalanceOverride, SimCall, SimOutcome, SimulateError, SimulateMethod, SimulateRequest, SimulationReport,
    StorageOverride,
};
pub use snapshot::{CallOutcome, Snapshot, SnapshotPlan};

use crate::domain::names::{ChainId, ChainName};
use quorum::{Patience, Said, Vote, agreed, hear};
use serde_json::Value;

/// A chain and the endpoints through which it is seen.
#[derive(Clone, Debug)]
pub struct Chain {
    name: ChainName,
    id: ChainId,
    endpoints: Vec<Endpoint>,
    agree: usize,
    last_seen: newest::LastSeen,
}

/// Endpoints that can never agree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{chain}: {agree} endpoints must agree, but {endpoints} are configured")]
pub struct ImpossibleQuorum {
    chain: ChainName,
    agree: usize,
    endpoints: usize,
}

impl Chain {
    /// Sees chain `id` through `endpoints`, of which `agree` must say the same.
    ///
    /// # Errors
    /// When `agree` is 0 or more than there are endpoints.
    pub fn new(
        name: ChainName,
        id: ChainId,
        mut endpoints: Vec<Endpoint>,
        agree: usize,
    ) -> Result<Self, ImpossibleQuorum> {
        if agree == 0 || agree > endpoints.len() {
            return Err(ImpossibleQuorum { chain: name, agree, endpoints: endpoints.len() });
        }
        tell_apart(&mut endpoints);
        Ok(Self { name, id, endpoints, agree, last_seen: newest::LastSeen::default() })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &ChainName {
        &self.name
    }

    /// The chain id it is configured with.
    pub fn id(&self) -> ChainId {
        self.id
    }

    /// How many endpoints must say the same.
    pub fn agree(&self) -> usize {
        self.agree
    }

    /// How the endpoints are named to people.
    pub fn labels(&self) -> impl Iterator<Item = &EndpointLabel> {
        self.endpoints.iter().map(Endpoint::label)
    }

    /// Asks every endpoint for its chain id.
    ///
    /// # Errors
    /// When one answers another id than configured, or when fewer than `agree` answer.
    pub async fn verify_chain_id(&self) -> Result<(), ChainError> {
        let doing = "asking for the chain id";
        let asks = self.each(|endpoint| async move {
            endpoint.ask::<alloy::primitives::U64>(doing, "eth_chainId", Value::Array(vec![])).await
        });
        // Every voice is wanted: one wrong URL among three is a mistake to be told, not to be outvoted.
        let votes = hear(asks, |_| Patience::Wait).await;
        for vote in &votes {
            if let Some(found) = vote.answer().map(|id| ChainId(id.to())).filter(|found| *found != self.id) {
                return Err(ChainError::WrongChain {
                    chain: self.name.clone(),
                    endpoint: vote.endpoint.clone(),
                    found,
                    expected: self.id,
                });
            }
        }
        self.believe(&votes, doing, |id| format!("chain id {id}")).map(|_| ())
    }

    /// One question for each endpoint, with its label.
    fn each<'a, F>(&'a self, ask: impl Fn(&'a Endpoint) -> F) -> Vec<(EndpointLabel, F)> {
        self.endpoints.iter().map(|endpoint| (endpoint.label().clone(), ask(endpoint))).collect()
    }

    /// Hears until `agree` endpoints gave one same answer, and gives it.
    async fn agree_on<'a, T, F>(
        &'a self,
        doing: &str,
        show: impl Fn(&T) -> String,
        ask: impl Fn(&'a Endpoint) -> F,
    ) -> Result<T, ChainError>
    where
        T: PartialEq + Clone,
        F: Future<Output = Result<T, RpcError>>,
    {
        let votes = hear(self.each(ask), |votes| Patience::until(agreed(votes, self.agree).is_some())).await;
        self.believe(&votes, doing, show)
    }

    /// The value that enough endpoints gave, or an error that says who said what.
    fn believe<T: PartialEq + Clone>(
        &self,
        votes: &[Vote<T>],
        doing: &str,
        show: impl Fn(&T) -> String,
    ) -> Result<T, ChainError> {
        match agreed(votes, self.agree) {
            Some(value) => Ok(value.clone()),
            None => Err(self.no_quorum(votes, doing, show)),
        }
    }

    fn no_quorum<T>(&self, votes: &[Vote<T>], doing: &str, show: impl Fn(&T) -> String) -> ChainError {
        let chain = self.name.clone();
        let doing = doing.to_owned();
        let said = votes.iter().map(|vote| vote.statement(&show)).collect();
        let answers = votes.iter().filter(|vote| matches!(vote.said, Said::Answered(_))).count();
        if answers < self.agree {
            ChainError::Unavailable { chain, doing, agree: self.agree, said }
        } else {
            ChainError::Disagreement { chain, doing, said }
        }
    }

    fn malformed(&self, doing: &str, problem: impl std::fmt::Display) -> ChainError {
        ChainError::Malformed {
            chain: self.name.clone(),
            doing: doing.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// Numbers the endpoints that share a host: what tells them apart is secret.
fn tell_apart(endpoints: &mut [Endpoint]) {
    let mut count: BTreeMap<EndpointLabel, usize> = BTreeMap::new();
    for endpoint in endpoints.iter() {
        *count.entry(endpoint.label().clone()).or_default() += 1;
    }
    let mut number: BTreeMap<EndpointLabel, usize> = BTreeMap::new();
    for endpoint in endpoints {
        let label = endpoint.label().clone();
        if count.get(&label).is_some_and(|count| *count > 1) {
            let number = number.entry(label.clone()).or_default();
            *number += 1;
            endpoint.relabel(label.numbered(*number));
        }
    }
}
