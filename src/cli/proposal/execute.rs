//! Executing what enough owners confirmed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{KeyArgs, companion, of};
use crate::agent::house::House;
use crate::agent::scrutiny::still_wanted;
use crate::agent::{chain_of, execute as executing, follow, verify};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::incident::{Actor, Incident, IncidentId, Preparation, Stage};
use crate::domain::names::PersonId;
use crate::domain::safe::SafeTxHash;

/// How long somebody else's execution is waited for: longer than one attempt takes.
const RESULT_WAIT_MAX: Duration = Duration::from_secs(120);

/// How long the effect is waited for.
const EFFECT_WAIT_MAX: Duration = Duration::from_secs(60);

/// Execute a proposal.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident it belongs to: INC-7.
    pub incident: IncidentId,
    /// The key that pays the gas; the configured executor's if none is given.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Who executes.
    #[arg(long = "as", value_name = "PERSON")]
    pub person: Option<PersonId>,
    /// One of its other transactions, by safeTxHash: a rejection, an approval.
    #[arg(long, value_name = "SAFE_TX_HASH")]
    hash: Option<SafeTxHash>,
    /// Execute although the incident is over or was found to be none: owners decide.
    #[arg(long)]
    pub even_so: bool,
}

/// Refuses below the threshold, rehearses with the real signatures, sends, waits, reads the effect.
pub async fn execute(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let agent = &house.agent;
    let key = if args.key.is_named() {
        args.key.open().await?
    } else {
        let nobody = "no key pays the gas: give --keystore, --ledger or --trezor, or configure [executor]";
        agent.executor.clone().ok_or_else(|| Failure::wrong(nobody))?
    };
    if let Some(hash) = args.hash {
        let (incident, _) = of(house, args.incident, Some(hash))?;
        if !incident.is_proposal(hash) {
            return companion::execute(house, context, &args, &key, hash).await;
        }
    }
    let (incident, proposal) = of(house, args.incident, None)?;
    // What the service and the chain know counts as well.
    follow::follow(agent, &incident, proposal.safe_tx_hash()).await.map_err(|error| Failure::of(&error))?;
    house.agent.store.sync().await?;
    let (incident, preparation) = of(house, args.incident, None)?;
    let (attempt, begun) = match &incident.stage {
        Stage::Executed { .. } | Stage::Verified { .. } => {
            let incident = wait_for_effect(house, incident).await?;
            return report(context, &incident);
        }
        Stage::Executing { attempt } => (*attempt, true),
        Stage::ExecuteFailed { attempt, .. } => (attempt + 1, false),
        Stage::Idle
        | Stage::Preparing { .. }
        | Stage::PrepareFailed { .. }
        | Stage::Unneeded
        | Stage::Waiting { .. }
        | Stage::Prepared
        | Stage::Submitting { .. }
        | Stage::SubmitFailed { .. }
        | Stage::Proposed => (1, false),
    };
    if !args.even_so {
        still_wanted(&incident, preparation.safe_tx_hash()).map_err(|because| {
            Failure::no(format!("not executed: {because}; whoever wants it all the same says --even-so"))
        })?;
    }
    if !incident.has_quorum() {
        return Err(Failure::no(format!(
            "not executed: {} of {} needed confirmations are there; `redhandle proposal show {}` names who is missing",
            incident.confirmed_owners(),
            preparation.threshold,
            args.incident
        )));
    }
    let by = args.person.clone().map_or(Actor::Operator, Actor::Person);
    let what = executing::Execution { safe_tx_hash: preparation.safe_tx_hash(), attempt, begun };
    executing::execute_with(agent, &incident, &key, by, what).await.map_err(|error| Failure::of(&error))?;
    let incident = wait_for_result(house, args.incident, &preparation).await?;
    let incident = wait_for_effect(house, incident).await?;
    report(context, &incident)
}

async fn open_again(house: &House, id: IncidentId) -> Result<Arc<Incident>, Failure> {
    house.agent.store.sync().await?;
    of(house, id, None).map(|(incident, _)| incident)
}

/// Whoever executes at the same time, another process or the agent, writes what came of it.
async fn wait_for_result(
    house: &House,
    id: IncidentId,
    preparation: &Preparation,
) -> Result<Arc<Incident>, Failure> {
    let deadline = Instant::now() + RESULT_WAIT_MAX;
    loop {
        let incident = open_again(house, id).await?;
        let same = incident
            .preparation
            .as_ref()
            .is_some_and(|newest| newest.safe_tx_hash() == preparation.safe_tx_hash());
        if !same {
            return Err(Failure::no(format!(
                "not executed: the proposal of {id} is another one now; look at it with `redhandle proposal show {id}`"
            )));
        }
        if !matches!(incident.stage, Stage::Executing { .. }) || Instant::now() >= deadline {
            return Ok(incident);
        }
        tokio::time::sleep(house.agent.poll).await;
    }
}

async fn wait_for_effect(house: &House, mut incident: Arc<Incident>) -> Result<Arc<Incident>, Failure> {
    let deadline = Instant::now() + EFFECT_WAIT_MAX;
    while matches!(incident.stage, Stage::Executed { success: true, .. }) && Instant::now() < deadline {
        if let Err(error) = verify::verify(&house.agent, &incident).await {
            tracing::warn!(error = %chain_of(&error), "the effect could not be read yet");
        }
        incident = open_again(house, incident.id).await?;
        if matches!(incident.stage, Stage::Executed { .. }) {
            tokio::time::sleep(house.agent.poll).await;
        }
    }
    Ok(incident)
}

fn report(context: &Context, incident: &Incident) -> Result<Exit, Failure> {
    let json = serde_json::json!({ "incident_id": incident.id, "containment": incident.stage });
    match &incident.stage {
        Stage::Verified { block, .. } => {
            let expects = incident.preparation.iter().flat_map(|preparation| &preparation.calls);
            let expects: Vec<_> = expects.map(|call| call.expect.clone()).collect();
            context.out.result(&json, |_| {
                format!("executed, and verified on the chain at block {block}: {}", expects.join("; "))
            });
            Ok(Exit::Done)
        }
        Stage::Executed { transaction, success: true } => Err(Failure::no(format!(
            "executed by {transaction}, but what is expected does not hold yet; `redhandle incident show {}` follows it",
            incident.id
        ))),
        Stage::Executed { transaction, success: false } => {
            Err(Failure::no(format!("{transaction} was executed, but the call inside failed")))
        }
        Stage::ExecuteFailed { problem, .. } => Err(Failure::no(format!("not executed: {problem}"))),
        Stage::Waiting { because, .. } => {
            context.out.result(&json, |_| format!("executed; now {because}"));
            Ok(Exit::Done)
        }
        Stage::Idle
        | Stage::Preparing { .. }
        | Stage::PrepareFailed { .. }
        | Stage::Unneeded
        | Stage::Prepared
        | Stage::Submitting { .. }
        | Stage::SubmitFailed { .. }
        | Stage::Proposed
        | Stage::Executing { .. } => {
            Err(Failure::no(format!("not executed: containment is {}", incident.stage.as_str())))
        }
    }
}
