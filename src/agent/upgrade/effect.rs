//! What an upgrade leaves: in the simulation before anybody signs, and on the chain afterwards.

use alloy::primitives::{B256, Bytes, U256};
use jiff::{SignedDuration, Timestamp};

use super::reading::Reader;
use super::{Refusal, Rehearsal, Resolved, ready_at, resolve, through_timelock, waits};
use crate::agent::proposal::{self, Authority};
use crate::agent::verify::Standing;
use crate::agent::{Agent, TaskError, chain_of};
use crate::chain::after::word;
use crate::chain::{BlockRef, CallOutcome, Chain, Look, SimCall, SimulateRequest, decode_revert};
use crate::domain::expression::{ReadValue, Verdict};
use crate::domain::incident::preparation::Expectation;
use crate::domain::incident::{Fact, Incident, Preparation};
use crate::domain::safe::{SafeState, SafeTx};
use crate::domain::upgrade::proof::{Source, StateCheck, UpgradeProof, shown};
use crate::domain::upgrade::timelock::OperationState;

/// How long a wait lasts at least: the chain's clock may be behind ours, and is asked again.
const WAIT_MIN: SignedDuration = SignedDuration::from_secs(10);

/// Simulates the proposal once more and looks at every slot, and lets each timelock do now what it will do later.
/// What was found joins what the simulation shows.
pub async fn prove(
    chain: &Chain,
    block: &BlockRef,
    state: &SafeState,
    preparation: &mut Preparation,
    resolved: &Resolved,
) {
    if !preparation.simulation.passed() {
        return;
    }
    let mut proofs = std::mem::take(&mut preparation.upgrades);
    let found = after(chain, block, state, &preparation.tx, &mut proofs, resolved).await;
    preparation.upgrades = proofs;
    preparation.simulation.expectations.extend(found);
}

/// What the slots of `proofs` hold after `tx`, and what the timelocks' later calls would do.
pub async fn after(
    chain: &Chain,
    block: &BlockRef,
    state: &SafeState,
    tx: &SafeTx,
    proofs: &mut [UpgradeProof],
    resolved: &Resolved,
) -> Vec<Expectation> {
    let mut all = Vec::new();
    let mut checks: Vec<&mut StateCheck> =
        proofs.iter_mut().filter(|proof| proof.takes_effect()).flat_map(|proof| &mut proof.checks).collect();
    if !checks.is_empty() {
        let request = proposal::request(state, tx, &[], Authority::Pretended);
        let looks: Vec<_> = checks.iter().map(|check| look(check)).collect();
        let found = match chain.simulate_then(block, &request, &looks).await {
            Ok(aftermath) => aftermath.found,
            Err(error) => vec![Err(chain_of(&error)); looks.len()],
        };
        for (check, found) in checks.iter_mut().zip(found) {
            check.simulated = found.as_ref().ok().and_then(word);
            all.push(expectation(check, found, ""));
        }
    }
    for rehearsal in &resolved.rehearsals {
        all.extend(rehearse(chain, block, rehearsal).await);
    }
    all
}

fn look(check: &StateCheck) -> Look {
    match &check.source {
        Source::Slot(slot) => Look::Word { address: check.address, slot: *slot },
        Source::View(data) => Look::View { to: check.address, data: data.clone() },
    }
}

fn expectation(check: &StateCheck, found: Result<Bytes, String>, when: &str) -> Expectation {
    let expect = format!("{when}{}", check.describe());
    let (holds, because) = match found.map(|bytes| word(&bytes)) {
        Ok(Some(found)) if found == check.wanted => (true, None),
        Ok(Some(found)) => (false, Some(format!("it is {}", shown(found)))),
        Ok(None) => (false, Some("unknown: what was answered is no word".to_owned())),
        Err(why) => (false, Some(format!("unknown: {why}"))),
    };
    Expectation { expect, holds, because }
}

/// What the timelock will do after its delay must work today: nobody waits two days for a revert.
async fn rehearse(chain: &Chain, block: &BlockRef, rehearsal: &Rehearsal) -> Vec<Expectation> {
    const WHEN: &str = "once the timelock executes it, ";
    let reads = rehearsal.expect.reads();
    let request = SimulateRequest {
        steps: vec![SimCall {
            from: rehearsal.timelock,
            to: rehearsal.target,
            data: rehearsal.data.clone(),
            value: U256::ZERO,
        }],
        overrides: Vec::new(),
        balances: Vec::new(),
    };
    let views =
        reads.iter().map(|read| Look::View { to: read.call().address, data: read.call().data.clone() });
    let looks: Vec<_> = rehearsal.checks.iter().map(look).chain(views).collect();
    let told = |holds, because| Expectation { expect: format!("{WHEN}it goes through"), holds, because };
    let aftermath = match chain.simulate_then(block, &request, &looks).await {
        Ok(aftermath) => aftermath,
        Err(error) => return vec![told(false, Some(format!("unknown: {}", chain_of(&error))))],
    };
    if let Some(call) = aftermath.calls.first().filter(|call| !call.succeeded) {
        return vec![told(false, Some(format!("it reverts: {}", decode_revert(&call.data, &[]))))];
    }
    let mut found = aftermath.found.into_iter();
    let mut all: Vec<_> = rehearsal
        .checks
        .iter()
        .zip(&mut found)
        .map(|(check, found)| expectation(check, found, WHEN))
        .collect();
    let values = reads
        .iter()
        .zip(found)
        .map(|(read, found)| {
            let value = found.map_or_else(ReadValue::Failed, |data| ReadValue::decode(read, &data));
            (read.clone(), value)
        })
        .collect();
    let (holds, because) = match rehearsal.expect.evaluate(&values) {
        Verdict::True => (true, None),
        Verdict::False => (false, None),
        Verdict::Unknown(reason) => (false, Some(format!("unknown: {reason}"))),
    };
    all.push(Expectation { expect: format!("{WHEN}{}", rehearsal.expect.text()), holds, because });
    all
}

/// What else must hold on the chain where the proposal's `expect`s hold: every slot it was to change.
pub async fn stands(
    chain: &Chain,
    block: &BlockRef,
    preparation: &Preparation,
    standing: Standing,
) -> Standing {
    let Standing::Holds(mut held) = standing else { return standing };
    let proofs = preparation.upgrades.iter().filter(|proof| proof.takes_effect());
    for check in proofs.flat_map(|proof| &proof.checks) {
        match read(chain, block, check).await {
            Ok(found) if found == check.wanted => held.push(check.describe()),
            Ok(found) => {
                return Standing::Broken(format!(
                    "{} is {}, not {}",
                    check.what,
                    shown(found),
                    shown(check.wanted)
                ));
            }
            Err(why) => return Standing::Unknown(format!("{} is unknown: {why}", check.what)),
        }
    }
    Standing::Holds(held)
}

async fn read(chain: &Chain, block: &BlockRef, check: &StateCheck) -> Result<B256, String> {
    match &check.source {
        Source::Slot(slot) => {
            chain.storage(block, check.address, *slot).await.map_err(|error| chain_of(&error))
        }
        Source::View(data) => {
            let calls = [(check.address, data.clone())];
            let outcome = chain.call_many(block, &calls).await.map_err(|error| chain_of(&error))?.pop();
            match outcome {
                Some(Ok(CallOutcome::Returned(bytes))) => {
                    word(&bytes).ok_or_else(|| "what was answered is no word".to_owned())
                }
                Some(Ok(CallOutcome::Reverted(data))) => {
                    Err(format!("it reverts: {}", decode_revert(&data, &[])))
                }
                Some(Err(error)) => Err(chain_of(&error)),
                None => Err("nothing was answered".to_owned()),
            }
        }
    }
}

/// What is waited for once the proposal is executed; none where nothing more is to be done.
///
/// # Errors
/// When the timelock cannot be read: the same look stays due.
pub async fn goes_on(
    agent: &Agent,
    chain: &Chain,
    block: &BlockRef,
    preparation: &Preparation,
) -> Result<Option<Fact>, TaskError> {
    let now = agent.clock.now();
    let waiting = preparation.upgrades.iter().filter(|proof| proof.goes_on());
    let Some(timelock) = waiting.filter_map(|proof| proof.timelock.as_ref()).min_by_key(|one| one.ready_at_s)
    else {
        return Ok(None);
    };
    let reader = Reader { agent, chain, block };
    let found = through_timelock::state(reader, timelock.address, timelock.operation).await;
    let fact = match found.map_err(|refusal| TaskError::NotNow(refusal.text))? {
        OperationState::Scheduled { ready_at_s } => {
            let timelock = crate::domain::upgrade::proof::TimelockProof { ready_at_s, ..timelock.clone() };
            Fact::Waiting { until: not_before(now, ready_at(&timelock)), because: waits(&timelock) }
        }
        OperationState::Unknown | OperationState::Done => look_now(now),
    };
    Ok(Some(fact))
}

/// A wait for the chain's clock, which may be behind ours.
pub fn not_before(now: Timestamp, ready: Timestamp) -> Timestamp {
    let least = now.checked_add(WAIT_MIN).unwrap_or(Timestamp::MAX);
    ready.max(least)
}

fn look_now(now: Timestamp) -> Fact {
    Fact::Waiting {
        until: now,
        because: "the timelock is another than was waited for: looking anew".to_owned(),
    }
}

/// While something is waited for: is it still so? The chain's clock counts, somebody may cancel or execute, and the
/// code that is pinned may change.
///
/// # Errors
/// When the chain cannot be read: the same look stays due.
pub async fn watch(agent: &Agent, incident: &Incident) -> Result<(), TaskError> {
    let plan = agent.runbook(incident).and_then(|runbook| agent.plans.get(&runbook.id));
    let Some((plan, action)) = plan.and_then(|plan| Some((plan, plan.actions.first()?))) else {
        return Ok(());
    };
    let Some(chain) = agent.chains.get(&action.call.chain) else { return Ok(()) };
    let block = chain.head().await.map_err(|error| TaskError::NotNow(chain_of(&error)))?;
    let still = match resolve(agent, chain, &block, plan, Some(incident)).await {
        Ok(resolved) => resolved.plan.actions.is_empty() && !resolved.waiting.is_empty(),
        Err(refusal @ Refusal { .. }) if refusal.is_later() => return Err(TaskError::NotNow(refusal.text)),
        Err(_) => false,
    };
    if still {
        return Ok(());
    }
    agent.record_outcome(incident, look_now(agent.clock.now())).await.map_err(TaskError::from)
}
