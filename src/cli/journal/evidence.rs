//! The files that facts name, compared with what lies in the evidence folder.
//!
//! The journal says which files came with reports and what their hashes are; each is read and hashed again. What no fact
//! names is told and is no fault: a crash between a file and its fact leaves one.

use std::collections::BTreeMap;

use alloy::primitives::{B256, hex};
use serde_json::{Value, json};

use crate::cli::exit::Failure;
use crate::cli::output::{Look, Output};
use crate::domain::incident::Fact;
use crate::domain::text::terminal;
use crate::journal::{EvidenceStore, Journal, Standing};

/// Facts read at a time.
const READ_FACTS: u32 = 500;

/// What was found.
pub(super) struct Looked {
    /// Files that facts name and that should be there, each with its name and how it stands.
    named: Vec<(B256, String, Standing)>,
    /// Files in the folder.
    files: u64,
}

/// Reads every fact that names files, and every file.
pub(super) async fn look(journal: &dyn Journal, store: &EvidenceStore) -> Result<Looked, Failure> {
    let mut names: BTreeMap<B256, String> = BTreeMap::new();
    let mut after = 0;
    loop {
        let entries = journal.read_all(after, READ_FACTS).await?;
        let Some(last) = entries.last() else { break };
        after = last.seq;
        for entry in entries.iter().filter(|entry| entry.kind == "received") {
            let unread = |why: &dyn std::fmt::Display| {
                Failure::no(format!("fact {} names files and cannot be read: {why}", entry.seq))
            };
            let fact = entry.body_as::<Fact>().map_err(|error| unread(&error))?;
            let Fact::Received(arrival) = fact else { return Err(unread(&"it is another fact")) };
            let kept = arrival.evidence.into_iter().filter(|file| file.not_kept.is_none());
            names.extend(kept.map(|file| (file.sha256, file.name)));
        }
    }
    let files = store.filled().map_err(|error| Failure::of(&error))?.files;
    let named = names.into_iter().map(|(hash, name)| (hash, name, store.standing(hash))).collect();
    Ok(Looked { named, files })
}

impl Looked {
    /// Whether every file is what its fact says.
    pub(super) fn is_intact(&self) -> bool {
        self.named.iter().all(|(_, _, standing)| *standing == Standing::Intact)
    }

    fn unnamed(&self) -> u64 {
        let there =
            self.named.iter().filter(|(_, _, standing)| *standing != Standing::Missing).count() as u64;
        self.files.saturating_sub(there)
    }

    pub(super) fn json(&self) -> Value {
        let broken = self.named.iter().filter_map(|(hash, name, standing)| {
            Some(json!({ "sha256": hex::encode(hash), "name": name, "problem": problem(standing)? }))
        });
        json!({ "files": self.named.len(), "broken": broken.collect::<Vec<_>>(), "unnamed": self.unnamed() })
    }

    pub(super) fn text(&self, store: &EvidenceStore, out: &Output) -> String {
        let mut lines = Vec::new();
        for (hash, name, standing) in &self.named {
            if let Some(problem) = problem(standing) {
                let line = format!("evidence {} ({}): {problem}", hex::encode(hash), terminal(name));
                lines.push(out.look(&line, Look::Bad));
            }
        }
        if lines.is_empty() && !self.named.is_empty() {
            let line = format!("{0} of {0} files of evidence have their hashes.", self.named.len());
            lines.push(out.look(&line, Look::Good));
        } else if !lines.is_empty() {
            lines.push(format!("Compare {} with a backup.", terminal(&store.folder().display().to_string())));
        }
        if self.unnamed() > 0 {
            lines.push(format!("{} further files are named by no fact: what a crash left.", self.unnamed()));
        }
        lines.into_iter().map(|line| format!("\n{line}")).collect()
    }
}

fn problem(standing: &Standing) -> Option<String> {
    match standing {
        Standing::Intact => None,
        Standing::Missing => Some("it is not there".to_owned()),
        Standing::Changed { to } => Some(format!("it was changed: its hash is {} now", hex::encode(to))),
        Standing::Unreadable(why) => Some(format!("it cannot be read: {why}")),
    }
}
