//! Every vector with a contract signature, and the table of who can answer whom.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::owner_tree::tests::{child, key, readings, safe, tree};
use super::super::{OwnerReading, SafeDomain, SafeTx, hash};
use super::*;
use crate::domain::names::ChainId;

const HANDLER_1_3_0: Address = HANDLERS[0].0;
const HANDLER_1_4_1: Address = HANDLERS[3].0;
const HANDLER_1_5_0: Address = HANDLERS[5].0;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    meta: Meta,
    signatures: Vec<Vector>,
    invalid_signatures: Vec<Vector>,
}

#[derive(Deserialize)]
struct Meta {
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    address: Address,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    id: u64,
    safe_version: SafeVersion,
    chain_id: String,
    safe_address: SafeAddress,
    tx: SafeTx,
    components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    owner: Address,
    inner: Option<Bytes>,
    child_safe_message_hash: Option<B256>,
    #[serde(default)]
    child_signer_key_indexes: Vec<usize>,
}

fn vectors() -> Vectors {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/safe/vectors.json"));
    serde_json::from_str(text).unwrap()
}

/// The child Safes that the vectors were made with: their owners sign in some vector.
fn the_child(address: Address, signers: &[Address]) -> OwnerTree {
    let (version, handler) = match address.to_string().get(..8).unwrap() {
        "0x7A4F38" => (SafeVersion::V1_3_0, HANDLER_1_3_0),
        "0xC2F0c7" => (SafeVersion::V1_5_0, HANDLER_1_5_0),
        "0xa7369f" | "0x9821aA" => (SafeVersion::V1_4_1, HANDLER_1_4_1),
        other => panic!("a child nobody thought about: {other}"),
    };
    let mut state = safe(1, signers, signers.len() as u64);
    state.address = SafeAddress(address);
    state.version = version;
    state.fallback_handler = Some(handler);
    let keys: BTreeMap<_, _> = signers.iter().map(|signer| (*signer, OwnerReading::Key)).collect();
    OwnerTree::grow(&state, &keys)
}

impl Vector {
    fn hashes(&self) -> SafeTxHashes {
        let chain_id = ChainId(self.chain_id.parse().unwrap());
        hash(&self.tx, &SafeDomain { version: self.safe_version, chain_id, safe: self.safe_address })
    }
}

#[test]
fn every_vector_with_a_contract_signature_is_recovered_owner_by_owner() {
    let vectors = vectors();
    let (mut judged, mut empty) = (0, 0);
    for vector in &vectors.signatures {
        let hashes = vector.hashes();
        for part in vector.components.iter().filter(|part| part.inner.is_some()) {
            let mut signers: Vec<Address> = part
                .child_signer_key_indexes
                .iter()
                .map(|index| vectors.meta.keys.accounts[*index].address)
                .collect();
            signers.sort();
            let inner = part.inner.as_ref().unwrap();
            if signers.is_empty() {
                // Signed as a message on chain: only the chain can tell.
                let child = the_child(part.owner, &[key(1)]);
                let worth = judge(vector.safe_version, &hashes, &child, inner).unwrap();
                assert!(worth.keys.is_empty() && worth.ask[0].contains("as a message on chain"));
                empty += 1;
                continue;
            }
            let child = the_child(part.owner, &signers);
            let asked = ContractOwnerMessage::asked_by(vector.safe_version, &hashes);
            assert_eq!(Some(child_hashes(&asked, &child.safe).safe_tx.0), part.child_safe_message_hash);
            let worth = judge(vector.safe_version, &hashes, &child, inner).unwrap();
            assert_eq!(worth, Worth { keys: signers.clone(), ask: vec![] }, "vector {}", vector.id);

            // Somebody else's owners, and one signature too few, are said to be that.
            let stranger = the_child(part.owner, &[key(9)]);
            let error = judge(vector.safe_version, &hashes, &stranger, inner).unwrap_err();
            assert!(
                matches!(error, InnerError::Signatures { source: CheckError::NotAnOwner(_), .. }),
                "{error:?}"
            );
            let mut more = signers;
            more.push(key(9));
            let error =
                judge(vector.safe_version, &hashes, &the_child(part.owner, &more), inner).unwrap_err();
            assert!(
                matches!(error, InnerError::Signatures { source: CheckError::TooFew { .. }, .. }),
                "{error:?}"
            );
            judged += 1;
        }
    }
    assert_eq!((judged, empty), (7, 1));
}

#[test]
fn a_form_that_another_parent_asks_is_refused_by_that_name() {
    let vectors = vectors();
    let refused = |id: u64| {
        let vector = vectors.invalid_signatures.iter().find(|vector| vector.id == id).unwrap();
        let part = &vector.components[0];
        let signers: Vec<Address> = part
            .child_signer_key_indexes
            .iter()
            .map(|index| vectors.meta.keys.accounts[*index].address)
            .collect();
        let child = the_child(part.owner, &signers);
        judge(vector.safe_version, &vector.hashes(), &child, part.inner.as_ref().unwrap())
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(refused(29), @"the owners of Safe 0xa7369f0574c63111A5133CEcAE36dbEe37A3431b signed its 66-byte preimage and not the 32-byte safeTxHash, which is what a parent 1.5.0 asks (GS026 on the chain)");
    insta::assert_snapshot!(refused(31), @"Safe 0xC2F0c752Dc394FB34f088DFD1d3450E499842Ba2 has the 1.5.0 handler, which does not know the question that a parent 1.4.1 asks: it must approve with approveHash");
}

#[test]
fn who_can_answer_whom_is_the_table_above() {
    use SafeVersion::{V1_0_0, V1_2_0, V1_3_0, V1_4_1, V1_5_0};
    // Child, its handler, and whether a parent 1.4.1 and a parent 1.5.0 are answered: yes, no or ask.
    let table = [
        (V1_0_0, None, "yes", "no"),
        (V1_2_0, Some(CALLBACKS_ONLY), "yes", "no"),
        (V1_2_0, Some(HANDLER_1_3_0), "yes", "yes"),
        (V1_3_0, Some(HANDLER_1_3_0), "yes", "yes"),
        (V1_3_0, Some(HANDLER_1_4_1), "yes", "yes"),
        (V1_4_1, Some(HANDLER_1_4_1), "yes", "yes"),
        (V1_4_1, Some(HANDLER_1_5_0), "no", "no"),
        (V1_5_0, Some(HANDLER_1_5_0), "no", "yes"),
        (V1_5_0, Some(HANDLER_1_4_1), "yes", "yes"),
        (V1_4_1, None, "no", "no"),
        (V1_5_0, Some(TOKEN_CALLBACKS_ONLY), "no", "no"),
        (V1_4_1, Some(Address::repeat_byte(7)), "ask", "ask"),
    ];
    for (version, handler, by_preimage, by_hash) in table {
        let mut child = safe(0xb0, &[key(1)], 1);
        child.version = version;
        child.fallback_handler = handler;
        let says = |parent| match off_chain(parent, &child) {
            OffChain::Works => "yes",
            OffChain::AskTheChain { .. } => "ask",
            OffChain::Impossible { because } => {
                assert!(because.ends_with("must approve with approveHash"), "{because}");
                "no"
            }
        };
        assert_eq!(
            (says(V1_4_1), says(V1_5_0)),
            (by_preimage, by_hash),
            "child {version}, handler {handler:?}"
        );
        assert_eq!(says(V1_3_0), by_preimage);
    }
}

#[test]
fn what_travels_alone_is_read_back_and_two_are_not_one() {
    let owner = child(0xb0);
    let inner = Bytes::from(vec![5; 130]);
    let bytes = alone(owner, &inner).unwrap();
    assert_eq!(read_alone(SafeTxHash::default(), &bytes).unwrap(), OwnerSignature::contract(owner, inner));
    let approval = OwnerSignature::approved_hash(owner);
    assert_eq!(read_alone(SafeTxHash::default(), &approval.bytes).unwrap(), approval);
    let two = pack(vec![approval, OwnerSignature::approved_hash(key(1))]).unwrap();
    assert!(read_alone(SafeTxHash::default(), &two).is_err());
    assert!(read_alone(SafeTxHash::default(), &[]).is_err());
}

#[test]
fn an_inner_signature_has_as_many_as_the_child_needs() {
    let state = safe(0xb0, &[key(1), key(2), key(3)], 2);
    let all: Vec<_> = [3, 2, 1, 9].map(|number| OwnerSignature::approved_hash(key(number))).into();
    let inner = inner_signature(&state, all.clone()).unwrap();
    let signed = check(SafeTxHash::default(), &inner, &state.owners, 2).unwrap();
    assert_eq!(signed.iter().map(|one| one.owner).collect::<Vec<_>>(), [key(1), key(2)]);
    insta::assert_snapshot!(
        inner_signature(&state, all[2..].to_vec()).unwrap_err(),
        @"1 of the 2 signatures that Safe 0xB0B0b0B0B0B0B0b0B0B0B0b0b0b0b0B0b0b0B0B0 needs are there"
    );
}

#[test]
fn approvals_and_messages_on_chain_are_asked_about_and_never_counted() {
    let charlie = safe(0xc0, &[key(3)], 1);
    let mut bravo = safe(0xb0, &[key(1), child(0xc0)], 2);
    bravo.fallback_handler = Some(HANDLER_1_4_1);
    let grown = tree(&bravo, &[&charlie]);
    let hashes = hash(&SafeTx::rejection(child(0xa0), Default::default()), &safe(0xa0, &[], 1).domain());
    let inner = pack(vec![
        OwnerSignature::approved_hash(key(1)),
        OwnerSignature::contract(child(0xc0), Bytes::new()),
    ])
    .unwrap();
    // Charlie has no handler: whatever it is said to have signed cannot hold.
    let error = judge(SafeVersion::V1_4_1, &hashes, &grown, &inner).unwrap_err();
    assert!(matches!(error, InnerError::Impossible(_)), "{error:?}");
    let mut charlie = charlie;
    charlie.fallback_handler = Some(HANDLER_1_4_1);
    let grown = OwnerTree::grow(&bravo, &readings(&[&bravo, &charlie]));
    let worth = judge(SafeVersion::V1_4_1, &hashes, &grown, &inner).unwrap();
    assert_eq!((worth.keys.len(), worth.ask.len()), (0, 2), "{worth:?}");
}
