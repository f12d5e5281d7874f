//! Real Safes of all six versions, on both singletons: read in one request, hashed, executed, seen to be executed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::signers::SignerSync;
use alloy::sol_types::SolCall;

use super::super::*;
use super::faulty::{Fault, faulty};
use crate::chain::{CallOutcome, Chain, SnapshotPlan};
use crate::domain::names::ChainName;
use crate::domain::safe::abi::{Safe, exec_calldata, hash_calldata};
use crate::domain::safe::signature::pack;
use crate::domain::safe::singleton::{Build, Judged};
use crate::domain::safe::{self, OwnerSignature, SafeAddress, SafeState, SafeTx, SafeVersion, SignatureKind};

async fn ground() -> LocalChain {
    let options =
        LocalChainOptions { safe_versions: SafeVersion::ALL.to_vec(), ..LocalChainOptions::default() };
    LocalChain::start(&Tools::find(None).unwrap(), &options).await.unwrap()
}

async fn deploy(ground: &LocalChain, version: SafeVersion) -> SafeState {
    let owners = ground.actors.owner_addresses(3);
    let safe = ground.deploy_safe(&SafeSpec { version, owners, threshold: 2, salt: 3 }).await.unwrap();
    state(ground, safe).await
}

async fn state(ground: &LocalChain, safe: SafeAddress) -> SafeState {
    let head = ground.chain.head().await.unwrap();
    ground.chain.safe_state(&head, safe).await.unwrap()
}

/// Signs as the first two owners, and executes.
async fn execute(ground: &LocalChain, state: &SafeState, tx: &SafeTx) {
    let hash = safe::hash(tx, &state.domain()).safe_tx;
    let signatures = ground.actors.owners.iter().take(2).map(|owner| OwnerSignature {
        owner: owner.address(),
        kind: SignatureKind::Eoa,
        bytes: owner.sign_hash_sync(&hash.0).unwrap().as_bytes().into(),
    });
    let data = exec_calldata(tx, pack(signatures.collect()).unwrap());
    let transaction = DevTransaction {
        what: format!("executing nonce {} of Safe {}", tx.nonce, state.version),
        from: ground.actors.executor.address(),
        to: Some(state.address.0),
        data,
    };
    ground.anvil.send_all(&[transaction]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_safe_of_every_version_is_read_whole_in_one_request() {
    let ground = ground().await;
    for version in SafeVersion::ALL {
        let deployed = deploy(&ground, version).await;
        let head = ground.chain.head().await.unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = faulty(ground.anvil.url(), Fault::Counts(Arc::clone(&requests))).await;
        let chain = Chain::new(ChainName::new("counted"), ground.chain.id(), vec![counted], 1).unwrap();
        let mut plan = SnapshotPlan::new();
        let ticket = plan.safe(deployed.address);
        let state = chain.read(&head, plan).await.unwrap().safe(ticket).unwrap();
        assert_eq!(requests.load(Ordering::Relaxed), 1, "{version}: all of it in one request");

        let release = ground.safes.release(version).unwrap();
        assert_eq!((state.version, state.threshold, state.nonce.0), (version, 2, U256::ZERO));
        assert_eq!(state.owners, ground.actors.owner_addresses(3));
        assert_eq!((state.guard, state.module_guard, state.modules.len()), (None, None, 0));
        let handler = version.has_fallback_handler().then_some(release.fallback_handler);
        assert_eq!((state.singleton, state.fallback_handler), (release.singleton_l2, handler), "{version}");
        assert_eq!(
            state.singleton_code_hash,
            ground.chain.code_hash(&head, state.singleton).await.unwrap(),
            "{version}: the override and the code itself say the same"
        );
        match (version, state.singleton_judged()) {
            // The packages of these two were not built where the published code was, see `old_safes`.
            (SafeVersion::V1_0_0 | SafeVersion::V1_2_0, Judged::Unknown { .. }) => {}
            (SafeVersion::V1_1_1, Judged::Known(release)) => assert_eq!(release.build, Build::L1),
            (_, Judged::Known(release)) => assert_eq!((release.version, release.build), (version, Build::L2)),
            (_, judged) => panic!("{version}: {judged}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plain_singletons_are_known_and_a_hostile_one_is_not() {
    let ground = ground().await;
    for version in [SafeVersion::V1_3_0, SafeVersion::V1_4_1, SafeVersion::V1_5_0] {
        let deployed = deploy(&ground, version).await;
        let release = *ground.safes.release(version).unwrap();
        let slot = |singleton: Address| {
            ground.anvil.set_storage(deployed.address.0, B256::ZERO, singleton.into_word())
        };
        slot(release.singleton).await.unwrap();
        ground.anvil.mine(1).await.unwrap();
        match state(&ground, deployed.address).await.singleton_judged() {
            Judged::Known(found) => assert_eq!((found.version, found.build), (version, Build::L1)),
            judged @ (Judged::OtherVersion { .. } | Judged::Unknown { .. } | Judged::Unread { .. }) => {
                panic!("{version}: {judged}")
            }
        }
        // The same code with one byte after it, which says VERSION() as the real one does.
        let code =
            ground.chain.storage(&ground.chain.head().await.unwrap(), deployed.address.0, B256::ZERO).await;
        assert_eq!(code.unwrap(), release.singleton.into_word());
        let real: Bytes = ground
            .anvil
            .endpoint()
            .ask("reading the singleton", "eth_getCode", serde_json::json!([release.singleton, "latest"]))
            .await
            .unwrap();
        let hostile = Address::repeat_byte(0x66);
        ground.anvil.set_code(hostile, &[real.as_ref(), &[0]].concat().into()).await.unwrap();
        slot(hostile).await.unwrap();
        ground.anvil.mine(1).await.unwrap();
        let state = state(&ground, deployed.address).await;
        assert_eq!(state.version, version, "it says what the real one says");
        assert!(
            matches!(state.singleton_judged(), Judged::Unknown { singleton, .. } if singleton == hostile)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_hashes_as_we_do_executes_what_we_sign_and_is_followed() {
    let ground = ground().await;
    for version in SafeVersion::ALL {
        let deployed = deploy(&ground, version).await;
        let from = deployed.block_number + 1;
        let owner = Address::repeat_byte(0x77);
        let add = Safe::addOwnerWithThresholdCall { owner, _threshold: U256::from(2) }.abi_encode();
        let works = SafeTx::call(deployed.address.0, add.into(), deployed.nonce);
        match ground.view(deployed.address.0, hash_calldata(&works)).await.unwrap() {
            CallOutcome::Returned(said) => {
                assert_eq!(
                    B256::from_slice(&said),
                    safe::hash(&works, &deployed.domain()).safe_tx.0,
                    "{version}"
                );
            }
            CallOutcome::Reverted(data) => panic!("{version}: {data}"),
        }
        execute(&ground, &deployed, &works).await;
        let after = state(&ground, deployed.address).await;
        assert!(after.is_owner(owner), "{version}");

        // A threshold that cannot be: the call fails. With gas of its own its nonce is used in every version.
        let impossible = Safe::changeThresholdCall { _threshold: U256::from(99) }.abi_encode();
        let fails = SafeTx::call(deployed.address.0, impossible.into(), after.nonce);
        let fails = SafeTx { safe_tx_gas: U256::from(100_000), ..fails };
        execute(&ground, &deployed, &fails).await;
        let again = SafeTx::rejection(deployed.address.0, fails.nonce.next());
        ground.anvil.mine(3).await.unwrap();
        execute(&ground, &deployed, &again).await;

        let head = ground.chain.head().await.unwrap();
        let found = ground.chain.executions(deployed.address, from, &head).await.unwrap();
        let want: Vec<_> = [(&works, true), (&fails, false), (&again, true)]
            .map(|(tx, succeeded)| (safe::hash(tx, &deployed.domain()).safe_tx, succeeded))
            .into();
        let seen: Vec<_> =
            found.iter().map(|execution| (execution.safe_tx_hash, execution.succeeded)).collect();
        assert_eq!(seen, want, "{version}");
        // The chain makes blocks of its own meanwhile: from the block of the last one on.
        let late = ground.chain.executions(deployed.address, found[2].block_number, &head).await.unwrap();
        assert_eq!(late, found[2..], "{version}: a range that begins with it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_contract_had_a_silent_safe_execute_is_an_error_and_no_empty_list() {
    let ground = ground().await;
    let deployed = deploy(&ground, SafeVersion::V1_0_0).await;
    ground.anvil.mine(2).await.unwrap();
    // As if a contract had called execTransaction: the nonce moves, and no call of the Safe is in any block.
    ground
        .anvil
        .set_storage(deployed.address.0, B256::with_last_byte(5), B256::with_last_byte(1))
        .await
        .unwrap();
    ground.anvil.mine(1).await.unwrap();
    let head = ground.chain.head().await.unwrap();
    assert_eq!(state(&ground, deployed.address).await.nonce.0, U256::ONE);
    let from = deployed.block_number + 1;
    let error = ground.chain.executions(deployed.address, from, &head).await.unwrap_err();
    let whole = crate::agent::chain_of(&error);
    assert!(whole.contains("another contract called it"), "{whole}");
}
