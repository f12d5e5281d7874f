//! The fold of the journal, kept in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Every incident, and how far the journal was read.
#[derive(Default)]
pub(super) struct Cache {
    pub(super) incidents: BTreeMap<IncidentId, Kept>,
    /// The last journal entry read.
    pub(super) seen: u64,
    /// How many incidents were numbered.
    pub(super) register: u64,
    /// Since when the journal cannot be written.
    pub(super) gap_since: Option<Timestamp>,
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
        let mut fold = self.incidents.remove(&id);
        let result = match &fold {
            Some(kept) if entry.version.0 <= kept.incident.version => Ok(false),
            // Facts of ours that the journal does not have yet stand in the way: the flush sorts it out.
            Some(kept) if kept.unwritten > 0 => Ok(false),
            Some(_) | None => fold_entry(&mut fold, id, entry).map(|()| true),
        };
        if let Some(kept) = fold {
            self.incidents.insert(id, kept);
        }
        result
    }
}

/// Adds one entry to the fold of its incident.
pub(super) fn fold_entry(fold: &mut Option<Kept>, id: IncidentId, entry: &Entry) -> Result<(), StoreError> {
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
