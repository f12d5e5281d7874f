//! Builds the rejection of a transaction of ours that is not wanted any more.
//!
//! A call of the Safe to itself, without value and data, at the same nonce: executed, it only uses the nonce up.
//! Built, hashed twice and simulated like a proposal; submitted, followed and executed as a companion.

use super::proposal::{self, Authority, Shown};
use super::{Agent, TaskError, chain_of};
use crate::domain::incident::{Companion, CompanionRole, Fact, Incident, Preparation, Retry, Task};
use crate::domain::roster::coverage;
use crate::domain::safe::{SafeTx, SafeTxHash};

/// Builds it, and records what came out.
///
/// # Errors
/// When nothing can be recorded.
pub async fn reject(
    agent: &Agent,
    incident: &Incident,
    of: SafeTxHash,
    attempt: u32,
    begun: bool,
) -> Result<(), TaskError> {
    if !begun {
        let task = Task::Reject { of, attempt, begun };
        if !agent.begin(incident.id, &task, &Fact::RejectionStarted { of, attempt }).await? {
            return Ok(());
        }
    }
    let fact = match build(agent, incident, of).await {
        Ok(rejection) => Fact::CompanionPrepared(Box::new(rejection)),
        Err((problem, retry)) => Fact::RejectionFailed { of, attempt, problem, retry },
    };
    agent.record_outcome(incident, fact).await.map_err(TaskError::from)
}

type Failure = (String, Retry);

fn later(text: impl Into<String>) -> Failure {
    (text.into(), Retry::Later)
}

async fn build(agent: &Agent, incident: &Incident, of: SafeTxHash) -> Result<Companion, Failure> {
    let target = incident.transaction(of).ok_or_else(|| (format!("{of} is none of ours"), Retry::Never))?;
    let target: &Preparation = &target;
    let chain = agent
        .chains
        .get(&target.chain)
        .ok_or_else(|| (format!("chain {} is not configured", target.chain), Retry::Never))?;
    let (block, state) =
        chain.newest_safe(target.domain.safe).await.map_err(|error| later(chain_of(&error)))?;
    if state.nonce.0 > target.tx.nonce.0 {
        return Err(later(format!(
            "the Safe's nonce is {} already: what is to be rejected at {} can never execute",
            state.nonce, target.tx.nonce
        )));
    }
    let tx = SafeTx::rejection(state.address.0, target.tx.nonce);
    let hashes = proposal::hashes(&tx, &state);
    let shown = proposal::simulate(chain, &block, &state, &tx, &[], Authority::Pretended, &[]).await;
    let Shown { simulation, safe_says } = shown.map_err(|error| later(chain_of(&error)))?;
    if let Some(why_not) = simulation.why_not() {
        return Err(later(why_not));
    }
    match safe_says {
        Some(says) if says.agrees(&hashes) => {}
        Some(says) => {
            let sentence = format!(
                "the Safe's own hash of the rejection is {} and ours is {}: nothing may be signed",
                says.safe_tx, hashes.safe_tx
            );
            return Err((sentence, Retry::Never));
        }
        None => return Err(later("the Safe did not say its own hash of the rejection")),
    }
    let report = coverage(&state.owners, state.threshold, &agent.config.roster, agent.clock.now());
    Ok(Companion {
        role: CompanionRole::Rejection { of },
        chain: target.chain.clone(),
        safe: Some(target.safe.clone()),
        domain: state.domain(),
        owners: state.owners.clone(),
        threshold: state.threshold,
        hashes,
        calls: Vec::new(),
        purpose: format!("the rejection of {} at nonce {}", target.describe_calls(), tx.nonce),
        tx,
        built_at_block: simulation.block_number,
        simulation: Some(simulation),
        coverage: report,
    })
}
