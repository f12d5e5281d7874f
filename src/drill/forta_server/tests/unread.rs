//! Answers that cannot be read: they are no proof that the feed works.

use super::*;

#[tokio::test]
async fn answers_of_which_nothing_can_be_read_prove_nothing_until_an_alert_is_read() {
    let odd = |block: u64| {
        let mut alert = forta_alert(&sketch(block, "2024-01-02T11:59:00Z"));
        alert["hash"] = format!("of another kind {block}").into();
        alert.to_string()
    };
    let mut beside = Ground::at("2024-01-02T12:00:00Z");
    beside.push(&sketch(1, "2024-01-02T11:59:00Z"));
    (2..6).for_each(|block| beside.server.push(&odd(block)).unwrap());
    beside.poll(|items, health| items.len() == 5 && health.last_ok.is_some()).await;
    let told = beside.health.snapshot();
    assert_eq!((told.rejected, told.unread_in_a_row), (4, 0), "odd ones beside a good one change nothing");

    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    (2..5).for_each(|block| ground.server.push(&odd(block)).unwrap());
    let shared = ground.server.shared.clone();
    let mut mended = false;
    let items = ground
        .poll(|items, health| {
            let asked = shared.lock().questions.len();
            if items.len() == 3 && asked > 5 && !mended {
                // Asked again and again, and answered each time.
                assert_eq!((health.last_ok, health.unread_in_a_row), (None, 3), "{asked} answers");
                assert_eq!(health.last_error, None);
                mended = true;
                let good = forta_alert(&sketch(9, "2024-01-02T11:59:30Z")).to_string();
                shared.lock().alerts.push(Stored::new(&good).unwrap());
            }
            mended && health.last_ok.is_some()
        })
        .await;
    assert_eq!(items.len(), 4);
}
