//! A chain feed's eyes: `chain`'s agreeing endpoints behind the port that `feeds` asks.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes};
use async_trait::async_trait;

use super::chain_of;
use super::feed::RunningFeed;
use crate::chain::{BlockRef, CallOutcome, Chain, ChainLog, SafeReadError, SnapshotPlan, decode_revert};
use crate::domain::safe::SafeAddress;
use crate::domain::watch::{SafeReading, SeenBlock, SeenLog, Watch};
use crate::feeds::onchain::{ChainEye, OnchainFeed, OnchainSettings, Readings};

/// A chain, seen by a feed.
#[derive(Clone, Debug)]
pub struct Eye(pub Chain);

/// A block as feeds name it.
pub(super) fn seen(block: BlockRef) -> SeenBlock {
    SeenBlock { number: block.number, hash: block.hash, timestamp_s: block.timestamp_s }
}

fn asked(block: &SeenBlock) -> BlockRef {
    BlockRef { number: block.number, hash: block.hash, timestamp_s: block.timestamp_s }
}

fn log(log: ChainLog) -> SeenLog {
    let ChainLog { address, topics, data, transaction, index, block } = log;
    SeenLog { address, topics, data, transaction, index, block: seen(block) }
}

/// A storage word; an endpoint's answer was brought to 32 bytes where it was read.
fn word(bytes: &Bytes) -> B256 {
    B256::left_padding_from(bytes)
}

#[async_trait]
impl ChainEye for Eye {
    async fn head(&self) -> Result<SeenBlock, String> {
        self.0.head().await.map(seen).map_err(|error| chain_of(&error))
    }

    async fn block(&self, number: u64) -> Result<Option<SeenBlock>, String> {
        self.0.block(number).await.map(|block| block.map(seen)).map_err(|error| chain_of(&error))
    }

    async fn logs(&self, watch: &Watch, from: u64, to: &SeenBlock) -> Result<Vec<SeenLog>, String> {
        let (addresses, topics) = (watch.addresses(), watch.topics());
        if addresses.is_empty() || topics.is_empty() {
            return Ok(Vec::new());
        }
        let logs = self.0.logs(&addresses, &topics, from, &asked(to)).await;
        Ok(logs.map_err(|error| chain_of(&error))?.into_iter().map(log).collect())
    }

    async fn read(
        &self,
        at: &SeenBlock,
        calls: &[(Address, Bytes)],
        safes: &[Address],
        slots: &[(Address, B256)],
    ) -> Result<Readings, String> {
        let mut plan = SnapshotPlan::new();
        let calls: Vec<_> = calls.iter().map(|(to, data)| plan.call(*to, data.clone())).collect();
        let safes: Vec<_> = safes.iter().map(|safe| plan.safe(SafeAddress(*safe))).collect();
        let slots: Vec<_> = slots.iter().map(|(of, slot)| plan.storage(*of, *slot)).collect();
        let snapshot = self.0.read(&asked(at), plan).await.map_err(|error| chain_of(&error))?;
        let call = |ticket| match snapshot.call(ticket) {
            Ok(CallOutcome::Returned(data)) => Ok(data),
            Ok(CallOutcome::Reverted(data)) => Err(format!("it reverts: {}", decode_revert(&data, &[]))),
            Err(error) => Err(chain_of(&error)),
        };
        let safe = |ticket| match snapshot.safe(ticket) {
            Ok(state) => Ok(SafeReading::State(Box::new(state))),
            Err(SafeReadError::NotASafe { reason, .. }) => Ok(SafeReading::NoSafe(reason)),
            Err(error @ (SafeReadError::Unread { .. } | SafeReadError::Foreign(_))) => Err(chain_of(&error)),
        };
        Ok(Readings {
            calls: calls.into_iter().map(call).collect(),
            safes: safes.into_iter().map(safe).collect(),
            slots: slots.into_iter().map(|ticket| Ok(word(&call(ticket)?))).collect(),
        })
    }
}

/// The feed as it is configured, with this chain's eyes.
pub fn feed(
    settings: &crate::config::settings::ChainFeed,
    chain: Chain,
    agent: &super::Agent,
) -> RunningFeed {
    let onchain = OnchainSettings {
        watch: settings.watch.clone(),
        poll: settings.poll,
        confirmations: settings.confirmations,
        overlap_blocks: settings.overlap_blocks,
        reorg_blocks: settings.reorg_blocks,
        page_blocks: settings.page_blocks,
    };
    let feed = OnchainFeed::new(onchain, Arc::new(Eye(chain)), Arc::clone(&agent.clock));
    RunningFeed::new(settings.watch.feed.clone(), |resume, deliveries, stop, health| {
        feed.run(resume, deliveries, stop, health)
    })
}
