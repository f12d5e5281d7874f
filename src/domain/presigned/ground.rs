//! What a signature was given on: the Safe as it was, and the code it would run.
//!
//! Code is pinned by hash: of every target, of the implementation behind an ERC-1967 proxy or beacon, of MultiSend.
//! Logic reached in other ways (a diamond's facets, libraries, contracts that the target calls) is not seen here.

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::domain::safe::SafeVersion;

/// The code at one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodePin {
    /// Whose: the contract's name in the configuration, or what it is.
    pub what: String,
    /// Where.
    pub address: Address,
    /// keccak256 of its code; none where there is none.
    pub hash: Option<B256>,
    /// What stands behind it, where it is an ERC-1967 proxy: address and hash.
    pub implementation: Option<(Address, Option<B256>)>,
}

/// What must still be so for a signature to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// The Safe's owners, ascending.
    pub owners: Vec<Address>,
    /// Confirmations needed.
    pub threshold: u64,
    /// The Safe's version: it decides the domain.
    pub version: SafeVersion,
    /// The code the Safe's proxy runs.
    pub singleton: Address,
    /// The transaction guard.
    pub guard: Option<Address>,
    /// The module guard.
    pub module_guard: Option<Address>,
    /// Every contract that is called.
    pub code: Vec<CodePin>,
}

fn named(address: Option<Address>) -> String {
    address.map_or_else(|| "none".to_owned(), |address| address.to_checksum(None))
}

fn list(addresses: &[&Address]) -> String {
    addresses.iter().map(|address| address.to_checksum(None)).collect::<Vec<_>>().join(", ")
}

impl Ground {
    /// What is different now from `then`: one sentence each. Empty: the same ground.
    pub fn changes_since(&self, then: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let gone: Vec<_> = then.owners.iter().filter(|owner| !self.owners.contains(owner)).collect();
        let come: Vec<_> = self.owners.iter().filter(|owner| !then.owners.contains(owner)).collect();
        if !gone.is_empty() {
            changes.push(format!("no owner any more: {}", list(&gone)));
        }
        if !come.is_empty() {
            changes.push(format!("owner since: {}", list(&come)));
        }
        if self.threshold != then.threshold {
            changes.push(format!("the threshold is {} and was {}", self.threshold, then.threshold));
        }
        if self.version != then.version {
            changes.push(format!("the Safe's version is {} and was {}", self.version, then.version));
        }
        let mut slot = |what: &str, now: Option<Address>, before: Option<Address>| {
            if now != before {
                changes.push(format!("the {what} is {} and was {}", named(now), named(before)));
            }
        };
        slot("singleton", Some(self.singleton), Some(then.singleton));
        slot("guard", self.guard, then.guard);
        slot("module guard", self.module_guard, then.module_guard);
        for pin in &then.code {
            match self.code.iter().find(|now| now.address == pin.address) {
                Some(now) => changes.extend(pin.change(now)),
                None => changes.push(format!("the code of {} was not read", pin.what)),
            }
        }
        changes
    }
}

impl CodePin {
    fn change(&self, now: &Self) -> Option<String> {
        let what = format!("{} ({})", self.what, self.address.to_checksum(None));
        if now.hash.is_none() && self.hash.is_some() {
            return Some(format!("there is no code at {what} any more"));
        }
        if now.hash != self.hash {
            return Some(format!("the code of {what} changed"));
        }
        match (now.implementation, self.implementation) {
            (Some((new, _)), Some((old, _))) if new != old => Some(format!(
                "{what} was upgraded: its implementation is {} and was {}",
                new.to_checksum(None),
                old.to_checksum(None)
            )),
            (now, then) if now != then => Some(format!("the code behind {what} changed")),
            (_, _) => None,
        }
    }
}
