//! `redhandle report`: anyone reports that something is wrong.
//!
//! A report is not authenticated. It opens a triage and pages; it never prepares a proposal.

use std::io::Read as _;

use clap::ValueEnum;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::incident::{in_short, no_such, severity};
use super::{Context, open};
use crate::agent::command::Commands;
use crate::agent::setup::Keys;
use crate::domain::names::RunbookId;
use crate::domain::runbook::Severity;

/// Characters of a title at most: it is one line of a page.
const TITLE_MAX_CHARS: usize = 200;

/// Characters of a contact at most.
const CONTACT_MAX_CHARS: usize = 500;

/// Bytes of a statement at most.
const STATEMENT_MAX_BYTES: u64 = 32 * 1024;

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
    fn as_str(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Customer => "customer",
            Self::Hacker => "hacker",
            Self::SecurityTeam => "security-team",
            Self::LawEnforcement => "law-enforcement",
            Self::Other => "other",
        }
    }
}

/// Report that something is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who reports it.
    #[arg(long, value_enum)]
    kind: Kind,
    /// What is wrong, in one line of your own words.
    #[arg(long, value_parser = title)]
    title: String,
    /// How they are reached, as they gave it.
    #[arg(long, value_parser = contact)]
    contact: Option<String>,
    /// What they wrote; "-" reads it from standard input.
    #[arg(long)]
    statement: Option<String>,
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
    let statement = args.statement.map(statement).transpose()?;
    let house = open::house(context, Keys::None).await?;
    let agent = &house.agent;
    let runbooks = &agent.config.runbooks;
    let runbook = match &args.runbook {
        None => None,
        Some(id) => match runbooks.get(id) {
            Some(runbook) => Some(runbook),
            None => return Err(no_such("runbook", id.as_str(), runbooks.keys().map(RunbookId::as_str))),
        },
    };
    let severity =
        args.severity.or_else(|| runbook.map(|runbook| runbook.severity)).unwrap_or(Severity::Emergency);
    let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
    let incident = commands
        .report(args.kind.as_str().to_owned(), args.contact, args.title, statement, severity, args.runbook)
        .await?;
    context.out.result(&json!({ "incident": &*incident }), |_| {
        format!(
            "{}\nA running agent (`redhandle run`) pages whoever is on call for triage; if none runs, nobody is paged.",
            in_short(&incident)
        )
    });
    Ok(Exit::Done)
}

fn statement(given: String) -> Result<String, Failure> {
    let text = if given == "-" { read_statement()? } else { given };
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(Failure::wrong("--statement: there is nothing in it; leave it away"));
    }
    if text.len() as u64 > STATEMENT_MAX_BYTES {
        return Err(Failure::wrong(format!(
            "--statement: {} bytes are too many; {STATEMENT_MAX_BYTES} at most, keep the rest as a file of its own",
            text.len()
        )));
    }
    Ok(text)
}

fn read_statement() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(STATEMENT_MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::no(format!("--statement: standard input could not be read: {error}")))?;
    // What a stranger wrote may be in any encoding; what is not UTF-8 is marked and the rest kept.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
