//! The service's JSON, as much of it as is used: v2 for transactions and delegates, v1 where there is no
//! v2. Fields that are not used are not read, so that the service may add some.
//!
//! What is read here is a claim of the service. The safeTxHash is recomputed and every signature is
//! recovered before anything is built on it: [`Confirmation::owner_signature`].

use alloy::primitives::{Address, B256, Bytes};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::safe::signature::{SplitError, unpack};
use crate::domain::safe::{OwnerSignature, SafeAddress, SafeNonce, SafeTx, SafeTxHash, SignatureKind};

/// `GET /api/v1/about/`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct About {
    /// How the service names itself.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// `GET /api/v1/safes/{address}/`: read from the chain by the service at the time of asking.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SafeInfo {
    /// The Safe.
    pub address: SafeAddress,
    /// Its nonce on chain.
    pub nonce: SafeNonce,
    /// How many owners must sign.
    pub threshold: u64,
    /// The owners.
    pub owners: Vec<Address>,
    /// The singleton.
    pub master_copy: Address,
    /// Enabled modules.
    pub modules: Vec<Address>,
    /// Zero when there is none.
    pub fallback_handler: Address,
    /// Zero when there is none.
    pub guard: Address,
    /// Zero when there is none.
    #[serde(default)]
    pub module_guard: Address,
    /// For example `1.4.1+L2`; `None` where the contract did not say.
    pub version: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Page<T> {
    /// How many there are on all pages.
    pub count: u64,
    /// Where the next page is; only its query is used, never its host.
    pub next: Option<String>,
    /// Where the page before is.
    pub previous: Option<String>,
    /// What is on this page.
    pub results: Vec<T>,
}

/// One transaction of a Safe as the service knows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultisigTransaction {
    /// The Safe.
    pub safe: SafeAddress,
    /// What is signed.
    #[serde(flatten)]
    pub tx: SafeTx,
    /// What the service says its hash is.
    pub safe_tx_hash: SafeTxHash,
    /// The owner it was proposed for.
    pub proposer: Option<Address>,
    /// The delegate who proposed it, if it was one.
    #[serde(default)]
    pub proposed_by_delegate: Option<Address>,
    /// Who executed it.
    pub executor: Option<Address>,
    /// Whether the service saw it executed. On a Safe with an L1 singleton it never does: ask the chain.
    pub is_executed: bool,
    /// Whether the inner call succeeded.
    pub is_successful: Option<bool>,
    /// The transaction that executed it.
    pub transaction_hash: Option<B256>,
    /// The block in which that was.
    pub block_number: Option<u64>,
    /// When it was proposed.
    pub submission_date: Timestamp,
    /// When the service last changed it.
    pub modified: Timestamp,
    /// The time of its block.
    pub execution_date: Option<Timestamp>,
    /// The threshold, as far as the service knows it.
    pub confirmations_required: Option<u64>,
    /// Owners' approvals the service has.
    #[serde(default, deserialize_with = "null_as_default")]
    pub confirmations: Vec<Confirmation>,
    /// False for a proposal that anybody may have made in an owner's name.
    #[serde(default)]
    pub trusted: bool,
    /// Free text of whoever proposed it.
    #[serde(default)]
    pub origin: Option<String>,
}

/// One owner's approval, as the service has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// Whose the service says it is.
    pub owner: Address,
    /// When the service got it.
    pub submission_date: Timestamp,
    /// The transaction of an approval on chain.
    pub transaction_hash: Option<B256>,
    /// Packed as the contracts take it, alone.
    pub signature: Option<Bytes>,
    /// `None` for a kind that is not known here.
    #[serde(rename = "signatureType", deserialize_with = "known_kind")]
    pub kind: Option<SignatureKind>,
}

/// Why a confirmation does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationError {
    /// There is nothing to verify.
    #[error("the service has no signature of {0}")]
    Missing(Address),
    /// Its bytes are not a signature.
    #[error("the signature the service has of {owner} cannot be read")]
    Unreadable {
        /// Whose the service says it is.
        owner: Address,
        /// Why.
        #[source]
        source: SplitError,
    },
    /// Somebody else signed, or something else was signed.
    #[error("the service says {said} signed, but the signature is of {found}")]
    OtherSigner {
        /// Whose the service says it is.
        said: Address,
        /// Whose it is.
        found: Address,
    },
    /// More than one signature in one confirmation.
    #[error("the service has {found} signatures where one of {owner} should be")]
    Several {
        /// Whose the service says it is.
        owner: Address,
        /// How many there are.
        found: usize,
    },
}

impl Confirmation {
    /// The signature, after recovering that it is the owner's and of this hash. For an approval or a
    /// contract signature the chain still has to be asked.
    ///
    /// # Errors
    /// When it is not.
    pub fn owner_signature(&self, of: SafeTxHash) -> Result<OwnerSignature, ConfirmationError> {
        let owner = self.owner;
        let bytes = self.signature.as_ref().ok_or(ConfirmationError::Missing(owner))?;
        let signatures =
            unpack(of, bytes).map_err(|source| ConfirmationError::Unreadable { owner, source })?;
        let found = signatures.len();
        let [signature] = <[OwnerSignature; 1]>::try_from(signatures)
            .map_err(|_| ConfirmationError::Several { owner, found })?;
        if signature.owner != owner {
            return Err(ConfirmationError::OtherSigner { said: owner, found: signature.owner });
        }
        Ok(signature)
    }
}

/// Somebody who may propose for an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delegate {
    /// The Safe; `None` for every Safe of the delegator.
    pub safe: Option<SafeAddress>,
    /// Who may propose.
    pub delegate: Address,
    /// The owner who allowed it.
    pub delegator: Address,
    /// Free text.
    pub label: String,
    /// When it ends.
    #[serde(default)]
    pub expiry_date: Option<Timestamp>,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

fn known_kind<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SignatureKind>, D::Error> {
    let kind = serde_json::Value::deserialize(from)?;
    Ok(SignatureKind::deserialize(kind).ok())
}
