//! Hands the proposal to the Transaction Service, and reads it back.
//!
//! The effect is idempotent by the safeTxHash. After a lost answer or a crash the service is asked
//! whether it has the proposal before it is sent again. What the service has must be what was sent: it
//! is compared field by field, and its hash recomputed.

use super::{Agent, TaskError, chain_of};
use crate::agent::service::{ServiceLink, in_words};
use crate::domain::incident::{Fact, Incident, Preparation, Retry, Task};
use crate::domain::safe::{SafeTxHash, hash};
use crate::safe_service::Proposal;
use crate::safe_service::client::DeliverError;

/// What the service shows as the proposal's origin.
const ORIGIN: &str = "Redhandle";

/// Submits, and records what came out.
///
/// # Errors
/// When nothing can be recorded.
pub async fn submit(
    agent: &Agent,
    incident: &Incident,
    safe_tx_hash: SafeTxHash,
    attempt: u32,
    begun: bool,
) -> Result<(), TaskError> {
    let Some(preparation) = incident.transaction(safe_tx_hash) else { return Ok(()) };
    if !begun {
        let task = Task::Submit { safe_tx_hash, attempt, begun };
        if !agent.begin(incident.id, &task, &Fact::SubmissionStarted { safe_tx_hash, attempt }).await? {
            return Ok(());
        }
    }
    let fact = match hand_over(agent, incident, &preparation, begun || attempt > 1).await {
        Ok(service) => Fact::Submitted { safe_tx_hash, service },
        Err(problem) => Fact::SubmissionFailed { safe_tx_hash, attempt, problem, retry: Retry::Later },
    };
    agent.record_outcome(incident, fact).await.map_err(TaskError::from)
}

async fn hand_over(
    agent: &Agent,
    incident: &Incident,
    preparation: &Preparation,
    may_be_there: bool,
) -> Result<String, String> {
    let service = agent
        .services
        .get(&preparation.chain)
        .ok_or_else(|| format!("chain {} has no Transaction Service", preparation.chain))?;
    if may_be_there && read_back(service, preparation).await? {
        return Ok(service.name.clone());
    }
    let proposer = agent.proposer.as_ref().ok_or("no proposer key is configured")?;
    // We never hold an owner key: what an owner signs is a confirmation, and those are people's.
    if preparation.owners.contains(&proposer.address()) {
        return Err(format!(
            "the proposer key {} is an owner of Safe {}: it must be a delegate that can suggest and not act; configure another key",
            proposer.address(),
            preparation.safe
        ));
    }
    // Asserted in pairs: recomputed when built, before it is signed, and when it is read back.
    let hashes = hash(&preparation.tx, &preparation.domain);
    if hashes != preparation.hashes {
        return Err(format!(
            "the hash of the proposal is {} and not {}",
            hashes.safe_tx,
            preparation.safe_tx_hash()
        ));
    }
    let signature = proposer
        .sign_safe_tx(&preparation.tx, &preparation.domain)
        .await
        .map_err(|error| format!("the proposer key cannot sign: {}", chain_of(&error)))?;
    let proposal = Proposal {
        tx: preparation.tx.clone(),
        hash: hashes.safe_tx,
        sender: proposer.address(),
        signature,
        origin: Some(format!("{ORIGIN} {}", incident.id)),
    };
    // A lost answer is followed by the question; what is there is compared field by field.
    match service.client.deliver(&preparation.domain, &proposal, false).await {
        Ok(read) => {
            for note in read.notes {
                tracing::info!(incident.id = %incident.id, %note, "the proposal is at the service");
            }
            Ok(service.name.clone())
        }
        Err(DeliverError::Service(error)) => Err(service.in_words(preparation.domain.safe, &error)),
        Err(error @ DeliverError::Altered { .. }) => {
            Err(format!("{}: {}; do not sign there", service.name, chain_of(&error)))
        }
        Err(error @ (DeliverError::NotShown(_) | DeliverError::Unsound(_))) => {
            Err(format!("{}: {}", service.name, chain_of(&error)))
        }
    }
}

/// Whether the service has the proposal, and has it unchanged.
async fn read_back(service: &ServiceLink, preparation: &Preparation) -> Result<bool, String> {
    let hash = preparation.safe_tx_hash();
    let found =
        service.client.transaction(hash).await.map_err(|error| in_words(preparation.domain.safe, &error))?;
    let Some(found) = found else { return Ok(false) };
    if found.tx != preparation.tx || found.safe != preparation.domain.safe || found.safe_tx_hash != hash {
        return Err(format!("{} shows something else under {hash}: do not sign there", service.name));
    }
    Ok(true)
}
