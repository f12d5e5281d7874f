//! The files against the chain: would what people wrote work today?
//!
//! | file | asks |
//! |---|---|
//! | `delegates` | would the service take what is proposed to each Safe and its owners' Safes |
//! | `feeds` | which feeds nothing proves, and what would |
//! | `ground` | does every endpoint serve the chain it should; is every Safe a Safe, every contract one |
//! | `keys` | does everybody's key sign for something, and ours for nothing |
//! | `recovery` | would what undoes the actions go through after them |
//! | `secrets` | which feeds share a secret, and which secret is its own successor; asks nobody |
//! | `watched` | do views answer, and can contracts emit what chain feeds watch |
//! | `runbooks` | does every view answer; would every runbook's proposal go through each of its Safes |
//!
//! **Invariants.** What could not be asked is a problem or a warning, never silence and never fine. A chain
//! that cannot be reached is told once, with its endpoints by label. Nothing is signed, sent or recorded.
//!
//! Its tests stand on the practice ground, which the agent does not import: they are `check`'s.

mod delegates;
mod feeds;
mod ground;
mod keys;
mod recovery;
mod runbooks;
mod secrets;
mod watched;

use std::fmt;

use serde::Serialize;

use super::Agent;
use crate::domain::condition::{Condition, explain};
use crate::domain::names::RunbookId;

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Proven, just now.
    Ok,
    /// Worth knowing; it stops nothing.
    Warning,
    /// In an emergency this would be in the way.
    Problem,
}

/// One thing that was found, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How to take it.
    pub level: Level,
    /// What it is about: a section of a file, a runbook, a person.
    pub place: String,
    /// What was found and, unless it is fine, what to do.
    pub sentence: String,
}

impl Finding {
    /// Proven, just now.
    pub fn ok(place: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { level: Level::Ok, place: place.into(), sentence: sentence.into() }
    }

    /// Worth knowing; it stops nothing.
    pub fn warning(place: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { level: Level::Warning, place: place.into(), sentence: sentence.into() }
    }

    /// In an emergency this would be in the way.
    pub fn problem(place: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { level: Level::Problem, place: place.into(), sentence: sentence.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.sentence)
    }
}

/// Says what each condition does, so that a reviewer can compare it with what was meant. Asks nobody.
pub fn explained(conditions: &[(RunbookId, Condition)]) -> Vec<Finding> {
    conditions
        .iter()
        .map(|(runbook, condition)| {
            let place = format!("runbook \"{runbook}\", condition \"{}\"", condition.spec().id);
            Finding::ok(place, explain(condition))
        })
        .collect()
}

/// Asks every chain and service whether what people wrote would work now. The agent's keystores must be open
/// where its own keys are to be judged.
pub async fn preflight(agent: &Agent) -> Vec<Finding> {
    let (grounds, mut findings) = ground::look(agent).await;
    findings.extend(feeds::look(agent));
    findings.extend(secrets::look(agent));
    findings.extend(keys::roster(agent, &grounds));
    findings.extend(keys::ours(agent, &grounds).await);
    findings.extend(keys::quotas(agent).await);
    findings.extend(runbooks::look(agent, &grounds).await);
    findings.extend(super::presigned::findings(agent).await);
    findings.extend(super::module::findings(agent).await);
    findings.extend(watched::look(agent).await);
    findings
}
