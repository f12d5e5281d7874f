//! Looks for confirmations, executions and a moved nonce, from every source.
//!
//! The service is asked for signatures, and a released window of pre-signed ones is opened; each is checked before
//! it counts. Whether the proposal was
//! executed is asked of the chain alone: the service may be behind, or lie.

use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall, SolValue};

use super::{Agent, TaskError, chain_of};
use crate::chain::{BlockRef, CallOutcome, Chain, SnapshotPlan};
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::incident::{Fact, Incident, Preparation, Stage};
use crate::domain::safe::abi::Safe;
use crate::domain::safe::signature::recover;
use crate::domain::safe::{OwnerSignature, SafeNonce, SafeState, SafeTxHash, SignatureKind};

/// How many blocks before the one the proposal was prepared on are searched as well: endpoints may have
/// been that far apart.
const SEARCH_BEFORE_BLOCKS: u64 = 5;

/// How long the service is listened to in one look.
const SERVICE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Looks once.
///
/// # Errors
/// When the chain cannot be read: the same look stays due.
pub async fn follow(agent: &Agent, incident: &Incident) -> Result<(), TaskError> {
    let Some(preparation) = &incident.preparation else { return Ok(()) };
    let chain = agent
        .chains
        .get(&preparation.chain)
        .ok_or_else(|| TaskError::NotNow(format!("chain {} is not configured", preparation.chain)))?;
    let chain_says = async {
        for fact in on_chain(chain, incident, preparation).await.map_err(TaskError::NotNow)? {
            agent.record_outcome(incident, fact).await?;
        }
        Ok::<_, TaskError>(())
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
    // What was never handed over cannot have been confirmed there, and each question costs quota.
    if incident.stage == Stage::Prepared {
        return Vec::new();
    }
    let Some(service) = agent.services.get(&preparation.chain) else { return Vec::new() };
    let hash = preparation.safe_tx_hash();
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
        if incident.confirmations.contains_key(&confirmation.owner) {
            continue;
        }
        let signature = confirmation.signature.unwrap_or_default();
        match check(hash, &signature, &preparation.owners) {
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
pub fn check(hash: SafeTxHash, signature: &Bytes, owners: &[Address]) -> Result<Address, String> {
    let recovered = recover(hash, signature).map_err(|error| error.to_string())?;
    match recovered.kind {
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

/// What the chain says: approvals, an execution, a nonce that moved on.
async fn on_chain(
    chain: &Chain,
    incident: &Incident,
    preparation: &Preparation,
) -> Result<Vec<Fact>, String> {
    let block = chain.head().await.map_err(|error| chain_of(&error))?;
    let hash = preparation.safe_tx_hash();
    let mut plan = SnapshotPlan::new();
    let state = plan.safe(preparation.domain.safe);
    let waiting: Vec<Address> = preparation
        .owners
        .iter()
        .copied()
        .filter(|owner| !incident.confirmations.contains_key(owner))
        .collect();
    let approvals: Vec<_> = waiting
        .into_iter()
        .map(|owner| {
            let data = Safe::approvedHashesCall { owner, hash: hash.0 }.abi_encode();
            (owner, plan.call(preparation.domain.safe.0, data.into()))
        })
        .collect();
    let snapshot = chain.read(&block, plan).await.map_err(|error| chain_of(&error))?;
    let state = snapshot.safe(state).map_err(|error| chain_of(&error))?;
    if state.nonce.0 > preparation.tx.nonce.0 {
        return executed_or_superseded(chain, &block, preparation, state.nonce).await;
    }
    let mut facts = Vec::new();
    let (mut then, mut now) = (preparation.owners.clone(), state.owners.clone());
    then.sort();
    now.sort();
    if then != now || preparation.threshold != state.threshold {
        facts.push(Fact::OwnersChanged { owners: state.owners.clone(), threshold: state.threshold });
    }
    let approved = approvals.into_iter().filter(|(_, ticket)| match snapshot.call(*ticket) {
        Ok(CallOutcome::Returned(data)) => U256::abi_decode(&data).is_ok_and(|value| !value.is_zero()),
        Ok(CallOutcome::Reverted(_)) | Err(_) => false,
    });
    facts.extend(approved.map(|(owner, _)| Fact::Confirmed(approval(hash, owner))));
    Ok(facts)
}

fn approval(safe_tx_hash: SafeTxHash, owner: Address) -> OwnerConfirmation {
    let signature = OwnerSignature::approved_hash(owner).bytes;
    OwnerConfirmation { safe_tx_hash, owner, signature, source: "chain".to_owned() }
}

/// The nonce is spent: by us, or by something else.
async fn executed_or_superseded(
    chain: &Chain,
    block: &BlockRef,
    preparation: &Preparation,
    nonce: SafeNonce,
) -> Result<Vec<Fact>, String> {
    let safe_tx_hash = preparation.safe_tx_hash();
    let Found { ours, since_prepared } = search(chain, block, preparation).await?;
    if let Some(executed) = ours {
        return Ok(vec![executed]);
    }
    // Each step of the nonce has its event. An endpoint that knows the state of a block before its events would
    // otherwise make our own execution look like somebody else's.
    let steps = nonce.0.saturating_sub(preparation.tx.nonce.0);
    if U256::from(since_prepared) < steps {
        return Err(format!(
            "the Safe's nonce is {nonce}, and only {since_prepared} of {steps} executions can be read yet"
        ));
    }
    Ok(vec![Fact::Superseded { safe_tx_hash, nonce }])
}

/// What the Safe's events say.
struct Found {
    /// Our execution.
    ours: Option<Fact>,
    /// How many executions there were, ours or not, since the proposal was prepared; up to ours.
    since_prepared: u64,
}

/// Looks for our execution in the Safe's events.
///
/// # Errors
/// When the endpoints do not agree on them.
pub async fn find_execution(
    chain: &Chain,
    block: &BlockRef,
    preparation: &Preparation,
) -> Result<Option<Fact>, String> {
    search(chain, block, preparation).await.map(|found| found.ours)
}

async fn search(chain: &Chain, block: &BlockRef, preparation: &Preparation) -> Result<Found, String> {
    let safe_tx_hash = preparation.safe_tx_hash();
    let prepared_at = preparation.simulation.block_number;
    let mut since_prepared = 0;
    let mut from = prepared_at.saturating_sub(SEARCH_BEFORE_BLOCKS);
    while from <= block.number {
        let to = (from + crate::chain::RANGE_MAX_BLOCKS - 1).min(block.number);
        let end = if to == block.number {
            *block
        } else {
            let block = chain.block(to).await.map_err(|error| chain_of(&error))?;
            block.ok_or_else(|| format!("block {to} is gone"))?
        };
        let executions =
            chain.executions(preparation.domain.safe, from, &end).await.map_err(|error| chain_of(&error))?;
        for execution in executions {
            since_prepared += u64::from(execution.block_number > prepared_at);
            if execution.safe_tx_hash == safe_tx_hash {
                let ours = Fact::Executed {
                    safe_tx_hash,
                    transaction: execution.transaction,
                    block: execution.block_number,
                    success: execution.succeeded,
                };
                return Ok(Found { ours: Some(ours), since_prepared });
            }
        }
        from = to + 1;
    }
    Ok(Found { ours: None, since_prepared })
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
