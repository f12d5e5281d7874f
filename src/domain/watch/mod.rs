//! What a chain feed watches, and how logs, views and Safes become alerts.
//!
//! *Invariants.* An event's identity does not cover its block: the same transaction in another block is the same
//! alert with a newer block. A view that crosses its bound is told once, on the way there and on the way back. What
//! could not be read changes nothing here, and is neither beyond a bound nor within it.
//!
//! It knows no endpoint, no agreement and no place: logs and answers arrive as values that were agreed on.

mod event;
mod known;
mod make;
mod memory;
mod number;
mod proxy;
mod view;

#[cfg(test)]
mod tests;

use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::alert::BotId;
use super::names::{ChainId, ChainName, FeedName};

pub use event::{Emitters, EventRule, UnknownEvent, resolve_event};
pub use known::{ANY_EVENT_NAMES, default_events, safe_abi};
pub use make::{VALUE_MAX_CHARS, event_alerts, reorg_alert};
pub use memory::{Memory, SafeField, SafeReading, explains};
pub use number::Decimal;
pub use proxy::{BEACON_IMPLEMENTATION, Named, ProxySlot, names};
pub use view::{Bound, Comparison, Judged, View, ViewProblem, ViewText};

/// A block, as the endpoints agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenBlock {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, in seconds since 1970.
    pub timestamp_s: u64,
}

/// A log, as the endpoints agree on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenLog {
    /// Who emitted it.
    pub address: Address,
    /// The event's hash first, then what is indexed.
    pub topics: Vec<B256>,
    /// What is not indexed.
    pub data: Bytes,
    /// Its transaction.
    pub transaction: B256,
    /// Its place in its block.
    pub index: u64,
    /// Its block.
    pub block: SeenBlock,
}

/// What something watched is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubjectKind {
    /// A contract of `[contracts]`: its slots as a proxy are compared, too.
    Contract,
    /// A Safe of `[safes]`: its state is compared, too.
    Safe,
}

/// Something watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name in the configuration.
    pub name: String,
    /// What it is.
    pub kind: SubjectKind,
    /// Where it is.
    pub address: Address,
}

/// All that one feed watches on its chain.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The feed.
    pub feed: FeedName,
    /// The chain, by name.
    pub chain: ChainName,
    /// The chain, by id.
    pub chain_id: ChainId,
    /// Contracts and Safes; no address twice with one kind.
    pub subjects: Vec<Subject>,
    /// Events; no two of one topic and kind of emitter.
    pub events: Vec<EventRule>,
    /// Views; no two of one name.
    pub views: Vec<View>,
}

impl Watch {
    /// Who speaks in this feed's alerts: `chain:NAME`. It is derived from the configuration and never from what is read.
    pub fn bot(&self) -> BotId {
        BotId::new(&format!("chain:{}", self.chain))
    }

    /// Everybody whose logs are wanted.
    pub fn addresses(&self) -> Vec<Address> {
        let mut addresses: Vec<Address> = self.subjects.iter().map(|subject| subject.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// The events' hashes.
    pub fn topics(&self) -> Vec<B256> {
        let mut topics: Vec<B256> = self.events.iter().map(|event| event.topic).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// The contracts whose ERC-1967 slots are compared: of one that is no proxy they are empty, and stay so.
    pub fn proxies(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(|subject| subject.kind == SubjectKind::Contract)
    }

    /// The Safes whose state is compared.
    pub fn safes(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(|subject| subject.kind == SubjectKind::Safe)
    }
}
