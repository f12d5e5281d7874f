//! Vaults behind proxies, the files that pin what is to stand behind them, and the story of an upgrade.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::{SolCall, SolValue};
use redhandle::agent::command::{Command, Commands};
use redhandle::clock::{Clock as _, SystemClock};
use redhandle::domain::incident::{Actor, Incident, Stage};
use redhandle::domain::names::RunbookId;
use redhandle::domain::upgrade::calls::abi::FacetCut;
use redhandle::drill::ground::protocol::Ground as Calls;
use redhandle::drill::ground::{DevTransaction, Protocol};
use serde_json::{Value, json};

use crate::support::{Life, Town};

/// The hour that the practice timelock makes one wait.
pub const DELAY_S: u64 = 3_600;

/// How the vault stands behind its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Uups,
    TransparentV4,
    TransparentV5,
    Beacon,
    Diamond,
    /// UUPS, and a TimelockController upgrades.
    Timelock,
}

/// A town whose vault stands behind a proxy of a kind; the guardian Safe upgrades it.
pub struct World {
    pub town: Town,
    pub behind: Behind,
    /// What is to stand there.
    pub fixed: Address,
    /// Where there is one.
    pub timelock: Option<Address>,
}

/// A file that forge wrote.
pub fn artifact(source: &str, contract: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("foundry-tests/out/{source}.sol/{contract}.json"))
}

fn json_of(path: &PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn creation(source: &str, contract: &str) -> Vec<u8> {
    let object = json_of(&artifact(source, contract))["bytecode"]["object"].as_str().unwrap().to_owned();
    alloy::hex::decode(object).unwrap()
}

impl World {
    /// Lays everything.
    pub async fn lay(behind: Behind) -> Self {
        Self::with(behind, ("VaultFixed", "VaultFixed"), |_| {}).await
    }

    /// The same with another implementation to upgrade to, and files that are changed before the agent reads them.
    pub async fn with(behind: Behind, new: (&str, &str), change: impl FnOnce(&Self)) -> Self {
        let mut town = Town::new().await;
        let old = town.protocol.vault;
        let bad = town.protocol.implementation;
        let guardian = town.guardian.0;
        let timelock = match behind {
            Behind::Timelock => {
                let arguments =
                    (U256::from(DELAY_S), vec![guardian], vec![Address::ZERO]).abi_encode_params();
                Some(deploy(&town, "Proxies", "Timelock", &arguments).await)
            }
            _ => None,
        };
        let admin = timelock.unwrap_or(guardian);
        let initialize: Bytes = Calls::initializeCall {
            asset: town.protocol.token,
            admin,
            pauser: guardian,
            unpauser: town.governance.0,
        }
        .abi_encode()
        .into();
        let vault = match behind {
            Behind::Uups | Behind::Timelock => {
                let arguments = (bad, initialize).abi_encode_params();
                deploy(&town, "ERC1967Proxy", "ERC1967Proxy", &arguments).await
            }
            Behind::TransparentV4 => {
                let admin = deploy(&town, "ProxiesV4", "ProxyAdminV4", &guardian.abi_encode()).await;
                deploy(&town, "ProxiesV4", "TransparentV4", &(bad, admin, initialize).abi_encode_params())
                    .await
            }
            Behind::TransparentV5 => {
                deploy(&town, "Proxies", "TransparentV5", &(bad, guardian, initialize).abi_encode_params())
                    .await
            }
            Behind::Beacon => {
                let beacon = deploy(&town, "Proxies", "Beacon", &(bad, guardian).abi_encode_params()).await;
                deploy(&town, "Proxies", "BehindBeacon", &(beacon, initialize).abi_encode_params()).await
            }
            Behind::Diamond => {
                let cuts = vec![FacetCut {
                    facetAddress: bad,
                    action: 0,
                    functionSelectors: selectors_of_the_vault(),
                }];
                let arguments = (guardian, cuts, bad, initialize).abi_encode_params();
                deploy(&town, "Diamond", "Diamond", &arguments).await
            }
        };
        let attacker = strike_at(&town, vault).await;
        town.protocol = Protocol { vault, attacker, ..town.protocol };
        let depositor = town.chain.actors.depositor.address();
        let mint = Calls::mintCall { to: depositor, amount: U256::from(10).pow(U256::from(23)) };
        send(&town, town.chain.actors.deployer.address(), town.protocol.token, mint.abi_encode().into())
            .await;
        town.chain.deposit(&town.protocol, 100_000).await.unwrap();
        let fixed = deploy(&town, new.0, new.1, &[]).await;
        let world = Self { town, behind, fixed, timelock };
        world.write(old, new);
        change(&world);
        world
    }

    /// keccak256 of what is deployed there.
    pub async fn code_hash(&self, address: Address) -> B256 {
        let code = rpc(&self.town, "eth_getCode", json!([address, "latest"])).await;
        keccak256(code.as_str().unwrap().parse::<Bytes>().unwrap())
    }

    fn write(&self, old: Address, new: (&str, &str)) {
        let town = &self.town;
        town.set(&old.to_string(), &town.protocol.vault.to_string());
        town.set(
            "abi = \"contracts-abi/vault.json\"",
            &format!("abi = {:?}", artifact("VaultFixed", "VaultFixed")),
        );
        let fixed = format!(
            "[contracts.vault_fixed]\nchain = \"local\"\naddress = \"{}\"\nabi = {:?}",
            self.fixed,
            artifact(new.0, new.1)
        );
        town.add(&fixed);
        if let Some(timelock) = self.timelock {
            let abi =
                PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("contracts-abi/timelock-controller.json");
            town.add(&format!(
                "[contracts.timelock]\nchain = \"local\"\naddress = \"{timelock}\"\nabi = {abi:?}"
            ));
        }
        for (name, contract) in
            [("vault", "VaultLayout"), ("grown", "VaultLayoutGrown"), ("clash", "VaultLayoutClash")]
        {
            let layout = json_of(&artifact("Upgrades", contract))["storageLayout"].clone();
            town.write(&format!("layouts/{name}.json"), &layout.to_string());
        }
    }

    /// Writes the runbook; `pin` is what it says of the code's hash.
    pub fn runbook(&self, pin: B256, more: &str) {
        let kind = match self.behind {
            Behind::Uups | Behind::Timelock => "uups",
            Behind::TransparentV4 | Behind::TransparentV5 => "transparent",
            Behind::Beacon => "beacon",
            Behind::Diamond => "diamond",
        };
        let what = match self.behind {
            Behind::Diamond => format!(
                "facets = [{{ facet = \"vault_fixed\", code_hash = \"{pin}\", functions = [\"withdrawUpTo(uint256,address)\", \"previewWithdrawUpTo(address,uint256)\"] }}]"
            ),
            _ => format!("implementation = \"vault_fixed\"\ncode_hash = \"{pin}\""),
        };
        let timelock = if self.timelock.is_some() { "timelock = \"timelock\"\n" } else { "" };
        let attacker = self.town.protocol.attacker;
        let today = SystemClock.now().strftime("%Y-%m-%d");
        let text = format!(
            r#"+++
id = "upgrade-vault"
severity = "emergency"
owner = "protocol-security"
reviewed = {today}
safe = ["guardian"]
respond = "propose"

[[action]]
contract = "vault"
expect = 'read("vault", "previewWithdrawUpTo({attacker}, 1000)").paid == 0'

[action.upgrade]
kind = "{kind}"
{what}
layout = {{ from = "layouts/vault.json", to = "layouts/grown.json" }}
{timelock}{more}
+++

# Upgrade the vault
## When to use this
## Decide
## After
"#
        );
        self.town.write("runbooks/upgrade-vault.md", &text);
        if self.timelock.is_some() {
            let text = format!(
                "+++\nid = \"stop-the-upgrade\"\nseverity = \"emergency\"\nowner = \"protocol-security\"\nreviewed = {today}\nsafe = [\"guardian\"]\nrespond = \"propose\"\n\n[[action]]\ncontract = \"timelock\"\ncancel = \"upgrade-vault\"\n+++\n\n# Stop the upgrade\n## When to use this\n## Decide\n## After\n"
            );
            self.town.write("runbooks/stop-the-upgrade.md", &text);
        }
    }

    /// Writes the runbook with the right pin and starts the agent.
    pub async fn wake(&self, more: &str) -> Life {
        self.runbook(self.code_hash(self.fixed).await, more);
        let life = self.town.wake().await;
        life.allow_the_proposer(&self.town).await;
        life
    }

    /// Whether the attacker still takes something.
    pub async fn is_robbed(&self) -> bool {
        self.town.chain.strike(&self.town.protocol).await.unwrap().succeeded
    }

    /// What stands in a slot of the vault.
    pub async fn slot(&self, slot: B256) -> Address {
        let word =
            rpc(&self.town, "eth_getStorageAt", json!([self.town.protocol.vault, slot, "latest"])).await;
        Address::from_word(word.as_str().unwrap().parse().unwrap())
    }

    /// Lets time pass on the chain.
    pub async fn pass(&self, seconds: u64) {
        rpc(&self.town, "evm_increaseTime", json!([seconds])).await;
        self.town.chain.anvil.mine(1).await.unwrap();
    }
}

impl Life {
    /// A responder starts a runbook by hand.
    pub async fn triggers(&self, runbook: &str) -> Arc<Incident> {
        let (house, id) = (Arc::clone(&self.house), RunbookId::new(runbook));
        self.within(async move {
            let agent = &house.agent;
            let runbook = &agent.config.runbooks[&id];
            let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
            let reason = "the vault has a hole".to_owned();
            commands.trigger(runbook, Actor::Operator, reason, Command::default()).await.unwrap()
        })
        .await
        .unwrap()
    }

    /// Two owners sign what is proposed; the agent executes.
    pub async fn two_sign(&self, town: &Town) {
        self.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
        self.signs(town, "ana").await;
        self.signs(town, "chi").await;
    }
}

async fn strike_at(town: &Town, vault: Address) -> Address {
    let attacker = town.chain.actors.attacker.address();
    let data = [creation("Attacker", "Attacker"), vault.abi_encode()].concat();
    let address = create(town, attacker, data).await;
    let mint = Calls::mintCall { to: address, amount: U256::from(10).pow(U256::from(18)) };
    send(town, town.chain.actors.deployer.address(), town.protocol.token, mint.abi_encode().into()).await;
    address
}

/// Deploys a contract of ours.
pub async fn deploy(town: &Town, source: &str, contract: &str, arguments: &[u8]) -> Address {
    let data = [creation(source, contract), arguments.to_vec()].concat();
    create(town, town.chain.actors.deployer.address(), data).await
}

async fn create(town: &Town, from: Address, data: Vec<u8>) -> Address {
    let what = "deploying a contract".to_owned();
    let sent = town.chain.anvil.send_all(&[DevTransaction { what, from, to: None, data: data.into() }]).await;
    let receipt = rpc(town, "eth_getTransactionReceipt", json!([sent.unwrap()[0]])).await;
    receipt["contractAddress"].as_str().unwrap().parse().unwrap()
}

async fn send(town: &Town, from: Address, to: Address, data: Bytes) {
    let what = "calling".to_owned();
    town.chain.anvil.send_all(&[DevTransaction { what, from, to: Some(to), data }]).await.unwrap();
}

/// Asks the practice chain something that only a practice chain answers.
pub async fn rpc(town: &Town, method: &str, params: Value) -> Value {
    let client = redhandle::http::client(Duration::from_secs(20)).unwrap();
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer: Value =
        client.post(town.chain.anvil.url().clone()).json(&body).send().await.unwrap().json().await.unwrap();
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

/// All that the vault can do, but for upgrading itself: a diamond does that.
fn selectors_of_the_vault() -> Vec<alloy::primitives::FixedBytes<4>> {
    let not_here = ["upgradeToAndCall", "proxiableUUID", "UPGRADE_INTERFACE_VERSION", "initialize"];
    json_of(&artifact("Vault", "Vault"))["methodIdentifiers"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(signature, _)| !not_here.iter().any(|name| signature.starts_with(name)))
        .map(|(_, selector)| selector.as_str().unwrap().parse().unwrap())
        .collect()
}
