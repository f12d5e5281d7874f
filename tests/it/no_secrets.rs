//! A shell that has none of the agent's secrets: what never uses them answers, what uses them says which is missing.

use std::ffi::OsString;

use crate::support::Town;
use crate::support::process::{Said, redhandle, said as said_of};
use crate::support::until_now;

/// Every secret by the variable that names it, in the order of the file.
const SECRETS: [(&str, &str); 10] = [
    ("WEB_KEY", "a key of the embedded service"),
    ("LINK_SECRET", "links are signed with this, which nobody guesses"),
    ("RPC", ""),
    ("PROPOSER_PASSWORD", "practice"),
    ("EXECUTOR_PASSWORD", "practice"),
    ("RELAY", "http://127.0.0.1:9"),
    ("MONITOR_SECRET", "a secret that monitor and agent share"),
    ("SEAL", "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b"),
    ("SENDER_TOKEN", "a token that nobody guesses"),
    ("SLACK_URL", "http://127.0.0.1:9/hook"),
];

/// A town with one proposal, whose agent has ended and whose secrets are all in the environment since.
struct Orphaned {
    town: Town,
    rpc: String,
}

impl Orphaned {
    async fn new() -> Self {
        let town = Town::new().await;
        town.without_executor();
        let agent = town.spawn();
        town.alarm();
        until_now("a proposal", || !town.run_json(&["proposal", "list"]).1.as_array().unwrap().is_empty());
        assert_eq!(agent.terminate(), Some(0));
        std::fs::remove_file(town.path("redhandle.link-secret")).unwrap();

        let rpc = town.chain.anvil.url().to_string();
        town.set(
            "listen = ",
            "key = { env = \"WEB_KEY\" }\nlink_secret = { env = \"LINK_SECRET\" }\nlisten = ",
        );
        town.set(
            &format!("rpc = [\"{rpc}\"]"),
            "rpc = [{ env = \"RPC\" }, \"http://127.0.0.1:9\"]\nagree = 2",
        );
        for whose in ["PROPOSER_PASSWORD", "EXECUTOR_PASSWORD"] {
            town.set(
                "password = { file = \"secrets/keystore-password\" }",
                &format!("password = {{ env = \"{whose}\" }}"),
            );
        }
        town.set("auto = false", "auto = false\n[executor.relay.local]\nurl = { env = \"RELAY\" }");
        town.hear("[[feeds]]\nname = \"monitor\"\nkind = \"webhook\"\nsecret = { env = \"MONITOR_SECRET\" }");
        town.add(
            "[[presigned]]\nname = \"pause\"\nrunbook = \"pause-vault\"\nsafe = \"guardian\"\nfolder = \"presigned\"\nseal = { env = \"SEAL\" }\n\n\
             [modules.deputy]\nkind = \"deputy-pause\"\nsafe = \"guardian\"\naddress = \"0x00000000000000000000000000000000000000dd\"\nrunbook = \"pause-vault\"\n\n\
             [reports.senders.chat]\ntoken = { env = \"SENDER_TOKEN\" }\n\n\
             [channels.slack]\nkind = \"slack\"\nurl = { env = \"SLACK_URL\" }\n",
        );
        Self { town, rpc }
    }

    /// Runs a command in a shell that has these of the secrets.
    fn run(&self, having: &[&str], arguments: &[&str]) -> Said {
        self.run_beside(having, None, arguments)
    }

    /// The same, with `junk` in the place of all others.
    fn run_beside(&self, having: &[&str], junk: Option<&OsString>, arguments: &[&str]) -> Said {
        let value = |name: &str, value: &str| if name == "RPC" { self.rpc.clone() } else { value.to_owned() };
        let mut command = redhandle();
        for (name, text) in SECRETS {
            if having.contains(&name) {
                command.env(name, value(name, text));
            } else if let Some(junk) = junk {
                command.env(name, junk);
            }
        }
        said_of(command.arg("-c").arg(self.town.config_path()).args(arguments))
    }
}

/// What is no secret of any kind.
fn junk() -> Vec<OsString> {
    use std::os::unix::ffi::OsStringExt as _;
    vec![OsString::from("x"), OsString::from_vec(vec![0x66, 0xff, 0xfe]), OsString::from("a\nb")]
}

/// Which variables a refusal names, in its order.
fn named(said: &str) -> Vec<&'static str> {
    let lines = said.split("the environment variable ").skip(1);
    lines
        .filter_map(|rest| {
            let (name, after) = rest.split_once(' ')?;
            assert!(after.trim_start().starts_with("is"), "{rest}");
            SECRETS.iter().map(|(known, _)| *known).find(|known| *known == name)
        })
        .collect()
}

#[tokio::test]
async fn what_never_uses_a_secret_answers_in_a_shell_without_any() {
    let orphaned = Orphaned::new().await;
    for arguments in [
        &["incident", "list"][..],
        &["incident", "show", "INC-1"],
        &["incident", "show", "INC-1", "--all"],
        &["incident", "ack", "INC-1", "--as", "ben"],
        &["incident", "note", "INC-1", "from a shell without secrets", "--as", "ben"],
        &["proposal", "list"],
        &["proposal", "show", "INC-1"],
        &["feed", "quarantine"],
        &["feed", "quarantine", "monitor"],
        &["silence", "add", "--feed", "monitor", "--for", "1h", "--comment", "it floods", "--as", "ana"],
        &["silence", "list"],
        &["postmortem", "draft", "INC-1"],
        &["postmortem", "actions"],
        &["journal", "head"],
        &["journal", "verify"],
        &["report", "--kind", "support", "--title", "odd withdrawals"],
        &["trigger", "pause-vault", "--reason", "the price is wrong", "--as", "ben"],
    ] {
        for form in [&[][..], &["--json"]] {
            let said = orphaned.run(&[], &[form, arguments].concat());
            assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
            assert!(!said.stderr.contains("environment variable"), "{arguments:?}: {said:?}");
        }
    }
    // Nor one that is there and is not as it must be: too short, no URL, no key, no text.
    for junk in junk() {
        for arguments in [
            &["incident", "show", "INC-1"][..],
            &["incident", "note", "INC-1", "from a shell with junk", "--as", "ben"],
            &["proposal", "show", "INC-1"],
            &["feed", "quarantine", "monitor"],
            &["silence", "list"],
            &["journal", "verify"],
        ] {
            let said = orphaned.run_beside(&[], Some(&junk), arguments);
            assert_eq!(said.code, 0, "{junk:?} {arguments:?}: {said:?}");
        }
    }
    // What could not be asked is unknown, and says why.
    let shown = orphaned.run(&[], &["--json", "proposal", "show", "INC-1"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let path = shown["paths"][0].to_string();
    assert!(path.contains("unknown") && path.contains("the environment variable RPC is not set"), "{path}");
    // No link is signed with a secret that is none of the agent's, and none is kept for later.
    assert!(!orphaned.town.path("redhandle.link-secret").exists());
    // Wrong names are told as before.
    let said = orphaned.run(&[], &["feed", "quarantine", "monitr"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("did you mean \"monitor\"?"), "{said:?}");
}

#[tokio::test]
async fn whoever_uses_a_secret_refuses_without_it_and_names_no_other() {
    let orphaned = Orphaned::new().await;
    let safe = ["WEB_KEY", "RPC", "RELAY", "SEAL"];
    let keys = ["WEB_KEY", "RPC", "PROPOSER_PASSWORD", "EXECUTOR_PASSWORD", "RELAY", "SEAL"];
    for (arguments, needed) in [
        (&["coverage"][..], &["RPC"][..]),
        (&["proposal", "verify", "INC-1"], &["RPC"]),
        (&["safe", "queue", "guardian"], &safe),
        (&["presign", "status"], &safe),
        (&["module", "status"], &safe),
        (&["proposal", "export", "INC-1"], &safe),
        (&["proposal", "execute", "INC-1"], &keys),
    ] {
        let said = orphaned.run(&[], arguments);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{arguments:?}: {said:?}");
        let mut told = named(&said.stderr);
        told.sort_unstable();
        let mut needed = needed.to_vec();
        needed.sort_unstable();
        assert_eq!(told, needed, "{arguments:?}: {said:?}");
        // With these and no other it is not refused.
        let said = orphaned.run(&needed, arguments);
        assert!(!said.stderr.contains("environment variable"), "{arguments:?}: {said:?}");
    }
    // The endpoint of one of two that must agree is no chain that can be asked.
    let coverage = orphaned.run(&[], &["coverage"]);
    let place = format!("{}:", orphaned.town.config_path().display());
    let told = coverage.stderr.trim();
    assert!(told.starts_with(&format!("redhandle: {place}")), "{told}");
    assert!(told.ends_with("the environment variable RPC is not set ([chains.local.rpc])"), "{told}");
    orphaned.town.set(", \"http://127.0.0.1:9\"]\nagree = 2", "]");
    let covered = orphaned.run(&["RPC"], &["coverage"]);
    assert_eq!(covered.code, 0, "{covered:?}");
    assert!(covered.stdout.contains("guardian"), "{covered:?}");
    for junk in junk() {
        let covered = orphaned.run_beside(&["RPC"], Some(&junk), &["coverage"]);
        assert_eq!(covered.code, 0, "{junk:?}: {covered:?}");
        // Who needs it is told, and told nothing of the others.
        let refused = orphaned.run_beside(&[], Some(&junk), &["coverage"]);
        assert_eq!((refused.code, refused.stderr.lines().count()), (2, 1), "{junk:?}: {refused:?}");
        assert!(refused.stderr.contains("chains.local"), "{junk:?}: {refused:?}");
    }
    // Who needs all is told of all.
    let short = junk().remove(0);
    let said = orphaned.run_beside(
        &["PROPOSER_PASSWORD", "EXECUTOR_PASSWORD"],
        Some(&short),
        &["check", "--offline"],
    );
    assert_eq!(said.code, 2, "{said:?}");
    for place in ["chains.local", "presigned", "relay", "reports.senders.chat", "channels.slack"] {
        assert!(said.stdout.contains(place), "{place}: {said:?}");
    }
}

#[tokio::test]
async fn check_and_run_tell_every_secret_that_is_missing_and_what_else_is_wrong() {
    let orphaned = Orphaned::new().await;
    let mut all = SECRETS.map(|(name, _)| name);
    all.sort_unstable();
    for (arguments, code) in [
        (&["check"][..], 2),
        (&["run"], 2),
        (&["--json", "check"], 2),
        (&["--json", "run"], 2),
        // Asking nobody needs none, and names each.
        (&["check", "--offline"], 0),
        (&["--json", "check", "--offline"], 0),
    ] {
        let said = orphaned.run(&[], arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        // `check` wraps its lines.
        let told =
            if arguments.contains(&"run") && arguments.len() == 1 { &said.stderr } else { &said.stdout };
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut named = named(&told);
        named.sort_unstable();
        assert_eq!(named, all, "{arguments:?}: {said:?}");
    }
    // A CI without secrets: loud, no false green, and everything else is judged.
    let said = orphaned.run(&[], &["check", "--offline"]);
    let loud = "10 secrets are not here and not checked: `redhandle run` would not start on this machine.";
    assert!(said.stdout.contains("0 problems, 10 warnings") && said.stdout.contains(loud), "{said:?}");
    let said = orphaned.run(&[], &["--json", "check", "--offline"]);
    let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(told["absent_secrets"], 10, "{told}");
    // Set to nothing, as a CI hands over what it does not have, is not here either; what is here is judged.
    for (value, code) in [("", 0), ("\n", 0), ("x", 2)] {
        let said = orphaned.run_beside(&[], Some(&value.into()), &["check", "--offline"]);
        assert_eq!(said.code, code, "{value:?}: {said:?}");
    }
    // Nor is a keystore that is kept elsewhere, with its password here or not.
    let (keys, aside) = (orphaned.town.path("keystores"), orphaned.town.path("aside"));
    std::fs::rename(&keys, &aside).unwrap();
    for (having, absent) in [(&[][..], 12), (&["PROPOSER_PASSWORD", "EXECUTOR_PASSWORD"], 10)] {
        let said = orphaned.run(having, &["check", "--offline", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((said.code, &told["absent_secrets"]), (0, &absent.into()), "{said:?}");
    }
    std::fs::rename(&aside, &keys).unwrap();
    orphaned.town.edit("runbooks/pause-vault.md", "call = \"pause()\"", "call = \"paws()\"");
    let said = orphaned.run(&[], &["check", "--offline"]);
    assert!(said.code == 2 && said.stdout.contains("paws") && said.stdout.contains(loud), "{said:?}");
    orphaned.town.edit("runbooks/pause-vault.md", "call = \"paws()\"", "call = \"pause()\"");
    // One is enough, and it comes together with other mistakes.
    orphaned.town.edit("roster.toml", "channels", "chanels");
    let all_but_one: Vec<_> = all.into_iter().filter(|name| *name != "MONITOR_SECRET").collect();
    let said = orphaned.run(&all_but_one, &["run"]);
    assert_eq!((said.code, named(&said.stderr)), (2, vec!["MONITOR_SECRET"]), "{said:?}");
    assert!(said.stderr.contains("did you mean \"channels\"?"), "{said:?}");
    // A mistake that is no missing secret is everybody's, as before.
    let said = orphaned.run(&[], &["incident", "list"]);
    assert_eq!((said.code, named(&said.stderr)), (2, vec![]), "{said:?}");
    assert!(said.stderr.contains("did you mean \"channels\"?"), "{said:?}");
}
