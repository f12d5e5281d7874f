//! What is held back and what goes on all the same: silences through the binary, feeds that fall silent, two runbooks
//! that make one call.

use std::sync::Arc;

use redhandle::clock::{Clock as _, SystemClock};
use redhandle::domain::incident::Stage;
use serde_json::{Value, json};

use crate::support::files::{WEBHOOK_SECRET, read};
use crate::support::process::Process;
use crate::support::town::BOTS;
use crate::support::{Town, until};

const PATH: &str = "/feeds/monitor";

fn silences(town: &Town) -> Value {
    let (code, listed) = town.run_json(&["silence", "list"]);
    assert_eq!(code, 0, "{listed}");
    listed["silences"].clone()
}

fn incidents(town: &Town) -> Vec<Value> {
    town.run_json(&["incident", "list"]).1["incidents"].as_array().unwrap().clone()
}

async fn healthz(town: &Town) -> (u16, Value) {
    let client = redhandle::http::client(std::time::Duration::from_secs(20)).unwrap();
    let answer = client.get(format!("http://{}/healthz", town.listen)).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn heeded(town: &Town, how_many: usize) {
    until("the running agent to heed what another process silenced", async || {
        let silences = healthz(town).await.1["silences"].as_array().map_or(0, Vec::len);
        (silences == how_many).then_some(())
    })
    .await;
}

async fn posted(town: &Town, body: String) {
    assert_eq!(town.post(PATH, Some(WEBHOOK_SECRET), body).await, Some(200));
}

#[tokio::test]
async fn a_silence_of_another_process_holds_back_until_two_bots_say_critical() {
    let town = Town::new().await;
    town.hear_a_webhook();
    let agent = town.spawn();

    // Wrong on purpose: nothing named, a name that is none, no comment, too long.
    for (arguments, told) in [
        (&["--for", "1h", "--comment", "x"][..], "must say what is silenced"),
        (&["--contract", "valut", "--for", "1h", "--comment", "x"][..], "did you mean \"vault\"?"),
        (&["--contract", "vault", "--for", "1h", "--comment", " "][..], "say something"),
        (&["--contract", "vault", "--for", "8d", "--comment", "x"][..], "at most 7 days"),
        (&["--contract", "vault", "--for", "1h", "--comment", "x", "--as", "nobody"][..], "no person"),
    ] {
        let said = town.run(&[&["silence", "add"], arguments].concat());
        assert_eq!(said.code, 2, "{said:?}");
        if told != "at most 7 days" {
            assert!(said.stderr.contains(told), "{told}: {said:?}");
        }
    }
    let (code, made) = town.run_json(&[
        "silence",
        "add",
        "--contract",
        "vault",
        "--for",
        "1h",
        "--comment",
        "the monitor is being moved",
        "--as",
        "ana",
    ]);
    assert_eq!(
        (code, &made["silence"]["id"], &made["silence"]["active"]),
        (0, &"SIL-1".into(), &true.into())
    );
    heeded(&town, 1).await;

    // One bot: held back, written down, and nobody is paged.
    posted(&town, town.alert(0)).await;
    assert_eq!(silences(&town)[0]["held"], 1);
    let listed = town.run(&["silence", "list"]).stdout;
    assert!(
        listed.contains("by ana: the monitor is being moved")
            && listed.contains("held back: silenced by SIL-1"),
        "{listed}"
    );
    assert!(incidents(&town).is_empty());
    let list = town.run(&["incident", "list"]).stdout;
    assert!(
        list.contains("SIL-1 holds back contract vault") && list.contains("1 held back so far"),
        "{list}"
    );

    // A crash and a restart forget neither the silence nor what it held back, and count nothing twice.
    agent.kill();
    let agent = town.spawn();
    heeded(&town, 1).await;
    posted(&town, town.alert(0) + "\n").await;
    assert_eq!(silences(&town)[0]["held"], 1);

    // Whoever replays what came asks why nobody was paged, and reads by whom.
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("alerts.jsonl").to_str().unwrap().to_owned();
    let mut alert: Value = serde_json::from_str(&town.alert(0)).unwrap();
    alert["createdAt"] = SystemClock.now().to_string().into();
    std::fs::write(&recording, alert.to_string()).unwrap();
    let hash = alert["hash"].as_str().unwrap();
    let why = ["replay", recording.as_str(), "--silences", "--why", hash];
    let told = town.run(&why).stdout;
    assert!(
        told.contains("by: SIL-1 of ana silences contract vault from")
            && told.contains("the monitor is being moved")
            && told.contains(&format!("  alert {hash}")),
        "{told}"
    );
    let (_, held) = town.run_json(&why);
    assert_eq!(held["held"][0]["silences"][0]["by"], silences(&town)[0]["by"], "{held}");
    assert!(town.run(&["replay", &recording, "--why", hash]).stdout.contains("It took part: "));

    // A second bot that says CRITICAL pages through it, and goes no further.
    posted(&town, town.alert(1)).await;
    let (_, shown) = town.run_json(&["incident", "show", "INC-1"]);
    let shown = &shown["incident"];
    assert_eq!(
        (&shown["response"], &shown["matches"][0]["downgraded"]),
        (&"page".into(), &"suppressed".into())
    );
    let because = shown["matches"][0]["because"].as_str().unwrap();
    assert!(
        because.ends_with("2 different bots say CRITICAL, so this pages all the same and goes no further"),
        "{because}"
    );
    until("the page", async || {
        let shown = town.run(&["incident", "show", "INC-1"]).stdout;
        (shown.contains("triage, since") && shown.contains("delivered")).then_some(())
    })
    .await;

    // Ended by hand, once.
    let end = ["silence", "end", "SIL-1", "--comment", "moved", "--as", "ben"];
    assert_eq!(town.run(&end).code, 0);
    assert_eq!(town.run(&end).code, 1);
    heeded(&town, 0).await;
    assert_eq!(agent.terminate(), Some(0));
}

#[tokio::test]
async fn a_silence_that_runs_out_says_what_it_held_back_and_is_over() {
    let town = Town::new().await;
    town.hear_a_webhook();
    let agent = town.spawn();
    let bot = ["silence", "add", "--bot", BOTS[0], "--for", "5s", "--comment", "noisy"];
    assert_eq!(town.run(&bot).code, 0);
    heeded(&town, 1).await;
    posted(&town, town.alert(0)).await;
    until("its end to be told", async || {
        let silences = silences(&town);
        (silences[0]["told_over"] == true && silences[0]["active"] == false).then_some(())
    })
    .await;
    assert_eq!(silences(&town)[0]["held"], 1);
    assert!(agent.stderr().contains("a silence is over"), "{}", agent.stderr());
    assert!(incidents(&town).is_empty());
    // What comes now is heard, with what was held back.
    posted(&town, town.alert(1)).await;
    let (_, shown) = town.run_json(&["incident", "show", "INC-1"]);
    let full =
        shown["incident"]["matches"].as_array().unwrap().iter().find(|one| one["early"] == false).unwrap();
    assert_eq!((full["alerts"].as_array().unwrap().len(), &full["downgraded"]), (2, &Value::Null));
    drop(agent);
}

fn about_the_feed(town: &Town) -> Vec<(String, String)> {
    let told =
        |one: &Value| (one["title"].as_str().unwrap().to_owned(), one["phase"].as_str().unwrap().to_owned());
    incidents(town).iter().map(told).collect()
}

#[tokio::test]
async fn a_feed_that_falls_silent_is_told_once_and_ends_when_it_speaks_again() {
    let town = Town::new().await;
    town.hear_a_webhook();
    let unwatched = town.spawn();
    // Nobody said how long it may be quiet: not green, and not red.
    let (status, report) = healthz(&town).await;
    let check =
        report["checks"].as_array().unwrap().iter().find(|one| one["name"] == "feed monitor").unwrap();
    assert_eq!((status, &check["status"]), (200, &"unknown".into()), "{report}");
    assert!(check["why"].as_str().unwrap().contains("no stale_after is set"), "{report}");
    assert_ne!(report["status"], "green");
    // Nothing came yet, and that is said in numbers.
    let intake = &report["intake"];
    assert_eq!(
        (&intake["alerts"], &intake["matches"], &intake["trails_cut_short"]),
        (&0.into(), &0.into(), &0.into()),
        "{report}"
    );
    let warned = "nothing proves that it works: it has no stale_after";
    until("the start to warn of it", async || unwatched.stderr().contains(warned).then_some(())).await;
    assert!(town.run(&["check"]).stdout.contains("nothing proves that it works"));
    assert_eq!(unwatched.terminate(), Some(0));

    town.set("kind = \"webhook\"", "kind = \"webhook\"\nstale_after = \"2s\"");
    let agent: Process = town.spawn();
    let title = "Feed monitor is silent: its alerts are not heard";
    let open = vec![(title.to_owned(), "reported".to_owned())];
    until("the silence to be told", async || (!incidents(&town).is_empty()).then_some(())).await;
    assert_eq!(about_the_feed(&town), open);
    until("people to be asked", async || agent.stderr().contains(title).then_some(())).await;

    // A restart finds it told.
    agent.kill();
    let agent = town.spawn();
    until("the feed to be red", async || (healthz(&town).await.0 == 503).then_some(())).await;
    assert_eq!(about_the_feed(&town), open);

    // Somebody with another secret proves nothing, and is told of with the next silence.
    assert_eq!(town.post(PATH, Some("a secret of long ago"), "[]".to_owned()).await, Some(401));
    assert_eq!(about_the_feed(&town), open);
    // Nor does what we cannot read, however well it is signed: it is taken, and put where people can look at it.
    posted(&town, json!({"event": "in a format of tomorrow"}).to_string()).await;
    until("it to be counted", async || {
        let (status, report) = healthz(&town).await;
        let told = report["dropped"].to_string().contains("1 of 1 items since the start were no alerts:");
        told.then(|| assert_eq!(status, 503, "{report}"))
    })
    .await;
    assert_eq!(about_the_feed(&town), open);

    // An empty batch shows that its sender lives.
    posted(&town, "[]".to_owned()).await;
    let closed = (title.to_owned(), "closed".to_owned());
    until("its end to be told", async || (about_the_feed(&town)[0] == closed).then_some(())).await;
    let story = town.run(&["incident", "show", "INC-1"]).stdout;
    assert!(story.contains("the feed speaks again, since"), "{story}");
    let shelf = town.run(&["feed", "quarantine"]).stdout;
    assert!(!shelf.contains("not a JSON object"), "{shelf}");

    // The next silence is another one.
    until("the next silence", async || (about_the_feed(&town).len() == 2).then_some(())).await;
    assert_eq!(about_the_feed(&town), [closed, open[0].clone()]);
    let (_, next) = town.run_json(&["incident", "show", "INC-2"]);
    let why = "What came and was not taken: requests were turned away once since the start, the last at";
    assert!(next.to_string().contains(why), "{next}");
    assert!(next.to_string().contains("has delivered nothing that we can read since"), "{next}");

    // Once nothing else comes, its empty batches prove nothing either: the format has changed under us.
    for number in 0..3 {
        posted(&town, json!({"event": number}).to_string()).await;
    }
    posted(&town, "[ ]".to_owned()).await;
    until("the row to be counted", async || {
        let (status, report) = healthz(&town).await;
        let told = report["dropped"]
            .to_string()
            .contains("4 of 4 items since the start were no alerts, the last 4 in a row");
        told.then(|| assert_eq!(status, 503, "{report}"))
    })
    .await;
    assert_eq!(about_the_feed(&town)[1], open[0]);
    posted(&town, town.alert(0)).await;
    until("an alert to end it", async || (about_the_feed(&town)[1].1 == "closed").then_some(())).await;
    drop(agent);
}

#[tokio::test]
async fn two_runbooks_that_make_one_call_put_one_proposal_before_the_owners() {
    let town = Town::new().await;
    town.without_executor();
    let twin = read(&town.path("runbooks/pause-vault.md")).replacen(
        "id = \"pause-vault\"",
        "id = \"stop-vault\"",
        1,
    );
    town.write("runbooks/stop-vault.md", &twin);
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    let store = &life.house.agent.store;
    let proposed = |life: &crate::support::Life| -> [Option<bool>; 2] {
        let all = life.house.agent.store.all();
        [0, 1].map(|one| all.get(one).map(|incident| matches!(incident.stage, Stage::Proposed)))
    };
    until("one proposal, and one that waits", async || {
        let all = store.all();
        let waits = all.iter().filter(|incident| incident.waits_in_words().is_some()).count();
        let out = proposed(&life).iter().filter(|one| **one == Some(true)).count();
        (waits == 1 && out == 1).then_some(())
    })
    .await;
    assert_eq!(life.at_service(&town).await.len(), 1);
    let store = Arc::clone(store);
    let first = store.all().iter().find(|incident| matches!(incident.stage, Stage::Proposed)).unwrap().id;
    let second = store.all().iter().find(|incident| incident.id != first).unwrap().id;
    let noted = town.run(&["incident", "show", &first.to_string()]).stdout;
    let noted = noted.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        noted.contains(&format!("{second} (runbook stop-vault) makes the same calls"))
            || noted.contains(&format!("{second} (runbook pause-vault) makes the same calls")),
        "{noted}"
    );
    let waiting = town.run(&["incident", "show", &second.to_string()]).stdout;
    assert!(waiting.contains(&format!("{first} makes the same calls")), "{waiting}");

    // A crash changes nothing of it.
    drop(store);
    life.crash();
    let life = town.wake().await;
    let store = &life.house.agent.store;
    assert_eq!(proposed(&life).iter().filter(|one| **one == Some(true)).count(), 1);
    assert_eq!(store.get(second).unwrap().waits_on, Some(first));

    // The first is called off: the second goes on by itself.
    let reject =
        ["proposal", "reject", &first.to_string(), "--as", "ana", "--reason", "the other one answers it"];
    let said = town.run(&reject);
    assert_eq!(said.code, 0, "{said:?}");
    until("the second to be proposed", async || {
        matches!(store.get(second).unwrap().stage, Stage::Proposed).then_some(())
    })
    .await;
    assert!(store.get(second).unwrap().waits_in_words().is_none());
    life.stop().await;
}
