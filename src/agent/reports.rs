//! What people report becomes an incident: its files kept first, then the facts, and only then is anybody told that it is
//! here.
//!
//! *Invariants.* A report opens a triage and pages, nothing more, whoever sent it. The title of one that nobody vouches for
//! is ours; the stranger's words stand in the statement. The same report sent again is found by its key in the journal
//! itself, at any time and in any process, and opens nothing. A crash between the files and the facts leaves files that no
//! fact names, and a sender without an answer; such files are swept at a start ([`sweep`]).

use std::collections::BTreeSet;

use alloy::primitives::B256;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::Agent;
use super::store::{Once, OpenedOnce, StoreError};
use crate::domain::condition::Response;
use crate::domain::incident::{Fact, Incident, IncidentId, Source};
use crate::domain::names::RunbookId;
use crate::domain::report::{self, Arrival, Claim, Evidence, Report, TEXT_MAX_BYTES, Way};
use crate::domain::runbook::Severity;
use crate::journal::{EvidenceError, EvidenceStore, Keeping, sha256};

/// Files of one report that are kept, at most.
pub const REPORT_FILES_MAX: usize = 10;

/// Bytes of one file, at most.
pub const REPORT_FILE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// A file as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The name it was given.
    pub name: String,
    /// The media type it was said to have.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attachment({:?}, {} bytes)", self.name, self.bytes.len())
    }
}

/// A report as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// What it says.
    pub report: Report,
    /// How it came.
    pub way: Way,
    /// Who handed it over.
    pub sender: Option<String>,
    /// Somebody we know vouches for it.
    pub vouched: bool,
    /// What tells it from others; none: it is never taken for a repetition.
    pub key: Option<B256>,
    /// What proved its sender and may not be used for another.
    pub once: Option<report::Once>,
    /// What others said of it.
    pub claims: Vec<Claim>,
    /// Its files.
    pub files: Vec<Attachment>,
    /// Files beyond the bounds, of which nothing is kept.
    pub left_out: u32,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// It is committed.
    Opened {
        /// As what.
        id: IncidentId,
        /// What became of its files.
        evidence: Vec<Evidence>,
    },
    /// It came before.
    Repeated {
        /// As what.
        id: IncidentId,
        /// What became of its files then.
        evidence: Vec<Evidence>,
    },
    /// Its key was used for another report.
    OtherContent(IncidentId),
    /// What proved its sender was used before.
    Replayed,
}

/// A report could not be taken; nothing of it is promised.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Its files could not be kept.
    #[error("could not keep its files")]
    Evidence(#[from] EvidenceError),
    /// It could not be committed.
    #[error("could not record it")]
    Store(#[from] StoreError),
    /// Whoever kept its files is gone.
    #[error("its files were not kept: the task that kept them ended")]
    Ended,
}

/// Digest of parts that cannot run into each other.
pub fn digest(parts: &[&[u8]]) -> B256 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    B256::new(digest.finalize().into())
}

impl Arrived {
    /// Digest of what it says and of its files.
    fn content(&self) -> B256 {
        let Report { source, title, text, contact, severity, runbook } = &self.report;
        let severity = severity.map(|severity| severity.to_string()).unwrap_or_default();
        let runbook = runbook.as_ref().map_or("", RunbookId::as_str);
        let mut parts: Vec<Vec<u8>> = [
            source.as_str(),
            title,
            text.as_deref().unwrap_or(""),
            contact.as_deref().unwrap_or(""),
            &severity,
            runbook,
        ]
        .map(|part| part.as_bytes().to_vec())
        .into();
        for file in &self.files {
            parts.push(file.name.as_bytes().to_vec());
            parts.push(sha256(&file.bytes).to_vec());
        }
        digest(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Its title and its statement. A stranger's title is none of ours, and stands with his text.
    fn words(&self) -> (String, Option<String>) {
        let Report { source, title, text, .. } = &self.report;
        if self.vouched {
            return (title.clone(), text.clone());
        }
        let ours = format!("{} reports {}, unverified", source.somebody(), self.way.words());
        let mut said = title.clone();
        if let Some(text) = text.as_ref().filter(|text| text.lines().next() != Some(title.as_str())) {
            said.push_str("\n\n");
            said.push_str(text);
        } else if let Some(text) = text {
            said.clone_from(text);
        }
        said.truncate(said.floor_char_boundary(TEXT_MAX_BYTES));
        let mut first = ours.chars();
        let ours = first.next().map_or_else(String::new, |c| c.to_uppercase().chain(first).collect());
        (ours, Some(said))
    }
}

/// Takes a report: its files, then its facts.
///
/// # Errors
/// When it could not be committed. It may come again; with a key it opens nothing twice.
pub async fn take(agent: &Agent, arrived: Arrived) -> Result<Taken, ReportError> {
    let content = arrived.content();
    agent.store.sync().await?;
    // What came before needs no room.
    if let Once::Known(known) = known(&arrived, content, &mut agent.store.all().iter().map(|one| &**one)) {
        return Ok(known);
    }
    let (title, statement) = arrived.words();
    let Arrived { report, way, sender, vouched, key, once, claims, files, left_out } = arrived;
    let evidence = keep(agent, files, vouched).await?;
    let runbook = report.runbook.as_ref().and_then(|id| agent.config.runbooks.get(id));
    let severity = report.severity.or_else(|| runbook.map(|runbook| runbook.severity));
    let arrival = Arrival {
        way,
        sender,
        vouched,
        quiet: !agent.config.settings.reports.page.contains(&report.source),
        key,
        content,
        once,
        claims,
        evidence: evidence.clone(),
        left_out,
    };
    let facts = vec![
        Fact::Reported {
            source: Source::Reporter { kind: report.source.as_str().to_owned(), contact: report.contact },
            title,
            severity: severity.unwrap_or(Severity::Emergency),
            runbook: report.runbook,
            contract: None,
            // A report is a claim: it opens a triage and pages, nothing more. A responder goes further.
            response: Response::Page,
            matched: None,
            statement,
        },
        Fact::Received(Box::new(arrival)),
    ];
    let ask = |incidents: &mut dyn Iterator<Item = &Incident>| known_by(key, once, content, incidents);
    Ok(match agent.store.open_once(facts, ask).await? {
        OpenedOnce::Opened(id) => Taken::Opened { id, evidence },
        OpenedOnce::Known(known) => known,
    })
}

fn known(arrived: &Arrived, content: B256, incidents: &mut dyn Iterator<Item = &Incident>) -> Once<Taken> {
    known_by(arrived.key, arrived.once, content, incidents)
}

/// What the journal knows of a report with this key and this proof.
fn known_by(
    key: Option<B256>,
    once: Option<report::Once>,
    content: B256,
    incidents: &mut dyn Iterator<Item = &Incident>,
) -> Once<Taken> {
    for incident in incidents {
        let Some(arrival) = incident.arrival.as_deref() else { continue };
        if key.is_some() && arrival.key == key {
            // A mail relayed twice may differ in a footer; a key that its sender chose must not.
            let same = arrival.content == content || arrival.way == Way::Mail;
            let (id, evidence) = (incident.id, arrival.evidence.clone());
            return Once::Known(if same {
                Taken::Repeated { id, evidence }
            } else {
                Taken::OtherContent(id)
            });
        }
        if let (Some(now), Some(then)) = (once, arrival.once)
            && now.key == then.key
        {
            return Once::Known(Taken::Replayed);
        }
    }
    Once::New
}

/// Keeps files, and says of each what became of it.
async fn keep(agent: &Agent, files: Vec<Attachment>, vouched: bool) -> Result<Vec<Evidence>, ReportError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let store = std::sync::Arc::clone(&agent.evidence);
    // Hashing and syncing megabytes would hold up everything else on this thread.
    let now = agent.clock.now();
    let kept = tokio::task::spawn_blocking(move || keep_all(&store, &files, vouched, now));
    kept.await.map_err(|_panicked| ReportError::Ended)?.map_err(ReportError::Evidence)
}

fn keep_all(
    store: &EvidenceStore,
    files: &[Attachment],
    vouched: bool,
    now: Timestamp,
) -> Result<Vec<Evidence>, EvidenceError> {
    let each = files.iter().map(|file| {
        let (sha256, not_kept) = if file.bytes.len() > REPORT_FILE_MAX_BYTES {
            (sha256(&file.bytes), Some(format!("it is longer than {REPORT_FILE_MAX_BYTES} bytes")))
        } else {
            match store.keep(&file.bytes, vouched, now)? {
                Keeping::Kept(hash) => (hash, None),
                Keeping::Full(hash) => (hash, Some("the evidence folder is full".to_owned())),
            }
        };
        Ok(Evidence {
            sha256,
            bytes: file.bytes.len() as u64,
            name: report::file_name(&file.name),
            media_type: report::media_type(&file.media_type),
            not_kept,
        })
    });
    each.collect()
}

/// Removes files of reports that were never committed, before anything listens. The store must have read the journal: what
/// a fact names stays. A folder of which the journal names nothing may be another journal's, and is left alone.
pub async fn sweep(agent: &Agent) {
    let arrivals = agent.store.all().into_iter().filter_map(|incident| incident.arrival.clone());
    let named: BTreeSet<B256> =
        arrivals.flat_map(|arrival| arrival.evidence).map(|evidence| evidence.sha256).collect();
    if named.is_empty() {
        return;
    }
    let (store, now) = (std::sync::Arc::clone(&agent.evidence), agent.clock.now());
    match tokio::task::spawn_blocking(move || store.sweep(&named, now)).await {
        Ok(Ok(0)) => {}
        Ok(Ok(files)) => tracing::info!(files, "files of reports that were never committed are removed"),
        Ok(Err(error)) => {
            tracing::error!(error = %super::chain_of(&error), "files that no fact names could not be removed; they stay");
        }
        Err(_panicked) => tracing::error!("files that no fact names were not looked for: the task ended"),
    }
}
