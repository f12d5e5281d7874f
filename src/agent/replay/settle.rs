//! Blocks that nobody could tell at first: asked again while the recording goes on, and once more at its end.
//!
//! As `run` does: what turns out to be on the chain then counts in full, and what is not is taken back. While the
//! recording goes on only questions that failed are put again, and each less and less often ([`Doubtful`]); at the
//! end everything that still counts for a page only is asked about.
//!
//! [`Doubtful`]: super::doubtful::Doubtful

use std::collections::BTreeSet;

use super::{Firing, LINES_AHEAD_MAX, Replay};
use crate::domain::condition::{BlockId, Canonicity};

impl Replay {
    /// Asks again what is due; gives what then fires in full.
    pub(super) async fn settle(&mut self) -> Vec<Firing> {
        let mut due = self.unknown.next_round();
        due.retain(|block| self.blocks.may_answer(block.chain));
        if due.is_empty() {
            return Vec::new();
        }
        // What no window holds any more is too old to count.
        let held = self.matcher.unknown_blocks();
        due.retain(|block| held.contains(block));
        self.ask_again(due).await
    }

    /// As after the last line: chains that failed get one more chance.
    pub async fn settle_all(&mut self) -> Vec<Firing> {
        if self.blocks.is_empty() {
            return Vec::new();
        }
        self.blocks.anew();
        let held = self.matcher.unknown_blocks();
        self.ask_again(held).await
    }

    async fn ask_again(&mut self, blocks: BTreeSet<BlockId>) -> Vec<Firing> {
        let mut firings = Vec::new();
        let blocks: Vec<BlockId> = blocks.into_iter().collect();
        for part in blocks.chunks(LINES_AHEAD_MAX) {
            part.iter().for_each(|block| self.blocks.expect(block));
            for block in part {
                // Who was spared meanwhile may be there again.
                let answer = self.blocks.ask_again(block).await;
                if answer == Canonicity::Unknown {
                    let is_told = self.blocks.has_told(block);
                    self.unknown.asked(*block, is_told);
                    continue;
                }
                self.unknown.remove(block);
                let (matches, withdrawn) = self.matcher.learn(block, answer);
                self.note_withdrawn(&withdrawn);
                firings.extend(matches.into_iter().map(|matched| self.fire(matched)));
            }
        }
        firings
    }
}
