//! The Transaction Service of a chain, hosted or embedded.
//!
//! The agent talks to the embedded service as it does to a hosted one: over HTTP, by the same client. The
//! embedded one in turn asks the chain through [`AgreedChain`].

use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256};
use alloy::sol_types::{SolCall, SolValue};
use async_trait::async_trait;

use crate::chain::{BlockRef, CallOutcome, Chain, RANGE_MAX_BLOCKS, SafeReadError};
use crate::domain::names::ChainId;
use crate::domain::safe::abi::{ContractOwner, LegacyContractOwner, Safe};
use crate::domain::safe::{ContractOwnerMessage, SafeAddress, SafeState, SafeTxHash};
use crate::safe_service::{
    ChainView, ChainViewError, Execution, Head, ServiceClient, ServiceError, ServiceFailure, words,
};

/// How far back the embedded service looks for an execution, in blocks.
const EXECUTION_SEARCH_BLOCKS: u64 = 5 * RANGE_MAX_BLOCKS;

/// `isValidSignature(bytes32,bytes)` answers with its own selector (EIP-1271).
const MAGIC: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];
/// `isValidSignature(bytes,bytes)`, the form before, likewise.
const LEGACY_MAGIC: [u8; 4] = [0x20, 0xc1, 0x3b, 0x0b];

/// A chain's service, and what people call it.
#[derive(Clone, Debug)]
pub struct ServiceLink {
    /// Its host, or `the embedded service`.
    pub name: String,
    /// The client.
    pub client: ServiceClient,
}

/// A service's failure, for a person.
pub fn in_words(safe: SafeAddress, error: &ServiceError) -> String {
    match &error.failure {
        ServiceFailure::Refused { message, .. } => words::explain(safe, message),
        ServiceFailure::Unauthorized { .. }
        | ServiceFailure::RateLimited { .. }
        | ServiceFailure::Unavailable(_)
        | ServiceFailure::AnswerLost(_)
        | ServiceFailure::Garbled(_) => super::chain_of(error),
    }
}

/// What the embedded service sees of a chain: what its endpoints agree on.
#[derive(Clone, Debug)]
pub struct AgreedChain(pub Chain);

fn unread(doing: &str, source: impl std::error::Error + Send + Sync + 'static) -> ChainViewError {
    ChainViewError { doing: doing.to_owned(), source: Box::new(source) }
}

impl AgreedChain {
    async fn head(&self, doing: &str) -> Result<BlockRef, ChainViewError> {
        self.0.head().await.map_err(|error| unread(doing, error))
    }

    async fn call(&self, doing: &str, to: Address, data: Vec<u8>) -> Result<CallOutcome, ChainViewError> {
        let block = AgreedChain::head(self, doing).await?;
        let mut outcomes =
            self.0.call_many(&block, &[(to, data.into())]).await.map_err(|error| unread(doing, error))?;
        match outcomes.pop() {
            Some(outcome) => outcome.map_err(|error| unread(doing, error)),
            None => Ok(CallOutcome::Reverted(Bytes::new())),
        }
    }
}

#[async_trait]
impl ChainView for AgreedChain {
    fn chain_id(&self) -> ChainId {
        self.0.id()
    }

    async fn head(&self) -> Result<Head, ChainViewError> {
        let block = AgreedChain::head(self, "read the newest block").await?;
        Ok(Head { number: block.number, timestamp_s: block.timestamp_s })
    }

    async fn code_hash(&self, address: Address) -> Result<Option<B256>, ChainViewError> {
        let doing = format!("read the code of {address}");
        let block = AgreedChain::head(self, &doing).await?;
        self.0.code_hash(&block, address).await.map_err(|error| unread(&doing, error))
    }

    async fn safe_state(&self, safe: SafeAddress) -> Result<Option<SafeState>, ChainViewError> {
        let doing = format!("read Safe {safe}");
        let block = AgreedChain::head(self, &doing).await?;
        match self.0.safe_state(&block, safe).await {
            Ok(state) => Ok(Some(state)),
            Err(SafeReadError::NotASafe { .. }) => Ok(None),
            Err(error) => Err(unread(&doing, error)),
        }
    }

    async fn is_valid_signature(
        &self,
        signer: Address,
        message: &ContractOwnerMessage,
        signature: &Bytes,
    ) -> Result<bool, ChainViewError> {
        let (data, magic) = match message {
            ContractOwnerMessage::Hash(hash) => {
                let call = ContractOwner::isValidSignatureCall { hash: *hash, signature: signature.clone() };
                (call.abi_encode(), MAGIC)
            }
            ContractOwnerMessage::Preimage(data) => {
                let call = LegacyContractOwner::isValidSignatureCall {
                    data: data.clone(),
                    signature: signature.clone(),
                };
                (call.abi_encode(), LEGACY_MAGIC)
            }
        };
        match self.call(&format!("ask {signer} about a signature"), signer, data).await? {
            CallOutcome::Returned(answer) => {
                Ok(FixedBytes::<4>::abi_decode(&answer).is_ok_and(|answer| answer == FixedBytes(magic)))
            }
            CallOutcome::Reverted(_) => Ok(false),
        }
    }

    async fn approved_hash(
        &self,
        safe: SafeAddress,
        owner: Address,
        hash: SafeTxHash,
    ) -> Result<bool, ChainViewError> {
        let data = Safe::approvedHashesCall { owner, hash: hash.0 }.abi_encode();
        match self.call(&format!("read what {owner} approved"), safe.0, data).await? {
            CallOutcome::Returned(answer) => {
                Ok(U256::abi_decode(&answer).is_ok_and(|approved| !approved.is_zero()))
            }
            CallOutcome::Reverted(_) => Ok(false),
        }
    }

    async fn execution(
        &self,
        safe: SafeAddress,
        hash: SafeTxHash,
    ) -> Result<Option<Execution>, ChainViewError> {
        let doing = format!("look for the execution of {hash}");
        let head = AgreedChain::head(self, &doing).await?;
        let oldest = head.number.saturating_sub(EXECUTION_SEARCH_BLOCKS);
        let mut end = head;
        loop {
            let from = end.number.saturating_sub(RANGE_MAX_BLOCKS - 1).max(oldest);
            let found = self.0.executions(safe, from, &end).await.map_err(|error| unread(&doing, error))?;
            if let Some(found) = found.into_iter().find(|execution| execution.safe_tx_hash == hash) {
                let block = self.0.block(found.block_number).await.map_err(|error| unread(&doing, error))?;
                return Ok(Some(Execution {
                    tx_hash: found.transaction,
                    success: found.succeeded,
                    block: found.block_number,
                    at_s: block.map(|block| block.timestamp_s),
                }));
            }
            if from <= oldest {
                return Ok(None);
            }
            let before = self.0.block(from - 1).await.map_err(|error| unread(&doing, error))?;
            let Some(before) = before else { return Ok(None) };
            end = before;
        }
    }
}
