//! A Safe as a value: its transactions, the hashes of every Safe version, owners' signatures, batches.
//!
//! Everything here is pure. It knows the Safe contracts and the typed data of the Safe Transaction
//! Service; it does not know a node, a service or a key. A hash is always computed here first and only
//! then compared with what somebody else says it is.
//!
//! The vectors in `tests/fixtures/safe/vectors.json` were run against the real contracts of all six
//! versions; where a comment here and a vector disagree, the vector is right.

pub mod abi;
pub mod approval;
pub mod contract_signature;
mod delegate;
pub mod diagnose;
pub mod exchange;
mod hash;
mod ids;
pub mod multisend;
mod nested;
mod numbers;
pub mod owner_tree;
pub mod paste;
pub mod queue_audit;
pub mod signature;
pub mod singleton;
mod state;
mod trusted;
mod tx;
mod version;

pub use delegate::{TOTP_PERIOD_SECONDS, delegate_hash, delegate_typed_data, delete_request_hash, totp};
pub use hash::{
    SafeDomain, SafeTxHashes, hash, message_hash, message_hashes, message_typed_data, typed_data,
};
pub use ids::{SafeAddress, SafeNonce, SafeTxHash};
pub use multisend::BatchedCall;
pub use nested::ContractOwnerMessage;
pub use numbers::NumberError;
pub use owner_tree::{OwnerKind, OwnerNode, OwnerReading, OwnerTree};
pub use signature::{OwnerSignature, SignatureKind};
pub use state::SafeState;
pub use trusted::{TrustedLibrary, is_plain_multi_send, trusted_library};
pub use tx::{Operation, SafeTx};
pub use version::{SafeVersion, UnknownSafeVersion};

#[cfg(test)]
mod vectors;
