//! `[proposer]` and `[executor]`: the two keys this program may hold. Neither is an owner's.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::config::problem::{Findings, Problem};
use crate::config::reader::Table;

/// The key that suggests: a delegate of the Safe, it cannot act.
#[derive(Clone, Debug)]
pub struct Proposer {
    /// Where it is.
    pub keystore: Keystore,
}

/// The key that pays gas for what the owners have signed.
#[derive(Clone, Debug)]
pub struct Executor {
    /// Where it is.
    pub keystore: Keystore,
    /// Whether it executes as soon as the threshold is met, or waits for a person to say so.
    pub auto: bool,
}

/// An encrypted key file.
#[derive(Clone, Debug)]
pub struct Keystore {
    /// Where it is.
    pub path: PathBuf,
    /// What opens it.
    pub password: SecretString,
}

pub(super) fn read(root: &mut Table<'_>, findings: &mut Findings) -> (Option<Proposer>, Option<Executor>) {
    let proposer = root.table("proposer", findings).and_then(|mut table| {
        let keystore = read_keystore(&mut table, findings);
        table.finish(findings);
        Some(Proposer { keystore: keystore? })
    });
    let executor = root.table("executor", findings).and_then(|mut table| {
        let keystore = read_keystore(&mut table, findings);
        let auto = table.optional("auto", findings).unwrap_or(false);
        table.finish(findings);
        Some(Executor { keystore: keystore?, auto })
    });
    (proposer, executor)
}

fn read_keystore(table: &mut Table<'_>, findings: &mut Findings) -> Option<Keystore> {
    if !table.has("keystore") {
        table.missing("keystore", "{ path = \"PATH\", password = { env = \"NAME\" } }", findings);
    }
    let mut inner = table.table("keystore", findings)?;
    if !inner.has("path") {
        inner.missing("path", "the path of an encrypted key file", findings);
    }
    let path = inner.path("path", findings);
    let password = inner.required_secret("password", findings);
    if let Some(path) = path.as_ref().filter(|path| !path.is_file()) {
        let found = format!("there is no key file {}", path.display());
        findings.problem(Problem::new(&inner.place_of("path"), found));
    }
    inner.finish(findings);
    Some(Keystore { path: path?, password: password? })
}
