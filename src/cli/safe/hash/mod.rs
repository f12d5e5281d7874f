//! `redhandle safe hash`: the three hashes of a Safe transaction, computed here.
//!
//! Told Safe, chain id and version it asks nobody. With a chain of the configuration it reads the version
//! there, and the contract's own hashes must be the ones computed here. What the JSON itself says its hash
//! is, is compared, never believed.

use alloy::primitives::B256;
use alloy::sol_types::SolCall;
use serde_json::json;

use super::asked::{Asked, Live, SafeArgs};
use super::input::{self, read};
use super::transaction::{Written, parse};
use crate::agent::chain_of;
use crate::agent::message::device_hex;
use crate::chain::{CallOutcome, SnapshotPlan};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::safe::abi::{Safe, hash_calldata};
use crate::domain::safe::{Operation, SafeDomain, SafeTx, SafeTxHashes, hash};

/// Domain hash, message hash and safeTxHash of a transaction.
#[derive(Debug, clap::Args)]
pub struct HashArgs {
    /// JSON with the Transaction Service's field names; "-" reads standard input.
    #[arg(default_value = "-")]
    file: String,
    #[command(flatten)]
    safe: SafeArgs,
}

/// Prints the three hashes.
pub async fn hash_of(context: &Context, args: HashArgs) -> Result<Exit, Failure> {
    let asked = args.safe.find(context).await?;
    let text = read(&args.file)?;
    let domain = asked.domain();
    let Written { tx, claimed } = parse(&text, domain.safe).map_err(input::wrong)?;
    let hashes = hash(&tx, &domain);
    for caution in cautions(&tx, domain, asked.live()) {
        context.out.note(&caution);
    }
    if let Some(claimed) = claimed.filter(|claimed| *claimed != hashes.safe_tx) {
        return Err(Failure::no(format!(
            "the JSON says that its safeTxHash is {claimed}, but its fields hash to {}: a field, the Safe, the chain or the version differs; sign nothing until they agree",
            hashes.safe_tx
        )));
    }
    let mut value = json!({
        "domain_hash": hashes.domain,
        "message_hash": hashes.message,
        "safe_tx_hash": hashes.safe_tx,
    });
    let mut more = None;
    if let Asked::Read(live) = &asked {
        let block = live.block.number;
        compare(live, &tx, &hashes).await?;
        let read = json!({
            "address": live.state.address, "version": live.state.version, "nonce": live.state.nonce,
            "block": block, "contract_agrees": true,
        });
        input::put(&mut value, "safe", read);
        more = Some(format!(
            "The contract says the same at block {block}: Safe {} version {}, nonce {}.",
            live.state.address, live.state.version, live.state.nonce
        ));
    }
    context.out.result(&value, |out| {
        let lines = labelled(&hashes, out);
        more.map_or(lines.clone(), |more| format!("{lines}\n{more}"))
    });
    Ok(Exit::Done)
}

/// Asks the contract for its own hashes.
///
/// # Errors
/// When it says others, or does not answer.
pub async fn compare(live: &Live, tx: &SafeTx, hashes: &SafeTxHashes) -> Result<(), Failure> {
    let safe = live.state.address;
    let mut plan = SnapshotPlan::new();
    let asks = [
        ("getTransactionHash", plan.call(safe.0, hash_calldata(tx)), hashes.safe_tx.0),
        (
            "domainSeparator",
            plan.call(safe.0, Safe::domainSeparatorCall {}.abi_encode().into()),
            hashes.domain,
        ),
    ];
    let said = live.chain.read(&live.block, plan).await.map_err(|error| Failure::no(chain_of(&error)))?;
    for (what, ticket, ours) in asks {
        match said.call(ticket).map_err(|error| Failure::no(chain_of(&error)))? {
            CallOutcome::Returned(theirs) if theirs.as_ref() == ours.as_slice() => {}
            CallOutcome::Returned(theirs) => {
                return Err(Failure::no(format!(
                    "{what} of Safe {safe} says {theirs}, but {ours} is computed here: its code is not what its version says; sign nothing"
                )));
            }
            CallOutcome::Reverted(_) => {
                return Err(Failure::no(format!(
                    "{what} of Safe {safe} reverts: it is not what its version says"
                )));
            }
        }
    }
    Ok(())
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
fn cautions(tx: &SafeTx, domain: SafeDomain, live: Option<&Live>) -> Vec<String> {
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
    if let Some(state) = live.map(|live| &live.state) {
        if tx.nonce < state.nonce {
            cautions.push(format!(
                "warning: nonce {} is used up: the Safe is at {}, so this can never execute",
                tx.nonce, state.nonce
            ));
        }
        let singleton = state.singleton_judged();
        if !singleton.is_good() {
            cautions.push(format!("warning: {singleton}"));
        }
    }
    cautions
}

#[cfg(test)]
mod tests;
