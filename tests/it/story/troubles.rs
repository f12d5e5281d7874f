//! What stands in the way, and is said: too few signers, a service that is down.

use redhandle::domain::incident::names::Purpose;
use redhandle::domain::incident::{Fact, Stage};
use redhandle::domain::roster::Coverage;

use crate::support::phone::Phone;
use crate::support::{Town, until};

#[tokio::test]
async fn an_uncovered_roster_is_paged_at_once_and_names_who_is_missing() {
    let town = Town::new().await;
    town.write("roster.toml", &town.roster(&["chi"]));
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    // One alert: nobody waits for the second to find out that nobody could sign.
    town.feed.push(&town.alert(0)).unwrap();
    let incident =
        life.until("an early proposal", |incident| matches!(incident.stage, Stage::Prepared)).await;
    assert_eq!(incident.preparation.as_ref().unwrap().coverage.state, Coverage::Uncovered);
    let call = incident.calls.get(&Purpose::Coverage).unwrap().clone();
    assert!(call.because.contains("UNCOVERED, 1 on call for 2"), "{call:?}");
    assert!(call.because.contains("not on call: ana, ben"), "{call:?}");

    // Everybody who could help, on call or not, reads who is missing.
    for name in ["Ana", "Ben", "Chi"] {
        until(&format!("a page about the gap for {name}"), async || {
            let pages = life.pages();
            let mut blocks = pages.split("\n\n");
            let to_them = |block: &&str| {
                block.contains("Not enough signers are on call")
                    && block.contains("not on call: ana, ben")
                    && block.lines().any(|line| line.contains("To ") && line.contains(name))
            };
            blocks.find(to_them).map(drop)
        })
        .await;
    }
    life.stop().await;
}

#[tokio::test]
async fn a_transaction_service_that_is_down_stops_nothing() {
    let town = Town::new().await;
    let phone = Phone::start();
    town.set(
        "safe_service = \"embedded\"",
        &format!("safe_service = {{ url = \"http://{}/service\" }}", phone.address),
    );
    let life = town.wake().await;
    town.alarm();
    let incident = life
        .until("the service to refuse", |incident| matches!(incident.stage, Stage::SubmitFailed { .. }))
        .await;
    assert!(incident.open_call(Purpose::Blocked).is_some(), "people hear of it");
    assert!(incident.open_call(Purpose::Sign).is_some(), "and are asked to sign all the same");

    let password = town.path("secrets/keystore-password");
    for person in ["ana", "ben"] {
        let keystore = town.keystore_path(person);
        let said = town.run(&[
            "proposal",
            "sign",
            "INC-1",
            "--as",
            person,
            "--keystore",
            keystore.to_str().unwrap(),
            "--password-file",
            password.to_str().unwrap(),
            "--yes",
        ]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.stdout.contains("The Transaction Service does not have it"), "{said:?}");
    }
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    let sources: Vec<_> = life
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Confirmed(confirmation) => Some(confirmation.source),
            _ => None,
        })
        .collect();
    assert_eq!(sources, ["command", "command"]);
    assert_eq!(life.count("submitted"), 0);
    life.stop().await;
}

#[tokio::test]
async fn an_executor_that_holds_an_owner_key_executes_nothing_and_people_hear_of_it() {
    let town = Town::new().await;
    town.keystore("executor", &town.key_of("chi"));
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    town.alarm();
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    life.signs(&town, "ana").await;
    life.signs(&town, "ben").await;
    let incident =
        life.until("a refusal", |incident| matches!(incident.stage, Stage::ExecuteFailed { .. })).await;
    assert!(incident.open_call(Purpose::Blocked).unwrap().because.contains("is an owner of the Safe"));
    assert!(!town.is_paused().await);

    // Anybody may: the people do it without the agent.
    let tx = incident.preparation.as_ref().unwrap().tx.clone();
    town.outsider_executes(&tx, &["ana", "ben"]).await;
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    life.stop().await;
}
