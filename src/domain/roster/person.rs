//! People, the owner keys they hold, and the roles they can be given.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::Address;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::domain::names::{ChannelName, PersonId};

/// Somebody who can be woken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// What the files call this person.
    pub id: PersonId,
    /// What people call this person.
    pub name: String,
    /// The wall clock this person lives by; written by its IANA name.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub zone: TimeZone,
    /// The ways a page reaches this person, the surest first.
    pub channels: Vec<ChannelName>,
    /// The keys this person signs with.
    pub keys: Vec<Key>,
    /// What this person knows about; free words.
    pub skills: Vec<String>,
}

impl Person {
    /// Whether this person can sign with `address` at `at`.
    pub fn holds(&self, address: Address, at: Timestamp) -> bool {
        self.keys.iter().any(|key| key.address == address && key.valid_at(at))
    }
}

/// An owner key in one person's hands. A key belongs to one person for good: who hands it on has shared it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The address the key signs as.
    pub address: Address,
    /// When the person can first use it; none means it has always been so.
    pub from: Option<Timestamp>,
    /// When the person can no longer use it; none means no end is known.
    pub until: Option<Timestamp>,
}

impl Key {
    /// A key without a known beginning or end.
    pub fn always(address: Address) -> Self {
        Self { address, from: None, until: None }
    }

    /// Whether the key can be used at `at`.
    pub fn valid_at(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// A part that somebody plays in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The incident commander: decides.
    Commander,
    /// The public communications officer: the only one who speaks outside.
    Communications,
    /// Does the work.
    Responder,
    /// Writes down what happens.
    Scribe,
    /// The lawyer who is asked before anything is owed or published.
    Counsel,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] =
        [Self::Commander, Self::Communications, Self::Responder, Self::Scribe, Self::Counsel];

    /// The word for it in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commander => "commander",
            Self::Communications => "communications",
            Self::Responder => "responder",
            Self::Scribe => "scribe",
            Self::Counsel => "counsel",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no role.
#[derive(Debug, thiserror::Error)]
#[error("no such role")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_valid_from_its_start_up_to_its_end() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let key = Key {
            address: Address::repeat_byte(1),
            from: Some(at("2026-01-01T00:00:00Z")),
            until: Some(at("2026-02-01T00:00:00Z")),
        };
        let table = [
            ("2025-12-31T23:59:59Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2026-01-31T23:59:59Z", true),
            ("2026-02-01T00:00:00Z", false),
        ];
        for (when, valid) in table {
            assert_eq!(key.valid_at(at(when)), valid, "{when}");
        }
    }

    #[test]
    fn a_person_survives_a_round_through_json_zone_included() {
        let person = Person {
            id: "ana".into(),
            name: "Ana".into(),
            zone: TimeZone::get("Australia/Lord_Howe").unwrap(),
            channels: vec!["console".into()],
            keys: vec![Key::always(Address::repeat_byte(1))],
            skills: vec!["vaults".into()],
        };
        let text = serde_json::to_string(&person).unwrap();
        assert!(text.contains(r#""zone":"Australia/Lord_Howe""#), "{text}");
        assert_eq!(serde_json::from_str::<Person>(&text).unwrap(), person);
    }

    #[test]
    fn roles_are_read_by_the_word_they_are_written_with() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse::<Role>().unwrap(), role);
        }
        assert!("comander".parse::<Role>().is_err());
    }
}
