//! A feed's stream in the journal: the alerts that windows keep, and how far the feed was read.
//!
//! A stream grows for as long as the feed lives; what is read back at a start is the end of it, as far as
//! windows can remember.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::IntakeError;
use crate::agent::store::{IncidentStore, StoreError};
use crate::domain::alert::Alert;
use crate::domain::names::FeedName;
use crate::feeds::Cursor;
use crate::journal::{
    Appended, Entry, FACT_BODY_MAX_BYTES, Journal, NewFact, READ_FACTS_MAX, Stream, Version, Write,
};

/// How often a feed's place is written when it brings nothing worth keeping. A restart reads again what
/// came since: harmless, because alerts are known by their hashes.
const PLACE_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How many facts are read back at first; more when they do not reach far enough.
const READ_BACK_FACTS: u64 = 2_000;

/// Facts and bytes in one append: well within what a journal takes, whatever a feed delivers at once.
const WRITE_FACTS_MAX: usize = 400;
const WRITE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The kinds of facts in a feed's stream.
const KEPT: &str = "alert-kept";
const PLACE: &str = "place";

/// A feed's stream, as far as it was read or written.
#[derive(Debug, Default)]
pub(super) struct FeedStream {
    version: u64,
    placed: Option<Timestamp>,
}

/// An alert as it was kept.
pub(super) struct KeptAlert {
    /// Its place in the whole journal: the order in which alerts came.
    pub(super) seq: u64,
    /// When it was kept.
    pub(super) at: Timestamp,
    pub(super) alert: Alert,
}

/// What a feed brought before.
pub(super) struct Before {
    pub(super) stream: FeedStream,
    /// The kept alerts of the last `reach`, oldest first.
    pub(super) alerts: Vec<KeptAlert>,
    /// Where it was.
    pub(super) place: Option<Cursor>,
}

/// Reads the end of a feed's stream: at least `reach` before its newest fact, and to the last place.
pub(super) async fn read_back(
    journal: &dyn Journal,
    feed: &FeedName,
    reach: SignedDuration,
) -> Result<Before, IntakeError> {
    let stream = stream(feed);
    let Some(last) = journal.last(&stream).await? else {
        return Ok(Before { stream: FeedStream::default(), alerts: Vec::new(), place: None });
    };
    let horizon = last.at.checked_sub(reach).unwrap_or(Timestamp::MIN);
    // One less than the bound: a twin may write meanwhile.
    let most = (READ_FACTS_MAX as u64).saturating_sub(READ_BACK_FACTS);
    let mut count = READ_BACK_FACTS;
    let entries = loop {
        let after = last.version.0.saturating_sub(count);
        let entries = journal.read(&stream, Version(after)).await?;
        let reaches = entries.first().is_none_or(|first| first.at <= horizon);
        let has_place = entries.iter().any(|entry| entry.kind == PLACE);
        if after == 0 || (reaches && has_place) {
            break entries;
        }
        if count >= most {
            tracing::warn!(%feed, facts = count, "the feed kept more than is read back at a start");
            break entries;
        }
        count = count.saturating_mul(4).min(most);
    };
    understand(entries, last.version.0)
}

fn understand(entries: Vec<Entry>, last: u64) -> Result<Before, IntakeError> {
    let version = entries.last().map_or(last, |entry| entry.version.0);
    let mut before = Before { stream: FeedStream { version, placed: None }, alerts: Vec::new(), place: None };
    for entry in entries {
        let unreadable = |source| IntakeError::Unreadable { seq: entry.seq, source };
        match entry.kind.as_str() {
            KEPT => {
                let alert = entry.body_as::<Alert>().map_err(unreadable)?;
                before.alerts.push(KeptAlert { seq: entry.seq, at: entry.at, alert });
            }
            PLACE => {
                before.place = Some(entry.body_as::<Cursor>().map_err(unreadable)?);
                before.stream.placed = Some(entry.at);
            }
            _of_a_newer_version => {}
        }
    }
    Ok(before)
}

/// Whether the journal can take the alert at all.
pub(super) fn can_be_kept(alert: &Alert) -> bool {
    serde_json::to_vec(alert).is_ok_and(|body| body.len() <= FACT_BODY_MAX_BYTES)
}

impl FeedStream {
    /// Writes what windows keep, and then the place, in as many appends as it takes. A crash between two
    /// leaves alerts without the place: the feed delivers them again, and they are known.
    pub(super) async fn write(
        &mut self,
        store: &IncidentStore,
        feed: &FeedName,
        kept: &[Alert],
        cursor: Option<Cursor>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let place_is_old = self.placed.is_none_or(|at| now.duration_since(at) >= PLACE_EVERY);
        let cursor = cursor.filter(|_| !kept.is_empty() || place_is_old);
        let (mut facts, mut bytes) = (Vec::new(), 0_usize);
        for alert in kept {
            let body = serde_json::to_value(alert).map_err(StoreError::Unwritable)?;
            let size = body.to_string().len();
            if facts.len() >= WRITE_FACTS_MAX || bytes.saturating_add(size) > WRITE_BYTES_MAX {
                self.append(store, feed, std::mem::take(&mut facts)).await?;
                bytes = 0;
            }
            bytes = bytes.saturating_add(size);
            facts.push(NewFact { kind: KEPT.to_owned(), at: now, body });
        }
        let places = cursor.is_some();
        if let Some(cursor) = cursor {
            facts.push(NewFact { kind: PLACE.to_owned(), at: now, body: json!(cursor) });
        }
        self.append(store, feed, facts).await?;
        if places {
            self.placed = Some(now);
        }
        Ok(())
    }

    async fn append(
        &mut self,
        store: &IncidentStore,
        feed: &FeedName,
        facts: Vec<NewFact>,
    ) -> Result<(), StoreError> {
        if facts.is_empty() {
            return Ok(());
        }
        let count = facts.len() as u64;
        loop {
            let write = Write { stream: stream(feed), expected: Version(self.version), facts: facts.clone() };
            match store.append(vec![write]).await? {
                Appended::Applied { .. } => {
                    self.version = self.version.saturating_add(count);
                    return Ok(());
                }
                // A twin of ours writes the same feed: after it.
                Appended::Stale { current, .. } => self.version = current.0,
                Appended::Refused { reason } => return Err(StoreError::NotTaken(reason)),
            }
        }
    }
}

fn stream(feed: &FeedName) -> Stream {
    Stream::new(format!("feed/{feed}"))
}
