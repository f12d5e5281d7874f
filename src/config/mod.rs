//! Settings, roster and runbooks: read and checked, every problem at once, with place and remedy.
//!
//! [`load`] reads `redhandle.toml`, the roster and the runbooks it names, and answers either a [`Config`] in
//! which every name exists, or *all* that is wrong with *all* files. There is no configuration with a problem in
//! it, and no default that stands in for something that could not be read.
//!
//! Time and the environment are arguments. Nothing here asks the chain: that an address has code, that a Safe has
//! these owners, that a role is held, is for `check` and `readiness` to find out.
//!
//! Secrets are fetched here and are [`secrecy::SecretString`]s from then on. Who reads the files says by a [`Reach`]
//! which secrets are needed: one that cannot be fetched is a problem for them, and for nobody else.

mod environment;
mod maintenance;
mod problem;
mod reach;
mod reader;
mod roster;
mod runbooks;
pub mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;

pub use environment::{Environment, PREFIX};
pub use maintenance::{MAINTENANCE_MAX, MAINTENANCE_WINDOWS_MAX};
pub use problem::{Place, Problem, Problems};
pub use reach::Reach;
pub use reader::is_here;
pub use runbooks::{REVIEW_MAX_DAYS, RUNBOOKS_MAX};
pub use settings::Settings;

use self::problem::Findings;
use self::reader::{Context, Source, known, lay, one_of, parse};
use self::roster::RosterFile;
use self::runbooks::Known;
use self::settings::SettingsFile;
use crate::domain::condition::Maintenance;
use crate::domain::names::{PolicyName, RunbookId};
use crate::domain::roster::Roster;
use crate::domain::runbook::Runbook;

/// Everything people wrote, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `redhandle.toml`; its `policy` is there, and exists.
    pub settings: Settings,
    /// `roster.toml`.
    pub roster: Roster,
    /// Every runbook.
    pub runbooks: BTreeMap<RunbookId, Runbook>,
    /// Announced work.
    pub maintenance: Maintenance,
    /// What is worth knowing and stops nothing.
    pub warnings: Problems,
}

/// Reads `redhandle.toml` at `path` and every file it names, every secret included. `today` tells which reviews are too old.
///
/// # Errors
/// Everything that is wrong with any of the files.
pub fn load(path: &Path, environment: &Environment, today: Date) -> Result<Config, Problems> {
    load_with(path, environment, today, None, Reach::Agent)
}

/// As [`load`], with the runbooks at `runbooks` (a folder or a file) in the place of those that are configured, and
/// with no more secrets than `reach` needs: others may be empty ([`is_here`]).
///
/// # Errors
/// Everything that is wrong with any of the files.
pub fn load_with(
    path: &Path,
    environment: &Environment,
    today: Date,
    runbooks: Option<&Path>,
    reach: Reach,
) -> Result<Config, Problems> {
    let mut findings = Findings::default();
    let context = Context { environment, folder: path.parent().unwrap_or(Path::new("")), reach };
    let Some(main) = Source::read(path, None, &mut findings) else {
        return Err(findings.give_up());
    };
    let (mut file, is_whole) = read_settings(&main, &context, &mut findings);
    if let Some(runbooks) = runbooks {
        file.settings.runbooks = vec![runbooks.to_owned()];
        file.runbook_places = vec![Place::file(&runbooks.display().to_string())];
    }
    let roster = read_roster(&file, is_whole, environment, &mut findings);
    let names = Known {
        declared: is_whole.then_some(&file.declared),
        contracts: &file.settings.contracts,
        safes: &file.settings.safes,
        words: file.settings.words(),
        policies: roster.as_ref().map(|roster| &roster.policies),
        today,
    };
    let maintenance = read_maintenance(&file, environment, &mut findings);
    let mut runbooks = BTreeMap::new();
    if is_whole || file.settings.runbooks.iter().all(|path| path.exists()) {
        let paths = &file.settings.runbooks;
        runbooks = runbooks::read(paths, &file.runbook_places, &context, &names, &mut findings);
    }
    let policy = roster.as_ref().and_then(|roster| default_policy(&file, roster, &mut findings));

    // Beyond this line nothing is wrong, and so everything is there.
    let warnings = findings.conclude()?;
    let roster = roster.map(|file| file.roster).unwrap_or_default();
    Ok(Config { settings: Settings { policy, ..file.settings }, roster, runbooks, maintenance, warnings })
}

/// Reads the settings, and whether the file is TOML at all. Where it is not, what it would say by default
/// tells where the other files are, so that they can be read as well.
fn read_settings(main: &Source, context: &Context<'_>, findings: &mut Findings) -> (SettingsFile, bool) {
    let place = Place::file(&main.file);
    match parse(main, 0..main.text.len(), findings) {
        Some(mut entries) => {
            lay(&mut entries, context.environment, findings);
            (settings::read(&entries, place, context, findings), true)
        }
        None => (settings::read(&[], place, context, &mut Findings::default()), false),
    }
}

/// Reads the roster. Where nobody could say where it is, it is read only if it is in the usual place.
fn read_roster(
    file: &SettingsFile,
    is_whole: bool,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<RosterFile> {
    let path = &file.settings.roster;
    if !is_whole && !path.exists() {
        return None;
    }
    let source = Source::read(path, Some(&file.roster_place), findings)?;
    let entries = parse(&source, 0..source.text.len(), findings)?;
    let context =
        Context { environment, folder: path.parent().unwrap_or(Path::new("")), reach: Reach::Agent };
    let channels = is_whole.then_some(&file.declared.channels);
    Some(roster::read(&entries, Place::file(&source.file), &context, channels, findings))
}

/// Reads the announced work. A file that is named must be there; one in the usual place may be.
fn read_maintenance(file: &SettingsFile, environment: &Environment, findings: &mut Findings) -> Maintenance {
    let path = &file.settings.maintenance;
    if file.maintenance_place.is_none() && !path.exists() {
        return Maintenance::default();
    }
    let place = file.maintenance_place.clone().unwrap_or_else(|| Place::file(&path.display().to_string()));
    let Some(source) = Source::read(path, Some(&place), findings) else { return Maintenance::default() };
    let Some(entries) = parse(&source, 0..source.text.len(), findings) else { return Maintenance::default() };
    let context =
        Context { environment, folder: path.parent().unwrap_or(Path::new("")), reach: Reach::Agent };
    let place = Place::file(&source.file);
    maintenance::read(&entries, place, &context, &file.settings.contracts, findings)
}

/// Whom to page when a runbook does not say: the policy that is written, or the only one there is.
fn default_policy(file: &SettingsFile, roster: &RosterFile, findings: &mut Findings) -> Option<PolicyName> {
    let policies: Vec<&str> = roster.policies.iter().map(String::as_str).collect();
    if let Some(policy) = &file.policy {
        return known("escalation policy", policy, policies, findings)
            .then(|| PolicyName::new(policy.value.clone()));
    }
    match policies.as_slice() {
        [only] => Some(PolicyName::new(*only)),
        [] => {
            let place = Place::file(&file.settings.roster.display().to_string());
            let problem = Problem::new(&place, "there is no escalation policy: a page would reach nobody");
            findings.problem(problem.wanted("[policies.NAME] at least once"));
            None
        }
        several => {
            let problem = Problem::new(&file.paging_place, "missing key \"policy\" in [paging]");
            findings.problem(problem.wanted(one_of(several)));
            None
        }
    }
}
