//! Drafts the post-mortem once an incident is resolved.

use std::path::{Path, PathBuf};

use super::files::{Readers, write_once};
use super::store::StoreError;
use super::{Agent, TaskError};
use crate::domain::incident::{Fact, Incident, Phase, postmortem};

/// Writes the draft and records where it is. A file that people may have begun to edit is never replaced.
/// It is not containment: while the journal is away it waits.
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
    write_once(&path, &text, Readers::Usual).map_err(|error| {
        TaskError::NotNow(format!("the post-mortem cannot be written to {}: {error}", path.display()))
    })?;
    let fact = Fact::PostMortemDrafted { path: path.display().to_string() };
    agent
        .store
        .decide(incident.id, |newest| match newest.phase {
            Phase::Resolved => Ok::<_, StoreError>(vec![fact.clone()]),
            // A twin drafted it.
            Phase::Reported | Phase::Triaged | Phase::Declared | Phase::PostMortem | Phase::Closed => {
                Ok(vec![])
            }
        })
        .await?;
    Ok(())
}

/// Where an incident's draft stands.
pub fn place(folder: &Path, incident: &Incident) -> PathBuf {
    folder.join(format!("{}.md", incident.id))
}
