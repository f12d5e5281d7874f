//! An accepted alert is on disk with what it means, and is evaluated at least once.

use redhandle::domain::incident::Stage;
use redhandle::drill::forta_server::Misbehaviour;
use redhandle::journal::faults::Fault;
use redhandle::journal::{Journal as _, Version};

use crate::support::files::WEBHOOK_SECRET;
use crate::support::{Life, Town, Waking, until};

/// The alerts a feed's stream keeps on disk, by the name of what they claim.
async fn kept(life: &Life, feed: &str) -> Vec<String> {
    let (journal, stream) = (life.house.journal.clone(), format!("feed/{feed}"));
    let entries = life
        .within(async move { journal.read(&stream.as_str().into(), Version(0)).await.unwrap() })
        .await
        .unwrap();
    let alerts = entries.iter().filter(|entry| entry.kind == "alert-kept");
    alerts
        .map(|entry| serde_json::from_str::<serde_json::Value>(&entry.body).unwrap()["alert_id"].to_string())
        .collect()
}

#[tokio::test]
async fn g1_an_accepted_alert_is_on_disk_and_evaluated_at_least_once() {
    let town = Town::new().await;
    town.hear_a_webhook();

    // It dies when the alert is on disk and its incident is not. Nobody was told 200, and nobody sends it again.
    let life = town.wake_as(Waking { faults: vec![(2, Fault::HoldBefore)], ..Waking::default() }).await;
    tokio::select! {
        status = town.post("/feeds/monitor", Some(WEBHOOK_SECRET), town.alert_called(0, "ONE")) => {
            panic!("answered {status:?} before it was evaluated")
        }
        () = life.facts.held() => {}
    }
    assert_eq!(kept(&life, "monitor").await, ["\"ONE\""]);
    assert!(life.newest().is_none());
    life.crash();

    let life = town.wake().await;
    let incident =
        life.until("the alert on disk to be evaluated", |incident| incident.matches.len() == 1).await;
    assert!(incident.matches[0].early, "one alert of two");
    life.allow_the_proposer(&town).await;

    // Accepted: on disk at that moment, whatever happens next.
    let status = town.post("/feeds/monitor", Some(WEBHOOK_SECRET), town.alert_called(1, "TWO")).await;
    assert_eq!(status, Some(200));
    assert_eq!(kept(&life, "monitor").await, ["\"ONE\"", "\"TWO\""]);
    life.crash();

    let life = town.wake().await;
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    assert_eq!(incident.matches.len(), 2, "evaluated again after the restart, and known");
    assert_eq!(incident.matches[1].alerts.len(), 2);
    life.stop().await;
}

#[tokio::test]
async fn g1_a_cursor_moves_only_with_what_it_stands_for() {
    let town = Town::new().await;
    let faults = vec![(1, Fault::FailBefore), (2, Fault::FailAfter)];
    let life = town.wake_as(Waking { faults, ..Waking::default() }).await;
    town.alarm();
    let incident =
        life.until("both alerts", |incident| incident.matches.iter().any(|matched| !matched.early)).await;
    assert_eq!(incident.matches.last().unwrap().alerts.len(), 2);
    life.crash();

    // The match stood before the alerts did. They were not accepted, so they come again, until they stand as well.
    let life = town.wake().await;
    until("both alerts to be on disk", async || (kept(&life, "forta").await.len() >= 2).then_some(())).await;
    assert_eq!(life.house.agent.store.all().len(), 1);
    life.crash();

    // Now they are found there, and not at Forta alone.
    town.feed.misbehave(Misbehaviour { status: Some(500), ..Misbehaviour::default() });
    let life = town.wake().await;
    assert!(kept(&life, "forta").await.len() >= 2);
    let incident = life.newest().unwrap();
    assert_eq!(incident.matches.last().unwrap().alerts.len(), 2);
    life.stop().await;
}
