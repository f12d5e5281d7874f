//! Alerts about one contract, under one condition, side by side in event time.
//!
//! Consume semantics: when a window is complete, every alert in it is spent; a further firing needs alerts
//! none of which took part in an earlier one. Without that, one attack fires once, n or n² times, and
//! nobody can say which. Spent alerts stay until they are too old, so that the same hash cannot come back.
//!
//! Alerts in doubt (maintenance, an unknown block) complete a window only for a page, and are spent for
//! pages only: once they are beyond doubt they count in full. Muted ones complete it only for a firing that is held
//! back, and are spent for such only: once nothing mutes them they count again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use alloy::primitives::Address;

use super::mute::Mute;
use super::spec::CountSpec;
use super::truth::{BlockId, Canonicity, Downgrade};
use crate::domain::alert::{AlertHash, BotId};
use crate::domain::names::{ContractName, FeedName};

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
    pub(super) feed: FeedName,
    /// Event time.
    pub(super) at: Timestamp,
    pub(super) mark: Mark,
    /// Whom it accuses in so many words, for retractions.
    pub(super) accused: BTreeSet<Address>,
    /// Whether it satisfies `count.including`.
    pub(super) included: bool,
    /// Which of `count.stages` its bot stands for.
    pub(super) stage: Option<usize>,
    pub(super) block: Option<BlockId>,
    pub(super) canonicity: Canonicity,
    /// It fell into announced work on the contract.
    pub(super) maintained: bool,
    /// It says CRITICAL.
    pub(super) critical: bool,
    /// What holds back a firing that needs it.
    pub(super) muted: Vec<Mute>,
    /// The contracts it is about in its window.
    pub(super) about: Vec<ContractName>,
    /// What it has of each thing that alerts must differ in.
    pub(super) differs: Vec<BTreeSet<String>>,
}

impl Entry {
    /// Why it may do no more than page.
    pub(super) fn doubt(&self) -> Option<Downgrade> {
        match (self.maintained, self.canonicity) {
            (true, _) => Some(Downgrade::Maintenance),
            (false, Canonicity::Unknown) => Some(Downgrade::UnknownBlock),
            (false, Canonicity::Canonical | Canonicity::Orphaned) => None,
        }
    }

    /// Whether nothing speaks against a full response to it.
    pub(super) fn is_sound(&self) -> bool {
        self.doubt().is_none() && self.muted.is_empty()
    }
}

/// What an alert has already caused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// It did the early response.
    pub(super) announced: bool,
    /// It took part in the firing this alert completed.
    pub(super) spent: Option<AlertHash>,
    /// It took part in the downgraded firing this alert completed.
    pub(super) paged: Option<AlertHash>,
    /// It took part in the firing this alert completed, which needed alerts that are muted.
    pub(super) held: Option<AlertHash>,
    /// Its early response was held back.
    pub(super) held_early: bool,
}

impl Mark {
    /// Whether it has caused anything.
    pub(super) fn acted(&self) -> bool {
        self.told() || self.held.is_some() || self.held_early
    }

    /// The same, where what was held back is nothing.
    pub(super) fn told(&self) -> bool {
        self.announced || self.spent.is_some() || self.paged.is_some()
    }

    /// Takes back what `hash` completed.
    pub(super) fn release(&mut self, hash: &AlertHash) {
        if self.spent.as_ref() == Some(hash) {
            self.spent = None;
        }
        if self.paged.as_ref() == Some(hash) {
            self.paged = None;
        }
        if self.held.as_ref() == Some(hash) {
            self.held = None;
        }
    }
}

/// A window that is complete.
#[derive(Debug)]
pub(super) struct Completed {
    /// The alerts that took part, oldest first.
    pub(super) taken: Vec<Entry>,
    /// Why it is only a page.
    pub(super) doubt: Option<Downgrade>,
}

/// What a window wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) count: CountSpec,
    /// At least one alert with `count.including`.
    pub(super) including: bool,
    /// Different stages.
    pub(super) stages: u32,
    /// How many different ones of each further thing.
    pub(super) distinct: Vec<u32>,
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

    /// Fires if the alert completes a window: the alerts that took part, now spent. Where that needs alerts in
    /// doubt, they are spent for pages.
    pub(super) fn complete(&mut self, at: Timestamp, hash: &AlertHash, wanted: &Wanted) -> Option<Completed> {
        let key = (at, hash.clone());
        let own = self.entries.get(&key)?;
        if own.mark.spent.is_some() {
            return None;
        }
        let sound = own.is_sound();
        let (paged, held, muted) = (own.mark.paged.is_some(), own.mark.held.is_some(), !own.muted.is_empty());
        if sound && let Some(taken) = self.fresh_window(at, wanted, &|entry| entry.is_sound()) {
            return Some(self.spend(taken, hash, None));
        }
        if paged {
            return None;
        }
        let unpaged = |entry: &Entry| entry.mark.paged.is_none();
        if !muted
            && let Some(taken) =
                self.fresh_window(at, wanted, &|entry| unpaged(entry) && entry.muted.is_empty())
        {
            let doubt = doubt_of(&taken);
            return Some(self.spend(taken, hash, doubt));
        }
        if held {
            return None;
        }
        let unheld = |entry: &Entry| unpaged(entry) && entry.mark.held.is_none();
        let taken = self.fresh_window(at, wanted, &unheld)?;
        Some(self.spend(taken, hash, Some(Downgrade::Suppressed)))
    }

    /// The first window around `at` of alerts that are not spent and fit.
    fn fresh_window(
        &self,
        at: Timestamp,
        wanted: &Wanted,
        fits: &dyn Fn(&Entry) -> bool,
    ) -> Option<Vec<Entry>> {
        let near = self.near(at, wanted.count.within);
        let fresh: Vec<&Entry> = near.filter(|entry| entry.mark.spent.is_none() && fits(entry)).collect();
        Some(first_window(&fresh, at, wanted)?.iter().map(|entry| (*entry).clone()).collect())
    }

    fn spend(&mut self, mut taken: Vec<Entry>, hash: &AlertHash, doubt: Option<Downgrade>) -> Completed {
        for entry in &mut taken {
            match doubt {
                None => entry.mark.spent = Some(hash.clone()),
                Some(Downgrade::Maintenance | Downgrade::UnknownBlock) => {
                    entry.mark.paged = Some(hash.clone());
                }
                Some(Downgrade::Suppressed) => entry.mark.held = Some(hash.clone()),
            }
            self.remember(entry.at, &entry.hash, &entry.mark);
        }
        Completed { taken, doubt }
    }

    /// What is held.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// What is held, to be corrected; event times and hashes stay.
    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    /// Marks the alert as announced, unless one near it has announced or fired already.
    pub(super) fn announce(
        &mut self,
        at: Timestamp,
        hash: &AlertHash,
        within: SignedDuration,
    ) -> Option<Entry> {
        // What was held back speaks for nobody but its like.
        let muted = !self.entries.get(&(at, hash.clone()))?.muted.is_empty();
        if self.near(at, within).any(|entry| if muted { entry.mark.acted() } else { entry.mark.told() }) {
            return None;
        }
        let entry = self.entries.get_mut(&(at, hash.clone()))?;
        match muted {
            true => entry.mark.held_early = true,
            false => entry.mark.announced = true,
        }
        Some(entry.clone())
    }

    /// What the alert caused in another window, it caused here, too.
    pub(super) fn remember(&mut self, at: Timestamp, hash: &AlertHash, mark: &Mark) {
        if let Some(entry) = self.entries.get_mut(&(at, hash.clone())) {
            entry.mark = mark.clone();
        }
    }

    /// When the newest of its alerts happened.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.entries.keys().next_back().map(|(at, _)| *at)
    }

    /// Takes back what the alert caused: it, and the spending of those it completed a window with.
    pub(super) fn forget(&mut self, hash: &AlertHash) {
        self.remove(hash);
        for entry in self.entries.values_mut() {
            entry.mark.release(hash);
        }
    }

    /// The firing that the alert completed, and its early response, did not happen: all stay, fresh.
    pub(super) fn take_back(&mut self, hash: &AlertHash) {
        for entry in self.entries.values_mut() {
            entry.mark.release(hash);
            if entry.hash == *hash {
                entry.mark.announced = false;
                entry.mark.held_early = false;
            }
        }
    }

    /// Alerts at most `within` before or after `at`, oldest first.
    fn near(&self, at: Timestamp, within: SignedDuration) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(move |entry| span(entry.at, at) <= within)
    }
}

/// Why a firing of these alerts is only a page; announced work is told before blocks.
pub(super) fn doubt_of(taken: &[Entry]) -> Option<Downgrade> {
    let mut doubts = taken.iter().filter_map(Entry::doubt);
    let first = doubts.next()?;
    Some(doubts.find(|doubt| *doubt == Downgrade::Maintenance).unwrap_or(first))
}

/// The earliest window that holds an alert at `at` and is complete. `fresh` is sorted and all within reach of `at`;
/// any window that holds the alert begins at an alert no later than it.
fn first_window<'w, 'e>(fresh: &'w [&'e Entry], at: Timestamp, wanted: &Wanted) -> Option<&'w [&'e Entry]> {
    let mut seen = Tally::default();
    let mut end = 0_usize;
    for (start, first) in fresh.iter().enumerate().take_while(|(_, first)| first.at <= at) {
        while let Some(entry) = fresh.get(end).filter(|entry| span(first.at, entry.at) <= wanted.count.within)
        {
            seen.add(entry);
            end = end.saturating_add(1);
        }
        if at_least(end.saturating_sub(start), wanted.count.alerts) && seen.suffices(wanted) {
            return fresh.get(start..end);
        }
        seen.remove(first);
    }
    None
}

/// How many different ones of each kind are in a window that slides.
#[derive(Default)]
struct Tally<'e> {
    bots: BTreeMap<&'e BotId, usize>,
    feeds: BTreeMap<&'e FeedName, usize>,
    stages: BTreeMap<usize, usize>,
    distinct: BTreeMap<usize, BTreeMap<&'e str, usize>>,
    included: usize,
}

impl<'e> Tally<'e> {
    fn add(&mut self, entry: &'e Entry) {
        one_more(&mut self.bots, &entry.bot);
        one_more(&mut self.feeds, &entry.feed);
        if let Some(stage) = entry.stage {
            one_more(&mut self.stages, stage);
        }
        for (index, value) in differing(entry) {
            one_more(self.distinct.entry(index).or_default(), value);
        }
        self.included = self.included.saturating_add(usize::from(entry.included));
    }

    fn remove(&mut self, entry: &'e Entry) {
        one_less(&mut self.bots, &entry.bot);
        one_less(&mut self.feeds, &entry.feed);
        if let Some(stage) = entry.stage {
            one_less(&mut self.stages, stage);
        }
        for (index, value) in differing(entry) {
            one_less(self.distinct.entry(index).or_default(), value);
        }
        self.included = self.included.saturating_sub(usize::from(entry.included));
    }

    fn suffices(&self, wanted: &Wanted) -> bool {
        at_least(self.bots.len(), wanted.count.bots)
            && at_least(self.feeds.len(), wanted.count.feeds)
            && at_least(self.stages.len(), wanted.stages)
            && (!wanted.including || self.included > 0)
            && wanted
                .distinct
                .iter()
                .enumerate()
                .all(|(index, wanted)| at_least(self.distinct.get(&index).map_or(0, BTreeMap::len), *wanted))
    }
}

fn differing(entry: &Entry) -> impl Iterator<Item = (usize, &str)> {
    let values = entry.differs.iter().enumerate();
    values.flat_map(|(index, values)| values.iter().map(move |value| (index, value.as_str())))
}

fn one_more<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

fn one_less<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_sub(1);
    }
    counts.retain(|_, count| *count > 0);
}

pub(super) fn span(from: Timestamp, to: Timestamp) -> SignedDuration {
    to.duration_since(from).abs()
}

fn at_least(found: usize, wanted: u32) -> bool {
    u32::try_from(found).unwrap_or(u32::MAX) >= wanted
}
