//! Every vector of `tests/fixtures/safe/vectors.json`, which ran against the real contracts.

use alloy::dyn_abi::TypedData;
use alloy::primitives::{Address, B256, Bytes, eip191_hash_message};
use serde::Deserialize;
use serde_json::Value;

use super::signature::{self, CheckError, SplitError, recover_digest};
use super::*;
use crate::domain::names::ChainId;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    safe_tx_hashes: Vec<HashVector>,
    signatures: Vec<SignatureVector>,
    invalid_signatures: Vec<SignatureVector>,
    multi_send: Vec<BatchVector>,
    service_typed_data: Vec<ServiceVector>,
    safe_messages: Vec<MessageVector>,
}

fn vectors() -> Vectors {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/safe/vectors.json"));
    serde_json::from_str(text).unwrap()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashVector {
    id: u64,
    safe_version: SafeVersion,
    chain_id: String,
    safe_address: SafeAddress,
    tx: SafeTx,
    domain_separator: B256,
    message_hash: B256,
    preimage: Bytes,
    safe_tx_hash: SafeTxHash,
}

#[test]
fn all_48_hash_vectors_hold() {
    let vectors = vectors().safe_tx_hashes;
    assert_eq!(vectors.len(), 48);
    for vector in vectors {
        let domain = SafeDomain {
            version: vector.safe_version,
            chain_id: ChainId(vector.chain_id.parse().unwrap()),
            safe: vector.safe_address,
        };
        let hashes = hash(&vector.tx, &domain);
        let expected = SafeTxHashes {
            domain: vector.domain_separator,
            message: vector.message_hash,
            safe_tx: vector.safe_tx_hash,
        };
        assert_eq!(hashes, expected, "vector {}", vector.id);
        assert_eq!(Bytes::from(hashes.preimage()), vector.preimage, "vector {}", vector.id);
        let typed: TypedData = serde_json::from_value(typed_data(&vector.tx, &domain)).unwrap();
        assert_eq!(typed.eip712_signing_hash().unwrap(), vector.safe_tx_hash.0, "vector {}", vector.id);
        let json = serde_json::to_value(&vector.tx).unwrap();
        assert_eq!(serde_json::from_value::<SafeTx>(json).unwrap(), vector.tx, "vector {}", vector.id);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignatureVector {
    id: u64,
    safe_version: SafeVersion,
    chain_id: String,
    safe_address: SafeAddress,
    owners: Vec<Address>,
    threshold: usize,
    tx: SafeTx,
    safe_tx_hash: SafeTxHash,
    components: Vec<Component>,
    signatures: Bytes,
    exec_transaction_result: String,
}

impl SignatureVector {
    fn hashes(&self) -> SafeTxHashes {
        let chain_id = ChainId(self.chain_id.parse().unwrap());
        let domain = SafeDomain { version: self.safe_version, chain_id, safe: self.safe_address };
        let hashes = hash(&self.tx, &domain);
        assert_eq!(hashes.safe_tx, self.safe_tx_hash, "vector {}", self.id);
        hashes
    }

    fn check(&self) -> Result<Vec<OwnerSignature>, CheckError> {
        signature::check(self.safe_tx_hash, &self.signatures, &self.owners, self.threshold)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    #[serde(rename = "type")]
    kind: SignatureKind,
    owner: Address,
    raw: Option<Bytes>,
    inner: Option<Bytes>,
    child_message_bytes: Option<Bytes>,
}

impl Component {
    fn signature(&self) -> OwnerSignature {
        let bytes = self.raw.clone().or(self.inner.clone()).unwrap();
        OwnerSignature { owner: self.owner, kind: self.kind, bytes }
    }
}

#[test]
fn all_signature_vectors_pack_unpack_and_recover() {
    let vectors = vectors().signatures;
    assert_eq!(vectors.len(), 12);
    for vector in vectors {
        assert_eq!(vector.exec_transaction_result, "ok");
        let hashes = vector.hashes();
        let parts: Vec<_> = vector.components.iter().map(Component::signature).collect();
        let mut backwards = parts.clone();
        backwards.reverse();
        assert_eq!(signature::pack(backwards).unwrap(), vector.signatures, "vector {}", vector.id);
        assert_eq!(signature::unpack(vector.safe_tx_hash, &vector.signatures).unwrap(), parts);
        assert_eq!(vector.check().unwrap(), parts[..vector.threshold], "vector {}", vector.id);
        for component in &vector.components {
            if let Some(raw) = &component.raw {
                let recovered = signature::recover(vector.safe_tx_hash, raw).unwrap();
                assert_eq!((recovered.owner, recovered.kind), (component.owner, component.kind));
            }
            if let Some(message) = &component.child_message_bytes {
                assert_eq!(
                    message.as_ref(),
                    ContractOwnerMessage::asked_by(vector.safe_version, &hashes).as_bytes()
                );
            }
        }
    }
}

#[test]
fn explained_owner_by_owner_they_pass_and_fail_as_they_are_judged() {
    use signature::explain::{Case, explain};
    let Vectors { signatures, invalid_signatures, .. } = vectors();
    for vector in signatures.iter().chain(&invalid_signatures) {
        let hashes = vector.hashes();
        let chain_id = ChainId(vector.chain_id.parse().unwrap());
        let domain = SafeDomain { version: vector.safe_version, chain_id, safe: vector.safe_address };
        // Without a chain both leave to it what only it knows.
        let case = Case {
            hash: hashes.safe_tx,
            packed: &vector.signatures,
            version: Some(vector.safe_version),
            owners: Some(&vector.owners),
            threshold: Some(vector.threshold as u64),
            of: Some((&vector.tx, &domain)),
            ..Case::default()
        };
        let explanation = explain(&case);
        assert_eq!(vector.check().is_err(), explanation.passes() == Some(false), "vector {}", vector.id);
        if let (Err(_), Some(code)) = (vector.check(), explanation.reverts) {
            assert_eq!(format!("revert {code}"), vector.exec_transaction_result, "vector {}", vector.id);
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_explanation_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400),
        threshold in 1_u64..9,
    ) {
        use signature::explain::{Case, explain};
        let owners = [Address::repeat_byte(1)];
        let case = Case { packed: &bytes, owners: Some(&owners), threshold: Some(threshold), ..Case::default() };
        proptest::prop_assert_ne!(explain(&case).passes(), Some(true));
        drop(explain(&Case { packed: &bytes, ..Case::default() }));
    }
}

#[test]
fn nine_of_ten_invalid_signatures_are_refused_without_a_chain() {
    let vectors = vectors().invalid_signatures;
    assert_eq!(vectors.len(), 10);
    let mut judged = 0;
    for vector in vectors {
        let hashes = vector.hashes();
        let result = vector.check();
        let split = |error: &SplitError| result == Err(CheckError::Unreadable(error.clone()));
        let owner = vector.components[0].owner;
        let refused = match vector.id {
            18 => matches!(result, Err(CheckError::Unsorted { .. })),
            20 => result == Err(CheckError::TooFew { found: 1, threshold: 2 }),
            // Only the chain knows that the hash was never approved.
            22 => continue,
            23 => matches!(result, Err(CheckError::NotAnOwner(_))),
            24 => matches!(result, Err(CheckError::Unreadable(SplitError::OffsetInStaticPart { .. }))),
            25 => split(&SplitError::OffsetInStaticPart { owner, offset: "65".parse().unwrap() }),
            26 => split(&SplitError::OffsetPastEnd { owner, offset: "1000000".parse().unwrap() }),
            27 => split(&SplitError::LengthPastEnd { owner, length: "1000".parse().unwrap() }),
            // The child signed in the form that the parent's version does not ask for.
            29 | 31 => {
                let asked = ContractOwnerMessage::asked_by(vector.safe_version, &hashes);
                vector.components[0].child_message_bytes.as_ref().unwrap().as_ref() != asked.as_bytes()
            }
            other => panic!("a vector nobody thought about: {other}"),
        };
        assert!(refused, "vector {} ({}): {result:?}", vector.id, vector.exec_transaction_result);
        judged += 1;
    }
    assert_eq!(judged, 9);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchVector {
    id: u64,
    transactions: Vec<BatchPart>,
    packed: Bytes,
    multi_send_calldata: Bytes,
    #[serde(rename = "multiSendCallOnly141_direct_eth_call")]
    call_only_result: String,
}

#[derive(Deserialize)]
struct BatchPart {
    operation: Operation,
    to: Address,
    value: String,
    data: Bytes,
}

#[test]
fn all_multisend_vectors_hold() {
    let vectors = vectors().multi_send;
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let calls: Vec<_> = vector
            .transactions
            .into_iter()
            .map(|part| BatchedCall {
                operation: part.operation,
                to: part.to,
                value: part.value.parse().unwrap(),
                data: part.data,
            })
            .collect();
        assert_eq!(multisend::pack(&calls), vector.packed, "vector {}", vector.id);
        assert_eq!(multisend::calldata(&calls), vector.multi_send_calldata, "vector {}", vector.id);
        assert_eq!(multisend::decode(&vector.multi_send_calldata).unwrap(), calls, "vector {}", vector.id);
        let target = multisend::call_only(SafeVersion::V1_4_1);
        let batch = multisend::batch(&calls, target, SafeNonce::default());
        assert_eq!(
            batch.is_ok(),
            vector.call_only_result == "ok" && !calls.is_empty(),
            "vector {}",
            vector.id
        );
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceVector {
    typed_data: Value,
    hash: B256,
    signature_by_anvil_key0: Bytes,
}

#[test]
fn all_service_typed_data_vectors_hold() {
    let vectors = vectors().service_typed_data;
    assert_eq!(vectors.len(), 14);
    let anvil_key_0: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse().unwrap();
    for vector in vectors {
        let domain = &vector.typed_data["domain"];
        let message = &vector.typed_data["message"];
        let chain = domain["chainId"].as_u64().map(ChainId);
        let totp = message["totp"].as_u64().unwrap();
        let computed = if vector.typed_data["primaryType"] == "Delegate" {
            let delegate = serde_json::from_value(message["delegateAddress"].clone()).unwrap();
            if let Some(chain) = chain {
                let typed: TypedData =
                    serde_json::from_value(delegate_typed_data(chain, delegate, totp)).unwrap();
                assert_eq!(typed.eip712_signing_hash().unwrap(), vector.hash);
            }
            delegate_hash(chain, delegate, totp)
        } else {
            let safe = serde_json::from_value(domain["verifyingContract"].clone()).unwrap();
            let tx = serde_json::from_value(message["safeTxHash"].clone()).unwrap();
            delete_request_hash(chain.unwrap(), safe, tx, totp)
        };
        assert_eq!(computed, vector.hash);
        let signer = recover_digest(computed, &vector.signature_by_anvil_key0).unwrap();
        assert_eq!((signer.owner, signer.kind), (anvil_key_0, SignatureKind::Eoa));
    }
    assert_eq!((totp(0), totp(3_599), totp(3_600), totp(1_795_291_200)), (0, 0, 1, 498_692));
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageVector {
    safe_version: SafeVersion,
    chain_id: String,
    safe_address: SafeAddress,
    text: String,
    eip191_hash: B256,
    domain_separator: B256,
    safe_message_hash: B256,
}

#[test]
fn all_safe_message_vectors_hold() {
    let vectors = vectors().safe_messages;
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let chain_id = ChainId(vector.chain_id.parse().unwrap());
        let domain = SafeDomain { version: vector.safe_version, chain_id, safe: vector.safe_address };
        let digest = eip191_hash_message(vector.text);
        assert_eq!(digest, vector.eip191_hash);
        assert_eq!(domain.separator(), vector.domain_separator);
        assert_eq!(message_hash(digest.as_slice(), &domain), vector.safe_message_hash);
    }
}
