//! What views, Safes and proxies said last: the edge of a change is where this and what is read now differ.
//!
//! A memory belongs to a block: when the chain leaves that block, an older one takes its place, and what happens again
//! on the new chain is the same alert with a newer block. Therefore identity is by *turn*: the how-manieth change
//! since something was first read.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, Keccak256, hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::make::{Words, alert, cut, said_of};
use super::proxy::OfProxy;
use super::view::{Judged, View};
use super::{SeenBlock, Subject, Watch};
use crate::domain::alert::{Alert, AlertSeverity};
use crate::domain::safe::SafeState;

/// A part of a Safe's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the Safe's own")]
pub enum SafeField {
    Owners,
    Threshold,
    Modules,
    Guard,
    ModuleGuard,
    FallbackHandler,
    Singleton,
    /// Whether it is a Safe at all.
    Kind,
}

/// What was read of a Safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SafeReading {
    /// Its state.
    State(Box<SafeState>),
    /// The endpoints agree that there is no Safe that could be used; why.
    NoSafe(String),
}

impl SafeField {
    /// As it stands in metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::Threshold => "threshold",
            Self::Modules => "modules",
            Self::Guard => "guard",
            Self::ModuleGuard => "module_guard",
            Self::FallbackHandler => "fallback_handler",
            Self::Singleton => "singleton",
            Self::Kind => "kind",
        }
    }
}

/// Which part of a Safe an event says has changed.
pub fn explains(event: &str) -> Option<SafeField> {
    match event {
        "AddedOwner" | "RemovedOwner" => Some(SafeField::Owners),
        "ChangedThreshold" => Some(SafeField::Threshold),
        "EnabledModule" | "DisabledModule" => Some(SafeField::Modules),
        "ChangedGuard" => Some(SafeField::Guard),
        "ChangedModuleGuard" => Some(SafeField::ModuleGuard),
        "ChangedFallbackHandler" => Some(SafeField::FallbackHandler),
        "ChangedMasterCopy" => Some(SafeField::Singleton),
        _ => None,
    }
}

/// What was read last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    #[serde(default)]
    views: BTreeMap<String, OfView>,
    #[serde(default)]
    safes: BTreeMap<Address, OfSafe>,
    #[serde(default)]
    pub(super) proxies: BTreeMap<Address, OfProxy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OfView {
    /// Its contract and definition then.
    of: String,
    /// The block of the first reading.
    since: u64,
    /// How often it changed since.
    turn: u64,
    beyond: Option<bool>,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OfSafe {
    since: u64,
    fields: BTreeMap<SafeField, OfField>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfField {
    /// How often it changed since it was first read.
    pub(super) turn: u64,
    pub(super) value: String,
}

impl Memory {
    /// Forgets what is watched no more.
    pub fn keep(&mut self, watch: &Watch) {
        self.views.retain(|name, _| watch.views.iter().any(|view| view.name == *name));
        self.safes.retain(|address, _| watch.safes().any(|safe| safe.address == *address));
        self.proxies.retain(|address, _| watch.proxies().any(|proxy| proxy.address == *address));
    }

    /// Takes what a view said at `block`; gives the alert that this is worth. What is beyond its bound at the first
    /// look has crossed it as far as we know.
    pub fn view(&mut self, watch: &Watch, view: &View, judged: Judged, block: &SeenBlock) -> Option<Alert> {
        // What was read of one contract says nothing of another that has the view now.
        let of = format!("{} {}", hex::encode_prefixed(view.subject.address), view.definition);
        let known = self.views.get_mut(&view.name).filter(|known| known.of == of);
        let (first, before) = match &known {
            Some(known) => (false, (known.beyond, known.value.clone())),
            None => (true, (Some(false), judged.value.clone())),
        };
        let changed = match judged.beyond {
            Some(beyond) => before.0 != Some(beyond),
            None => before.1 != judged.value,
        };
        let (since, turn) = match known {
            Some(known) => {
                known.turn = known.turn.saturating_add(u64::from(changed));
                known.beyond = judged.beyond;
                known.value.clone_from(&judged.value);
                (known.since, known.turn)
            }
            None => {
                let (since, turn) = (block.number, u64::from(changed));
                let (beyond, value) = (judged.beyond, judged.value.clone());
                self.views.insert(view.name.clone(), OfView { of, since, turn, beyond, value });
                (since, turn)
            }
        };
        if !changed {
            return None;
        }
        let mut metadata = said_of(&view.subject);
        let mut say = |key: &str, value: String| metadata.insert(key.to_owned(), Value::String(value));
        say("view", view.definition.clone());
        say("value", judged.value.clone());
        if !first {
            say("before", before.1);
        }
        let (alert_id, severity, did) = match judged.beyond {
            Some(false) => (format!("{}-returned", view.name), AlertSeverity::Info, "holds no more"),
            Some(true) => (view.name.clone(), view.severity, "holds now"),
            None => (view.name.clone(), view.severity, "changed"),
        };
        let hash = identity(watch, view.subject.address, since, turn, &[&view.name, &view.definition]);
        let description = format!("view {} of {} {did}: {}", view.name, view.subject.name, view.definition);
        let addresses = vec![view.subject.address];
        let words = Words { hash, alert_id, severity, description, transaction: None, addresses, metadata };
        Some(alert(watch, block, words))
    }

    /// Takes a Safe's state at `block`; gives an alert of each part that changed and that no event told of.
    pub fn safe(
        &mut self,
        watch: &Watch,
        subject: &Subject,
        reading: &SafeReading,
        told: &BTreeSet<(Address, SafeField)>,
        block: &SeenBlock,
    ) -> Vec<Alert> {
        let first = !self.safes.contains_key(&subject.address);
        let known = self
            .safes
            .entry(subject.address)
            .or_insert_with(|| OfSafe { since: block.number, fields: BTreeMap::new() });
        let mut alerts = Vec::new();
        for (field, value) in fields(reading) {
            let of_field =
                known.fields.entry(field).or_insert_with(|| OfField { turn: 0, value: value.clone() });
            if first || of_field.value == value {
                continue;
            }
            let before = std::mem::replace(&mut of_field.value, value.clone());
            of_field.turn = of_field.turn.saturating_add(1);
            if told.contains(&(subject.address, field)) {
                continue;
            }
            let mut metadata = said_of(subject);
            for (key, text) in [("field", field.as_str()), ("before", &before), ("after", &value)] {
                metadata.insert(key.to_owned(), Value::String(text.to_owned()));
            }
            if let SafeReading::NoSafe(reason) = reading {
                metadata.insert("reason".to_owned(), Value::String(cut(reason)));
            }
            let hash = identity(watch, subject.address, known.since, of_field.turn, &[field.as_str()]);
            let words = Words {
                hash,
                alert_id: "SafeStateChanged".to_owned(),
                severity: AlertSeverity::Critical,
                description: format!(
                    "the {} of {} changed, and no event told of it",
                    field.as_str(),
                    subject.name
                ),
                transaction: None,
                addresses: vec![subject.address],
                metadata,
            };
            alerts.push(alert(watch, block, words));
        }
        alerts
    }
}

/// Which change it is, whatever block it was seen in.
pub(super) fn identity(watch: &Watch, address: Address, since: u64, turn: u64, words: &[&str]) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(b"redhandle chain state 1\0");
    hasher.update(watch.chain_id.0.to_be_bytes());
    hasher.update(address);
    hasher.update(since.to_be_bytes());
    hasher.update(turn.to_be_bytes());
    for word in words {
        hasher.update(word.as_bytes());
        hasher.update(b"\0");
    }
    hasher.finalize()
}

/// The parts of a Safe that decide who may do what.
fn fields(reading: &SafeReading) -> Vec<(SafeField, String)> {
    let state = match reading {
        SafeReading::State(state) => state,
        SafeReading::NoSafe(_) => return vec![(SafeField::Kind, "no Safe".to_owned())],
    };
    let list = |addresses: &[Address]| {
        let mut sorted: Vec<String> = addresses.iter().map(hex::encode_prefixed).collect();
        sorted.sort_unstable();
        cut(&sorted.join(","))
    };
    let one = |address: Option<Address>| address.map_or_else(|| "none".to_owned(), hex::encode_prefixed);
    vec![
        (SafeField::Owners, list(&state.owners)),
        (SafeField::Threshold, state.threshold.to_string()),
        (SafeField::Modules, list(&state.modules)),
        (SafeField::Guard, one(state.guard)),
        (SafeField::ModuleGuard, one(state.module_guard)),
        (SafeField::FallbackHandler, one(state.fallback_handler)),
        (SafeField::Singleton, hex::encode_prefixed(state.singleton)),
        (SafeField::Kind, "a Safe".to_owned()),
    ]
}
