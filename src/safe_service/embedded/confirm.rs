//! Taking owners' signatures of a proposal. Only owners confirm; a delegate never does.

use alloy::primitives::{Address, Bytes};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Parts;
use super::fields::{Fields, Need};
use super::refusal::Refusal;
use super::signers::{Claim, SIGNATURES_MAX, listed};
use super::store::StoredTx;
use crate::domain::safe::{SafeState, SafeTxHash, SafeTxHashes, hash};

const STATUS: StatusCode = StatusCode::BAD_REQUEST;

fn refused(text: impl Into<String>) -> Refusal {
    Refusal::field(STATUS, "signature", text)
}

/// Takes the signatures of a body, or says why not. A second signature of an owner is taken and changes
/// nothing. A transaction that another displaced is confirmed as well, as at the real service: who reads
/// the queue asks from the nonce on chain.
pub(super) async fn confirm(parts: &Parts, of: SafeTxHash, body: Value) -> Result<Value, Refusal> {
    let mut fields = Fields::new(body, STATUS)?;
    let signature = fields.signature(Need::Required);
    fields.finish(STATUS)?;
    let signature = signature.ok_or_else(|| refused("This field is required."))?;
    let stored = parts.store.transaction(of).await?.ok_or_else(|| {
        Refusal::not_found(format!("Multisig transaction with safe-tx-hash={of} was not found"))
    })?;
    let state = parts.state_of(stored.safe).await?;
    if parts.execution(&stored, &state).await?.is_some() {
        return Err(refused(format!("Transaction with safe-tx-hash={of} was already executed")));
    }
    let hashes = hashes_of(&stored, &state)?;
    let claims = owners_claims(parts, &state, &hashes, &signature).await?;
    let now = parts.clock.now().as_microsecond();
    let confirmations: Vec<_> = claims.into_iter().map(|claim| claim.confirmed_at(now)).collect();
    parts.store.confirm(of, &confirmations).await?;
    Ok(json!({ "signature": signature }))
}

/// The stored hash again, from the Safe as it is now: after an upgrade it may be another, and signatures
/// of the old one are worth nothing.
fn hashes_of(stored: &StoredTx, state: &SafeState) -> Result<SafeTxHashes, Refusal> {
    let hashes = hash(&stored.tx, &state.domain());
    if hashes.safe_tx == stored.hash {
        return Ok(hashes);
    }
    Err(refused(format!(
        "Safe {} is now version {} and the hash of this transaction is {}: it has to be proposed again",
        state.address, state.version, hashes.safe_tx
    )))
}

async fn owners_claims(
    parts: &Parts,
    state: &SafeState,
    hashes: &SafeTxHashes,
    signature: &Bytes,
) -> Result<Vec<Claim>, Refusal> {
    let claims = Claim::read_all(hashes, signature);
    if claims.len() > SIGNATURES_MAX {
        return Err(refused(format!("At most {SIGNATURES_MAX} signatures are taken at once")));
    }
    let mut owners: Vec<Address> = Vec::with_capacity(claims.len());
    for claim in &claims {
        let owner = claim.owner.to_checksum(None);
        if !state.is_owner(claim.owner) {
            let current = listed(&state.owners);
            return Err(refused(format!("Signer={owner} is not an owner. Current owners={current}")));
        }
        if !claim.holds(parts.chain.as_ref(), state, hashes).await? {
            return Err(refused(format!("Signature={} for owner={owner} is not valid", claim.shown)));
        }
        if owners.contains(&claim.owner) {
            return Err(refused(format!("Signature for owner={owner} is duplicated")));
        }
        owners.push(claim.owner);
    }
    Ok(claims)
}
