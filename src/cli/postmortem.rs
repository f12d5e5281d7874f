//! `redhandle postmortem …`: the draft, and what is to be done so that it does not happen again.

use std::sync::Arc;

use clap::Subcommand;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::incident::{By, words};
use super::output::{Look, Output};
use super::{Context, open};
use crate::agent::command::Commands;
use crate::agent::house::House;
use crate::agent::setup::Keys;
use crate::agent::{chain_of, draft};
use crate::config::Reach;
use crate::domain::incident::{Incident, IncidentId, Phase, postmortem as text};
use crate::domain::names::PersonId;
use crate::domain::text::terminal;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The draft, from the journal alone, as Markdown.
    Draft {
        /// Which incident.
        id: IncidentId,
        /// Write it beside the journal instead, once; a file that is there is never replaced.
        #[arg(long)]
        write: bool,
    },
    /// Add an action item.
    Action {
        /// Which incident.
        id: IncidentId,
        /// What is to be done.
        #[arg(value_parser = words)]
        what: String,
        /// Who does it.
        #[arg(long, value_name = "PERSON")]
        owner: PersonId,
        /// By when: 2026-12-31.
        #[arg(long, value_name = "DATE")]
        due: Date,
    },
    /// An action item is done.
    Done {
        /// Which incident.
        id: IncidentId,
        /// Its number within the incident.
        item: u32,
        #[command(flatten)]
        by: By,
    },
    /// The open action items of all incidents.
    Actions,
}

/// Does what was asked.
pub async fn postmortem(context: &Context, command: Command) -> Result<Exit, Failure> {
    let house = open::house(context, Keys::None, Reach::Journal).await?;
    let agent = &house.agent;
    let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
    match command {
        Command::Draft { id, write: false } => print(context, &house, &*open::incident(&house, id)?),
        Command::Draft { id, write: true } => write(context, &house, &*open::incident(&house, id)?).await?,
        Command::Action { id, what, owner, due } => {
            let incident = commands.add_action_item(id, what, owner, due).await?;
            say(context, &incident, incident.action_items.len());
        }
        Command::Done { id, item, by } => {
            let incident = commands.finish_action_item(id, item, by.actor()).await?;
            say(context, &incident, usize::try_from(item).unwrap_or(usize::MAX));
        }
        Command::Actions => {
            let today = agent.clock.now().to_zoned(context.out.zone().clone()).date();
            let open = open_items(&agent.store.all(), today);
            context.out.result(&json!({ "actions": open }), |out| table(&open, out));
        }
    }
    Ok(Exit::Done)
}

fn print(context: &Context, house: &House, incident: &Incident) {
    let facts = house.agent.store.facts(incident.id);
    let markdown = text::draft(incident, &facts, context.out.zone());
    let value = json!({ "incident": incident.id, "markdown": markdown });
    context.out.result(&value, |_| markdown.clone());
}

async fn write(context: &Context, house: &House, incident: &Incident) -> Result<(), Failure> {
    let id = incident.id;
    match incident.phase {
        Phase::Resolved | Phase::PostMortem => {}
        Phase::Reported | Phase::Triaged | Phase::Declared | Phase::Closed => {
            return Err(Failure::no(format!(
                "{id} is {}: its post-mortem is written once it is resolved and before it is closed; without --write the draft is printed at any time",
                incident.phase.as_str()
            )));
        }
    }
    let path = draft::place(&house.agent.post_mortems, incident);
    let was_there = path.exists();
    // Where it is written and recorded already there is nothing to do, and nothing to record twice.
    if !was_there || incident.post_mortem.is_none() {
        draft::draft(&house.agent, incident).await.map_err(|error| Failure::no(chain_of(&error)))?;
    }
    let shown = path.display().to_string();
    let value = json!({ "incident": id, "path": shown, "written": !was_there });
    context.out.result(&value, |_| {
        if was_there { format!("{shown} was there already and is left as it is") } else { shown.clone() }
    });
    Ok(())
}

/// Says an action item as it is now.
fn say(context: &Context, incident: &Incident, number: usize) {
    let item = number.checked_sub(1).and_then(|index| incident.action_items.get(index));
    context.out.result(&json!({ "incident": incident.id, "action": item }), |_| {
        item.map_or_else(String::new, |item| {
            let state = if item.done.is_some() { "done" } else { "open" };
            let (what, owner) = (terminal(&item.what), terminal(item.owner.as_str()));
            format!("{} action item {} is {state}: {what} ({owner}, by {})", incident.id, item.item, item.due)
        })
    });
}

/// An action item that is not done.
#[derive(Debug, Serialize)]
struct OpenItem {
    incident: IncidentId,
    item: u32,
    what: String,
    owner: PersonId,
    due: Date,
    overdue: bool,
}

/// Every action item that is not done, the most urgent first.
fn open_items(incidents: &[Arc<Incident>], today: Date) -> Vec<OpenItem> {
    let mut items: Vec<_> = incidents
        .iter()
        .flat_map(|incident| incident.action_items.iter().map(|item| (incident.id, item)))
        .filter(|(_, item)| item.done.is_none())
        .map(|(incident, item)| OpenItem {
            incident,
            item: item.item,
            what: item.what.clone(),
            owner: item.owner.clone(),
            due: item.due,
            overdue: item.due < today,
        })
        .collect();
    items.sort_by_key(|item| (item.due, item.incident, item.item));
    items
}

fn table(items: &[OpenItem], out: &Output) -> String {
    if items.is_empty() {
        return "No action item is open.".to_owned();
    }
    let row = |item: &OpenItem| {
        let due = if item.overdue { format!("{} OVERDUE", item.due) } else { item.due.to_string() };
        let number = format!("{} #{}", item.incident, item.item);
        vec![number, due, terminal(item.owner.as_str()), terminal(&item.what)]
    };
    let overdue = items.iter().filter(|item| item.overdue).count();
    let table = out.table(&["item", "due", "owner", "what"], items.iter().map(row).collect());
    let lines = table
        .lines()
        .map(|line| if line.contains(" OVERDUE") { out.look(line, Look::Bad) } else { line.to_owned() });
    let table = lines.collect::<Vec<_>>().join("\n");
    if overdue == 0 {
        table
    } else {
        format!("{table}\n\n{}", out.look(&format!("{overdue} overdue"), Look::Bad))
    }
}
