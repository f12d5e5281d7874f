//! Runbooks: Markdown that a person can follow, with front matter that a machine can run.
//!
//! Places in problems are places in the Markdown file. Names are checked against the other files; where one of
//! those could not be read at all, its names are not checked, so that one broken file is not told as many.
//!
//! Calls and expressions are compiled here, by the domain, to be told where they are wrong; what is kept is their
//! text, which is resolved again against live state.

mod about;
mod firing;
mod front_matter;
mod mute;
mod prose;
mod steps;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::problem::{Findings, Place, Problem};
use super::reader::{Context, Name, Placed, Source, Table, known, parse};
use super::settings::{Declared, Safe};
use crate::domain::condition::{Response, Words};
use crate::domain::contract::Contract;
use crate::domain::names::{ContractName, PolicyName, RunbookId, SafeName};
use crate::domain::runbook::{Runbook, Severity};

/// How many runbooks there may be.
pub const RUNBOOKS_MAX: usize = 500;

/// How old a review may be, in days: two quarterly reviews.
pub const REVIEW_MAX_DAYS: i32 = 180;

/// What the other files say.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// Names of `redhandle.toml`, unless it could not be read.
    pub(super) declared: Option<&'a Declared>,
    /// Contracts that are well described.
    pub(super) contracts: &'a BTreeMap<ContractName, Contract>,
    /// Safes that are well described.
    pub(super) safes: &'a BTreeMap<SafeName, Safe>,
    /// What conditions name: lists of bots and of anything else, macros.
    pub(super) words: Words<'a>,
    /// Policies of the roster, unless it could not be read.
    pub(super) policies: Option<&'a BTreeSet<String>>,
    /// The day it is.
    pub(super) today: Date,
}

impl Known<'_> {
    fn contract(&self, contract: &Placed<String>, findings: &mut Findings) -> bool {
        let Some(declared) = self.declared else { return true };
        known("contract", contract, declared.contracts.iter().map(String::as_str), findings)
    }

    fn safe(&self, safe: &Placed<String>, findings: &mut Findings) -> bool {
        let Some(declared) = self.declared else { return true };
        known("Safe", safe, declared.safes.iter().map(String::as_str), findings)
    }

    fn policy(&self, policy: &Placed<String>, findings: &mut Findings) -> bool {
        let Some(policies) = self.policies else { return true };
        known("escalation policy", policy, policies.iter().map(String::as_str), findings)
    }

    /// Says so when a contract is not where a Safe is.
    fn same_chain(&self, contract: &Placed<String>, safe: &SafeName, findings: &mut Findings) {
        let contract_chain = self.contracts.get(&ContractName::new(contract.value.clone()));
        let (Some(there), Some(here)) = (contract_chain, self.safes.get(safe)) else { return };
        if there.chain != here.chain {
            let found = format!(
                "contract \"{}\" is on {}, Safe \"{safe}\" on {}",
                contract.value, there.chain, here.chain
            );
            findings.problem(Problem::new(&contract.place, found).wanted("both on one chain"));
        }
    }

    /// Whether every contract that is written is well described: only then can calls and expressions be compiled
    /// without telling one mistake twice.
    fn contracts_are_whole(&self) -> bool {
        self.declared.is_some_and(|declared| declared.contracts.len() == self.contracts.len())
    }

    /// Whether two names stand for one Safe.
    fn same_safe(&self, one: &SafeName, other: &SafeName) -> bool {
        let at = |name| self.safes.get(name).map(|safe| (&safe.chain, safe.address));
        one == other || at(one).is_some_and(|place| at(other) == Some(place))
    }
}

/// Reads every runbook under `paths`; `places` are where each path was asked for.
pub(super) fn read(
    paths: &[PathBuf],
    places: &[Place],
    context: &Context<'_>,
    names: &Known<'_>,
    findings: &mut Findings,
) -> BTreeMap<RunbookId, Runbook> {
    let mut runbooks = BTreeMap::new();
    let mut files: BTreeMap<RunbookId, Place> = BTreeMap::new();
    for (path, place) in paths.iter().zip(places) {
        for file in files_of(path, place, findings) {
            let Some(source) = Source::read(&file, Some(place), findings) else { continue };
            let is_readme = file.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("readme"));
            if is_readme && !front_matter::begins(&source.text) {
                continue;
            }
            let Some((id, runbook)) = read_one(&source, context, names, findings) else { continue };
            if let Some(Place::Spot { file, line, .. }) = files.insert(id.value.clone(), id.place.clone()) {
                let found = format!("a second runbook is called \"{}\"", id.value);
                findings
                    .problem(Problem::new(&id.place, found).remedy(format!("the first is {file}:{line}")));
            }
            runbooks.extend(runbook.map(|runbook| (id.value, runbook)));
        }
    }
    upgrade::check_cancellations(&runbooks, &files, findings);
    if let Some(place) = places.first().filter(|_| runbooks.is_empty()) {
        findings.warning(Problem::new(place, "there is no runbook: no alert will ever wake anybody"));
    }
    runbooks
}

/// A file itself, or the Markdown files of a folder by name.
fn files_of(path: &Path, place: &Place, findings: &mut Findings) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let listed = std::fs::read_dir(path).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
    });
    let mut files = match listed {
        Ok(files) => files,
        Err(error) => {
            let found = format!("the folder {} cannot be read: {error}", path.display());
            findings.problem(Problem::new(place, found));
            return Vec::new();
        }
    };
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md") && file.is_file());
    files.sort();
    if files.len() > RUNBOOKS_MAX {
        let found = format!("the folder {} has {} runbooks", path.display(), files.len());
        findings.problem(Problem::new(place, found).wanted(format!("at most {RUNBOOKS_MAX}")));
        files.truncate(RUNBOOKS_MAX);
    }
    files
}

/// Reads one file: its id, and the runbook if nothing that is needed is missing.
fn read_one(
    source: &Source,
    context: &Context<'_>,
    names: &Known<'_>,
    findings: &mut Findings,
) -> Option<(Placed<RunbookId>, Option<Runbook>)> {
    let parts = front_matter::split(source, findings)?;
    let title = prose::read(source, parts.prose.start, findings);
    let entries = parse(source, parts.front_matter, findings)?;
    let mut root = Table::root(context, &entries, source.place(0), "the front matter");
    let id: Option<Placed<Name>> = root.required("id", findings);
    let severities = Severity::ALL.map(|severity| (severity.as_str(), severity));
    let severity = root.required_choice("severity", &severities, findings);
    let owner = root.required("owner", findings);
    let reviewed = read_review(&mut root, names.today, findings);
    let respond = root.required_choice("respond", &steps::RESPONSES, findings);
    let declare = root.choice("declare", &[("on-match", true), ("by-person", false)], findings);
    let policy: Option<Placed<String>> = root.optional("policy", findings);
    let policy = policy.filter(|policy| names.policy(policy, findings));
    let objective = root.optional("objective", findings);
    let safes: Vec<Placed<String>> = root.list("safe", findings);
    // A Safe that is misspelt keeps its rank: the second must not be taken for the first.
    for safe in &safes {
        names.safe(safe, findings);
    }
    let safes: Vec<SafeName> = safes.into_iter().map(|safe| SafeName::new(safe.value)).collect();
    // Where respond is wrong that is told; the widest keeps conditions from being told as well.
    let widest = respond.unwrap_or(Response::Propose);
    let conditions = steps::read_conditions(&mut root, names, widest, findings);
    let own = RunbookId::new(id.as_ref().map_or("", |id| id.value.0.as_str()));
    let actions = steps::read_actions(&mut root, names, &safes, &own, findings);
    let recover = steps::read_recover(&mut root, names, &safes, findings);
    if respond.is_some_and(|respond| respond > Response::Page) && !root.has("action") {
        let problem = Problem::new(&root.place_of("respond"), "there is no [[action]] to prepare or propose");
        findings.problem(problem.remedy("add one, or write respond = \"page\""));
    }
    if root.has("action") && !root.has("safe") {
        root.missing("safe", "the names of Safes that can do the actions, best first", findings);
    }
    root.finish(findings);

    let id = id.map(|id| Placed { place: id.place, value: RunbookId::new(id.value.0) })?;
    let complete = severity.zip(owner).zip(reviewed).zip(respond);
    let runbook = complete.map(|(((severity, owner), reviewed), respond)| Runbook {
        id: id.value.clone(),
        title: title.unwrap_or_else(|| id.value.to_string()),
        severity,
        owner,
        reviewed,
        safes,
        respond,
        declare_on_match: declare.unwrap_or(false),
        conditions,
        actions,
        recover,
        prose: source.text.get(parts.prose).unwrap_or_default().to_owned(),
        policy: policy.map(|policy| PolicyName::new(policy.value)),
        objective,
    });
    Some((id, runbook))
}

/// When the runbook was last checked; a check that is too old is a warning.
fn read_review(root: &mut Table<'_>, today: Date, findings: &mut Findings) -> Option<Date> {
    let reviewed: Date = root.required("reviewed", findings)?;
    let days = reviewed.until(today).map_or(i32::MAX, |span| span.get_days());
    let place = root.place_of("reviewed");
    if days > REVIEW_MAX_DAYS {
        let found = format!("the last review was {reviewed}, {days} days ago");
        let warning = Problem::new(&place, found).wanted(format!("one in the last {REVIEW_MAX_DAYS} days"));
        findings.warning(warning.remedy("read it, dry-run it, and set reviewed"));
    } else if days < 0 {
        findings.warning(Problem::new(&place, format!("the last review is in the future: {reviewed}")));
    }
    Some(reviewed)
}
