//! One open response for one target.
//!
//! A target is a call on a contract. Two runbooks that make the same calls must not put two proposals before the
//! owners at once: while one incident's response is open, the other waits, and goes on by itself when the first was
//! executed, called off or closed, or can no longer be prepared. *Derived from all incidents*, so that a restart and
//! a twin decide alike. Actions wait; alerts, matches and pages do not.
//!
//! An incident waits only where *every* call it wants is in responses that are open before it: one that would stop
//! more than they do goes on, and so does one that may not propose, because nothing of it leaves the house.

use std::collections::BTreeSet;

use alloy::primitives::{Address, Bytes};

use super::names::IncidentId;
use super::state::{Incident, Stage};
use crate::domain::condition::Response;
use crate::domain::names::ChainId;
use crate::domain::runbook::{Plan, PlannedAction};

/// A call on a contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The contract's chain.
    pub chain_id: ChainId,
    /// The contract.
    pub address: Address,
    /// The call, encoded: two ways to write one call are one target.
    pub data: Bytes,
}

/// What a runbook calls. An upgrade, whose call is made from live state, is one with every other of that contract.
pub fn targets(plan: &Plan) -> BTreeSet<Target> {
    let target = |action: &PlannedAction| Target {
        chain_id: action.call.chain_id,
        address: action.call.address,
        data: action.call.data.clone(),
    };
    plan.actions.iter().map(target).collect()
}

/// How far a response is, ordered: who is further goes first, then who was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It will be prepared, and it is not known that it cannot be.
    Wanted,
    /// It is being built, or built.
    Built,
    /// It left the house: owners may be signing it.
    Out,
}

/// Whether the incident may put a proposal before owners.
fn takes_part(incident: &Incident) -> bool {
    incident.is_live() && !incident.called_off && incident.response == Response::Propose
}

/// Where its response stands for others; none where nobody has to wait for it.
fn standing(incident: &Incident) -> Option<Standing> {
    if !takes_part(incident) {
        return None;
    }
    match &incident.stage {
        Stage::Idle if incident.replan_at.is_none() => Some(Standing::Wanted),
        Stage::Preparing { .. } | Stage::Prepared => Some(Standing::Built),
        Stage::Submitting { .. }
        | Stage::SubmitFailed { .. }
        | Stage::Proposed
        | Stage::Executing { .. }
        | Stage::ExecuteFailed { .. } => Some(Standing::Out),
        // Whoever cannot prepare, or has to wait for something else, must not keep others from acting.
        Stage::Idle
        | Stage::PrepareFailed { .. }
        | Stage::Unneeded
        | Stage::Waiting { .. }
        | Stage::Executed { .. }
        | Stage::Verified { .. } => None,
    }
}

/// Whether the incident could have to wait for another: cheap, so that most are never compared.
pub fn could_wait(incident: &Incident) -> bool {
    takes_part(incident)
        && match &incident.stage {
            Stage::Idle
            | Stage::Preparing { .. }
            | Stage::PrepareFailed { .. }
            | Stage::Prepared
            | Stage::Executed { success: false, .. } => true,
            Stage::Unneeded
            | Stage::Waiting { .. }
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. }
            | Stage::Executed { success: true, .. }
            | Stage::Verified { .. } => false,
        }
}

/// For which incident this one waits: the first of those whose open responses make every call that it wants.
pub fn waits_for<'i>(
    incident: &Incident,
    wanted: &BTreeSet<Target>,
    others: impl Iterator<Item = (&'i Incident, BTreeSet<Target>)>,
) -> Option<IncidentId> {
    if wanted.is_empty() || !could_wait(incident) {
        return None;
    }
    let own = (standing(incident).unwrap_or(Standing::Wanted), std::cmp::Reverse(incident.id));
    let (mut first, mut covered) = (None, BTreeSet::new());
    for (other, targets) in others.filter(|(other, _)| other.id != incident.id) {
        let Some(other_standing) = standing(other) else { continue };
        if (other_standing, std::cmp::Reverse(other.id)) <= own || targets.is_disjoint(wanted) {
            continue;
        }
        covered.extend(targets.intersection(wanted).cloned());
        first = Some(first.map_or(other.id, |first: IncidentId| first.min(other.id)));
    }
    first.filter(|_| covered.len() == wanted.len())
}

impl Incident {
    /// For which incident's response this one's waits, in a sentence.
    pub fn waits_in_words(&self) -> Option<String> {
        let on = self.waits_on.filter(|_| self.is_live())?;
        Some(format!(
            "{on} makes the same calls and its response is open: no second proposal is put before the owners; this \
             one goes on by itself when that is executed, called off or closed"
        ))
    }
}
