//! A team without any vendor: what it hears, it reads from the chain itself.

use std::time::Duration;

use alloy::primitives::{Address, keccak256};
use alloy::sol;
use alloy::sol_types::SolCall;
use redhandle::domain::incident::{Fact, Incident};
use redhandle::domain::safe::abi::Safe;
use redhandle::drill::ground::DevTransaction;
use redhandle::journal::{Journal as _, Stream, Version};
use serde_json::{Value, json};

use crate::support::{Life, Town, until};

sol! {
    interface Roles {
        function revokeRole(bytes32 role, address account) external;
        function grantRole(bytes32 role, address account) external;
    }
}

const FEED: &str = r#"[[feeds]]
name = "chain-local"
kind = "chain"
chain = "local"
poll = "100ms"

[[feeds.view]]
name = "insolvent"
contract = "vault"
bound = "totalAssets() < totalSupply()"
"#;

const RUNBOOK: &str = r#"+++
id = "who-may"
severity = "emergency"
owner = "protocol-security"
reviewed = TODAY
safe = ["guardian"]
respond = "page"

[[condition]]
id = "roles"
when = 'alert.feed == "chain-local" && alert.bot in bots.our_chain && alert.alert_id == "RoleRevoked" && alert.metadata.account == "GUARDIAN"'
about = ["vault"]

[[condition]]
id = "owners"
when = 'alert.bot in bots.our_chain && alert.alert_id in ["AddedOwner", "ChangedThreshold", "SafeStateChanged"]'
about = ["guardian"]

[[action]]
contract = "vault"
call = "pause()"
expect = 'read("vault", "paused()")'
+++

# Who may act has changed
## When to use this
## Decide
## After
"#;

fn today() -> String {
    use redhandle::clock::{Clock as _, SystemClock};
    SystemClock.now().strftime("%Y-%m-%d").to_string()
}

async fn town() -> Town {
    let town = Town::new().await;
    town.hear(FEED);
    town.set("[bots]\n", "[bots]\nour_chain = [\"chain:local\"]\n");
    let guardian = format!("{:#x}", town.guardian.0);
    town.write("runbooks/who-may.md", &RUNBOOK.replace("TODAY", &today()).replace("GUARDIAN", &guardian));
    town
}

fn call<C: SolCall>(what: &str, from: Address, to: Address, call: &C) -> DevTransaction {
    DevTransaction { what: what.to_owned(), from, to: Some(to), data: call.abi_encode().into() }
}

fn revocation(town: &Town) -> DevTransaction {
    let role = keccak256("PAUSER_ROLE");
    let revoke = Roles::revokeRoleCall { role, account: town.guardian.0 };
    call("revoking a role", town.chain.actors.deployer.address(), town.protocol.vault, &revoke)
}

/// Asks the chain itself.
async fn rpc(town: &Town, method: &str, params: Value) -> Value {
    let client = redhandle::http::client(Duration::from_secs(20)).unwrap();
    let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = client.post(town.chain.anvil.url().clone()).json(&asked).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

/// Everything the feed wrote.
async fn of_feed(life: &Life) -> Vec<String> {
    let journal = std::sync::Arc::clone(&life.house.journal);
    let read =
        async move { journal.read(&Stream::new("feed/chain-local".to_owned()), Version(0)).await.unwrap() };
    life.within(read).await.unwrap().into_iter().map(|entry| entry.kind).collect()
}

/// What happens before the first look is not told: wait for it.
async fn watches(life: &Life) {
    until("the feed's place", async || of_feed(life).await.contains(&"place".to_owned()).then_some(())).await;
}

fn about(life: &Life, contract: &str) -> Vec<std::sync::Arc<Incident>> {
    let all = life.house.agent.store.all();
    all.into_iter().filter(|one| one.contract.as_ref().is_some_and(|c| c.as_str() == contract)).collect()
}

fn notes(life: &Life) -> Vec<String> {
    life.facts()
        .into_iter()
        .filter_map(|fact| if let Fact::Noted { text, .. } = fact { Some(text) } else { None })
        .collect()
}

#[tokio::test]
async fn ten_lines_page_for_a_revoked_role_and_a_new_owner_with_no_vendor() {
    let town = town().await;
    let life = town.wake().await;
    watches(&life).await;
    town.chain.anvil.send_all(&[revocation(&town)]).await.unwrap();
    let incident = life.until("an incident", |incident| !incident.matches.is_empty()).await;
    assert_eq!(incident.contract.as_ref().unwrap().as_str(), "vault");
    let [matched] = incident.matches.as_slice() else { panic!("{:?}", incident.matches) };
    assert_eq!(matched.condition.as_str(), "roles");
    until("people to be asked", async || life.pages().contains("is it real?").then_some(())).await;

    // Owners change while nobody watches; it is read after the restart, and nothing is told twice.
    life.stop().await;
    let guardian = town.guardian.0;
    town.chain.anvil.impersonate(guardian).await.unwrap();
    town.chain.anvil.set_balance(guardian, alloy::primitives::U256::from(10_u128.pow(18))).await.unwrap();
    let owner = Address::repeat_byte(0x77);
    let add = Safe::addOwnerWithThresholdCall { owner, _threshold: alloy::primitives::U256::from(1) };
    town.chain.anvil.send_all(&[call("adding an owner", guardian, guardian, &add)]).await.unwrap();
    let life = town.wake().await;
    let about_it = until("an incident about the Safe", async || about(&life, "guardian").pop()).await;
    let named: Vec<_> = about_it.matches.iter().map(|matched| matched.condition.as_str()).collect();
    assert!(named.iter().all(|name| *name == "owners"), "{named:?}");
    // The overlap is read again, too.
    town.chain.anvil.mine(3).await.unwrap();
    until("the owner and the threshold", async || {
        let about_it = about(&life, "guardian").pop().unwrap();
        (about_it.matches.len() == 2).then_some(())
    })
    .await;
    let kept = of_feed(&life).await.iter().filter(|kind| *kind == "alert-kept").count();
    assert_eq!(kept, 3, "a role, an owner, a threshold");
    assert_eq!((about(&life, "vault").len(), about(&life, "guardian").len()), (1, 1));
    assert_eq!(about(&life, "vault")[0].matches.len(), 1);
    life.stop().await;
}

#[tokio::test]
async fn what_leaves_the_chain_is_taken_back_and_told_again_when_it_is_there_again() {
    let town = town().await;
    let anvil = &town.chain.anvil;
    anvil.mine(3).await.unwrap();
    let life = town.wake().await;
    watches(&life).await;
    let before = anvil.snapshot().await.unwrap();
    let sent = anvil.send_all(&[revocation(&town)]).await.unwrap();
    let raw = rpc(&town, "eth_getRawTransactionByHash", json!(sent)).await;
    life.until("an incident", |incident| !incident.matches.is_empty()).await;

    // The chain goes another way, and higher.
    anvil.revert(before).await.unwrap();
    anvil.mine(3).await.unwrap();
    let taken_back = async || notes(&life).into_iter().find(|note| note.contains("were taken back"));
    let note = until("the note", taken_back).await;
    assert_eq!(note, "1 alert(s) of condition roles were taken back: its block is not on the chain");

    // The same transaction comes into another block: the same alert, of a newer block, and no second incident.
    assert_eq!(rpc(&town, "eth_sendRawTransaction", json!([raw])).await, json!(sent[0]));
    let again = async || notes(&life).into_iter().find(|note| note.contains("on the chain again"));
    until("the second note", again).await;
    assert_eq!(life.house.agent.store.all().len(), 1);
    life.crash();

    // A restart says nothing of it a third time.
    let life = town.wake().await;
    anvil.mine(1).await.unwrap();
    until("the feed to look", async || (of_feed(&life).await.len() > 3).then_some(())).await;
    assert_eq!((life.house.agent.store.all().len(), notes(&life).len()), (1, 2), "{:?}", notes(&life));
    life.stop().await;
}
