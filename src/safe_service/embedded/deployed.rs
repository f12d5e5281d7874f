//! When a contract was deployed: the first block after which there is code at its address.
//!
//! It is searched by halving, about 25 reads for a chain of some years, and kept once it is deep enough that no reorg
//! takes it back. **Invariant.** No number is guessed: where a node has forgotten a block's state, the answer is
//! a sentence. It does not know contracts that were destroyed and deployed again (no singleton can be), nor that
//! an endpoint which forgot says "no code" instead: endpoints that must agree are the remedy.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use alloy::primitives::Address;

use super::chain_view::{ChainView, ChainViewError};
use super::refusal::Refusal;

/// Blocks above a deployment from which on it is kept: two epochs of Ethereum finalize.
pub(super) const SETTLED_BLOCKS: u64 = 64;

/// Deployments that are kept; further ones are searched each time.
const KEPT_MAX: usize = 100;

/// Deployments that were found.
#[derive(Debug, Default)]
pub(super) struct Deployed {
    kept: Mutex<BTreeMap<Address, u64>>,
}

impl Deployed {
    /// The first block after which there is code at the address.
    ///
    /// # Errors
    /// When the chain cannot be read, now or as it once was.
    pub(super) async fn block(&self, chain: &dyn ChainView, address: Address) -> Result<u64, Refusal> {
        if let Some(kept) = self.kept().get(&address) {
            return Ok(*kept);
        }
        let head = chain.head().await?.number;
        if !chain.had_code(address, head).await? {
            return Err(Refusal::Unavailable(format!("There is no code at {address} at block {head}.")));
        }
        let (mut without, mut with) = (0, head);
        // Invariant: there is code after `with`, and before `without` there is none.
        while without < with {
            let middle = without + (with - without) / 2;
            if chain.had_code(address, middle).await.map_err(|error| forgotten(address, middle, &error))? {
                with = middle;
            } else {
                without = middle + 1;
            }
        }
        if head.saturating_sub(with) >= SETTLED_BLOCKS {
            let mut kept = self.kept();
            if kept.len() < KEPT_MAX {
                kept.insert(address, with);
            }
        }
        Ok(with)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<Address, u64>> {
        // What another thread left is whole: an entry is inserted at once.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forgotten(address: Address, block: u64, error: &ChainViewError) -> Refusal {
    tracing::warn!(%address, block, %error, "when a contract was deployed cannot be told");
    Refusal::Unavailable(format!(
        "When {address} was deployed cannot be told: the endpoints did not say whether it had code at block {block}. Nodes that are no archives forget old blocks; configure an archive node to have this list."
    ))
}
