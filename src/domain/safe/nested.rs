//! Owners that are contracts: what a Safe asks them, which depends on the *parent's* version.
//!
//! Up to 1.4.1 the parent asks `isValidSignature(bytes,bytes)` about the 66-byte preimage; 1.5.0 asks
//! `isValidSignature(bytes32,bytes)` about the safeTxHash. A child Safe answers for whichever of the two
//! it made its own message. The Transaction Service takes either for either parent; the chain takes one
//! and reverts with GS026 on the other. (`approveHash` by the child always works.)

use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolCall;

use super::abi;
use super::hash::SafeTxHashes;
use super::version::SafeVersion;

/// The question a Safe puts to an owner that is a contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContractOwnerMessage {
    /// EIP-1271: 32 bytes, usually the safeTxHash.
    Hash(B256),
    /// The form before: the bytes whose hash is the safeTxHash.
    Preimage(Bytes),
}

impl ContractOwnerMessage {
    /// What a parent of this version asks about a transaction.
    pub fn asked_by(parent: SafeVersion, hashes: &SafeTxHashes) -> Self {
        if parent.asks_contract_owners_about_the_hash() {
            Self::Hash(hashes.safe_tx.0)
        } else {
            Self::Preimage(Bytes::from(hashes.preimage()))
        }
    }

    /// The bytes that the owner must make its own: for a Safe, the message of
    /// [`message_hash`](super::message_hash).
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Hash(hash) => hash.as_slice(),
            Self::Preimage(preimage) => preimage,
        }
    }

    /// Calldata of the question.
    pub fn calldata(&self, signature: Bytes) -> Bytes {
        match self {
            Self::Hash(hash) => {
                abi::ContractOwner::isValidSignatureCall { hash: *hash, signature }.abi_encode()
            }
            Self::Preimage(data) => {
                abi::LegacyContractOwner::isValidSignatureCall { data: data.clone(), signature }.abi_encode()
            }
        }
        .into()
    }

    /// The four bytes that mean yes: the question's own selector, padded to a word by the ABI.
    pub fn yes(&self) -> [u8; 4] {
        match self {
            Self::Hash(_) => abi::ContractOwner::isValidSignatureCall::SELECTOR,
            Self::Preimage(_) => abi::LegacyContractOwner::isValidSignatureCall::SELECTOR,
        }
    }
}
