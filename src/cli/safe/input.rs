//! JSON that people and scripts hand to the `safe` commands: read whole, and every wrong field told at once.
//!
//! The digits of numbers are read as they stand: no JSON reader in between rounds a nonce. A field that is
//! written twice is refused, because two readers would take different ones.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli::exit::{Exit, Failure};
use crate::domain::safe::{Operation, SafeNonce};
use crate::domain::text::{cut, terminal};

/// The longest JSON that is read. Calldata is at most 128 KiB in a transaction's pool.
const INPUT_MAX_BYTES: u64 = 1024 * 1024;

/// Characters of a wrong value that are repeated.
const SHOWN_MAX_CHARS: usize = 80;

/// Letters by which a misspelt field may differ from the one that is suggested.
const TYPO_MAX_EDITS: usize = 2;

const NUMBER: &str = "a whole decimal number, as a string or as a number";
const ADDRESS: &str = "an address: 0x and 40 hex digits";
const HASH: &str = "a hash: 0x and 64 hex digits";

/// Reads `file`, or standard input for "-".
///
/// # Errors
/// When it cannot be read, is no text, or is too long.
pub fn read(file: &str) -> Result<String, Failure> {
    let told = |error: std::io::Error| Failure::wrong(format!("{} cannot be read: {error}", terminal(file)));
    let mut text = String::new();
    let read = if file == "-" {
        std::io::stdin().take(INPUT_MAX_BYTES + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).map_err(told)?.take(INPUT_MAX_BYTES + 1).read_to_string(&mut text)
    };
    read.map_err(told)?;
    if text.len() as u64 > INPUT_MAX_BYTES {
        return Err(Failure::wrong(format!("{} is longer than {INPUT_MAX_BYTES} bytes", terminal(file))));
    }
    Ok(text)
}

/// Puts a field into a JSON object.
pub fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

/// The call is wrong, for each of these reasons.
pub fn wrong(problems: Vec<String>) -> Failure {
    Failure { exit: Exit::Wrong, problems }
}

/// The fields of a JSON object, as they are written.
pub struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = BTreeMap<String, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if fields.contains_key(&name) {
                        return Err(serde::de::Error::custom(format!(
                            "{} is written twice",
                            terminal(&name)
                        )));
                    }
                    fields.insert(name, value);
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Each).map(Self)
    }
}

/// Whether a field must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Missing or null is a problem.
    Required,
    /// Missing or null is nothing.
    Optional,
}

/// Reads the fields of one object, and collects what is wrong with them.
pub struct Reader<'a> {
    /// What stands before a field's name: empty, or as in `[2].`.
    place: String,
    fields: BTreeMap<String, &'a RawValue>,
    /// One sentence for each field that is wrong.
    pub problems: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Reads an object; `place` is what stands before the names of its fields in sentences.
    ///
    /// # Errors
    /// One sentence when the text is no JSON object.
    pub fn new(text: &'a str, place: &str, what: &str) -> Result<Self, String> {
        let Fields(fields) =
            serde_json::from_str(text).map_err(|error| format!("this is no {what} as JSON: {error}"))?;
        Ok(Self { place: place.to_owned(), fields, problems: Vec::new() })
    }

    /// What was read, or all that is wrong.
    pub fn end<T>(self, read: T) -> Result<T, Vec<String>> {
        if self.problems.is_empty() { Ok(read) } else { Err(self.problems) }
    }

    /// The names that are in none of `known`, in their order.
    pub fn unknown<'s>(&'s self, known: &'s [&[&str]]) -> impl Iterator<Item = &'s String> {
        self.fields.keys().filter(|name| !known.iter().any(|names| names.contains(&name.as_str())))
    }

    /// Refuses every field that is in none of `known`; a likely misspelling is named.
    pub fn refuse_unknown(&mut self, known: &[&[&str]], what: &str) {
        let strange: Vec<String> = self.unknown(known).cloned().collect();
        for name in strange {
            let shown = terminal(&cut(&name, SHOWN_MAX_CHARS));
            let near = known
                .iter()
                .flat_map(|names| names.iter())
                .min_by_key(|known| strsim::levenshtein(known, &name));
            let hint = near
                .filter(|near| strsim::levenshtein(near, &name) <= TYPO_MAX_EDITS)
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            self.problems.push(format!("{}{shown} is no field of {what}{hint}", self.place));
        }
    }

    /// Says that a field is not what it should be.
    pub fn problem(&mut self, field: &str, found: &str, expected: &str) {
        let found = terminal(&cut(found, SHOWN_MAX_CHARS));
        self.problems.push(format!("{}{field} is {found}; expected {expected}", self.place));
    }

    /// Whether the field is there and not null.
    pub fn has(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(|raw| raw.get() != "null")
    }

    /// The field as it is written, unless it is missing or null.
    pub fn raw(&self, field: &str) -> Option<&'a str> {
        self.fields.get(field).map(|raw| raw.get()).filter(|raw| *raw != "null")
    }

    /// The field's text: a string's content, anything else as it is written. None, and no problem, where it
    /// is optional and missing or null.
    fn text(&mut self, field: &str, need: Need, expected: &str) -> Option<String> {
        let Some(raw) = self.raw(field) else {
            if need == Need::Required {
                self.problems.push(format!("{}{field} is missing; expected {expected}", self.place));
            }
            return None;
        };
        Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
    }

    /// A whole number of at most 256 bits, as a string or as JSON digits; zero where there is none.
    pub fn number(&mut self, field: &str) -> U256 {
        self.optional_number(field, Need::Required).unwrap_or_default()
    }

    /// The same, where it may be missing.
    pub fn optional_number(&mut self, field: &str, need: Need) -> Option<U256> {
        let text = self.text(field, need, NUMBER)?;
        match text.parse::<SafeNonce>() {
            Ok(SafeNonce(number)) => Some(number),
            Err(why) => {
                let digits = text.strip_prefix('-').unwrap_or_default();
                let negative = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                let why = if negative { "it is negative".to_owned() } else { why.to_string() };
                self.problem(field, &text, &format!("{NUMBER} ({})", terminal(&why)));
                None
            }
        }
    }

    /// A number that fits 64 bits: a chain id, a threshold.
    pub fn small_number(&mut self, field: &str) -> Option<u64> {
        let number = self.optional_number(field, Need::Optional)?;
        let small = u64::try_from(number).ok();
        if small.is_none() {
            self.problem(field, &number.to_string(), "a number below 2^64");
        }
        small
    }

    /// An address; zero where there is none.
    pub fn address(&mut self, field: &str, need: Need) -> Address {
        let Some(text) = self.text(field, need, ADDRESS) else { return Address::ZERO };
        checked_address(&text).unwrap_or_else(|why| {
            self.problems.push(format!("{}{field}: {why}", self.place));
            Address::ZERO
        })
    }

    /// A list of addresses; none where there is no list.
    pub fn addresses(&mut self, field: &str) -> Option<Vec<Address>> {
        let raw = self.raw(field)?;
        let Ok(texts) = serde_json::from_str::<Vec<String>>(raw) else {
            self.problem(field, raw, "a list of addresses");
            return None;
        };
        let mut addresses = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            match checked_address(text) {
                Ok(address) => addresses.push(address),
                Err(why) => self.problems.push(format!("{}{field}[{index}]: {why}", self.place)),
            }
        }
        Some(addresses)
    }

    /// Bytes in hex; null, missing and "0x" are none.
    pub fn bytes(&mut self, field: &str, need: Need) -> Bytes {
        let expected = "bytes: 0x and an even number of hex digits";
        let Some(text) = self.text(field, need, expected) else { return Bytes::new() };
        match hex_bytes(&text) {
            Ok(bytes) => bytes,
            Err(why) => {
                self.problem(field, &text, &format!("{expected} ({why})"));
                Bytes::new()
            }
        }
    }

    /// Call or delegatecall.
    pub fn operation(&mut self) -> Operation {
        let expected = "0 (call) or 1 (delegatecall)";
        let Some(text) = self.text("operation", Need::Required, expected) else { return Operation::Call };
        text.parse().ok().and_then(Operation::from_u8).unwrap_or_else(|| {
            self.problem("operation", &text, expected);
            Operation::Call
        })
    }

    /// A 32-byte hash.
    pub fn hash(&mut self, field: &str) -> Option<B256> {
        let text = self.text(field, Need::Optional, HASH)?;
        let hash = hex_bytes(&text).ok().and_then(|bytes| B256::try_from(bytes.as_ref()).ok());
        if hash.is_none() {
            self.problem(field, &text, HASH);
        }
        hash
    }

    /// A word of ours, as a version or a name.
    pub fn word<T: std::str::FromStr>(&mut self, field: &str, expected: &str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let text = self.text(field, Need::Optional, expected)?;
        text.parse().map_err(|why| self.problem(field, &text, &format!("{expected} ({why})"))).ok()
    }
}

/// Bytes in hex, or what is wrong with them.
pub fn hex_bytes(text: &str) -> Result<Bytes, String> {
    let Some(digits) = text.strip_prefix("0x") else { return Err("it does not begin with 0x".to_owned()) };
    if let Some(strange) = digits.chars().find(|digit| !digit.is_ascii_hexdigit()) {
        return Err(format!("`{}` is no hex digit", terminal(&strange.to_string())));
    }
    if digits.len() % 2 == 1 {
        return Err(format!("it has {} hex digits, an odd number: half a byte is missing", digits.len()));
    }
    alloy::hex::decode(digits).map(Bytes::from).map_err(|error| error.to_string())
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
