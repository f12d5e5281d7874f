//! What is wrong is said in sentences, all of it at once, with the exit code that says whose fault it is.

use std::os::unix::fs::PermissionsExt as _;

use redhandle::drill::ground::{Anvil, AnvilOptions, Tools};

use crate::support::Town;
use crate::support::files::PASSWORD;
use crate::support::process::{Said, redhandle, said as said_of};
use crate::support::town::free_address;

/// What is the same in every town.
fn told(town: &Town, text: &str) -> String {
    let canonical = town.folder().canonicalize().unwrap();
    text.replace(canonical.to_str().unwrap(), "FOLDER")
        .replace(town.folder().to_str().unwrap(), "FOLDER")
        .replace(&town.listen.to_string(), "LISTEN")
        .replace(&address(town.chain.anvil.url()), "RPC")
        .replace(&town.protocol.vault.to_string(), "VAULT")
        .replace(&town.guardian.to_string(), "GUARDIAN")
        .replace(&town.governance.to_string(), "GOVERNANCE")
}

fn address(url: &url::Url) -> String {
    url.socket_addrs(|| None).unwrap()[0].to_string()
}

/// What went wrong, as people read it.
fn problems(town: &Town, said: &Said) -> String {
    let log = |line: &&str| line.starts_with("redhandle: ") || line.starts_with("error: ");
    told(town, &said.stderr.lines().filter(log).map(|line| line.to_owned() + "\n").collect::<String>())
}

/// The lines of `check` that are red, unwrapped.
fn red(town: &Town, said: &Said) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in said.stdout.lines() {
        match line.strip_prefix("  ") {
            Some(rest) if !lines.is_empty() => {
                let last = lines.last_mut().unwrap();
                last.push(' ');
                last.push_str(rest);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    told(town, &lines.into_iter().filter(|line| line.starts_with('✗')).collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn unknown_keys_of_every_file_are_told_at_once_with_place_and_nearest() {
    let town = Town::new().await;
    town.set("listen = ", "listn = ");
    town.set("stale_after", "stale_aftr");
    town.edit("roster.toml", "channels", "chanels");
    town.edit("runbooks/pause-vault.md", "objective", "objectve");
    for command in ["run", "check", "coverage"] {
        assert_eq!(town.run(&[command]).code, 2, "{command}");
    }
    let said = town.run(&["run"]);
    insta::assert_snapshot!(problems(&town, &said), @r#"
    redhandle: FOLDER/redhandle.toml:8:1: unknown key "listn" in [web]; expected one of key, link_secret, listen, public_url; did you mean "listen"?
    redhandle: FOLDER/redhandle.toml:45:1: unknown key "stale_aftr" in [[feeds]]; expected one of bots, chains, key, kind, name, overlap, page_size, poll, stale_after, url, vendor; did you mean "stale_after"?
    redhandle: FOLDER/roster.toml:1:1: missing key "channels" in [people.ana]; expected a list, each text in quotes, not empty
    redhandle: FOLDER/roster.toml:4:1: unknown key "chanels" in [people.ana]; expected one of channels, keys, name, skills, zone; did you mean "channels"?
    redhandle: FOLDER/runbooks/pause-vault.md:9:1: unknown key "objectve" in the front matter; expected one of action, condition, declare, id, objective, owner, policy, recover, respond, reviewed, safe, severity; did you mean "objective"?
    "#);
    assert_eq!(said.stdout, "");

    // The same as values.
    let (code, value) = town.run_json(&["run"]);
    assert_eq!((code, value["problems"].as_array().map(Vec::len)), (2, Some(said.stderr.lines().count())));
}

#[tokio::test]
async fn a_wrong_digit_is_found_by_the_checksum_and_a_wrong_call_by_the_abi() {
    let town = Town::new().await;
    let right = town.protocol.vault.to_string();
    let at = right.rfind(|letter: char| letter.is_ascii_alphabetic()).unwrap();
    let flipped = if right.as_bytes()[at].is_ascii_uppercase() {
        right[at..=at].to_ascii_lowercase()
    } else {
        right[at..=at].to_ascii_uppercase()
    };
    let wrong = format!("{}{flipped}{}", &right[..at], &right[at + 1..]);
    town.set(&right, &wrong);
    let said = town.run(&["run"]);
    assert_eq!(said.code, 2);
    insta::assert_snapshot!(problems(&town, &said).replace(&wrong, "WRONG"), @r#"redhandle: FOLDER/redhandle.toml:18:11: address = "WRONG" in [contracts.vault]; expected an address: 0x and 40 hexadecimal digits, with its EIP-55 checksum or all in lower case; its checksum is wrong: compare every digit, the right spelling of these digits is VAULT"#);

    town.set(&wrong, &right);
    town.edit("runbooks/pause-vault.md", "call = \"pause()\"", "call = \"puase()\"");
    town.edit("runbooks/pause-vault.md", "call = \"unpause()\"", "call = \"unpause(uint256)\"");
    let said = town.run(&["run"]);
    assert_eq!(said.code, 2);
    insta::assert_snapshot!(problems(&town, &said), @r#"
    redhandle: FOLDER/runbooks/pause-vault.md:20:8: contract "vault" has no function "puase" with 0 arguments; nearest: pause(), paused(), unpause(); its ABI is PAUSER_ROLE(), asset(), balanceOf(address), hasRole(bytes32,address), pause(), paused(), totalAssets(), totalSupply(), unpause()
    redhandle: FOLDER/runbooks/pause-vault.md:26:8: contract "vault" has no function "unpause" with 1 argument; nearest: unpause(); its ABI is PAUSER_ROLE(), asset(), balanceOf(address), hasRole(bytes32,address), pause(), paused(), totalAssets(), totalSupply(), unpause()
    "#);
}

#[tokio::test]
async fn owners_and_safes_that_are_none_on_the_chain_are_told() {
    let town = Town::new().await;
    let (owner, stranger) = (town.key_of("ana").address(), town.chain.actors.depositor.address());
    town.edit("roster.toml", &owner.to_string(), &stranger.to_string());
    // An address without a contract, and a contract that is no Safe.
    let (guardian, governance) = (town.guardian.to_string(), town.governance.to_string());
    town.set(&format!("\"{guardian}\""), &format!("\"{stranger}\""));
    town.set(&format!("\"{governance}\""), &format!("\"{}\"", town.protocol.token));
    let said = town.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    let found = red(&town, &said).replace(&stranger.to_string(), "STRANGER");
    insta::assert_snapshot!(found.replace(&town.protocol.token.to_string(), "TOKEN"), @"
    ✗ [safes.governance]: TOKEN is not a Safe that can be used: VERSION() reverted: no reason given
    ✗ [safes.guardian]: STRANGER is not a Safe that can be used: there is no contract at this address
    ");

    // With real Safes the key is an owner of none.
    town.set(&format!("\"{stranger}\""), &format!("\"{guardian}\""));
    town.set(&format!("\"{}\"", town.protocol.token), &format!("\"{governance}\""));
    let said = town.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    insta::assert_snapshot!(red(&town, &said).replace(&stranger.to_string(), "STRANGER"), @r#"✗ roster, people.ana: key STRANGER of ana is an owner of no configured Safe, so that ana would be woken for nothing (owners of governance: 0x70997970C51812dc3A010C7d01b50e0d17dc79C8, 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC, 0x90F79bf6EB2c4f870365E785982E1f101E93b906, 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65, 0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc; owners of guardian: 0x70997970C51812dc3A010C7d01b50e0d17dc79C8, 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC, 0x90F79bf6EB2c4f870365E785982E1f101E93b906): correct the address, or let the owners add it"#);
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_nowhere_green() {
    let town = Town::new().await;
    let options = AnvilOptions { chain_id: redhandle::domain::names::ChainId(10), ..AnvilOptions::default() };
    let other = Anvil::start(&Tools::find(None).unwrap(), &options).await.unwrap();
    town.set(town.chain.anvil.url().as_str(), other.url().as_str());
    let redact = |text: String| text.replace(&address(other.url()), "OTHER");
    let said = town.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    insta::assert_snapshot!(redact(red(&town, &said)), @"✗ [chains.local]: 0 of 1 endpoints serve chain id 31337, and 1 must agree (OTHER serves chain id 10): nothing on local was checked; check its URL, its key and this machine's network");
    let said = town.run(&["coverage"]);
    assert_eq!(said.code, 1, "{said:?}");

    // The Safes are there, but the chain is not the one that was meant.
    town.set(other.url().as_str(), town.chain.anvil.url().as_str());
    town.set("id = 31337", "id = 1");
    let (code, value) = town.run_json(&["coverage"]);
    assert_eq!((code, &value["met"]), (1, &false.into()), "{value}");
    assert!(value["safes"][0].to_string().contains("31337"), "{value}");
}

#[tokio::test]
async fn an_unreachable_endpoint_is_named_without_its_secrets() {
    let town = Town::new().await;
    let (nowhere, rpc) = (free_address(), town.chain.anvil.url().to_string());
    town.set(&rpc, &format!("http://someone:sesame@{nowhere}/v3/sesame?key=sesame"));
    let redact = |text: String| text.replace(&nowhere.to_string(), "NOWHERE");
    let said = town.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    insta::assert_snapshot!(redact(red(&town, &said)), @"✗ [chains.local]: 0 of 1 endpoints serve chain id 31337, and 1 must agree (NOWHERE: not reachable): nothing on local was checked; check its URL, its key and this machine's network");
    for command in [&["check"][..], &["coverage"], &["--json", "check"], &["--json", "coverage"]] {
        let said = town.run(command);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(!format!("{said:?}").contains("sesame"), "{said:?}");
    }
    // A secret in place of a URL is not repeated either.
    town.write("secrets/rpc", "sesame");
    town.set(
        &format!("\"http://someone:sesame@{nowhere}/v3/sesame?key=sesame\""),
        "{ file = \"secrets/rpc\" }",
    );
    let said = town.run(&["run"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(!format!("{said:?}").contains("sesame"), "{said:?}");
}

#[tokio::test]
async fn a_password_that_opens_nothing_and_a_keystore_that_is_none_are_told() {
    let town = Town::new().await;
    town.write("secrets/keystore-password", "wrong");
    let said = town.run(&["check"]);
    assert_eq!(said.code, 2, "{said:?}");
    insta::assert_snapshot!(red(&town, &said), @"
    ✗ [proposer] keystore: the password does not open FOLDER/keystores/proposer.json; is it the password of another keystore?
    ✗ [executor] keystore: the password does not open FOLDER/keystores/executor.json; is it the password of another keystore?
    ");

    town.write("secrets/keystore-password", PASSWORD);
    town.write("keystores/proposer.json", "{}");
    let said = town.run(&["run"]);
    assert_eq!(said.code, 2, "{said:?}");
    let found = problems(&town, &said);
    assert!(
        found.starts_with(
            "redhandle: [proposer] keystore: FOLDER/keystores/proposer.json is not a keystore: "
        ),
        "{found}"
    );
    assert_eq!(found.lines().count(), 1, "{found}");

    std::fs::remove_file(town.keystore_path("executor")).unwrap();
    let said = town.run(&["run"]);
    assert_eq!(said.code, 2, "{said:?}");
    insta::assert_snapshot!(problems(&town, &said), @"redhandle: FOLDER/redhandle.toml:33:21: there is no key file FOLDER/keystores/executor.json");
}

#[tokio::test]
async fn incidents_that_do_not_exist_are_told() {
    let town = Town::new().await;
    for command in [
        &["incident", "show", "INC-9"][..],
        &["incident", "ack", "INC-9", "--as", "ana"],
        &["proposal", "show", "INC-9"],
        &["proposal", "verify", "INC-9"],
        &["proposal", "execute", "INC-9"],
    ] {
        let said = town.run(command);
        assert_eq!(said.code, 2, "{command:?}: {said:?}");
        let sentence = "redhandle: there is no INC-9; `redhandle incident list` names them\n";
        assert_eq!(problems(&town, &said), sentence, "{command:?}");
    }
    let said = town.run(&["incident", "show", "nonsense"]);
    assert_eq!(said.code, 2);
    insta::assert_snapshot!(problems(&town, &said), @r#"error: invalid value 'nonsense' for '<ID>': "nonsense" is not an incident; they are written INC-1, INC-2, …"#);
    let (code, value) = town.run_json(&["incident", "show", "INC-9"]);
    assert_eq!((code, value["problems"].as_array().map(Vec::len)), (2, Some(1)));
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_before_anything_is_opened() {
    let town = Town::new().await;
    let taken = std::net::TcpListener::bind(town.listen).unwrap();
    let said = town.run(&["run"]);
    assert_eq!(said.code, 1, "{said:?}");
    let told = problems(&town, &said);
    assert!(
        told.starts_with("redhandle: [web] listen: cannot listen on LISTEN: Address already in use"),
        "{told}"
    );
    assert!(told.ends_with("is another agent running? choose another address\n"), "{told}");
    assert!(!town.path("redhandle.db").exists());
    drop(taken);
}

#[tokio::test]
async fn a_journal_that_cannot_be_used_is_told() {
    let town = Town::new().await;
    // A folder that is missing is not made: the path may be mistyped.
    town.set("path = \"redhandle.db\"", "path = \"nowhere/redhandle.db\"");
    let said = town.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(red(&town, &said).contains("FOLDER/nowhere/redhandle.db: its folder is missing"), "{said:?}");
    for command in [&["run"][..], &["incident", "list"]] {
        let said = town.run(command);
        assert_eq!(said.code, 1, "{said:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(problems(&town, &said), @"redhandle: could not open the journal FOLDER/nowhere/redhandle.db: its folder is missing; make the folder, or check the path");
        }
    }
    assert!(!town.path("nowhere").exists());

    // One that is read-only would fail at the first append, in the middle of an incident.
    town.set("path = \"nowhere/redhandle.db\"", "path = \"kept.db\"");
    town.write("kept.db", "");
    std::fs::set_permissions(town.path("kept.db"), std::fs::Permissions::from_mode(0o444)).unwrap();
    let said = town.run(&["run"]);
    assert_eq!(said.code, 1, "{said:?}");
    insta::assert_snapshot!(problems(&town, &said), @"redhandle: could not open the journal FOLDER/kept.db: it is read-only; give this user write access to the file and its folder");

    // Something else under its name is left as it is.
    town.set("path = \"kept.db\"", "path = \"letter.txt\"");
    let letter =
        "a letter, and no database at all; long enough to be looked at closely by whoever opens it as one";
    town.write("letter.txt", letter);
    let said = town.run(&["run"]);
    assert_eq!(said.code, 1, "{said:?}");
    let told = problems(&town, &said);
    assert!(told.contains("the file is not an SQLite database; check the path"), "{told}");
    assert_eq!(std::fs::read_to_string(town.path("letter.txt")).unwrap(), letter);
}

#[tokio::test]
async fn files_in_which_nothing_is_wrong_are_not_complained_about() {
    let town = Town::new().await;
    let said = town.run(&["check"]);
    assert_eq!((said.code, red(&town, &said)), (0, String::new()), "{said:?}");
    let nothing = said_of(redhandle().arg("-c").arg(town.path("nothing.toml")).arg("check"));
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(red(&town, &nothing).starts_with("✗ FOLDER/nothing.toml: cannot be read: "), "{nothing:?}");
}
