//! The Safe versions whose hashes and behaviour are known, and what differs between them.
//!
//! Sources: the contracts themselves (`../data/safe` vectors ran against all six), and the change log of
//! `safe-global/safe-smart-account`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version of the Safe contracts. `+L2` builds hash exactly as their plain sibling and are the same
/// version here; which build a Safe runs is told by its singleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "a variant is the version it names")]
pub enum SafeVersion {
    V1_0_0,
    V1_1_1,
    V1_2_0,
    V1_3_0,
    V1_4_1,
    V1_5_0,
}

impl SafeVersion {
    /// Every supported version, oldest first.
    pub const ALL: [Self; 6] =
        [Self::V1_0_0, Self::V1_1_1, Self::V1_2_0, Self::V1_3_0, Self::V1_4_1, Self::V1_5_0];

    /// As the contract's `VERSION()` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_1 => "1.1.1",
            Self::V1_2_0 => "1.2.0",
            Self::V1_3_0 => "1.3.0",
            Self::V1_4_1 => "1.4.1",
            Self::V1_5_0 => "1.5.0",
        }
    }

    /// Whether the EIP-712 domain names the chain. Before 1.3.0 it does not: one signature is valid for
    /// the same Safe address on every chain.
    pub fn has_chain_id(self) -> bool {
        self >= Self::V1_3_0
    }

    /// Whether an owner may sign with `eth_sign` (`v` + 4): not yet in 1.0.0.
    pub fn takes_eth_sign(self) -> bool {
        self >= Self::V1_1_1
    }

    /// Whether calls that the Safe does not know go to a fallback handler: not yet in 1.0.0.
    pub fn has_fallback_handler(self) -> bool {
        self >= Self::V1_1_1
    }

    /// Whether a transaction whose call fails with `safeTxGas` and `gasPrice` zero reverts whole, so that its
    /// nonce is kept. Before 1.3.0 the nonce is used up all the same.
    pub fn keeps_nonce_on_failure(self) -> bool {
        self >= Self::V1_3_0
    }

    /// Whether every execution leaves a log that names its hash. 1.0.0 only logs those that failed.
    pub fn logs_every_execution(self) -> bool {
        self >= Self::V1_1_1
    }

    /// Whether a transaction guard can veto `execTransaction`.
    pub fn has_guard(self) -> bool {
        self >= Self::V1_3_0
    }

    /// Whether a module guard can veto calls of modules.
    pub fn has_module_guard(self) -> bool {
        self >= Self::V1_5_0
    }

    /// Whether owners that are contracts are asked `isValidSignature(bytes32,bytes)` about the
    /// safeTxHash. Earlier versions ask `isValidSignature(bytes,bytes)` about the 66-byte preimage.
    pub fn asks_contract_owners_about_the_hash(self) -> bool {
        self >= Self::V1_5_0
    }
}

impl fmt::Display for SafeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A Safe of a version whose hashes are not known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Safe version `{found}` is not supported: supported are 1.0.0, 1.1.1, 1.2.0, 1.3.0, 1.4.1 and 1.5.0, each also with `+L2`"
)]
pub struct UnknownSafeVersion {
    /// What was said.
    pub found: String,
}

impl FromStr for SafeVersion {
    type Err = UnknownSafeVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.strip_suffix("+L2").unwrap_or(text);
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == plain)
            .ok_or_else(|| UnknownSafeVersion { found: text.chars().take(40).collect() })
    }
}

impl Serialize for SafeVersion {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SafeVersion {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_contracts_and_services_write_them() {
        for version in SafeVersion::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
            assert_eq!(format!("{version}+L2").parse(), Ok(version));
            let json = serde_json::to_string(&version).unwrap();
            assert_eq!(serde_json::from_str::<SafeVersion>(&json).unwrap(), version);
        }
        for text in ["", "1.4.0", "0.1.0", "1.4.1+l2", "1.4.1 ", "v1.4.1", "2.0.0"] {
            assert!(text.parse::<SafeVersion>().is_err(), "{text:?}");
        }
        insta::assert_snapshot!("1.6.0".parse::<SafeVersion>().unwrap_err(), @"Safe version `1.6.0` is not supported: supported are 1.0.0, 1.1.1, 1.2.0, 1.3.0, 1.4.1 and 1.5.0, each also with `+L2`");
    }
}
