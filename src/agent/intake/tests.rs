//! Alerts on their way to incidents, with a journal that fails and processes that die.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::stream::read_back;
use super::*;
use crate::agent::store::IncidentStore;
use crate::clock::ManualClock;
use crate::config::settings::Web;
use crate::config::{Config, Settings};
use crate::domain::alert::{AlertBlock, AlertHash, AlertSeverity, BotId};
use crate::domain::condition::{ConditionSpec, CountSpec, Early, Response};
use crate::domain::contract::Contracts;
use crate::domain::contract::tests::vault;
use crate::domain::incident::IncidentId;
use crate::domain::incident::fixture::{at, roster, runbook, triaged};
use crate::domain::incident::names::Purpose;
use crate::domain::incident::{Actor, Phase};
use crate::domain::names::ChainId;
use crate::feeds::{Outcome, Receipt};
use crate::journal::faults::{Fault, FaultyJournal};
use crate::journal::{FACT_BODY_MAX_BYTES, Journal, MemoryJournal, NewFact, Version, Write};
use crate::notify::AckLinks;

const FORTA: &str = "forta";

fn config() -> Config {
    let settings = Settings {
        journal: PathBuf::new(),
        web: Web {
            listen: "127.0.0.1:1".parse().unwrap(),
            public_url: "http://127.0.0.1:1".parse().unwrap(),
            key: None,
            link_secret: None,
        },
        chains: BTreeMap::new(),
        contracts: Contracts::from([("vault".into(), vault())]),
        safes: BTreeMap::new(),
        proposer: None,
        executor: None,
        feeds: vec![],
        bots: BTreeMap::new(),
        channels: BTreeMap::new(),
        policy: None,
        roster: PathBuf::new(),
        runbooks: vec![],
    };
    let runbooks = BTreeMap::from([("pause-vault".into(), runbook())]);
    Config { settings, roster: roster(), runbooks, warnings: Default::default() }
}

/// Two alerts of two bots within ten minutes propose; one that is critical prepares.
fn conditions() -> Vec<(RunbookId, Condition)> {
    let spec = ConditionSpec {
        id: "drain".into(),
        when: "alert.severity >= HIGH".to_owned(),
        about: vec!["vault".into()],
        count: Some(CountSpec { alerts: 2, bots: 2, within: SignedDuration::from_mins(10) }),
        confirm: None,
        respond: Response::Propose,
        early: Early::WhenCritical,
    };
    let contracts = Contracts::from([("vault".into(), vault())]);
    vec![("pause-vault".into(), Condition::compile(spec, &BTreeMap::new(), &contracts).unwrap())]
}

/// One process after another on one journal.
struct Bench {
    clock: Arc<ManualClock>,
    journal: Arc<FaultyJournal>,
    beneath: Arc<MemoryJournal>,
}

impl Bench {
    fn new() -> Self {
        let beneath = Arc::new(MemoryJournal::new());
        Self { clock: ManualClock::at(at(0)), journal: FaultyJournal::new(beneath.clone()), beneath }
    }

    fn agent(&self) -> Arc<Agent> {
        let secret = SecretString::from("x".repeat(32));
        Arc::new(Agent {
            store: Arc::new(IncidentStore::new(self.journal.clone(), self.clock.clone())),
            clock: self.clock.clone(),
            config: Arc::new(config()),
            plans: BTreeMap::new(),
            chains: BTreeMap::new(),
            services: BTreeMap::new(),
            channels: BTreeMap::new(),
            proposer: None,
            executor: None,
            links: AckLinks::new(&secret, "http://127.0.0.1:1".parse().unwrap()).unwrap(),
            poll: Duration::from_secs(1),
            post_mortems: PathBuf::new(),
        })
    }

    async fn started(&self) -> (Intake, BTreeMap<FeedName, Cursor>) {
        let quarantine: Arc<dyn Quarantine> = self.beneath.clone();
        let feeds = [FORTA.into(), "open".into()];
        Intake::resume(self.agent(), quarantine, conditions(), &feeds).await.unwrap()
    }

    async fn facts_of(&self, feed: &str) -> Vec<String> {
        let entries = self.beneath.read(&format!("feed/{feed}").as_str().into(), Version(0)).await.unwrap();
        entries.into_iter().map(|entry| entry.kind).collect()
    }
}

fn alert(hash: &str, bot: &str, second: i64) -> Alert {
    Alert {
        feed: FORTA.into(),
        authenticated: true,
        hash: AlertHash(hash.to_owned()),
        alert_id: "ATTACK-DETECTOR-2".to_owned(),
        name: "Attack".to_owned(),
        description: "visit http://evil.example *now*".to_owned(),
        protocol: "ethereum".to_owned(),
        severity: AlertSeverity::High,
        finding_type: "EXPLOIT".to_owned(),
        bot: BotId::new(bot),
        chain: ChainId(1),
        block: Some(AlertBlock { number: 1_000, hash: None, timestamp: at(second) }),
        transaction: None,
        addresses: vec![vault().address],
        truncated: false,
        bloom: None,
        metadata: BTreeMap::new(),
        created_at: at(second),
        related: vec![],
        labels: vec![],
    }
}

fn critical(hash: &str, bot: &str, second: i64) -> Alert {
    Alert { severity: AlertSeverity::Critical, ..alert(hash, bot, second) }
}

fn place(number: u64) -> Cursor {
    serde_json::from_value(serde_json::json!(number)).unwrap()
}

/// Delivers alerts with a place, and tells what became of it.
async fn deliver(intake: &mut Intake, alerts: Vec<Alert>, number: u64) -> Outcome {
    deliver_items(intake, alerts.into_iter().map(Ok).collect(), number).await
}

async fn deliver_items(intake: &mut Intake, alerts: Vec<Result<Alert, Rejected>>, number: u64) -> Outcome {
    let (receipt, settlement) = Receipt::pair();
    intake.take(Delivery { feed: FORTA.into(), alerts, cursor: Some(place(number)), receipt }).await;
    settlement.outcome().await
}

/// Each incident: its response, and its matches by number of alerts.
fn incidents(intake: &Intake) -> String {
    let all = intake.agent.store.all();
    let each = all.iter().map(|incident| {
        let matches: Vec<_> =
            incident.matches.iter().map(|matched| matched.alerts.len().to_string()).collect();
        format!("{} {} {}", incident.id, incident.response, matches.join("+"))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn was_refused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(_))
}

#[tokio::test]
async fn an_accepted_alert_is_on_disk_with_what_it_means() {
    let bench = Bench::new();
    let (mut intake, places) = bench.started().await;
    assert_eq!(places, BTreeMap::new());
    assert_eq!(deliver(&mut intake, vec![critical("a", "1", 0)], 1).await, Outcome::Accepted);
    assert_eq!(bench.facts_of(FORTA).await, ["alert-kept", "place"]);
    assert_eq!(incidents(&intake), "INC-1 prepare 1");
    assert_eq!(deliver(&mut intake, vec![alert("b", "2", 60)], 2).await, Outcome::Accepted);
    assert_eq!(incidents(&intake), "INC-1 propose 1+2", "a further match joins and raises");
    // The same again changes nothing, here or after a restart.
    assert_eq!(
        deliver(&mut intake, vec![critical("a", "1", 0), alert("b", "2", 60)], 3).await,
        Outcome::Accepted
    );
    assert_eq!(intake.taken(), Taken { alerts: 4, repeated: 2, rejected: 0, kept: 2, matches: 2 });
    let (again, places) = bench.started().await;
    assert_eq!(incidents(&again), "INC-1 propose 1+2");
    assert_eq!(places, BTreeMap::from([(FORTA.into(), place(2))]));
    assert_eq!(bench.facts_of(FORTA).await, ["alert-kept", "place", "alert-kept", "place"]);
}

#[tokio::test]
async fn what_matches_nothing_costs_no_disk_and_a_place_now_and_then() {
    let bench = Bench::new();
    let (mut intake, _) = bench.started().await;
    for second in 0..200 {
        let about_nothing = Alert { addresses: vec![], ..alert(&second.to_string(), "1", second) };
        assert_eq!(deliver(&mut intake, vec![about_nothing], 1).await, Outcome::Accepted);
        bench.clock.step(SignedDuration::from_secs(1));
    }
    assert_eq!(bench.facts_of(FORTA).await, ["place"; 4], "one a minute");
    assert_eq!(incidents(&intake), "");
}

#[tokio::test]
async fn a_crash_between_the_alert_and_its_incident_is_made_good_at_the_start() {
    let bench = Bench::new();
    {
        let (mut intake, _) = bench.started().await;
        bench.journal.plan(2, Fault::HoldBefore);
        let killed = deliver(&mut intake, vec![critical("a", "1", 0)], 1);
        assert!(tokio::time::timeout(Duration::from_millis(50), killed).await.is_err());
    }
    assert_eq!(bench.facts_of(FORTA).await, ["alert-kept", "place"], "the place has moved on");
    let (intake, places) = bench.started().await;
    assert_eq!(incidents(&intake), "INC-1 prepare 1");
    assert_eq!(places.len(), 1);
}

#[tokio::test]
async fn every_append_killed_before_and_after_ends_in_one_incident_once_the_feed_delivers_again() {
    for fault in [Fault::FailBefore, Fault::FailAfter] {
        for step in 1..=4 {
            let bench = Bench::new();
            let (mut intake, _) = bench.started().await;
            bench.journal.plan(step, fault);
            let feed = [vec![critical("a", "1", 0)], vec![alert("b", "2", 60)]];
            for (alerts, number) in feed.iter().zip(1..) {
                while deliver(&mut intake, alerts.clone(), number).await != Outcome::Accepted {}
            }
            intake.agent.store.flush().await.unwrap();
            assert_eq!(incidents(&intake), "INC-1 propose 1+2", "{fault:?} {step}");
            let (again, _) = bench.started().await;
            assert_eq!(incidents(&again), "INC-1 propose 1+2", "{fault:?} {step}, after a restart");
        }
    }
}

#[tokio::test]
async fn with_the_journal_away_the_feed_is_refused_and_the_incident_opened_all_the_same() {
    let bench = Bench::new();
    let (mut intake, _) = bench.started().await;
    bench.journal.set_down(true);
    let outcome = deliver(&mut intake, vec![critical("a", "1", 0)], 1).await;
    assert!(was_refused(&outcome), "{outcome:?}");
    assert_eq!(incidents(&intake), "INC-1 prepare 1");
    let incident = intake.agent.store.all().remove(0);
    assert!(incident.open_call(Purpose::JournalGap).is_some());
    // The feed delivers again, and again.
    assert!(was_refused(&deliver(&mut intake, vec![critical("a", "1", 0)], 1).await));
    assert_eq!(incidents(&intake), "INC-1 prepare 1", "the same incident");
    bench.journal.set_down(false);
    assert_eq!(deliver(&mut intake, vec![critical("a", "1", 0)], 1).await, Outcome::Accepted);
    intake.agent.store.flush().await.unwrap();
    let (again, _) = bench.started().await;
    assert_eq!(incidents(&again), "INC-1 prepare 1");
}

#[tokio::test]
async fn twins_on_one_journal_open_one_incident() {
    let bench = Bench::new();
    let (mut one, _) = bench.started().await;
    let (mut other, _) = bench.started().await;
    for intake in [&mut one, &mut other] {
        let alerts = vec![critical("a", "1", 0), alert("b", "2", 60)];
        assert_eq!(deliver(intake, alerts, 1).await, Outcome::Accepted);
    }
    other.agent.store.sync().await.unwrap();
    one.agent.store.sync().await.unwrap();
    assert_eq!(incidents(&one), "INC-1 propose 1+2");
    assert_eq!(incidents(&other), incidents(&one));
    let (again, _) = bench.started().await;
    assert_eq!(incidents(&again), incidents(&one), "what both kept is judged once");
}

#[tokio::test]
async fn anybodys_alert_opens_a_triage_and_nothing_more() {
    let bench = Bench::new();
    let (mut intake, _) = bench.started().await;
    let anybody = |hash: &str, bot: &str| Alert { authenticated: false, ..critical(hash, bot, 0) };
    assert_eq!(deliver(&mut intake, vec![anybody("a", "1"), anybody("b", "2")], 1).await, Outcome::Accepted);
    let all = intake.agent.store.all();
    assert!(all.iter().all(|incident| incident.response == Response::Page), "{}", incidents(&intake));
    assert_eq!(all.len(), 1);
    assert!(all[0].open_call(Purpose::Triage).is_some());
}

#[tokio::test]
async fn new_alerts_about_what_was_found_an_event_open_its_triage_and_after_its_end_another_incident() {
    let bench = Bench::new();
    let (mut intake, _) = bench.started().await;
    let store = Arc::clone(&intake.agent.store);
    let decide = async |id, fact: Fact| {
        store.decide(IncidentId(id), |_| Ok::<_, StoreError>(vec![fact.clone()])).await.unwrap();
    };
    assert_eq!(deliver(&mut intake, vec![critical("a", "1", 0)], 1).await, Outcome::Accepted);
    decide(1, triaged(Actor::Operator, false)).await;
    assert_eq!(deliver(&mut intake, vec![alert("b", "2", 60)], 2).await, Outcome::Accepted);
    assert_eq!(incidents(&intake), "INC-1 propose 1+2");
    let incident = store.get(IncidentId(1)).unwrap();
    assert_eq!((incident.phase, incident.is_live()), (Phase::Reported, true));
    decide(1, triaged(Actor::Operator, false)).await;
    decide(1, Fact::Closed { by: Actor::Operator, reason: "a test".into() }).await;
    let more = vec![critical("c", "1", 120), alert("d", "2", 121)];
    assert_eq!(deliver(&mut intake, more, 3).await, Outcome::Accepted);
    assert_eq!(incidents(&intake), "INC-1 propose 1+2, INC-2 propose 2");
    let (again, _) = bench.started().await;
    assert_eq!(incidents(&again), "INC-1 propose 1+2, INC-2 propose 2", "nothing that was known comes back");
}

#[tokio::test]
async fn kept_alerts_are_judged_again_in_the_order_in_which_they_came() {
    let bench = Bench::new();
    let (mut intake, _) = bench.started().await;
    // The later event comes first. By event time, the other would have been the early one.
    assert_eq!(deliver(&mut intake, vec![critical("late", "1", 300)], 1).await, Outcome::Accepted);
    assert_eq!(deliver(&mut intake, vec![critical("soon", "2", 0)], 2).await, Outcome::Accepted);
    assert_eq!(incidents(&intake), "INC-1 propose 1+2");
    let (again, _) = bench.started().await;
    assert_eq!(incidents(&again), "INC-1 propose 1+2");
}

#[tokio::test]
async fn what_is_no_alert_is_put_aside_and_never_stops_the_feed() {
    let bench = Bench::new();
    let (mut intake, _) = bench.started().await;
    let items = vec![
        Err(Rejected::new(Some(7), "it has no hash", b"{\"name\": 1}")),
        Ok(critical("a", "1", 0)),
        Err(Rejected::new(None, "it is not JSON", b"\xff")),
    ];
    assert_eq!(deliver_items(&mut intake, items, 1).await, Outcome::Accepted);
    assert_eq!((intake.taken().rejected, incidents(&intake).as_str()), (2, "INC-1 prepare 1"));
    let shelf = bench.beneath.list(&FORTA.into(), 10).await.unwrap();
    let shown: Vec<_> =
        shelf.lines.iter().map(|line| (line.rejected.line, line.rejected.reason.as_str())).collect();
    assert_eq!(shown, [(0, "it is not JSON"), (7, "it has no hash")]);
}

#[tokio::test]
async fn neither_a_great_many_alerts_nor_one_too_long_stop_the_feed() {
    let bench = Bench::new();
    let (mut intake, _) = bench.started().await;
    let many: Vec<_> = (0..1_500).map(|index| alert(&index.to_string(), "1", index % 60)).collect();
    assert_eq!(deliver(&mut intake, many, 1).await, Outcome::Accepted);
    let long = Alert { description: "x".repeat(FACT_BODY_MAX_BYTES), ..critical("long", "2", 61) };
    assert_eq!(deliver(&mut intake, vec![long], 2).await, Outcome::Accepted);
    assert_eq!(intake.agent.store.all().len(), 1, "it was judged");
    let shelf = bench.beneath.list(&FORTA.into(), 10).await.unwrap();
    assert_eq!(
        shelf.lines[0].rejected.reason,
        "judged, but too long for the journal: forgotten at a restart"
    );
}

#[tokio::test]
async fn a_feed_that_lives_for_long_is_read_back_as_far_as_windows_remember() {
    let bench = Bench::new();
    let stream: crate::journal::Stream = "feed/forta".into();
    let day = SignedDuration::from_hours(24);
    let mut version = 0;
    let mut write = async |kind: &str, when: Timestamp, body: serde_json::Value, count: usize| {
        let fact = NewFact { kind: kind.to_owned(), at: when, body };
        for part in vec![fact; count].chunks(1_000) {
            let write = Write { stream: stream.clone(), expected: Version(version), facts: part.to_vec() };
            assert!(matches!(
                bench.beneath.append(vec![write]).await,
                Ok(crate::journal::Appended::Applied { .. })
            ));
            version += part.len() as u64;
        }
    };
    let kept = |hash: &str| serde_json::to_value(critical(hash, "1", 0)).unwrap();
    write("alert-kept", at(0) - day * 30, kept("forgotten"), 1).await;
    write("place", at(0) - day * 20, serde_json::json!(1), 120_000).await;
    write("alert-kept", at(0) - day, kept("remembered"), 1).await;
    write("place", at(0), serde_json::json!(2), 5_000).await;
    let before = read_back(bench.beneath.as_ref(), &FORTA.into(), day * 2).await.unwrap();
    let hashes: Vec<_> = before.alerts.iter().map(|kept| kept.alert.hash.0.as_str()).collect();
    assert_eq!(hashes, ["remembered"]);
    assert_eq!(before.place, Some(place(2)));
}

#[tokio::test]
async fn what_completed_long_before_the_newest_alert_is_not_taken_up_by_a_restart() {
    let bench = Bench::new();
    let stream = crate::journal::Stream::new("feed/forta");
    let old = |hash: &str| serde_json::to_value(critical(hash, "1", 0)).unwrap();
    let facts = vec![
        NewFact { kind: "alert-kept".into(), at: at(0), body: old("old") },
        NewFact {
            kind: "alert-kept".into(),
            at: at(100_000),
            body: serde_json::to_value(critical("new", "1", 100_000)).unwrap(),
        },
    ];
    let write = Write { stream, expected: Version(0), facts };
    assert!(matches!(bench.beneath.append(vec![write]).await, Ok(crate::journal::Appended::Applied { .. })));
    let (intake, _) = bench.started().await;
    assert_eq!(incidents(&intake), "INC-1 prepare 1");
    assert_eq!(intake.agent.store.all()[0].matches[0].alerts, [AlertHash("new".into())]);
}

#[tokio::test]
async fn a_match_that_the_journal_refuses_is_an_incident_and_keeps_no_other_waiting() {
    let bench = Bench::new();
    let (mut intake, _) = bench.started().await;
    assert_eq!(deliver(&mut intake, vec![critical("a", "1", 0)], 1).await, Outcome::Accepted);
    let known = intake.agent.store.get(IncidentId(1)).unwrap().matches[0].clone();
    let about = |contract: &str, because: &str| Match {
        contract: contract.into(),
        because: because.to_owned(),
        alerts: vec![AlertHash(contract.to_owned())],
        ..known.clone()
    };
    let endless = "x".repeat(FACT_BODY_MAX_BYTES);
    intake.waiting.extend([about("pool", &endless), about("bridge", "b"), known.clone()]);
    intake.retry().await;
    assert_eq!(intake.waiting.len(), 0);
    assert_eq!(intake.agent.store.all().len(), 3);
    assert!(
        intake.agent.store.flush().await.is_err(),
        "one of them is in memory alone, and that is not hidden"
    );
    let (again, _) = bench.started().await;
    let contracts: Vec<_> = again.agent.store.all().iter().filter_map(|one| one.contract.clone()).collect();
    assert_eq!(contracts, ["vault".into(), "bridge".into()]);
}
