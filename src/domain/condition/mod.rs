//! What counts as an emergency.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::names::{ConditionId, ContractName};

/// What a match leads to; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Response {
    /// People are paged.
    Page,
    /// The proposal is built and simulated as well, not submitted.
    Prepare,
    /// The proposal is put before the owners as well.
    Propose,
}

/// What a condition leads to while its alerts are still being counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Early {
    /// Nothing.
    Nothing,
    /// People are paged.
    Page,
    /// The proposal is built and simulated as well.
    Prepare,
}

/// How many alerts make a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountSpec {
    /// At least so many alerts.
    pub alerts: u32,
    /// From at least so many bots.
    pub bots: u32,
    /// Within so long.
    pub within: SignedDuration,
}

/// A condition as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionSpec {
    /// Its name in the runbook.
    pub id: ConditionId,
    /// CEL over one alert.
    pub when: String,
    /// The alert must name one of these; empty: it need not name any.
    pub about: Vec<ContractName>,
    /// How many alerts make a match; none: the first one does.
    pub count: Option<CountSpec>,
    /// CEL over chain state.
    pub confirm: Option<String>,
    /// What a match leads to.
    pub respond: Response,
    /// What it leads to while alerts are still being counted.
    pub early: Early,
}
