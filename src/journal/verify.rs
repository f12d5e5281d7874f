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
    let mut limit = VERIFY_BATCH_FACTS;
    loop {
        let after = verifier.head.seq;
        let batch = match journal.read_all(after, limit).await {
            Ok(batch) => batch,
            // One fact of the batch cannot be read. The first break may stand before it: go there step by step.
            Err(JournalError::Corrupt { seq: Some(_), .. }) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(error) => return Err(unreadable(error)),
        };
        for entry in &batch {
            verifier.step(entry)?;
        }
        if batch.is_empty() {
            let outside = verifier.outside(&journal.streams("").await.map_err(unreadable)?);
            let Some(outside) = outside else { return Ok(verifier.finish()?) };
            // Another process may have appended since the batch came back empty: that is not a break.
            if journal.head().await.map_err(unreadable)?.seq <= after {
                return Err(outside.into());
            }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::MemoryJournal;
    use super::super::conformance::{put, write};
    use super::super::faults::FaultyJournal;
    use super::*;

    async fn honest() -> Vec<Entry> {
        let journal = MemoryJournal::new();
        put(&journal, vec![write("a", 0, &["one", "two"]), write("b", 0, &["one"])]).await;
        put(&journal, vec![write("a", 2, &["three"])]).await;
        journal.read_all(0, 10).await.unwrap()
    }

    fn walk(entries: &[Entry], remembered: Option<Head>) -> Result<Verified, Broken> {
        let mut verifier = Verifier::new(remembered);
        for entry in entries {
            verifier.step(entry)?;
        }
        verifier.finish()
    }

    /// Gives entries the numbers and hashes that would fit: what somebody with write access can do.
    fn forge(entries: &mut [Entry]) {
        let mut head = Head::EMPTY;
        for entry in entries {
            (entry.seq, entry.prev) = (head.seq + 1, head.hash);
            entry.hash = chain::hash_of(entry);
            head = entry.head();
        }
    }

    #[tokio::test]
    async fn an_honest_chain_holds_for_every_head_it_ever_had() {
        let entries = honest().await;
        let head = entries[3].head();
        for remembered in entries.iter().map(Entry::head).chain([Head::EMPTY]) {
            assert_eq!(walk(&entries, Some(remembered)), Ok(Verified { facts: 4, head }));
        }
        assert_eq!(walk(&[], None), Ok(Verified { facts: 0, head: Head::EMPTY }));
    }

    #[tokio::test]
    async fn a_fact_with_a_hash_of_its_own_breaks_at_the_next() {
        let mut entries = honest().await;
        entries[1].body = "\"something else\"".into();
        entries[1].hash = chain::hash_of(&entries[1]);
        let broken = walk(&entries, None).unwrap_err();
        assert_eq!(broken.seq, 3);
        assert!(broken.what.starts_with("it follows "), "{broken}");
    }

    #[tokio::test]
    async fn a_fully_forged_removal_still_lacks_a_version_or_the_remembered_head() {
        let honest = honest().await;
        let mut inner = honest.clone();
        inner.remove(1);
        forge(&mut inner);
        let broken = walk(&inner, None).unwrap_err();
        assert_eq!((broken.seq, broken.what.as_str()), (3, "it is version 3 of a, after version 1"));

        let mut whole_stream = honest.clone();
        whole_stream.remove(2);
        forge(&mut whole_stream);
        assert!(walk(&whole_stream, None).is_ok(), "nothing inside the chain can show this");
        assert_eq!(walk(&whole_stream, Some(honest[3].head())).unwrap_err().seq, 4);
        assert_eq!(walk(&whole_stream, Some(honest[2].head())).unwrap_err().seq, 3);
    }

    #[tokio::test]
    async fn an_empty_journal_is_not_what_was_remembered() {
        let head = honest().await[3].head();
        assert_eq!(walk(&[], Some(head)).unwrap_err().seq, 1);
        let odd = Head { seq: 0, hash: head.hash };
        assert_eq!(walk(&[], Some(odd)).unwrap_err().seq, 0);
    }

    #[tokio::test]
    async fn long_journals_are_walked_in_batches() {
        let journal = MemoryJournal::new();
        let kinds = vec!["step"; 1_000];
        put(&journal, vec![write("a", 0, &kinds)]).await;
        let (head, _) = put(&journal, vec![write("a", 1_000, &kinds)]).await;
        assert_eq!(verify(&journal, Some(head)).await.unwrap(), Verified { facts: 2_000, head });
    }

    #[tokio::test]
    async fn a_journal_that_does_not_answer_is_not_verified() {
        let journal = FaultyJournal::new(Arc::new(MemoryJournal::new()));
        journal.set_down(true);
        assert!(matches!(verify(journal.as_ref(), None).await, Err(VerifyError::Unread(_))));
    }
}
