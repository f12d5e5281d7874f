//! `[contracts.NAME]` and `[safes.NAME]`: what may be called, and who may be asked to.
//!
//! Nothing outside these two sections ever becomes a target, a Safe or a recipient.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alloy::json_abi::JsonAbi;
use alloy::primitives::Address;

use super::chains::Chain;
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Placed, Table, known, read_text};
use crate::domain::contract::Contract;
use crate::domain::names::{ChainId, ChainName, ContractName, SafeName};

/// A Safe that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Safe {
    /// Its name in the configuration.
    pub name: SafeName,
    /// The chain it lives on, by name.
    pub chain: ChainName,
    /// The chain it lives on, by id.
    pub chain_id: ChainId,
    /// Where it lives.
    pub address: Address,
}

pub(super) fn read_contracts(
    root: &mut Table<'_>,
    chains: &BTreeSet<String>,
    ids: &BTreeMap<ChainName, ChainId>,
    findings: &mut Findings,
) -> BTreeMap<ContractName, Contract> {
    let mut contracts = BTreeMap::new();
    for (name, mut table) in root.named("contracts", findings) {
        let chain = read_chain(&mut table, chains, findings);
        let address = table.required("address", findings);
        let abi = read_abi(&mut table, findings);
        table.finish(findings);
        let name = ContractName::new(name);
        let contract = chain.and_then(|chain| {
            let chain_id = *ids.get(&chain)?;
            Some(Contract { name: name.clone(), chain, chain_id, address: address?, abi: abi? })
        });
        contracts.extend(contract.map(|contract| (name, contract)));
    }
    contracts
}

pub(super) fn read_safes(
    root: &mut Table<'_>,
    chains: &BTreeSet<String>,
    read: &BTreeMap<ChainName, Chain>,
    findings: &mut Findings,
) -> BTreeMap<SafeName, Safe> {
    let mut safes: BTreeMap<SafeName, Safe> = BTreeMap::new();
    for (name, mut table) in root.named("safes", findings) {
        let chain = read_chain(&mut table, chains, findings);
        let address: Option<Placed<Address>> = table.required("address", findings);
        table.finish(findings);
        let (Some(chain), Some(address)) = (chain, address) else { continue };
        let Some(chain_id) = read.get(&chain).map(|chain| chain.id) else { continue };
        let same = |safe: &&Safe| safe.chain == chain && safe.address == address.value;
        if let Some(other) = safes.values().find(same) {
            let found = format!("this is also [safes.{}]", other.name);
            findings.problem(Problem::new(&address.place, found).wanted("each Safe under one name"));
        }
        let name = SafeName::new(name);
        safes.insert(name.clone(), Safe { name, chain, chain_id, address: address.value });
    }
    safes
}

fn read_chain(
    table: &mut Table<'_>,
    chains: &BTreeSet<String>,
    findings: &mut Findings,
) -> Option<ChainName> {
    let chain: Placed<String> = table.required("chain", findings)?;
    known("chain", &chain, chains.iter().map(String::as_str), findings).then(|| ChainName::new(chain.value))
}

fn read_abi(table: &mut Table<'_>, findings: &mut Findings) -> Option<JsonAbi> {
    let place = table.place_of("abi");
    if !table.has("abi") {
        table.missing("abi", "the path of a JSON file with the contract's ABI", findings);
    }
    let path = table.path("abi", findings)?;
    match parse_abi(&path) {
        Ok(abi) => Some(abi),
        Err(why) => {
            findings.problem(Problem::new(&place, format!("the ABI {} {why}", path.display())).wanted(
                "a JSON list of functions and events, or a compiler's artifact with such a list as \"abi\"",
            ));
            None
        }
    }
}

/// Reads an ABI; says why not as the end of a sentence.
fn parse_abi(path: &Path) -> Result<JsonAbi, String> {
    let text = read_text(path)?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("is not JSON: {error}"))?;
    let list = match json.as_object().map(|artifact| artifact.get("abi")) {
        Some(list) => list.ok_or("has no \"abi\"")?.clone(),
        None => json,
    };
    let abi: JsonAbi = serde_json::from_value(list).map_err(|error| format!("is no ABI: {error}"))?;
    if abi.functions.is_empty() { Err("has no function".to_owned()) } else { Ok(abi) }
}
