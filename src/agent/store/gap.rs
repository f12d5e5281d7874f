//! Containment while the journal cannot be written.
//!
//! Facts are applied in memory and kept. When the journal comes back they are written behind a
//! [`Fact::JournalGap`]; what no longer fits, because somebody else wrote meanwhile, is named there. An
//! append whose answer was lost may have been written all the same: the journal is asked before anything
//! is repeated. An incident that was opened in the gap gets another number if its own was taken.
//!
//! Everything here runs under the store's one-writer lock.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::cache::{Cache, Kept, fold_all};
use super::{IncidentStore, REGISTER, Recorded, StoreError, incident_stream, new_facts, registration};
use crate::domain::incident::{Actor, Fact, Incident, IncidentId};
use crate::journal::{Appended, NewFact, Stream, Version, Write};

/// How many facts are written back in one append; well within what a journal takes.
const FLUSH_FACTS_MAX: usize = 500;

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
        let mut cache = self.cache();
        let kept = cache.incidents.get_mut(&id).ok_or(StoreError::Unknown(id))?;
        if kept.incident.version != version {
            return Ok(Recorded::Stale);
        }
        if kept.unwritten == 0 {
            // Opens the call about the gap at once; the fact that is written later has the true count.
            facts.insert(0, gap(at));
        }
        let mut incident = (*kept.incident).clone();
        facts.iter().try_for_each(|fact| incident.apply(fact, at))?;
        kept.incident = Arc::new(incident);
        kept.unwritten += facts.len();
        kept.facts.extend(facts.into_iter().map(|fact| (at, fact)));
        cache.gap_since.get_or_insert(at);
        drop(cache);
        self.changed.notify_one();
        Ok(Recorded::Unwritten)
    }

    /// Opens an incident the journal cannot take now.
    pub(super) fn open_unwritten(
        &self,
        id: IncidentId,
        mut facts: Vec<Fact>,
        at: Timestamp,
    ) -> Result<IncidentId, StoreError> {
        facts.push(gap(at));
        let facts: Timed = facts.into_iter().map(|fact| (at, fact)).collect();
        let incident = Arc::new(fold(id, &facts)?);
        let mut cache = self.cache();
        let unwritten = facts.len();
        cache.incidents.insert(id, Kept { incident, facts, unwritten });
        cache.gap_since.get_or_insert(at);
        drop(cache);
        self.changed.notify_one();
        Ok(id)
    }

    /// Writes what was kept in memory while the journal was away. Does nothing when nothing was.
    ///
    /// # Errors
    /// When the journal still cannot be written, or does not take some of it; the rest is written all the same.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let _writing = self.writing.lock().await;
        self.flush_all().await
    }

    /// A journal that is still away is no news to whoever wants to write; what follows decides what it means.
    pub(super) async fn flush_if_behind(&self) {
        if self.gap_since().is_some()
            && !self.journal_rests()
            && let Err(error) = self.flush_all().await
        {
            tracing::debug!(error = %crate::agent::chain_of(&error), "facts are still kept in memory");
        }
    }

    async fn flush_all(&self) -> Result<(), StoreError> {
        let Some(since) = self.gap_since() else { return Ok(()) };
        let mut problem = None;
        let mut refused = BTreeSet::new();
        // Asked anew each time: an incident may have had to make room, and have another number.
        while let Some(id) = self.first_behind(&refused) {
            match self.flush_one(id, since).await {
                Ok(()) => {}
                Err(StoreError::Journal(error)) => return Err(error.into()),
                // One incident that the journal does not take is no reason to keep the others from it.
                Err(error) => {
                    refused.insert(id);
                    problem.get_or_insert(error);
                }
            }
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
        self.cache().gap_since = None;
        self.changed.notify_one();
        tracing::warn!(%since, "the journal can be written again");
        Ok(())
    }

    fn first_behind(&self, refused: &BTreeSet<IncidentId>) -> Option<IncidentId> {
        let cache = self.cache();
        let behind = cache.incidents.iter().filter(|(_, kept)| kept.unwritten > 0);
        behind.map(|(id, _)| *id).find(|id| !refused.contains(id))
    }

    /// Writes one incident, or a part of it. Where somebody else wrote meanwhile, it stays behind.
    async fn flush_one(&self, id: IncidentId, since: Timestamp) -> Result<(), StoreError> {
        let entries = self.read(&incident_stream(id)).await?;
        let known = fold_all(id, &entries)?;
        let (all, unwritten) = {
            let cache = self.cache();
            let kept = cache.incidents.get(&id).ok_or(StoreError::Unknown(id))?;
            (kept.facts.clone(), kept.unwritten)
        };
        let written = all.len().saturating_sub(unwritten);
        match known {
            // Its answer was lost, and it is there: the first fact and its time are ours.
            Some(known) if written > 0 || known.facts.first() == all.first() => {
                self.flush_continued(id, known, &all, written, since).await
            }
            Some(_) | None if written > 0 => Err(StoreError::Unknown(id)),
            Some(_) | None => self.flush_opened(id, all, since).await,
        }
    }

    /// An incident the journal knows: others may have written to it, and their facts come first.
    async fn flush_continued(
        &self,
        id: IncidentId,
        known: Kept,
        all: &Timed,
        written: usize,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let newer = known.facts.get(written..).unwrap_or_default();
        let kept: Timed = all.iter().skip(written).filter(|fact| !is_gap(fact)).cloned().collect();
        let kept: Timed = kept.into_iter().filter(|fact| !newer.contains(fact)).collect();
        if kept.is_empty() {
            return self.written(id, id, known.facts, Timed::new());
        }
        let now = self.clock.now();
        let (fitting, dropped) = fitting(&known.incident, &kept, since, now);
        // The gap first, so that a reader knows why the facts behind it carry earlier times.
        let mut facts = vec![(now, Fact::JournalGap { since, facts: count(&kept), dropped })];
        facts.extend(fitting);
        let rest = facts.split_off(facts.len().min(FLUSH_FACTS_MAX));
        let expected = Version(known.incident.version);
        let write = Write { stream: incident_stream(id), expected, facts: timed_facts(&facts)? };
        let stands: Timed = known.facts.into_iter().chain(facts).collect();
        self.settle(vec![write], id, id, stands, rest).await
    }

    /// An incident the journal does not know: it gets the next free number.
    async fn flush_opened(&self, id: IncidentId, all: Timed, since: Timestamp) -> Result<(), StoreError> {
        let register = Stream::new(REGISTER);
        let last = self.within("read", self.journal.last(&register)).await?;
        let number = IncidentId(last.map_or(0, |entry| entry.version.0).saturating_add(1));
        let mut facts: Timed = all.into_iter().filter(|fact| !is_gap(fact)).collect();
        let now = self.clock.now();
        // Behind the report, so that what was answered in the gap stays answered.
        let marked = (now, Fact::JournalGap { since, facts: count(&facts), dropped: Vec::new() });
        facts.insert(facts.len().min(1), marked);
        if number != id {
            let text = format!("called {id} while the journal was away; pages may say so");
            facts.push((now, Fact::Noted { by: Actor::Agent, text }));
        }
        // What the journal is given must be readable: tried before it is written.
        fold(number, &facts)?;
        let rest = facts.split_off(facts.len().min(FLUSH_FACTS_MAX));
        let stream = incident_stream(number);
        let write = Write { stream, expected: Version(0), facts: timed_facts(&facts)? };
        self.settle(vec![registration(number, now), write], id, number, facts, rest).await
    }

    /// Writes, and takes over what stands in the journal then.
    async fn settle(
        &self,
        writes: Vec<Write>,
        old: IncidentId,
        id: IncidentId,
        stands: Timed,
        rest: Timed,
    ) -> Result<(), StoreError> {
        match self.append(writes).await? {
            Appended::Applied { .. } => self.written(old, id, stands, rest),
            Appended::Stale { .. } => Ok(()),
            Appended::Refused { reason } => Err(StoreError::NotTaken(reason)),
        }
    }

    fn written(&self, old: IncidentId, id: IncidentId, stands: Timed, rest: Timed) -> Result<(), StoreError> {
        let unwritten = rest.len();
        let facts: Timed = stands.into_iter().chain(rest).collect();
        let incident = Arc::new(fold(id, &facts)?);
        let mut cache = self.cache();
        if old != id {
            // Whoever took the number was passed over while it seemed ours.
            cache.incidents.remove(&old);
            cache.torn.insert(old);
            make_room(&mut cache, id, self.clock.now())?;
        }
        cache.register = cache.register.max(id.0);
        cache.incidents.insert(id, Kept { incident, facts, unwritten });
        Ok(())
    }
}

/// Another incident that was opened in the gap may go by this number: it takes the next that is free.
fn make_room(cache: &mut Cache, id: IncidentId, now: Timestamp) -> Result<(), StoreError> {
    let Some(mut other) = cache.incidents.remove(&id) else { return Ok(()) };
    let (free, _) = cache.next_number();
    let free = free.max(IncidentId(id.0.saturating_add(1)));
    let text = format!("called {id} while the journal was away; pages may say so");
    other.facts.push((now, Fact::Noted { by: Actor::Agent, text }));
    other.unwritten += 1;
    other.incident = Arc::new(fold(free, &other.facts)?);
    cache.incidents.insert(free, other);
    Ok(())
}

/// What still fits behind the gap, and what does not, in words.
fn fitting(known: &Incident, kept: &Timed, since: Timestamp, now: Timestamp) -> (Timed, Vec<String>) {
    let mut trial = known.clone();
    let marked = Fact::JournalGap { since, facts: count(kept), dropped: Vec::new() };
    // A gap may stand anywhere.
    trial.apply(&marked, now).ok();
    let (mut fitting, mut dropped) = (Timed::new(), Vec::new());
    for (at, fact) in kept {
        match trial.apply(fact, *at) {
            Ok(()) => fitting.push((*at, fact.clone())),
            Err(refused) => dropped.push(refused.to_string()),
        }
    }
    (fitting, dropped)
}

fn gap(at: Timestamp) -> Fact {
    Fact::JournalGap { since: at, facts: 0, dropped: Vec::new() }
}

/// The mark of a gap that lasts; those of earlier gaps stand in the journal already.
fn is_gap((_, fact): &(Timestamp, Fact)) -> bool {
    matches!(fact, Fact::JournalGap { facts: 0, .. })
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

fn timed_facts(facts: &Timed) -> Result<Vec<NewFact>, StoreError> {
    let mut all = Vec::with_capacity(facts.len());
    for (at, fact) in facts {
        all.extend(new_facts(std::slice::from_ref(fact), *at)?);
    }
    Ok(all)
}
