//! Acknowledging by the link in a page.

use std::time::Duration;

use redhandle::domain::incident::names::Purpose;
use redhandle::domain::incident::{Stage, Task, due};

use crate::support::{Life, Town, until};

/// The link that a person finds in a page.
async fn link_of(life: &Life, person: &str) -> String {
    until(&format!("a page with a link for {person}"), async || {
        let pages = life.pages();
        let mut words = pages.split_whitespace();
        words
            .find(|word| word.starts_with("http://") && word.contains(&format!("/ack/INC-1/{person}/")))
            .map(str::to_owned)
    })
    .await
}

fn triage_pages_ever_due(life: &Life) -> usize {
    let incident = life.newest().unwrap();
    let later = life.house.agent.clock.now() + jiff::SignedDuration::from_hours(5);
    let tasks = due(&incident, &life.house.agent.world(&incident), later).tasks;
    let triage = |task: &&Task| match task {
        Task::Page { page, .. } => page.purpose == Purpose::Triage,
        Task::Exhaust { purpose } => *purpose == Purpose::Triage,
        _ => false,
    };
    tasks.iter().filter(triage).count()
}

#[tokio::test]
async fn looking_at_the_link_acknowledges_nothing_and_posting_stops_the_pages() {
    let town = Town::new().await;
    let life = town.wake().await;
    town.feed.push(&town.alert(0)).unwrap();
    life.until("an early proposal", |incident| matches!(incident.stage, Stage::Prepared)).await;
    let link = link_of(&life, "chi").await;
    assert!(link.starts_with(&format!("http://{}/", town.listen)), "{link}");
    assert!(triage_pages_ever_due(&life) > 0, "nobody has answered");

    // Mail scanners and previews open every link they see.
    let client = redhandle::http::client(Duration::from_secs(20)).unwrap();
    for _ in 0..3 {
        let page = client.get(&link).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let text = page.text().await.unwrap();
        assert!(text.contains("Pause the vault") && text.contains("<form"), "{text}");
    }
    assert_eq!(life.count("acknowledged"), 0);
    assert!(triage_pages_ever_due(&life) > 0);

    // A link that somebody made up is nobody's.
    let forged = format!("{}{}", &link[..link.len() - 1], if link.ends_with('0') { '1' } else { '0' });
    assert_eq!(client.post(&forged).send().await.unwrap().status(), 404);
    assert_eq!(life.count("acknowledged"), 0);

    let answer = client.post(&link).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("Acknowledged"));
    life.until_fact("acknowledged").await;
    assert_eq!(triage_pages_ever_due(&life), 0);
    let incident = life.newest().unwrap();
    assert_eq!(incident.acknowledged.keys().map(|person| person.as_str()).collect::<Vec<_>>(), ["chi"]);

    // Twice is once, and it holds after a restart.
    let again = client.post(&link).send().await.unwrap();
    assert!(again.text().await.unwrap().contains("Already acknowledged"));
    life.stop().await;
    let life = town.wake().await;
    assert_eq!((life.count("acknowledged"), triage_pages_ever_due(&life)), (1, 0));
    life.stop().await;
}
