//! Logs of several contracts in a range of blocks, as enough endpoints give them.
//!
//! An endpoint that has not reached the end of the range, or has not indexed it yet, answers with fewer logs and no
//! error. So each must show the last block by its hash together with its logs, and each block that a log names. What it
//! gives that was not asked for, or without a block, makes its whole answer unusable: a bad voice and not an empty one.
//!
//! Endpoints limit ranges and answers, each its own way. One that refuses a range is asked for its halves, so that
//! endpoints with different limits still give one same list.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, Bytes, U64};
use serde::Deserialize;
use serde_json::json;

use super::Chain;
use super::endpoint::{Endpoint, Question};
use super::error::{ChainError, RpcError, RpcErrorKind};
use super::executions::RANGE_MAX_BLOCKS;
use super::head::BlockRef;

/// Requests for one range to one endpoint at most, halves of halves included.
pub const LOG_REQUESTS_MAX: usize = 64;

/// Logs of one range at most; more are refused, and the range has to be shorter.
pub const LOGS_MAX: usize = 20_000;

/// A log on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLog {
    /// Who emitted it.
    pub address: Address,
    /// Its topics.
    pub topics: Vec<B256>,
    /// Its data.
    pub data: Bytes,
    /// Its transaction.
    pub transaction: B256,
    /// Its place in its block.
    pub index: u64,
    /// Its block.
    pub block: BlockRef,
}

/// A log as nodes write it; one that is in no block yet, or no more, lacks it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: Option<U64>,
    block_hash: Option<B256>,
    transaction_hash: Option<B256>,
    log_index: Option<U64>,
    #[serde(default)]
    removed: bool,
}

#[derive(Deserialize)]
struct RawBlock {
    number: U64,
    hash: B256,
    timestamp: U64,
}

/// What is wanted.
struct Wanted<'a> {
    addresses: &'a [Address],
    topics: &'a [B256],
    to: &'a BlockRef,
}

impl Chain {
    /// The logs of `addresses` whose first topic is one of `topics`, in blocks `from` to `to`, both included, oldest
    /// first.
    ///
    /// # Errors
    /// When the range is empty or longer than [`RANGE_MAX_BLOCKS`], or when too few endpoints give one same list.
    pub async fn logs(
        &self,
        addresses: &[Address],
        topics: &[B256],
        from: u64,
        to: &BlockRef,
    ) -> Result<Vec<ChainLog>, ChainError> {
        let doing = format!("reading the logs of blocks {from} to {}", to.number);
        let blocks = to.number.checked_sub(from).map(|distance| distance.saturating_add(1));
        if blocks.is_none_or(|blocks| blocks > RANGE_MAX_BLOCKS) {
            return Err(self.malformed(&doing, format_args!("no range of 1 to {RANGE_MAX_BLOCKS} blocks")));
        }
        let wanted = Wanted { addresses, topics, to };
        let show = |logs: &Vec<ChainLog>| format!("{} logs", logs.len());
        self.agree_on(&doing, show, |endpoint| logs_of(endpoint, &doing, from, &wanted)).await
    }
}

async fn logs_of(
    endpoint: &Endpoint,
    doing: &str,
    from: u64,
    wanted: &Wanted<'_>,
) -> Result<Vec<ChainLog>, RpcError> {
    let garbled = |problem: &str| RpcError::garbled(endpoint.label(), doing, problem);
    let mut raw = Vec::new();
    // The last part is asked for last, together with the last block.
    let mut waiting = vec![(from, wanted.to.number)];
    let mut requests = 0_usize;
    while let Some((first, last)) = waiting.pop() {
        requests = requests.saturating_add(1);
        if requests > LOG_REQUESTS_MAX {
            return Err(garbled("it takes only ranges that are too short"));
        }
        match part(endpoint, doing, first, last, wanted).await {
            Ok(logs) => raw.extend(logs),
            Err(error) if first < last && is_too_much(&error) => {
                let middle = first.midpoint(last);
                waiting.push((middle.saturating_add(1), last));
                waiting.push((first, middle));
            }
            Err(error) => return Err(error),
        }
        if raw.len() > LOGS_MAX {
            return Err(garbled("more logs than are read at once"));
        }
    }
    placed(endpoint, doing, raw, from, wanted).await
}

/// Nodes say in many words that a range or an answer is too long; whatever they refuse is asked for in smaller parts, but for
/// what they say they do not have: that endpoint is no voice, at once.
fn is_too_much(error: &RpcError) -> bool {
    match &error.kind {
        lacking if lacking.lacks() => false,
        RpcErrorKind::Refused { .. } | RpcErrorKind::Garbled { .. } => true,
        RpcErrorKind::Unreachable
        | RpcErrorKind::Timeout
        | RpcErrorKind::Reverted { .. }
        | RpcErrorKind::Unsupported => false,
    }
}

/// The logs of one part of the range; with its end, the last block.
async fn part(
    endpoint: &Endpoint,
    doing: &str,
    first: u64,
    last: u64,
    wanted: &Wanted<'_>,
) -> Result<Vec<RawLog>, RpcError> {
    let filter = json!([{
        "address": wanted.addresses,
        "fromBlock": U64::from(first),
        "toBlock": U64::from(last),
        "topics": [wanted.topics],
    }]);
    let mut questions: Vec<Question> = vec![("eth_getLogs".into(), filter)];
    if last == wanted.to.number {
        questions.push(("eth_getBlockByNumber".into(), json!([U64::from(last), false])));
    }
    let mut answers = endpoint.ask_batch(doing, &questions).await?.into_iter();
    let missing = || Err(RpcError::garbled(endpoint.label(), doing, "too few answers"));
    let logs: Option<Vec<RawLog>> = endpoint.parse(doing, &answers.next().unwrap_or_else(missing)?)?;
    if last == wanted.to.number {
        let block: Option<RawBlock> = endpoint.parse(doing, &answers.next().unwrap_or_else(missing)?)?;
        if block.is_none_or(|block| block.hash != wanted.to.hash) {
            let problem = format!("it does not show block {} as {}", last, wanted.to.hash);
            return Err(RpcError::garbled(endpoint.label(), doing, problem));
        }
    }
    logs.ok_or_else(|| RpcError::garbled(endpoint.label(), doing, "null instead of logs"))
}

/// Gives each log its block, and refuses what was not asked for.
async fn placed(
    endpoint: &Endpoint,
    doing: &str,
    raw: Vec<RawLog>,
    from: u64,
    wanted: &Wanted<'_>,
) -> Result<Vec<ChainLog>, RpcError> {
    let garbled = |problem: String| RpcError::garbled(endpoint.label(), doing, problem);
    let mut heights = BTreeSet::new();
    for log in &raw {
        let height = log.block_number.map(|number| number.to::<u64>());
        let height = height.filter(|number| (from..=wanted.to.number).contains(number));
        let asked = wanted.addresses.contains(&log.address)
            && log.topics.first().is_some_and(|topic| wanted.topics.contains(topic));
        match height.filter(|_| asked) {
            Some(height) => heights.insert(height),
            None => return Err(garbled("a log that was not asked for, or is in no block".to_owned())),
        };
    }
    let blocks = blocks(endpoint, doing, &heights).await?;
    let mut logs = Vec::with_capacity(raw.len());
    for log in raw.into_iter().filter(|log| !log.removed) {
        let block = log.block_number.and_then(|number| blocks.get(&number.to()));
        let block = block.filter(|block| Some(block.hash) == log.block_hash);
        let (Some(block), Some(transaction), Some(index)) = (block, log.transaction_hash, log.log_index)
        else {
            return Err(garbled("a log of a block that it does not show".to_owned()));
        };
        logs.push(ChainLog {
            address: log.address,
            topics: log.topics,
            data: log.data,
            transaction,
            index: index.to(),
            block: *block,
        });
    }
    logs.sort_by_key(|log| (log.block.number, log.index));
    Ok(logs)
}

async fn blocks(
    endpoint: &Endpoint,
    doing: &str,
    heights: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, BlockRef>, RpcError> {
    if heights.is_empty() {
        return Ok(BTreeMap::new());
    }
    let questions: Vec<Question> = heights
        .iter()
        .map(|height| ("eth_getBlockByNumber".into(), json!([U64::from(*height), false])))
        .collect();
    let mut blocks = BTreeMap::new();
    for answer in endpoint.ask_batch(doing, &questions).await? {
        let block: Option<RawBlock> = endpoint.parse(doing, &answer?)?;
        blocks.extend(block.map(|block| {
            let number = block.number.to();
            (number, BlockRef { number, hash: block.hash, timestamp_s: block.timestamp.to() })
        }));
    }
    Ok(blocks)
}
