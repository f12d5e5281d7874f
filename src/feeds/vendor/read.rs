//! Reading a vendor's JSON: bounded, and never guessing.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::feeds::forta_wire::{ALERT_ADDRESSES_MAX, Malformed, checked_json};

/// A whole document: an object or a list, within the bounds of any alert.
pub(super) fn document(body: &[u8]) -> Result<Value, Malformed> {
    let text = checked_json(body)?;
    serde_json::from_str(text).map_err(|error| {
        Malformed::new(format!("not JSON at line {}, column {}", error.line(), error.column()))
    })
}

/// The value at a path of keys and, in lists, numbers.
pub(super) fn at<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    let mut value = value;
    for key in path {
        let next = match value {
            Value::Object(object) => object.get(*key),
            Value::Array(items) => place(key).and_then(|index| items.get(index)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        match next {
            Some(next) => value = next,
            None => return &Value::Null,
        }
    }
    value
}

/// A place in a list, as it is written and in no other way: `0`, never `+0` or `00`.
fn place(key: &str) -> Option<usize> {
    key.parse().ok().filter(|index: &usize| index.to_string() == key)
}

/// Text or a number as text; empty where there is neither.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// The same, which must be there.
pub(super) fn needed(value: &Value, name: &str) -> Result<String, Malformed> {
    match text(value) {
        text if text.is_empty() => Err(Malformed::new(format!("{name} is missing"))),
        text => Ok(text),
    }
}

/// An object, which must be there.
pub(super) fn object<'v>(value: &'v Value, name: &str) -> Result<&'v Map<String, Value>, Malformed> {
    value.as_object().ok_or_else(|| Malformed::new(format!("{name} is missing or is not an object")))
}

/// A list, which must be there.
pub(super) fn list<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], Malformed> {
    let items =
        value.as_array().ok_or_else(|| Malformed::new(format!("{name} is missing or is not a list")))?;
    Ok(items)
}

/// A whole number, decimal or `0x…`, as number or text.
pub(super) fn whole(value: &Value) -> Option<u64> {
    let text = text(value);
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A transaction's or block's hash.
pub(super) fn hash(value: &Value) -> Option<B256> {
    let text = text(value);
    (text.len() == 66).then(|| text.parse().ok()).flatten()
}

/// Whole seconds (decimal, or `0x…` as nodes write them) or milliseconds since 1970, or RFC 3339.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    /// Seconds of the year 5138, and milliseconds of 1973: no number is both.
    const MILLISECONDS_FROM: i64 = 100_000_000_000;
    let text = text(value);
    if text.starts_with("0x") {
        return whole(value).and_then(|number| Timestamp::from_second(i64::try_from(number).ok()?).ok());
    }
    match text.parse::<i64>() {
        Ok(number) if number >= MILLISECONDS_FROM => Timestamp::from_millisecond(number).ok(),
        Ok(number) => Timestamp::from_second(number).ok(),
        Err(_not_a_number) if text.contains('[') => None,
        Err(_not_a_number) => text.parse().ok(),
    }
}

/// An address that stands alone.
pub(super) fn address(value: &Value) -> Option<Address> {
    let text = text(value);
    let is_one = text.len() == 42 && text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    is_one.then(|| text.to_ascii_lowercase().parse().ok()).flatten()
}

/// Every address that stands alone as a value anywhere in it, in the order of the document.
pub(super) fn addresses(value: &Value) -> Vec<Address> {
    let mut found = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        if found.len() >= ALERT_ADDRESSES_MAX {
            break;
        }
        match value {
            Value::String(_) => found.extend(address(value)),
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(object) => open.extend(object.values().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

/// A vendor's own word, where it is plain enough to be shown in a reason.
pub(super) fn shown(word: &str) -> Option<&str> {
    /// The longest word that is shown, in bytes.
    const SHOWN_MAX_BYTES: usize = 40;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte);
    let word = word.trim();
    (!word.is_empty() && word.len() <= SHOWN_MAX_BYTES && word.bytes().all(plain)).then_some(word)
}

/// The addresses within a text that people read: a title, a summary, a link to an explorer.
pub(super) fn addresses_within(text: &str) -> Vec<Address> {
    let found = numbers_within(text, ADDRESS_LETTERS);
    found.into_iter().filter_map(|one| one.to_ascii_lowercase().parse().ok()).collect()
}

/// The only hash within a text; none where it has several, because which of them is a transaction cannot be told.
pub(super) fn hash_within(text: &str) -> Option<B256> {
    let mut found: Vec<B256> =
        numbers_within(text, HASH_LETTERS).into_iter().filter_map(|one| one.parse().ok()).collect();
    found.dedup();
    match found.as_slice() {
        [one] => Some(*one),
        _none_or_several => None,
    }
}

/// `0x` and 40 hex digits.
const ADDRESS_LETTERS: usize = 42;
/// `0x` and 64 hex digits.
const HASH_LETTERS: usize = 66;

/// Every hex number of exactly so many letters, in the order of the text, at most as many as an alert may name.
fn numbers_within(text: &str, letters: usize) -> Vec<&str> {
    let is_digit = |letter: Option<&u8>| letter.is_some_and(u8::is_ascii_hexdigit);
    let mut found = Vec::new();
    for (start, _) in text.match_indices("0x") {
        let end = start.saturating_add(letters);
        if found.len() < ALERT_ADDRESSES_MAX
            && !is_digit(text.as_bytes().get(end))
            && let Some(one) = text.get(start..end)
            && one.bytes().skip(2).all(|digit| digit.is_ascii_hexdigit())
        {
            found.push(one);
        }
    }
    found
}

/// The fields of an object that are text, numbers or truth values, under a prefix. A number that a double cannot
/// hold exactly is left out: a condition that asks for it is told that it is missing, and never compares what is not
/// what was sent.
pub(super) fn flat(object: &Map<String, Value>, prefix: &str) -> BTreeMap<String, Value> {
    object
        .iter()
        .filter(|(_, value)| !value.is_object() && !value.is_array() && !value.is_null() && is_exact(value))
        .map(|(key, value)| (format!("{prefix}{key}"), value.clone()))
        .collect()
}

fn is_exact(value: &Value) -> bool {
    /// 2⁵³: from here on a double skips whole numbers.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    value.is_u64() || value.is_i64() || value.as_f64().is_none_or(|number| number.abs() < EXACT_MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_in_a_list_is_written_in_one_way() {
        let value = json!({ "a": ["x", { "0": "y" }] });
        assert_eq!((at(&value, &["a", "0"]), at(&value, &["a", "1", "0"])), (&json!("x"), &json!("y")));
        for key in ["+0", "00", "-0", " 0", "2", ""] {
            assert_eq!(at(&value, &["a", key]), &Value::Null, "{key:?}");
        }
    }
}
