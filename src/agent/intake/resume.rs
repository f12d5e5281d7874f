//! What the feeds brought before, after a restart.
//!
//! **What may fire.** Only what fired then: every match is in the journal beside the alert that completed it
//! ([`MATCHED`], one append with [`KEPT`](super::KEPT)). One that no incident knows, open or closed, is from a crash
//! between the two; it is taken up now, however long the agent was away. Old alerts are judged again to fill
//! the windows, and cause nothing: a match they make today and did not make then, because somebody renamed a
//! condition or edited a count, is taken back and told in the log. Its alerts wait for the next one.
//!
//! **How far back.** As far as a window can reach from the feed's last word: the longest `within` and
//! [`LATENESS`]. Read in parts, in the order of the journal over all feeds, which is the order of arrival; the
//! memory this takes does not grow with the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::keep::Kept;
use super::{
    FeedState, Intake, IntakeError, KEPT, MATCHED, ORPHANED, PLACE, REQUEST, is_known, same_match, stream,
};
use crate::agent::Agent;
use crate::domain::condition::{BlockId, Condition, Known, LATENESS, Match, Matcher};
use crate::domain::names::{FeedName, RunbookId};
use crate::feeds::{AcceptedRequest, Cursor};
use crate::journal::{Entry, Journal, JournalError, Quarantine, Stream, Version};

/// Facts read at once.
const PART_FACTS: u32 = 500;

/// How much further back than any window reaches: a feed's clock and ours may differ.
const CLOCKS_DIFFER_MAX: SignedDuration = SignedDuration::from_hours(1);

/// One feed's stream, on the way through the journal.
struct Replay {
    /// Its first fact that still matters.
    from: Version,
    /// Matches since its last alert: what the next one brought about then.
    told: Vec<Match>,
}

impl Intake {
    /// Fills the windows with what the feeds brought before, and takes up the matches that no incident knows.
    /// Gives each feed's last place.
    ///
    /// # Errors
    /// When the journal cannot be read or an incident cannot be opened.
    pub async fn resume(
        agent: Arc<Agent>,
        quarantine: Arc<dyn Quarantine>,
        conditions: Vec<(RunbookId, Condition)>,
        feeds: &[FeedName],
    ) -> Result<(Self, BTreeMap<FeedName, Cursor>), IntakeError> {
        let reaches = conditions.iter().map(|(_, condition)| {
            condition.spec().max_age.max(LATENESS).saturating_add(condition.count().within)
        });
        let reach = reaches.max().unwrap_or(LATENESS).saturating_add(CLOCKS_DIFFER_MAX);
        let matcher = Matcher::with_maintenance(conditions, agent.config.maintenance.clone());
        let mut intake = Self::new(agent, quarantine, matcher);
        intake.agent.store.sync().await?;
        intake.agent.silences.sync().await?;
        let journal = Arc::clone(intake.agent.store.journal());
        let mut places = BTreeMap::new();
        let mut replays = BTreeMap::new();
        let mut first_seq = u64::MAX;
        for feed in feeds {
            let stream = stream(feed);
            let Some(last) = journal.last(&stream).await? else { continue };
            let placed = newest_place(&*journal, &last).await?;
            let from = first_within(&*journal, &last, reach).await?;
            first_seq = first_seq.min(from.seq);
            intake.feeds.insert(feed.clone(), FeedState { version: last.version.0, placed: placed.clone() });
            places.extend(placed.map(|(_, place)| (feed.clone(), place)));
            replays.insert(stream, Replay { from: from.version, told: Vec::new() });
        }
        if !replays.is_empty() {
            intake.replay(&*journal, first_seq.saturating_sub(1), replays).await?;
        }
        intake.matcher.listen_anew();
        let now = intake.agent.clock.now();
        intake.heed_silences(now);
        intake.matcher.unknown_blocks().into_iter().for_each(|block| intake.unsure.add(block, now));
        intake.take_up().await?;
        Ok((intake, places))
    }

    async fn replay(
        &mut self,
        journal: &dyn Journal,
        mut after: u64,
        mut replays: BTreeMap<Stream, Replay>,
    ) -> Result<(), IntakeError> {
        loop {
            let entries = journal.read_all(after, PART_FACTS).await?;
            let Some(last) = entries.last() else { return Ok(()) };
            after = last.seq;
            for entry in &entries {
                if let Some(replay) = replays.get_mut(&entry.stream)
                    && entry.version >= replay.from
                {
                    self.restore(entry, &mut replay.told)?;
                }
            }
        }
    }

    /// Takes one fact of a feed back in.
    fn restore(&mut self, entry: &Entry, told: &mut Vec<Match>) -> Result<(), IntakeError> {
        let unreadable = |source| IntakeError::Unreadable { seq: entry.seq, source };
        match entry.kind.as_str() {
            MATCHED => {
                let matched: Match = entry.body_as().map_err(unreadable)?;
                let waits = self.waiting.iter().any(|waiting| same_match(waiting, &matched));
                if !waits && !is_known(&self.agent, &matched) {
                    self.waiting.push_back(matched.clone());
                }
                told.push(matched);
            }
            KEPT => {
                let Kept { alert, block_is } = entry.body_as::<Kept<'static>>().map_err(unreadable)?;
                // As it was judged then, by the clock of then.
                let known = Known { block: block_is, now: Some(entry.at) };
                self.heed_silences(entry.at);
                let observation = self.matcher.observe(&alert, &known);
                self.hold_again(entry.seq, told);
                for matched in observation.matches {
                    let fired_then = told.iter().any(|then| same_match(then, &matched));
                    if !fired_then && !is_known(&self.agent, &matched) {
                        tracing::info!(runbook = %matched.runbook, condition = %matched.condition, contract = %matched.contract, fact = entry.seq, "alerts of before the start would match today and did not then: nothing is done, they count with the next one");
                        self.matcher.take_back(&alert, &matched);
                    }
                }
                self.came_again(&alert, block_is);
                told.clear();
            }
            ORPHANED => {
                let block: BlockId = entry.body_as().map_err(unreadable)?;
                self.left(&block);
            }
            REQUEST => {
                let request: AcceptedRequest = entry.body_as().map_err(unreadable)?;
                if request.until >= self.agent.clock.now() {
                    self.requests.push(request);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The first fact of the stream that is not older than `reach` before its last one. A stream's facts carry
/// the times of our clock in the order they were written, so half of them can be passed over at each look.
async fn first_within(
    journal: &dyn Journal,
    last: &Entry,
    reach: SignedDuration,
) -> Result<Entry, JournalError> {
    let oldest = last.at.checked_sub(reach).unwrap_or(Timestamp::MIN);
    let mut first = last.clone();
    // All up to `passed` are older; `first` is not.
    let mut passed = 0_u64;
    while passed.saturating_add(1) < first.version.0 {
        let middle = passed.midpoint(first.version.0);
        let found = journal.read_part(&last.stream, Version(middle.saturating_sub(1)), 1).await?.pop();
        match found {
            Some(entry) if entry.at >= oldest => first = entry,
            Some(_) | None => passed = middle,
        }
    }
    Ok(first)
}

/// The feed's newest place, and when it was written; mostly among its last facts.
async fn newest_place(
    journal: &dyn Journal,
    last: &Entry,
) -> Result<Option<(Timestamp, Cursor)>, IntakeError> {
    let mut end = last.version.0;
    while end > 0 {
        let start = end.saturating_sub(u64::from(PART_FACTS));
        let part = journal.read_part(&last.stream, Version(start), PART_FACTS).await?;
        if let Some(entry) = part.iter().rev().find(|entry| entry.kind == PLACE) {
            let unreadable = |source| IntakeError::Unreadable { seq: entry.seq, source };
            return Ok(Some((entry.at, entry.body_as().map_err(unreadable)?)));
        }
        end = start;
    }
    Ok(None)
}
