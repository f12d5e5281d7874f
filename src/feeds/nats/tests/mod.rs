//! Findings over the real server: committed before they are acknowledged, whatever ends in between.

mod logins;
mod server;
mod unread;

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use url::Url;

use self::server::{Server, server};
use super::*;
use crate::clock::ManualClock;
use crate::domain::alert::{Alert, AlertSeverity, Sender};
use crate::domain::names::{ChainId, FeedName};
use crate::domain::nats::{NatsCertificate, NatsInstance, NatsLogin};
use crate::feeds::delivery::Rejected;
use crate::feeds::vendor::Networks;

const STREAM: &[&str] = &["-js", "--auth", "practice-token"];
const PLAIN: &[&str] = &["--auth", "practice-token"];

/// The feed, hearing; `deliveries` is where it hands over.
struct Ground {
    deliveries: mpsc::Receiver<Delivery>,
    health: SharedHealth,
    clock: std::sync::Arc<ManualClock>,
    stop: watch::Sender<bool>,
}

impl Ground {
    /// The next delivery, which must come.
    async fn next(&mut self) -> Delivery {
        let next = tokio::time::timeout(Duration::from_secs(90), self.deliveries.recv()).await;
        next.expect("nothing was delivered").expect("the feed ended")
    }

    /// Takes everything until so many items were accepted.
    async fn take(&mut self, many: usize) -> Vec<Result<Alert, Rejected>> {
        let mut items = Vec::new();
        while items.len() < many {
            let delivery = self.next().await;
            items.extend(delivery.alerts);
            delivery.receipt.accepted();
        }
        items
    }

    /// Waits until health says this; `None`: nothing wrong, and proven.
    async fn until(&self, wanted: Option<&str>) {
        for _ in 0..1200 {
            let now = self.health.snapshot();
            let is = match (wanted, &now.last_error) {
                (None, None) => now.last_ok.is_some(),
                (Some(wanted), Some(error)) => error.contains(wanted),
                (Some(_), None) | (None, Some(_)) => false,
            };
            if is {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("health never said {wanted:?}: {:?}", self.health.snapshot());
    }
}

fn settings(servers: &[(&str, &Server)]) -> NatsSettings {
    let instance = |(name, server): &(&str, &Server)| NatsInstance {
        name: (*name).to_owned(),
        servers: vec![Url::parse(&server.url()).unwrap()],
        subject: "findings.>".to_owned(),
        stream: None,
        login: NatsLogin::Token(SecretString::from("practice-token")),
        ca: None,
        certificate: None,
    };
    NatsSettings {
        reading: Reading {
            feed: FeedName::from("lido"),
            sender: Sender::OnchainMon,
            chain: Some(ChainId(1)),
            severity: AlertSeverity::Unknown,
            networks: Networks::default(),
            severities: crate::feeds::vendor::Severities::default(),
        },
        bus: NatsBus {
            instances: servers.iter().map(instance).collect(),
            quorum: 1,
            quorum_within: Duration::from_secs(600),
            authenticated: true,
            durable: "redhandle-lido".to_owned(),
            lossy: false,
        },
        ack_wait: Duration::from_secs(4),
    }
}

/// Runs the feed beside the test.
async fn hearing<T>(settings: NatsSettings, test: impl AsyncFnOnce(&mut Ground) -> T) -> T {
    let clock = ManualClock::at("2026-11-21T00:00:00Z".parse().unwrap());
    let (sender, deliveries) = mpsc::channel(4);
    let (stop, stopped) = watch::channel(false);
    let health = SharedHealth::new();
    let listener = NatsListener::new(settings, clock.clone());
    let running = listener.run(None, sender, stopped, health.clone());
    let mut ground = Ground { deliveries, health, clock, stop };
    let tested = async {
        let outcome = test(&mut ground).await;
        ground.stop.send(true).unwrap();
        outcome
    };
    let (end, outcome) = tokio::join!(running, tested);
    assert_eq!(end, FeedEnd::Stopped);
    outcome
}

fn finding(key: &str) -> Value {
    json!({
        "severity": "Critical", "alertId": "VAULT-PAUSED", "name": "Vault paused", "uniqueKey": key,
        "description": "[0x5FbDB2315678afecb367f032d93F642f64180aa3](https://etherscan.io/address/0x5FbDB2315678afecb367f032d93F642f64180aa3)",
        "blockTimestamp": 1_795_219_200, "blockNumber": 21, "findingBotTimestamp": 1_795_219_201,
        "txHash": format!("0x{}", "11".repeat(32)), "botName": "vault", "team": "protocol",
    })
}

async fn publish(context: &async_nats::jetstream::Context, body: impl ToString) {
    let sent = context.publish("findings.protocol.vault", body.to_string().into()).await.unwrap();
    sent.await.unwrap();
}

/// The keys of alerts, in order.
fn keys(items: &[Result<Alert, Rejected>]) -> Vec<String> {
    let key = |alert: &Alert| alert.metadata["uniqueKey"].as_str().unwrap().to_owned();
    items.iter().flatten().map(key).collect()
}

async fn open_with_us(context: &async_nats::jetstream::Context) -> (usize, u64) {
    let stream = context.get_stream("findings").await.unwrap();
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        stream.get_consumer("redhandle-lido").await.unwrap();
    let info = consumer.get_info().await.unwrap();
    (info.num_ack_pending, info.num_pending)
}

async fn until_acknowledged(context: &async_nats::jetstream::Context) {
    until_open(context, 0).await;
}

async fn until_open(context: &async_nats::jetstream::Context, many: usize) {
    for _ in 0..600 {
        if open_with_us(context).await == (many, 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("open are {:?}, not {many}", open_with_us(context).await);
}

#[tokio::test]
async fn a_finding_is_acknowledged_once_it_is_committed() {
    let Some(nats) = server("a_finding_is_acknowledged_once_it_is_committed", STREAM).await else { return };
    let context = nats.stream().await;
    publish(&context, finding("before")).await;
    hearing(settings(&[("lido", &nats)]), async |ground| {
        let delivery = ground.next().await;
        assert_eq!(keys(&delivery.alerts), ["before"], "what was said before we came is heard");
        assert_eq!(open_with_us(&context).await.0, 1, "not acknowledged before it is committed");
        let alert = delivery.alerts[0].clone().unwrap();
        assert!(alert.authenticated);
        assert_eq!((alert.chain, alert.bot.as_str()), (ChainId(1), "onchain-mon:protocol/vault"));
        assert_eq!(alert.addresses.len(), 1);
        delivery.receipt.accepted();
        until_acknowledged(&context).await;
        ground.until(None).await;
        assert_eq!(ground.health.snapshot().delivered, 1);
    })
    .await;
    // Another life: only what came meanwhile.
    publish(&context, finding("meanwhile")).await;
    let heard = hearing(settings(&[("lido", &nats)]), async |ground| ground.take(1).await).await;
    assert_eq!(keys(&heard), ["meanwhile"]);
}

#[tokio::test]
async fn a_refused_finding_is_handed_back_and_comes_again() {
    let Some(nats) = server("a_refused_finding_is_handed_back_and_comes_again", STREAM).await else { return };
    let context = nats.stream().await;
    hearing(settings(&[("lido", &nats)]), async |ground| {
        publish(&context, finding("one")).await;
        ground.next().await.receipt.refused("the journal is read-only");
        ground.until(Some("a delivery was refused: the journal is read-only")).await;
        drop(ground.next().await.receipt);
        let again = ground.next().await;
        assert_eq!(keys(&again.alerts), ["one"]);
        again.receipt.accepted();
        until_acknowledged(&context).await;
        ground.until(None).await;
    })
    .await;
}

#[tokio::test]
async fn a_poison_message_is_quarantined_once_and_holds_up_nobody() {
    let Some(nats) = server("a_poison_message_is_quarantined_once_and_holds_up_nobody", STREAM).await else {
        return;
    };
    let context = nats.stream().await;
    let poison = ["", "{", "\u{0}", "null", r#"{"severity":"Critical"}"#, &"[".repeat(10_000)];
    hearing(settings(&[("lido", &nats)]), async |ground| {
        for body in poison {
            publish(&context, body).await;
        }
        publish(&context, finding("good")).await;
        let items = ground.take(poison.len() + 1).await;
        assert_eq!(keys(&items), ["good"]);
        let rejected: Vec<&str> =
            items.iter().filter_map(|item| Some(item.as_ref().err()?.reason.as_str())).collect();
        insta::assert_snapshot!(rejected.join("\n"), @r"
        not JSON at line 1, column 0
        not JSON at line 1, column 1
        not JSON at line 1, column 1
        the finding is missing or is not an object
        botName is missing
        nesting: over ALERT_DEPTH_MAX (64)
        ");
        until_acknowledged(&context).await;
        // Nothing of it comes again.
        publish(&context, finding("next")).await;
        assert_eq!(keys(&ground.take(1).await), ["next"]);
        assert_eq!(ground.health.snapshot().rejected, poison.len() as u64);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_dies_mid_stream_loses_nothing_and_shows() {
    let Some(mut nats) = server("a_server_that_dies_mid_stream_loses_nothing_and_shows", STREAM).await else {
        return;
    };
    let context = nats.stream().await;
    let settings = settings(&[("lido", &nats)]);
    hearing(settings, async |ground| {
        for number in 0..50 {
            publish(&context, finding(&number.to_string())).await;
        }
        let mut seen: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
        // It dies while the first delivery is being committed: its acknowledgement arrives nowhere.
        let first = ground.next().await;
        nats.kill();
        seen.extend(keys(&first.alerts));
        first.receipt.accepted();
        ground.until(Some("the connection is lost")).await;
        nats.revive().await;
        let context = async_nats::jetstream::new(nats.client().await);
        for number in 50..60 {
            publish(&context, finding(&number.to_string())).await;
        }
        while seen.len() < 60 {
            let delivery = ground.next().await;
            seen.extend(keys(&delivery.alerts));
            delivery.receipt.accepted();
        }
        ground.until(None).await;
    })
    .await;
}

#[tokio::test]
async fn without_a_stream_it_is_heard_and_stays_red() {
    let Some(nats) = server("without_a_stream_it_is_heard_and_stays_red", PLAIN).await else { return };
    let client = nats.client().await;
    let say = async |key: &str| {
        client.publish("findings.protocol.vault", finding(key).to_string().into()).await.unwrap();
        client.flush().await.unwrap();
    };
    hearing(settings(&[("lido", &nats)]), async |ground| {
        ground.until(Some("heard over a plain subscription, which loses what is said")).await;
        say("one").await;
        // There is nobody to hand it back to: it is held until it is taken.
        ground.next().await.receipt.refused("the journal is read-only");
        assert_eq!(keys(&ground.take(1).await), ["one"]);
        ground.until(Some("heard over a plain subscription")).await;
    })
    .await;
}

#[tokio::test]
async fn a_gap_of_a_lossy_subscription_is_told() {
    let Some(mut nats) = server("a_gap_of_a_lossy_subscription_is_told", PLAIN).await else { return };
    let mut lossy = settings(&[("lido", &nats)]);
    lossy.bus.lossy = true;
    hearing(lossy, async |ground| {
        ground.until(None).await;
        nats.kill();
        ground.until(Some("the connection is lost")).await;
        nats.revive().await;
        let items = ground.take(1).await;
        assert_eq!(
            items[0].as_ref().unwrap_err().reason,
            "instance lido: the connection was lost for a while, and what was said meanwhile was not heard"
        );
        ground.until(None).await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_and_a_forbidden_subject_are_red() {
    let test = "a_wrong_token_and_a_forbidden_subject_are_red";
    let Some(nats) = server(test, STREAM).await else { return };
    let mut wrong = settings(&[("lido", &nats)]);
    wrong.bus.instances[0].login = NatsLogin::Token(SecretString::from("another-token"));
    hearing(wrong, async |ground| {
        ground.until(Some("the server refuses this token: compare what `token` names")).await;
        assert!(!ground.health.snapshot().last_error.unwrap().contains("another-token"));
    })
    .await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.conf");
    let deny = r#"authorization { users = [{ user: u, password: practice-token, permissions: { subscribe: { deny: "findings.>" } } }] }"#;
    std::fs::write(&file, deny).unwrap();
    let Some(nats) = server(test, &["-c", file.to_str().unwrap()]).await else { return };
    let mut denied = settings(&[("lido", &nats)]);
    denied.bus.lossy = true;
    let password = SecretString::from("practice-token");
    denied.bus.instances[0].login = NatsLogin::User { user: "u".to_owned(), password };
    hearing(denied, async |ground| ground.until(Some("Permissions Violation for Subscription")).await).await;
}

#[tokio::test]
async fn two_of_three_instances_must_make_the_same_claim() {
    let test = "two_of_three_instances_must_make_the_same_claim";
    let (Some(a), Some(b), Some(c)) =
        (server(test, STREAM).await, server(test, STREAM).await, server(test, STREAM).await)
    else {
        return;
    };
    let [at_a, at_b, at_c] = [a.stream().await, b.stream().await, c.stream().await];
    let two_of_three = || {
        let mut settings = settings(&[("a", &a), ("b", &b), ("c", &c)]);
        settings.bus.quorum = 2;
        settings
    };
    hearing(two_of_three(), async |ground| {
        ground.until(None).await;
        // One that repeats itself is one.
        publish(&at_a, finding("shared")).await;
        publish(&at_a, finding("shared")).await;
        publish(&at_a, finding("alone")).await;
        // One that was taken over makes it worse than it is, and waits alone with that.
        let mut worse = finding("worse");
        worse["severity"] = "Low".into();
        publish(&at_a, &worse).await;
        publish(&at_b, finding("worse")).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(ground.deliveries.try_recv().is_err(), "nothing has a quorum yet");

        publish(&at_c, finding("shared")).await;
        let delivery = ground.next().await;
        assert_eq!(keys(&delivery.alerts), ["shared"]);
        assert_eq!(delivery.alerts[0].as_ref().unwrap().metadata["instances"], "a, c");
        delivery.receipt.refused("the journal is read-only");
        let again = ground.next().await;
        assert_eq!(keys(&again.alerts), ["shared"], "handed back to both, and counted anew");
        again.receipt.accepted();
        until_acknowledged(&at_c).await;
        publish(&at_b, finding("shared")).await;
        publish(&at_b, finding("together")).await;
        publish(&at_a, finding("together")).await;
        assert_eq!(keys(&ground.take(1).await), ["together"], "the last of three tells nothing new");
        for (context, open) in [(&at_a, 2), (&at_b, 1), (&at_c, 0)] {
            until_open(context, open).await;
        }
    })
    .await;

    // Another life: what waited was not acknowledged, and comes again (once the server stops waiting for the first).
    hearing(two_of_three(), async |ground| {
        publish(&at_b, finding("alone")).await;
        assert_eq!(keys(&ground.take(1).await), ["alone"]);
        // Both of the others are here again, too, and wait longer than the server does: it is told to.
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(ground.deliveries.try_recv().is_err());
        ground.clock.step(jiff::SignedDuration::from_mins(11));
        let late = ground.take(2).await;
        let told: Vec<&str> = late.iter().map(|item| item.as_ref().unwrap_err().reason.as_str()).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        only 1 of 3 instances made this claim (a), and 2 are needed: it is no alert
        only 1 of 3 instances made this claim (b), and 2 are needed: it is no alert
        ");
        for context in [&at_a, &at_b, &at_c] {
            until_acknowledged(context).await;
        }
    })
    .await;
}
