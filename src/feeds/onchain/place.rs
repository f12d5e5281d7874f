//! Where the feed is: the blocks it has read, by their hashes, and what views, Safes and proxies said then.
//!
//! A place is only ever stored together with what was journalled. It is bounded: what a reorganisation deeper than
//! [`BLOCKS_MAX`] looks left behind is not known any more, and said to be.

use std::collections::BTreeSet;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::condition::BlockId;
use crate::domain::names::ChainId;
use crate::domain::watch::{Memory, Named, SafeField, SeenBlock};
use crate::feeds::delivery::Cursor;

/// Blocks that were read to, remembered.
pub(super) const BLOCKS_MAX: usize = 64;
/// Memories that differ, remembered; and how long they may be together, in bytes of JSON. The newest is always kept.
const MEMORIES_MAX: usize = 8;
const MEMORIES_MAX_BYTES: usize = 128 * 1024;
/// Blocks of alerts remembered, to be taken back should they leave the chain.
const ALERTED_MAX: usize = 256;

/// Where the feed is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The block of the first look: what it holds, and what is before it, is not told.
    #[serde(default)]
    since: Option<u64>,
    /// Blocks up to which all was read, oldest first.
    blocks: Vec<SeenBlock>,
    /// What was read at and since a height, oldest first.
    memories: Vec<(u64, Memory)>,
    /// Blocks of which alerts were told, oldest first.
    alerted: Vec<(u64, B256)>,
    /// Parts of Safes that events said have changed since the Safes were last compared.
    told: BTreeSet<(Address, SafeField)>,
    /// What events said stands in slots of proxies since the proxies were last compared.
    #[serde(default)]
    named: Named,
}

impl Place {
    /// The stored place.
    pub(super) fn read(cursor: &Cursor) -> Result<Self, serde_json::Error> {
        cursor.read()
    }

    /// As it is stored.
    pub(super) fn cursor(&self) -> Cursor {
        let Self { since, blocks, memories, alerted, told, named } = self;
        Cursor::of(json!({
            "since": since, "blocks": blocks, "memories": memories, "alerted": alerted, "told": told,
            "named": named,
        }))
    }

    /// The first look was at this block.
    pub(super) fn begin(&mut self, block: &SeenBlock) {
        self.since = Some(block.number);
    }

    /// The first block that is told of.
    pub(super) fn first_told(&self) -> u64 {
        self.since.map_or(0, |since| since.saturating_add(1))
    }

    /// The newest block up to which all was read.
    pub(super) fn newest(&self) -> Option<&SeenBlock> {
        self.blocks.last()
    }

    /// The blocks that were read to, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &SeenBlock> {
        self.blocks.iter().rev()
    }

    /// All was read up to this block.
    pub(super) fn reached(&mut self, block: SeenBlock) {
        self.blocks.push(block);
        let more = self.blocks.len().saturating_sub(BLOCKS_MAX);
        self.blocks.drain(..more);
    }

    /// What was read last.
    pub(super) fn memory(&self) -> Memory {
        self.memories.last().map(|(_, memory)| memory.clone()).unwrap_or_default()
    }

    /// What was read at this height.
    pub(super) fn remember(&mut self, height: u64, memory: Memory) {
        if self.memories.last().is_some_and(|(_, known)| *known == memory) {
            return;
        }
        self.memories.push((height, memory));
        let more = self.memories.len().saturating_sub(MEMORIES_MAX);
        self.memories.drain(..more);
        while self.memories.len() > 1 && json!(self.memories).to_string().len() > MEMORIES_MAX_BYTES {
            self.memories.remove(0);
        }
    }

    /// Alerts of this block were told.
    pub(super) fn told_of(&mut self, number: u64, hash: B256) {
        if !self.alerted.contains(&(number, hash)) {
            self.alerted.push((number, hash));
        }
        let more = self.alerted.len().saturating_sub(ALERTED_MAX);
        self.alerted.drain(..more);
    }

    /// Blocks above this height of which alerts were told.
    pub(super) fn told_above(&self, height: u64) -> Vec<(u64, B256)> {
        self.alerted.iter().filter(|(number, _)| *number > height).copied().collect()
    }

    /// These blocks left the chain.
    pub(super) fn forget_told(&mut self, gone: &[BlockId]) {
        self.alerted.retain(|(_, hash)| !gone.iter().any(|block| block.hash == *hash));
    }

    /// What events told of the Safes since they were last compared.
    pub(super) fn told(&mut self) -> &mut BTreeSet<(Address, SafeField)> {
        &mut self.told
    }

    /// What events named of the proxies since they were last compared.
    pub(super) fn named(&mut self) -> &mut Named {
        &mut self.named
    }

    /// Goes back to a block that was read to, as the chain left what came after it; `None`: to before all of them.
    pub(super) fn rewind(&mut self, to: Option<&SeenBlock>) {
        let height = to.map(|block| block.number);
        let stays = |number: u64| height.is_some_and(|height| number <= height);
        self.blocks.retain(|block| stays(block.number));
        self.memories.retain(|(number, _)| stays(*number));
        if to.is_none() {
            self.since = None;
        }
    }
}

/// A block as alerts name it.
pub(super) fn block_id(chain: ChainId, (number, hash): (u64, B256)) -> BlockId {
    BlockId { chain, number, hash }
}
