//! 256-bit numbers as the Safe world writes them: decimal strings, though JSON numbers are read too.
//!
//! A JSON number that a 64-bit integer cannot hold is refused rather than rounded: a nonce that lost
//! its last digits would be another transaction.

use std::fmt;

use alloy::primitives::U256;
use serde::de::{self, Visitor};

/// Digits of 2^256 - 1.
const DIGITS_MAX: usize = 78;

/// Why a text is not a 256-bit number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing, a sign, a point, hexadecimal, or anything else that is not decimal digits.
    #[error("`{0}` is not a whole decimal number")]
    NotDecimal(String),
    /// More than 2^256 - 1.
    #[error("{0} is more than 2^256 - 1")]
    TooLarge(String),
}

/// Reads decimal digits.
pub(super) fn parse_decimal(text: &str) -> Result<U256, NumberError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::NotDecimal(text.chars().take(DIGITS_MAX).collect()));
    }
    let significant = text.trim_start_matches('0');
    if significant.len() > DIGITS_MAX {
        return Err(NumberError::TooLarge(format!("a number of {} digits", significant.len())));
    }
    U256::from_str_radix(text, 10).map_err(|_| NumberError::TooLarge(text.to_owned()))
}

/// Writes a decimal string.
pub(super) fn serialize<S: serde::Serializer>(number: &U256, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

/// Reads a decimal string or a JSON integer.
pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<U256, D::Error> {
    from.deserialize_any(Number)
}

struct Number;

impl Visitor<'_> for Number {
    type Value = U256;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, as decimal digits in a string or as a JSON integer")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<U256, E> {
        Ok(U256::from(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<U256, E> {
        parse_decimal(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_up_to_256_bits_are_read() {
        let largest = U256::MAX.to_string();
        assert_eq!(parse_decimal(&largest), Ok(U256::MAX));
        assert_eq!(parse_decimal("000"), Ok(U256::ZERO));
        let beyond = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        assert!(matches!(parse_decimal(beyond), Err(NumberError::TooLarge(_))));
        assert!(matches!(parse_decimal(&"9".repeat(5_000)), Err(NumberError::TooLarge(_))));
        for text in ["", "-1", "+1", "1.5", "0x10", "1_000", " 1", "1e3"] {
            assert!(matches!(parse_decimal(text), Err(NumberError::NotDecimal(_))), "{text:?}");
        }
    }
}
