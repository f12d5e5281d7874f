//! `maintenance.toml`: announced work on contracts, which looks like an attack.
//!
//! Each `[[window]]` says on which chain and contract, from when to when, who announced it and why: what is
//! lowered to paging for its time is for somebody to answer for. A window has an end, and not a far one.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use jiff::{SignedDuration, Timestamp};

use super::problem::Place;
use super::problem::{Findings, Problem};
use super::reader::{Context, Entry, Node, Table, Value};
use crate::domain::condition::{Maintenance, MaintenanceWindow};
use crate::domain::contract::Contract;
use crate::domain::names::{ChainName, ContractName};

/// How long one window may be: work that takes longer is announced again.
pub const MAINTENANCE_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How many windows there may be.
pub const MAINTENANCE_WINDOWS_MAX: usize = 10_000;

/// Reads the whole file.
pub(super) fn read(
    entries: &[Entry],
    place: Place,
    context: &Context<'_>,
    contracts: &BTreeMap<ContractName, Contract>,
    findings: &mut Findings,
) -> Maintenance {
    let mut root = Table::root(context, entries, place, "the top level of the file");
    let tables = root.tables("window", findings);
    if tables.len() > MAINTENANCE_WINDOWS_MAX {
        let found = format!("the file has {} windows", tables.len());
        findings.problem(
            Problem::new(&root.place_of("window"), found)
                .wanted(format!("at most {MAINTENANCE_WINDOWS_MAX}")),
        );
    }
    let windows = tables.into_iter().filter_map(|table| read_window(table, contracts, findings)).collect();
    root.finish(findings);
    Maintenance::new(windows)
}

fn read_window(
    mut table: Table<'_>,
    contracts: &BTreeMap<ContractName, Contract>,
    findings: &mut Findings,
) -> Option<MaintenanceWindow> {
    for (key, wanted) in
        [("chain", "a chain's name or its id"), ("contract", "a contract's name or its address")]
    {
        if !table.has(key) {
            table.missing(key, wanted, findings);
        }
    }
    let (chain, contract) = (table.node("chain"), table.node("contract"));
    let from: Option<Timestamp> = table.required("from", findings);
    let to: Option<Timestamp> = table.required("to", findings);
    let by = table.required("by", findings);
    let why = table.required("why", findings);
    if let (Some(from), Some(to)) = (from, to) {
        let length = to.duration_since(from);
        if length < SignedDuration::ZERO {
            findings.problem(table.wrong("to", "an end after the begin"));
        } else if length > MAINTENANCE_MAX {
            findings
                .problem(table.wrong("to", format!("an end at most {MAINTENANCE_MAX:#} after the begin")));
        }
    }
    let meant = chain.zip(contract);
    let found = meant.and_then(|(chain, contract)| find(chain, contract, contracts));
    if found.is_none() && meant.is_some() {
        let wanted = "a contract of the configuration, by its name or its address, and the chain it is on";
        findings.problem(table.wrong("contract", wanted));
    }
    table.finish(findings);
    Some(MaintenanceWindow { contract: found?, from: from?, to: to?, by: by?, why: why? })
}

/// The contract that is meant: people write names, tools write ids and addresses.
fn find(chain: &Node, contract: &Node, contracts: &BTreeMap<ContractName, Contract>) -> Option<ContractName> {
    let id = match &chain.value {
        Value::Integer(id) => u64::try_from(*id).ok(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    };
    let name = chain.text().map(|name| ChainName::new(name.trim()));
    let (written, address) = (contract.text()?.trim(), contract.text()?.trim().parse::<Address>().ok());
    let mut on_chain = contracts
        .values()
        .filter(|found| Some(found.chain_id.0) == id || Some(&found.chain) == name.as_ref());
    on_chain
        .find(|found| found.name.as_str() == written || Some(found.address) == address)
        .map(|found| found.name.clone())
}
