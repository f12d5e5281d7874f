//! The Transaction Service of a chain, hosted or embedded.
//!
//! The agent talks to the embedded service as it does to a hosted one: over HTTP, by the same client. The
//! embedded one in turn asks the chain through [`AgreedChain`].

use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256};
use alloy::sol_types::{SolCall, SolValue};
use async_trait::async_trait;

use super::pace::Pace;
use crate::chain::{BlockRef, CallOutcome, Chain, RANGE_MAX_BLOCKS, SafeReadError, SnapshotPlan};
use crate::domain::names::{ChainId, ChainName};
use crate::domain::safe::abi::{ContractOwner, LegacyContractOwner, Safe};
use crate::domain::safe::{ContractOwnerMessage, SafeAddress, SafeState, SafeTxHash};
use crate::safe_service::client::{Quota, Standing};
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
    /// Below this share of its requests it is red, in percent; none for the embedded one, which has no quota.
    pub quota_low_percent: Option<u8>,
    /// How often it is asked about what it was asked before.
    pub pace: Pace,
    /// Where its key is configured.
    key_place: String,
}

impl ServiceLink {
    /// The service of a chain. `quota_low_percent` is none for the embedded one.
    pub fn new(
        chain: &ChainName,
        name: String,
        client: ServiceClient,
        quota_low_percent: Option<u8>,
    ) -> Self {
        let key_place = match quota_low_percent {
            Some(_) => format!("[chains.{chain}] safe_service.key"),
            None => "[web] key".to_owned(),
        };
        Self { name, client, quota_low_percent, pace: Pace::default(), key_place }
    }

    /// A failure of this service, for a person: what it means and what to do.
    pub fn in_words(&self, safe: SafeAddress, error: &ServiceError) -> String {
        words::explain_failure(safe, error, &self.key_place)
    }

    /// Why a delegation or a deletion was not taken. Where the hour that is signed is to blame, both clocks
    /// are compared.
    pub fn hour_in_words(&self, safe: SafeAddress, error: &ServiceError) -> String {
        let told = self.in_words(safe, error);
        match &error.failure {
            ServiceFailure::Refused { message, .. } if words::blames_the_hour(message) => {
                words::explain_hour(&told, self.client.heard().clock_ahead)
            }
            ServiceFailure::Refused { .. }
            | ServiceFailure::Unauthorized { .. }
            | ServiceFailure::RateLimited { .. }
            | ServiceFailure::Unavailable(_)
            | ServiceFailure::AnswerLost(_)
            | ServiceFailure::Garbled(_) => told,
        }
    }

    /// How its quota stands; none where it has none.
    ///
    /// # Errors
    /// Why it is red, in a sentence: low, used up, or unknown although a key was bought to have one.
    pub fn quota(&self) -> Result<Option<Quota>, String> {
        let Some(low_percent) = self.quota_low_percent else { return Ok(None) };
        let Some(quota) = self.client.heard().quota else {
            return if self.client.has_key() && low_percent > 0 {
                Err(format!(
                    "a key is configured and {} has not said how many requests are left: see that its address is the hosted service's; `quota_low = \"0%\"` if it has no quota",
                    self.name
                ))
            } else {
                Ok(None)
            };
        };
        let told = quota.in_words();
        match quota.standing(low_percent) {
            Standing::Enough => Ok(Some(quota)),
            Standing::Low => Err(format!(
                "less than {low_percent}% of the month's requests are left at {}: {told}; take a larger plan before an emergency needs them",
                self.name
            )),
            Standing::Exhausted => Err(format!(
                "no requests are left at {}: {told}; proposals will not reach it: take a larger plan, and sign without it until then",
                self.name
            )),
        }
    }
}

/// A service's failure, for a person, where it is not at hand which chain's service it was.
pub fn in_words(safe: SafeAddress, error: &ServiceError) -> String {
    words::explain_failure(safe, error, "[chains.NAME] safe_service.key")
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
        let mut plan = SnapshotPlan::new();
        let ticket = plan.call(to, data.into());
        let snapshot = self.0.newest(plan).await.map_err(|error| unread(doing, error))?;
        snapshot.call(ticket).map_err(|error| unread(doing, error))
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

    async fn had_code(&self, address: Address, block: u64) -> Result<bool, ChainViewError> {
        let doing = format!("read whether {address} had code at block {block}");
        let at = self.0.block(block).await.map_err(|error| unread(&doing, error))?;
        let Some(at) = at else {
            return Err(ChainViewError { doing, source: "the endpoints have no such block".into() });
        };
        let code = self.0.code_hash(&at, address).await.map_err(|error| unread(&doing, error))?;
        Ok(code.is_some())
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
