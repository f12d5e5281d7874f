//! Containment while the journal cannot be written.
//!
//! Facts are applied in memory and kept. When the journal comes back they are written behind a
//! [`Fact::JournalGap`]; what no longer fits, because somebody else wrote meanwhile, is named there. An
//! incident that was opened in the gap may get another number.

use std::sync::Arc;

use jiff::Timestamp;

use super::cache::{Kept, fold_entry};
use super::{IncidentStore, REGISTER, Recorded, StoreError, incident_stream, new_facts, registration};
use crate::domain::incident::{Actor, Fact, Incident, IncidentId};
use crate::journal::{Appended, Stream, Version, Write};

/// Facts with the times at which they happened.
type Timed = Vec<(Timestamp, Fact)>;

impl IncidentStore {
    /// Applies facts the journal cannot take now.
    pub(super) fn keep_unwritten(
        &self,
        id: IncidentId,
        version: u64,
        mut facts: Vec<Fact>,
        at: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let first = self.cache().incidents.get(&id).is_some_and(|kept| kept.unwritten == 0);
        if first {
            // Opens the call about the gap at once; the fact that is written later has the true count.
            facts.insert(0, gap(at));
        }
        let count = facts.len();
        self.apply(id, version, facts, at)?;
        let mut cache = self.cache();
        if let Some(kept) = cache.incidents.get_mut(&id) {
            kept.unwritten += count;
        }
        cache.gap_since.get_or_insert(at);
        Ok(Recorded::Unwritten)
    }

    /// Opens an incident the journal cannot take now.
    pub(super) fn open_unwritten(
        &self,
        id: IncidentId,
        mut facts: Vec<Fact>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        facts.push(gap(at));
        let facts: Timed = facts.into_iter().map(|fact| (at, fact)).collect();
        let incident = fold(id, &facts)?;
        let mut cache = self.cache();
        let unwritten = facts.len();
        cache.incidents.insert(id, Kept { incident: Arc::new(incident), facts, unwritten });
        cache.register = cache.register.max(id.0);
        cache.gap_since.get_or_insert(at);
        drop(cache);
        self.changed.notify_one();
        Ok(())
    }

    /// Writes what was kept in memory while the journal was away. Does nothing when nothing was.
    ///
    /// # Errors
    /// When the journal still cannot be written.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let Some(since) = self.gap_since() else { return Ok(()) };
        let behind: Vec<(IncidentId, bool)> = {
            let cache = self.cache();
            let behind = cache.incidents.iter().filter(|(_, kept)| kept.unwritten > 0);
            behind.map(|(id, kept)| (*id, kept.unwritten == kept.facts.len())).collect()
        };
        let mut all = true;
        for (id, opened_in_the_gap) in behind {
            all &= if opened_in_the_gap {
                self.flush_opened(id, since).await?
            } else {
                self.flush_continued(id, since).await?
            };
        }
        if all {
            self.cache().gap_since = None;
            self.changed.notify_one();
            tracing::warn!(%since, "the journal can be written again");
        }
        Ok(())
    }

    fn unwritten(&self, id: IncidentId) -> Timed {
        let cache = self.cache();
        let Some(kept) = cache.incidents.get(&id) else { return Vec::new() };
        let unwritten = kept.facts.iter().skip(kept.facts.len().saturating_sub(kept.unwritten));
        unwritten.filter(|(_, fact)| !matches!(fact, Fact::JournalGap { .. })).cloned().collect()
    }

    /// An incident the journal knows: others may have written to it, and their facts come first.
    async fn flush_continued(&self, id: IncidentId, since: Timestamp) -> Result<bool, StoreError> {
        let entries = self.journal.read(&incident_stream(id), Version(0)).await?;
        let mut known: Option<Kept> = None;
        for entry in &entries {
            fold_entry(&mut known, id, entry)?;
        }
        let known = known.ok_or(StoreError::Unknown(id))?;
        let kept = self.unwritten(id);
        let mut trial = (*known.incident).clone();
        trial.version += 1;
        let (mut fitting, mut dropped) = (Timed::new(), Vec::new());
        for (at, fact) in &kept {
            match trial.apply(fact, *at) {
                Ok(()) => fitting.push((*at, fact.clone())),
                Err(refused) => dropped.push(refused.to_string()),
            }
        }
        // The gap first, so that a reader knows why the facts behind it carry earlier times.
        let marked = Fact::JournalGap { since, facts: count(&kept), dropped };
        fitting.insert(0, (self.clock.now(), marked));
        let write = Write {
            stream: incident_stream(id),
            expected: Version(known.incident.version),
            facts: timed_facts(&fitting)?,
        };
        match self.journal.append(vec![write]).await? {
            Appended::Applied { .. } => {
                let facts: Timed = known.facts.into_iter().chain(fitting).collect();
                self.written(id, id, facts)?;
                Ok(true)
            }
            Appended::Stale { .. } => Ok(false),
            Appended::Refused { reason } => Err(StoreError::NotTaken(reason)),
        }
    }

    /// An incident the journal does not know: it gets the next free number.
    async fn flush_opened(&self, id: IncidentId, since: Timestamp) -> Result<bool, StoreError> {
        let register = self.journal.read(&Stream::new(REGISTER), Version(0)).await?;
        let number = IncidentId(register.len() as u64 + 1);
        let mut facts = self.unwritten(id);
        let now = self.clock.now();
        facts.push((now, Fact::JournalGap { since, facts: count(&facts), dropped: Vec::new() }));
        if number != id {
            let text = format!("called {id} while the journal was away; pages may say so");
            facts.push((now, Fact::Noted { by: Actor::Agent, text }));
        }
        let write =
            Write { stream: incident_stream(number), expected: Version(0), facts: timed_facts(&facts)? };
        match self.journal.append(vec![registration(number, now), write]).await? {
            Appended::Applied { .. } => {
                self.written(id, number, facts)?;
                Ok(true)
            }
            Appended::Stale { .. } => Ok(false),
            Appended::Refused { reason } => Err(StoreError::NotTaken(reason)),
        }
    }

    /// Takes over what now stands in the journal.
    fn written(&self, old: IncidentId, id: IncidentId, facts: Timed) -> Result<(), StoreError> {
        let incident = fold(id, &facts)?;
        let mut cache = self.cache();
        if old != id {
            // Whoever took the number is read from the beginning.
            cache.incidents.remove(&old);
            cache.seen = 0;
        }
        cache.register = cache.register.max(id.0);
        cache.incidents.insert(id, Kept { incident: Arc::new(incident), facts, unwritten: 0 });
        Ok(())
    }
}

fn gap(at: Timestamp) -> Fact {
    Fact::JournalGap { since: at, facts: 0, dropped: Vec::new() }
}

fn count(facts: &Timed) -> u32 {
    u32::try_from(facts.len()).unwrap_or(u32::MAX)
}

fn fold(id: IncidentId, facts: &Timed) -> Result<Incident, StoreError> {
    let Some(((at, first), rest)) = facts.split_first() else { return Err(StoreError::Unknown(id)) };
    let mut incident = Incident::open(id, first, *at)?;
    for (at, fact) in rest {
        incident.apply(fact, *at)?;
    }
    Ok(incident)
}

fn timed_facts(facts: &Timed) -> Result<Vec<crate::journal::NewFact>, StoreError> {
    let mut all = Vec::with_capacity(facts.len());
    for (at, fact) in facts {
        all.extend(new_facts(std::slice::from_ref(fact), *at)?);
    }
    Ok(all)
}
