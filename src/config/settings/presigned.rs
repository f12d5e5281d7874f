//! `[[presigned]]`: windows of transactions that are signed before they are needed.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::SecretString;

use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Name, Placed, Table, known};
use crate::domain::names::{RunbookId, SafeName, WindowName};
use crate::domain::presigned::{NONCES_MAX, parse_seal_key};

/// How often a window is compared with the chain.
const WATCH: RangeInclusive<SignedDuration> =
    SignedDuration::from_millis(100)..=SignedDuration::from_hours(1);
const WATCH_DEFAULT: Duration = Duration::from_secs(60);

/// Nonces a window holds where nothing is said.
const NONCES_DEFAULT: u64 = 10;

/// Fewer complete ones than this are a shortage where nothing is said.
const LOW_DEFAULT: u64 = 3;

/// When a window's signatures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// When a person says so, for one incident.
    ByHand,
    /// As soon as an incident may propose.
    WithProposal,
}

/// A window.
#[derive(Clone, Debug)]
pub struct Presigned {
    /// Its name.
    pub name: WindowName,
    /// Whose actions it holds; that it exists is checked when runbooks are known.
    pub runbook: RunbookId,
    /// The Safe whose owners sign.
    pub safe: SafeName,
    /// How many nonces it holds, from 1 to [`NONCES_MAX`].
    pub nonces: u64,
    /// Fewer complete ones than this are a shortage; at most `nonces`.
    pub low: u64,
    /// Where it is kept.
    pub folder: PathBuf,
    /// What seals it: a key that [`parse_seal_key`] reads.
    pub seal: SecretString,
    /// When its signatures count.
    pub release: Release,
    /// How long between two looks at the chain.
    pub watch: Duration,
}

pub(super) fn read(
    root: &mut Table<'_>,
    safes: &BTreeSet<String>,
    findings: &mut Findings,
) -> Vec<Presigned> {
    let mut windows: Vec<Presigned> = Vec::new();
    let mut names = BTreeSet::new();
    for mut table in root.tables("presigned", findings) {
        let name: Option<Placed<Name>> = table.required("name", findings);
        if let Some(name) = &name
            && !names.insert(name.value.0.clone())
        {
            let found = format!("two windows are called \"{}\"", name.value.0);
            findings.problem(Problem::new(&name.place, found).wanted("each window under one name"));
        }
        let window = read_window(&mut table, name.map(|name| name.value.0), safes, findings);
        table.finish(findings);
        windows.extend(window);
    }
    windows
}

fn read_window(
    table: &mut Table<'_>,
    name: Option<String>,
    safes: &BTreeSet<String>,
    findings: &mut Findings,
) -> Option<Presigned> {
    let runbook: Option<String> = table.required("runbook", findings);
    let safe = read_safe(table, safes, findings);
    let nonces = table.integer("nonces", 1..=NONCES_MAX, findings).unwrap_or(NONCES_DEFAULT);
    let low = table.integer("low", 1..=nonces, findings).unwrap_or(LOW_DEFAULT.min(nonces));
    let folder = table.path("folder", findings);
    let seal = table.required_secret("seal", findings);
    let wrong = |text: &str| {
        let error = parse_seal_key(text).err()?;
        Some(Problem::new(&table.place_of("seal"), format!("seal in {}: {error}", table.shown())))
    };
    let seal = seal.and_then(|seal| table.well_made("seal", seal, wrong, findings));
    let words = [("by-hand", Release::ByHand), ("with-proposal", Release::WithProposal)];
    let release = table.choice("release", &words, findings).unwrap_or(Release::ByHand);
    let watch = table.duration("watch", WATCH, findings);
    if !table.has("folder") {
        table.missing("folder", "the folder in which it is kept, sealed", findings);
    }
    Some(Presigned {
        name: WindowName::new(name?),
        runbook: RunbookId::new(runbook?),
        safe: safe?,
        nonces,
        low,
        folder: folder?,
        seal: seal?,
        release,
        watch: watch.map_or(WATCH_DEFAULT, |watch| watch.unsigned_abs()),
    })
}

/// The Safe that a table names.
pub(super) fn read_safe(
    table: &mut Table<'_>,
    safes: &BTreeSet<String>,
    findings: &mut Findings,
) -> Option<SafeName> {
    let safe: Placed<String> = table.required("safe", findings)?;
    known("Safe", &safe, safes.iter().map(String::as_str), findings).then(|| SafeName::new(safe.value))
}
