//! Asks chains whether blocks are theirs.
//!
//! Unknown is an answer: no endpoint, none that agree, a height they do not have yet, a chain that is another than
//! the configuration says. It is never taken for "no". A question that fails is put again at once. After that
//! the chain is left alone for some questions, and for longer each time, so that a dead endpoint does not hold up
//! every alert; what stayed unknown is asked again by whoever keeps it. An endpoint that merely will not
//! speak of one block is asked about the next.
//!
//! A recording is known ahead: what it will probably ask is asked before its turn (`ahead`), with the same answers.

mod ahead;

use std::collections::BTreeMap;
use std::time::Duration;

use self::ahead::Ahead;
use crate::chain::{BlockSaid, Chain, ChainError};
use crate::domain::condition::{BlockId, Canonicity};
use crate::domain::names::{ChainId, ChainName};

/// How long an alert waits for its block: people are paged at once, proposals can follow.
pub const BLOCK_WAIT: Duration = Duration::from_secs(2);
/// How many questions a chain is spared after its first failure; twice as many after each further one in a row.
const SPARED: u32 = 20;
/// How often that doubles.
const DOUBLINGS_MAX: u32 = 5;
/// How often in a row a recording waits in vain before it asks the chain no more.
const WAITS_MAX: u32 = 3;
/// How many questions in a row may fail in any way before a recording asks the chain no more.
const FAILURES_MAX: u32 = 6;
/// How often a chain's endpoints may fail to say which chain they are before they are taken at their configured word:
/// not all of them know the question.
const NAMELESS_MAX: u32 = 3;
/// Answers remembered; beyond, all are forgotten. A block that is on the chain today may be none of it tomorrow:
/// whoever lives longer than a replay remembers nothing.
const ANSWERS_MAX: usize = 100_000;

/// The chains that can be asked.
#[derive(Debug, Default)]
pub struct Blocks {
    chains: BTreeMap<ChainId, Asked>,
    remembered: Option<BTreeMap<BlockId, Canonicity>>,
    ahead: Option<Ahead>,
}

/// How long a chain is given.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// To answer one question.
    wait: Duration,
    /// Between a question that failed and the same again; as many times as there are pauses.
    pauses: [Duration; 2],
    /// Whether questions are spared after one that was not answered in time.
    spares: bool,
}

impl Patience {
    /// People wait for the answer.
    const NOW: Self = Self { wait: BLOCK_WAIT, pauses: [Duration::ZERO; 2], spares: true };
    /// Nobody waits, and what stays unknown makes another recording of it: one firing less, or one more.
    const RECORDED: Self = Self {
        wait: Duration::from_secs(10),
        pauses: [Duration::from_millis(100), Duration::from_millis(400)],
        spares: false,
    };
}

/// A chain, and how it has answered so far.
#[derive(Debug)]
struct Asked {
    chain: Chain,
    patience: Patience,
    /// It has said that it is the chain it is configured as.
    named: bool,
    /// How often it could not say.
    nameless: u32,
    /// Failures in a row.
    failures: u32,
    /// Waits in vain in a row.
    waits: u32,
    /// Questions it is still spared.
    spared: u32,
    /// The last failure, in words.
    failure: Option<String>,
}

/// Why there is no answer.
enum Silence {
    /// Nothing came in time.
    Waited,
    /// Something else went wrong.
    Failed(String),
}

impl Blocks {
    /// Asks these chains, each time anew.
    pub fn new(chains: &BTreeMap<ChainName, Chain>) -> Self {
        let asked = |chain: &Chain| Asked {
            chain: chain.clone(),
            patience: Patience::NOW,
            named: false,
            nameless: 0,
            failures: 0,
            waits: 0,
            spared: 0,
            failure: None,
        };
        let chains = chains.values().map(|chain| (chain.id(), asked(chain))).collect();
        Self { chains, ..Self::default() }
    }

    /// Remembers answers, gives a chain more time, and gives it up for good when it does not answer: for recordings of
    /// the past.
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.chains.values_mut().for_each(|asked| asked.patience = Patience::RECORDED);
        self.remembered = Some(BTreeMap::new());
        self
    }

    /// Asks what is expected before its turn: for recordings that remember.
    #[must_use]
    pub fn looking_ahead(mut self) -> Self {
        self.ahead = Some(Ahead::default());
        self
    }

    /// Asks everything in its turn.
    #[cfg(test)]
    pub(super) fn in_order(mut self) -> Self {
        self.ahead = None;
        self
    }

    /// Notes that this block will probably be asked about; nothing is waited for.
    pub fn expect(&mut self, block: &BlockId) {
        let Some(ahead) = &mut self.ahead else { return };
        let Some(asked) = self.chains.get(&block.chain).filter(|asked| asked.failures == 0) else { return };
        if self.remembered.as_ref().is_none_or(|answers| !answers.contains_key(block)) {
            ahead.expect(*block, &asked.chain);
        }
    }

    /// Lets what was asked before its turn move on, without waiting.
    pub async fn look_ahead(&mut self) {
        if let Some(ahead) = &mut self.ahead {
            ahead.look().await;
        }
    }

    /// Whether the chain would still be asked: it is there, and a recording has not given up on it.
    pub fn may_answer(&self, chain: ChainId) -> bool {
        let asked = self.chains.get(&chain);
        asked.is_some_and(|asked| self.remembered.is_none() || !asked.is_hopeless())
    }

    /// Whether the chain has answered about the block, be it that it cannot tell.
    pub fn has_told(&self, block: &BlockId) -> bool {
        self.remembered.as_ref().is_some_and(|answers| answers.contains_key(block))
    }

    /// Whether there is any chain to ask.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    /// Whether the block is its chain's.
    pub async fn ask(&mut self, block: &BlockId) -> Canonicity {
        if let Some(answer) = self.remembered.as_ref().and_then(|answers| answers.get(block)) {
            return *answer;
        }
        if let Some(asked) = self.chains.get_mut(&block.chain).filter(|asked| asked.spared > 0) {
            asked.spared = asked.spared.saturating_sub(1);
            return Canonicity::Unknown;
        }
        self.ask_again(block).await
    }

    /// As [`Blocks::ask`], and of a chain that just failed, too; whatever is remembered.
    pub async fn ask_again(&mut self, block: &BlockId) -> Canonicity {
        let Some(asked) = self.chains.get_mut(&block.chain) else { return Canonicity::Unknown };
        if self.remembered.is_some() && asked.is_hopeless() {
            return Canonicity::Unknown;
        }
        let said = match &mut self.ahead {
            None => asked.told(block.number).await,
            Some(ahead) => {
                let said = match ahead.take(block).await {
                    Some(said) => Ok(said),
                    None => asked.told(block.number).await,
                };
                ahead.answers(block.chain, asked.named && said.is_ok());
                said
            }
        };
        let said = match said {
            Ok(said) => said,
            Err(silence) => {
                asked.failed(silence, block);
                return Canonicity::Unknown;
            }
        };
        (asked.failures, asked.waits, asked.spared, asked.failure) = (0, 0, 0, None);
        let answer = match said {
            BlockSaid::Hash(hash) if hash == block.hash => Canonicity::Canonical,
            BlockSaid::Hash(_other) => Canonicity::Orphaned,
            BlockSaid::None | BlockSaid::Refused => Canonicity::Unknown,
        };
        if let Some(answers) = &mut self.remembered {
            if answers.len() >= ANSWERS_MAX {
                answers.clear();
            }
            answers.insert(*block, answer);
        }
        answer
    }

    /// Chains that failed when they were last asked, and how.
    pub fn failing(&self) -> impl Iterator<Item = (&ChainName, &str)> {
        self.chains.values().filter_map(|asked| Some((asked.chain.name(), asked.failure.as_deref()?)))
    }

    /// Spares nobody any longer, and forgets what nobody could tell.
    pub fn anew(&mut self) {
        self.chains.values_mut().for_each(|asked| asked.spared = 0);
        if let Some(answers) = &mut self.remembered {
            answers.retain(|_, answer| *answer != Canonicity::Unknown);
        }
    }
}

impl Asked {
    fn is_hopeless(&self) -> bool {
        self.waits >= WAITS_MAX || self.failures >= FAILURES_MAX
    }

    /// Asks, and asks again where that fails.
    async fn told(&mut self, number: u64) -> Result<BlockSaid, Silence> {
        let mut said = self.said(number).await;
        for pause in self.patience.pauses {
            match said {
                // Who answers needs no time to come back.
                Ok(BlockSaid::Refused) => {}
                Err(Silence::Failed(_)) => tokio::time::sleep(pause).await,
                Ok(BlockSaid::Hash(_) | BlockSaid::None) | Err(Silence::Waited) => break,
            }
            said = self.said(number).await;
        }
        said
    }

    /// Asks; the chain must not be another one than it is configured as, or every block would be none of its.
    async fn said(&mut self, number: u64) -> Result<BlockSaid, Silence> {
        let asking = async {
            if !self.named {
                match self.chain.verify_chain_id().await {
                    Ok(()) => self.named = true,
                    Err(error @ ChainError::WrongChain { .. }) => return Err(error),
                    Err(_cannot_say) => {
                        self.nameless = self.nameless.saturating_add(1);
                        self.named = self.nameless >= NAMELESS_MAX;
                    }
                }
            }
            match self.chain.block_said(number).await {
                // They are there, and of two minds about this block.
                Err(ChainError::Disagreement { .. }) => Ok(BlockSaid::Refused),
                said => said,
            }
        };
        match tokio::time::timeout(self.patience.wait, asking).await {
            Ok(said) => said.map_err(|error| Silence::Failed(error.to_string())),
            Err(_elapsed) => Err(Silence::Waited),
        }
    }

    fn failed(&mut self, silence: Silence, block: &BlockId) {
        let spared = SPARED.saturating_mul(1 << self.failures.min(DOUBLINGS_MAX));
        let (error, spared) = match silence {
            Silence::Waited => {
                self.waits = self.waits.saturating_add(1);
                let spared = if self.patience.spares { spared } else { 0 };
                (format!("no answer within {:?}", self.patience.wait), spared)
            }
            Silence::Failed(error) => (error, spared),
        };
        tracing::warn!(chain = %block.chain, block = block.number, %error, "a block's chain did not answer");
        self.spared = spared;
        self.failures = self.failures.saturating_add(1);
        self.failure = Some(error);
    }
}

#[cfg(test)]
mod tests;
