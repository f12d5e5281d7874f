//! `about`: the contracts a condition protects, by name, or all there are.

use super::Known;
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Placed, Table};
use crate::domain::names::ContractName;

/// Stands for every contract of the configuration, those included that are added later.
const ALL: &str = "*";

/// Reads `about`.
pub(super) fn read_about(
    table: &mut Table<'_>,
    known: &Known<'_>,
    findings: &mut Findings,
) -> Vec<ContractName> {
    let names: Vec<Placed<String>> = table.required_list("about", findings);
    let Some(all) = names.iter().find(|name| name.value == ALL) else {
        let named = names.into_iter().filter(|name| known.contract(name, findings));
        return named.map(|name| ContractName::new(name.value)).collect();
    };
    if names.len() > 1 {
        let found = format!("about names \"{ALL}\" and others beside it");
        let wanted = format!("[\"{ALL}\"] for every contract of the configuration, or the names of some");
        findings.problem(Problem::new(&all.place, found).wanted(wanted));
    } else if known.declared.is_some_and(|declared| declared.contracts.is_empty()) {
        let found = "about = [\"*\"], and the configuration has no contract";
        findings.problem(Problem::new(&all.place, found).wanted("at least one [contracts.NAME]"));
    }
    known.contracts.keys().cloned().collect()
}
