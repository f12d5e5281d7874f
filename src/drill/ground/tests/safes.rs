//! Real Safes of three releases: read, simulated, executed, and seen to be executed.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::signers::SignerSync;
use alloy::sol_types::SolCall;
use serde_json::json;

use super::super::protocol::Ground;
use super::super::*;
use super::faulty::{Fault, faulty};
use crate::chain::safe_state::MODULES_MAX;
use crate::chain::{
    BalanceOverride, BroadcastError, Chain, Endpoint, ExecutionsError, Retry, SafeReadError, SimCall,
    SimulateError, SimulateMethod, SimulateRequest, StorageOverride, TransactionDraft, decode_revert,
};
use crate::domain::safe::abi::{Safe, exec_calldata};
use crate::domain::safe::signature::pack;
use crate::domain::safe::{
    self, OwnerSignature, SafeAddress, SafeNonce, SafeState, SafeTx, SafeVersion, SignatureKind,
};

const VERSIONS: [SafeVersion; 3] = [SafeVersion::V1_3_0, SafeVersion::V1_4_1, SafeVersion::V1_5_0];

/// A 2-of-3 Safe of this release, which may pause the vault.
async fn defended(version: SafeVersion) -> (LocalChain, SafeState, Protocol) {
    let options = LocalChainOptions { safe_versions: vec![version], ..LocalChainOptions::default() };
    let ground = LocalChain::start(&Tools::find(None).unwrap(), &options).await.unwrap();
    let owners = ground.actors.owner_addresses(3);
    let safe = ground.deploy_safe(&SafeSpec { version, owners, threshold: 2, salt: 7 }).await.unwrap();
    let admin = ground.actors.deployer.address();
    let roles = ProtocolRoles { admin, pauser: safe, unpauser: admin };
    let protocol = ground.deploy_protocol(&roles).await.unwrap();
    let head = ground.chain.head().await.unwrap();
    let state = ground.chain.safe_state(&head, safe).await.unwrap();
    (ground, state, protocol)
}

fn pause(protocol: &Protocol, nonce: SafeNonce) -> SafeTx {
    SafeTx::call(protocol.vault, Ground::pauseCall {}.abi_encode().into(), nonce)
}

fn signed(ground: &LocalChain, state: &SafeState, tx: &SafeTx, signers: usize) -> Bytes {
    let hash = safe::hash(tx, &state.domain()).safe_tx;
    let signatures = ground.actors.owners.iter().take(signers).map(|owner| OwnerSignature {
        owner: owner.address(),
        kind: SignatureKind::Eoa,
        bytes: owner.sign_hash_sync(&hash.0).unwrap().as_bytes().into(),
    });
    pack(signatures.collect()).unwrap()
}

/// The pause before anybody signed: threshold 1, and an owner who approves by calling.
fn unsigned(state: &SafeState, protocol: &Protocol) -> SimulateRequest {
    let owner = state.owners[0];
    let approved = pack(vec![OwnerSignature::approved_hash(owner)]).unwrap();
    let call = |from, to, data: Bytes| SimCall { from, to, data, value: U256::ZERO };
    SimulateRequest {
        steps: vec![
            call(owner, state.address.0, exec_calldata(&pause(protocol, state.nonce), approved)),
            call(Address::ZERO, protocol.vault, Ground::pausedCall {}.abi_encode().into()),
        ],
        overrides: vec![StorageOverride {
            address: state.address.0,
            slot: B256::with_last_byte(4),
            value: B256::with_last_byte(1),
            meaning: "the threshold is 1 until real signatures exist".to_owned(),
        }],
        balances: vec![],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_safe_of_each_release_is_read_whole() {
    for version in VERSIONS {
        let (ground, state, _) = defended(version).await;
        let release = ground.safes.release(version).unwrap();
        assert_eq!(state.version, version);
        assert_eq!(state.owners, ground.actors.owner_addresses(3));
        assert_eq!((state.threshold, state.nonce), (2, SafeNonce::from(0)));
        assert_eq!(state.singleton, release.singleton_l2);
        assert_eq!(state.fallback_handler, Some(release.fallback_handler));
        assert_eq!((state.guard, state.module_guard, state.modules), (None, None, vec![]));
        assert_eq!(state.chain, ground.chain.id());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_and_guards_are_seen() {
    let (ground, state, _) = defended(SafeVersion::V1_5_0).await;
    let safe = state.address;
    let module = Address::repeat_byte(0xaa);
    ground.anvil.impersonate(safe.0).await.unwrap();
    ground.anvil.set_balance(safe.0, U256::from(10).pow(U256::from(18))).await.unwrap();
    let enable = DevTransaction {
        what: "enabling a module".into(),
        from: safe.0,
        to: Some(safe.0),
        data: Safe::enableModuleCall { module }.abi_encode().into(),
    };
    ground.anvil.send_all(&[enable]).await.unwrap();
    // A guard must be a contract that says so; what counts here is the slot.
    for (name, guard) in
        [("guard_manager.guard.address", 0xb1), ("module_manager.module_guard.address", 0xb2)]
    {
        let slot = alloy::primitives::keccak256(name);
        ground.anvil.set_storage(safe.0, slot, Address::repeat_byte(guard).into_word()).await.unwrap();
    }
    ground.anvil.mine(1).await.unwrap();
    let head = ground.chain.head().await.unwrap();
    let state = ground.chain.safe_state(&head, safe).await.unwrap();
    assert_eq!(state.modules, [module]);
    assert_eq!(state.guard, Some(Address::repeat_byte(0xb1)));
    assert_eq!(state.module_guard, Some(Address::repeat_byte(0xb2)));
}

/// Links modules as `ModuleManager` does: a mapping in slot 1, from each to the next, from the sentinel and back to it.
async fn link_modules(ground: &LocalChain, safe: SafeAddress, modules: &[Address]) {
    let sentinel = Address::with_last_byte(1);
    let ring: Vec<Address> =
        [sentinel].into_iter().chain(modules.iter().copied()).chain([sentinel]).collect();
    for pair in ring.windows(2) {
        let slot = keccak256([pair[0].into_word(), B256::with_last_byte(1)].concat());
        ground.anvil.set_storage(safe.0, slot, pair[1].into_word()).await.unwrap();
    }
    ground.anvil.mine(1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_modules_are_read_whole_and_more_are_refused() {
    let (ground, state, _) = defended(SafeVersion::V1_4_1).await;
    let modules: Vec<Address> =
        (0..=MODULES_MAX).map(|n| Address::from_word(B256::from(U256::from(0x10_000 + n)))).collect();
    let (most, _) = modules.split_at(MODULES_MAX);
    link_modules(&ground, state.address, most).await;
    let head = ground.chain.head().await.unwrap();
    assert_eq!(ground.chain.safe_state(&head, state.address).await.unwrap().modules, most);
    link_modules(&ground, state.address, &modules).await;
    let head = ground.chain.head().await.unwrap();
    let refused = ground.chain.safe_state(&head, state.address).await.unwrap_err();
    assert!(refused.to_string().contains("it has more than 1000 modules"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_safe_is_said_not_to_be_one() {
    let (ground, state, protocol) = defended(SafeVersion::V1_4_1).await;
    let head = ground.chain.head().await.unwrap();
    let mut said = Vec::new();
    for address in
        [Address::repeat_byte(9), protocol.vault, ground.safes.release(state.version).unwrap().singleton]
    {
        match ground.chain.safe_state(&head, SafeAddress(address)).await {
            Err(SafeReadError::NotASafe { reason, .. }) => said.push(reason),
            other => panic!("{other:?}"),
        }
    }
    insta::assert_snapshot!(said.join("\n"), @"
    there is no contract at this address
    VERSION() reverted: no reason given
    it names no singleton, so it is no proxy of a Safe
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_simulated_before_anybody_signed() {
    for version in VERSIONS {
        let (ground, state, protocol) = defended(version).await;
        let head = ground.chain.head().await.unwrap();
        let request = unsigned(&state, &protocol);
        let report = ground.chain.simulate(&head, &request).await.unwrap();
        assert!(report.succeeded(), "{version}: {report:?}");
        assert_eq!(report.method, SimulateMethod::SimulateV1);
        assert_eq!(report.calls[1].data, Bytes::from(B256::with_last_byte(1)), "paused afterwards");
        assert!(report.calls[0].gas_used.unwrap() > 50_000);
        assert!(!report.calls[0].logs.is_empty());
        assert_eq!(report.endpoints.len(), 1);
        insta::allow_duplicates! {
            insta::assert_snapshot!(report.assumed.join("\n").replace(&state.address.to_string(), "SAFE"), @"the threshold is 1 until real signatures exist (slot 0x4 of SAFE = 0x1)");
        }
        // Nothing happened.
        let paused = ground.view(protocol.vault, Ground::pausedCall {}.abi_encode().into()).await.unwrap();
        assert_eq!(paused, crate::chain::CallOutcome::Returned(B256::ZERO.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_that_fails_says_why() {
    let (ground, state, protocol) = defended(SafeVersion::V1_4_1).await;
    let head = ground.chain.head().await.unwrap();
    let mut request = unsigned(&state, &protocol);
    request.overrides.clear();
    let too_few = ground.chain.simulate(&head, &request).await.unwrap();
    assert!(!too_few.succeeded());
    let mut request = unsigned(&state, &protocol);
    let unpause = SafeTx::call(protocol.vault, Ground::unpauseCall {}.abi_encode().into(), state.nonce);
    let approved = pack(vec![OwnerSignature::approved_hash(state.owners[0])]).unwrap();
    request.steps[0].data = exec_calldata(&unpause, approved);
    let forbidden = ground.chain.simulate(&head, &request).await.unwrap();
    let words = [&too_few, &forbidden].map(|report| decode_revert(&report.calls[0].data, &[]));
    insta::assert_snapshot!(words.join("\n"), @"
    GS020: the signatures are shorter than the threshold asks for: some are missing
    GS013: the called contract reverted, and the Safe with it because no safeTxGas or gasPrice is set
    ");
    assert!(matches!(
        ground.chain.simulate(&head, &SimulateRequest::default()).await,
        Err(SimulateError::Calls(0))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_may_be_assumed_too() {
    let (ground, _, _) = defended(SafeVersion::V1_4_1).await;
    let head = ground.chain.head().await.unwrap();
    let (rich, to) = (Address::repeat_byte(0x11), Address::repeat_byte(0x22));
    let pay = SimCall { from: rich, to, data: Bytes::new(), value: U256::from(5) };
    let request = SimulateRequest {
        steps: vec![pay],
        balances: vec![BalanceOverride { address: rich, wei: U256::from(5) }],
        ..SimulateRequest::default()
    };
    assert!(ground.chain.simulate(&head, &request).await.unwrap().succeeded());
    let broke = SimulateRequest { balances: vec![], ..request };
    assert!(!matches!(ground.chain.simulate(&head, &broke).await, Ok(report) if report.succeeded()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_simulate_proves_the_first_call_and_says_so() {
    let (ground, state, protocol) = defended(SafeVersion::V1_4_1).await;
    let head = ground.chain.head().await.unwrap();
    let request = unsigned(&state, &protocol);
    let old = || faulty(ground.anvil.url(), Fault::Without("eth_simulateV1"));
    let new = || Endpoint::new(ground.anvil.url(), Duration::from_secs(5)).unwrap();
    let chain = |endpoints, agree| Chain::new("local".into(), ground.chain.id(), endpoints, agree).unwrap();

    let report = chain(vec![old().await], 1).simulate(&head, &request).await.unwrap();
    assert_eq!((report.method, report.calls.len()), (SimulateMethod::FirstCallOnly, 1));
    assert!(report.calls[0].succeeded && !report.succeeded(), "one call of two is no success of both");

    let report = chain(vec![old().await, new()], 2).simulate(&head, &request).await.unwrap();
    assert_eq!(report.method, SimulateMethod::FirstCallOnly);

    let report = chain(vec![old().await, new(), new()], 2).simulate(&head, &request).await.unwrap();
    assert_eq!((report.method, report.calls.len()), (SimulateMethod::SimulateV1, 2));
    assert!(report.succeeded());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_simulates_something_else_is_dissent_or_no_quorum() {
    let (ground, state, protocol) = defended(SafeVersion::V1_4_1).await;
    let head = ground.chain.head().await.unwrap();
    let request = unsigned(&state, &protocol);
    let failed = json!({ "returnData": "0x", "logs": [], "gasUsed": "0x5208", "status": "0x0" });
    let claim = json!([{ "calls": [failed, failed] }]);
    let liar = || faulty(ground.anvil.url(), Fault::Claims("eth_simulateV1", claim.clone()));
    let honest = || Endpoint::new(ground.anvil.url(), Duration::from_secs(5)).unwrap();
    let chain = |endpoints, agree| Chain::new("local".into(), ground.chain.id(), endpoints, agree).unwrap();

    match chain(vec![honest(), liar().await, honest()], 2).simulate(&head, &request).await {
        Err(SimulateError::Dissent(report)) => assert!(report.succeeded(), "the quorum's report comes along"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        chain(vec![honest(), liar().await], 2).simulate(&head, &request).await,
        Err(SimulateError::NoQuorum(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_pause_is_broadcast_mined_and_found_in_the_safes_logs() {
    for version in VERSIONS {
        let (ground, state, protocol) = defended(version).await;
        let chain = &ground.chain;
        let before = chain.head().await.unwrap();
        let tx = pause(&protocol, state.nonce);
        let draft = |signers| TransactionDraft {
            to: state.address.0,
            data: exec_calldata(&tx, signed(&ground, &state, &tx, signers)),
            gas_hint: None,
        };
        let executor = &ground.actors.executor;
        let refused = chain.sign(executor, &draft(1)).await.unwrap_err();
        assert!(matches!(&refused, BroadcastError::WouldRevert { .. }), "{refused}");
        assert!(refused.to_string().contains("GS020"), "{refused}");

        let signed = chain.sign(executor, &draft(2)).await.unwrap();
        assert!(!chain.transaction_known(signed.hash).await.unwrap());
        ground.anvil.automine(false).await.unwrap();
        chain.send(&signed).await.unwrap();
        chain.send(&signed).await.unwrap();
        assert!(chain.transaction_known(signed.hash).await.unwrap());
        let waiting = chain.receipt(signed.hash, Duration::from_millis(800)).await.unwrap_err();
        assert!(waiting.to_string().contains("not mined"), "{waiting}");
        ground.anvil.automine(true).await.unwrap();
        ground.anvil.mine(1).await.unwrap();
        let receipt = chain.receipt(signed.hash, Duration::from_secs(5)).await.unwrap();
        assert!(receipt.succeeded, "{version}: {receipt:?}");

        let head = chain.head().await.unwrap();
        let executions = chain.executions(state.address, before.number, &head).await.unwrap();
        let want = safe::hash(&tx, &state.domain()).safe_tx;
        assert_eq!(executions.len(), 1, "{version}");
        assert_eq!((executions[0].safe_tx_hash, executions[0].succeeded), (want, true), "{version}");
        assert_eq!(executions[0].block_hash, receipt.block_hash);
        assert_eq!(chain.safe_state(&head, state.address).await.unwrap().nonce, SafeNonce::from(1));
        assert!(matches!(
            chain.executions(state.address, head.number + 1, &head).await,
            Err(ExecutionsError::Range { .. })
        ));
        // Its nonce is used now: what a caller does who lost the answer is to ask, not to send again.
        let again = chain.send(&signed).await.unwrap_err();
        assert_eq!(again.retry(), Retry::AskFirst, "{again}");
        assert!(chain.transaction_known(signed.hash).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_waits_is_outbid() {
    let (ground, state, protocol) = defended(SafeVersion::V1_4_1).await;
    let (chain, executor) = (&ground.chain, &ground.actors.executor);
    let tx = pause(&protocol, state.nonce);
    let data = exec_calldata(&tx, signed(&ground, &state, &tx, 2));
    let draft = TransactionDraft { to: state.address.0, data, gas_hint: None };
    ground.anvil.automine(false).await.unwrap();
    let first = chain.sign(executor, &draft).await.unwrap();
    chain.send(&first).await.unwrap();
    let second = chain.outbid(executor, &first).await.unwrap();
    assert_eq!(second.nonce, first.nonce);
    assert_ne!(second.hash, first.hash);
    chain.send(&second).await.unwrap();
    ground.anvil.mine(1).await.unwrap();
    assert!(chain.receipt(second.hash, Duration::from_secs(5)).await.unwrap().succeeded);
    assert!(chain.receipt(first.hash, Duration::from_millis(500)).await.is_err());
    // Now it is done, and nothing more can be offered for it.
    assert!(matches!(chain.outbid(executor, &second).await, Err(BroadcastError::WouldRevert { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_comes_after_the_chain_was_reverted() {
    let (ground, state, protocol) = defended(SafeVersion::V1_4_1).await;
    let tx = pause(&protocol, state.nonce);
    let data = exec_calldata(&tx, signed(&ground, &state, &tx, 2));
    let draft = TransactionDraft { to: state.address.0, data, gas_hint: Some(100_000) };
    for _ in 0..2 {
        let snapshot = ground.anvil.snapshot().await.unwrap();
        let hash = ground.chain.broadcast(&ground.actors.executor, &draft).await.unwrap();
        assert!(ground.chain.receipt(hash, Duration::from_secs(5)).await.unwrap().succeeded);
        ground.anvil.revert(snapshot).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_behind_does_not_hide_executions() {
    let (ground, state, _) = defended(SafeVersion::V1_4_1).await;
    let head = ground.chain.head().await.unwrap();
    let beyond = crate::chain::BlockRef { number: head.number + 5, ..head };
    let error = ground.chain.executions(state.address, head.number, &beyond).await.unwrap_err();
    assert!(matches!(error, ExecutionsError::Unread { .. }), "{error}");
}
