//! Drafts the post-mortem once an incident is resolved.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Agent, TaskError};
use crate::domain::incident::{Fact, Incident, postmortem};

/// Writes the draft and records where it is. A file that people may have begun to edit is never replaced.
///
/// # Errors
/// When the file cannot be written: the task stays due.
pub async fn draft(agent: &Agent, incident: &Incident) -> Result<(), TaskError> {
    let zone = incident
        .commander
        .as_ref()
        .and_then(|commander| agent.config.roster.people.get(commander))
        .map_or(jiff::tz::TimeZone::UTC, |person| person.zone.clone());
    let text = postmortem::draft(incident, &agent.store.facts(incident.id), &zone);
    let path = place(&agent.post_mortems, incident);
    write_once(&path, &text)
        .map_err(|error| TaskError::NotNow(format!("the post-mortem cannot be written to {}: {error}", path.display())))?;
    let fact = Fact::PostMortemDrafted { path: path.display().to_string() };
    agent.record_outcome(incident, fact).await.map_err(TaskError::from)
}

/// Where an incident's draft stands.
pub fn place(folder: &Path, incident: &Incident) -> PathBuf {
    folder.join(format!("{}.md", incident.id))
}

fn write_once(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Whole or not at all: a crash half-way must not leave half a draft under the name that says "done".
    let unfinished = path.with_extension("md.unfinished");
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&unfinished, path);
    std::fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
