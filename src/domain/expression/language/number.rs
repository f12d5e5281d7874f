//! Exact numbers: integers of 512 bits, and decimals that are only ever compared.
//!
//! Feeds write numbers as text, `"0.0003399"`, `"1e-08"`, `"1000000000000000000000"`; chains answer in
//! `uint256`. Binary floating point would round both, so it is not used.

use std::cmp::Ordering;
use std::fmt;

use alloy::primitives::{I256, Sign, Signed, U256, Uint};

/// Longest number that is read from text, in characters; what is longer is not a number anybody meant.
const NUMBER_CHARS_MAX: usize = 400;
/// Largest power of ten that is read.
const EXPONENT_MAX: i64 = 100_000;

/// Most digits before the point of a decimal that is written out plainly: those of a `uint256`.
const PLAIN_DIGITS_MAX: usize = 78;

type Wide = Signed<512, 8>;

/// A whole number of at most 511 bits and a sign: every `uint256` and `int256`, their sums and, mostly, products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Integer(Wide);

impl Integer {
    pub(crate) fn from_unsigned(number: U256) -> Self {
        Self(Wide::from_raw(Uint::<512, 8>::from(number)))
    }

    pub(crate) fn from_signed(number: I256) -> Self {
        let (sign, size) = number.into_sign_and_abs();
        let size = Wide::from_raw(Uint::<512, 8>::from(size));
        Self(if sign == Sign::Negative { size.wrapping_neg() } else { size })
    }

    /// Reads decimal or, after `0x`, hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sign, digits) =
            text.strip_prefix('-').map_or((Sign::Positive, text), |digits| (Sign::Negative, digits));
        let (digits, radix) = digits
            .strip_prefix("0x")
            .or_else(|| digits.strip_prefix("0X"))
            .map_or((digits, 10), |hex| (hex, 16));
        if digits.is_empty() || digits.len() > NUMBER_CHARS_MAX || !digits.chars().all(|c| c.is_digit(radix))
        {
            return None;
        }
        let size = Uint::<512, 8>::from_str_radix(digits, u64::from(radix)).ok()?;
        Wide::checked_from_sign_and_abs(sign, size).map(Self)
    }

    pub(crate) fn to_index(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }

    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub(crate) fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    pub(crate) fn checked_mul(self, other: Self) -> Option<Self> {
        self.0.checked_mul(other.0).map(Self)
    }

    /// Rounds towards zero, as CEL and Solidity do; `None` for a divisor of zero.
    pub(crate) fn checked_div(self, other: Self) -> Option<Self> {
        if other.0.is_zero() { None } else { self.0.checked_div(other.0).map(Self) }
    }

    /// Has the sign of the dividend; `None` for a divisor of zero.
    pub(crate) fn checked_rem(self, other: Self) -> Option<Self> {
        if other.0.is_zero() { None } else { self.0.checked_rem(other.0).map(Self) }
    }
}

impl From<i64> for Integer {
    fn from(number: i64) -> Self {
        let size = Wide::from_raw(Uint::<512, 8>::from(number.unsigned_abs()));
        Self(if number < 0 { size.wrapping_neg() } else { size })
    }
}

impl From<u64> for Integer {
    fn from(number: u64) -> Self {
        Self(Wide::from_raw(Uint::<512, 8>::from(number)))
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_dec_string())
    }
}

/// A decimal number in one form: `0.digits × 10^exponent`, first and last digit not zero, zero without digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Reads `-12.5`, `.5`, `1e-08`; not hexadecimal, not `NaN`, not infinity.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > NUMBER_CHARS_MAX {
            return None;
        }
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
            None => (text, 0),
        };
        if power.abs() > EXPONENT_MAX {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if !all.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let leading = all.iter().take_while(|digit| **digit == b'0').count();
        let trailing = all.iter().rev().take_while(|digit| **digit == b'0').count();
        let digits = all.get(leading..all.len().saturating_sub(trailing)).unwrap_or_default().to_vec();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        let point = i64::try_from(whole.len()).ok()?.saturating_sub(i64::try_from(leading).ok()?);
        Some(Self { negative, digits, exponent: point.saturating_add(power) })
    }
}

impl From<Integer> for Decimal {
    fn from(number: Integer) -> Self {
        // An integer has at most 155 digits, so that reading them back cannot fail.
        Self::parse(&number.to_string()).unwrap_or(Self { negative: false, digits: Vec::new(), exponent: 0 })
    }
}

impl fmt::Display for Decimal {
    /// Plainly where that is short, else as `1.5e-60`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = String::from_utf8_lossy(&self.digits);
        let sign = if self.negative { "-" } else { "" };
        let (first, rest) = digits.split_at_checked(1).unwrap_or(("0", ""));
        if digits.is_empty() {
            return f.write_str("0");
        }
        let text = match usize::try_from(self.exponent) {
            Ok(whole @ 1..=PLAIN_DIGITS_MAX) => match digits.split_at_checked(whole) {
                Some((whole, "")) => whole.to_owned(),
                Some((whole, fraction)) => format!("{whole}.{fraction}"),
                None => format!("{digits:0<whole$}"),
            },
            Ok(0) => format!("0.{digits}"),
            Ok(_) | Err(_) if rest.is_empty() => format!("{first}e{}", self.exponent.saturating_sub(1)),
            Ok(_) | Err(_) => format!("{first}.{rest}e{}", self.exponent.saturating_sub(1)),
        };
        write!(f, "{sign}{text}")
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |number: &Self| (!number.digits.is_empty(), number.exponent, number.digits.clone());
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(self).cmp(&size(other)),
            (true, true) => size(other).cmp(&size(self)),
        }
    }
}

/// A number of either kind.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Whole(Integer),
    Decimal(Decimal),
}

impl Number {
    /// Reads a number as feeds write it: decimal of any size, or hexadecimal as nodes answer amounts.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match Integer::parse(text) {
            Some(number) => Some(Self::Whole(number)),
            None => Decimal::parse(text).map(Self::Decimal),
        }
    }

    /// As [`Number::parse`], where nothing but the text says that it is a number: `0x…` may be an address.
    pub(crate) fn parse_decimal(text: &str) -> Option<Self> {
        let digits = text.trim();
        let digits = digits.strip_prefix('-').unwrap_or(digits);
        if digits.starts_with("0x") || digits.starts_with("0X") { None } else { Self::parse(text) }
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left.cmp(right),
            (left, right) => left.to_decimal().cmp(&right.to_decimal()),
        }
    }

    pub(crate) fn to_decimal(&self) -> Decimal {
        match self {
            Self::Whole(number) => Decimal::from(*number),
            Self::Decimal(number) => number.clone(),
        }
    }
}
