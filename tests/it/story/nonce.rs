//! The nonce: two variants where the head of the queue is fully signed, and a rejection where nobody wants the pause.

use std::sync::Arc;

use alloy::signers::SignerSync as _;
use alloy::sol_types::SolCall as _;
use redhandle::agent::command::Commands;
use redhandle::chain::CallOutcome;
use redhandle::domain::incident::{Actor, CompanionRole, CompanionStage, Incident, Stage};
use redhandle::domain::names::PersonId;
use redhandle::domain::safe::abi::exec_calldata;
use redhandle::domain::safe::signature::pack;
use redhandle::domain::safe::{SafeNonce, SafeTx, SafeTxHash};
use redhandle::drill::ground::protocol::Ground as Calls;

use crate::support::process::Said;
use crate::support::{Life, Town, until};

fn nonce(number: u64) -> SafeNonce {
    SafeNonce::from(number)
}

/// A person signs by command whatever they are asked for.
fn signs(town: &Town, person: &str) -> Said {
    let (keystore, password) = (town.keystore_path(person), town.path("secrets/keystore-password"));
    let mut call = vec!["proposal", "sign", "INC-1", "--as", person, "--yes", "--keystore"];
    call.extend([keystore.to_str().unwrap(), "--password-file", password.to_str().unwrap()]);
    let said = town.run(&call);
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// Another owner confirms something of the queue, in the Safe's own interface.
async fn confirms(life: &Life, town: &Town, person: &str, hash: SafeTxHash) {
    let client = life.house.agent.services[&town.chain_name()].client.clone();
    let signature = town.key_of(person).sign_hash_sync(&hash.0).unwrap().as_bytes().to_vec().into();
    life.within(async move { client.confirm(hash, &signature).await.unwrap() }).await;
}

fn companion(
    incident: &Incident,
    is: impl Fn(CompanionRole) -> bool,
) -> Option<(SafeTxHash, CompanionStage)> {
    let found = incident.companions.iter().find(|(_, known)| is(known.companion.role));
    found.map(|(hash, known)| (*hash, known.stage.clone()))
}

#[tokio::test]
async fn where_the_head_is_fully_signed_both_variants_are_signed_and_the_live_nonce_decides() {
    let town = Town::new().await;
    town.without_executor();
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    let harmless = SafeTx::call(town.protocol.vault, Calls::pausedCall {}.abi_encode().into(), nonce(0));
    let queued = life.queues(&town, "ana", &harmless).await;
    confirms(&life, &town, "ben", queued).await;

    town.alarm();
    let incident = life
        .until("the proposal and its variant", |incident| {
            matches!(incident.stage, Stage::Proposed)
                && companion(incident, |role| role == CompanionRole::NextNonce)
                    .is_some_and(|(_, stage)| stage == CompanionStage::Proposed)
        })
        .await;
    let first = incident.preparation.as_ref().unwrap().safe_tx_hash();
    let (second, _) = companion(&incident, |role| role == CompanionRole::NextNonce).unwrap();
    let variant = &incident.companions[&second].companion;
    assert_eq!(variant.tx.nonce, nonce(1));
    let overrides = &variant.simulation.as_ref().unwrap().overrides;
    assert!(overrides.iter().any(|one| one.contains("nonce is taken as 1 instead of 0")), "{overrides:?}");
    until("pages that say why two signatures are asked", async || {
        let upper = redhandle::agent::message::device_hex(second.0.as_slice());
        let pages = life.pages();
        (pages.contains(&upper) && pages.contains("fully signed, and anybody may execute it first"))
            .then_some(())
    })
    .await;

    for person in ["ana", "ben"] {
        let said = signs(&town, person);
        let both = said.stdout.contains(&first.to_string()) && said.stdout.contains(&second.to_string());
        assert!(both, "{said:?}");
    }
    life.until("both quorums", |incident| incident.has_quorum_of(first) && incident.has_quorum_of(second))
        .await;

    // Anybody executes what was there first.
    town.outsider_executes(&harmless, &["ana", "ben"]).await;
    let incident = life.until("the variant's turn", |incident| incident.is_proposal(second)).await;
    assert!(incident.has_quorum(), "with the signatures it has");
    let said = town.run(&["proposal", "execute", "INC-1", "--as", "ana"]);
    assert_eq!(said.code, 0, "{said:?}");
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    assert_eq!(town.nonce().await, 2);
    assert_eq!((life.count("confirmed"), life.count("prepared"), life.count("executed")), (4, 1, 1));
    assert!(life.newest().unwrap().loose().is_empty(), "nothing is left that could be executed");
    life.stop().await;
}

#[tokio::test]
async fn what_was_stood_down_is_called_back_and_its_signatures_are_dead() {
    let town = Town::new().await;
    town.without_executor();
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let pause = incident.preparation.as_ref().unwrap().clone();
    life.signs(&town, "ana").await;
    life.signs(&town, "ben").await;

    let said = town.run(&["proposal", "reject", "INC-1", "--as", "ana", "--reason", "a drill of the bots"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("can still be executed by anyone with 2 signatures"), "{said:?}");
    let incident = life
        .until("the rejection at the service", |incident| {
            incident.rejection_of(pause.safe_tx_hash()).is_some_and(|hash| {
                incident.companion(hash).is_some_and(|known| known.stage == CompanionStage::Proposed)
            })
        })
        .await;
    let rejection = incident.rejection_of(pause.safe_tx_hash()).unwrap();
    let tx = &incident.companions[&rejection].companion.tx;
    assert_eq!(*tx, SafeTx::rejection(town.guardian.0, nonce(0)));
    let said = town.run(&["incident", "show", "INC-1"]);
    assert!(said.stdout.contains("STILL OPEN") && said.stdout.contains("2 are there"), "{said:?}");
    let signed = ["ana", "chi"].map(|person| signs(&town, person).stdout);
    assert!(signed.iter().all(|said| said.contains(&rejection.to_string())), "{signed:?}");
    let hash = rejection.to_string();
    let said = town.run(&["proposal", "execute", "INC-1", "--hash", &hash, "--as", "ana"]);
    assert_eq!(said.code, 0, "{said:?}");
    life.until("nothing loose", |incident| incident.warnings().is_empty()).await;
    assert_eq!(town.nonce().await, 1);
    assert!(!town.is_paused().await);

    // What was signed can never execute.
    let dead = pause.safe_tx_hash();
    let signatures = pack(["ana", "ben"].map(|person| town.signature_of(person, dead)).to_vec()).unwrap();
    let call = exec_calldata(&pause.tx, signatures);
    match town.chain.view(town.guardian.0, call).await.unwrap() {
        CallOutcome::Reverted(reason) => {
            assert!(reason.windows(5).any(|word| word == b"GS026"), "{reason}");
        }
        CallOutcome::Returned(answer) => panic!("it still executes: {answer}"),
    }
    life.stop().await;
}

#[tokio::test]
async fn what_was_called_off_is_called_back_by_the_next_life_after_a_crash() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let pause = incident.preparation.as_ref().unwrap().safe_tx_hash();
    life.signs(&town, "ana").await;
    life.crash();

    // Nobody runs while the people decide.
    let by = ["--as", "ana", "--reason", "a drill of the bots"];
    let said = town.run(&[&["proposal", "reject", "INC-1"][..], &by].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let life = town.wake().await;
    life.until("the rejection at the service", |incident| {
        let rejection = incident.rejection_of(pause).and_then(|hash| incident.companion(hash));
        rejection.is_some_and(|known| known.stage == CompanionStage::Proposed)
    })
    .await;
    for person in ["ana", "chi"] {
        signs(&town, person);
    }
    // The executor is allowed to act by itself.
    life.until("nothing loose", |incident| incident.warnings().is_empty()).await;
    assert_eq!((town.nonce().await, town.is_paused().await), (1, false));
    let (agent, id) = (Arc::clone(&life.house.agent), life.newest().unwrap().id);
    let raised = life
        .within(async move {
            let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
            let propose = redhandle::domain::condition::Response::Propose;
            commands.raise(id, Actor::Person(PersonId::new("ana")), propose).await.unwrap()
        })
        .await;
    assert!(raised.is_some());
    // Wanted again: a new one, at the next nonce.
    let incident = life
        .until("a proposal at the next nonce", |incident| {
            matches!(incident.stage, Stage::Proposed)
                && incident.preparation.as_ref().is_some_and(|preparation| preparation.tx.nonce == nonce(1))
        })
        .await;
    assert!(incident.loose().is_empty());
    life.stop().await;
}
