//! Recoveries: would what undoes the actions go through, once the actions are done?
//!
//! The actions and then every `[[recover]]`, in the order in which they are written, run in one simulation, each as an
//! `execTransaction` of its Safe with a pretended quorum: what is undone must have been done before.

use std::collections::BTreeMap;

use alloy::json_abi::JsonAbi;
use alloy::primitives::Address;

use super::Finding;
use super::ground::Ground;
use crate::agent::proposal::{self, Authority, why_failed};
use crate::agent::{Agent, chain_of};
use crate::chain::{SimulateError, SimulateMethod, SimulateRequest, SimulationReport};
use crate::domain::runbook::Runbook;
use crate::domain::safe::{SafeNonce, SafeState, SafeTx};

/// What stops the harm, by which Safe; none where there is nothing to do now.
pub type Stop<'a> = Option<(&'a SafeState, SafeTx)>;

/// Looks at the recoveries of a runbook.
pub async fn look(
    agent: &Agent,
    ground: &Ground<'_>,
    place: &str,
    runbook: &Runbook,
    stop: Stop<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut script = Script::default();
    let stops = stop.is_some();
    if let Some((state, tx)) = stop {
        script.add(state, tx);
    }
    let mut tried = Vec::new();
    for (index, recover) in runbook.recover.iter().enumerate() {
        let place = format!("{place}, recover {}", index + 1);
        let contract = agent.config.settings.contracts.get(&recover.contract);
        // A call that no contract has was told when the runbook was compiled.
        let Some(Ok(call)) = contract.map(|contract| contract.resolve_action(&recover.call)) else {
            continue;
        };
        let Some(Some(state)) = ground.safes.get(&recover.safe) else {
            let unread = format!(
                "whether Safe {} could call {} is unknown: it could not be read on chain {}",
                recover.safe,
                call.describe(),
                ground.chain.name()
            );
            findings.push(Finding::problem(place, unread));
            continue;
        };
        script.add(state, SafeTx::call(call.address, call.data.clone(), script.nonce(state)));
        tried.push((place, format!("{} by Safe {}", call.describe(), recover.safe)));
    }
    if tried.is_empty() {
        return findings;
    }
    let report = match ground.chain.simulate(&ground.block, &script.request).await {
        Ok(report) => report,
        // As many as must agree do, as for the actions.
        Err(SimulateError::Dissent(report)) => *report,
        Err(error @ (SimulateError::NoQuorum(_) | SimulateError::Calls(_))) => {
            let because = chain_of(&error);
            findings.extend(tried.into_iter().map(|(place, what)| unknown(place, &what, &because)));
            return findings;
        }
    };
    let abis: Vec<&JsonAbi> =
        agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
    findings.extend(judged(&report, stops, tried, &abis));
    findings
}

fn judged(
    report: &SimulationReport,
    stops: bool,
    tried: Vec<(String, String)>,
    abis: &[&JsonAbi],
) -> Vec<Finding> {
    let mut outcomes = report.calls.iter();
    if stops && outcomes.next().is_none_or(|stop| why_failed(stop, abis).is_some()) {
        let because = "what it undoes does not go through now";
        return tried.into_iter().map(|(place, what)| unknown(place, &what, because)).collect();
    }
    let after = if stops { "after the actions" } else { "as it is" };
    let one = |(place, what): (String, String)| match outcomes.next() {
        Some(outcome) => match why_failed(outcome, abis) {
            None => Finding::ok(
                place,
                format!("{what} would work {after}: simulated at block {}", report.block.number),
            ),
            Some(why_not) => Finding::problem(place, format!("{what} would not work {after}: {why_not}")),
        },
        None => match report.method {
            SimulateMethod::FirstCallOnly => unknown(
                place,
                &what,
                "the endpoints run one call at a time (they do not know eth_simulateV1)",
            ),
            SimulateMethod::SimulateV1 => unknown(place, &what, "the endpoints did not say how it ended"),
        },
    };
    tried.into_iter().map(one).collect()
}

fn unknown(place: String, what: &str, because: &str) -> Finding {
    Finding::warning(place, format!("whether {what} would work is unknown: {because}"))
}

/// Transactions of several Safes, one after the other.
#[derive(Default)]
struct Script {
    request: SimulateRequest,
    next: BTreeMap<Address, SafeNonce>,
}

impl Script {
    /// The nonce that this Safe's next transaction has.
    fn nonce(&self, state: &SafeState) -> SafeNonce {
        self.next.get(&state.address.0).copied().unwrap_or(state.nonce)
    }

    fn add(&mut self, state: &SafeState, tx: SafeTx) {
        let first = self.next.insert(state.address.0, tx.nonce.next()).is_none();
        // The Safe counts by itself: its nonce is not pretended.
        let then = SafeState { nonce: tx.nonce, ..state.clone() };
        let part = proposal::request(&then, &tx, &[], Authority::Pretended);
        self.request.steps.extend(part.steps.into_iter().take(1));
        if first {
            self.request.overrides.extend(part.overrides);
        }
    }
}
