//! Without any service: a proposal as a file, signatures that come back by hand, approvals on the chain, and commands of
//! `cast` that do without us. Each is done by the real binary on real Safes.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use alloy::primitives::{B256, Bytes};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall as _;
use jiff::SignedDuration;
use redhandle::clock::{Clock as _, ManualClock, SystemClock};
use redhandle::domain::incident::names::Purpose;
use redhandle::domain::incident::{Fact, Stage};
use redhandle::domain::safe::abi::Safe;
use redhandle::domain::safe::{SafeNonce, SafeTx, hash};
use redhandle::drill::ground::DevTransaction;
use serde_json::Value;

use crate::support::phone::Phone;
use crate::support::process::{Said, redhandle, said};
use crate::support::{Life, Town, Waking, until};

/// A town whose Transaction Service answers 503 to everything.
async fn town_without_a_service(phone: &Phone) -> Town {
    let town = Town::new().await;
    town.set(
        "safe_service = \"embedded\"",
        &format!("safe_service = {{ url = \"http://{}/service\" }}", phone.address),
    );
    // Hours pass in one step here, and no feed is to be found silent for that.
    town.set("stale_after = \"1m\"", "stale_after = \"6h\"");
    town
}

async fn until_the_service_refuses(life: &Life) {
    life.until("the service to refuse", |incident| matches!(incident.stage, Stage::SubmitFailed { .. }))
        .await;
}

/// Gives a command something on its standard input.
fn paste(town: &Town, arguments: &[&str], text: &str) -> Said {
    let file = town.path("pasted");
    std::fs::write(&file, text).unwrap();
    let mut command = redhandle();
    command
        .arg("-c")
        .arg(town.config_path())
        .args(arguments)
        .stdin(Stdio::from(std::fs::File::open(file).unwrap()));
    said(&mut command)
}

fn exported(town: &Town) -> Value {
    let (code, file) = town.run_json(&["proposal", "export"]);
    assert_eq!(code, 0, "{file}");
    file
}

/// What a wallet makes of the file: it signs the typed data, which is hashed from its own fields.
fn sign_the_file(file: &Value, key: &PrivateKeySigner) -> Bytes {
    let typed: alloy::dyn_abi::TypedData = serde_json::from_value(file["typedData"].clone()).unwrap();
    let digest = typed.eip712_signing_hash().unwrap();
    assert_eq!(digest.to_string(), file["hashes"]["safeTx"].as_str().unwrap());
    key.sign_hash_sync(&digest).unwrap().as_bytes().to_vec().into()
}

async fn approves_on_chain(town: &Town, person: &str, data: Bytes) {
    let transaction = DevTransaction {
        what: "approving a hash".to_owned(),
        from: town.key_of(person).address(),
        to: Some(town.guardian.0),
        data,
    };
    town.chain.anvil.send_all(&[transaction]).await.unwrap();
}

#[tokio::test]
async fn a_day_of_503_still_reaches_quorum() {
    let phone = Phone::start();
    let town = town_without_a_service(&phone).await;
    let clock = ManualClock::at(SystemClock.now());
    let life = town.wake_as(Waking { clock: Arc::clone(&clock) as _, ..Waking::default() }).await;
    town.alarm();
    until_the_service_refuses(&life).await;

    // A whole day of it: tried again and again, never faster than once a minute in the end, and told once.
    let hours = 24;
    for hour in 0..hours {
        let before = life.count("submission-failed");
        clock.step(SignedDuration::from_hours(1));
        until("another attempt", async || (life.count("submission-failed") > before).then_some(())).await;
        assert_eq!(life.count("submission-failed"), before + 1, "one attempt each time it is due");
        if hour == hours / 2 {
            // The export is the proposal, whole. One owner signs it elsewhere and sends the signature back.
            let file = exported(&town);
            let signature = sign_the_file(&file, &town.key_of("ana"));
            let said = paste(&town, &["proposal", "import", "-"], &format!("ana: {signature}\n"));
            assert_eq!(said.code, 0, "{said:?}");
            assert!(said.stdout.contains("counted") && said.stdout.contains("1 of 2 needed"), "{said:?}");
        }
    }
    let incident = life.newest().unwrap();
    let blocked = &incident.calls[&Purpose::Blocked];
    assert_eq!(blocked.number, 1, "people are told of it once: {blocked:?}");
    assert_eq!(life.count("submitted"), 0);

    // The other approves on the chain, with the transaction that is printed.
    let (code, approval) = town.run_json(&["proposal", "approve"]);
    assert_eq!(code, 0, "{approval}");
    approves_on_chain(&town, "ben", approval["data"].as_str().unwrap().parse().unwrap()).await;
    let incident = life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    let sources: Vec<_> = incident.confirmations.values().map(|known| known.source.as_str()).collect();
    assert!(sources.contains(&"file") && sources.contains(&"chain"), "{sources:?}");
    life.stop().await;
}

#[tokio::test]
async fn every_signature_that_does_not_fit_is_named_and_loses_no_good_one() {
    let phone = Phone::start();
    let town = town_without_a_service(&phone).await;
    town.without_executor();
    let life = town.wake().await;
    town.alarm();
    until_the_service_refuses(&life).await;
    let incident = life.newest().unwrap();
    let preparation = incident.preparation.as_ref().unwrap();
    let (tx, domain, hashes) = (&preparation.tx, &preparation.domain, preparation.hashes);
    let signed = |person: &str, digest: B256| -> Vec<u8> {
        town.key_of(person).sign_hash_sync(&digest).unwrap().as_bytes().to_vec()
    };
    let hex = |bytes: Vec<u8>| Bytes::from(bytes).to_string();
    let next = SafeTx { nonce: SafeNonce(tx.nonce.0 + alloy::primitives::U256::ONE), ..tx.clone() };
    let elsewhere =
        redhandle::domain::safe::SafeDomain { chain_id: redhandle::domain::names::ChainId(1), ..*domain };
    let personal =
        town.key_of("ben").sign_message_sync(hashes.safe_tx.0.as_slice()).unwrap().as_bytes().to_vec();
    let mut small = signed("ana", hashes.safe_tx.0);
    small[64] -= 27;
    let stranger = PrivateKeySigner::from_bytes(&B256::repeat_byte(9)).unwrap();
    let lines = [
        hex(signed("chi", hash(&next, domain).safe_tx.0)),
        hex(signed("chi", hash(tx, &elsewhere).safe_tx.0)),
        hex(signed("chi", hashes.message)),
        hex(signed("chi", hashes.domain)),
        hex(stranger.sign_hash_sync(&hashes.safe_tx.0).unwrap().as_bytes().to_vec()),
        format!("{}0", hex(signed("chi", hashes.safe_tx.0))),
        hex(small),
        hex(personal),
        hex(signed("ana", hashes.safe_tx.0)),
    ];
    let said = paste(&town, &["proposal", "import", "-"], &lines.join("\n"));
    assert_eq!(said.code, 1, "some were refused: {said:?}");
    let told = |line: usize, words: &str| {
        let block = said.stdout.split(&format!("line {line}")).nth(1).unwrap_or_default();
        let block: String = block.lines().take(2).collect();
        assert!(block.contains(words), "line {line} does not say {words:?}:\n{}", said.stdout);
    };
    told(1, "the same transaction at nonce 1 instead of 0");
    told(2, "the same transaction for chain 1 instead of 31337");
    told(3, "the message hash instead of the safeTxHash");
    told(4, "the domain hash instead of the safeTxHash");
    told(5, "whom nobody knows");
    told(6, "a digit was lost in copying");
    told(7, "its v was 0 or 1");
    told(8, "it is a personal signature (eth_sign)");
    assert!(said.stdout.contains("known    line 9"), "{said:?}");
    assert!(said.stdout.contains("2 of 2 needed confirmations are there"), "{said:?}");
    life.until("the quorum", |incident| incident.has_quorum()).await;

    // The Safe takes what was put right: executed by hand with the configured key.
    let said = town.run(&["proposal", "execute", "INC-1", "--as", "ana"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(town.is_paused().await);
    life.stop().await;
}

#[tokio::test]
async fn a_removed_owner_is_named_by_what_the_chain_says_now() {
    let phone = Phone::start();
    let town = town_without_a_service(&phone).await;
    let life = town.wake().await;
    town.alarm();
    until_the_service_refuses(&life).await;
    let file = exported(&town);
    // Only the proposal's nonce would change with a Safe transaction, so the owner goes by what anvil allows: the
    // linked list of owners loses its second entry (chi stands in it).
    let (chi, owners_slot) = (town.key_of("chi").address(), alloy::primitives::U256::from(2));
    let state =
        town.chain.chain.safe_state(&town.chain.chain.head().await.unwrap(), town.guardian).await.unwrap();
    let place = state.owners.iter().position(|owner| *owner == chi).unwrap();
    let sentinel = alloy::primitives::Address::with_last_byte(1);
    let before = place.checked_sub(1).map_or(sentinel, |place| state.owners[place]);
    let after = state.owners.get(place + 1).copied().unwrap_or(sentinel);
    let slot = |owner: alloy::primitives::Address| {
        use alloy::sol_types::SolValue as _;
        alloy::primitives::keccak256((owner, owners_slot).abi_encode())
    };
    let anvil = &town.chain.anvil;
    anvil.set_storage(town.guardian.0, slot(before), after.into_word()).await.unwrap();
    anvil.set_storage(town.guardian.0, slot(chi), B256::ZERO).await.unwrap();
    anvil.mine(1).await.unwrap();

    let signature = sign_the_file(&file, &town.key_of("chi"));
    let said = paste(&town, &["proposal", "import", "-"], &signature.to_string());
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.contains("is no owner of this Safe any more: it was removed"), "{said:?}");
    assert_eq!(life.count("confirmed"), 0);
    life.stop().await;
}

#[tokio::test]
async fn a_file_of_anybody_is_checked_here_and_against_the_chain() {
    let phone = Phone::start();
    let town = town_without_a_service(&phone).await;
    let life = town.wake().await;
    town.alarm();
    until_the_service_refuses(&life).await;
    let path = town.path("for-ana.json");
    let out = path.to_str().unwrap();
    let said = town.run(&["proposal", "export", "INC-1", "--out", out, "--qr"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("▀") && said.stdout.contains("cast wallet sign --data"), "{said:?}");
    assert_eq!(town.run(&["proposal", "export", "--out", out]).code, 2, "a file is not overwritten");
    let verify = |more: &[&str]| town.run(&[&["proposal", "verify", out], more].concat());
    let said = verify(&[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("YES") && said.stdout.contains("getTransactionHash says"), "{said:?}");
    let said = verify(&["--offline"]);
    assert_eq!((said.code, said.stdout.contains("NOT asked of the chain")), (0, true), "{said:?}");

    // The signature goes into the file, and comes back with it.
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    file["signatures"] = serde_json::json!([sign_the_file(&file, &town.key_of("ana"))]);
    std::fs::write(&path, file.to_string()).unwrap();
    let said = verify(&[]);
    assert!(said.code == 0 && said.stdout.contains("1 in the file count, 2 are needed"), "{said:?}");
    let said = town.run(&["proposal", "import", out]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = town.run(&["proposal", "import", out]);
    assert!(said.code == 0 && said.stdout.contains("known    signatures[0]"), "twice is once: {said:?}");

    // Whatever is changed is found.
    for (field, value, what) in [
        ("/transaction/to", serde_json::json!("0x000000000000000000000000000000000000dEaD"), "NO   hashes"),
        ("/hashes/safeTx", serde_json::json!(B256::repeat_byte(1)), "NO   hashes"),
        ("/typedData/message/nonce", serde_json::json!("5"), "NO   typed data"),
        ("/calls/0/data", serde_json::json!("0x"), "NO   calls"),
        ("/signatures/0", serde_json::json!(format!("0x{}1b", "11".repeat(64))), "NO   signatures"),
        ("/safe/threshold", serde_json::json!(1), "NO   Safe"),
    ] {
        let mut changed = file.clone();
        *changed.pointer_mut(field).unwrap() = value;
        std::fs::write(&path, changed.to_string()).unwrap();
        let said = verify(&[]);
        assert_eq!(said.code, 1, "{field}: {said:?}");
        assert!(said.stdout.contains(what) && said.stdout.contains("do not sign it"), "{field}: {said:?}");
    }
    life.stop().await;
}

/// The `cast` of foundry-tests, on the path of a shell.
fn cast_folder() -> PathBuf {
    let named = std::env::var_os("REDHANDLE_FOUNDRY_TESTS").map(PathBuf::from);
    let foundry = named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("foundry-tests"));
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "linux-amd64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-amd64",
        ("macos", _) => "darwin-arm64",
        other => panic!("npm has no cast for {other:?}"),
    };
    let folder = foundry.join(format!("node_modules/@foundry-rs/cast-{platform}/bin"));
    assert!(folder.join("cast").is_file(), "no cast in {}: sh tools/install-chain.sh", folder.display());
    folder
}

/// Runs a command of the file as it stands, but for the key.
fn run_cast(town: &Town, command: &Value, key: &PrivateKeySigner) -> String {
    let command = command["command"].as_str().unwrap();
    let line = command.replace("--ledger", &format!("--private-key {}", key.to_bytes()));
    let path = format!("{}:{}", cast_folder().display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &line])
        .env("PATH", path)
        .env("RPC_URL", town.chain.anvil.url().as_str())
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_commands_in_the_file_do_it_all_without_us() {
    let phone = Phone::start();
    let town = town_without_a_service(&phone).await;
    town.without_executor();
    let life = town.wake().await;
    town.alarm();
    until_the_service_refuses(&life).await;
    let file = exported(&town);
    let commands = file["commands"].as_array().unwrap().clone();
    assert_eq!(commands.len(), 3, "nothing to execute yet: {commands:?}");
    assert_eq!(
        run_cast(&town, &commands[0], &town.key_of("ana")),
        file["hashes"]["safeTx"].as_str().unwrap()
    );
    let signature = run_cast(&town, &commands[1], &town.key_of("ana"));
    let said = paste(&town, &["proposal", "import", "-"], &signature);
    assert_eq!(said.code, 0, "{said:?}");
    run_cast(&town, &commands[2], &town.key_of("ben"));
    life.until("the quorum", |incident| incident.has_quorum()).await;

    // Enough: the file has the execution too, and anybody may send it.
    let file = exported(&town);
    let commands = file["commands"].as_array().unwrap().clone();
    assert_eq!(commands.len(), 4);
    run_cast(&town, &commands[3], &town.chain.actors.depositor);
    life.until("the pause", |incident| matches!(incident.stage, Stage::Verified { .. })).await;
    assert!(town.is_paused().await);
    life.stop().await;
}

#[tokio::test]
async fn the_approval_is_a_transaction_of_an_owner() {
    let phone = Phone::start();
    let town = town_without_a_service(&phone).await;
    let life = town.wake().await;
    town.alarm();
    until_the_service_refuses(&life).await;
    let svg = town.path("approve.svg");
    let hash = life.newest().unwrap().preparation.as_ref().unwrap().safe_tx_hash();
    let asked = ["proposal", "approve", &hash.to_string(), "--qr", "--qr-svg", svg.to_str().unwrap()];
    let said = town.run(&asked);
    assert_eq!(said.code, 0, "{said:?}");
    let call = Bytes::from(Safe::approveHashCall { hashToApprove: hash.0 }.abi_encode());
    for words in [&call.to_string(), "Ana", "Chi", "half as much again", "cast send"] {
        assert!(said.stdout.contains(words), "{words}: {said:?}");
    }
    assert!(std::fs::read_to_string(&svg).unwrap().starts_with("<svg"));
    let (_, json) = town.run_json(&asked);
    assert_eq!(
        json["uri"].as_str().unwrap().split('&').next().unwrap(),
        format!("ethereum:{}@31337/approveHash?bytes32={hash}", town.guardian)
    );
    let gas = json["gas"].as_u64().unwrap();
    assert!((50_000..200_000).contains(&gas), "{gas}");
    assert_eq!(town.run(&["proposal", "approve", "0x12"]).code, 2);
    assert!(life.facts().iter().all(|fact| !matches!(fact, Fact::Confirmed(_))), "printing approves nothing");
    life.stop().await;
}
