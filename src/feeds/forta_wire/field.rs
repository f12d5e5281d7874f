//! Reading single fields of a JSON object, with our own words for what is wrong.
//!
//! A missing field and a `null` are the same thing: the recorded answers hold `null` wherever the schema
//! promises a value. No reason repeats anything that the sender wrote.

use alloy::primitives::B256;
use jiff::Timestamp;

use super::Malformed;
use super::json::{Json, Number, Object};

/// A field's value and its name for messages.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'static str,
    pub(super) value: &'a Json<'a>,
}

impl<'a> Field<'a> {
    pub(super) fn new(name: &'static str, value: &'a Json<'a>) -> Self {
        Self { name, value }
    }

    /// The field of `object` that is called as the last part of `name`.
    pub(super) fn of(object: Option<&'a Object<'a>>, name: &'static str) -> Self {
        let key = name.rsplit('.').next().unwrap_or(name);
        Self { name, value: object.and_then(|object| object.get(key)).unwrap_or(&Json::Null) }
    }

    pub(super) fn wrong(self, wanted: &str) -> Malformed {
        Malformed::new(format!("{} is not {wanted}", self.name))
    }

    /// Its text; the empty text when absent.
    pub(super) fn text(self) -> Result<&'a str, Malformed> {
        match self.value {
            Json::Null => Ok(""),
            Json::Text(text) => Ok(text),
            Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => Err(self.wrong("text")),
        }
    }

    /// Its text, which must be there.
    pub(super) fn needed_text(self) -> Result<&'a str, Malformed> {
        match self.text()?.trim() {
            "" => Err(Malformed::new(format!("{} is missing", self.name))),
            text => Ok(text),
        }
    }

    pub(super) fn flag(self) -> Result<bool, Malformed> {
        match self.value {
            Json::Null => Ok(false),
            Json::Bool(flag) => Ok(*flag),
            Json::Text(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => {
                Err(self.wrong("true or false"))
            }
        }
    }

    pub(super) fn whole(self) -> Result<Option<u64>, Malformed> {
        match self.value {
            Json::Null => Ok(None),
            Json::Number(Number::Whole(number)) => Ok(Some(*number)),
            Json::Number(Number::Other) => Err(self.wrong("a whole number of 64 bits")),
            Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => Err(self.wrong("a number")),
        }
    }

    pub(super) fn object(self) -> Result<Option<&'a Object<'a>>, Malformed> {
        match self.value {
            Json::Null => Ok(None),
            Json::Object(object) => Ok(Some(object)),
            Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Number(_) => Err(self.wrong("an object")),
        }
    }

    /// Its items, at most `max` of them; `bound` is that limit's name.
    pub(super) fn list(self, bound: &str, max: usize) -> Result<&'a [Json<'a>], Malformed> {
        match self.value {
            Json::Null => Ok(&[]),
            Json::List(items) if items.len() > max => Err(Malformed::over(self.name, bound, max)),
            Json::List(items) => Ok(items),
            Json::Bool(_) | Json::Text(_) | Json::Object(_) | Json::Number(_) => Err(self.wrong("a list")),
        }
    }

    /// An RFC 3339 instant with any number of fraction digits, which must be there.
    pub(super) fn instant(self) -> Result<Timestamp, Malformed> {
        let text = self.needed_text()?;
        // jiff also reads RFC 9557's `[Zone]`, which no feed writes and which could contradict the offset.
        if text.contains('[') {
            return Err(self.wrong("an RFC 3339 time"));
        }
        text.parse().map_err(|_unreadable| self.wrong("an RFC 3339 time"))
    }

    /// A 32-byte hash in hex; `None` when absent or empty.
    pub(super) fn hash(self) -> Result<Option<B256>, Malformed> {
        match self.text()?.trim() {
            "" => Ok(None),
            text => hash(text).map(Some).ok_or_else(|| self.wrong("0x and 64 hex digits")),
        }
    }
}

/// Reads `0x` and 64 hex digits of either case.
pub(super) fn hash(text: &str) -> Option<B256> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    if digits.len() == 64 { digits.parse().ok() } else { None }
}
