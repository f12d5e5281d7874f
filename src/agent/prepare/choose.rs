//! What is needed, and which Safe does it: decided on what the chain says at one block.

use super::Problem;
use crate::agent::reads::{ReadValues, value};
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, Chain, SnapshotPlan};
use crate::domain::condition::Response;
use crate::domain::expression::{Read, Verdict};
use crate::domain::incident::Incident;
use crate::domain::incident::preparation::SkippedCall;
use crate::domain::names::SafeName;
use crate::domain::roster::{Coverage, CoverageReport, tree_coverage};
use crate::domain::runbook::{Plan, PlannedAction, Runbook};
use crate::domain::safe::{OwnerTree, SafeAddress, SafeState};

pub(super) type SafeReading = (SafeName, Result<SafeState, String>);

/// What decides, as it stood at one block.
pub(super) struct Everything {
    pub(super) block: BlockRef,
    pub(super) values: ReadValues,
    pub(super) safes: Vec<SafeReading>,
}

/// One request for each endpoint: every Safe, every view that decides what is needed; at `block`, or at the newest.
pub(super) async fn read_everything(
    agent: &Agent,
    chain: &Chain,
    block: Option<BlockRef>,
    runbook: &Runbook,
    plan: &Plan,
) -> Result<Everything, Problem> {
    let mut ask = SnapshotPlan::new();
    let configured = &agent.config.settings.safes;
    let safes: Vec<_> = runbook
        .safes
        .iter()
        .filter_map(|name| {
            configured.get(name).map(|safe| (name.clone(), ask.safe(SafeAddress(safe.address))))
        })
        .collect();
    let mut reads: Vec<&Read> = plan.reads_before().collect();
    reads.sort();
    reads.dedup();
    let calls: Vec<_> = reads
        .into_iter()
        .map(|read| (read.clone(), ask.call(read.call().address, read.call().data.clone())))
        .collect();
    let snapshot = match block {
        Some(block) => chain.read(&block, ask).await,
        None => chain.newest(ask).await,
    };
    let snapshot = snapshot.map_err(|error| Problem::later(chain_of(&error)))?;
    let values = calls.into_iter().map(|(read, ticket)| value(read, snapshot.call(ticket))).collect();
    let safes = safes
        .into_iter()
        .map(|(name, ticket)| (name, snapshot.safe(ticket).map_err(|error| chain_of(&error))))
        .collect();
    Ok(Everything { block: snapshot.block, values, safes })
}

/// A match whose condition has a `confirm` counts only when the chain says so. False and unknown both
/// page, and are asked again; neither prepares. One match that counts is enough: a stranger's alert, which
/// can only page, must neither veto nor bypass what others corroborate. A person who pulled the handle or
/// raised the response has looked already.
pub(super) fn confirm(
    incident: &Incident,
    plan: &Plan,
    values: &ReadValues,
) -> Result<Option<String>, Problem> {
    let counting = || incident.matches.iter().filter(|matched| matched.response >= Response::Prepare);
    let reach = counting().map(|matched| matched.response).max();
    if reach.is_none_or(|reach| incident.response > reach) {
        return Ok(None);
    }
    let mut refused = Vec::new();
    for matched in counting() {
        let Some(expression) = plan.confirms.get(&matched.condition) else { return Ok(None) };
        match expression.evaluate(values) {
            Verdict::True => return Ok(Some(expression.text().to_owned())),
            Verdict::False => {
                refused.push(format!("the chain does not confirm it: {} is false", expression.text()));
            }
            Verdict::Unknown(reason) => refused
                .push(format!("whether the chain confirms it is unknown: {}: {reason}", expression.text())),
        }
    }
    refused.dedup();
    Err(Problem::later(refused.join("; ")))
}

/// Splits the actions by their `unless`. What cannot be told is needed: the simulation decides.
pub fn needed<'a>(plan: &'a Plan, values: &ReadValues) -> (Vec<&'a PlannedAction>, Vec<SkippedCall>) {
    let mut needed = Vec::new();
    let mut skipped = Vec::new();
    for action in &plan.actions {
        match action.unless.as_ref().map(|unless| (unless, unless.evaluate(values))) {
            Some((unless, Verdict::True)) => skipped.push(SkippedCall {
                call: action.call.describe(),
                because: format!("{} already", unless.text()),
            }),
            Some((_, Verdict::False | Verdict::Unknown(_))) | None => needed.push(action),
        }
    }
    (needed, skipped)
}

/// A Safe that may be chosen: with whoever stands behind its owners, or why that is not known.
pub(super) type Candidate = (SafeName, Result<OwnerTree, String>, CoverageReport);

/// Looks behind the owners of every Safe that was read, one more request for each endpoint and level of
/// Safes: the first one finds the keys.
pub(super) async fn look_behind(
    chain: &Chain,
    block: &BlockRef,
    safes: Vec<SafeReading>,
) -> Vec<(SafeName, Result<OwnerTree, String>)> {
    let read: Vec<SafeState> = safes.iter().filter_map(|(_, state)| state.clone().ok()).collect();
    let mut trees = chain.owner_trees(block, &read).await.into_iter();
    let mut look = |_| trees.next().ok_or_else(|| "its owners were not looked at".to_owned());
    safes.into_iter().map(|(name, state)| (name, state.and_then(&mut look))).collect()
}

/// Covered Safes first, in the runbook's order; then exact, uncovered, unknown.
pub(super) fn rank(agent: &Agent, safes: Vec<(SafeName, Result<OwnerTree, String>)>) -> Vec<Candidate> {
    let now = agent.clock.now();
    let mut candidates: Vec<Candidate> = safes
        .into_iter()
        .map(|(name, tree)| {
            let report = match &tree {
                Ok(tree) => tree_coverage(tree, &agent.config.roster, now),
                Err(error) => CoverageReport::unknown(error.clone()),
            };
            (name, tree, report)
        })
        .collect();
    candidates.sort_by_key(|(_, _, report)| match report.state {
        Coverage::Covered { .. } => 0,
        Coverage::Exact => 1,
        Coverage::Uncovered => 2,
        Coverage::Unknown { .. } => 3,
    });
    candidates
}
