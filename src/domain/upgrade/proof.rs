//! What was found about an upgrade when it was prepared, and what must be found afterwards.

use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::UpgradeKind;
use super::layout::Comparison;
use crate::domain::names::ContractName;

/// What the proposal does for the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeStep {
    /// Upgrades at once.
    Direct,
    /// Tells the timelock to do it after its delay.
    Schedule,
    /// Lets the timelock do what was scheduled.
    Execute,
    /// Nothing yet: what was scheduled is not ready.
    Waiting,
    /// Takes back what was scheduled.
    Cancel,
}

impl UpgradeStep {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "upgrades",
            Self::Schedule => "schedules the upgrade",
            Self::Execute => "executes the scheduled upgrade",
            Self::Waiting => "waits for the timelock",
            Self::Cancel => "cancels the scheduled upgrade",
        }
    }
}

/// One piece of code that takes the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// `implementation`, or a function of a diamond.
    pub what: String,
    /// What stands there; none: nothing.
    pub from: Option<Address>,
    /// keccak256 of its code.
    pub from_code: Option<B256>,
    /// What is to stand there; none: nothing.
    pub to: Option<Address>,
    /// keccak256 of its code, read at the block of the simulation and equal to the pin.
    pub to_code: Option<B256>,
}

/// Where a value is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A storage slot.
    Slot(B256),
    /// A view, by its calldata.
    View(Bytes),
}

/// One value that must stand on the chain once the upgrade is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCheck {
    /// In words: `the ERC-1967 implementation slot of vault`.
    pub what: String,
    /// Of which contract.
    pub address: Address,
    /// Where.
    pub source: Source,
    /// What stood there when the proposal was prepared.
    pub before: B256,
    /// What must stand there.
    pub wanted: B256,
    /// What the nodes found there after simulating.
    #[serde(default)]
    pub simulated: Option<B256>,
}

impl StateCheck {
    /// `the ERC-1967 implementation slot of vault holds 0x…`.
    pub fn describe(&self) -> String {
        format!("{} is {}", self.what, shown(self.wanted))
    }
}

/// A word as people read it: an address where it is one.
pub fn shown(word: B256) -> String {
    match super::calls::address_in(word) {
        Some(address) if address.is_zero() => "empty".to_owned(),
        Some(address) => address.to_string(),
        None => word.to_string(),
    }
}

/// The timelock's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelockProof {
    /// Its name.
    pub contract: ContractName,
    /// Its address.
    pub address: Address,
    /// The operation's id.
    pub operation: B256,
    /// `getMinDelay()`, in seconds.
    pub delay_s: u64,
    /// From when on it may be executed, in seconds since 1970. While it is not yet scheduled: if it were in the
    /// block of the simulation.
    pub ready_at_s: u64,
}

/// An upgrade, as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeProof {
    /// What is upgraded, by name.
    pub contract: ContractName,
    /// And by address.
    pub address: Address,
    /// How.
    pub kind: UpgradeKind,
    /// What this proposal does.
    pub step: UpgradeStep,
    /// The call that upgrades, in words: `vault.upgradeTo(vault_fixed 0x…)`.
    pub call: String,
    /// Code for code.
    pub replacements: Vec<Replacement>,
    /// Storage; none where the runbook gives no layouts (diamonds).
    pub layout: Option<Comparison>,
    /// `proxiableUUID()` of the new implementation, equal to the slot; UUPS only.
    pub proxiable_uuid: Option<B256>,
    /// Who authorises it, in a sentence.
    pub authority: String,
    /// What is worth a look before signing.
    pub warnings: Vec<String>,
    /// What must stand on the chain once the upgrade is done: after this proposal, or (scheduled) after the next.
    pub checks: Vec<StateCheck>,
    /// The timelock.
    pub timelock: Option<TimelockProof>,
}

impl UpgradeProof {
    /// Whether the checks must hold once this proposal is executed.
    pub fn takes_effect(&self) -> bool {
        match self.step {
            UpgradeStep::Direct | UpgradeStep::Execute => true,
            UpgradeStep::Schedule | UpgradeStep::Waiting | UpgradeStep::Cancel => false,
        }
    }

    /// Whether more is to be done after this proposal.
    pub fn goes_on(&self) -> bool {
        match self.step {
            UpgradeStep::Schedule | UpgradeStep::Waiting => true,
            UpgradeStep::Direct | UpgradeStep::Execute | UpgradeStep::Cancel => false,
        }
    }

    /// What a signer should know, line by line; what is worth a look is not among them.
    pub fn lines(&self) -> Vec<String> {
        let mut lines =
            vec![format!("{} ({}): {} {}", self.contract, self.kind, self.step.as_str(), self.call)];
        for one in &self.replacements {
            let code = |address: Option<Address>, hash: Option<B256>| match (address, hash) {
                (Some(address), Some(hash)) => format!("{address} (code {hash})"),
                (Some(address), None) => format!("{address} (no code)"),
                (None, _) => "nothing".to_owned(),
            };
            let pinned = if one.to.is_some() { ", which is what is pinned" } else { "" };
            lines.push(format!(
                "{}: from {} to {}{pinned}",
                one.what,
                code(one.from, one.from_code),
                code(one.to, one.to_code)
            ));
        }
        lines.extend(self.layout.as_ref().map(|layout| format!("storage layout {}", layout.headline())));
        lines.extend(self.proxiable_uuid.map(|_| "proxiableUUID() is the ERC-1967 slot".to_owned()));
        lines.push(self.authority.clone());
        lines.extend(self.timelock.as_ref().map(|timelock| {
            format!(
                "operation {} of {}, whose delay is {} s",
                timelock.operation, timelock.contract, timelock.delay_s
            )
        }));
        lines
    }
}
