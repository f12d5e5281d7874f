//! What can go wrong with a journal, sorted by what the caller must do.

use super::fact::Stream;

/// The cause underneath, whatever store it came from.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A journal that did not answer, or whose answer cannot be believed.
///
/// After a failed append the facts may or may not be there (the answer may be what was lost): read again and
/// append again with the version found. The compare-and-swap makes that safe.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be used now. Containment goes on without it and the gap is marked; everything else fails
    /// closed and may try again.
    #[error("could not {doing} the journal {place}: {why}; {remedy}")]
    Unavailable {
        /// What was being done: `open`, `append to`, `read`.
        doing: &'static str,
        /// Which journal: the file's path.
        place: String,
        /// What is wrong with it.
        why: String,
        /// What a person can do about it.
        remedy: &'static str,
        /// The store's own words.
        #[source]
        source: Option<Cause>,
    },
    /// What is stored is not what was written, or not a journal. Trying again does not help; a person must look.
    #[error("the journal {place} cannot be trusted: {}{what}", .seq.map(|seq| format!("fact {seq}: ")).unwrap_or_default())]
    Corrupt {
        /// Which journal.
        place: String,
        /// The fact that is wrong, where one can be named.
        seq: Option<u64>,
        /// What is wrong.
        what: String,
        /// The store's own words.
        #[source]
        source: Option<Cause>,
    },
    /// A stream holds more facts than one read returns ([`super::READ_FACTS_MAX`]): read on from a later version.
    #[error(
        "stream {stream} holds more than {facts_max} facts after the version asked for; read it in parts"
    )]
    TooLong {
        /// The stream.
        stream: Stream,
        /// The bound.
        facts_max: usize,
    },
}

impl JournalError {
    /// Whether trying again later may help.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Corrupt { .. } | Self::TooLong { .. } => false,
        }
    }
}
