//! What alerts of one window may have to differ in, beside their bots, feeds and stages.
//!
//! An alert may name several attackers or entities: what is counted are the different ones among all alerts of the
//! window. Only what an alert says in so many words is counted; an address that it merely names is nobody's entity.

use std::collections::BTreeSet;

use alloy::primitives::hex;
use serde::{Deserialize, Serialize};

use super::attacker::{ATTACKERS_MAX, accused};
use super::words::Vendors;
use crate::domain::alert::{Alert, BotId};
use crate::domain::names::ContractName;

/// What must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distinct {
    /// Who makes the alerts: vendors agree with each other less than the bots or the feeds of one.
    Vendors,
    /// Whom they accuse.
    Attackers,
    /// The transactions they are about.
    Transactions,
    /// The contracts of `about` they are about.
    Contracts,
    /// What they put labels on.
    Entities,
}

/// `count = { vendors = 2, … }` and its like: how many different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistinctSpec {
    /// What must differ.
    pub of: Distinct,
    /// How many different ones are wanted.
    pub at_least: u32,
}

impl Distinct {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Vendors, Self::Attackers, Self::Transactions, Self::Contracts, Self::Entities];

    /// As it is written in `count`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vendors => "vendors",
            Self::Attackers => "attackers",
            Self::Transactions => "transactions",
            Self::Contracts => "contracts",
            Self::Entities => "entities",
        }
    }

    /// The word for one.
    pub(super) const fn of_one(self) -> &'static str {
        match self {
            Self::Vendors => "vendor",
            Self::Attackers => "attacker",
            Self::Transactions => "transaction",
            Self::Contracts => "contract",
            Self::Entities => "entity",
        }
    }

    /// What the alert has of it.
    pub(super) fn of(self, alert: &Alert, about: &[ContractName], vendors: &Vendors) -> BTreeSet<String> {
        match self {
            Self::Vendors => BTreeSet::from([vendor(alert, vendors)]),
            Self::Attackers => accused(alert).iter().map(hex::encode_prefixed).collect(),
            Self::Transactions => alert.transaction.iter().map(hex::encode_prefixed).collect(),
            Self::Contracts => about.iter().map(ToString::to_string).collect(),
            Self::Entities => {
                let marks = alert.labels.iter().filter(|label| !label.remove && !label.entity.is_empty());
                marks.map(|label| label.entity.to_ascii_lowercase()).take(ATTACKERS_MAX).collect()
            }
        }
    }
}

/// Whose alert it is: what the configuration says of its feed, or else the first part of its bot; Forta's bots have none.
fn vendor(alert: &Alert, vendors: &Vendors) -> String {
    if let Some(vendor) = vendors.get(&alert.feed) {
        return vendor.clone();
    }
    vendor_of(&alert.bot).to_owned()
}

/// Whose bot it is, where its feed does not say it.
pub(super) fn vendor_of(bot: &BotId) -> &str {
    bot.as_str().split_once(':').map_or("forta", |(vendor, _)| vendor)
}
