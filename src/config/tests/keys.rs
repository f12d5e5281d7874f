//! `[proposer]` and `[executor]`: where keys are, what they may spend, and what is said when it is written wrong.

use secrecy::ExposeSecret as _;

use super::*;
use crate::config::settings::{KeySource, RelayMethod};
use crate::domain::ether::Wei;
use crate::domain::hd_path::HdPath;

fn told(text: &str) -> String {
    Files::right().add("redhandle.toml", &format!("\n{text}\n")).told()
}

fn settings(text: &str) -> crate::config::settings::Settings {
    Files::right().add("redhandle.toml", &format!("\n{text}\n")).load().unwrap().settings
}

fn ether(text: &str) -> Wei {
    text.parse().unwrap()
}

#[test]
fn each_place_of_a_key_is_read() {
    let source = |text: &str| settings(&format!("[proposer]\n{text}")).proposer.unwrap().key;
    let aws = source("aws-kms = { key_id = \"alias/one\", region = \"eu-central-1\" }");
    assert!(
        matches!(aws, KeySource::AwsKms { key_id, region: Some(_), endpoint: None } if key_id == "alias/one")
    );
    let gcp = source(
        "gcp-kms = { project = \"p\", location = \"global\", ring = \"r\", key = \"k\", version = 3 }",
    );
    assert!(matches!(gcp, KeySource::GcpKms { version: 3, .. }));
    assert!(matches!(source("ledger = {}"), KeySource::Ledger(HdPath::Account(0))));
    assert!(matches!(source("ledger = { index = 4 }"), KeySource::Ledger(HdPath::Account(4))));
    let path = source("trezor = { path = \"m/44'/60'/0'/0/1\" }");
    assert!(matches!(path, KeySource::Trezor(HdPath::Path(path)) if path.ends_with("/1")));
    let raw = source("private_key = { env = \"OWN_SECRET\" }");
    assert!(matches!(raw, KeySource::PrivateKey(_)));
}

#[test]
fn wrong_keys_are_told_with_their_place() {
    for (text, words) in [
        ("[proposer]\nledger = {}\ntrezor = {}", "names 2 keys: ledger, trezor; expected exactly one"),
        ("[proposer]\nledger = { path = \"44/60\" }", "`44/60` is no derivation path"),
        ("[proposer]\nledger = { index = 1, path = \"m/0\" }", "has an index and a path"),
        ("[proposer]\ngcp-kms = { project = \"p\" }", "missing key \"version\""),
        ("[proposer]\naws-kms = {}", "missing key \"key_id\""),
        ("[proposer]\nkeystor = {}", "did you mean \"keystore\"?"),
        ("[proposer]\nprivate_key = \"0x01\"", "a secret is written out as \"private_key\""),
        ("[proposer]\nprivate_key = { env = \"OWN_SECRET\" }", "is kept as it is, without a password"),
    ] {
        let said = told(text);
        assert!(said.contains(words), "{text}\n{said}");
    }
}

#[test]
fn an_executor_has_caps_and_may_have_relays() {
    let key = "[executor]\nprivate_key = { env = \"OWN_SECRET\" }\n";
    let plain = settings(key).executor.unwrap();
    assert_eq!((plain.cap.per_incident, plain.cap.per_day), (ether("0.2 ether"), ether("1 ether")));
    assert!(plain.relays.is_empty() && !plain.auto);

    let relay = "[executor.relay.mainnet]\nurl = { env = \"RPC_A\" }\n";
    let full = format!(
        "{key}cap_per_incident = \"3 ether\"\n{relay}method = \"eth_sendPrivateTransaction\"\nonly = true"
    );
    let full = settings(&full).executor.unwrap();
    assert_eq!(full.cap.per_day, ether("3 ether"), "never less than for one incident");
    let relay = &full.relays[&"mainnet".into()];
    assert_eq!((relay.method, relay.public_after_blocks), (RelayMethod::Private, None));
    assert!(relay.url.expose_secret().starts_with("https://"));
}

#[test]
fn wrong_caps_and_relays_are_told_with_their_place() {
    let executor =
        |text: &str| told(&format!("[executor]\nprivate_key = {{ env = \"OWN_SECRET\" }}\n{text}"));
    for (text, words) in [
        ("cap_per_incident = \"0.2\"", "`0.2` is no amount"),
        ("cap_per_day = \"1,5 ether\"", "is no amount"),
        ("cap_per_incident = \"2 ether\"\ncap_per_day = \"1 ether\"", "is more than cap_per_day (1 ether)"),
        ("[executor.relay.mainnt]\nurl = { env = \"RPC_A\" }", "no chain is called \"mainnt\""),
        ("[executor.relay.mainnet]", "missing key \"url\""),
        ("[executor.relay.mainnet]\nurl = \"https://x.org\"", "a secret is written out as \"url\""),
        ("[executor.relay.mainnet]\nurl = { env = \"OWN_SECRET\" }", "is no URL"),
        (
            "[executor.relay.mainnet]\nurl = { env = \"RPC_A\" }\nmethod = \"eth_send\"",
            "\"eth_sendRawTransaction\"",
        ),
        (
            "[executor.relay.mainnet]\nurl = { env = \"RPC_A\" }\nonly = true\npublic_after_blocks = 2",
            "is never public and public after some blocks",
        ),
        ("[executor.relay.mainnet]\nurl = { env = \"RPC_A\" }\npublic_after_blocks = 0", "from 1 to 100"),
    ] {
        let said = executor(text);
        assert!(said.contains(words), "{text}\n{said}");
    }
}
