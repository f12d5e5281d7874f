//! An execution that no block takes: outbid at its own nonce, and known to whoever comes after.

use std::time::Duration;

use alloy::primitives::{B256, U64};
use redhandle::chain::SignedTransaction;
use redhandle::domain::incident::{Fact, Stage};
use serde_json::{Value, json};

use crate::support::{Life, Town, until};

/// The journalled transactions, and the account nonce that each takes.
fn signed(life: &Life) -> Vec<(B256, u64)> {
    let of = |fact| match fact {
        Fact::ExecutionSigned { transaction, account_nonce, raw, .. } => {
            let (read, _) = SignedTransaction::read(&raw).unwrap();
            assert_eq!((read.hash, read.nonce), (transaction, account_nonce));
            Some((transaction, account_nonce))
        }
        _ => None,
    };
    life.facts().into_iter().filter_map(of).collect()
}

/// How many transactions of the executor were mined.
async fn mined(town: &Town) -> u64 {
    let params = json!([town.chain.actors.executor.address(), "latest"]);
    let count: U64 = serde_json::from_value(ask(town, "eth_getTransactionCount", params).await).unwrap();
    count.to()
}

/// Asks the node.
async fn ask(town: &Town, method: &str, params: Value) -> Value {
    let client = redhandle::http::client(Duration::from_secs(20)).unwrap();
    let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = client.post(town.chain.anvil.url().clone()).json(&question).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["result"].clone()
}

/// Up to an execution that waits in the pool.
async fn waits_in_the_pool(town: &Town, life: &Life) {
    life.allow_the_proposer(town).await;
    town.alarm();
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    town.chain.anvil.automine(false).await.unwrap();
    life.signs(town, "ana").await;
    life.signs(town, "ben").await;
    life.until_fact("execution-signed").await;
}

#[tokio::test]
async fn an_execution_that_no_block_takes_is_outbid_at_its_own_nonce() {
    let town = Town::new().await;
    let before = mined(&town).await;
    let life = town.wake().await;
    waits_in_the_pool(&town, &life).await;
    until("a higher bid", async || (signed(&life).len() > 1).then_some(())).await;
    let bids = signed(&life);
    assert!(bids.iter().all(|(_, nonce)| *nonce == bids[0].1), "{bids:?}");
    assert_ne!(bids[0].0, bids[1].0);

    town.chain.anvil.automine(true).await.unwrap();
    town.chain.anvil.mine(1).await.unwrap();
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert_eq!(mined(&town).await, before + 1, "one transaction was mined");
    assert_eq!(life.count("execution-failed"), 0);
    life.stop().await;
}

#[tokio::test]
async fn after_a_crash_the_transaction_that_waits_is_known_and_no_second_one_is_signed() {
    let town = Town::new().await;
    let before = mined(&town).await;
    let life = town.wake().await;
    waits_in_the_pool(&town, &life).await;
    let first = signed(&life);
    life.crash();
    // No node has it any more.
    let dropped = ask(&town, "anvil_dropTransaction", json!([first[0].0])).await;
    assert_eq!(dropped, json!(first[0].0));
    town.chain.anvil.automine(true).await.unwrap();

    let life = town.wake().await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert_eq!(signed(&life), first, "the same bytes were sent again");
    assert_eq!(mined(&town).await, before + 1);
    let executed = life.facts().into_iter().find_map(|fact| match fact {
        Fact::Executed { transaction, .. } => Some(transaction),
        _ => None,
    });
    assert_eq!(executed, Some(first[0].0));
    life.stop().await;
}
