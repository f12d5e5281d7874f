//! Who may propose for an owner: added and removed with a signature that dies within two hours.
//!
//! Only keys sign here: a delegator that is a contract is refused, though the real service takes some.

use alloy::primitives::{Address, B256, Bytes};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Parts;
use super::fields::{Fields, Need, checksummed};
use super::page::Window;
use super::refusal::Refusal;
use super::render::moment;
use super::store::{DelegateFilter, ROWS_MAX, StoredDelegate};
use crate::domain::names::ChainId;
use crate::domain::safe::signature::{SIGNATURE_BYTES, recover_digest};
use crate::domain::safe::{SafeAddress, SignatureKind, delegate_hash, totp};

const STATUS: StatusCode = StatusCode::BAD_REQUEST;

/// Characters of a label (service 6.10.1).
const LABEL_CHARS_MAX: usize = 50;

/// Characters of a date that is read.
const DATE_CHARS_MAX: usize = 64;

/// Delegates in all: anybody with a key may name one for all of its own Safes, so there is an end to it.
const DELEGATES_MAX: i64 = ROWS_MAX;

/// Lists delegates; at least one filter is needed.
pub(super) async fn list(parts: &Parts, window: &Window) -> Result<Value, Refusal> {
    let filter = DelegateFilter {
        safe: address_filter(window, "safe")?,
        delegate: address_filter(window, "delegate")?,
        delegator: address_filter(window, "delegator")?,
        label: window.get("label").map(str::to_owned),
    };
    if filter.safe.is_none()
        && filter.delegate.is_none()
        && filter.delegator.is_none()
        && filter.label.is_none()
    {
        return Err(Refusal::Listed(STATUS, "At least one query param must be provided".to_owned()));
    }
    let found = parts.store.delegates(&filter).await?;
    let count = found.len();
    let results = window.cut(found).iter().map(shown).collect();
    Ok(window.page(count, results))
}

fn address_filter(window: &Window, name: &str) -> Result<Option<Address>, Refusal> {
    let Some(text) = window.get(name) else { return Ok(None) };
    match checksummed(text) {
        Some(address) => Ok(Some(address)),
        None => Err(Refusal::field(STATUS, name, "Enter a valid checksummed Ethereum Address.")),
    }
}

fn shown(delegate: &StoredDelegate) -> Value {
    json!({
        "safe": delegate.safe,
        "delegate": delegate.delegate.to_checksum(None),
        "delegator": delegate.delegator.to_checksum(None),
        "label": delegate.label,
        "expiryDate": delegate.expires_at.map(moment),
    })
}

/// Adds a delegate, or changes its label and end.
pub(super) async fn add(parts: &Parts, body: Value) -> Result<Value, Refusal> {
    let now = parts.clock.now();
    let mut fields = Fields::new(body, STATUS)?;
    let safe = fields.address("safe", Need::Optional).map(SafeAddress);
    let delegate = fields.address("delegate", Need::Required);
    let delegator = fields.address("delegator", Need::Required);
    let signature = fields.signature(Need::Required);
    let label = fields.text("label", Need::Required, LABEL_CHARS_MAX);
    let expires = expiry(&mut fields, now);
    fields.finish(STATUS)?;
    let (Some(delegate), Some(delegator), Some(signature), Some(label)) =
        (delegate, delegator, signature, label)
    else {
        return Err(Refusal::bad("A required field is missing."));
    };
    if let Some(safe) = safe {
        let Some(state) = parts.chain.safe_state(safe).await? else {
            return Err(Refusal::bad(format!("Safe={safe} does not exist or it's still not indexed")));
        };
        if !state.is_owner(delegator) {
            return Err(Refusal::bad(format!(
                "Provided delegator={} is not an owner of Safe={safe}",
                delegator.to_checksum(None)
            )));
        }
    }
    if !signed_by(&[delegator], parts.chain.chain_id(), delegate, now, &signature) {
        return Err(Refusal::bad(format!(
            "Signature does not match provided delegator={}",
            delegator.to_checksum(None)
        )));
    }
    if parts.store.delegate_count().await? >= DELEGATES_MAX {
        return Err(Refusal::bad(format!("There are {DELEGATES_MAX} delegates already; remove some first")));
    }
    let new = StoredDelegate {
        safe,
        delegate,
        delegator,
        label,
        expires_at: expires.map(Timestamp::as_microsecond),
    };
    parts.store.put_delegate(&new, now.as_microsecond()).await?;
    let mut answer = shown(&new);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("signature".to_owned(), json!(signature));
    }
    Ok(answer)
}

fn expiry(fields: &mut Fields, now: Timestamp) -> Option<Timestamp> {
    let text = fields.text("expiryDate", Need::Optional, DATE_CHARS_MAX)?;
    match text.parse::<Timestamp>() {
        Ok(expires) if expires > now => Some(expires),
        Ok(_) => {
            fields.problem("expiryDate", "`expiry_date` cannot be previous to the current timestamp");
            None
        }
        Err(_) => {
            let text = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";
            fields.problem("expiryDate", text);
            None
        }
    }
}

/// Removes a delegate, signed by its delegator or by itself; without a Safe in the body, from all of the
/// delegator's.
pub(super) async fn remove(parts: &Parts, in_path: &str, body: Value) -> Result<(), Refusal> {
    let delegate = super::propose::in_path(in_path)?.0;
    let mut fields = Fields::new(body, STATUS)?;
    let safe = fields.address("safe", Need::Optional).map(SafeAddress);
    let delegator = fields.address("delegator", Need::Required);
    let signature = fields.signature(Need::Required);
    fields.finish(STATUS)?;
    let (Some(delegator), Some(signature)) = (delegator, signature) else {
        return Err(Refusal::bad("A required field is missing."));
    };
    let now = parts.clock.now();
    if !signed_by(&[delegate, delegator], parts.chain.chain_id(), delegate, now, &signature) {
        return Err(Refusal::bad(format!(
            "Signature does not match provided delegate={} or delegator={}",
            delegate.to_checksum(None),
            delegator.to_checksum(None)
        )));
    }
    match parts.store.remove_delegate(safe, delegate, delegator).await? {
        0 => Err(Refusal::Absent),
        1.. => Ok(()),
    }
}

/// Whether one of the keys signed the delegation, in this hour or the one before, for this chain or for
/// every chain.
fn signed_by(keys: &[Address], chain: ChainId, delegate: Address, now: Timestamp, signature: &Bytes) -> bool {
    let Some(first) = signature.get(..SIGNATURE_BYTES) else { return false };
    hours(now).into_iter().any(|hour| {
        [Some(chain), None].into_iter().any(|chain| by_key(keys, delegate_hash(chain, delegate, hour), first))
    })
}

/// The hours whose number a signature may carry at this time.
pub(super) fn hours(now: Timestamp) -> [u64; 2] {
    let hour = totp(u64::try_from(now.as_second()).unwrap_or(0));
    [hour, hour.saturating_sub(1)]
}

/// Whether one of the keys signed these 32 bytes, as they are or as a personal message.
pub(super) fn by_key(keys: &[Address], digest: B256, signature: &[u8]) -> bool {
    recover_digest(digest, signature).is_ok_and(|recovered| {
        let by_key = match recovered.kind {
            SignatureKind::Eoa | SignatureKind::EthSign => true,
            SignatureKind::ApprovedHash | SignatureKind::ContractSignature => false,
        };
        by_key && keys.contains(&recovered.owner)
    })
}
