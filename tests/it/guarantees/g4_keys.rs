//! We never hold an owner key. The proposer key is a delegate: it can suggest, not act.

use alloy::primitives::Bytes;
use alloy::signers::SignerSync as _;
use redhandle::agent::follow;
use redhandle::domain::incident::{Fact, Stage};

use crate::support::Town;

#[tokio::test]
async fn g4_we_never_hold_an_owner_key() {
    let town = Town::new().await;
    town.keystore("proposer", &town.key_of("ben"));
    let owner = town.key_of("ben").address();

    let said = town.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    let line = format!("[proposer]: the proposer key {owner} is an owner of Safe");
    assert!(unwrapped(&said.stdout).contains(&line), "{said:?}");

    // Unchecked, it signs nothing all the same.
    let life = town.wake().await;
    town.alarm();
    life.until("the proposal to be refused", |incident| matches!(incident.stage, Stage::SubmitFailed { .. }))
        .await;
    let refused = life.facts().into_iter().find_map(|fact| match fact {
        Fact::SubmissionFailed { problem, .. } => Some(problem),
        _ => None,
    });
    assert!(
        refused.as_ref().is_some_and(|problem| problem.contains("is an owner of Safe guardian")),
        "{refused:?}"
    );
    assert!(life.at_service(&town).await.is_empty());
    assert!(life.newest().unwrap().confirmations.is_empty());

    // The owners can do without.
    life.signs(&town, "ana").await;
    life.signs(&town, "chi").await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    life.stop().await;
}

#[tokio::test]
async fn g4_the_proposer_can_suggest_and_not_act() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let preparation = incident.preparation.clone().unwrap();
    let hash = preparation.safe_tx_hash();

    let at_service = life.at_service(&town).await;
    assert_eq!(at_service[0]["safeTxHash"], hash.to_string());
    assert_eq!(
        at_service[0]["confirmations"].as_array().map(Vec::len),
        Some(0),
        "proposing confirms nothing"
    );

    // Its signature counts nowhere: not at the service, not with us.
    let signature =
        Bytes::from(town.chain.actors.proposer.sign_hash_sync(&hash.0).unwrap().as_bytes().to_vec());
    let client = life.house.agent.services[&town.chain_name()].client.clone();
    let for_service = signature.clone();
    let confirmed = life.within(async move { client.confirm(hash, &for_service).await }).await.unwrap();
    assert!(confirmed.is_err(), "the service took a delegate's confirmation");
    let counted = follow::check(hash, &signature, &preparation.owners, preparation.domain.version);
    assert!(counted.is_err_and(|because| because.contains("no owner")));
    assert!(!town.is_paused().await);

    // Two owners: then it is done.
    life.signs(&town, "ana").await;
    life.signs(&town, "ben").await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    life.stop().await;
}

/// The text without the breaks that make it fit into a terminal.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
