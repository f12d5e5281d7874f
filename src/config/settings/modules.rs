//! `[modules.NAME]`: paths to a pause that need no Safe nonce.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;

use super::contracts::Safe;
use super::presigned::read_safe;
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Placed, Table};
use crate::domain::module::RoleKey;
use crate::domain::names::{ModuleName, RunbookId, SafeName};

/// A module of a Safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name.
    pub name: ModuleName,
    /// The Safe it acts for; it is on that Safe's chain.
    pub safe: SafeName,
    /// Where it is.
    pub address: Address,
    /// Whose actions it is another path for; that it exists is checked when runbooks are known.
    pub runbook: RunbookId,
    /// What it is.
    pub kind: ModuleKind,
}

/// What a module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// A deputy's signature of a random nonce, relayed by anybody.
    DeputyPause,
    /// Zodiac's Roles modifier: a member of a role calls.
    ZodiacRoles {
        /// The role.
        role: RoleKey,
        /// Who is its member and calls.
        member: Address,
    },
}

impl ModuleKind {
    /// Its word in the configuration.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::DeputyPause => "deputy-pause",
            Self::ZodiacRoles { .. } => "zodiac-roles",
        }
    }
}

#[derive(Clone, Copy)]
enum Word {
    DeputyPause,
    ZodiacRoles,
}

pub(super) fn read(
    root: &mut Table<'_>,
    safe_names: &BTreeSet<String>,
    safes: &BTreeMap<SafeName, Safe>,
    findings: &mut Findings,
) -> BTreeMap<ModuleName, Module> {
    let mut modules = BTreeMap::new();
    for (name, mut table) in root.named("modules", findings) {
        let words = [("deputy-pause", Word::DeputyPause), ("zodiac-roles", Word::ZodiacRoles)];
        let kind = table.required_choice("kind", &words, findings);
        let safe = read_safe(&mut table, safe_names, findings);
        let address: Option<Placed<Address>> = table.required("address", findings);
        let runbook: Option<String> = table.required("runbook", findings);
        let kind = match kind {
            Some(Word::DeputyPause) => Some(ModuleKind::DeputyPause),
            Some(Word::ZodiacRoles) => read_roles(&mut table, findings),
            None => {
                // Which keys belong to a kind that is none nobody can say.
                table.node("role");
                table.node("member");
                None
            }
        };
        table.finish(findings);
        let (Some(kind), Some(safe), Some(address), Some(runbook)) = (kind, safe, address, runbook) else {
            continue;
        };
        if safes.get(&safe).is_some_and(|safe| safe.address == address.value) {
            let found = format!("address of [modules.{name}] is that of the Safe itself");
            findings.problem(Problem::new(&address.place, found).wanted("the module's own address"));
        }
        let name = ModuleName::new(name);
        let runbook = RunbookId::new(runbook);
        modules.insert(name.clone(), Module { name, safe, address: address.value, runbook, kind });
    }
    modules
}

fn read_roles(table: &mut Table<'_>, findings: &mut Findings) -> Option<ModuleKind> {
    let written: Option<Placed<String>> = table.required("role", findings);
    let member = table.required("member", findings);
    let role = written.and_then(|written| match written.value.parse::<RoleKey>() {
        Ok(role) => Some(role),
        Err(error) => {
            let found = format!("role = \"{}\" in {}", written.value, table.shown());
            findings.problem(Problem::new(&written.place, found).wanted(error.to_string()));
            None
        }
    });
    Some(ModuleKind::ZodiacRoles { role: role?, member: member? })
}
