//! `redhandle safe`: hashes computed here, and who may propose.

mod delegate;
mod hash;

use clap::Subcommand;

use super::Context;
use super::exit::{Exit, Failure};

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Domain hash, message hash and safeTxHash of a transaction.
    Hash(hash::HashArgs),
    /// Let the configured proposer propose for an owner, at the Transaction Service.
    Delegate(delegate::Args),
}

/// Does what was asked.
pub async fn safe(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Hash(args) => hash::hash_of(context, args),
        Command::Delegate(args) => delegate::delegate(context, args).await,
    }
}
