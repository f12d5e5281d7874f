//! A proposal as it was prepared: what people will be asked to sign, and why it can be trusted.

use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::companion::Companion;
use crate::domain::names::{ChainName, ContractName, SafeName};
use crate::domain::roster::CoverageReport;
use crate::domain::safe::{SafeDomain, SafeNonce, SafeTx, SafeTxHash, SafeTxHashes};
use crate::domain::upgrade::proof::UpgradeProof;

/// One call of the proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCall {
    /// The contract's configured name.
    pub contract: ContractName,
    /// Its address.
    pub address: Address,
    /// The decoded call: `vault.pause()`.
    pub call: String,
    /// Its calldata.
    pub data: Bytes,
    /// What must hold afterwards.
    pub expect: String,
}

/// A call of the runbook that the chain no longer needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedCall {
    /// The decoded call.
    pub call: String,
    /// Its `unless`, which holds.
    pub because: String,
}

/// What stands in the Safe's queue at our nonce and can never execute once ours has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Displaced {
    /// Its hash.
    pub safe_tx_hash: SafeTxHash,
    /// Its nonce.
    pub nonce: SafeNonce,
    /// What it does, as far as its calldata tells.
    pub purpose: String,
    /// How many owners confirmed it: signatures and approvals that were checked, not what the service counts.
    pub confirmations: u64,
    /// Enough of them: anybody may execute it at any moment.
    #[serde(default)]
    pub fully_signed: bool,
}

/// What the queue held when the proposal was prepared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    /// Read from the service.
    Read {
        /// Those at our nonce.
        displaced: Vec<Displaced>,
        /// How many stand behind, at later nonces; they stay valid.
        behind: u64,
        /// Of these, what nobody should sign, each with its nonce, in words; a few.
        #[serde(default)]
        suspect: Vec<String>,
    },
    /// The service did not say. The proposal is as good as it was; what it displaces is unknown.
    Unknown(String),
}

/// A Safe that was looked at, and why it was or was not chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    /// Which.
    pub safe: SafeName,
    /// Whether its signers are on call.
    pub coverage: CoverageReport,
    /// Why not this one; none for the chosen.
    pub passed_over: Option<String>,
}

/// One `expect`, as the simulation left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The expression.
    pub expect: String,
    /// It holds.
    pub holds: bool,
    /// Why not, or why unknown.
    pub because: Option<String>,
}

/// What the nodes said when they ran it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// On top of which block.
    pub block_number: u64,
    /// And its hash.
    pub block_hash: B256,
    /// `eth_simulateV1`, or what was used instead.
    pub method: String,
    /// The endpoints that ran it and agree.
    pub endpoints: Vec<String>,
    /// What the others said instead, or why they said nothing.
    #[serde(default)]
    pub dissent: Vec<String>,
    /// What was pretended: the threshold, before real signatures exist.
    pub overrides: Vec<String>,
    /// Gas of the whole `execTransaction`.
    pub gas_used: u64,
    /// What must hold afterwards.
    pub expectations: Vec<Expectation>,
    /// Why it failed, where it did.
    pub failure: Option<String>,
}

impl Simulation {
    /// The call went through and everything expected holds.
    pub fn passed(&self) -> bool {
        self.failure.is_none() && self.expectations.iter().all(|expectation| expectation.holds)
    }

    /// Why it did not pass, in a sentence.
    pub fn why_not(&self) -> Option<String> {
        if let Some(failure) = &self.failure {
            return Some(format!("the simulation reverts: {failure}"));
        }
        let broken: Vec<_> = self
            .expectations
            .iter()
            .filter(|expectation| !expectation.holds)
            .map(|expectation| match &expectation.because {
                Some(because) => format!("{} ({because})", expectation.expect),
                None => expectation.expect.clone(),
            })
            .collect();
        (!broken.is_empty())
            .then(|| format!("after the simulation this does not hold: {}", broken.join("; ")))
    }
}

/// A proposal: built from live state, simulated, hashed twice, its signers counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The chain, by name.
    pub chain: ChainName,
    /// The Safe, by name.
    pub safe: SafeName,
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
    /// The calls inside.
    pub calls: Vec<PlannedCall>,
    /// Calls of the runbook left out.
    pub skipped: Vec<SkippedCall>,
    /// The Safes considered, the chosen one first.
    pub considered: Vec<Considered>,
    /// Who can sign now.
    pub coverage: CoverageReport,
    /// What it displaces.
    pub queue: Queue,
    /// What the nodes said.
    pub simulation: Simulation,
    /// The runbook's `confirm`, where it has one, and that it holds.
    pub confirmed_on_chain: Option<String>,
    /// Other Safe transactions that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<Companion>,
    /// What it does in words, where it makes none of a runbook's calls: a rejection, an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// What was found about each upgrade inside, and about those that wait for their timelock.
    #[serde(default)]
    pub upgrades: Vec<UpgradeProof>,
}

impl Preparation {
    /// The proposal's identity.
    pub fn safe_tx_hash(&self) -> SafeTxHash {
        self.hashes.safe_tx
    }

    /// All calls in one line.
    pub fn describe_calls(&self) -> String {
        if let Some(purpose) = self.purpose.as_ref().filter(|_| self.calls.is_empty()) {
            return purpose.clone();
        }
        self.calls.iter().map(|call| call.call.as_str()).collect::<Vec<_>>().join(", then ")
    }
}
