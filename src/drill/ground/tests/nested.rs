//! Safes that own Safes, on real contracts of three releases: read as trees, and asked for signatures in
//! every combination, with the answers that were foretold.

use alloy::primitives::{Address, Bytes, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;

use super::super::protocol::Ground;
use super::super::*;
use crate::agent::nested::contract::{self, Answer};
use crate::chain::CallOutcome;
use crate::domain::safe::abi::exec_calldata;
use crate::domain::safe::approval::approvals;
use crate::domain::safe::contract_signature::{
    OffChain, alone, asks_further, child_hashes, inner_signature, judge, off_chain, read_alone,
};
use crate::domain::safe::owner_tree::OwnerKind;
use crate::domain::safe::signature::pack;
use crate::domain::safe::{
    ContractOwnerMessage, OwnerSignature, OwnerTree, SafeAddress, SafeNonce, SafeState, SafeTx, SafeTxHash,
    SafeVersion, SignatureKind, hash,
};

const VERSIONS: [SafeVersion; 3] = [SafeVersion::V1_3_0, SafeVersion::V1_4_1, SafeVersion::V1_5_0];

async fn ground() -> LocalChain {
    let options = LocalChainOptions { safe_versions: VERSIONS.to_vec(), ..LocalChainOptions::default() };
    LocalChain::start(&Tools::find(None).unwrap(), &options).await.unwrap()
}

async fn safe(ground: &LocalChain, version: SafeVersion, owners: &[Address], threshold: u64) -> Address {
    let spec = SafeSpec { version, owners: owners.to_vec(), threshold, salt: 11 };
    ground.deploy_safe(&spec).await.unwrap().0
}

async fn state(ground: &LocalChain, safe: Address) -> SafeState {
    let head = ground.chain.head().await.unwrap();
    ground.chain.safe_state(&head, SafeAddress(safe)).await.unwrap()
}

async fn tree(ground: &LocalChain, safe: Address) -> OwnerTree {
    let state = state(ground, safe).await;
    let head = ground.chain.head().await.unwrap();
    ground.chain.owner_trees(&head, &[state]).await.pop().unwrap()
}

fn signed(key: &PrivateKeySigner, hash: SafeTxHash) -> OwnerSignature {
    let bytes = key.sign_hash_sync(&hash.0).unwrap().as_bytes().into();
    OwnerSignature { owner: key.address(), kind: SignatureKind::Eoa, bytes }
}

/// Executes as anybody: the deployer pays.
async fn execute(ground: &LocalChain, safe: Address, tx: &SafeTx, signatures: Bytes) {
    let transaction = DevTransaction {
        what: "executing".into(),
        from: ground.actors.deployer.address(),
        to: Some(safe),
        data: exec_calldata(tx, signatures),
    };
    ground.anvil.send_all(&[transaction]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_read_down_to_keys_contracts_and_delegated_keys() {
    let ground = ground().await;
    let keys = ground.actors.owner_addresses(5);
    let release = *ground.safes.release(SafeVersion::V1_4_1).unwrap();
    let grandchild = safe(&ground, SafeVersion::V1_5_0, &keys[..2], 1).await;
    let child = safe(&ground, SafeVersion::V1_3_0, &[grandchild, keys[2]], 2).await;
    // A key that has delegated its code to a contract (EIP-7702) is a key all the same.
    let delegation = [&[0xef, 0x01, 0x00], release.singleton.as_slice()].concat();
    ground.anvil.set_code(keys[4], &delegation.into()).await.unwrap();
    let root =
        safe(&ground, SafeVersion::V1_4_1, &[child, keys[3], keys[4], release.multisend_call_only], 2).await;
    let grown = tree(&ground, root).await;
    let kinds: Vec<_> = grown.owners.iter().map(|owner| &owner.kind).collect();
    let [OwnerKind::Safe(below), OwnerKind::Key, OwnerKind::Key, OwnerKind::Contract { because }] = kinds[..]
    else {
        panic!("{kinds:?}")
    };
    assert!(because.contains("VERSION()"), "{because}");
    assert_eq!((below.safe.version, below.safe.threshold), (SafeVersion::V1_3_0, 2));
    assert_eq!(grown.find(SafeAddress(grandchild)).unwrap().safe.version, SafeVersion::V1_5_0);
    let through = vec![SafeAddress(child), SafeAddress(grandchild)];
    assert_eq!(grown.paths_to(keys[1]), [through]);
    assert!(grown.blind_spots().is_empty(), "{:?}", grown.blind_spots());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_release_as_child_answers_each_release_as_parent_as_foretold() {
    let ground = ground().await;
    let [ana, ben, ..] = &ground.actors.owners;
    let keys = ground.actors.owner_addresses(3);
    let mut children = Vec::new();
    for version in VERSIONS {
        children.push(safe(&ground, version, &keys, 2).await);
    }
    let admin = ground.actors.deployer.address();
    for parent in VERSIONS {
        let root = safe(&ground, parent, &children, 2).await;
        let roles = ProtocolRoles { admin, pauser: SafeAddress(root), unpauser: admin };
        let protocol = ground.deploy_protocol(&roles).await.unwrap();
        let grown = tree(&ground, root).await;
        let tx = SafeTx::call(protocol.vault, Ground::pauseCall {}.abi_encode().into(), SafeNonce::from(0));
        let domain = grown.safe.domain();
        let hashes = hash(&tx, &domain);
        let asked = ContractOwnerMessage::asked_by(parent, &hashes);
        let mut signatures = Vec::new();
        for child in grown.children() {
            let message = child_hashes(&asked, &child.safe).safe_tx;
            let inner =
                inner_signature(&child.safe, vec![signed(ana, message), signed(ben, message)]).unwrap();
            // As it travels through a service.
            let bytes = alone(child.safe.address.0, &inner).unwrap();
            let signature = read_alone(hashes.safe_tx, &bytes).unwrap();
            assert_eq!(signature, OwnerSignature::contract(child.safe.address.0, inner.clone()));
            let head = ground.chain.head().await.unwrap();
            let answers =
                contract::ask(&ground.chain, &head, &domain, &hashes, std::slice::from_ref(&signature)).await;
            let answer = &answers[&child.safe.address.0];
            let what = format!("child {} of parent {parent}: {answer:?}", child.safe.version);
            match off_chain(parent, &child.safe) {
                OffChain::Works => {
                    assert_eq!(*answer, Answer::Yes, "{what}");
                    let worth = judge(parent, &hashes, child, &inner).unwrap();
                    assert_eq!((worth.keys.len(), worth.ask.len()), (2, 0), "{what}");
                    signatures.push(signature);
                }
                OffChain::Impossible { because } => {
                    assert!(
                        matches!(answer, Answer::No(why) if why.contains("must approve with approveHash"))
                    );
                    assert!(because.contains("must approve with approveHash"), "{because}");
                    assert!(judge(parent, &hashes, child, &inner).is_err(), "{what}");
                }
                OffChain::AskTheChain { because } => panic!("{what}: {because}"),
            }
        }
        let expected = if parent == SafeVersion::V1_5_0 { 3 } else { 2 };
        assert_eq!(signatures.len(), expected, "parent {parent}");
        signatures.truncate(2);
        execute(&ground, root, &tx, pack(signatures).unwrap()).await;
        assert!(paused(&ground, &protocol).await, "parent {parent}");
    }
}

async fn paused(ground: &LocalChain, protocol: &Protocol) -> bool {
    let CallOutcome::Returned(word) =
        ground.view(protocol.vault, Ground::pausedCall {}.abi_encode().into()).await.unwrap()
    else {
        panic!("paused() reverts")
    };
    U256::from_be_slice(&word) == U256::from(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_within_signatures_hold_on_chain_exactly_where_they_are_said_to() {
    let ground = ground().await;
    let [ana, ..] = &ground.actors.owners;
    let (mut yes, mut no) = (0, 0);
    for inner_version in VERSIONS {
        let grandchild = safe(&ground, inner_version, &[ana.address()], 1).await;
        for version in VERSIONS {
            let child = safe(&ground, version, &[grandchild], 1).await;
            let child = tree(&ground, child).await;
            let below = child.children().next().unwrap();
            for parent in VERSIONS {
                let domain = SafeState { version: parent, ..child.safe.clone() }.domain();
                let hashes = hash(&SafeTx::rejection(child.safe.address.0, SafeNonce::from(3)), &domain);
                let asked = ContractOwnerMessage::asked_by(parent, &hashes);
                let further = asks_further(&asked, &child.safe).unwrap();
                let message = child_hashes(&further, &below.safe).safe_tx;
                let innermost = inner_signature(&below.safe, vec![signed(ana, message)]).unwrap();
                let middle =
                    inner_signature(&child.safe, vec![OwnerSignature::contract(grandchild, innermost)])
                        .unwrap();
                let signature = OwnerSignature::contract(child.safe.address.0, middle.clone());
                let head = ground.chain.head().await.unwrap();
                let answers = contract::ask(&ground.chain, &head, &domain, &hashes, &[signature]).await;
                let answer = &answers[&child.safe.address.0];
                let judged = judge(parent, &hashes, &child, &middle);
                let what = format!("{inner_version} in {version} in {parent}: {answer:?}, {judged:?}");
                match judged {
                    Ok(worth) => {
                        assert_eq!((worth.keys, worth.ask.len()), (vec![ana.address()], 0), "{what}");
                        assert_eq!(*answer, Answer::Yes, "{what}");
                        yes += 1;
                    }
                    Err(_) => {
                        assert!(matches!(answer, Answer::No(_)), "{what}");
                        no += 1;
                    }
                }
            }
        }
    }
    assert_eq!(yes + no, 27);
    assert!(yes > 10 && no > 5, "{yes} hold, {no} do not");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_safes_of_mixed_releases_approve_on_chain_and_the_vault_is_paused() {
    let ground = ground().await;
    let owners = &ground.actors.owners;
    let keys = ground.actors.owner_addresses(5);
    let mut children = Vec::new();
    for (version, first) in VERSIONS.into_iter().zip(0..) {
        children.push(safe(&ground, version, &keys[first..first + 3], 2).await);
    }
    let admin = ground.actors.deployer.address();
    for parent in VERSIONS {
        let root = safe(&ground, parent, &children, 2).await;
        let roles = ProtocolRoles { admin, pauser: SafeAddress(root), unpauser: admin };
        let protocol = ground.deploy_protocol(&roles).await.unwrap();
        let grown = tree(&ground, root).await;
        let pause =
            SafeTx::call(protocol.vault, Ground::pauseCall {}.abi_encode().into(), SafeNonce::from(0));
        let hashes = hash(&pause, &grown.safe.domain());
        let approvals = approvals(&grown, &[hashes.safe_tx]).unwrap();
        assert_eq!(approvals.len(), 3);
        let mut approved = Vec::new();
        for approval in approvals.iter().take(2) {
            let signers = owners.iter().filter(|key| approval.safe.is_owner(key.address())).take(2);
            let signatures = signers.map(|key| signed(key, approval.hashes.safe_tx)).collect();
            execute(&ground, approval.safe.address.0, &approval.tx, pack(signatures).unwrap()).await;
            approved.push(OwnerSignature::approved_hash(approval.safe.address.0));
        }
        execute(&ground, root, &pause, pack(approved).unwrap()).await;
        assert!(paused(&ground, &protocol).await, "parent {parent}");
    }
}
