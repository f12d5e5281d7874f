//! Blocks that nobody could tell at first: asked again while the recording goes on, and once more at its end.
//!
//! As `run` does: what turns out to be on the chain then counts in full, and what is not is taken back. Answers
//! are remembered, so that a block is asked about again only where the question failed.

use super::{Firing, Replay};
use crate::domain::condition::Canonicity;

impl Replay {
    /// Asks again about what still counts for a page only; gives what then fires in full.
    pub(super) async fn settle(&mut self) -> Vec<Firing> {
        let mut firings = Vec::new();
        if self.blocks.is_empty() || self.unknown.is_empty() {
            return firings;
        }
        for block in self.matcher.unknown_blocks() {
            // Who was spared meanwhile may be there again; before long what they could have told is too old to count.
            let answer = self.blocks.ask_again(&block).await;
            if answer == Canonicity::Unknown {
                continue;
            }
            self.unknown.remove(&block);
            let (matches, withdrawn) = self.matcher.learn(&block, answer);
            self.note_withdrawn(&withdrawn);
            firings.extend(matches.into_iter().map(|matched| self.fire(matched)));
        }
        firings
    }

    /// As after the last line: chains that failed get one more chance.
    pub async fn settle_all(&mut self) -> Vec<Firing> {
        self.blocks.anew();
        self.settle().await
    }
}
