//! `redhandle incident …`: what is going on, and what people decide about it.
//!
//! Every decision goes through [`Commands`]; nothing here changes an incident by itself. After a change
//! the incident is said again as it is now, because somebody else may have changed it as well.

mod list;
mod names;
mod now;
pub mod page;
mod show;

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::{Context, open};
use crate::agent::command::{self, CommandError, Commands};
use crate::agent::house::House;
use crate::agent::setup::Keys;
use crate::config::Reach;
use crate::domain::condition::Response;
use crate::domain::incident::fact::Role;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::names::PersonId;
use crate::domain::report::Evidence;
use crate::domain::runbook::Severity;
use crate::domain::text::terminal;

pub use names::{By, no_such, words};
pub use now::in_short;

/// A file of evidence in a line. Its name and type are whatever its sender said.
pub fn evidence(file: &Evidence) -> String {
    let kept = file.not_kept.as_ref().map(|why| format!("; NOT KEPT: {}", terminal(why))).unwrap_or_default();
    let (name, media_type) = (terminal(&file.name), terminal(&file.media_type));
    format!("{name} ({media_type}, {} bytes), SHA-256 {}{kept}", file.bytes, alloy::hex::encode(file.sha256))
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every incident, oldest first.
    List(list::Args),
    /// One incident: where it stands, who was called, what happened.
    Show(show::Args),
    #[command(flatten)]
    Decide(Decision),
}

/// What people decide.
#[derive(Debug, Subcommand)]
pub enum Decision {
    /// Decide whether it is real, and how bad.
    Triage(Triage),
    /// Declare it: establish command.
    Declare(Declare),
    /// Give a role to a person.
    Assign {
        /// Which incident.
        id: IncidentId,
        /// commander, communications or responder.
        #[arg(value_parser = role)]
        role: Role,
        /// Who has it from now on.
        person: PersonId,
        #[command(flatten)]
        by: By,
    },
    /// Set what is to be achieved.
    Objective {
        /// Which incident.
        id: IncidentId,
        /// What is to be achieved.
        #[arg(value_parser = words)]
        objective: String,
        #[command(flatten)]
        by: By,
    },
    /// Write something down.
    Note {
        /// Which incident.
        id: IncidentId,
        /// What.
        #[arg(value_parser = words)]
        text: String,
        #[command(flatten)]
        by: By,
    },
    /// "I am here": stops the pages to this person.
    Ack {
        /// Which incident.
        id: IncidentId,
        /// Who is here.
        #[arg(long = "as", value_name = "PERSON")]
        person: PersonId,
    },
    /// Raise how far the response goes by itself.
    Raise {
        /// Which incident.
        id: IncidentId,
        /// prepare or propose.
        #[arg(value_parser = raised)]
        response: Response,
        #[command(flatten)]
        by: By,
    },
    /// The harm is stopped and its cause dealt with.
    Resolve {
        /// Which incident.
        id: IncidentId,
        /// How.
        #[arg(long, value_parser = words)]
        summary: String,
        #[command(flatten)]
        by: By,
    },
    /// Nothing more will happen.
    Close {
        /// Which incident.
        id: IncidentId,
        /// Why.
        #[arg(long, value_parser = words)]
        reason: String,
        #[command(flatten)]
        by: By,
    },
}

/// Decide whether it is real, and how bad.
#[derive(Debug, Args)]
pub struct Triage {
    /// Which incident.
    id: IncidentId,
    #[command(flatten)]
    verdict: Verdict,
    /// How bad: normal, incident or emergency; without it, as it was reported.
    #[arg(long, value_parser = severity)]
    severity: Option<Severity>,
    /// Why.
    #[arg(long, value_parser = words)]
    reason: String,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Verdict {
    /// It is an incident.
    #[arg(long)]
    real: bool,
    /// It is an event and no incident.
    #[arg(long)]
    event: bool,
}

/// Declare it: establish command.
#[derive(Debug, Args)]
pub struct Declare {
    /// Which incident.
    id: IncidentId,
    /// Leads it; without it, whom the schedule names.
    #[arg(long, value_name = "PERSON")]
    commander: Option<PersonId>,
    /// Speaks for it; without it, whom the schedule names.
    #[arg(long, value_name = "PERSON")]
    communications: Option<PersonId>,
    /// Works on it; may be repeated; without it, whoever is on call.
    #[arg(long = "responder", value_name = "PERSON")]
    responders: Vec<PersonId>,
    /// What is to be achieved; without it, what the runbook says.
    #[arg(long, value_parser = words)]
    objective: Option<String>,
    #[command(flatten)]
    by: By,
}

fn role(text: &str) -> Result<Role, String> {
    match text {
        "commander" => Ok(Role::Commander),
        "communications" => Ok(Role::Communications),
        "responder" => Ok(Role::Responder),
        _ => Err("expected commander, communications or responder".to_owned()),
    }
}

fn raised(text: &str) -> Result<Response, String> {
    match text {
        "prepare" => Ok(Response::Prepare),
        "propose" => Ok(Response::Propose),
        _ => Err("expected prepare or propose".to_owned()),
    }
}

/// Reads a severity.
pub fn severity(text: &str) -> Result<Severity, String> {
    text.parse().map_err(|_| "expected normal, incident or emergency".to_owned())
}

/// Does what was asked.
pub async fn incident(context: &Context, command: Command) -> Result<Exit, Failure> {
    let house = open::house(context, Keys::None, Reach::Journal).await?;
    match command {
        Command::List(args) => list::list(context, &house, &args),
        Command::Show(args) => show::show(context, &house, &args)?,
        Command::Decide(decision) => {
            let incident = decide(&house, decision).await?;
            context.out.result(&json!({ "incident": &*incident }), |_| in_short(&incident));
        }
    }
    Ok(Exit::Done)
}

/// Takes a decision, and gives the incident as it is afterwards.
async fn decide(house: &House, decision: Decision) -> Result<Arc<Incident>, Failure> {
    let agent = &house.agent;
    let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
    let decided: Result<Arc<Incident>, CommandError> = match decision {
        Decision::Triage(Triage { id, verdict, severity, reason, by }) => {
            commands.triage(id, by.actor(), verdict.real, severity, reason).await
        }
        Decision::Declare(declare) => return declared(house, &commands, declare).await,
        Decision::Assign { id, role, person, by } => commands.assign(id, by.actor(), role, person).await,
        Decision::Objective { id, objective, by } => commands.objective(id, by.actor(), objective).await,
        Decision::Note { id, text, by } => commands.note(id, by.actor(), text).await,
        Decision::Ack { id, person } => commands.acknowledge(id, person, "command").await,
        Decision::Raise { id, response, by } => commands.raise(id, by.actor(), response).await,
        Decision::Resolve { id, summary, by } => commands.resolve(id, by.actor(), summary).await,
        Decision::Close { id, reason, by } => commands.close(id, by.actor(), reason).await,
    };
    Ok(decided?)
}

async fn declared(
    house: &House,
    commands: &Commands<'_>,
    declare: Declare,
) -> Result<Arc<Incident>, Failure> {
    let Declare { id, commander, communications, responders, objective, by } = declare;
    let incident = open::incident(house, id)?;
    let runbook = house.agent.runbook(&incident);
    let with = command::Command { commander, communications, responders, objective };
    Ok(commands.declare(id, by.actor(), with, runbook).await?)
}
