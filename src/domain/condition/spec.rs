//! A `[[condition]]` as the front matter gives it.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::domain::names::{ConditionId, ContractName};

/// How far Redhandle goes by itself, ordered: each includes what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Response {
    /// Wake people.
    Page,
    /// Also build and simulate the proposal; reversible, nothing leaves the house.
    Prepare,
    /// Also put the proposal before the owners.
    Propose,
}

impl Response {
    /// As it is written in a runbook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Prepare => "prepare",
            Self::Propose => "propose",
        }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one alert that satisfies `when` and `about` does while `count` is not met yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Early {
    /// One `CRITICAL` alert prepares, but never more than the condition's own response; others wait. Preparing is
    /// reversible, and published CRITICAL alerts were right about one time in three.
    #[default]
    WhenCritical,
    /// Nothing happens before `count` is met.
    Nothing,
    /// Any such alert does this much.
    Respond(Response),
}

impl FromStr for Early {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "critical" => Ok(Self::WhenCritical),
            "nothing" => Ok(Self::Nothing),
            "page" => Ok(Self::Respond(Response::Page)),
            "prepare" => Ok(Self::Respond(Response::Prepare)),
            "propose" => Ok(Self::Respond(Response::Propose)),
            other => Err(format!("{other:?} is none of critical, nothing, page, prepare")),
        }
    }
}

impl TryFrom<String> for Early {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Early> for String {
    fn from(early: Early) -> Self {
        match early {
            Early::WhenCritical => "critical",
            Early::Nothing => "nothing",
            Early::Respond(response) => response.as_str(),
        }
        .to_owned()
    }
}

/// `count = { alerts = 2, bots = 2, within = "10m" }`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountSpec {
    /// Alerts with different hashes.
    pub alerts: u32,
    /// Different bots among them.
    pub bots: u32,
    /// Longest time between the first and the last, inclusive, by event time.
    pub within: SignedDuration,
}

/// A condition before it is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionSpec {
    /// `id`, unique in its runbook.
    pub id: ConditionId,
    /// CEL over `alert`.
    pub when: String,
    /// The alert must be about one of these contracts.
    pub about: Vec<ContractName>,
    /// How much corroboration is wanted; without it one alert is enough.
    pub count: Option<CountSpec>,
    /// CEL over reads: what the chain must say before anything beyond a page.
    pub confirm: Option<String>,
    /// How far to go when it is met.
    pub respond: Response,
    /// How far one alert goes before that.
    pub early: Early,
}
