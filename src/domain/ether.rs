//! Amounts of a chain's own money, exact to the wei, as people write them: `0.2 ether`, `30 gwei`, `1 wei`.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

/// An amount in wei.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wei(pub U256);

/// A text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no amount: expected one such as \"0.2 ether\", \"30 gwei\" or \"1 wei\"")]
pub struct WeiError {
    found: String,
}

/// The units and how many decimal places of wei each has.
const UNITS: [(&str, usize); 3] = [("ether", 18), ("gwei", 9), ("wei", 0)];

/// Digits before the point at most: more than any chain has ether.
const DIGITS_MAX: usize = 40;

impl FromStr for Wei {
    type Err = WeiError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || WeiError { found: text.chars().take(60).collect() };
        let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let (_, places) = UNITS.into_iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        if part.is_empty() {
            return Err(wrong());
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let part = if part == "0" { "" } else { part };
        if !digits(whole)
            || whole.len() > DIGITS_MAX
            || part.len() > places
            || !(part.is_empty() || digits(part))
        {
            return Err(wrong());
        }
        let exact = format!("{whole}{part:0<places$}");
        U256::from_str_radix(&exact, 10).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Wei {
    /// In ether, exact, without zeros at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>19}", self.0.to_string());
        let (whole, part) = digits.split_at(digits.len().saturating_sub(18));
        let part = part.trim_end_matches('0');
        let point = if part.is_empty() { "" } else { "." };
        f.pad(&format!("{whole}{point}{part} ether"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        let cases = [
            ("0.2 ether", 200_000_000_000_000_000_u128, "0.2 ether"),
            ("1 ether", 1_000_000_000_000_000_000, "1 ether"),
            ("1.0 ether", 1_000_000_000_000_000_000, "1 ether"),
            ("12.000000000000000001 ether", 12_000_000_000_000_000_001, "12.000000000000000001 ether"),
            ("30 gwei", 30_000_000_000, "0.00000003 ether"),
            ("1.5 gwei", 1_500_000_000, "0.0000000015 ether"),
            ("7 wei", 7, "0.000000000000000007 ether"),
            ("0 ether", 0, "0 ether"),
        ];
        for (text, wei, shown) in cases {
            let read: Wei = text.parse().unwrap();
            assert_eq!(read, Wei(U256::from(wei)), "{text}");
            assert_eq!(read.to_string(), shown);
            assert_eq!(shown.parse(), Ok(read));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let long = format!("{} ether", "9".repeat(41));
        for text in [
            "",
            "0.2",
            "0.2ether",
            "ether",
            "-1 ether",
            "1,5 ether",
            "1. ether",
            ".5 ether",
            "0.5 wei",
            "1e3 gwei",
            "1 eth",
            "1.0000000000000000001 ether",
            &long,
        ] {
            assert!(text.parse::<Wei>().is_err(), "{text:?}");
        }
    }
}
