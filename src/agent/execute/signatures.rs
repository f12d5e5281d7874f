//! The confirmations as the Safe takes them.
//!
//! What was once counted is looked at again: who is no owner any more, or whose approval the chain does not
//! have (any more), is not packed, and is named.

use std::collections::BTreeSet;

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall, SolValue};

use crate::agent::{chain_of, proposal};
use crate::chain::{BlockRef, CallOutcome, Chain, SnapshotPlan};
use crate::domain::incident::{Incident, Preparation};
use crate::domain::safe::abi::Safe;
use crate::domain::safe::signature::{pack, recover};
use crate::domain::safe::{OwnerSignature, SafeState, SignatureKind};

/// Which of the owners whose approval is counted the Safe itself has approvals of, at `block`.
///
/// # Errors
/// When the endpoints do not agree on them.
pub async fn approvals(
    chain: &Chain,
    block: &BlockRef,
    incident: &Incident,
    preparation: &Preparation,
) -> Result<BTreeSet<Address>, String> {
    let hash = preparation.safe_tx_hash();
    let mut plan = SnapshotPlan::new();
    let approvals: Vec<_> = incident
        .confirmations_of(hash)
        .into_iter()
        .flat_map(|confirmations| confirmations.values())
        .filter(|confirmation| {
            recover(hash, &confirmation.signature)
                .is_ok_and(|recovered| recovered.kind == SignatureKind::ApprovedHash)
        })
        .map(|confirmation| {
            let owner = confirmation.owner;
            let data = Safe::approvedHashesCall { owner, hash: hash.0 }.abi_encode();
            (owner, plan.call(preparation.domain.safe.0, data.into()))
        })
        .collect();
    if approvals.is_empty() {
        return Ok(BTreeSet::new());
    }
    let snapshot = chain.read(block, plan).await.map_err(|error| chain_of(&error))?;
    let mut approved = BTreeSet::new();
    for (owner, ticket) in approvals {
        if let CallOutcome::Returned(data) = snapshot.call(ticket).map_err(|error| chain_of(&error))?
            && U256::abi_decode(&data).is_ok_and(|value| !value.is_zero())
        {
            approved.insert(owner);
        }
    }
    Ok(approved)
}

/// Of owners the Safe has now, no more than it needs. `approved` are those whose approval the Safe has.
///
/// # Errors
/// When too few are left; names whose confirmation does not count, and why.
pub fn signatures(
    incident: &Incident,
    preparation: &Preparation,
    state: &SafeState,
    approved: &BTreeSet<Address>,
) -> Result<Bytes, String> {
    let hash = preparation.safe_tx_hash();
    let ours = proposal::hashes(&preparation.tx, state);
    if ours.safe_tx != hash {
        return Err(format!(
            "for the Safe as it is now ({}) the transaction's hash is {}, not {hash}: it was signed for another version",
            state.version.as_str(),
            ours.safe_tx
        ));
    }
    let mut usable = Vec::new();
    let mut reasons = Vec::new();
    for confirmation in incident.confirmations_of(hash).into_iter().flat_map(|known| known.values()) {
        match usable_signature(confirmation.owner, &confirmation.signature, preparation, state, approved) {
            Ok(signature) => usable.push(signature),
            Err(because) => reasons.push(format!("{}: {because}", confirmation.owner)),
        }
    }
    let threshold = usize::try_from(state.threshold).unwrap_or(usize::MAX);
    if usable.len() < threshold {
        let mut text = format!("{} of {threshold} needed confirmations are there", usable.len());
        if !reasons.is_empty() {
            text.push_str(&format!(" (not counted: {})", reasons.join("; ")));
        }
        return Err(text);
    }
    usable.sort_by_key(|signature| signature.owner);
    usable.truncate(threshold);
    pack(usable).map_err(|error| error.to_string())
}

fn usable_signature(
    owner: Address,
    signature: &Bytes,
    preparation: &Preparation,
    state: &SafeState,
    approved: &BTreeSet<Address>,
) -> Result<OwnerSignature, String> {
    if !state.is_owner(owner) {
        return Err("no longer an owner".to_owned());
    }
    let recovered = recover(preparation.safe_tx_hash(), signature).map_err(|error| error.to_string())?;
    if recovered.owner != owner {
        return Err(format!("the signature is {}'s", recovered.owner));
    }
    match recovered.kind {
        SignatureKind::ApprovedHash if !approved.contains(&owner) => {
            Err("the Safe has no approval of theirs (any more)".to_owned())
        }
        SignatureKind::Eoa | SignatureKind::EthSign | SignatureKind::ApprovedHash => {
            Ok(OwnerSignature { owner, kind: recovered.kind, bytes: signature.clone() })
        }
        SignatureKind::ContractSignature => Err("contract signatures are not supported yet".to_owned()),
    }
}
