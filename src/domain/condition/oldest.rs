//! Finds what is the oldest among many things whose times grow, for little more than nothing while nobody asks.
//!
//! Each thing is noted with a time that is not after its own. Mostly times only grow, and nothing is done then: who asks
//! for the oldest finds the note, looks at the thing, and notes it anew if it has become younger. Notes of things that
//! are gone are dropped when they come up, or when most are such.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use jiff::Timestamp;

/// Notes beyond twice as many as there are things, before they are swept.
const SLACK: usize = 64;

/// Keys by times that are not after those of their things.
#[derive(Clone, Debug)]
pub(super) struct Oldest<K>(BinaryHeap<Reverse<(Timestamp, K)>>);

impl<K: Ord> Default for Oldest<K> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<K: Ord + Clone> Oldest<K> {
    /// Notes all of these.
    pub(super) fn of<T>(things: &BTreeMap<K, T>, time_of: impl Fn(&T) -> Option<Timestamp>) -> Self {
        Self(things.iter().filter_map(|(key, thing)| Some(Reverse((time_of(thing)?, key.clone())))).collect())
    }

    /// Takes note of a time that has changed.
    pub(super) fn note(&mut self, key: &K, before: Option<Timestamp>, now: Option<Timestamp>) {
        if let Some(now) = now
            && before.is_none_or(|before| now < before)
        {
            self.0.push(Reverse((now, key.clone())));
        }
    }

    /// A time that no thing's is before.
    fn first(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The key of the oldest, if it is older than `limit`; it is no longer noted then.
    pub(super) fn take_before<T>(
        &mut self,
        limit: Timestamp,
        things: &BTreeMap<K, T>,
        time_of: impl Fn(&T) -> Option<Timestamp>,
    ) -> Option<K> {
        while self.first().is_some_and(|at| at < limit) {
            let Reverse((noted, key)) = self.0.pop()?;
            match things.get(&key).and_then(&time_of) {
                None => {}
                Some(at) if at == noted => return Some(key),
                Some(at) => self.0.push(Reverse((at, key))),
            }
        }
        None
    }

    /// Keeps one note of each thing, where there are many more.
    pub(super) fn sweep<T>(&mut self, things: &BTreeMap<K, T>, time_of: impl Fn(&T) -> Option<Timestamp>) {
        if self.0.len() > things.len().saturating_mul(2).saturating_add(SLACK) {
            *self = Self::of(things, time_of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_oldest_comes_first_whatever_became_of_it() {
        let mut things = BTreeMap::from([("a", at(1)), ("b", at(2)), ("c", at(3))]);
        let mut oldest = Oldest::default();
        things.iter().for_each(|(key, time)| oldest.note(key, None, Some(*time)));
        things.insert("a", at(9));
        oldest.note(&"a", Some(at(1)), Some(at(9)));
        things.insert("c", at(0));
        oldest.note(&"c", Some(at(3)), Some(at(0)));
        let time_of = |time: &Timestamp| Some(*time);
        assert!(oldest.first() <= Some(at(0)));
        assert_eq!(oldest.take_before(at(5), &things, time_of), Some("c"));
        things.remove("c");
        assert_eq!(oldest.take_before(at(5), &things, time_of), Some("b"));
        oldest.note(&"b", None, Some(at(2)));
        assert_eq!(oldest.take_before(at(5), &things, time_of), Some("b"));
        assert_eq!(oldest.take_before(at(5), &things, time_of), None, "a is younger now");
        assert_eq!(oldest.take_before(at(10), &things, time_of), Some("a"));
    }

    #[test]
    fn notes_do_not_pile_up() {
        let mut things = BTreeMap::new();
        let mut oldest = Oldest::default();
        for number in 0..10_000 {
            things.insert(1, at(10_000 - number));
            oldest.note(&1, Some(at(10_001 - number)), Some(at(10_000 - number)));
            oldest.sweep(&things, |time| Some(*time));
            assert!(oldest.0.len() <= SLACK + 2);
        }
        assert_eq!(oldest.take_before(at(2), &things, |time| Some(*time)), Some(1));
    }
}
