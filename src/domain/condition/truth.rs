//! How far an alert is believed: its block, and whether its contract is being worked on.
//!
//! Neither is asked here. The chain's answer about a block and the announced work arrive as values; what is
//! not known stays *unknown*, which is neither yes nor no: it pages, and goes no further until it is known.

use std::fmt;

use alloy::primitives::B256;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::alert::Alert;
use crate::domain::names::{ChainId, ContractName};

/// What the chain says about the block an alert speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Canonicity {
    /// The block is on the chain; also of an alert that names no block hash, which claims no block.
    #[default]
    Canonical,
    /// Another block stands at its height: what the alert saw never happened.
    Orphaned,
    /// Nobody could be asked, or those asked do not agree or do not have the height yet.
    Unknown,
}

/// A block that an alert speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockId {
    /// The chain.
    pub chain: ChainId,
    /// The height.
    pub number: u64,
    /// The hash the alert gives it.
    pub hash: B256,
}

impl BlockId {
    /// The block of an alert; `None` where it names no hash, so that there is nothing to ask.
    pub fn of(alert: &Alert) -> Option<Self> {
        let block = alert.block.as_ref()?;
        Some(Self { chain: alert.chain, number: block.number, hash: block.hash? })
    }
}

/// What is known beside the alert when it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// What the chain says about its block.
    pub block: Canonicity,
    /// What time it is, where time does not come from the data: `run` gives the clock's, `replay` none.
    pub now: Option<Timestamp>,
}

impl Known {
    /// On the chain, with time taken from the data.
    pub const CANONICAL: Self = Self { block: Canonicity::Canonical, now: None };
}

/// Why a match goes no further than a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Downgrade {
    /// Without alerts from an announced maintenance window it would not have fired.
    Maintenance,
    /// Without alerts whose block is not known to be on the chain it would not have fired.
    UnknownBlock,
    /// It is silenced, inhibited or excepted, and two different bots say CRITICAL.
    Suppressed,
}

impl Downgrade {
    /// As it is written in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::UnknownBlock => "unknown-block",
            Self::Suppressed => "suppressed",
        }
    }
}

impl fmt::Display for Downgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Announced work on one contract, which looks like an attack. It has a fixed end and lowers what alerts of its
/// time do to paging, never to nothing: attackers know when work is announced, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceWindow {
    /// The contract that is worked on.
    pub contract: ContractName,
    /// Begin, inclusive, by event time.
    pub from: Timestamp,
    /// End, inclusive, by event time.
    pub to: Timestamp,
    /// Who announced it.
    pub by: String,
    /// What is done.
    pub why: String,
}

/// All announced work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintenance(Vec<MaintenanceWindow>);

impl Maintenance {
    /// Takes the windows as they were announced; they may overlap.
    pub fn new(windows: Vec<MaintenanceWindow>) -> Self {
        Self(windows)
    }

    /// Whether the contract was being worked on.
    pub fn covers(&self, contract: &ContractName, at: Timestamp) -> bool {
        self.0.iter().any(|window| window.contract == *contract && window.from <= at && at <= window.to)
    }

    /// The windows.
    pub fn windows(&self) -> &[MaintenanceWindow] {
        &self.0
    }
}
