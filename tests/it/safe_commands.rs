//! `safe hash`, `safe multisend`, `safe message` and `safe signatures`, as scripts and sceptics use them: the real
//! binary, on every vector that ran against the real contracts.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::support::process::{Said, redhandle};

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/safe/vectors.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

/// Runs the binary in an empty folder, with a text on its standard input.
fn call(arguments: &[&str], input: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let mut command = redhandle();
    command.current_dir(folder.path()).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its arguments does not read.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn the_binary_hashes_every_vector_with_strings_and_with_numbers() {
    let vectors = vectors("safeTxHashes");
    assert_eq!(vectors.len(), 48);
    for vector in vectors {
        let arguments = [
            "safe",
            "hash",
            "-",
            "--json",
            "--safe",
            text(&vector["safeAddress"]),
            "--chain-id",
            text(&vector["chainId"]),
            "--safe-version",
            text(&vector["safeVersion"]),
        ];
        let expected = json!({
            "domain_hash": vector["domainSeparator"], "message_hash": vector["messageHash"],
            "safe_tx_hash": vector["safeTxHash"],
        });
        let strings = vector["tx"].to_string();
        // The same digits without quotes: also those that no float holds.
        let numbers = strings.split('"').map(|part| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { format!("\u{0}{part}\u{0}") } else { part.to_owned() }
        });
        let numbers = numbers.collect::<Vec<_>>().join("\"").replace("\"\u{0}", "").replace("\u{0}\"", "");
        assert_ne!(strings, numbers);
        for input in [strings, numbers] {
            let said = call(&arguments, &input);
            assert_eq!(
                (said.code, json_of(&said)),
                (0, expected.clone()),
                "vector {}: {said:?}",
                vector["id"]
            );
        }
    }
}

#[test]
fn the_binary_packs_every_batch_and_says_no_to_delegatecalls_inside() {
    let vectors = vectors("multiSend");
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let input = vector["transactions"].to_string();
        let expected = json!({ "packed": vector["packed"], "calldata": vector["multiSendCalldata"] });
        let plain = call(&["safe", "multisend", "--json", "--plain-multisend"], &input);
        assert_eq!((plain.code, json_of(&plain)), (0, expected.clone()), "{plain:?}");
        let said = call(&["safe", "multisend", "-", "--json"], &input);
        let mut found = json_of(&said);
        let problems = found.as_object_mut().unwrap().remove("problems");
        assert_eq!(found, expected, "vector {}", vector["id"]);
        let reverts = text(&vector["multiSendCallOnly141_direct_eth_call"]) == "revert";
        assert_eq!((said.code, problems.is_some()), (i32::from(reverts), reverts), "{said:?}");
        assert_eq!(said.stderr.contains("MultiSendCallOnly reverts on it"), reverts, "{said:?}");
    }
}

#[test]
fn the_batching_contract_is_named_for_each_version() {
    let input = json!([{ "operation": 0, "to": "0x86aAdBE201413215F6bfD5e7E80C8A14E87768ad", "value": 0, "data": "0x" }]);
    let to = |arguments: &[&str]| {
        let said = call(&[&["safe", "multisend", "--json"], arguments].concat(), &input.to_string());
        text(&json_of(&said)["to"]).to_owned()
    };
    assert_eq!(to(&["--safe-version", "1.4.1"]), "0x9641d764fc13c8B624c04430C7356C1C7C8102e2");
    assert_eq!(to(&["--safe-version", "1.1.1"]), "0x40A2aCCbd92BCA938b02010E17A5b8929b49130D");
    assert_eq!(
        to(&["--safe-version", "1.5.0", "--plain-multisend"]),
        "0x218543288004CD07832472D464648173c77D7eB7"
    );
    let people = call(&["safe", "multisend", "--safe-version", "1.4.1"], &input.to_string());
    assert!(people.stdout.contains("MultiSendCallOnly 1.4.1"), "{people:?}");
    assert!(people.stdout.contains("call  0x86aAdBE201413215F6bfD5e7E80C8A14E87768ad"), "{people:?}");
}

#[test]
fn every_wrong_field_of_a_batch_is_named_with_its_place() {
    let input = json!([
        { "operation": 2, "to": "0x86aAdBE201413215F6bfD5e7E80C8A14E87768ad", "value": "-1", "data": "0x123" },
        { "operation": 0, "to": null, "value": "0", "dat": "0x" },
    ]);
    let said = call(&["safe", "multisend", "--json"], &input.to_string());
    assert_eq!(said.code, 2, "{said:?}");
    let problems = json_of(&said)["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| text(line).to_owned())
        .collect::<Vec<_>>();
    insta::assert_snapshot!(problems.join("\n"), @r"
    [0].operation is 2; expected 0 (call) or 1 (delegatecall)
    [0].value is -1; expected a whole decimal number, as a string or as a number (it is negative)
    [0].data is 0x123; expected bytes: 0x and an even number of hex digits (it has 3 hex digits, an odd number: half a byte is missing)
    [1].to is missing; expected an address: 0x and 40 hex digits
    [1].dat is no field of a call of a batch; did you mean data?
    ");
    let no_list = call(&["safe", "multisend"], "{}");
    assert_eq!(no_list.code, 2);
    assert!(no_list.stderr.contains("this is no list of calls as JSON"), "{no_list:?}");
}

#[test]
fn the_binary_hashes_every_safe_message() {
    let vectors = vectors("safeMessages");
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let safe = [
            "--json",
            "--safe",
            text(&vector["safeAddress"]),
            "--chain-id",
            text(&vector["chainId"]),
            "--safe-version",
            text(&vector["safeVersion"]),
        ];
        for what in [vec![text(&vector["text"])], vec!["--hash", text(&vector["eip191Hash"])]] {
            let said = call(&[&["safe", "message"], what.as_slice(), &safe].concat(), "");
            let found = json_of(&said);
            assert_eq!(found["safe_message_hash"], vector["safeMessageHash"], "{said:?}");
            assert_eq!(found["domain_hash"], vector["domainSeparator"]);
        }
    }
}

#[test]
fn what_is_missing_on_the_command_line_is_named() {
    let safe = "0x42D718c3035d3f9A22222E4d8D48E11e60383D37";
    for (arguments, missing) in [
        (vec!["safe", "hash"], "--safe is missing"),
        (vec!["safe", "hash", "--safe", safe], "--chain-id and --safe-version are missing"),
        (vec!["safe", "hash", "--safe", safe, "--chain-id", "1"], "--safe-version is missing"),
        (
            vec!["safe", "message", "hello", "--safe", safe, "--safe-version", "1.4.1"],
            "--chain-id is missing",
        ),
        (vec!["safe", "signatures"], "this is no object with signatures as JSON"),
    ] {
        let said = call(&arguments, "");
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said:?}");
        assert!(said.stderr.contains(missing), "{said:?}");
    }
}

/// What `safe signatures` needs of a vector when it asks no chain.
fn explained(vector: &Value, change: impl FnOnce(&mut Value)) -> (Said, Value) {
    let mut input = vector.clone();
    for name in ["id", "description", "components", "preimage", "execTransactionResult"] {
        input.as_object_mut().unwrap().remove(name);
    }
    change(&mut input);
    let said = call(&["safe", "signatures", "--json"], &input.to_string());
    let value = json_of(&said);
    (said, value)
}

#[test]
fn signatures_are_explained_without_a_chain_and_what_only_it_knows_is_no_yes() {
    for vector in vectors("signatures") {
        let (said, value) = explained(&vector, |_| ());
        let components = vector["components"].as_array().unwrap();
        for (component, signature) in components.iter().zip(value["signatures"].as_array().unwrap()) {
            assert_eq!(
                (&signature["owner"], &signature["kind"]),
                (&component["owner"], &component["type"]),
                "{said:?}"
            );
            assert_eq!(signature["problems"], json!([]), "{said:?}");
        }
        let asks_contracts = components.iter().any(|component| component["type"] == "CONTRACT_SIGNATURE");
        let expected = if asks_contracts { (1, Value::Null) } else { (0, json!(true)) };
        assert_eq!((said.code, value["passes"].clone()), expected, "vector {}: {said:?}", vector["id"]);
    }
}

#[test]
fn every_invalid_signature_is_refused_with_its_reason() {
    let reasons = [
        (18, "signatures must ascend by owner"),
        (20, "there are 1 signatures, and the threshold is 2"),
        (22, "has not approved this hash on chain"),
        (23, "it was made with eth_sign: its v must be raised by 4"),
        (24, "looks like a key's signature whose v is 0 instead of 27 or 28"),
        (25, "is said to start at byte 65, among the signatures themselves"),
        (26, "is said to start at byte 1000000, past the end"),
        (27, "is said to have 1000 bytes, which is past the end"),
        // Which form a contract signed, only its answer tells.
        (29, "only the chain can ask contract"),
        (31, "only the chain can ask contract"),
    ];
    let vectors = vectors("invalidSignatures");
    assert_eq!(vectors.len(), reasons.len());
    for (vector, (id, reason)) in vectors.iter().zip(reasons) {
        assert_eq!(vector["id"], id);
        let (said, value) = explained(vector, |_| ());
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.stdout.contains(reason), "vector {id}: {said:?}");
        if id < 29 {
            let revert = format!("revert {}", text(&value["reverts_with"]));
            assert_eq!(
                (&value["passes"], revert.as_str()),
                (&json!(false), text(&vector["execTransactionResult"]))
            );
        } else {
            assert_eq!(value["passes"], Value::Null);
        }
    }
}

#[test]
fn a_signature_of_another_nonce_chain_or_owner_is_named() {
    let one_key = &vectors("signatures")[0];
    let of = |change: &dyn Fn(&mut Value)| {
        let (said, value) = explained(one_key, |input| {
            input.as_object_mut().unwrap().remove("safeTxHash");
            change(input);
        });
        assert_eq!((said.code, &value["passes"]), (1, &json!(false)), "{said:?}");
        text(&value["signatures"][0]["problems"][0]).to_owned()
    };
    let owner = text(&one_key["owners"][0]);
    assert_eq!(
        of(&|input| input["tx"]["nonce"] = "7".into()),
        format!("owner {owner} signed, but it was made for nonce 0")
    );
    assert_eq!(
        of(&|input| input["chainId"] = "10".into()),
        format!("owner {owner} signed, but it was made for chain 31337")
    );
    assert_eq!(
        of(&|input| input["tx"]["operation"] = 1.into()),
        format!("owner {owner} signed, but it was made for operation 0")
    );
    assert_eq!(
        of(&|input| input["safeVersion"] = "1.1.1".into()),
        format!(
            "owner {owner} signed, but it was made for a Safe of version 1.3.0, which hashes with the chain id"
        )
    );
    let others = json!(["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]);
    let removed = of(&|input| {
        input["formerOwners"] = json!([owner]);
        input["owners"] = others.clone();
    });
    assert_eq!(removed, format!("{owner} is no owner any more: it was removed"));
    assert_eq!(
        of(&|input| input["owners"] = others.clone()),
        format!("{owner} is not an owner: somebody else signed, or an owner signed something else")
    );
}

#[test]
fn one_owner_twice_and_what_is_not_known_are_said() {
    let one_key = &vectors("signatures")[0];
    let owner = text(&one_key["owners"][0]);
    let (_, twice) = explained(one_key, |input| {
        let signature = text(&input["signatures"])[2..].to_owned();
        input["signatures"] = format!("0x{signature}{signature}").into();
        input["threshold"] = 2.into();
    });
    assert_eq!(twice["signatures"][1]["problems"], json!([format!("owner {owner} signed twice")]));
    assert_eq!(twice["reverts_with"], "GS026");
    let (said, nobody) = explained(one_key, |input| {
        let input = input.as_object_mut().unwrap();
        input.remove("owners");
        input.remove("threshold");
    });
    assert_eq!((said.code, &nobody["passes"]), (1, &Value::Null));
    assert_eq!(nobody["unknown"], json!(["the owners are not known", "the threshold is not known"]));
    let (said, _) = explained(one_key, |input| input["safeTxHash"] = format!("0x{}", "1".repeat(64)).into());
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("but its fields hash to"), "{said:?}");
}
