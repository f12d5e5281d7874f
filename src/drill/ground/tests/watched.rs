//! A chain feed on a real chain: the vault, Safes of several releases, endpoints that limit, disagree and forget.

mod beacon;
mod pruned;

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::super::artifacts::creation_code;
use super::super::protocol::Ground;
use super::super::*;
use super::faulty::{Fault, faulty};
use crate::agent::chain_feed::Eye;
use crate::chain::{Chain, ChainError, Endpoint};
use crate::clock::SystemClock;
use crate::domain::alert::{Alert, AlertSeverity};
use crate::domain::contract::Contract;
use crate::domain::names::ChainId;
use crate::domain::safe::abi::Safe;
use crate::domain::safe::{SafeAddress, SafeVersion};
use crate::domain::watch::{ProxySlot, Subject, SubjectKind, View, ViewText, Watch, default_events};
use crate::feeds::onchain::{ChainEye, OnchainFeed, OnchainSettings};
use crate::feeds::{Cursor, Delivery, SharedHealth};

sol! {
    interface Upgradable {
        function revokeRole(bytes32 role, address account) external;
        function upgradeToAndCall(address implementation, bytes data) external payable;
    }
}

const VAULT_ABI: &str = include_str!("../../../../contracts-abi/vault.json");

/// The vault and Safes of three releases.
struct Watched {
    ground: LocalChain,
    protocol: Protocol,
    safes: Vec<SafeAddress>,
    /// Watched, too.
    others: Vec<Subject>,
}

impl Watched {
    async fn lay() -> Self {
        let tools = Tools::find(None).unwrap();
        let versions = [SafeVersion::V1_0_0, SafeVersion::V1_1_1, SafeVersion::V1_4_1];
        let options = LocalChainOptions { safe_versions: versions.to_vec(), ..LocalChainOptions::default() };
        let ground = LocalChain::start(&tools, &options).await.unwrap();
        let mut safes = Vec::new();
        for version in versions {
            let owners = ground.actors.owner_addresses(2);
            let spec = SafeSpec { version, owners, threshold: 1, salt: 1 };
            let safe = ground.deploy_safe(&spec).await.unwrap();
            ground.anvil.impersonate(safe.0).await.unwrap();
            ground.anvil.set_balance(safe.0, U256::from(10_u128.pow(18))).await.unwrap();
            safes.push(safe);
        }
        let admin = ground.actors.deployer.address();
        let roles = ProtocolRoles { admin, pauser: safes[2], unpauser: admin };
        let protocol = ground.deploy_protocol(&roles).await.unwrap();
        ground.deposit(&protocol, 1_000).await.unwrap();
        Self { ground, protocol, safes, others: Vec::new() }
    }

    fn watch(&self) -> Watch {
        let chain = &self.ground.chain;
        let contract = Contract {
            name: "vault".into(),
            chain: chain.name().clone(),
            chain_id: chain.id(),
            address: self.protocol.vault,
            abi: serde_json::from_str(VAULT_ABI).unwrap(),
        };
        let bound = "totalAssets() < totalSupply()".to_owned();
        let written = ViewText { bound: Some(bound), ..ViewText::default() };
        let view = View::compile("insolvent".to_owned(), &contract, &written, AlertSeverity::High, None);
        let vault =
            Subject { name: "vault".to_owned(), kind: SubjectKind::Contract, address: self.protocol.vault };
        let safes = ["safe-1.0.0", "safe-1.1.1", "safe-1.4.1"].iter().zip(&self.safes);
        let safes = safes.map(|(name, safe)| Subject {
            name: (*name).to_owned(),
            kind: SubjectKind::Safe,
            address: safe.0,
        });
        Watch {
            feed: "chain-local".into(),
            chain: chain.name().clone(),
            chain_id: chain.id(),
            subjects: [vault].into_iter().chain(safes).chain(self.others.clone()).collect(),
            events: default_events(),
            views: vec![view.unwrap()],
        }
    }

    /// Runs the feed while `script` goes on with each delivery's alerts; gives what the script gives.
    async fn while_it_runs<T>(
        &self,
        resume: Option<Cursor>,
        script: impl AsyncFnOnce(&mut Heard) -> T,
    ) -> (T, Option<Cursor>) {
        let settings = OnchainSettings {
            watch: self.watch(),
            poll: Duration::from_millis(20),
            confirmations: 0,
            overlap_blocks: 4,
            reorg_blocks: 12,
            page_blocks: 1_000,
        };
        let (sender, deliveries) = mpsc::channel(16);
        let (_stop, stopped) = watch::channel(false);
        let eye = Arc::new(Eye(self.ground.chain.clone()));
        let feed = OnchainFeed::new(settings, eye, SystemClock::shared());
        let health = SharedHealth::new();
        let mut heard = Heard { deliveries, cursor: None, health: health.clone(), waiting: Vec::new() };
        let given = tokio::select! {
            ended = feed.run(resume, sender, stopped, health) => panic!("the feed ended: {ended:?}"),
            given = script(&mut heard) => given,
        };
        (given, heard.cursor)
    }

    async fn send<C: SolCall>(&self, from: Address, to: Address, call: C) {
        let what = C::SIGNATURE.to_owned();
        let sent = DevTransaction { what, from, to: Some(to), data: call.abi_encode().into() };
        self.ground.anvil.send_all(&[sent]).await.unwrap();
    }
}

struct Heard {
    deliveries: mpsc::Receiver<Delivery>,
    cursor: Option<Cursor>,
    health: SharedHealth,
    waiting: Vec<Alert>,
}

impl Heard {
    /// The next delivery, accepted.
    async fn next(&mut self) -> usize {
        let delivery = tokio::time::timeout(Duration::from_secs(60), self.deliveries.recv()).await;
        let delivery = delivery.expect("a delivery").unwrap();
        self.waiting.extend(delivery.alerts.into_iter().map(Result::unwrap));
        self.cursor = delivery.cursor;
        delivery.receipt.accepted();
        delivery.orphaned.len()
    }

    /// Waits for as many alerts, and says them.
    async fn alerts(&mut self, count: usize) -> Vec<String> {
        while self.waiting.len() < count {
            self.next().await;
        }
        let said = self.waiting.drain(..).map(|alert| {
            let of = |key: &str| alert.metadata.get(key).and_then(|value| value.as_str()).unwrap_or_default();
            format!("{} {} {}", of("contract"), alert.alert_id, of("field")).trim_end().to_owned()
        });
        said.collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_vault_and_its_safes_is_told_once_over_a_restart() {
    let town = Watched::lay().await;
    let (vault, admin) = (town.protocol.vault, town.ground.actors.deployer.address());
    let [oldest, old, new] = [town.safes[0].0, town.safes[1].0, town.safes[2].0];
    let one = U256::from(1);
    let (_, cursor) = town
        .while_it_runs(None, async |heard| {
            heard.next().await;
            town.send(new, vault, Ground::pauseCall {}).await;
            assert_eq!(heard.alerts(1).await, ["vault Paused"]);
            assert_eq!(heard.health.snapshot().last_error, None);
            assert!(heard.health.snapshot().last_ok.is_some());
            town.send(admin, vault, Ground::unpauseCall {}).await;
            let role = keccak256("PAUSER_ROLE");
            town.send(admin, vault, Upgradable::revokeRoleCall { role, account: new }).await;
            assert_eq!(heard.alerts(2).await, ["vault Unpaused", "vault RoleRevoked"]);

            assert!(town.ground.strike(&town.protocol).await.unwrap().succeeded);
            assert_eq!(heard.alerts(1).await, ["vault insolvent"]);
            let amount = U256::from(10_u128.pow(24));
            town.send(admin, town.protocol.token, Ground::mintCall { to: vault, amount }).await;
            assert_eq!(heard.alerts(1).await, ["vault insolvent-returned"]);

            let tools = Tools::find(None).unwrap();
            let code = creation_code(&tools.artifact("VaultFixed", "VaultFixed")).unwrap();
            let create = DevTransaction { what: "the cure".to_owned(), from: admin, to: None, data: code };
            let nonce = town.ground.anvil.nonces(std::slice::from_ref(&create)).await.unwrap()[0].1;
            town.ground.anvil.send_all(&[create]).await.unwrap();
            let implementation = admin.create(nonce);
            let upgrade = Upgradable::upgradeToAndCallCall { implementation, data: Bytes::new() };
            town.send(admin, vault, upgrade).await;
            assert_eq!(heard.alerts(1).await, ["vault Upgraded"]);
        })
        .await;

    // While nobody watches.
    let owner = Address::repeat_byte(0x77);
    for safe in [oldest, new] {
        town.send(safe, safe, Safe::addOwnerWithThresholdCall { owner, _threshold: U256::from(2) }).await;
    }
    town.while_it_runs(cursor, async |heard| {
        let said = heard.alerts(5).await;
        let each = |name: &str| [format!("{name} AddedOwner"), format!("{name} ChangedThreshold")];
        assert_eq!(said[0], "vault Upgraded", "the overlap is read again, and known by its hash");
        assert_eq!(said[1..], [each("safe-1.0.0"), each("safe-1.4.1")].concat());

        // 1.1.1 has no event for it; 1.4.1 has.
        let handler = Address::repeat_byte(0x66);
        town.send(old, old, Safe::setFallbackHandlerCall { handler }).await;
        assert_eq!(heard.alerts(1).await, ["safe-1.1.1 SafeStateChanged fallback_handler"]);
        town.send(new, new, Safe::setFallbackHandlerCall { handler }).await;
        assert_eq!(heard.alerts(1).await, ["safe-1.4.1 ChangedFallbackHandler"]);
        for module in [Address::repeat_byte(0x55)] {
            town.send(oldest, oldest, Safe::enableModuleCall { module }).await;
        }
        assert_eq!(heard.alerts(1).await, ["safe-1.0.0 EnabledModule"]);

        // A delegatecall writes what it likes and tells nobody: the singleton is another, of the same release.
        let release = town.ground.safes.release(SafeVersion::V1_4_1).unwrap();
        let other = release.singleton.into_word();
        town.ground.anvil.set_storage(new, B256::ZERO, other).await.unwrap();
        town.ground.anvil.mine(1).await.unwrap();
        assert_eq!(heard.alerts(1).await, ["safe-1.4.1 SafeStateChanged singleton"]);
        town.ground.anvil.set_storage(new, B256::ZERO, Address::repeat_byte(1).into_word()).await.unwrap();
        town.ground.anvil.mine(1).await.unwrap();
        assert_eq!(heard.alerts(1).await, ["safe-1.4.1 SafeStateChanged kind"]);
        assert!(heard.health.snapshot().last_error.unwrap().starts_with("safe safe-1.4.1: "));

        town.send(old, old, Safe::changeThresholdCall { _threshold: one }).await;
        assert_eq!(heard.alerts(1).await, ["safe-1.1.1 ChangedThreshold"]);
    })
    .await;
}

/// Code that writes the second word of what it is called with into the slot that the first names, and tells nobody:
/// `SSTORE(CALLDATALOAD(0), CALLDATALOAD(32))`, and before it what returns those eight bytes when it is deployed.
const WRITES_SILENTLY: Bytes =
    Bytes::from_static(&alloy::primitives::hex!("67602035600035550060005260086018f3"));

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_changes_its_slots_without_an_event_is_told() {
    let mut town = Watched::lay().await;
    let admin = town.ground.actors.deployer.address();
    let deploy = async |what: &str, data: Bytes| {
        let create = DevTransaction { what: what.to_owned(), from: admin, to: None, data };
        let nonce = town.ground.anvil.nonces(std::slice::from_ref(&create)).await.unwrap()[0].1;
        town.ground.anvil.send_all(&[create]).await.unwrap();
        admin.create(nonce)
    };
    let silent = deploy("silent code", WRITES_SILENTLY).await;
    // A real proxy; its first call writes somewhere that means nothing.
    let tools = Tools::find(None).unwrap();
    let code = creation_code(&tools.artifact("ERC1967Proxy", "ERC1967Proxy")).unwrap();
    let begin = Bytes::from([[0x11; 32], [0x22; 32]].concat());
    let arguments = (silent, begin).abi_encode_params();
    let proxy = deploy("a proxy", [code.as_ref(), &arguments].concat().into()).await;
    town.others.push(Subject { name: "quiet".to_owned(), kind: SubjectKind::Contract, address: proxy });
    let write = async |slot: ProxySlot, word: B256| {
        let data = [slot.place(), word].concat().into();
        let sent = DevTransaction { what: "a silent write".to_owned(), from: admin, to: Some(proxy), data };
        town.ground.anvil.send_all(&[sent]).await.unwrap();
    };
    let one = Address::repeat_byte(0x99).into_word();
    let (_, cursor) = town
        .while_it_runs(None, async |heard| {
            heard.next().await;
            write(ProxySlot::Admin, one).await;
            assert_eq!(heard.alerts(1).await, ["quiet ProxyStateChanged admin"]);
            write(ProxySlot::Beacon, one).await;
            assert_eq!(heard.alerts(1).await, ["quiet ProxyStateChanged beacon"]);
            assert_eq!(heard.health.snapshot().last_error, None);
        })
        .await;
    // While nobody watches: it is found after the restart, and what was told before is not told again.
    write(ProxySlot::Implementation, one).await;
    town.while_it_runs(cursor, async |heard| {
        assert_eq!(heard.alerts(1).await, ["quiet ProxyStateChanged implementation"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_leaves_a_real_chain_is_named() {
    let town = Watched::lay().await;
    let (vault, new) = (town.protocol.vault, town.safes[2].0);
    let anvil = &town.ground.anvil;
    town.while_it_runs(None, async |heard| {
        heard.next().await;
        let before = anvil.snapshot().await.unwrap();
        town.send(new, vault, Ground::pauseCall {}).await;
        assert_eq!(heard.alerts(1).await, ["vault Paused"]);
        anvil.revert(before).await.unwrap();
        anvil.mine(2).await.unwrap();
        let mut gone = 0;
        while gone == 0 {
            gone = heard.next().await;
        }
        assert_eq!((gone, heard.waiting.len()), (1, 0));
    })
    .await;
}

fn chain(endpoints: Vec<Endpoint>, agree: usize) -> Chain {
    Chain::new("local".into(), ChainId(31_337), endpoints, agree).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_with_different_limits_give_one_list_and_a_lie_is_no_empty_list() {
    let town = Watched::lay().await;
    let (vault, admin, new) = (town.protocol.vault, town.ground.actors.deployer.address(), town.safes[2].0);
    let first = town.ground.chain.head().await.unwrap().number;
    for _ in 0..5 {
        town.send(new, vault, Ground::pauseCall {}).await;
        town.ground.anvil.mine(3).await.unwrap();
        town.send(admin, vault, Ground::unpauseCall {}).await;
    }
    let url = town.ground.anvil.url();
    let honest = || Endpoint::new(url, Duration::from_secs(5)).unwrap();
    let watch = town.watch();
    let read = async |chain: Chain| {
        let to = chain.head().await.unwrap();
        chain.logs(&watch.addresses(), &watch.topics(), first, &to).await
    };
    let wanted = read(chain(vec![honest()], 1)).await.unwrap();
    assert_eq!(wanted.len(), 10);
    for limit in [1, 3, 7] {
        let limited = faulty(url, Fault::LimitsLogs(limit)).await;
        let found = read(chain(vec![honest(), limited], 2)).await.unwrap();
        assert_eq!(found, wanted, "{limit} blocks at once");
    }
    let lies = [
        Fault::Claims("eth_getLogs", json!([])),
        Fault::Claims("eth_getLogs", json!(null)),
        Fault::Without("eth_getLogs"),
    ];
    for lie in lies {
        let shown = format!("{lie:?}");
        let two = chain(vec![honest(), faulty(url, lie.clone()).await], 2);
        let error = read(two).await.unwrap_err();
        assert!(
            matches!(error, ChainError::Disagreement { .. } | ChainError::Unavailable { .. }),
            "{shown}: {error}"
        );
        let three = chain(vec![honest(), faulty(url, lie).await, honest()], 2);
        assert_eq!(read(three).await.unwrap(), wanted, "{shown}");
    }
    // Who is asked for views must agree, too, and each by itself.
    let eye = Eye(chain(vec![honest(), faulty(url, Fault::Claims("eth_call", json!("0x01"))).await], 2));
    let at = eye.head().await.unwrap();
    let asked = (vault, Bytes::from(Ground::totalAssetsCall {}.abi_encode()));
    let said = eye.read(&at, &[asked], &[], &[]).await.unwrap();
    assert!(said.calls[0].as_ref().unwrap_err().contains("endpoints disagree"), "{said:?}");
}
