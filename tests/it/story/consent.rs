//! An owner signs what was shown, while it is asked for, and hears where the signature is.

use redhandle::agent::command::Commands;
use redhandle::agent::sign::{SignError, sign};
use redhandle::domain::incident::{Actor, Stage};
use redhandle::domain::names::PersonId;
use redhandle::domain::safe::SafeTxHash;

use crate::support::Town;
use crate::support::process::Said;

/// A person signs by command.
fn sign_by_command(town: &Town, person: &str, more: &[&str]) -> Said {
    let (keystore, password) = (town.keystore_path(person), town.path("secrets/keystore-password"));
    let mut call = vec!["proposal", "sign", "INC-1", "--as", person, "--yes", "--keystore"];
    call.extend([keystore.to_str().unwrap(), "--password-file", password.to_str().unwrap()]);
    call.extend(more);
    town.run(&call)
}

#[tokio::test]
async fn another_proposal_than_the_one_shown_is_not_signed() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let newest = incident.preparation.as_ref().unwrap().safe_tx_hash();
    let shown = SafeTxHash([7; 32].into());
    let refused = sign(&life.house.agent, incident.id, &town.key_of("ana"), shown).await.unwrap_err();
    assert!(matches!(&refused, SignError::Another { .. }), "{refused:?}");
    let said = refused.to_string();
    assert!(said.contains(&shown.to_string()) && said.contains(&newest.to_string()), "{said}");
    assert_eq!(life.count("confirmed"), 0);

    let said = sign_by_command(&town, "ana", &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains(&newest.to_string()), "what was signed is said: {said:?}");
    life.stop().await;
}

#[tokio::test]
async fn a_signature_that_the_journal_does_not_have_is_not_said_to_be_there() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    assert!(life.signs(&town, "ana").await.in_journal);
    life.facts.set_down(true);
    let signed = life.signs(&town, "ben").await;
    assert!(!signed.in_journal);
    assert_eq!(signed.not_at_service, None, "it is handed over all the same");
    life.facts.set_down(false);
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    life.stop().await;
}

#[tokio::test]
async fn what_was_called_off_is_neither_signed_nor_executed_unless_somebody_insists() {
    let town = Town::new().await;
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.feed.push(&town.alert(0)).unwrap();
    let incident =
        life.until("an early proposal", |incident| matches!(incident.stage, Stage::Prepared)).await;
    let commands =
        Commands::new(&life.house.agent.store, &life.house.agent.config.roster, life.house.agent.clock.now());
    let by = Actor::Person(PersonId::new("ana"));
    commands.triage(incident.id, by, false, None, "a drill of the bots".to_owned()).await.unwrap();

    let said = sign_by_command(&town, "ana", &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("is an event and no incident"), "{said:?}");
    for person in ["ana", "ben"] {
        let said = sign_by_command(&town, person, &["--even-so"]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    let execute = ["proposal", "execute", "INC-1", "--as", "ana"];
    let said = town.run(&execute);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("not executed") && said.stderr.contains("--even-so"), "{said:?}");
    assert!(!town.is_paused().await);
    let said = town.run(&[&execute[..], &["--even-so"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    assert!(town.is_paused().await);
    life.stop().await;
}
