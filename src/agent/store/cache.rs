//! The fold of the journal, kept in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::{INCIDENT_PREFIX, REGISTER, StoreError};
use crate::domain::incident::{Fact, Incident, IncidentId};
use crate::journal::Entry;

/// One incident and its facts.
pub(super) struct Kept {
    pub(super) incident: Arc<Incident>,
    pub(super) facts: Vec<(Timestamp, Fact)>,
    /// How many of `facts`, at the end, the journal does not have.
    pub(super) unwritten: usize,
}

impl Kept {
    /// None of it is in the journal, as far as we know.
    pub(super) fn was_opened_in_the_gap(&self) -> bool {
        self.unwritten == self.facts.len()
    }
}

/// Every incident, and how far the journal was read.
#[derive(Default)]
pub(super) struct Cache {
    pub(super) incidents: BTreeMap<IncidentId, Kept>,
    /// The last journal entry read.
    pub(super) seen: u64,
    /// How many incidents the journal has numbered.
    pub(super) register: u64,
    /// When the journal was last read to its end.
    pub(super) synced: Option<Timestamp>,
    /// Since when the journal cannot be written.
    pub(super) gap_since: Option<Timestamp>,
    /// Until when a journal that stood still is left alone.
    pub(super) rests_until: Option<Instant>,
    /// Incidents of which entries were passed over: their streams are to be read from the beginning.
    pub(super) torn: BTreeSet<IncidentId>,
}

impl Cache {
    /// Takes one entry in. True when it changed an incident.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        let name = entry.stream.as_str();
        if name == REGISTER {
            self.register = self.register.max(entry.version.0);
            return Ok(false);
        }
        let Some(id) = name.strip_prefix(INCIDENT_PREFIX).and_then(|id| id.parse::<IncidentId>().ok()) else {
            return Ok(false);
        };
        let (version, unwritten) =
            self.incidents.get(&id).map_or((0, 0), |kept| (kept.incident.version, kept.unwritten));
        // Known already; or facts of ours that the journal does not have yet stand in the way: the flush
        // sorts it out.
        if entry.version.0 <= version || unwritten > 0 {
            return Ok(false);
        }
        if entry.version.0 > version.saturating_add(1) {
            self.torn.insert(id);
            return Ok(false);
        }
        let mut fold = self.incidents.remove(&id);
        let result = fold_entry(&mut fold, id, entry);
        if let Some(kept) = fold {
            self.incidents.insert(id, kept);
        }
        result.map(|()| true)
    }

    /// Folds an incident anew from its whole stream.
    pub(super) fn mend(&mut self, id: IncidentId, entries: &[Entry]) -> Result<(), StoreError> {
        let fold = fold_all(id, entries)?;
        self.torn.remove(&id);
        let is_newer = |kept: &Kept| {
            let known = self.incidents.get(&id);
            known.is_none_or(|known| known.unwritten == 0 && known.incident.version < kept.incident.version)
        };
        if let Some(kept) = fold.filter(is_newer) {
            self.incidents.insert(id, kept);
        }
        Ok(())
    }

    /// The number of the next incident, and whether the journal can be asked for it: not while incidents were
    /// numbered that it does not have.
    pub(super) fn next_number(&self) -> (IncidentId, bool) {
        let highest = self.incidents.keys().next_back().map_or(0, |id| id.0);
        let free = !self.incidents.values().any(Kept::was_opened_in_the_gap);
        let last = if free { self.register } else { highest.max(self.register) };
        (IncidentId(last.saturating_add(1)), free)
    }
}

/// Folds a whole stream; none for an empty one.
pub(super) fn fold_all(id: IncidentId, entries: &[Entry]) -> Result<Option<Kept>, StoreError> {
    let mut fold = None;
    for entry in entries {
        fold_entry(&mut fold, id, entry)?;
    }
    Ok(fold)
}

/// Adds one entry to the fold of its incident.
fn fold_entry(fold: &mut Option<Kept>, id: IncidentId, entry: &Entry) -> Result<(), StoreError> {
    let fact: Fact = serde_json::from_str(&entry.body)
        .map_err(|source| StoreError::Unreadable { seq: entry.seq, source })?;
    let unfitting = |source| StoreError::Unfitting { seq: entry.seq, source };
    match fold {
        None => {
            let incident = Incident::open(id, &fact, entry.at).map_err(unfitting)?;
            *fold = Some(Kept { incident: Arc::new(incident), facts: vec![(entry.at, fact)], unwritten: 0 });
        }
        Some(kept) => {
            Arc::make_mut(&mut kept.incident).apply(&fact, entry.at).map_err(unfitting)?;
            kept.facts.push((entry.at, fact));
        }
    }
    Ok(())
}
