//! `redhandle safe`: hashes, batches and signatures computed here, and who may propose.

mod asked;
mod delegate;
mod hash;
mod input;
mod message;
mod multisend;
mod queue;
#[cfg(test)]
mod service_tests;
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
    /// What is queued at the Transaction Service, and what is wrong with it.
    Queue(queue::Args),
    /// Pack several calls as one, for MultiSendCallOnly.
    Multisend(multisend::Args),
    /// Explain packed signatures, owner by owner.
    Signatures(signatures::Args),
    /// The hash that owners sign for a message of the Safe.
    Message(message::Args),
    /// Who may propose for an owner at the Transaction Service: list, add, change, remove.
    Delegate(delegate::Args),
}

/// Does what was asked.
pub async fn safe(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Queue(args) => queue::queue(context, args).await,
        Command::Hash(args) => hash::hash_of(context, args).await,
        Command::Multisend(args) => multisend::multisend(context, &args),
        Command::Signatures(args) => signatures::signatures(context, args).await,
        Command::Message(args) => message::message(context, args).await,
        Command::Delegate(args) => delegate::delegate(context, args).await,
    }
}
