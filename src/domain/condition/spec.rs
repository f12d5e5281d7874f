//! A `[[condition]]` as the front matter gives it.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::Address;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::distinct::DistinctSpec;
use super::grouping::GroupBy;
use super::mute::Inhibitor;
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
    /// Different feeds among them: vendors, who agree with each other less than one vendor's bots do.
    #[serde(default = "one")]
    pub feeds: u32,
    /// Longest time between the first and the last, inclusive, by event time.
    pub within: SignedDuration,
}

const fn one() -> u32 {
    1
}

/// `stages = { of = ["funding", "preparation", "exploitation"], at_least = 2 }` in `count`: lists of bots that stand
/// for the stages of an attack, and how many different ones must be among the alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagesSpec {
    /// Names of lists of bots; a bot is in the first that holds it.
    pub of: Vec<String>,
    /// How many different ones are wanted.
    pub at_least: u32,
}

/// `sequence = { same = "attacker", within = "1h" }` and its `[[condition.step]]`s: alerts in this order of event time
/// that have something in common. Steps in one block are in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceSpec {
    /// What all steps have in common beside the chain.
    pub same: Same,
    /// Longest time between the first step and the last, inclusive, by event time.
    pub within: SignedDuration,
    /// The steps, first to last.
    pub steps: Vec<StepSpec>,
}

/// What the steps of a sequence have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Same {
    /// Whom they accuse: who the alert says is the attacker, or any address it names where it says nothing.
    Attacker,
    /// The transaction.
    Transaction,
    /// The contract of `about`, and nothing else.
    Contract,
}

impl Same {
    /// As it is written in a runbook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attacker => "attacker",
            Self::Transaction => "transaction",
            Self::Contract => "contract",
        }
    }
}

/// One `[[condition.step]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// CEL over `alert`.
    pub when: String,
    /// The alert need not be about the contract, only on its chain: an attacker is funded before any target is named.
    pub anywhere: bool,
}

/// `absent = { after = "2h", intervals = "2.5" }`: the alerts of `when` are a heartbeat that must not fall silent.
///
/// Until four beats have shown how often it beats, silence is what is longer than `after`. From then on, where
/// `intervals` is given, it is what is longer than so many times the usual (median) distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbsenceSpec {
    /// The longest silence while nothing is known; also the grace after a start.
    pub after: SignedDuration,
    /// The longest silence in tenths of the usual distance between beats.
    pub tenths_of_interval: Option<u32>,
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
    /// `count.including`: CEL over `alert` that at least one of the counted alerts satisfies.
    #[serde(default)]
    pub including: Option<String>,
    /// `count.stages`.
    #[serde(default)]
    pub stages: Option<StagesSpec>,
    /// Instead of `count`: alerts in an order.
    #[serde(default)]
    pub sequence: Option<SequenceSpec>,
    /// Instead of `count`: silence.
    #[serde(default)]
    pub absent: Option<AbsenceSpec>,
    /// A list of bots who may take back what they and others said about an attacker.
    #[serde(default)]
    pub retracted_by: Option<String>,
    /// How far behind the clock an alert may be and still count.
    #[serde(default = "lateness")]
    pub max_age: SignedDuration,
    /// Conditions that mute this one about the contract they fired about.
    #[serde(default)]
    pub inhibited_by: Vec<Inhibitor>,
    /// Who is known to be harmless: an alert that accuses nobody else is held back.
    #[serde(default)]
    pub except: Vec<Address>,
    /// What else the counted alerts must differ in.
    #[serde(default)]
    pub distinct: Vec<DistinctSpec>,
    /// What the counted alerts have in common beside the chain; empty: the contract.
    #[serde(default)]
    pub group: Vec<GroupBy>,
    /// `for`, instead of `count`: how long a state must have lasted.
    #[serde(default)]
    pub lasting: Option<SignedDuration>,
}

const fn lateness() -> SignedDuration {
    super::window::LATENESS
}

impl ConditionSpec {
    /// A condition that fires on each alert with `when` about one of `about`, and says nothing else.
    pub fn new(id: ConditionId, when: String, about: Vec<ContractName>, respond: Response) -> Self {
        Self {
            id,
            when,
            about,
            count: None,
            confirm: None,
            respond,
            early: Early::default(),
            including: None,
            stages: None,
            sequence: None,
            absent: None,
            retracted_by: None,
            max_age: lateness(),
            inhibited_by: Vec::new(),
            except: Vec::new(),
            distinct: Vec::new(),
            group: Vec::new(),
            lasting: None,
        }
    }
}
