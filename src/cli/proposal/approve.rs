//! An owner's approval as a transaction: for wallets that sign no typed data, and contracts that own a Safe.
//!
//! Nothing is sent from here: whoever owns sends it, and the agent finds it on the chain by itself.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::SolCall as _;

use super::{choose, export, of, qr};
use crate::agent::chain_of;
use crate::agent::house::House;
use crate::chain::{SimCall, SimulateRequest};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::incident::{Incident, Preparation};
use crate::domain::safe::abi::Safe;

/// The gas that is offered where the chain does not say: an approval by a key takes 52,800 (measured on every
/// version), and half as much again.
const GAS_DEFAULT: u64 = 80_000;

/// Approve on the chain.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident it belongs to, or its safeTxHash; the only open one if not given.
    #[arg(value_name = "INCIDENT|HASH")]
    which: Option<String>,
    #[command(flatten)]
    qr: qr::QrArgs,
}

/// Prints the transaction.
pub async fn approve(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let (id, hash) = choose(house, args.which.as_deref(), None)?;
    let (incident, preparation) = of(house, id, hash)?;
    let hash = preparation.safe_tx_hash();
    let data: Bytes = Safe::approveHashCall { hashToApprove: hash.0 }.abi_encode().into();
    let from: Vec<_> = preparation
        .owners
        .iter()
        .copied()
        .filter(|owner| {
            let confirmed = incident.confirmations_of(hash);
            !confirmed.is_some_and(|confirmed| confirmed.contains_key(owner))
        })
        .collect();
    let (gas, gas_from) = gas(house, &incident, &preparation, &data).await;
    let (safe, chain) = (preparation.domain.safe, preparation.domain.chain_id);
    // EIP-681: a wallet that scans it opens the transaction.
    let link = format!("ethereum:{safe}@{chain}/approveHash?bytes32={hash}&gas={gas}");
    args.qr.write_svg(&link)?;
    let drawn = args.qr.drawn(&context.out, &link)?;
    let command = export::approve(&preparation);
    let json = serde_json::json!({
        "incident_id": id, "safe_tx_hash": hash, "chain_id": chain, "from_any_of": from,
        "to": safe, "value": "0", "data": data, "gas": gas, "gas_from": gas_from, "uri": link, "command": command,
    });
    context.out.result(&json, |_| {
        let owners: Vec<_> = from
            .iter()
            .map(|owner| match house.agent.config.roster.person_of(*owner) {
                Some(person) => format!("{owner} ({})", person.name),
                None => owner.to_string(),
            })
            .collect();
        let who = if owners.is_empty() { "nobody: every owner has confirmed".to_owned() } else { owners.join("\n      ") };
        format!(
            "Approves {hash} for {id} ({}).\nAn owner sends this transaction from the owner's own account; the agent finds it by itself.\n\nfrom  {who}\nto    {safe} on {} ({chain})\nvalue 0\ndata  {data}\ngas   {gas} ({gas_from})\n\n{command}{drawn}",
            preparation.describe_calls(),
            preparation.chain,
        )
    });
    Ok(Exit::Done)
}

/// What the chain says it takes, half as much again; or what it took elsewhere.
async fn gas(house: &House, incident: &Incident, preparation: &Preparation, data: &Bytes) -> (u64, String) {
    let measured = async {
        let chain = house
            .agent
            .chains
            .get(&preparation.chain)
            .ok_or_else(|| "the chain is not configured".to_owned())?;
        let waiting = preparation.owners.iter().find(|owner| !incident.confirmations.contains_key(*owner));
        let from = *waiting.ok_or_else(|| "every owner has confirmed".to_owned())?;
        let block = chain.head().await.map_err(|error| chain_of(&error))?;
        let call = SimCall { from, to: preparation.domain.safe.0, data: data.clone(), value: U256::ZERO };
        let request = SimulateRequest { steps: vec![call], ..SimulateRequest::default() };
        let report = chain.simulate(&block, &request).await.map_err(|error| chain_of(&error))?;
        let outcome = report.calls.first().filter(|outcome| outcome.succeeded);
        let gas = outcome
            .and_then(|outcome| outcome.gas_used)
            .ok_or_else(|| "the call did not go through".to_owned())?;
        Ok::<_, String>((gas, block.number))
    };
    match measured.await {
        Ok((gas, block)) => (gas + gas / 2, format!("{gas} at block {block}, and half as much again")),
        Err(problem) => (GAS_DEFAULT, format!("not measured: {problem}")),
    }
}
