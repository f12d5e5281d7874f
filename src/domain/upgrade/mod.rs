//! Putting other code behind an address that people know: what was pinned, and what that means on the chain.
//!
//! | file | what |
//! |---|---|
//! | [`layout`] | storage layouts compared |
//! | [`calls`] | calldata of every kind of proxy, and the slots of ERC-1967 |
//! | [`diamond`] | which functions an ERC-2535 cut adds, replaces and removes |
//! | [`timelock`] | operations of a TimelockController |
//! | [`proof`] | what was found and is to be found, for the proposal |
//! | `planned` | an upgrade against the configured contracts |
//!
//! *Invariants.* An implementation without a pinned code hash is no [`Upgrade`]: the type has no place for it. The
//! pin is of the *deployed runtime code*, which holds immutables, and so differs from what a compiler wrote.
//!
//! It does not know the chain: what stands in a slot, and which state an operation has, are arguments.

pub mod calls;
pub mod diamond;
pub mod layout;
mod planned;
pub mod proof;
pub mod timelock;

use std::fmt;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

pub use planned::{
    PinnedCode, PlannedFacet, PlannedInitialize, PlannedUpgrade, TIMELOCK_VIEW, check_timelock,
    contradictions, plan_upgrade,
};

use self::layout::StorageLayout;
use super::names::{ContractName, RunbookId};

/// How an address gets other code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpgradeKind {
    /// ERC-1822 / ERC-1967: the implementation itself knows how (`upgradeToAndCall`).
    Uups,
    /// ERC-1967 with an admin: a ProxyAdmin of OpenZeppelin 4 or 5.
    Transparent,
    /// The implementation is asked of a beacon, for many proxies at once.
    Beacon,
    /// ERC-2535: each function has its own facet.
    Diamond,
}

impl UpgradeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Uups, Self::Transparent, Self::Beacon, Self::Diamond];

    /// The word for it in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uups => "uups",
            Self::Transparent => "transparent",
            Self::Beacon => "beacon",
            Self::Diamond => "diamond",
        }
    }
}

impl fmt::Display for UpgradeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Code that may be put behind a proxy: nothing else may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Where it is: `[contracts.NAME]`.
    pub contract: ContractName,
    /// keccak256 of its runtime code.
    pub code_hash: B256,
}

/// A facet, and the functions that are to come from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    /// Its code.
    pub code: Pinned,
    /// Signatures: `withdrawUpTo(uint256,address)`.
    pub functions: Vec<String>,
}

/// A call that is made with the upgrade, in the storage of the proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initialize {
    /// Whose code is run; none: the new implementation's.
    pub code: Option<Pinned>,
    /// As text: `reinitialize(2)`.
    pub call: String,
}

/// Two storage layouts, and where they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layouts {
    /// Of what is there now.
    pub from: StorageLayout,
    /// Of what is to come.
    pub to: StorageLayout,
    /// The files, for people.
    pub files: (String, String),
}

/// What `[action.upgrade]` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// How.
    pub kind: UpgradeKind,
    /// What is to stand there; none for a diamond.
    pub implementation: Option<Pinned>,
    /// Of a diamond: what is to come from where.
    pub facets: Vec<Facet>,
    /// Of a diamond: functions that are to go, by signature.
    pub remove: Vec<String>,
    /// keccak256 of the code that must stand there before; none: any.
    pub replaces: Option<B256>,
    /// What storage is now and will be taken for; none only for a diamond, whose facets share no layout.
    pub layout: Option<Layouts>,
    /// What is called with it.
    pub initialize: Option<Initialize>,
    /// The TimelockController that it goes through.
    pub timelock: Option<ContractName>,
}

/// What an action does beside calling a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeAction {
    /// Upgrades what the action's contract names.
    Make(Box<Upgrade>),
    /// Cancels what a runbook's upgrade scheduled at the action's contract, a TimelockController.
    Cancel {
        /// Which runbook.
        of: RunbookId,
    },
}

/// What an action does beside calling a contract, against the configured contracts.
#[derive(Clone, Debug, PartialEq)]
pub enum UpgradePlan {
    /// Upgrades.
    Make(Box<PlannedUpgrade>),
    /// Cancels, at the action's contract, what a runbook's upgrade scheduled.
    Cancel {
        /// Which runbook.
        of: RunbookId,
    },
    /// Resolved against live state: the action's call is what is done, and this is why.
    Resolved(Box<proof::UpgradeProof>),
}
