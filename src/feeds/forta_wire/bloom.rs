//! The address filter of an alert, as the feed writes it.
//!
//! `k` and `m` are hex text; `bitset` is base64 of big-endian words: m, k, the length in bits, then the bits.
//! The layout is that of forta-core-go's `utils/bloom_filter.go`. Testing membership is the domain's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Malformed;
use super::field::Field;
use crate::domain::alert::AddressBloom;

/// The most words a filter may have. 1,000 findings of 50 addresses at Forta's false-positive rate (1 in
/// 1,000) need 14.4 bits each: about 11,000 words.
pub const BLOOM_WORDS_MAX: usize = 16_384;

/// The most hash functions a filter may ask for. Forta's rate needs 10 or 11.
pub const BLOOM_HASHES_MAX: u64 = 64;

/// Reads the filter; `None` when there is none or when nothing was ever put into it.
pub(super) fn parse(field: Field<'_>) -> Result<Option<AddressBloom>, Malformed> {
    let Some(object) = field.object()? else { return Ok(None) };
    let bits = Field::of(Some(object), "addressBloomFilter.bitset");
    if bits.text()?.trim().is_empty() {
        return Ok(None);
    }
    let k = hex(Field::of(Some(object), "addressBloomFilter.k"))?;
    let m = hex(Field::of(Some(object), "addressBloomFilter.m"))?;
    let words = decode(bits)?;
    let [stored_m, stored_k, length, words @ ..] = words.as_slice() else {
        return Err(bits.wrong("long enough to hold a filter"));
    };
    // Made from no address at all, a filter has one bit, unset, and a `k` that is an undefined conversion in
    // the Go source (2^63 on some machines). It holds nothing; looping 2^63 times would not find more.
    if words.iter().all(|word| *word == 0) {
        return Ok(None);
    }
    if (*stored_m, *stored_k, *length) != (m, k, m) {
        return Err(Malformed::new("addressBloomFilter's k and m are not those of its bitset"));
    }
    if k == 0 || k > BLOOM_HASHES_MAX {
        return Err(Malformed::new(format!(
            "addressBloomFilter.k is not between 1 and BLOOM_HASHES_MAX ({BLOOM_HASHES_MAX})"
        )));
    }
    if m == 0 || words.len() as u64 != m.div_ceil(64) {
        return Err(Malformed::new("addressBloomFilter.bitset does not hold m bits"));
    }
    Ok(Some(AddressBloom { k, m, words: words.to_vec() }))
}

/// Hex text with `0x`; `0x` alone is zero.
fn hex(field: Field<'_>) -> Result<u64, Malformed> {
    let text = field.text()?.trim();
    match text.strip_prefix("0x") {
        Some("") => Ok(0),
        // from_str_radix would let a sign through
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).map_err(|_too_large| field.wrong("a hex number of 64 bits"))
        }
        Some(_) | None => Err(field.wrong("a hex number")),
    }
}

fn decode(field: Field<'_>) -> Result<Vec<u64>, Malformed> {
    /// m, k and the length stand before the bits.
    const HEADER_WORDS: usize = 3;
    let bytes = STANDARD.decode(field.text()?.trim()).map_err(|_not_base64| field.wrong("base64"))?;
    let (words, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(field.wrong("made of words of 8 bytes"));
    }
    if words.len() > BLOOM_WORDS_MAX + HEADER_WORDS {
        return Err(Malformed::over(field.name, "BLOOM_WORDS_MAX", BLOOM_WORDS_MAX));
    }
    Ok(words.iter().map(|word| u64::from_be_bytes(*word)).collect())
}
