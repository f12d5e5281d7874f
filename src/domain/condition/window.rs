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
use super::shelf::Holds;
use super::spec::CountSpec;
use super::tally::{Found, best_of, best_window, first_window};
use super::truth::{BlockId, Canonicity, Downgrade};
use crate::domain::alert::{AlertHash, BotId};
use crate::domain::names::{ChainId, ContractName, FeedName};

/// Most alerts of one window. At the bound the oldest alert of the bot with the most alerts makes room, so
/// that one noisy bot cannot push another's evidence out; the matcher reports it.
pub const WINDOW_ALERTS_MAX: usize = 256;

/// How far behind the newest event an alert may arrive and still count: the look-back of Forta's own Attack
/// Detector (24 hours). What is older can be read in the journal, and no longer acts.
pub const LATENESS: SignedDuration = SignedDuration::from_hours(24);

/// Before every hash.
pub(super) const FIRST: AlertHash = AlertHash(String::new());

/// One alert in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) hash: AlertHash,
    pub(super) bot: BotId,
    pub(super) feed: FeedName,
    pub(super) chain: ChainId,
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
        doubt(self.maintained, self.canonicity)
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

    /// Whether it took part in a firing, told or held back.
    pub(super) fn taken(&self) -> bool {
        self.spent.is_some() || self.paged.is_some() || self.held.is_some()
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
    /// How many alerts each bot has; empty until the window was full once.
    of_bot: BTreeMap<BotId, usize>,
}

impl Holds for Window {
    type Item = Entry;

    fn hash_of(item: &Entry) -> &AlertHash {
        &item.hash
    }

    fn time_of(item: &Entry) -> Timestamp {
        item.at
    }

    fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let key = (entry.at, entry.hash.clone());
        self.take_out(&key);
        self.count_in(&entry.bot);
        self.entries.insert(key, entry);
        if self.entries.len() <= WINDOW_ALERTS_MAX {
            return None;
        }
        if self.of_bot.is_empty() {
            for entry in self.entries.values() {
                let count = self.of_bot.entry(entry.bot.clone()).or_default();
                *count = count.saturating_add(1);
            }
        }
        let noisiest = self.of_bot.iter().max_by_key(|(_, count)| **count).map(|(bot, _)| bot)?;
        let oldest = self.entries.values().find(|entry| entry.bot == *noisiest)?;
        let key = (oldest.at, oldest.hash.clone());
        self.take_out(&key)
    }

    fn remove(&mut self, hash: &AlertHash) -> Option<Entry> {
        let key = self.entries.keys().find(|(_, held)| held == hash)?.clone();
        self.take_out(&key)
    }

    fn items(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    fn prune(&mut self, oldest: Timestamp) {
        while let Some(first) = self.entries.first_entry().filter(|first| first.key().0 < oldest) {
            first.remove();
        }
        self.of_bot.clear();
    }

    fn newest(&self) -> Option<Timestamp> {
        self.entries.keys().next_back().map(|(at, _)| *at)
    }
}

impl Window {
    fn take_out(&mut self, key: &(Timestamp, AlertHash)) -> Option<Entry> {
        let gone = self.entries.remove(key)?;
        if let Some(count) = self.of_bot.get_mut(&gone.bot) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_bot.remove(&gone.bot);
            }
        }
        Some(gone)
    }

    fn count_in(&mut self, bot: &BotId) {
        if self.of_bot.is_empty() {
            return;
        }
        if let Some(count) = self.of_bot.get_mut(bot) {
            *count = count.saturating_add(1);
        } else {
            self.of_bot.insert(bot.clone(), 1);
        }
    }

    /// Fires if the alert completes a window: the alerts that took part, now spent. Where that needs alerts in
    /// doubt, they are spent for pages.
    pub(super) fn complete(&mut self, at: Timestamp, hash: &AlertHash, wanted: &Wanted) -> Option<Completed> {
        let key = (at, hash.clone());
        let own = self.entries.get(&key)?;
        if own.mark.spent.is_some() {
            return None;
        }
        // Whatever fits is among all that are not spent: where these do not suffice, nothing does.
        if !self.may_complete(at, wanted) {
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

    fn may_complete(&self, at: Timestamp, wanted: &Wanted) -> bool {
        let near = self.near(at, wanted.count.within);
        let fresh: Vec<&Entry> = near.filter(|entry| entry.mark.spent.is_none()).collect();
        first_window(&fresh, at, wanted).is_some()
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

    /// The alert, and what the best of the windows that could have it has of what is wanted: among alerts as
    /// [`Window::complete`] takes them together. `None` where the alert has taken part in a firing.
    pub(super) fn best(&self, hash: &AlertHash, wanted: &Wanted) -> Option<(&Entry, Found)> {
        let own = self.entries.values().find(|entry| entry.hash == *hash).filter(|own| !own.mark.taken())?;
        let unpaged = |entry: &Entry| entry.mark.paged.is_none();
        let fits: [&dyn Fn(&Entry) -> bool; 3] =
            [&|entry| entry.is_sound(), &|entry| unpaged(entry) && entry.muted.is_empty(), &|entry| {
                unpaged(entry) && entry.mark.held.is_none()
            }];
        let found = fits.into_iter().filter(|fits| fits(own)).filter_map(|fits| {
            let near = self.near(own.at, wanted.count.within);
            let fresh: Vec<&Entry> = near.filter(|entry| entry.mark.spent.is_none() && fits(entry)).collect();
            best_window(&fresh, own.at, wanted)
        });
        Some((own, best_of(found, wanted)?))
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

    /// Takes back what the alert caused: those it completed a window with are not spent.
    pub(super) fn release(&mut self, hash: &AlertHash) {
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
        let from = at.checked_sub(within).unwrap_or(Timestamp::MIN);
        let to = at.checked_add(within).unwrap_or(Timestamp::MAX);
        let later = self.entries.range((from, FIRST)..);
        later.take_while(move |((at, _), _)| *at <= to).map(|(_, entry)| entry)
    }
}

/// Why an alert may do no more than page.
pub(super) fn doubt(maintained: bool, canonicity: Canonicity) -> Option<Downgrade> {
    match (maintained, canonicity) {
        (true, _) => Some(Downgrade::Maintenance),
        (false, Canonicity::Unknown) => Some(Downgrade::UnknownBlock),
        (false, Canonicity::Canonical | Canonicity::Orphaned) => None,
    }
}

/// Why a firing of these alerts is only a page; announced work is told before blocks.
pub(super) fn doubt_of(taken: &[Entry]) -> Option<Downgrade> {
    let mut doubts = taken.iter().filter_map(Entry::doubt);
    let first = doubts.next()?;
    Some(doubts.find(|doubt| *doubt == Downgrade::Maintenance).unwrap_or(first))
}

pub(super) fn span(from: Timestamp, to: Timestamp) -> SignedDuration {
    to.duration_since(from).abs()
}
