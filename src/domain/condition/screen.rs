//! Says of nearly all addresses that they are none of these, from a few hundred bytes.
//!
//! An alert names many addresses and hardly ever a watched one; the table of contracts is too large to lie close to the
//! processor, and to find in it that an address is not there takes most of the time. It never denies one that is there.

use alloy::primitives::Address;

/// Bits for each address: of sixteen others, one is not told from them.
const BITS_EACH: usize = 16;

/// Addresses, by their last bits only.
#[derive(Clone, Debug, Default)]
pub(super) struct Screen(Vec<u64>);

impl Screen {
    pub(super) fn of<'a>(addresses: impl ExactSizeIterator<Item = &'a Address>) -> Self {
        let bits = addresses.len().saturating_mul(BITS_EACH).next_power_of_two().max(64);
        let mut screen = Self(vec![0; bits / 64]);
        for address in addresses {
            let (word, bit) = screen.place(address);
            screen.0.get_mut(word).into_iter().for_each(|word| *word |= bit);
        }
        screen
    }

    /// Whether the address may be one of them.
    pub(super) fn admits(&self, address: &Address) -> bool {
        let (word, bit) = self.place(address);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Of a power of two of words, the word and the bit.
    fn place(&self, Address(bytes): &Address) -> (usize, u64) {
        let last = bytes.last_chunk::<8>().map_or(0, |last| u64::from_be_bytes(*last));
        let word = (last >> 6) as usize & self.0.len().saturating_sub(1);
        (word, 1 << (last % 64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whoever_is_there_is_admitted_and_most_others_are_not(
            addresses in proptest::collection::vec(any::<[u8; 20]>().prop_map(Address::from), 0..200),
            others in proptest::collection::vec(any::<[u8; 20]>().prop_map(Address::from), 400),
        ) {
            let screen = Screen::of(addresses.iter());
            prop_assert!(addresses.iter().all(|address| screen.admits(address)));
            let admitted = others.iter().filter(|address| screen.admits(address)).count();
            prop_assert!(admitted < others.len() / 4, "{admitted}");
        }
    }
}
