//! `redhandle safe hash`: the three hashes of a Safe transaction, computed here.
//!
//! It asks nobody: no chain, no service, no configuration. What the JSON itself says its hash is, is
//! compared, never believed.

mod transaction;

use std::io::Read;

use alloy::primitives::{Address, B256};
use serde_json::json;

use crate::agent::message::device_hex;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::names::ChainId;
use crate::domain::safe::{Operation, SafeAddress, SafeDomain, SafeTx, SafeTxHashes, SafeVersion, hash};
use crate::domain::text::terminal;
use transaction::{Written, checked_address, parse};

/// The longest JSON that is read. Calldata is at most 128 KiB in a transaction's pool.
const INPUT_MAX_BYTES: u64 = 1024 * 1024;

/// Domain hash, message hash and safeTxHash of a transaction.
#[derive(Debug, clap::Args)]
pub struct HashArgs {
    /// JSON with the Transaction Service's field names; "-" reads standard input.
    #[arg(default_value = "-")]
    file: String,
    /// The Safe.
    #[arg(long, value_name = "ADDRESS", value_parser = checked_address)]
    safe: Address,
    /// The chain's EIP-155 id.
    #[arg(long, value_name = "N")]
    chain_id: u64,
    /// The Safe's version, as its VERSION() says.
    #[arg(long, value_name = "VERSION")]
    safe_version: SafeVersion,
}

/// Prints the three hashes.
pub fn hash_of(context: &Context, args: HashArgs) -> Result<Exit, Failure> {
    let text = read(&args.file)?;
    let domain = SafeDomain {
        version: args.safe_version,
        chain_id: ChainId(args.chain_id),
        safe: SafeAddress(args.safe),
    };
    let Written { tx, claimed } =
        parse(&text, domain.safe).map_err(|problems| Failure { exit: Exit::Wrong, problems })?;
    let hashes = hash(&tx, &domain);
    for caution in cautions(&tx, domain) {
        context.out.note(&caution);
    }
    if let Some(claimed) = claimed.filter(|claimed| *claimed != hashes.safe_tx) {
        return Err(Failure::no(format!(
            "the JSON says that its safeTxHash is {claimed}, but its fields hash to {}: a field, the Safe, the chain or the version differs; sign nothing until they agree",
            hashes.safe_tx
        )));
    }
    let value = json!({
        "domain_hash": hashes.domain,
        "message_hash": hashes.message,
        "safe_tx_hash": hashes.safe_tx,
    });
    context.out.result(&value, |out| labelled(&hashes, out));
    Ok(Exit::Done)
}

/// As hardware wallets show them.
fn labelled(hashes: &SafeTxHashes, out: &Output) -> String {
    let line = |label: &str, hash: &B256| {
        format!("{}  {}", out.look(&format!("{label:<12}"), Look::Dim), device_hex(hash.as_slice()))
    };
    [
        line("Domain hash", &hashes.domain),
        line("Message hash", &hashes.message),
        line("safeTxHash", &hashes.safe_tx.0),
    ]
    .join("\n")
}

/// What a signer should know beside the hashes.
fn cautions(tx: &SafeTx, domain: SafeDomain) -> Vec<String> {
    let mut cautions = Vec::new();
    if !domain.version.has_chain_id() {
        cautions.push(format!(
            "note: Safe {} does not hash the chain id: a signature holds for this Safe address on every chain",
            domain.version
        ));
    }
    if tx.operation == Operation::DelegateCall {
        cautions.push(format!(
            "warning: operation 1 is a delegatecall: the code at {} runs as the Safe itself",
            tx.to
        ));
    }
    if tx.pays_a_refund() {
        cautions.push("warning: gasPrice is not 0: whoever executes it is paid by the Safe".to_owned());
    }
    cautions
}

fn read(file: &str) -> Result<String, Failure> {
    let told = |error: std::io::Error| Failure::wrong(format!("{} cannot be read: {error}", terminal(file)));
    let mut text = String::new();
    let read = if file == "-" {
        std::io::stdin().take(INPUT_MAX_BYTES + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).map_err(told)?.take(INPUT_MAX_BYTES + 1).read_to_string(&mut text)
    };
    read.map_err(told)?;
    if text.len() as u64 > INPUT_MAX_BYTES {
        return Err(Failure::wrong(format!("{} is longer than {INPUT_MAX_BYTES} bytes", terminal(file))));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
