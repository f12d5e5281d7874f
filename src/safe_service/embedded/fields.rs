//! Reads the fields of a JSON body, all problems at once, with the real service's texts.
//!
//! Addresses must carry their checksum, as the real service demands: a mistyped one must not pass.

use alloy::primitives::{Address, B256, Bytes, U256};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::domain::safe::signature::SIGNATURE_BYTES;

/// A body, and what is wrong with it so far.
pub(super) struct Fields {
    body: Map<String, Value>,
    problems: Map<String, Value>,
}

/// How a field may be missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

impl Fields {
    /// Takes a JSON object.
    pub(super) fn new(body: Value, status: StatusCode) -> Result<Self, Refusal> {
        let found = match body {
            Value::Object(body) => return Ok(Self { body, problems: Map::new() }),
            Value::Array(_) => "list",
            Value::String(_) => "str",
            Value::Number(_) => "int",
            Value::Bool(_) => "bool",
            Value::Null => "NoneType",
        };
        let text = format!("Invalid data. Expected a dictionary, but got {found}.");
        Err(Refusal::NonField(status, text))
    }

    /// Says all problems, or none.
    pub(super) fn finish(self, status: StatusCode) -> Result<(), Refusal> {
        if self.problems.is_empty() { Ok(()) } else { Err(Refusal::Fields(status, self.problems)) }
    }

    pub(super) fn problem(&mut self, name: &str, text: impl Into<String>) {
        self.problems.insert(name.to_owned(), json!([text.into()]));
    }

    fn value(&mut self, name: &str, need: Need) -> Option<Value> {
        match (self.body.remove(name), need) {
            (None, Need::Optional) | (Some(Value::Null), Need::Optional) => None,
            (None, Need::Required) => {
                self.problem(name, "This field is required.");
                None
            }
            (Some(Value::Null), Need::Required) => {
                self.problem(name, "This field may not be null.");
                None
            }
            (Some(value), Need::Required | Need::Optional) => Some(value),
        }
    }

    /// An address with its checksum.
    pub(super) fn address(&mut self, name: &str, need: Need) -> Option<Address> {
        let value = self.value(name, need)?;
        let text = text_of(&value);
        let address = checksummed(&text);
        if address.is_none() {
            self.problem(name, format!("Address {text} is not checksumed"));
        }
        address
    }

    /// A whole number of at most 256 bits.
    pub(super) fn number(&mut self, name: &str) -> Option<U256> {
        let value = self.value(name, Need::Required)?;
        match whole_number(&value) {
            Ok(number) => Some(number),
            Err(text) => {
                self.problem(name, text);
                None
            }
        }
    }

    /// Bytes in hex.
    pub(super) fn bytes(&mut self, name: &str, need: Need) -> Option<Bytes> {
        let value = self.value(name, need)?;
        match hex(&value) {
            Ok(bytes) => Some(bytes),
            Err(text) => {
                self.problem(name, text);
                None
            }
        }
    }

    /// A 32-byte hash.
    pub(super) fn hash(&mut self, name: &str) -> Option<B256> {
        let value = self.value(name, Need::Required)?;
        match hex(&value).map(|bytes| B256::try_from(bytes.as_ref())) {
            Ok(Ok(hash)) => Some(hash),
            Ok(Err(_)) => {
                self.problem(name, "Ensure this field has exactly 32 hexadecimal chars (not counting 0x).");
                None
            }
            Err(text) => {
                self.problem(name, text);
                None
            }
        }
    }

    /// At least one signature's worth of bytes.
    pub(super) fn signature(&mut self, need: Need) -> Option<Bytes> {
        let value = self.value("signature", need)?;
        match hex(&value) {
            Ok(bytes) if bytes.len() >= SIGNATURE_BYTES => Some(bytes),
            Ok(_) => {
                let text = "Ensure this field has at least 65 hexadecimal chars (not counting 0x).";
                self.problem("signature", text);
                None
            }
            Err(text) => {
                self.problem("signature", text);
                None
            }
        }
    }

    /// Any value but null.
    pub(super) fn json(&mut self, name: &str) -> Option<Value> {
        self.value(name, Need::Required)
    }

    /// A small whole number that may be missing.
    pub(super) fn index(&mut self, name: &str) -> Option<i64> {
        let value = self.value(name, Need::Optional)?;
        let number = whole_number(&value).map(i64::try_from);
        match number {
            Ok(Ok(number)) => Some(number),
            Ok(Err(_)) => {
                self.problem(name, "Ensure this value is less than or equal to 9223372036854775807.");
                None
            }
            Err(text) => {
                self.problem(name, text);
                None
            }
        }
    }

    /// A text of at most so many characters.
    pub(super) fn text(&mut self, name: &str, need: Need, chars_max: usize) -> Option<String> {
        match self.value(name, need)? {
            Value::String(text) if text.chars().count() <= chars_max => Some(text),
            Value::String(_) => {
                self.problem(name, format!("Ensure this field has no more than {chars_max} characters."));
                None
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) | Value::Null => {
                self.problem(name, "Not a valid string.");
                None
            }
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().take(200).collect(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) | Value::Null => {
            value.to_string().chars().take(200).collect()
        }
    }
}

/// An address that is written with its EIP-55 checksum.
pub(super) fn checksummed(text: &str) -> Option<Address> {
    Address::parse_checksummed(text, None).ok()
}

fn whole_number(value: &Value) -> Result<U256, &'static str> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null => String::new(),
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("A valid integer is required.");
    }
    if negative && digits.bytes().any(|byte| byte != b'0') {
        return Err("Ensure this value is greater than or equal to 0.");
    }
    U256::from_str_radix(digits, 10).map_err(|_| "Ensure this value is less than or equal to 2**256-1.")
}

fn hex(value: &Value) -> Result<Bytes, String> {
    let Value::String(text) = value else {
        return Err(format!("{} is not a hexadecimal value.", text_of(value)));
    };
    let digits = text.strip_prefix("0x").unwrap_or(text);
    // The real service pads an odd digit on the left, which changes every byte.
    if !digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        let count = digits.len();
        return Err(format!("{count} hexadecimal digits are an odd number: one is missing or too many."));
    }
    alloy::hex::decode(digits)
        .map(Bytes::from)
        .map_err(|_| format!("{} is not a hexadecimal value.", digits.chars().take(200).collect::<String>()))
}
