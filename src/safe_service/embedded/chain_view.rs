//! What the embedded service asks of the chain.

use alloy::primitives::{Address, B256, Bytes};
use async_trait::async_trait;

use crate::domain::names::ChainId;
use crate::domain::safe::{ContractOwnerMessage, SafeAddress, SafeState, SafeTxHash};

/// The chain behind the embedded service.
///
/// An answer is what the chain said; what it did not say is an error, never a guess. Answers may be a
/// few blocks old, but must not contradict each other within one request more than a new block would.
#[async_trait]
pub trait ChainView: Send + Sync + std::fmt::Debug {
    /// Which chain.
    fn chain_id(&self) -> ChainId;

    /// The newest block.
    ///
    /// # Errors
    /// When the chain cannot be read.
    async fn head(&self) -> Result<Head, ChainViewError>;

    /// keccak256 of a contract's code; `None` where there is no code.
    ///
    /// # Errors
    /// When the chain cannot be read.
    async fn code_hash(&self, address: Address) -> Result<Option<B256>, ChainViewError>;

    /// Whether there was code at an address once a block of this height was done.
    ///
    /// # Errors
    /// When the chain cannot be read as it was then; nodes that are no archives forget.
    async fn had_code(&self, address: Address, block: u64) -> Result<bool, ChainViewError>;

    /// The Safe as it is now; `None` when there is none at the address.
    ///
    /// # Errors
    /// When the chain cannot be read.
    async fn safe_state(&self, safe: SafeAddress) -> Result<Option<SafeState>, ChainViewError>;

    /// Whether a contract stands behind a signature (EIP-1271 or the form before). A contract that
    /// reverts, or is none, does not.
    ///
    /// # Errors
    /// When the chain cannot be read.
    async fn is_valid_signature(
        &self,
        signer: Address,
        message: &ContractOwnerMessage,
        signature: &Bytes,
    ) -> Result<bool, ChainViewError>;

    /// Whether an owner called `approveHash`.
    ///
    /// # Errors
    /// When the chain cannot be read.
    async fn approved_hash(
        &self,
        safe: SafeAddress,
        owner: Address,
        hash: SafeTxHash,
    ) -> Result<bool, ChainViewError>;

    /// How a transaction of the Safe ended; `None` when it did not.
    ///
    /// # Errors
    /// When the chain cannot be read.
    async fn execution(
        &self,
        safe: SafeAddress,
        hash: SafeTxHash,
    ) -> Result<Option<Execution>, ChainViewError>;
}

/// The end of a Safe transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The transaction that executed it.
    pub tx_hash: B256,
    /// `ExecutionSuccess` or `ExecutionFailure`.
    pub success: bool,
    /// The block's height.
    pub block: u64,
    /// The block's time, in seconds since 1970; `None` where it is not known.
    pub at_s: Option<u64>,
}

/// A block, as far as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its height.
    pub number: u64,
    /// Its time, in seconds since 1970.
    pub timestamp_s: u64,
}

/// The chain could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read the chain to {doing}")]
pub struct ChainViewError {
    /// What was being read, for example `read Safe 0x…`.
    pub doing: String,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
