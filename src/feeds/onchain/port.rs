//! What the feed asks of the chain. Edges do not import each other: the agent answers with `chain`'s endpoints.

use alloy::primitives::{Address, B256, Bytes};
use async_trait::async_trait;

use crate::domain::watch::{SafeReading, SeenBlock, SeenLog, Watch};

/// What was read at one block. Each value was agreed on by itself; one that was not says why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// What the calls returned, in their order.
    pub calls: Vec<Result<Bytes, String>>,
    /// The Safes, in their order.
    pub safes: Vec<Result<SafeReading, String>>,
    /// The storage words, in their order.
    pub slots: Vec<Result<B256, String>>,
}

/// A chain as agreeing endpoints show it. Errors are sentences: who said what.
#[async_trait]
pub trait ChainEye: Send + Sync {
    /// The newest block that enough endpoints know.
    async fn head(&self) -> Result<SeenBlock, String>;

    /// The block at a height; `None` when they agree that there is none yet.
    async fn block(&self, number: u64) -> Result<Option<SeenBlock>, String>;

    /// The logs that are watched, of `from` to `to`, both included, oldest first.
    async fn logs(&self, watch: &Watch, from: u64, to: &SeenBlock) -> Result<Vec<SeenLog>, String>;

    /// Views, Safes and storage words at a block, in one request for each endpoint.
    async fn read(
        &self,
        at: &SeenBlock,
        calls: &[(Address, Bytes)],
        safes: &[Address],
        slots: &[(Address, B256)],
    ) -> Result<Readings, String>;
}
