//! A bus whose messages cannot be read: that it is connected is no proof that the feed works.

use super::*;
use crate::clock::Clock as _;

#[tokio::test]
async fn a_bus_that_answers_and_says_nothing_that_can_be_read_proves_nothing() {
    let name = "a_bus_that_answers_and_says_nothing_that_can_be_read_proves_nothing";
    let Some(nats) = server(name, STREAM).await else { return };
    let context = nats.stream().await;
    hearing(settings(&[("lido", &nats)]), async |ground| {
        for number in 0..3 {
            publish(&context, json!({ "of another kind": number })).await;
        }
        let items = ground.take(3).await;
        assert!(items.iter().all(Result::is_err));
        let before = ground.health.snapshot().last_ok;
        let minute = jiff::SignedDuration::from_mins(1);
        ground.clock.step(minute);
        let later = ground.clock.now();
        // Longer than two looks at the server and at the desk.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let told = ground.health.snapshot();
        assert_eq!(
            (told.last_ok, told.last_error),
            (before, None),
            "connected, answered, and not understood"
        );
        publish(&context, finding("read")).await;
        assert_eq!(keys(&ground.take(1).await), ["read"]);
        while ground.health.snapshot().last_ok < Some(later) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}
