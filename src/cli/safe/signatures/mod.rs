//! `redhandle safe signatures`: packed signatures, explained owner by owner.
//!
//! Yes is said only when every signature that the contract would look at is proven. What only a chain knows
//! (an approval, the answer of an owner that is a contract) is unknown without one, and unknown is no. With
//! a chain the Safe itself is asked as well, and its word is final.

mod given;
mod live;
mod show;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::asked::{Asked, SafeArgs};
use super::hash::compare;
use super::input::{self, read};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::safe::signature::explain::{Case, explain};
use crate::domain::safe::{SafeDomain, SafeVersion, hash};
use crate::domain::text::terminal;
use given::{Given, parse};
use live::{ContractSays, Learnt, learn};

/// Explain packed signatures, owner by owner.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON with "signatures", and "tx" or "safeTxHash"; "safeAddress", "chainId", "safeVersion", "owners",
    /// "threshold", "formerOwners", "approvals", "executor" where no chain is to be asked. "-" reads standard
    /// input.
    #[arg(default_value = "-")]
    file: String,
    #[command(flatten)]
    safe: SafeArgs,
}

/// Explains them.
pub async fn signatures(context: &Context, args: Args) -> Result<Exit, Failure> {
    let given = parse(&read(&args.file)?).map_err(input::wrong)?;
    if !given.unread.is_empty() {
        let names: Vec<_> = given.unread.iter().map(|name| terminal(name)).collect();
        context.out.note(&format!("note: not read: {}", names.join(", ")));
    }
    let asked = whose(context, &args.safe, &given).await?;
    let domain = asked.as_ref().map(Asked::domain);
    let hashes = given.tx.as_ref().zip(domain.as_ref()).map(|(tx, domain)| hash(tx, domain));
    if let (Some(hashes), Some(claimed)) = (&hashes, given.claimed)
        && hashes.safe_tx != claimed
    {
        return Err(Failure::no(format!(
            "the JSON says that the safeTxHash is {claimed}, but its fields hash to {}: a field, the Safe, the chain or the version differs",
            hashes.safe_tx
        )));
    }
    let Some(safe_tx_hash) = hashes.map(|hashes| hashes.safe_tx).or(given.claimed) else {
        return Err(Failure::wrong(
            "the transaction alone has no hash: give --safe with --chain-id and --safe-version, or with --chain, or safeTxHash in the JSON",
        ));
    };
    let live = asked.as_ref().and_then(Asked::live);
    let version: Option<SafeVersion> = domain.map(|domain: SafeDomain| domain.version).or(given.version);
    let mut case = Case {
        hash: safe_tx_hash,
        packed: &given.signatures,
        version,
        owners: given.owners.as_deref(),
        former_owners: &given.former_owners,
        threshold: given.threshold,
        of: given.tx.as_ref().zip(domain.as_ref()),
        executor: given.executor,
        approved: told_approvals(&given),
        contracts: BTreeMap::new(),
    };
    let mut learnt: Option<Learnt> = None;
    if let Some(live) = live {
        let (Some(tx), Some(hashes)) = (&given.tx, &hashes) else {
            return Err(Failure::wrong(
                "tx is missing; the contract is asked about the transaction, not about a hash",
            ));
        };
        compare(live, tx, hashes).await?;
        case.owners = Some(&live.state.owners);
        case.threshold = Some(live.state.threshold);
        let found = learn(live, tx, hashes, &given.signatures, &explain(&case), given.executor).await?;
        case.approved = found.approved.clone();
        case.contracts = found.contracts.clone();
        learnt = Some(found);
    }
    let explanation = explain(&case);
    let contract = learnt.as_ref().map(|learnt| learnt.contract.clone());
    // Both must say yes; what a Safe before 1.3.0 cannot be asked at another nonce is left to our own check.
    let passes = match (explanation.passes(), &contract) {
        (ours, None | Some(ContractSays::Unknown(_))) => ours,
        (_, Some(ContractSays::No(_))) => Some(false),
        (ours, Some(ContractSays::Yes)) => ours,
    };
    let shown = show::Shown { case: &case, explanation: &explanation, learnt: learnt.as_ref(), passes, live };
    context.out.result(&shown.json(), |out| shown.text(out));
    Ok(if passes == Some(true) { Exit::Done } else { Exit::No })
}

/// The Safe that the signatures should satisfy, if enough is said to know it.
async fn whose(context: &Context, args: &SafeArgs, given: &Given) -> Result<Option<Asked>, Failure> {
    let mut args = args.clone();
    let told = given.safe.map(|safe| safe.to_checksum(None));
    if let (Some(asked), Some(told)) = (&args.safe, &told)
        && asked.starts_with("0x")
        && !asked.eq_ignore_ascii_case(told)
    {
        return Err(Failure::wrong(format!(
            "safe is {told}; expected {}, which --safe names",
            terminal(asked)
        )));
    }
    args.safe = args.safe.or(told);
    if args.asks_the_chain() {
        return args.find(context).await.map(Some);
    }
    args.chain_id = args.chain_id.or(given.chain_id);
    args.safe_version = args.safe_version.or(given.version);
    if args.safe.is_none() || args.chain_id.is_none() || args.safe_version.is_none() {
        return Ok(None);
    }
    args.find(context).await.map(Some)
}

/// Approvals as the JSON tells them; whoever writes a list says that it is whole.
fn told_approvals(given: &Given) -> BTreeMap<alloy::primitives::Address, Result<bool, String>> {
    let Some(approvals) = &given.approvals else { return BTreeMap::new() };
    let owners = given.owners.iter().flatten().chain(approvals);
    owners.map(|owner| (*owner, Ok(approvals.contains(owner)))).collect()
}
