//! `redhandle journal …`: whether the chain of facts is what was written.
//!
//! A journal is only ever opened here when it is there: a mistyped path must not look like an empty,
//! healthy journal.

mod evidence;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use clap::Subcommand;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Look, Output};
use super::{Context, open};
use crate::config::Reach;
use crate::journal::{
    self, Appended, Entry, EvidenceStore, Head, Journal, JournalError, SqliteJournal, Stream, Verified,
    VerifyError, Version, Write,
};

/// How long a walk may take before it says how far it is, and how often it says so.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Walk the whole chain of facts.
    Verify {
        /// The head that was remembered elsewhere: only with it is a cut-off end found.
        #[arg(long, value_name = "SEQ:HASH")]
        head: Option<Head>,
    },
    /// The head to remember.
    Head,
}

/// Does what was asked.
pub async fn journal(context: &Context, command: Command) -> Result<Exit, Failure> {
    let config = open::config(context, Reach::Journal)?;
    let journal = SqliteJournal::open_existing(&config.settings.journal).await?;
    let exit = match command {
        Command::Verify { head } => {
            let reports = &config.settings.reports;
            let store = EvidenceStore::new(&reports.evidence, reports.evidence_max_bytes);
            verify(&journal, &store, head, &context.out).await?
        }
        Command::Head => {
            let head = journal.head().await?;
            context.out.result(&head, |_| head.to_string());
            Exit::Done
        }
    };
    journal.close().await;
    Ok(exit)
}

async fn verify(
    journal: &dyn Journal,
    store: &EvidenceStore,
    remembered: Option<Head>,
    out: &Output,
) -> Result<Exit, Failure> {
    match walk(journal, remembered, out).await {
        Ok(Verified { facts, head }) => {
            let evidence = evidence::look(journal, store).await?;
            let value = json!({
                "verified": evidence.is_intact(),
                "facts": facts,
                "head": head,
                "remembered": remembered,
                "evidence": evidence.json(),
            });
            out.result(&value, |out| {
                format!("{}{}", intact(facts, head, remembered, out), evidence.text(store, out))
            });
            Ok(if evidence.is_intact() { Exit::Done } else { Exit::No })
        }
        Err(VerifyError::Broken(broken)) => {
            let value = json!({ "verified": false, "fact": broken.seq, "problem": broken.what });
            out.result(&value, |out| {
                let first = out.look(&broken.to_string(), Look::Bad);
                format!(
                    "{first}\nThe facts before it are as they were written. Keep the file as it is, and compare it with a backup."
                )
            });
            Ok(Exit::No)
        }
        Err(error @ VerifyError::Unread(_)) => Err(Failure::of(&error)),
    }
}

fn intact(facts: u64, head: Head, remembered: Option<Head>, out: &Output) -> String {
    let facts = if facts == 1 { "1 fact".to_owned() } else { format!("{facts} facts") };
    let first = out.look(&format!("{facts}, and the chain holds from the first to the last."), Look::Good);
    let second = match remembered {
        Some(remembered) => format!("Fact {} carries the hash that was remembered.", remembered.seq),
        None => "Without --head a cut-off end is not found: remember this head elsewhere.".to_owned(),
    };
    format!("{first}\n{second}\nhead {head}")
}

/// Walks, and says how far it is while that takes long.
async fn walk(
    journal: &dyn Journal,
    remembered: Option<Head>,
    out: &Output,
) -> Result<Verified, VerifyError> {
    let watched = Watched { journal, seen: AtomicU64::new(0) };
    let verified = journal::verify(&watched, remembered);
    tokio::pin!(verified);
    loop {
        tokio::select! {
            ended = &mut verified => return ended,
            () = tokio::time::sleep(PROGRESS_EVERY) => {
                out.note(&format!("{} facts verified so far", watched.seen.load(Ordering::Relaxed)));
            }
        }
    }
}

/// A journal that counts what is read of it.
#[derive(Debug)]
struct Watched<'a> {
    journal: &'a dyn Journal,
    seen: AtomicU64,
}

#[async_trait]
impl Journal for Watched<'_> {
    async fn append(&self, writes: Vec<Write>) -> Result<Appended, JournalError> {
        self.journal.append(writes).await
    }

    async fn read(&self, stream: &Stream, after: Version) -> Result<Vec<Entry>, JournalError> {
        self.journal.read(stream, after).await
    }

    async fn read_part(
        &self,
        stream: &Stream,
        after: Version,
        limit: u32,
    ) -> Result<Vec<Entry>, JournalError> {
        self.journal.read_part(stream, after, limit).await
    }

    async fn last(&self, stream: &Stream) -> Result<Option<Entry>, JournalError> {
        self.journal.last(stream).await
    }

    async fn read_all(&self, after_seq: u64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.seen.store(after_seq, Ordering::Relaxed);
        self.journal.read_all(after_seq, limit).await
    }

    async fn head(&self) -> Result<Head, JournalError> {
        self.journal.head().await
    }

    async fn streams(&self, prefix: &str) -> Result<Vec<(Stream, Version)>, JournalError> {
        self.journal.streams(prefix).await
    }
}
