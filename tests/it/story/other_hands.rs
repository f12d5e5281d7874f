//! Other hands on the same Safe: somebody else executes, something else executes, or there is nothing to do.

use alloy::sol_types::SolCall as _;
use redhandle::domain::incident::preparation::Queue;
use redhandle::domain::incident::timeline::timeline;
use redhandle::domain::incident::{Fact, Stage};
use redhandle::domain::safe::{SafeNonce, SafeTx};
use redhandle::drill::ground::protocol::Ground as Calls;

use crate::support::{Life, Town, until};

fn nonce(number: u64) -> SafeNonce {
    SafeNonce(alloy::primitives::U256::from(number))
}

/// What the story says, line by line.
fn told(life: &Life) -> String {
    let facts = life.house.agent.store.facts(life.newest().unwrap().id);
    timeline(&facts).into_iter().map(|moment| moment.sentence + "\n").collect()
}

#[tokio::test]
async fn somebody_else_executes_and_the_chain_says_so() {
    let town = Town::new().await;
    town.without_executor();
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let tx = incident.preparation.as_ref().unwrap().tx.clone();
    life.confirms_at_the_service(&town, "ana").await;
    life.confirms_at_the_service(&town, "chi").await;
    life.until("both confirmations", |incident| incident.has_quorum()).await;
    assert!(!town.is_paused().await, "nobody executes by itself here");

    town.outsider_executes(&tx, &["ana", "chi"]).await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert_eq!(
        (life.count("execution-started"), life.count("executed"), life.count("superseded")),
        (0, 1, 0)
    );
    life.stop().await;
}

#[tokio::test]
async fn what_is_queued_at_the_nonce_and_executes_first_supersedes_and_the_next_nonce_is_taken() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    // Before the attack the owners had queued something harmless, at the nonce the pause will take.
    let harmless = SafeTx::call(town.protocol.vault, Calls::pausedCall {}.abi_encode().into(), nonce(0));
    let queued = life.queues(&town, "ana", &harmless).await;

    town.alarm();
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let preparation = incident.preparation.as_ref().unwrap();
    assert_eq!(preparation.tx.nonce, nonce(0), "the nonce on the chain, not the end of the queue");
    let Queue::Read { displaced, .. } = &preparation.queue else { panic!("{:?}", preparation.queue) };
    assert_eq!(displaced.iter().map(|one| one.safe_tx_hash).collect::<Vec<_>>(), [queued]);
    until("pages that say what it displaces", async || {
        life.pages().contains("1 queued at the same nonce: calls paused() of vault").then_some(())
    })
    .await;
    let first = preparation.safe_tx_hash();

    // One owner has signed the pause when two others execute what was there before.
    life.signs(&town, "ana").await;
    town.outsider_executes(&harmless, &["ana", "ben"]).await;
    let incident = life
        .until("a proposal at the next nonce", |incident| {
            matches!(incident.stage, Stage::Proposed)
                && incident.preparation.as_ref().is_some_and(|preparation| preparation.tx.nonce == nonce(1))
        })
        .await;
    let second = incident.preparation.as_ref().unwrap().safe_tx_hash();
    assert_ne!(first, second);
    assert!(incident.confirmations.is_empty(), "what was signed before is of no use now");
    let why = "(calls paused() of vault) was executed first";
    assert!(told(&life).contains(why), "{}", told(&life));
    assert!(told(&life).contains("can never execute, and its signatures are void"), "{}", told(&life));
    until("pages that say that the first signature is void", async || {
        life.pages().contains("(calls paused() of vault) was executed at nonce 0 before ours").then_some(())
    })
    .await;

    // The people sign again, and are asked to.
    until("pages with the new hash", async || {
        let upper = redhandle::agent::message::device_hex(second.0.as_slice());
        life.pages().contains(&upper).then_some(())
    })
    .await;
    life.signs(&town, "ana").await;
    life.signs(&town, "chi").await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    assert_eq!(town.nonce().await, 2);

    // For each nonce one proposal of ours.
    let at_service = life.at_service(&town).await;
    let ours = |wanted: u64| {
        let at =
            at_service.iter().filter(|one| one["nonce"].to_string().trim_matches('"') == wanted.to_string());
        at.filter(|one| one["safeTxHash"] != queued.to_string()).count()
    };
    assert_eq!((ours(0), ours(1), at_service.len()), (1, 1, 3), "{at_service:?}");
    life.stop().await;
}

#[tokio::test]
async fn a_vault_that_is_paused_already_leaves_nothing_to_do() {
    let town = Town::new().await;
    let pause = SafeTx::call(town.protocol.vault, Calls::pauseCall {}.abi_encode().into(), nonce(0));
    town.outsider_executes(&pause, &["ben", "chi"]).await;
    assert!(town.is_paused().await);
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    life.until("nothing to do", |incident| matches!(incident.stage, Stage::Unneeded)).await;
    life.until("the full match", |incident| incident.matches.len() == 2).await;
    assert!(
        told(&life).contains("nothing to do: vault.pause(): read(\"vault\", \"paused()\") already"),
        "{}",
        told(&life)
    );
    assert!(life.at_service(&town).await.is_empty());
    assert!(!life.facts().iter().any(|fact| matches!(fact, Fact::Prepared(_))));
    assert_eq!(town.nonce().await, 1);
    life.stop().await;
}
