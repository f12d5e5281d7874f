//! Keys that are elsewhere. A cloud's key management cannot run here: a server that speaks AWS KMS's protocol and signs
//! with a real key stands in its place. Devices are not plugged in, which is said.

use crate::support::Town;

#[tokio::test]
async fn a_device_that_is_not_there_or_not_built_in_is_said_and_nothing_is_signed() {
    let town = Town::new().await;
    for (flag, feature, built) in
        [("--ledger", "ledger", cfg!(feature = "ledger")), ("--trezor", "trezor", cfg!(feature = "trezor"))]
    {
        let said = town.run(&["safe", "delegate", "guardian", flag]);
        let (code, words) =
            if built { (1, "could not be reached".to_owned()) } else { (2, format!("--features {feature}")) };
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.stderr.contains(&words), "{said:?}");
    }
    let said = town.run(&["safe", "delegate", "guardian"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("give --keystore FILE, --ledger or --trezor"), "{said:?}");
    let said = town.run(&["safe", "delegate", "guardian", "--ledger", "--hd-path", "m/44h/60"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("is no derivation path"), "{said:?}");
}

#[tokio::test]
async fn a_key_written_out_works_and_is_warned_of() {
    let town = Town::new().await;
    let key = town.chain.actors.executor.to_bytes().to_string();
    town.write("secrets/raw", &key);
    town.set(
        "[executor]\nkeystore = { path = \"keystores/executor.json\", password = { file = \"secrets/keystore-password\" } }",
        "[executor]\nprivate_key = { file = \"secrets/raw\" }",
    );
    let said = town.run(&["check"]);
    let flat = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("the key of [executor] is kept as it is, without a password"), "{flat}");
    assert!(flat.contains(&town.chain.actors.executor.address().to_string()), "{flat}");
    assert!(!flat.contains(&key), "never repeated");
}

#[cfg(not(feature = "aws-kms"))]
#[tokio::test]
async fn a_cloud_that_is_not_built_in_names_its_feature() {
    let town = Town::new().await;
    town.set(
        "[proposer]\nkeystore = { path = \"keystores/proposer.json\", password = { file = \"secrets/keystore-password\" } }",
        "[proposer]\naws-kms = { key_id = \"alias/proposer\" }",
    );
    let said = town.run(&["run"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("[proposer] aws-kms: this build has no support for AWS KMS"), "{said:?}");
    assert!(said.stderr.contains("--features aws-kms"), "{said:?}");
}

#[cfg(feature = "aws-kms")]
mod aws {
    use std::collections::BTreeMap;
    use std::net::SocketAddr;
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    use alloy::primitives::{B256, U256, uint};
    use alloy::signers::SignerSync as _;
    use alloy::signers::local::PrivateKeySigner;
    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use crate::support::process::{Process, redhandle, said};
    use crate::support::{Town, until, until_now};

    /// The order of the curve.
    const N: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

    /// The header of a secp256k1 public key in DER (SPKI), before its 65 bytes.
    const SPKI: [u8; 23] = [
        0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
        0x04, 0x00, 0x0a, 0x03, 0x42, 0x00,
    ];

    /// What is wrong with it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Fault {
        None,
        /// It does not know us.
        Denies,
        /// It signs with another key than it said.
        SignsWithAnother,
    }

    struct Kms {
        keys: BTreeMap<String, PrivateKeySigner>,
        fault: Mutex<Fault>,
        signed: Mutex<Vec<String>>,
    }

    async fn start(keys: BTreeMap<String, PrivateKeySigner>) -> (SocketAddr, Arc<Kms>) {
        let kms = Arc::new(Kms { keys, fault: Mutex::new(Fault::None), signed: Mutex::new(Vec::new()) });
        let router = Router::new().fallback(post(answer)).with_state(Arc::clone(&kms));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a server of one test, gone with its runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, kms)
    }

    /// `awsJson1_1`: the operation is in a header, the rest in JSON, bytes in base64.
    async fn answer(State(kms): State<Arc<Kms>>, headers: HeaderMap, body: String) -> (StatusCode, String) {
        let refused = |kind: &str, message: &str| {
            (StatusCode::BAD_REQUEST, json!({ "__type": kind, "message": message }).to_string())
        };
        let fault = *kms.fault.lock().unwrap();
        let signed_by_aws = headers
            .get("authorization")
            .is_some_and(|value| value.to_str().unwrap().starts_with("AWS4-HMAC-SHA256"));
        if fault == Fault::Denies || !signed_by_aws {
            return refused("AccessDeniedException", "User is not authorized to perform: kms:GetPublicKey");
        }
        let request: Value = serde_json::from_str(&body).unwrap();
        let id = request["KeyId"].as_str().unwrap().to_owned();
        let Some(key) = kms.keys.get(&id) else { return refused("NotFoundException", "Alias is not found") };
        let operation = headers["x-amz-target"].to_str().unwrap();
        let result = match operation {
            "TrentService.GetPublicKey" => {
                let public = [&SPKI[..], &[4], key.public_key().as_slice()].concat();
                json!({ "KeyId": id, "PublicKey": STANDARD.encode(public), "KeySpec": "ECC_SECG_P256K1" })
            }
            "TrentService.Sign" => {
                assert_eq!(request["MessageType"], "DIGEST");
                assert_eq!(request["SigningAlgorithm"], "ECDSA_SHA_256");
                let digest =
                    B256::from_slice(&STANDARD.decode(request["Message"].as_str().unwrap()).unwrap());
                let another = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
                let key = if fault == Fault::SignsWithAnother { &another } else { key };
                let signature = key.sign_hash_sync(&digest).unwrap();
                kms.signed.lock().unwrap().push(id.clone());
                // The upper of the two `s`, which the cloud may well give.
                json!({ "KeyId": id, "Signature": STANDARD.encode(der(signature.r(), N - signature.s())) })
            }
            other => panic!("{other}"),
        };
        (StatusCode::OK, result.to_string())
    }

    /// `SEQUENCE { INTEGER r, INTEGER s }`.
    fn der(r: U256, s: U256) -> Vec<u8> {
        let integer = |number: U256| {
            let mut bytes = number.to_be_bytes_trimmed_vec();
            if bytes[0] & 0x80 != 0 {
                bytes.insert(0, 0);
            }
            [&[2, u8::try_from(bytes.len()).unwrap()][..], &bytes].concat()
        };
        let both = [integer(r), integer(s)].concat();
        [&[0x30, u8::try_from(both.len()).unwrap()][..], &both].concat()
    }

    fn with_credentials(command: &mut Command) -> &mut Command {
        command
            .env("AWS_ACCESS_KEY_ID", "AKIAPRACTICE")
            .env("AWS_SECRET_ACCESS_KEY", "practice")
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }

    fn configure(town: &Town, address: SocketAddr) {
        for whose in ["proposer", "executor"] {
            town.set(
                &format!("keystore = {{ path = \"keystores/{whose}.json\", password = {{ file = \"secrets/keystore-password\" }} }}"),
                &format!("aws-kms = {{ key_id = \"alias/{whose}\", region = \"eu-central-1\", endpoint = \"http://{address}\" }}"),
            );
        }
    }

    fn keys(town: &Town) -> BTreeMap<String, PrivateKeySigner> {
        let actors = &town.chain.actors;
        BTreeMap::from([
            ("alias/proposer".to_owned(), actors.proposer.clone()),
            ("alias/executor".to_owned(), actors.executor.clone()),
        ])
    }

    // Several threads: the commands are waited for while the server answers them.
    #[tokio::test(flavor = "multi_thread")]
    async fn proposer_and_executor_in_aws_kms_propose_and_execute() {
        let town = Town::new().await;
        let (address, kms) = start(keys(&town)).await;
        configure(&town, address);
        let run = |arguments: &[&str]| {
            let mut command = redhandle();
            command.arg("-c").arg(town.config_path()).args(arguments);
            said(with_credentials(&mut command))
        };
        let mut command = redhandle();
        command.arg("-c").arg(town.config_path()).arg("run");
        let process = Process::spawn(with_credentials(&mut command));
        until_now("the agent to listen", || std::net::TcpStream::connect(town.listen).is_ok());

        let (keystore, password) = (town.keystore_path("ana"), town.path("secrets/keystore-password"));
        let with = ["--keystore", keystore.to_str().unwrap(), "--password-file", password.to_str().unwrap()];
        let said = run(&[&["safe", "delegate", "guardian"], &with[..]].concat());
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.stdout.contains(&town.chain.actors.proposer.address().to_string()), "{said:?}");
        town.alarm();
        until("the proposal to be there", async || {
            let (_, list) = town.run_json(&["proposal", "list"]);
            (list[0]["stage"]["stage"] == "proposed").then_some(())
        })
        .await;
        assert_eq!(*kms.signed.lock().unwrap(), ["alias/proposer"], "one signature for one proposal");
        for person in ["ana", "ben"] {
            let keystore = town.keystore_path(person);
            let with =
                ["--keystore", keystore.to_str().unwrap(), "--password-file", password.to_str().unwrap()];
            let said = run(&[&["proposal", "sign", "INC-1", "--yes"], &with[..]].concat());
            assert_eq!(said.code, 0, "{said:?}");
        }
        until("the pause", async || town.is_paused().await.then_some(())).await;
        assert!(kms.signed.lock().unwrap().contains(&"alias/executor".to_owned()));
        assert_eq!(process.terminate(), Some(0));
    }

    // Several threads: the commands are waited for while the server answers them.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_cloud_that_refuses_or_lies_is_said_and_nothing_goes_out() {
        let town = Town::new().await;
        let (address, kms) = start(keys(&town)).await;
        configure(&town, address);
        let run = |arguments: &[&str]| {
            let mut command = redhandle();
            command.arg("-c").arg(town.config_path()).args(arguments);
            said(with_credentials(&mut command))
        };
        *kms.fault.lock().unwrap() = Fault::Denies;
        let said = run(&["check"]);
        assert_eq!(said.code, 1, "{said:?}");
        let flat = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("[proposer] aws-kms: AWS KMS could not be reached"), "{flat}");
        assert!(flat.contains("check the credentials"), "{flat}");

        *kms.fault.lock().unwrap() = Fault::None;
        let said = run(&["check"]);
        assert!(said.stdout.contains(&town.chain.actors.executor.address().to_string()), "{said:?}");

        *kms.fault.lock().unwrap() = Fault::SignsWithAnother;
        let mut command = redhandle();
        command.arg("-c").arg(town.config_path()).arg("run");
        let process = Process::spawn(with_credentials(&mut command));
        until_now("the agent to listen", || std::net::TcpStream::connect(town.listen).is_ok());
        town.alarm();
        until("the submission to fail", async || {
            let (_, list) = town.run_json(&["proposal", "list"]);
            let problem = list[0]["stage"]["problem"].as_str().unwrap_or_default().to_owned();
            problem.contains("the proposer key cannot sign: AWS KMS did not sign").then_some(())
        })
        .await;
        assert!(!kms.signed.lock().unwrap().is_empty());
        assert_eq!(process.terminate(), Some(0));
    }
}
