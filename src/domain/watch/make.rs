//! Alerts of logs and of reorganisations, in our words.

use std::collections::{BTreeMap, BTreeSet};

use alloy::dyn_abi::DynSolValue;
use alloy::primitives::{Address, B256, Keccak256, hex};
use jiff::Timestamp;
use serde_json::Value;

use super::event::Arguments;
use super::{SeenBlock, SeenLog, Subject, Watch};
use crate::domain::alert::{Alert, AlertBlock, AlertHash, AlertSeverity};
use crate::domain::contract::display_value;

/// The longest value of metadata, in characters: arguments are chosen by whoever sends a transaction.
pub const VALUE_MAX_CHARS: usize = 4_000;
/// Addresses one alert names; as many as Forta's alerts do.
const ADDRESSES_MAX: usize = 50;

/// Keys of metadata that say more elsewhere than an argument's name: who is harmed or was involved.
const SPOKEN_FOR: [&str; 7] = [
    "contract",
    "signature",
    "log_index",
    "potential_victim",
    "potentialVictim",
    "undecoded_topics",
    "undecoded_data",
];

/// What an alert says beside what all alerts of a chain feed say.
pub(super) struct Words {
    pub(super) hash: B256,
    pub(super) alert_id: String,
    pub(super) severity: AlertSeverity,
    pub(super) description: String,
    pub(super) transaction: Option<B256>,
    pub(super) addresses: Vec<Address>,
    pub(super) metadata: BTreeMap<String, Value>,
}

/// An alert of this feed about `block`.
pub(super) fn alert(watch: &Watch, block: &SeenBlock, words: Words) -> Alert {
    let at = i64::try_from(block.timestamp_s).ok().and_then(|at| Timestamp::from_second(at).ok());
    let at = at.unwrap_or(Timestamp::UNIX_EPOCH);
    let Words { hash, alert_id, severity, description, transaction, addresses, metadata } = words;
    Alert {
        feed: watch.feed.clone(),
        // Our own endpoints agree on it.
        authenticated: true,
        hash: AlertHash(hash.to_string()),
        name: alert_id.clone(),
        alert_id,
        description,
        protocol: watch.chain.to_string(),
        severity,
        finding_type: if severity >= AlertSeverity::High { "SUSPICIOUS" } else { "INFO" }.to_owned(),
        bot: watch.bot(),
        chain: watch.chain_id,
        block: Some(AlertBlock { number: block.number, hash: Some(block.hash), timestamp: at }),
        transaction,
        addresses,
        truncated: false,
        bloom: None,
        metadata,
        created_at: at,
        related: Vec::new(),
        labels: Vec::new(),
    }
}

/// The alerts of logs, in their order. `logs` must hold whole transactions: of several equal logs of one transaction
/// each is an alert, told apart by which of them it is.
pub fn event_alerts(watch: &Watch, logs: &[SeenLog]) -> Vec<Alert> {
    let mut equal: BTreeMap<B256, u64> = BTreeMap::new();
    let mut alerts = Vec::new();
    for log in logs {
        let Some(topic) = log.topics.first() else { continue };
        let identity = identity(watch, log);
        let ordinal = equal.entry(identity).or_default();
        let hash = match *ordinal {
            0 => identity,
            again => {
                let mut hasher = Keccak256::new();
                hasher.update(identity);
                hasher.update(again.to_be_bytes());
                hasher.finalize()
            }
        };
        *ordinal = ordinal.saturating_add(1);
        let found =
            watch.subjects.iter().filter(|subject| subject.address == log.address).find_map(|subject| {
                let rule = |rule: &&super::EventRule| rule.topic == *topic && rule.of.include(subject.kind);
                Some((subject, watch.events.iter().find(rule)?))
            });
        if let Some((subject, rule)) = found {
            alerts.push(event_alert(watch, subject, rule, log, hash));
        }
    }
    alerts
}

/// What a log is, whatever block its transaction is in.
fn identity(watch: &Watch, log: &SeenLog) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(b"redhandle chain event 1\0");
    hasher.update(watch.chain_id.0.to_be_bytes());
    hasher.update(log.transaction);
    hasher.update(log.address);
    hasher.update([u8::try_from(log.topics.len()).unwrap_or(u8::MAX)]);
    log.topics.iter().for_each(|topic| hasher.update(topic));
    hasher.update(&log.data);
    hasher.finalize()
}

fn event_alert(
    watch: &Watch,
    subject: &Subject,
    rule: &super::EventRule,
    log: &SeenLog,
    hash: B256,
) -> Alert {
    let arguments = rule.arguments(log);
    let mut metadata = said_of(subject);
    metadata.insert("signature".to_owned(), Value::String(rule.signature.clone()));
    metadata.insert("log_index".to_owned(), Value::String(log.index.to_string()));
    let mut addresses = vec![subject.address];
    match &arguments {
        Some(arguments) => {
            let (values, named) = values(arguments);
            metadata.extend(values);
            let mut known = BTreeSet::from([subject.address]);
            addresses
                .extend(named.into_iter().filter(|address| known.insert(*address)).take(ADDRESSES_MAX - 1));
        }
        None => {
            let topics: Vec<String> = log.topics.iter().map(ToString::to_string).collect();
            metadata.insert("undecoded_topics".to_owned(), Value::String(topics.join(",")));
            metadata.insert("undecoded_data".to_owned(), Value::String(cut(&log.data.to_string())));
        }
    }
    let description = format!("{} of {} in transaction {}", rule.name, subject.name, log.transaction);
    let words = Words {
        hash,
        alert_id: rule.name.clone(),
        severity: rule.severity,
        description,
        transaction: Some(log.transaction),
        addresses,
        metadata,
    };
    alert(watch, &log.block, words)
}

/// Who is meant. The address stands as the victim: an event names others, too, and is about none of them.
pub(super) fn said_of(subject: &Subject) -> BTreeMap<String, Value> {
    BTreeMap::from([
        ("contract".to_owned(), Value::String(subject.name.clone())),
        ("potential_victim".to_owned(), Value::String(hex::encode_prefixed(subject.address))),
    ])
}

/// Arguments as metadata, and the addresses among them.
fn values(arguments: &Arguments) -> (BTreeMap<String, Value>, Vec<Address>) {
    let (mut metadata, mut addresses) = (BTreeMap::new(), Vec::new());
    for (name, value) in arguments {
        if let DynSolValue::Address(address) = value {
            addresses.push(*address);
        }
        metadata.insert(key(name), Value::String(cut(&text(value))));
    }
    (metadata, addresses)
}

/// The key of an argument. One that would say who is harmed says so of itself only.
fn key(name: &str) -> String {
    let numbered = |prefix: &str| {
        let digits = name.strip_prefix(prefix);
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let taken = SPOKEN_FOR.contains(&name)
        || ["address", "involvedAddresses", "involved_addresses_"].iter().any(|prefix| numbered(prefix));
    if taken { format!("arg_{name}") } else { name.to_owned() }
}

/// A value as conditions compare it: hex in lower case, numbers in decimal, texts as they are.
pub(super) fn text(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Address(address) => hex::encode_prefixed(address),
        DynSolValue::String(text) => text.clone(),
        DynSolValue::Bool(_)
        | DynSolValue::Int(..)
        | DynSolValue::Uint(..)
        | DynSolValue::FixedBytes(..)
        | DynSolValue::Function(_)
        | DynSolValue::Bytes(_)
        | DynSolValue::Array(_)
        | DynSolValue::FixedArray(_)
        | DynSolValue::Tuple(_)
        | DynSolValue::CustomStruct { .. } => display_value(value),
    }
}

/// At most [`VALUE_MAX_CHARS`]; what is longer ends in the hash of all of it, so that it differs where the whole does.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE_MAX_CHARS {
        return text.to_owned();
    }
    let head: String = text.chars().take(VALUE_MAX_CHARS - 80).collect();
    format!("{head}… {}", alloy::primitives::keccak256(text))
}

/// The chain left blocks that were read. `depth` is how many, or at least how many where `at_least`.
pub fn reorg_alert(watch: &Watch, left: &SeenBlock, now_at: &SeenBlock, depth: u64, at_least: bool) -> Alert {
    let mut hasher = Keccak256::new();
    hasher.update(b"redhandle reorg 1\0");
    hasher.update(watch.chain_id.0.to_be_bytes());
    hasher.update(left.hash);
    let bound = if at_least { "at least " } else { "" };
    let metadata = BTreeMap::from([
        ("depth".to_owned(), Value::String(depth.to_string())),
        ("left_block".to_owned(), Value::String(left.number.to_string())),
        ("left_hash".to_owned(), Value::String(left.hash.to_string())),
    ]);
    let words = Words {
        hash: hasher.finalize(),
        alert_id: "DeepReorg".to_owned(),
        severity: AlertSeverity::High,
        description: format!("{} left {bound}{depth} blocks, from block {} on", watch.chain, left.number),
        transaction: None,
        addresses: watch.addresses(),
        metadata,
    };
    alert(watch, now_at, words)
}
