//! The words of the journal: streams, versions, facts as they go in and entries as they come out.
//!
//! Deliberately ignorant of what a fact means: a body is JSON, and its exact text is what is hashed.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What facts are about, and the unit of compare-and-swap: `incident/INC-7`, `register`, `feed/forta`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stream(String);

impl Stream {
    /// Takes the stream's name. Whether it is a fit name is judged when it is first written to.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for Stream {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// How many facts a stream holds; 0 is a stream that does not exist yet. The n-th fact has version n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of a fact and of everything before it. Written in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactHash(pub [u8; 32]);

impl FactHash {
    /// What the first fact of a journal has before it.
    pub const GENESIS: Self = Self([0; 32]);
}

impl fmt::Display for FactHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&alloy::primitives::hex::encode(self.0))
    }
}

impl fmt::Debug for FactHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a hash or a head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct NotAHead {
    text: String,
    wanted: &'static str,
}

impl FromStr for FactHash {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let wanted = "a fact's hash (64 hex digits)";
        let bad = || NotAHead { text: text.chars().take(80).collect(), wanted };
        let mut bytes = [0; 32];
        alloy::primitives::hex::decode_to_slice(text, &mut bytes).map_err(|_| bad())?;
        Ok(Self(bytes))
    }
}

impl Serialize for FactHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FactHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The newest fact of the whole journal. Whoever remembers it elsewhere can tell later that nothing was
/// cut off. Written `SEQ:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How many facts the journal holds.
    pub seq: u64,
    /// The hash of the last of them.
    pub hash: FactHash,
}

impl Head {
    /// The head of an empty journal.
    pub const EMPTY: Self = Self { seq: 0, hash: FactHash::GENESIS };
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let wanted = "a head (SEQ:HASH)";
        let bad = || NotAHead { text: text.chars().take(100).collect(), wanted };
        let (seq, hash) = text.split_once(':').ok_or_else(bad)?;
        Ok(Self { seq: seq.parse().map_err(|_| bad())?, hash: hash.parse().map_err(|_| bad())? })
    }
}

/// A fact on its way in.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFact {
    /// What happened, one word or a few: `page-sent`.
    pub kind: String,
    /// When, by the clock of whoever says so.
    pub at: Timestamp,
    /// The rest.
    pub body: serde_json::Value,
}

/// Facts for one stream, and how many facts the writer believes are there.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Where to.
    pub stream: Stream,
    /// The version the writer decided on; anything else answers `Stale`.
    pub expected: Version,
    /// What to add, in order. At least one.
    pub facts: Vec<NewFact>,
}

/// A fact as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the whole journal, from 1, without holes.
    pub seq: u64,
    /// Its stream.
    pub stream: Stream,
    /// Its place in the stream, from 1, without holes.
    pub version: Version,
    /// When it happened, as its writer said.
    pub at: Timestamp,
    /// What happened.
    pub kind: String,
    /// The exact JSON text that was hashed.
    pub body: String,
    /// The hash of the fact before it.
    pub prev: FactHash,
    /// Its own hash.
    pub hash: FactHash,
}

impl Entry {
    /// Reads the body.
    ///
    /// # Errors
    /// When the body is not what `T` expects: written by another version, or a kind mistaken for another.
    pub fn body_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.body)
    }

    /// The journal's head when this was its newest fact.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written_and_nothing_else_is_one() {
        let head = Head { seq: 42, hash: FactHash([0xab; 32]) };
        assert_eq!(head.to_string().parse(), Ok(head));
        for bad in
            ["", "42", "42:", ":ab", "42:abcd", "x:abababab", "-1:ab", &format!("42:{}0", "a".repeat(64))]
        {
            assert!(bad.parse::<Head>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_entry_goes_through_json_unchanged() {
        let entry = Entry {
            seq: 1,
            stream: "register".into(),
            version: Version(1),
            at: "2026-11-21T03:00:00.123456789Z".parse().unwrap(),
            kind: "opened".into(),
            body: r#"{"b":1,"a":2}"#.into(),
            prev: FactHash::GENESIS,
            hash: FactHash([7; 32]),
        };
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }
}
