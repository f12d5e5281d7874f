//! Escalation policies and roles.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::SignedDuration;

use super::Names;
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Form, Mismatch, Node, Placed, Table, duration_text};
use crate::domain::names::PolicyName;
use crate::domain::roster::{EscalationPolicy, Role, Step, Target};

/// How many steps a policy may have.
const STEPS_MAX: usize = 20;
/// How often a policy may be repeated, and how often it is when it does not say: waking somebody twice is
/// better than never.
const REPEAT: RangeInclusive<u64> = 0..=10;
const REPEAT_DEFAULT: u32 = 2;
const AFTER: RangeInclusive<SignedDuration> = SignedDuration::ZERO..=SignedDuration::from_hours(24);

impl Form for Target {
    fn wanted() -> String {
        format!("one of {}", Self::FORM)
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        let text = String::read(node)?;
        text.parse().map_err(|error| match error {
            crate::domain::roster::TargetError::Form => Mismatch::default(),
            crate::domain::roster::TargetError::Role(_) => {
                let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
                Mismatch::remedy(format!("the roles are {}", roles.join(", ")))
            }
        })
    }
}

pub(super) fn read(
    root: &mut Table<'_>,
    names: &Names,
    findings: &mut Findings,
) -> BTreeMap<PolicyName, EscalationPolicy> {
    let mut policies = BTreeMap::new();
    for (name, mut table) in root.named("policies", findings) {
        let steps = read_steps(&mut table, names, findings);
        let repeat = table.integer("repeat", REPEAT, findings).and_then(|repeat| u32::try_from(repeat).ok());
        table.finish(findings);
        let name = PolicyName::new(name);
        let repeat = repeat.unwrap_or(REPEAT_DEFAULT);
        policies.insert(name.clone(), EscalationPolicy { name, steps, repeat });
    }
    policies
}

fn read_steps(table: &mut Table<'_>, names: &Names, findings: &mut Findings) -> Vec<Step> {
    let wanted = "at least one step: { after = \"0m\", notify = [\"on-call\"] }";
    if !table.has("steps") {
        table.missing("steps", wanted, findings);
        return Vec::new();
    }
    let tables = table.tables("steps", findings);
    if tables.is_empty() || tables.len() > STEPS_MAX {
        let found = format!("{} has {} steps", table.shown(), tables.len());
        let wanted = if tables.is_empty() { wanted.to_owned() } else { format!("at most {STEPS_MAX}") };
        findings.problem(Problem::new(&table.place_of("steps"), found).wanted(wanted));
    }
    let mut steps = Vec::new();
    let mut before = SignedDuration::ZERO;
    for mut inner in tables {
        if !inner.has("after") {
            inner.missing("after", "a length of time since the page began, such as \"5m\"", findings);
        }
        let after = inner.duration("after", AFTER, findings);
        let notify: Vec<Placed<Target>> = inner.required_list("notify", findings);
        if let Some(after) = after.filter(|after| *after < before) {
            let found = format!("after = \"{}\" in {}", duration_text(after), inner.shown());
            let wanted = format!("\"{}\" or later: steps are in order of time", duration_text(before));
            findings.problem(Problem::new(&inner.place_of("after"), found).wanted(wanted));
        }
        inner.finish(findings);
        let notify = notify.into_iter().filter(|target| names.target(target, findings));
        let notify = notify.map(|target| target.value).collect();
        before = after.unwrap_or(before).max(before);
        steps.extend(after.map(|after| Step { after, notify }));
    }
    steps
}

pub(super) fn read_roles(
    root: &mut Table<'_>,
    names: &Names,
    findings: &mut Findings,
) -> BTreeMap<Role, Vec<Target>> {
    let Some(mut table) = root.table("roles", findings) else { return BTreeMap::new() };
    let mut roles = BTreeMap::new();
    for role in Role::ALL {
        let written: Vec<Placed<Target>> = table.list(role.as_str(), findings);
        let mut targets = Vec::new();
        for target in written {
            if matches!(target.value, Target::Role(_)) {
                let found = format!("{role} is \"{}\" in {}", target.value, table.shown());
                findings.problem(
                    Problem::new(&target.place, found).wanted("people: a role cannot be another role's"),
                );
            } else if names.target(&target, findings) {
                targets.push(target.value);
            }
        }
        if table.has(role.as_str()) {
            roles.insert(role, targets);
        }
    }
    table.finish(findings);
    roles
}
