//! A hostile and nearly exhausted Transaction Service in front of a real Safe: what the command shows, what
//! `/healthz` and `check` say, and whom the watch calls.

use std::sync::Arc;

use alloy::primitives::Address;
use alloy::signers::SignerSync as _;
use jiff::tz::TimeZone;
use serde_json::json;

use super::queue::{is_clean, text};
use crate::agent::Agent;
use crate::agent::at_service::compare;
use crate::agent::daemon::{FeedsHealth, SharedTaken};
use crate::agent::preflight::preflight;
use crate::agent::queue::look;
use crate::agent::service_watch::ServiceWatch;
use crate::agent::setup::Keys;
use crate::cli::check::agent_without_journal;
use crate::cli::check::practice::Practice;
use crate::cli::output::Output;
use crate::clock::{Clock as _, ManualClock, SystemClock};
use crate::domain::incident::fixture::{preparation, roster};
use crate::domain::names::{ChainName, SafeName};
use crate::domain::safe::{Operation, SafeTx, hash};
use crate::safe_service::Proposal;
use crate::safe_service::client::stub::{Mischief, Stub};
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
        let health = AgentHealth::new(Arc::clone(&self.agent), FeedsHealth::new(), SharedTaken::default());
        let checks = health.checks().await.into_iter();
        let services = checks.filter(|check| check.name.starts_with("transaction service"));
        services
            .filter_map(|check| match check.state {
                CheckState::Broken { why } => Some(why),
                CheckState::Proven { .. } | CheckState::Untold { .. } => None,
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
    insta::assert_snapshot!(shown, @r"
    Safe guardian 0x399c61b017A871181d8B6C418c93a8bB361E3Db8
    at block N: nonce 0, 2 of 3 owners sign; 4 queued at 127.0.0.1

    nonce 0  0x78e001ff3a5018a2d27159dede7047170580395412873514d26552ebb7c7a35a
      call to 0x8A791620dd6260079BF849Dc5567aDC3F2FdC318, 1 of 2 signatures
      shown as 0x419cb0d53147a27eca7aacb6d4f2d0372849ef99d19e674c0ff6876d85c8fe2d
      origin, in the proposer's words: pay day
      ✗ its hash does not recompute: these fields hash to
        0x78e001ff3a5018a2d27159dede7047170580395412873514d26552ebb7c7a35a for this Safe, version and
        chain; the service lies or shows another Safe's; sign nothing shown there

    nonce 1  0xb236ce49ce5b77cfad63ca4405c927a87505126f5bc3aa5797a68692b8cb0e2e
      DELEGATECALL to 0x0606060606060606060606060606060606060606, 1 of 2 signatures
      origin, in the proposer's words: \u{1b}[2Jharmless
      ✗ DELEGATECALL to 0x0606060606060606060606060606060606060606, which is no released library: its
        code would run as the Safe and may take everything; do not sign, and reject it at its nonce

    nonce 2  0xa58812f31041fe22514267923d8724faa892ceb4f02ace1f9a5295bfa54928d2
      call to 0x8A791620dd6260079BF849Dc5567aDC3F2FdC318, 1 of 2 signatures
      origin, in the proposer's words: x
      ✗ gas refund fields are set: the Safe pays 1 per unit of gas in the chain's own currency to
        0x0707070707070707070707070707070707070707; that is how an executor empties a Safe; do not sign
        unless you meant it

    nonce 1099511627776  0x733163357b64843e04d4e6b9a2db0c7cb02add17dcea3cd53a0ff01700c3e832
      call to 0x8A791620dd6260079BF849Dc5567aDC3F2FdC318, 1 of 2 signatures
      origin, in the proposer's words: x
      ! far ahead: about 10^12 nonces before it are free; wallets that ask the service for the next
        nonce get one behind it, which cannot execute; take the nonce from the chain, and have it
        deleted

    Look at what is marked before signing anything of this Safe.
    ");
    for _ in 0..3 {
        scene.clock.step(jiff::SignedDuration::from_mins(10));
        watch.look(&scene.agent, &chain, service).await;
    }
    let told = scene.told();
    assert_eq!(told.len(), 2);
    insta::assert_snapshot!(told.join("\n"), @r#"
    The Transaction Service's quota on local is red
      a key is configured and 127.0.0.1 has not said how many requests are left: see that its address is the hosted service's; `quota_low = "0%"` if it has no quota
    The queue of Safe guardian is dangerous: sign nothing there
      127.0.0.1 shows, for Safe 0x399c61b017A871181d8B6C418c93a8bB361E3Db8 (guardian): 0x419cb0d53147a27eca7aacb6d4f2d0372849ef99d19e674c0ff6876d85c8fe2d at nonce 0: its hash does not recompute: these fields hash to 0x78e001ff3a5018a2d27159dede7047170580395412873514d26552ebb7c7a35a for this Safe, version and chain; the service lies or shows another Safe's; sign nothing shown there; 0xb236ce49ce5b77cfad63ca4405c927a87505126f5bc3aa5797a68692b8cb0e2e at nonce 1: DELEGATECALL to 0x0606060606060606060606060606060606060606, which is no released library: its code would run as the Safe and may take everything; do not sign, and reject it at its nonce
    "#);
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
    insta::assert_snapshot!(told.join("\n"), @r#"
    it has not been asked yet
    a key is configured and 127.0.0.1 has not said how many requests are left: see that its address is the hosted service's; `quota_low = "0%"` if it has no quota
    green
    less than 30% of the month's requests are left at 127.0.0.1: 14,999 of 50,000 requests left, new ones in 3 d 2 h; take a larger plan before an emergency needs them
    no requests are left at 127.0.0.1: 0 of 50,000 requests left, new ones in 3 d 2 h; proposals will not reach it: take a larger plan, and sign without it until then
    Problem: [chains.local] safe_service: no requests are left at 127.0.0.1: 0 of 50,000 requests left, new ones in 3 d 2 h; proposals will not reach it: take a larger plan, and sign without it until then
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_shows_of_our_proposal_is_compared_and_its_silence_is_no_objection() {
    let scene = scene().await;
    let chain = scene.chain();
    let ground = &scene.agent.chains[&chain];
    let block = ground.head().await.unwrap();
    let state = ground.safe_state(&block, scene.practice.guardian).await.unwrap();
    let mut preparation = preparation(1, 0, &roster());
    preparation.chain = chain;
    preparation.domain = state.domain();
    preparation.tx =
        SafeTx::call(scene.practice.protocol.vault, vec![0x84, 0x56, 0xcb, 0x59].into(), state.nonce);
    preparation.hashes = hash(&preparation.tx, &state.domain());
    let said = async || compare(&scene.agent, &preparation, &state).await.unwrap();
    let mut told = vec![said().await];
    scene.propose(0, "INC-1", |_| ()).await;
    told.push(said().await);
    scene
        .stub
        .with(|known| known.rows[0]["confirmations"][0]["owner"] = json!(state.owners[1].to_checksum(None)));
    told.push(said().await);
    scene.stub.with(|known| known.rows[0]["to"] = json!(Address::repeat_byte(9).to_checksum(None)));
    told.push(said().await);
    for _ in 0..9 {
        scene.stub.next(reqwest::Method::GET, Mischief::say(503, ""));
    }
    told.push(said().await);
    let told: Vec<_> = told.into_iter().map(|(good, found)| format!("{good}: {found}")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    true: 127.0.0.1 does not have it; it can be signed without
    true: 127.0.0.1 shows the same
    false: 127.0.0.1: a confirmation is said to be 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC's and is the signature of 0x70997970C51812dc3A010C7d01b50e0d17dc79C8: it does not count, and the hosted gateway answers 502 for such an item; the service lies or was tampered with
    false: 127.0.0.1 shows something else under 0x419cb0d53147a27eca7aacb6d4f2d0372849ef99d19e674c0ff6876d85c8fe2d: do not sign there
    true: not compared: could not read 0x419cb0d53147a27eca7aacb6d4f2d0372849ef99d19e674c0ff6876d85c8fe2d from the Transaction Service: the Transaction Service is unavailable: it answered with status 503; nothing here depends on it
    ");
}
