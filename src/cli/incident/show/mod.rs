//! `redhandle incident show`: where it stands, who was called, and the story as the journal tells it.

mod calls;
mod head;
mod page;
mod story;

use serde_json::json;

use crate::agent::house::House;
use crate::cli::exit::Failure;
use crate::cli::{Context, open};
use crate::domain::incident::IncidentId;
use crate::domain::incident::timeline::timeline;

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
    context.out.result(&value, |out| {
        let roster = &house.agent.config.roster;
        let parts = [
            head::head(&incident, roster, out),
            head::proposal(&incident, roster, out),
            calls::calls(&incident, roster, out),
            story::story(&incident, &moments, args.all, out),
        ];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    });
    Ok(())
}

#[cfg(test)]
mod tests;
