//! The timeline drawn from the journal: how long after the report, at what local time, what.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::cli::incident::page::{Block, hang};
use crate::cli::output::{Look, Output};
use crate::domain::incident::Incident;
use crate::domain::incident::postmortem::span;
use crate::domain::incident::timeline::{Moment, Weight};
use crate::domain::text::terminal;

/// How wide the time since the report is, as in `+59 min 59 s`.
const ELAPSED_COLUMNS: usize = 13;

/// Draws the story. Without `all`, its turns and troubles only, and how many details were left out.
pub fn story(incident: &Incident, moments: &[Moment], all: bool, out: &Output) -> String {
    let mut block = Block::new(out);
    block.heading(&format!("Timeline, from {}", out.time(incident.opened)), Look::Bold);
    let mut lines = vec![block.text()];
    let mut day = local(incident.opened, out).0;
    let mut left_out = 0_usize;
    for moment in moments {
        let look = match moment.weight {
            Weight::Turn => Look::Plain,
            Weight::Trouble => Look::Bad,
            Weight::Detail if all => Look::Dim,
            Weight::Detail => {
                left_out += 1;
                continue;
            }
        };
        let (date, time) = local(moment.at, out);
        if date != day {
            lines.push(out.look(&format!("  {date}"), Look::Dim));
            day = date;
        }
        let elapsed = format!("+{}", span(moment.at.duration_since(incident.opened)));
        let lead = format!("  {elapsed:>ELAPSED_COLUMNS$}  {time}  ");
        let columns = lead.chars().count();
        lines.push(hang(&out.look(&lead, Look::Dim), columns, &terminal(&moment.sentence), look, out));
    }
    if left_out > 0 {
        lines.push(out.look(&format!("  {left_out} details are left out; --all shows them"), Look::Dim));
    }
    lines.join("\n")
}

fn local(at: Timestamp, out: &Output) -> (Date, String) {
    let local = at.to_zoned(out.zone().clone());
    (local.date(), local.strftime("%H:%M:%S").to_string())
}
