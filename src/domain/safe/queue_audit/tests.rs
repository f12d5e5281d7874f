//! Each kind of finding, on items that differ in one thing from a good one.

use alloy::primitives::{B256, address};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;

use super::*;
use crate::domain::names::ChainId;
use crate::domain::safe::{BatchedCall, SafeVersion, multisend};

fn key(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[number; 32]).unwrap()
}

fn state() -> SafeState {
    SafeState {
        address: SafeAddress(address!("0x42D718c3035d3f9A22222E4d8D48E11e60383D37")),
        chain: ChainId(1),
        version: SafeVersion::V1_4_1,
        owners: vec![key(1).address(), key(2).address(), key(3).address()],
        threshold: 2,
        nonce: 5.into(),
        modules: Vec::new(),
        guard: None,
        module_guard: None,
        fallback_handler: None,
        singleton: Address::ZERO,
        singleton_code_hash: None,
        block_number: 1,
        block_hash: B256::ZERO,
    }
}

fn item(nonce: u64, change: impl FnOnce(&mut SafeTx)) -> QueuedItem {
    let mut tx = SafeTx::call(Address::repeat_byte(0xaa), vec![0x84, 0x56, 0xcb, 0x59].into(), nonce.into());
    change(&mut tx);
    let said_hash = hash(&tx, &state().domain()).safe_tx;
    QueuedItem { safe: state().address, tx, said_hash, trusted: true, confirmations: Vec::new() }
}

fn sign(mut item: QueuedItem, keys: &[u8]) -> QueuedItem {
    for number in keys {
        let signature = key(*number).sign_hash_sync(&item.said_hash.0).unwrap().as_bytes().to_vec();
        item.confirmations.push((key(*number).address(), Some(signature.into())));
    }
    item
}

fn delegate_call(to: Address, data: Bytes) -> QueuedItem {
    item(5, |tx| (tx.operation, tx.to, tx.data) = (Operation::DelegateCall, to, data))
}

/// Findings of one item that is alone in the queue.
fn alone(item: QueuedItem) -> AuditedItem {
    audit(&state(), &[item], &[]).remove(0)
}

fn told(item: QueuedItem) -> String {
    let audited = alone(item);
    let danger = if audited.is_dangerous() { "wakes " } else { "" };
    let told: Vec<_> =
        audited.findings.iter().map(|one| format!("{danger}{:?}: {one}", one.gravity())).collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join("\n") }
}

#[test]
fn each_thing_that_can_be_wrong_is_told_by_its_name_and_what_to_do() {
    let call_only = multisend::call_only(SafeVersion::V1_4_1);
    let plain = address!("0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526");
    let to_itself = |selector: [u8; 4]| BatchedCall::call(state().address.0, selector.to_vec().into());
    let inner = BatchedCall {
        operation: Operation::DelegateCall,
        ..BatchedCall::call(Address::repeat_byte(6), Bytes::new())
    };
    let mut other_hash = item(5, |_| ());
    other_hash.said_hash = SafeTxHash(B256::repeat_byte(9));
    let mut other_safe = item(5, |_| ());
    other_safe.safe = SafeAddress(Address::repeat_byte(8));
    let mut unsigned = item(5, |_| ());
    unsigned.trusted = false;
    let mut unvouched = delegate_call(Address::repeat_byte(6), Bytes::new());
    unvouched.trusted = false;
    let mut stolen_name = sign(item(5, |_| ()), &[1]);
    stolen_name.confirmations[0].0 = key(2).address();
    let mut empty = item(5, |_| ());
    empty.confirmations.push((key(2).address(), None));
    let mut garbage = item(5, |_| ());
    garbage.confirmations.push((key(2).address(), Some(vec![9; 65].into())));
    let mut twice = sign(item(5, |_| ()), &[1]);
    twice.confirmations.push(twice.confirmations[0].clone());
    let cases = [
        ("a good one", item(5, |_| ())),
        ("another hash", other_hash),
        ("another Safe", other_safe),
        ("unknown code", delegate_call(Address::repeat_byte(6), Bytes::new())),
        ("unknown code, unsigned", unvouched),
        ("plain MultiSend", delegate_call(plain, multisend::calldata(std::slice::from_ref(&inner)))),
        ("a trap in a batch", delegate_call(call_only, multisend::calldata(&[inner]))),
        ("no batch", delegate_call(call_only, vec![1, 2, 3].into())),
        (
            "a batch of changes",
            delegate_call(
                call_only,
                multisend::calldata(&[
                    to_itself(Safe::swapOwnerCall::SELECTOR),
                    to_itself(Safe::enableModuleCall::SELECTOR),
                ]),
            ),
        ),
        ("a migration", delegate_call(address!("0x526643F69b81B008F46d95CD5ced5eC0edFFDaC6"), Bytes::new())),
        ("a message", delegate_call(address!("0xd53cd0aB83D845Ac265BE939c57F53AD838012c9"), Bytes::new())),
        (
            "a guard",
            item(5, |tx| {
                (tx.to, tx.data) = (state().address.0, Safe::setGuardCall::SELECTOR.to_vec().into())
            }),
        ),
        (
            "a refund",
            item(5, |tx| (tx.gas_price, tx.refund_receiver) = (U256::from(3), Address::repeat_byte(0xee))),
        ),
        ("an idle refund field", item(5, |tx| tx.gas_token = Address::repeat_byte(0xee))),
        ("a gap", item(8, |_| ())),
        ("far ahead", item(1 << 63, |_| ())),
        ("unsigned", unsigned),
        ("another's signature", stolen_name),
        ("no signature", empty),
        ("garbage", garbage),
        ("a former owner", sign(item(5, |_| ()), &[4])),
        ("twice the same", twice),
        ("ready", sign(item(5, |_| ()), &[1, 3])),
        ("dead", sign(item(4, |_| ()), &[1, 3])),
    ];
    let told: Vec<_> = cases.into_iter().map(|(name, item)| format!("-- {name}\n{}", told(item))).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    -- a good one
    nothing
    -- another hash
    wakes Danger: its hash does not recompute: these fields hash to 0x5ce0e1bc43a0774befc5c0bb2f1de31120614d2e913ee30c0bed246f86ebf23e for this Safe, version and chain; the service lies or shows another Safe's; sign nothing shown there
    -- another Safe
    wakes Danger: it is of another Safe, 0x0808080808080808080808080808080808080808: the service mixes Safes up or lies; sign nothing shown there
    -- unknown code
    wakes Danger: DELEGATECALL to 0x0606060606060606060606060606060606060606, which is no released library: its code would run as the Safe and may take everything; do not sign, and reject it at its nonce
    -- unknown code, unsigned
    Danger: DELEGATECALL to 0x0606060606060606060606060606060606060606, which is no released library: its code would run as the Safe and may take everything; do not sign, and reject it at its nonce
    Warning: unsigned: nobody who may propose stands behind it, anybody could have put it there; ignore it
    -- plain MultiSend
    wakes Danger: DELEGATECALL to 0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526 (plain MultiSend), which lets calls inside run as the Safe: do not sign; have it proposed again through MultiSendCallOnly
    wakes Danger: DELEGATECALL to 0x0606060606060606060606060606060606060606 (plain MultiSend), which lets calls inside run as the Safe: do not sign; have it proposed again through MultiSendCallOnly
    -- a trap in a batch
    wakes Danger: DELEGATECALL to 0x0606060606060606060606060606060606060606 inside a batch: MultiSendCallOnly reverts on it, so it can only be a mistake or a trap; do not sign
    -- no batch
    Warning: a batch that cannot be read (not calldata of multiSend(bytes)): nobody can tell what it does; do not sign
    -- a batch of changes
    Warning: changes the Safe itself (owners: one is replaced): be sure that it is wanted before signing anything
    Warning: changes the Safe itself (modules: one is enabled, which may act without owners): be sure that it is wanted before signing anything
    -- a migration
    Warning: changes the Safe itself (the singleton): be sure that it is wanted before signing anything
    Note: runs SafeMigration, a released library, as the Safe
    -- a message
    Note: runs SignMessageLib, a released library, as the Safe
    -- a guard
    Warning: changes the Safe itself (the guard): be sure that it is wanted before signing anything
    -- a refund
    Danger: gas refund fields are set: the Safe pays 3 per unit of gas in the chain's own currency to 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE; that is how an executor empties a Safe; do not sign unless you meant it
    -- an idle refund field
    Warning: gasToken set: it pays nothing while gasPrice is zero; ask who set it and why before signing
    -- a gap
    Note: waits: 3 nonce(s) before it are free
    -- far ahead
    Warning: far ahead: about 10^18 nonces before it are free; wallets that ask the service for the next nonce get one behind it, which cannot execute; take the nonce from the chain, and have it deleted
    -- unsigned
    Warning: unsigned: nobody who may propose stands behind it, anybody could have put it there; ignore it
    -- another's signature
    wakes Danger: a confirmation is said to be 0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c's and is the signature of 0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1: it does not count, and the hosted gateway answers 502 for such an item; the service lies or was tampered with
    -- no signature
    wakes Danger: a confirmation is said to be 0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c's and is no signature at all: it does not count, and the hosted gateway answers 502 for such an item; the service lies or was tampered with
    -- garbage
    wakes Danger: a confirmation is said to be 0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c's and is no signature (the signature ends with v = 9, which is none of 0 (contract), 1 (approved hash), 27 or 28 (key), 31 or 32 (eth_sign)): it does not count, and the hosted gateway answers 502 for such an item; the service lies or was tampered with
    -- a former owner
    Warning: 0xc48B812bB43401392c037381AcA934F4069C0517 signed it and is no owner now: that signature no longer counts
    -- twice the same
    Warning: 0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1 is counted more than once: once counts
    -- ready
    Note: signed by enough owners: anybody may execute it now, and it would take this nonce
    -- dead
    Note: dead: its nonce is spent; it can never be executed
    ");
}

#[test]
fn a_filled_range_is_not_far_ahead_and_siblings_are_told() {
    let range: Vec<_> = (5..35).map(|nonce| item(nonce, |_| ())).collect();
    assert!(audit(&state(), &range, &[]).iter().all(|item| item.findings.is_empty()));
    let ours = item(5, |_| ());
    let rival = item(5, |tx| tx.value = U256::from(1));
    let audited = audit(&state(), &[ours.clone(), rival], &[ours.said_hash]);
    assert_eq!(audited[0].findings, [Finding::Siblings { others: 1, ours: false }]);
    assert_eq!(audited[1].findings, [Finding::Siblings { others: 1, ours: true }]);
    assert_eq!(audited[1].gravity(), Some(Gravity::Warning));
}

#[test]
fn the_hash_depends_on_the_version_and_the_chain() {
    let mut other = state();
    other.chain = ChainId(2);
    assert!(matches!(audit(&other, &[item(5, |_| ())], &[])[0].findings[..], [Finding::HashMismatch { .. }]));
    // Before 1.3.0 the chain is no part of it.
    let mut old = state();
    old.version = SafeVersion::V1_1_1;
    let mut queued = item(5, |_| ());
    queued.said_hash = hash(&queued.tx, &old.domain()).safe_tx;
    assert_eq!(audit(&old, std::slice::from_ref(&queued), &[])[0].findings, []);
    old.chain = ChainId(2);
    assert_eq!(audit(&old, &[queued], &[])[0].findings, []);
}
