//! Several endpoints, some of them wrong: what the chain makes of it.

use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolCall;
use serde_json::json;
use url::Url;

use super::super::*;
use super::faulty::{Fault, faulty};
use crate::chain::{CallOutcome, Chain, ChainError, Endpoint, RpcErrorKind, SnapshotPlan};
use crate::domain::names::{ChainId, ChainName};
use crate::domain::safe::abi::Safe;

async fn anvil() -> Anvil {
    Anvil::start(&Tools::find(None).unwrap(), &AnvilOptions::default()).await.unwrap()
}

/// One more voice of the same node.
pub(super) fn voice(anvil: &Anvil) -> Endpoint {
    Endpoint::new(anvil.url(), Duration::from_secs(5)).unwrap()
}

pub(super) fn chain(endpoints: Vec<Endpoint>, agree: usize) -> Chain {
    Chain::new(ChainName::new("local"), ChainId(31_337), endpoints, agree).unwrap()
}

fn nobody() -> Endpoint {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Endpoint::new(
        &format!("http://127.0.0.1:{port}/v2/0123456789abcdef").parse().unwrap(),
        Duration::from_secs(5),
    )
    .unwrap()
}

/// Ports and hashes differ from run to run.
fn stable(text: impl ToString) -> String {
    let mut out = String::new();
    let text = text.to_string();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("127.0.0.1:") {
        out.push_str(&rest[..at]);
        out.push_str("HOST");
        rest = rest[at + "127.0.0.1:".len()..].trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out.push_str(rest);
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_another_chain_is_named() {
    let right = anvil().await;
    let options = AnvilOptions { chain_id: ChainId(1), ..AnvilOptions::default() };
    let wrong = Anvil::start(&Tools::find(None).unwrap(), &options).await.unwrap();
    let both = chain(vec![voice(&right), voice(&wrong)], 1);
    let error = both.verify_chain_id().await.unwrap_err();
    insta::assert_snapshot!(stable(&error), @"HOST serves chain id 1, but local is configured as 31337");
    assert!(
        matches!(&error, ChainError::WrongChain { endpoint, .. } if endpoint.as_str() == format!("127.0.0.1:{}", wrong.url().port().unwrap()))
    );
    chain(vec![voice(&right), nobody()], 1).verify_chain_id().await.unwrap();
    assert!(matches!(
        chain(vec![voice(&right), nobody()], 2).verify_chain_id().await,
        Err(ChainError::Unavailable { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_said_without_the_key_in_its_url() {
    let error = chain(vec![nobody()], 1).head().await.unwrap_err();
    insta::assert_snapshot!(stable(&error), @"reading the latest block on local: fewer than 1 endpoints answered (HOST: not reachable)");
    let lone = nobody();
    let error = lone.ask::<U256>("counting", "eth_chainId", json!([])).await.unwrap_err();
    let mut causes = vec![error.to_string()];
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    assert!(causes.len() > 1, "the cause is kept: {causes:?}");
    assert!(!causes.join(" ").contains("0123456789abcdef"), "{causes:?}");
    assert!(!format!("{error:?} {lone:?}").contains("0123456789abcdef"));
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_of_one_host_are_told_apart_by_number() {
    let anvil = anvil().await;
    let port = anvil.url().port().unwrap();
    let labels: Vec<_> =
        chain(vec![voice(&anvil), voice(&anvil)], 2).labels().map(ToString::to_string).collect();
    assert_eq!(labels, [format!("127.0.0.1:{port} #1"), format!("127.0.0.1:{port} #2")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_outvoted_and_two_of_two_disagree() {
    let (honest, other) = (anvil().await, anvil().await);
    // Two chains: their heads have different times, and so different hashes.
    honest.mine(13).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    other.mine(15).await.unwrap();
    let head = chain(vec![voice(&honest), voice(&other), voice(&honest)], 2).head().await.unwrap();
    assert_eq!(head.number, 13);
    let error = chain(vec![voice(&honest), voice(&other)], 2).head().await.unwrap_err();
    let ChainError::Disagreement { said, .. } = &error else { panic!("{error}") };
    let said: Vec<_> = said.iter().map(|s| s.said.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(said, ["block 13", "block 15"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_is_the_newest_block_that_enough_endpoints_have() {
    let anvil = anvil().await;
    anvil.mine(20).await.unwrap();
    let behind = |blocks| faulty(anvil.url(), Fault::Behind(blocks));
    for (endpoints, agree, want) in [
        (vec![voice(&anvil), behind(3).await, voice(&anvil)], 2, 20),
        (vec![voice(&anvil), behind(3).await], 2, 17),
        (vec![behind(9).await, behind(3).await, voice(&anvil)], 2, 17),
        (vec![behind(9).await, behind(3).await, voice(&anvil)], 3, 11),
        (vec![voice(&anvil), nobody(), voice(&anvil)], 2, 20),
        (vec![behind(3).await, voice(&anvil), behind(3).await], 1, 20),
    ] {
        let chain = chain(endpoints, agree);
        assert_eq!(chain.head().await.unwrap().number, want, "{chain:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_at_the_tip_is_left_by_stepping_back() {
    let one = anvil().await;
    one.mine(10).await.unwrap();
    let fork = Some(Fork { url: one.url().clone(), block: None });
    let options = AnvilOptions { fork, ..AnvilOptions::default() };
    let other = Anvil::start(&Tools::find(None).unwrap(), &options).await.unwrap();
    // The same height, but other blocks: only one of them pays somebody.
    one.mine(2).await.unwrap();
    let actors = Actors::new();
    let pay = DevTransaction {
        what: "paying".into(),
        from: actors.deployer.address(),
        to: Some(Address::ZERO),
        data: vec![1].into(),
    };
    other.send_all(&[pay]).await.unwrap();
    other.mine(1).await.unwrap();
    let both = chain(vec![voice(&one), voice(&other)], 2);
    assert_eq!(both.head().await.unwrap().number, 10);
    one.mine(10).await.unwrap();
    other.mine(10).await.unwrap();
    assert!(matches!(both.head().await, Err(ChainError::Disagreement { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_holds_nobody_up() {
    let anvil = anvil().await;
    let chain = chain(vec![faulty(anvil.url(), Fault::Hangs).await, voice(&anvil), voice(&anvil)], 2);
    let begun = Instant::now();
    let head = chain.head().await.unwrap();
    chain.balance(&head, Address::ZERO).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(2_500), "took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_about_one_value_is_outvoted_or_told_and_spares_the_others() {
    let ground = LocalChain::start(&Tools::find(None).unwrap(), &LocalChainOptions::default()).await.unwrap();
    let safe = ground.safe(2, 3).await.unwrap();
    let liar = || faulty(ground.anvil.url(), Fault::Claims("eth_getStorageAt", json!(B256::repeat_byte(7))));
    let honest = || voice(&ground.anvil);
    let head = ground.chain.head().await.unwrap();
    let slot = B256::ZERO;
    let truth = ground.chain.storage(&head, safe.0, slot).await.unwrap();

    let outvoted = chain(vec![liar().await, honest(), honest()], 2);
    assert_eq!(outvoted.storage(&head, safe.0, slot).await.unwrap(), truth);

    let torn = chain(vec![liar().await, honest()], 2);
    let error = torn.storage(&head, safe.0, slot).await.unwrap_err();
    assert!(error.to_string().contains("endpoints disagree"), "{error}");
    assert!(error.to_string().contains("0x0707"), "{error}");
    let mut plan = SnapshotPlan::new();
    let (threshold, whole) =
        (plan.call(safe.0, Safe::getThresholdCall {}.abi_encode().into()), plan.safe(safe));
    let read = torn.read(&head, plan).await.unwrap();
    assert_eq!(read.call(threshold).unwrap(), CallOutcome::Returned(B256::with_last_byte(2).into()));
    let error = read.safe(whole).unwrap_err();
    insta::assert_snapshot!(error.to_string().replace(&safe.to_string(), "SAFE"), @"could not read the singleton of Safe SAFE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_says_instead_of_an_answer_is_classified() {
    let anvil = anvil().await;
    let refused = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"key 0123456789abcdef is over its limit"}}"#;
    for (fault, want) in [
        (Fault::Hangs, "no answer in time"),
        (Fault::Says(429, "slow\ndown".into()), "refused with 429: slowdown"),
        (Fault::Says(503, String::new()), "refused with 503: "),
        (Fault::Says(200, "<html>".into()), "no usable answer: expected value at line 1 column 1"),
        (Fault::Says(429, refused.into()), "refused with -32005: key … is over its limit"),
        (Fault::Floods, "no usable answer: the answer is longer than 16777216 bytes"),
        (Fault::Without("eth_chainId"), "does not know the method"),
        (Fault::Claims("eth_chainId", json!({})), "no usable answer: invalid type: map, expected a 32 byte"),
    ] {
        let endpoint = faulty(anvil.url(), fault.clone()).await;
        let error = endpoint.ask::<U256>("asking", "eth_chainId", json!([])).await.unwrap_err();
        assert!(error.kind.to_string().starts_with(want), "{fault:?}: {error}");
    }
    assert!(matches!(
        nobody().ask::<U256>("asking", "eth_chainId", json!([])).await.unwrap_err().kind,
        RpcErrorKind::Unreachable
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_not_wholly_answered_has_no_empty_values() {
    let anvil = anvil().await;
    let loses = chain(vec![faulty(anvil.url(), Fault::LosesOne).await], 1);
    let head = loses.head().await.unwrap();
    let calls = [(Address::ZERO, vec![].into()), (Address::repeat_byte(1), vec![].into())];
    let read = loses.call_many(&head, &calls).await.unwrap();
    assert!(matches!(&read[0], Err(ChainError::Unavailable { .. })), "{read:?}");
    assert!(read[1].is_ok(), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_reads_than_one_batch_holds_come_back_in_order() {
    let anvil = anvil().await;
    let chain = chain(vec![voice(&anvil)], 1);
    // The identity precompile answers with what it is given.
    let identity = Address::with_last_byte(4);
    let calls: Vec<_> = (0..250_u64).map(|n| (identity, n.to_be_bytes().to_vec().into())).collect();
    let head = chain.head().await.unwrap();
    for (n, outcome) in chain.call_many(&head, &calls).await.unwrap().into_iter().enumerate() {
        assert_eq!(outcome.unwrap(), CallOutcome::Returned(calls[n].1.clone()));
    }
    let many = vec![(identity, alloy::primitives::Bytes::new()); 2_001];
    assert!(matches!(chain.call_many(&head, &many).await, Err(ChainError::Malformed { .. })));
    assert!(chain.call_many(&head, &[]).await.unwrap().is_empty());
}

#[test]
fn a_quorum_that_can_never_be_is_refused() {
    let url: Url = "https://rpc.example.org/key".parse().unwrap();
    let endpoint = Endpoint::new(&url, Duration::from_secs(1)).unwrap();
    let make = |agree| Chain::new("mainnet".into(), ChainId(1), vec![endpoint.clone()], agree).map(|_| ());
    assert!(make(1).is_ok());
    assert!(make(0).is_err());
    insta::assert_snapshot!(make(2).unwrap_err(), @"mainnet: 2 endpoints must agree, but 1 are configured");
}
