//! A first draft of the post-mortem, from the timeline alone.
//!
//! The draft states what the journal knows and leaves what only people know as open questions. It
//! names no person as a cause. Every text that somebody else wrote is escaped for Markdown.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::fact::Fact;
use super::state::{Incident, Stage};
use super::timeline::{Weight, timeline};
use crate::domain::text::{markdown, markdown_code};

/// Drafts Markdown. Times are shown in `zone` and UTC.
pub fn draft(incident: &Incident, facts: &[(Timestamp, Fact)], zone: &TimeZone) -> String {
    let mut page = Page::default();
    page.line(format!("# Post-mortem of {}: {}", incident.id, markdown(&incident.title)));
    page.line("");
    page.line("*A draft from the journal. It names no person as a cause; what only people know is asked in italics.*");
    summary(&mut page, incident, facts, zone);
    times(&mut page, facts);
    proposal(&mut page, incident);
    story(&mut page, facts, zone);
    questions(&mut page);
    action_items(&mut page, incident);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(format!("## {heading}"));
        self.line("");
    }
}

fn when(at: Timestamp, zone: &TimeZone) -> String {
    let utc = at.strftime("%H:%M:%S UTC");
    if zone.iana_name().is_none_or(|name| name == "UTC") {
        return format!("{} {utc}", at.strftime("%Y-%m-%d"));
    }
    format!("{} ({utc})", at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z"))
}

/// A duration that people read: `850 ms`, `4.2 s`, `3 min 12 s`, `2 h 05 min`.
pub fn span(duration: SignedDuration) -> String {
    let millis = duration.as_millis();
    let seconds = duration.as_secs();
    match seconds {
        ..1 => format!("{millis} ms"),
        1..60 => format!("{}.{} s", seconds, millis % 1000 / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn summary(page: &mut Page, incident: &Incident, facts: &[(Timestamp, Fact)], zone: &TimeZone) {
    page.heading("Summary");
    page.line("| | |");
    page.line("|---|---|");
    let mut row = |label: &str, value: String| page.line(format!("| {label} | {value} |"));
    row("Severity", incident.severity.to_string());
    if let Some(contract) = &incident.contract {
        row("Contract", markdown(contract.as_str()));
    }
    if let Some(runbook) = &incident.runbook {
        row("Runbook", markdown(runbook.as_str()));
    }
    row("Reported", when(incident.opened, zone));
    let containment = if let Stage::Verified { at, block } = &incident.stage {
        format!("verified at block {block}, {}", when(*at, zone))
    } else {
        incident.stage.as_str().to_owned()
    };
    row("Containment", containment);
    let nobody = || "nobody".to_owned();
    row("Incident commander", incident.commander.as_ref().map_or_else(nobody, |id| markdown(id.as_str())));
    if let Some(objective) = &incident.objective {
        row("Objective", markdown(objective));
    }
    if let Some((_, Fact::Resolved { summary, .. })) =
        facts.iter().rev().find(|(_, fact)| matches!(fact, Fact::Resolved { .. }))
    {
        row("Resolution", markdown(summary));
    }
    // What a stranger wrote was written to responders: it may name people, and is not ours to publish.
    match (&incident.statement, incident.arrival.as_deref()) {
        (Some(_), Some(arrival)) if !arrival.vouched => {
            let place = markdown_code(&format!("redhandle incident show {}", incident.id));
            row("As reported", format!("in a stranger's words, which are not repeated here: {place}"));
        }
        (Some(statement), _) => row("As reported", markdown(statement)),
        (None, _) => {}
    }
}

/// How long it took from the first report to each turn.
fn times(page: &mut Page, facts: &[(Timestamp, Fact)]) {
    let Some((start, _)) = facts.first() else { return };
    page.heading("How long it took");
    page.line("| from the first report to | |");
    page.line("|---|---|");
    let mut row = |label: &str, is: &dyn Fn(&Fact) -> bool| {
        if let Some((at, _)) = facts.iter().find(|(_, fact)| is(fact)) {
            page.line(format!("| {label} | {} |", span(at.duration_since(*start))));
        }
    };
    row("first page delivered", &|fact| matches!(fact, Fact::PageDelivered { .. }));
    row("first acknowledgement", &|fact| matches!(fact, Fact::Acknowledged { .. }));
    row("declared", &|fact| matches!(fact, Fact::Declared { .. }));
    row("proposal prepared and simulated", &|fact| matches!(fact, Fact::Prepared(_)));
    row("proposal submitted", &|fact| matches!(fact, Fact::Submitted { .. }));
    row("first confirmation", &|fact| matches!(fact, Fact::Confirmed(_)));
    row("executed", &|fact| matches!(fact, Fact::Executed { .. }));
    row("effect verified", &|fact| matches!(fact, Fact::Verified { .. }));
    row("resolved", &|fact| matches!(fact, Fact::Resolved { .. }));
}

fn proposal(page: &mut Page, incident: &Incident) {
    let Some(preparation) = &incident.preparation else { return };
    page.heading("The proposal");
    page.line(format!(
        "- Safe `{}` ({}), nonce {}",
        preparation.safe, preparation.domain.safe, preparation.tx.nonce
    ));
    for call in &preparation.calls {
        page.line(format!(
            "- {}, expected afterwards: {}",
            markdown_code(&call.call),
            markdown_code(&call.expect)
        ));
    }
    page.line(format!("- domain hash `{}`", preparation.hashes.domain));
    page.line(format!("- message hash `{}`", preparation.hashes.message));
    page.line(format!("- safeTxHash `{}`", preparation.safe_tx_hash()));
    page.line(format!("- signers: {}", markdown(&preparation.coverage.headline())));
    for owner in incident.confirmations.keys() {
        page.line(format!("- confirmed by `{owner}`"));
    }
}

fn story(page: &mut Page, facts: &[(Timestamp, Fact)], zone: &TimeZone) {
    page.heading("Timeline");
    let Some((start, _)) = facts.first() else { return };
    for moment in timeline(facts) {
        let mark = match moment.weight {
            Weight::Turn => "**",
            Weight::Detail => "",
            Weight::Trouble => "***",
        };
        let mut line = String::new();
        let elapsed = span(moment.at.duration_since(*start));
        // Writing to a String cannot fail.
        write!(line, "- {} (+{elapsed}) {mark}{}{mark}", when(moment.at, zone), markdown(&moment.sentence))
            .ok();
        page.line(line);
    }
}

fn questions(page: &mut Page) {
    page.heading("Impact");
    page.line("*Who and what was affected, and how much: users, funds, chains, partners?*");
    page.heading("Detection");
    page.line("*Did the feeds see it first? What would have seen it earlier?*");
    page.heading("Causes");
    page.line("*What made it possible? What made it worse? Causes are conditions, not people.*");
    page.heading("What went well, what went badly, where we were lucky");
    page.line("*One list each.*");
}

fn action_items(page: &mut Page, incident: &Incident) {
    page.heading("Action items");
    if incident.action_items.is_empty() {
        page.line("*None yet. Each has an owner and a date, and is looked at every week until it is done.*");
        return;
    }
    page.line("| # | what | owner | due | done |");
    page.line("|---|---|---|---|---|");
    for item in &incident.action_items {
        let done = item.done.map_or_else(|| "no".to_owned(), |at| at.strftime("%Y-%m-%d").to_string());
        let what = markdown(&item.what);
        page.line(format!(
            "| {} | {what} | {} | {} | {done} |",
            item.item,
            markdown(item.owner.as_str()),
            item.due
        ));
    }
}
