//! What became of a transaction.
//!
//! Receipts are polled here and not by alloy, whose watcher waits for ever once block numbers repeat
//! (after a chain was reverted), and polls distant endpoints every 7 s.

use std::time::Duration;

use alloy::primitives::{B256, TxHash, U64};
use alloy::rpc::types::Log;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use super::Chain;
use super::endpoint::Endpoint;
use super::error::{ChainError, Retry, RpcError, Statement};
use super::quorum::{Patience, Vote, agreed, hear};

/// How often the endpoints are asked.
const POLL: Duration = Duration::from_millis(200);

/// A mined transaction.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The transaction.
    pub transaction: TxHash,
    /// Whether it succeeded; a failed one is mined too, and has used its nonce.
    pub succeeded: bool,
    /// The block's height.
    pub block_number: u64,
    /// The block's hash: it may be mined again elsewhere after a fork.
    pub block_hash: B256,
    /// Gas it used.
    pub gas_used: u64,
    /// What it logged.
    pub logs: Vec<Log>,
}

/// Endpoints must agree on what happened and where; not on fields some of them leave out of logs.
impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        let essence = |r: &Self| (r.transaction, r.succeeded, r.block_hash, r.logs.len());
        essence(self) == essence(other)
    }
}

/// Why there is no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transaction {transaction} was not mined within {waited_ms} ms ({})", said.iter().map(|s| format!("{}: {}", s.endpoint, s.said)).collect::<Vec<_>>().join("; "))]
pub struct ReceiptError {
    /// The transaction.
    pub transaction: TxHash,
    /// How long it was waited for, in milliseconds.
    pub waited_ms: u64,
    /// What the endpoints said last.
    pub said: Vec<Statement>,
}

impl ReceiptError {
    /// It may be mined later: ask again, and ask before anything is sent in its stead.
    pub fn retry(&self) -> Retry {
        Retry::AskFirst
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    status: U64,
    block_number: U64,
    block_hash: B256,
    gas_used: U64,
    #[serde(default)]
    logs: Vec<Log>,
}

impl Chain {
    /// Asks every endpoint each 200 ms until enough of them have the receipt, for `wait` at most.
    ///
    /// # Errors
    /// When that was not so in time, with what they said last.
    pub async fn receipt(&self, transaction: TxHash, wait: Duration) -> Result<Receipt, ReceiptError> {
        let deadline = Instant::now() + wait;
        let mut said = Vec::new();
        loop {
            let asks = self.each(|endpoint| receipt_from(endpoint, transaction));
            let mined = |votes: &[Vote<Option<Receipt>>]| agreed(votes, self.agree).cloned().flatten();
            let round = hear(asks, |votes| Patience::until(mined(votes).is_some()));
            if let Ok(votes) = timeout_at(deadline, round).await {
                if let Some(receipt) = mined(&votes) {
                    return Ok(receipt);
                }
                said = votes.iter().map(|vote| vote.statement(in_words)).collect();
            }
            if Instant::now() + POLL >= deadline {
                let waited_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                return Err(ReceiptError { transaction, waited_ms, said });
            }
            sleep(POLL).await;
        }
    }

    /// Whether any endpoint knows the transaction, mined or waiting.
    ///
    /// # Errors
    /// When none knows it and fewer than `agree` said so: then nobody knows.
    pub async fn transaction_known(&self, transaction: TxHash) -> Result<bool, ChainError> {
        let doing = format!("asking for transaction {transaction}");
        let asks = self.each(|endpoint| {
            let doing = doing.clone();
            async move {
                let params = json!([transaction]);
                let found: Option<IgnoredAny> =
                    endpoint.ask(&doing, "eth_getTransactionByHash", params).await?;
                Ok(found.is_some())
            }
        });
        let yes = |votes: &[Vote<bool>]| votes.iter().any(|vote| vote.answer() == Some(&true));
        // A lone yes is believed: the question is whether repeating is safe.
        let votes = hear(asks, |votes| Patience::until(yes(votes))).await;
        if yes(&votes) {
            return Ok(true);
        }
        self.believe(&votes, &doing, |known| if *known { "known".to_owned() } else { "unknown".to_owned() })
    }
}

fn in_words(receipt: &Option<Receipt>) -> String {
    match receipt {
        None => "not mined".to_owned(),
        Some(Receipt { succeeded: true, block_number, .. }) => format!("succeeded in block {block_number}"),
        Some(Receipt { succeeded: false, block_number, .. }) => format!("failed in block {block_number}"),
    }
}

async fn receipt_from(endpoint: &Endpoint, transaction: TxHash) -> Result<Option<Receipt>, RpcError> {
    let params = json!([transaction]);
    let raw: Option<RawReceipt> =
        endpoint.ask("reading a receipt", "eth_getTransactionReceipt", params).await?;
    Ok(raw.map(|raw| Receipt {
        transaction,
        succeeded: raw.status == U64::from(1),
        block_number: raw.block_number.to(),
        block_hash: raw.block_hash,
        gas_used: raw.gas_used.to(),
        logs: raw.logs,
    }))
}
