//! Questions put before their turn, several at once, so that a recording does not wait for each by itself.
//!
//! *Invariants.* Looking ahead gives no answer that asking in order would not: a block's hash, or that there is no
//! such block, is kept for its turn; whatever else comes is dropped, and the question is put again in order. So
//! neither what is asked too much, nor an endpoint that cannot stand several questions at once, changes what is
//! replayed: a question in order is always put alone. A chain is asked less and less where that goes wrong ([`Pace`]), and not at all while it fails in order. No
//! task is spawned: questions move on whenever whoever asks in order looks or waits.
//!
//! It does not know which blocks will be needed, nor what an answer means.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Mutex;

use super::BLOCK_WAIT;
use crate::chain::{BlockSaid, Chain, ChainError};
use crate::domain::condition::BlockId;
use crate::domain::names::ChainId;

/// Questions to one chain under way at once, at most.
pub(super) const AT_ONCE_MAX: usize = 16;
/// Answers kept for their turn; beyond, all are forgotten, and asked for in order.
const KEPT_MAX: usize = 4_096;
/// Good answers before a chain that was in trouble is asked more at once; twice as many after each further trouble.
const GOOD_ANSWERS: u32 = 64;
/// How often that doubles.
const DOUBLINGS_MAX: u32 = 10;
/// How long nothing is asked after trouble that may be our doing: many providers count questions by the second.
const PAUSE: Duration = Duration::from_millis(100);

type Question = Pin<Box<dyn Future<Output = Heard> + Send>>;

/// Questions put before their turn.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    chains: BTreeMap<ChainId, Queue>,
    /// Never locked: only so that whoever holds all this may be shared between threads.
    asking: Mutex<FuturesUnordered<Question>>,
    /// Waiting or asked.
    under_way: BTreeSet<BlockId>,
    kept: BTreeMap<BlockId, BlockSaid>,
    /// A question in order is out: nothing else is asked.
    held: bool,
}

/// What is to be asked of one chain.
#[derive(Debug)]
struct Queue {
    chain: Chain,
    waiting: VecDeque<BlockId>,
    asking: usize,
    /// It answers in order: only then is it asked ahead.
    answers: bool,
    pace: Pace,
}

/// What came of a question.
struct Heard {
    block: BlockId,
    /// How often there had been trouble when it was put.
    troubles: u32,
    came: Came,
}

enum Came {
    /// What may be kept.
    Answer(BlockSaid),
    /// Endpoints that are of two minds: nobody's doing.
    Nothing,
    /// Too late, refused, or failed.
    Trouble,
}

impl Ahead {
    /// Notes that the block will probably be asked about. Nothing is asked yet.
    pub(super) fn expect(&mut self, block: BlockId, chain: &Chain) {
        if self.kept.contains_key(&block) || self.under_way.contains(&block) {
            return;
        }
        let queue = self.chains.entry(block.chain).or_insert_with(|| Queue {
            chain: chain.clone(),
            waiting: VecDeque::new(),
            asking: 0,
            answers: false,
            pace: Pace::new(),
        });
        if queue.pace.admits() {
            queue.waiting.push_back(block);
            self.under_way.insert(block);
        }
    }

    /// Says whether the chain answered when it was last asked in order. What waits is dropped where it did not.
    pub(super) fn answers(&mut self, chain: ChainId, answers: bool) {
        self.held = false;
        let Some(queue) = self.chains.get_mut(&chain) else { return };
        queue.answers = answers;
        if !answers {
            queue.waiting.drain(..).for_each(|block| {
                self.under_way.remove(&block);
            });
        }
    }

    /// Moves on without waiting.
    pub(super) async fn look(&mut self) {
        if !self.under_way.is_empty() {
            std::future::poll_fn(|cx| {
                self.poll(cx);
                Poll::Ready(())
            })
            .await;
        }
    }

    /// The answer about a block whose turn it is; none where it is to be asked in order, and nothing else is asked
    /// until [`Ahead::answers`] is said.
    pub(super) async fn take(&mut self, block: &BlockId) -> Option<BlockSaid> {
        if let Some(queue) = self.chains.get_mut(&block.chain)
            && let Some(place) = queue.waiting.iter().position(|waiting| waiting == block)
        {
            queue.waiting.remove(place);
            self.under_way.remove(block);
        }
        std::future::poll_fn(|cx| {
            self.poll(cx);
            if self.under_way.contains(block) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        let answer = self.kept.remove(block);
        if answer.is_none() {
            self.make_way().await;
        }
        answer
    }

    /// A question in order is put alone, as without all this: what is under way ends first, to other chains too, because
    /// one provider may serve them all; and after trouble that may be our doing there is a pause. [`Ahead::answers`] lets
    /// it go on.
    async fn make_way(&mut self) {
        self.held = true;
        std::future::poll_fn(|cx| {
            self.poll(cx);
            if self.asking.get_mut().is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let mut pauses = false;
        self.chains.values_mut().for_each(|queue| pauses |= std::mem::take(&mut queue.pace.pauses));
        if pauses {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        loop {
            self.start();
            match self.asking.get_mut().poll_next_unpin(cx) {
                Poll::Ready(Some(heard)) => self.note(heard),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }

    fn start(&mut self) {
        if self.held {
            return;
        }
        for queue in self.chains.values_mut().filter(|queue| queue.answers) {
            while queue.asking < queue.pace.at_once
                && let Some(block) = queue.waiting.pop_front()
            {
                queue.asking = queue.asking.saturating_add(1);
                self.asking.get_mut().push(Box::pin(ask(queue.chain.clone(), block, queue.pace.troubles)));
            }
        }
    }

    fn note(&mut self, heard: Heard) {
        let Heard { block, troubles, came } = heard;
        self.under_way.remove(&block);
        let Some(queue) = self.chains.get_mut(&block.chain) else { return };
        queue.asking = queue.asking.saturating_sub(1);
        match came {
            Came::Answer(said) => {
                queue.pace.good();
                if self.kept.len() >= KEPT_MAX {
                    self.kept.clear();
                }
                self.kept.insert(block, said);
            }
            Came::Nothing => {}
            // What was asked before we knew is the same trouble.
            Came::Trouble if troubles == queue.pace.troubles => queue.pace.trouble(),
            Came::Trouble => {}
        }
    }
}

async fn ask(chain: Chain, block: BlockId, troubles: u32) -> Heard {
    let came = match tokio::time::timeout(BLOCK_WAIT, chain.block_said(block.number)).await {
        Ok(Ok(said @ (BlockSaid::Hash(_) | BlockSaid::None))) => Came::Answer(said),
        Ok(Err(ChainError::Disagreement { .. })) => Came::Nothing,
        Ok(Ok(BlockSaid::Refused) | Err(_)) | Err(_) => Came::Trouble,
    };
    Heard { block, troubles, came }
}

/// How much a chain is asked at once: half as much after each trouble, down to nothing for a while; one more after
/// enough good answers.
#[derive(Debug)]
struct Pace {
    at_once: usize,
    troubles: u32,
    /// Good answers since it last changed.
    good: u32,
    /// Blocks not asked about ahead any more, from here on.
    spared: u32,
    /// Trouble came while several were asked at once.
    pauses: bool,
}

impl Pace {
    fn new() -> Self {
        Self { at_once: AT_ONCE_MAX, troubles: 0, good: 0, spared: 0, pauses: false }
    }

    fn patience(&self) -> u32 {
        GOOD_ANSWERS << self.troubles.min(DOUBLINGS_MAX)
    }

    fn admits(&mut self) -> bool {
        self.spared = self.spared.saturating_sub(1);
        self.spared == 0
    }

    fn good(&mut self) {
        self.good = self.good.saturating_add(1);
        if self.good >= self.patience() && self.at_once < AT_ONCE_MAX {
            (self.at_once, self.good) = (self.at_once.saturating_add(1), 0);
        }
    }

    fn trouble(&mut self) {
        (self.troubles, self.good) = (self.troubles.saturating_add(1), 0);
        match self.at_once {
            0 | 1 => self.spared = self.patience(),
            several => (self.at_once, self.pauses) = (several / 2, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_halves_and_good_answers_restore() {
        let mut pace = Pace::new();
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(pace.at_once);
            pace.trouble();
        }
        assert_eq!(seen, [16, 8, 4, 2, 1]);
        // One at a time is as in order: nothing is asked ahead for a while.
        assert!(std::mem::take(&mut pace.pauses));
        let spared = (1..).take_while(|_| !pace.admits()).count();
        assert_eq!(spared, (GOOD_ANSWERS << 5) as usize - 1);
        (0..GOOD_ANSWERS << 5).for_each(|_| pace.good());
        assert_eq!(pace.at_once, 2);
        (0..1_000_000).for_each(|_| pace.good());
        assert_eq!(pace.at_once, AT_ONCE_MAX);
    }
}
