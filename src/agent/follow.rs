//! Looks for confirmations, executions and a moved nonce, from every source.
//!
//! The service is asked for signatures, and a released window of pre-signed ones is opened; each is checked before
//! it counts. Whether the proposal was
//! executed is asked of the chain alone: the service may be behind, or lie.

use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall, SolValue};

use super::nested::contract::{self, Answer};
use super::nested::{approvals, off_chain};
pub use super::past::find_execution;
use super::{Agent, TaskError, chain_of, past};
use crate::chain::{BlockRef, CallOutcome, Chain, SnapshotPlan};
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::incident::{CompanionStage, Fact, Incident, Preparation, Stage, is_approval, needs_chain};
use crate::domain::safe::abi::Safe;
use crate::domain::safe::contract_signature::read_alone;
use crate::domain::safe::signature::recover;
use crate::domain::safe::{OwnerSignature, SafeState, SafeTxHash, SafeVersion, SignatureKind};

/// How long the service is listened to in one look.
pub(super) const SERVICE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Looks once.
///
/// # Errors
/// When the chain cannot be read: the same look stays due.
pub async fn follow(agent: &Agent, incident: &Incident, hash: SafeTxHash) -> Result<(), TaskError> {
    let Some(preparation) = incident.transaction(hash) else { return Ok(()) };
    let preparation = &*preparation;
    let chain = agent
        .chains
        .get(&preparation.chain)
        .ok_or_else(|| TaskError::NotNow(format!("chain {} is not configured", preparation.chain)))?;
    let chain_says = async {
        for fact in on_chain(agent, chain, incident, preparation).await.map_err(TaskError::NotNow)? {
            agent.record_outcome(incident, fact).await?;
        }
        off_chain::complete(agent, chain, incident, preparation).await?;
        approvals::renew(agent, chain, incident, preparation).await
    };
    // Each tells what it knows when it knows it: a slow service does not hold back the chain.
    let service_says = async {
        for confirmation in at_service(agent, incident, preparation).await {
            agent.record_outcome(incident, Fact::Confirmed(confirmation)).await?;
        }
        Ok::<_, TaskError>(())
    };
    let presigned_says = async {
        for confirmation in super::presigned::confirmations(agent, chain, incident, preparation).await {
            agent.record_outcome(incident, Fact::Confirmed(confirmation)).await?;
        }
        Ok::<_, TaskError>(())
    };
    let (chain_said, service_said, presigned_said) = tokio::join!(chain_says, service_says, presigned_says);
    chain_said.and(service_said).and(presigned_said)
}

/// New confirmations the service has. One that does not check is said aloud and does not count.
async fn at_service(agent: &Agent, incident: &Incident, preparation: &Preparation) -> Vec<OwnerConfirmation> {
    let hash = preparation.safe_tx_hash();
    // What was never handed over cannot have been confirmed there, what nobody is asked for needs no
    // confirmation, and each question costs quota.
    let never_sent = match incident.companion(hash) {
        Some(companion) => companion.stage == CompanionStage::Prepared || !incident.asked().contains(&hash),
        None => incident.stage == Stage::Prepared,
    };
    if never_sent {
        return Vec::new();
    }
    let Some(service) = agent.services.get(&preparation.chain) else { return Vec::new() };
    if !service.pace.is_due(hash, agent.clock.now(), service.quota().is_ok()) {
        return Vec::new();
    }
    let asked = tokio::time::timeout(SERVICE_WAIT_MAX, service.client.transaction(hash)).await;
    let found = match asked {
        Ok(Ok(Some(found))) => found,
        Ok(Ok(None)) => return Vec::new(),
        Err(_) => {
            tracing::warn!(incident.id = %incident.id, "the Transaction Service does not answer in time");
            return Vec::new();
        }
        Ok(Err(error)) => {
            tracing::warn!(incident.id = %incident.id, error = %chain_of(&error), "the Transaction Service does not say who confirmed");
            return Vec::new();
        }
    };
    let mut confirmations = Vec::new();
    for confirmation in found.confirmations {
        // A signature is worth more than an approval, which the chain may lose.
        let counted = incident.confirmations_of(hash).and_then(|known| known.get(&confirmation.owner));
        if counted.is_some_and(|counted| !is_approval(counted)) {
            continue;
        }
        let signature = confirmation.signature.unwrap_or_default();
        if counted.is_some() && is_of_contract(hash, &signature) {
            continue;
        }
        match check_any(agent, preparation, &signature).await {
            Ok(owner) if owner == confirmation.owner => confirmations.push(OwnerConfirmation {
                safe_tx_hash: hash,
                owner,
                signature,
                source: "service".to_owned(),
            }),
            Ok(owner) => tracing::error!(
                incident.id = %incident.id, claimed = %confirmation.owner, recovered = %owner,
                "the Transaction Service shows a signature under another owner's name"
            ),
            Err(because) => tracing::warn!(
                incident.id = %incident.id, owner = %confirmation.owner, %because,
                "a confirmation at the Transaction Service does not count"
            ),
        }
    }
    confirmations
}

/// Who signed, if it is a signature of an owner that needs no chain to be checked.
///
/// # Errors
/// Says what is wrong with it, in a sentence.
pub fn check(
    hash: SafeTxHash,
    signature: &Bytes,
    owners: &[Address],
    version: SafeVersion,
) -> Result<Address, String> {
    let recovered = recover(hash, signature).map_err(|error| error.to_string())?;
    match recovered.kind {
        SignatureKind::EthSign if !version.takes_eth_sign() => {
            return Err(format!("Safe {version} takes no signature made with eth_sign: sign the typed data"));
        }
        SignatureKind::Eoa | SignatureKind::EthSign => {}
        SignatureKind::ApprovedHash | SignatureKind::ContractSignature => {
            return Err(format!("a {} counts only once the chain says so", recovered.kind.as_str()));
        }
    }
    if owners.contains(&recovered.owner) {
        Ok(recovered.owner)
    } else {
        Err(format!(
            "it recovers to {}, which is no owner: somebody else signed, or an owner signed something else",
            recovered.owner
        ))
    }
}

/// As [`check`], and a contract signature counts if the contract itself says so now, to its parent.
///
/// # Errors
/// Says what is wrong with it, in a sentence.
pub async fn check_any(
    agent: &Agent,
    preparation: &Preparation,
    signature: &Bytes,
) -> Result<Address, String> {
    let hash = preparation.safe_tx_hash();
    if !is_of_contract(hash, signature) {
        return check(hash, signature, &preparation.owners, preparation.domain.version);
    }
    let read = read_alone(hash, signature).map_err(|error| chain_of(&error))?;
    if !preparation.owners.contains(&read.owner) {
        return Err(format!("contract {} is no owner", read.owner));
    }
    let chain = agent.chains.get(&preparation.chain).ok_or("its chain is not configured")?;
    let block = chain.head().await.map_err(|error| chain_of(&error))?;
    let owner = read.owner;
    let answers = contract::ask(chain, &block, &preparation.domain, &preparation.hashes, &[read]).await;
    match answers.get(&owner).and_then(Answer::why_not) {
        None => Ok(owner),
        Some(because) => Err(because.to_owned()),
    }
}

fn is_of_contract(hash: SafeTxHash, signature: &Bytes) -> bool {
    read_alone(hash, signature).is_ok_and(|read| read.kind == SignatureKind::ContractSignature)
}

/// What the chain says: approvals, an execution, a nonce that moved on.
async fn on_chain(
    agent: &Agent,
    chain: &Chain,
    incident: &Incident,
    preparation: &Preparation,
) -> Result<Vec<Fact>, String> {
    let hash = preparation.safe_tx_hash();
    let mut plan = SnapshotPlan::new();
    let state = plan.safe(preparation.domain.safe);
    let counted = |owner: &Address| incident.confirmations_of(hash).and_then(|known| known.get(owner));
    // Whoever has not signed may approve; what was approved may be undone by a reorganisation.
    let approvals: Vec<_> = preparation
        .owners
        .iter()
        .copied()
        .filter(|owner| counted(owner).is_none_or(needs_chain))
        .map(|owner| {
            let data = Safe::approvedHashesCall { owner, hash: hash.0 }.abi_encode();
            (owner, plan.call(preparation.domain.safe.0, data.into()))
        })
        .collect();
    let confirmations = incident.confirmations_of(hash).into_iter().flat_map(|known| known.values());
    let signatures: Vec<_> =
        confirmations.filter_map(|counted| read_alone(hash, &counted.signature).ok()).collect();
    let snapshot = chain.newest(plan).await.map_err(|error| chain_of(&error))?;
    let block = snapshot.block;
    let answers = contract::ask(chain, &block, &preparation.domain, &preparation.hashes, &signatures).await;
    let state = snapshot.safe(state).map_err(|error| chain_of(&error))?;
    if state.nonce.0 > preparation.tx.nonce.0 {
        return past::executed_or_superseded(agent, chain, &block, incident, preparation, state.nonce).await;
    }
    let now_hashes_to = super::proposal::hashes(&preparation.tx, &state).safe_tx;
    if now_hashes_to != hash {
        let because = format!(
            "Safe {} is version {} now, for which the transaction's hash is {now_hashes_to}",
            preparation.safe,
            state.version.as_str()
        );
        let (nonce, because) = (state.nonce, Some(because));
        return Ok(vec![Fact::Superseded { safe_tx_hash: hash, nonce, by: None, because }]);
    }
    let mut facts = Vec::new();
    let (mut then, mut now) = (preparation.owners.clone(), state.owners.clone());
    then.sort();
    now.sort();
    if then != now || preparation.threshold != state.threshold {
        let safe_tx_hash = incident.companion(hash).map(|_| hash);
        let (owners, threshold) = (state.owners.clone(), state.threshold);
        facts.push(Fact::OwnersChanged { safe_tx_hash, owners, threshold });
    }
    for (owner, ticket) in approvals {
        let approves = match snapshot.call(ticket) {
            Ok(CallOutcome::Returned(data)) => U256::abi_decode(&data).ok().map(|value| !value.is_zero()),
            // Not known: nothing is counted, and nothing taken back.
            Ok(CallOutcome::Reverted(_)) | Err(_) => None,
        };
        match (approves, counted(&owner)) {
            (Some(true), None) => facts.push(Fact::Confirmed(approval(hash, owner))),
            // A contract's signature counts as long as the contract says so.
            (Some(false), Some(_))
                if matches!(answers.get(&owner), Some(Answer::Yes | Answer::Unknown(_))) => {}
            (Some(false), Some(_)) => facts.push(Fact::ApprovalGone { safe_tx_hash: hash, owner }),
            (Some(true), Some(_)) | (Some(false), None) | (None, _) => {}
        }
    }
    Ok(facts)
}

fn approval(safe_tx_hash: SafeTxHash, owner: Address) -> OwnerConfirmation {
    let signature = OwnerSignature::approved_hash(owner).bytes;
    OwnerConfirmation { safe_tx_hash, owner, signature, source: "chain".to_owned() }
}

/// Reads the Safe at the newest agreed block.
///
/// # Errors
/// When it cannot be read.
pub async fn safe_now(chain: &Chain, preparation: &Preparation) -> Result<(BlockRef, SafeState), String> {
    let block = chain.head().await.map_err(|error| chain_of(&error))?;
    let state = chain.safe_state(&block, preparation.domain.safe).await.map_err(|error| chain_of(&error))?;
    Ok((block, state))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, eip191_hash_message};
    use alloy::signers::SignerSync as _;
    use alloy::signers::local::PrivateKeySigner;

    use super::*;

    #[test]
    fn a_signature_made_with_eth_sign_counts_where_the_safe_takes_it() {
        let (key, hash) = (PrivateKeySigner::random(), SafeTxHash(B256::repeat_byte(7)));
        let mut signature = key.sign_hash_sync(&eip191_hash_message(hash.0)).unwrap().as_bytes();
        signature[64] += 4;
        let judged = |version| check(hash, &signature.into(), &[key.address()], version);
        assert_eq!(judged(SafeVersion::V1_3_0), Ok(key.address()));
        assert!(judged(SafeVersion::V1_0_0).unwrap_err().contains("takes no signature made with eth_sign"));
        let others = check(hash, &signature.into(), &[Address::ZERO], SafeVersion::V1_3_0);
        assert!(others.unwrap_err().contains("which is no owner"));
    }
}
