//! Prepared, signed, executed, and the attack no longer works: once for every kind of proxy.

use alloy::primitives::Address;
use redhandle::agent::scrutiny::scrutinise;
use redhandle::domain::incident::{Fact, Preparation, Stage};
use redhandle::domain::upgrade::calls::IMPLEMENTATION_SLOT;
use redhandle::domain::upgrade::proof::UpgradeStep;

use super::world::{Behind, World};
use crate::support::Life;

/// The upgrade, from the trigger to the strike that takes nothing. Gives the proposal as it was prepared.
async fn upgraded(world: &World, life: &Life) -> Preparation {
    assert!(world.is_robbed().await, "the hole is there");
    life.triggers("upgrade-vault").await;
    let proposed = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let preparation = proposed.preparation.clone().unwrap();
    genuine(life, &preparation).await;
    life.two_sign(&world.town).await;
    let done = life.until("the upgrade", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(!world.is_robbed().await, "the hole is closed");
    assert_eq!(done.preparation.as_ref().unwrap().upgrades, preparation.upgrades);
    preparation
}

/// A sceptic recomputes it from the chain alone, upgrades included.
async fn genuine(life: &Life, preparation: &Preparation) {
    let (house, preparation) = (std::sync::Arc::clone(&life.house), preparation.clone());
    let scrutiny = life
        .within(async move {
            let plan = house.agent.plans.get(&"upgrade-vault".into());
            scrutinise(&house.agent, &preparation, plan, Ok(()), None).await
        })
        .await
        .unwrap();
    assert!(scrutiny.genuine, "{:#?}", scrutiny.checks);
    let about: Vec<_> = scrutiny.checks.iter().filter(|check| check.what == "upgrade").collect();
    assert!(about.iter().any(|check| check.found.contains("which is what is pinned")), "{about:#?}");
}

/// What was verified on the chain, in words.
fn verified(life: &Life) -> String {
    let facts = life.facts();
    let expects = facts.iter().find_map(|fact| match fact {
        Fact::Verified { expects, .. } => Some(expects.join("; ")),
        _ => None,
    });
    expects.unwrap()
}

fn proven(preparation: &Preparation, to: Address) {
    assert!(preparation.simulation.passed());
    let [proof] = preparation.upgrades.as_slice() else { panic!("{:?}", preparation.upgrades) };
    assert_eq!(proof.step, UpgradeStep::Direct);
    assert!(proof.replacements.iter().all(|one| one.to == Some(to) && one.from_code.is_some()));
    assert!(proof.layout.as_ref().unwrap().is_compatible());
    assert!(!proof.checks.is_empty());
    for check in &proof.checks {
        assert_eq!(check.simulated, Some(check.wanted), "{}: read in the simulation", check.what);
    }
}

#[tokio::test]
async fn the_vault_is_upgraded_through_uups() {
    let world = World::lay(Behind::Uups).await;
    let life = world.wake("").await;
    let preparation = upgraded(&world, &life).await;
    proven(&preparation, world.fixed);
    assert_eq!(world.slot(IMPLEMENTATION_SLOT).await, world.fixed);
    let proof = &preparation.upgrades[0];
    assert_eq!(proof.proxiable_uuid, Some(IMPLEMENTATION_SLOT));
    assert!(
        proof.authority.contains("UPGRADER_ROLE of vault is held by Safe guardian"),
        "{}",
        proof.authority
    );
    let said = verified(&life);
    let slot = format!("the ERC-1967 implementation slot of vault is {}", world.fixed);
    assert!(said.contains(&slot), "{said}");
    life.stop().await;
}

#[tokio::test]
async fn the_vault_is_upgraded_and_initialised_through_uups() {
    let world = World::with(Behind::Uups, ("Upgrades", "VaultFixedAgain"), |_| {}).await;
    let bad = world.code_hash(world.town.protocol.implementation).await;
    let life = world.wake(&format!("replaces = \"{bad}\"\ninitialize = \"reinitialize(2)\"")).await;
    let preparation = upgraded(&world, &life).await;
    proven(&preparation, world.fixed);
    let proof = &preparation.upgrades[0];
    assert!(proof.call.contains("then vault_fixed.reinitialize(generation_: 2)"), "{}", proof.call);
    assert!(!proof.warnings.iter().any(|warning| warning.contains("not pinned")), "{:?}", proof.warnings);
    life.stop().await;
}

#[tokio::test]
async fn the_vault_is_upgraded_through_a_proxy_admin_of_version_4() {
    let world = World::lay(Behind::TransparentV4).await;
    let life = world.wake("").await;
    let preparation = upgraded(&world, &life).await;
    proven(&preparation, world.fixed);
    let call = &preparation.calls[0].call;
    assert!(call.starts_with("vault's ProxyAdmin.upgrade(proxy: "), "{call}");
    let authority = &preparation.upgrades[0].authority;
    assert!(authority.contains("(v4) is owned by Safe guardian"), "{authority}");
    life.stop().await;
}

#[tokio::test]
async fn the_vault_is_upgraded_through_a_proxy_admin_of_version_5() {
    let world = World::lay(Behind::TransparentV5).await;
    let life = world.wake("").await;
    let preparation = upgraded(&world, &life).await;
    proven(&preparation, world.fixed);
    let call = &preparation.calls[0].call;
    assert!(call.starts_with("vault's ProxyAdmin.upgradeAndCall(proxy: "), "{call}");
    let authority = &preparation.upgrades[0].authority;
    assert!(authority.contains("(v5) is owned by Safe guardian"), "{authority}");
    life.stop().await;
}

#[tokio::test]
async fn the_vault_is_upgraded_through_its_beacon() {
    let world = World::lay(Behind::Beacon).await;
    let life = world.wake("").await;
    let preparation = upgraded(&world, &life).await;
    proven(&preparation, world.fixed);
    let said = verified(&life);
    assert!(said.contains("implementation() of the beacon of vault is"), "{said}");
    life.stop().await;
}

#[tokio::test]
async fn the_vault_is_upgraded_by_a_diamond_cut() {
    let world = World::lay(Behind::Diamond).await;
    let life = world.wake("").await;
    let preparation = upgraded(&world, &life).await;
    proven(&preparation, world.fixed);
    let proof = &preparation.upgrades[0];
    assert_eq!(proof.replacements.len(), 2);
    assert!(proof.replacements[0].what.starts_with("replaces withdrawUpTo"), "{:?}", proof.replacements);
    life.stop().await;
}
