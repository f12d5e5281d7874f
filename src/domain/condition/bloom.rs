//! Membership in Forta's address filter.
//!
//! An alert that names more than 50 addresses keeps only the lexicographically smallest 50; a watched
//! `0xf…` address then survives only here. Keys are addresses as the bot wrote them, so both the lower-case
//! and the EIP-55 form are tried. A filter says "no" for certain and "yes" with one false answer in a thousand.

use alloy::primitives::Address;

use crate::domain::alert::AddressBloom;

/// Most hash functions a filter may ask for; Forta's have ten.
pub const BLOOM_HASHES_MAX: u64 = 64;

/// The filter cannot be one: its numbers contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address filter is unreadable: {k} hashes over {m} bits in {words} words")]
pub struct UnreadableBloom {
    /// Hash functions it claims.
    pub k: u64,
    /// Bits it claims.
    pub m: u64,
    /// 64-bit words it has.
    pub words: usize,
}

/// Whether the filter holds `address`, in lower case or with its EIP-55 checksum.
///
/// # Errors
/// The filter claims no bits, no hashes, more hashes than [`BLOOM_HASHES_MAX`], or more bits than it has.
pub fn contains(bloom: &AddressBloom, address: Address) -> Result<bool, UnreadableBloom> {
    Ok(Filter::of(bloom)?.holds(&Probe::of(address)))
}

/// An address as every filter is asked about it: the hashes of its two spellings, which depend on no filter.
#[derive(Clone, Debug)]
pub(super) struct Probe([[u64; 4]; 2]);

impl Probe {
    pub(super) fn of(address: Address) -> Self {
        Self([hashes(format!("{address:#x}").as_bytes()), hashes(address.to_checksum(None).as_bytes())])
    }
}

/// A filter whose numbers agree, to be asked about many addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter<'a> {
    hashes: u64,
    bits: u64,
    words: &'a [u64],
    /// How often `bits` goes into the greatest number: what to multiply by instead of dividing, which takes several times as
    /// long and is done for every contract of a chain.
    reciprocal: u64,
}

impl<'a> Filter<'a> {
    /// As [`contains`] refuses.
    pub(super) fn of(bloom: &'a AddressBloom) -> Result<Self, UnreadableBloom> {
        let unreadable = UnreadableBloom { k: bloom.k, m: bloom.m, words: bloom.words.len() };
        let room = u64::try_from(bloom.words.len()).unwrap_or(u64::MAX).saturating_mul(64);
        if bloom.m > room || bloom.k == 0 || bloom.k > BLOOM_HASHES_MAX {
            return Err(unreadable);
        }
        let reciprocal = u64::MAX.checked_div(bloom.m).ok_or(unreadable)?;
        Ok(Self { hashes: bloom.k, bits: bloom.m, words: &bloom.words, reciprocal })
    }

    pub(super) fn holds(&self, probe: &Probe) -> bool {
        probe.0.iter().any(|spelling| self.holds_key(spelling))
    }

    fn holds_key(&self, [h0, h1, h2, h3]: &[u64; 4]) -> bool {
        (0..self.hashes).all(|i| {
            // base h[i mod 2], step h[2 + ((i + i mod 2) mod 4) / 2]: Forta's filter is bits-and-blooms'
            let base = if i % 2 == 0 { h0 } else { h1 };
            let step = if (i.wrapping_add(i % 2) % 4) / 2 == 0 { h2 } else { h3 };
            let bit = self.bit(base.wrapping_add(i.wrapping_mul(*step)));
            // There are as many words as there are bits.
            let word = usize::try_from(bit / 64).ok().and_then(|word| self.words.get(word));
            word.is_none_or(|word| word & (1 << (bit % 64)) != 0)
        })
    }

    /// The hash modulo `bits`. The product is less than one below the quotient, so that what it leaves is at most once
    /// too much.
    fn bit(&self, hash: u64) -> u64 {
        let quotient = (u128::from(hash).wrapping_mul(u128::from(self.reciprocal)) >> 64) as u64;
        let rest = hash.wrapping_sub(quotient.wrapping_mul(self.bits));
        if rest >= self.bits { rest.wrapping_sub(self.bits) } else { rest }
    }
}

/// Two hashes of the key, then two of the key with a byte 1 after it.
fn hashes(key: &[u8]) -> [u64; 4] {
    let mut longer = key.to_vec();
    longer.push(1);
    let ([h0, h1], [h2, h3]) = (murmur3_x64_128(key), murmur3_x64_128(&longer));
    [h0, h1, h2, h3]
}

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// MurmurHash3, x64, 128 bits, seed 0: public domain algorithm by Austin Appleby, written from its description.
fn murmur3_x64_128(data: &[u8]) -> [u64; 2] {
    let mix1 = |word: u64| word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mix2 = |word: u64| word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let mut blocks = data.chunks_exact(16);
    for block in &mut blocks {
        let (low, high) = halves(block);
        h1 = (h1 ^ mix1(low)).rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ mix2(high)).rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (low, high) = halves(blocks.remainder());
    h2 ^= mix2(high);
    h1 ^= mix1(low);
    let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = finish(h1);
    h2 = finish(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    [h1, h2]
}

/// Up to sixteen bytes as two little-endian words, padded with zeros.
fn halves(bytes: &[u8]) -> (u64, u64) {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    let (low, high) = bytes.split_at(bytes.len().min(8));
    (word(low), word(high))
}

fn finish(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;

    use super::*;

    /// Published vectors of MurmurHash3_x64_128 with seed 0, low word first.
    #[test]
    fn the_hash_agrees_with_published_vectors() {
        let table = [
            ("", [0, 0]),
            ("hello", [0xcbd8_a7b3_41bd_9b02, 0x5b1e_906a_48ae_1d19]),
            ("The quick brown fox jumps over the lazy dog", [0xe34b_bc7b_bc07_1b6c, 0x7a43_3ca9_c49a_9347]),
        ];
        for (text, hash) in table {
            assert_eq!(murmur3_x64_128(text.as_bytes()), hash, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_bit_is_the_rest_of_a_division(hash: u64, near in 0_u64..3, bits in proptest::prop_oneof![
            1..70_u64, 1..u64::MAX, (0..64_u32).prop_map(|shift| 1 << shift), proptest::strategy::Just(u64::MAX),
        ]) {
            let filter = Filter { hashes: 1, bits, words: &[], reciprocal: u64::MAX / bits };
            let multiple = (hash / bits * bits).wrapping_add(near).wrapping_sub(1);
            for hash in [hash, multiple, u64::MAX] {
                proptest::prop_assert_eq!(filter.bit(hash), hash % bits);
            }
        }
    }

    #[test]
    fn a_filter_that_contradicts_itself_is_an_error_not_a_no() {
        let table = [(0, 64, 1), (1, 0, 1), (65, 64, 1), (1, 65, 1), (1, 64, 0)];
        for (k, m, words) in table {
            let bloom = AddressBloom { k, m, words: vec![0; words] };
            assert_eq!(contains(&bloom, Address::ZERO), Err(UnreadableBloom { k, m, words }));
        }
    }
}
