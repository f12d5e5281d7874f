//! What a feed hands over, and how it learns what became of it.
//!
//! Invariant: a [`Receipt`] is settled exactly once; one that is dropped says [`Outcome::Lost`], so that a
//! consumer that panics, is cancelled or forgets makes the feed deliver again.

use alloy::primitives::B256;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::forta_wire::Malformed;
use crate::domain::alert::Alert;
use crate::domain::condition::BlockId;
use crate::domain::names::FeedName;

/// How much of a rejected item is kept, in bytes: enough to see what it was; the longest line of the recorded
/// shape (503 metadata entries) is about twice as long.
pub const QUARANTINE_RAW_MAX_BYTES: usize = 64 * 1024;

/// A signed request, as it is told from others for as long as it could be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedRequest {
    /// What was signed, digested.
    pub key: B256,
    /// Until when a replay of it would be taken for recent.
    pub until: Timestamp,
}

/// Some alerts of one feed, to be committed together.
#[derive(Debug)]
pub struct Delivery {
    /// The feed they came through.
    pub feed: FeedName,
    /// What was read, in the feed's order; an item that could not be read is here too.
    pub alerts: Vec<Result<Alert, Rejected>>,
    /// Where to go on after a restart, to be stored in the same commit; `None` leaves the stored one as it is.
    pub cursor: Option<Cursor>,
    /// The signed request that brought it, to be remembered with what it meant.
    pub request: Option<AcceptedRequest>,
    /// Blocks of earlier alerts that have left their chain since: what was said of them never happened.
    pub orphaned: Vec<BlockId>,
    /// Tells the feed what became of the delivery.
    pub receipt: Receipt,
}

/// An item that could not be read as an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its line, counted from 1, where the feed has lines.
    pub line: Option<u64>,
    /// Why, in our words: it repeats nothing of the item.
    pub reason: String,
    /// Its first [`QUARANTINE_RAW_MAX_BYTES`] bytes.
    pub raw: Vec<u8>,
}

impl Rejected {
    /// Keeps what may be kept of `raw`.
    pub fn new(line: Option<u64>, reason: impl Into<String>, raw: &[u8]) -> Self {
        let kept = raw.get(..QUARANTINE_RAW_MAX_BYTES).unwrap_or(raw);
        Self { line, reason: reason.into(), raw: kept.to_vec() }
    }

    /// An item that parsed badly.
    pub fn malformed(line: Option<u64>, problem: Malformed, raw: &[u8]) -> Self {
        Self::new(line, problem.reason, raw)
    }
}

/// Where a feed is. Only the feed that made it understands it; everybody else stores it and gives it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(serde_json::Value);

impl Cursor {
    pub(super) fn of(place: serde_json::Value) -> Self {
        Self(place)
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.0)
    }
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Committed: the feed may go on.
    Accepted,
    /// Not committed, for a reason that may pass: the feed delivers again.
    Refused(String),
    /// Nobody said: the feed delivers again.
    Lost,
}

/// The consumer's half: settle it once the delivery is committed.
#[derive(Debug)]
#[must_use = "a receipt that is dropped makes the feed deliver again"]
pub struct Receipt(Option<oneshot::Sender<Outcome>>);

/// The feed's half.
#[derive(Debug)]
pub struct Settlement(oneshot::Receiver<Outcome>);

impl Receipt {
    /// A receipt and the place where its outcome appears.
    pub fn pair() -> (Self, Settlement) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), Settlement(receiver))
    }

    /// The delivery is committed.
    pub fn accepted(mut self) {
        self.settle(Outcome::Accepted);
    }

    /// The delivery is not committed; `reason` is for the operator.
    pub fn refused(mut self, reason: impl Into<String>) {
        self.settle(Outcome::Refused(reason.into()));
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(sender) = self.0.take() {
            // A feed that no longer waits has stopped: it will read from its stored cursor.
            sender.send(outcome).ok();
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.settle(Outcome::Lost);
    }
}

impl Settlement {
    /// Waits for the consumer.
    pub async fn outcome(self) -> Outcome {
        self.0.await.unwrap_or(Outcome::Lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_receipt_says_what_became_of_the_delivery() {
        let (receipt, settlement) = Receipt::pair();
        receipt.accepted();
        assert_eq!(settlement.outcome().await, Outcome::Accepted);

        let (receipt, settlement) = Receipt::pair();
        receipt.refused("the journal is read-only");
        assert_eq!(settlement.outcome().await, Outcome::Refused("the journal is read-only".into()));
    }

    #[tokio::test]
    async fn a_receipt_dropped_without_being_settled_means_lost() {
        let (receipt, settlement) = Receipt::pair();
        drop(receipt);
        assert_eq!(settlement.outcome().await, Outcome::Lost);
    }

    #[test]
    fn a_rejected_item_keeps_no_more_than_the_bound() {
        let long = vec![b'x'; QUARANTINE_RAW_MAX_BYTES + 1];
        assert_eq!(Rejected::new(None, "too long", &long).raw.len(), QUARANTINE_RAW_MAX_BYTES);
        assert_eq!(Rejected::new(Some(7), "short", b"ab").raw, b"ab");
    }

    #[test]
    fn a_cursor_survives_being_stored() {
        let cursor = Cursor::of(serde_json::json!([7, "head"]));
        let stored = serde_json::to_string(&cursor).unwrap();
        let back: Cursor = serde_json::from_str(&stored).unwrap();
        assert_eq!(back.read::<(u64, String)>().unwrap(), (7, "head".to_owned()));
    }
}
