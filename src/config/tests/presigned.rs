//! `[[presigned]]` and `[modules.NAME]`: wrong ones, and what is said of them.

use std::time::Duration;

use super::*;
use crate::config::settings::{ModuleKind, Release};

const WINDOW: &str = r#"
[[presigned]]
name = "pause"
runbook = "pause-vault"
safe = "guardian"
folder = "presigned"
seal = { env = "SEAL" }
"#;

const MODULES: &str = r#"
[modules.deputy]
kind = "deputy-pause"
safe = "guardian"
address = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
runbook = "pause-vault"

[modules.roles]
kind = "zodiac-roles"
safe = "guardian"
address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
runbook = "pause-vault"
role = "pauser"
member = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
"#;

fn right() -> Files {
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    Files::right().add("redhandle.toml", WINDOW).add("redhandle.toml", MODULES).with("SEAL", key)
}

#[test]
fn a_window_has_defaults_and_no_secret_is_shown() {
    let settings = right().load().unwrap().settings;
    let [window] = &settings.presigned[..] else { panic!("{:?}", settings.presigned) };
    assert_eq!((window.nonces, window.low, window.release), (10, 3, Release::ByHand));
    assert_eq!(window.watch, Duration::from_secs(60));
    assert!(!format!("{window:?}").contains("0001020304"));
    let kinds: Vec<_> = settings.modules.values().map(|module| module.kind.as_str()).collect();
    assert_eq!(kinds, ["deputy-pause", "zodiac-roles"]);
    let roles = &settings.modules[&"roles".into()];
    assert!(matches!(roles.kind, ModuleKind::ZodiacRoles { role, .. } if role.to_string() == "pauser"));
}

#[test]
fn wrong_windows_and_modules_are_told() {
    let told = |from: &str, to: &str| right().spoil("redhandle.toml", from, to).told();
    let in_window = |more: &str| told("folder = \"presigned\"", &format!("folder = \"presigned\"\n{more}"));
    insta::assert_snapshot!(in_window("nonces = 65"), @"redhandle.toml:54:10: nonces = 65 in [[presigned]]; expected a whole number from 1 to 64");
    insta::assert_snapshot!(in_window("nonces = 2\nlow = 3"), @"redhandle.toml:55:7: low = 3 in [[presigned]]; expected a whole number from 1 to 2");
    insta::assert_snapshot!(in_window("release = \"by-hnd\""), @r#"redhandle.toml:54:11: release = "by-hnd" in [[presigned]]; expected one of "by-hand", "with-proposal"; did you mean "by-hand"?"#);
    insta::assert_snapshot!(told("folder = \"presigned\"", ""), @r#"redhandle.toml:49:1: missing key "folder" in [[presigned]]; expected the folder in which it is kept, sealed"#);
    insta::assert_snapshot!(right().with("SEAL", "a passphrase").told(), @"redhandle.toml:54:8: seal in [[presigned]]: the key is not 32 bytes in hexadecimal or base64 (a passphrase is none); `openssl rand -hex 32` makes one");
    insta::assert_snapshot!(right().add("redhandle.toml", WINDOW).told(), @r#"redhandle.toml:71:8: two windows are called "pause"; expected each window under one name"#);
    insta::assert_snapshot!(told("kind = \"zodiac-roles\"", "kind = \"zodiac\""), @r#"redhandle.toml:63:8: kind = "zodiac" in [modules.roles]; expected one of "deputy-pause", "zodiac-roles""#);
    insta::assert_snapshot!(told("role = \"pauser\"", "role = \"0x12\""), @r#"redhandle.toml:67:8: role = "0x12" in [modules.roles]; expected a role's name of 1 to 31 printable ASCII characters, or 0x and 64 hexadecimal digits that are not all zero"#);
    insta::assert_snapshot!(told("0x5fbdb2315678afecb367f032d93f642f64180aa3", "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"), @"redhandle.toml:59:11: address of [modules.deputy] is that of the Safe itself; expected the module's own address");
}
