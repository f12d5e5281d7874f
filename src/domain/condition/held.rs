//! Which rules may hold an alert, by its hash; and hashes in the form that takes least room.

use std::collections::{BTreeSet, HashMap};

use alloy::primitives::hex;

use crate::domain::alert::AlertHash;

/// Hashes more than rules hold that are kept before they are swept, beside as many again as there were.
const SLACK: usize = 1_024;

/// A hash to look up by: 32 bytes where it is written as such, else its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum HashKey {
    Digest([u8; 32]),
    Text(Box<str>),
}

impl HashKey {
    pub(super) fn of(hash: &AlertHash) -> Self {
        digest(&hash.0).map_or_else(|| Self::Text(hash.0.as_str().into()), Self::Digest)
    }
}

/// Lower case only: another case is another text, and would be another alert.
fn digest(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64)?;
    // Another prefix is not stripped, and looking at all of them is quicker than stopping at the first.
    let is_strange =
        digits.bytes().fold(false, |strange, digit| strange | !digit.is_ascii_digit() & (digit < b'a'));
    if is_strange {
        return None;
    }
    hex::decode_to_array(digits).ok()
}

/// Which rules may hold an alert: all that do, and for a while some that no longer do.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    rules: HashMap<HashKey, BTreeSet<usize>>,
    swept: usize,
}

impl Held {
    pub(super) fn add(&mut self, key: HashKey, rule: usize) {
        self.rules.entry(key).or_default().insert(rule);
    }

    /// Whether it is time for [`Held::sweep`].
    pub(super) fn is_full(&self) -> bool {
        self.rules.len() > self.swept.saturating_mul(2).saturating_add(SLACK)
    }

    /// Keeps what is held, and nothing else.
    pub(super) fn sweep(&mut self, held: impl Iterator<Item = (HashKey, usize)>) {
        self.rules.clear();
        held.for_each(|(key, rule)| self.add(key, rule));
        self.rules.shrink_to_fit();
        self.swept = self.rules.len();
    }

    pub(super) fn by(&self, key: &HashKey) -> impl Iterator<Item = usize> {
        self.rules.get(key).into_iter().flatten().copied()
    }

    pub(super) fn contains(&self, key: &HashKey) -> bool {
        self.rules.contains_key(key)
    }

    /// How many alerts.
    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_texts_are_two_hashes() {
        let text = |digit: &str| AlertHash(format!("0x{}", digit.repeat(64)));
        let [lower, upper] = [HashKey::of(&text("a")), HashKey::of(&text("A"))];
        assert_eq!(lower, HashKey::Digest([0xaa; 32]));
        assert_eq!(upper, HashKey::Text(format!("0x{}", "A".repeat(64)).into()));
        let prefix = AlertHash(format!("0x0x{}", "1".repeat(62)));
        assert!(matches!(HashKey::of(&prefix), HashKey::Text(_)));
    }
}
