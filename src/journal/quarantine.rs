//! Where lines of feeds go that could not be read as alerts: kept for people, within bounds.
//!
//! Not part of the chain of facts: anybody who can reach a feed could fill it. The oldest lines of a feed make
//! room for new ones and are counted, so that nothing is dropped quietly; one feed cannot push out another's.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{JournalError, MemoryJournal};
use crate::domain::names::FeedName;

/// Lines kept for each feed.
pub const QUARANTINE_ROWS_MAX: u64 = 1_000;
/// Bytes kept of each line; the rest is cut off and its length kept.
pub const QUARANTINE_RAW_MAX_BYTES: usize = 16 * 1024;
/// Bytes kept of each reason.
const REASON_MAX_BYTES: usize = 1_024;

/// A line that is no alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    /// The feed that sent it.
    pub feed: FeedName,
    /// When it came.
    pub at: Timestamp,
    /// Its number in its file or request, from 1.
    pub line: u64,
    /// Why it is no alert, for people.
    pub reason: String,
    /// The line as it came. Attacker-controlled.
    pub raw: String,
}

/// A line that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number among all lines of its feed that were ever kept, from 1.
    pub number: u64,
    /// The line; its `raw` may be cut off.
    pub rejected: RejectedLine,
    /// How long `raw` was when it came.
    pub raw_bytes: u64,
}

/// What is kept of one feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// The newest lines, newest first.
    pub lines: Vec<Quarantined>,
    /// How many lines of this feed are kept, listed here or not.
    pub kept: u64,
    /// How many older lines were dropped to make room.
    pub dropped: u64,
}

/// Keeps rejected lines.
#[async_trait]
pub trait Quarantine: Send + Sync + std::fmt::Debug {
    /// Keeps a line, dropping the oldest of its feed when there are [`QUARANTINE_ROWS_MAX`].
    ///
    /// # Errors
    /// When the store does not answer.
    async fn keep(&self, rejected: RejectedLine) -> Result<(), JournalError> {
        self.keep_many(vec![rejected]).await
    }

    /// Keeps several lines as [`Self::keep`] does, all or none, in one transaction: junk must not cost a commit a
    /// line.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn keep_many(&self, rejected: Vec<RejectedLine>) -> Result<(), JournalError>;

    /// The newest `limit` lines of a feed, and the counts.
    ///
    /// # Errors
    /// When the store does not answer or a row cannot be read.
    async fn list(&self, feed: &FeedName, limit: u32) -> Result<Shelf, JournalError>;
}

/// Cuts a line to what is kept. NUL is replaced: Postgres has no text with it.
pub(super) fn trim(mut rejected: RejectedLine) -> (RejectedLine, u64) {
    let raw_bytes = rejected.raw.len() as u64;
    for (text, bytes_max) in
        [(&mut rejected.raw, QUARANTINE_RAW_MAX_BYTES), (&mut rejected.reason, REASON_MAX_BYTES)]
    {
        text.truncate(text.floor_char_boundary(bytes_max));
        if text.contains('\0') {
            *text = text.replace('\0', "\u{fffd}");
        }
    }
    (rejected, raw_bytes)
}

/// One feed's lines in memory, oldest first.
#[derive(Debug, Default)]
pub(super) struct MemoryShelf {
    lines: std::collections::VecDeque<Quarantined>,
    ever: u64,
}

#[async_trait]
impl Quarantine for MemoryJournal {
    async fn keep_many(&self, rejected: Vec<RejectedLine>) -> Result<(), JournalError> {
        let mut shelves = self.shelves();
        for (rejected, raw_bytes) in rejected.into_iter().map(trim) {
            let shelf = shelves.entry(rejected.feed.as_str().to_owned()).or_default();
            shelf.ever = shelf.ever.saturating_add(1);
            shelf.lines.push_back(Quarantined { number: shelf.ever, rejected, raw_bytes });
            if shelf.lines.len() as u64 > QUARANTINE_ROWS_MAX {
                shelf.lines.pop_front();
            }
        }
        Ok(())
    }

    async fn list(&self, feed: &FeedName, limit: u32) -> Result<Shelf, JournalError> {
        let shelves = self.shelves();
        let Some(shelf) = shelves.get(feed.as_str()) else { return Ok(Shelf::default()) };
        let kept = shelf.lines.len() as u64;
        let newest = shelf.lines.iter().rev().take(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Shelf { lines: newest.cloned().collect(), kept, dropped: shelf.ever.saturating_sub(kept) })
    }
}
