//! A window in an emergency: quorum at once, on unchanged ground, and only when it was released.

use alloy::sol;
use alloy::sol_types::SolCall as _;
use redhandle::domain::incident::{Fact, Incident, Stage};
use redhandle::domain::safe::abi::Safe;

use super::Windowed;
use crate::support::{Life, Town, until};

sol! {
    function upgradeToAndCall(address implementation, bytes data) external;
}

fn verified(incident: &Incident) -> bool {
    matches!(incident.stage, Stage::Verified { .. })
}

fn sources(life: &Life) -> Vec<String> {
    let facts = life.facts();
    let source = |fact: &Fact| match fact {
        Fact::Confirmed(confirmation) => Some(confirmation.source.clone()),
        _ => None,
    };
    facts.iter().filter_map(source).collect()
}

async fn alarmed(town: &Town) -> Life {
    let life = town.wake().await;
    life.allow_the_proposer(town).await;
    town.alarm();
    life
}

#[tokio::test]
async fn with_the_proposal_the_quorum_is_there_at_once() {
    let windowed = Windowed::signed("with-proposal", &["ana", "ben"]).await;
    let town = &windowed.town;
    let life = alarmed(town).await;
    life.until("the pause", verified).await;
    assert!(town.is_paused().await);
    assert_eq!(sources(&life), ["pre-signed", "pre-signed"]);
    assert_eq!(life.count("presigned-released"), 0, "the file said so, no person");
    life.stop().await;
    assert_eq!(windowed.states(), ["used", "complete", "complete"]);
}

#[tokio::test]
async fn by_hand_nothing_counts_until_a_person_says_so() {
    let windowed = Windowed::signed("by-hand", &["ana", "ben"]).await;
    let town = &windowed.town;
    let life = alarmed(town).await;
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    assert_eq!(life.count("confirmed"), 0);
    until("the page to offer it", async || {
        life.pages().contains("window pause holds 2 of 2 signatures of this").then_some(())
    })
    .await;
    let unknown = town.run(&["presign", "release", "pause", "INC-1", "--as", "nobody"]);
    assert_ne!(unknown.code, 0, "{unknown:?}");
    let (code, released) = town.run_json(&["presign", "release", "pause", "INC-1", "--as", "chi"]);
    assert_eq!((code, &released["confirmations"]), (0, &2.into()), "{released}");
    life.until("the pause", verified).await;
    let by_chi = |fact: &Fact| matches!(fact, Fact::PresignedReleased { by, .. } if by.to_string() == "chi");
    assert_eq!(life.facts().iter().filter(|fact| by_chi(fact)).count(), 1);
    let shown = town.run(&["incident", "show", "INC-1", "--all"]);
    assert!(shown.stdout.contains("released the pre-signed signatures"), "{shown:?}");
    life.stop().await;
}

#[tokio::test]
async fn a_moved_nonce_shifts_to_the_next() {
    let windowed = Windowed::signed("with-proposal", &["ana", "ben"]).await;
    let town = &windowed.town;
    town.move_nonce(1).await;
    assert_eq!(windowed.states(), ["used", "complete", "complete"]);
    let said = windowed.add("0x0000000000000000000000000000000000000001:0:0x00");
    assert!(said.stderr.contains("nonce 0 is used: the Safe is at 1"), "{said:?}");
    let life = alarmed(town).await;
    let incident = life.until("the pause", verified).await;
    assert_eq!(incident.preparation.as_ref().unwrap().tx.nonce, 1.into());
    assert_eq!(sources(&life), ["pre-signed", "pre-signed"]);
    life.stop().await;
}

#[tokio::test]
async fn an_owner_a_guard_or_an_upgrade_voids_it_with_the_reason() {
    let windowed = Windowed::signed("with-proposal", &["ana", "ben"]).await;
    let town = &windowed.town;
    let guard = town.deploy("PracticeGuard", vec![]).await;
    let fixed = town.deploy("VaultFixed", vec![]).await;
    let anvil = &town.chain.anvil;
    let void = |reason: &str| {
        let (code, status) = windowed.status();
        assert_eq!(code, 1, "{status}");
        let said = status["standing"]["void"].to_string();
        assert!(said.contains(reason), "{reason}: {said}");
        assert_eq!(windowed.states(), ["void", "void", "void"]);
    };

    let before = anvil.snapshot().await.unwrap();
    let [_, _, gone, come, ..] = &town.chain.actors.owners;
    let owners = [town.key_of("ana"), town.key_of("ben"), town.key_of("chi")].map(|key| key.address());
    let swap =
        Safe::swapOwnerCall { prevOwner: owners[1], oldOwner: gone.address(), newOwner: come.address() };
    town.guardian_does(swap).await;
    void(&format!("no owner any more: {}", gone.address()));
    let refused = windowed.sign("ana");
    assert!(refused.code == 1 && refused.stderr.contains("nothing was signed"), "{refused:?}");
    anvil.revert(before).await.unwrap();

    let before = anvil.snapshot().await.unwrap();
    town.guardian_does(Safe::changeThresholdCall { _threshold: alloy::primitives::U256::from(3) }).await;
    void("the threshold is 3 and was 2");
    anvil.revert(before).await.unwrap();

    let before = anvil.snapshot().await.unwrap();
    town.guardian_does(Safe::setGuardCall { guard }).await;
    void(&format!("the guard is {guard} and was none"));
    anvil.revert(before).await.unwrap();
    assert_eq!(windowed.status().0, 0);

    let upgrade = upgradeToAndCallCall { implementation: fixed, data: Default::default() };
    let admin = town.chain.actors.deployer.address();
    town.act_as(admin, town.protocol.vault, upgrade.abi_encode()).await;
    void("was upgraded: its implementation is");

    // Void signatures do not count, however complete they are; people sign as ever.
    let life = alarmed(town).await;
    life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    life.signs(town, "ana").await;
    life.signs(town, "chi").await;
    life.until("the pause", verified).await;
    assert_eq!(sources(&life), ["command", "command"]);
    life.stop().await;
}
