//! `redhandle report`: anyone reports that something is wrong.
//!
//! Whoever uses this machine vouches for the title, which stands in pages. A report opens a triage and pages; it never
//! prepares a proposal. It is written to the journal itself, so it needs no running agent.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::incident::{in_short, no_such, severity};
use super::{Context, open};
use crate::agent::reports::{self, Arrived, Attachment, REPORT_FILE_MAX_BYTES, REPORT_FILES_MAX, Taken};
use crate::agent::setup::Keys;
use crate::config::Reach;
use crate::domain::names::RunbookId;
use crate::domain::report::{CONTACT_MAX_CHARS, Report, ReportSource, TEXT_MAX_BYTES, TITLE_MAX_CHARS, Way};
use crate::domain::runbook::Severity;
use crate::domain::text::terminal;

/// Who reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Support,
    Customer,
    Hacker,
    SecurityTeam,
    LawEnforcement,
    Other,
}

impl Kind {
    fn source(self) -> ReportSource {
        match self {
            Self::Support => ReportSource::Support,
            Self::Customer => ReportSource::Customer,
            Self::Hacker => ReportSource::Hacker,
            Self::SecurityTeam => ReportSource::SecurityTeam,
            Self::LawEnforcement => ReportSource::LawEnforcement,
            Self::Other => ReportSource::Other,
        }
    }
}

/// Report that something is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who reports it.
    #[arg(long, visible_alias = "kind", value_enum)]
    source: Kind,
    /// What is wrong, in one line of your own words.
    #[arg(long, value_parser = title)]
    title: String,
    /// How they are reached, as they gave it.
    #[arg(long, value_parser = contact)]
    contact: Option<String>,
    /// What they wrote; "-" reads it from standard input.
    #[arg(long)]
    statement: Option<String>,
    /// A file that they gave, kept as evidence under its hash; may be given several times.
    #[arg(long = "attach", value_name = "FILE", num_args = 1..)]
    attach: Vec<PathBuf>,
    /// How bad: normal, incident or emergency; without it the runbook's, and in doubt emergency.
    #[arg(long, value_parser = severity)]
    severity: Option<Severity>,
    /// The runbook that answers it.
    #[arg(long, value_name = "ID")]
    runbook: Option<RunbookId>,
}

fn title(text: &str) -> Result<String, String> {
    line(text, TITLE_MAX_CHARS)
}

fn contact(text: &str) -> Result<String, String> {
    line(text, CONTACT_MAX_CHARS)
}

fn line(text: &str, chars_max: usize) -> Result<String, String> {
    let text = text.trim();
    let chars = text.chars().count();
    if chars == 0 || text.contains('\n') {
        return Err("expected one line".to_owned());
    }
    if chars > chars_max {
        return Err(format!(
            "{chars} characters are too many; {chars_max} at most, the rest is for --statement"
        ));
    }
    Ok(text.to_owned())
}

/// Opens a triage.
pub async fn report(context: &Context, args: Args) -> Result<Exit, Failure> {
    let text = args.statement.map(statement).transpose()?;
    let files = attachments(&args.attach)?;
    let house = open::house(context, Keys::None, Reach::Journal).await?;
    let agent = &house.agent;
    let runbooks = &agent.config.runbooks;
    if let Some(id) = args.runbook.as_ref().filter(|id| !runbooks.contains_key(id)) {
        return Err(no_such("runbook", id.as_str(), runbooks.keys().map(RunbookId::as_str)));
    }
    let report = Report {
        source: args.source.source(),
        title: args.title,
        text,
        contact: args.contact,
        severity: args.severity,
        runbook: args.runbook,
    };
    let arrived = Arrived {
        report,
        way: Way::Command,
        sender: None,
        vouched: true,
        key: None,
        once: None,
        claims: Vec::new(),
        files,
        left_out: 0,
    };
    let taken = reports::take(agent, arrived).await.map_err(|error| Failure::of(&error))?;
    let (Taken::Opened { id, .. } | Taken::Repeated { id, .. } | Taken::OtherContent(id)) = taken else {
        return Err(Failure::no("nothing was recorded"));
    };
    let incident = open::incident(&house, id)?;
    context.out.result(&json!({ "incident": &*incident }), |_| {
        let mut lines = vec![in_short(&incident)];
        let arrival = incident.arrival.as_deref();
        for file in arrival.iter().flat_map(|arrival| &arrival.evidence) {
            lines.push(super::incident::evidence(file));
        }
        lines.push(if arrival.is_some_and(|arrival| arrival.quiet) {
            "Nobody is paged for reports of this source: [reports] page leaves it out.".to_owned()
        } else {
            "A running agent (`redhandle run`) pages whoever is on call for triage; if none runs, nobody is paged."
                .to_owned()
        });
        lines.join("\n")
    });
    Ok(Exit::Done)
}

/// Reads the files that are to be kept; every problem at once.
fn attachments(paths: &[PathBuf]) -> Result<Vec<Attachment>, Failure> {
    let mut problems = Vec::new();
    if paths.len() > REPORT_FILES_MAX {
        problems.push(format!(
            "--attach: {} files are too many; {REPORT_FILES_MAX} at most, pack them into one",
            paths.len()
        ));
    }
    let mut files = Vec::new();
    for path in paths.iter().take(REPORT_FILES_MAX) {
        match attachment(path) {
            Ok(file) => files.push(file),
            Err(why) => problems.push(format!("--attach {}: {why}", terminal(&path.display().to_string()))),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(Failure { exit: Exit::Wrong, problems }) }
}

fn attachment(path: &Path) -> Result<Attachment, String> {
    let told = |error: std::io::Error| format!("it cannot be read: {error}");
    if !std::fs::metadata(path).map_err(told)?.is_file() {
        return Err("expected a file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(told)?;
    file.take(REPORT_FILE_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() > REPORT_FILE_MAX_BYTES {
        return Err(format!(
            "it is longer than {REPORT_FILE_MAX_BYTES} bytes; keep it elsewhere, and note its hash"
        ));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Attachment { name, media_type: String::new(), bytes })
}

fn statement(given: String) -> Result<String, Failure> {
    let text = if given == "-" { read_statement()? } else { given };
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(Failure::wrong("--statement: there is nothing in it; leave it away"));
    }
    if text.len() > TEXT_MAX_BYTES {
        return Err(Failure::wrong(format!(
            "--statement: {} bytes are too many; {TEXT_MAX_BYTES} at most, give the rest as a file with --attach",
            text.len()
        )));
    }
    Ok(text)
}

fn read_statement() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(TEXT_MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::no(format!("--statement: standard input could not be read: {error}")))?;
    // What a stranger wrote may be in any encoding; what is not UTF-8 is marked and the rest kept.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
