//! What facts are made of: who, from where, and what it means for trying again.

use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::domain::names::{ConditionId, PersonId};
use crate::domain::safe::SafeTxHash;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Redhandle itself, by what its runbooks say.
    Agent,
    /// A person of the roster.
    Person(PersonId),
    /// Someone who used the command line without saying who.
    Operator,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agent => f.write_str("Redhandle"),
            Self::Person(id) => f.write_str(id.as_str()),
            Self::Operator => f.write_str("the operator"),
        }
    }
}

/// Where a report came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Alerts that matched a condition.
    Match(ConditionId),
    /// Somebody who said so: support, customer, hacker, security-team, law-enforcement, other.
    Reporter {
        /// Which kind of person.
        kind: String,
        /// How to reach them, as they gave it.
        contact: Option<String>,
    },
    /// A responder who started a runbook by hand.
    Trigger,
}

/// What the failure of a task means for trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// The same attempt may succeed later.
    Later,
    /// Repeating changes nothing: a person must.
    Never,
}

/// A proposal's readiness for signing, from one owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerConfirmation {
    /// What was signed.
    pub safe_tx_hash: SafeTxHash,
    /// By whom: recovered from the signature and found among the Safe's owners.
    pub owner: Address,
    /// The signature as the Safe takes it (65 bytes, or longer for contract signatures).
    pub signature: Bytes,
    /// How it reached us: `service`, `command`, `chain`, `file`, `pre-signed`.
    pub source: String,
}

/// What was executed at a nonce instead of a transaction of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBy {
    /// Its hash, read from the Safe's own events.
    pub safe_tx_hash: SafeTxHash,
    /// The chain's transaction that executed it.
    pub transaction: B256,
    /// What it did, in our own words; none: its calldata is not known here.
    pub purpose: Option<String>,
}

/// A role in command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Leads the incident; exactly one at a time.
    Commander,
    /// Speaks to the public.
    Communications,
    /// Works on it.
    Responder,
}

impl Role {
    /// The role's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commander => "incident commander",
            Self::Communications => "public communications officer",
            Self::Responder => "responder",
        }
    }
}
