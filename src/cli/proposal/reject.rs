//! Calling a proposal off: its rejection uses up the nonce.

use std::time::{Duration, Instant};

use super::of;
use crate::agent::command::Commands;
use crate::agent::house::House;
use crate::agent::reject;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::incident::{By, words};
use crate::domain::incident::stand_down::RejectionWork;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::safe::SafeTxHash;

/// How long another process that prepares the rejection is waited for.
const REJECTION_WAIT_MAX: Duration = Duration::from_secs(20);

/// Call the proposal off.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident it belongs to: INC-7.
    incident: IncidentId,
    /// Why.
    #[arg(long, value_parser = words)]
    reason: String,
    #[command(flatten)]
    by: By,
}

/// Says so, prepares the rejection, and says what is to be signed.
pub async fn reject(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let agent = &house.agent;
    let (incident, _) = of(house, args.incident, None)?;
    if !incident.is_stood_down() {
        let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
        commands.stand_down(args.incident, args.by.actor(), args.reason).await?;
    }
    let deadline = Instant::now() + REJECTION_WAIT_MAX;
    loop {
        agent.store.sync().await?;
        let (incident, _) = of(house, args.incident, None)?;
        let missing: Vec<_> =
            incident.loose().into_iter().filter(|of| incident.rejection_of(*of).is_none()).collect();
        if missing.is_empty() {
            return Ok(said(context, &incident));
        }
        if Instant::now() >= deadline {
            let problems = missing.iter().map(|of| problem(&incident, *of)).collect();
            return Err(Failure { exit: Exit::No, problems });
        }
        for of in missing {
            // Whoever begins first builds it; the other waits.
            let attempt = match incident.rejections.get(&of) {
                None => Some(1),
                Some(RejectionWork::Failed { attempt, .. }) => Some(attempt + 1),
                Some(RejectionWork::Preparing { .. }) => None,
            };
            if let Some(attempt) = attempt {
                let done = reject::reject(agent, &incident, of, attempt, false).await;
                done.map_err(|error| Failure::of(&error))?;
            }
        }
        tokio::time::sleep(agent.poll).await;
    }
}

fn problem(incident: &Incident, of: SafeTxHash) -> String {
    match incident.rejections.get(&of) {
        Some(RejectionWork::Failed { problem, .. }) => format!("no rejection of {of}: {problem}"),
        Some(RejectionWork::Preparing { .. }) | None => {
            format!(
                "the rejection of {of} is still being prepared; `redhandle proposal show {}`",
                incident.id
            )
        }
    }
}

fn said(context: &Context, incident: &Incident) -> Exit {
    let rejections: Vec<_> = incident
        .loose()
        .into_iter()
        .filter_map(|of| incident.rejection_of(of))
        .filter_map(|hash| incident.companion(hash))
        .collect();
    let json = serde_json::json!({ "incident_id": incident.id, "rejections": rejections, "warnings": incident.warnings() });
    context.out.result(&json, |_| {
        if rejections.is_empty() {
            return "called off; nothing of it had left the house, so there is nothing to reject".to_owned();
        }
        let mut lines = incident.warnings();
        for known in &rejections {
            let companion = &known.companion;
            lines.push(format!(
                "rejection {} at nonce {} of Safe {}, {} of {} signed",
                companion.safe_tx_hash(),
                companion.tx.nonce,
                companion.safe_label(),
                known.confirmed_owners(),
                companion.threshold
            ));
        }
        lines.push(format!("owners sign it with: redhandle proposal sign {} --keystore …", incident.id));
        lines.join("\n")
    });
    Exit::Done
}
