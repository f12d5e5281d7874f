//! Where on a hardware wallet a key is: an account's number, or a derivation path (BIP-32).

use std::fmt;
use std::str::FromStr;

/// Hardened or not, an index has 31 bits.
const INDEX_MAX: u32 = 0x7fff_ffff;

/// Parts of a path at most: what hardware wallets take (BIP-44 has five).
const PARTS_MAX: usize = 10;

/// An account's number, or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HdPath {
    /// The how-many-th account, from 0, by the wallet's own scheme (Ledger Live, Trezor Suite).
    Account(u32),
    /// A path as it was written, checked: `m/44'/60'/0'/0/0`.
    Path(String),
}

/// A text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is no derivation path: expected one such as m/44'/60'/0'/0/0, or the number of an account"
)]
pub struct HdPathError {
    found: String,
}

impl FromStr for HdPath {
    type Err = HdPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || HdPathError { found: text.chars().take(60).collect() };
        if let Ok(account) = text.parse::<u32>() {
            return if account <= INDEX_MAX { Ok(Self::Account(account)) } else { Err(wrong()) };
        }
        let parts: Vec<&str> = text.strip_prefix("m/").ok_or_else(wrong)?.split('/').collect();
        let is_index = |part: &&str| {
            let digits = part.strip_suffix('\'').unwrap_or(part);
            digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.parse::<u32>().is_ok_and(|index| index <= INDEX_MAX)
        };
        if parts.len() > PARTS_MAX || !parts.iter().all(is_index) {
            return Err(wrong());
        }
        Ok(Self::Path(text.to_owned()))
    }
}

impl fmt::Display for HdPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Path(path) => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_wallet_takes_is_a_path() {
        assert_eq!("3".parse(), Ok(HdPath::Account(3)));
        for path in ["m/44'/60'/0'/0/0", "m/44'/60'/7'", "m/0"] {
            assert_eq!(path.parse(), Ok(HdPath::Path(path.to_owned())));
        }
        let long = format!("m{}", "/1".repeat(11));
        for text in [
            "",
            "m",
            "m/",
            "44'/60'",
            "m/44h/60",
            "m/4294967296",
            "m/-1",
            "m/1''",
            "4294967295",
            "m/1/",
            &long,
        ] {
            assert!(text.parse::<HdPath>().is_err(), "{text:?}");
        }
    }
}
