//! What becomes of one delivery: its place, its junk, its length, its match.

use super::*;

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

/// A shelf on a full disk.
#[derive(Debug)]
struct NoRoom;

#[async_trait::async_trait]
impl Quarantine for NoRoom {
    async fn keep_many(&self, _rejected: Vec<RejectedLine>) -> Result<(), JournalError> {
        let (place, why, remedy) = ("a full disk".to_owned(), "no room".to_owned(), "free some");
        Err(JournalError::Unavailable { doing: "append to", place, why, remedy, source: None })
    }

    async fn list(&self, _feed: &FeedName, _limit: u32) -> Result<crate::journal::Shelf, JournalError> {
        Ok(crate::journal::Shelf::default())
    }
}

#[tokio::test]
async fn on_a_full_disk_only_what_would_be_written_is_refused_and_comes_again() {
    let ground = Ground::new();
    let (mut intake, _) = ground.start().await;
    intake.quarantine = Arc::new(NoRoom);
    ground.faults.set_down(true);
    let unmatched = Alert { severity: AlertSeverity::Low, ..ground.alert("0x1", "0xa1") };
    accept(&mut intake, "a", vec![unmatched], None).await;
    let (junk, settlement) = delivery("a", vec![Err(Rejected::new(None, "not JSON", b"{"))], None);
    intake.take(junk).await;
    assert_eq!(
        settlement.outcome().await,
        Outcome::Accepted,
        "nothing of it is lost that sending it again would bring"
    );
    assert_eq!((intake.taken().alerts, intake.taken().rejected), (1, 1), "they are counted");

    let matching = ground.alert("0x2", "0xa1");
    assert!(matches!(take(&mut intake, "a", vec![matching.clone()], None).await, Outcome::Refused(_)));
    ground.faults.set_down(false);
    accept(&mut intake, "a", vec![matching], None).await;
    assert_eq!(intake.agent.store.all().len(), 1);
}
