//! Executions of Safe 1.0.0, which leaves no log of those that succeed.
//!
//! Its nonce tells how many there were, and in which blocks; the calls of `execTransaction` in those blocks
//! tell which. All of them must be found: a nonce that moved by a call through another contract cannot be
//! read this way and is an error, never an empty list.

use alloy::consensus::Transaction as _;
use alloy::network::TransactionResponse as _;
use alloy::primitives::{Bytes, U64, U256};
use alloy::rpc::types::{Transaction, TransactionReceipt};
use alloy::sol_types::SolCall;
use serde::Deserialize;
use serde_json::{Value, json};

use super::SafeExecution;
use crate::chain::endpoint::{Endpoint, Question};
use crate::chain::error::RpcError;
use crate::chain::head::BlockRef;
use crate::domain::names::ChainId;
use crate::domain::safe::abi::Safe;
use crate::domain::safe::{Operation, SafeAddress, SafeDomain, SafeNonce, SafeTx, SafeVersion, hash};

/// Blocks with executions that are read in one range at most.
const BUSY_BLOCKS_MAX: usize = 64;

const DOING: &str = "reading executions of a Safe 1.0.0";

#[derive(Deserialize)]
struct Block {
    number: U64,
    hash: alloy::primitives::B256,
    transactions: Vec<Transaction>,
}

/// What was executed in blocks `from` to `to`, of which `failed` are known from logs.
pub(super) async fn executions(
    endpoint: &Endpoint,
    safe: SafeAddress,
    from: u64,
    to: &BlockRef,
    failed: Vec<SafeExecution>,
) -> Result<Vec<SafeExecution>, RpcError> {
    let before = nonce(endpoint, safe, from.saturating_sub(1)).await?;
    let mut found = Vec::new();
    let mut known = before;
    for (block, after) in busy(endpoint, safe, from, to.number, before).await? {
        found.extend(in_block(endpoint, safe, block, known, after, &failed).await?);
        known = after;
    }
    Ok(found)
}

/// The nonce when a block was done; zero while there was no Safe.
async fn nonce(endpoint: &Endpoint, safe: SafeAddress, block: u64) -> Result<U256, RpcError> {
    let data = Bytes::from(Safe::nonceCall {}.abi_encode());
    let call = json!([{ "to": safe.0, "data": data }, U64::from(block)]);
    let word: Bytes = endpoint.ask(DOING, "eth_call", call).await?;
    U256::try_from_be_slice(&word)
        .ok_or_else(|| RpcError::garbled(endpoint.label(), DOING, "a nonce of more than 32 bytes"))
}

/// The blocks in which the nonce moved, and to what, oldest first. Halves the range until each is found.
async fn busy(
    endpoint: &Endpoint,
    safe: SafeAddress,
    from: u64,
    to: u64,
    before: U256,
) -> Result<Vec<(u64, U256)>, RpcError> {
    let mut busy = Vec::new();
    // Ranges still to be looked at, the oldest last: first block, last block, nonce after the last.
    let mut open = vec![(from, to, nonce(endpoint, safe, to).await?)];
    let mut known = before;
    while let Some((first, last, after)) = open.pop() {
        if after == known {
            continue;
        }
        if first == last {
            if busy.len() == BUSY_BLOCKS_MAX {
                let problem = format!("the Safe executed in more than {BUSY_BLOCKS_MAX} blocks of the range");
                return Err(RpcError::garbled(endpoint.label(), DOING, problem));
            }
            busy.push((first, after));
            known = after;
            continue;
        }
        let middle = first + (last - first) / 2;
        let at_middle = nonce(endpoint, safe, middle).await?;
        open.push((middle + 1, last, after));
        open.push((first, middle, at_middle));
    }
    Ok(busy)
}

async fn in_block(
    endpoint: &Endpoint,
    safe: SafeAddress,
    number: u64,
    before: U256,
    after: U256,
    failed: &[SafeExecution],
) -> Result<Vec<SafeExecution>, RpcError> {
    let garbled = |problem: String| RpcError::garbled(endpoint.label(), DOING, problem);
    let block: Block = endpoint.ask(DOING, "eth_getBlockByNumber", json!([U64::from(number), true])).await?;
    let calls: Vec<_> = block.transactions.iter().filter(|transaction| calls(transaction, safe)).collect();
    let receipts: Vec<Question> = calls
        .iter()
        .map(|call| ("eth_getTransactionReceipt".into(), Value::from(vec![call.tx_hash().to_string()])))
        .collect();
    let mut found = Vec::new();
    let mut nonce = before;
    for (call, receipt) in calls.iter().zip(endpoint.ask_batch(DOING, &receipts).await?) {
        let receipt: TransactionReceipt = endpoint.parse(DOING, &receipt?)?;
        let tx = Safe::execTransactionCall::abi_decode(call.inner.input())
            .ok()
            .and_then(|call| transaction(call, nonce));
        let Some(tx) = tx.filter(|_| receipt.status()) else { continue };
        // The chain is no part of what 1.0.0 hashes.
        let domain = SafeDomain { version: SafeVersion::V1_0_0, chain_id: ChainId(0), safe };
        let safe_tx_hash = hash(&tx, &domain).safe_tx;
        found.push(SafeExecution {
            safe_tx_hash,
            succeeded: !failed.iter().any(|failed| failed.safe_tx_hash == safe_tx_hash),
            transaction: call.tx_hash(),
            block_number: block.number.to(),
            block_hash: block.hash,
        });
        nonce = nonce.saturating_add(U256::ONE);
    }
    if nonce == after {
        return Ok(found);
    }
    Err(garbled(format!(
        "the nonce of Safe {safe} moved from {before} to {after} in block {number}, and {} calls of it are there: another contract called it, and Safe 1.0.0 leaves no log of what it executed; look at the block",
        found.len()
    )))
}

fn calls(transaction: &Transaction, safe: SafeAddress) -> bool {
    transaction.inner.to() == Some(safe.0)
        && transaction.inner.input().starts_with(&Safe::execTransactionCall::SELECTOR)
}

fn transaction(call: Safe::execTransactionCall, nonce: U256) -> Option<SafeTx> {
    Some(SafeTx {
        to: call.to,
        value: call.value,
        data: call.data,
        operation: Operation::from_u8(call.operation)?,
        safe_tx_gas: call.safeTxGas,
        base_gas: call.baseGas,
        gas_price: call.gasPrice,
        gas_token: call.gasToken,
        refund_receiver: call.refundReceiver,
        nonce: SafeNonce(nonce),
    })
}
