//! The binary itself, from a report to a closed incident: exit codes, both channels, both forms.
//!
//! No chain and no agent run: commands work without them, and say so.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const VAULT: &str = "0x00000000000000000000000000000000000000aa";

/// Files as a team would write them.
struct Folder(TempDir);

/// How a call ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(
            "redhandle.toml",
            &format!(
                r#"[chains.local]
id = 31337
rpc = ["http://127.0.0.1:9"]
safe_service = "embedded"

[contracts.vault]
chain = "local"
address = "{VAULT}"
abi = "vault.json"

[safes.guardian]
chain = "local"
address = "0x00000000000000000000000000000000000000bb"

[channels.console]
kind = "console"
"#
            ),
        );
        folder.write("vault.json", include_str!("../../contracts-abi/vault.json"));
        folder.write(
            "roster.toml",
            r#"[people.ana]
name = "Ana"
zone = "Europe/Berlin"
channels = ["console"]
keys = ["0x00000000000000000000000000000000000000cc"]

[people.ben]
name = "Ben"
zone = "Asia/Singapore"
channels = ["console"]

[roles]
commander = "person:ana"

[policies.default]
steps = [{ after = "0m", notify = ["person:ana"] }]
"#,
        );
        folder.write(
            "runbooks/pause-vault.md",
            r#"+++
id = "pause-vault"
severity = "emergency"
owner = "protocol-security"
reviewed = 2026-11-01
safe = ["guardian"]
respond = "page"

[[condition]]
id = "drain"
when = 'alert.severity >= CRITICAL'
about = ["vault"]

[[action]]
contract = "vault"
call = "pause()"
expect = 'read("vault", "paused()")'
+++

# Pause the vault
## When to use this
## Decide
## After
"#,
        );
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn call_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_redhandle"))
            .args(arguments)
            .env("REDHANDLE_CONFIG", self.path().join("redhandle.toml"))
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read may be gone already.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        let output = child.wait_with_output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn call(&self, arguments: &[&str]) -> Ended {
        self.call_with(arguments, "")
    }

    /// Calls, and expects it done.
    fn done(&self, arguments: &[&str]) -> String {
        let ended = self.call(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended.out
    }

    /// Calls, and expects this exit code and this text on stderr.
    fn fails(&self, code: i32, arguments: &[&str], says: &str) {
        let ended = self.call(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(says), "{arguments:?}: {ended:?}");
        assert_eq!(ended.out, "", "{arguments:?}: a failure prints no result");
    }
}

#[test]
fn an_incident_is_led_from_report_to_closure_by_commands_alone() {
    let folder = Folder::new();
    assert!(folder.done(&["incident", "list"]).contains("There was no incident yet."));
    let hostile = "pay me\n\u{1b}[2J\u{202e}now";
    let report =
        ["report", "--kind", "hacker", "--title", "Somebody can drain the vault", "--statement", "-"];
    let reported = folder.call_with(&report, hostile);
    assert_eq!(reported.code, 0, "{reported:?}");
    assert!(reported.out.contains("INC-1 is reported (emergency)"), "{reported:?}");

    folder.fails(1, &["incident", "resolve", "1", "--summary", "done"], "it is reported");
    folder.fails(1, &["incident", "close", "INC-1", "--reason", "dull"], "it is not triaged yet");
    let triage = ["incident", "triage", "inc-1", "--real", "--reason", "it reproduces", "--as", "ana"];
    assert!(folder.done(&triage).contains("triaged, an incident to be declared"));
    assert!(folder.done(&["incident", "declare", "INC-1", "--as", "ana"]).contains("commander ana"));
    folder.fails(1, &["incident", "declare", "INC-1"], "it is declared already");
    folder.done(&["incident", "assign", "1", "communications", "ben", "--as", "ana"]);
    folder.done(&["incident", "objective", "1", "No more assets leave"]);
    folder.done(&["incident", "note", "1", "the \u{1b}[31mbridge is fine"]);
    folder.done(&["incident", "ack", "1", "--as", "ben"]);
    folder.done(&["incident", "raise", "1", "propose", "--as", "ana"]);

    let shown = folder.done(&["incident", "show", "1", "--all"]);
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
    for text in
        ["by hacker", "commander       ana (Ana)", "communications  ben (Ben)", "ben acknowledged (command)"]
    {
        assert!(shown.contains(text), "no {text:?} in\n{shown}");
    }
    let json = folder.call(&["--json", "incident", "show", "1"]).json();
    assert_eq!(json["incident"]["phase"], "declared");
    assert_eq!(json["timeline"].as_array().unwrap().len(), 9, "{json}");

    folder.fails(1, &["postmortem", "draft", "1", "--write"], "written once it is resolved");
    folder.done(&["incident", "resolve", "1", "--summary", "paused and patched", "--as", "ana"]);
    let draft = folder.done(&["postmortem", "draft", "1", "--write"]);
    assert!(Path::new(draft.trim()).is_file(), "{draft}");
    assert!(folder.done(&["postmortem", "draft", "1", "--write"]).contains("left as it is"));
    assert!(folder.done(&["postmortem", "draft", "1"]).starts_with("# Post-mortem of INC-1"));
    folder.done(&["postmortem", "action", "1", "cap each block", "--owner", "ben", "--due", "2020-01-31"]);
    folder.done(&["postmortem", "action", "1", "second detector", "--owner", "ana", "--due", "2999-01-31"]);
    let actions = folder.done(&["postmortem", "actions"]);
    assert!(actions.contains("2020-01-31 OVERDUE") && actions.contains("2999-01-31  "), "{actions}");
    folder.done(&["postmortem", "done", "1", "1", "--as", "ben"]);
    folder.fails(1, &["postmortem", "done", "1", "1"], "done already");
    let open = folder.call(&["--json", "postmortem", "actions"]).json();
    assert_eq!(open["actions"].as_array().unwrap().len(), 1);
    folder.done(&["incident", "close", "1", "--reason", "the review is done"]);
    assert!(folder.done(&["incident", "list", "--open"]).contains("No incident is open."));
}

#[test]
fn a_runbook_is_triggered_by_hand_and_what_does_not_exist_is_named() {
    let folder = Folder::new();
    folder.fails(2, &["trigger", "puase-vault", "--reason", "x"], "did you mean \"pause-vault\"?");
    folder.fails(
        2,
        &["trigger", "pause-vault", "--reason", "x", "--commander", "anna"],
        "did you mean \"ana\"?",
    );
    folder.fails(2, &["trigger", "pause-vault", "--reason", " "], "say something");
    assert!(
        folder.done(&["incident", "list"]).contains("There was no incident yet."),
        "nothing half-made is left"
    );
    let triggered = folder.done(&["trigger", "pause-vault", "--reason", "the price is wrong", "--as", "ben"]);
    for text in [
        "INC-1 is declared",
        "commander ana",
        "redhandle incident raise INC-1 propose",
        "If none runs, nobody is paged.",
    ] {
        assert!(triggered.contains(text), "no {text:?} in\n{triggered}");
    }
    folder.fails(2, &["incident", "show", "INC-9"], "there is no INC-9");
    folder.fails(2, &["incident", "show", "bridge"], "is not an incident");
    folder.fails(2, &["incident", "ack", "1", "--as", "bem"], "did you mean \"ben\"?");
    folder.fails(
        2,
        &["incident", "triage", "1", "--real", "--event", "--reason", "x"],
        "cannot be used with",
    );
    folder.fails(2, &["incident", "raise", "1", "page"], "expected prepare or propose");
    folder.fails(2, &["feed", "quarantine", "forta"], "there is no feed \"forta\"; no feed is configured");
    folder.fails(2, &["coverage", "--safe", "gaurdian"], "did you mean \"guardian\"?");
    let problems = folder.call(&["--json", "incident", "show", "9"]);
    assert_eq!(problems.code, 2);
    assert!(problems.json()["problems"][0].as_str().unwrap().contains("there is no INC-9"));
}

#[test]
fn the_chain_of_facts_is_verified_against_a_remembered_head() {
    let folder = Folder::new();
    folder.fails(1, &["journal", "verify"], "");
    assert!(!folder.path().join("redhandle.db").exists(), "asking does not make a journal");
    folder.done(&["report", "--kind", "support", "--title", "odd withdrawals"]);
    let head = folder.done(&["journal", "head"]);
    let head = head.trim();
    assert!(folder.done(&["journal", "verify"]).contains("3 facts, and the chain holds"));
    assert!(
        folder.done(&["journal", "verify", "--head", head]).contains("carries the hash that was remembered")
    );
    folder.fails(2, &["journal", "verify", "--head", "3:abc"], "SEQ:HASH");
    let other = format!("3:{}", "ab".repeat(32));
    for wrong in [other, head.replacen("3:", "4:", 1)] {
        let broken = folder.call(&["journal", "verify", "--head", &wrong]);
        assert_eq!(broken.code, 1, "{broken:?}");
        assert!(broken.out.contains("the chain of facts breaks at fact"), "{broken:?}");
    }
    let json = folder.call(&["--json", "journal", "verify"]).json();
    assert_eq!((json["verified"].clone(), json["facts"].clone()), (json!(true), json!(3)));
}

#[test]
fn a_chain_that_cannot_be_asked_is_red_everywhere() {
    let folder = Folder::new();
    let coverage = folder.call(&["coverage"]);
    assert_eq!(coverage.code, 1, "{coverage:?}");
    assert!(coverage.out.contains("guardian: UNKNOWN"), "{coverage:?}");
    let json = folder.call(&["--json", "coverage"]).json();
    assert_eq!(json["met"], false);
    let check = folder.call(&["check"]);
    assert_eq!(check.code, 1, "{check:?}");
    assert_eq!(check.out.matches('\u{2717}').count(), 1, "one cause is told once: {check:?}");
    assert_eq!(folder.call(&["check", "--offline"]).code, 0);
    folder.write("roster.toml", "[people.ana]\nnam = \"Ana\"\n");
    let check = folder.call(&["--json", "check"]);
    assert_eq!(check.code, 2, "{check:?}");
    assert!(check.json()["findings"].as_array().unwrap().iter().all(|finding| finding["level"] == "problem"));
}

#[test]
fn hashes_are_computed_without_any_configuration() {
    let folder = Folder::new();
    let tx = json!({
        "to": VAULT, "value": "0", "data": "0x8456cb59", "operation": 0, "safeTxGas": 0, "baseGas": 0,
        "gasPrice": "0", "nonce": "7",
    });
    let safe = "0x42D718c3035d3f9A22222E4d8D48E11e60383D37";
    let hash = |input: &Value, more: &[&str]| {
        let mut arguments = vec!["safe", "hash", "--chain-id", "1", "--safe-version", "1.4.1", "--safe"];
        arguments.extend(more);
        folder.call_with(&arguments, &input.to_string())
    };
    let shown = hash(&tx, &[safe]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let json = hash(&tx, &[safe, "--json"]).json();
    let safe_tx_hash = json["safe_tx_hash"].as_str().unwrap();
    assert!(shown.out.contains(&format!("0x{}", safe_tx_hash[2..].to_uppercase())), "{shown:?}");

    let mut claims = tx.clone();
    claims["safeTxHash"] = safe_tx_hash.into();
    assert_eq!(hash(&claims, &[safe]).code, 0);
    claims["nonce"] = "8".into();
    let lies = hash(&claims, &[safe]);
    assert_eq!((lies.code, lies.out.as_str()), (1, ""), "{lies:?}");
    assert!(lies.err.contains("sign nothing until they agree"), "{lies:?}");
    let wrong = hash(&tx, &[&safe.replace("42D7", "42d7")]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("checksum"), "{wrong:?}");
    assert_eq!(hash(&json!({ "to": VAULT }), &[safe]).code, 2);
}
