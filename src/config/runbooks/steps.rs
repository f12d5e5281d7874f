//! `[[condition]]`, `[[action]]` and `[[recover]]`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use jiff::SignedDuration;

use super::firing::{read_absence, read_count, read_group, read_sequence};
use super::{Known, about, mute, upgrade};
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Name, Placed, Table};
use crate::domain::condition::{Condition, ConditionProblem, ConditionSpec, Early, Response, WITHIN_MAX};
use crate::domain::expression::{ExpressionError, ReadExpression};
use crate::domain::names::{ConditionId, ContractName, RunbookId, SafeName};
use crate::domain::runbook::{Action, Recover};

/// How far apart, and how old, alerts may be.
pub(super) const WITHIN: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=WITHIN_MAX;

/// How `respond` is written.
pub(super) const RESPONSES: [(&str, Response); 3] =
    [("page", Response::Page), ("prepare", Response::Prepare), ("propose", Response::Propose)];

/// How `early` is written. Nobody proposes early: that is what `count` is for.
const EARLY: [(&str, Early); 4] = [
    ("critical", Early::WhenCritical),
    ("nothing", Early::Nothing),
    ("page", Early::Respond(Response::Page)),
    ("prepare", Early::Respond(Response::Prepare)),
];

/// Reads the conditions; `respond` is the runbook's.
pub(super) fn read_conditions(
    root: &mut Table<'_>,
    known: &Known<'_>,
    respond: Response,
    findings: &mut Findings,
) -> Vec<ConditionSpec> {
    let (mut conditions, mut ids) = (Vec::new(), BTreeSet::new());
    for mut table in root.tables("condition", findings) {
        let id: Option<Placed<Name>> = table.required("id", findings);
        if let Some(id) = id.as_ref().filter(|id| !ids.insert(id.value.0.clone())) {
            let found = format!("a second condition is called \"{}\"", id.value.0);
            findings.problem(Problem::new(&id.place, found).wanted("each id once in a runbook"));
        }
        let sequence = read_sequence(&mut table, findings);
        // Steps say when by themselves; what is written beside them holds for all of them.
        let when: Option<String> = match &sequence {
            Some(_) => table.optional("when", findings).or_else(|| Some("true".to_owned())),
            None => table.required("when", findings),
        };
        let about = about::read_about(&mut table, known, findings);
        let count = table.table("count", findings).and_then(|count| read_count(count, findings));
        let absent = read_absence(&mut table, findings);
        let lasting = table.duration("for", WITHIN, findings);
        let group = read_group(&mut table, findings);
        let confirm = table.optional("confirm", findings);
        let own = table.choice("respond", &RESPONSES, findings);
        if own.is_some_and(|own| own > respond) {
            let wanted = "no more than the runbook's own respond";
            findings.problem(table.wrong("respond", wanted));
        }
        let early = table.choice("early", &EARLY, findings).unwrap_or_default();
        let retracted_by = table.optional("retracted_by", findings);
        let max_age = table.duration("max_age", WITHIN, findings);
        let (inhibited_by, except) = mute::read(&mut table, findings);
        if let (Some(id), Some(when)) = (id, when) {
            let (id, respond) = (ConditionId::new(id.value.0), own.unwrap_or(respond));
            let plain = ConditionSpec::new(id, when, about, respond);
            let count = count.unwrap_or_default();
            let spec = ConditionSpec {
                count: count.spec,
                including: count.including,
                stages: count.stages,
                distinct: count.distinct,
                group,
                lasting,
                sequence,
                absent,
                confirm,
                early,
                retracted_by,
                max_age: max_age.unwrap_or(plain.max_age),
                inhibited_by,
                except,
                ..plain
            };
            check_condition(&spec, &table, known, findings);
            conditions.push(spec);
        }
        table.finish(findings);
    }
    conditions
}

/// Reads the actions; their contracts must live where the Safes do.
pub(super) fn read_actions(
    root: &mut Table<'_>,
    known: &Known<'_>,
    safes: &[SafeName],
    runbook: &RunbookId,
    findings: &mut Findings,
) -> Vec<Action> {
    let mut actions = Vec::new();
    for (index, mut table) in root.tables("action", findings).into_iter().enumerate() {
        let contract = read_contract(&mut table, known, findings);
        let of = (runbook.clone(), index.saturating_add(1));
        let is_call = is_call(&mut table, findings);
        let cancels = table.has("cancel");
        let upgrade = upgrade::read(&mut table, known, contract.as_ref(), of, findings);
        let call = if is_call { read_call(&mut table, known, contract.as_ref(), findings) } else { None };
        let unless = read_expression(&mut table, "unless", known, findings);
        if cancels && table.has("expect") {
            let problem = table.wrong("expect", "no expect beside cancel");
            findings.problem(problem.remedy("a cancellation is verified by what the timelock says of it"));
        }
        if !table.has("expect") && !cancels {
            table.missing(
                "expect",
                "what holds once it is done, such as 'read(\"vault\", \"paused()\")'",
                findings,
            );
        }
        let expect = read_expression(&mut table, "expect", known, findings);
        table.finish(findings);
        if let Some(contract) = &contract {
            for safe in safes {
                known.same_chain(contract, safe, findings);
            }
        }
        let call = if is_call { call } else { Some(String::new()) };
        let expect = if cancels { Some(String::new()) } else { expect };
        if !is_call && upgrade.is_none() {
            continue;
        }
        if let (Some(contract), Some(call), Some(expect)) = (contract, call, expect) {
            actions.push(Action {
                contract: ContractName::new(contract.value),
                call,
                unless,
                expect,
                upgrade,
            });
        }
    }
    actions
}

/// Whether the action calls something, rather than upgrading it or cancelling an upgrade: it does one of these.
fn is_call(table: &mut Table<'_>, findings: &mut Findings) -> bool {
    let written: Vec<&str> = ["call", "upgrade", "cancel"].into_iter().filter(|key| table.has(key)).collect();
    if let [first, second, ..] = written.as_slice() {
        let found = format!("{first} and {second} in one {}", table.shown());
        let problem = Problem::new(&table.place_of(second), found).wanted("one of call, upgrade and cancel");
        findings.problem(problem.remedy("write two [[action]]s"));
    }
    let _asked_for = table.node("call");
    matches!(written.as_slice(), [] | ["call", ..])
}

/// Reads the recoveries; the Safe that is asked first to stop the harm may not undo it.
pub(super) fn read_recover(
    root: &mut Table<'_>,
    known: &Known<'_>,
    safes: &[SafeName],
    findings: &mut Findings,
) -> Vec<Recover> {
    let mut recover = Vec::new();
    for mut table in root.tables("recover", findings) {
        let contract = read_contract(&mut table, known, findings);
        let call = read_call(&mut table, known, contract.as_ref(), findings);
        let safe: Option<Placed<String>> = table.required("safe", findings);
        let safe = safe.filter(|safe| known.safe(safe, findings));
        table.finish(findings);
        let (Some(contract), Some(safe)) = (contract, safe) else { continue };
        let name = SafeName::new(safe.value.clone());
        if safes.first().is_some_and(|pausing| known.same_safe(pausing, &name)) {
            let found = format!("\"{name}\" is the Safe that pauses, and is to undo it here");
            let problem = Problem::new(&safe.place, found).wanted("another Safe");
            findings
                .problem(problem.remedy("who can stop the protocol quickly must not restart it as quickly"));
        }
        known.same_chain(&contract, &name, findings);
        let recovery =
            call.map(|call| Recover { contract: ContractName::new(contract.value), call, safe: name });
        recover.extend(recovery);
    }
    recover
}

fn read_contract(
    table: &mut Table<'_>,
    known: &Known<'_>,
    findings: &mut Findings,
) -> Option<Placed<String>> {
    let contract: Placed<String> = table.required("contract", findings)?;
    known.contract(&contract, findings).then_some(contract)
}

/// Reads a call and resolves it, to be told whether the contract has such a function and takes such arguments.
fn read_call(
    table: &mut Table<'_>,
    names: &Known<'_>,
    contract: Option<&Placed<String>>,
    findings: &mut Findings,
) -> Option<String> {
    if !table.has("call") {
        table.missing("call", "a call such as \"pause()\"", findings);
    }
    let call: Placed<String> = table.optional("call", findings)?;
    let contract =
        contract.and_then(|contract| names.contracts.get(&ContractName::new(contract.value.clone())));
    if let Some(Err(error)) = contract.map(|contract| contract.resolve_action(&call.value)) {
        findings.problem(Problem::new(&call.place, error.to_string()));
    }
    Some(call.value)
}

/// Reads an expression over chain state and compiles it.
fn read_expression(
    table: &mut Table<'_>,
    key: &'static str,
    names: &Known<'_>,
    findings: &mut Findings,
) -> Option<String> {
    let text: Placed<String> = table.optional(key, findings)?;
    if names.contracts_are_whole() {
        for error in ReadExpression::compile(&text.value, names.contracts).err().unwrap_or_default() {
            findings.problem(Problem::new(&text.place, sentence(key, &error)));
        }
    }
    Some(text.value)
}

/// Compiles a condition, to be told what is wrong with it.
fn check_condition(spec: &ConditionSpec, table: &Table<'_>, names: &Known<'_>, findings: &mut Findings) {
    if !names.contracts_are_whole() {
        return;
    }
    let place_of = |field: &'static str| table.place_of(field.split('.').next().unwrap_or(field));
    let problems = match Condition::compile_with(spec.clone(), names.words, names.contracts) {
        Ok(condition) => {
            for (field, why) in condition.unbrought() {
                let found = format!("{field}: with the feeds there are it can never be true: {why}");
                let warning = Problem::new(&place_of(field), found);
                findings.warning(warning.remedy("add a feed that brings them, or take the condition out"));
            }
            return;
        }
        Err(problems) => problems,
    };
    for problem in problems {
        // A contract that does not exist was told already, with the nearest.
        if matches!(problem, ConditionProblem::UnknownContract { .. } | ConditionProblem::AboutNothing) {
            continue;
        }
        let field = problem.field();
        let place = place_of(field);
        let found = match &problem {
            ConditionProblem::When(error)
            | ConditionProblem::Confirm(error)
            | ConditionProblem::Including(error) => sentence(field, error),
            ConditionProblem::Step { step, error } => sentence(&format!("step {step}, when"), error),
            ConditionProblem::UnknownContract { .. }
            | ConditionProblem::AboutNothing
            | ConditionProblem::ContractTwice(_)
            | ConditionProblem::CountZero { .. }
            | ConditionProblem::FewerAlertsThanBots { .. }
            | ConditionProblem::MoreAlertsThanAWindowHolds { .. }
            | ConditionProblem::FewerBotsThanAsked { .. }
            | ConditionProblem::Within
            | ConditionProblem::EarlyBeyondRespond { .. }
            | ConditionProblem::EarlyProposes
            | ConditionProblem::UnknownList { .. }
            | ConditionProblem::FewerStagesThanAsked { .. }
            | ConditionProblem::StagesZero
            | ConditionProblem::FewerAlertsThanFeeds { .. }
            | ConditionProblem::Both(..)
            | ConditionProblem::Steps { .. }
            | ConditionProblem::AllAnywhere
            | ConditionProblem::AnywhereOnTheContract
            | ConditionProblem::MaxAge
            | ConditionProblem::NotOfSilence(_)
            | ConditionProblem::FewerStagesThanAdmitted { .. }
            | ConditionProblem::NeverTrue { .. }
            | ConditionProblem::DistinctZero { .. }
            | ConditionProblem::DistinctNever { .. }
            | ConditionProblem::WithoutCount(_)
            | ConditionProblem::GroupTwice(_)
            | ConditionProblem::WithinBeyondMaxAge { .. }
            | ConditionProblem::Lasting
            | ConditionProblem::NoState
            | ConditionProblem::NoStateHeard
            | ConditionProblem::Intervals => format!("{field}: {problem}"),
        };
        findings.problem(Problem::new(&place, found));
    }
}

/// What is wrong with the expression behind `key`, on one line.
fn sentence(key: &str, error: &ExpressionError) -> String {
    match (error.line, error.column) {
        (0, _) => format!("{key}: {}", error.message),
        (1, column) => format!("{key}, at character {column}: {}", error.message),
        (line, column) => format!("{key}, at its line {line}, character {column}: {}", error.message),
    }
}
