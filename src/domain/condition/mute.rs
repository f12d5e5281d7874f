//! What holds a firing back: a silence, another condition, an address that is known to be harmless.
//!
//! A mute is a reason, never a verdict about an attack: what is held back is told and counted, and two different
//! bots that say CRITICAL page all the same. A [`Scope`] only ever narrows what is silenced, by names of the
//! configuration and by ids of bots. It does not know the time: who is silenced now is given
//! ([`ActiveSilence`]).

use std::fmt;
use std::str::FromStr;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::outcome::Match;
use crate::domain::alert::BotId;
use crate::domain::names::{ConditionId, ContractName, FeedName, RunbookId};

/// How silences are called: `SIL-7`.
const PREFIX: &str = "SIL-";

/// A silence's name: the number of its place among all silences, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SilenceId(pub u32);

impl fmt::Display for SilenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{PREFIX}{}", self.0))
    }
}

/// A text that is no silence's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a silence such as SIL-1; `redhandle silence list` names them")]
pub struct NotASilence;

impl FromStr for SilenceId {
    type Err = NotASilence;

    fn from_str(text: &str) -> Result<Self, NotASilence> {
        let text = text.trim();
        let head = text.get(..PREFIX.len()).filter(|head| head.eq_ignore_ascii_case(PREFIX));
        let number = head.and_then(|head| text.get(head.len()..)).unwrap_or(text);
        number.parse().ok().filter(|number| *number > 0).map(Self).ok_or(NotASilence)
    }
}

impl Serialize for SilenceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SilenceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a silence is about: everything that is named must fit. One that names nothing would silence everything, and
/// covers nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Conditions of this runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<RunbookId>,
    /// The conditions of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionId>,
    /// What is about this contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractName>,
    /// What this bot says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
    /// What this feed brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedName>,
}

/// An alert as a condition takes it for a contract.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) runbook: &'a RunbookId,
    pub(super) condition: &'a ConditionId,
    pub(super) contract: &'a ContractName,
    pub(super) bot: &'a BotId,
    pub(super) feed: &'a FeedName,
}

impl Scope {
    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn covers(&self, subject: &Subject<'_>) -> bool {
        let fits = |named: bool, same: bool| !named || same;
        !self.is_empty()
            && fits(self.runbook.is_some(), self.runbook.as_ref() == Some(subject.runbook))
            && fits(self.condition.is_some(), self.condition.as_ref() == Some(subject.condition))
            && fits(self.contract.is_some(), self.contract.as_ref() == Some(subject.contract))
            && fits(self.bot.is_some(), self.bot.as_ref() == Some(subject.bot))
            && fits(self.feed.is_some(), self.feed.as_ref() == Some(subject.feed))
    }
}

impl Scope {
    /// Whether it covers the firing whatever its alerts are.
    pub(super) fn covers_whole(&self, matched: &Match) -> bool {
        let fits = |named: bool, same: bool| !named || same;
        !self.is_empty()
            && self.bot.is_none()
            && self.feed.is_none()
            && fits(self.runbook.is_some(), self.runbook.as_ref() == Some(&matched.runbook))
            && fits(self.condition.is_some(), self.condition.as_ref() == Some(&matched.condition))
            && fits(self.contract.is_some(), self.contract.as_ref() == Some(&matched.contract))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            ("runbook", self.runbook.as_ref().map(RunbookId::as_str)),
            ("condition", self.condition.as_ref().map(ConditionId::as_str)),
            ("contract", self.contract.as_ref().map(ContractName::as_str)),
            ("bot", self.bot.as_ref().map(BotId::as_str)),
            ("feed", self.feed.as_ref().map(FeedName::as_str)),
        ];
        let named: Vec<String> =
            named.into_iter().filter_map(|(word, name)| Some(format!("{word} {}", name?))).collect();
        f.pad(&named.join(", "))
    }
}

/// A silence that holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveSilence {
    /// Which.
    pub id: SilenceId,
    /// About what.
    pub scope: Scope,
}

/// A condition that mutes another: `"bridge-down"`, or `"other-runbook/bridge-down"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Inhibitor {
    /// Whose condition; none: any runbook's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<RunbookId>,
    /// Which.
    pub condition: ConditionId,
}

impl Inhibitor {
    /// As it is written in a runbook.
    pub fn named(text: &str) -> Self {
        match text.split_once('/') {
            Some((runbook, condition)) => {
                Self { runbook: Some(RunbookId::new(runbook)), condition: ConditionId::new(condition) }
            }
            None => Self { runbook: None, condition: ConditionId::new(text) },
        }
    }

    /// Whether it means this condition.
    pub fn means(&self, runbook: &RunbookId, condition: &ConditionId) -> bool {
        self.condition == *condition && self.runbook.as_ref().is_none_or(|named| named == runbook)
    }
}

impl fmt::Display for Inhibitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.runbook {
            Some(runbook) => write!(f, "{runbook}/{}", self.condition),
            None => self.condition.fmt(f),
        }
    }
}

/// Why a firing is held back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "mute")]
pub enum Mute {
    /// Somebody silenced it.
    Silenced {
        /// Which silence.
        silence: SilenceId,
    },
    /// Another condition fired about the same contract.
    Inhibited {
        /// Which.
        by: Inhibitor,
    },
    /// Whoever is accused is known to be harmless (`except`).
    Excepted {
        /// Who.
        address: Address,
    },
}

impl fmt::Display for Mute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silenced { silence } => write!(f, "silenced by {silence}"),
            Self::Inhibited { by } => {
                write!(f, "inhibited by condition {by}, which fired about the same contract")
            }
            Self::Excepted { address } => write!(f, "{address} is excepted, and nobody else is accused"),
        }
    }
}

/// What speaks against a firing, and what for it all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutes {
    /// Why it would be held back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Mute>,
    /// The different bots that say CRITICAL, of authenticated feeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical: Vec<BotId>,
}

impl Mutes {
    /// Nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.by.is_empty() && self.critical.is_empty()
    }

    /// The reasons in words.
    pub(super) fn in_words(&self) -> String {
        self.by.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

/// A firing that was held back: nobody was paged for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// What would have been told; why it was not stands in its `mutes`.
    pub matched: Match,
}

impl HeldBack {
    /// The silences among the reasons.
    pub fn silences(&self) -> impl Iterator<Item = SilenceId> {
        self.matched.mutes.by.iter().filter_map(|mute| match mute {
            Mute::Silenced { silence } => Some(*silence),
            Mute::Inhibited { .. } | Mute::Excepted { .. } => None,
        })
    }

    /// Whether it is the same firing, held back once more after a restart.
    pub fn is_same(&self, other: &Self) -> bool {
        let (one, two) = (&self.matched, &other.matched);
        (&one.runbook, &one.condition, &one.contract, one.early, &one.alerts, one.at)
            == (&two.runbook, &two.condition, &two.contract, two.early, &two.alerts, two.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_read_as_it_is_written() {
        for text in ["SIL-7", "sil-7", " 7 "] {
            assert_eq!(text.parse(), Ok(SilenceId(7)));
        }
        for text in ["", "SIL-", "SIL-0", "INC-7", "SIL-7x", "é"] {
            assert_eq!(text.parse::<SilenceId>(), Err(NotASilence), "{text}");
        }
    }

    #[test]
    fn everything_a_scope_names_must_fit_and_one_that_names_nothing_fits_nothing() {
        let (runbook, condition) = (RunbookId::new("r"), ConditionId::new("c"));
        let (contract, bot, feed) = (ContractName::new("vault"), BotId::new("0xAb"), FeedName::new("forta"));
        let subject =
            Subject { runbook: &runbook, condition: &condition, contract: &contract, bot: &bot, feed: &feed };
        let whole = Scope {
            runbook: Some("r".into()),
            condition: Some("c".into()),
            contract: Some("vault".into()),
            bot: Some(BotId::new("0xaB")),
            feed: Some("forta".into()),
        };
        assert!(whole.covers(&subject));
        for narrow in [
            Scope { runbook: Some("x".into()), ..whole.clone() },
            Scope { condition: Some("x".into()), ..whole.clone() },
            Scope { contract: Some("x".into()), ..whole.clone() },
            Scope { bot: Some(BotId::new("0xcd")), ..whole.clone() },
            Scope { feed: Some("x".into()), ..whole.clone() },
            Scope::default(),
        ] {
            assert!(!narrow.covers(&subject), "{narrow}");
        }
        assert!(Scope { contract: Some("vault".into()), ..Scope::default() }.covers(&subject));
        assert_eq!(whole.to_string(), "runbook r, condition c, contract vault, bot 0xab, feed forta");
    }

    #[test]
    fn an_inhibitor_may_name_its_runbook() {
        assert!(Inhibitor::named("c").means(&"any".into(), &"c".into()));
        assert!(Inhibitor::named("r/c").means(&"r".into(), &"c".into()));
        assert!(!Inhibitor::named("r/c").means(&"s".into(), &"c".into()));
        assert_eq!(Inhibitor::named("r/c").to_string(), "r/c");
    }
}
