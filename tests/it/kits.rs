//! Safe's own npm packages, api-kit 5.0.3 and protocol-kit 8.0.7, as clients of the embedded Transaction Service:
//! unchanged, over its real socket, on a real chain with real Safes. The scripts are in `tests/kits`.
//!
//! `make test` installs the packages (`tools/install-kits.sh`); without them these tests fail and say so.

use std::path::{Path, PathBuf};
use std::process::Command;

use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use redhandle::domain::safe::{SafeDomain, SafeTx, SafeVersion, hash, message_hash};
use serde_json::{Value, json};

use super::support::{Life, Town};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kits")
}

/// What the scripts have to know.
fn world(town: &Town, life: &Life, key: Option<&str>) -> Value {
    let actors = &town.chain.actors;
    let person =
        |key: &PrivateKeySigner| json!({ "address": key.address().to_checksum(None), "key": key.to_bytes() });
    let release = town.chain.safes.release(SafeVersion::V1_4_1).unwrap();
    json!({
        "rpc": town.chain.anvil.url(),
        "service": format!("http://{}/safe/{}/api", life.listen, town.chain_name()),
        "apiKey": key,
        "chainId": town.chain.chain.id().0,
        "safe": town.guardian,
        "vault": town.protocol.vault.to_checksum(None),
        "token": town.protocol.token.to_checksum(None),
        "owners": actors.owners.iter().take(3).map(person).collect::<Vec<_>>(),
        "delegate": person(&actors.depositor),
        "contracts": {
            "safeSingletonAddress": release.singleton_l2.to_checksum(None),
            "safeProxyFactoryAddress": release.proxy_factory.to_checksum(None),
            // The practice chain has no MultiSend that delegatecalls, and nothing here may need it.
            "multiSendAddress": release.multisend_call_only.to_checksum(None),
            "multiSendCallOnlyAddress": release.multisend_call_only.to_checksum(None),
            "fallbackHandlerAddress": release.fallback_handler.to_checksum(None),
        },
    })
}

/// Runs a script to its end and answers what it reports.
async fn run(script: &str, world: &Value) -> Value {
    let installed = folder().join("node_modules/@safe-global/api-kit").exists();
    assert!(installed, "Safe's client packages are not installed: run `sh tools/install-kits.sh`");
    let mut command = Command::new("node");
    command.arg(folder().join(script)).current_dir(folder()).env("REDHANDLE_KITS_WORLD", world.to_string());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed:\n{stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{script}: {error}\n{stderr}"))
}

/// What was refused, and how, one a line.
fn told(town: &Town, refusals: &Value) -> String {
    let (guardian, vault) = (town.guardian.to_string(), town.protocol.vault.to_checksum(None));
    let named = |text: &str| text.replace(&guardian, "GUARDIAN").replace(&vault, "VAULT");
    let lines = refusals.as_object().unwrap().iter();
    lines
        .map(|(what, text)| format!("{what}: {}", named(text.as_str().unwrap())))
        .collect::<Vec<_>>()
        .join("\n")
}

fn domain(town: &Town) -> SafeDomain {
    SafeDomain { version: SafeVersion::V1_4_1, chain_id: town.chain.chain.id(), safe: town.guardian }
}

/// What the packages hashed is what we hash.
fn hashes_are_ours(town: &Town, report: &Value) -> usize {
    let transactions = report["transactions"].as_array().unwrap();
    for one in transactions {
        let tx: SafeTx = serde_json::from_value(one["data"].clone()).unwrap();
        assert_eq!(json!(hash(&tx, &domain(town)).safe_tx), one["safeTxHash"], "{one}");
    }
    transactions.len()
}

#[tokio::test]
async fn api_kit_reads_proposes_confirms_delegates_and_signs_messages() {
    let town = Town::new().await;
    // As people use it who have an API key: the package then sends it as bearer with every request.
    let key = "a key of the tests that is long enough to be one";
    town.set("[web]\n", "[web]\nkey = { file = \"secrets/web\" }\n");
    town.write("secrets/web", key);
    let life = town.wake().await;
    let report = run("client.mjs", &world(&town, &life, Some(key))).await;
    assert_eq!(hashes_are_ours(&town, &report), 2);
    let messages = report["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    for one in messages {
        let digest: B256 = serde_json::from_value(one["digest"].clone()).unwrap();
        assert_eq!(json!(message_hash(digest.as_slice(), &domain(&town))), one["hash"]);
    }
    insta::assert_snapshot!(told(&town, &report["refusals"]), @r"
    token: No Token matches the given query.
    unindexed: This embedded service has no index of the chain, so it does not know this. Ask the chain, or the hosted service.
    ");
    assert!(!town.is_paused().await);
    life.stop().await;
}

#[tokio::test]
async fn protocol_kit_creates_signs_confirms_and_executes() {
    let town = Town::new().await;
    town.without_executor();
    let life = town.wake().await;
    let report = run("execute.mjs", &world(&town, &life, None)).await;
    assert_eq!(hashes_are_ours(&town, &report), 3);
    assert!(town.is_paused().await);
    assert_eq!(town.nonce().await, 2);
    let mut refusals = report["refusals"].clone();
    // Hashes of the chain's transactions differ from run to run.
    for (name, wanted) in [("used", "Tx with nonce=0 for safe="), ("executed", "Tx with safe-tx-hash=")] {
        let text = refusals.as_object_mut().unwrap().remove(name).unwrap();
        let text = text.as_str().unwrap();
        assert!(text.contains(wanted) && text.contains("already executed in tx-hash=0x"), "{name}: {text}");
    }
    insta::assert_snapshot!(told(&town, &refusals), @r"
    ahead: Invalid nonce: nonce=5000000 is 4999998 ahead of nonce=2 of safe=GUARDIAN on the blockchain, and at most 1000 ahead is taken
    delegatecall: Delegatecall to VAULT is not taken: its code could change anything of the Safe, and it is neither a library of Safe nor named in delegatecall_targets of the configuration
    ");
    life.stop().await;
}

/// The packages are test dependencies: pinned, with a checksum each, from npm's own registry, and no part of the crate.
#[test]
fn the_packages_are_pinned_and_no_part_of_the_crate() {
    let read = |name: &str| std::fs::read_to_string(folder().join(name)).unwrap();
    let wanted: Value = serde_json::from_str(&read("package.json")).unwrap();
    assert_eq!(
        wanted["devDependencies"],
        json!({ "@safe-global/api-kit": "5.0.3", "@safe-global/protocol-kit": "8.0.7" })
    );
    let lock: Value = serde_json::from_str(&read("package-lock.json")).unwrap();
    for (path, package) in lock["packages"].as_object().unwrap().iter().filter(|(path, _)| !path.is_empty()) {
        let resolved = package["resolved"].as_str().unwrap_or_default();
        assert!(resolved.starts_with("https://registry.npmjs.org/"), "{path}: {resolved:?}");
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{path}");
    }
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("\"tests/kits/\""), "Cargo.toml excludes it from the package");
}
