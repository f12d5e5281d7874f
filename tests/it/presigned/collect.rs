//! Preparing and collecting: what fits is sealed, what does not is named, and nothing that was taken is lost.

use std::process::Stdio;
use std::time::Duration;

use alloy::signers::SignerSync as _;
use redhandle::domain::safe::SafeTxHash;

use super::Windowed;
use crate::support::process::redhandle;

/// Lines as other tools keep them.
fn line(windowed: &Windowed, person: &str, nonce: u64, hash: SafeTxHash) -> String {
    let key = windowed.town.key_of(person);
    let signature = alloy::hex::encode(key.sign_hash_sync(&hash.0).unwrap().as_bytes());
    format!("{}:{nonce}:0x{signature}\n", key.address())
}

/// The safeTxHash of each nonce, as the person's sheet has it.
fn hashes(windowed: &Windowed, person: &str) -> Vec<SafeTxHash> {
    let (code, sheet) = windowed.town.run_json(&["presign", "sheet", "pause", "--person", person]);
    assert_eq!(code, 0, "{sheet}");
    let entries = sheet["sheets"][0]["entries"].as_array().unwrap();
    for entry in entries {
        let typed: alloy::dyn_abi::TypedData = serde_json::from_value(entry["typed_data"].clone()).unwrap();
        assert_eq!(entry["safe_tx_hash"], typed.eip712_signing_hash().unwrap().to_string());
    }
    entries.iter().map(|entry| entry["safe_tx_hash"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_window_is_prepared_signed_and_kept_for_its_owners_eyes() {
    let windowed = Windowed::new("by-hand").await;
    let said = windowed.town.run(&["presign", "status"]);
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("not prepared yet"), "{said:?}");
    let prepared = windowed.town.run(&["presign", "prepare", "pause"]);
    assert_eq!(prepared.code, 0, "{prepared:?}");
    for words in ["vault.pause()", "Domain hash", "Nonce 2", "simulated and passes"] {
        assert!(prepared.stdout.contains(words), "{words}: {prepared:?}");
    }
    assert_eq!(windowed.states(), ["short", "short", "short"]);
    let said = windowed.sign("ana");
    assert!(said.stdout.contains("3 signature(s) added"), "{said:?}");
    let (code, status) = windowed.status();
    assert_eq!((code, &status["standing"]["entries"][0]["have"]), (1, &serde_json::json!(1)), "{status}");
    assert!(status["trouble"].as_str().unwrap().contains("is short: 0 nonces are complete"), "{status}");
    assert!(windowed.sign("ben").code == 0 && windowed.sign("ben").code == 0, "again changes nothing");
    let (code, status) = windowed.status();
    assert_eq!(
        (code, &status["good"], &status["standing"]["remaining"]),
        (0, &true.into(), &3.into()),
        "{status}"
    );
    let said = windowed.town.run(&["presign", "status", "pause"]);
    assert!(["complete", "ana", "ben"].iter().all(|word| said.stdout.contains(word)), "{said:?}");
    assert!(said.stdout.lines().all(|line| line.chars().count() <= 200), "{said:?}");

    let file = windowed.town.path("presigned/pause.sealed");
    let sealed = std::fs::read(&file).unwrap();
    assert!(sealed.starts_with(b"redhandle-sealed 1 pause "));
    assert!(!sealed.windows(10).any(|part| part == b"signatures"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(windowed.town.nonce().await, 0);
    // Prepared again, it keeps what still fits.
    let again = windowed.town.run(&["presign", "prepare", "pause"]);
    assert!(again.stdout.contains("6 signature(s) of the window before still fit"), "{again:?}");
    assert_eq!(windowed.town.run(&["presign", "forget", "pause"]).code, 2, "not without --yes");
    assert_eq!(windowed.town.run(&["presign", "forget", "pause", "--yes"]).code, 0);
    assert!(!file.exists());
}

#[tokio::test]
async fn what_is_brought_is_judged_and_what_does_not_fit_is_named() {
    let windowed = Windowed::signed("by-hand", &[]).await;
    let all = hashes(&windowed, "ana");
    let mut text = line(&windowed, "ana", 0, all[0]);
    text.push_str(&line(&windowed, "ana", 1, all[2]));
    text.push_str(&line(&windowed, "ben", 9, all[0]));
    text.push_str(&line(&windowed, "ben", 2, all[2]));
    text.push_str("nonsense\n");
    let said = windowed.add(&text);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.contains("2 signature(s) added"), "{said:?}");
    for words in [
        "line 2: it is this owner's signature for nonce 2: bring it as that",
        "line 3: nonce 9 is not in the window, which holds 0 to 2",
        "line 5: expected signer:nonce:signature",
    ] {
        assert!(said.stderr.contains(words), "{words}: {said:?}");
    }
    let (_, status) = windowed.status();
    let have: Vec<_> = (0..3).map(|at| status["standing"]["entries"][at]["have"].clone()).collect();
    assert_eq!(have, [1, 0, 1]);

    let nobody = windowed.town.run(&["presign", "sheet", "pause", "--person", "anna"]);
    assert_eq!(nobody.code, 2);
    assert!(nobody.stderr.contains("ana"), "{nobody:?}");
    assert_eq!(windowed.town.run(&["presign", "status", "paws"]).code, 2);
}

#[tokio::test]
async fn another_key_and_a_changed_file_are_sentences() {
    let windowed = Windowed::signed("by-hand", &["ana", "ben"]).await;
    windowed.town.write("secrets/seal", &super::chain::SEAL_KEY.replace("6b", "7c"));
    let said = windowed.town.run(&["presign", "status", "pause"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.contains("sealed with another key than the one configured"), "{said:?}");
    let refused = windowed.town.run(&["presign", "prepare", "pause"]);
    assert_eq!(refused.code, 1, "it is not written over: {refused:?}");
    windowed.town.write("secrets/seal", "correct horse battery staple");
    let said = windowed.town.run(&["presign", "status", "pause"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("openssl rand -hex 32") && !said.stderr.contains("horse"), "{said:?}");
    windowed.town.write("secrets/seal", super::chain::SEAL_KEY);
    assert_eq!(windowed.status().0, 0);

    let file = windowed.town.path("presigned/pause.sealed");
    let mut sealed = std::fs::read(&file).unwrap();
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    std::fs::write(&file, sealed).unwrap();
    let said = windowed.town.run(&["presign", "status", "pause"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.contains("was changed or damaged since it was sealed"), "{said:?}");
    let said = windowed.town.run(&["check"]);
    let told = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("was changed or damaged") && said.code == 1, "{said:?}");
}

#[tokio::test]
async fn killed_while_it_collects_it_has_the_old_window_or_the_new_one() {
    let windowed = Windowed::signed("by-hand", &["ana"]).await;
    let all = hashes(&windowed, "ben");
    let lines: String = (0..3).map(|nonce| line(&windowed, "ben", nonce, all[nonce as usize])).collect();
    windowed.town.write("ben.txt", &lines);
    let path = windowed.town.path("ben.txt");
    let mut taken = false;
    for round in 0..12_u64 {
        let mut command = redhandle();
        command.arg("-c").arg(windowed.town.config_path()).args([
            "presign",
            "add",
            "pause",
            path.to_str().unwrap(),
        ]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 12));
        child.kill().ok();
        child.wait().unwrap();
        let states = windowed.states();
        let whole = ["complete"; 3];
        assert!(states == whole || (states == ["short"; 3] && !taken), "{states:?} in round {round}");
        taken = states == whole;
    }
    let said = windowed.town.run(&["presign", "add", "pause", path.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(windowed.states(), ["complete"; 3]);
    let left = std::fs::read_dir(windowed.town.path("presigned")).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with(".unfinished")), "{names:?}");
}
