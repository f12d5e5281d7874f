//! Which Safe transactions were executed, from the Safe's own logs.
//!
//! The Transaction Service may be behind, or blind to a Safe on an L1 singleton; the chain is not. An
//! endpoint that has not reached the last block of the range would answer with fewer logs and no
//! error, so each must show that block, by its hash, together with its logs. Safe 1.0.0 logs only what
//! failed: there the calls that it was sent are read.

mod unlogged;

use alloy::primitives::{B256, Bytes, TxHash, U64};
use alloy::rpc::types::Log;
use alloy::sol_types::{SolCall, SolEvent};
use serde::Deserialize;
use serde_json::json;

use super::Chain;
use super::ask::at;
use super::endpoint::{Endpoint, Question};
use super::error::{ChainError, Retry, RpcError};
use super::head::BlockRef;
use crate::domain::safe::abi::{Safe, SafeBefore1_1_0, execution_in_log};
use crate::domain::safe::{SafeAddress, SafeTxHash, SafeVersion};

/// Blocks in one range at most; hosted providers refuse longer ones, some from 2,000 on.
pub const RANGE_MAX_BLOCKS: u64 = 2_000;

/// An executed Safe transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeExecution {
    /// Which one.
    pub safe_tx_hash: SafeTxHash,
    /// Whether its call succeeded. A failed one has used the nonce all the same.
    pub succeeded: bool,
    /// The chain's transaction that executed it.
    pub transaction: TxHash,
    /// The block's height.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: B256,
}

/// Why executions could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecutionsError {
    /// The range is empty or too long.
    #[error("blocks {from} to {to} are no range of 1 to {RANGE_MAX_BLOCKS} blocks")]
    Range {
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
    },
    /// Too few endpoints gave the same list.
    #[error("could not read the executions of Safe {safe} in blocks {from} to {to}")]
    Unread {
        /// The Safe.
        safe: SafeAddress,
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
        /// Who said what.
        #[source]
        source: ChainError,
    },
}

impl ExecutionsError {
    /// When the same may be read again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Range { .. } => Retry::Never,
            Self::Unread { source, .. } => source.retry(),
        }
    }
}

impl Chain {
    /// The Safe's executions in blocks `from` to `to`, both included, oldest first.
    ///
    /// # Errors
    /// When the range is longer than [`RANGE_MAX_BLOCKS`], or when too few endpoints give one same list.
    pub async fn executions(
        &self,
        safe: SafeAddress,
        from: u64,
        to: &BlockRef,
    ) -> Result<Vec<SafeExecution>, ExecutionsError> {
        let blocks = to.number.checked_sub(from).map(|distance| distance.saturating_add(1));
        if blocks.is_none_or(|blocks| blocks > RANGE_MAX_BLOCKS) {
            return Err(ExecutionsError::Range { from, to: to.number });
        }
        let show = |found: &Vec<SafeExecution>| format!("{} executions", found.len());
        self.agree_on("reading executions", show, |endpoint| executions_of(endpoint, safe, from, to))
            .await
            .map_err(|source| ExecutionsError::Unread { safe, from, to: to.number, source })
    }
}

#[derive(Deserialize)]
struct Hash {
    hash: B256,
}

async fn executions_of(
    endpoint: &Endpoint,
    safe: SafeAddress,
    from: u64,
    to: &BlockRef,
) -> Result<Vec<SafeExecution>, RpcError> {
    let doing = "reading executions";
    let garbled = |problem: &str| RpcError::garbled(endpoint.label(), doing, problem);
    let filter = json!([{
        "address": safe.0,
        "fromBlock": U64::from(from),
        "toBlock": U64::from(to.number),
        "topics": [[
            Safe::ExecutionSuccess::SIGNATURE_HASH,
            Safe::ExecutionFailure::SIGNATURE_HASH,
            SafeBefore1_1_0::ExecutionFailed::SIGNATURE_HASH,
        ]],
    }]);
    let version = Bytes::from(Safe::VERSIONCall {}.abi_encode());
    let questions: [Question; 3] = [
        ("eth_getLogs".into(), filter),
        ("eth_getBlockByNumber".into(), json!([U64::from(to.number), false])),
        ("eth_call".into(), json!([{ "to": safe.0, "data": version }, at(to)])),
    ];
    let mut answers = endpoint.ask_batch(doing, &questions).await?.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err(garbled("too few answers")));
    let logs: Vec<Log> = endpoint.parse(doing, &next()?)?;
    let last: Option<Hash> = endpoint.parse(doing, &next()?)?;
    if last.is_none_or(|last| last.hash != to.hash) {
        return Err(garbled("it does not have the last block of the range"));
    }
    let logged = logs
        .iter()
        .filter(|log| log.address() == safe.0 && !log.removed)
        .map(|log| execution(log).ok_or_else(|| garbled("a log without its place")))
        .collect::<Result<Vec<_>, _>>()?;
    let version: Bytes = endpoint.parse(doing, &next()?)?;
    if Safe::VERSIONCall::abi_decode_returns(&version)
        .is_ok_and(|version| version == SafeVersion::V1_0_0.as_str())
    {
        return unlogged::executions(endpoint, safe, from, to, logged).await;
    }
    Ok(logged)
}

fn execution(log: &Log) -> Option<SafeExecution> {
    let said = execution_in_log(log.topics(), &log.data().data)?;
    Some(SafeExecution {
        safe_tx_hash: said.safe_tx,
        succeeded: said.success,
        transaction: log.transaction_hash?,
        block_number: log.block_number?,
        block_hash: log.block_hash?,
    })
}
