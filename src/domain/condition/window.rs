//! Alerts about one contract, under one condition, side by side in event time.
//!
//! Consume semantics: when a window is complete, every alert in it is spent; a further firing needs alerts
//! none of which took part in an earlier one. Without that, one attack fires once, n or n² times, and
//! nobody can say which. Spent alerts stay until they are too old, so that the same hash cannot come back.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::spec::CountSpec;
use crate::domain::alert::{AlertHash, BotId};

/// Most alerts of one window. At the bound the oldest alert of the bot with the most alerts makes room, so
/// that one noisy bot cannot push another's evidence out; the matcher reports it.
pub const WINDOW_ALERTS_MAX: usize = 256;

/// How far behind the newest event an alert may arrive and still count: the look-back of Forta's own Attack
/// Detector (24 hours). What is older can be read in the journal, and no longer acts.
pub const LATENESS: SignedDuration = SignedDuration::from_hours(24);

/// One alert in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) hash: AlertHash,
    pub(super) bot: BotId,
    /// Event time.
    pub(super) at: Timestamp,
    pub(super) mark: Mark,
}

/// What an alert has already caused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// It did the early response.
    pub(super) announced: bool,
    /// It took part in the firing this alert completed.
    pub(super) spent: Option<AlertHash>,
}

/// Alerts by event time, then hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    entries: BTreeMap<(Timestamp, AlertHash), Entry>,
}

impl Window {
    /// Takes an alert in; the one that had to make room comes back.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        self.entries.insert((entry.at, entry.hash.clone()), entry);
        if self.entries.len() <= WINDOW_ALERTS_MAX {
            return None;
        }
        let mut of_bot: BTreeMap<&BotId, usize> = BTreeMap::new();
        for entry in self.entries.values() {
            let count = of_bot.entry(&entry.bot).or_default();
            *count = count.saturating_add(1);
        }
        let noisiest = of_bot.into_iter().max_by_key(|(_, count)| *count).map(|(bot, _)| bot.clone())?;
        let oldest = self.entries.values().find(|entry| entry.bot == noisiest)?;
        let key = (oldest.at, oldest.hash.clone());
        self.entries.remove(&key)
    }

    pub(super) fn remove(&mut self, hash: &AlertHash) -> Option<Entry> {
        let key = self.entries.keys().find(|(_, held)| held == hash)?.clone();
        self.entries.remove(&key)
    }

    pub(super) fn holds(&self, hash: &AlertHash) -> bool {
        self.entries.keys().any(|(_, held)| held == hash)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops what happened before `oldest`.
    pub(super) fn prune(&mut self, oldest: Timestamp) {
        self.entries.retain(|(at, _), _| *at >= oldest);
    }

    /// Fires if the alert completes a window: the alerts that took part, oldest first, now spent.
    pub(super) fn complete(
        &mut self,
        at: Timestamp,
        hash: &AlertHash,
        count: &CountSpec,
    ) -> Option<Vec<Entry>> {
        let key = (at, hash.clone());
        if self.entries.get(&key)?.mark.spent.is_some() {
            return None;
        }
        let fresh: Vec<&Entry> =
            self.near(at, count.within).filter(|entry| entry.mark.spent.is_none()).collect();
        let taken: Vec<Entry> =
            first_window(&fresh, at, count)?.iter().map(|entry| (*entry).clone()).collect();
        for entry in &taken {
            if let Some(held) = self.entries.get_mut(&(entry.at, entry.hash.clone())) {
                held.mark.spent = Some(hash.clone());
            }
        }
        Some(taken)
    }

    /// Marks the alert as announced, unless one near it has announced or fired already.
    pub(super) fn announce(
        &mut self,
        at: Timestamp,
        hash: &AlertHash,
        within: SignedDuration,
    ) -> Option<Entry> {
        if self.near(at, within).any(|entry| entry.mark.announced || entry.mark.spent.is_some()) {
            return None;
        }
        let entry = self.entries.get_mut(&(at, hash.clone()))?;
        entry.mark.announced = true;
        Some(entry.clone())
    }

    /// Takes back what the alert caused: it, and the spending of those it completed a window with.
    pub(super) fn forget(&mut self, hash: &AlertHash) {
        self.remove(hash);
        for entry in self.entries.values_mut() {
            if entry.mark.spent.as_ref() == Some(hash) {
                entry.mark.spent = None;
            }
        }
    }

    /// The firing that the alert completed, and its early response, did not happen: all stay, fresh.
    pub(super) fn take_back(&mut self, hash: &AlertHash) {
        for entry in self.entries.values_mut() {
            if entry.mark.spent.as_ref() == Some(hash) {
                entry.mark.spent = None;
            }
            if entry.hash == *hash {
                entry.mark.announced = false;
            }
        }
    }

    /// Alerts at most `within` before or after `at`, oldest first.
    fn near(&self, at: Timestamp, within: SignedDuration) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(move |entry| span(entry.at, at) <= within)
    }
}

/// The earliest window that holds an alert at `at` and is complete. `fresh` is sorted and all within reach of `at`;
/// any window that holds the alert begins at an alert no later than it.
fn first_window<'w, 'e>(fresh: &'w [&'e Entry], at: Timestamp, count: &CountSpec) -> Option<&'w [&'e Entry]> {
    let mut bots: BTreeMap<&BotId, usize> = BTreeMap::new();
    let mut end = 0_usize;
    for (start, first) in fresh.iter().enumerate().take_while(|(_, first)| first.at <= at) {
        while let Some(entry) = fresh.get(end).filter(|entry| span(first.at, entry.at) <= count.within) {
            let alerts = bots.entry(&entry.bot).or_default();
            *alerts = alerts.saturating_add(1);
            end = end.saturating_add(1);
        }
        if at_least(end.saturating_sub(start), count.alerts) && at_least(bots.len(), count.bots) {
            return fresh.get(start..end);
        }
        if let Some(alerts) = bots.get_mut(&first.bot) {
            *alerts = alerts.saturating_sub(1);
        }
        bots.retain(|_, alerts| *alerts > 0);
    }
    None
}

fn span(from: Timestamp, to: Timestamp) -> SignedDuration {
    to.duration_since(from).abs()
}

fn at_least(found: usize, wanted: u32) -> bool {
    u32::try_from(found).unwrap_or(u32::MAX) >= wanted
}
