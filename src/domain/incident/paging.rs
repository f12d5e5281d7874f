//! Who is to be called now, by which channel.
//!
//! Every open call walks its escalation policy in event time. Who a step names is resolved *now*, not
//! when the call opened: a shift that begins meanwhile is paged. A step that reaches nobody, because
//! nobody is on call or no channel works, gives its waiting time to the next one at once.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::due::{Due, Task, World};
use super::names::{PageKey, Purpose};
use super::state::{Call, Incident, PageOutcome};
use crate::domain::names::PersonId;
use crate::domain::roster::{EscalationPolicy, ROUND_GAP_MIN, Target};

/// Attempts at one page on one channel in one round, before the channel counts as dead for the round.
pub const PAGE_ATTEMPTS_MAX: u32 = 4;

/// The wait after the first failed attempt at a page, in seconds; it doubles.
const PAGE_RETRY_SECONDS: i64 = 2;

/// When people who hold an owner key but are not on call are asked to sign, where no policy says so.
const WIDER_SIGNERS_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A step of a call, its people resolved.
struct ResolvedStep {
    after: SignedDuration,
    people: BTreeSet<PersonId>,
}

/// Which call, and the how-many-th time round.
#[derive(Clone, Copy)]
struct Round<'a> {
    purpose: Purpose,
    call: &'a Call,
    round: u32,
}

/// The pages of every open call that are due now.
pub fn pages_due(incident: &Incident, world: &World<'_>, now: Timestamp) -> Due {
    let mut due = Due::default();
    for (purpose, call) in &incident.calls {
        if call.closed || (*purpose == Purpose::Sign && enough_signers_answered(incident, world, call)) {
            continue;
        }
        call_due(incident, world, *purpose, call, now, &mut due);
    }
    due
}

fn call_due(
    incident: &Incident,
    world: &World<'_>,
    purpose: Purpose,
    call: &Call,
    now: Timestamp,
    due: &mut Due,
) {
    let steps = steps_of(incident, world, purpose, now);
    let rounds = world.policy.map_or(1, |policy| policy.repeat.saturating_add(1));
    if let Some(exhausted) = call.exhausted {
        let everybody = world.roster.people.keys().cloned().collect();
        let coordinates = Round { purpose, call, round: rounds };
        page_people(incident, world, &coordinates, &everybody, now.max(exhausted), due);
        return;
    }
    let mut round_start = call.since;
    for round in 0..rounds {
        let mut skipped = SignedDuration::ZERO;
        let mut previous = SignedDuration::ZERO;
        let mut previous_reaches = true;
        for step in &steps {
            if !previous_reaches {
                skipped += step.after - previous;
            }
            previous = step.after;
            let Ok(start) = round_start.checked_add(step.after - skipped) else { return };
            if start > now {
                due.next = Some(due.next.map_or(start, |next| next.min(start)));
                return;
            }
            previous_reaches =
                page_people(incident, world, &Round { purpose, call, round }, &step.people, now, due);
        }
        let whole = world.policy.map_or(ROUND_GAP_MIN, EscalationPolicy::round_length);
        let rest = if previous_reaches { whole - skipped } else { previous - skipped };
        let Ok(next_round) = round_start.checked_add(rest) else { return };
        round_start = next_round;
        if round_start > now {
            due.next = Some(due.next.map_or(round_start, |next| next.min(round_start)));
            return;
        }
    }
    due.tasks.push(Task::Exhaust { purpose });
}

/// Makes the pages of one step due. False when nobody can be reached by it, or not any more.
fn page_people(
    incident: &Incident,
    world: &World<'_>,
    round: &Round<'_>,
    people: &BTreeSet<PersonId>,
    now: Timestamp,
    due: &mut Due,
) -> bool {
    let Round { purpose, call, round } = *round;
    let mut reaches = false;
    for id in people {
        if has_answered(incident, world, call, id) {
            reaches = true;
            continue;
        }
        let Some(person) = world.roster.people.get(id) else { continue };
        for channel in &person.channels {
            let page =
                PageKey { purpose, call: call.number, person: id.clone(), channel: channel.clone(), round };
            let Some(state) = incident.pages.get(&page) else {
                due.tasks.push(Task::Page { page, attempt: 1, begun: false });
                reaches = true;
                continue;
            };
            match &state.outcome {
                PageOutcome::Delivered => reaches = true,
                PageOutcome::Started => {
                    reaches = true;
                    due.tasks.push(Task::Page { page, attempt: state.attempts, begun: true });
                }
                PageOutcome::FailedForGood(_) => {}
                PageOutcome::FailedForNow(_) if state.attempts >= PAGE_ATTEMPTS_MAX => {}
                PageOutcome::FailedForNow(_) => {
                    reaches = true;
                    let wait = PAGE_RETRY_SECONDS << state.attempts.saturating_sub(1).min(8);
                    match state.last.checked_add(SignedDuration::from_secs(wait)) {
                        Ok(again) if again > now => {
                            due.next = Some(due.next.map_or(again, |next| next.min(again)));
                        }
                        Ok(_) | Err(_) => {
                            due.tasks.push(Task::Page { page, attempt: state.attempts + 1, begun: false });
                        }
                    }
                }
            }
        }
    }
    reaches
}

/// Whether the person needs no further page for this call.
fn has_answered(incident: &Incident, world: &World<'_>, call: &Call, person: &PersonId) -> bool {
    incident.acknowledged.get(person).is_some_and(|at| *at >= call.since)
        || incident
            .confirmations
            .keys()
            .any(|owner| world.roster.person_of(*owner).is_some_and(|holder| holder.id == *person))
}

/// Enough owners have confirmed or said that they are at it.
fn enough_signers_answered(incident: &Incident, world: &World<'_>, call: &Call) -> bool {
    let Some(preparation) = &incident.preparation else { return false };
    let answered = preparation
        .owners
        .iter()
        .filter(|owner| {
            incident.confirmations.contains_key(*owner)
                || world
                    .roster
                    .person_of(**owner)
                    .and_then(|person| incident.acknowledged.get(&person.id))
                    .is_some_and(|at| *at >= call.since)
        })
        .count();
    answered as u64 >= preparation.threshold
}

fn steps_of(incident: &Incident, world: &World<'_>, purpose: Purpose, now: Timestamp) -> Vec<ResolvedStep> {
    match purpose {
        Purpose::Sign => signer_steps(incident, world, now),
        Purpose::Coverage => {
            // A gap does not wait: everybody of the policy, and those who are missing, at once.
            let mut people: BTreeSet<_> =
                policy_steps(incident, world, now).into_iter().flat_map(|step| step.people).collect();
            people.extend(key_holders(incident, world));
            vec![ResolvedStep { after: SignedDuration::ZERO, people }]
        }
        Purpose::Triage | Purpose::Blocked | Purpose::EffectLost | Purpose::JournalGap => {
            policy_steps(incident, world, now)
        }
    }
}

/// First those who can sign now, then everybody who holds an owner key.
fn signer_steps(incident: &Incident, world: &World<'_>, now: Timestamp) -> Vec<ResolvedStep> {
    let wider = world
        .policy
        .and_then(|policy| policy.steps.iter().map(|step| step.after).find(|after| !after.is_zero()))
        .unwrap_or(WIDER_SIGNERS_AFTER);
    let on_call: BTreeSet<_> = world.roster.on_call(now).into_iter().collect();
    let holders = key_holders(incident, world);
    vec![
        ResolvedStep {
            after: SignedDuration::ZERO,
            people: holders.intersection(&on_call).cloned().collect(),
        },
        ResolvedStep { after: wider, people: holders },
    ]
}

/// Everybody of the roster who holds an owner key of the proposal's Safe.
fn key_holders(incident: &Incident, world: &World<'_>) -> BTreeSet<PersonId> {
    let owners = incident.preparation.iter().flat_map(|preparation| &preparation.owners);
    owners.filter_map(|owner| world.roster.person_of(*owner)).map(|person| person.id.clone()).collect()
}

fn policy_steps(incident: &Incident, world: &World<'_>, now: Timestamp) -> Vec<ResolvedStep> {
    match world.policy {
        Some(policy) => steps_of_policy(policy, incident, world, now),
        None => {
            let on_call: BTreeSet<_> = world.roster.on_call(now).into_iter().collect();
            vec![ResolvedStep { after: SignedDuration::ZERO, people: on_call }]
        }
    }
}

fn steps_of_policy(
    policy: &EscalationPolicy,
    incident: &Incident,
    world: &World<'_>,
    now: Timestamp,
) -> Vec<ResolvedStep> {
    let on_call: BTreeSet<_> = world.roster.on_call(now).into_iter().collect();
    policy
        .steps
        .iter()
        .map(|step| {
            let mut people = BTreeSet::new();
            for target in &step.notify {
                match target {
                    Target::Signers => {
                        people.extend(key_holders(incident, world).intersection(&on_call).cloned());
                    }
                    Target::OnCall | Target::Role(_) | Target::Person(_) | Target::Rotation(_) => {
                        people.extend(world.roster.who(target, now));
                    }
                }
            }
            ResolvedStep { after: step.after, people }
        })
        .collect()
}
