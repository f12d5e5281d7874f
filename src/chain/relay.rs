//! A private relay: an endpoint that hands a transaction to block builders and shows it to nobody else.
//!
//! It is one voice and is not believed: that it took a transaction is its word alone, and whether the transaction was
//! mined is asked of the chain's own endpoints. When the public ones get it too is the sender's to decide.

use alloy::primitives::B256;
use serde_json::json;

use super::broadcast::SignedTransaction;
use super::endpoint::{Endpoint, EndpointLabel};
use super::error::RpcError;

/// A relay of one chain.
#[derive(Clone, Debug)]
pub struct Relay {
    endpoint: Endpoint,
    private_method: bool,
    public_after_blocks: Option<u64>,
}

impl Relay {
    /// Sends to `endpoint`, by `eth_sendPrivateTransaction` where `private_method` says so. After this many blocks the
    /// public endpoints are to have it too; none: never.
    pub fn new(endpoint: Endpoint, private_method: bool, public_after_blocks: Option<u64>) -> Self {
        Self { endpoint, private_method, public_after_blocks }
    }

    /// How it is named to people.
    pub fn label(&self) -> &EndpointLabel {
        self.endpoint.label()
    }

    /// After how many blocks the public endpoints are to have it too; none: never.
    pub fn public_after_blocks(&self) -> Option<u64> {
        self.public_after_blocks
    }

    /// Hands a transaction in. Twice is no more than once.
    ///
    /// # Errors
    /// When it does not take it, or names another transaction than this.
    pub async fn send(&self, transaction: &SignedTransaction) -> Result<(), RpcError> {
        let doing = "sending a transaction by the private relay";
        let raw = &transaction.raw;
        let answered: B256 = if self.private_method {
            self.endpoint.ask(doing, "eth_sendPrivateTransaction", json!([{ "tx": raw }])).await?
        } else {
            self.endpoint.ask(doing, "eth_sendRawTransaction", json!([raw])).await?
        };
        if answered == transaction.hash {
            return Ok(());
        }
        let problem = format!("it answers with transaction {answered}, and {} was sent", transaction.hash);
        Err(RpcError::garbled(self.label(), doing, problem))
    }
}
