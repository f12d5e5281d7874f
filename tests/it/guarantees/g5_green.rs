//! Green means proven within its stated age. Unknown, stale and unverified are red, and say why.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use redhandle::clock::Clock as _;
use redhandle::clock::{ManualClock, SystemClock};
use redhandle::domain::incident::Stage;
use redhandle::drill::forta_server::Misbehaviour;
use serde_json::Value;

use crate::support::town::free_address;
use crate::support::{Life, Town, Waking, until};

async fn healthz(life: &Life) -> (u16, Value) {
    let client = redhandle::http::client(Duration::from_secs(20)).unwrap();
    let answer = client.get(format!("http://{}/healthz", life.listen)).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()
}

#[tokio::test]
async fn g5_green_means_proven() {
    let town = Town::new().await;
    let clock = ManualClock::at(SystemClock.now());
    let life = town.wake_as(Waking { clock: Arc::clone(&clock) as _, ..Waking::default() }).await;

    // Green once everything has answered, and with the time of the oldest proof.
    let report = until("everything to be proven", async || {
        let (status, report) = healthz(&life).await;
        (status == 200).then_some(report)
    })
    .await;
    assert_eq!(report["status"], "green");
    assert!(report["proven_at"].is_string(), "{report}");

    // A feed that says nothing is stale after its own limit, and red.
    town.feed.misbehave(Misbehaviour { delay: Some(Duration::from_secs(600)), ..Misbehaviour::default() });
    until("the feed's silence to be red", async || {
        clock.step(SignedDuration::from_secs(20));
        let (status, report) = healthz(&life).await;
        let feed = check(&report, "feed forta");
        (status == 503 && feed["status"] == "red" && feed["why"].is_string()).then_some(())
    })
    .await;

    // A feed that answers with an error is red at once, whatever it proved before.
    town.feed.misbehave(Misbehaviour { status: Some(500), ..Misbehaviour::default() });
    life.crash();
    let life = town.wake().await;
    let report = until("the feed's errors to be red", async || {
        let (_, report) = healthz(&life).await;
        check(&report, "feed forta")["why"].as_str().is_some_and(|why| why.contains("500")).then_some(report)
    })
    .await;
    assert_eq!((&report["status"], &report["proven_at"]), (&"red".into(), &Value::Null));

    // A journal that cannot be written is red.
    town.feed.misbehave(Misbehaviour::default());
    until("everything to be green again", async || (healthz(&life).await.0 == 200).then_some(())).await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    life.facts.set_down(true);
    life.confirms_at_the_service(&town, "ana").await;
    until("the journal's gap to be red", async || {
        let (status, report) = healthz(&life).await;
        (status == 503 && check(&report, "journal")["status"] == "red").then_some(())
    })
    .await;
    life.facts.set_down(false);
    until("the journal to be green again", async || (healthz(&life).await.0 == 200).then_some(())).await;
    life.stop().await;
}

#[tokio::test]
async fn g5_what_cannot_be_read_is_unknown_and_red() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    life.stop().await;

    // With the chain: yes and covered.
    let (code, coverage) = town.run_json(&["coverage", "--safe", "guardian"]);
    assert_eq!((code, &coverage["met"]), (0, &Value::Bool(true)), "{coverage}");
    let said = town.run(&["proposal", "verify", "INC-1"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.ends_with("YES: it is what it says it is\n"), "{said:?}");

    // Without it: unknown and no.
    let rpc = town.chain.anvil.url().to_string();
    town.set(&rpc, &format!("http://{}/", free_address()));
    let (code, coverage) = town.run_json(&["coverage", "--safe", "guardian"]);
    assert_eq!((code, &coverage["met"]), (1, &Value::Bool(false)));
    assert!(coverage["safes"][0].to_string().contains("unknown"), "{coverage}");
    let said = town.run(&["coverage", "--safe", "guardian"]);
    assert_eq!(said.code, 1);
    assert!(said.stdout.to_lowercase().contains("unknown"), "{said:?}");

    let said = town.run(&["proposal", "verify", "INC-1"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.ends_with("NO: do not sign it\n"), "{said:?}");

    let said = town.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
}
