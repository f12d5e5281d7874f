//! Opening an incident for something that may come twice.
//!
//! Whether it came before is asked of the same state that the new incident's number is taken from, under one lock; the
//! append that follows is refused as stale if any other incident was numbered meanwhile, here or in another process. So of
//! two that come at once, one opens and the other finds it.

use std::sync::Arc;

use super::cache::Kept;
use super::{IncidentStore, StoreError, away, incident_stream, new_facts, opened, registration};
use crate::domain::incident::{Fact, Incident, IncidentId};
use crate::journal::{Appended, Version, Write};

/// What is known of something that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// Nothing: open an incident.
    New,
    /// It came before, and this became of it.
    Known(T),
}

/// What became of an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum OpenedOnce<T> {
    /// It is committed.
    Opened(IncidentId),
    /// It came before.
    Known(T),
}

impl IncidentStore {
    /// Opens an incident unless `ask` knows, from all incidents there are, that it came before. Fails closed: without the
    /// journal nothing is opened.
    ///
    /// # Errors
    /// When the journal cannot be read or written, or the facts do not make an incident.
    pub async fn open_once<T>(
        &self,
        facts: Vec<Fact>,
        ask: impl Fn(&mut dyn Iterator<Item = &Incident>) -> Once<T>,
    ) -> Result<OpenedOnce<T>, StoreError> {
        loop {
            self.sync().await?;
            let _writing = self.writing.lock().await;
            self.flush_if_behind().await;
            let at = self.clock.now();
            let (id, number_is_free) = {
                let cache = self.cache();
                let mut incidents = cache.incidents.values().map(|kept| &*kept.incident);
                if let Once::Known(known) = ask(&mut incidents) {
                    return Ok(OpenedOnce::Known(known));
                }
                cache.next_number()
            };
            let incident = opened(id, &facts, at)?;
            if !number_is_free || self.journal_rests() {
                return Err(away());
            }
            let write =
                Write { stream: incident_stream(id), expected: Version(0), facts: new_facts(&facts, at)? };
            match self.append(vec![registration(id, at), write]).await? {
                Appended::Applied { .. } => {
                    let facts = facts.into_iter().map(|fact| (at, fact)).collect();
                    let mut cache = self.cache();
                    cache.register = cache.register.max(id.0);
                    let kept = Kept { incident: Arc::new(incident), facts, unwritten: 0 };
                    cache.incidents.entry(id).or_insert(kept);
                    drop(cache);
                    self.changed.notify_one();
                    return Ok(OpenedOnce::Opened(id));
                }
                Appended::Stale { .. } => {}
                Appended::Refused { reason } => return Err(StoreError::NotTaken(reason)),
            }
        }
    }
}
