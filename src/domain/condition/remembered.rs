//! What is remembered of hashes, in the order they came, and forgotten in that order.
//!
//! Tens of thousands lie here, and each alert asks. So they lie in a row, where the newest and the oldest are at hand, and
//! only their places are found by hash: a table small enough to stay near the processor. Who chooses the hashes cannot
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
    row: VecDeque<Place<T>>,
    /// The number of the first in the row. Numbers wrap: there are never as many at once.
    first: u32,
    /// The numbers of all that are not empty.
    numbers: HashTable<u32>,
    hasher: RandomState,
}

/// A place in the row; one that was taken out from between others is empty.
#[derive(Clone, Debug)]
struct Place<T> {
    hash: u64,
    kept: Option<(HashKey, T)>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        let hasher = RandomState::new();
        Self { row: VecDeque::new(), first: 0, numbers: HashTable::new(), hasher }
    }
}

impl<T> Remembered<T> {
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn get(&self, key: &HashKey) -> Option<&T> {
        let number = self.number(self.hasher.hash_one(key), key)?;
        place(&self.row, self.first, number)?.kept.as_ref().map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &HashKey) -> Option<&mut T> {
        let number = self.number(self.hasher.hash_one(key), key)?;
        self.at(number)
    }

    fn at(&mut self, number: u32) -> Option<&mut T> {
        let at = number.wrapping_sub(self.first) as usize;
        self.row.get_mut(at)?.kept.as_mut().map(|(_, value)| value)
    }

    fn number(&self, hash: u64, key: &HashKey) -> Option<u32> {
        let is_it = |number: &u32| holds(place(&self.row, self.first, *number), key);
        self.numbers.find(hash, is_it).copied()
    }

    /// What is there already; or else puts this behind all others.
    pub(super) fn find_or_push(&mut self, key: &HashKey, value: T) -> Option<&mut T> {
        let hash = self.hasher.hash_one(key);
        let Some(number) = self.number(hash, key) else {
            self.append(hash, key.clone(), value);
            return None;
        };
        self.at(number)
    }

    /// Puts one that is not there behind all others.
    pub(super) fn push(&mut self, key: HashKey, value: T) {
        self.append(self.hasher.hash_one(&key), key, value);
    }

    fn append(&mut self, hash: u64, key: HashKey, value: T) {
        let number = self.first.wrapping_add(self.row.len() as u32);
        self.row.push_back(Place { hash, kept: Some((key, value)) });
        let (row, first) = (&self.row, self.first);
        let rehash = |number: &u32| place(row, first, *number).map_or(0, |place| place.hash);
        self.numbers.insert_unique(hash, number, rehash);
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> Option<(HashKey, T)> {
        loop {
            let number = self.first;
            let place = self.row.pop_front()?;
            self.first = number.wrapping_add(1);
            let Some(kept) = place.kept else { continue };
            if let Ok(found) = self.numbers.find_entry(place.hash, |other| *other == number) {
                found.remove();
            }
            return Some(kept);
        }
    }

    /// Takes this one out.
    pub(super) fn remove(&mut self, key: &HashKey) -> Option<T> {
        let number = self.number(self.hasher.hash_one(key), key)?;
        let at = number.wrapping_sub(self.first) as usize;
        let place = self.row.get_mut(at)?;
        if let Ok(found) = self.numbers.find_entry(place.hash, |other| *other == number) {
            found.remove();
        }
        let gone = place.kept.take().map(|(_, value)| value);
        if self.row.len() > self.len().saturating_mul(2).saturating_add(SLACK) {
            self.close_gaps();
        }
        gone
    }

    fn close_gaps(&mut self) {
        self.numbers.clear();
        for (key, value) in std::mem::take(&mut self.row).into_iter().filter_map(|place| place.kept) {
            self.push(key, value);
        }
    }
}

fn place<T>(row: &VecDeque<Place<T>>, first: u32, number: u32) -> Option<&Place<T>> {
    row.get(number.wrapping_sub(first) as usize)
}

fn holds<T>(place: Option<&Place<T>>, key: &HashKey) -> bool {
    place.and_then(|place| place.kept.as_ref()).is_some_and(|(own, _)| own == key)
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
                            *remembered.find_or_push(&key(name), 0).unwrap() = number;
                        }
                        None => {
                            all.push((name, number));
                            prop_assert_eq!(remembered.find_or_push(&key(name), number), None);
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
                    prop_assert_eq!(remembered.get(&key(name)), known.get(&name));
                }
                prop_assert_eq!(remembered.len(), all.len());
            }
        }
    }
}
