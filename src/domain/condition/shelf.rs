//! Windows or trails by their keys, found as well by the alerts they hold and by how long they were quiet, so that
//! none of it costs more where there are many.
//!
//! Invariants: nothing empty is kept; every alert is listed under each key that holds it, with its time there, and noted
//! with a time that is not after any of these. What is held is only ever corrected in place ([`Shelf::iter_mut`]), its
//! times and hashes stay. It does not know what alerts mean.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::aging::Aging;
use super::held::HashKey;
use super::oldest::Oldest;
use crate::domain::alert::AlertHash;

/// Notes of alerts beyond twice as many as there are, before they are swept.
const SLACK: usize = 64;

/// Alerts side by side in event time.
pub(super) trait Holds: Default {
    /// An alert as it is held.
    type Item;

    /// The hash of one.
    fn hash_of(item: &Self::Item) -> &AlertHash;
    /// When one happened.
    fn time_of(item: &Self::Item) -> Timestamp;
    /// Takes one in; gives the one that had to make room.
    fn insert(&mut self, item: Self::Item) -> Option<Self::Item>;
    /// Takes one out.
    fn remove(&mut self, hash: &AlertHash) -> Option<Self::Item>;
    /// All of them, oldest first.
    fn items(&self) -> impl Iterator<Item = &Self::Item>;
    /// Drops what happened before `oldest`.
    fn prune(&mut self, oldest: Timestamp);
    /// When the newest happened.
    fn newest(&self) -> Option<Timestamp>;
}

/// Windows or trails.
#[derive(Clone, Debug)]
pub(super) struct Shelf<K, H> {
    held: BTreeMap<K, H>,
    /// By the newest alert of each; from when there were too many for the first time.
    quiet: Option<Oldest<K>>,
    /// Alerts by when they happened. Of an alert under many keys there is one note.
    aging: Aging<HashKey>,
    by_hash: HashMap<HashKey, Listed<K>>,
}

/// Where an alert is held.
#[derive(Clone, Debug)]
struct Listed<K> {
    /// The time it is noted with.
    noted: Timestamp,
    /// In order, with the time it has there. Mostly few, so that a list takes less room than a map.
    under: Vec<(K, Timestamp)>,
}

impl<K: Ord> Listed<K> {
    fn place(&self, key: &K) -> Result<usize, usize> {
        self.under.binary_search_by(|(own, _)| own.cmp(key))
    }
}

impl<K: Ord, H> Default for Shelf<K, H> {
    fn default() -> Self {
        Self { held: BTreeMap::new(), quiet: None, aging: Aging::default(), by_hash: HashMap::new() }
    }
}

impl<K: Ord + Clone, H: Holds> Shelf<K, H> {
    /// Takes an alert of this hash in; gives the one that had to make room.
    pub(super) fn insert(&mut self, key: &K, hash: &HashKey, item: H::Item) -> Option<H::Item> {
        self.list(std::slice::from_ref(key), hash, H::time_of(&item));
        self.put(key, item)
    }

    /// Takes an alert of this hash in under each of these keys, which are in order; gives those that had to make room.
    pub(super) fn insert_each(&mut self, keys: &[K], hash: &HashKey, item: &H::Item) -> Vec<Option<H::Item>>
    where
        H::Item: Clone,
    {
        self.list(keys, hash, H::time_of(item));
        keys.iter().map(|key| self.put(key, item.clone())).collect()
    }

    fn put(&mut self, key: &K, item: H::Item) -> Option<H::Item> {
        let displaced = self.change(key, |held| held.insert(item));
        if let Some(displaced) = &displaced {
            self.unlist(&HashKey::of(H::hash_of(displaced)), key);
        }
        displaced
    }

    fn list(&mut self, keys: &[K], hash: &HashKey, at: Timestamp) {
        if keys.is_empty() {
            return;
        }
        match self.by_hash.entry(hash.clone()) {
            Entry::Vacant(free) => {
                let under = keys.iter().map(|key| (key.clone(), at)).collect();
                free.insert(Listed { noted: at, under });
            }
            Entry::Occupied(mut listed) => {
                let listed = listed.get_mut();
                for key in keys {
                    match listed.place(key) {
                        Ok(known) => listed.under.get_mut(known).into_iter().for_each(|(_, own)| *own = at),
                        Err(between) => listed.under.insert(between, (key.clone(), at)),
                    }
                }
                if listed.noted <= at {
                    return;
                }
                listed.noted = at;
            }
        }
        self.aging.push(at, hash.clone());
        if self.aging.len() > self.by_hash.len().saturating_mul(2).saturating_add(SLACK) {
            let notes = self.by_hash.iter().map(|(hash, listed)| (listed.noted, hash.clone()));
            self.aging = notes.collect();
        }
    }

    /// Takes the alert out wherever the key is one of these, in the order of keys.
    pub(super) fn take(&mut self, hash: &AlertHash, on: impl Fn(&K) -> bool) -> Vec<(K, H::Item)> {
        let keys: Vec<K> = self.keys_of(hash).filter(|key| on(key)).cloned().collect();
        keys.into_iter().filter_map(|key| Some((key.clone(), self.remove(&key, hash)?))).collect()
    }

    /// Takes out all of these alerts, in the order of keys and then of time.
    pub(super) fn take_where(
        &mut self,
        on: impl Fn(&K) -> bool,
        gone: impl Fn(&H::Item) -> bool,
    ) -> Vec<(K, H::Item)> {
        let mut found: Vec<(K, AlertHash)> = Vec::new();
        for (key, held) in self.held.iter().filter(|(key, _)| on(key)) {
            let items = held.items().filter(|item| gone(item));
            found.extend(items.map(|item| (key.clone(), H::hash_of(item).clone())));
        }
        let taken = found.into_iter().filter_map(|(key, hash)| {
            let item = self.remove(&key, &hash)?;
            Some((key, item))
        });
        taken.collect()
    }

    fn remove(&mut self, key: &K, hash: &AlertHash) -> Option<H::Item> {
        self.unlist(&HashKey::of(hash), key);
        self.change(key, |held| held.remove(hash))
    }

    /// Changes what the key holds, keeping its place among the others.
    fn change<T>(&mut self, key: &K, change: impl FnOnce(&mut H) -> T) -> T {
        let held = self.held.entry(key.clone()).or_default();
        let before = held.newest();
        let told = change(held);
        let now = held.newest();
        if now.is_none() {
            self.held.remove(key);
        }
        if let Some(quiet) = &mut self.quiet {
            quiet.note(key, before, now);
            quiet.sweep(&self.held, H::newest);
        }
        told
    }

    fn unlist(&mut self, hash: &HashKey, key: &K) {
        if let Some(listed) = self.by_hash.get_mut(hash) {
            if let Ok(at) = listed.place(key) {
                listed.under.remove(at);
            }
            if listed.under.is_empty() {
                self.by_hash.remove(hash);
            }
        }
    }

    /// Drops what happened before `oldest` under these keys.
    pub(super) fn prune(&mut self, oldest: Timestamp, on: impl Fn(&K) -> bool) {
        let mut spared = Vec::new();
        while let Some(hash) = self.aging.pop_before(oldest) {
            let Entry::Occupied(mut listed) = self.by_hash.entry(hash) else { continue };
            let held = &mut self.held;
            // What else is too old under the same key has a note as old, which comes up now as well.
            listed.get_mut().under.retain(|(key, at)| {
                let stays = *at >= oldest || !on(key);
                if !stays && let Some(aged) = held.get_mut(key) {
                    aged.prune(oldest);
                    if aged.newest().is_none() {
                        held.remove(key);
                    }
                }
                stays
            });
            match listed.get().under.iter().map(|(_, at)| *at).min() {
                None => drop(listed.remove()),
                Some(at) => {
                    listed.get_mut().noted = at;
                    spared.push((at, listed.key().clone()));
                }
            }
        }
        spared.into_iter().for_each(|(at, hash)| self.aging.push(at, hash));
        if let Some(quiet) = &mut self.quiet {
            quiet.sweep(&self.held, H::newest);
        }
    }

    /// Drops the keys that have been quiet the longest, until there are at most so many; says since when each was.
    pub(super) fn make_room(&mut self, most: usize) -> Vec<Timestamp> {
        let mut dropped = Vec::new();
        while self.held.len() > most {
            let quiet = self.quiet.get_or_insert_with(|| Oldest::of(&self.held, H::newest));
            let Some(key) = quiet.take_before(Timestamp::MAX, &self.held, H::newest) else { break };
            let Some(held) = self.held.remove(&key) else { continue };
            dropped.extend(held.newest());
            for item in held.items() {
                self.unlist(&HashKey::of(H::hash_of(item)), &key);
            }
        }
        dropped
    }

    /// Nothing happened before this.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.aging.first()
    }

    /// The alerts that are held, each once, in no order.
    pub(super) fn hashes(&self) -> impl Iterator<Item = &HashKey> {
        self.by_hash.keys()
    }

    /// The keys that hold the alert, in order.
    pub(super) fn keys_of(&self, hash: &AlertHash) -> impl Iterator<Item = &K> {
        self.by_hash.get(&HashKey::of(hash)).into_iter().flat_map(|listed| &listed.under).map(|(key, _)| key)
    }

    pub(super) fn get(&self, key: &K) -> Option<&H> {
        self.held.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut H> {
        self.held.get_mut(key)
    }

    /// Everything, in the order of keys.
    pub(super) fn items(&self) -> impl Iterator<Item = &H::Item> {
        self.held.values().flat_map(H::items)
    }

    /// Everything, to be corrected in place.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut H)> {
        self.held.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Three(Vec<(Timestamp, AlertHash)>);

    impl Holds for Three {
        type Item = (Timestamp, AlertHash);

        fn hash_of(item: &Self::Item) -> &AlertHash {
            &item.1
        }

        fn time_of(item: &Self::Item) -> Timestamp {
            item.0
        }

        fn insert(&mut self, item: Self::Item) -> Option<Self::Item> {
            self.0.push(item);
            self.0.sort();
            (self.0.len() > 3).then(|| self.0.remove(0))
        }

        fn remove(&mut self, hash: &AlertHash) -> Option<Self::Item> {
            let at = self.0.iter().position(|(_, held)| held == hash)?;
            Some(self.0.remove(at))
        }

        fn items(&self) -> impl Iterator<Item = &Self::Item> {
            self.0.iter()
        }

        fn prune(&mut self, oldest: Timestamp) {
            self.0.retain(|(at, _)| *at >= oldest);
        }

        fn newest(&self) -> Option<Timestamp> {
            self.0.last().map(|(at, _)| *at)
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn hash(number: u64) -> AlertHash {
        AlertHash(format!("0x{number:064x}"))
    }

    /// What is listed is what is held, whatever was done.
    fn assert_sound(shelf: &Shelf<u8, Three>) {
        let listed: usize = shelf.by_hash.values().map(|listed| listed.under.len()).sum();
        assert_eq!(listed, shelf.items().count());
        for (key, held) in &shelf.held {
            for (at, hash) in held.items() {
                let listed = &shelf.by_hash[&HashKey::of(hash)];
                assert!(listed.under.contains(&(*key, *at)) && listed.noted <= *at);
                let noted = (listed.noted, &HashKey::of(hash));
                assert!(shelf.aging.iter().any(|note| note == noted), "what is not noted is never dropped");
            }
        }
        let oldest = shelf.items().map(|(at, _)| *at).min();
        assert!(shelf.oldest().is_some() >= oldest.is_some() && shelf.oldest() <= oldest.or(shelf.oldest()));
        assert_eq!(
            shelf.hashes().count(),
            shelf.items().map(|(_, hash)| hash).collect::<std::collections::BTreeSet<_>>().len()
        );
    }

    #[test]
    fn what_is_listed_is_what_is_held() {
        let mut shelf = Shelf::<u8, Three>::default();
        for second in 0..40_u32 {
            let key = u8::try_from(second % 5).unwrap();
            let hash = hash(u64::from(second / 2));
            shelf.insert(&key, &HashKey::of(&hash), (at(second.into()), hash));
            assert_sound(&shelf);
        }
        assert_eq!(shelf.items().count(), 15);
        assert_eq!(shelf.make_room(4), [at(35)]);
        assert!(shelf.get(&0).is_none(), "its newest alert is the oldest");
        assert_eq!(shelf.take(&hash(19), |key| *key == 4).len(), 1);
        assert_eq!(shelf.keys_of(&hash(19)).collect::<Vec<_>>(), [&3]);
        assert_sound(&shelf);
        assert_eq!(shelf.take_where(|key| *key == 3, |_| true).len(), 3);
        assert!(shelf.get(&3).is_none(), "nothing empty is kept");
        shelf.prune(at(30), |key| *key == 1);
        assert_sound(&shelf);
        assert!(shelf.get(&1).unwrap().items().all(|(when, _)| *when >= at(30)));
    }
}
