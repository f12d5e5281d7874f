//! What an alert that takes marks off did to a condition: whether it was heeded, and what it took out.

use alloy::primitives::Address;
use serde::Serialize;

use crate::domain::alert::{Alert, AlertHash};
use crate::domain::condition::{Canonicity, Condition, Note, Why, Withdrawal, cleared};
use crate::domain::names::ContractName;

/// Alerts that are named in a sentence; the rest is counted.
const NAMED_MAX: usize = 5;
/// Alerts of each kind that are told at all; the rest is counted.
const TOLD_MAX: usize = 1_000;

/// What a retraction did to one condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TookBack {
    /// Who is cleared, as the alert says.
    pub cleared: Vec<Address>,
    /// Whether the condition heeds it.
    pub heeded: bool,
    /// Waiting alerts that it took out: they had fired nothing.
    pub waiting: Vec<AlertHash>,
    /// How many more there were.
    #[serde(skip_serializing_if = "super::summary::is_zero")]
    pub waiting_beyond: u64,
    /// What had fired already: it is annotated, and not undone.
    pub fired: Vec<FiredBefore>,
}

/// What had fired before some of its alerts were taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FiredBefore {
    /// About which contract.
    pub contract: ContractName,
    /// The alerts that no longer hold.
    pub alerts: Vec<AlertHash>,
    /// How many more there were.
    #[serde(skip_serializing_if = "super::summary::is_zero")]
    pub alerts_beyond: u64,
}

/// What it did to the condition, of which these are the notes and the withdrawals, and that in words; `None` of an
/// alert that takes no mark off anybody.
pub(super) fn taken_back<'o>(
    alert: &Alert,
    block: Option<Canonicity>,
    condition: &Condition,
    notes: impl Iterator<Item = &'o Note>,
    withdrawn: impl Iterator<Item = &'o Withdrawal>,
) -> Option<(TookBack, Vec<String>)> {
    let cleared = cleared(alert);
    let names: Vec<String> = cleared.iter().map(ToString::to_string).collect();
    let whom = named(&names)?;
    let not_heeded = match &condition.spec().retracted_by {
        None => Some("the condition has no `retracted_by`".to_owned()),
        Some(list) if !condition.heeds(&alert.bot) => {
            Some(format!("its bot {} is not in bots.{list}", alert.bot.as_str()))
        }
        Some(_) => (block == Some(Canonicity::Orphaned)).then(|| "its block is not on the chain".to_owned()),
    };
    let heeded = not_heeded.is_none();
    let waiting = notes.filter_map(|note| {
        let Why::Withdrawn(hash) = &note.why else { return None };
        Some(hash)
    });
    let (waiting, waiting_beyond) = bounded(waiting);
    let fired: Vec<FiredBefore> = withdrawn
        .map(|withdrawal| {
            let (alerts, alerts_beyond) = bounded(withdrawal.alerts.iter());
            FiredBefore { contract: withdrawal.contract.clone(), alerts, alerts_beyond }
        })
        .collect();
    let mut told = vec![match not_heeded {
        Some(why) => format!("it says that {whom} is no attacker: not heeded, {why}"),
        None => format!("it takes back what accuses {whom}: heeded"),
    }];
    if let Some(names) = alerts_named(&waiting, waiting_beyond) {
        told.push(format!("it took out what waited, {names}"));
    }
    told.extend(fired.iter().filter_map(|fired| {
        let names = alerts_named(&fired.alerts, fired.alerts_beyond)?;
        Some(format!("what had fired about {} is annotated: no longer hold {names}", fired.contract))
    }));
    if heeded && waiting.is_empty() && fired.is_empty() {
        told.push("nothing that waits or has fired accuses them, and nobody else".to_owned());
    }
    let cleared = cleared.into_iter().take(TOLD_MAX).collect();
    Some((TookBack { cleared, heeded, waiting, waiting_beyond, fired }, told))
}

fn bounded<'h>(hashes: impl Iterator<Item = &'h AlertHash>) -> (Vec<AlertHash>, u64) {
    let mut hashes = hashes.cloned();
    let told: Vec<AlertHash> = hashes.by_ref().take(TOLD_MAX).collect();
    (told, u64::try_from(hashes.count()).unwrap_or(u64::MAX))
}

fn alerts_named(hashes: &[AlertHash], beyond: u64) -> Option<String> {
    let all = u64::try_from(hashes.len()).unwrap_or(u64::MAX).saturating_add(beyond);
    let hashes: Vec<String> = hashes.iter().map(|hash| hash.0.clone()).collect();
    named(&hashes).map(|names| format!("{all} alert(s): {names}"))
}

fn named(names: &[String]) -> Option<String> {
    let shown: Vec<&str> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
    match (shown.len(), names.len().saturating_sub(NAMED_MAX)) {
        (0, _) => None,
        (_, 0) => Some(shown.join(", ")),
        (_, more) => Some(format!("{} and {more} more", shown.join(", "))),
    }
}
