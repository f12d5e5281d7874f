//! The blocks nobody could say anything about, and when the chain is asked about them again.
//!
//! *Invariants.* At most [`UNKNOWN_BLOCKS_MAX`] are known by name; what comes beyond is counted, and asked about again
//! at the end only. A block that the chain could not be asked about is due again after one round, then after two,
//! four and so on, so that all asking again together stays in proportion to what is asked at all. One that the chain was
//! asked about, and could not tell, is due no more.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::condition::BlockId;

/// Blocks nobody could tell that are remembered; beyond, they are counted by alert. About 10 MB.
pub const UNKNOWN_BLOCKS_MAX: usize = 65_536;

/// Blocks nobody could say anything about.
#[derive(Debug)]
pub(super) struct Doubtful {
    /// With how often each was asked about again.
    known: BTreeMap<BlockId, u32>,
    /// By the round in which each is asked about again.
    due: BTreeSet<(u64, BlockId)>,
    round: u64,
    room: usize,
    beyond: u64,
}

impl Default for Doubtful {
    fn default() -> Self {
        Self::with_room(UNKNOWN_BLOCKS_MAX)
    }
}

impl Doubtful {
    fn with_room(room: usize) -> Self {
        Self { known: BTreeMap::new(), due: BTreeSet::new(), round: 0, room, beyond: 0 }
    }

    /// Nobody could say anything about the block; `is_told`: the chain was asked, and said so.
    pub(super) fn add(&mut self, block: BlockId, is_told: bool) {
        if self.known.contains_key(&block) {
            return;
        }
        if self.known.len() >= self.room {
            self.beyond = self.beyond.saturating_add(1);
            return;
        }
        self.known.insert(block, 0);
        if !is_told {
            self.due.insert((self.round.saturating_add(1), block));
        }
    }

    /// Begins a round; gives the blocks to ask about in it. Each is to be [`Doubtful::asked`] or [`Doubtful::remove`]d.
    pub(super) fn next_round(&mut self) -> BTreeSet<BlockId> {
        self.round = self.round.saturating_add(1);
        let mut due = BTreeSet::new();
        while let Some((round, block)) = self.due.pop_first() {
            if round > self.round {
                self.due.insert((round, block));
                break;
            }
            due.insert(block);
        }
        due
    }

    /// The block was asked about again, in vain.
    pub(super) fn asked(&mut self, block: BlockId, is_told: bool) {
        let Some(tries) = self.known.get_mut(&block).filter(|_| !is_told) else { return };
        *tries = tries.saturating_add(1);
        let rest = 1_u64.checked_shl(*tries).unwrap_or(u64::MAX);
        self.due.insert((self.round.saturating_add(rest), block));
    }

    /// The chain has told.
    pub(super) fn remove(&mut self, block: &BlockId) {
        self.known.remove(block);
    }

    /// How many are known.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.known.len()).unwrap_or(u64::MAX)
    }

    /// How many alerts came with one when there was no room.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::domain::names::ChainId;

    fn block(number: u64) -> BlockId {
        BlockId { chain: ChainId(1), number, hash: B256::ZERO }
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut doubtful = Doubtful::with_room(3);
        (0..5).chain(0..5).for_each(|number| doubtful.add(block(number), false));
        assert_eq!((doubtful.count(), doubtful.beyond()), (3, 4));
        doubtful.remove(&block(1));
        doubtful.add(block(4), false);
        assert_eq!((doubtful.count(), doubtful.beyond()), (3, 4), "there is room again");
    }

    #[test]
    fn asking_again_grows_with_the_blocks_and_not_with_the_rounds() {
        let mut doubtful = Doubtful::default();
        let mut asked = 0;
        for number in 0..2_000 {
            doubtful.add(block(number), number % 2 == 0);
            for due in doubtful.next_round() {
                assert_eq!(due.number % 2, 1, "told once is told");
                asked += 1;
                doubtful.asked(due, false);
            }
        }
        // 1,000 blocks, 2,000 rounds: about nine times each, not a thousand times.
        assert!((8_000..10_000).contains(&asked), "{asked}");
    }
}
