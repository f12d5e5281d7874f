//! What becomes of facts that are to be recorded.

use crate::domain::incident::{IncidentId, Refused};
use crate::journal::JournalError;

/// What became of an attempt to record facts.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// They stand.
    Applied,
    /// The incident changed meanwhile: read it again and decide again.
    Stale,
    /// They stand in memory; the journal cannot be written.
    Unwritten,
}

/// Facts could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal failed.
    #[error("could not use the journal")]
    Journal(#[from] JournalError),
    /// The journal will not take them.
    #[error("the journal refuses: {0}")]
    NotTaken(String),
    /// They do not fit the incident's state.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no such incident.
    #[error("there is no {0}")]
    Unknown(IncidentId),
    /// A fact in the journal cannot be read: written by a newer version, or damaged.
    #[error("fact {seq} of the journal cannot be read")]
    Unreadable {
        /// Its number.
        seq: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A fact in the journal does not follow from those before.
    #[error("fact {seq} of the journal does not follow from those before it")]
    Unfitting {
        /// Its number.
        seq: u64,
        /// Why.
        #[source]
        source: Refused,
    },
    /// A fact cannot be written as JSON.
    #[error("a fact cannot be written as JSON")]
    Unwritable(#[source] serde_json::Error),
}
