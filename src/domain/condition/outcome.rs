//! What the matcher says: matches, notes, counters, and the sentence that explains a match.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use alloy::primitives::Address;

use super::because;
use super::compile::{Condition, Watched};
use super::mute::{Mute, Mutes};
use super::spec::Response;
use super::trail::TRAILS_MAX;
use super::truth::Downgrade;
use super::window::Entry;
use crate::domain::alert::{AlertHash, BotId};
use crate::domain::expression::language::Gap;
use crate::domain::names::{ChainId, ConditionId, ContractName, RunbookId};

/// A condition's success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Whose condition.
    pub runbook: RunbookId,
    /// Which condition.
    pub condition: ConditionId,
    /// The contract it is about, as the configuration names it.
    pub contract: ContractName,
    /// The contract's chain.
    pub chain_id: ChainId,
    /// How far to go.
    pub response: Response,
    /// Why it goes no further than a page although the condition asks for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgraded: Option<Downgrade>,
    /// True when one alert did this before `count` was met.
    pub early: bool,
    /// The alerts that took part, oldest first by event time.
    pub alerts: Vec<AlertHash>,
    /// The different bots among them.
    pub bots: Vec<BotId>,
    /// The newest event time among its alerts; of a silence, and of a state that lasted, the clock when it was due.
    pub at: Timestamp,
    /// One sentence in our words; hashes and bots are all it quotes: hashes only where they look like ids, names of
    /// bots with everything written out that could be more than a name.
    pub because: String,
    /// What would hold it back, and who says CRITICAL.
    #[serde(default, skip_serializing_if = "Mutes::is_empty")]
    pub mutes: Mutes,
}

/// What became of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Observation {
    /// True when a window holds the alert: it must be stored durably, for [`super::Matcher::restore`].
    pub kept: bool,
    /// True when the alert was known already, with this block or a newer one.
    pub repeated: bool,
    /// True when it was known with an older block, or one that is not on the chain: this is news of it.
    pub again: bool,
    /// What it brought about.
    pub matches: Vec<Match>,
    /// What could not be judged, or no longer counts.
    pub notes: Vec<Note>,
    /// What it takes back of what has fired already.
    pub withdrawn: Vec<Withdrawal>,
}

/// An alert that took part in a match was taken back afterwards: whoever is asked to act on the match must be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Whose condition.
    pub runbook: RunbookId,
    /// Which condition.
    pub condition: ConditionId,
    /// The contract of the match.
    pub contract: ContractName,
    /// The alerts that no longer hold.
    pub alerts: Vec<AlertHash>,
    /// Why, in our words.
    pub because: String,
}

impl Observation {
    pub(super) fn none() -> Self {
        Self {
            kept: false,
            repeated: false,
            again: false,
            matches: Vec::new(),
            notes: Vec::new(),
            withdrawn: Vec::new(),
        }
    }
}

/// Something about an alert and a condition that is neither a match nor a plain "no".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whose condition.
    pub runbook: RunbookId,
    /// Which condition.
    pub condition: ConditionId,
    /// What.
    pub why: Why,
}

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// `when` needs a field that the alert lacks.
    LackedField(String),
    /// A field of the alert is not the number or the bool that `when` compares it with.
    UnfitField(String),
    /// `when` could not be evaluated.
    Failed(String),
    /// The alert's addresses were cut short, and its filter is missing or unreadable: it may be about this contract.
    AddressesCut(ContractName),
    /// It would have counted, but happened this long before the newest event.
    TooLate(SignedDuration),
    /// The window was full, and this alert had to make room.
    WindowFull(AlertHash),
    /// There were too many trails of a sequence, and one had to make room for the alert.
    TrailDropped {
        /// How long before the alert the last thing happened on it.
        quiet_for: SignedDuration,
        /// Whether its next step could still have come in time.
        cut_short: bool,
    },
    /// Its block is not on the chain: what it saw never happened.
    Orphaned,
    /// Whom it accuses was cleared.
    Retracted(Address),
    /// A retraction took this waiting alert out of its window.
    Withdrawn(AlertHash),
    /// Firings that need it are held back.
    Muted(Mute),
    /// Its bot takes back what others say, and never counts itself.
    Suppressor,
    /// It names nothing of what the condition groups by.
    NoGroup,
    /// It tells of an event, and the condition is about states that last.
    NoState,
    /// The state it began was over before it had lasted long enough.
    Ended,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LackedField(field) => write!(f, "the condition needs {field}, which the alert lacks"),
            Self::UnfitField(field) => write!(f, "{field} is not what the condition compares it with"),
            Self::Failed(why) => write!(f, "the condition could not be evaluated: {why}"),
            Self::AddressesCut(contract) => {
                write!(f, "its addresses were cut short, so that it may be about {contract}")
            }
            Self::TooLate(behind) => write!(f, "discarded: it happened {behind:#} before the newest event"),
            Self::WindowFull(hash) => write!(f, "{} had to make room in a full window", short(&hash.0)),
            Self::TrailDropped { quiet_for, cut_short } => {
                let lost = if *cut_short { "; its next step will be missed" } else { "" };
                write!(
                    f,
                    "a trail of the sequence, quiet for {quiet_for:#}, had to make room: more than {TRAILS_MAX} \
                     (TRAILS_MAX){lost}"
                )
            }
            Self::Orphaned => write!(f, "discarded: its block is not on the chain"),
            Self::Retracted(address) => write!(f, "discarded: the accusation of {address} was retracted"),
            Self::Suppressor => write!(f, "discarded: its bot takes back what others say, and never counts"),
            Self::NoGroup => write!(f, "discarded: it names nothing of what the condition groups by"),
            Self::NoState => write!(f, "discarded: it tells of an event, not of a state that lasts"),
            Self::Ended => write!(f, "the state it speaks of is over"),
            Self::Withdrawn(hash) => write!(f, "{} no longer waits: it was retracted", short(&hash.0)),
            Self::Muted(mute) => write!(f, "{mute}: firings that need it are held back"),
        }
    }
}

/// What a condition has seen since the matcher was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Alerts, repetitions not counted.
    pub seen: u64,
    /// Of these, about one of its contracts.
    pub about: u64,
    /// Of these, with `when` true.
    pub when_true: u64,
    /// Of these, without an answer, by the field that was lacking or unfit.
    pub lacked: BTreeMap<String, u64>,
    /// Muted: silenced or excepted.
    pub muted: u64,
    /// Without an answer for another reason.
    pub failed: u64,
    /// Whose addresses were cut short so that it could not be told what they are about.
    pub untold: u64,
    /// That came too late to count.
    pub late: u64,
    /// That had to make room in a full window.
    pub displaced: u64,
    /// Trails of a sequence that had to make room for others.
    pub trails_dropped: u64,
    /// Of these, where the next step could still have come in time.
    pub trails_cut_short: u64,
    /// Whose block is not on the chain.
    pub orphaned: u64,
    /// That accuse somebody who was cleared, before or after they came.
    pub retracted: u64,
    /// Full responses.
    pub fired: u64,
    /// Early responses.
    pub fired_early: u64,
}

impl Counters {
    /// Counts an answer that could not be given.
    pub(super) fn lack(&mut self, gap: Gap) -> Why {
        match gap {
            Gap::Lacks(field) => {
                count(self.lacked.entry(field.clone()).or_default());
                Why::LackedField(field)
            }
            Gap::Unfit { field, .. } => {
                count(self.lacked.entry(field.clone()).or_default());
                Why::UnfitField(field)
            }
            Gap::Failed(why) => {
                count(&mut self.failed);
                Why::Failed(why)
            }
        }
    }
}

pub(super) fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

/// A condition that has just fired.
pub(super) struct Firing<'c> {
    pub(super) watched: &'c Watched,
    pub(super) early: bool,
    pub(super) doubt: Option<Downgrade>,
    pub(super) response: Response,
    pub(super) taken: Vec<Entry>,
    /// What the alerts of a sequence have in common, in our words.
    pub(super) shared: Option<String>,
}

impl Firing<'_> {
    /// The match; `at` is the event time of the alert that completed it, or when it was due. One that was delivered late may
    /// complete what happened after it: the match is then of the newest.
    pub(super) fn into_match(
        self,
        runbook: &RunbookId,
        condition: &Condition,
        at: Timestamp,
        authenticated: bool,
    ) -> Match {
        let at = self.taken.iter().map(|entry| entry.at).fold(at, Timestamp::max);
        let mut bots: Vec<BotId> = self.taken.iter().map(|entry| entry.bot.clone()).collect();
        bots.sort();
        bots.dedup();
        let because = because::sentence(&self, bots.len(), condition, authenticated);
        let paging_only = !authenticated || self.doubt.is_some();
        let mutes = self.mutes(authenticated);
        Match {
            runbook: runbook.clone(),
            condition: condition.id().clone(),
            contract: self.watched.contract.clone(),
            chain_id: self.watched.chain_id,
            response: if paging_only { Response::Page } else { self.response },
            downgraded: self.doubt,
            early: self.early,
            alerts: self.taken.into_iter().map(|entry| entry.hash).collect(),
            bots,
            at,
            because,
            mutes,
        }
    }

    fn mutes(&self, authenticated: bool) -> Mutes {
        let by: BTreeSet<&Mute> = self.taken.iter().flat_map(|entry| &entry.muted).collect();
        let critical = self.taken.iter().filter(|entry| authenticated && entry.critical);
        let critical: BTreeSet<&BotId> = critical.map(|entry| &entry.bot).collect();
        Mutes { by: by.into_iter().cloned().collect(), critical: critical.into_iter().cloned().collect() }
    }
}

/// An id a person can compare by its ends; a text that is no id is not repeated, because a stranger wrote it.
pub(super) fn short(id: &str) -> String {
    let is_id = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match (is_id, id.get(..10), id.len().checked_sub(6).and_then(|at| id.get(at..))) {
        (false, _, _) => "an unprintable id".to_owned(),
        (true, Some(head), Some(tail)) if id.len() > 20 => format!("{head}…{tail}"),
        (true, _, _) => id.to_owned(),
    }
}
