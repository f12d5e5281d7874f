//! What a restart takes up, and what it leaves alone.

use alloy::primitives::B256;

use super::*;

#[tokio::test]
async fn a_crash_between_alert_and_incident_is_made_good_after_any_outage() {
    let ground = Ground::new();
    let (mut intake, _) = ground.start().await;
    // The first append is the alert's, the second the incident's: it dies there.
    ground.faults.plan(2, Fault::HoldBefore);
    let (delivery, _settlement) = delivery("a", vec![Ok(ground.alert("0x1", "0xa1"))], Some(1));
    tokio::select! {
        () = intake.take(delivery) => panic!("taken"),
        () = ground.faults.held() => {}
    }
    drop(intake);
    // Nobody looks for a week; and the condition has another name by then.
    ground.step(7 * 24);
    ground.edit("id = \"drain\"", "id = \"emptied\"");
    for _ in 0..2 {
        let (intake, places) = ground.start().await;
        let all = intake.agent.store.all();
        assert_eq!(all.len(), 1, "opened, and once");
        assert_eq!(all[0].matches[0].condition.as_str(), "drain");
        assert_eq!(places, BTreeMap::from([(FeedName::new("a"), place(1))]));
    }
}

#[tokio::test]
async fn an_edited_condition_does_not_fire_on_history() {
    for (from, to) in [
        ("id = \"drain\"", "id = \"emptied\""),
        (
            "respond = \"page\"",
            "respond = \"page\"\n\n[[condition]]\nid = \"second\"\nwhen = 'alert.severity >= HIGH'\nabout = [\"vault\"]",
        ),
    ] {
        let ground = Ground::new();
        let (mut intake, _) = ground.start().await;
        accept(&mut intake, "a", vec![ground.alert("0x1", "0xa1")], None).await;
        let before = judged_an_event(&intake.agent, vec![closed()]).await;
        ground.edit(from, to);
        let (mut intake, _) = ground.start().await;
        assert_eq!(
            versions(&intake),
            [(before.id, before.version)],
            "{to}: nothing reopened, nothing opened"
        );
        accept(&mut intake, "a", vec![ground.alert("0x2", "0xa1")], None).await;
        assert_eq!(intake.agent.store.all().len(), 2, "{to}: a new alert does");
    }
}

#[tokio::test]
async fn a_lowered_count_does_not_fire_on_history_and_counts_it_with_the_next() {
    let ground = Ground::new();
    ground.edit("about = [\"vault\"]", &PAIR.replace("alerts = 2", "alerts = 3"));
    let (mut intake, _) = ground.start().await;
    accept(&mut intake, "a", vec![ground.alert("0x1", "0xa1"), ground.alert("0x2", "0xb2")], None).await;
    ground.edit("about = [\"vault\"]", PAIR);
    let (mut intake, _) = ground.start().await;
    assert!(intake.agent.store.all().is_empty());
    accept(&mut intake, "a", vec![ground.alert("0x3", "0xb2")], None).await;
    assert_eq!(intake.agent.store.all()[0].matches[0].alerts.len(), 3);
}

#[tokio::test]
async fn alerts_are_restored_in_the_order_of_arrival() {
    let ground = Ground::new();
    ground.edit("about = [\"vault\"]", PAIR);
    let (mut intake, _) = ground.start().await;
    // By event time the third is the first: sorted by that, it would fire with the first, and did not.
    let early = ground.alert("0x3", "0xb2");
    ground.clock.step(SignedDuration::from_mins(1));
    accept(&mut intake, "b", vec![ground.alert("0x1", "0xa1")], None).await;
    accept(&mut intake, "a", vec![ground.alert("0x2", "0xb2")], None).await;
    accept(&mut intake, "a", vec![early], None).await;
    let before = intake.agent.store.all();
    assert_eq!((before.len(), before[0].matches.len()), (1, 1));
    let (mut intake, _) = ground.start().await;
    assert_eq!(versions(&intake), [(before[0].id, before[0].version)]);
    accept(&mut intake, "b", vec![ground.alert("0x4", "0xa1")], None).await;
    let hashes: Vec<_> =
        intake.agent.store.all()[0].matches[1].alerts.iter().map(|hash| hash.0.clone()).collect();
    assert_eq!(hashes, ["0x3", "0x4"], "the other two are spent, as before the restart");
}

#[tokio::test]
async fn a_feed_with_more_facts_than_one_read_gives_is_resumed_at_its_last_place() {
    let ground = Ground::new();
    let feed = FeedName::new("a");
    let mut written = 0_u64;
    while written <= crate::journal::READ_FACTS_MAX as u64 {
        let facts = (written..written + APPEND_FACTS_MAX as u64)
            .map(|number| NewFact {
                kind: PLACE.to_owned(),
                at: ground.clock.now() + SignedDuration::from_secs(60 * i64::try_from(number).unwrap()),
                body: serde_json::json!(number),
            })
            .collect();
        let write = Write { stream: stream(&feed), expected: Version(written), facts };
        assert!(matches!(ground.journal.append(vec![write]).await, Ok(Appended::Applied { .. })));
        written += APPEND_FACTS_MAX as u64;
    }
    assert!(ground.journal.read(&stream(&feed), Version(0)).await.is_err(), "too long for one read");
    let (mut intake, places) = ground.start().await;
    assert_eq!(places, BTreeMap::from([(feed, place(written - 1))]));
    ground.step(80 * 24);
    accept(&mut intake, "a", vec![ground.alert("0x1", "0xa1")], Some(written)).await;
    assert_eq!(intake.agent.store.all().len(), 1);
}

#[tokio::test]
async fn a_signed_request_is_remembered_with_what_it_brought_while_it_could_come_again() {
    let ground = Ground::new();
    let (mut intake, _) = ground.start().await;
    let hour = SignedDuration::from_hours(1);
    let request = |key: u8, hours: i32| AcceptedRequest {
        key: B256::repeat_byte(key),
        until: ground.clock.now() + hour * hours,
    };
    let brought = [
        (request(1, 1), vec![Ok(ground.alert("0x1", "0xa1"))]),
        (request(2, 3), vec![Ok(ground.alert("0x2", "0xa1"))]),
        // Nothing that a window holds: sent again, nothing comes of it again.
        (request(3, 3), vec![Err(Rejected::new(None, "no alert", b"{}"))]),
    ];
    for (request, alerts) in brought {
        let (mut delivery, settlement) = delivery("a", alerts, None);
        delivery.request = Some(request);
        intake.take(delivery).await;
        assert_eq!(settlement.outcome().await, Outcome::Accepted);
    }
    assert_eq!(intake.requests(), [], "this process knows them already");
    ground.step(2);
    let (intake, _) = ground.start().await;
    let remembered: Vec<B256> = intake.requests().iter().map(|request| request.key).collect();
    assert_eq!(remembered, [B256::repeat_byte(2)], "the first is too old to come again");
}
