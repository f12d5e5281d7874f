//! Messages of a Safe that its owners sign off-chain: a text, or EIP-712 typed data. What is signed is the
//! Safe's own hash of the message's hash, so that the Safe can stand behind it (EIP-1271).
//!
//! Only owners of the moment sign, as the chain has them. Each request carries one signature.

use alloy::dyn_abi::TypedData;
use alloy::primitives::{Address, B256, Bytes, eip191_hash_message};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Parts;
use super::fields::{Fields, Need};
use super::page::Window;
use super::propose::{ORIGIN_CHARS_MAX, in_path};
use super::refusal::Refusal;
use super::render::moment;
use super::signers::Claim;
use super::store::{Micros, ROWS_MAX, StoredConfirmation, StoredMessage};
use crate::domain::safe::{
    OwnerSignature, SafeAddress, SafeState, SafeTxHash, SafeTxHashes, message_hashes, signature,
};

const STATUS: StatusCode = StatusCode::BAD_REQUEST;

/// Messages of one Safe; each was signed by an owner.
const MESSAGES_PER_SAFE_MAX: i64 = ROWS_MAX;

/// Takes a new message with its first signature.
pub(super) async fn create(parts: &Parts, address: &str, body: Value) -> Result<(), Refusal> {
    let safe = in_path(address)?;
    let mut fields = Fields::new(body, STATUS)?;
    let message = fields.json("message");
    let safe_app_id = fields.index("safeAppId");
    let signature = fields.signature(Need::Required);
    let origin = fields.text("origin", Need::Optional, ORIGIN_CHARS_MAX);
    let digest = match message.as_ref().map(digest) {
        Some(Ok(digest)) => Some(digest),
        Some(Err(problem)) => {
            fields.problem("message", problem);
            None
        }
        None => None,
    };
    fields.finish(STATUS)?;
    let (Some(message), Some(digest), Some(signature)) = (message, digest, signature) else {
        return Err(Refusal::bad("A required field is missing."));
    };
    let state = safe_of(parts, safe).await?;
    let hashes = message_hashes(digest.as_slice(), &state.domain());
    let hash = hashes.safe_tx.0;
    let exists = || Refusal::bad(format!("Message with hash {hash} for safe {safe} already exists in DB"));
    if parts.store.message(hash).await?.is_some() {
        return Err(exists());
    }
    let now = parts.clock.now().as_microsecond();
    let confirmation = one_owner(parts, &state, &hashes, &signature, now).await?;
    if parts.store.message_count(safe).await? >= MESSAGES_PER_SAFE_MAX {
        return Err(Refusal::bad(format!("safe={safe} has {MESSAGES_PER_SAFE_MAX} messages already")));
    }
    let new = StoredMessage {
        hash,
        safe,
        message,
        proposed_by: confirmation.owner,
        safe_app_id,
        origin: origin.unwrap_or_else(|| "{}".to_owned()),
        created_at: now,
        modified_at: now,
    };
    if parts.store.create_message(&new, &confirmation).await? { Ok(()) } else { Err(exists()) }
}

/// Takes another owner's signature.
pub(super) async fn sign(parts: &Parts, hash: &str, body: Value) -> Result<(), Refusal> {
    let mut fields = Fields::new(body, STATUS)?;
    let signature = fields.signature(Need::Required);
    fields.finish(STATUS)?;
    let signature = signature.ok_or_else(|| Refusal::bad("A required field is missing."))?;
    let stored = find(parts, hash).await?;
    let state = parts.state_of(stored.safe).await?;
    let digest = digest(&stored.message).map_err(|_| Refusal::Corrupt("message"))?;
    let hashes = message_hashes(digest.as_slice(), &state.domain());
    if hashes.safe_tx.0 != stored.hash {
        return Err(Refusal::bad(format!(
            "Safe {} is now version {} and the hash of this message is {}: it has to be created again",
            state.address, state.version, hashes.safe_tx
        )));
    }
    let now = parts.clock.now().as_microsecond();
    let confirmation = one_owner(parts, &state, &hashes, &signature, now).await?;
    let owner = confirmation.owner.to_checksum(None);
    if parts.store.confirm_message(stored.hash, &confirmation).await? {
        Ok(())
    } else {
        Err(Refusal::bad(format!("Signature for owner {owner} already exists")))
    }
}

/// One message.
pub(super) async fn one(parts: &Parts, hash: &str) -> Result<Value, Refusal> {
    let stored = find(parts, hash).await?;
    shown(parts, &stored).await
}

/// One page of a Safe's messages, the newest first unless asked otherwise.
pub(super) async fn list(parts: &Parts, address: &str, window: &Window) -> Result<Value, Refusal> {
    let safe = in_path(address)?;
    let (descending, by) = match window.get("ordering").unwrap_or("-created") {
        "created" => (false, created as fn(&StoredMessage) -> Micros),
        "-created" => (true, created as fn(&StoredMessage) -> Micros),
        "modified" => (false, modified as fn(&StoredMessage) -> Micros),
        "-modified" => (true, modified as fn(&StoredMessage) -> Micros),
        _ => {
            let text = "This embedded service orders messages by created or modified.";
            return Err(Refusal::field(STATUS, "ordering", text));
        }
    };
    let mut found = parts.store.messages(safe).await?;
    found.sort_by_key(by);
    if descending {
        found.reverse();
    }
    let count = found.len();
    let mut results = Vec::new();
    for stored in window.cut(found) {
        results.push(shown(parts, &stored).await?);
    }
    Ok(window.page(count, results))
}

fn created(message: &StoredMessage) -> Micros {
    message.created_at
}

fn modified(message: &StoredMessage) -> Micros {
    message.modified_at
}

/// The hash of the message itself: EIP-191 of a text, EIP-712 of typed data.
fn digest(message: &Value) -> Result<B256, String> {
    match message {
        Value::String(text) => Ok(eip191_hash_message(text)),
        Value::Object(_) => serde_json::from_value::<TypedData>(message.clone())
            .map_err(|error| error.to_string())
            .and_then(|typed| typed.eip712_signing_hash().map_err(|error| error.to_string()))
            .map_err(|why| format!("Provided dictionary is not a valid EIP712 message: {why}")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err("A message is a text or an EIP712 dictionary.".to_owned())
        }
    }
}

async fn safe_of(parts: &Parts, safe: SafeAddress) -> Result<SafeState, Refusal> {
    parts.chain.safe_state(safe).await?.ok_or_else(|| {
        let chain = parts.chain.chain_id();
        Refusal::bad(format!(
            "Could not get Safe {safe} owners from blockchain, check contract exists on network {chain}"
        ))
    })
}

async fn find(parts: &Parts, hash: &str) -> Result<StoredMessage, Refusal> {
    let none = || Refusal::not_found("No SafeMessage matches the given query.");
    let hash: B256 = hash.parse().map_err(|_| none())?;
    parts.store.message(hash).await?.ok_or_else(none)
}

/// The one signature of a request, of an owner of now.
async fn one_owner(
    parts: &Parts,
    state: &SafeState,
    hashes: &SafeTxHashes,
    signature: &Bytes,
    now: Micros,
) -> Result<StoredConfirmation, Refusal> {
    let claims = Claim::read_all(hashes, signature);
    let found = claims.len();
    let [claim] = <[Claim; 1]>::try_from(claims)
        .map_err(|_| Refusal::bad(format!("1 owner signature was expected, {found} received")))?;
    let owner = claim.owner.to_checksum(None);
    if !state.is_owner(claim.owner) {
        return Err(Refusal::bad(format!("{owner} is not an owner of the Safe")));
    }
    if !claim.holds(parts.chain.as_ref(), state, hashes).await? {
        return Err(Refusal::bad(format!("Signature={} for owner={owner} is not valid", claim.shown)));
    }
    Ok(claim.confirmed_at(now))
}

async fn shown(parts: &Parts, stored: &StoredMessage) -> Result<Value, Refusal> {
    let confirmations = parts.store.message_confirmations(stored.hash).await?;
    let prepared = prepared(SafeTxHash(stored.hash), &confirmations);
    let as_owner = prepared
        .as_ref()
        .and_then(|bytes| signature::pack(vec![OwnerSignature::contract(stored.safe.0, bytes.clone())]).ok());
    Ok(json!({
        "created": moment(stored.created_at),
        "modified": moment(stored.modified_at),
        "safe": stored.safe,
        "messageHash": stored.hash,
        "message": stored.message,
        "proposedBy": stored.proposed_by.to_checksum(None),
        "safeAppId": stored.safe_app_id,
        "confirmations": confirmations.iter().map(confirmation).collect::<Vec<_>>(),
        "preparedSignature": prepared,
        "preparedSignatureEip1271": as_owner,
        "origin": stored.origin,
    }))
}

/// All signatures as the Safe's `isValidSignature` takes them.
fn prepared(hash: SafeTxHash, confirmations: &[StoredConfirmation]) -> Option<Bytes> {
    let mut signatures: Vec<OwnerSignature> = Vec::with_capacity(confirmations.len());
    for one in confirmations {
        signatures.extend(signature::unpack(hash, &one.signature).ok()?);
    }
    if signatures.is_empty() {
        return None;
    }
    signature::pack(signatures).ok()
}

fn confirmation(stored: &StoredConfirmation) -> Value {
    json!({
        "created": moment(stored.submitted_at),
        "modified": moment(stored.submitted_at),
        "owner": address(stored.owner),
        "signature": stored.signature,
        "signatureType": stored.kind.as_str(),
    })
}

fn address(address: Address) -> String {
    address.to_checksum(None)
}
