//! The newest block and what stands there, in one request where nothing has moved.
//!
//! Reads are pinned to a block by its hash, and the newest block's hash has to be asked for first: two round trips, one
//! after the other. Whoever looked a moment ago knows a block that most likely still is the newest. So the reads are
//! asked *there*, and the newest block beside them in the same request. Where the endpoints agree that it is the same
//! block, everything is answered; else the answers are thrown away, and it is read where they do agree.
//!
//! *Invariant.* What comes out is what [`Chain::head`] and [`Chain::read`] give: the same block, pinned by the same
//! hash, agreed on by the same rule. The memory of a block only ever saves a round trip.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Chain;
use super::ask::Ask;
use super::endpoint::{Endpoint, Question};
use super::error::{ChainError, RpcError};
use super::head::{BlockRef, RawHeader};
use super::quorum::{Patience, Said, Vote, hear};
use super::safe_state::SafeReadError;
use super::snapshot::{Answers, READS_MAX, Snapshot, SnapshotPlan};
use crate::domain::safe::{SafeAddress, SafeState};

/// A block that was seen longer ago is not tried: it rarely is the newest still, and the reads would be asked twice.
pub const REMEMBERED_MAX_AGE: Duration = Duration::from_secs(4);

/// The block that was last found to be the newest, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct LastSeen(Arc<Mutex<Option<(Instant, BlockRef)>>>);

impl LastSeen {
    pub(super) fn note(&self, block: BlockRef) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), block));
    }

    fn recent(&self) -> Option<BlockRef> {
        let (seen, block) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        (seen.elapsed() <= REMEMBERED_MAX_AGE).then_some(block)
    }
}

/// What one endpoint says is the newest block, and what it reads at the one that was remembered.
type Look = (BlockRef, Answers);

impl Chain {
    /// Reads all of `plan` at the newest agreed block: in one request for each endpoint if that is still the block that
    /// was last seen, at most [`REMEMBERED_MAX_AGE`] ago.
    ///
    /// # Errors
    /// As [`Chain::head`] and [`Chain::read`].
    pub async fn newest(&self, plan: SnapshotPlan) -> Result<Snapshot, ChainError> {
        let asks = plan.asks();
        let Some(guess) = self.last_seen.recent().filter(|_| !asks.is_empty() && asks.len() <= READS_MAX)
        else {
            let block = self.head().await?;
            return self.read(&block, plan).await;
        };
        let doing = "reading at the latest block";
        let looks = hear(self.each(|endpoint| look(endpoint, doing, &guess, asks)), |looks| {
            match self.patience(&heads(looks)) {
                // Whoever is silent may bring a disputed value to agreement, if it is one of this block.
                Patience::Enough
                    if self.tip(&heads(looks)) == Some(guess) && !self.decided(&read(looks), asks) =>
                {
                    Patience::Wait
                }
                patience @ (Patience::Wait | Patience::Grace(_) | Patience::Enough) => patience,
            }
        })
        .await;
        let block = self.settle(&heads(&looks), doing).await?;
        let answers = read(&looks);
        let heard = looks.iter().all(|look| !matches!(look.said, Said::Silent));
        if block == guess && (heard || self.decided(&answers, asks)) {
            return Ok(self.snapshot(block, plan, &answers));
        }
        self.read(&block, plan).await
    }

    /// A Safe at the newest agreed block, read as [`Chain::newest`] reads.
    ///
    /// # Errors
    /// As [`Chain::head`] and [`Snapshot::safe`].
    pub async fn newest_safe(&self, safe: SafeAddress) -> Result<(BlockRef, SafeState), SafeReadError> {
        let mut plan = SnapshotPlan::new();
        let ticket = plan.safe(safe);
        let snapshot =
            self.newest(plan).await.map_err(|source| SafeReadError::unread(safe, "all of it", source))?;
        let state = self.with_code_hash(&snapshot.block, snapshot.safe(ticket)?).await;
        Ok((snapshot.block, state))
    }
}

fn heads(looks: &[Vote<Look>]) -> Vec<Vote<BlockRef>> {
    looks.iter().map(|look| look.map(|(head, _)| Ok(*head))).collect()
}

fn read(looks: &[Vote<Look>]) -> Vec<Vote<Answers>> {
    looks.iter().map(|look| look.map(|(_, answers)| Ok(answers.clone()))).collect()
}

async fn look(endpoint: &Endpoint, doing: &str, guess: &BlockRef, asks: &[Ask]) -> Result<Look, RpcError> {
    let mut questions: Vec<Question> = Vec::with_capacity(asks.len().saturating_add(1));
    questions.push(("eth_getBlockByNumber".into(), json!(["latest", false])));
    questions.extend(asks.iter().map(|ask| ask.question(guess)));
    let mut answers = endpoint.ask_batch(doing, &questions).await?.into_iter();
    let head =
        answers.next().unwrap_or_else(|| Err(RpcError::garbled(endpoint.label(), doing, "no block")))?;
    let head: RawHeader = endpoint.parse(doing, &head)?;
    let answers =
        asks.iter().zip(answers).map(|(ask, answer)| ask.outcome(endpoint, doing, answer)).collect();
    Ok((head.into(), answers))
}
