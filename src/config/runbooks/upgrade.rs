//! `[action.upgrade]` and `cancel`: other code behind a contract, and taking back what was scheduled.
//!
//! What has no pin is refused here, with the sentence that says how to get one: no later part of the program can be
//! given an implementation without one.

use std::collections::BTreeMap;

use alloy::primitives::B256;

use super::Known;
use crate::config::problem::{Findings, Place, Problem};
use crate::config::reader::{Form, Item, Mismatch, Node, Placed, Table, read_text};
use crate::domain::contract::Contract;
use crate::domain::names::{ContractName, RunbookId};
use crate::domain::runbook::{Action, Runbook};
use crate::domain::upgrade::layout::StorageLayout;
use crate::domain::upgrade::{
    Facet, Initialize, Layouts, Pinned, Upgrade, UpgradeAction, UpgradeKind, check_timelock, contradictions,
    plan_upgrade,
};

/// How `kind` is written.
const KINDS: [(&str, UpgradeKind); 4] = [
    ("uups", UpgradeKind::Uups),
    ("transparent", UpgradeKind::Transparent),
    ("beacon", UpgradeKind::Beacon),
    ("diamond", UpgradeKind::Diamond),
];

/// How one gets a pin.
const HOW_TO_PIN: &str = "code that is not pinned is never proposed. Review the deployed code, then pin it: 0x and 64 zeros here make `redhandle check` say its hash, and so does `cast keccak $(cast code ADDRESS)`";

/// keccak256 of code.
#[derive(Clone, Copy, Debug)]
struct CodeHash(B256);

impl Form for CodeHash {
    fn wanted() -> String {
        "the keccak256 of the deployed runtime code: 0x and 64 hexadecimal digits".to_owned()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let text = node.text().ok_or_else(Mismatch::default)?;
        let digits = text.strip_prefix("0x").ok_or_else(Mismatch::default)?;
        if digits.len() != 64 {
            return Err(Mismatch::remedy(format!("it has {} digits", digits.len())));
        }
        digits.parse().map(Self).map_err(|_| Mismatch::default())
    }
}

/// Reads what the action is, where it is no call: `target` is its contract, `index` its place from 1.
pub(super) fn read(
    table: &mut Table<'_>,
    names: &Known<'_>,
    target: Option<&Placed<String>>,
    of: (RunbookId, usize),
    findings: &mut Findings,
) -> Option<UpgradeAction> {
    let contract = target.and_then(|name| names.contracts.get(&ContractName::new(name.value.clone())));
    if let Some(cancel) = table.optional::<Placed<String>>("cancel", findings) {
        if let Some(Err(sentence)) = contract.map(check_timelock) {
            findings.problem(Problem::new(&cancel.place, sentence));
        }
        return Some(UpgradeAction::Cancel { of: RunbookId::new(cancel.value) });
    }
    let mut inner = table.table("upgrade", findings)?;
    let upgrade = read_upgrade(&mut inner, names, findings);
    if let Some(upgrade) = &upgrade {
        for (key, sentence) in contradictions(upgrade) {
            findings.problem(Problem::new(&inner.place_of(key), sentence));
        }
        check(&inner, names, contract, upgrade, of, findings);
    }
    inner.finish(findings);
    upgrade.map(|upgrade| UpgradeAction::Make(Box::new(upgrade)))
}

/// Compiles it, to be told which names, functions and calls the contracts do not have.
fn check(
    table: &Table<'_>,
    names: &Known<'_>,
    target: Option<&Contract>,
    upgrade: &Upgrade,
    of: (RunbookId, usize),
    findings: &mut Findings,
) {
    let Some(target) = target.filter(|_| names.contracts_are_whole()) else { return };
    for (key, text, sentence) in plan_upgrade(target, upgrade, of, names.contracts).err().unwrap_or_default()
    {
        // A name that does not exist was told already, with the nearest.
        if !names.contracts.contains_key(&ContractName::new(text.clone()))
            && sentence.starts_with("no contract")
        {
            continue;
        }
        findings.problem(Problem::new(&table.place_of(key), sentence));
    }
}

fn read_upgrade(table: &mut Table<'_>, names: &Known<'_>, findings: &mut Findings) -> Option<Upgrade> {
    let kind = table.required_choice("kind", &KINDS, findings);
    let is_diamond = kind == Some(UpgradeKind::Diamond);
    let (mut implementation, mut facets, mut remove) = (None, Vec::new(), Vec::new());
    if is_diamond {
        for mut facet in table.tables("facets", findings) {
            facets.extend(read_facet(&mut facet, names, findings));
            facet.finish(findings);
        }
        remove = table.list("remove", findings);
    } else {
        implementation = read_pinned(table, "implementation", names, findings);
    }
    let replaces: Option<CodeHash> = table.optional("replaces", findings);
    let layout = read_layouts(table, kind, findings);
    let initialize = read_initialize(table, names, findings);
    let timelock = table.optional::<Placed<String>>("timelock", findings);
    let timelock = timelock.filter(|timelock| names.contract(timelock, findings));
    let kind = kind?;
    if !is_diamond && (implementation.is_none() || layout.is_none()) {
        return None;
    }
    Some(Upgrade {
        kind,
        implementation,
        facets,
        remove,
        replaces: replaces.map(|hash| hash.0),
        layout,
        initialize,
        timelock: timelock.map(|timelock| ContractName::new(timelock.value)),
    })
}

/// A contract and its pin, side by side in `table`.
fn read_pinned(
    table: &mut Table<'_>,
    key: &'static str,
    names: &Known<'_>,
    findings: &mut Findings,
) -> Option<Pinned> {
    if !table.has(key) {
        table.missing(key, "the name of the contract whose code is to be run", findings);
    }
    let contract = table.optional::<Placed<String>>(key, findings);
    let contract = contract.filter(|contract| names.contract(contract, findings));
    let code_hash: Option<CodeHash> = if table.has("code_hash") {
        table.optional("code_hash", findings)
    } else {
        let problem = table.wrong("code_hash", CodeHash::wanted()).remedy(HOW_TO_PIN);
        let _asked_for = table.node("code_hash");
        findings.problem(problem);
        None
    };
    Some(Pinned { contract: ContractName::new(contract?.value), code_hash: code_hash?.0 })
}

fn read_facet(table: &mut Table<'_>, names: &Known<'_>, findings: &mut Findings) -> Option<Facet> {
    let code = read_pinned(table, "facet", names, findings);
    let functions = table.required_list("functions", findings);
    Some(Facet { code: code?, functions })
}

/// Text is a call of the new implementation; a table names whose code a diamond runs.
fn read_initialize(table: &mut Table<'_>, names: &Known<'_>, findings: &mut Findings) -> Option<Initialize> {
    let items = table.items("initialize");
    match items.into_iter().next()? {
        Item::Scalar(node) => {
            let call = table.read("initialize", node, findings)?;
            Some(Initialize { code: None, call })
        }
        Item::Table(mut inner) => {
            let code = read_pinned(&mut inner, "contract", names, findings);
            let call = inner.required("call", findings);
            inner.finish(findings);
            Some(Initialize { code: Some(code?), call: call? })
        }
    }
}

fn read_layouts(
    table: &mut Table<'_>,
    kind: Option<UpgradeKind>,
    findings: &mut Findings,
) -> Option<Layouts> {
    if !table.has("layout") && kind.is_some_and(|kind| kind != UpgradeKind::Diamond) {
        table.missing(
            "layout",
            "the storage layouts of what is there and of what is to come, as in { from = \"layouts/vault.json\", to = \"layouts/vault_fixed.json\" }; `forge inspect CONTRACT storageLayout --json` writes one",
            findings,
        );
    }
    let mut layout = table.table("layout", findings)?;
    let mut one = |key: &'static str| {
        if !layout.has(key) {
            layout.missing(key, "the path of a storage layout in JSON", findings);
        }
        let place = layout.place_of(key);
        let path = layout.path(key, findings)?;
        let parsed =
            read_text(&path).and_then(|text| StorageLayout::parse(&text).map_err(|error| error.to_string()));
        match parsed {
            Ok(parsed) => Some((parsed, path.file_name().unwrap_or_default().display().to_string())),
            Err(why) => {
                findings.problem(Problem::new(&place, format!("the file {} {why}", path.display())));
                None
            }
        }
    };
    let (from, to) = (one("from"), one("to"));
    layout.finish(findings);
    let ((from, from_file), (to, to_file)) = (from?, to?);
    Some(Layouts { from, to, files: (from_file, to_file) })
}

/// Every `cancel` names a runbook that upgrades something through that timelock.
pub(super) fn check_cancellations(
    runbooks: &BTreeMap<RunbookId, Runbook>,
    read: &BTreeMap<RunbookId, Place>,
    findings: &mut Findings,
) {
    let goes_through = |action: &Action| match &action.upgrade {
        Some(UpgradeAction::Make(upgrade)) => upgrade.timelock.clone(),
        Some(UpgradeAction::Cancel { .. }) | None => None,
    };
    for (id, runbook) in runbooks {
        for action in &runbook.actions {
            let Some(UpgradeAction::Cancel { of }) = &action.upgrade else { continue };
            let known = runbooks.get(of);
            let fits = known.is_some_and(|other| {
                other.actions.iter().filter_map(goes_through).any(|timelock| timelock == action.contract)
            });
            // One that is there and could not be read was told already.
            if fits || read.get(of).is_some_and(|place| findings.has_problem_in(place)) {
                continue;
            }
            let Some(place) = read.get(id) else { continue };
            let found = match known {
                Some(_) => {
                    format!("cancel = \"{of}\": that runbook schedules nothing at {}", action.contract)
                }
                None => format!("cancel = \"{of}\": there is no such runbook"),
            };
            let wanted = format!("the id of a runbook with timelock = \"{}\" in an upgrade", action.contract);
            findings.problem(Problem::new(place, found).wanted(wanted));
        }
    }
}
