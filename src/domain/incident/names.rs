//! What incidents and pages are called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::names::{ChannelName, PersonId};

/// `INC-7`: numbered in the order of their opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId(pub u64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("INC-{}", self.0))
    }
}

/// The text is no incident's name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an incident; they are written INC-1, INC-2, …")]
pub struct NotAnIncident(String);

impl FromStr for IncidentId {
    type Err = NotAnIncident;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("INC-").or_else(|| text.strip_prefix("inc-")).unwrap_or(text);
        digits.parse().map(Self).map_err(|_| NotAnIncident(text.to_owned()))
    }
}

impl Serialize for IncidentId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IncidentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why somebody is called. Each purpose is one call: it opens, escalates and closes on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Something was reported: look, and decide whether it is real.
    Triage,
    /// A proposal waits for your signature.
    Sign,
    /// Enough owners signed, and nothing executes by itself: somebody must.
    Execute,
    /// Not enough signers are on call for the Safe that must act.
    Coverage,
    /// Containment is stuck: a simulation fails, a service refuses, an execution reverts.
    Blocked,
    /// It is declared, and nobody leads it: take command.
    Command,
    /// The effect was there and is gone: the contract is no longer paused.
    EffectLost,
    /// Facts could not be written for a while.
    JournalGap,
    /// What left the house is not wanted any more, and can still be executed: sign its rejection.
    Reject,
}

impl Purpose {
    /// The word used in page keys, tables and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Sign => "sign",
            Self::Execute => "execute",
            Self::Coverage => "coverage",
            Self::Blocked => "blocked",
            Self::Command => "command",
            Self::EffectLost => "effect-lost",
            Self::JournalGap => "journal-gap",
            Self::Reject => "reject",
        }
    }
}

/// What a page is: who, why, by which channel, at which step of which round. A repetition after a
/// crash has the same key, so that a provider that knows keys sends it once; a later step or round that
/// names the same person again has another, and wakes them again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PageKey {
    /// Why.
    pub purpose: Purpose,
    /// The how-many-th call for this purpose, from 1: a call that closed may open again.
    pub call: u32,
    /// Who.
    pub person: PersonId,
    /// By which channel.
    pub channel: ChannelName,
    /// The how-many-th time round the policy, from 0.
    pub round: u32,
    /// The how-many-th step of the round, from 0.
    #[serde(default)]
    pub step: u32,
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { purpose, call, person, channel, round, step } = self;
        write!(f, "{}{call}/{person}/{channel}/r{round}s{step}", purpose.as_str())
    }
}
