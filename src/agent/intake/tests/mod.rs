//! Restarts, long streams, junk and deliveries beyond one append; on a journal in memory, without a chain.

mod deliveries;
mod restart;

use std::collections::BTreeMap;

use alloy::primitives::{Address, address};
use tempfile::TempDir;

use super::*;
use crate::agent::setup::{self, Keys, Surroundings};
use crate::clock::{Clock as _, ManualClock};
use crate::config::Environment;
use crate::domain::alert::{AlertBlock, AlertHash, AlertSeverity, BotId};
use crate::domain::condition::Condition;
use crate::domain::incident::names::Purpose;
use crate::domain::incident::{Actor, IncidentId, Phase, Task, due};
use crate::domain::names::{ChainId, RunbookId};
use crate::domain::runbook::Severity;
use crate::feeds::{Outcome, Receipt, Settlement};
use crate::journal::faults::{Fault, FaultyJournal};
use crate::journal::{
    APPEND_FACTS_MAX, Appended, Entry, FACT_BODY_MAX_BYTES, Journal, MemoryJournal, NewFact, Version, Write,
};

const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");

const SETTINGS: &str = r#"
[chains.local]
id = 31337
rpc = ["http://127.0.0.1:9"]
safe_service = "embedded"

[contracts.vault]
chain = "local"
address = "0x00000000000000000000000000000000000000aa"
abi = "vault.json"

[safes.guardian]
chain = "local"
address = "0x00000000000000000000000000000000000000bb"

[channels.console]
kind = "console"
"#;

const ROSTER: &str = r#"
[people.ana]
name = "Ana"
zone = "Europe/Berlin"
channels = ["console"]
keys = ["0x00000000000000000000000000000000000000cc"]

[people.ben]
name = "Ben"
zone = "Asia/Singapore"
channels = ["console"]

[roles]
commander = "person:ana"

[policies.default]
steps = [{ after = "0m", notify = ["person:ana"] }]
"#;

const RUNBOOK: &str = r#"+++
id = "pause-vault"
severity = "emergency"
owner = "protocol-security"
reviewed = 2026-11-01
safe = ["guardian"]
respond = "page"

[[condition]]
id = "drain"
when = 'alert.severity >= CRITICAL'
about = ["vault"]

[[action]]
contract = "vault"
call = "pause()"
expect = 'read("vault", "paused()")'
+++

# Pause the vault
## When to use this
## Decide
## After
"#;

/// A condition that wants two alerts of two bots, and says nothing early.
const PAIR: &str =
    "early = \"nothing\"\ncount = { alerts = 2, bots = 2, within = \"10m\" }\nabout = [\"vault\"]";

/// Files, a journal and a clock, which outlive the agent.
struct Ground {
    folder: TempDir,
    journal: Arc<MemoryJournal>,
    faults: Arc<FaultyJournal>,
    clock: Arc<ManualClock>,
}

impl Ground {
    fn new() -> Self {
        let journal = Arc::new(MemoryJournal::new());
        let faults = FaultyJournal::new(Arc::clone(&journal) as _);
        let clock = ManualClock::at("2026-11-21T03:00:00Z".parse().unwrap());
        let ground = Self { folder: tempfile::tempdir().unwrap(), journal, faults, clock };
        std::fs::create_dir(ground.folder.path().join("runbooks")).unwrap();
        for (name, text) in [
            ("redhandle.toml", SETTINGS),
            ("roster.toml", ROSTER),
            ("vault.json", include_str!("../../../../contracts-abi/vault.json")),
            ("runbooks/pause-vault.md", RUNBOOK),
        ] {
            std::fs::write(ground.folder.path().join(name), text).unwrap();
        }
        ground
    }

    /// Edits the runbook, as people do between two starts.
    fn edit(&self, from: &str, to: &str) {
        assert!(RUNBOOK.contains(from));
        let text = RUNBOOK.replacen(from, to, 1);
        std::fs::write(self.folder.path().join("runbooks/pause-vault.md"), text).unwrap();
    }

    fn agent(&self) -> (Arc<Agent>, Vec<(RunbookId, Condition)>) {
        let today = jiff::civil::date(2026, 11, 21);
        let path = self.folder.path().join("redhandle.toml");
        let config = crate::config::load(&path, &Environment::default(), today)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let around = Surroundings {
            journal: Arc::clone(&self.faults) as _,
            clock: Arc::clone(&self.clock) as _,
            console: None,
            listen: "127.0.0.1:9".parse().unwrap(),
            keys: Keys::None,
        };
        let (agent, conditions) = setup::agent(config, around).unwrap();
        (Arc::new(agent), conditions)
    }

    async fn start(&self) -> (Intake, BTreeMap<FeedName, Cursor>) {
        let (agent, conditions) = self.agent();
        let quarantine = Arc::clone(&self.journal) as _;
        Intake::resume(agent, quarantine, conditions, &[FeedName::new("a"), FeedName::new("b")])
            .await
            .unwrap()
    }

    /// An alert about the vault that happens now.
    fn alert(&self, hash: &str, bot: &str) -> Alert {
        let at = self.clock.now();
        Alert {
            feed: FeedName::new("a"),
            authenticated: true,
            hash: AlertHash(hash.to_owned()),
            alert_id: "ATTACK".to_owned(),
            name: "Attack".to_owned(),
            description: String::new(),
            protocol: "ethereum".to_owned(),
            severity: AlertSeverity::Critical,
            finding_type: "EXPLOIT".to_owned(),
            bot: BotId::new(bot),
            chain: ChainId(31_337),
            block: Some(AlertBlock { number: 7, hash: None, timestamp: at }),
            transaction: None,
            addresses: vec![VAULT],
            truncated: false,
            bloom: None,
            metadata: BTreeMap::new(),
            created_at: at,
            related: Vec::new(),
            labels: Vec::new(),
        }
    }

    async fn of_feed(&self, feed: &str) -> Vec<Entry> {
        self.journal.read(&stream(&FeedName::new(feed)), Version(0)).await.unwrap()
    }

    fn step(&self, hours: i64) {
        self.clock.step(SignedDuration::from_hours(hours));
    }
}

fn delivery(feed: &str, alerts: Vec<Result<Alert, Rejected>>, cursor: Option<u64>) -> (Delivery, Settlement) {
    let (receipt, settlement) = Receipt::pair();
    let cursor = cursor.map(place);
    let feed = FeedName::new(feed);
    (Delivery { feed, alerts, cursor, request: None, orphaned: Vec::new(), receipt }, settlement)
}

fn place(number: u64) -> Cursor {
    serde_json::from_value(serde_json::json!(number)).unwrap()
}

async fn take(intake: &mut Intake, feed: &str, alerts: Vec<Alert>, cursor: Option<u64>) -> Outcome {
    let (delivery, settlement) = delivery(feed, alerts.into_iter().map(Ok).collect(), cursor);
    intake.take(delivery).await;
    settlement.outcome().await
}

/// Takes a delivery that must be accepted.
async fn accept(intake: &mut Intake, feed: &str, alerts: Vec<Alert>, cursor: Option<u64>) {
    assert_eq!(take(intake, feed, alerts, cursor).await, Outcome::Accepted);
}

async fn judged_an_event(agent: &Agent, also: Vec<Fact>) -> Arc<Incident> {
    let incident = agent.store.all().pop().unwrap();
    let (by, severity) = (Actor::Operator, Severity::Emergency);
    let mut facts = vec![Fact::Triaged { by, incident: false, severity, reason: "a test".to_owned() }];
    facts.extend(also);
    let recorded = agent.store.record(incident.id, incident.version, facts, false).await.unwrap();
    assert_eq!(recorded, Recorded::Applied);
    agent.store.get(incident.id).unwrap()
}

/// Every incident, and how much happened to it.
fn versions(intake: &Intake) -> Vec<(IncidentId, u64)> {
    intake.agent.store.all().iter().map(|incident| (incident.id, incident.version)).collect()
}

fn closed() -> Fact {
    Fact::Closed { by: Actor::Operator, reason: "a false alarm".to_owned() }
}
