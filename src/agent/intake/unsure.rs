//! Blocks that nobody could say anything about yet, and when to ask again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::condition::BlockId;

/// Blocks kept; beyond, the one that was asked for most often is given up: its alerts have paged.
const UNSURE_MAX: usize = 1_000;
/// Blocks asked for at a time: the feeds wait meanwhile.
const DUE_MAX: usize = 4;
/// First and longest time between two questions. A node is seconds behind the one that a feed looked at.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
const LONGEST: SignedDuration = SignedDuration::from_secs(60);

/// Blocks and when to ask again.
#[derive(Debug, Default)]
pub(super) struct Unsure(BTreeMap<BlockId, Again>);

#[derive(Clone, Copy, Debug)]
struct Again {
    at: Timestamp,
    after: SignedDuration,
}

impl Unsure {
    /// Another block to ask for.
    pub(super) fn add(&mut self, block: BlockId, now: Timestamp) {
        let again = Again { at: now.saturating_add(FIRST).unwrap_or(now), after: FIRST };
        self.0.entry(block).or_insert(again);
        if self.0.len() > UNSURE_MAX
            && let Some(oldest) = self.0.iter().max_by_key(|(_, again)| again.after).map(|(block, _)| *block)
        {
            self.0.remove(&oldest);
        }
    }

    /// The blocks to ask for now; each is put off for twice as long as before.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<BlockId> {
        let due: Vec<BlockId> = self
            .0
            .iter()
            .filter(|(_, again)| again.at <= now)
            .map(|(block, _)| *block)
            .take(DUE_MAX)
            .collect();
        for block in &due {
            if let Some(again) = self.0.get_mut(block) {
                again.after = again.after.saturating_mul(2).min(LONGEST);
                again.at = now.saturating_add(again.after).unwrap_or(now);
            }
        }
        due
    }

    /// It is known now.
    pub(super) fn remove(&mut self, block: &BlockId) {
        self.0.remove(block);
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::domain::names::ChainId;

    #[test]
    fn it_asks_again_and_again_ever_more_rarely() {
        let block = BlockId { chain: ChainId(1), number: 7, hash: B256::ZERO };
        let mut unsure = Unsure::default();
        unsure.add(block, Timestamp::UNIX_EPOCH);
        let asked: Vec<i64> = (0..200)
            .filter(|second| !unsure.due(Timestamp::from_second(*second).unwrap()).is_empty())
            .collect();
        assert_eq!(asked, [1, 3, 7, 15, 31, 63, 123, 183]);
        unsure.remove(&block);
        assert!(unsure.due(Timestamp::from_second(1_000).unwrap()).is_empty());
    }

    #[test]
    fn it_is_bounded() {
        let mut unsure = Unsure::default();
        for number in 0..2_000 {
            unsure.add(BlockId { chain: ChainId(1), number, hash: B256::ZERO }, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(unsure.0.len(), UNSURE_MAX);
        assert_eq!(unsure.due(Timestamp::from_second(9).unwrap()).len(), DUE_MAX);
    }
}
