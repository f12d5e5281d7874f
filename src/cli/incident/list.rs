//! `redhandle incident list`.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use crate::agent::house::House;
use crate::cli::Context;
use crate::cli::output::{Look, Output};
use crate::domain::incident::{Incident, IncidentId, Phase};
use crate::domain::names::ContractName;
use crate::domain::runbook::Severity;
use crate::domain::silence::Silence;
use crate::domain::text::{cut, terminal};

/// Characters of a title in the table.
const TITLE_MAX_CHARS: usize = 60;

/// Every incident, oldest first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those that are not resolved yet.
    #[arg(long)]
    open: bool,
}

/// One line of the list.
#[derive(Debug, Serialize)]
struct Line {
    id: IncidentId,
    phase: Phase,
    severity: Severity,
    stage: &'static str,
    contract: Option<ContractName>,
    title: String,
    opened: jiff::Timestamp,
    open: bool,
}

impl From<&Incident> for Line {
    fn from(incident: &Incident) -> Self {
        Self {
            id: incident.id,
            phase: incident.phase,
            severity: incident.severity,
            stage: incident.stage.as_str(),
            contract: incident.contract.clone(),
            title: incident.title.clone(),
            opened: incident.opened,
            open: incident.phase.is_open(),
        }
    }
}

/// Lists.
pub fn list(context: &Context, house: &House, args: &Args) {
    let lines = lines(&house.agent.store.all(), args.open);
    let now = house.agent.clock.now();
    let (silences, holding) = house.agent.silences.look(|silences| {
        let holding: Vec<String> = silences.active(now).map(Silence::in_short).collect();
        (json!(silences.active(now).collect::<Vec<_>>()), holding)
    });
    let value = json!({ "incidents": lines, "silences": silences });
    context.out.result(&value, |out| {
        let mut text = text(&lines, args.open, out);
        holding.iter().for_each(|line| text.push_str(&format!("\n{}", out.look(&terminal(line), Look::Bad))));
        text
    });
}

fn lines(incidents: &[Arc<Incident>], only_open: bool) -> Vec<Line> {
    incidents.iter().map(|incident| Line::from(&**incident)).filter(|line| line.open || !only_open).collect()
}

fn text(lines: &[Line], only_open: bool, out: &Output) -> String {
    if lines.is_empty() {
        return if only_open { "No incident is open." } else { "There was no incident yet." }.to_owned();
    }
    let rows = lines.iter().map(|line| row(line, out)).collect();
    out.table(&["id", "phase", "severity", "stage", "about", "opened"], rows)
}

fn row(line: &Line, out: &Output) -> Vec<String> {
    let title = terminal(&cut(&line.title, TITLE_MAX_CHARS));
    let about = match &line.contract {
        Some(contract) => format!("{}: {title}", terminal(contract.as_str())),
        None => title,
    };
    vec![
        line.id.to_string(),
        line.phase.as_str().to_owned(),
        line.severity.to_string(),
        line.stage.to_owned(),
        about,
        // Two lines of a cell rather than half of the page's width.
        out.time(line.opened).replace(" (", "\n("),
    ]
}

#[cfg(test)]
pub fn shown(incidents: &[Arc<Incident>], only_open: bool, out: &Output) -> String {
    text(&lines(incidents, only_open), only_open, out)
}
