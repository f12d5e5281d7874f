//! The journal in one SQLite file: the default store.
//!
//! Several processes write to the same file, the agent and people's commands. Each write transaction takes the
//! database's write lock when it begins (`BEGIN IMMEDIATE`), so that what it reads stays true until it commits; a
//! second writer waits for it, up to `BUSY_MAX`, and then finds out whether it is stale. Readers never wait (WAL).
//! A commit is on the disk before it is reported (`synchronous = FULL`).
//!
//! The SQL text is valid for Postgres too; what is SQLite's own stands in [`open`].

mod fault;
mod migrate;
mod open;
mod quarantine;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use sqlx::{Any, AnyPool, Transaction};

use super::fact::{Entry, Head, Stream, Version, Write};
use super::write::Checked;
use super::{Appended, Journal, JournalError, READ_FACTS_MAX, chain, write};
use fault::Place;

/// Takes the write lock at once: a lock taken later could fail after the transaction has read.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A journal in a file.
#[derive(Clone, Debug)]
pub struct SqliteJournal {
    /// One connection: writers of this process queue here and not in SQLite.
    writer: AnyPool,
    reader: AnyPool,
    place: Arc<Place>,
}

impl SqliteJournal {
    /// Opens the journal at `path`, making the file if there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be used (folder missing, read-only, locked, full disk) or is not a journal.
    pub async fn open(path: &Path) -> Result<Self, JournalError> {
        open::open(path, open::IfMissing::Create, open::BUSY_MAX).await
    }

    /// Opens the journal at `path` only if it is there: a mistyped path must not look like an empty, healthy
    /// journal.
    ///
    /// # Errors
    /// As [`Self::open`], and when there is no such file.
    pub async fn open_existing(path: &Path) -> Result<Self, JournalError> {
        open::open(path, open::IfMissing::Refuse, open::BUSY_MAX).await
    }

    /// The pool of the one writing connection, for parts that keep tables of their own in the same file. Hold
    /// a connection of it only for the length of a transaction: nobody else writes meanwhile.
    pub fn pool(&self) -> &AnyPool {
        &self.writer
    }

    /// The file.
    pub fn path(&self) -> &PathBuf {
        &self.place.path
    }

    /// Closes the file after the running statements. A later call answers that the journal is unavailable.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    async fn commit(&self, writes: &[Checked]) -> Result<Appended, sqlx::Error> {
        let mut tx = self.writer.begin_with(BEGIN).await?;
        for write in writes {
            let current = rows::version(&mut tx, &write.stream).await?;
            if current != write.expected {
                tx.rollback().await?;
                return Ok(Appended::Stale { stream: write.stream.clone(), current });
            }
        }
        let entries = chain::link(rows::head(&mut *tx).await?, writes);
        for entry in &entries {
            rows::insert(&mut tx, entry).await?;
        }
        tx.commit().await?;
        let versions =
            writes.iter().map(|write| Version(write.expected.0.saturating_add(write.facts.len() as u64)));
        Ok(Appended::Applied {
            head: entries.last().map_or(Head::EMPTY, Entry::head),
            versions: versions.collect(),
        })
    }
}

/// A transaction that holds the write lock.
type WriteLock = Transaction<'static, Any>;

#[async_trait]
impl Journal for SqliteJournal {
    async fn append(&self, writes: Vec<Write>) -> Result<Appended, JournalError> {
        match write::check(writes) {
            Ok(writes) => self.commit(&writes).await.map_err(|error| self.place.fault("append to", error)),
            Err(reason) => Ok(Appended::Refused { reason }),
        }
    }

    async fn read(&self, stream: &Stream, after: Version) -> Result<Vec<Entry>, JournalError> {
        let limit = READ_FACTS_MAX.saturating_add(1);
        let found = rows::of_stream(&self.reader, stream, after, limit).await;
        let found = found.map_err(|error| self.place.fault("read", error))?;
        if found.len() > READ_FACTS_MAX {
            return Err(JournalError::TooLong { stream: stream.clone(), facts_max: READ_FACTS_MAX });
        }
        Ok(found)
    }

    async fn read_part(
        &self,
        stream: &Stream,
        after: Version,
        limit: u32,
    ) -> Result<Vec<Entry>, JournalError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = rows::of_stream(&self.reader, stream, after, limit).await;
        found.map_err(|error| self.place.fault("read", error))
    }

    async fn last(&self, stream: &Stream) -> Result<Option<Entry>, JournalError> {
        rows::last_of_stream(&self.reader, stream).await.map_err(|error| self.place.fault("read", error))
    }

    async fn read_all(&self, after_seq: u64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        rows::after(&self.reader, after_seq, limit).await.map_err(|error| self.place.fault("read", error))
    }

    async fn head(&self) -> Result<Head, JournalError> {
        rows::head(&self.reader).await.map_err(|error| self.place.fault("read", error))
    }

    async fn streams(&self, prefix: &str) -> Result<Vec<(Stream, Version)>, JournalError> {
        rows::streams(&self.reader, prefix).await.map_err(|error| self.place.fault("read", error))
    }
}

#[cfg(test)]
mod tests;
