//! When a contract was deployed: found by halving, kept when it is settled, never guessed.

use alloy::primitives::Address;

use super::super::deployed::{Deployed, SETTLED_BLOCKS};
use super::super::refusal::Refusal;
use super::model::ModelChain;
use super::people::SAFE;
use crate::domain::safe::SafeVersion;

const SINGLETON: Address = Address::repeat_byte(0x29);

/// A chain whose head is this, with a contract from a block on.
fn chain(head: u64, from: u64) -> ModelChain {
    let chain = ModelChain::default();
    chain.add(SAFE, SafeVersion::V1_4_1, &[SAFE], 1, &SINGLETON.to_string());
    chain.change(SAFE, |state| state.block_number = head);
    chain.deployed(SINGLETON, from);
    chain
}

#[tokio::test]
async fn the_first_block_with_code_is_found_in_few_reads_and_asked_once() {
    for (head, from) in [(0, 0), (1, 1), (1, 0), (49, 17), (25_000_000, 12_504_126), (25_000_000, 0)] {
        let chain = chain(head, from);
        let deployed = Deployed::default();
        assert_eq!(deployed.block(&chain, SINGLETON).await.unwrap(), from, "of {head}");
        let reads = chain.code_reads();
        assert!(reads <= 26, "{reads} reads for block {from} of {head}");
        deployed.block(&chain, SINGLETON).await.unwrap();
        let again = chain.code_reads() - reads;
        assert_eq!(
            again == 0,
            head - from >= SETTLED_BLOCKS,
            "{again} more reads for block {from} of {head}"
        );
    }
}

#[tokio::test]
async fn what_the_node_forgot_is_a_sentence_and_no_number() {
    let chain = chain(25_000_000, 12_504_126);
    chain.forgets_before(24_999_872);
    let deployed = Deployed::default();
    let told = |refused: Result<u64, Refusal>| {
        let refused = refused.unwrap_err();
        let Refusal::Unavailable(text) = refused else { panic!("{refused:?}") };
        text
    };
    let text = told(deployed.block(&chain, SINGLETON).await);
    assert!(text.contains("whether it had code at block 12500000") && text.contains("archive"), "{text}");
    let text = told(deployed.block(&chain, Address::repeat_byte(1)).await);
    assert!(text.contains("There is no code at"), "{text}");
}
