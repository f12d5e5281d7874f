//! The newest block and what stands there: one request, two where a block came in between, and never another answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolCall;
use serde_json::json;

use super::super::*;
use super::agreement::{chain, voice};
use super::faulty::{Fault, faulty};
use crate::chain::{CallOutcome, ChainError, SnapshotPlan};
use crate::domain::safe::abi::Safe;

async fn ground() -> LocalChain {
    LocalChain::start(&Tools::find(None).unwrap(), &LocalChainOptions::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_safe_at_the_newest_block_is_one_request() {
    let ground = ground().await;
    let safe = ground.safe(2, 3).await.unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = chain(vec![faulty(ground.anvil.url(), Fault::Counts(Arc::clone(&asked))).await], 1);
    let requests = || asked.swap(0, Ordering::Relaxed);

    let (first, state) = seen.newest_safe(safe).await.unwrap();
    assert_eq!(requests(), 2, "which block is the newest was not known");
    assert_eq!(state, ground.chain.safe_state(&first, safe).await.unwrap());

    for _ in 0..3 {
        assert_eq!(seen.newest_safe(safe).await.unwrap(), (first, state.clone()));
        assert_eq!(requests(), 1);
    }
    // The clones of a chain have one memory: it is the chain that was looked at.
    assert_eq!(seen.clone().newest_safe(safe).await.unwrap(), (first, state.clone()));
    assert_eq!(requests(), 1);

    ground.anvil.mine(1).await.unwrap();
    let (next, moved) = seen.newest_safe(safe).await.unwrap();
    assert_eq!(requests(), 2, "what was read at the block before is thrown away");
    assert_eq!((next.number, moved.block_number), (first.number + 1, first.number + 1));
    assert_eq!(moved, ground.chain.safe_state(&next, safe).await.unwrap());

    assert_eq!(seen.newest(SnapshotPlan::new()).await.unwrap().block, next, "nothing to read is read");
    assert_eq!(requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_in_between_are_never_missed() {
    let ground = ground().await;
    // The identity precompile answers with what it is given.
    let identity = Address::with_last_byte(4);
    for n in 0..8_u8 {
        let mut plan = SnapshotPlan::new();
        let ticket = plan.call(identity, vec![n].into());
        let snapshot = ground.chain.newest(plan).await.unwrap();
        assert_eq!(snapshot.call(ticket).unwrap(), CallOutcome::Returned(vec![n].into()));
        let elsewhere = chain(vec![voice(&ground.anvil)], 1);
        assert_eq!(snapshot.block, elsewhere.head().await.unwrap(), "round {n}");
        if n % 3 != 0 {
            ground.anvil.mine(1).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_at_other_heights_are_read_where_they_agree() {
    let ground = ground().await;
    let safe = ground.safe(2, 3).await.unwrap();
    ground.anvil.mine(10).await.unwrap();
    let url = ground.anvil.url();
    let behind = chain(vec![faulty(url, Fault::Behind(2)).await, voice(&ground.anvil)], 2);
    let newest = ground.chain.head().await.unwrap();
    for _ in 0..2 {
        let (block, state) = behind.newest_safe(safe).await.unwrap();
        assert_eq!(block, behind.head().await.unwrap());
        assert_eq!((block.number, state.block_number), (newest.number - 2, newest.number - 2));
    }
    // One that makes up a block far ahead carries nobody with it.
    let invented = json!({ "number": "0xffffff", "hash": B256::repeat_byte(9), "timestamp": "0x1" });
    let liar = faulty(url, Fault::Claims("eth_getBlockByNumber", invented)).await;
    let outvoted = chain(vec![liar, voice(&ground.anvil), voice(&ground.anvil)], 2);
    for _ in 0..2 {
        assert_eq!(outvoted.newest_safe(safe).await.unwrap().0, newest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_or_two_a_dispute_is_told_and_a_lie_is_outvoted() {
    let ground = ground().await;
    let safe = ground.safe(2, 3).await.unwrap();
    let liar = || faulty(ground.anvil.url(), Fault::Claims("eth_getStorageAt", json!(B256::repeat_byte(7))));
    let honest = || voice(&ground.anvil);
    let truth = ground.chain.newest_safe(safe).await.unwrap();

    let outvoted = chain(vec![liar().await, honest(), honest()], 2);
    let torn = chain(vec![liar().await, honest()], 2);
    let deaf = chain(vec![faulty(ground.anvil.url(), Fault::Hangs).await, honest()], 1);
    for _ in 0..2 {
        assert_eq!(outvoted.newest_safe(safe).await.unwrap(), truth);
        let mut plan = SnapshotPlan::new();
        let threshold = plan.call(safe.0, Safe::getThresholdCall {}.abi_encode().into());
        let whole = plan.safe(safe);
        let read = torn.newest(plan).await.unwrap();
        assert_eq!(read.call(threshold).unwrap(), CallOutcome::Returned(B256::with_last_byte(2).into()));
        let error = read.safe(whole).unwrap_err();
        assert_eq!(
            error.to_string().replace(&safe.to_string(), "SAFE"),
            "could not read the singleton of Safe SAFE"
        );
        assert_eq!(deaf.newest_safe(safe).await.unwrap(), truth);
    }
    let gone = chain(vec![faulty(ground.anvil.url(), Fault::Says(503, String::new())).await], 1);
    let unread = gone.newest(SnapshotPlan::new()).await.unwrap_err();
    assert!(matches!(unread, ChainError::Unavailable { .. }), "{unread}");
}
