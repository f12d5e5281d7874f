//! Chains that answer, that fail, that are somebody else's, and that say nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use alloy::primitives::B256;
use axum::routing::post;
use axum::{Json, Router, http::StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::chain::Endpoint;

const CHAIN: ChainId = ChainId(10);

fn ours(number: u64) -> BlockId {
    BlockId { chain: CHAIN, number, hash: hash(number) }
}

fn hash(number: u64) -> B256 {
    B256::from(alloy::primitives::U256::from(number + 1))
}

/// A server that answers each question as it is told, and counts the questions about blocks.
async fn server(answer: fn(u32, &Value) -> Result<Value, StatusCode>) -> (Blocks, Arc<AtomicU32>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let app = Router::new().route(
        "/",
        post(move |Json(question): Json<Value>| async move {
            let blocks = question["method"] == "eth_getBlockByNumber";
            let nth = count.fetch_add(u32::from(blocks), Ordering::SeqCst);
            let mut reply = json!({ "jsonrpc": "2.0", "id": question["id"] });
            let said = answer(nth, &question)?;
            let as_what = if said.get("code").is_some() { "error" } else { "result" };
            reply[as_what] = said;
            Ok::<_, StatusCode>(Json(reply))
        }),
    );
    #[expect(clippy::disallowed_methods, reason = "a server beside the test")]
    tokio::spawn(async move { axum::serve(listener, app).await });
    let endpoint = Endpoint::new(&Url::parse(&url).unwrap(), Duration::from_secs(10)).unwrap();
    let chain = Chain::new(ChainName::new("optimism"), CHAIN, vec![endpoint], 1).unwrap();
    (Blocks::new(&BTreeMap::from([(ChainName::new("optimism"), chain)])), asked)
}

fn number(question: &Value) -> u64 {
    let text = question["params"][0].as_str().unwrap_or("0x0");
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

fn honest(question: &Value) -> Value {
    match question["method"].as_str() {
        Some("eth_chainId") => json!("0xa"),
        _ => json!({ "number": question["params"][0], "hash": hash(number(question)), "timestamp": "0x1" }),
    }
}

#[tokio::test]
async fn the_three_answers() {
    let (mut blocks, _) =
        server(|_, question| Ok(if number(question) > 100 { Value::Null } else { honest(question) })).await;
    assert_eq!(blocks.ask(&ours(7)).await, Canonicity::Canonical);
    assert_eq!(blocks.ask(&BlockId { hash: hash(8), ..ours(7) }).await, Canonicity::Orphaned);
    assert_eq!(blocks.ask(&ours(101)).await, Canonicity::Unknown);
    assert_eq!(blocks.ask(&BlockId { chain: ChainId(1), ..ours(7) }).await, Canonicity::Unknown);
    assert_eq!(blocks.failing().count(), 0);
}

/// What a stand-in leaves out of a block is not needed, and neither is the name of the chain.
#[tokio::test]
async fn a_hash_is_enough() {
    let (mut blocks, _) = server(|_, question| {
        Ok(match question["method"].as_str() {
            Some("eth_chainId") => json!({ "code": -32601, "message": "method not found" }),
            _ => json!({ "hash": hash(number(question)) }),
        })
    })
    .await;
    assert_eq!(blocks.ask(&ours(7)).await, Canonicity::Canonical);
}

/// Else every block would be none of its chain's, and every alert would be discarded.
#[tokio::test]
async fn another_chain_is_asked_nothing() {
    let (mut blocks, asked) = server(|_, question| {
        Ok(match question["method"].as_str() {
            Some("eth_chainId") => json!("0x1"),
            _ => json!({ "number": question["params"][0], "hash": B256::repeat_byte(1), "timestamp": "0x1" }),
        })
    })
    .await;
    assert_eq!(blocks.ask(&ours(7)).await, Canonicity::Unknown);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let (_, problem) = blocks.failing().next().unwrap();
    assert!(problem.contains("serves chain id 1, but optimism is configured as 10"), "{problem}");
}

/// A proxy that always gives its newest block.
#[tokio::test]
async fn another_height_is_no_answer() {
    let (mut blocks, _) = server(|_, question| {
        Ok(match question["method"].as_str() {
            Some("eth_chainId") => json!("0xa"),
            _ => json!({ "number": "0x999", "hash": hash(0x999), "timestamp": "0x1" }),
        })
    })
    .await;
    assert_eq!(blocks.ask(&ours(7)).await, Canonicity::Unknown);
}

#[tokio::test]
async fn a_failure_is_asked_again_at_once() {
    let (mut blocks, asked) =
        server(|nth, question| if nth == 0 { Err(StatusCode::BAD_GATEWAY) } else { Ok(honest(question)) })
            .await;
    blocks.chains.values_mut().for_each(|asked| asked.named = true);
    assert_eq!(blocks.ask(&ours(7)).await, Canonicity::Canonical);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// One block that a node will not speak of is no reason not to ask about the next.
#[tokio::test]
async fn a_refusal_spares_nobody() {
    let (mut blocks, _) = server(|_, question| {
        let pruned = json!({ "code": -32000, "message": "history has been pruned" });
        Ok(if question["params"][0] == "0x7" { pruned } else { honest(question) })
    })
    .await;
    assert_eq!(blocks.ask(&ours(7)).await, Canonicity::Unknown);
    assert_eq!(blocks.ask(&ours(8)).await, Canonicity::Canonical);
}

#[tokio::test]
async fn a_dead_chain_is_asked_less_and_less_and_a_recording_gives_up() {
    for recording in [false, true] {
        let (blocks, asked) = server(|_, _| Err(StatusCode::SERVICE_UNAVAILABLE)).await;
        let mut blocks = if recording { blocks.remembering() } else { blocks };
        for number in 0..3_000 {
            assert_eq!(blocks.ask(&ours(number)).await, Canonicity::Unknown);
        }
        let asked = asked.load(Ordering::SeqCst);
        assert!(if recording { asked <= 18 } else { (18..=33).contains(&asked) }, "{recording}: {asked}");
        assert_eq!(blocks.failing().count(), 1);
    }
}

/// A recording waits where people would be paged meanwhile.
#[tokio::test]
async fn a_slow_answer_is_unknown_to_people_and_not_to_a_recording() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let answer = |Json(question): Json<Value>| async move {
        tokio::time::sleep(BLOCK_WAIT + Duration::from_millis(500)).await;
        Json(json!({ "jsonrpc": "2.0", "id": question["id"], "result": honest(&question) }))
    };
    #[expect(clippy::disallowed_methods, reason = "a server beside the test")]
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await });
    for (is_recording, want) in [(false, Canonicity::Unknown), (true, Canonicity::Canonical)] {
        let endpoint = Endpoint::new(&url, Duration::from_secs(10)).unwrap();
        let chain = Chain::new(ChainName::new("optimism"), CHAIN, vec![endpoint], 1).unwrap();
        let mut blocks = Blocks::new(&BTreeMap::from([(ChainName::new("optimism"), chain)]));
        if is_recording {
            blocks = blocks.remembering();
        }
        blocks.chains.values_mut().for_each(|asked| asked.named = true);
        assert_eq!(blocks.ask(&ours(7)).await, want, "{is_recording}");
    }
}

/// However many alerts: nobody waits for a chain that says nothing more than a few times.
#[tokio::test]
async fn a_chain_that_says_nothing_is_waited_for_a_few_times_only() {
    // It accepts connections, and never reads.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let endpoint = Endpoint::new(&url, Duration::from_secs(60)).unwrap();
    let chain = Chain::new(ChainName::new("optimism"), CHAIN, vec![endpoint], 1).unwrap();
    let mut blocks = Blocks::new(&BTreeMap::from([(ChainName::new("optimism"), chain)])).remembering();
    blocks.chains.values_mut().for_each(|asked| asked.patience.wait = Duration::from_millis(50));
    for number in 0..100_000 {
        assert_eq!(blocks.ask(&ours(number)).await, Canonicity::Unknown);
    }
    listener.set_nonblocking(true).unwrap();
    let connections = std::iter::from_fn(|| listener.accept().ok()).count();
    assert!((1..=WAITS_MAX as usize).contains(&connections), "{connections}");
}
