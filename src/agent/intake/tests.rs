//! Restarts, long streams, junk and deliveries beyond one append; on a journal in memory, without a chain.

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
            ("vault.json", include_str!("../../../contracts-abi/vault.json")),
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
    (Delivery { feed: FeedName::new(feed), alerts, cursor, receipt }, settlement)
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

#[tokio::test]
async fn a_crash_between_alert_and_incident_is_made_good_after_any_outage() {
    let ground = Ground::new();
    let (mut intake, _) = ground.start().await;
    // The first append is the alert's, the second the incident's: it dies there.
    ground.faults.plan(2, Fault::HoldBefore);
    let (delivery, _settlement) = delivery("a", vec![Ok(ground.alert("0x1", "0xa1"))], Some(1));
    tokio::select! {
        () = intake.take(delivery) => panic!("taken"),
        () = ground.faults.held() => {}
    }
    drop(intake);
    // Nobody looks for a week; and the condition has another name by then.
    ground.step(7 * 24);
    ground.edit("id = \"drain\"", "id = \"emptied\"");
    for _ in 0..2 {
        let (intake, places) = ground.start().await;
        let all = intake.agent.store.all();
        assert_eq!(all.len(), 1, "opened, and once");
        assert_eq!(all[0].matches[0].condition.as_str(), "drain");
        assert_eq!(places, BTreeMap::from([(FeedName::new("a"), place(1))]));
    }
}

#[tokio::test]
async fn an_edited_condition_does_not_fire_on_history() {
    for (from, to) in [
        ("id = \"drain\"", "id = \"emptied\""),
        (
            "respond = \"page\"",
            "respond = \"page\"\n\n[[condition]]\nid = \"second\"\nwhen = 'alert.severity >= HIGH'\nabout = [\"vault\"]",
        ),
    ] {
        let ground = Ground::new();
        let (mut intake, _) = ground.start().await;
        accept(&mut intake, "a", vec![ground.alert("0x1", "0xa1")], None).await;
        let before = judged_an_event(&intake.agent, vec![closed()]).await;
        ground.edit(from, to);
        let (mut intake, _) = ground.start().await;
        assert_eq!(
            versions(&intake),
            [(before.id, before.version)],
            "{to}: nothing reopened, nothing opened"
        );
        accept(&mut intake, "a", vec![ground.alert("0x2", "0xa1")], None).await;
        assert_eq!(intake.agent.store.all().len(), 2, "{to}: a new alert does");
    }
}

#[tokio::test]
async fn a_lowered_count_does_not_fire_on_history_and_counts_it_with_the_next() {
    let ground = Ground::new();
    ground.edit("about = [\"vault\"]", &PAIR.replace("alerts = 2", "alerts = 3"));
    let (mut intake, _) = ground.start().await;
    accept(&mut intake, "a", vec![ground.alert("0x1", "0xa1"), ground.alert("0x2", "0xb2")], None).await;
    ground.edit("about = [\"vault\"]", PAIR);
    let (mut intake, _) = ground.start().await;
    assert!(intake.agent.store.all().is_empty());
    accept(&mut intake, "a", vec![ground.alert("0x3", "0xb2")], None).await;
    assert_eq!(intake.agent.store.all()[0].matches[0].alerts.len(), 3);
}

#[tokio::test]
async fn alerts_are_restored_in_the_order_of_arrival() {
    let ground = Ground::new();
    ground.edit("about = [\"vault\"]", PAIR);
    let (mut intake, _) = ground.start().await;
    // By event time the third is the first: sorted by that, it would fire with the first, and did not.
    let early = ground.alert("0x3", "0xb2");
    ground.clock.step(SignedDuration::from_mins(1));
    accept(&mut intake, "b", vec![ground.alert("0x1", "0xa1")], None).await;
    accept(&mut intake, "a", vec![ground.alert("0x2", "0xb2")], None).await;
    accept(&mut intake, "a", vec![early], None).await;
    let before = intake.agent.store.all();
    assert_eq!((before.len(), before[0].matches.len()), (1, 1));
    let (mut intake, _) = ground.start().await;
    assert_eq!(versions(&intake), [(before[0].id, before[0].version)]);
    accept(&mut intake, "b", vec![ground.alert("0x4", "0xa1")], None).await;
    let hashes: Vec<_> =
        intake.agent.store.all()[0].matches[1].alerts.iter().map(|hash| hash.0.clone()).collect();
    assert_eq!(hashes, ["0x3", "0x4"], "the other two are spent, as before the restart");
}

#[tokio::test]
async fn a_feed_with_more_facts_than_one_read_gives_is_resumed_at_its_last_place() {
    let ground = Ground::new();
    let feed = FeedName::new("a");
    let mut written = 0_u64;
    while written <= crate::journal::READ_FACTS_MAX as u64 {
        let facts = (written..written + APPEND_FACTS_MAX as u64)
            .map(|number| NewFact {
                kind: PLACE.to_owned(),
                at: ground.clock.now() + SignedDuration::from_secs(60 * i64::try_from(number).unwrap()),
                body: serde_json::json!(number),
            })
            .collect();
        let write = Write { stream: stream(&feed), expected: Version(written), facts };
        assert!(matches!(ground.journal.append(vec![write]).await, Ok(Appended::Applied { .. })));
        written += APPEND_FACTS_MAX as u64;
    }
    assert!(ground.journal.read(&stream(&feed), Version(0)).await.is_err(), "too long for one read");
    let (mut intake, places) = ground.start().await;
    assert_eq!(places, BTreeMap::from([(feed, place(written - 1))]));
    ground.step(80 * 24);
    accept(&mut intake, "a", vec![ground.alert("0x1", "0xa1")], Some(written)).await;
    assert_eq!(intake.agent.store.all().len(), 1);
}

#[tokio::test]
async fn a_place_is_written_when_it_moved_and_seldom() {
    let ground = Ground::new();
    let (mut intake, _) = ground.start().await;
    for (minutes, cursor, written) in [(0, 1, 1), (1, 2, 1), (10, 2, 2), (60, 2, 2), (1, 3, 3)] {
        ground.clock.step(SignedDuration::from_mins(minutes));
        accept(&mut intake, "a", Vec::new(), Some(cursor)).await;
        assert_eq!(ground.of_feed("a").await.len(), written, "{cursor} after {minutes} minutes");
    }
}

#[tokio::test]
async fn junk_is_shelved_behind_the_good_ones_and_within_bounds() {
    let ground = Ground::new();
    let (mut intake, _) = ground.start().await;
    let mut items: Vec<_> =
        (1..=1_000).map(|line| Err(Rejected::new(Some(line), "not JSON", b"{"))).collect();
    items.push(Ok(ground.alert("0x1", "0xa1")));
    let (delivery, settlement) = delivery("a", items, None);
    intake.take(delivery).await;
    assert_eq!(settlement.outcome().await, Outcome::Accepted);
    assert_eq!(intake.agent.store.all().len(), 1);
    assert_eq!(intake.taken().rejected, 1_000);
    let shelf = intake.quarantine.list(&FeedName::new("a"), 2).await.unwrap();
    assert_eq!((shelf.kept, shelf.dropped), (51, 0));
    let told: Vec<_> = shelf.lines.iter().map(|kept| kept.rejected.reason.as_str()).collect();
    assert_eq!(told, ["and 950 more of the same delivery, which are not kept", "not JSON"]);
}

#[tokio::test]
async fn a_delivery_beyond_one_append_is_written_in_parts_and_its_place_with_the_last() {
    let ground = Ground::new();
    ground.edit("about = [\"vault\"]", PAIR);
    let (mut intake, _) = ground.start().await;
    let alerts: Vec<_> = (0..APPEND_FACTS_MAX + 5).map(|n| ground.alert(&format!("0x{n}"), "0xa1")).collect();
    ground.faults.plan(2, Fault::FailBefore);
    assert!(matches!(take(&mut intake, "a", alerts.clone(), Some(9)).await, Outcome::Refused(_)));
    assert!(ground.of_feed("a").await.iter().all(|entry| entry.kind == KEPT), "no place yet");
    accept(&mut intake, "a", alerts, Some(9)).await;
    let entries = ground.of_feed("a").await;
    assert_eq!(entries.last().unwrap().kind, PLACE);
    assert!(entries.len() > APPEND_FACTS_MAX);
}

#[tokio::test]
async fn an_alert_too_long_for_the_journal_counts_and_blocks_nothing() {
    let ground = Ground::new();
    let (mut intake, _) = ground.start().await;
    let long = Alert { description: "x".repeat(FACT_BODY_MAX_BYTES), ..ground.alert("0x1", "0xa1") };
    accept(&mut intake, "a", vec![long], Some(1)).await;
    assert_eq!(intake.agent.store.all().len(), 1, "it is an emergency all the same");
    let shelf = intake.quarantine.list(&FeedName::new("a"), 1).await.unwrap();
    assert!(shelf.lines[0].rejected.reason.contains("too long to be kept"), "{shelf:?}");
    let kinds: Vec<_> = ground.of_feed("a").await.into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [MATCHED, PLACE]);
}

#[tokio::test]
async fn a_match_after_triage_as_an_event_pages_again() {
    let ground = Ground::new();
    let (mut intake, _) = ground.start().await;
    accept(&mut intake, "a", vec![ground.alert("0x1", "0xa1")], None).await;
    let event = judged_an_event(&intake.agent, Vec::new()).await;
    assert!(event.open_call(Purpose::Triage).is_none());
    accept(&mut intake, "a", vec![ground.alert("0x2", "0xa1")], None).await;
    let all = intake.agent.store.all();
    assert_eq!(all.len(), 1, "the same incident");
    assert_eq!((all[0].phase, all[0].is_incident, all[0].matches.len()), (Phase::Reported, None, 2));
    assert_eq!(all[0].open_call(Purpose::Triage).unwrap().number, 2, "another call than the one before");
    let tasks = due(&all[0], &intake.agent.world(&all[0]), ground.clock.now());
    assert!(tasks.tasks.iter().any(|task| matches!(task, Task::Page { .. })), "{tasks:?}");
}
