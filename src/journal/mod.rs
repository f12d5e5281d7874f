//! The append-only, hash-chained log of facts.
//!
//! *Invariants.* Facts are numbered without holes, over the whole journal (`seq`) and in each stream
//! (`version`). The only change is [`Journal::append`]: a compare-and-swap on the version of each stream it
//! writes, all of them or none. Each fact's hash covers the fact before it, so that [`verify()`] finds any later
//! change; that nothing was cut off the end is known to whoever remembered a [`Head`].
//!
//! *Deliberately unknown here:* what a fact means, what an incident is, and what to do when the journal is
//! unavailable (the agent decides: containment goes on).

mod chain;
mod error;
mod evidence;
mod fact;
pub mod faults;
mod memory;
mod quarantine;
mod sqlite;
mod verify;
mod write;

#[cfg(test)]
mod conformance;

use async_trait::async_trait;

pub use error::{Cause, JournalError};
pub use evidence::{
    EVIDENCE_FILES_MAX, EvidenceError, EvidenceStore, Filled, Keeping, STRANGERS_SHARE_PERCENT, Standing,
    sha256,
};
pub use fact::{Entry, FactHash, Head, NewFact, NotAHead, Stream, Version, Write};
pub use memory::MemoryJournal;
pub use quarantine::{
    QUARANTINE_RAW_MAX_BYTES, QUARANTINE_ROWS_MAX, Quarantine, Quarantined, RejectedLine, Shelf,
};
pub use sqlite::SqliteJournal;
pub use verify::{Broken, Verified, Verifier, VerifyError, verify};
pub use write::{APPEND_BODIES_MAX_BYTES, APPEND_FACTS_MAX, FACT_BODY_MAX_BYTES, NAME_MAX_BYTES};

/// The most facts [`Journal::read`] returns. An incident has tens to hundreds.
pub const READ_FACTS_MAX: usize = 100_000;

/// What became of an append.
#[must_use = "an append may be stale or refused"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// All of it is on disk.
    Applied {
        /// The journal's new head.
        head: Head,
        /// The new version of each stream, in the order of the writes.
        versions: Vec<Version>,
    },
    /// Nothing was written: somebody else wrote first. Read again, decide again.
    Stale {
        /// The first stream whose version was not the expected one.
        stream: Stream,
        /// Its version now.
        current: Version,
    },
    /// Nothing was written and nothing like it will be: the append is out of bounds. A mistake of the caller's.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

/// A journal, whatever keeps it. Shared as `Arc<dyn Journal>`.
#[async_trait]
pub trait Journal: Send + Sync + std::fmt::Debug {
    /// Appends to all the streams of `writes` or to none.
    ///
    /// # Errors
    /// When the store does not answer; see [`JournalError`] about what is then known.
    async fn append(&self, writes: Vec<Write>) -> Result<Appended, JournalError>;

    /// The facts of a stream after version `after`, in order; none for a stream that does not exist.
    ///
    /// # Errors
    /// When the store does not answer, a row cannot be read, or there are more than [`READ_FACTS_MAX`].
    async fn read(&self, stream: &Stream, after: Version) -> Result<Vec<Entry>, JournalError>;

    /// Up to `limit` facts of a stream after version `after`, in order. Fewer than `limit` means that there are no
    /// more. For streams that may be longer than [`READ_FACTS_MAX`].
    ///
    /// # Errors
    /// When the store does not answer or a row cannot be read.
    async fn read_part(
        &self,
        stream: &Stream,
        after: Version,
        limit: u32,
    ) -> Result<Vec<Entry>, JournalError>;

    /// The newest fact of a stream.
    ///
    /// # Errors
    /// When the store does not answer or the row cannot be read.
    async fn last(&self, stream: &Stream) -> Result<Option<Entry>, JournalError>;

    /// Up to `limit` facts of the whole journal after number `after_seq`, in order. Fewer than `limit` means
    /// that there are no more.
    ///
    /// # Errors
    /// When the store does not answer or a row cannot be read.
    async fn read_all(&self, after_seq: u64, limit: u32) -> Result<Vec<Entry>, JournalError>;

    /// The newest fact's number and hash; [`Head::EMPTY`] of an empty journal.
    ///
    /// # Errors
    /// When the store does not answer or the row cannot be read.
    async fn head(&self) -> Result<Head, JournalError>;

    /// The streams whose name starts with `prefix`, by name, with their versions.
    ///
    /// # Errors
    /// When the store does not answer or a row cannot be read.
    async fn streams(&self, prefix: &str) -> Result<Vec<(Stream, Version)>, JournalError>;
}
