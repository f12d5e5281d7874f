//! Executes the confirmed proposal.
//!
//! Simulated again with the real signatures before anything is signed. The executor's key pays gas and
//! nothing else: with the owners' signatures anyone may send the transaction, so a twin that sends it
//! too costs gas and changes nothing.
//!
//! | file | does |
//! |---|---|
//! | [`signatures`] | packs the confirmations that still count |
//! | [`delivery`] | signs, journals, sends, waits, outbids |

pub mod delivery;
pub mod signatures;

use alloy::signers::local::PrivateKeySigner;

use super::{Agent, TaskError, upgrade};
use crate::domain::incident::{Actor, Fact, Incident, Preparation, Retry, Stage, Task};
use delivery::Delivery;

/// Why it was not executed, and whether the same may succeed later.
pub type Failure = (String, Retry);

fn later(text: impl Into<String>) -> Failure {
    (text.into(), Retry::Later)
}

/// Executes by itself, with the configured executor, and records what came out.
///
/// # Errors
/// When nothing can be recorded.
pub async fn execute(agent: &Agent, incident: &Incident, attempt: u32, begun: bool) -> Result<(), TaskError> {
    let Some(executor) = &agent.executor else { return Ok(()) };
    execute_with(agent, incident, executor, Actor::Agent, attempt, begun).await.map(|_| ())
}

/// Executes with this key in somebody's name. True when it was executed; false when it was not, or when
/// somebody else had begun or finished it: the newest state says which.
///
/// # Errors
/// When nothing can be recorded.
pub async fn execute_with(
    agent: &Agent,
    incident: &Incident,
    executor: &PrivateKeySigner,
    by: Actor,
    attempt: u32,
    begun: bool,
) -> Result<bool, TaskError> {
    let Some(preparation) = &incident.preparation else { return Ok(false) };
    let safe_tx_hash = preparation.safe_tx_hash();
    let by_itself = by == Actor::Agent;
    if !begun {
        let fact = Fact::ExecutionStarted { safe_tx_hash, attempt, by };
        let begins = if by_itself {
            let task = Task::Execute { safe_tx_hash, attempt, begun };
            agent.begin(incident.id, &task, &fact).await?
        } else {
            agent.begin_while(incident.id, |newest| may_begin(newest, preparation), &fact).await?
        };
        if !begins {
            return Ok(false);
        }
    }
    let sent = if by_itself && preparation.owners.contains(&executor.address()) {
        // Said as a failure, so that people are called: the owners signed, and somebody else must execute.
        Err(later(format!(
            "the executor key {} is an owner of the Safe: an agent holds no owner key; configure a gas-only key",
            executor.address()
        )))
    } else {
        deliver(agent, incident, preparation, executor).await
    };
    let (fact, executed) = match sent {
        Ok(fact) => (fact, true),
        Err((problem, retry)) => (Fact::ExecutionFailed { safe_tx_hash, attempt, problem, retry }, false),
    };
    agent.record_outcome(incident, fact).await?;
    Ok(executed)
}

/// Whether a person may still begin: the same proposal, enough owners, and nobody executes it now.
fn may_begin(newest: &Incident, preparation: &Preparation) -> bool {
    let same =
        newest.preparation.as_ref().is_some_and(|known| known.safe_tx_hash() == preparation.safe_tx_hash());
    let open = match &newest.stage {
        Stage::Prepared
        | Stage::Submitting { .. }
        | Stage::SubmitFailed { .. }
        | Stage::Proposed
        | Stage::ExecuteFailed { .. } => true,
        Stage::Idle
        | Stage::Preparing { .. }
        | Stage::PrepareFailed { .. }
        | Stage::Unneeded
        | Stage::Waiting { .. }
        | Stage::Executing { .. }
        | Stage::Executed { .. }
        | Stage::Verified { .. } => false,
    };
    same && open && newest.has_quorum()
}

async fn deliver(
    agent: &Agent,
    incident: &Incident,
    preparation: &Preparation,
    executor: &PrivateKeySigner,
) -> Result<Fact, Failure> {
    let chain = agent
        .chains
        .get(&preparation.chain)
        .ok_or_else(|| (format!("chain {} is not configured", preparation.chain), Retry::Never))?;
    // What is on its way already is followed, whatever became of the code.
    if incident.sent.is_none() {
        upgrade::still_pinned(chain, preparation).await.map_err(|refusal| (refusal.text, refusal.retry))?;
    }
    Delivery::of(agent, chain, incident.id, preparation, executor).run().await
}
