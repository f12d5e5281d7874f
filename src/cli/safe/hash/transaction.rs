//! Reads a transaction as the Transaction Service writes it, and says every field that is wrong.
//!
//! The digits of numbers are read as they stand: no JSON reader in between rounds a nonce.

use std::collections::BTreeMap;
use std::fmt;

use alloy::primitives::{Address, Bytes, U256};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::domain::safe::{Operation, SafeAddress, SafeNonce, SafeTx, SafeTxHash};
use crate::domain::text::{cut, terminal};

/// Characters of a wrong value that are repeated.
const SHOWN_MAX_CHARS: usize = 80;

/// A transaction as it was written, and what it says its hash is.
#[derive(Debug, PartialEq)]
pub struct Written {
    /// The transaction.
    pub tx: SafeTx,
    /// What it says its safeTxHash is.
    pub claimed: Option<SafeTxHash>,
}

/// The fields of a JSON object as they are written; a field written twice is refused, because two readers
/// would take different ones.
struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = BTreeMap<String, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one transaction as a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if fields.insert(name.clone(), value).is_some() {
                        return Err(serde::de::Error::custom(format!("{name} is written twice")));
                    }
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Each).map(Self)
    }
}

/// Reads a transaction of `safe`.
///
/// # Errors
/// Every field that is missing or wrong, one sentence each.
pub fn parse(text: &str, safe: SafeAddress) -> Result<Written, Vec<String>> {
    let Fields(fields) = serde_json::from_str(text)
        .map_err(|error| vec![format!("this is no transaction as JSON: {error}")])?;
    let mut reader = Reader { fields, problems: Vec::new() };
    let tx = SafeTx {
        to: reader.address("to", Need::Required),
        value: reader.number("value"),
        data: reader.data(),
        operation: reader.operation(),
        safe_tx_gas: reader.number("safeTxGas"),
        base_gas: reader.number("baseGas"),
        gas_price: reader.number("gasPrice"),
        gas_token: reader.address("gasToken", Need::Optional),
        refund_receiver: reader.address("refundReceiver", Need::Optional),
        nonce: SafeNonce(reader.number("nonce")),
    };
    let of = reader.address("safe", Need::Optional);
    if !of.is_zero() && of != safe.0 {
        reader.problem("safe", &of.to_string(), &format!("{safe}, which --safe names"));
    }
    let claimed = reader.claimed_hash();
    if reader.problems.is_empty() { Ok(Written { tx, claimed }) } else { Err(reader.problems) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

struct Reader<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, field: &str, found: &str, expected: &str) {
        self.problems
            .push(format!("{field} is {}; expected {expected}", terminal(&cut(found, SHOWN_MAX_CHARS))));
    }

    /// The field's text: a string's content, anything else as it is written. None, and no problem, where it
    /// is optional and missing or null.
    fn text(&mut self, field: &str, need: Need, expected: &str) -> Option<String> {
        let raw = self.fields.get(field).map_or("null", |raw| raw.get());
        if raw == "null" {
            if need == Need::Required {
                self.problems.push(format!("{field} is missing; expected {expected}"));
            }
            return None;
        }
        Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
    }

    /// A whole number, as a string or as JSON digits: the digits themselves are read, so that none is rounded.
    fn number(&mut self, field: &str) -> U256 {
        let expected = "a whole decimal number, as a string or as a number";
        let Some(text) = self.text(field, Need::Required, expected) else { return U256::ZERO };
        match text.parse::<SafeNonce>() {
            Ok(SafeNonce(number)) => number,
            Err(why) => {
                self.problem(field, &text, &format!("{expected} ({why})"));
                U256::ZERO
            }
        }
    }

    fn address(&mut self, field: &str, need: Need) -> Address {
        let expected = "an address: 0x and 40 hex digits";
        let Some(text) = self.text(field, need, expected) else { return Address::ZERO };
        checked_address(&text).unwrap_or_else(|why| {
            self.problems.push(format!("{field}: {why}"));
            Address::ZERO
        })
    }

    fn data(&mut self) -> Bytes {
        let expected = "calldata: 0x and an even number of hex digits, or null";
        let Some(text) = self.text("data", Need::Optional, expected) else { return Bytes::new() };
        match text.strip_prefix("0x").and_then(|digits| alloy::hex::decode(digits).ok()) {
            Some(data) => data.into(),
            None => {
                self.problem("data", &text, expected);
                Bytes::new()
            }
        }
    }

    fn operation(&mut self) -> Operation {
        let expected = "0 (call) or 1 (delegatecall)";
        let Some(text) = self.text("operation", Need::Required, expected) else { return Operation::Call };
        text.parse().ok().and_then(Operation::from_u8).unwrap_or_else(|| {
            self.problem("operation", &text, expected);
            Operation::Call
        })
    }

    /// The service calls it `safeTxHash` when it answers, `contractTransactionHash` when it is asked.
    fn claimed_hash(&mut self) -> Option<SafeTxHash> {
        let mut claimed = None;
        for field in ["safeTxHash", "contractTransactionHash"] {
            let expected = "a hash: 0x and 64 hex digits";
            let Some(text) = self.text(field, Need::Optional, expected) else { continue };
            match text.parse::<SafeTxHash>() {
                Ok(hash) if claimed.is_none_or(|other| other == hash) => claimed = Some(hash),
                Ok(_) => self.problem(field, &text, "the same hash as safeTxHash"),
                Err(_) => self.problem(field, &text, expected),
            }
        }
        claimed
    }
}

/// Reads an address. One in mixed case carries a checksum, which must be right (EIP-55).
pub fn checked_address(text: &str) -> Result<Address, String> {
    let shown = terminal(&cut(text, SHOWN_MAX_CHARS));
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40);
    let address = digits.and_then(|_| text.parse::<Address>().ok());
    let (Some(digits), Some(address)) = (digits, address) else {
        return Err(format!("`{shown}` is no address; expected 0x and 40 hex digits"));
    };
    let lower = digits.contains(|c: char| c.is_ascii_lowercase());
    let upper = digits.contains(|c: char| c.is_ascii_uppercase());
    if lower && upper && address.to_checksum(None) != text {
        return Err(format!(
            "the checksum of `{shown}` is wrong: a character differs from where it was copied; copy it again (these digits would be written {})",
            address.to_checksum(None)
        ));
    }
    Ok(address)
}
