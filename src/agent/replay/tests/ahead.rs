//! Looking ahead: the same to the last byte as asking in order, and much sooner where the chain is slow.

use std::time::Instant;

use super::planted::{Corpus, Shape};
use super::*;

/// All that is told, as scripts read it, and how many questions that took.
async fn told(trial: Trial, in_order: bool) -> (String, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let trial = trial.counting(&asked);
    let trial = if in_order { trial.in_order() } else { trial };
    let Outcome { firings, summary, .. } = trial.run().await;
    let firings = firings.iter().map(|firing| serde_json::to_string(firing).unwrap());
    let mut summary = serde_json::to_value(&summary).unwrap();
    // Who failed is named by its port, which is another each time.
    let failing = summary.get("failing_chains").and_then(Value::as_object).into_iter().flatten();
    let failing: Vec<String> = failing.map(|(chain, why)| told_without_port(chain, why)).collect();
    summary["failing_chains"] = json!(failing);
    let summary = summary.to_string();
    let lines: Vec<String> = firings.chain([summary]).collect();
    (lines.join("\n"), asked.load(Ordering::SeqCst))
}

fn told_without_port(chain: &str, why: &Value) -> String {
    let why: Vec<&str> =
        why.as_str().unwrap().split(':').filter(|part| !part.starts_with(char::is_numeric)).collect();
    format!("{chain}: {}", why.join(":"))
}

/// Blocks that fail, that are refused, that are not there, that are another, and answers in any order.
#[tokio::test]
async fn looking_ahead_tells_the_same_to_the_last_byte() {
    for seed in [21, 23] {
        let corpus =
            Corpus::generate(&Shape { reorganised: 200, repeated: 300, ..Shape::like_the_sample(seed, 500) });
        let (in_order, _) = told(Trial::of(&corpus).rpc(Rpc::Moody), true).await;
        let (ahead, _) = told(Trial::of(&corpus).rpc(Rpc::Moody), false).await;
        let (again, _) = told(Trial::of(&corpus).rpc(Rpc::Moody), false).await;
        assert_eq!(ahead, in_order, "seed {seed}");
        assert_eq!(ahead, again, "seed {seed}");
        assert!(in_order.contains("\"downgraded\":\"unknown-block\""), "seed {seed}: nothing was in doubt");
    }
}

#[tokio::test]
async fn nothing_is_asked_that_is_not_needed_and_nothing_twice() {
    let corpus = Corpus::generate(&Shape::like_the_sample(31, 500));
    let (in_order, wanted) = told(Trial::of(&corpus), true).await;
    let (ahead, asked) = told(Trial::of(&corpus), false).await;
    assert_eq!((ahead, asked), (in_order, wanted));
    assert!(wanted < corpus.lines.len(), "{wanted} questions for {} lines", corpus.lines.len());
}

/// `cargo test --lib -- slow_chain --nocapture` prints the ratio.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_chain_is_asked_many_at_once() {
    let mut took = Vec::new();
    for in_order in [true, false] {
        let began = Instant::now();
        let (text, asked) = told(Trial::sample().rpc(Rpc::Slow), in_order).await;
        took.push((began.elapsed(), text, asked));
    }
    let [(slow, in_order, one_by_one), (quick, ahead, at_once)] = took.as_slice() else { panic!("two runs") };
    assert_eq!((ahead, at_once), (in_order, one_by_one));
    eprintln!(
        "{at_once} questions of 20 ms: in order {slow:?}, ahead {quick:?}, {:.1} times",
        slow.div_duration_f64(*quick)
    );
}

/// An endpoint that stands one question at a time, and fails whatever else comes meanwhile.
#[tokio::test]
async fn an_endpoint_that_cannot_stand_several_questions_is_asked_fewer() {
    let (in_order, _) = told(Trial::sample().rpc(Rpc::Jealous), true).await;
    let (ahead, _) = told(Trial::sample().rpc(Rpc::Jealous), false).await;
    assert_eq!(ahead, in_order);
}

/// A node that has pruned all of it is asked about each block once, and once more at the end: not every few lines.
#[tokio::test]
async fn what_nobody_can_tell_is_not_asked_again_and_again() {
    let corpus = Corpus::generate(&Shape::like_the_sample(32, 1_600));
    for in_order in [true, false] {
        let asked = Arc::new(AtomicUsize::new(0));
        let trial = Trial::of(&corpus).rpc(Rpc::Empty).counting(&asked);
        let trial = if in_order { trial.in_order() } else { trial };
        let unknown = usize::try_from(trial.run().await.summary.unknown_blocks).unwrap();
        let (asked, chains) = (asked.load(Ordering::SeqCst), 7);
        assert!(unknown > 100 && asked <= 2 * unknown + chains, "{asked} questions about {unknown} blocks");
    }
}

/// What one who answers by mood does with a block, other than answering, after a while.
pub(super) async fn mood(
    chain: u64,
    question: &Value,
    nth: usize,
) -> Result<Option<(&'static str, Value)>, StatusCode> {
    let number = question["params"][0].as_str().unwrap_or_default();
    let of_block = Sha256::digest(format!("{chain}|{number}"));
    // However often it is asked, and however quick it is: the block decides.
    let wait = (u64::from(of_block[1]) + u64::try_from(nth).unwrap() * 7) % 12;
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    match of_block[0] {
        _ if question["method"] == "eth_chainId" => Ok(None),
        0..=3 => Err(StatusCode::BAD_GATEWAY),
        4..=15 => Ok(Some(("error", json!({ "code": -32_000, "message": "history has been pruned" })))),
        16..=27 => Ok(Some(("result", Value::Null))),
        // Reorganised away.
        28..=40 => {
            let hash = B256::repeat_byte(0xee);
            Ok(Some(("result", json!({ "number": number, "hash": hash, "timestamp": "0x1" }))))
        }
        41..=255 => Ok(None),
    }
}
