//! One look at the chain: from the place to its head.

use super::place::{Place, block_id};
use super::{Broken, HEAD, OnchainFeed, Outbox};
use crate::domain::alert::Alert;
use crate::domain::condition::BlockId;
use crate::domain::watch::{SeenBlock, event_alerts, explains, names, reorg_alert};

/// What the chain left.
struct Left {
    /// Blocks of alerts that are gone.
    orphaned: Vec<BlockId>,
    /// The alert that this is worth, if it was deep.
    block: SeenBlock,
    depth: u64,
    /// It is deeper than what is remembered.
    at_least: bool,
}

impl OnchainFeed {
    /// Reads everything up to the head.
    pub(super) async fn pass(&mut self, outbox: &mut Outbox) -> Result<(), Broken> {
        let looked_at = self.clock.now();
        let Some(target) = self.target().await? else {
            outbox.health.mended(HEAD);
            return Ok(());
        };
        let mut place = self.place.clone();
        let left = self.left(&mut place, &target).await?;
        if left.is_none() && place.newest().is_some_and(|newest| newest.number >= target.number) {
            // The head stands still, or an endpoint that is behind was heard first: nothing proves that this works.
            if place.newest() == Some(&target) && (!self.compared || !self.troubles.is_empty()) {
                let first = !self.compared;
                let alerts = self.compare(&mut place, &target, outbox).await;
                self.deliver(&place, alerts, Vec::new(), outbox).await?;
                if first {
                    outbox.health.ok(HEAD, looked_at);
                }
            }
            // But it answers, so that what was wrong before is over.
            outbox.health.mended(HEAD);
            return Ok(());
        }
        let (mut orphaned, mut reorg) = (Vec::new(), None);
        if let Some(left) = left {
            orphaned = left.orphaned;
            let deep = left.at_least || left.depth > self.settings.reorg_blocks;
            reorg = deep
                .then(|| reorg_alert(&self.settings.watch, &left.block, &target, left.depth, left.at_least));
        }
        loop {
            let (to, mut alerts) = self.page(&mut place, &target).await?;
            let last = to.hash == target.hash;
            alerts.extend(reorg.take());
            if last {
                alerts.extend(self.compare(&mut place, &target, outbox).await);
            }
            place.reached(to);
            place.forget_told(&orphaned);
            self.deliver(&place, alerts, std::mem::take(&mut orphaned), outbox).await?;
            self.page_blocks = self.page_blocks.saturating_mul(2).min(self.settings.page_blocks.max(1));
            if last {
                outbox.health.ok(HEAD, looked_at);
                return Ok(());
            }
        }
    }

    /// The block that is read to; `None` while the chain is shorter than the confirmations that are wanted.
    async fn target(&self) -> Result<Option<SeenBlock>, Broken> {
        let head = self.eye.head().await?;
        if self.settings.confirmations == 0 {
            return Ok(Some(head));
        }
        let Some(height) = head.number.checked_sub(self.settings.confirmations) else { return Ok(None) };
        Ok(self.eye.block(height).await?)
    }

    /// Whether blocks that were read have left the chain; takes the place back to one that is still there.
    async fn left(&self, place: &mut Place, target: &SeenBlock) -> Result<Option<Left>, Broken> {
        let Some(newest) = place.newest().copied() else { return Ok(None) };
        if newest == *target || self.stands(&newest).await? {
            return Ok(None);
        }
        let read: Vec<SeenBlock> = place.newest_first().copied().collect();
        let mut back_to = None;
        for block in read.iter().skip(1) {
            if self.stands(block).await? {
                back_to = Some(*block);
                break;
            }
        }
        let oldest = read.last().unwrap_or(&newest);
        let floor = back_to.map_or(0, |block| block.number);
        let mut orphaned = Vec::new();
        for (number, hash) in place.told_above(floor) {
            let now = self.eye.block(number).await?;
            // A height that the chain has not reached again holds nothing that could be believed.
            if now.is_none_or(|now| now.hash != hash) {
                orphaned.push(block_id(self.settings.watch.chain_id, (number, hash)));
            }
        }
        place.rewind(back_to.as_ref());
        if back_to.is_none() {
            // Nothing that was read is known to be there: read again from where memory begins.
            let from = oldest.number.saturating_sub(1).min(target.number.saturating_sub(1));
            let start = self.eye.block(from).await?.ok_or_else(|| format!("block {from} is not there"))?;
            place.reached(start);
        }
        let floor = back_to.map_or(oldest.number.saturating_sub(1), |block| block.number);
        let depth = newest.number.saturating_sub(floor);
        Ok(Some(Left { orphaned, block: newest, depth, at_least: back_to.is_none() }))
    }

    /// Whether a block is on the chain.
    async fn stands(&self, block: &SeenBlock) -> Result<bool, Broken> {
        match self.eye.block(block.number).await? {
            Some(now) => Ok(now.hash == block.hash),
            // The endpoints agree on a head that is lower: behind, or a shorter chain. Either way nothing is lost by
            // waiting until it is as high again.
            None => Err(Broken::Unread(format!(
                "block {} was read, and the endpoints have it no more: they are behind, or the chain is being reorganised",
                block.number
            ))),
        }
    }

    /// The alerts of the next page of blocks, and its last block.
    async fn page(
        &mut self,
        place: &mut Place,
        target: &SeenBlock,
    ) -> Result<(SeenBlock, Vec<Alert>), Broken> {
        let Some(newest) = place.newest() else {
            place.begin(target);
            return Ok((*target, Vec::new()));
        };
        let from = newest.number.saturating_add(1).saturating_sub(self.settings.overlap_blocks);
        let from = from.max(place.first_told());
        let end = newest.number.saturating_add(self.page_blocks).min(target.number);
        // A long page ends short of the head, so that a block to go back to is never further than the bound.
        let near = target.number.saturating_sub(self.settings.reorg_blocks);
        let end = if end == target.number && newest.number < near { near } else { end };
        let to = if end == target.number {
            *target
        } else {
            self.eye.block(end).await?.ok_or_else(|| format!("block {end} is not there yet"))?
        };
        let logs = self.eye.logs(&self.settings.watch, from, &to).await?;
        let alerts = event_alerts(&self.settings.watch, &logs);
        let fresh: Vec<Alert> = alerts.into_iter().filter(|alert| !self.seen.has(&key(alert))).collect();
        for alert in &fresh {
            if let (Some(field), Some(safe)) = (explains(&alert.alert_id), alert.addresses.first()) {
                place.told().insert((*safe, field));
            }
            place.named().extend(names(alert));
        }
        Ok((to, fresh))
    }

    /// Hands over, and only then moves.
    async fn deliver(
        &mut self,
        place: &Place,
        alerts: Vec<Alert>,
        orphaned: Vec<BlockId>,
        outbox: &mut Outbox,
    ) -> Result<(), Broken> {
        let mut place = place.clone();
        let keys: Vec<_> = alerts.iter().map(key).collect();
        for block in alerts.iter().filter_map(|alert| alert.block.as_ref()) {
            if let Some(hash) = block.hash {
                place.told_of(block.number, hash);
            }
        }
        let cursor = place.cursor();
        let alerts = alerts.into_iter().map(Ok).collect();
        outbox.hand_over_with(HEAD, alerts, Some(cursor), orphaned).await.map_err(Broken::End)?;
        keys.into_iter().for_each(|key| self.seen.remember(key));
        self.place = place;
        Ok(())
    }
}

fn key(alert: &Alert) -> (crate::domain::alert::AlertHash, alloy::primitives::B256) {
    let block = alert.block.as_ref().and_then(|block| block.hash).unwrap_or_default();
    (alert.hash.clone(), block)
}
