//! What the overlap repeats.
//!
//! An alert is known by its hash *and* its block: after a reorg the same hash comes back with a new block, and
//! that is news. Every version goes out once, whichever is newer; which one counts is the consumer's to say,
//! because a shorter branch may win. Something is remembered only after it was accepted, and forgotten, oldest
//! first, at [`SEEN_MAX`]: to forget is to deliver twice, which is safe.

use std::collections::{HashSet, VecDeque};

use sha2::{Digest as _, Sha256};

use crate::domain::alert::Alert;
use crate::feeds::delivery::Rejected;

/// How many items are remembered: 20 minutes of 80 a second, in some 20 MB.
const SEEN_MAX: usize = 100_000;

/// An item's identity here.
pub(super) type Key = [u8; 32];

#[derive(Debug, Default)]
pub(super) struct Seen {
    keys: HashSet<Key>,
    order: VecDeque<Key>,
}

impl Seen {
    /// What is new among `items`, and the keys to remember once it is accepted.
    pub(super) fn fresh(
        &self,
        items: Vec<Result<Alert, Rejected>>,
    ) -> (Vec<Result<Alert, Rejected>>, Vec<Key>) {
        let mut here = HashSet::new();
        let keyed = items.into_iter().map(|item| (key(&item), item));
        keyed
            .filter(|(key, _)| !self.keys.contains(key) && here.insert(*key))
            .map(|(key, item)| (item, key))
            .unzip()
    }

    /// Remembers what was accepted.
    pub(super) fn remember(&mut self, keys: Vec<Key>) {
        for key in keys {
            if self.keys.insert(key) {
                self.order.push_back(key);
            }
        }
        while self.order.len() > SEEN_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.keys.remove(&oldest);
            }
        }
    }
}

/// Hash and block of an alert, the bytes of anything else.
fn key(item: &Result<Alert, Rejected>) -> Key {
    let mut digest = Sha256::new();
    match item {
        Ok(alert) => {
            digest.update(b"alert\0");
            digest.update(alert.hash.0.as_bytes());
            if let Some(block) = &alert.block {
                digest.update(block.number.to_be_bytes());
                digest.update(block.hash.unwrap_or_default());
            }
        }
        Err(rejected) => {
            digest.update(b"rejected\0");
            digest.update(&rejected.raw);
        }
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Result<Alert, Rejected> {
        Err(Rejected::new(None, "broken", text.as_bytes()))
    }

    #[test]
    fn an_item_is_new_until_it_was_accepted() {
        let mut seen = Seen::default();
        let page = || vec![broken("a"), broken("b"), broken("a")];
        let (fresh, _keys) = seen.fresh(page());
        assert_eq!(fresh, [broken("a"), broken("b")]);
        let (fresh, keys) = seen.fresh(page());
        assert_eq!(fresh.len(), 2, "the first delivery was lost");
        seen.remember(keys);
        assert!(seen.fresh(page()).0.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut seen = Seen::default();
        let numbered = |n: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            key
        };
        seen.remember((0..=SEEN_MAX).map(numbered).collect());
        assert_eq!((seen.order.len(), seen.keys.len()), (SEEN_MAX, SEEN_MAX));
        assert!(!seen.keys.contains(&numbered(0)));
        assert!(seen.keys.contains(&numbered(SEEN_MAX)));
    }
}
