//! What counts as an emergency.

use jiff::SignedDuration;

use super::names::{ConditionId, ContractName};

/// How far Redhandle goes by itself, ordered: each includes what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Response {
    /// Wake people.
    Page,
    /// Also build and simulate the proposal.
    Prepare,
    /// Also put the proposal before the owners.
    Propose,
}

/// What one alert that satisfies `when` and `about` does while `count` is not met yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Early {
    /// One `CRITICAL` alert prepares, but never more than the condition's own response; others wait.
    #[default]
    WhenCritical,
    /// Nothing happens before `count` is met.
    Nothing,
    /// Any such alert does this much.
    Respond(Response),
}

/// `count = { alerts = 2, bots = 2, within = "10m" }`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountSpec {
    /// Alerts with different hashes.
    pub alerts: u32,
    /// Different bots among them.
    pub bots: u32,
    /// Longest time between the first and the last, inclusive, by event time.
    pub within: SignedDuration,
}

/// A condition before it is checked.
#[derive(Clone, Debug, PartialEq)]
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
