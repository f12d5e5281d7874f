//! Asks chains whether blocks are theirs.
//!
//! Unknown is an answer: no endpoint, none that agree, a height they do not have yet. It is never taken for
//! "no". After a failure a chain is left alone for some questions, so that a dead endpoint does not hold up
//! every alert; what stayed unknown is asked again by whoever keeps it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::chain::Chain;
use crate::domain::condition::{BlockId, Canonicity};
use crate::domain::names::{ChainId, ChainName};

/// How long an alert waits for its block: people are paged at once, proposals can follow.
pub const BLOCK_WAIT: Duration = Duration::from_secs(2);
/// How many questions a chain is spared after a failure.
const SPARED: u32 = 20;
/// Answers remembered; beyond, all are forgotten. A block that is on the chain today may be none of it tomorrow:
/// whoever lives longer than a replay remembers nothing.
const ANSWERS_MAX: usize = 100_000;

/// The chains that can be asked.
#[derive(Debug, Default)]
pub struct Blocks {
    chains: BTreeMap<ChainId, Chain>,
    spared: BTreeMap<ChainId, u32>,
    remembered: Option<BTreeMap<BlockId, Canonicity>>,
}

impl Blocks {
    /// Asks these chains, each time anew.
    pub fn new(chains: &BTreeMap<ChainName, Chain>) -> Self {
        let chains = chains.values().map(|chain| (chain.id(), chain.clone())).collect();
        Self { chains, ..Self::default() }
    }

    /// Remembers answers: for recordings of the past.
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.remembered = Some(BTreeMap::new());
        self
    }

    /// Whether the block is its chain's.
    pub async fn ask(&mut self, block: &BlockId) -> Canonicity {
        if let Some(answer) = self.remembered.as_ref().and_then(|answers| answers.get(block)) {
            return *answer;
        }
        if let Some(spared) = self.spared.get_mut(&block.chain).filter(|spared| **spared > 0) {
            *spared = spared.saturating_sub(1);
            return Canonicity::Unknown;
        }
        self.ask_again(block).await
    }

    /// As [`Blocks::ask`], and of a chain that just failed, too.
    pub async fn ask_again(&mut self, block: &BlockId) -> Canonicity {
        let Some(chain) = self.chains.get(&block.chain) else { return Canonicity::Unknown };
        let found = match tokio::time::timeout(BLOCK_WAIT, chain.block(block.number)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(chain = %block.chain, block = block.number, %error, "a block's chain did not answer");
                self.spared.insert(block.chain, SPARED);
                return Canonicity::Unknown;
            }
            Err(_too_long) => {
                tracing::warn!(chain = %block.chain, block = block.number, "a block's chain took too long");
                self.spared.insert(block.chain, SPARED);
                return Canonicity::Unknown;
            }
        };
        self.spared.remove(&block.chain);
        let answer = match found {
            Some(found) if found.hash == block.hash => Canonicity::Canonical,
            Some(_other) => Canonicity::Orphaned,
            None => Canonicity::Unknown,
        };
        if let Some(answers) = &mut self.remembered {
            if answers.len() >= ANSWERS_MAX {
                answers.clear();
            }
            answers.insert(*block, answer);
        }
        answer
    }
}
