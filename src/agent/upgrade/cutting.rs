//! How a diamond gets other facets: what its loupe says, against what the runbook wants.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolCall as _;

use super::Refusal;
use super::kinds::{Found, Inner, refuse};
use super::reading::Reader;
use crate::domain::upgrade::PlannedUpgrade;
use crate::domain::upgrade::calls::abi::Upgrades;
use crate::domain::upgrade::diamond::{self, Function};
use crate::domain::upgrade::proof::{Replacement, Source, StateCheck};

/// Reads where every function comes from, and makes the cut that is left to do.
pub(super) async fn cut(reader: Reader<'_>, plan: &PlannedUpgrade) -> Result<Found, Refusal> {
    let name = &plan.contract;
    let wanted: Vec<(Function, Address)> = plan
        .facets
        .iter()
        .flat_map(|facet| facet.functions.iter().map(|function| (function.clone(), facet.code.address)))
        .collect();
    let mut now = BTreeMap::new();
    for function in wanted.iter().map(|(function, _)| function).chain(&plan.remove) {
        let selector = function.selector;
        let call = Upgrades::facetAddressCall { selector };
        let Some(facet) = reader.view(plan.address, call).await? else {
            return refuse(format!(
                "{name} does not answer facetAddress(bytes4): it is no ERC-2535 diamond with a loupe"
            ));
        };
        now.insert(selector, facet);
    }
    let changes = diamond::changes(&wanted, &plan.remove, &now);
    if changes.is_empty() {
        return Ok(Found::Already(format!("every function of {name} comes from where it should")));
    }
    let mut replacements = Vec::new();
    let mut checks = Vec::new();
    for change in &changes {
        if change.from == Some(plan.address) {
            return refuse(format!(
                "{} is {name}'s own, and no cut can change it",
                change.function.signature
            ));
        }
        let from_code = match change.from {
            Some(facet) => reader.code_hash(facet).await?,
            None => None,
        };
        if let (Some(expected), Some(found)) = (plan.replaces, from_code)
            && found != expected
        {
            return refuse(format!(
                "{} comes from code with the hash {found} now, and the runbook was written to replace {expected}: somebody cut the diamond since",
                change.function.signature
            ));
        }
        let to_code = plan.pins().find(|code| Some(code.address) == change.to).map(|code| code.code_hash);
        let (from, to) = (change.from, change.to);
        replacements.push(Replacement { what: change.describe(), from, from_code, to, to_code });
        let selector = change.function.selector;
        checks.push(StateCheck {
            what: format!("the facet of {} in {name}", change.function.signature),
            address: plan.address,
            source: Source::View(Upgrades::facetAddressCall { selector }.abi_encode().into()),
            before: change.from.unwrap_or_default().into_word(),
            wanted: change.to.unwrap_or_default().into_word(),
            simulated: None,
        });
    }
    let (init, data, then) = match &plan.initialize {
        Some(initialize) => {
            let init = initialize.code.as_ref().map_or(Address::ZERO, |code| code.address);
            (init, initialize.data.clone(), format!(", then {}", initialize.call))
        }
        None => (Address::ZERO, Bytes::new(), String::new()),
    };
    let mut warnings = Vec::new();
    if plan.replaces.is_none() {
        warnings.push("what is replaced is not pinned (replaces = \"0x…\")".to_owned());
    }
    if plan.layout.is_none() {
        warnings.push("no storage layouts are given: facets share the diamond's storage".to_owned());
    }
    let owner = reader.owner(plan.address).await?;
    let authority = owner.map_or_else(
        || format!("{name} does not say who may cut it: the simulation shows that this does"),
        |owner| format!("{name} is owned by {}", reader.name(owner)),
    );
    let words: Vec<_> = changes.iter().map(diamond::Change::describe).collect();
    Ok(Found::Todo(Box::new(Inner {
        target: plan.address,
        target_name: name.to_string(),
        data: diamond::cut(&changes, init, &data),
        words: format!("diamondCut({}{then})", words.join(", ")),
        replacements,
        checks,
        authority,
        proxiable_uuid: None,
        warnings,
    })))
}
