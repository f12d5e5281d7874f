//! `redhandle incident show`: where it stands, who was called, and the story as the journal tells it.

mod calls;
mod head;

mod story;

use serde_json::json;

use crate::agent::house::House;
use crate::cli::exit::Failure;
use crate::cli::output::Output;
use crate::cli::{Context, open};
use crate::domain::incident::timeline::{Moment, timeline};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::roster::Roster;

/// One incident: where it stands, who was called, what happened.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which incident.
    pub id: IncidentId,
    /// Show every moment, not only the story's turns and troubles.
    #[arg(long)]
    pub all: bool,
}

/// Shows.
pub fn show(context: &Context, house: &House, args: &Args) -> Result<(), Failure> {
    let incident = open::incident(house, args.id)?;
    let moments = timeline(&house.agent.store.facts(incident.id));
    let value = json!({ "incident": &*incident, "timeline": moments });
    let roster = &house.agent.config.roster;
    context.out.result(&value, |out| text(&incident, &moments, args.all, roster, out));
    Ok(())
}

fn text(incident: &Incident, moments: &[Moment], all: bool, roster: &Roster, out: &Output) -> String {
    let parts = [
        head::head(incident, roster, out),
        head::proposal(incident, roster, out),
        calls::calls(incident, roster, out),
        story::story(incident, moments, all, out),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests;
