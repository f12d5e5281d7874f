//! Exact numbers: what a view returns, and what a bound says.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use alloy::dyn_abi::DynSolValue;
use alloy::primitives::U256;

/// The most decimals that a token's unit has; beyond, 10^decimals leaves 256 bits.
pub(super) const DECIMALS_MAX: u8 = 77;

/// A whole number of any sign, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    negative: bool,
    magnitude: U256,
}

impl Whole {
    fn new(negative: bool, magnitude: U256) -> Self {
        Self { negative: negative && !magnitude.is_zero(), magnitude }
    }

    /// The number a view returned; booleans are 0 and 1.
    pub(super) fn of(value: &DynSolValue) -> Option<Self> {
        match value {
            DynSolValue::Uint(number, _) => Some(Self::new(false, *number)),
            DynSolValue::Int(number, _) => Some(Self::new(number.is_negative(), number.unsigned_abs())),
            DynSolValue::Bool(bool) => Some(Self::new(false, U256::from(*bool))),
            DynSolValue::FixedBytes(..)
            | DynSolValue::Address(_)
            | DynSolValue::Function(_)
            | DynSolValue::Bytes(_)
            | DynSolValue::String(_)
            | DynSolValue::Array(_)
            | DynSolValue::FixedArray(_)
            | DynSolValue::Tuple(_)
            | DynSolValue::CustomStruct { .. } => None,
        }
    }

    /// As a small number of decimals.
    pub(super) fn as_decimals(self) -> Option<u8> {
        let decimals = u8::try_from(self.magnitude).ok().filter(|decimals| *decimals <= DECIMALS_MAX)?;
        (!self.negative).then_some(decimals)
    }
}

impl PartialOrd for Whole {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Whole {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude.cmp(&other.magnitude),
            (true, true) => other.magnitude.cmp(&self.magnitude),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}{}", self.magnitude)
    }
}

/// A number as people write it: `1_000_000.5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    digits: String,
    /// How many of the digits stand behind the point.
    behind: u8,
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "true" => return Ok(Self { negative: false, digits: "1".to_owned(), behind: 0 }),
            "false" => return Ok(Self { negative: false, digits: "0".to_owned(), behind: 0 }),
            _ => {}
        }
        let wrong = || format!("\"{}\" is no number such as 1_000_000.5", text.trim());
        let plain: String = text.trim().chars().filter(|letter| *letter != '_').collect();
        let (negative, plain) = plain.strip_prefix('-').map_or((false, plain.as_str()), |rest| (true, rest));
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || plain.ends_with('.') {
            return Err(wrong());
        }
        let behind = u8::try_from(fraction.len()).map_err(|_long| wrong())?;
        Ok(Self { negative, digits: format!("{whole}{fraction}"), behind })
    }
}

impl Decimal {
    /// The number in the unit that has so many decimals.
    pub(super) fn scaled(&self, decimals: u8) -> Result<Whole, String> {
        let Some(zeros) = decimals.checked_sub(self.behind) else {
            return Err(format!(
                "{self} has {} digits behind the point, and the unit has {decimals} decimals",
                self.behind
            ));
        };
        let digits = format!("{}{}", self.digits, "0".repeat(zeros.into()));
        let magnitude =
            U256::from_str_radix(&digits, 10).map_err(|_large| format!("{self} does not fit 256 bits"))?;
        Ok(Whole::new(self.negative, magnitude))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let split = self.digits.len().saturating_sub(self.behind.into());
        let (whole, fraction) = self.digits.split_at_checked(split).unwrap_or((&self.digits, ""));
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_exact_in_its_unit() {
        for (text, decimals, want) in [
            ("0", 0, Ok("0")),
            ("1_000_000.5", 6, Ok("1000000500000")),
            ("-3", 0, Ok("-3")),
            ("true", 0, Ok("1")),
            ("0.000000000000000001", 18, Ok("1")),
            ("0.5", 0, Err("0.5 has 1 digits behind the point, and the unit has 0 decimals")),
            ("99", 77, Err("99 does not fit 256 bits")),
        ] {
            let scaled = text.parse::<Decimal>().unwrap().scaled(decimals).map(|whole| whole.to_string());
            assert_eq!(scaled.as_deref().map_err(String::as_str), want, "{text}");
        }
        for odd in ["", "1.", ".5", "1e9", "0x10", "1.2.3", "--1", "one"] {
            assert!(odd.parse::<Decimal>().is_err(), "{odd}");
        }
    }

    #[test]
    fn signs_and_sizes_compare() {
        let ordered = ["-2", "-1", "0", "1", "2"];
        let wholes: Vec<Whole> =
            ordered.iter().map(|text| text.parse::<Decimal>().unwrap().scaled(0).unwrap()).collect();
        assert!(wholes.is_sorted());
        assert_eq!("-0".parse::<Decimal>().unwrap().scaled(0), "0".parse::<Decimal>().unwrap().scaled(0));
    }
}
