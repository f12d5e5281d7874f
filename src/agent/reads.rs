//! What the chain says about an expression's views.

use std::collections::BTreeMap;

use super::chain_of;
use crate::chain::{BlockRef, CallOutcome, Chain, ChainError, decode_revert};
use crate::domain::expression::{Read, ReadValue};

/// Every read's value at one block. A read that failed says why; it is never left out.
pub type ReadValues = BTreeMap<Read, ReadValue>;

/// Reads all of `reads` at `block` in one request for each endpoint.
pub async fn read_all<'a>(
    chain: &Chain,
    block: &BlockRef,
    reads: impl Iterator<Item = &'a Read>,
) -> ReadValues {
    let reads: Vec<_> = reads.cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    if reads.is_empty() {
        return ReadValues::new();
    }
    let calls: Vec<_> = reads.iter().map(|read| (read.call().address, read.call().data.clone())).collect();
    match chain.call_many(block, &calls).await {
        Ok(outcomes) => reads.into_iter().zip(outcomes).map(|(read, outcome)| value(read, outcome)).collect(),
        Err(error) => {
            let failed = ReadValue::Failed(chain_of(&error));
            reads.into_iter().map(|read| (read, failed.clone())).collect()
        }
    }
}

/// One read's value from what a snapshot or a batch says.
pub fn value(read: Read, outcome: Result<CallOutcome, ChainError>) -> (Read, ReadValue) {
    let value = match outcome {
        Ok(CallOutcome::Returned(data)) => ReadValue::decode(&read, &data),
        Ok(CallOutcome::Reverted(data)) => {
            ReadValue::Failed(format!("it reverts: {}", decode_revert(&data, &[])))
        }
        Err(error) => ReadValue::Failed(chain_of(&error)),
    };
    (read, value)
}
