//! The agent is killed at each step of the story, and the next life finishes it with one proposal.

mod by_signal;
mod in_process;

use redhandle::domain::incident::{Fact, Phase, Stage};

use crate::support::{Life, Town, until};

/// What the people do, from wherever the story stands. They give up when the agent dies.
async fn people(town: &Town, life: &Life) {
    life.try_allow_the_proposer(town).await;
    life.until("a proposal", |incident| {
        matches!(
            incident.stage,
            Stage::Proposed | Stage::Executing { .. } | Stage::Executed { .. } | Stage::Verified { .. }
        )
    })
    .await;
    for person in ["ana", "ben"] {
        let owner = town.key_of(person).address();
        while !life.newest().unwrap().confirmations.contains_key(&owner) {
            if !matches!(life.try_sign(town, person).await, Some(Ok(_))) {
                return;
            }
        }
    }
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    life.until("command", |incident| incident.phase != Phase::Reported && incident.phase != Phase::Triaged)
        .await;
    if life.newest().unwrap().phase == Phase::Declared {
        let resolved = life.resolves("ana").await;
        assert!(matches!(resolved, None | Some(Ok(_))), "{resolved:?}");
    }
    life.until("the post-mortem", |incident| incident.phase == Phase::PostMortem).await;
}

/// The story is finished, and happened once.
async fn once(town: &Town, life: &Life, what: &str) {
    assert!(town.is_paused().await, "{what}");
    assert_eq!(town.nonce().await, 1, "{what}: executed once");
    assert_eq!(life.house.agent.store.all().len(), 1, "{what}: one incident");
    let at_service = life.at_service(town).await;
    assert_eq!(at_service.len(), 1, "{what}: {at_service:?}");
    assert_eq!(at_service[0]["isExecuted"], true, "{what}");
    let facts = life.facts();
    let executed = facts.iter().filter(|fact| matches!(fact, Fact::Executed { success: true, .. })).count();
    assert_eq!(executed, 1, "{what}: {:?}", facts.iter().map(Fact::kind).collect::<Vec<_>>());
    let drafts = std::fs::read_dir(town.path("post-mortems")).unwrap().count();
    assert_eq!(drafts, 1, "{what}: one post-mortem, and nothing unfinished beside it");
    life.verified().await;
}

/// A second life, from the first one's files alone, up to the end.
async fn finished_by_the_next_life(town: &Town, what: &str) {
    let life = town.wake().await;
    people(town, &life).await;
    until(what, async || (life.count("post-mortem-drafted") > 0).then_some(())).await;
    once(town, &life, what).await;
    life.stop().await;
}
