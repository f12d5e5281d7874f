//! A Transaction Service of our own, for when the hosted one is down, refuses, or does not serve the chain.
//!
//! It speaks the API of service 6.10.1: the same paths, statuses, fields and error texts, so that the
//! tools people have work with it. It is stricter where the real one is careless: a nonce the chain has
//! passed, a number beyond 256 bits, a contract signature in the form the parent's version would revert
//! on, and bodies or signature rows without end are refused. Whether something was executed is asked of
//! the chain, never remembered before it can no longer be undone.
//!
//! *Invariants.* Every stored safeTxHash was recomputed here. Every stored confirmation was recovered to
//! an owner of that moment, or vouched for by the chain. A chain that cannot be read is a 503, never an
//! accepted proposal and never an empty list.
//!
//! It has no index of the chain. What only an index knows (transfers, module transactions, balances, how a
//! Safe was created) is refused with a sentence, never an empty list; the history of a Safe is that of the
//! proposals made here; Safes are listed by owner or module among those that are configured or were proposed
//! to. Everything else that api-kit and protocol-kit ask is answered.
//!
//! It holds no key and knows no node: see [`ChainView`]. No browser speaks to it: there is no CORS.

mod about;
mod auth;
mod chain_view;
mod confirm;
mod decode;
mod delegates;
mod deployed;
mod erase;
mod estimate;
mod etag;
mod executions;
mod fields;
mod filter;
mod history;
mod known;
mod messages;
mod page;
mod propose;
mod queue;
mod refusal;
mod render;
mod routes;
mod signers;
mod store;

use std::sync::Arc;

use secrecy::SecretString;
use sqlx::AnyPool;

pub use chain_view::{ChainView, ChainViewError, Execution, Head};
pub use known::Known;

use crate::clock::SharedClock;
use deployed::Deployed;
use store::Store;

/// The service of one chain.
#[derive(Clone, Debug)]
pub struct EmbeddedService {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    store: Store,
    chain: Arc<dyn ChainView>,
    clock: SharedClock,
    known: Known,
    deployed: Deployed,
}

impl EmbeddedService {
    /// A service of `chain`, kept in `pool`, where the `migrations/` have run. Several services may share a
    /// pool when their chains differ.
    pub fn new(pool: AnyPool, chain: Arc<dyn ChainView>, clock: SharedClock, known: Known) -> Self {
        let store = Store::new(pool, chain.chain_id());
        Self { parts: Arc::new(Parts { store, chain, clock, known, deployed: Deployed::default() }) }
    }

    /// Its HTTP surface, paths from `/api` on. With a key, every request must carry it as bearer; without
    /// one whoever reaches the socket may ask, so bind it to loopback.
    pub fn router(&self, key: Option<SecretString>) -> axum::Router {
        routes::router(self.clone(), key)
    }
}

#[cfg(test)]
mod tests;
