//! `redhandle safe`: hashes, batches and signatures computed here, and who may propose.

mod asked;
mod delegate;
mod hash;
mod input;
mod message;
mod multisend;
mod signatures;
mod transaction;

use clap::Subcommand;

use super::Context;
use super::exit::{Exit, Failure};

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Domain hash, message hash and safeTxHash of a transaction.
    Hash(hash::HashArgs),
    /// Pack several calls as one, for MultiSendCallOnly.
    Multisend(multisend::Args),
    /// Explain packed signatures, owner by owner.
    Signatures(signatures::Args),
    /// The hash that owners sign for a message of the Safe.
    Message(message::Args),
    /// Let the configured proposer propose for an owner, at the Transaction Service.
    Delegate(delegate::Args),
}

/// Does what was asked.
pub async fn safe(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Hash(args) => hash::hash_of(context, args).await,
        Command::Multisend(args) => multisend::multisend(context, &args),
        Command::Signatures(args) => signatures::signatures(context, args).await,
        Command::Message(args) => message::message(context, args).await,
        Command::Delegate(args) => delegate::delegate(context, args).await,
    }
}
