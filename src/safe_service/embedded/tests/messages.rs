//! Messages that owners sign: text and typed data, every kind of owner, every way to be wrong.

use alloy::primitives::{Address, B256, Bytes, eip191_hash_message};
use serde_json::{Value, json};

use super::Running;
use super::model::ModelChain;
use super::people::{SAFE, SINGLETON, chain, key, safe, sign, words};
use crate::domain::names::ChainId;
use crate::domain::safe::{
    ContractOwnerMessage, OwnerSignature, SafeAddress, SafeDomain, SafeTxHash, SafeVersion, message_hash,
    message_hashes, signature,
};

const CHILD: &str = "0x42D371eec27a35084B1eD18Bb22B8491bA2Dc083";

fn path() -> String {
    format!("/api/v1/safes/{SAFE}/messages/")
}

fn signatures(hash: B256) -> String {
    format!("/api/v1/messages/{hash}/signatures/")
}

fn domain(safe: SafeAddress, version: SafeVersion) -> SafeDomain {
    SafeDomain { version, chain_id: ChainId(31_337), safe }
}

/// The Safe's hash of a text.
fn hash_of(text: &str) -> B256 {
    message_hash(eip191_hash_message(text).as_slice(), &domain(safe(), SafeVersion::V1_4_1))
}

fn message(text: &str, signature: &Bytes) -> Value {
    json!({ "message": text, "signature": signature })
}

#[tokio::test]
async fn owners_sign_a_text_in_any_order_and_the_safe_can_show_it() {
    let service = Running::start(chain(), None).await;
    let hash = hash_of("I am on it");
    let (first, second) = (sign(&key(2), hash), sign(&key(1), hash));
    assert_eq!(service.post(&path(), &message("I am on it", &first)).await.status, 201);
    assert_eq!(service.post(&signatures(hash), &json!({ "signature": second })).await.status, 201);
    let shown = service.get(&format!("/api/v1/messages/{hash}")).await.body.unwrap();
    assert_eq!(shown["proposedBy"], json!(key(2).address().to_checksum(None)));
    assert_eq!((shown["origin"].as_str(), &shown["safeAppId"]), (Some("{}"), &Value::Null));
    let prepared: Bytes = serde_json::from_value(shown["preparedSignature"].clone()).unwrap();
    let owners = [key(1).address(), key(2).address()];
    signature::check(SafeTxHash(hash), &prepared, &owners, 2).unwrap();
    let as_owner: Bytes = serde_json::from_value(shown["preparedSignatureEip1271"].clone()).unwrap();
    let unpacked = signature::unpack(SafeTxHash(hash), &as_owner).unwrap();
    assert_eq!(unpacked, [OwnerSignature::contract(safe().0, prepared)]);
}

#[tokio::test]
async fn what_is_no_message_of_an_owner_is_refused_with_its_reason() {
    let service = Running::start(chain(), None).await;
    let hash = hash_of("hello");
    let good = sign(&key(1), hash);
    let twice = Bytes::from([good.to_vec(), sign(&key(2), hash).to_vec()].concat());
    let other = sign(&key(1), hash_of("something else"));
    let mut long = message("hello", &good);
    long["origin"] = json!("o".repeat(201));
    long["safeAppId"] = json!(-1);
    let cases = [
        message("hello", &sign(&key(3), hash)),
        message("hello", &twice),
        message("hello", &Bytes::from_static(&[1, 2, 3])),
        json!({ "signature": good }),
        json!({ "message": 7, "signature": good }),
        long,
    ];
    let mut told = Vec::new();
    for case in cases {
        let refused = service.post(&path(), &case).await;
        told.push(format!("{} {}", refused.status, words(refused.body)));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    400 {"nonFieldErrors":["0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69 is not an owner of the Safe"]}
    400 {"nonFieldErrors":["1 owner signature was expected, 2 received"]}
    400 {"signature":["Ensure this field has at least 65 hexadecimal chars (not counting 0x)."]}
    400 {"message":["This field is required."]}
    400 {"message":["A message is a text or an EIP712 dictionary."]}
    400 {"origin":["Ensure this field has no more than 200 characters."],"safeAppId":["Ensure this value is greater than or equal to 0."]}
    "#);
    let no_types = service.post(&path(), &json!({ "message": { "types": {} }, "signature": good })).await;
    assert_eq!(no_types.status, 400);
    assert!(words(no_types.body).contains("is not a valid EIP712 message: "));
    // A signature of something else leads to an address that is nobody's.
    let refused = service.post(&path(), &message("hello", &other)).await;
    assert!(words(refused.body).contains("is not an owner of the Safe"));
    let elsewhere = format!("/api/v1/safes/{CHILD}/messages/");
    let refused = service.post(&elsewhere, &message("hello", &good)).await;
    insta::assert_snapshot!(words(refused.body), @r#"{"nonFieldErrors":["Could not get Safe 0x42D371eec27a35084B1eD18Bb22B8491bA2Dc083 owners from blockchain, check contract exists on network 31337"]}"#);
    let unknown = service.post(&signatures(hash), &json!({ "signature": good })).await;
    assert_eq!((unknown.status, words(unknown.body)), (404, NOBODYS.to_owned()));
    assert_eq!(service.get("/api/v1/messages/0x12").await.status, 404);
    assert_eq!(service.get(&path()).await.body.unwrap()["count"], 0);
}

const NOBODYS: &str = r#"{"detail":"No SafeMessage matches the given query."}"#;

#[tokio::test]
async fn a_contract_owner_signs_in_the_form_its_parents_version_asks_for() {
    let digest = eip191_hash_message("from the child");
    let child = SafeAddress(CHILD.parse().unwrap());
    for (version, other) in
        [(SafeVersion::V1_4_1, SafeVersion::V1_5_0), (SafeVersion::V1_5_0, SafeVersion::V1_4_1)]
    {
        let chain = ModelChain::default();
        chain.add(CHILD, SafeVersion::V1_4_1, &[&key(5).address().to_checksum(None)], 1, SINGLETON);
        chain.add(SAFE, version, &[CHILD], 1, SINGLETON);
        let service = Running::start(chain, None).await;
        let hashes = message_hashes(digest.as_slice(), &domain(safe(), version));
        let signed = |message: &ContractOwnerMessage| {
            let inner = message_hash(message.as_bytes(), &domain(child, SafeVersion::V1_4_1));
            let packed = vec![OwnerSignature::contract(child.0, sign(&key(5), inner))];
            json!({ "message": "from the child", "signature": signature::pack(packed).unwrap() })
        };
        let wrong = signed(&ContractOwnerMessage::asked_by(other, &hashes));
        let refused = service.post(&path(), &wrong).await;
        assert!(words(refused.body).contains("is not valid"), "{version}");
        let right = signed(&ContractOwnerMessage::asked_by(version, &hashes));
        assert_eq!(service.post(&path(), &right).await.status, 201, "{version}");
    }
}

#[tokio::test]
async fn while_the_chain_is_away_no_message_is_taken() {
    let service = Running::start(chain(), None).await;
    let hash = hash_of("hello");
    let body = message("hello", &sign(&key(1), hash));
    service.chain.set_broken(true);
    assert_eq!(service.post(&path(), &body).await.status, 503);
    service.chain.set_broken(false);
    assert_eq!(service.post(&path(), &body).await.status, 201);
    // An owner who left no longer signs.
    service.chain.change(SAFE, |state| state.owners = vec![Address::repeat_byte(9), key(1).address()]);
    let gone = service.post(&signatures(hash), &json!({ "signature": sign(&key(2), hash) })).await;
    assert!(words(gone.body).contains("is not an owner of the Safe"));
}
