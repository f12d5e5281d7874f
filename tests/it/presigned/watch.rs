//! A shortage and a void window wake people; what is mended is said.

use redhandle::domain::incident::{Fact, Incident, Source};

use super::Windowed;
use crate::support::{Life, until};

fn watched(life: &Life) -> Vec<std::sync::Arc<Incident>> {
    let is_ours = |incident: &std::sync::Arc<Incident>| matches!(&incident.source, Source::Reporter { kind, .. } if kind == "redhandle");
    life.house.agent.store.all().into_iter().filter(is_ours).collect()
}

fn notes(life: &Life, incident: &Incident) -> Vec<String> {
    let facts = life.house.agent.store.facts(incident.id);
    let note = |(_, fact): &(jiff::Timestamp, Fact)| match fact {
        Fact::Noted { text, .. } => Some(text.clone()),
        _ => None,
    };
    facts.iter().filter_map(note).collect()
}

#[tokio::test]
async fn a_shortage_is_paged_once_and_its_end_is_said() {
    let windowed = Windowed::signed("by-hand", &["ana"]).await;
    let town = &windowed.town;
    let life = town.wake().await;
    until("the shortage to be paged", async || life.pages().contains("window pause is short").then_some(()))
        .await;
    let [incident] = &watched(&life)[..] else { panic!("one incident for one window") };
    assert!(incident.title.contains("0 nonces are complete, and fewer than 2"), "{}", incident.title);
    assert!(incident.preparation.is_none(), "it prepares nothing");

    assert_eq!(windowed.sign("ben").code, 0);
    until("its end to be said", async || {
        notes(&life, incident).iter().any(|note| note.contains("window pause is in order")).then_some(())
    })
    .await;
    // And trouble of another kind is noted where it was told.
    town.move_nonce(2).await;
    until("the next shortage", async || {
        notes(&life, incident).iter().any(|note| note.contains("1 nonce is complete")).then_some(())
    })
    .await;
    assert_eq!(watched(&life).len(), 1, "nobody is called twice for one window");
    life.stop().await;
}

#[tokio::test]
async fn a_window_that_does_not_open_is_paged() {
    let windowed = Windowed::signed("by-hand", &["ana", "ben"]).await;
    let town = &windowed.town;
    let life = town.wake().await;
    let file = town.path("presigned/pause.sealed");
    let mut sealed = std::fs::read(&file).unwrap();
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    // In one step: the agent must not read half of it.
    let beside = town.path("presigned/beside");
    std::fs::write(&beside, sealed).unwrap();
    std::fs::rename(beside, file).unwrap();
    until("it to be paged", async || life.pages().contains("was changed or damaged").then_some(())).await;
    life.stop().await;
}
