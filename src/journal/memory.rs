//! A journal that forgets when the process ends: for tests and simulations, under the same contract.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::fact::{Entry, Head, Stream, Version, Write};
use super::quarantine::MemoryShelf;
use super::{Appended, Journal, JournalError, READ_FACTS_MAX, chain, write};

/// Facts in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    facts: Mutex<Vec<Entry>>,
    shelves: Mutex<BTreeMap<String, MemoryShelf>>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn shelves(&self) -> MutexGuard<'_, BTreeMap<String, MemoryShelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(facts: &[Entry], stream: &Stream) -> Version {
    facts.iter().rev().find(|entry| entry.stream == *stream).map_or(Version(0), |entry| entry.version)
}

fn head(facts: &[Entry]) -> Head {
    facts.last().map_or(Head::EMPTY, Entry::head)
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, writes: Vec<Write>) -> Result<Appended, JournalError> {
        let writes = match write::check(writes) {
            Ok(writes) => writes,
            Err(reason) => return Ok(Appended::Refused { reason }),
        };
        let mut facts = self.facts();
        for write in &writes {
            let current = version(&facts, &write.stream);
            if current != write.expected {
                return Ok(Appended::Stale { stream: write.stream.clone(), current });
            }
        }
        let entries = chain::link(head(&facts), &writes);
        facts.extend(entries);
        let versions = writes.iter().map(|write| version(&facts, &write.stream)).collect();
        Ok(Appended::Applied { head: head(&facts), versions })
    }

    async fn read(&self, stream: &Stream, after: Version) -> Result<Vec<Entry>, JournalError> {
        let facts = self.facts();
        let found = facts.iter().filter(|entry| entry.stream == *stream && entry.version > after);
        let found: Vec<Entry> = found.take(READ_FACTS_MAX.saturating_add(1)).cloned().collect();
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
        let facts = self.facts();
        let found = facts.iter().filter(|entry| entry.stream == *stream && entry.version > after);
        Ok(found.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn last(&self, stream: &Stream) -> Result<Option<Entry>, JournalError> {
        Ok(self.facts().iter().rev().find(|entry| entry.stream == *stream).cloned())
    }

    async fn read_all(&self, after_seq: u64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        let facts = self.facts();
        let found = facts.iter().filter(|entry| entry.seq > after_seq);
        Ok(found.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn head(&self) -> Result<Head, JournalError> {
        Ok(head(&self.facts()))
    }

    async fn streams(&self, prefix: &str) -> Result<Vec<(Stream, Version)>, JournalError> {
        let facts = self.facts();
        let named = facts.iter().filter(|entry| entry.stream.as_str().starts_with(prefix));
        let versions: BTreeMap<Stream, Version> =
            named.map(|entry| (entry.stream.clone(), entry.version)).collect();
        Ok(versions.into_iter().collect())
    }
}
