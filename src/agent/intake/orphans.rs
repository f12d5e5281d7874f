//! Blocks that left their chain after their alerts were believed.
//!
//! A chain feed tells of them. Their alerts leave the windows, and who was asked to act on one is told. The same alert
//! may come again in another block, mostly in the same delivery: then nothing was taken back, and nobody is told; or
//! later: then they are told that it is there again, because who reads "taken back" at night stops there.

use super::{Intake, ORPHANED};
use crate::agent::store::StoreError;
use crate::domain::alert::Alert;
use crate::domain::condition::{BlockId, Canonicity};
use crate::domain::names::FeedName;
use crate::journal::NewFact;

/// Alerts remembered whose block left the chain; beyond, one that comes again is not told as such.
const GONE_MAX: usize = 1_000;

impl Intake {
    /// Writes that these blocks left their chain, and takes their alerts out.
    pub(super) async fn leave(&mut self, feed: &FeedName, blocks: &[BlockId]) -> Result<(), StoreError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let now = self.agent.clock.now();
        let mut facts = Vec::with_capacity(blocks.len());
        for block in blocks {
            let body = serde_json::to_value(block).map_err(StoreError::Unwritable)?;
            facts.push(NewFact { kind: ORPHANED.to_owned(), at: now, body });
        }
        self.append(feed, facts).await?;
        tracing::warn!(%feed, blocks = blocks.len(), "blocks of earlier alerts left their chain");
        blocks.iter().for_each(|block| self.left(block));
        Ok(())
    }

    /// The block left its chain.
    pub(super) fn left(&mut self, block: &BlockId) {
        self.unsure.remove(block);
        let (_nothing_new, withdrawn) = self.matcher.learn(block, Canonicity::Orphaned);
        for withdrawal in withdrawn {
            for alert in &withdrawal.alerts {
                self.gone.insert(alert.clone(), withdrawal.clone());
                if self.gone.len() > GONE_MAX {
                    self.gone.pop_first();
                }
            }
            self.withdrawn.push_back(withdrawal);
        }
    }

    /// The alert was kept: if its old block left the chain, it is in a new one.
    pub(super) fn came_again(&mut self, alert: &Alert, block_is: Canonicity) {
        if block_is != Canonicity::Canonical {
            return;
        }
        let Some(mut withdrawal) = self.gone.remove(&alert.hash) else { return };
        let mut untold = false;
        for waiting in &mut self.withdrawn {
            untold |= waiting.alerts.contains(&alert.hash);
            waiting.alerts.retain(|hash| *hash != alert.hash);
        }
        self.withdrawn.retain(|waiting| !waiting.alerts.is_empty());
        if !untold && let Some(block) = &alert.block {
            withdrawal.alerts.retain(|hash| *hash == alert.hash);
            withdrawal.because = format!("block {}", block.number);
            self.returned.push_back(withdrawal);
        }
    }
}
