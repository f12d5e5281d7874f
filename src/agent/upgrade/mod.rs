//! Upgrades against live state: which call upgrades now, whether the code is what was pinned, and what is to be
//! found on the chain afterwards.
//!
//! | file | does |
//! |---|---|
//! | `reading` | what is read of proxies and code |
//! | `kinds`, `cutting` | UUPS, transparent, beacon; diamond |
//! | `through_timelock` | scheduled, waited for, executed |
//! | `cancelling` | taking back what was scheduled |
//! | [`effect`] | what simulation and chain show afterwards |
//!
//! **Invariants.** Code is compared with its pin at the block everything else is read at, and before anything is
//! simulated; where one differs, nothing comes out but the reason. A plan leaves here without an unresolved upgrade.
//!
//! Nothing here signs or records.

mod cancelling;
mod cutting;
pub mod effect;
mod kinds;
mod reading;
mod through_timelock;

use alloy::primitives::{Address, Bytes};
use jiff::Timestamp;

use super::{Agent, chain_of};
use crate::chain::{BlockRef, Chain};
use crate::domain::contract::ContractCall;
use crate::domain::expression::ReadExpression;
use crate::domain::incident::preparation::SkippedCall;
use crate::domain::incident::{Incident, Retry};
use crate::domain::names::ContractName;
use crate::domain::runbook::{Plan, PlannedAction};
use crate::domain::upgrade::calls::explain;
use crate::domain::upgrade::proof::{StateCheck, TimelockProof, UpgradeProof, UpgradeStep};
use crate::domain::upgrade::{PlannedUpgrade, UpgradePlan};
use kinds::{Found, Inner};
use reading::Reader;

/// Why an upgrade is not prepared.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// In a sentence.
    pub text: String,
    /// Whether the same may be asked again.
    pub retry: Retry,
}

impl Refusal {
    fn later(text: impl Into<String>) -> Self {
        Self { text: text.into(), retry: Retry::Later }
    }

    fn never(text: impl Into<String>) -> Self {
        Self { text: text.into(), retry: Retry::Never }
    }

    fn is_later(&self) -> bool {
        self.retry == Retry::Later
    }
}

/// What a timelock will do later, tried now.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// Who will call.
    timelock: Address,
    /// Whom.
    target: Address,
    data: Bytes,
    /// What must hold then.
    expect: ReadExpression,
    checks: Vec<StateCheck>,
}

/// A plan whose upgrades are calls.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The actions that are to be done now, if their `unless` does not hold.
    pub plan: Plan,
    /// Upgrades that need nothing, or nothing yet, and why.
    pub skipped: Vec<SkippedCall>,
    /// Upgrades that wait for their timelock.
    pub waiting: Vec<UpgradeProof>,
    rehearsals: Vec<Rehearsal>,
}

impl Resolved {
    /// The plan as it is, where it has no upgrade that depends on the chain.
    pub fn without_upgrades(plan: &Plan) -> Option<Self> {
        plan.actions
            .iter()
            .all(|action| matches!(action.upgrade.as_deref(), None | Some(UpgradePlan::Resolved(_))))
            .then(|| Self { plan: plan.clone(), skipped: vec![], waiting: vec![], rehearsals: vec![] })
    }

    /// What is waited for, where nothing else is to be done.
    pub fn wait(&self) -> Option<(Timestamp, String)> {
        let first = self.waiting.iter().filter_map(|proof| proof.timelock.as_ref());
        first.min_by_key(|timelock| timelock.ready_at_s).map(|timelock| (ready_at(timelock), waits(timelock)))
    }
}

/// From when on an operation may be executed.
pub fn ready_at(timelock: &TimelockProof) -> Timestamp {
    let seconds = i64::try_from(timelock.ready_at_s).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// What is waited for, in a sentence.
fn waits(timelock: &TimelockProof) -> String {
    format!(
        "operation {} is scheduled at {} and may be executed from {} on; until then it can be cancelled",
        timelock.operation,
        timelock.contract,
        ready_at(timelock)
    )
}

/// Makes calls of a plan's upgrades, as the chain is at `block`. `past` is the incident they are for.
///
/// # Errors
/// When code is not what is pinned, storage layouts clash, a proxy is not what the runbook was written for, or the
/// chain could not be read.
pub async fn resolve(
    agent: &Agent,
    chain: &Chain,
    block: &BlockRef,
    plan: &Plan,
    past: Option<&Incident>,
) -> Result<Resolved, Refusal> {
    let mut resolved = Resolved {
        plan: Plan { actions: Vec::new(), confirms: plan.confirms.clone() },
        skipped: Vec::new(),
        waiting: Vec::new(),
        rehearsals: Vec::new(),
    };
    let reader = Reader { agent, chain, block };
    for action in &plan.actions {
        match action.upgrade.as_deref() {
            None | Some(UpgradePlan::Resolved(_)) => resolved.plan.actions.push(action.clone()),
            Some(UpgradePlan::Make(upgrade)) => make(reader, action, upgrade, past, &mut resolved).await?,
            Some(UpgradePlan::Cancel { of }) => cancelling::cancel(reader, action, of, &mut resolved).await?,
        }
    }
    Ok(resolved)
}

async fn make(
    reader: Reader<'_>,
    action: &PlannedAction,
    upgrade: &PlannedUpgrade,
    past: Option<&Incident>,
    resolved: &mut Resolved,
) -> Result<(), Refusal> {
    let inner = match kinds::look(reader, upgrade).await? {
        Found::Todo(inner) => *inner,
        Found::Already(because) => {
            let call = format!("the upgrade of {}", upgrade.contract);
            resolved.skipped.push(SkippedCall { call, because });
            return Ok(());
        }
    };
    let mut proof = proof(upgrade, &inner);
    let Some(timelock) = &upgrade.timelock else {
        let name = ContractName::new(inner.target_name.clone());
        push(resolved, action, call(action, name, inner.target, inner.data)?, action.expect.clone(), proof);
        return Ok(());
    };
    let at = through_timelock::look(reader, timelock, &inner, &upgrade.of).await?;
    proof.step = at.step;
    proof.authority = format!("{}; {}", proof.authority, at.roles);
    proof.timelock = Some(at.proof.clone());
    let (name, address) = (timelock.0.clone(), timelock.1);
    match at.step {
        UpgradeStep::Waiting => {
            resolved.skipped.push(SkippedCall { call: proof.call.clone(), because: waits(&at.proof) });
            resolved.waiting.push(proof);
        }
        UpgradeStep::Schedule => {
            if past.is_some_and(|incident| was_scheduled(incident, &at.proof)) {
                return Err(Refusal::never(format!(
                    "operation {} was scheduled for this incident and is gone from {}: somebody cancelled it, and it is not scheduled again by itself; trigger the runbook anew if it is still wanted",
                    at.proof.operation, at.proof.contract
                )));
            }
            let data = at.operation.schedule(through_timelock::delay(&at.proof));
            let text = format!("read(\"{name}\", \"getTimestamp({})\") > 1", at.proof.operation);
            let expect = compile(reader.agent, &text)?;
            resolved.rehearsals.push(Rehearsal {
                timelock: address,
                target: inner.target,
                data: inner.data.clone(),
                expect: action.expect.clone(),
                checks: inner.checks.clone(),
            });
            push(resolved, action, call(action, name, address, data)?, expect, proof);
        }
        UpgradeStep::Direct | UpgradeStep::Execute | UpgradeStep::Cancel => {
            let data = at.operation.execute();
            push(resolved, action, call(action, name, address, data)?, action.expect.clone(), proof);
        }
    }
    Ok(())
}

/// Whether this incident had the operation at the timelock already.
fn was_scheduled(incident: &Incident, now: &TimelockProof) -> bool {
    let proofs = incident.preparation.iter().flat_map(|preparation| &preparation.upgrades);
    proofs
        .filter(|proof| match proof.step {
            UpgradeStep::Schedule => incident.executed_at.is_some(),
            UpgradeStep::Execute => incident.executed_at.is_none(),
            UpgradeStep::Waiting => true,
            UpgradeStep::Direct | UpgradeStep::Cancel => false,
        })
        .filter_map(|proof| proof.timelock.as_ref())
        .any(|then| then.operation == now.operation)
}

fn proof(upgrade: &PlannedUpgrade, inner: &Inner) -> UpgradeProof {
    let mut warnings = inner.warnings.clone();
    warnings.extend(upgrade.layout.iter().flat_map(|layout| layout.warnings.clone()));
    UpgradeProof {
        contract: upgrade.contract.clone(),
        address: upgrade.address,
        kind: upgrade.kind,
        step: UpgradeStep::Direct,
        call: format!("{}.{}", inner.target_name, inner.words),
        replacements: inner.replacements.clone(),
        layout: upgrade.layout.clone(),
        proxiable_uuid: inner.proxiable_uuid,
        authority: inner.authority.clone(),
        warnings,
        checks: inner.checks.clone(),
        timelock: None,
    }
}

/// A call, with what a signer reads taken from the bytes that are signed.
fn call(
    action: &PlannedAction,
    contract: ContractName,
    address: Address,
    data: Bytes,
) -> Result<ContractCall, Refusal> {
    let (signature, arguments) =
        explain(&data).ok_or_else(|| Refusal::never("the call that was built cannot be read back"))?;
    let selector = data.get(..4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default();
    Ok(ContractCall {
        contract,
        chain: action.call.chain.clone(),
        chain_id: action.call.chain_id,
        address,
        signature,
        selector: selector.into(),
        data,
        arguments,
        outputs: Vec::new(),
        is_view: false,
    })
}

fn push(
    resolved: &mut Resolved,
    action: &PlannedAction,
    call: ContractCall,
    expect: ReadExpression,
    proof: UpgradeProof,
) {
    let upgrade = Some(Box::new(UpgradePlan::Resolved(Box::new(proof))));
    resolved.plan.actions.push(PlannedAction { call, unless: action.unless.clone(), expect, upgrade });
}

fn compile(agent: &Agent, text: &str) -> Result<ReadExpression, Refusal> {
    ReadExpression::compile(text, &agent.config.settings.contracts).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        Refusal::never(format!("`{text}` cannot be read: {}", errors.join("; ")))
    })
}

/// Whether the code that the proposal brings is still what was pinned, at the newest agreed block.
///
/// # Errors
/// Says which is not, or why it is unknown.
pub async fn still_pinned(
    chain: &Chain,
    preparation: &crate::domain::incident::Preparation,
) -> Result<(), Refusal> {
    let replacements = preparation.upgrades.iter().flat_map(|proof| &proof.replacements);
    let pins: Vec<_> = replacements.filter_map(|one| one.to.zip(one.to_code)).collect();
    if pins.is_empty() {
        return Ok(());
    }
    let block = chain.head().await.map_err(|error| Refusal::later(chain_of(&error)))?;
    for (address, pinned) in pins {
        let found =
            chain.code_hash(&block, address).await.map_err(|error| Refusal::later(chain_of(&error)))?;
        if found != Some(pinned) {
            let found = found.map_or("there is none".to_owned(), |hash| format!("its hash is {hash}"));
            return Err(Refusal::never(format!(
                "the code at {address} is not what was pinned and signed for ({pinned}): {found}"
            )));
        }
    }
    Ok(())
}
