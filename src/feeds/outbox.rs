//! How a feed that runs hands its deliveries over: it waits for the receipt, and does not go on without it.
//!
//! Used by feeds that can hold back (files, pollers). A webhook cannot make its sender wait for long, so it
//! answers for itself.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::delivery::{Cursor, Delivery, Outcome, Receipt, Rejected};
use super::health::{Brought, SharedHealth};
use crate::domain::alert::Alert;
use crate::domain::condition::BlockId;
use crate::domain::names::FeedName;

/// The first pause after a delivery that was refused or lost, and the longest, in seconds: the consumer is
/// this very process, so waiting long helps nobody.
const REDELIVERY_PAUSE_SECONDS: u64 = 1;
const REDELIVERY_PAUSE_SECONDS_MAX: u64 = 30;

/// Why a feed stopped running without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum FeedEnd {
    /// It was told to stop.
    Stopped,
    /// Nobody receives its deliveries any more.
    ConsumerGone,
    /// There is no more to read, and it was not told to wait for more.
    Finished,
}

/// A feed's way out.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) feed: FeedName,
    pub(super) deliveries: mpsc::Sender<Delivery>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) health: SharedHealth,
}

impl Outbox {
    /// Delivers until accepted. `Err` says why the feed has to end instead.
    pub(super) async fn hand_over(
        &mut self,
        part: &str,
        alerts: Vec<Result<Alert, Rejected>>,
        cursor: Option<Cursor>,
    ) -> Result<(), FeedEnd> {
        self.hand_over_with(part, alerts, cursor, Vec::new()).await
    }

    /// As [`Outbox::hand_over`], and tells which blocks of earlier alerts have left their chain.
    pub(super) async fn hand_over_with(
        &mut self,
        part: &str,
        alerts: Vec<Result<Alert, Rejected>>,
        cursor: Option<Cursor>,
        orphaned: Vec<BlockId>,
    ) -> Result<(), FeedEnd> {
        let mut pause = Duration::from_secs(REDELIVERY_PAUSE_SECONDS);
        loop {
            let (receipt, settlement) = Receipt::pair();
            let delivery = Delivery {
                feed: self.feed.clone(),
                alerts: alerts.clone(),
                cursor: cursor.clone(),
                request: None,
                orphaned: orphaned.clone(),
                receipt,
            };
            let outcome = tokio::select! {
                () = stopped(&mut self.stop) => return Err(FeedEnd::Stopped),
                outcome = deliver(&self.deliveries, delivery, settlement) => outcome?,
            };
            match outcome {
                Outcome::Accepted => {
                    self.health.accepted(part, Brought::by(&alerts));
                    return Ok(());
                }
                Outcome::Refused(reason) => {
                    self.health.failed(part, format!("a delivery was refused: {reason}"));
                }
                Outcome::Lost => self.health.failed(part, "a delivery was not settled".to_owned()),
            }
            self.pause(pause).await?;
            pause = pause.saturating_mul(2).min(Duration::from_secs(REDELIVERY_PAUSE_SECONDS_MAX));
        }
    }

    /// Delivers once; for feeds whose sender keeps what was not accepted.
    #[cfg(feature = "nats")]
    pub(super) async fn hand_over_once(
        &mut self,
        part: &str,
        alerts: Vec<Result<Alert, Rejected>>,
    ) -> Result<Outcome, FeedEnd> {
        let (receipt, settlement) = Receipt::pair();
        let brought = Brought::by(&alerts);
        let feed = self.feed.clone();
        let delivery = Delivery { feed, alerts, cursor: None, request: None, orphaned: Vec::new(), receipt };
        let outcome = tokio::select! {
            () = stopped(&mut self.stop) => return Err(FeedEnd::Stopped),
            outcome = deliver(&self.deliveries, delivery, settlement) => outcome?,
        };
        match &outcome {
            Outcome::Accepted => self.health.accepted(part, brought),
            Outcome::Refused(reason) => self.health.failed(part, format!("a delivery was refused: {reason}")),
            Outcome::Lost => self.health.failed(part, "a delivery was not settled".to_owned()),
        }
        Ok(outcome)
    }

    /// Waits, unless told to stop.
    pub(super) async fn pause(&mut self, pause: Duration) -> Result<(), FeedEnd> {
        tokio::select! {
            () = stopped(&mut self.stop) => Err(FeedEnd::Stopped),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}

async fn deliver(
    deliveries: &mpsc::Sender<Delivery>,
    delivery: Delivery,
    settlement: super::delivery::Settlement,
) -> Result<Outcome, FeedEnd> {
    deliveries.send(delivery).await.map_err(|_closed| FeedEnd::ConsumerGone)?;
    Ok(settlement.outcome().await)
}

/// Returns once `stop` is true. A stop signal whose owner is gone is a stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.ok();
}
