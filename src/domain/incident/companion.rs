//! Companions: other Safe transactions that belong to a proposal.
//!
//! A companion has its own Safe, nonce, owners and hash, is signed, submitted, followed and executed by that
//! hash, and never disturbs the proposal's own stage. For whoever does these things it looks like a proposal:
//! [`Companion::as_proposal`].
//!
//! *Invariant*: a companion's hash is the hash of its own fields; two of one incident never share a Safe and a
//! nonce unless one rejects the other.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fact::OwnerConfirmation;
use super::preparation::{PlannedCall, Preparation, Queue, Simulation};
use crate::domain::names::{ChainName, SafeName};
use crate::domain::roster::CoverageReport;
use crate::domain::safe::{SafeDomain, SafeTx, SafeTxHash, SafeTxHashes};

/// Why a companion is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "kebab-case")]
pub enum CompanionRole {
    /// The same calls at the nonce after the proposal's: what stands at the proposal's nonce is fully signed, and
    /// anybody may execute it first.
    NextNonce,
    /// A child Safe, an owner of the proposal's, approves this hash.
    Approval {
        /// Which hash it approves.
        of: SafeTxHash,
    },
    /// Uses up the nonce of a transaction of ours that is not wanted any more.
    Rejection {
        /// Which transaction can never execute afterwards.
        of: SafeTxHash,
    },
}

impl CompanionRole {
    /// The role's word, where there is little room.
    pub fn short(&self) -> &'static str {
        match self {
            Self::NextNonce => "next nonce",
            Self::Approval { .. } => "approval",
            Self::Rejection { .. } => "rejection",
        }
    }

    /// The role in words, for tables and pages.
    pub fn words(&self) -> &'static str {
        match self {
            Self::NextNonce => "the same at the next nonce",
            Self::Approval { .. } => "a child Safe's approval",
            Self::Rejection { .. } => "the rejection",
        }
    }
}

/// A Safe transaction that belongs to a proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Companion {
    /// Why it is there.
    #[serde(flatten)]
    pub role: CompanionRole,
    /// The chain, by name.
    pub chain: ChainName,
    /// The Safe's configured name, where it has one.
    pub safe: Option<SafeName>,
    /// Version, chain id and address: what the hash is bound to.
    pub domain: SafeDomain,
    /// Owners on the chain.
    pub owners: Vec<Address>,
    /// Confirmations needed on the chain.
    pub threshold: u64,
    /// What is to be signed.
    pub tx: SafeTx,
    /// Domain hash, message hash, safeTxHash: ours, and equal to the Safe's own.
    pub hashes: SafeTxHashes,
    /// The runbook's calls inside; none for an approval or a rejection.
    #[serde(default)]
    pub calls: Vec<PlannedCall>,
    /// What it does, in our own words.
    pub purpose: String,
    /// What the nodes said, where they were asked.
    pub simulation: Option<Simulation>,
    /// The block it was built on: executions are looked for from here.
    pub built_at_block: u64,
    /// Who can sign now.
    pub coverage: CoverageReport,
}

impl Companion {
    /// The companion's identity.
    pub fn safe_tx_hash(&self) -> SafeTxHash {
        self.hashes.safe_tx
    }

    /// What people call its Safe: the configured name, or the address.
    pub fn safe_label(&self) -> SafeName {
        self.safe.clone().unwrap_or_else(|| SafeName::new(self.domain.safe.to_string()))
    }

    /// As a proposal of its own, for whoever submits, follows, shows, signs or executes one.
    pub fn as_proposal(&self, attempt: u32) -> Preparation {
        let simulation = self.simulation.clone().unwrap_or_else(|| Simulation {
            block_number: self.built_at_block,
            block_hash: B256::ZERO,
            method: "none".to_owned(),
            endpoints: Vec::new(),
            dissent: Vec::new(),
            overrides: Vec::new(),
            gas_used: 0,
            expectations: Vec::new(),
            failure: Some("it was not simulated".to_owned()),
        });
        Preparation {
            attempt,
            chain: self.chain.clone(),
            safe: self.safe_label(),
            domain: self.domain,
            owners: self.owners.clone(),
            threshold: self.threshold,
            tx: self.tx.clone(),
            hashes: self.hashes,
            calls: self.calls.clone(),
            skipped: Vec::new(),
            considered: Vec::new(),
            coverage: self.coverage.clone(),
            queue: Queue::Read { displaced: Vec::new(), behind: 0, suspect: Vec::new() },
            simulation,
            confirmed_on_chain: None,
            companions: Vec::new(),
            purpose: Some(self.purpose.clone()),
            upgrades: Vec::new(),
        }
    }
}

/// Where a companion stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "stage")]
pub enum CompanionStage {
    /// Built; not yet at the service.
    Prepared,
    /// On its way to the service.
    Submitting {
        /// Which attempt.
        attempt: u32,
    },
    /// The service does not take it. It can be signed all the same.
    SubmitFailed {
        /// Which attempt failed.
        attempt: u32,
        /// When the next is due; none: never by itself.
        retry_at: Option<Timestamp>,
        /// In a sentence.
        problem: String,
    },
    /// At the service, read back and equal.
    Proposed,
    /// On its way to the chain.
    Executing {
        /// Which attempt.
        attempt: u32,
    },
    /// The chain did not take it.
    ExecuteFailed {
        /// Which attempt failed.
        attempt: u32,
        /// When the next is due; none: never by itself.
        retry_at: Option<Timestamp>,
        /// In a sentence.
        problem: String,
    },
    /// Executed.
    Executed {
        /// By which transaction.
        transaction: B256,
        /// The inner call succeeded.
        success: bool,
    },
    /// Its nonce went to another transaction: it can never execute.
    Spent,
}

impl CompanionStage {
    /// The stage's word, for tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Submitting { .. } => "submitting",
            Self::SubmitFailed { .. } => "submission failed",
            Self::Proposed => "proposed",
            Self::Executing { .. } => "executing",
            Self::ExecuteFailed { .. } => "execution failed",
            Self::Executed { .. } => "executed",
            Self::Spent => "can never execute",
        }
    }

    /// It may still be executed, now or later.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Prepared
            | Self::Submitting { .. }
            | Self::SubmitFailed { .. }
            | Self::Proposed
            | Self::Executing { .. }
            | Self::ExecuteFailed { .. } => true,
            Self::Executed { .. } | Self::Spent => false,
        }
    }
}

/// A companion as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct CompanionState {
    /// What it is.
    pub companion: Companion,
    /// Where it stands.
    #[serde(flatten)]
    pub stage: CompanionStage,
    /// Its confirmations, one an owner.
    pub confirmations: BTreeMap<Address, OwnerConfirmation>,
}

impl CompanionState {
    pub(super) fn new(companion: Companion) -> Self {
        Self { companion, stage: CompanionStage::Prepared, confirmations: BTreeMap::new() }
    }

    /// Owners who confirmed and still are owners.
    pub fn confirmed_owners(&self) -> u64 {
        self.confirmations.keys().filter(|owner| self.companion.owners.contains(owner)).count() as u64
    }

    /// Enough owners confirmed.
    pub fn has_quorum(&self) -> bool {
        self.confirmed_owners() >= self.companion.threshold
    }

    /// Somebody outside may know it: it was sent to the service, or an owner signed it. Only a spent nonce calls
    /// it back.
    pub fn has_left(&self) -> bool {
        self.stage != CompanionStage::Prepared || !self.confirmations.is_empty()
    }
}
