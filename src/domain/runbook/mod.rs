//! Written steps for one kind of incident.
//!
//! A runbook is prose that a person can follow with no Redhandle at all, and front matter that a machine
//! can run. It names contracts and Safes; where they live is the configuration's to say. What is here was
//! checked when it was read (`config::runbooks`): every name exists, every action's contract is on the
//! chain of every Safe, and no recovery goes through the Safe that is asked first to pause.
//!
//! It does not know the chain: an action's call and arguments are text until they are resolved against
//! live state.

mod plan;

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use plan::{Plan, PlanProblem, PlannedAction};

use super::condition::{ConditionSpec, Response};
use super::names::{ContractName, PolicyName, RunbookId, SafeName};
use super::upgrade::UpgradeAction;

/// How bad an event is. In doubt the higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Handled in the course of the day.
    Normal,
    /// Needs a coordinated response now.
    Incident,
    /// Funds are at risk: wake everybody.
    Emergency,
}

impl Severity {
    /// Every severity, the mildest first.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Incident, Self::Emergency];

    /// The word for it in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Incident => "incident",
            Self::Emergency => "emergency",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no severity.
#[derive(Debug, thiserror::Error)]
#[error("no such severity")]
pub struct UnknownSeverity;

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or(UnknownSeverity)
    }
}

/// Written steps for one kind of incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    /// Its name.
    pub id: RunbookId,
    /// The first top heading of the prose; the id where there is none.
    pub title: String,
    /// How bad what it is for is.
    pub severity: Severity,
    /// The team that keeps it true.
    pub owner: String,
    /// When somebody last checked that it is true.
    pub reviewed: Date,
    /// Who can do it, best first.
    pub safes: Vec<SafeName>,
    /// How far it goes by itself.
    pub respond: Response,
    /// Whether a match is an incident at once, or an event that a person declares to be one.
    pub declare_on_match: bool,
    /// When it is the runbook to follow; any one of them suffices.
    pub conditions: Vec<ConditionSpec>,
    /// What stops the harm, in order.
    pub actions: Vec<Action>,
    /// What undoes the actions once it is safe.
    pub recover: Vec<Recover>,
    /// Everything after the front matter, as it was written.
    pub prose: String,
    /// Whom to page; none: the configuration's policy.
    pub policy: Option<PolicyName>,
    /// What the incident is to reach, the first objective of its commander.
    pub objective: Option<String>,
}

/// One contract call that stops the harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// On what.
    pub contract: ContractName,
    /// What is called, as text: `pause()`; empty where `upgrade` says what is done.
    pub call: String,
    /// CEL over chain state: where it holds, there is nothing to do.
    pub unless: Option<String>,
    /// CEL over chain state: what holds once it is done; empty for a cancellation, which says it itself.
    pub expect: String,
    /// Other code behind the contract, or a scheduled upgrade that is cancelled.
    #[serde(default)]
    pub upgrade: Option<UpgradeAction>,
}

/// One contract call that undoes actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// On what.
    pub contract: ContractName,
    /// What is called, as text: `unpause()`.
    pub call: String,
    /// By whom: never the Safe that is asked first to stop the harm.
    pub safe: SafeName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_doubt_the_higher_means_that_severities_are_ordered() {
        assert!(Severity::Normal < Severity::Incident && Severity::Incident < Severity::Emergency);
        for severity in Severity::ALL {
            assert_eq!(severity.to_string().parse::<Severity>().unwrap(), severity);
        }
    }
}
