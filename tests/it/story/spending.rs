//! The executor's money: a cap that holds, and a private relay that may or may not do what it says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use alloy::primitives::U256;
use alloy::sol_types::SolCall as _;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use redhandle::chain::SignedTransaction;
use redhandle::domain::incident::names::Purpose;
use redhandle::domain::incident::{Fact, Phase, Stage};
use redhandle::drill::ground::protocol::Ground as Calls;
use serde_json::{Value, json};

use crate::support::{Life, Town, until};

/// Two owners sign a proposal.
async fn signed(town: &Town) -> Life {
    let life = town.wake().await;
    life.allow_the_proposer(town).await;
    town.alarm();
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    life.signs(town, "ana").await;
    life.signs(town, "ben").await;
    life
}

#[tokio::test]
async fn an_executor_stops_at_its_cap_is_paged_and_a_person_may_go_on() {
    let town = Town::new().await;
    town.set("auto = true", "auto = true\ncap_per_incident = \"1 gwei\"");
    let life = signed(&town).await;
    let incident =
        life.until("a refusal", |incident| matches!(incident.stage, Stage::ExecuteFailed { .. })).await;
    let because = incident.open_call(Purpose::Blocked).unwrap().because.clone();
    for words in ["0.000000001 ether may still be spent", "cap_per_incident is", "redhandle proposal execute"]
    {
        assert!(because.contains(words), "{because}");
    }
    assert_eq!(life.count("execution-signed"), 0, "nothing was signed that must not be sent");
    assert!(!town.is_paused().await);

    let said = town.run(&["proposal", "execute", "INC-1", "--as", "ana"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(town.is_paused().await);
    life.stop().await;
}

#[tokio::test]
async fn what_was_spent_before_a_crash_counts_against_the_cap_after_it() {
    let town = Town::new().await;
    let life = signed(&town).await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    life.until("command", |incident| incident.phase == Phase::Declared).await;
    life.resolves("ana").await.unwrap().unwrap();
    let spent = life.facts().into_iter().filter_map(|fact| match fact {
        Fact::ExecutionSigned { raw, .. } => Some(SignedTransaction::read(&raw).unwrap().0.most_wei()),
        _ => None,
    });
    let spent = spent.max().unwrap();
    life.crash();

    // The vault runs again, and is to be paused again within the day. What is left is one wei.
    town.act_as(town.governance.0, town.protocol.vault, Calls::unpauseCall {}.abi_encode()).await;
    let cap = spent + U256::ONE;
    town.set(
        "auto = true",
        &format!("auto = true\ncap_per_incident = \"{cap} wei\"\ncap_per_day = \"{cap} wei\""),
    );
    let life = town.wake().await;
    let second = life.triggers("pause-vault").await.id;
    life.until("a second proposal", |incident| {
        incident.id == second && matches!(incident.stage, Stage::Proposed)
    })
    .await;
    life.signs(&town, "ana").await;
    life.signs(&town, "ben").await;
    let incident =
        life.until("a refusal", |incident| matches!(incident.stage, Stage::ExecuteFailed { .. })).await;
    let because = incident.open_call(Purpose::Blocked).unwrap().because.clone();
    assert!(because.contains("cap_per_day is") && because.contains("was taken in 24 hours"), "{because}");
    assert_eq!(life.count("execution-signed"), 0);
    assert!(!town.is_paused().await);
    life.stop().await;
}

#[tokio::test]
async fn a_balance_below_the_cap_is_red_before_it_matters() {
    let town = Town::new().await;
    town.set("auto = true", "auto = true\ncap_per_incident = \"20000 ether\"");
    let said = town.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    let flat = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("which is less than it may spend for one incident (20000 ether)"), "{flat}");
}

/// A relay that keeps what it is given, and passes it on or not.
struct FakeRelay {
    address: SocketAddr,
    kept: Arc<Kept>,
}

struct Kept {
    node: url::Url,
    passes_on: bool,
    refuses: bool,
    asked: Mutex<Vec<(String, String)>>,
}

impl FakeRelay {
    async fn start(town: &Town, passes_on: bool, refuses: bool) -> Self {
        let node = town.chain.anvil.url().clone();
        let kept = Arc::new(Kept { node, passes_on, refuses, asked: Mutex::new(Vec::new()) });
        let router = Router::new().fallback(post(relay)).with_state(Arc::clone(&kept));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a server of one test, gone with its runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        town.write("secrets/relay", &format!("http://{address}/key-0123456789"));
        Self { address, kept }
    }

    fn configure(&self, town: &Town, more: &str) {
        assert_ne!(self.address.port(), 0);
        town.set(
            "auto = true",
            &format!("auto = true\n[executor.relay.local]\nurl = {{ file = \"secrets/relay\" }}\n{more}"),
        );
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.kept.asked.lock().unwrap().clone()
    }
}

async fn relay(State(kept): State<Arc<Kept>>, body: String) -> String {
    let request: Value = serde_json::from_str(&body).unwrap();
    let method = request["method"].as_str().unwrap().to_owned();
    let first = &request["params"][0];
    let raw = first.as_str().or_else(|| first["tx"].as_str()).unwrap().to_owned();
    kept.asked.lock().unwrap().push((method, raw.clone()));
    if kept.refuses {
        let error = json!({ "code": -32000, "message": "builders are asleep" });
        return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error }).to_string();
    }
    if kept.passes_on {
        let client = redhandle::http::client(std::time::Duration::from_secs(10)).unwrap();
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw] });
        client
            .post(kept.node.clone())
            .body(call.to_string())
            .header("content-type", "application/json")
            .send()
            .await
            .unwrap();
    }
    let bytes: alloy::primitives::Bytes = raw.parse().unwrap();
    let hash = alloy::primitives::keccak256(&bytes);
    json!({ "jsonrpc": "2.0", "id": request["id"], "result": hash }).to_string()
}

#[tokio::test]
async fn a_relay_is_given_the_transaction_first_and_by_its_own_method() {
    let town = Town::new().await;
    let relay = FakeRelay::start(&town, true, false).await;
    relay.configure(&town, "method = \"eth_sendPrivateTransaction\"\nonly = true");
    let life = signed(&town).await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    let asked = relay.asked();
    assert_eq!(asked[0].0, "eth_sendPrivateTransaction");
    let signed = life.facts().into_iter().find_map(|fact| match fact {
        Fact::ExecutionSigned { raw, .. } => Some(raw.to_string()),
        _ => None,
    });
    assert_eq!(Some(asked[0].1.clone()), signed, "what was journalled is what was sent");
    life.stop().await;
}

#[tokio::test]
async fn what_a_relay_sits_on_is_sent_publicly_after_its_blocks() {
    let town = Town::new().await;
    let relay = FakeRelay::start(&town, false, false).await;
    relay.configure(&town, "public_after_blocks = 2");
    let life = signed(&town).await;
    until("the relay to be asked", async || (!relay.asked().is_empty()).then_some(())).await;
    assert!(!town.is_paused().await, "only the relay has it");
    town.chain.anvil.mine(2).await.unwrap();
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    life.stop().await;
}

#[tokio::test]
async fn a_relay_that_refuses_is_gone_around_unless_it_is_the_only_way() {
    let town = Town::new().await;
    let relay = FakeRelay::start(&town, false, true).await;
    relay.configure(&town, "only = true");
    let life = signed(&town).await;
    let incident =
        life.until("a refusal", |incident| matches!(incident.stage, Stage::ExecuteFailed { .. })).await;
    let because = incident.open_call(Purpose::Blocked).unwrap().because.clone();
    assert!(because.contains("builders are asleep") && because.contains("by no other way"), "{because}");
    assert!(!because.contains("key-0123456789"), "the relay's URL is a secret: {because}");
    assert!(!town.is_paused().await);
    life.stop().await;

    town.set("only = true", "");
    let life = town.wake().await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    life.stop().await;
}
