//! A chain of one's own, to practise on: anvil, the real Safe contracts, and a vault to be robbed.
//!
//! | file | what |
//! |---|---|
//! | [`tools`] | where anvil and the contracts' artifacts are |
//! | [`anvil`] | the process, which dies with ours whatever happens |
//! | [`controls`] | what only a practice chain allows: mining at will, writing storage |
//! | [`actors`] | who plays: anvil's public keys, by role |
//! | [`safe_contracts`], `old_safes` | Safes of all six releases at their canonical addresses |
//! | [`protocol`] | the token, the vault and its attacker |
//! | [`local_chain`] | all of it together |
//!
//! Tests, the demo and drills stand on the same ground. Nothing of it is ever used against a chain that
//! somebody else runs: every write goes to a process that we started.

pub mod actors;
pub mod anvil;
mod artifacts;
pub mod controls;
pub mod local_chain;
mod old_safes;
pub mod protocol;
pub mod safe_contracts;
pub mod tools;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use alloy::primitives::{Address, TxHash};

use crate::chain::{ChainError, ImpossibleQuorum, RpcError};

pub use actors::Actors;
pub use anvil::{Anvil, AnvilOptions, Fork, StartError};
pub use controls::DevTransaction;
pub use local_chain::{LocalChain, LocalChainOptions};
pub use protocol::{Protocol, ProtocolRoles, Strike};
pub use safe_contracts::{SafeContracts, SafeRelease, SafeSpec};
pub use tools::{Tools, ToolsError};

/// Why the ground could not be laid or used.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// Anvil or the contracts are not installed.
    #[error("the tools of the practice chain are not there")]
    Tools(#[from] ToolsError),
    /// Anvil did not start.
    #[error("the practice chain did not start")]
    Start(#[from] StartError),
    /// The practice chain did not answer as it should.
    #[error("the practice chain failed")]
    Rpc(#[from] RpcError),
    /// It could not be read through the same code as any chain.
    #[error("the practice chain could not be read")]
    Chain(#[from] ChainError),
    /// It was to be seen through no endpoint.
    #[error("the practice chain could not be set up")]
    Quorum(#[from] ImpossibleQuorum),
    /// A file of a contract is missing or is not what it should be.
    #[error("{path}: {problem}", path = path.display())]
    Artifact {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A transaction that must succeed did not.
    #[error("{what} failed on the practice chain (transaction {transaction})")]
    Failed {
        /// What was being done.
        what: String,
        /// The transaction.
        transaction: TxHash,
    },
    /// A contract is not the one that is published for the real chains.
    #[error("{what} at {address}: {problem}")]
    NotTheRealOne {
        /// Which contract.
        what: String,
        /// Where it was expected.
        address: Address,
        /// How it differs.
        problem: String,
    },
}
