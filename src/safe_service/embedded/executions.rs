//! What became of stored transactions: asked of the chain, and remembered only once it cannot be undone.

use std::collections::BTreeSet;

use super::Parts;
use super::chain_view::Execution;
use super::refusal::Refusal;
use super::store::StoredTx;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeState};

/// How deep an execution must lie before it is remembered: two epochs of Ethereum, beyond which its
/// chain is final.
const SETTLED_DEPTH_BLOCKS: u64 = 64;

/// Questions to the chain in one request.
const LOOKUPS_MAX: usize = 200;

impl Parts {
    /// The Safe of stored transactions, which must exist.
    pub(super) async fn state_of(&self, safe: SafeAddress) -> Result<SafeState, Refusal> {
        self.chain.safe_state(safe).await?.ok_or_else(|| {
            Refusal::Unavailable(format!(
                "The chain does not know Safe {safe} at the moment, though transactions of it are stored."
            ))
        })
    }

    /// How one transaction ended; `None` when it did not, or the Safe is not there yet.
    pub(super) async fn execution(
        &self,
        tx: &StoredTx,
        state: &SafeState,
    ) -> Result<Option<Execution>, Refusal> {
        if tx.executed.is_some() {
            return Ok(tx.executed);
        }
        if tx.tx.nonce >= state.nonce {
            return Ok(None);
        }
        let execution = self.chain.execution(tx.safe, tx.hash).await?;
        if let Some(execution) = &execution
            && execution.block.saturating_add(SETTLED_DEPTH_BLOCKS) <= state.block_number
        {
            self.store.settle(tx.hash, execution).await?;
        }
        Ok(execution)
    }

    /// How each of a Safe's transactions ended. Those displaced by a settled sibling are not asked about.
    pub(super) async fn executions(
        &self,
        txs: Vec<StoredTx>,
        state: &SafeState,
    ) -> Result<Vec<(StoredTx, Option<Execution>)>, Refusal> {
        let settled: BTreeSet<SafeNonce> =
            txs.iter().filter(|tx| tx.executed.is_some()).map(|tx| tx.tx.nonce).collect();
        let mut lookups = 0;
        let mut known = Vec::with_capacity(txs.len());
        for tx in txs {
            let displaced = tx.executed.is_none() && settled.contains(&tx.tx.nonce);
            let execution = if displaced {
                None
            } else {
                if tx.executed.is_none() && tx.tx.nonce < state.nonce {
                    lookups += 1;
                }
                if lookups > LOOKUPS_MAX {
                    return Err(Refusal::Unavailable(format!(
                        "What became of more than {LOOKUPS_MAX} transactions would have to be asked of the chain; narrow the question with nonce__gte."
                    )));
                }
                self.execution(&tx, state).await?
            };
            known.push((tx, execution));
        }
        Ok(known)
    }
}
