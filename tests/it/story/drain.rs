//! SIGTERM while alerts flow: what was accepted is kept, and the process ends in peace.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;

use redhandle::journal::{Journal as _, SqliteJournal, Version, verify};

use crate::support::files::WEBHOOK_SECRET;
use crate::support::{Town, until};

/// How many send at once.
const SENDERS: usize = 4;
/// How many alerts are accepted before the agent is stopped. A window keeps more than all of them.
const ACCEPTED_BEFORE: usize = 40;
/// How many are sent at most: fewer than a window keeps.
const SENT_MAX: usize = 200;

#[tokio::test]
async fn sigterm_drains_while_alerts_flow_and_nothing_accepted_is_lost() {
    let town = Town::new().await;
    town.hear_a_webhook();
    let agent = town.spawn();
    let accepted = Mutex::new(BTreeSet::new());
    let senders = (0..SENDERS).map(|sender| {
        let (town, accepted) = (&town, &accepted);
        async move {
            for number in 0..SENT_MAX / SENDERS {
                let name = format!("ALERT-{sender}-{number}");
                let alert = town.alert_called(sender % 2, &name);
                match town.post("/feeds/monitor", Some(WEBHOOK_SECRET), alert).await {
                    Some(200) => {
                        accepted.lock().unwrap().insert(name);
                    }
                    // Refused, or nobody there any more: not accepted.
                    Some(_) => {}
                    None => return,
                }
            }
        }
    });
    let stop = async {
        until("alerts to flow", async || (accepted.lock().unwrap().len() >= ACCEPTED_BEFORE).then_some(()))
            .await;
        tokio::task::spawn_blocking(move || agent.terminate()).await.unwrap()
    };
    let (code, _) = tokio::join!(stop, futures_util::future::join_all(senders));
    assert_eq!(code, Some(0));

    let journal = Arc::new(SqliteJournal::open_existing(&town.path("redhandle.db")).await.unwrap());
    let entries = journal.read(&"feed/monitor".into(), Version(0)).await.unwrap();
    let kept: BTreeSet<String> = entries
        .iter()
        .filter_map(|entry| {
            serde_json::from_str::<serde_json::Value>(&entry.body).unwrap()["alert_id"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    let accepted = accepted.into_inner().unwrap();
    let lost: Vec<_> = accepted.difference(&kept).collect();
    assert!(lost.is_empty(), "accepted and lost: {lost:?}");
    verify(&*journal, None).await.unwrap();
    journal.close().await;

    // The next life takes the story up where it was.
    let life = town.wake().await;
    let incident = life.until("the incident", |incident| !incident.matches.is_empty()).await;
    assert_eq!(incident.id.to_string(), "INC-1");
    assert_eq!(life.house.agent.store.all().len(), 1);
    life.stop().await;
}
