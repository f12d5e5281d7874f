//! What comes mostly in the order of time, to be taken out in that order.
//!
//! Events come about as they happen, so that the oldest lies in front; only what comes late has to be put between. A time
//! far ahead makes what follows late, which is slower and no less right.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use jiff::Timestamp;

/// Things by their times.
#[derive(Clone, Debug)]
pub(super) struct Aging<T> {
    in_order: VecDeque<(Timestamp, T)>,
    late: BinaryHeap<Reverse<(Timestamp, T)>>,
}

impl<T: Ord> Default for Aging<T> {
    fn default() -> Self {
        Self { in_order: VecDeque::new(), late: BinaryHeap::new() }
    }
}

impl<T: Ord> Aging<T> {
    pub(super) fn len(&self) -> usize {
        self.in_order.len().saturating_add(self.late.len())
    }

    pub(super) fn push(&mut self, at: Timestamp, thing: T) {
        if self.in_order.back().is_none_or(|(last, _)| *last <= at) {
            self.in_order.push_back((at, thing));
        } else {
            self.late.push(Reverse((at, thing)));
        }
    }

    /// The time of the oldest.
    pub(super) fn first(&self) -> Option<Timestamp> {
        let (front, late) = (self.in_order.front(), self.late.peek());
        front.map(|(at, _)| *at).into_iter().chain(late.map(|Reverse((at, _))| *at)).min()
    }

    /// Takes the oldest out, if it is older than `limit`.
    pub(super) fn pop_before(&mut self, limit: Timestamp) -> Option<T> {
        let first = self.first().filter(|at| *at < limit)?;
        if self.in_order.front().is_some_and(|(at, _)| *at == first) {
            return self.in_order.pop_front().map(|(_, thing)| thing);
        }
        self.late.pop().map(|Reverse((_, thing))| thing)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Timestamp, &T)> {
        let late = self.late.iter().map(|Reverse((at, thing))| (*at, thing));
        self.in_order.iter().map(|(at, thing)| (*at, thing)).chain(late)
    }
}

impl<T: Ord> FromIterator<(Timestamp, T)> for Aging<T> {
    fn from_iter<I: IntoIterator<Item = (Timestamp, T)>>(things: I) -> Self {
        let mut in_order: Vec<(Timestamp, T)> = things.into_iter().collect();
        in_order.sort_unstable();
        Self { in_order: in_order.into(), late: BinaryHeap::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_leave_by_age_whatever_their_order(
            seconds in proptest::collection::vec(0_i64..50, 0..60),
            until in proptest::collection::vec(0_i64..60, 0..5),
            at_once: bool,
        ) {
            let at = |second: i64| Timestamp::from_second(second).unwrap();
            let things = seconds.iter().map(|second| (at(*second), *second));
            let mut aging = Aging::default();
            if at_once {
                aging = things.collect();
            } else {
                things.for_each(|(at, thing)| aging.push(at, thing));
            }
            let mut all = seconds.clone();
            all.sort_unstable();
            for until in until {
                while let Some(thing) = aging.pop_before(at(until)) {
                    prop_assert_eq!(thing, all.remove(0));
                }
                prop_assert!(all.first().is_none_or(|first| *first >= until));
                prop_assert_eq!(aging.first(), all.first().map(|first| at(*first)));
                prop_assert_eq!(aging.len(), all.len());
            }
        }
    }
}
