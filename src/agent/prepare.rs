//! Builds, simulates and hashes the proposal, from live state.
//!
//! Nothing leaves the house here: preparing is cheap and reversible, so it may begin on one alert. What
//! the chain says is read once, at one agreed block, and everything is decided on that.

use std::time::Duration;

use alloy::json_abi::JsonAbi;
use alloy::primitives::hex;

use super::proposal::{self, Authority, Shown};
use super::reads::{ReadValues, value};
use super::{Agent, TaskError, chain_of};
use crate::chain::{BlockRef, Chain, SnapshotPlan};
use crate::domain::condition::Response;
use crate::domain::contract::Contracts;
use crate::domain::expression::{Read, Verdict};
use crate::domain::incident::preparation::{
    Considered, Displaced, PlannedCall, Preparation, Queue, SkippedCall,
};
use crate::domain::incident::{Fact, Incident, Retry, Task};
use crate::domain::names::SafeName;
use crate::domain::roster::{Coverage, CoverageReport, coverage};
use crate::domain::runbook::{Plan, PlannedAction, Runbook};
use crate::domain::safe::multisend::{BatchError, BatchedCall, batch, call_only};
use crate::domain::safe::{SafeAddress, SafeState, SafeTx};

/// How long the queue is waited for once the simulation is done: a slow service must not hold up a pause.
const QUEUE_WAIT_MAX: Duration = Duration::from_millis(800);

/// Why no proposal came out.
struct Problem {
    text: String,
    retry: Retry,
    draft: Option<Box<Preparation>>,
}

impl Problem {
    fn later(text: impl Into<String>) -> Self {
        Self { text: text.into(), retry: Retry::Later, draft: None }
    }

    fn never(text: impl Into<String>) -> Self {
        Self { text: text.into(), retry: Retry::Never, draft: None }
    }
}

enum Built {
    Ready(Box<Preparation>),
    Unneeded(String),
}

/// Prepares, and records what came out.
///
/// # Errors
/// When nothing can be recorded.
pub async fn prepare(agent: &Agent, incident: &Incident, attempt: u32, begun: bool) -> Result<(), TaskError> {
    if !begun {
        let task = Task::Prepare { attempt, begun };
        if !agent.begin(incident.id, &task, &Fact::PreparationStarted { attempt }).await? {
            return Ok(());
        }
    }
    let fact = match build(agent, incident, attempt).await {
        Ok(Built::Ready(preparation)) => Fact::Prepared(preparation),
        Ok(Built::Unneeded(because)) => Fact::Unneeded { because },
        Err(Problem { text, retry, draft }) => {
            Fact::PreparationFailed { attempt, problem: text, retry, draft }
        }
    };
    agent.record_outcome(incident, fact).await.map_err(TaskError::from)
}

async fn build(agent: &Agent, incident: &Incident, attempt: u32) -> Result<Built, Problem> {
    let runbook = agent
        .runbook(incident)
        .ok_or_else(|| Problem::never("its runbook is not among the runbooks any more"))?;
    let plan = agent
        .plans
        .get(&runbook.id)
        .ok_or_else(|| Problem::never(format!("runbook {} could not be compiled", runbook.id)))?;
    let chain = chain_of_plan(agent, plan)?;
    let block = chain.head().await.map_err(|error| Problem::later(chain_of(&error)))?;
    let (values, safes) = read_everything(agent, chain, &block, runbook, plan).await?;

    let confirmed_on_chain = confirm(incident, plan, &values)?;
    let (needed, skipped) = needed(plan, &values);
    if needed.is_empty() {
        let because =
            skipped.iter().map(|skip| format!("{}: {}", skip.call, skip.because)).collect::<Vec<_>>();
        return Ok(Built::Unneeded(because.join("; ")));
    }
    let candidates = rank(agent, safes);
    let mut considered: Vec<Considered> = Vec::new();
    let mut failed: Option<Box<Preparation>> = None;
    for (name, state, report) in candidates {
        let Ok(state) = state else {
            let passed_over = state.err();
            considered.push(Considered { safe: name, coverage: report, passed_over });
            continue;
        };
        let base = Base { agent, chain, block: &block, attempt, name: &name, state: &state, report: &report };
        let mut preparation = match base.prepare(&needed, &skipped).await {
            Ok(preparation) => preparation,
            // One Safe that cannot is no reason not to try the next.
            Err(problem) => {
                considered.push(Considered { safe: name, coverage: report, passed_over: Some(problem.text) });
                continue;
            }
        };
        preparation.confirmed_on_chain.clone_from(&confirmed_on_chain);
        let why_not = preparation.simulation.why_not();
        let chosen = Considered { safe: name, coverage: report, passed_over: why_not.clone() };
        if why_not.is_none() {
            preparation.considered.push(chosen);
            preparation.considered.append(&mut considered);
            return Ok(Built::Ready(preparation));
        }
        considered.push(chosen);
        failed.get_or_insert(preparation);
    }
    Err(none_can(considered, failed))
}

/// Every Safe was tried: says of each why it cannot.
fn none_can(considered: Vec<Considered>, failed: Option<Box<Preparation>>) -> Problem {
    let reasons: Vec<_> = considered
        .iter()
        .map(|safe| {
            let why = safe.passed_over.as_deref().unwrap_or("it was not tried");
            format!("Safe {}: {why}", safe.safe)
        })
        .collect();
    let draft = failed.map(|mut preparation| {
        preparation.considered = considered;
        preparation
    });
    Problem { text: reasons.join("; "), retry: Retry::Later, draft }
}

fn chain_of_plan<'a>(agent: &'a Agent, plan: &Plan) -> Result<&'a Chain, Problem> {
    let action = plan.actions.first().ok_or_else(|| Problem::never("the runbook has no action"))?;
    let name = &action.call.chain;
    agent.chains.get(name).ok_or_else(|| Problem::never(format!("chain {name} is not configured")))
}

type SafeReading = (SafeName, Result<SafeState, String>);

/// One request for each endpoint: every Safe, every view that decides what is needed.
async fn read_everything(
    agent: &Agent,
    chain: &Chain,
    block: &BlockRef,
    runbook: &Runbook,
    plan: &Plan,
) -> Result<(ReadValues, Vec<SafeReading>), Problem> {
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
    let snapshot = chain.read(block, ask).await.map_err(|error| Problem::later(chain_of(&error)))?;
    let values = calls.into_iter().map(|(read, ticket)| value(read, snapshot.call(ticket))).collect();
    let safes = safes
        .into_iter()
        .map(|(name, ticket)| (name, snapshot.safe(ticket).map_err(|error| chain_of(&error))))
        .collect();
    Ok((values, safes))
}

/// A match whose condition has a `confirm` counts only when the chain says so. False and unknown both
/// page, and are asked again; neither prepares. One match that counts is enough: a stranger's alert, which
/// can only page, must neither veto nor bypass what others corroborate. A person who pulled the handle or
/// raised the response has looked already.
fn confirm(incident: &Incident, plan: &Plan, values: &ReadValues) -> Result<Option<String>, Problem> {
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
pub(super) fn needed<'a>(plan: &'a Plan, values: &ReadValues) -> (Vec<&'a PlannedAction>, Vec<SkippedCall>) {
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

type Candidate = (SafeName, Result<SafeState, String>, CoverageReport);

/// Covered Safes first, in the runbook's order; then exact, uncovered, unknown.
fn rank(agent: &Agent, safes: Vec<SafeReading>) -> Vec<Candidate> {
    let now = agent.clock.now();
    let mut candidates: Vec<Candidate> = safes
        .into_iter()
        .map(|(name, state)| {
            let report = match &state {
                Ok(state) => coverage(&state.owners, state.threshold, &agent.config.roster, now),
                Err(error) => CoverageReport::unknown(error.clone()),
            };
            (name, state, report)
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

/// What is fixed while one Safe is tried.
struct Base<'a> {
    agent: &'a Agent,
    chain: &'a Chain,
    block: &'a BlockRef,
    attempt: u32,
    name: &'a SafeName,
    state: &'a SafeState,
    report: &'a CoverageReport,
}

impl Base<'_> {
    async fn prepare(
        &self,
        needed: &[&PlannedAction],
        skipped: &[SkippedCall],
    ) -> Result<Box<Preparation>, Problem> {
        let tx = transaction(needed, self.state).map_err(|error| Problem::never(chain_of(&error)))?;
        let hashes = proposal::hashes(&tx, self.state);
        let expects: Vec<_> = needed.iter().map(|action| &action.expect).collect();
        let abis: Vec<&JsonAbi> =
            self.agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
        let simulate = proposal::simulate(
            self.chain,
            self.block,
            self.state,
            &tx,
            &expects,
            Authority::Pretended,
            &abis,
        );
        let (shown, queue) = tokio::join!(simulate, self.queue());
        let Shown { simulation, safe_says } = shown.map_err(|error| Problem::later(chain_of(&error)))?;
        match safe_says {
            Some(says) if says.agrees(&hashes) => {}
            Some(says) => {
                // Two implementations of one hash disagree: somebody is wrong, so nobody signs.
                return Err(Problem::never(format!(
                    "the Safe's own hash of the transaction is {} and ours is {}: nothing may be signed",
                    says.safe_tx, hashes.safe_tx
                )));
            }
            None if simulation.failure.is_some() => {}
            None => return Err(Problem::later("the Safe did not say its own hash of the transaction")),
        }
        Ok(Box::new(Preparation {
            attempt: self.attempt,
            chain: self.chain.name().clone(),
            safe: self.name.clone(),
            domain: self.state.domain(),
            owners: self.state.owners.clone(),
            threshold: self.state.threshold,
            tx,
            hashes,
            calls: needed.iter().map(|action| planned(action)).collect(),
            skipped: skipped.to_vec(),
            considered: Vec::new(),
            coverage: self.report.clone(),
            queue,
            simulation,
            confirmed_on_chain: None,
        }))
    }

    async fn queue(&self) -> Queue {
        let Some(service) = self.agent.services.get(self.chain.name()) else {
            return Queue::Unknown(format!("chain {} has no Transaction Service", self.chain.name()));
        };
        let asked = service.client.queue(self.state.address, self.state.nonce);
        match tokio::time::timeout(QUEUE_WAIT_MAX, asked).await {
            Err(_) => Queue::Unknown(format!("{} did not say within {QUEUE_WAIT_MAX:?}", service.name)),
            Ok(Err(error)) => Queue::Unknown(chain_of(&error)),
            Ok(Ok(queued)) => {
                let (ours, behind): (Vec<_>, Vec<_>) =
                    queued.into_iter().partition(|queued| queued.tx.nonce == self.state.nonce);
                let displaced = ours
                    .into_iter()
                    .map(|queued| Displaced {
                        safe_tx_hash: queued.safe_tx_hash,
                        nonce: queued.tx.nonce,
                        purpose: purpose(
                            &queued.tx,
                            self.state.address,
                            &self.agent.config.settings.contracts,
                        ),
                        confirmations: queued.confirmations.len() as u64,
                    })
                    .collect();
                Queue::Read { displaced, behind: behind.len() as u64 }
            }
        }
    }
}

/// One call, or several as one through MultiSendCallOnly. All gas and refund fields are zero, and the nonce
/// is the Safe's *on-chain* nonce: behind a queued transaction the pause would wait for it.
pub(super) fn transaction(needed: &[&PlannedAction], state: &SafeState) -> Result<SafeTx, BatchError> {
    if let [only] = needed {
        return Ok(SafeTx::call(only.call.address, only.call.data.clone(), state.nonce));
    }
    let calls: Vec<_> = needed
        .iter()
        .map(|action| BatchedCall::call(action.call.address, action.call.data.clone()))
        .collect();
    batch(&calls, call_only(state.version), state.nonce)
}

pub(super) fn planned(action: &PlannedAction) -> PlannedCall {
    PlannedCall {
        contract: action.call.contract.clone(),
        address: action.call.address,
        call: action.call.describe(),
        data: action.call.data.clone(),
        expect: action.expect.text().to_owned(),
    }
}

/// What a queued transaction does, as far as its calldata tells. Its text never comes from the service.
fn purpose(tx: &SafeTx, safe: SafeAddress, contracts: &Contracts) -> String {
    let target = contracts
        .values()
        .find(|contract| contract.address == tx.to)
        .map_or_else(|| tx.to.to_string(), |contract| contract.name.to_string());
    let selector = tx.data.get(..4).map(hex::encode_prefixed);
    match selector {
        None if tx.to == safe.0 => "rejects what is queued at its nonce".to_owned(),
        None => format!("sends {} wei to {target}", tx.value),
        Some(selector) => {
            let function = contracts
                .values()
                .filter(|contract| contract.address == tx.to)
                .flat_map(|contract| contract.abi.functions())
                .find(|function| hex::encode_prefixed(function.selector()) == selector)
                .map(|function| function.signature());
            format!("calls {} of {target}", function.unwrap_or(selector))
        }
    }
}
