//! Every packed signature vector against real Safes of its version on anvil: the good ones execute, each bad one is
//! refused by us with its reason before anything is sent, and by the contract with the revert that was recorded.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::signers::SignerSync as _;
use alloy::sol_types::{SolCall, SolValue};
use redhandle::chain::{CallOutcome, SnapshotPlan, decode_revert};
use redhandle::domain::names::ChainId;
use redhandle::domain::safe::abi::Safe;
use redhandle::domain::safe::signature::pack;
use redhandle::domain::safe::{
    OwnerSignature, SafeDomain, SafeNonce, SafeTx, SafeVersion, SignatureKind, hash, message_hash,
};
use redhandle::drill::ground::{DevTransaction, LocalChain, LocalChainOptions, SafeSpec, Tools};
use serde_json::{Value, json};

use super::support::process::{Said, redhandle};

/// The slots of a Safe, the same from 1.0.0 to 1.5.0 (`SafeStorage.sol`).
const SINGLETON: u8 = 0;
const OWNERS: u8 = 2;
const OWNER_COUNT: u8 = 3;
const THRESHOLD: u8 = 4;
/// `signedMessages` since 1.3.0.
const SIGNED_MESSAGES: u8 = 7;
const SENTINEL: Address = Address::with_last_byte(1);

struct Stage {
    ground: LocalChain,
    folder: tempfile::TempDir,
    proxy_code: Bytes,
}

fn address(value: &Value) -> Address {
    value.as_str().unwrap().parse().unwrap()
}

fn bytes(value: &Value) -> Bytes {
    value.as_str().unwrap().parse().unwrap()
}

fn version(vector: &Value) -> SafeVersion {
    vector["safeVersion"].as_str().unwrap().parse().unwrap()
}

fn tx(vector: &Value) -> SafeTx {
    serde_json::from_value(vector["tx"].clone()).unwrap()
}

/// The child Safe's version, as the vector's words say it.
fn child_version(vector: &Value, component: &Value) -> SafeVersion {
    if version(vector) == SafeVersion::V1_3_0 {
        return SafeVersion::V1_3_0;
    }
    match component["variant"].as_str() {
        Some(variant) if variant.contains("bytes32") => SafeVersion::V1_5_0,
        _ => SafeVersion::V1_4_1,
    }
}

/// The slot of `key` in the mapping at `slot`.
fn of_mapping(key: impl SolValue, slot: u8) -> B256 {
    keccak256([key.abi_encode(), B256::with_last_byte(slot).to_vec()].concat())
}

impl Stage {
    async fn set() -> Self {
        let safe_versions = SafeVersion::ALL.to_vec();
        let options = LocalChainOptions { safe_versions, ..LocalChainOptions::default() };
        let ground = LocalChain::start(&Tools::find(None).unwrap(), &options).await.unwrap();
        let owners = ground.actors.owner_addresses(1);
        let spec = SafeSpec { version: SafeVersion::V1_4_1, owners, threshold: 1, salt: 0 };
        let safe = ground.deploy_safe(&spec).await.unwrap();
        let proxy_code = redhandle::http::client(std::time::Duration::from_secs(10))
            .unwrap()
            .post(ground.anvil.url().clone())
            .json(
                &json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getCode", "params": [safe.0, "latest"] }),
            )
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "[chains.local]\nid = 31337\nrpc = [\"{}\"]\nsafe_service = \"embedded\"\n\n[channels.console]\nkind = \"console\"\n",
            ground.anvil.url()
        );
        std::fs::write(folder.path().join("redhandle.toml"), settings).unwrap();
        let ana = "[people.ana]\nname = \"Ana\"\nzone = \"Europe/Berlin\"\nchannels = [\"console\"]\n\n[roles]\ncommander = \"person:ana\"\n\n[policies.default]\nsteps = [{ after = \"0m\", notify = [\"person:ana\"] }]\n";
        std::fs::write(folder.path().join("roster.toml"), ana).unwrap();
        std::fs::create_dir(folder.path().join("runbooks")).unwrap();
        Self { ground, folder, proxy_code: bytes(&proxy_code["result"]) }
    }

    async fn slot(&self, address: Address, slot: B256, value: B256) {
        self.ground.anvil.set_storage(address, slot, value).await.unwrap();
    }

    /// A proxy of the real singleton at an address of the vectors, set up with these owners.
    async fn put_safe(&self, at: Address, version: SafeVersion, owners: &[Address], threshold: u64) {
        let release = *self.ground.safes.release(version).unwrap();
        self.ground.anvil.set_code(at, &self.proxy_code).await.unwrap();
        self.slot(at, B256::with_last_byte(SINGLETON), release.singleton_l2.into_word()).await;
        let mut before = SENTINEL;
        for owner in owners.iter().chain([&SENTINEL]) {
            self.slot(at, of_mapping(before, OWNERS), owner.into_word()).await;
            before = *owner;
        }
        // ModuleManager's list, empty.
        self.slot(at, of_mapping(SENTINEL, 1), SENTINEL.into_word()).await;
        self.slot(at, B256::with_last_byte(OWNER_COUNT), U256::from(owners.len()).into()).await;
        self.slot(at, B256::with_last_byte(THRESHOLD), U256::from(threshold).into()).await;
        let handler = keccak256("fallback_manager.handler.address");
        self.slot(at, handler, release.fallback_handler.into_word()).await;
    }

    /// The Safe of a vector, the Safes among its owners, and the approvals that it says were given.
    async fn put_vector(&self, vector: &Value, keys: &[Address]) {
        let owners: Vec<Address> = vector["owners"].as_array().unwrap().iter().map(address).collect();
        let safe = address(&vector["safeAddress"]);
        let threshold = vector["threshold"].as_u64().unwrap();
        self.put_safe(safe, version(vector), &owners, threshold).await;
        for component in vector["components"].as_array().unwrap() {
            if component["type"] != "CONTRACT_SIGNATURE" {
                continue;
            }
            let (child, of) = (address(&component["owner"]), child_version(vector, component));
            let signers = component["childSignerKeyIndexes"].as_array();
            let mut signers: Vec<Address> = signers
                .map(|signers| {
                    signers.iter().map(|key| keys[usize::try_from(key.as_u64().unwrap()).unwrap()]).collect()
                })
                .unwrap_or_else(|| vec![keys[3]]);
            signers.sort();
            self.put_safe(child, of, &signers, signers.len() as u64).await;
            if component["inner"] == "0x" {
                let domain = SafeDomain { version: of, chain_id: ChainId(31_337), safe: child.into() };
                let signed = message_hash(&bytes(&vector["preimage"]), &domain);
                self.slot(child, of_mapping(signed, SIGNED_MESSAGES), B256::with_last_byte(1)).await;
            }
        }
        for owner in vector["onChainApprovalsBefore"].as_array().unwrap().iter().map(address) {
            let approve =
                Safe::approveHashCall { hashToApprove: bytes(&vector["safeTxHash"])[..].try_into().unwrap() };
            let transaction = DevTransaction {
                what: format!("approving as {owner}"),
                from: owner,
                to: Some(safe),
                data: approve.abi_encode().into(),
            };
            self.ground.anvil.send_all(&[transaction]).await.unwrap();
        }
        self.ground.anvil.mine(1).await.unwrap();
    }

    /// What the binary says about a vector's signatures, with the chain to ask.
    fn explain(&self, vector: &Value) -> (Said, Value) {
        let input = json!({
            "tx": vector["tx"], "safeTxHash": vector["safeTxHash"], "signatures": vector["signatures"],
            "msgSender": vector["msgSender"],
        });
        self.ask("signatures", vector["safeAddress"].as_str().unwrap(), &input)
    }

    /// Runs a `safe` command on a JSON text, with the chain to ask.
    fn ask(&self, command: &str, safe: &str, input: &Value) -> (Said, Value) {
        let file = self.folder.path().join("input.json");
        std::fs::write(&file, input.to_string()).unwrap();
        let output = redhandle()
            .arg("-c")
            .arg(self.folder.path().join("redhandle.toml"))
            .args(["--json", "safe", command, "--chain", "local", "--safe", safe])
            .arg(&file)
            .output()
            .unwrap();
        let said = Said {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        let value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        (said, value)
    }

    async fn call_as(&self, from: Address, to: Address, data: Bytes) -> CallOutcome {
        let head = self.ground.chain.head().await.unwrap();
        let mut plan = SnapshotPlan::new();
        let ticket = plan.call_as(from, to, data);
        self.ground.chain.read(&head, plan).await.unwrap().call(ticket).unwrap()
    }
}

fn exec(vector: &Value) -> Bytes {
    let tx = tx(vector);
    let call = Safe::execTransactionCall {
        to: tx.to,
        value: tx.value,
        data: tx.data,
        operation: tx.operation.as_u8(),
        safeTxGas: tx.safe_tx_gas,
        baseGas: tx.base_gas,
        gasPrice: tx.gas_price,
        gasToken: tx.gas_token,
        refundReceiver: tx.refund_receiver,
        signatures: bytes(&vector["signatures"]),
    };
    call.abi_encode().into()
}

fn vectors() -> (Value, Vec<Address>) {
    let all: Value = serde_json::from_str(include_str!("../fixtures/safe/vectors.json")).unwrap();
    let keys = all["meta"]["keys"]["accounts"].as_array().unwrap();
    let keys = keys.iter().map(|key| address(&key["address"])).collect();
    (all, keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_vector_is_said_to_pass_and_executes_on_its_real_safe() {
    let (all, keys) = vectors();
    let stage = Stage::set().await;
    for vector in all["signatures"].as_array().unwrap() {
        let what = format!("vector {} ({})", vector["id"], vector["description"]);
        stage.put_vector(vector, &keys).await;
        let (said, value) = stage.explain(vector);
        assert_eq!(
            (said.code, &value["passes"], &value["contract"]["passes"]),
            (0, &json!(true), &json!(true)),
            "{what}: {said:?}"
        );
        assert_eq!(value["safe_tx_hash"], vector["safeTxHash"], "{what}");
        let safe = address(&vector["safeAddress"]);
        let transaction = DevTransaction {
            what: what.clone(),
            from: address(&vector["msgSender"]),
            to: Some(safe),
            data: exec(vector),
        };
        stage.ground.anvil.send_all(&[transaction]).await.unwrap();
        let head = stage.ground.chain.head().await.unwrap();
        let state = stage.ground.chain.safe_state(&head, safe.into()).await.unwrap();
        assert_eq!(state.nonce, SafeNonce::from(1), "{what}");
        assert!(state.singleton_judged().is_good(), "{what}: a real Safe");
        // Executed, the same signatures are of a nonce that is used up.
        let (_, value) = stage.explain(vector);
        assert_eq!(value["contract"]["nonce"], "1", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_vector_is_refused_by_us_with_its_reason_and_by_its_real_safe_with_its_revert() {
    let (all, keys) = vectors();
    let reasons = [
        (18, "signatures must ascend by owner"),
        (20, "there are 1 signatures, and the threshold is 2"),
        (22, "has not approved this hash on chain"),
        (23, "it was made with eth_sign: its v must be raised by 4"),
        (24, "looks like a key's signature whose v is 0 instead of 27 or 28"),
        (25, "is said to start at byte 65, among the signatures themselves"),
        (26, "is said to start at byte 1000000, past the end"),
        (27, "is said to have 1000 bytes, which is past the end"),
        (29, "its owners signed the form that a Safe up to 1.4.1 asks, but this Safe is 1.5.0"),
        (31, "cannot answer a Safe 1.4.1 about a signature at all: only its approveHash works"),
    ];
    let stage = Stage::set().await;
    let vectors = all["invalidSignatures"].as_array().unwrap();
    assert_eq!(vectors.len(), reasons.len());
    for (vector, (id, reason)) in vectors.iter().zip(reasons) {
        assert_eq!(vector["id"], id);
        let what = format!("vector {id} ({})", vector["description"]);
        stage.put_vector(vector, &keys).await;
        let (said, value) = stage.explain(vector);
        assert_eq!(
            (said.code, &value["passes"], &value["contract"]["passes"]),
            (1, &json!(false), &json!(false)),
            "{what}: {said:?}"
        );
        assert!(said.stdout.contains(reason), "{what}: {said:?}");
        let recorded = vector["execTransactionResult"].as_str().unwrap().strip_prefix("revert ").unwrap();
        match stage
            .call_as(address(&vector["msgSender"]), address(&vector["safeAddress"]), exec(vector))
            .await
        {
            CallOutcome::Reverted(data) if recorded == "0x (empty)" => {
                assert!(data.is_empty(), "{what}: {data}")
            }
            CallOutcome::Reverted(data) => {
                let said = decode_revert(&data, &[]);
                assert_eq!(said.split(":").next(), Some(recorded), "{what}: {said}");
            }
            CallOutcome::Returned(_) => panic!("{what}: the contract took it"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_chain_every_version_is_compared_with_its_contract_and_asked_about_signatures() {
    let stage = Stage::set().await;
    for version in SafeVersion::ALL {
        let owners = stage.ground.actors.owner_addresses(3);
        let spec = SafeSpec { version, owners, threshold: 2, salt: 5 };
        let safe = stage.ground.deploy_safe(&spec).await.unwrap();
        let domain = SafeDomain { version, chain_id: ChainId(31_337), safe };
        let tx = SafeTx::rejection(safe.0, SafeNonce::default());
        let written = serde_json::to_value(&tx).unwrap();
        let (said, value) = stage.ask("hash", &safe.to_string(), &written);
        assert_eq!((said.code, &value["safe"]["contract_agrees"]), (0, &json!(true)), "{version}: {said:?}");
        assert_eq!(value["safe_tx_hash"], json!(hash(&tx, &domain).safe_tx), "{version}");

        let signed = |tx: &SafeTx| {
            let digest = hash(tx, &domain).safe_tx.0;
            let signatures = stage.ground.actors.owners.iter().take(2).map(|owner| OwnerSignature {
                owner: owner.address(),
                kind: SignatureKind::Eoa,
                bytes: owner.sign_hash_sync(&digest).unwrap().as_bytes().into(),
            });
            pack(signatures.collect()).unwrap()
        };
        let input = |signatures: Bytes| json!({ "tx": written, "signatures": signatures });
        let (said, value) = stage.ask("signatures", &safe.to_string(), &input(signed(&tx)));
        let passes = (said.code, &value["passes"], &value["contract"]["passes"]);
        assert_eq!(passes, (0, &json!(true), &json!(true)), "{version}: {said:?}");

        let other = SafeTx { nonce: SafeNonce::from(7), ..tx.clone() };
        let (said, value) = stage.ask("signatures", &safe.to_string(), &input(signed(&other)));
        let passes = (said.code, &value["passes"], &value["contract"]["passes"]);
        assert_eq!(passes, (1, &json!(false), &json!(false)), "{version}: {said:?}");
        assert!(said.stdout.contains("signed, but it was made for nonce 7"), "{version}: {said:?}");
        let why = value["contract"]["why"].as_str().unwrap();
        assert!(why.contains(value["reverts_with"].as_str().unwrap()), "{version}: {said:?}");
    }
}
