//! What cannot be prepared before it is known: windows and modules do not take upgrades, and say so.

use super::world::{Behind, World};

#[tokio::test]
async fn upgrades_are_not_signed_before_and_take_no_module() {
    let world = World::lay(Behind::Uups).await;
    world.runbook(world.code_hash(world.fixed).await, "");
    let town = &world.town;
    town.write("secrets/seal", &"6b1f0c1a9d3e5f7a".repeat(4));
    town.add(
        "[[presigned]]\nname = \"upgrade\"\nrunbook = \"upgrade-vault\"\nsafe = \"guardian\"\nnonces = 3\nlow = 2\nfolder = \"presigned\"\nseal = { file = \"secrets/seal\" }\nrelease = \"by-hand\"\nwatch = \"100ms\"",
    );
    town.add(&format!(
        "[modules.deputy]\nkind = \"deputy-pause\"\nsafe = \"guardian\"\naddress = \"{}\"\nrunbook = \"upgrade-vault\"",
        world.fixed
    ));

    let refused = town.run(&["presign", "prepare", "upgrade"]);
    let told = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        told.contains(
            "runbook upgrade-vault upgrades vault, and what an upgrade calls is found when it is made"
        ) && told.contains("name a runbook without upgrades"),
        "{told}"
    );
    assert!(!town.path("presigned/upgrade.sealed").exists(), "nothing was prepared");

    let (code, found) = town.run_json(&["module", "status", "deputy"]);
    assert_eq!((code, found[0]["state"] == "ready"), (1, false), "{found}");
    let why = found[0]["why"].to_string();
    assert!(why.contains("runbook upgrade-vault upgrades vault, which no module of ours does"), "{why}");
}
