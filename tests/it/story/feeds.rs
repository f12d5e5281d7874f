//! The same story, heard in other ways.

use redhandle::domain::condition::Response;
use redhandle::domain::incident::names::Purpose;
use redhandle::domain::incident::{Stage, Task, due};

use crate::support::files::WEBHOOK_SECRET;
use crate::support::{Life, Town, until};

/// From two alerts to a paused vault.
async fn told_to_its_end(town: &Town, life: &Life) {
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let full = incident.matches.iter().find(|matched| !matched.early).unwrap();
    assert_eq!(full.condition.as_str(), "drain");
    assert!(full.alerts.len() >= 2, "{full:?}");
    life.signs(town, "ben").await;
    life.signs(town, "chi").await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    assert_eq!((life.house.agent.store.all().len(), town.nonce().await), (1, 1));
    let strike = town.chain.strike(&town.protocol).await.unwrap();
    assert!(!strike.succeeded, "the attacker strikes a paused vault in vain");
}

#[tokio::test]
async fn the_story_through_a_webhook() {
    let town = Town::new().await;
    town.hear_a_webhook();
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    let (path, secret) = ("/feeds/monitor", Some(WEBHOOK_SECRET));

    // What is not signed, or wrongly, is nobody's alert.
    assert_eq!(town.post(path, None, town.alert(0)).await, Some(401));
    assert_eq!(town.post(path, Some("another secret that nobody shares"), town.alert(0)).await, Some(401));
    assert!(life.newest().is_none());

    assert_eq!(town.post(path, secret, town.alert(0)).await, Some(200));
    let early = life.until("an early proposal", |incident| matches!(incident.stage, Stage::Prepared)).await;
    assert!(early.matches.iter().all(|matched| matched.early), "one bot is not two");
    assert!(life.at_service(&town).await.is_empty(), "prepared early, proposed on corroboration");
    // Again the same, and another of the same bot: still one bot.
    assert_eq!(town.post(path, secret, town.alert(0) + "\n").await, Some(200));
    assert_eq!(town.post(path, secret, town.alert_called(0, "ANOTHER")).await, Some(200));
    assert!(life.newest().unwrap().matches.iter().all(|matched| matched.early));

    assert_eq!(town.post(path, secret, town.alert(1)).await, Some(200));
    told_to_its_end(&town, &life).await;
    life.stop().await;
}

#[tokio::test]
async fn the_story_through_a_file_that_grows() {
    let town = Town::new().await;
    town.hear("[[feeds]]\nname = \"monitor\"\nkind = \"jsonl\"\npath = \"alerts.jsonl\"");
    town.write("alerts.jsonl", &format!("{}\nno alert at all\n", town.alert(0)));
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    life.until("an early proposal", |incident| matches!(incident.stage, Stage::Prepared)).await;

    // What was no alert is kept for people, and stops nothing.
    let said = town.run_json(&["feed", "quarantine", "monitor"]);
    assert!(said.1.to_string().contains("no alert at all"), "{said:?}");

    // Half a line is no line.
    let second = town.alert(1);
    let (half, rest) = second.split_at(second.len() / 2);
    append(&town, half);
    append(&town, &format!("{rest}\n"));
    told_to_its_end(&town, &life).await;
    life.stop().await;
}

/// As a Forta node's log files have it: both detectors in one line, and between them what is no alert.
#[tokio::test]
async fn the_story_through_a_line_that_is_a_batch() {
    let town = Town::new().await;
    town.hear("[[feeds]]\nname = \"monitor\"\nkind = \"jsonl\"\npath = \"alerts.jsonl\"");
    town.write("alerts.jsonl", "{\"alerts\":null,\"metrics\":[]}\n");
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    let alerts = format!("{},{{\"no\":\"alert\"}},{}", town.alert(0), town.alert(1));
    append(&town, &format!("{{\"alerts\":[{alerts}],\"metrics\":[]}}\n"));
    told_to_its_end(&town, &life).await;

    let (_, said) = town.run_json(&["feed", "quarantine", "monitor"]);
    let lines = said["lines"].as_array().unwrap();
    let reason = "alert 2 of 3 in the line: source is missing: nobody makes this claim";
    assert_eq!((lines.len(), &lines[0]["line"]), (1, &2.into()), "{said}");
    assert_eq!(
        (lines[0]["reason"].as_str(), lines[0]["raw"].as_str()),
        (Some(reason), Some("{\"no\":\"alert\"}"))
    );
    life.stop().await;
}

fn append(town: &Town, text: &str) {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().append(true).open(town.path("alerts.jsonl")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_feed_that_is_not_authenticated_opens_a_triage_and_never_prepares() {
    let town = Town::new().await;
    town.hear("[[feeds]]\nname = \"anybody\"\nkind = \"webhook\"\nunauthenticated = true");
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    for bot in 0..2 {
        assert_eq!(town.post("/feeds/anybody", None, town.alert(bot)).await, Some(200));
    }
    let incident =
        life.until("a triage", |incident| incident.matches.iter().any(|matched| !matched.early)).await;
    assert_eq!(incident.response, Response::Page);
    until("people to be asked", async || life.pages().contains("is it real?").then_some(())).await;

    let incident = life.newest().unwrap();
    assert!(incident.open_call(Purpose::Triage).is_some());
    assert!(matches!(incident.stage, Stage::Idle) && incident.preparation.is_none());
    // Whatever time it gets: nothing but calls to people follows from it.
    let later = life.house.agent.clock.now() + jiff::SignedDuration::from_hours(1);
    let tasks = due(&incident, &life.house.agent.world(&incident), later).tasks;
    let to_people = |task: &Task| matches!(task, Task::Page { .. } | Task::Exhaust { .. } | Task::Declare);
    assert!(tasks.iter().all(to_people), "{tasks:?}");
    assert!(life.at_service(&town).await.is_empty());
    life.stop().await;
}
