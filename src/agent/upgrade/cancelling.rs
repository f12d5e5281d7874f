//! Taking back what a runbook's upgrade scheduled.
//!
//! Which operations these are is derived anew from runbook and chain, and looked up in what incidents remember: an
//! upgrade whose code was changed meanwhile must be cancellable all the same.

use alloy::primitives::B256;

use super::kinds::{self, Found};
use super::reading::Reader;
use super::through_timelock::{rounds, state};
use super::{Refusal, Resolved, call, compile, push};
use crate::domain::incident::preparation::SkippedCall;
use crate::domain::names::RunbookId;
use crate::domain::runbook::PlannedAction;
use crate::domain::upgrade::proof::{TimelockProof, UpgradeProof, UpgradeStep};
use crate::domain::upgrade::timelock::{OperationState, cancel as cancel_data};
use crate::domain::upgrade::{PlannedUpgrade, UpgradePlan};

/// Adds a call for each operation of runbook `of` that is scheduled at the action's contract.
pub(super) async fn cancel(
    reader: Reader<'_>,
    action: &PlannedAction,
    of: &RunbookId,
    resolved: &mut Resolved,
) -> Result<(), Refusal> {
    let timelock = action.call.address;
    let mut operations = remembered(reader, action, of);
    let mut unknown = None;
    for upgrade in upgrades_of(reader, of, action) {
        match kinds::how(reader, upgrade).await {
            Ok(Found::Already(_)) => {}
            Ok(Found::Todo(inner)) => {
                let all = rounds(reader, timelock, &inner, upgrade.of.0.as_str(), upgrade.of.1).await?;
                operations.extend(all.into_iter().map(|(operation, _)| (upgrade.clone(), operation.id())));
            }
            Err(refusal) => {
                unknown.get_or_insert(refusal);
            }
        }
    }
    operations.sort_by_key(|(_, id)| *id);
    operations.dedup_by_key(|(_, id)| *id);
    let before = resolved.plan.actions.len();
    for (upgrade, id) in operations {
        let OperationState::Scheduled { ready_at_s } = state(reader, timelock, id).await? else { continue };
        let name = action.call.contract.clone();
        let proof = UpgradeProof {
            contract: upgrade.contract.clone(),
            address: upgrade.address,
            kind: upgrade.kind,
            step: UpgradeStep::Cancel,
            call: format!("{name}.cancel({id})"),
            replacements: Vec::new(),
            layout: None,
            proxiable_uuid: None,
            authority: format!("runbook {of} scheduled it"),
            warnings: Vec::new(),
            checks: Vec::new(),
            timelock: Some(TimelockProof {
                contract: name.clone(),
                address: timelock,
                operation: id,
                delay_s: 0,
                ready_at_s,
            }),
        };
        let expect = compile(reader.agent, &format!("read(\"{name}\", \"getTimestamp({id})\") == 0"))?;
        push(resolved, action, call(action, name, timelock, cancel_data(id))?, expect, proof);
    }
    if resolved.plan.actions.len() > before {
        return Ok(());
    }
    // Which operation it would be cannot be told, so that there is none cannot be told either.
    if let Some(refusal) = unknown {
        return Err(refusal);
    }
    resolved.skipped.push(SkippedCall {
        call: format!("cancelling what runbook {of} scheduled"),
        because: format!("nothing of it is scheduled at {}", action.call.contract),
    });
    Ok(())
}

/// The runbook's upgrades through this timelock.
fn upgrades_of<'a>(
    reader: Reader<'a>,
    of: &RunbookId,
    action: &'a PlannedAction,
) -> impl Iterator<Item = &'a PlannedUpgrade> {
    let plan = reader.agent.plans.get(of);
    plan.into_iter()
        .flat_map(|plan| &plan.actions)
        .filter_map(|other| match other.upgrade.as_deref() {
            Some(UpgradePlan::Make(upgrade)) => Some(upgrade.as_ref()),
            Some(UpgradePlan::Cancel { .. } | UpgradePlan::Resolved(_)) | None => None,
        })
        .filter(|upgrade| {
            upgrade.timelock.as_ref().is_some_and(|(_, address)| *address == action.call.address)
        })
}

/// Operations that incidents of the runbook had at this timelock.
fn remembered(reader: Reader<'_>, action: &PlannedAction, of: &RunbookId) -> Vec<(PlannedUpgrade, B256)> {
    let incidents = reader.agent.store.all();
    let ours = incidents.iter().filter(|incident| incident.runbook.as_ref() == Some(of));
    let proofs = ours.flat_map(|incident| incident.preparation.iter()).flat_map(|one| &one.upgrades);
    let ids = proofs.filter_map(|proof| proof.timelock.as_ref());
    let here = ids.filter(|timelock| timelock.address == action.call.address);
    here.flat_map(|timelock| {
        let upgrade = upgrades_of(reader, of, action).next();
        upgrade.map(|upgrade| (upgrade.clone(), timelock.operation))
    })
    .collect()
}
