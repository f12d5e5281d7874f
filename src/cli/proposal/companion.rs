//! Executing a companion of the proposal: a rejection, or a child Safe's approval.

use std::time::{Duration, Instant};

use super::{execute::Args, of};
use crate::agent::execute::{Execution, execute_with};
use crate::agent::follow;
use crate::agent::house::House;
use crate::agent::scrutiny::still_wanted;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::incident::{Actor, CompanionStage};
use crate::domain::safe::SafeTxHash;
use crate::signer::KeySigner;

/// How long somebody else's execution is waited for.
const RESULT_WAIT_MAX: Duration = Duration::from_secs(120);

/// Refuses below the threshold, rehearses with the real signatures, sends, waits.
pub async fn execute(
    house: &House,
    context: &Context,
    args: &Args,
    key: &KeySigner,
    hash: SafeTxHash,
) -> Result<Exit, Failure> {
    let (incident, _) = of(house, args.incident, Some(hash))?;
    follow::follow(&house.agent, &incident, hash).await.map_err(|error| Failure::of(&error))?;
    house.agent.store.sync().await?;
    let (incident, _) = of(house, args.incident, Some(hash))?;
    if !args.even_so {
        still_wanted(&incident, hash).map_err(|because| Failure::no(format!("not executed: {because}")))?;
    }
    let (have, needed) = incident.quorum_of(hash).unwrap_or_default();
    if have < needed {
        return Err(Failure::no(format!("not executed: {have} of {needed} needed confirmations are there")));
    }
    let (attempt, begun) = match incident.companion(hash).map(|known| &known.stage) {
        Some(CompanionStage::Executing { attempt }) => (*attempt, true),
        Some(CompanionStage::ExecuteFailed { attempt, .. }) => (attempt + 1, false),
        Some(
            CompanionStage::Prepared
            | CompanionStage::Submitting { .. }
            | CompanionStage::SubmitFailed { .. }
            | CompanionStage::Proposed
            | CompanionStage::Executed { .. }
            | CompanionStage::Spent,
        )
        | None => (1, false),
    };
    let by = args.person.clone().map_or(Actor::Operator, Actor::Person);
    let what = Execution { safe_tx_hash: hash, attempt, begun };
    execute_with(&house.agent, &incident, key, by, what).await.map_err(|error| Failure::of(&error))?;
    let deadline = Instant::now() + RESULT_WAIT_MAX;
    loop {
        house.agent.store.sync().await?;
        let (newest, _) = of(house, args.incident, Some(hash))?;
        let Some(known) = newest.companion(hash) else {
            return Err(Failure::no("it is the proposal now: execute that"));
        };
        let json =
            serde_json::json!({ "incident_id": args.incident, "safe_tx_hash": hash, "stage": known.stage });
        match &known.stage {
            CompanionStage::Executed { transaction, success: true } => {
                context.out.result(&json, |_| format!("executed by {transaction}"));
                return Ok(Exit::Done);
            }
            CompanionStage::Executed { transaction, success: false } => {
                return Err(Failure::no(format!("{transaction} was executed, but the call inside failed")));
            }
            CompanionStage::ExecuteFailed { problem, .. } => {
                return Err(Failure::no(format!("not executed: {problem}")));
            }
            CompanionStage::Executing { .. } if Instant::now() < deadline => {
                tokio::time::sleep(house.agent.poll).await;
            }
            CompanionStage::Prepared
            | CompanionStage::Submitting { .. }
            | CompanionStage::SubmitFailed { .. }
            | CompanionStage::Proposed
            | CompanionStage::Executing { .. }
            | CompanionStage::Spent => {
                return Err(Failure::no(format!("not executed: it is {}", known.stage.as_str())));
            }
        }
    }
}
