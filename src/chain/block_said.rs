//! Which block stands at a height: the hash, and nothing else of it.
//!
//! Weaker questions get more answers: a node that has pruned a block, or never had it, says so in an error or with
//! nothing, and both are answers about that one block, not failures of the endpoint. They stand behind every hash: who lacks
//! a block is quick to say so, and must not be what is believed while somebody else still looks for it. An answer about
//! another height than was asked for is none.

use std::time::Duration;

use alloy::primitives::{B256, U64};
use serde::Deserialize;
use serde_json::json;

use super::Chain;
use super::endpoint::Endpoint;
use super::error::{ChainError, RpcError, RpcErrorKind};
use super::quorum::{Patience, Vote, agreed, hear};

/// How long others may still look for a block that enough of them lack.
const GRACE: Duration = Duration::from_millis(500);

/// What is known of a height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockSaid {
    /// This block stands there.
    Hash(B256),
    /// Those asked have no block there, yet or any more.
    None,
    /// Those asked answer, but will not say.
    Refused,
}

#[derive(Deserialize)]
struct RawBlock {
    hash: B256,
    number: Option<U64>,
}

impl Chain {
    /// The hash of the block at this height, as enough endpoints know it.
    ///
    /// # Errors
    /// [`ChainError::Unavailable`] when fewer than `agree` endpoints answer at all, [`ChainError::Disagreement`] when
    /// they say different things.
    pub async fn block_said(&self, number: u64) -> Result<BlockSaid, ChainError> {
        let doing = format!("reading the hash of block {number}");
        let show = |said: &BlockSaid| match said {
            BlockSaid::Hash(hash) => hash.to_string(),
            BlockSaid::None => "no such block".to_owned(),
            BlockSaid::Refused => "will not say".to_owned(),
        };
        let ask = |endpoint| {
            let doing = doing.clone();
            async move { said(endpoint, &doing, number).await }
        };
        let votes = hear(self.each(ask), |votes: &[Vote<BlockSaid>]| match hash_in(votes, self.agree) {
            Some(_) => Patience::Enough,
            None => Patience::with_grace(agreed(votes, self.agree).is_some(), GRACE),
        })
        .await;
        match hash_in(&votes, self.agree) {
            Some(hash) => Ok(hash),
            None => self.believe(&votes, &doing, show),
        }
    }
}

/// The hash that enough of them know, whatever others lack.
fn hash_in(votes: &[Vote<BlockSaid>], agree: usize) -> Option<BlockSaid> {
    let knowing = |vote: &&Vote<BlockSaid>| matches!(vote.answer(), Some(BlockSaid::Hash(_)));
    let knowing: Vec<Vote<BlockSaid>> = votes.iter().filter(knowing).cloned().collect();
    agreed(&knowing, agree).copied()
}

async fn said(endpoint: &Endpoint, doing: &str, number: u64) -> Result<BlockSaid, RpcError> {
    let params = json!([format!("{number:#x}"), false]);
    let answer = endpoint.ask::<Option<RawBlock>>(doing, "eth_getBlockByNumber", params).await;
    match answer {
        Ok(None) => Ok(BlockSaid::None),
        Ok(Some(RawBlock { number: Some(other), .. })) if other != U64::from(number) => {
            Err(RpcError::garbled(endpoint.label(), doing, format!("it answered with block {other}")))
        }
        Ok(Some(RawBlock { hash, .. })) => Ok(BlockSaid::Hash(hash)),
        Err(error) if is_refusal(&error.kind) => Ok(BlockSaid::Refused),
        Err(error) => Err(error),
    }
}

/// Whether the endpoint spoke JSON-RPC: then it is there, and the next question is worth asking.
fn is_refusal(kind: &RpcErrorKind) -> bool {
    match kind {
        RpcErrorKind::Refused { code, .. } => !(300..600).contains(code),
        RpcErrorKind::Reverted { .. } | RpcErrorKind::Unsupported => true,
        RpcErrorKind::Unreachable | RpcErrorKind::Timeout | RpcErrorKind::Garbled { .. } => false,
    }
}
