//! Is this proposal what it says it is? Recomputed from the chain alone.
//!
//! For the sceptic: nothing of the journal or a service is believed but the transaction itself. Every
//! check says what was found; one that could not be made counts as no.

mod upgrades;

use alloy::json_abi::JsonAbi;
use alloy::sol_types::SolCall;
use serde::Serialize;

use super::follow::{find_execution, safe_now};
use super::proposal::{self, Authority};
use super::reads::read_all;
use super::upgrade;
pub use super::wanted::{STILL_WANTED, still_wanted};
use super::{Agent, at_service, chain_of};
use crate::chain::Chain;
use crate::domain::expression::Verdict;
use crate::domain::incident::{CompanionRole, Fact, Preparation};
use crate::domain::runbook::{Plan, PlannedAction};
use crate::domain::safe::abi::Safe;
use crate::domain::safe::multisend::{BatchedCall, decode, is_call_only};
use crate::domain::safe::{Operation, SafeState, SafeTx, hash};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub what: &'static str,
    /// It is as it must be.
    pub good: bool,
    /// What was found.
    pub found: String,
}

/// Yes or no, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scrutiny {
    /// Every check is good, but for [`SINGLETON`].
    pub genuine: bool,
    /// All checks, in the order a signer asks.
    pub checks: Vec<Check>,
}

#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn note(&mut self, what: &'static str, good: bool, found: impl Into<String>) {
        self.0.push(Check { what, good, found: found.into() });
    }

    fn conclude(self) -> Scrutiny {
        let genuine = self.0.iter().all(|check| check.good || check.what == SINGLETON);
        Scrutiny { genuine, checks: self.0 }
    }
}

/// The check that stops nobody: a team may run code of its own. It is red all the same.
pub const SINGLETON: &str = "singleton";

/// Recomputes everything. `plan` is the runbook's, where the proposal claims to follow one; `wanted` is what
/// [`still_wanted`] says; `role` is why it is there, where it is not the proposal itself.
pub async fn scrutinise(
    agent: &Agent,
    preparation: &Preparation,
    plan: Option<&Plan>,
    wanted: Result<(), String>,
    role: Option<CompanionRole>,
) -> Scrutiny {
    let mut checks = Checks::default();
    let asked_for = wanted.is_ok();
    let found = wanted.err().unwrap_or_else(|| "the incident asks for it".to_owned());
    checks.note(STILL_WANTED, asked_for, found);
    let Some(chain) = agent.chains.get(&preparation.chain) else {
        checks.note("chain", false, format!("{} is not configured", preparation.chain));
        return checks.conclude();
    };
    the_chain(&mut checks, chain, preparation).await;
    match safe_now(chain, preparation).await {
        Ok((block, state)) => {
            the_past(&mut checks, chain, &block, &state, preparation).await;
            let resolved = match plan {
                Some(plan) => upgrade::resolve(agent, chain, &block, plan, None).await.map(Some),
                None => Ok(None),
            };
            let resolved = resolved.unwrap_or_else(|refusal| {
                checks.note("upgrade", false, refusal.text);
                None
            });
            let plan = resolved.as_ref().map(|resolved| &resolved.plan);
            if let Some(resolved) = &resolved {
                upgrades::the_upgrades(&mut checks, chain, &block, &state, preparation, resolved).await;
            }
            the_safe(&mut checks, preparation, &state, role);
            the_transaction(&mut checks, preparation);
            if let Some(role) = role
                && let Some(()) = the_role(&mut checks, chain, &block, &state, preparation, role).await
            {
                return checks.conclude();
            }
            the_calls(&mut checks, agent, preparation, plan);
            if let Some(plan) = plan {
                what_is_left_out(&mut checks, chain, &block, preparation, plan).await;
            }
            the_effect(&mut checks, agent, chain, &block, &state, preparation, plan).await;
            if let Some((good, found)) = at_service::compare(agent, preparation, &state).await {
                checks.note("at the service", good, found);
            }
        }
        Err(problem) => checks.note("Safe", false, problem),
    }
    checks.conclude()
}

async fn the_chain(checks: &mut Checks, chain: &Chain, preparation: &Preparation) {
    let configured = chain.id() == preparation.domain.chain_id;
    match chain.verify_chain_id().await {
        Ok(()) if configured => {
            checks.note("chain", true, format!("{} is chain {}", chain.name(), chain.id()))
        }
        Ok(()) => checks.note(
            "chain",
            false,
            format!(
                "{} is chain {}, the proposal is for {}",
                chain.name(),
                chain.id(),
                preparation.domain.chain_id
            ),
        ),
        Err(error) => checks.note("chain", false, chain_of(&error)),
    }
}

/// A nonce that is spent is explained: by this proposal, or by another transaction.
async fn the_past(
    checks: &mut Checks,
    chain: &Chain,
    block: &crate::chain::BlockRef,
    state: &SafeState,
    preparation: &Preparation,
) {
    if state.nonce.0 <= preparation.tx.nonce.0 {
        return;
    }
    let found = match find_execution(chain, block, preparation).await {
        Ok(Some(Fact::Executed { transaction, block, .. })) => {
            format!("it was executed in block {block} by {transaction}: there is nothing left to sign")
        }
        Ok(_) => "another transaction took its nonce: it can never execute".to_owned(),
        Err(problem) => format!("its nonce is spent, by what is unknown: {problem}"),
    };
    checks.note("still open", false, found);
}

fn the_safe(checks: &mut Checks, preparation: &Preparation, state: &SafeState, role: Option<CompanionRole>) {
    let same_owners = {
        let (mut then, mut now) = (preparation.owners.clone(), state.owners.clone());
        then.sort();
        now.sort();
        then == now
    };
    checks.note(
        "Safe",
        // A version that hashes alike changes nothing for whoever signs; the hash is a check of its own.
        same_owners
            && state.threshold == preparation.threshold
            && state.domain().separator() == preparation.domain.separator(),
        format!(
            "{} version {}, {} of {} owners{}",
            state.address,
            state.version.as_str(),
            state.threshold,
            state.owners.len(),
            if same_owners { "" } else { "; the owners are others than when it was prepared" }
        ),
    );
    let singleton = state.singleton_judged();
    checks.note(SINGLETON, singleton.is_good(), singleton.to_string());
    checks.note(
        "nonce",
        state.nonce == preparation.tx.nonce || waits_its_turn(preparation, state, role),
        format!("the Safe's is {}, the proposal's {}", state.nonce, preparation.tx.nonce),
    );
    let guards: Vec<_> = state.guard.iter().chain(&state.module_guard).map(ToString::to_string).collect();
    if !guards.is_empty() {
        checks.note("guard", true, format!("{} may veto; the simulation ran it", guards.join(", ")));
    }
    let ours = hash(&preparation.tx, &state.domain());
    checks.note("hash", ours == preparation.hashes, format!("recomputed here: {}", ours.safe_tx));
}

/// The variant is for the nonce after the Safe's, and so is the rejection of a variant.
fn waits_its_turn(preparation: &Preparation, state: &SafeState, role: Option<CompanionRole>) -> bool {
    let may_wait = match role {
        Some(CompanionRole::NextNonce | CompanionRole::Rejection { .. }) => true,
        Some(CompanionRole::Approval { .. }) | None => false,
    };
    may_wait && preparation.tx.nonce == state.nonce.next()
}

/// A companion that calls nothing of a runbook is what its role says, byte by byte. None: its calls are to be looked
/// at like a proposal's.
async fn the_role(
    checks: &mut Checks,
    chain: &Chain,
    block: &crate::chain::BlockRef,
    state: &SafeState,
    preparation: &Preparation,
    role: CompanionRole,
) -> Option<()> {
    match role {
        CompanionRole::NextNonce => return None,
        CompanionRole::Rejection { .. } => {
            let rejection = SafeTx::rejection(state.address.0, preparation.tx.nonce);
            let found = format!("it calls nothing and only uses up nonce {}", preparation.tx.nonce);
            let is = preparation.tx == rejection;
            checks.note(
                "call",
                is,
                if is { found } else { "it does more than to use up a nonce".to_owned() },
            );
        }
        CompanionRole::Approval { of } => {
            let data = Safe::approveHashCall { hashToApprove: of.0 }.abi_encode();
            let is = preparation.tx.data.as_ref() == data.as_slice();
            let found = format!("it approves {of} at {}", preparation.tx.to);
            checks.note("call", is, if is { found } else { format!("it does not approve {of}") });
        }
    }
    let tx = &preparation.tx;
    match proposal::simulate(chain, block, state, tx, &[], Authority::Pretended, &[]).await {
        Err(error) => checks.note("effect", false, chain_of(&error)),
        Ok(shown) => {
            let agrees = shown.safe_says.is_some_and(|says| says.agrees(&preparation.hashes));
            let found = match shown.safe_says {
                Some(says) => format!("getTransactionHash says {}", says.safe_tx),
                None => "the Safe did not say its own hash".to_owned(),
            };
            checks.note("Safe's own hash", agrees, found);
            let passes = format!("simulated at block {}", shown.simulation.block_number);
            let found = shown.simulation.why_not().unwrap_or(passes);
            checks.note("effect", shown.simulation.passed(), found);
        }
    }
    Some(())
}

fn the_transaction(checks: &mut Checks, preparation: &Preparation) {
    let tx = &preparation.tx;
    let zero =
        tx.safe_tx_gas.is_zero() && tx.base_gas.is_zero() && !tx.pays_a_refund() && tx.gas_token.is_zero();
    checks.note(
        "refund",
        zero && tx.refund_receiver.is_zero(),
        if zero {
            "all gas and refund fields are zero"
        } else {
            "gas or refund fields are set: somebody is paid"
        },
    );
    let (good, found) = match tx.operation {
        Operation::Call => (true, "a plain call".to_owned()),
        Operation::DelegateCall if is_call_only(tx.to) => {
            (true, format!("a batch by the canonical MultiSendCallOnly {}", tx.to))
        }
        Operation::DelegateCall => {
            (false, format!("a DELEGATECALL to {}: it may do anything to the Safe", tx.to))
        }
    };
    checks.note("operation", good && tx.value.is_zero(), found);
}

/// What is called is what the configuration names and the runbook says, byte by byte.
fn the_calls(checks: &mut Checks, agent: &Agent, preparation: &Preparation, plan: Option<&Plan>) {
    let tx = &preparation.tx;
    let inside = match tx.operation {
        Operation::Call => vec![BatchedCall::call(tx.to, tx.data.clone())],
        Operation::DelegateCall => match decode(&tx.data) {
            Ok(calls) => calls,
            Err(error) => return checks.note("calls", false, chain_of(&error)),
        },
    };
    for call in inside {
        let planned = plan.and_then(|plan| {
            plan.actions.iter().find(|action| action.call.address == call.to && action.call.data == call.data)
        });
        let contract = agent.config.settings.contracts.values().find(|contract| contract.address == call.to);
        // What a proxy's own slot names (its ProxyAdmin, its beacon) needs no name of its own.
        let is_upgrade = planned.is_some_and(|action| action.proof().is_some());
        let name = match contract {
            Some(contract) => contract.name.to_string(),
            None if is_upgrade => call.to.to_string(),
            None => {
                checks.note("call", false, format!("{} is no configured contract", call.to));
                continue;
            }
        };
        match (planned, plan) {
            (Some(action), _) => {
                checks.note("call", true, format!("{} at {}", action.call.describe(), call.to))
            }
            (None, Some(_)) => {
                checks.note("call", false, format!("{} on {name} is not what the runbook says", call.data))
            }
            (None, None) => checks.note("call", false, "no runbook says that this is to be called"),
        }
    }
}

/// What the runbook says and the proposal leaves out must not be needed: read on the chain, not believed.
async fn what_is_left_out(
    checks: &mut Checks,
    chain: &Chain,
    block: &crate::chain::BlockRef,
    preparation: &Preparation,
    plan: &Plan,
) {
    let inside = |action: &PlannedAction| {
        preparation
            .calls
            .iter()
            .any(|call| call.address == action.call.address && call.data == action.call.data)
    };
    for action in plan.actions.iter().filter(|action| !inside(action)) {
        let call = action.call.describe();
        let Some(unless) = &action.unless else {
            checks.note("left out", false, format!("{call}, which the runbook always wants"));
            continue;
        };
        let values = read_all(chain, block, unless.reads().iter()).await;
        match unless.evaluate(&values) {
            Verdict::True => checks.note("left out", true, format!("{call}: {} already", unless.text())),
            Verdict::False => {
                checks.note("left out", false, format!("{call}, and {} is false", unless.text()))
            }
            Verdict::Unknown(reason) => checks.note("left out", false, format!("{call}: unknown: {reason}")),
        }
    }
}

async fn the_effect(
    checks: &mut Checks,
    agent: &Agent,
    chain: &Chain,
    block: &crate::chain::BlockRef,
    state: &SafeState,
    preparation: &Preparation,
    plan: Option<&Plan>,
) {
    // What is to be expected is the runbook's to say, not the journal's.
    let called = |action: &&PlannedAction| {
        preparation
            .calls
            .iter()
            .any(|call| call.address == action.call.address && call.data == action.call.data)
    };
    let expects: Vec<_> =
        plan.iter().flat_map(|plan| &plan.actions).filter(called).map(|action| &action.expect).collect();
    if expects.is_empty() {
        return checks.note("effect", false, "no runbook says what is to be expected of it");
    }
    let abis: Vec<&JsonAbi> =
        agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
    let shown =
        proposal::simulate(chain, block, state, &preparation.tx, &expects, Authority::Pretended, &abis).await;
    match shown {
        Err(error) => checks.note("effect", false, chain_of(&error)),
        Ok(shown) => {
            let agrees = shown.safe_says.is_some_and(|says| says.agrees(&preparation.hashes));
            let found = match shown.safe_says {
                Some(says) => format!("getTransactionHash says {}", says.safe_tx),
                None => "the Safe did not say its own hash".to_owned(),
            };
            checks.note("Safe's own hash", agrees, found);
            let found = shown.simulation.why_not().unwrap_or_else(|| {
                let held: Vec<_> = shown
                    .simulation
                    .expectations
                    .iter()
                    .map(|expectation| expectation.expect.clone())
                    .collect();
                format!("simulated at block {}; then {}", shown.simulation.block_number, held.join("; "))
            });
            checks.note("effect", shown.simulation.passed(), found);
        }
    }
}
