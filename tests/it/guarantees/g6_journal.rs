//! The journal is never what stops a pause. What is not containment fails closed.

use redhandle::agent::command::CommandError;
use redhandle::agent::store::StoreError;
use redhandle::domain::incident::names::Purpose;
use redhandle::domain::incident::state::PageOutcome;
use redhandle::domain::incident::{Fact, Phase, Stage};
use redhandle::journal::faults::Fault;
use redhandle::journal::{Journal as _, Version};

use crate::support::{Life, Town, Waking, until};

/// The kinds of the facts that the disk has of the first incident.
async fn on_disk(life: &Life) -> Vec<String> {
    let journal = life.house.journal.clone();
    let read = async move { journal.read(&"incident/INC-1".into(), Version(0)).await.unwrap() };
    life.within(read).await.unwrap().into_iter().map(|entry| entry.kind).collect()
}

#[tokio::test]
async fn g6_a_lost_answer_of_the_journal_makes_no_second_incident() {
    // The place of the feed, alerts with their place, then what opens the incident and what follows it: each written,
    // and none of it known to be.
    for lost in 1..=6 {
        let town = Town::new().await;
        town.alarm();
        let life = town.wake_as(Waking { faults: vec![(lost, Fault::FailAfter)], ..Waking::default() }).await;
        life.until("a full match", |incident| incident.matches.iter().any(|matched| !matched.early)).await;
        until("no gap", async || life.house.agent.store.gap_since().is_none().then_some(())).await;
        life.until("command", |incident| incident.phase == Phase::Declared).await;
        let incidents = life.house.agent.store.all();
        assert_eq!(incidents.len(), 1, "the answer to append {lost} was lost");
        assert_eq!(incidents[0].matches.len(), 2, "the answer to append {lost} was lost");
        life.verified().await;
        life.stop().await;
    }
}

/// From a proposal to a pause with the journal down, then up again.
async fn paused_without_a_journal(town: &Town, life: &Life) {
    let written = on_disk(life).await;
    life.confirms_at_the_service(town, "ana").await;
    life.confirms_at_the_service(town, "ben").await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    assert_eq!(on_disk(life).await, written, "nothing was written meanwhile");

    // People hear of the gap while it lasts.
    until("a page about the gap", async || {
        life.pages().contains("The journal cannot be written").then_some(())
    })
    .await;
    assert!(life.newest().unwrap().calls.contains_key(&Purpose::JournalGap));

    // What is no containment fails closed.
    let resolved = life.resolves("ana").await.unwrap();
    assert!(matches!(resolved, Err(CommandError::Store(StoreError::Journal(_)))), "{resolved:?}");
    assert!(life.newest().unwrap().phase.is_open());

    // Back again: everything is written, behind a fact that says so.
    let before = life.facts();
    life.facts.set_down(false);
    until("the gap to close", async || life.house.agent.store.gap_since().is_none().then_some(())).await;
    life.until("command", |incident| incident.phase == Phase::Declared).await;
    let disk = on_disk(life).await;
    let gap = disk.iter().position(|kind| kind == "journal-gap").unwrap();
    assert_eq!(gap, written.len().max(1), "{disk:?}");
    for kind in ["confirmed", "execution-started", "executed", "verified"] {
        assert!(disk.iter().skip(gap).any(|found| found == kind), "{kind} is not behind the gap: {disk:?}");
    }
    let marked = life.facts().into_iter().find_map(|fact| match fact {
        Fact::JournalGap { facts, dropped, .. } => Some((facts as usize, dropped)),
        _ => None,
    });
    let (facts, dropped) = marked.unwrap();
    assert!(facts > 0 && facts <= before.len(), "{facts} of {}", before.len());
    assert_eq!(dropped, Vec::<String>::new());
    life.verified().await;
    life.resolves("ana").await.unwrap().unwrap();
    life.until("the post-mortem", |incident| incident.phase == Phase::PostMortem).await;
}

#[tokio::test]
async fn g6_the_journal_is_never_what_stops_a_pause() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    life.facts.set_down(true);
    town.alarm();
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    paused_without_a_journal(&town, &life).await;

    assert_eq!(life.house.agent.store.all().len(), 1);
    assert_eq!(town.nonce().await, 1);
    assert_eq!(life.at_service(&town).await.len(), 1);
    life.stop().await;

    // The next life reads what was written afterwards as if it had been written at once.
    let life = town.wake().await;
    let incident = life.newest().unwrap();
    assert!(matches!(incident.stage, Stage::Verified { .. }));
    assert_eq!(incident.matches.len(), 2);
    life.stop().await;
}

#[tokio::test]
async fn g6_nor_does_a_journal_that_dies_in_the_middle() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    life.until("a proposal and command", |incident| {
        matches!(incident.stage, Stage::Proposed) && incident.phase == Phase::Declared
    })
    .await;
    until("pages to arrive", async || {
        let incident = life.newest().unwrap();
        let to_sign = incident.pages.keys().filter(|page| page.purpose == Purpose::Sign).count();
        let delivered = incident.pages.values().all(|page| page.outcome == PageOutcome::Delivered);
        (to_sign == 3 && delivered).then_some(())
    })
    .await;
    life.facts.set_down(true);
    paused_without_a_journal(&town, &life).await;
    assert_eq!(town.nonce().await, 1);
    assert_eq!(life.at_service(&town).await.len(), 1);
    life.stop().await;
}
