//! Runbooks: does every view answer, and would the proposal go through each of the Safes, now?

use alloy::json_abi::JsonAbi;
use futures_util::future::join_all;

use super::ground::{Ground, Grounds};
use super::{Finding, recovery};
use crate::agent::prepare::{needed, transaction};
use crate::agent::proposal::{self, Authority};
use crate::agent::reads::{ReadValues, read_all};
use crate::agent::upgrade::{self, Resolved};
use crate::agent::{Agent, chain_of};
use crate::domain::expression::{ReadExpression, Verdict};
use crate::domain::names::{ChainName, SafeName};
use crate::domain::runbook::{Plan, PlannedAction, Runbook};
use crate::domain::safe::SafeState;

/// Looks at every runbook whose chain can be asked, one after the other: endpoints count requests.
pub async fn look(agent: &Agent, grounds: &Grounds<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, runbook) in &agent.config.runbooks {
        let Some(plan) = agent.plans.get(id) else { continue };
        let place = format!("runbook \"{id}\"");
        if plan.actions.is_empty() {
            findings.push(Finding::ok(&place, "it has no action: it pages, and people follow it by hand"));
        }
        let Some(chain) = chain_of_plan(plan) else { continue };
        // A chain that cannot be asked was told once.
        let Some(ground) = grounds.get(chain) else { continue };
        let elsewhere = elsewhere(&place, plan, chain);
        if !elsewhere.is_empty() {
            findings.extend(elsewhere);
            continue;
        }
        findings.extend(one(agent, ground, &place, runbook, plan).await);
    }
    findings
}

fn expressions(plan: &Plan) -> Vec<(String, &ReadExpression)> {
    let mut all = Vec::new();
    for (index, action) in plan.actions.iter().enumerate() {
        let number = index + 1;
        all.extend(action.unless.as_ref().map(|unless| (format!("action {number}, unless"), unless)));
        all.push((format!("action {number}, expect"), &action.expect));
    }
    all.extend(plan.confirms.iter().map(|(id, confirm)| (format!("condition \"{id}\", confirm"), confirm)));
    all
}

/// Where everything of a plan happens: the chain of its first action, or of its first view.
fn chain_of_plan(plan: &Plan) -> Option<&ChainName> {
    let action = plan.actions.first().map(|action| &action.call.chain);
    let view =
        || plan.confirms.values().flat_map(ReadExpression::reads).next().map(|read| &read.call().chain);
    action.or_else(view)
}

/// Calls and views of contracts on another chain: one snapshot of one chain decides everything.
fn elsewhere(place: &str, plan: &Plan, chain: &ChainName) -> Vec<Finding> {
    let told = |what: String, contract: &str, there: &ChainName| {
        Finding::problem(
            format!("{place}, {what}"),
            format!(
                "contract {contract} is on {there}, and this runbook acts on {chain}: everything in it must be on one chain"
            ),
        )
    };
    let calls = plan
        .actions
        .iter()
        .enumerate()
        .map(|(index, action)| (format!("action {}", index + 1), &action.call));
    let views = expressions(plan).into_iter().flat_map(|(what, expression)| {
        expression.reads().iter().map(move |read| (what.clone(), read.call()))
    });
    calls
        .chain(views)
        .filter(|(_, call)| call.chain != *chain)
        .map(|(what, call)| told(what, call.contract.as_str(), &call.chain))
        .collect()
}

async fn one(
    agent: &Agent,
    ground: &Ground<'_>,
    place: &str,
    runbook: &Runbook,
    plan: &Plan,
) -> Vec<Finding> {
    let expressions = expressions(plan);
    let reads = expressions.iter().flat_map(|(_, expression)| expression.reads());
    let values = read_all(ground.chain, &ground.block, reads).await;
    let mut findings = answers(place, &expressions, &values);
    findings.extend(hold_already(place, plan, &values));
    if plan.actions.is_empty() {
        findings.extend(recovery::look(agent, ground, place, runbook, None).await);
        return findings;
    }
    let resolved = match upgrade::resolve(agent, ground.chain, &ground.block, plan, None).await {
        Ok(resolved) => resolved,
        Err(refusal) => {
            findings.push(Finding::problem(format!("{place}, upgrade"), refusal.text));
            return findings;
        }
    };
    findings.extend(upgrades(place, &resolved));
    let (needed, mut skipped) = needed(&resolved.plan, &values);
    skipped.extend(resolved.skipped.iter().cloned());
    for skip in &skipped {
        findings.push(Finding::ok(place, format!("{} has nothing to do now: {}", skip.call, skip.because)));
    }
    if needed.is_empty() {
        if resolved.waiting.is_empty() {
            findings.extend(recovery::look(agent, ground, place, runbook, None).await);
        }
        return findings;
    }
    let safes = runbook.safes.iter().filter_map(|name| ground.safes.get(name).map(|state| (name, state)));
    // A Safe that could not be read was told already.
    let readable: Vec<_> =
        safes.filter_map(|(name, state)| state.as_ref().map(|state| (name, state))).collect();
    findings.extend(
        join_all(
            readable
                .iter()
                .map(|(name, state)| simulate(agent, ground, place, name, state, &needed, &resolved)),
        )
        .await,
    );
    // What waits for a timelock is not done by the proposal, and could not be undone after it.
    let waits = needed.iter().filter_map(|action| action.proof()).any(|proof| proof.timelock.is_some());
    let first = readable.first().and_then(|(_, state)| Some((*state, transaction(&needed, state).ok()?)));
    if first.is_some() && !waits && resolved.waiting.is_empty() {
        findings.extend(recovery::look(agent, ground, place, runbook, first).await);
    }
    findings
}

/// What each upgrade would do, whose code it brings, and what is worth a look.
fn upgrades(place: &str, resolved: &Resolved) -> Vec<Finding> {
    let now = resolved.plan.actions.iter().filter_map(PlannedAction::proof);
    now.chain(&resolved.waiting)
        .flat_map(|proof| {
            let place = format!("{place}, upgrade");
            let told = Finding::ok(&place, proof.lines().join("; "));
            let warnings = proof.warnings.iter().map(move |warning| Finding::warning(&place, warning));
            std::iter::once(told).chain(warnings.collect::<Vec<_>>())
        })
        .collect()
}

/// Every view must answer; what it answers is another question.
fn answers(place: &str, expressions: &[(String, &ReadExpression)], values: &ReadValues) -> Vec<Finding> {
    expressions
        .iter()
        .filter_map(|(what, expression)| match expression.evaluate(values) {
            Verdict::True | Verdict::False => None,
            Verdict::Unknown(reason) => Some(Finding::problem(
                format!("{place}, {what}"),
                format!("`{}` cannot be told: {reason}", expression.text()),
            )),
        })
        .collect()
}

/// A `confirm` that holds while nothing is wrong holds nothing back.
fn hold_already(place: &str, plan: &Plan, values: &ReadValues) -> Vec<Finding> {
    plan.confirms
        .iter()
        .filter(|(_, confirm)| confirm.evaluate(values) == Verdict::True)
        .map(|(id, confirm)| {
            Finding::warning(
                format!("{place}, condition \"{id}\", confirm"),
                format!(
                    "`{}` holds already: unless something is wrong just now, it confirms nothing",
                    confirm.text()
                ),
            )
        })
        .collect()
}

async fn simulate(
    agent: &Agent,
    ground: &Ground<'_>,
    place: &str,
    name: &SafeName,
    state: &SafeState,
    needed: &[&PlannedAction],
    resolved: &Resolved,
) -> Finding {
    let place = format!("{place}, Safe {name}");
    let tx = match transaction(needed, state) {
        Ok(tx) => tx,
        Err(error) => return Finding::problem(place, chain_of(&error)),
    };
    let expects: Vec<_> = needed.iter().map(|action| &action.expect).collect();
    let abis: Vec<&JsonAbi> =
        agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
    let simulated =
        proposal::simulate(ground.chain, &ground.block, state, &tx, &expects, Authority::Pretended, &abis)
            .await;
    let shown = match simulated {
        Ok(shown) => shown,
        Err(error) => return Finding::problem(place, chain_of(&error)),
    };
    let calls: Vec<_> = needed.iter().map(|action| action.call.describe()).collect();
    let calls = calls.join(", then ");
    if let Some(why_not) = shown.simulation.why_not() {
        return Finding::problem(place, format!("{calls} would not work now: {why_not}"));
    }
    let ours = proposal::hashes(&tx, state);
    match shown.safe_says {
        Some(says) if says.agrees(&ours) => {}
        Some(says) => {
            let sentence = format!(
                "the Safe's own hash of {calls} is {} and ours is {}: nothing could be signed",
                says.safe_tx, ours.safe_tx
            );
            return Finding::problem(place, sentence);
        }
        None => return Finding::problem(place, "the Safe did not say its own hash of the transaction"),
    }
    let mut proofs: Vec<_> = needed.iter().filter_map(|action| action.proof().cloned()).collect();
    let found = upgrade::effect::after(ground.chain, &ground.block, state, &tx, &mut proofs, resolved).await;
    if let Some(broken) = found.iter().find(|expectation| !expectation.holds) {
        let because = broken.because.as_deref().unwrap_or("it does not hold");
        let sentence = format!("{calls} would not work now: {}: {because}", broken.expect);
        return Finding::problem(place, sentence);
    }
    let simulation = &shown.simulation;
    let held: Vec<_> = expects.iter().map(|expect| expect.text()).collect();
    Finding::ok(
        place,
        format!(
            "{calls} would work now: simulated at block {} by {} ({}), {} gas; afterwards {}",
            simulation.block_number,
            simulation.endpoints.join(", "),
            simulation.method,
            simulation.gas_used,
            held.join(" and ")
        ),
    )
}
