//! Whom each step of a call names.
//!
//! Asked anew each time, never remembered: a shift that begins in the middle of a wait is paged.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::domain::incident::due::World;
use crate::domain::incident::names::Purpose;
use crate::domain::incident::state::{Call, Incident, Subject};
use crate::domain::names::PersonId;
use crate::domain::roster::{EscalationPolicy, ROUND_GAP_MIN, Target};

/// When people who hold an owner key but are not on call are asked to sign, where no policy says so.
const WIDER_SIGNERS_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A step of a call, its people resolved.
pub(super) struct Step {
    /// How long after the round began.
    pub(super) after: SignedDuration,
    /// Who is to be paged.
    pub(super) people: BTreeSet<PersonId>,
}

/// What a call walks through.
pub(super) struct Route {
    /// Its steps, earliest first.
    pub(super) steps: Vec<Step>,
    /// How often it goes through them; at least once.
    pub(super) rounds: u32,
    /// How long one round takes.
    pub(super) round: SignedDuration,
    /// What follows the last round: everybody is called, or nothing.
    pub(super) ends_in_exhaustion: bool,
}

/// The steps of a call, as they are now.
pub(super) fn route(
    incident: &Incident,
    world: &World<'_>,
    purpose: Purpose,
    call: &Call,
    now: Timestamp,
) -> Route {
    let mut steps = match purpose {
        Purpose::Sign | Purpose::Reject => signer_steps(incident, world, now),
        Purpose::Coverage => {
            // A gap does not wait: everybody of the policy, and those who are missing, at once.
            let mut people: BTreeSet<_> =
                policy_steps(incident, world, now).into_iter().flat_map(|step| step.people).collect();
            people.extend(key_holders(incident, world, now));
            vec![Step { after: SignedDuration::ZERO, people }]
        }
        Purpose::Triage
        | Purpose::Execute
        | Purpose::Blocked
        | Purpose::Command
        | Purpose::EffectLost
        | Purpose::JournalGap => policy_steps(incident, world, now),
    };
    let mut rounds = world.policy.map_or(1, |policy| policy.repeat.saturating_add(1));
    // Said once to whoever is first in line; there is nothing left to be done about it at night.
    let told_once = matches!(call.subject, Subject::GapOver | Subject::Leftover);
    if told_once {
        steps.truncate(1);
        rounds = 1;
    }
    let round = round_length(&steps).max(world.policy.map_or(ROUND_GAP_MIN, EscalationPolicy::round_length));
    Route { steps, rounds, round, ends_in_exhaustion: !told_once }
}

/// Up to the last step, and then long enough for it to be answered.
fn round_length(steps: &[Step]) -> SignedDuration {
    let last = steps.last().map_or(SignedDuration::ZERO, |step| step.after);
    last.saturating_add(ROUND_GAP_MIN)
}

/// First those who can sign now, then everybody who holds an owner key. Where those on call are too few,
/// there is nobody to wait for.
fn signer_steps(incident: &Incident, world: &World<'_>, now: Timestamp) -> Vec<Step> {
    let wider = world
        .policy
        .and_then(|policy| policy.steps.iter().map(|step| step.after).find(|after| !after.is_zero()))
        .unwrap_or(WIDER_SIGNERS_AFTER);
    let holders = key_holders(incident, world, now);
    let on_call: BTreeSet<_> = world.roster.on_call(now).into_iter().collect();
    let signs = |owner| {
        let holder = world.roster.person_of(owner);
        holder.is_some_and(|holder| holder.holds(owner, now) && on_call.contains(&holder.id))
    };
    // Through Safes that are owners as well, where there are any.
    let enough_on_call = incident
        .preparation
        .as_ref()
        .is_some_and(|preparation| incident.reaches(preparation.safe_tx_hash(), &signs));
    let first =
        if enough_on_call { holders.intersection(&on_call).cloned().collect() } else { holders.clone() };
    vec![Step { after: SignedDuration::ZERO, people: first }, Step { after: wider, people: holders }]
}

/// Everybody who can sign as an owner of the proposal's Safe or of a companion's, on call or not.
fn key_holders(incident: &Incident, world: &World<'_>, now: Timestamp) -> BTreeSet<PersonId> {
    let mut holders = BTreeSet::new();
    if let Some(preparation) = &incident.preparation {
        holders.extend(world.roster.signers(&preparation.owners, now));
    }
    for tx in incident.asked().into_iter().filter_map(|hash| incident.asked_tx(hash)) {
        holders.extend(world.roster.signers(tx.owners, now));
    }
    holders
}

fn policy_steps(incident: &Incident, world: &World<'_>, now: Timestamp) -> Vec<Step> {
    let Some(policy) = world.policy else {
        let people = world.roster.on_call(now).into_iter().collect();
        return vec![Step { after: SignedDuration::ZERO, people }];
    };
    let named = |target: &Target| match target {
        // Narrowed to the Safe that must act, once one is chosen.
        Target::Signers if incident.preparation.is_some() => key_holders(incident, world, now),
        Target::Signers | Target::OnCall | Target::Role(_) | Target::Person(_) | Target::Rotation(_) => {
            world.roster.who(target, now).into_iter().collect()
        }
    };
    policy
        .steps
        .iter()
        .map(|step| Step { after: step.after, people: step.notify.iter().flat_map(named).collect() })
        .collect()
}
