//! Identities of Safe things, each its own type: a Safe's address is not any address, a safeTxHash is
//! not any 32 bytes, and a Safe's nonce is not an account's nonce.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use super::numbers::{self, NumberError};

/// Where a Safe (its proxy) lives. Shown with the EIP-55 checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SafeAddress(#[serde(serialize_with = "checksummed")] pub Address);

impl fmt::Display for SafeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_checksum(None))
    }
}

impl From<Address> for SafeAddress {
    fn from(address: Address) -> Self {
        Self(address)
    }
}

pub(super) fn checksummed<S: serde::Serializer>(address: &Address, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&address.to_checksum(None))
}

/// The EIP-712 hash that owners sign: what identifies one Safe transaction at one nonce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SafeTxHash(pub B256);

impl fmt::Display for SafeTxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("0x{}", alloy::hex::encode(self.0)))
    }
}

impl From<B256> for SafeTxHash {
    fn from(hash: B256) -> Self {
        Self(hash)
    }
}

impl FromStr for SafeTxHash {
    type Err = alloy::hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The number that orders a Safe's transactions: only the one at the Safe's current nonce can execute.
///
/// Written as a decimal string in JSON, because it may exceed what JSON numbers carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeNonce(pub U256);

impl SafeNonce {
    /// The nonce after this one; the last one stays where it is (no Safe will get there).
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(U256::ONE))
    }
}

impl fmt::Display for SafeNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u64> for SafeNonce {
    fn from(nonce: u64) -> Self {
        Self(U256::from(nonce))
    }
}

impl FromStr for SafeNonce {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        numbers::parse_decimal(text).map(Self)
    }
}

impl Serialize for SafeNonce {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        numbers::serialize(&self.0, to)
    }
}

impl<'de> Deserialize<'de> for SafeNonce {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        numbers::deserialize(from).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_shown_and_stored_in_one_form() {
        let safe: SafeAddress =
            serde_json::from_str("\"0x42d718c3035d3f9a22222e4d8d48e11e60383d37\"").unwrap();
        assert_eq!(safe.to_string(), "0x42D718c3035d3f9A22222E4d8D48E11e60383D37");
        assert_eq!(serde_json::to_string(&safe).unwrap(), "\"0x42D718c3035d3f9A22222E4d8D48E11e60383D37\"");
        let hash: SafeTxHash =
            "0xF78A773033314080A9693480158F97EC0D8DB37D26BB26169A43F4628F6373BD".parse().unwrap();
        assert_eq!(hash.to_string(), "0xf78a773033314080a9693480158f97ec0d8db37d26bb26169a43f4628f6373bd");
        let nonce: SafeNonce = "9223372036854775808".parse().unwrap();
        assert_eq!(serde_json::to_string(&nonce).unwrap(), "\"9223372036854775808\"");
        assert_eq!(serde_json::from_str::<SafeNonce>("7").unwrap(), SafeNonce::from(7));
        assert_eq!(serde_json::from_str::<SafeNonce>("\"7\"").unwrap().next(), SafeNonce::from(8));
    }
}
