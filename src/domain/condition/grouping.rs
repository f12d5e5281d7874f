//! Which alerts stand in one window: those with one group key.
//!
//! The chain and whether anybody could have sent it are always part of the key. Beside them it is the contract,
//! unless `group` says otherwise. There is one open instance for each key: an alert that fires for one contract
//! is spent for that contract, in every group it stands in.

use std::collections::BTreeSet;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::about::About;
use super::compile::{Condition, Watched};
use crate::domain::alert::Alert;
use crate::domain::names::{ChainId, ContractName};

/// Most windows of one condition that groups by what alerts say; beyond, the one whose newest alert is the oldest makes
/// room.
pub const GROUPS_MAX: usize = 16_384;

/// One part of a group's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// The chain alone: all contracts of `about` on it together.
    Chain,
    /// The contract of `about`.
    Contract,
    /// Whom the alert accuses, or any address it names where it says nothing.
    Attacker,
    /// The transaction.
    Transaction,
}

impl GroupBy {
    /// As it is written in a runbook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Contract => "contract",
            Self::Attacker => "attacker",
            Self::Transaction => "transaction",
        }
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    pub(super) chain: ChainId,
    pub(super) authenticated: bool,
    /// The contract; `None` where all of `about` on the chain stand together.
    pub(super) contract: Option<ContractName>,
    pub(super) attacker: Option<Address>,
    pub(super) transaction: Option<B256>,
}

impl GroupKey {
    /// What all its alerts have in common beside the contract, in words.
    pub(super) fn shared(&self) -> Option<String> {
        let attacker = self.attacker.map(|address| format!("all about the attacker {address}"));
        let transaction = self.transaction.map(|hash| format!("all about the transaction {hash}"));
        let told: Vec<String> = attacker.into_iter().chain(transaction).collect();
        (!told.is_empty()).then(|| told.join(" and "))
    }

    /// Whether an alert that fires here is spent there.
    pub(super) fn is_kin(&self, other: &Self) -> bool {
        self.chain == other.chain
            && self.authenticated == other.authenticated
            && self.contract == other.contract
    }
}

/// A group of an alert, and the contracts that it is about there, in the order of `about`.
pub(super) type Group<'w> = (GroupKey, Vec<&'w Watched>);

/// The groups the alert stands in; empty where it lacks what the condition groups by.
pub(super) fn groups<'w>(
    alert: &Alert,
    candidates: &BTreeSet<Address>,
    condition: &Condition,
    about: &'w [(Watched, About)],
) -> Vec<Group<'w>> {
    let by = condition.grouped_by();
    let named: Vec<&Watched> =
        about.iter().filter(|(_, answer)| *answer == About::Yes).map(|(watched, _)| watched).collect();
    let contracts: Vec<(Option<ContractName>, Vec<&Watched>)> = if by.contains(&GroupBy::Contract) {
        named.iter().map(|watched| (Some(watched.contract.clone()), vec![*watched])).collect()
    } else if named.is_empty() {
        Vec::new()
    } else {
        vec![(None, named)]
    };
    let attackers: BTreeSet<Option<Address>> = if by.contains(&GroupBy::Attacker) {
        let protected = |address| {
            condition.watched().iter().any(|own| own.chain_id == alert.chain && own.address == address)
        };
        let attackers = candidates.iter().filter(|address| !protected(**address));
        attackers.copied().map(Some).collect()
    } else {
        BTreeSet::from([None])
    };
    let transactions: Vec<Option<B256>> = if by.contains(&GroupBy::Transaction) {
        alert.transaction.map(Some).into_iter().collect()
    } else {
        vec![None]
    };
    let mut found = Vec::new();
    for (contract, watched) in contracts {
        for attacker in &attackers {
            for transaction in &transactions {
                let (chain, authenticated) = (alert.chain, alert.authenticated);
                let (attacker, transaction) = (*attacker, *transaction);
                let key =
                    GroupKey { chain, authenticated, contract: contract.clone(), attacker, transaction };
                found.push((key, watched.clone()));
            }
        }
    }
    found
}
