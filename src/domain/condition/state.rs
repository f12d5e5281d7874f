//! Alerts about a state: something begins, goes on, and ends.
//!
//! Most alerts tell of one event. Some senders tell of a state (Alertmanager, Grafana, PagerDuty, Hypernative): their
//! adapters write its identity and its phase into the metadata in one form, which a mapped sender can use as well.
//! A Forta bot tells of events only, so that nothing in its metadata is taken for a state.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::alert::{Alert, BotId};

/// The metadata field with the identity of a state, the same in all alerts about it.
pub const STATE_ID: &str = "state.id";
/// The metadata field with its phase: `begin`, `again` or `end`.
pub const STATE_PHASE: &str = "state.phase";

/// Senders whose alerts have no end, by the first part of their bots.
const ONE_SHOT: [&str; 6] =
    ["openzeppelin-monitor", "defender", "tenderly", "alchemy", "quicknode", "onchain-mon"];

/// What an alert says of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatePhase {
    /// It has begun.
    Begin,
    /// It goes on.
    Again,
    /// It is over.
    End,
}

impl StatePhase {
    /// As it is written in metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Again => "again",
            Self::End => "end",
        }
    }
}

/// Writes a state into the metadata of an alert. One without an identity is none: its end could not be told.
pub fn write_state(metadata: &mut BTreeMap<String, Value>, id: &str, phase: StatePhase) {
    if id.is_empty() {
        return;
    }
    metadata.insert(STATE_ID.to_owned(), Value::String(id.to_owned()));
    metadata.insert(STATE_PHASE.to_owned(), Value::String(phase.as_str().to_owned()));
}

/// The state an alert tells of; `None` where it tells of an event.
pub(super) fn state_of(alert: &Alert) -> Option<(&str, StatePhase)> {
    if is_one_shot(&alert.bot) {
        return None;
    }
    let text = |key| alert.metadata.get(key).and_then(Value::as_str);
    let id = text(STATE_ID).filter(|id| !id.is_empty())?;
    let phase = [StatePhase::Begin, StatePhase::Again, StatePhase::End];
    let phase = phase.into_iter().find(|phase| text(STATE_PHASE) == Some(phase.as_str()))?;
    Some((id, phase))
}

/// Whether a bot is known to tell of events only.
pub(super) fn is_one_shot(bot: &BotId) -> bool {
    match bot.as_str().split_once(':') {
        Some((vendor, _)) => is_one_shot_vendor(vendor),
        None => bot.as_str().starts_with("0x"),
    }
}

/// Whether all bots of a vendor are known to tell of events only.
pub(super) fn is_one_shot_vendor(vendor: &str) -> bool {
    ONE_SHOT.contains(&vendor)
}
