//! Walking the chain of facts from its beginning.
//!
//! Finds a fact that was changed, removed, inserted or moved. It cannot find by itself that the newest facts were
//! cut off, nor that somebody rewrote everything from some fact on and computed all hashes anew: both show against
//! a [`Head`] that was remembered elsewhere (printed, posted, in an evidence bundle).

use std::collections::BTreeMap;

use super::fact::{Entry, FactHash, Head, Stream, Version};
use super::{Journal, JournalError, chain};

/// Facts read at a time.
const VERIFY_BATCH_FACTS: u32 = 500;

/// A chain that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many facts there are.
    pub facts: u64,
    /// The head to remember.
    pub head: Head,
}

/// Where the chain breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain of facts breaks at fact {seq}: {what}")]
pub struct Broken {
    /// The first fact that is not as it was written.
    pub seq: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Why a journal is not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not what was written.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It could not be read to its end: nothing is known.
    #[error("the journal could not be read to its end, so nothing is proven about it")]
    Unread(#[source] JournalError),
}

/// Takes entries one by one; for a journal or for a bundle of entries that is checked offline.
#[derive(Debug)]
pub struct Verifier {
    head: Head,
    versions: BTreeMap<Stream, Version>,
    remembered: Option<Head>,
}

impl Verifier {
    /// Starts before the first fact. With a remembered head, the fact of that number must carry that hash.
    pub fn new(remembered: Option<Head>) -> Self {
        Self { head: Head::EMPTY, versions: BTreeMap::new(), remembered }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// When it is not the one that was written there.
    pub fn step(&mut self, entry: &Entry) -> Result<(), Broken> {
        let want = self.head.seq.saturating_add(1);
        let broken = |seq, what| Err(Broken { seq, what });
        if entry.seq > want {
            return broken(want, format!("it is missing; the next one is fact {}", entry.seq));
        }
        if entry.seq < want {
            return broken(want, format!("fact {} stands in its place", entry.seq));
        }
        if entry.prev != self.head.hash {
            let what = format!("it follows {}, but the fact before it is {}", entry.prev, self.head.hash);
            return broken(want, what);
        }
        if let Some(what) = chain::disagreement(entry) {
            return broken(want, what);
        }
        let version = self.versions.entry(entry.stream.clone()).or_default();
        if entry.version.0 != version.0.saturating_add(1) {
            let what =
                format!("it is version {} of {}, after version {version}", entry.version, entry.stream);
            return broken(want, what);
        }
        if let Some(remembered) = self.remembered
            && remembered.seq == entry.seq
            && remembered.hash != entry.hash
        {
            let what = format!("it carries {}, but {} was remembered", entry.hash, remembered.hash);
            return broken(want, what);
        }
        *version = entry.version;
        self.head = entry.head();
        Ok(())
    }

    /// The streams as the store lists them must be those of the chain: a row may hide from the walk (a number
    /// below 1) and still be read as part of its stream.
    fn outside(&self, listed: &[(Stream, Version)]) -> Option<Broken> {
        let unknown = listed.iter().find(|(stream, version)| self.versions.get(stream) != Some(version));
        let (stream, version) = unknown?;
        let what = format!("stream {stream} is listed with version {version}, which the chain does not have");
        Some(Broken { seq: self.head.seq.saturating_add(1), what })
    }

    /// Ends after the last fact.
    ///
    /// # Errors
    /// When the remembered head was never reached.
    pub fn finish(self) -> Result<Verified, Broken> {
        let head = self.head;
        match self.remembered {
            Some(remembered) if remembered.seq > head.seq => Err(Broken {
                seq: head.seq.saturating_add(1),
                what: format!("it is missing, and every fact up to the remembered {}", remembered.seq),
            }),
            Some(Head { seq: 0, hash }) if hash != FactHash::GENESIS => Err(Broken {
                seq: 0,
                what: "the remembered head has number 0 but is not the empty one".into(),
            }),
            Some(_) | None => Ok(Verified { facts: head.seq, head }),
        }
    }
}

/// Walks a whole journal, in batches.
///
/// # Errors
/// [`VerifyError::Broken`] at the first fact that is not as it was written, [`VerifyError::Unread`] when the
/// journal does not answer.
pub async fn verify(journal: &dyn Journal, remembered: Option<Head>) -> Result<Verified, VerifyError> {
    let mut verifier = Verifier::new(remembered);
    loop {
        let after = verifier.head.seq;
        let mut batch = journal.read_all(after, VERIFY_BATCH_FACTS).await.map_err(unreadable)?;
        if batch.is_empty() {
            let Some(outside) = verifier.outside(&journal.streams("").await.map_err(unreadable)?) else {
                return Ok(verifier.finish()?);
            };
            // Another process may have appended since the batch came back empty: that is not a break.
            batch = journal.read_all(after, VERIFY_BATCH_FACTS).await.map_err(unreadable)?;
            if batch.is_empty() {
                return Err(outside.into());
            }
        }
        for entry in &batch {
            verifier.step(entry)?;
        }
    }
}

/// A row that cannot be read at all is a broken chain with a place, not a store that is away.
fn unreadable(error: JournalError) -> VerifyError {
    match error {
        JournalError::Corrupt { seq: Some(seq), what, .. } => VerifyError::Broken(Broken { seq, what }),
        error @ (JournalError::Corrupt { .. }
        | JournalError::Unavailable { .. }
        | JournalError::TooLong { .. }) => VerifyError::Unread(error),
    }
}
