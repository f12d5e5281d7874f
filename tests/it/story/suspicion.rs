//! What somebody slipped into the queue: the signer's page says what is wrong with it, not what it claims to be.

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolCall as _;
use redhandle::domain::incident::Stage;
use redhandle::domain::incident::preparation::Queue;
use redhandle::domain::safe::{Operation, SafeNonce, SafeTx};
use redhandle::drill::ground::protocol::Ground as Calls;

use crate::support::{Town, until};

#[tokio::test]
async fn a_delegatecall_nobody_trusts_and_a_refund_behind_it_are_named_on_the_page() {
    let town = Town::new().await;
    let library = Address::repeat_byte(0xaa);
    let embedded = "safe_service = \"embedded\"";
    let trusting = format!("{embedded}\ndelegatecall_targets = [\"{library}\"]");
    let call = |nonce: u64| {
        let data = Calls::pausedCall {}.abi_encode().into();
        SafeTx::call(town.protocol.vault, data, SafeNonce(U256::from(nonce)))
    };
    // Once the team trusted this library, and two owners queued what it is no longer to see.
    town.set(embedded, &trusting);
    let life = town.wake().await;
    life.allow_the_proposer(&town).await;
    let seize = SafeTx { to: library, operation: Operation::DelegateCall, ..call(0) };
    life.queues(&town, "ana", &seize).await;
    life.queues(&town, "ben", &SafeTx { gas_price: U256::ONE, ..call(1) }).await;
    life.stop().await;
    town.set(&trusting, embedded);

    let life = town.wake().await;
    town.alarm();
    let incident = life.until("a proposal", |incident| matches!(incident.stage, Stage::Proposed)).await;
    let Queue::Read { displaced, behind: 1, suspect } = &incident.preparation.as_ref().unwrap().queue else {
        panic!("{:?}", incident.preparation)
    };
    let untrusted = format!("a delegatecall nobody here trusts, to {library}: do not sign it");
    assert_eq!(displaced.iter().map(|one| one.purpose.as_str()).collect::<Vec<_>>(), [untrusted.as_str()]);
    let refund =
        "nonce 1: calls paused() of vault; the Safe would pay a gas refund: do not sign it unless meant";
    assert_eq!(suspect, &[refund]);
    until("pages that say so", async || {
        let pages = life.pages();
        let page = format!("1 queued at the same nonce: {untrusted}. Suspicious behind it: {refund}");
        pages.contains(&page).then_some(())
    })
    .await;
    let shown = town.run(&["proposal", "show", "INC-1"]);
    let flat = shown.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(&untrusted) && flat.contains(refund), "{shown:?}");
    life.stop().await;
}
