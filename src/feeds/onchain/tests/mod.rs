//! The feed, pass by pass, on a chain of our own making.

mod fake;

use alloy::primitives::keccak256;

use self::fake::{FakeChain, VAULT, settings};
use super::*;
use crate::clock::ManualClock;
use crate::domain::alert::{Alert, AlertSeverity};
use crate::domain::condition::BlockId;
use crate::domain::watch::SeenBlock;

/// A feed and whoever takes its deliveries.
struct Listener {
    feed: OnchainFeed,
    chain: Arc<FakeChain>,
    outbox: Outbox,
    deliveries: mpsc::Receiver<Delivery>,
    _stop: watch::Sender<bool>,
    cursor: Option<Cursor>,
}

/// What one pass brought.
#[derive(Debug, Default)]
struct Brought {
    alerts: Vec<Alert>,
    orphaned: Vec<BlockId>,
}

impl Brought {
    fn ids(&self) -> Vec<String> {
        let said = |alert: &Alert| {
            let block = alert.block.as_ref().map_or(0, |block| block.number);
            format!("{} {block}", alert.alert_id)
        };
        self.alerts.iter().map(said).collect()
    }
}

impl Listener {
    fn new(chain: &Arc<FakeChain>, settings: OnchainSettings) -> Self {
        let (sender, deliveries) = mpsc::channel(16);
        let (stop, stopped) = watch::channel(false);
        let clock = ManualClock::at("2026-11-22T03:00:00Z".parse().unwrap());
        let health = SharedHealth::new();
        let outbox = Outbox { feed: settings.watch.feed.clone(), deliveries: sender, stop: stopped, health };
        let eye: Arc<dyn ChainEye> = Arc::clone(chain) as _;
        let feed = OnchainFeed::new(settings, eye, clock as _);
        Self { feed, chain: Arc::clone(chain), outbox, deliveries, _stop: stop, cursor: None }
    }

    /// One pass; every delivery is accepted after it went through JSON, as the journal does it.
    async fn pass(&mut self) -> Result<Brought, String> {
        let mut brought = Brought::default();
        let Self { feed, outbox, deliveries, cursor, .. } = self;
        let passing = feed.pass(outbox);
        tokio::pin!(passing);
        loop {
            tokio::select! {
                passed = &mut passing => return match passed {
                    Ok(()) => Ok(brought),
                    Err(Broken::Unread(reason)) => Err(reason),
                    Err(Broken::End(end)) => panic!("{end:?}"),
                },
                delivery = deliveries.recv() => {
                    let delivery = delivery.unwrap();
                    brought.alerts.extend(delivery.alerts.into_iter().map(Result::unwrap));
                    brought.orphaned.extend(delivery.orphaned);
                    let stored = serde_json::to_string(&delivery.cursor.unwrap()).unwrap();
                    *cursor = Some(serde_json::from_str(&stored).unwrap());
                    delivery.receipt.accepted();
                }
            }
        }
    }

    /// The same feed after a restart.
    fn restarted(&self) -> Self {
        let mut next = Self::new(&self.chain, self.feed.settings.clone());
        next.feed.place = Place::read(self.cursor.as_ref().unwrap()).unwrap();
        next
    }
}

fn chain() -> Arc<FakeChain> {
    let chain = Arc::new(FakeChain::default());
    chain.world().assets = Some(1_000);
    chain.mine_empty(10);
    chain
}

#[tokio::test]
async fn it_begins_at_the_head_reads_on_and_repeats_nothing() {
    let chain = chain();
    chain.mine(&[1]);
    let mut feed = Listener::new(&chain, settings());
    assert!(feed.pass().await.unwrap().ids().is_empty(), "what was before is not told");
    chain.mine(&[2, 2]);
    let brought = feed.pass().await.unwrap();
    // Two equal logs of one transaction are two; the overlap does not reach behind the start.
    assert_eq!(brought.ids(), ["Paused 11", "Paused 11"]);
    assert_ne!(brought.alerts[0].hash, brought.alerts[1].hash);
    chain.mine_empty(1);
    assert!(feed.pass().await.unwrap().ids().is_empty(), "the overlap is known");

    // Logs that were indexed late are found by the overlap.
    chain.mine(&[3]);
    chain.world().late = vec![13];
    assert!(feed.pass().await.unwrap().ids().is_empty());
    chain.mine_empty(1);
    chain.world().late.clear();
    assert_eq!(feed.pass().await.unwrap().ids(), ["Paused 13"]);
}

#[tokio::test]
async fn a_long_absence_is_read_in_pages_that_shrink_where_they_are_refused() {
    let chain = chain();
    let mut feed = Listener::new(&chain, settings());
    feed.pass().await.unwrap();
    for transaction in 1..=5 {
        chain.mine_empty(60);
        chain.mine(&[transaction]);
    }
    chain.world().longest = Some(30);
    assert!(feed.pass().await.is_err());
    feed.feed.page_blocks = 25;
    let mut next = feed.restarted();
    next.feed.settings.page_blocks = 25;
    next.feed.page_blocks = 25;
    let brought = next.pass().await.unwrap();
    assert_eq!(brought.ids(), ["Paused 70", "Paused 131", "Paused 192", "Paused 253", "Paused 314"]);
    let asked = chain.world().asked.clone();
    assert!(asked.iter().skip(1).all(|(from, to)| to - from < 30), "{asked:?}");
    assert_eq!(asked.last().unwrap().1, 314);
}

#[tokio::test]
async fn what_leaves_the_chain_is_named_and_the_same_transaction_is_the_same_alert() {
    let chain = chain();
    let mut feed = Listener::new(&chain, settings());
    feed.pass().await.unwrap();
    chain.mine(&[1]);
    let first = feed.pass().await.unwrap();
    chain.mine(&[2]);
    let second = feed.pass().await.unwrap();

    chain.reorganise(10);
    chain.mine_empty(1);
    chain.mine(&[2]);
    chain.mine_empty(1);
    let mut restarted = feed.restarted();
    // What never left comes again where the overlap is not remembered, with the same hash and block.
    for (feed, ids) in [(&mut feed, &["Paused 12"][..]), (&mut restarted, &["Paused 10", "Paused 12"])] {
        let brought = feed.pass().await.unwrap();
        assert_eq!(brought.ids(), ids);
        let last = brought.alerts.last().unwrap();
        assert_eq!(last.hash, second.alerts[0].hash);
        assert_ne!(last.block, second.alerts[0].block);
        let gone: Vec<_> = brought.orphaned.iter().map(|block| (block.number, block.hash)).collect();
        let hash = second.alerts[0].block.as_ref().unwrap().hash.unwrap();
        assert_eq!(gone, [(11, hash)], "{:?}", first.ids());
        assert!(feed.pass().await.unwrap().orphaned.is_empty(), "told once");
    }
}

#[tokio::test]
async fn a_deep_reorganisation_is_an_alert_and_one_beyond_memory_is_read_again() {
    let chain = chain();
    let mut feed = Listener::new(&chain, settings());
    for _ in 0..8 {
        feed.pass().await.unwrap();
        chain.mine_empty(1);
    }
    feed.pass().await.unwrap();
    chain.reorganise(12);
    chain.mine_empty(8);
    let brought = feed.pass().await.unwrap();
    assert_eq!(brought.ids(), ["DeepReorg 20"]);
    assert_eq!(brought.alerts[0].metadata["depth"], "5");
    assert_eq!(brought.alerts[0].addresses, [VAULT]);

    // Not a block that was read is there any more.
    chain.reorganise(2);
    chain.mine_empty(5);
    chain.mine(&[1]);
    chain.mine_empty(20);
    let brought = feed.pass().await.unwrap();
    assert!(brought.ids().contains(&"DeepReorg 28".to_owned()), "{:?}", brought.ids());
    assert!(brought.ids().contains(&"Paused 8".to_owned()), "{:?}", brought.ids());

    // As deep as the bound is nothing.
    chain.reorganise(25);
    chain.mine_empty(6);
    assert!(feed.pass().await.unwrap().ids().is_empty());
}

#[tokio::test]
async fn a_view_is_told_when_it_crosses_and_when_it_returns_and_unknown_is_red() {
    let chain = chain();
    let mut feed = Listener::new(&chain, settings());
    assert!(feed.pass().await.unwrap().ids().is_empty());
    chain.world().assets = Some(99);
    chain.mine_empty(1);
    let crossed = feed.pass().await.unwrap();
    assert_eq!(crossed.ids(), ["low 10"]);
    assert_eq!(crossed.alerts[0].severity, AlertSeverity::Critical);
    assert_eq!(crossed.alerts[0].metadata["value"], "99, 100");
    chain.mine_empty(1);
    assert!(feed.restarted().pass().await.unwrap().ids().is_empty(), "told once, whatever restarts");

    // Unknown is neither; the part is red until it is known.
    chain.world().assets = None;
    assert!(feed.pass().await.unwrap().ids().is_empty());
    let red = feed.outbox.health.snapshot().last_error.unwrap();
    assert_eq!(red, "proxy vault: endpoints disagree; view low: totalAssets() < 100: endpoints disagree");
    chain.world().assets = Some(100);
    let returned = feed.pass().await.unwrap();
    assert_eq!(returned.ids(), ["low-returned 11"], "asked again although the head stands");
    assert_eq!(returned.alerts[0].severity, AlertSeverity::Info);
    assert_eq!(feed.outbox.health.snapshot().last_error, None);

    // The block of a crossing leaves the chain, and it crosses in another: the same alert.
    chain.world().assets = Some(1);
    chain.mine_empty(1);
    let again = feed.pass().await.unwrap();
    chain.reorganise(11);
    chain.mine_empty(2);
    let third = feed.pass().await.unwrap();
    assert_eq!((again.ids(), third.ids()), (vec!["low 12".to_owned()], vec!["low 13".to_owned()]));
    assert_eq!(again.alerts[0].hash, third.alerts[0].hash);
    assert_ne!(again.alerts[0].hash, crossed.alerts[0].hash, "another crossing is another alert");
    assert_eq!(third.orphaned.len(), 1);
}

#[tokio::test]
async fn a_view_that_is_beyond_its_bound_at_the_first_look_is_told() {
    let chain = chain();
    chain.world().assets = Some(5);
    let mut feed = Listener::new(&chain, settings());
    assert_eq!(feed.pass().await.unwrap().ids(), ["low 9"]);
}

#[tokio::test]
async fn a_head_that_stands_still_proves_nothing() {
    let chain = chain();
    let mut feed = Listener::new(&chain, settings());
    feed.outbox.health.expect(HEAD);
    feed.pass().await.unwrap();
    let proven = feed.outbox.health.snapshot().last_ok;
    assert!(proven.is_some());
    let clock = ManualClock::at("2026-11-22T04:00:00Z".parse().unwrap());
    feed.feed.clock = clock as _;
    feed.pass().await.unwrap();
    assert_eq!(feed.outbox.health.snapshot().last_ok, proven);
    chain.mine_empty(1);
    feed.pass().await.unwrap();
    assert!(feed.outbox.health.snapshot().last_ok > proven);

    // A chain that got shorter is waited for.
    chain.reorganise(5);
    let said = feed.pass().await.unwrap_err();
    assert!(said.starts_with("block 10 was read, and the endpoints have it no more"), "{said}");
}

#[tokio::test]
async fn an_error_is_gone_with_the_next_look_that_succeeds_and_proves_nothing_by_that() {
    let chain = chain();
    let (sender, mut deliveries) = mpsc::channel(16);
    let (stop, stopped) = watch::channel(false);
    let health = SharedHealth::new();
    let clock = ManualClock::at("2026-11-22T03:00:00Z".parse().unwrap());
    let feed = OnchainFeed::new(settings(), Arc::clone(&chain) as _, clock.clone() as _);
    let running = feed.run(None, sender, stopped, health.clone());
    let told = health.clone();
    let until = async |wanted: Option<&str>| {
        for _ in 0..2_000 {
            let now = told.snapshot();
            if now.last_error.as_deref() == wanted && now.last_ok.is_some() {
                return now.last_ok;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never {wanted:?}: {:?}", told.snapshot());
    };
    let script = async {
        deliveries.recv().await.unwrap().receipt.accepted();
        let proven = until(None).await;
        clock.step(jiff::SignedDuration::from_secs(60));
        chain.world().outage = true;
        until(Some("no endpoint answers")).await;
        // No new block: it answers again, and the head is proven when it was.
        chain.world().outage = false;
        assert_eq!(until(None).await, proven);
        stop.send(true).unwrap();
    };
    let (ended, ()) = tokio::join!(running, script);
    assert_eq!(ended.unwrap(), FeedEnd::Stopped);
}

#[tokio::test]
async fn nothing_moves_before_it_is_accepted_and_confirmations_are_waited_for() {
    let chain = chain();
    let mut deep = Listener::new(&chain, OnchainSettings { confirmations: 2, ..settings() });
    deep.pass().await.unwrap();
    chain.mine(&[1]);
    chain.mine_empty(1);
    assert!(deep.pass().await.unwrap().ids().is_empty());
    chain.mine_empty(1);
    assert_eq!(deep.pass().await.unwrap().ids(), ["Paused 10"]);

    let mut feed = Listener::new(&chain, settings());
    feed.pass().await.unwrap();
    chain.mine(&[2]);
    let place = feed.feed.place.clone();
    {
        let passing = feed.feed.pass(&mut feed.outbox);
        tokio::pin!(passing);
        let refused = tokio::select! {
            _ = &mut passing => panic!("it does not go on without an answer"),
            delivery = feed.deliveries.recv() => delivery.unwrap(),
        };
        refused.receipt.refused("the journal is read-only");
    }
    assert_eq!(feed.feed.place, place);
    assert_eq!(feed.pass().await.unwrap().ids(), ["Paused 13"]);
}

#[test]
fn a_place_is_bounded_and_survives_being_stored() {
    let mut place = Place::default();
    for number in 0..1_000_u64 {
        let hash = keccak256(number.to_be_bytes());
        place.reached(SeenBlock { number, hash, timestamp_s: number });
        place.told_of(number, hash);
    }
    let stored = serde_json::to_string(&place.cursor()).unwrap();
    assert!(stored.len() < 64 * 1024, "{}", stored.len());
    let cursor: Cursor = serde_json::from_str(&stored).unwrap();
    assert_eq!(Place::read(&cursor).unwrap(), place);
    assert_eq!(place.newest_first().count(), place::BLOCKS_MAX);
}
