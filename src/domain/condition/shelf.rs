//! Windows or trails by their keys, found as well by the alerts they hold and by how long they were quiet, so that
//! none of it costs more where there are many.
//!
//! Invariants: nothing empty is kept; every alert is listed under each key that holds it. What is held is only ever
//! corrected in place ([`Shelf::values_mut`]), its times and hashes stay. It does not know what alerts mean.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::held::HashKey;
use super::oldest::Oldest;
use crate::domain::alert::AlertHash;

/// Alerts side by side in event time.
pub(super) trait Holds: Default {
    /// An alert as it is held.
    type Item;

    /// The hash of one.
    fn hash_of(item: &Self::Item) -> &AlertHash;
    /// Takes one in; gives the one that had to make room.
    fn insert(&mut self, item: Self::Item) -> Option<Self::Item>;
    /// Takes one out.
    fn remove(&mut self, hash: &AlertHash) -> Option<Self::Item>;
    /// All of them, oldest first.
    fn items(&self) -> impl Iterator<Item = &Self::Item>;
    /// Drops what happened before `oldest`, and gives it.
    fn prune(&mut self, oldest: Timestamp) -> Vec<Self::Item>;
    /// When the oldest happened.
    fn oldest(&self) -> Option<Timestamp>;
    /// When the newest happened.
    fn newest(&self) -> Option<Timestamp>;
}

/// Windows or trails.
#[derive(Clone, Debug)]
pub(super) struct Shelf<K, H> {
    held: BTreeMap<K, H>,
    /// By the newest alert of each.
    quiet: Oldest<K>,
    /// By the oldest alert of each.
    aging: Oldest<K>,
    /// In order. Mostly one key, so that a list takes less room than a set.
    by_hash: HashMap<HashKey, Vec<K>>,
}

impl<K: Ord, H> Default for Shelf<K, H> {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            quiet: Oldest::default(),
            aging: Oldest::default(),
            by_hash: HashMap::new(),
        }
    }
}

impl<K: Ord + Clone, H: Holds> Shelf<K, H> {
    /// Takes an alert of this hash in; gives the one that had to make room.
    pub(super) fn insert(&mut self, key: &K, hash: &HashKey, item: H::Item) -> Option<H::Item> {
        let listed = self.by_hash.entry(hash.clone()).or_default();
        if let Err(between) = listed.binary_search(key) {
            listed.insert(between, key.clone());
        }
        let displaced = self.change(key, |held| held.insert(item));
        if let Some(displaced) = &displaced {
            self.unlist(&HashKey::of(H::hash_of(displaced)), key);
        }
        displaced
    }

    /// Takes the alert out wherever the key is one of these, in the order of keys.
    pub(super) fn take(&mut self, hash: &AlertHash, on: impl Fn(&K) -> bool) -> Vec<(K, H::Item)> {
        let mut keys: Vec<K> = self.keys_of(hash).filter(|key| on(key)).cloned().collect();
        keys.sort_unstable();
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
        let (oldest, newest) = (held.oldest(), held.newest());
        let told = change(held);
        let (oldest_now, newest_now) = (held.oldest(), held.newest());
        self.aging.note(key, oldest, oldest_now);
        self.quiet.note(key, newest, newest_now);
        if newest_now.is_none() {
            self.held.remove(key);
        }
        self.aging.sweep(&self.held, H::oldest);
        self.quiet.sweep(&self.held, H::newest);
        told
    }

    fn unlist(&mut self, hash: &HashKey, key: &K) {
        if let Some(listed) = self.by_hash.get_mut(hash) {
            if let Ok(at) = listed.binary_search(key) {
                listed.remove(at);
            }
            if listed.is_empty() {
                self.by_hash.remove(hash);
            }
        }
    }

    /// Drops what happened before `oldest` under these keys.
    pub(super) fn prune(&mut self, oldest: Timestamp, on: impl Fn(&K) -> bool) {
        let mut spared = Vec::new();
        while let Some(key) = self.aging.take_before(oldest, &self.held, H::oldest) {
            if !on(&key) {
                spared.push(key);
                continue;
            }
            for item in self.change(&key, |held| held.prune(oldest)) {
                self.unlist(&HashKey::of(H::hash_of(&item)), &key);
            }
            self.aging.put_back(&key, &self.held, H::oldest);
        }
        spared.iter().for_each(|key| self.aging.put_back(key, &self.held, H::oldest));
    }

    /// Drops the keys that have been quiet the longest, until there are at most so many; says since when each was.
    pub(super) fn make_room(&mut self, most: usize) -> Vec<Timestamp> {
        let mut dropped = Vec::new();
        while self.held.len() > most
            && let Some(key) = self.quiet.take_before(Timestamp::MAX, &self.held, H::newest)
        {
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

    /// The keys that hold the alert, in no order.
    pub(super) fn keys_of(&self, hash: &AlertHash) -> impl Iterator<Item = &K> {
        self.by_hash.get(&HashKey::of(hash)).into_iter().flatten()
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

        fn prune(&mut self, oldest: Timestamp) -> Vec<Self::Item> {
            let (gone, kept) = self.0.drain(..).partition(|(at, _)| *at < oldest);
            self.0 = kept;
            gone
        }

        fn oldest(&self) -> Option<Timestamp> {
            self.0.first().map(|(at, _)| *at)
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
        let listed: usize = shelf.by_hash.values().map(Vec::len).sum();
        assert_eq!(listed, shelf.items().count());
        for (key, held) in &shelf.held {
            assert!(held.items().all(|(_, hash)| shelf.keys_of(hash).any(|of| of == key)));
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
