//! A proposal as one file that a stranger can read, check and sign without us: `docs/PROPOSAL-FILE.md`.
//!
//! The file carries everything that can be recomputed twice: once as it was computed here, once as what it
//! follows from. [`ExchangeFile::check`] recomputes all of it without a network. What only the chain knows (owners,
//! threshold, nonce) is what it was when the file was written, and is marked so by `writtenAt`.
//!
//! Numbers are decimal strings, addresses have their checksum, and the transaction's fields are named as the
//! Transaction Service names them. Fields that are not known here are left alone: whoever signs may add their own.

use alloy::primitives::{Address, Bytes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hash::{SafeDomain, SafeTxHashes, hash, typed_data};
use super::ids::{SafeAddress, SafeNonce, SafeTxHash, checksummed};
use super::multisend::{BatchedCall, decode, is_call_only};
use super::tx::{Operation, SafeTx};
use super::version::SafeVersion;
use crate::domain::names::ChainId;

/// What the field `format` says.
pub const FORMAT: &str = "redhandle/safe-proposal";

/// The version written here. A reader refuses a greater one; fields are only added within a version.
pub const FORMAT_VERSION: u32 = 1;

/// The longest file that is read, in bytes: a batch of calldata, its JSON, and signatures of many owners.
pub const FILE_MAX_BYTES: usize = 4 * 1024 * 1024;

/// A proposal, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeFile {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// How to use it, for whoever opens it in an editor.
    #[serde(default)]
    pub how_to: Vec<String>,
    /// When it was written: owners, threshold, nonce and confirmations are of then.
    #[serde(default)]
    pub written_at: Option<Timestamp>,
    /// The incident it belongs to, where it was written: `INC-7`.
    #[serde(default)]
    pub incident: Option<String>,
    /// The chain.
    pub chain: ChainPart,
    /// The Safe.
    pub safe: SafePart,
    /// What is to be signed.
    pub transaction: SafeTx,
    /// What `eth_signTypedData_v4` takes.
    #[serde(default)]
    pub typed_data: Option<Value>,
    /// Domain hash, message hash, safeTxHash.
    pub hashes: HashesPart,
    /// What it does, call by call.
    #[serde(default)]
    pub calls: Vec<CallPart>,
    /// What the nodes said when they ran it.
    #[serde(default)]
    pub simulation: Option<SimulationPart>,
    /// The confirmations so far.
    #[serde(default)]
    pub confirmations: Vec<SignaturePart>,
    /// Where whoever signs puts theirs: `"0x…"` or `{"owner": "0x…", "signature": "0x…"}`.
    #[serde(default)]
    pub signatures: Vec<Value>,
    /// Commands of `cast` (Foundry) that do the same without us.
    #[serde(default)]
    pub commands: Vec<CommandPart>,
}

/// The chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainPart {
    /// Its EIP-155 id.
    #[serde(with = "decimal_chain_id")]
    pub id: ChainId,
    /// What the writer calls it.
    #[serde(default)]
    pub name: String,
}

/// The Safe, as the chain had it when the file was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafePart {
    /// Where it lives.
    pub address: SafeAddress,
    /// What the writer calls it.
    #[serde(default)]
    pub name: String,
    /// Its `VERSION()`.
    pub version: SafeVersion,
    /// How many owners must sign.
    #[serde(default)]
    pub threshold: Option<u64>,
    /// Its nonce then; the transaction's own says when it can execute.
    #[serde(default)]
    pub nonce: Option<SafeNonce>,
    /// Who may sign.
    #[serde(default)]
    pub owners: Vec<OwnerPart>,
}

/// Somebody who may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerPart {
    /// The key's address.
    #[serde(serialize_with = "checksummed")]
    pub address: Address,
    /// Who holds it; none: nobody in the writer's roster.
    #[serde(default)]
    pub person: Option<String>,
    /// Whether their confirmation was there when the file was written.
    #[serde(default)]
    pub confirmed: bool,
}

/// The three hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HashesPart {
    /// What hardware wallets show as domain hash.
    pub domain: alloy::primitives::B256,
    /// What hardware wallets show as message hash.
    pub message: alloy::primitives::B256,
    /// What the owners sign.
    pub safe_tx: SafeTxHash,
}

impl From<SafeTxHashes> for HashesPart {
    fn from(hashes: SafeTxHashes) -> Self {
        Self { domain: hashes.domain, message: hashes.message, safe_tx: hashes.safe_tx }
    }
}

/// One call, in words and in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPart {
    /// Who is called.
    #[serde(serialize_with = "checksummed")]
    pub to: Address,
    /// The writer's name of it.
    #[serde(default)]
    pub contract: String,
    /// `vault.pause()`: the writer's words, to be checked against an ABI.
    #[serde(default)]
    pub call: String,
    /// Calldata.
    pub data: Bytes,
    /// What must hold afterwards.
    #[serde(default)]
    pub expect: String,
}

/// What the nodes said when they ran it: the writer's word, to be repeated and not believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulationPart {
    /// On top of which block.
    pub block_number: u64,
    /// And its hash.
    pub block_hash: alloy::primitives::B256,
    /// How it was run.
    pub method: String,
    /// The endpoints that agree.
    pub endpoints: Vec<String>,
    /// What was pretended.
    pub overrides: Vec<String>,
    /// Whether it went through and everything expected held.
    pub passed: bool,
    /// Why not.
    #[serde(default)]
    pub problem: Option<String>,
    /// What was expected, and whether it held.
    pub expectations: Vec<String>,
}

/// One confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignaturePart {
    /// Whose.
    #[serde(serialize_with = "checksummed")]
    pub owner: Address,
    /// As the Safe takes it.
    pub signature: Bytes,
    /// How the writer came by it: `service`, `command`, `chain`, `file`.
    #[serde(default)]
    pub source: String,
}

/// A command that does without us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandPart {
    /// What it does.
    pub does: String,
    /// The command, for a POSIX shell.
    pub command: String,
}

/// Why bytes are no proposal file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Longer than [`FILE_MAX_BYTES`].
    #[error("it has {found} bytes, and a proposal file has at most {FILE_MAX_BYTES}")]
    TooLong {
        /// How many it has.
        found: usize,
    },
    /// Not the JSON of the format.
    #[error("it is no proposal file of `redhandle proposal export`: {0}")]
    NotTheFormat(#[source] serde_json::Error),
    /// Another format.
    #[error("its format is `{found}` and not `{FORMAT}`")]
    OtherFormat {
        /// What it says.
        found: String,
    },
    /// Written by a later release.
    #[error(
        "its format version is {found} and this release reads up to {FORMAT_VERSION}: use a newer redhandle"
    )]
    Newer {
        /// What it says.
        found: u32,
    },
}

/// One thing that was recomputed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCheck {
    /// What.
    pub what: &'static str,
    /// It is as it must be.
    pub good: bool,
    /// What was found.
    pub found: String,
}

impl ExchangeFile {
    /// Reads the JSON of a file.
    ///
    /// # Errors
    /// When it is none, another format's, or a later version's.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        if text.len() > FILE_MAX_BYTES {
            return Err(ReadError::TooLong { found: text.len() });
        }
        /// The part that every version has.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            format: String,
            format_version: u32,
        }
        let head: Head = serde_json::from_str(text).map_err(ReadError::NotTheFormat)?;
        if head.format != FORMAT {
            return Err(ReadError::OtherFormat { found: head.format.chars().take(60).collect() });
        }
        if head.format_version > FORMAT_VERSION {
            return Err(ReadError::Newer { found: head.format_version });
        }
        serde_json::from_str(text).map_err(ReadError::NotTheFormat)
    }

    /// What separates the Safe's hashes from every other's.
    pub fn domain(&self) -> SafeDomain {
        SafeDomain { version: self.safe.version, chain_id: self.chain.id, safe: self.safe.address }
    }

    /// The hashes, computed from the transaction and not read from the file.
    pub fn recompute(&self) -> SafeTxHashes {
        hash(&self.transaction, &self.domain())
    }

    /// Recomputes everything that needs no chain, in the order a signer asks.
    pub fn check(&self) -> Vec<FileCheck> {
        let mut checks = Vec::new();
        let mut note = |what, good, found: String| checks.push(FileCheck { what, good, found });
        let ours = self.recompute();
        let same = HashesPart::from(ours) == self.hashes;
        let found = if same {
            format!("recomputed here: {}", ours.safe_tx)
        } else {
            format!("the transaction hashes to {}, the file says {}", ours.safe_tx, self.hashes.safe_tx)
        };
        note("hashes", same, found);
        let expected = typed_data(&self.transaction, &self.domain());
        match &self.typed_data {
            Some(given) => {
                let same = *given == expected;
                let words = if same { "is the transaction's" } else { "is ANOTHER transaction's" };
                note("typed data", same, format!("what wallets are given {words}"));
            }
            None => note("typed data", true, "the file has none; the hashes say the same".to_owned()),
        }
        let (good, found) = self.operation();
        note("operation", good, found);
        let pays = self.transaction.pays_a_refund()
            || !self.transaction.safe_tx_gas.is_zero()
            || !self.transaction.base_gas.is_zero()
            || !self.transaction.gas_token.is_zero()
            || !self.transaction.refund_receiver.is_zero();
        let words = if pays { "gas or refund fields are set: somebody may be paid" } else { "all zero" };
        note("gas and refund", !pays, words.to_owned());
        let (good, found) = self.calls_are_inside();
        note("calls", good, found);
        checks
    }

    fn operation(&self) -> (bool, String) {
        let tx = &self.transaction;
        match tx.operation {
            Operation::Call => (true, "a plain call".to_owned()),
            Operation::DelegateCall if is_call_only(tx.to) => {
                (true, format!("a batch by the canonical MultiSendCallOnly {}", tx.to))
            }
            Operation::DelegateCall => {
                (false, format!("a DELEGATECALL to {}: it may do anything to the Safe", tx.to))
            }
        }
    }

    /// The calls the file names are those the calldata has, in their order.
    fn calls_are_inside(&self) -> (bool, String) {
        let inside = match self.inner_calls() {
            Ok(inside) => inside,
            Err(problem) => return (false, problem),
        };
        let named: Vec<_> = self.calls.iter().map(|call| (call.to, &call.data)).collect();
        let real: Vec<_> = inside.iter().map(|call| (call.to, &call.data)).collect();
        if named == real && inside.iter().all(|call| call.value.is_zero()) && self.transaction.value.is_zero()
        {
            let words: Vec<_> = self.calls.iter().map(|call| call.call.as_str()).collect();
            return (
                true,
                format!("{} call(s), byte by byte those it names: {}", inside.len(), words.join(", then ")),
            );
        }
        if named == real {
            return (false, "the calls send money along, which no call of ours does".to_owned());
        }
        (
            false,
            format!(
                "the calldata has {} call(s), and they are not the {} the file names",
                real.len(),
                named.len()
            ),
        )
    }

    /// The calls of the calldata.
    ///
    /// # Errors
    /// When a batch cannot be read, in a sentence.
    pub fn inner_calls(&self) -> Result<Vec<BatchedCall>, String> {
        let tx = &self.transaction;
        match tx.operation {
            Operation::Call => Ok(vec![BatchedCall::call(tx.to, tx.data.clone())]),
            Operation::DelegateCall => {
                decode(&tx.data).map_err(|error| format!("the batch cannot be read: {error}"))
            }
        }
    }
}

/// Chain ids as decimal strings; numbers are read too.
mod decimal_chain_id {
    use serde::{Deserializer, Serializer};

    use crate::domain::names::ChainId;
    use crate::domain::safe::numbers;

    pub fn serialize<S: Serializer>(id: &ChainId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&id.0)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ChainId, D::Error> {
        let number = numbers::deserialize(from)?;
        let id =
            u64::try_from(number).map_err(|_| serde::de::Error::custom("a chain id has at most 64 bits"))?;
        Ok(ChainId(id))
    }
}

#[cfg(test)]
mod tests;
