//! The real binary, killed by SIGKILL when its journal first shows a turn of the story, and started anew.

use std::sync::Arc;
use std::time::Duration;

use redhandle::agent::house::House;
use redhandle::agent::setup::{Keys, embedded_url};
use redhandle::agent::sign::sign;
use redhandle::clock::SystemClock;
use redhandle::domain::incident::{Incident, Stage};
use redhandle::journal::{Journal as _, SqliteJournal, verify};
use redhandle::safe_service::ServiceClient;

use crate::support::{Town, until};

/// What others see of the agent: its journal file, its service.
struct Outside<'a> {
    town: &'a Town,
    house: House,
    service: ServiceClient,
}

impl<'a> Outside<'a> {
    async fn of(town: &'a Town) -> Self {
        let house =
            House::open(town.config(), town.listen, Keys::None, None, SystemClock::shared()).await.unwrap();
        let url = embedded_url(&town.chain_name(), town.listen).unwrap();
        let service = ServiceClient::new(&url, None, Duration::from_secs(10)).unwrap();
        Self { town, house, service }
    }

    async fn newest(&self) -> Option<Arc<Incident>> {
        self.house.agent.store.sync().await.unwrap();
        self.house.agent.store.all().pop()
    }

    async fn until_kind(&self, kind: &str) {
        until(kind, async || {
            let entries = self.house.journal.read_all(0, 10_000).await.unwrap();
            entries.iter().any(|entry| entry.kind == kind).then_some(())
        })
        .await;
    }

    async fn until_stage(&self, what: &str, is: impl Fn(&Stage) -> bool) {
        until(what, async || self.newest().await.filter(|incident| is(&incident.stage)).map(drop)).await;
    }

    /// A person signs, unless they have; the journal has it whatever becomes of the agent.
    async fn signs(&self, person: &str) {
        let key = self.town.key_of(person);
        let incident = self.newest().await.unwrap();
        if !incident.confirmations.contains_key(&key.address()) {
            let shown = incident.preparation.as_ref().unwrap().safe_tx_hash();
            sign(&self.house.agent, incident.id, &key, shown).await.unwrap();
        }
    }
}

/// Tells the story up to a turn, kills the agent there, and lets another process finish it.
async fn killed_when_the_journal_shows(kind: &str) {
    let town = Town::new().await;
    let agent = town.spawn();
    let outside = Outside::of(&town).await;
    outside.service.add_delegate(&town.permission()).await.unwrap();
    if kind == "execution-started" {
        // What is sent stays unmined while the agent is dead.
        outside_of_time(&town, &outside).await;
        agent.kill();
        town.chain.anvil.automine(true).await.unwrap();
        town.chain.anvil.mine(1).await.unwrap();
    } else {
        town.alarm();
        if kind == "confirmed" {
            outside.until_stage("a proposal", |stage| matches!(stage, Stage::Proposed)).await;
            outside.signs("ana").await;
        }
        outside.until_kind(kind).await;
        agent.kill();
    }

    let agent = town.spawn();
    outside
        .until_stage("a proposal", |stage| {
            matches!(
                stage,
                Stage::Proposed | Stage::Executing { .. } | Stage::Executed { .. } | Stage::Verified { .. }
            )
        })
        .await;
    outside.signs("ana").await;
    outside.signs("ben").await;
    outside.until_stage("the pause", |stage| matches!(stage, Stage::Verified { .. })).await;
    assert_eq!(agent.terminate(), Some(0), "{kind}");

    assert!(town.is_paused().await, "{kind}");
    assert_eq!(town.nonce().await, 1, "{kind}");
    assert_eq!(outside.house.agent.store.all().len(), 1, "{kind}");
    verify(&*outside.house.journal, None).await.unwrap();
    let said = town.run(&["journal", "verify"]);
    assert_eq!(said.code, 0, "{said:?}");
    let hashes = proposals(&outside.house.journal).await;
    assert_eq!(hashes, 1, "{kind}: {hashes} proposals at the service");
    outside.house.journal.close().await;
}

/// The story up to an execution that no block takes.
async fn outside_of_time(town: &Town, outside: &Outside<'_>) {
    town.alarm();
    outside.until_stage("a proposal", |stage| matches!(stage, Stage::Proposed)).await;
    town.chain.anvil.automine(false).await.unwrap();
    outside.signs("ana").await;
    outside.signs("ben").await;
    outside.until_kind("execution-started").await;
}

/// How many proposals the embedded service keeps in the journal's file.
async fn proposals(journal: &SqliteJournal) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM sts_transaction").fetch_one(journal.pool()).await.unwrap()
}

#[tokio::test]
async fn killed_when_it_was_reported() {
    killed_when_the_journal_shows("reported").await;
}

#[tokio::test]
async fn killed_when_it_was_prepared() {
    killed_when_the_journal_shows("prepared").await;
}

#[tokio::test]
async fn killed_when_submission_started() {
    killed_when_the_journal_shows("submission-started").await;
}

#[tokio::test]
async fn killed_when_it_was_submitted() {
    killed_when_the_journal_shows("submitted").await;
}

#[tokio::test]
async fn killed_when_an_owner_had_confirmed() {
    killed_when_the_journal_shows("confirmed").await;
}

#[tokio::test]
async fn killed_when_execution_had_started() {
    killed_when_the_journal_shows("execution-started").await;
}
