//! Incidents, as the journal tells them.
//!
//! The journal is the truth; this holds the fold of it and appends to it. There is one way to change an
//! incident: [`IncidentStore::record`], a compare-and-swap on its version. Whoever is stale reads again
//! and decides again.
//!
//! **The journal is never what stops a pause.** When it cannot be written, facts about containment are
//! applied in memory and kept, and written behind a [`Fact::JournalGap`] when it comes back. A journal that
//! stands still for [`JOURNAL_WAIT_MAX`] counts as one that is away. Everything else fails closed.
//!
//! **One writer at a time in this process**, so that what is kept is neither overtaken nor forgotten while
//! it is being written. Between processes the compare-and-swap decides.

mod cache;
mod gap;
mod once;
mod outcome;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;

pub use once::{Once, OpenedOnce};
pub use outcome::{Recorded, StoreError};

use cache::{Cache, Kept};

use crate::clock::SharedClock;
use crate::domain::incident::{Fact, Incident, IncidentId, Refused};
use crate::journal::{Appended, Entry, Journal, JournalError, NewFact, Stream, Version, Write};

/// How many entries are read from the journal at once.
const READ_BATCH: u32 = 500;

/// How long the journal is waited for. Longer than a slow disk takes, and shorter than what a proposal may
/// wait for before it must be prepared anew ([`PREPARATION_FRESH`](crate::domain::incident::due::PREPARATION_FRESH)).
pub const JOURNAL_WAIT_MAX: Duration = Duration::from_secs(3);

/// How long a journal that stood still is left alone.
const JOURNAL_RESTS: Duration = Duration::from_secs(5);

/// The stream that numbers incidents.
const REGISTER: &str = "register";

/// Prefix of an incident's stream.
const INCIDENT_PREFIX: &str = "incident/";

/// Incidents, as the journal tells them.
pub struct IncidentStore {
    journal: Arc<dyn Journal>,
    clock: SharedClock,
    changed: Arc<Notify>,
    cache: Mutex<Cache>,
    writing: tokio::sync::Mutex<()>,
}

/// A new incident.
pub struct Opening {
    /// Its first fact and those that follow at once.
    pub facts: Vec<Fact>,
    /// Whether it may be opened in memory while the journal cannot be written.
    pub containment: bool,
}

impl IncidentStore {
    /// Folds nothing yet: call [`Self::sync`].
    pub fn new(journal: Arc<dyn Journal>, clock: SharedClock) -> Self {
        let changed = Arc::new(Notify::new());
        Self { journal, clock, changed, cache: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    /// The journal beneath.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// Wakes when this process changed an incident.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends to the journal, and waits no longer than [`JOURNAL_WAIT_MAX`]: then, whether it was written is
    /// unknown.
    ///
    /// # Errors
    /// What the journal says, or that it stands still.
    pub async fn append(&self, writes: Vec<Write>) -> Result<Appended, JournalError> {
        self.within("append to", self.journal.append(writes)).await
    }

    /// Waits for the journal, within bounds. One that stands still is left alone for a while, so that not
    /// every fact waits for it anew.
    async fn within<T>(
        &self,
        doing: &'static str,
        answer: impl Future<Output = Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        let answer = tokio::time::timeout(JOURNAL_WAIT_MAX, answer).await;
        let now = Instant::now();
        self.cache().rests_until = answer.is_err().then(|| now + JOURNAL_RESTS);
        answer.unwrap_or_else(|_| Err(stands_still(doing)))
    }

    /// Whether the journal stood still a moment ago, and is not to be waited for now.
    pub fn journal_rests(&self) -> bool {
        let now = Instant::now();
        self.cache().rests_until.is_some_and(|until| now < until)
    }

    async fn read(&self, stream: &Stream) -> Result<Vec<Entry>, JournalError> {
        self.within("read", self.journal.read(stream, Version(0))).await
    }

    /// Reads what the journal has beyond what is known: what other processes wrote. True when anything
    /// was new.
    ///
    /// # Errors
    /// When the journal cannot be read, or holds what cannot be folded.
    pub async fn sync(&self) -> Result<bool, StoreError> {
        let mut anything = false;
        loop {
            let after = self.cache().seen;
            let entries = self.within("read", self.journal.read_all(after, READ_BATCH)).await?;
            let Some(last) = entries.last() else { break };
            let last = last.seq;
            let mut cache = self.cache();
            for entry in &entries {
                anything |= cache.take(entry)?;
            }
            cache.seen = cache.seen.max(last);
        }
        loop {
            let Some(id) = self.cache().torn.first().copied() else { break };
            let entries = self.read(&incident_stream(id)).await?;
            self.cache().mend(id, &entries)?;
            anything = true;
        }
        self.cache().synced = Some(self.clock.now());
        Ok(anything)
    }

    /// When the journal was last read to its end.
    pub fn synced(&self) -> Option<Timestamp> {
        self.cache().synced
    }

    /// Every incident, oldest first.
    pub fn all(&self) -> Vec<Arc<Incident>> {
        self.cache().incidents.values().map(|kept| Arc::clone(&kept.incident)).collect()
    }

    /// One incident.
    pub fn get(&self, id: IncidentId) -> Option<Arc<Incident>> {
        self.cache().incidents.get(&id).map(|kept| Arc::clone(&kept.incident))
    }

    /// An incident's facts, oldest first.
    pub fn facts(&self, id: IncidentId) -> Vec<(Timestamp, Fact)> {
        self.cache().incidents.get(&id).map(|kept| kept.facts.clone()).unwrap_or_default()
    }

    /// Since when the journal cannot be written, where it cannot.
    pub fn gap_since(&self) -> Option<Timestamp> {
        self.cache().gap_since
    }

    /// Appends facts to an incident that is at `version`.
    ///
    /// # Errors
    /// When they do not fit, or the journal fails and they are not about containment.
    pub async fn record(
        &self,
        id: IncidentId,
        version: u64,
        facts: Vec<Fact>,
        containment: bool,
    ) -> Result<Recorded, StoreError> {
        let _writing = self.writing.lock().await;
        self.flush_if_behind().await;
        let at = self.clock.now();
        let ahead = {
            let cache = self.cache();
            let kept = cache.incidents.get(&id).ok_or(StoreError::Unknown(id))?;
            if kept.incident.version != version {
                return Ok(Recorded::Stale);
            }
            try_facts(&kept.incident, &facts, at)?;
            kept.unwritten
        };
        if ahead > 0 || (containment && self.journal_rests()) {
            return if containment { self.keep_unwritten(id, version, facts, at) } else { Err(away()) };
        }
        let write =
            Write { stream: incident_stream(id), expected: Version(version), facts: new_facts(&facts, at)? };
        let problem = match self.append(vec![write]).await {
            Ok(Appended::Applied { .. }) => {
                self.apply(id, version, facts, at)?;
                return Ok(Recorded::Applied);
            }
            Ok(Appended::Stale { .. }) => {
                self.sync().await?;
                return Ok(Recorded::Stale);
            }
            Ok(Appended::Refused { reason }) => StoreError::NotTaken(reason),
            Err(error) => StoreError::Journal(error),
        };
        if !containment {
            return Err(problem);
        }
        tracing::error!(incident.id = %id, error = %crate::agent::chain_of(&problem), "the journal cannot be written; containment goes on without it");
        self.keep_unwritten(id, version, facts, at)
    }

    /// Reads, decides and appends until the decision stands on the newest state.
    ///
    /// # Errors
    /// What `decide` says, or what [`Self::record`] says.
    pub async fn decide<E: From<StoreError>>(
        &self,
        id: IncidentId,
        mut decide: impl FnMut(&Incident) -> Result<Vec<Fact>, E>,
    ) -> Result<Arc<Incident>, E> {
        loop {
            self.sync().await?;
            let incident = self.get(id).ok_or(StoreError::Unknown(id))?;
            let facts = decide(&incident)?;
            if facts.is_empty() {
                return Ok(incident);
            }
            match self.record(id, incident.version, facts, false).await? {
                Recorded::Applied | Recorded::Unwritten => {
                    return self.get(id).ok_or_else(|| StoreError::Unknown(id).into());
                }
                Recorded::Stale => {}
            }
        }
    }

    /// Opens a new incident together with other writes, all or none. [`None`]: somebody opened one
    /// meanwhile; read again and decide again.
    ///
    /// # Errors
    /// When the journal fails, or the facts do not make an incident.
    pub async fn open(&self, opening: Opening) -> Result<Option<IncidentId>, StoreError> {
        let _writing = self.writing.lock().await;
        self.flush_if_behind().await;
        let at = self.clock.now();
        let Opening { facts, containment } = opening;
        let (id, number_is_free) = self.cache().next_number();
        let incident = opened(id, &facts, at)?;
        if !number_is_free || (containment && self.journal_rests()) {
            // Numbers were given in memory that the journal does not know of yet, or it is not waited for.
            return if containment { self.open_unwritten(id, facts, at).map(Some) } else { Err(away()) };
        }
        let stream = incident_stream(id);
        let write = Write { stream, expected: Version(0), facts: new_facts(&facts, at)? };
        let problem = match self.append(vec![registration(id, at), write]).await {
            Ok(Appended::Applied { .. }) => {
                let facts = facts.into_iter().map(|fact| (at, fact)).collect();
                let mut cache = self.cache();
                cache.register = cache.register.max(id.0);
                cache.incidents.entry(id).or_insert(Kept {
                    incident: Arc::new(incident),
                    facts,
                    unwritten: 0,
                });
                drop(cache);
                self.changed.notify_one();
                return Ok(Some(id));
            }
            Ok(Appended::Stale { .. }) => {
                self.sync().await?;
                return Ok(None);
            }
            Ok(Appended::Refused { reason }) => StoreError::NotTaken(reason),
            Err(error) => StoreError::Journal(error),
        };
        if !containment {
            return Err(problem);
        }
        tracing::error!(incident.id = %id, error = %crate::agent::chain_of(&problem), "the journal cannot be written; the incident is opened without it");
        self.open_unwritten(id, facts, at).map(Some)
    }

    /// Applies what was appended, unless a reader was quicker.
    fn apply(&self, id: IncidentId, version: u64, facts: Vec<Fact>, at: Timestamp) -> Result<(), StoreError> {
        let mut cache = self.cache();
        let kept = cache.incidents.get_mut(&id).ok_or(StoreError::Unknown(id))?;
        if kept.incident.version != version {
            return Ok(());
        }
        let mut incident = (*kept.incident).clone();
        for fact in &facts {
            incident.apply(fact, at)?;
        }
        kept.incident = Arc::new(incident);
        kept.facts.extend(facts.into_iter().map(|fact| (at, fact)));
        drop(cache);
        self.changed.notify_one();
        Ok(())
    }
}

fn stands_still(doing: &'static str) -> JournalError {
    JournalError::Unavailable {
        doing,
        place: "of this agent".to_owned(),
        why: format!("it did not answer within {JOURNAL_WAIT_MAX:?}"),
        remedy: "look at the disk it is on, and for a process that holds it",
        source: None,
    }
}

fn away() -> StoreError {
    StoreError::NotTaken("the journal cannot be written now".to_owned())
}

/// The incident that these facts open.
fn opened(id: IncidentId, facts: &[Fact], at: Timestamp) -> Result<Incident, StoreError> {
    let Some((first, rest)) = facts.split_first() else {
        return Err(StoreError::NotTaken("an incident begins with a report".to_owned()));
    };
    let mut incident = Incident::open(id, first, at)?;
    rest.iter().try_for_each(|fact| incident.apply(fact, at))?;
    Ok(incident)
}

fn try_facts(incident: &Incident, facts: &[Fact], at: Timestamp) -> Result<(), Refused> {
    let mut trial = incident.clone();
    facts.iter().try_for_each(|fact| trial.apply(fact, at))
}

/// The register numbers incidents: the n-th entry is incident n.
fn registration(id: IncidentId, at: Timestamp) -> Write {
    let body = serde_json::json!({ "incident": id });
    let opened = NewFact { kind: "opened".to_owned(), at, body };
    Write { stream: Stream::new(REGISTER), expected: Version(id.0.saturating_sub(1)), facts: vec![opened] }
}

fn incident_stream(id: IncidentId) -> Stream {
    Stream::new(format!("{INCIDENT_PREFIX}{id}"))
}

fn new_facts(facts: &[Fact], at: Timestamp) -> Result<Vec<NewFact>, StoreError> {
    facts
        .iter()
        .map(|fact| {
            let body = serde_json::to_value(fact).map_err(StoreError::Unwritable)?;
            Ok(NewFact { kind: fact.kind().to_owned(), at, body })
        })
        .collect()
}

#[cfg(test)]
mod tests;
