//! `redhandle trigger`: a responder starts a runbook by hand.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::incident::{By, in_short, no_such, words};
use super::{Context, open};
use crate::agent::command::{Command, Commands};
use crate::agent::setup::Keys;
use crate::config::Reach;
use crate::domain::condition::Response;
use crate::domain::incident::Incident;
use crate::domain::names::{PersonId, RunbookId};

/// Start a runbook by hand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which runbook, by its id.
    runbook: RunbookId,
    /// Why.
    #[arg(long, value_parser = words)]
    reason: String,
    /// Leads the incident; without it, whom the schedule names.
    #[arg(long, value_name = "PERSON")]
    commander: Option<PersonId>,
    #[command(flatten)]
    by: By,
}

/// Reports, triages and declares in one step; a running agent does the rest.
pub async fn trigger(context: &Context, args: Args) -> Result<Exit, Failure> {
    let house = open::house(context, Keys::None, Reach::Journal).await?;
    let agent = &house.agent;
    let runbooks = &agent.config.runbooks;
    let Some(runbook) = runbooks.get(&args.runbook) else {
        return Err(no_such("runbook", args.runbook.as_str(), runbooks.keys().map(RunbookId::as_str)));
    };
    let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
    // Before anything is opened: a mistyped commander must not leave a half-made incident behind.
    if let Some(commander) = &args.commander {
        commands.known(commander)?;
    }
    let with = Command { commander: args.commander, ..Command::default() };
    let incident = commands.trigger(runbook, args.by.actor(), args.reason, with).await?;
    context.out.result(&json!({ "incident": &*incident }), |_| text(&incident));
    Ok(Exit::Done)
}

fn text(incident: &Incident) -> String {
    let id = incident.id;
    let next = match incident.response {
        Response::Page => format!(
            "A running agent (`redhandle run`) pages now, and by its runbook no more than that: \
             `redhandle incident raise {id} propose` lets it prepare and propose."
        ),
        Response::Prepare => format!(
            "A running agent (`redhandle run`) pages now and prepares the proposal: \
             `redhandle incident raise {id} propose` lets it propose."
        ),
        Response::Propose => {
            "A running agent (`redhandle run`) pages now, prepares the proposal and proposes it.".to_owned()
        }
    };
    format!(
        "{}\n{next}\nIf none runs, nobody is paged. Look: redhandle incident show {id}, redhandle proposal show {id}",
        in_short(incident)
    )
}
