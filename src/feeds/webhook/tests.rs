//! Requests as senders make them, over a real socket.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use serde_json::Value;

use secrecy::SecretString;

use super::*;
use crate::clock::ManualClock;
use crate::domain::names::FeedName;

const SAMPLE: &[u8] = include_bytes!("../../../tests/fixtures/feeds/sample.jsonl");
const SECRET: &str = "practice-secret-0001";

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn line(number: usize) -> &'static [u8] {
    SAMPLE.split(|byte| *byte == b'\n').nth(number - 1).unwrap()
}

/// What the consumer does with each delivery in turn; the last one goes on for ever.
#[derive(Clone, Copy)]
enum Consumer {
    Accept,
    Refuse,
    Drop,
    /// Leaves it waiting in the queue.
    Sleep,
}

struct Answer {
    status: u16,
    retry: Option<String>,
    body: Value,
}

/// A served webhook, `/signed` and `/open`, and everything around it.
struct Ground {
    clock: Arc<ManualClock>,
    url: String,
    http: reqwest::Client,
    health: SharedHealth,
}

impl Ground {
    fn now(&self) -> Timestamp {
        use crate::clock::Clock as _;
        self.clock.now()
    }

    async fn send(&self, path: &str, headers: &[(&str, String)], body: &[u8]) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        Answer { status, retry, body: response.json().await.unwrap() }
    }

    async fn send_signed(&self, secret_text: &str, at: Timestamp, body: &[u8]) -> Answer {
        let headers = [
            (TIMESTAMP_HEADER, at.as_second().to_string()),
            (SIGNATURE_HEADER, sign(&secret(secret_text), at, body)),
        ];
        self.send("/signed", &headers, body).await
    }
}

/// Serves, consumes and tests at once. Answers what the consumer received.
async fn on_ground(
    consumer: &[Consumer],
    test: impl AsyncFnOnce(&Ground, &AtomicUsize),
) -> Vec<Result<Alert, Rejected>> {
    let clock = ManualClock::at("2024-01-01T00:00:00Z".parse().unwrap());
    let (deliveries, mut received) = mpsc::channel::<Delivery>(1);
    let health = SharedHealth::new();
    let hmac = WebhookAuthentication::Hmac(vec![secret("an-older-secret-0000"), secret(SECRET)]);
    let settings = |name: &str, authentication| WebhookSettings {
        name: FeedName::from(name),
        path: format!("/{name}"),
        authentication,
        window: Duration::from_secs(WEBHOOK_WINDOW_SECONDS),
        requests_per_minute: REQUESTS_PER_MINUTE,
        reading: None,
    };
    let feeds = [
        (settings("signed", hmac), health.clone()),
        (settings("open", WebhookAuthentication::Nobody), SharedHealth::new()),
    ];
    let replays = Arc::new(MemoryReplayGuard::default());
    let router = router(feeds, &WebhookIntake { deliveries, replays, clock: clock.clone() }).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let http = crate::http::client(Duration::from_secs(20)).unwrap();
    let ground = Ground { clock, url, http, health };

    let count = AtomicUsize::new(0);
    let mut items = Vec::new();
    let consume = async {
        for step in 0.. {
            let how = consumer[step.min(consumer.len() - 1)];
            if matches!(how, Consumer::Sleep) {
                std::future::pending::<()>().await;
            }
            let Some(delivery) = received.recv().await else { break };
            count.fetch_add(1, Ordering::SeqCst);
            match how {
                Consumer::Accept => {
                    items.extend(delivery.alerts);
                    delivery.receipt.accepted();
                }
                Consumer::Refuse => delivery.receipt.refused("the journal is read-only"),
                Consumer::Drop => drop(delivery.receipt),
                Consumer::Sleep => unreachable!(),
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = async { axum::serve(listener, router).await } => panic!("the server ended: {served:?}"),
        () = consume => {}
        () = test(&ground, &count) => {}
    }
    items
}

#[tokio::test]
async fn a_signed_alert_is_accepted_once_it_is_committed() {
    let items = on_ground(&[Consumer::Accept], async |ground, count| {
        let answer = ground.send_signed(SECRET, ground.now(), line(1)).await;
        assert_eq!((answer.status, answer.body), (200, json!({"accepted": 1, "rejected": []})));
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let older = ground.send_signed("an-older-secret-0000", ground.now(), line(2)).await;
        assert_eq!(older.status, 200);
        let health = ground.health.snapshot();
        assert_eq!((health.delivered, health.last_ok), (2, Some(ground.now())));
    })
    .await;
    assert!(items.iter().flatten().all(|alert| alert.authenticated && alert.feed.as_str() == "signed"));
    assert_eq!(items.len(), 2);
}

#[tokio::test]
async fn a_list_of_alerts_is_taken_alert_by_alert() {
    let [one, two] = [1, 2].map(|number| String::from_utf8(line(number).to_vec()).unwrap());
    let items = on_ground(&[Consumer::Refuse, Consumer::Accept], async |ground, count| {
        let list = format!("[{one},\n {{\"hash\": \"0x1\"}}, 7, {two}]");
        let at = ground.now();
        assert_eq!(ground.send_signed(SECRET, at, list.as_bytes()).await.status, 503, "not committed");
        let answer = ground.send_signed(SECRET, at, list.as_bytes()).await;
        assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(2)));
        let rejected: Vec<_> =
            answer.body["rejected"].as_array().unwrap().iter().map(|item| &item["index"]).collect();
        assert_eq!(rejected, [1, 2]);
        assert_eq!(count.load(Ordering::SeqCst), 2, "one delivery each, committed as one");
        // A list of nothing shows that its sender lives.
        let empty = ground.send_signed(SECRET, ground.now(), b"[]").await;
        assert_eq!((empty.status, empty.body), (200, json!({"accepted": 0, "rejected": []})));
        assert_eq!(count.load(Ordering::SeqCst), 2);
        let many = format!("[{}0]", "0,".repeat(WEBHOOK_ALERTS_MAX));
        assert_eq!(ground.send_signed(SECRET, ground.now(), many.as_bytes()).await.status, 413);
    })
    .await;
    let told: Vec<_> =
        items.iter().map(|item| item.as_ref().map_or_else(|bad| bad.reason.as_str(), |_| "-")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    -
    source is missing: nobody makes this claim
    not a JSON object
    -
    ");
}

#[tokio::test]
async fn what_is_not_signed_as_agreed_is_refused_and_not_delivered() {
    let items = on_ground(&[Consumer::Accept], async |ground, _| {
        let now = ground.now();
        let stamp = (TIMESTAMP_HEADER, now.as_second().to_string());
        let genuine = sign(&secret(SECRET), now, line(1));
        let table = [
            ("nothing", vec![]),
            ("no signature", vec![stamp.clone()]),
            ("no timestamp", vec![(SIGNATURE_HEADER, genuine.clone())]),
            (
                "another secret",
                vec![stamp.clone(), (SIGNATURE_HEADER, sign(&secret("another-secret-0000"), now, line(1)))],
            ),
            ("another body", vec![stamp.clone(), (SIGNATURE_HEADER, sign(&secret(SECRET), now, line(2)))]),
            (
                "another time",
                vec![(TIMESTAMP_HEADER, (now.as_second() + 1).to_string()), (SIGNATURE_HEADER, genuine)],
            ),
        ];
        for (what, headers) in table {
            let answer = ground.send("/signed", &headers, line(1)).await;
            assert_eq!((answer.status, answer.retry), (401, None), "{what}");
        }
        assert_eq!(ground.health.snapshot().last_error, None, "a stranger cannot turn the feed red");
    })
    .await;
    assert_eq!(items, []);
}

#[tokio::test]
async fn a_request_is_valid_within_its_window_in_both_directions() {
    on_ground(&[Consumer::Accept], async |ground, _| {
        let window = SignedDuration::from_secs(300);
        let second = SignedDuration::from_secs(1);
        let now = ground.now();
        for (at, wanted) in [
            (now - window, 200),
            (now + window, 200),
            (now - window - second, 401),
            (now + window + second, 401),
        ] {
            assert_eq!(ground.send_signed(SECRET, at, line(1)).await.status, wanted, "{at}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_replay_is_refused_until_its_window_refuses_it() {
    let items = on_ground(&[Consumer::Accept], async |ground, _| {
        let at = ground.now();
        assert_eq!(ground.send_signed(SECRET, at, line(1)).await.status, 200);
        let replay = ground.send_signed(SECRET, at, line(1)).await;
        insta::assert_snapshot!(replay.body["error"].as_str().unwrap(), @r"
        This very request was accepted before; nothing was done again.
        ");
        assert_eq!(replay.status, 409);
        // Signed with the other secret it is still the same request.
        assert_eq!(ground.send_signed("an-older-secret-0000", at, line(1)).await.status, 409);
        ground.clock.step(SignedDuration::from_secs(300));
        assert_eq!(ground.send_signed(SECRET, at, line(1)).await.status, 409);
        ground.clock.step(SignedDuration::from_secs(1));
        assert_eq!(ground.send_signed(SECRET, at, line(1)).await.status, 401);
        assert_eq!(ground.send_signed(SECRET, ground.now(), line(1)).await.status, 200, "sent anew");
    })
    .await;
    assert_eq!(items.len(), 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_takes_nothing_twice_and_is_told() {
    let items = on_ground(&[Consumer::Accept], async |ground, _| {
        let at = ground.now();
        assert_eq!(ground.send_signed(SECRET, at, line(1)).await.status, 200);
        ground.clock.step(SignedDuration::from_mins(-10));
        assert_eq!(
            ground.send_signed(SECRET, at, line(1)).await.status,
            401,
            "from the future, as we see it"
        );
        let dropped = ground.health.snapshot().dropped().join("");
        assert!(dropped.contains("too far from the present"), "{dropped}");
        ground.clock.step(SignedDuration::from_mins(6));
        assert_eq!(
            ground.send_signed(SECRET, at, line(1)).await.status,
            409,
            "within the window it is known"
        );
    })
    .await;
    assert_eq!(items.len(), 1);
}

#[tokio::test]
async fn what_was_not_committed_may_come_again_in_the_very_same_bytes() {
    let steps = [Consumer::Refuse, Consumer::Drop, Consumer::Accept];
    let items = on_ground(&steps, async |ground, _| {
        let at = ground.now();
        let refused = ground.send_signed(SECRET, at, line(1)).await;
        assert_eq!((refused.status, refused.retry.as_deref()), (503, Some("5")));
        let error = ground.health.snapshot().last_error;
        assert_eq!(error.as_deref(), Some("a delivery was refused: the journal is read-only"));
        assert_eq!(ground.send_signed(SECRET, at, line(1)).await.status, 503, "lost");
        assert_eq!(ground.send_signed(SECRET, at, line(1)).await.status, 200);
        assert_eq!(ground.health.snapshot().last_error, None);
    })
    .await;
    assert_eq!(items.len(), 1);
}

#[tokio::test]
async fn a_full_queue_asks_to_come_again() {
    on_ground(&[Consumer::Sleep], async |ground, _| {
        let waiting = ground.send_signed(SECRET, ground.now(), line(1));
        let next = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let same = ground.send_signed(SECRET, ground.now(), line(1)).await;
            (same, ground.send_signed(SECRET, ground.now(), line(2)).await)
        };
        tokio::select! {
            answer = waiting => panic!("nobody commits, and it was answered {}", answer.status),
            (same, next) = next => {
                assert_eq!((same.status, same.retry.as_deref()), (503, Some("5")), "in flight");
                assert_eq!((next.status, next.retry.as_deref()), (429, Some("5")));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_over_the_bound_is_refused() {
    on_ground(&[Consumer::Accept], async |ground, _| {
        let headers = |body: &[u8]| {
            let now = ground.now();
            [
                (TIMESTAMP_HEADER, now.as_second().to_string()),
                (SIGNATURE_HEADER, sign(&secret(SECRET), now, body)),
            ]
        };
        let large = vec![b' '; WEBHOOK_BODY_MAX_BYTES + 1];
        assert_eq!(ground.send("/signed", &headers(&large), &large).await.status, 413);
        let many = format!(r#"{{"alerts":[{}0]}}"#, "0,".repeat(WEBHOOK_ALERTS_MAX));
        assert_eq!(ground.send("/signed", &headers(many.as_bytes()), many.as_bytes()).await.status, 413);
        assert_eq!(ground.send("/signed", &headers(b" \n"), b" \n").await.status, 400);
    })
    .await;
}

#[tokio::test]
async fn malformed_items_are_listed_and_the_rest_is_accepted() {
    let items = on_ground(&[Consumer::Accept], async |ground, _| {
        let batch =
            [b"{\"alerts\":[".as_slice(), line(1), b",", line(166), b",{\"hash\":\"<script>\"}]}"].concat();
        let answer = ground.send_signed(SECRET, ground.now(), &batch).await;
        assert_eq!(answer.status, 200);
        insta::assert_snapshot!(answer.body.to_string(), @r#"
        {"accepted":1,"rejected":[{"index":1,"reason":"source is missing: nobody makes this claim"},{"index":2,"reason":"source is missing: nobody makes this claim"}]}
        "#);

        let lines = [line(1), b"\n", line(270), b"\n\n", line(2)].concat();
        let answer = ground.send_signed(SECRET, ground.now(), &lines).await;
        assert_eq!(answer.body["rejected"], json!([{"index": 1, "reason": "not UTF-8"}]));

        let empty = ground.send_signed(SECRET, ground.now(), br#"{"alerts":[]}"#).await;
        assert_eq!(empty.body, json!({"accepted": 0, "rejected": []}));
        // As `check` and the operator's guide say: nothing of it goes to the quarantine.
        let beat = ground.send_signed(SECRET, ground.now(), b"[]").await;
        assert_eq!((beat.status, beat.body), (200, json!({"accepted": 0, "rejected": []})));
        let health = ground.health.snapshot();
        assert_eq!((health.delivered, health.rejected), (3, 3));
    })
    .await;
    let lines: Vec<_> = items.iter().filter_map(|item| item.as_ref().err()).map(|item| item.line).collect();
    assert_eq!(lines, [None, None, Some(2)]);
}

#[tokio::test]
async fn an_unauthenticated_feed_says_so_of_its_alerts() {
    let items = on_ground(&[Consumer::Accept], async |ground, _| {
        assert_eq!(ground.send("/open", &[], line(1)).await.status, 200);
        assert_eq!(ground.send("/open", &[], line(1)).await.status, 200);
    })
    .await;
    assert_eq!(items.iter().flatten().map(|alert| alert.authenticated).collect::<Vec<_>>(), [false, false]);
}

#[tokio::test]
async fn webhooks_that_cannot_be_offered_are_refused() {
    let (deliveries, _received) = mpsc::channel(1);
    let clock = ManualClock::at("2024-01-01T00:00:00Z".parse().unwrap());
    let intake = WebhookIntake { deliveries, replays: Arc::new(MemoryReplayGuard::default()), clock };
    let settings = |path: &str, authentication| {
        let settings = WebhookSettings {
            name: FeedName::from("w"),
            path: path.to_owned(),
            authentication,
            window: Duration::from_secs(1),
            requests_per_minute: 1,
            reading: None,
        };
        (settings, SharedHealth::new())
    };
    let open = |path| settings(path, WebhookAuthentication::Nobody);
    let hmac = |secrets: &[&str]| {
        settings("/w", WebhookAuthentication::Hmac(secrets.iter().map(|text| secret(text)).collect()))
    };
    let feed = FeedName::from("w");
    for path in ["", "w", "/{w}", "/a b", "/ü", "/*"] {
        let refused = router([open(path)], &intake).err();
        assert_eq!(refused, Some(WebhookError::Path { feed: feed.clone() }), "{path}");
    }
    for secrets in [[].as_slice(), &[""], &["short"], &[SECRET, "short"]] {
        let refused = router([hmac(secrets)], &intake).err();
        assert_eq!(refused, Some(WebhookError::Secret { feed: feed.clone() }));
    }
    assert_eq!(router([open("/w"), hmac(&[SECRET])], &intake).err(), Some(WebhookError::SamePath { feed }));
    assert!(router([open("/hooks/a~b_c.d-e")], &intake).is_ok());
}
