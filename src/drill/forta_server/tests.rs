//! The practice API and the poller that it is for, together.

mod unread;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::*;
use crate::clock::ManualClock;
use crate::domain::alert::{Alert, AlertSeverity, BotId};
use crate::domain::names::{ChainId, FeedName};
use crate::drill::alerts::{AlertSketch, forta_alert};
use crate::feeds::forta::{FortaPoller, FortaSettings};
use crate::feeds::forta_wire::parse_alert;
use crate::feeds::{Cursor, Delivery, FeedEnd, FeedHealth, Rejected, SharedHealth};

const SAMPLE: &[u8] = include_bytes!("../../../tests/fixtures/feeds/sample.jsonl");

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

type Item = Result<Alert, Rejected>;

/// A server, a clock, and what a poller left behind.
struct Ground {
    server: FortaServer,
    clock: Arc<ManualClock>,
    settings: FortaSettings,
    health: SharedHealth,
    cursor: Option<Cursor>,
}

impl Ground {
    fn at(now: &str) -> Self {
        let clock = ManualClock::at(now.parse().unwrap());
        let server = FortaServer::start(clock.clone(), None).unwrap();
        let settings = FortaSettings {
            name: FeedName::from("forta"),
            url: server.url().clone(),
            key: None,
            chains: vec![ChainId(1)],
            bots: vec![],
            poll: Duration::from_millis(10),
            overlap: Duration::from_secs(20 * 60),
            page_size: 50,
        };
        Self { server, clock, settings, health: SharedHealth::new(), cursor: None }
    }

    fn push(&self, sketch: &AlertSketch) {
        self.server.push(&forta_alert(sketch).to_string()).unwrap();
    }

    /// Runs a poller from the stored cursor until `enough`, committing every delivery as a consumer does.
    async fn poll(&mut self, mut enough: impl FnMut(&[Item], &FeedHealth) -> bool) -> Vec<Item> {
        let health = SharedHealth::new();
        self.health = health.clone();
        let (deliveries, mut received) = mpsc::channel::<Delivery>(4);
        let (stop, stopped) = watch::channel(false);
        let poller = FortaPoller::new(self.settings.clone(), self.clock.clone()).unwrap();
        let run = poller.run(self.cursor.clone(), deliveries, stopped, health.clone());
        let consume = async {
            let mut items = Vec::new();
            while !enough(&items, &health.snapshot()) {
                let Ok(delivery) = tokio::time::timeout(Duration::from_millis(5), received.recv()).await
                else {
                    continue;
                };
                let delivery = delivery.unwrap();
                items.extend(delivery.alerts);
                if delivery.cursor.is_some() {
                    self.cursor = delivery.cursor;
                }
                delivery.receipt.accepted();
            }
            stop.send(true).unwrap();
            items
        };
        let (ended, items) =
            tokio::time::timeout(PATIENCE, async { tokio::join!(run, consume) }).await.unwrap();
        assert_eq!(ended.unwrap(), FeedEnd::Stopped);
        items
    }

    /// Runs a poller until every chain has been read to its end once.
    async fn poll_once(&mut self) -> Vec<Item> {
        self.poll(|_, health| health.last_ok.is_some()).await
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sketch(block: u64, block_time: &str) -> AlertSketch {
    AlertSketch {
        chain: ChainId(1),
        block,
        block_hash: None,
        block_time: at(block_time),
        transaction: None,
        bot: BotId::new(&format!("0x{}", "80".repeat(32))),
        alert_id: "PRACTICE".into(),
        severity: AlertSeverity::High,
        addresses: vec![],
        metadata: vec![],
        description: String::new(),
    }
}

fn blocks(items: &[Item]) -> Vec<u64> {
    items.iter().map(|item| item.as_ref().unwrap().block.as_ref().unwrap().number).collect()
}

/// An alert's version: what the overlap may repeat, and a reorg may not.
fn version(alert: &Alert) -> (String, Option<(u64, String)>) {
    let block = alert.block.as_ref().map(|block| (block.number, format!("{:?}", block.hash)));
    (alert.hash.0.clone(), block)
}

#[tokio::test]
async fn every_good_alert_of_the_sample_is_delivered_once_and_broken_ones_are_rejected() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    // One storyline of the sample is told a month late.
    ground.settings.overlap = Duration::from_secs(60 * 24 * 3600);
    let (mut versions, mut broken, mut chains) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in SAMPLE.split(|byte| *byte == b'\n') {
        let Ok(node) = serde_json::from_slice::<Value>(line) else { continue };
        ground.server.push(std::str::from_utf8(line).unwrap()).unwrap();
        chains.insert(ChainId(node["chainId"].as_u64().unwrap()));
        match parse_alert(line, &ground.settings.name, true) {
            Ok(alert) => drop(versions.insert(version(&alert))),
            Err(malformed) => drop(broken.insert(malformed.reason)),
        }
    }
    assert_eq!((versions.len(), broken.len(), chains.len()), (913, 3, 7));
    ground.settings.chains = chains.into_iter().collect();

    let items = ground.poll_once().await;

    let delivered: Vec<_> = items.iter().flatten().map(version).collect();
    assert_eq!(delivered.len(), versions.len(), "each version once");
    assert_eq!(delivered.into_iter().collect::<BTreeSet<_>>(), versions);
    let rejected: BTreeSet<_> = items.into_iter().filter_map(Result::err).map(|item| item.reason).collect();
    assert_eq!(rejected, broken);
    let health = ground.health.snapshot();
    assert_eq!((health.delivered, health.rejected, health.last_error), (913, 3, None));
    assert!(ground.server.questions().len() > 20, "pages of 50");
}

#[tokio::test]
async fn an_overlap_is_not_delivered_twice_but_a_new_block_of_the_same_hash_is() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    let transaction = Some(alloy::primitives::B256::repeat_byte(7));
    let first = AlertSketch { transaction, ..sketch(100, "2024-01-02T11:59:00Z") };
    ground.push(&first);
    let mut passes = 0;
    let server_questions = ground.server.questions().len();
    let reincluded = forta_alert(&AlertSketch { block: 102, ..first }).to_string();
    let pushed = ground.server.shared.clone();
    let items = ground
        .poll(|items, _| {
            let questions = pushed.lock().questions.len() - server_questions;
            if items.len() == 1 && passes == 0 && questions > 3 {
                passes = questions;
                pushed.lock().alerts.push(Stored::new(&reincluded).unwrap());
            }
            passes > 0 && questions > passes + 3
        })
        .await;
    assert_eq!(blocks(&items), [100, 102]);
    let hashes: BTreeSet<_> = items.iter().flatten().map(|alert| alert.hash.clone()).collect();
    assert_eq!(hashes.len(), 1);
}

#[tokio::test]
async fn pages_are_halved_on_http_500_until_they_fit() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    for block in 0..40 {
        ground.push(&sketch(1 + block, "2024-01-02T11:59:00Z"));
    }
    ground.server.misbehave(Misbehaviour { too_large_over: Some(12), ..Misbehaviour::default() });
    let items = ground.poll_once().await;
    assert_eq!(items.len(), 40);
    let asked: Vec<_> =
        ground.server.questions().iter().map(|input| input["first"].as_u64().unwrap()).collect();
    assert_eq!(asked, [50, 25, 12, 12, 12, 12]);
}

#[tokio::test]
async fn an_error_is_shown_and_nothing_is_lost_by_it() {
    let table: [(Misbehaviour, &str); 5] = [
        (Misbehaviour { too_large_over: Some(0), ..Misbehaviour::default() }, "HTTP 500"),
        (Misbehaviour { status: Some(401), ..Misbehaviour::default() }, "does not accept the key"),
        (Misbehaviour { status: Some(503), ..Misbehaviour::default() }, "HTTP 503"),
        (
            Misbehaviour { graphql_error: Some("boom".into()), ..Misbehaviour::default() },
            "refused the question: boom",
        ),
        (Misbehaviour { cut_after_bytes: Some(500), ..Misbehaviour::default() }, "could not be reached"),
    ];
    for (misbehaviour, wanted) in table {
        let mut ground = Ground::at("2024-01-02T12:00:00Z");
        ground.push(&sketch(1, "2024-01-02T11:59:00Z"));
        ground.server.misbehave(misbehaviour);
        let shared = ground.server.shared.clone();
        let mut shown = None;
        let items = ground
            .poll(|items, health| {
                if let (Some(error), None) = (&health.last_error, &shown) {
                    assert_eq!((health.last_ok, items.len()), (None, 0), "red, and nothing made up");
                    shown = Some(error.clone());
                    shared.lock().misbehaviour = Misbehaviour::default();
                }
                shown.is_some() && health.last_ok.is_some()
            })
            .await;
        assert_eq!(items.len(), 1, "{wanted}");
        assert_eq!(ground.health.snapshot().last_error, None);
        let shown = shown.unwrap();
        assert!(shown.starts_with("chain 1: ") && shown.contains(wanted), "{shown}");
    }
}

#[tokio::test]
async fn pages_that_run_in_circles_are_an_error_and_not_an_endless_pass() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    ground.push(&sketch(1, "2024-01-02T11:59:00Z"));
    ground.server.misbehave(Misbehaviour { circle: true, ..Misbehaviour::default() });
    let items = ground.poll(|_, health| health.last_error.is_some()).await;
    let health = ground.health.snapshot();
    assert_eq!((items.len(), health.last_ok, &ground.cursor), (1, None, &None));
    assert_eq!(health.last_error.as_deref(), Some("chain 1: the API's pages do not come to an end"));
    assert!(ground.server.questions().len() < 10);
}

#[tokio::test]
async fn the_key_is_sent_as_a_bearer_token_and_shown_nowhere() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    ground.server = FortaServer::start(ground.clock.clone(), Some("k-123")).unwrap();
    ground.settings.url = ground.server.url().clone();
    ground.push(&sketch(1, "2024-01-02T11:59:00Z"));
    ground.poll(|_, health| health.last_error.is_some()).await;

    ground.settings.key = Some("k-123".to_owned().into());
    assert_eq!(ground.poll_once().await.len(), 1);
    assert!(!format!("{:?}", ground.settings).contains("k-123"));
}

#[tokio::test]
async fn a_restart_goes_on_from_the_stored_place_less_the_overlap() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    ground.push(&sketch(100, "2024-01-02T11:45:00Z"));
    ground.push(&sketch(110, "2024-01-02T11:58:00Z"));
    assert_eq!(blocks(&ground.poll_once().await), [100, 110]);

    // Down for three hours. One alert was made meanwhile, one is late but within the overlap.
    ground.clock.step(SignedDuration::from_hours(3));
    ground.push(&sketch(105, "2024-01-02T11:50:00Z"));
    ground.push(&sketch(400, "2024-01-02T13:30:00Z"));
    let asked = ground.server.questions().len();
    assert_eq!(blocks(&ground.poll_once().await), [100, 105, 110, 400]);

    let since = ground.server.questions()[asked]["afterCreatedAtDate"].clone();
    assert_eq!(since, json!("2024-01-02T11:38:05Z"), "11:58:05, less 20 minutes");
}

#[tokio::test]
async fn a_restart_between_two_pages_does_not_lose_the_second() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    ground.push(&sketch(100, "2024-01-02T11:59:00Z"));
    assert_eq!(blocks(&ground.poll_once().await), [100]);

    // Down for five hours; of what happened meanwhile, the page read first was made last.
    ground.clock.step(SignedDuration::from_hours(5));
    let mut late = forta_alert(&sketch(200, "2024-01-02T12:30:00Z"));
    late["createdAt"] = json!("2024-01-02T16:59:00Z");
    ground.server.push(&late.to_string()).unwrap();
    ground.push(&sketch(300, "2024-01-02T14:00:00Z"));
    ground.settings.page_size = 1;
    assert_eq!(blocks(&ground.poll(|items, _| items.len() == 2).await), [100, 200]);

    assert!(blocks(&ground.poll_once().await).contains(&300));
}

#[tokio::test]
async fn a_quiet_chain_still_goes_on_from_its_first_day() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    assert!(ground.poll_once().await.is_empty());
    ground.clock.step(SignedDuration::from_hours(30));
    ground.push(&sketch(400, "2024-01-02T13:30:00Z"));
    assert_eq!(blocks(&ground.poll_once().await), [400]);
}

#[tokio::test]
async fn midnight_does_not_swallow_yesterday() {
    let mut ground = Ground::at("2024-01-03T00:00:20Z");
    ground.push(&sketch(100, "2024-01-02T23:59:50Z"));
    ground.push(&sketch(101, "2024-01-03T00:00:02Z"));
    // A node that caught up: an old block, alerted about just now.
    let mut late = forta_alert(&sketch(90, "2024-01-02T02:00:00Z"));
    late["createdAt"] = json!("2024-01-03T00:00:01Z");
    ground.server.push(&late.to_string()).unwrap();
    assert_eq!(blocks(&ground.poll_once().await), [90, 100, 101]);
}

#[tokio::test]
async fn an_alert_dated_in_the_future_does_not_blind_the_feed() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    let mut future = forta_alert(&sketch(100, "2024-01-02T11:59:00Z"));
    future["createdAt"] = json!("2099-01-01T00:00:00Z");
    ground.server.push(&future.to_string()).unwrap();
    assert_eq!(ground.poll_once().await.len(), 1);
    ground.clock.step(SignedDuration::from_mins(5));
    ground.push(&sketch(110, "2024-01-02T12:03:00Z"));
    assert!(blocks(&ground.poll_once().await).contains(&110));
}

#[tokio::test]
async fn only_the_bots_and_chains_asked_for_are_delivered_and_one_red_chain_keeps_the_feed_red() {
    let mut ground = Ground::at("2024-01-02T12:00:00Z");
    let other = BotId::new(&format!("0x{}", "b0".repeat(32)));
    let wanted = sketch(100, "2024-01-02T11:59:00Z");
    ground.push(&wanted);
    ground.push(&AlertSketch { bot: other, ..wanted.clone() });
    ground.push(&AlertSketch { chain: ChainId(10), block: 7, ..wanted.clone() });
    ground.push(&AlertSketch { chain: ChainId(56), block: 8, ..wanted.clone() });
    ground.settings.bots = vec![wanted.bot];
    ground.settings.chains = vec![ChainId(10), ChainId(1), ChainId(10)];
    let items = ground.poll_once().await;
    let by_chain: BTreeMap<_, _> =
        items.iter().flatten().map(|alert| (alert.chain, alert.bot.clone())).collect();
    assert_eq!((items.len(), by_chain.into_keys().collect::<Vec<_>>()), (2, vec![ChainId(1), ChainId(10)]));
}

#[tokio::test]
async fn a_refused_or_lost_delivery_comes_again_and_the_place_does_not_move() {
    let ground = Ground::at("2024-01-02T12:00:00Z");
    ground.push(&sketch(100, "2024-01-02T11:59:00Z"));
    let (deliveries, mut received) = mpsc::channel::<Delivery>(1);
    let (stop, stopped) = watch::channel(false);
    let poller = FortaPoller::new(ground.settings.clone(), ground.clock.clone()).unwrap();
    let run = poller.run(None, deliveries, stopped, ground.health.clone());
    let consume = async {
        let first = received.recv().await.unwrap();
        first.receipt.refused("the journal cannot be written");
        let second = received.recv().await.unwrap();
        let health = ground.health.snapshot();
        assert_eq!((health.last_ok, health.delivered), (None, 0));
        assert_eq!(
            health.last_error.as_deref(),
            Some("a delivery was refused: the journal cannot be written")
        );
        drop(second.receipt);
        let third = received.recv().await.unwrap();
        assert_eq!((&first.alerts, &first.cursor), (&third.alerts, &third.cursor));
        third.receipt.accepted();
        while ground.health.snapshot().last_ok.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.send(true).unwrap();
    };
    let (ended, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(run, consume) }).await.unwrap();
    assert_eq!(ended.unwrap(), FeedEnd::Stopped);
    assert_eq!(ground.health.snapshot().delivered, 1);
}
