//! Whom an alert accuses.
//!
//! Where an alert says who the attacker is, only they are meant; else any address it names may be: the one
//! rule that victims follow as well. A retraction needs the former: to withdraw an alert because some
//! address it names was cleared would blind us to everybody who uses the same router.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use alloy::primitives::Address;

use crate::domain::alert::Alert;

/// Most addresses one alert is taken to accuse: beyond, it says nothing about who.
pub const ATTACKERS_MAX: usize = 64;

/// Metadata fields that name whoever acts: the Attack Detector's, BlockSec's, the funding and the profit bots'.
const ACTOR_KEYS: [&str; 7] = [
    "attackerAddress",
    "attacker_address",
    "suspiciousAddress",
    "suspicious_address",
    "receiver",
    "txFrom",
    "tx_from",
];

/// The accounts the alert says are the attacker's: the fields above, and labels with "attacker" in them that
/// are not about a contract.
pub(super) fn accused(alert: &Alert) -> BTreeSet<Address> {
    let fields = ACTOR_KEYS.iter().filter_map(|key| alert.metadata.get(*key)?.as_str());
    let labels = alert.labels.iter().filter(|label| !label.remove && accuses(&label.label));
    let texts = fields.chain(labels.map(|label| label.entity.as_str()));
    texts.filter_map(|text| Address::from_str(text.trim()).ok()).take(ATTACKERS_MAX).collect()
}

fn accuses(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    label.contains("attacker") && !label.contains("contract")
}

/// Whom the alert may be about, to be compared with other alerts: the accused, or else all it names.
pub(super) fn candidates(alert: &Alert) -> BTreeSet<Address> {
    let accused = accused(alert);
    if accused.is_empty() { alert.addresses.iter().copied().take(ATTACKERS_MAX).collect() } else { accused }
}

/// Whom a retraction clears: every entity whose mark it takes off.
pub fn cleared(alert: &Alert) -> BTreeSet<Address> {
    alert.retracts().filter_map(|entity| Address::from_str(entity.trim()).ok()).collect()
}
