//! Taking a queued proposal back: by its proposer, or the delegate who made it. Cosmetic, as at the real
//! service: signatures that were published stay usable until the nonce is used up.

use axum::http::StatusCode;
use serde_json::Value;

use super::Parts;
use super::delegates::{by_key, hours};
use super::fields::{Fields, Need};
use super::refusal::Refusal;
use crate::domain::safe::signature::SIGNATURE_BYTES;
use crate::domain::safe::{SafeTxHash, delete_request_hash};

/// Erases a transaction that was not executed.
pub(super) async fn erase(parts: &Parts, hash: SafeTxHash, body: Value) -> Result<(), Refusal> {
    let mut fields = Fields::new(body, StatusCode::BAD_REQUEST)?;
    let signature = fields.signature(Need::Required);
    fields.finish(StatusCode::BAD_REQUEST)?;
    let Some(tx) = parts.store.transaction(hash).await? else {
        return Err(Refusal::not_found("Multisig transaction not found"));
    };
    let state = parts.state_of(tx.safe).await?;
    if parts.execution(&tx, &state).await?.is_some() {
        return Err(Refusal::bad("Executed transactions cannot be deleted"));
    }
    let mut keys = vec![tx.proposer];
    keys.extend(tx.delegate);
    let entitled =
        signature.as_ref().and_then(|bytes| bytes.get(..SIGNATURE_BYTES)).is_some_and(|signature| {
            hours(parts.clock.now()).into_iter().any(|hour| {
                by_key(&keys, delete_request_hash(parts.chain.chain_id(), tx.safe, hash, hour), signature)
            })
        });
    if !entitled {
        return Err(Refusal::bad(
            "Provided signer is not the proposer or the delegate user who proposed the transaction",
        ));
    }
    parts.store.erase(hash).await
}
