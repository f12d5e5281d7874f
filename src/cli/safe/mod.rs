//! `redhandle safe`: hashes computed here, and who may propose.

mod delegate;
mod hash;
mod queue;
#[cfg(test)]
mod service_tests;

use clap::Subcommand;

use super::Context;
use super::exit::{Exit, Failure};

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Domain hash, message hash and safeTxHash of a transaction.
    Hash(hash::HashArgs),
    /// What is queued at the Transaction Service, and what is wrong with it.
    Queue(queue::Args),
    /// Who may propose for an owner at the Transaction Service: list, add, change, remove.
    Delegate(delegate::Args),
}

/// Does what was asked.
pub async fn safe(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Hash(args) => hash::hash_of(context, args),
        Command::Queue(args) => queue::queue(context, args).await,
        Command::Delegate(args) => delegate::delegate(context, args).await,
    }
}
