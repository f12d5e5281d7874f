//! What a feed said, in one form.
//!
//! An alert is a claim made by somebody else, attacker included. It may select a runbook and page
//! people; it never names a target, a chain or calldata that the configuration does not name already.

mod field_map;
mod public_key;
mod sender;

use std::collections::BTreeMap;
use std::fmt;

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use field_map::{FieldMap, NoPath, PATH_CHARS_MAX, PATH_PARTS_MAX, Path};
pub use public_key::{NoP256Key, P256Key};
pub use sender::Sender;

use super::names::{ChainId, FeedName};

/// How bad the feed says it is. The numbers are the Forta SDK's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the feed's own")]
pub enum AlertSeverity {
    Unknown = 0,
    Info = 1,
    Low = 2,
    Medium = 3,
    High = 4,
    Critical = 5,
}

/// The words of [`Alert::finding_type`].
pub const FINDING_TYPES: [&str; 6] = ["UNKNOWN", "EXPLOIT", "SUSPICIOUS", "DEGRADED", "INFO", "SCAM"];

/// Who made the claim: a bot's 32-byte id in lower-case hex, or another vendor's source name.
///
/// Identity is this and never the free-text `alertId`, which any bot's author may choose.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BotId(String);

impl Clone for BotId {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    /// Without new memory, which the derived one would take.
    fn clone_from(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }
}

impl BotId {
    /// Normalises to lower case: hex ids are written in both.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }

    /// The normalised id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AlertSeverity {
    /// The word's severity; `None` where it is none of Forta's words. Case does not matter.
    pub fn of_word(word: &str) -> Option<Self> {
        const WORDS: [(&str, AlertSeverity); 6] = [
            ("UNKNOWN", AlertSeverity::Unknown),
            ("INFO", AlertSeverity::Info),
            ("LOW", AlertSeverity::Low),
            ("MEDIUM", AlertSeverity::Medium),
            ("HIGH", AlertSeverity::High),
            ("CRITICAL", AlertSeverity::Critical),
        ];
        WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, severity)| *severity)
    }
}

impl fmt::Display for BotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The alert's own identity as its feed gives it. For a Forta transaction alert it does *not* cover the
/// block hash: the same hash may come back with a new block after a reorg, and the newest block wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertHash(pub String);

impl fmt::Display for AlertHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The block an alert speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertBlock {
    /// Height.
    pub number: u64,
    /// Hash, where the feed gave one.
    pub hash: Option<B256>,
    /// The block's own time: event time.
    pub timestamp: Timestamp,
}

/// One claim of a feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The feed that delivered it.
    pub feed: FeedName,
    /// False when anybody could have sent it: such an alert may open a triage, never prepare a proposal.
    pub authenticated: bool,
    /// Its identity.
    pub hash: AlertHash,
    /// The bot-chosen class, for example `ATTACK-DETECTOR-2`; neither unique nor authenticated.
    pub alert_id: String,
    /// Free text.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text, usually a chain's name.
    pub protocol: String,
    /// How bad the feed says it is.
    pub severity: AlertSeverity,
    /// EXPLOIT, SUSPICIOUS, DEGRADED, INFO, SCAM, UNKNOWN (the feed's `INFORMATION` is stored as INFO).
    pub finding_type: String,
    /// Who claims it.
    pub bot: BotId,
    /// The chain it speaks of.
    pub chain: ChainId,
    /// The block it speaks of; combiner alerts may have none.
    pub block: Option<AlertBlock>,
    /// The transaction it speaks of; block alerts have none.
    pub transaction: Option<B256>,
    /// Addresses it names, in the feed's order. "Named" is not "victim".
    pub addresses: Vec<Address>,
    /// True when the feed cut `addresses` short; the rest is only in `bloom`.
    pub truncated: bool,
    /// Membership of all addresses, present on truncated alerts.
    pub bloom: Option<AddressBloom>,
    /// Further fields; values are mostly strings, numbers included.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// When the feed made it.
    pub created_at: Timestamp,
    /// Hashes of alerts it builds upon.
    pub related: Vec<AlertHash>,
    /// What it says about addresses, transactions and the like, retractions included.
    #[serde(default)]
    pub labels: Vec<AlertLabel>,
}

impl Alert {
    /// When it happened: the block's time, or else when the feed made the alert.
    pub fn event_time(&self) -> Timestamp {
        self.block.as_ref().map_or(self.created_at, |block| block.timestamp)
    }

    /// The entities whose marks this alert withdraws; empty for all but retractions.
    pub fn retracts(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().filter(|label| label.remove).map(|label| label.entity.as_str())
    }
}

/// A mark that a feed puts on something, or takes off again.
///
/// Taking off is how an earlier alert is retracted: Forta's Attack Detector sends a further alert of
/// low severity whose labels say `remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertLabel {
    /// The mark, for example `attacker-eoa`.
    pub label: String,
    /// What is marked: mostly an address; hex is in lower case.
    pub entity: String,
    /// True when the mark is withdrawn.
    pub remove: bool,
}

/// The bloom filter Forta attaches to alerts that name more than 50 addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressBloom {
    /// Number of hash functions.
    pub k: u64,
    /// Number of bits.
    pub m: u64,
    /// The bits, lowest first in each word, as the feed's words.
    pub words: Vec<u64>,
}
