//! What is written of a delivery: alerts that a window keeps, the matches they brought about, and the place.
//!
//! A match stands before the alert that completed it, and the place behind everything. Where a delivery is too
//! much for one append, a crash between two of them then loses neither: what is missing comes again.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FeedState, Intake, Judged, KEPT, MATCHED, PLACE, PLACE_EVERY, REQUEST, stream};
use crate::agent::store::StoreError;
use crate::domain::alert::Alert;
use crate::domain::condition::Canonicity;
use crate::domain::names::FeedName;
use crate::feeds::{AcceptedRequest, Cursor, Rejected};
use crate::journal::{
    APPEND_BODIES_MAX_BYTES, APPEND_FACTS_MAX, Appended, FACT_BODY_MAX_BYTES, NewFact, Version, Write,
};

/// An alert as the journal keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept<'a> {
    #[serde(flatten)]
    pub(super) alert: Cow<'a, Alert>,
    /// What the chain said about its block when it came. What was written before chains were asked counted.
    #[serde(default)]
    pub(super) block_is: Canonicity,
}

/// Facts that fit into one append each.
#[derive(Default)]
struct Parts {
    parts: Vec<Vec<NewFact>>,
    /// Bytes of bodies in the last part.
    bytes: usize,
}

impl Parts {
    /// Adds a fact, or says how long it is when it is too long for any append.
    fn add(&mut self, kind: &str, at: Timestamp, body: &impl Serialize) -> Result<(), AddError> {
        let body = serde_json::to_value(body).map_err(AddError::Unwritable)?;
        let bytes = body.to_string().len();
        if bytes > FACT_BODY_MAX_BYTES {
            return Err(AddError::TooLong { bytes });
        }
        let fact = NewFact { kind: kind.to_owned(), at, body };
        match self.parts.last_mut() {
            Some(part)
                if part.len() < APPEND_FACTS_MAX
                    && self.bytes.saturating_add(bytes) <= APPEND_BODIES_MAX_BYTES =>
            {
                part.push(fact);
                self.bytes = self.bytes.saturating_add(bytes);
            }
            Some(_) | None => {
                self.parts.push(vec![fact]);
                self.bytes = bytes;
            }
        }
        Ok(())
    }
}

/// A fact that cannot be written.
enum AddError {
    TooLong { bytes: usize },
    Unwritable(serde_json::Error),
}

impl Intake {
    /// Writes what is to be kept of a delivery, and its place with the last of it. Gives the alerts that are too
    /// long for the journal: they were judged and count, and a restart forgets them.
    pub(super) async fn write_feed(
        &mut self,
        feed: &FeedName,
        judged: &[Judged],
        request: Option<AcceptedRequest>,
        cursor: Option<Cursor>,
    ) -> Result<Vec<Rejected>, StoreError> {
        let now = self.agent.clock.now();
        let mut parts = Parts::default();
        let mut too_long = Vec::new();
        for Judged { alert, block_is, matches } in judged {
            for matched in matches {
                match parts.add(MATCHED, now, matched) {
                    Ok(()) => {}
                    Err(AddError::TooLong { bytes }) => {
                        tracing::error!(%feed, condition = %matched.condition, bytes, "a match is too long for the feed's stream: only its incident will know it");
                    }
                    Err(AddError::Unwritable(error)) => return Err(StoreError::Unwritable(error)),
                }
            }
            match parts.add(KEPT, now, &Kept { alert: Cow::Borrowed(alert), block_is: *block_is }) {
                Ok(()) => {}
                Err(AddError::TooLong { bytes }) => {
                    let reason = format!(
                        "it was judged, and is too long to be kept for after a restart: {bytes} bytes; at most {FACT_BODY_MAX_BYTES} are"
                    );
                    let raw = serde_json::to_vec(alert).map_err(StoreError::Unwritable)?;
                    too_long.push(Rejected::new(None, reason, &raw));
                }
                Err(AddError::Unwritable(error)) => return Err(StoreError::Unwritable(error)),
            }
        }
        // Nothing came of the others: sent again, nothing comes of them again.
        if let (Some(request), false) = (request, judged.is_empty()) {
            match parts.add(REQUEST, now, &request) {
                Ok(()) => {}
                Err(AddError::TooLong { bytes }) => {
                    return Err(StoreError::NotTaken(format!("a request of feed {feed} has {bytes} bytes")));
                }
                Err(AddError::Unwritable(error)) => return Err(StoreError::Unwritable(error)),
            }
        }
        let place = cursor.filter(|cursor| {
            let placed = self.feeds.get(feed).and_then(|state| state.placed.as_ref());
            placed.is_none_or(|(at, placed)| {
                placed != cursor && (!parts.parts.is_empty() || now.duration_since(*at) >= PLACE_EVERY)
            })
        });
        if let Some(place) = &place {
            match parts.add(PLACE, now, place) {
                Ok(()) => {}
                Err(AddError::TooLong { bytes }) => {
                    return Err(StoreError::NotTaken(format!("the place of feed {feed} has {bytes} bytes")));
                }
                Err(AddError::Unwritable(error)) => return Err(StoreError::Unwritable(error)),
            }
        }
        for part in parts.parts {
            self.append(feed, part).await?;
        }
        if let Some(place) = place {
            self.feeds.entry(feed.clone()).or_default().placed = Some((now, place));
        }
        Ok(too_long)
    }

    pub(super) async fn append(&mut self, feed: &FeedName, facts: Vec<NewFact>) -> Result<(), StoreError> {
        let state: &mut FeedState = self.feeds.entry(feed.clone()).or_default();
        let count = facts.len() as u64;
        loop {
            let expected = Version(state.version);
            let write = Write { stream: stream(feed), expected, facts: facts.clone() };
            match self.agent.store.append(vec![write]).await? {
                Appended::Applied { .. } => {
                    state.version = state.version.saturating_add(count);
                    return Ok(());
                }
                // A twin of ours writes the same feed: after it.
                Appended::Stale { current, .. } => state.version = current.0,
                Appended::Refused { reason } => return Err(StoreError::NotTaken(reason)),
            }
        }
    }
}
