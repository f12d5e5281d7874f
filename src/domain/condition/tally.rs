//! Whether alerts side by side make a complete window: how many, and how many different ones of each kind.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::window::{Entry, Wanted, span};
use crate::domain::alert::BotId;
use crate::domain::names::FeedName;

/// The earliest window that holds an alert at `at` and is complete. `fresh` is sorted and all within reach of `at`;
/// any window that holds the alert begins at an alert no later than it.
pub(super) fn first_window<'w, 'e>(
    fresh: &'w [&'e Entry],
    at: Timestamp,
    wanted: &Wanted,
) -> Option<&'w [&'e Entry]> {
    if !at_least(fresh.len(), wanted.count.alerts) {
        return None;
    }
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

/// What the windows that hold an alert at `at` have of what is wanted, the one that lacks least. `fresh` as above.
pub(super) fn best_window(fresh: &[&Entry], at: Timestamp, wanted: &Wanted) -> Option<Found> {
    let mut seen = Tally::default();
    let mut end = 0_usize;
    let found = fresh.iter().enumerate().take_while(|(_, first)| first.at <= at).map(|(start, first)| {
        while let Some(entry) = fresh.get(end).filter(|entry| span(first.at, entry.at) <= wanted.count.within)
        {
            seen.add(entry);
            end = end.saturating_add(1);
        }
        let found = seen.found(end.saturating_sub(start), wanted);
        seen.remove(first);
        found
    });
    best_of(found, wanted)
}

/// The one that lacks least, and of these the one that has most alerts.
pub(super) fn best_of(found: impl Iterator<Item = Found>, wanted: &Wanted) -> Option<Found> {
    found.min_by_key(|found| (found.lacks(wanted), std::cmp::Reverse(found.alerts)))
}

/// How many different ones of each kind a window has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) alerts: u32,
    pub(super) bots: u32,
    pub(super) feeds: u32,
    pub(super) stages: u32,
    /// Of each further thing, in the order of [`Wanted::distinct`].
    pub(super) distinct: Vec<u32>,
    /// An alert with `count.including` is there.
    pub(super) included: bool,
}

impl Found {
    /// How many of anything are lacking.
    fn lacks(&self, wanted: &Wanted) -> u32 {
        let Wanted { count, including, stages, distinct } = wanted;
        let pairs = [
            (count.alerts, self.alerts),
            (count.bots, self.bots),
            (count.feeds, self.feeds),
            (*stages, self.stages),
            (u32::from(*including), u32::from(self.included)),
        ];
        let further = distinct.iter().copied().zip(self.distinct.iter().copied());
        let lacks = pairs.into_iter().chain(further).map(|(wanted, has)| wanted.saturating_sub(has));
        lacks.fold(0, u32::saturating_add)
    }
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

    fn found(&self, alerts: usize, wanted: &Wanted) -> Found {
        let number = |found: usize| u32::try_from(found).unwrap_or(u32::MAX);
        let of = |index: usize| self.distinct.get(&index).map_or(0, BTreeMap::len);
        Found {
            alerts: number(alerts),
            bots: number(self.bots.len()),
            feeds: number(self.feeds.len()),
            stages: number(self.stages.len()),
            distinct: (0..wanted.distinct.len()).map(|index| number(of(index))).collect(),
            included: self.included > 0,
        }
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
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

fn at_least(found: usize, wanted: u32) -> bool {
    u32::try_from(found).unwrap_or(u32::MAX) >= wanted
}
