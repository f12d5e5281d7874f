//! The confirmations as the Safe takes them.
//!
//! What was once counted is looked at again: who is no owner any more, or whose approval the chain does not
//! have (any more), is not packed, and is named.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall, SolValue};

use crate::agent::nested::contract::{self, Answer};
use crate::agent::{chain_of, proposal};
use crate::chain::{BlockRef, CallOutcome, Chain, SnapshotPlan};
use crate::domain::incident::{Incident, Preparation};
use crate::domain::safe::abi::Safe;
use crate::domain::safe::contract_signature::read_alone;
use crate::domain::safe::signature::pack;
use crate::domain::safe::{OwnerSignature, SafeState, SignatureKind};

/// What the chain says of confirmations that only the chain can prove.
#[derive(Clone, Debug, Default)]
pub struct Backing {
    /// Owners whose approval the Safe has.
    pub approved: BTreeSet<Address>,
    /// What owners that are contracts answer about their signature.
    pub contracts: BTreeMap<Address, Answer>,
}

/// Which of the confirmations that are counted the chain stands behind, at `block`: approvals that the Safe
/// has, and contract signatures that their owners take for their own.
///
/// # Errors
/// When the endpoints do not agree on the approvals.
pub async fn backing(
    chain: &Chain,
    block: &BlockRef,
    incident: &Incident,
    preparation: &Preparation,
) -> Result<Backing, String> {
    let hash = preparation.safe_tx_hash();
    let confirmations = incident.confirmations_of(hash).into_iter().flat_map(|known| known.values());
    let signatures: Vec<OwnerSignature> =
        confirmations.filter_map(|confirmation| read_alone(hash, &confirmation.signature).ok()).collect();
    let mut plan = SnapshotPlan::new();
    let approvals: Vec<_> = signatures
        .iter()
        .filter(|signature| signature.kind == SignatureKind::ApprovedHash)
        .map(|signature| {
            let owner = signature.owner;
            let data = Safe::approvedHashesCall { owner, hash: hash.0 }.abi_encode();
            (owner, plan.call(preparation.domain.safe.0, data.into()))
        })
        .collect();
    let mut backing = Backing {
        approved: BTreeSet::new(),
        contracts: contract::ask(chain, block, &preparation.domain, &preparation.hashes, &signatures).await,
    };
    if approvals.is_empty() {
        return Ok(backing);
    }
    let snapshot = chain.read(block, plan).await.map_err(|error| chain_of(&error))?;
    for (owner, ticket) in approvals {
        if let CallOutcome::Returned(data) = snapshot.call(ticket).map_err(|error| chain_of(&error))?
            && U256::abi_decode(&data).is_ok_and(|value| !value.is_zero())
        {
            backing.approved.insert(owner);
        }
    }
    Ok(backing)
}

/// Of owners the Safe has now, no more than it needs. `backing` is what the chain says of those that only it can
/// prove.
///
/// # Errors
/// When too few are left; names whose confirmation does not count, and why.
pub fn signatures(
    incident: &Incident,
    preparation: &Preparation,
    state: &SafeState,
    backing: &Backing,
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
        match usable_signature(confirmation.owner, &confirmation.signature, preparation, state, backing) {
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
    backing: &Backing,
) -> Result<OwnerSignature, String> {
    if !state.is_owner(owner) {
        return Err("no longer an owner".to_owned());
    }
    let read = read_alone(preparation.safe_tx_hash(), signature).map_err(|error| chain_of(&error))?;
    if read.owner != owner {
        return Err(format!("the signature is {}'s", read.owner));
    }
    match read.kind {
        SignatureKind::ApprovedHash if !backing.approved.contains(&owner) => {
            Err("the Safe has no approval of theirs (any more)".to_owned())
        }
        SignatureKind::ContractSignature => match backing.contracts.get(&owner).map(Answer::why_not) {
            Some(None) => Ok(read),
            Some(Some(because)) => Err(because.to_owned()),
            None => Err("the contract was not asked".to_owned()),
        },
        SignatureKind::Eoa | SignatureKind::EthSign | SignatureKind::ApprovedHash => Ok(read),
    }
}
