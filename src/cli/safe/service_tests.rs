//! A hostile and nearly exhausted Transaction Service in front of a real Safe: what the command shows, what
//! `/healthz` and `check` say, and whom the watch calls.

use std::sync::Arc;

use alloy::primitives::Address;
use alloy::signers::SignerSync as _;
use jiff::tz::TimeZone;
use serde_json::json;

use super::queue::{is_clean, text};
use crate::agent::Agent;
use crate::agent::daemon::FeedsHealth;
use crate::agent::preflight::preflight;
use crate::agent::queue::look;
use crate::agent::service_watch::ServiceWatch;
use crate::agent::setup::Keys;
use crate::cli::check::agent_without_journal;
use crate::cli::check::practice::Practice;
use crate::cli::output::Output;
use crate::clock::{Clock as _, ManualClock, SystemClock};
use crate::domain::names::{ChainName, SafeName};
use crate::domain::safe::{Operation, SafeTx, hash};
use crate::safe_service::Proposal;
use crate::safe_service::client::stub::Stub;
use crate::web::{AgentHealth, CheckState, Health as _};

struct Scene {
    practice: Practice,
    stub: Stub,
    agent: Arc<Agent>,
    clock: Arc<ManualClock>,
}

async fn scene() -> Scene {
    let practice = Practice::lay().await;
    let state = {
        let chain = &practice.ground.chain;
        let block = chain.head().await.unwrap();
        chain.safe_state(&block, practice.guardian).await.unwrap()
    };
    let clock = ManualClock::at(SystemClock.now());
    let stub = Stub::start(state.domain(), state.owners.clone(), clock.clone()).await;
    practice.write("key", "a-practice-key");
    let hosted = format!("{{ url = \"{}\", key = {{ file = \"key\" }}, quota_low = \"30%\" }}", stub.url);
    practice.change("redhandle.toml", "\"embedded\"", &hosted);
    // One Safe, so that each look of the watch is at it.
    let text = std::fs::read_to_string(practice.config()).unwrap();
    let (before, rest) = text.split_once("[safes.governance]").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    practice.write("redhandle.toml", &format!("{before}{after}"));
    let today = clock.now().to_zoned(TimeZone::system()).date();
    let config = crate::config::load(&practice.config(), &practice.environment(), today).unwrap();
    let (agent, _) = agent_without_journal(config, Keys::None, clock.clone()).unwrap();
    Scene { practice, stub, agent: Arc::new(agent), clock }
}

impl Scene {
    fn chain(&self) -> ChainName {
        self.agent.services.keys().next().unwrap().clone()
    }

    /// Puts a transaction into the queue, signed by the first owner.
    async fn propose(&self, nonce: u64, origin: &str, change: impl FnOnce(&mut SafeTx)) {
        let mut tx =
            SafeTx::call(self.practice.protocol.vault, vec![0x84, 0x56, 0xcb, 0x59].into(), nonce.into());
        change(&mut tx);
        let domain = self.stub.with(|known| known.domain);
        let owner = &self.practice.ground.actors.owners[0];
        let hash = hash(&tx, &domain).safe_tx;
        let signature = owner.sign_hash_sync(&hash.0).unwrap().as_bytes().to_vec().into();
        let proposal =
            Proposal { tx, hash, sender: owner.address(), signature, origin: Some(origin.to_owned()) };
        let service = &self.agent.services[&self.chain()];
        service.client.deliver(&domain, &proposal, false).await.unwrap();
    }

    async fn shown(&self) -> (bool, String) {
        let chain = &self.agent.chains[&self.chain()];
        let block = chain.head().await.unwrap();
        let state = chain.safe_state(&block, self.practice.guardian).await.unwrap();
        let service = &self.agent.services[&self.chain()];
        let queue = look(service, &state, &[], false).await.unwrap();
        let out = Output::plain(false, TimeZone::UTC);
        let shown = text(&queue, &state, &SafeName::new("guardian"), &service.name, &out);
        (is_clean(&queue), self.practice.steady(&shown))
    }

    async fn red(&self) -> Vec<String> {
        let health = AgentHealth::new(Arc::clone(&self.agent), FeedsHealth::new());
        let checks = health.checks().await.into_iter();
        let services = checks.filter(|check| check.name.starts_with("transaction service"));
        services
            .filter_map(|check| match check.state {
                CheckState::Broken { why } => Some(why),
                CheckState::Proven { .. } => None,
            })
            .collect()
    }

    fn told(&self) -> Vec<String> {
        let incidents = self.agent.store.all().into_iter();
        incidents
            .map(|incident| {
                format!("{}\n  {}", incident.title, incident.statement.clone().unwrap_or_default())
            })
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_was_tampered_with_is_shown_told_once_and_wakes_people() {
    let scene = scene().await;
    let chain = scene.chain();
    let service = &scene.agent.services[&chain];
    scene.propose(0, "pay day", |_| ()).await;
    let (clean, _) = scene.shown().await;
    assert!(clean);
    let mut watch = ServiceWatch::default();
    watch.look(&scene.agent, &chain, service).await;
    let quota_alone = scene.told();
    assert_eq!(quota_alone.len(), 1, "a key and no quota is told: {quota_alone:?}");

    scene.stub.with(|known| known.quota = Some((50_000, 40_000)));
    scene
        .propose(1, "\u{1b}[2Jharmless", |tx| {
            (tx.operation, tx.to) = (Operation::DelegateCall, Address::repeat_byte(6))
        })
        .await;
    scene.propose(1 << 40, "x", |_| ()).await;
    scene
        .propose(2, "x", |tx| {
            (tx.gas_price, tx.refund_receiver) = (1.try_into().unwrap(), Address::repeat_byte(7))
        })
        .await;
    scene.stub.with(|known| known.rows[0]["value"] = json!("1000000000000000000"));
    let (clean, shown) = scene.shown().await;
    assert!(!clean);
    insta::assert_snapshot!(shown, @"");
    for _ in 0..3 {
        scene.clock.step(jiff::SignedDuration::from_mins(10));
        watch.look(&scene.agent, &chain, service).await;
    }
    let told = scene.told();
    assert_eq!(told.len(), 2);
    insta::assert_snapshot!(told.join("\n"), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_low_used_up_or_unknown_is_red_with_a_reason() {
    let scene = scene().await;
    let chain = scene.chain();
    let service = &scene.agent.services[&chain];
    let mut watch = ServiceWatch::default();
    let mut told = vec![scene.red().await];
    watch.look(&scene.agent, &chain, service).await;
    told.push(scene.red().await);
    for left in [20_001, 15_000, 1] {
        scene.stub.with(|known| known.quota = Some((50_000, left)));
        watch.look(&scene.agent, &chain, service).await;
        told.push(scene.red().await);
    }
    let found = preflight(&scene.agent).await;
    let found = found.iter().filter(|finding| finding.place.ends_with("safe_service"));
    let found: Vec<_> = found.map(|finding| format!("{:?}: {finding}", finding.level)).collect();
    told.push(found);
    let told: Vec<_> =
        told.iter().map(|red| if red.is_empty() { "green".to_owned() } else { red.join("; ") }).collect();
    insta::assert_snapshot!(told.join("\n"), @"");
}
