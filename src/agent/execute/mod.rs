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
//! | [`spending`] | how much the key may still spend by itself |
//! | `route` | by a private relay, or by the public endpoints |

pub mod delivery;
mod journalled;
mod route;
pub mod signatures;
pub mod spending;

use super::{Agent, TaskError, upgrade};
use crate::domain::incident::{Actor, CompanionStage, Fact, Incident, Preparation, Retry, Stage, Task};
use crate::domain::safe::SafeTxHash;
use crate::signer::KeySigner;
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
pub async fn execute(
    agent: &Agent,
    incident: &Incident,
    safe_tx_hash: SafeTxHash,
    attempt: u32,
    begun: bool,
) -> Result<(), TaskError> {
    let Some(executor) = &agent.executor else { return Ok(()) };
    let what = Execution { safe_tx_hash, attempt, begun };
    execute_with(agent, incident, executor, Actor::Agent, what).await.map(|_| ())
}

/// Which transaction, and which attempt at it.
#[derive(Clone, Copy, Debug)]
pub struct Execution {
    /// Which.
    pub safe_tx_hash: SafeTxHash,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Its intent is a fact already.
    pub begun: bool,
}

/// Executes with this key in somebody's name. True when it was executed; false when it was not, or when
/// somebody else had begun or finished it: the newest state says which.
///
/// # Errors
/// When nothing can be recorded.
pub async fn execute_with(
    agent: &Agent,
    incident: &Incident,
    executor: &KeySigner,
    by: Actor,
    Execution { safe_tx_hash, attempt, begun }: Execution,
) -> Result<bool, TaskError> {
    let Some(preparation) = incident.transaction(safe_tx_hash) else { return Ok(false) };
    let preparation = &*preparation;
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
        deliver(agent, incident, preparation, executor, by_itself).await
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
    let hash = preparation.safe_tx_hash();
    if let Some(known) = newest.companion(hash) {
        let executes = matches!(known.stage, CompanionStage::Executing { .. });
        return known.stage.is_open() && !executes && known.has_quorum();
    }
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
    newest.is_proposal(hash) && open && newest.has_quorum()
}

async fn deliver(
    agent: &Agent,
    incident: &Incident,
    preparation: &Preparation,
    executor: &KeySigner,
    by_itself: bool,
) -> Result<Fact, Failure> {
    let chain = agent
        .chains
        .get(&preparation.chain)
        .ok_or_else(|| (format!("chain {} is not configured", preparation.chain), Retry::Never))?;
    // What is on its way already is followed, whatever became of the code.
    if incident.sent.is_none() {
        upgrade::still_pinned(chain, preparation).await.map_err(|refusal| (refusal.text, refusal.retry))?;
    }
    let cap = agent.config.settings.executor.as_ref().filter(|_| by_itself).map(|executor| executor.cap);
    Delivery::of(agent, chain, incident.id, preparation, executor, cap).run().await
}
