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
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

fn at_least(found: usize, wanted: u32) -> bool {
    u32::try_from(found).unwrap_or(u32::MAX) >= wanted
}
