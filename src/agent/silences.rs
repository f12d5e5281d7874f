//! Silences as the journal tells them.
//!
//! They have a stream of their own, which any process may add to: a compare-and-swap as for incidents. A running
//! agent reads on several times a second, so that what a command adds holds within a second, and a restart knows
//! it as well. What is held back is written here before its feed goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::store::{IncidentStore, JOURNAL_WAIT_MAX, StoreError};
use crate::domain::condition::HeldBack;
use crate::domain::silence::{SilenceError, SilenceFact, Silences};
use crate::journal::{Appended, Journal, JournalError, NewFact, Stream, Version, Write};

/// The stream.
const STREAM: &str = "silences";

/// Facts read at once.
const PART_FACTS: u32 = 500;

/// Firings in one fact: a match names up to 256 alerts, and a fact has at most a megabyte.
const FIRINGS_A_FACT: usize = 20;

/// Silences as the journal tells them.
pub struct SilenceBook {
    journal: Arc<dyn Journal>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    silences: Silences,
    version: u64,
    /// The journal's number of the newest fact about what was held back.
    held_seq: u64,
}

/// A silence could not be made or ended.
#[derive(Debug, thiserror::Error)]
pub enum SilencingError {
    /// It is not one that can be.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// The journal failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SilenceBook {
    /// Knows none yet: call [`Self::sync`].
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is known.
    pub fn look<R>(&self, look: impl FnOnce(&Silences) -> R) -> R {
        look(&self.known().silences)
    }

    /// The journal's number of the newest fact about what was held back; 0: none.
    pub fn held_seq(&self) -> u64 {
        self.known().held_seq
    }

    /// Reads what was written since.
    ///
    /// # Errors
    /// When the journal cannot be read, or a fact in it cannot.
    pub async fn sync(&self) -> Result<(), StoreError> {
        loop {
            let after = self.known().version;
            let stream = Stream::new(STREAM);
            let reading = self.journal.read_part(&stream, Version(after), PART_FACTS);
            let entries = tokio::time::timeout(JOURNAL_WAIT_MAX, reading).await;
            let entries = entries.unwrap_or_else(|_elapsed| Err(stands_still()))?;
            let mut known = self.known();
            // Somebody else may have read them meanwhile.
            for entry in &entries {
                if entry.version.0 != known.version.saturating_add(1) {
                    continue;
                }
                let fact: SilenceFact =
                    entry.body_as().map_err(|source| StoreError::Unreadable { seq: entry.seq, source })?;
                if matches!(fact, SilenceFact::HeldBack { .. }) {
                    known.held_seq = entry.seq;
                }
                known.silences.apply(fact, entry.at);
                known.version = entry.version.0;
            }
            if entries.len() < PART_FACTS as usize {
                return Ok(());
            }
        }
    }

    /// Decides on the newest silences, and writes what was decided. Nothing: nothing was to be done.
    ///
    /// # Errors
    /// What `decide` says, or what the journal says.
    pub async fn decide<E: From<StoreError>>(
        &self,
        store: &IncidentStore,
        at: Timestamp,
        mut decide: impl FnMut(&Silences) -> Result<Vec<SilenceFact>, E>,
    ) -> Result<(), E> {
        loop {
            self.sync().await?;
            let (facts, expected) = {
                let known = self.known();
                (decide(&known.silences)?, Version(known.version))
            };
            if facts.is_empty() {
                return Ok(());
            }
            let facts = facts.iter().map(|fact| {
                let body = serde_json::to_value(fact).map_err(StoreError::Unwritable)?;
                Ok(NewFact { kind: fact.kind().to_owned(), at, body })
            });
            let facts = facts.collect::<Result<Vec<_>, StoreError>>()?;
            let write = Write { stream: Stream::new(STREAM), expected, facts };
            match store.append(vec![write]).await.map_err(StoreError::from)? {
                Appended::Applied { .. } => return Ok(self.sync().await?),
                Appended::Stale { .. } => {}
                Appended::Refused { reason } => return Err(StoreError::NotTaken(reason).into()),
            }
        }
    }

    /// Writes what was held back, without what is known already.
    ///
    /// # Errors
    /// What the journal says; nothing was written then.
    pub async fn held(
        &self,
        store: &IncidentStore,
        at: Timestamp,
        firings: &[HeldBack],
    ) -> Result<(), StoreError> {
        self.decide(store, at, |silences| {
            let news: Vec<HeldBack> =
                firings.iter().filter(|firing| !silences.knows(firing)).cloned().collect();
            let facts = news.chunks(FIRINGS_A_FACT);
            Ok::<_, StoreError>(
                facts.map(|firings| SilenceFact::HeldBack { firings: firings.to_vec() }).collect(),
            )
        })
        .await
    }

    /// Says of every silence that is over what it had held back, once.
    ///
    /// # Errors
    /// What the journal says.
    pub async fn tell_over(&self, store: &IncidentStore, now: Timestamp) -> Result<(), StoreError> {
        let untold =
            self.look(|silences| silences.untold(now).map(|one| (one.id, one.held)).collect::<Vec<_>>());
        if untold.is_empty() {
            return Ok(());
        }
        self.decide(store, now, |silences| {
            let over = silences.untold(now).map(|one| SilenceFact::Over { id: one.id, held: one.held });
            Ok::<_, StoreError>(over.collect())
        })
        .await?;
        for (id, held) in untold {
            match held {
                0 => tracing::info!(silence = %id, "a silence is over; it held nothing back"),
                held => {
                    tracing::warn!(silence = %id, held, "a silence is over, and nobody was paged for what it held back: `redhandle silence list` names it")
                }
            }
        }
        Ok(())
    }
}

fn stands_still() -> JournalError {
    JournalError::Unavailable {
        doing: "read",
        place: "of this agent".to_owned(),
        why: format!("it did not answer within {JOURNAL_WAIT_MAX:?}"),
        remedy: "look at the disk it is on, and for a process that holds it",
        source: None,
    }
}
