//! Which block stands at a height: the hash, and nothing else of it.
//!
//! Weaker questions get more answers: a node that has pruned a block, or never had it, says so in an error or with
//! nothing, and both are answers about that one block, not failures of the endpoint. An answer about another
//! height than was asked for is none.

use alloy::primitives::{B256, U64};
use serde::Deserialize;
use serde_json::json;

use super::Chain;
use super::endpoint::Endpoint;
use super::error::{ChainError, RpcError, RpcErrorKind};

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
        self.agree_on(&doing, show, |endpoint| {
            let doing = doing.clone();
            async move { said(endpoint, &doing, number).await }
        })
        .await
    }
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
