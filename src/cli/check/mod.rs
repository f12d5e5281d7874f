//! `redhandle check`: every file and every name in it, against the chain.
//!
//! Files first: when they are wrong the chain is not asked, because its answers would be about something
//! nobody meant. What is printed is what was found out just now, the good news included.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::incident::page::hang;
use super::output::{Look, Output};
use crate::agent::preflight::{Finding, Level, explained, preflight};
use crate::agent::setup::{self, Keys, SetupProblems, Surroundings};
use crate::agent::{Agent, chain_of};
use crate::clock::{Clock as _, SharedClock, SystemClock};
use crate::config::settings::{KeySource, Keystore};
use crate::config::{self, Config, Environment, Place, Problem, Problems, Reach, is_here};
use crate::domain::condition::Condition;
use crate::domain::names::RunbookId;
use crate::domain::text::terminal;
use crate::journal::{Journal as _, MemoryJournal, SqliteJournal};

/// Check every file and every name in it, against the chain.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the files: ask neither chain nor service. Secrets that are not here are named, and all else is checked.
    #[arg(long)]
    offline: bool,
}

/// Checks, and says all that was found.
pub async fn check(context: &Context, args: Args) -> Result<Exit, Failure> {
    let environment = Environment::from_os(std::env::vars_os());
    let found = find(&context.config, &environment, args.offline).await;
    let told = json!({ "findings": found.findings, "absent_secrets": found.absent_secrets });
    context.out.result(&told, |out| text(&found, out));
    Ok(found.exit)
}

/// What a check comes to.
struct Found {
    findings: Vec<Finding>,
    /// Whether the chain was asked.
    asked: bool,
    /// How many secrets are not here. Only what asks nobody can do without.
    absent_secrets: usize,
    exit: Exit,
}

async fn find(path: &Path, environment: &Environment, offline: bool) -> Found {
    let (config, absent) = read(path, environment, offline);
    let absent_secrets = absent.len();
    let mut absent = told(&absent, Finding::warning);
    for finding in &mut absent {
        finding.sentence.push_str(": it was not looked at, and `redhandle run` does not start without it");
    }
    let config = config.map_err(|problems| told(&problems, Finding::problem));
    let (mut agent, mut findings) = match config.and_then(|config| files(path, config, offline)) {
        Ok(good) => good,
        Err(mut findings) => {
            findings.append(&mut absent);
            return Found { findings, asked: false, absent_secrets, exit: Exit::Wrong };
        }
    };
    findings.append(&mut absent);
    findings.push(journal(&agent).await);
    if !offline {
        if let Err(SetupProblems(problems)) = setup::connect(&mut agent, Keys::All).await {
            findings.extend(problems.into_iter().map(|found| Finding::problem(found.place, found.problem)));
        }
        findings.extend(preflight(&agent).await);
    }
    let good = findings.iter().all(|finding| finding.level != Level::Problem);
    Found { findings, asked: !offline, absent_secrets, exit: if good { Exit::Done } else { Exit::No } }
}

/// Reads the files; the second is the secrets that are not here, where nobody needs them. Offline they keep nobody from
/// judging everything else as if they were here.
fn read(path: &Path, environment: &Environment, offline: bool) -> (Result<Config, Problems>, Problems) {
    let today = SystemClock.now().to_zoned(TimeZone::system()).date();
    let problems = match config::load(path, environment, today) {
        Err(problems) if offline => problems,
        loaded => return (loaded, Problems::default()),
    };
    let (absent, others) = problems.absent_secrets_apart();
    if absent.is_empty() {
        return (Err(others), absent);
    }
    // What stands beside an absent secret is read only by whoever needs none.
    let config = match config::load_with(path, environment, today, None, Reach::Journal) {
        Ok(config) if others.is_empty() => Ok(without_absent_keys(config)),
        Ok(_) => Err(others),
        Err(more) => Err(others.and(more)),
    };
    (config, absent)
}

/// A key whose file or password is not here is opened by nobody.
fn without_absent_keys(mut config: Config) -> Config {
    let is_absent = |key: &KeySource| match key {
        KeySource::Keystore(Keystore { path, password }) => !is_here(password) || !path.exists(),
        KeySource::PrivateKey(key) => !is_here(key),
        KeySource::AwsKms { .. } | KeySource::GcpKms { .. } | KeySource::Ledger(_) | KeySource::Trezor(_) => {
            false
        }
    };
    config.settings.proposer.take_if(|proposer| is_absent(&proposer.key));
    config.settings.executor.take_if(|executor| is_absent(&executor.key));
    config
}

/// Everything that can be found without asking anybody. The error is all of it that is wrong, and what the conditions
/// mean where they can be read all the same.
fn files(path: &Path, mut config: Config, offline: bool) -> Result<(Agent, Vec<Finding>), Vec<Finding>> {
    let unasked = if offline { leave_unasked(&mut config) } else { Vec::new() };
    let mut findings = vec![Finding::ok(
        path.display().to_string(),
        format!(
            "{} chain(s), {} contract(s), {} Safe(s), {} feed(s), {} people, {} runbook(s)",
            config.settings.chains.len(),
            config.settings.contracts.len(),
            config.settings.safes.len(),
            config.settings.feeds.len(),
            config.roster.people.len(),
            config.runbooks.len()
        ),
    )];
    findings.extend(told(&config.warnings, Finding::warning));
    findings.extend(unasked);
    let meaning = setup::compile(&config).map(|compiled| explained(&compiled.conditions)).unwrap_or_default();
    let made = agent_without_journal(config, Keys::All, SystemClock::shared());
    let (agent, _conditions) = made.map_err(|SetupProblems(problems)| {
        let problems = problems.into_iter().map(|found| Finding::problem(found.place, found.problem));
        meaning.iter().cloned().chain(problems).collect::<Vec<_>>()
    })?;
    findings.extend(meaning);
    Ok((agent, findings))
}

/// Chains whose endpoints are all optional, and not here: whoever asks nobody does without, and is told.
fn leave_unasked(config: &mut Config) -> Vec<Finding> {
    let chains = config.settings.chains.iter_mut();
    let without = chains.filter(|(_, chain)| chain.rpc.is_empty() && chain.absent.is_none());
    let told = without.map(|(name, chain)| {
        let place = format!("[chains.{name}]");
        let found =
            "its endpoints are all optional, and none of their variables is set: nothing on it can be asked";
        chain.absent = Some(Problem::new(&Place::file(&place), found));
        Finding::warning(place, found)
    });
    told.collect()
}

fn told(problems: &Problems, finding: fn(String, String) -> Finding) -> Vec<Finding> {
    problems
        .iter()
        .map(|problem| {
            let place = problem.place.to_string();
            let whole = problem.to_string();
            let sentence = whole.strip_prefix(&format!("{place}: ")).unwrap_or(&whole).to_owned();
            finding(place, sentence)
        })
        .collect()
}

/// The agent, for questions that the journal has no part in: they are answered without one.
pub fn agent_without_journal(
    mut config: Config,
    keys: Keys,
    clock: SharedClock,
) -> Result<(Agent, Vec<(RunbookId, Condition)>), SetupProblems> {
    setup::make_no_secret(&mut config);
    let listen = config.settings.web.listen;
    let journal = Arc::new(MemoryJournal::new());
    setup::agent(config, Surroundings { journal, clock, console: None, listen, keys })
}

/// Whether the journal can be used; one that is not there yet is made by `run`.
async fn journal(agent: &Agent) -> Finding {
    let path = &agent.config.settings.journal;
    let place = format!("[journal] {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Finding::problem(place, "its folder is missing: make the folder, or correct the path");
    }
    if !path.exists() {
        return Finding::ok(place, "it is not there yet; the first command that needs it makes it");
    }
    let head = match SqliteJournal::open_existing(path).await {
        Ok(journal) => {
            let head = journal.head().await;
            journal.close().await;
            head
        }
        Err(error) => Err(error),
    };
    match head {
        Ok(head) => Finding::ok(place, format!("it opens and holds {} fact(s)", head.seq)),
        Err(error) => Finding::problem(place, chain_of(&error)),
    }
}

/// What is fine, then what is worth knowing, then what is wrong: the last lines are those that stay on the
/// screen.
fn text(found: &Found, out: &Output) -> String {
    let findings = &found.findings;
    let mut parts = Vec::new();
    for (level, mark, look) in [
        (Level::Ok, "\u{2713}", Look::Good),
        (Level::Warning, "!", Look::Bold),
        (Level::Problem, "\u{2717}", Look::Bad),
    ] {
        let group: Vec<_> = findings
            .iter()
            .filter(|finding| finding.level == level)
            .map(|finding| {
                let lead = format!("{} ", out.look(mark, look));
                hang(&lead, 2, &terminal(&finding.to_string()), Look::Plain, out)
            })
            .collect();
        if !group.is_empty() {
            parts.push(group.join("\n"));
        }
    }
    let mut last = summary(findings, out);
    if !found.asked {
        last.push_str(" The chain was not asked.");
    }
    if found.absent_secrets > 0 {
        let many = match found.absent_secrets {
            1 => "1 secret is".to_owned(),
            many => format!("{many} secrets are"),
        };
        let loud =
            format!("{many} not here and not checked: `redhandle run` would not start on this machine.");
        last.push_str(&format!("\n{}", out.look(&loud, Look::Bad)));
    }
    parts.push(last);
    parts.join("\n\n")
}

fn summary(findings: &[Finding], out: &Output) -> String {
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let (problems, warnings, fine) = (count(Level::Problem), count(Level::Warning), count(Level::Ok));
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let look = if problems > 0 { Look::Bad } else { Look::Good };
    let problems = out.look(&format!("{problems} problem{}", plural(problems)), look);
    format!("{problems}, {warnings} warning{}, {fine} fine.", plural(warnings))
}

#[cfg(test)]
pub mod practice;
#[cfg(test)]
mod tests;
