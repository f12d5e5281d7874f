//! What the chain has executed: a transaction of ours, or something else at its nonce.
//!
//! Read from the Safe's own events alone. What another transaction did is told from calldata whose hash was
//! recomputed, never from anybody's text.

use alloy::primitives::U256;

use super::prepare::purpose;
use super::{Agent, chain_of};
use crate::chain::{BlockRef, Chain, SafeExecution};
use crate::domain::incident::fact::TakenBy;
use crate::domain::incident::preparation::Queue;
use crate::domain::incident::{CompanionRole, Fact, Incident, Preparation};
use crate::domain::safe::{SafeNonce, SafeTxHash, hash};

/// How many blocks before the one the proposal was prepared on are searched as well: endpoints may have
/// been that far apart.
const SEARCH_BEFORE_BLOCKS: u64 = 5;

/// How long the service is waited for to say what was executed instead.
const TOLD_WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(1);

/// The nonce is spent: by us, by our variant at the next nonce, or by something else.
///
/// # Errors
/// When the Safe's events cannot be read, or not all of them yet.
pub async fn executed_or_superseded(
    agent: &Agent,
    chain: &Chain,
    block: &BlockRef,
    incident: &Incident,
    preparation: &Preparation,
    nonce: SafeNonce,
) -> Result<Vec<Fact>, String> {
    let safe_tx_hash = preparation.safe_tx_hash();
    let Found { executions, since_prepared } = search(chain, block, preparation).await?;
    if let Some(ours) = executions.iter().find(|execution| execution.safe_tx_hash == safe_tx_hash) {
        return Ok(vec![executed(ours)]);
    }
    // Each step of the nonce has its event. An endpoint that knows the state of a block before its events would
    // otherwise make our own execution look like somebody else's.
    let steps = nonce.0.saturating_sub(preparation.tx.nonce.0);
    if U256::from(since_prepared) < steps {
        return Err(format!(
            "the Safe's nonce is {nonce}, and only {since_prepared} of {steps} executions can be read yet"
        ));
    }
    // The same calls at the next nonce, executed before we looked: that was the proposal.
    let variant = executions.iter().find(|execution| is_variant(incident, execution.safe_tx_hash));
    if let Some(variant) = variant.filter(|_| incident.is_proposal(safe_tx_hash)) {
        return Ok(vec![executed(variant)]);
    }
    // The newest execution was at the nonce before this one.
    let back = usize::try_from(steps).unwrap_or(usize::MAX);
    let instead = executions.len().checked_sub(back).and_then(|index| executions.get(index));
    let by = match instead {
        Some(instead) => Some(Box::new(taken_by(agent, incident, preparation, instead).await)),
        None => None,
    };
    Ok(vec![Fact::Superseded { safe_tx_hash, nonce, by, because: None }])
}

fn is_variant(incident: &Incident, hash: SafeTxHash) -> bool {
    incident.companion(hash).is_some_and(|known| known.companion.role == CompanionRole::NextNonce)
}

fn executed(execution: &SafeExecution) -> Fact {
    Fact::Executed {
        safe_tx_hash: execution.safe_tx_hash,
        transaction: execution.transaction,
        block: execution.block_number,
        success: execution.succeeded,
    }
}

async fn taken_by(
    agent: &Agent,
    incident: &Incident,
    preparation: &Preparation,
    instead: &SafeExecution,
) -> TakenBy {
    let (safe_tx_hash, transaction) = (instead.safe_tx_hash, instead.transaction);
    let purpose = match ours_or_queued(incident, preparation, safe_tx_hash) {
        Some(known) => Some(known),
        None => at_service(agent, preparation, safe_tx_hash).await,
    };
    TakenBy { safe_tx_hash, transaction, purpose }
}

/// What is known of it already: one of our own, or what stood in the queue when the proposal was prepared.
fn ours_or_queued(incident: &Incident, preparation: &Preparation, wanted: SafeTxHash) -> Option<String> {
    if let Some(ours) = incident.transaction(wanted) {
        return Some(ours.describe_calls());
    }
    match &preparation.queue {
        Queue::Read { displaced, .. } => {
            displaced.iter().find(|queued| queued.safe_tx_hash == wanted).map(|queued| queued.purpose.clone())
        }
        Queue::Unknown(_) => None,
    }
}

/// The service may show any fields; only those that hash to what the chain executed count.
async fn at_service(agent: &Agent, preparation: &Preparation, wanted: SafeTxHash) -> Option<String> {
    let service = agent.services.get(&preparation.chain)?;
    let asked = tokio::time::timeout(TOLD_WAIT_MAX, service.client.transaction(wanted)).await;
    let found = asked.ok()?.ok()??;
    let genuine = hash(&found.tx, &preparation.domain).safe_tx == wanted;
    genuine.then(|| purpose(&found.tx, preparation.domain.safe, &agent.config.settings.contracts))
}

/// What the Safe's events say.
struct Found {
    /// Every execution in the blocks looked at, oldest first.
    executions: Vec<SafeExecution>,
    /// How many of them came after the proposal was prepared.
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
    let found = search(chain, block, preparation).await?;
    let ours = found.executions.iter().find(|execution| execution.safe_tx_hash == preparation.safe_tx_hash());
    Ok(ours.map(executed))
}

async fn search(chain: &Chain, block: &BlockRef, preparation: &Preparation) -> Result<Found, String> {
    let prepared_at = preparation.simulation.block_number;
    let mut executions: Vec<SafeExecution> = Vec::new();
    let mut from = prepared_at.saturating_sub(SEARCH_BEFORE_BLOCKS);
    while from <= block.number {
        let to = (from + crate::chain::RANGE_MAX_BLOCKS - 1).min(block.number);
        let end = if to == block.number {
            *block
        } else {
            let block = chain.block(to).await.map_err(|error| chain_of(&error))?;
            block.ok_or_else(|| format!("block {to} is gone"))?
        };
        let some =
            chain.executions(preparation.domain.safe, from, &end).await.map_err(|error| chain_of(&error))?;
        let is_ours = |execution: &SafeExecution| execution.safe_tx_hash == preparation.safe_tx_hash();
        let done = some.iter().any(is_ours);
        executions.extend(some);
        if done {
            break;
        }
        from = to + 1;
    }
    let since_prepared = executions.iter().filter(|execution| execution.block_number > prepared_at).count();
    Ok(Found { executions, since_prepared: since_prepared as u64 })
}
