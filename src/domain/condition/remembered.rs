//! What is remembered of hashes, in the order they came, and forgotten in that order.
//!
//! Tens of thousands lie here, and each alert asks. So they lie in a row, where the newest and the oldest are at hand, and
//! only their places are found by hash, in a small table. Who chooses the hashes cannot
//! know how they are hashed (SipHash with a key of this process).

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;

use super::held::HashKey;

/// Empty places beyond as many as are full, before they are closed.
const SLACK: usize = 1_024;

/// Values by hashes, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Remembered<T> {
    /// One that was taken out from between others is empty.
    row: VecDeque<Option<(HashKey, T)>>,
    /// How each in the row is hashed: apart, because all of them are read when places are numbered anew.
    hashes: VecDeque<u64>,
    /// The number of the first in the row. Numbers wrap: there are never as many at once.
    first: u32,
    /// The numbers of all that are not empty, and of some that are no longer in the row: to find each of those that
    /// leave would take longer than to sweep the table at times.
    numbers: HashTable<u32>,
    /// How many are not empty.
    full: usize,
    hasher: RandomState,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self {
            row: VecDeque::new(),
            hashes: VecDeque::new(),
            first: 0,
            numbers: HashTable::new(),
            full: 0,
            hasher: RandomState::new(),
        }
    }
}

impl<T> Remembered<T> {
    pub(super) fn len(&self) -> usize {
        self.full
    }

    /// How the key is hashed here.
    pub(super) fn hash(&self, key: &HashKey) -> u64 {
        self.hasher.hash_one(key)
    }

    /// What is remembered of a key that is hashed so.
    pub(super) fn get(&self, hash: u64, key: &HashKey) -> Option<&T> {
        let number = self.number(hash, key)?;
        self.place(number)?.as_ref().map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, hash: u64, key: &HashKey) -> Option<&mut T> {
        let number = self.number(hash, key)?;
        self.place_mut(number)?.as_mut().map(|(_, value)| value)
    }

    fn place(&self, number: u32) -> Option<&Option<(HashKey, T)>> {
        self.row.get(number.wrapping_sub(self.first) as usize)
    }

    fn place_mut(&mut self, number: u32) -> Option<&mut Option<(HashKey, T)>> {
        self.row.get_mut(number.wrapping_sub(self.first) as usize)
    }

    fn number(&self, hash: u64, key: &HashKey) -> Option<u32> {
        let is_it = |number: &u32| self.place(*number).into_iter().flatten().any(|(own, _)| own == key);
        self.numbers.find(hash, is_it).copied()
    }

    /// What is there already of a key that is hashed so; or else puts this behind all others.
    pub(super) fn find_or_push(&mut self, hash: u64, key: &HashKey, value: T) -> Option<&mut T> {
        let Some(number) = self.number(hash, key) else {
            self.append(hash, key.clone(), value);
            return None;
        };
        self.place_mut(number)?.as_mut().map(|(_, value)| value)
    }

    /// Puts one that is not there behind all others.
    pub(super) fn push(&mut self, key: HashKey, value: T) {
        self.append(self.hash(&key), key, value);
    }

    fn append(&mut self, hash: u64, key: HashKey, value: T) {
        if self.numbers.len() == self.numbers.capacity() {
            self.sweep();
        }
        let number = self.first.wrapping_add(self.row.len() as u32);
        self.row.push_back(Some((key, value)));
        self.hashes.push_back(hash);
        self.full = self.full.saturating_add(1);
        // There is room, so that nothing is hashed anew.
        self.numbers.insert_unique(hash, number, |_| hash);
    }

    /// Keeps the numbers of what is there, with room for half as many again.
    fn sweep(&mut self) {
        self.numbers.clear();
        self.numbers.reserve(self.full.saturating_add(self.full / 2).saturating_add(SLACK), |_| 0);
        let mut number = self.first;
        for (place, hash) in self.row.iter().zip(&self.hashes) {
            if place.is_some() {
                self.numbers.insert_unique(*hash, number, |_| *hash);
            }
            number = number.wrapping_add(1);
        }
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> Option<(HashKey, T)> {
        loop {
            let place = self.row.pop_front()?;
            self.hashes.pop_front();
            self.first = self.first.wrapping_add(1);
            if let Some(oldest) = place {
                self.full = self.full.saturating_sub(1);
                return Some(oldest);
            }
        }
    }

    /// Takes this one out.
    pub(super) fn remove(&mut self, key: &HashKey) -> Option<T> {
        let hash = self.hash(key);
        let number = self.number(hash, key)?;
        let (_, gone) = self.place_mut(number)?.take()?;
        self.full = self.full.saturating_sub(1);
        if let Ok(found) = self.numbers.find_entry(hash, |other| *other == number) {
            found.remove();
        }
        if self.row.len() > self.full.saturating_mul(2).saturating_add(SLACK) {
            self.close_gaps();
        }
        Some(gone)
    }

    fn close_gaps(&mut self) {
        let row = std::mem::take(&mut self.row);
        let hashes = std::mem::take(&mut self.hashes);
        (self.row, self.hashes) = row.into_iter().zip(hashes).filter(|(place, _)| place.is_some()).unzip();
        self.sweep();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::alert::AlertHash;

    fn key(number: u8) -> HashKey {
        HashKey::of(&AlertHash(format!("{number}")))
    }

    #[derive(Clone, Copy, Debug)]
    enum Deed {
        Push(u8),
        Pop,
        Remove(u8),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            4 => (0_u8..40).prop_map(Deed::Push),
            2 => Just(Deed::Pop),
            1 => (0_u8..40).prop_map(Deed::Remove),
        ]
    }

    #[test]
    fn what_is_taken_out_leaves_no_room_behind() {
        let mut remembered = Remembered::default();
        remembered.push(key(0), 0);
        for number in 0..5 * SLACK {
            remembered.push(key(1), number);
            assert_eq!(remembered.remove(&key(1)), Some(number));
            assert!(remembered.row.len() <= SLACK + 3);
        }
        assert_eq!((remembered.pop(), remembered.pop()), (Some((key(0), 0)), None));
    }

    proptest! {
        /// Against a list of all, and from just before the numbers wrap.
        #[test]
        fn it_is_a_map_that_knows_its_oldest(deeds in proptest::collection::vec(deed(), 0..200), before in 0_u32..60) {
            let mut remembered = Remembered { first: u32::MAX - before, ..Remembered::default() };
            let mut all: Vec<(u8, usize)> = Vec::new();
            for (number, deed) in deeds.into_iter().enumerate() {
                match deed {
                    Deed::Push(name) => match all.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, value)) => {
                            *value = number;
                            let hash = remembered.hash(&key(name));
                            *remembered.find_or_push(hash, &key(name), 0).unwrap() = number;
                        }
                        None => {
                            all.push((name, number));
                            let hash = remembered.hash(&key(name));
                            prop_assert_eq!(remembered.find_or_push(hash, &key(name), number), None);
                        }
                    },
                    Deed::Pop => {
                        let oldest = (!all.is_empty()).then(|| all.remove(0));
                        prop_assert_eq!(remembered.pop(), oldest.map(|(name, value)| (key(name), value)));
                    }
                    Deed::Remove(name) => {
                        let at = all.iter().position(|(known, _)| *known == name);
                        let gone = at.map(|at| all.remove(at).1);
                        prop_assert_eq!(remembered.remove(&key(name)), gone);
                    }
                }
                let known: BTreeMap<u8, usize> = all.iter().copied().collect();
                for name in 0..40 {
                    let hash = remembered.hash(&key(name));
                    prop_assert_eq!(remembered.get(hash, &key(name)), known.get(&name));
                }
                prop_assert_eq!(remembered.len(), all.len());
            }
        }
    }
}
