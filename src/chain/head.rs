//! The newest block that enough endpoints know by the same hash.
//!
//! Endpoints are rarely at the same height. Those ahead are asked for the lower blocks of the others:
//! one that lags is waited for by nobody, one that lies about the tip is outvoted, and a fork at the
//! tip is left by stepping back at most [`STEP_BACK_MAX`] blocks.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy::primitives::{B256, U64};
use serde::Deserialize;
use serde_json::json;

use super::Chain;
use super::endpoint::Endpoint;
use super::error::{ChainError, RpcError};
use super::quorum::{Patience, Said, Vote, agreed, answers_in, hear, reached_by};

/// How far below the endpoints' heads agreement is looked for. Forks at the tip of the chains we know are 1 or 2 deep.
pub const STEP_BACK_MAX: u64 = 4;

/// How long the slower endpoints are waited for once enough have answered differently.
const GRACE: Duration = Duration::from_millis(250);

/// A block, by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockRef {
    /// Its height.
    pub number: u64,
    /// Its hash; reads are pinned to it.
    pub hash: B256,
    /// Its time, in seconds since 1970.
    pub timestamp_s: u64,
}

impl std::fmt::Display for BlockRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "block {} ({})", self.number, self.hash)
    }
}

/// The part of a block that every kind of chain has.
#[derive(Deserialize)]
pub(super) struct RawHeader {
    number: U64,
    hash: B256,
    timestamp: U64,
}

impl From<RawHeader> for BlockRef {
    fn from(raw: RawHeader) -> Self {
        Self { number: raw.number.to(), hash: raw.hash, timestamp_s: raw.timestamp.to() }
    }
}

/// The blocks one endpoint knows, of those that were asked for.
type Known = Vec<BlockRef>;

impl Chain {
    /// The newest block that at least `agree` endpoints know with the same hash.
    ///
    /// # Errors
    /// [`ChainError::Unavailable`] when fewer than `agree` answer, [`ChainError::Disagreement`] when no block near
    /// their heads is the same on enough of them.
    pub async fn head(&self) -> Result<BlockRef, ChainError> {
        let doing = "reading the latest block";
        let asks = self.each(|endpoint| latest(endpoint, doing));
        let heads = hear(asks, |votes| self.patience(votes)).await;
        self.settle(&heads, doing).await
    }

    /// The block that these heads agree on, or that lies a little below them; it is remembered.
    pub(super) async fn settle(&self, heads: &[Vote<BlockRef>], doing: &str) -> Result<BlockRef, ChainError> {
        let Some(top) = top(heads, self.agree) else {
            return Err(self.no_quorum(heads, doing, BlockRef::to_string));
        };
        let block = match at_height(heads, top, self.agree) {
            Some(block) => block,
            None => {
                let candidates = candidates(heads, top);
                let known = self.known(heads, &candidates).await;
                newest(&known, &candidates, self.agree)
                    .ok_or_else(|| self.no_quorum(heads, doing, BlockRef::to_string))?
            }
        };
        self.last_seen.note(block);
        Ok(block)
    }

    /// The block at the highest height that enough endpoints have reached, if they agree on it.
    pub(super) fn tip(&self, heads: &[Vote<BlockRef>]) -> Option<BlockRef> {
        at_height(heads, top(heads, self.agree)?, self.agree)
    }

    /// Done when those still silent could not bring a newer block to agreement; else they get a grace.
    pub(super) fn patience(&self, heads: &[Vote<BlockRef>]) -> Patience {
        let Some(top) = top(heads, self.agree) else { return Patience::Wait };
        let silent = heads.len().saturating_sub(answers_in(heads));
        let ahead = heads.iter().filter_map(Vote::answer).filter(|head| head.number > top).count();
        if at_height(heads, top, self.agree).is_some() && ahead.saturating_add(silent) < self.agree {
            Patience::Enough
        } else {
            Patience::Grace(GRACE)
        }
    }

    /// Asks the endpoints that answered for their blocks at the candidate heights.
    async fn known(&self, heads: &[Vote<BlockRef>], candidates: &BTreeSet<u64>) -> Vec<Vote<Known>> {
        let asks = self
            .endpoints
            .iter()
            .zip(heads)
            .filter_map(|(endpoint, vote)| vote.answer().map(|head| (endpoint, *head)))
            .map(|(endpoint, head)| (endpoint.label().clone(), blocks_of(endpoint, head, candidates)))
            .collect();
        hear(asks, |known| Patience::with_grace(newest(known, candidates, self.agree).is_some(), GRACE)).await
    }

    /// The block at this height, as enough endpoints know it; `None` when they agree that there is none yet.
    ///
    /// # Errors
    /// When they do not agree.
    pub async fn block(&self, number: u64) -> Result<Option<BlockRef>, ChainError> {
        let doing = format!("reading block {number}");
        let show =
            |block: &Option<BlockRef>| block.map_or_else(|| "no such block".to_owned(), |b| b.to_string());
        self.agree_on(&doing, show, |endpoint| {
            let doing = doing.clone();
            async move {
                let params = json!([format!("{number:#x}"), false]);
                let raw: Option<RawHeader> = endpoint.ask(&doing, "eth_getBlockByNumber", params).await?;
                Ok(raw.map(BlockRef::from))
            }
        })
        .await
    }
}

async fn latest(endpoint: &Endpoint, doing: &str) -> Result<BlockRef, RpcError> {
    let raw: RawHeader = endpoint.ask(doing, "eth_getBlockByNumber", json!(["latest", false])).await?;
    Ok(raw.into())
}

/// The highest height that `agree` endpoints have reached: no newer block can be agreed on.
fn top(heads: &[Vote<BlockRef>], agree: usize) -> Option<u64> {
    reached_by(heads.iter().filter_map(Vote::answer).map(|head| head.number), agree)
}

/// The heights at which agreement is looked for: those of the heads and a few below, up to `top`.
fn candidates(heads: &[Vote<BlockRef>], top: u64) -> BTreeSet<u64> {
    let reached =
        heads.iter().filter_map(Vote::answer).map(|head| head.number).filter(|number| *number <= top);
    reached.chain(top.saturating_sub(STEP_BACK_MAX)..=top).collect()
}

/// The block of that height that enough endpoints give.
fn at_height(votes: &[Vote<BlockRef>], height: u64, agree: usize) -> Option<BlockRef> {
    let there: Vec<_> = votes
        .iter()
        .filter(|vote| vote.answer().is_some_and(|block| block.number == height))
        .cloned()
        .collect();
    agreed(&there, agree).copied()
}

/// The newest candidate that enough endpoints know by the same hash.
fn newest(known: &[Vote<Known>], candidates: &BTreeSet<u64>, agree: usize) -> Option<BlockRef> {
    let blocks: Vec<Vote<BlockRef>> = known
        .iter()
        .flat_map(|vote| {
            vote.answer()
                .into_iter()
                .flatten()
                .map(|block| Vote { endpoint: vote.endpoint.clone(), said: Said::Answered(*block) })
        })
        .collect();
    candidates.iter().rev().find_map(|height| at_height(&blocks, *height, agree))
}

/// The endpoint's blocks at the candidate heights that it has reached, its head among them.
async fn blocks_of(
    endpoint: &Endpoint,
    head: BlockRef,
    candidates: &BTreeSet<u64>,
) -> Result<Known, RpcError> {
    let doing = "reading recent blocks";
    let questions: Vec<_> = candidates
        .iter()
        .filter(|number| **number < head.number)
        .map(|number| ("eth_getBlockByNumber".into(), json!([format!("{number:#x}"), false])))
        .collect();
    let mut known = vec![head];
    for answer in endpoint.ask_batch(doing, &questions).await? {
        let raw: Option<RawHeader> = endpoint.parse(doing, &answer?)?;
        known.extend(raw.map(BlockRef::from));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> Vote<BlockRef> {
        let block = BlockRef { number, hash: B256::with_last_byte(1), timestamp_s: 0 };
        let endpoint = crate::chain::Endpoint::new(&"http://localhost".parse().unwrap(), GRACE).unwrap();
        Vote { endpoint: endpoint.label().clone(), said: Said::Answered(block) }
    }

    #[test]
    fn agreement_is_looked_for_where_enough_endpoints_have_been() {
        for (heads, agree, want) in [
            (vec![100, 100], 2, Some(vec![96, 97, 98, 99, 100])),
            (vec![100, 98], 2, Some(vec![94, 95, 96, 97, 98])),
            (vec![1_000, 105, 90], 2, Some(vec![90, 101, 102, 103, 104, 105])),
            (vec![2, 2], 1, Some(vec![0, 1, 2])),
            (vec![100], 2, None),
        ] {
            let votes: Vec<_> = heads.iter().map(|number| at(*number)).collect();
            let found = top(&votes, agree).map(|top| candidates(&votes, top).into_iter().collect::<Vec<_>>());
            assert_eq!(found, want, "heads {heads:?}, {agree} must agree");
        }
    }
}
