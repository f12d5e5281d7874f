//! What is refused, before anything is simulated, signed or sent, and in which words.

use alloy::primitives::B256;
use redhandle::domain::incident::{Fact, Stage};

use super::world::{Behind, World, rpc};
use crate::support::Life;
use redhandle::clock::{Clock as _, SystemClock};
use redhandle::config::Environment;
use serde_json::json;

/// Why no proposal came out.
async fn refusal(life: &Life) -> String {
    life.triggers("upgrade-vault").await;
    let incident =
        life.until("a refusal", |incident| matches!(incident.stage, Stage::PrepareFailed { .. })).await;
    assert!(incident.preparation.is_none(), "nothing to sign came out");
    match &incident.stage {
        Stage::PrepareFailed { problem, retry_at: None, .. } => problem.clone(),
        other => panic!("{other:?}"),
    }
}

/// The sentences of a configuration that is wrong.
fn wrong(world: &World) -> String {
    let today = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let loaded = redhandle::config::load(&world.town.config_path(), &Environment::default(), today);
    let text = loaded.unwrap_err().to_string();
    text.replace(&format!("{}/", world.town.folder().display()), "")
}

#[tokio::test]
async fn what_is_not_pinned_or_says_two_things_is_refused_when_it_is_read() {
    let world = World::lay(Behind::Timelock).await;
    let pin = B256::repeat_byte(7);
    let mut told = Vec::new();
    for (from, to) in [
        (format!("code_hash = \"{pin}\"\n"), ""),
        (format!("code_hash = \"{pin}\""), "code_hash = \"0x12\""),
        ("layout = { from = \"layouts/vault.json\", to = \"layouts/grown.json\" }\n".into(), ""),
        ("layouts/grown.json".into(), "runbooks/upgrade-vault.md"),
        ("kind = \"uups\"".into(), "kind = \"proxy\""),
        ("implementation = \"vault_fixed\"".into(), "implementation = \"vault\""),
        ("implementation = \"vault_fixed\"".into(), "implementation = \"vault_fixt\""),
        ("timelock = \"timelock\"".into(), "timelock = \"vault_fixed\""),
        ("timelock = \"timelock\"".into(), "timelock = \"timelock\"\ninitialize = \"reinit(2)\"\ndelay = 3"),
        ("contract = \"vault\"\n".into(), "contract = \"vault\"\ncall = \"pause()\"\n"),
        ("timelock = \"timelock\"\n".into(), ""),
    ] {
        world.runbook(pin, "");
        world.town.edit("runbooks/upgrade-vault.md", &from, to);
        told.push(format!("{} => {}", from.trim(), to.trim()).trim().to_owned() + "\n" + &wrong(&world));
    }
    let told = told.join("\n\n").replace(&pin.to_string(), "PIN");
    insta::assert_snapshot!(told, @r#"
    code_hash = "PIN" =>
    runbooks/upgrade-vault.md:13:1: missing key "code_hash" in [action.upgrade]; expected the keccak256 of the deployed runtime code: 0x and 64 hexadecimal digits; code that is not pinned is never proposed. Review the deployed code, then pin it: 0x and 64 zeros here make `redhandle check` say its hash, and so does `cast keccak $(cast code ADDRESS)`

    code_hash = "PIN" => code_hash = "0x12"
    runbooks/upgrade-vault.md:16:13: code_hash = "0x12" in [action.upgrade]; expected the keccak256 of the deployed runtime code: 0x and 64 hexadecimal digits; it has 2 digits

    layout = { from = "layouts/vault.json", to = "layouts/grown.json" } =>
    runbooks/upgrade-vault.md:13:1: missing key "layout" in [action.upgrade]; expected the storage layouts of what is there and of what is to come, as in { from = "layouts/vault.json", to = "layouts/vault_fixed.json" }; `forge inspect CONTRACT storageLayout --json` writes one

    layouts/grown.json => runbooks/upgrade-vault.md
    runbooks/upgrade-vault.md:17:46: the file runbooks/upgrade-vault.md is no storage layout: expected value at line 1 column 1

    kind = "uups" => kind = "proxy"
    runbooks/upgrade-vault.md:14:8: kind = "proxy" in [action.upgrade]; expected one of "uups", "transparent", "beacon", "diamond"

    implementation = "vault_fixed" => implementation = "vault"
    runbooks/upgrade-vault.md:15:18: vault is the proxy itself: name what is to stand behind it

    implementation = "vault_fixed" => implementation = "vault_fixt"
    runbooks/upgrade-vault.md:15:18: no contract is called "vault_fixt"; expected one of timelock, vault, vault_fixed; did you mean "vault_fixed"?

    timelock = "timelock" => timelock = "vault_fixed"
    runbooks/upgrade-vault.md:18:12: the ABI of vault_fixed has no getTimestamp(bytes32), so it is no TimelockController's: use contracts-abi/timelock-controller.json

    timelock = "timelock" => timelock = "timelock"
    initialize = "reinit(2)"
    delay = 3
    runbooks/upgrade-vault.md:19:14: contract "vault_fixed" has no function "reinit" with 1 argument; nearest: mint(uint256,address); its ABI is DEFAULT_ADMIN_ROLE(), PAUSER_ROLE(), UNPAUSER_ROLE(), UPGRADER_ROLE(), UPGRADE_INTERFACE_VERSION(), UP_TO_LIMIT_BPS(), allowance(address,address), approve(address,uint256), asset(), balanceOf(address), convertToAssets(uint256), convertToShares(uint256) and 34 more
    runbooks/upgrade-vault.md:20:1: unknown key "delay" in [action.upgrade]; expected one of code_hash, implementation, initialize, kind, layout, replaces, timelock

    contract = "vault" => contract = "vault"
    call = "pause()"
    runbooks/upgrade-vault.md:14:1: call and upgrade in one [[action]]; expected one of call, upgrade and cancel; write two [[action]]s

    timelock = "timelock" =>
    runbooks/stop-the-upgrade.md:2:6: cancel = "upgrade-vault": that runbook schedules nothing at timelock; expected the id of a runbook with timelock = "timelock" in an upgrade
    "#);
}

/// What `redhandle check` says of the runbook, a line each.
async fn checked(life: &Life) -> String {
    let house = std::sync::Arc::clone(&life.house);
    let found =
        life.within(async move { redhandle::agent::preflight::preflight(&house.agent).await }).await.unwrap();
    let about = found.iter().filter(|finding| finding.place.starts_with("runbook \"upgrade-vault\""));
    about.map(|finding| format!("{:?} {}\n", finding.level, finding.sentence)).collect()
}

#[tokio::test]
async fn check_says_what_to_pin_and_then_whether_it_would_work() {
    let world = World::lay(Behind::TransparentV5).await;
    let hash = world.code_hash(world.fixed).await;
    world.runbook(B256::ZERO, "");
    let life = world.town.wake().await;
    let said = checked(&life).await;
    assert!(
        said.contains(&format!("Problem the code of vault_fixed at {} has the hash {hash}", world.fixed)),
        "{said}"
    );
    life.stop().await;

    let life = world.wake("").await;
    let said = checked(&life).await;
    assert!(!said.contains("Problem"), "{said}");
    for part in [
        "storage layout compatible: 1 variable kept, 0 appended",
        "(v5) is owned by Safe guardian",
        "Warning what is replaced is not pinned",
        "would work now: simulated at block",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    life.stop().await;
}

#[tokio::test]
async fn code_that_is_not_the_pinned_one_is_refused() {
    let world = World::lay(Behind::Uups).await;
    let life = world.wake("").await;
    // Reviewed and pinned; then the code behind the name becomes another one.
    let code = rpc(&world.town, "eth_getCode", json!([world.town.protocol.implementation, "latest"])).await;
    rpc(&world.town, "anvil_setCode", json!([world.fixed, code])).await;
    let said = refusal(&life).await;
    assert!(said.contains(&format!("the code of vault_fixed at {} has the hash", world.fixed)), "{said}");
    assert!(said.contains("it is not the code that was reviewed"), "{said}");
    assert_eq!(life.count("submission-started"), 0);
    life.stop().await;
}

#[tokio::test]
async fn code_that_changes_after_people_signed_is_not_executed() {
    let world = World::lay(Behind::Uups).await;
    world.town.without_executor();
    let life = world.wake("").await;
    life.triggers("upgrade-vault").await;
    let proposed = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    life.two_sign(&world.town).await;
    life.until("both signatures", |incident| incident.has_quorum()).await;
    let code = rpc(&world.town, "eth_getCode", json!([world.town.protocol.implementation, "latest"])).await;
    rpc(&world.town, "anvil_setCode", json!([world.fixed, code])).await;
    let (house, executor) = (std::sync::Arc::clone(&life.house), world.town.chain.actors.executor.clone());
    let executed = life
        .within(async move {
            use redhandle::agent::execute::{Execution, execute_with};
            use redhandle::domain::incident::Actor;
            let agent = &house.agent;
            let newest = agent.store.get(proposed.id).unwrap();
            let safe_tx_hash = newest.preparation.as_ref().unwrap().safe_tx_hash();
            let what = Execution { safe_tx_hash, attempt: 1, begun: false };
            execute_with(agent, &newest, &(&executor).into(), Actor::Operator, what).await
        })
        .await
        .unwrap()
        .unwrap();
    assert!(!executed);
    let facts = life.facts();
    let said = facts.iter().find_map(|fact| match fact {
        Fact::ExecutionFailed { problem, .. } => Some(problem.clone()),
        _ => None,
    });
    let said = said.unwrap();
    assert!(said.contains("is not what was pinned and signed for"), "{said}");
    assert_eq!(world.town.nonce().await, 0);
    life.stop().await;
}

#[tokio::test]
async fn a_storage_layout_that_clashes_is_refused() {
    let world = World::lay(Behind::TransparentV5).await;
    world.runbook(world.code_hash(world.fixed).await, "");
    world.town.edit("runbooks/upgrade-vault.md", "grown.json", "clash.json");
    let life = world.town.wake().await;
    let said = refusal(&life).await;
    insta::assert_snapshot!(said, @"the storage layout clash.json cannot take the place of vault.json: `vaultStorage.budgetBlock` moves from slot 0, offset 0 to slot 1, offset 0, and `vaultStorage.keeper` takes its place; add new variables behind all old ones; `vaultStorage.budgetLeft` moves from slot 1, offset 0 to slot 2, offset 0, and `vaultStorage.budgetBlock` takes its place; add new variables behind all old ones");
    life.stop().await;
}

#[tokio::test]
async fn an_implementation_for_another_slot_is_refused() {
    let world = World::with(Behind::Uups, ("Upgrades", "VaultElsewhere"), |_| {}).await;
    let life = world.wake("").await;
    let said = refusal(&life).await;
    assert!(said.starts_with("proxiableUUID() of vault_fixed is 0x"), "{said}");
    assert!(said.contains("and not the ERC-1967 slot"), "{said}");
    life.stop().await;
}

#[tokio::test]
async fn what_somebody_upgraded_since_and_a_wrong_kind_are_refused() {
    let world = World::lay(Behind::TransparentV4).await;
    let life = world.wake(&format!("replaces = \"{}\"", B256::repeat_byte(9))).await;
    let said = refusal(&life).await;
    assert!(said.contains("somebody upgraded it since"), "{said}");
    life.stop().await;
    world.runbook(world.code_hash(world.fixed).await, "");
    world.town.edit("runbooks/upgrade-vault.md", "kind = \"transparent\"", "kind = \"uups\"");
    let life = world.town.wake().await;
    let said = refusal(&life).await;
    assert!(said.contains("it is a transparent proxy; write kind = \"transparent\""), "{said}");
    life.stop().await;
}

#[tokio::test]
async fn who_may_not_upgrade_is_told_by_the_simulation() {
    let world = World::lay(Behind::Beacon).await;
    world.runbook(world.code_hash(world.fixed).await, "");
    world.town.edit("runbooks/upgrade-vault.md", "safe = [\"guardian\"]", "safe = [\"governance\"]");
    let life = world.town.wake().await;
    life.triggers("upgrade-vault").await;
    let incident =
        life.until("a refusal", |incident| matches!(incident.stage, Stage::PrepareFailed { .. })).await;
    let draft = incident.draft.as_ref().unwrap();
    assert!(draft.simulation.why_not().unwrap().contains("reverts"), "{:?}", draft.simulation);
    assert!(draft.upgrades[0].authority.contains("is owned by Safe guardian"), "{:?}", draft.upgrades[0]);
    life.stop().await;
}
