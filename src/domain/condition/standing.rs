//! What is lacking: how far a condition has come with an alert that waits in it and has fired nothing.
//!
//! For people who ask why nobody was paged. Nothing here judges: what is asked is what the windows hold at that moment,
//! and nothing an alert says is repeated but addresses and transactions.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::distinct::Distinct;
use super::steps::Steps;
use super::tally::Found;
use super::window::Wanted;
use crate::domain::names::{ConditionId, ContractName, RunbookId};

/// Contracts of one group that the sentence names; the rest is counted.
const CONTRACTS_NAMED_MAX: usize = 5;

/// Where an alert waits that took part in no firing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Whose condition.
    pub runbook: RunbookId,
    /// Which condition.
    pub condition: ConditionId,
    /// The contracts it is about there.
    pub contracts: Vec<ContractName>,
    /// What has come, and what is wanted.
    #[serde(flatten)]
    pub progress: Progress,
    /// The same in one sentence.
    pub told: String,
}

/// What has come, and what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Progress {
    /// Of a `count`: the window with the alert that lacks least.
    Count {
        /// Of each thing that is wanted.
        needs: Vec<Need>,
        /// Whether an alert with `including` is there; none where that is not asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        including: Option<bool>,
        /// How long a window is.
        within: SignedDuration,
    },
    /// Of a `sequence`: the most steps in order that a trail with the alert has.
    Sequence {
        /// Which are there, from 1.
        steps: Vec<usize>,
        /// Which are not.
        missing: Vec<usize>,
        /// How far apart the first and the last may be.
        within: SignedDuration,
    },
    /// Of a `for`.
    Lasting {
        /// When the state began.
        since: Timestamp,
        /// For how long it lasted when this was asked; none where two bots have not told the time yet.
        lasted: Option<SignedDuration>,
        /// How long it must last.
        wanted: SignedDuration,
    },
}

/// How many of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Of what: `alerts`, `bots`, or whatever else must differ.
    pub of: &'static str,
    /// How many there are.
    pub has: u32,
    /// How many are wanted.
    pub wanted: u32,
}

impl Need {
    fn told(&self) -> String {
        let Self { of, has, wanted } = self;
        let different = if *of == ALERTS { "" } else { "different " };
        if has > wanted {
            format!("{has} {different}{of} ({wanted} wanted)")
        } else {
            format!("{has} of {wanted} {different}{of}")
        }
    }
}

const ALERTS: &str = "alerts";

impl Progress {
    pub(super) fn count(found: &Found, wanted: &Wanted, further: impl Iterator<Item = Distinct>) -> Self {
        let need = |of, has, wanted| Need { of, has, wanted };
        let mut needs = vec![
            need(ALERTS, found.alerts, wanted.count.alerts),
            need("bots", found.bots, wanted.count.bots),
            need("feeds", found.feeds, wanted.count.feeds),
            need("stages", found.stages, wanted.stages),
        ];
        let further = further.zip(found.distinct.iter().zip(&wanted.distinct));
        needs.extend(further.map(|(of, (has, wanted))| need(of.as_str(), *has, *wanted)));
        // One of anything is there with the first alert, unless alerts need not say it.
        needs.retain(|need| need.of == ALERTS || need.wanted > 1 || need.has < need.wanted);
        let including = wanted.including.then_some(found.included);
        Self::Count { needs, including, within: wanted.count.within }
    }

    pub(super) fn sequence(found: Steps, steps: usize, within: SignedDuration) -> Self {
        let (there, missing) = (0..steps).partition::<Vec<usize>, _>(|step| found.contains(*step));
        let from_one = |steps: Vec<usize>| steps.into_iter().map(|step| step.saturating_add(1)).collect();
        Self::Sequence { steps: from_one(there), missing: from_one(missing), within }
    }

    /// Whether nothing is lacking: it will fire when it is looked at next.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Count { needs, including, .. } => {
                needs.iter().all(|need| need.has >= need.wanted) && *including != Some(false)
            }
            Self::Sequence { missing, .. } => missing.is_empty(),
            Self::Lasting { lasted, wanted, .. } => lasted.is_some_and(|lasted| lasted >= *wanted),
        }
    }

    fn told(&self) -> String {
        let mut told = match self {
            Self::Count { needs, including, within } => {
                let needs: Vec<String> = needs.iter().map(Need::told).collect();
                let including = match including {
                    Some(true) => ", one of them with `including`",
                    Some(false) => ", none of them with `including`",
                    None => "",
                };
                format!("{} within {within:#}{including}", needs.join(", "))
            }
            Self::Sequence { steps, missing, within } => {
                let all = steps.len().saturating_add(missing.len());
                let there = format!("{} of {all} steps in order within {within:#}", steps.len());
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                match missing.as_slice() {
                    [] => there,
                    [step] => format!("{there}, step {step} is missing"),
                    [steps @ .., last] => {
                        format!("{there}, steps {} and {last} are missing", steps.join(", "))
                    }
                }
            }
            Self::Lasting { since, lasted, wanted } => {
                let since = since.strftime("%Y-%m-%d %H:%M:%S UTC");
                match lasted {
                    Some(lasted) => {
                        format!("the state lasts since {since}, for {lasted:#} where {wanted:#} is asked")
                    }
                    None => format!(
                        "the state lasts since {since}, and {wanted:#} is asked: for how long it has lasted is not \
                         known until two bots have told the time"
                    ),
                }
            }
        };
        if self.is_complete() {
            told.push_str("; nothing is lacking any more, and it fires when this is looked at next");
        }
        told
    }
}

impl Standing {
    pub(super) fn new(
        runbook: RunbookId,
        condition: ConditionId,
        contracts: Vec<ContractName>,
        shared: Option<String>,
        progress: Progress,
    ) -> Self {
        let named: Vec<&str> = contracts.iter().take(CONTRACTS_NAMED_MAX).map(ContractName::as_str).collect();
        let more = match contracts.len().saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shared = shared.map(|shared| format!(", {shared}")).unwrap_or_default();
        let told = format!("{}{more}{shared}: {}", named.join(", "), progress.told());
        Self { runbook, condition, contracts, progress, told }
    }
}
