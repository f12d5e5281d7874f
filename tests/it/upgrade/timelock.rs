//! Through a TimelockController: scheduled, waited for, executed; and taken back.

use alloy::primitives::{B256, U256};
use alloy::sol_types::SolValue as _;
use redhandle::domain::incident::{Incident, Stage};
use redhandle::domain::upgrade::calls::IMPLEMENTATION_SLOT;
use redhandle::domain::upgrade::calls::abi::Timelock;
use redhandle::domain::upgrade::proof::{TimelockProof, UpgradeStep};
use redhandle::domain::upgrade::timelock::batch_id;

use super::world::{Behind, DELAY_S, World};
use crate::support::Life;

alloy::sol! {
    interface Hashes {
        function hashOperationBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt) external pure returns (bytes32);
    }
}

/// The upgrade is scheduled by the Safe, and the incident waits.
async fn scheduled(world: &World, life: &Life) -> TimelockProof {
    life.triggers("upgrade-vault").await;
    let proposed = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let preparation = proposed.preparation.clone().unwrap();
    let [proof] = preparation.upgrades.as_slice() else { panic!("{:?}", preparation.upgrades) };
    assert_eq!(proof.step, UpgradeStep::Schedule);
    assert!(
        proof.authority.contains("proposed by Safe guardian, executed by anybody"),
        "{}",
        proof.authority
    );
    let rehearsed: Vec<_> = preparation
        .simulation
        .expectations
        .iter()
        .filter(|one| one.expect.starts_with("once the timelock"))
        .collect();
    assert_eq!(rehearsed.len(), 2, "the slot and the runbook's own expect: {rehearsed:?}");
    life.two_sign(&world.town).await;
    let waiting = life.until("the wait", |incident| matches!(incident.stage, Stage::Waiting { .. })).await;
    assert!(because(&waiting).contains("may be executed from"), "{}", because(&waiting));
    assert_eq!(world.slot(IMPLEMENTATION_SLOT).await, world.town.protocol.implementation, "nothing yet");
    proof.timelock.clone().unwrap()
}

fn because(incident: &Incident) -> &str {
    match &incident.stage {
        Stage::Waiting { because, .. } => because,
        Stage::PrepareFailed { problem, .. } => problem,
        other => panic!("{other:?}"),
    }
}

async fn timestamp(world: &World, id: B256) -> U256 {
    let call = Timelock::getTimestampCall { id };
    U256::abi_decode(&world.town.view(world.timelock.unwrap(), call).await).unwrap()
}

#[tokio::test]
async fn the_vault_is_upgraded_through_a_timelock() {
    let world = World::lay(Behind::Timelock).await;
    let life = world.wake("").await;
    assert!(world.is_robbed().await);
    let timelock = scheduled(&world, &life).await;
    assert_eq!(timelock.delay_s, DELAY_S);
    assert!(timestamp(&world, timelock.operation).await > U256::ONE, "the id is the timelock's own");

    // By itself: nobody triggers anything again.
    world.pass(DELAY_S + 1).await;
    let ready = life
        .until("the second proposal", |incident| {
            let steps = incident.preparation.iter().flat_map(|one| &one.upgrades).map(|proof| proof.step);
            matches!(incident.stage, Stage::Proposed) && steps.eq([UpgradeStep::Execute])
        })
        .await;
    let proof = &ready.preparation.as_ref().unwrap().upgrades[0];
    assert!(proof.checks.iter().all(|check| check.simulated == Some(check.wanted)), "{:?}", proof.checks);
    life.two_sign(&world.town).await;
    life.until("the upgrade", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(!world.is_robbed().await, "the hole is closed");
    assert_eq!(world.slot(IMPLEMENTATION_SLOT).await, world.fixed);
    assert_eq!(timestamp(&world, timelock.operation).await, U256::ONE, "done");
    assert_eq!(life.count("waiting"), 2, "once waited for, once found ready");

    // What is done needs nothing.
    life.triggers("upgrade-vault").await;
    life.until("no need", |incident| incident.id.0 == 2 && matches!(incident.stage, Stage::Unneeded)).await;
    life.stop().await;
}

#[tokio::test]
async fn what_was_scheduled_is_cancelled_and_not_scheduled_again() {
    let world = World::lay(Behind::Timelock).await;
    let life = world.wake("").await;
    let timelock = scheduled(&world, &life).await;
    let first = life.newest().unwrap().id;

    life.triggers("stop-the-upgrade").await;
    let proposed = life
        .until("a cancellation", |incident| incident.id != first && matches!(incident.stage, Stage::Proposed))
        .await;
    let preparation = proposed.preparation.as_ref().unwrap();
    assert_eq!(preparation.calls[0].call, format!("timelock.cancel(id: {})", timelock.operation));
    life.two_sign(&world.town).await;
    life.until("it is cancelled", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert_eq!(timestamp(&world, timelock.operation).await, U256::ZERO);

    let store = &life.house.agent.store;
    let told = crate::support::until("the first incident to notice", async || {
        let incident = store.get(first).unwrap();
        matches!(incident.stage, Stage::PrepareFailed { .. }).then_some(incident)
    })
    .await;
    assert!(
        because(&told).contains("somebody cancelled it, and it is not scheduled again by itself"),
        "{}",
        because(&told)
    );

    // Nothing is left to cancel, and that is said.
    life.triggers("stop-the-upgrade").await;
    life.until("no need", |incident| incident.id.0 == 3 && matches!(incident.stage, Stage::Unneeded)).await;
    life.stop().await;
}

#[tokio::test]
async fn ids_of_batches_are_the_timelocks_own() {
    let world = World::lay(Behind::Timelock).await;
    let (targets, values) = (vec![world.fixed, world.town.guardian.0], vec![U256::ZERO, U256::from(7)]);
    let payloads = vec![vec![1_u8, 2, 3].into(), Vec::new().into()];
    let (predecessor, salt) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let ours = batch_id(&targets, &values, &payloads, predecessor, salt);
    let call = Hashes::hashOperationBatchCall { targets, values, payloads, predecessor, salt };
    let theirs = world.town.view(world.timelock.unwrap(), call).await;
    assert_eq!(B256::abi_decode(&theirs).unwrap(), ours);
}
