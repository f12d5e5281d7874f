//! Taking a proposal: the real service's checks in its order, with its texts, and the nonce on chain.

use alloy::primitives::{Address, B256, Bytes, U256};
use axum::http::StatusCode;
use serde_json::Value;

use super::Parts;
use super::fields::{Fields, Need, checksummed};
use super::known::check_delegatecall;
use super::refusal::Refusal;
use super::signers::{Claim, SIGNATURES_MAX, listed, set};
use super::store::{Micros, StoredConfirmation, StoredDelegate, StoredTx};
use crate::domain::safe::{
    Operation, SafeAddress, SafeDomain, SafeNonce, SafeState, SafeTx, SafeTxHash, SafeTxHashes, SafeVersion,
    hash,
};

const STATUS: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// Characters of an origin (service 6.10.1).
pub(super) const ORIGIN_CHARS_MAX: usize = 200;

/// How far beyond the Safe's nonce on chain a proposal may be. No queue of people is that long, and one
/// proposal far ahead makes every client propose behind it: they take the highest nonce plus one.
const NONCE_AHEAD_MAX: u64 = 1_000;

/// Proposals of one Safe that nobody entitled has signed. Anybody can claim to be an owner, so there is
/// an end to it.
const UNTRUSTED_PER_SAFE_MAX: i64 = 100;

/// How long such a proposal is kept: 30 days, as at the real service.
const UNTRUSTED_MICROS_MAX: Micros = 30 * 24 * 3600 * 1_000_000;

/// What a proposal says.
struct Request {
    tx: SafeTx,
    hash: B256,
    sender: Address,
    signature: Option<Bytes>,
    origin: Option<String>,
}

impl Request {
    fn read(body: Value) -> Result<Self, Refusal> {
        let mut fields = Fields::new(body, STATUS)?;
        let to = fields.address("to", Need::Required);
        let value = fields.number("value");
        let data = fields.bytes("data", Need::Optional).unwrap_or_default();
        let operation = fields.number("operation");
        let gas_token = fields.address("gasToken", Need::Optional).unwrap_or_default();
        let safe_tx_gas = fields.number("safeTxGas");
        let base_gas = fields.number("baseGas");
        let gas_price = fields.number("gasPrice");
        let refund_receiver = fields.address("refundReceiver", Need::Optional).unwrap_or_default();
        let nonce = fields.number("nonce");
        let hash = fields.hash("contractTransactionHash");
        let sender = fields.address("sender", Need::Required);
        let signature = fields.signature(Need::Optional);
        let origin = fields.text("origin", Need::Optional, ORIGIN_CHARS_MAX);
        if operation.is_some_and(|operation| operation > U256::from(2)) {
            fields.problem("operation", "Unknown operation");
        }
        fields.finish(STATUS)?;
        // Every required field is there once nothing is wrong.
        let (Some(to), Some(value), Some(operation), Some(safe_tx_gas), Some(base_gas)) =
            (to, value, operation, safe_tx_gas, base_gas)
        else {
            return Err(Refusal::unprocessable("A required field is missing."));
        };
        let (Some(gas_price), Some(nonce), Some(hash), Some(sender)) = (gas_price, nonce, hash, sender)
        else {
            return Err(Refusal::unprocessable("A required field is missing."));
        };
        let Some(operation) = u8::try_from(operation).ok().and_then(Operation::from_u8) else {
            return Err(Refusal::unprocessable("Operation CREATE not supported. Please use Safe CreateLib"));
        };
        let nonce = SafeNonce(nonce);
        let tx = SafeTx {
            to,
            value,
            data,
            operation,
            safe_tx_gas,
            base_gas,
            gas_price,
            gas_token,
            refund_receiver,
            nonce,
        };
        Ok(Self { tx, hash, sender, signature, origin })
    }
}

/// Takes a proposal, or says why not. The same one again changes nothing.
pub(super) async fn propose(parts: &Parts, address: &str, body: Value) -> Result<(), Refusal> {
    let safe = in_path(address)?;
    let request = Request::read(body)?;
    check_delegatecall(parts, &request.tx).await?;
    let state = parts.chain.safe_state(safe).await?;
    let chain_id = parts.chain.chain_id();
    // Without a Safe there is no version: the newest domain then tells whether the hash is consistent.
    let assumed = SafeDomain { version: SafeVersion::V1_4_1, chain_id, safe };
    let hashes = hash(&request.tx, &state.as_ref().map_or(assumed, SafeState::domain));
    if hashes.safe_tx.0 != request.hash {
        return Err(Refusal::unprocessable(format!(
            "Contract-transaction-hash={} does not match provided contract-tx-hash={}",
            hashes.safe_tx,
            SafeTxHash(request.hash)
        )));
    }
    let Some(state) = state else {
        return Err(Refusal::unprocessable(format!(
            "Could not get Safe {safe} owners from blockchain, check contract exists on network {chain_id}"
        )));
    };
    check_nonce(parts, &state, &request.tx, hashes.safe_tx).await?;
    let now = parts.clock.now().as_microsecond();
    let delegates = delegates_of(parts, &state, now).await?;
    let claims = entitled(parts, &state, &hashes, &request, &delegates).await?;
    let trusted = !claims.is_empty();
    if !trusted && parts.store.transaction(hashes.safe_tx).await?.is_none() {
        let left = parts.store.untrusted_left(safe, now.saturating_sub(UNTRUSTED_MICROS_MAX)).await?;
        if left >= UNTRUSTED_PER_SAFE_MAX {
            return Err(Refusal::unprocessable(format!(
                "safe={safe} has {left} unsigned proposals already; sign this one"
            )));
        }
    }
    let (proposer, delegate) = proposer_of(&state, request.sender, &delegates);
    let stored = StoredTx {
        hash: hashes.safe_tx,
        safe,
        tx: request.tx,
        proposer,
        delegate,
        origin: request.origin.unwrap_or_else(|| "{}".to_owned()),
        trusted,
        submitted_at: now,
        modified_at: now,
        executed: None,
    };
    let confirmations: Vec<_> = claims
        .into_iter()
        .filter(|claim| state.is_owner(claim.owner))
        .map(|claim| claim.confirmed_at(now))
        .collect();
    parts.store.propose(&stored, &confirmations).await
}

impl Claim {
    /// As it is stored.
    pub(super) fn confirmed_at(self, now: Micros) -> StoredConfirmation {
        StoredConfirmation { owner: self.owner, signature: self.packed, kind: self.kind, submitted_at: now }
    }
}

/// An address in a path.
pub(super) fn in_path(address: &str) -> Result<SafeAddress, Refusal> {
    checksummed(address)
        .map(SafeAddress)
        .ok_or_else(|| Refusal::Checksum(address.chars().take(200).collect()))
}

/// A nonce that the Safe has passed can never execute, and one far ahead never will. The real service only notices when it has indexed
/// the transaction that used it.
async fn check_nonce(parts: &Parts, state: &SafeState, tx: &SafeTx, hash: SafeTxHash) -> Result<(), Refusal> {
    let (safe, nonce) = (state.address, tx.nonce);
    if let Some(ahead) = nonce.0.checked_sub(state.nonce.0) {
        if ahead > U256::from(NONCE_AHEAD_MAX) {
            return Err(Refusal::unprocessable(format!(
                "Invalid nonce: nonce={nonce} is {ahead} ahead of nonce={} of safe={safe} on the blockchain, and at most {NONCE_AHEAD_MAX} ahead is taken",
                state.nonce
            )));
        }
        return Ok(());
    }
    if let Some(execution) = parts.chain.execution(safe, hash).await? {
        return Err(Refusal::unprocessable(format!(
            "Tx with safe-tx-hash={hash} for safe={safe} was already executed in tx-hash={}",
            execution.tx_hash
        )));
    }
    let siblings = parts.store.transactions(safe, nonce, nonce).await?;
    for (_, execution) in parts.executions(siblings, state).await? {
        if let Some(execution) = execution {
            return Err(Refusal::unprocessable(format!(
                "Tx with nonce={nonce} for safe={safe} already executed in tx-hash={}",
                execution.tx_hash
            )));
        }
    }
    Err(Refusal::unprocessable(format!(
        "Invalid nonce: nonce={nonce} is lower than nonce={} of safe={safe} on the blockchain",
        state.nonce
    )))
}

/// Delegates who may propose to a Safe now: of its present owners, and not expired.
async fn delegates_of(parts: &Parts, state: &SafeState, now: Micros) -> Result<Vec<StoredDelegate>, Refusal> {
    let mut delegates = parts.store.delegates_for(state.address).await?;
    delegates.retain(|delegate| {
        state.is_owner(delegate.delegator) && delegate.expires_at.is_none_or(|expires_at| now < expires_at)
    });
    Ok(delegates)
}

/// The owner a proposal is for, and the delegate who made it.
fn proposer_of(
    state: &SafeState,
    sender: Address,
    delegates: &[StoredDelegate],
) -> (Address, Option<Address>) {
    if state.is_owner(sender) {
        return (sender, None);
    }
    match delegates.iter().find(|delegate| delegate.delegate == sender) {
        Some(delegate) => (delegate.delegator, Some(sender)),
        None => (sender, None),
    }
}

async fn entitled(
    parts: &Parts,
    state: &SafeState,
    hashes: &SafeTxHashes,
    request: &Request,
    delegates: &[StoredDelegate],
) -> Result<Vec<Claim>, Refusal> {
    let mut proxies: Vec<Address> = delegates.iter().map(|delegate| delegate.delegate).collect();
    proxies.sort_unstable();
    proxies.dedup();
    let allowed = |address: Address| state.is_owner(address) || proxies.contains(&address);
    let who = format!("Current owners={}. Delegates={}", listed(&state.owners), set(&proxies));
    let sender = request.sender.to_checksum(None);
    if !allowed(request.sender) {
        return Err(Refusal::unprocessable(format!("Sender={sender} is not an owner or delegate. {who}")));
    }
    let claims = match &request.signature {
        Some(signature) => Claim::read_all(hashes, signature),
        None => Vec::new(),
    };
    if claims.len() > SIGNATURES_MAX {
        return Err(Refusal::unprocessable(format!("At most {SIGNATURES_MAX} signatures are taken at once")));
    }
    let mut owners: Vec<Address> = Vec::with_capacity(claims.len());
    for claim in &claims {
        let owner = claim.owner.to_checksum(None);
        if !claim.holds(parts.chain.as_ref(), state, hashes).await? {
            return Err(Refusal::unprocessable(format!(
                "Signature={} for owner={owner} is not valid",
                claim.shown
            )));
        }
        if proxies.contains(&claim.owner) && claims.len() > 1 {
            return Err(Refusal::unprocessable("Just one signature is expected if using delegates"));
        }
        if !allowed(claim.owner) {
            return Err(Refusal::unprocessable(format!("Signer={owner} is not an owner or delegate. {who}")));
        }
        if owners.contains(&claim.owner) {
            return Err(Refusal::unprocessable(format!("Signature for owner={owner} is duplicated")));
        }
        owners.push(claim.owner);
    }
    if !owners.is_empty() && !owners.contains(&request.sender) {
        return Err(Refusal::unprocessable(format!(
            "Signature does not match sender={sender}. Calculated owners={}",
            listed(&owners)
        )));
    }
    Ok(claims)
}
