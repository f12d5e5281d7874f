//! One open response for one target: who waits for whom, in any order of events and after any restart.

use std::collections::BTreeSet;

use alloy::primitives::{Address, Bytes};

use super::super::fixture::*;
use super::super::target::{Target, could_wait, waits_for};
use super::super::*;
use crate::domain::condition::Response;
use crate::domain::names::ChainId;

fn pause(contract: u8) -> Target {
    Target {
        chain_id: ChainId(1),
        address: Address::repeat_byte(contract),
        data: Bytes::from_static(b"pause"),
    }
}

fn targets(contracts: &[u8]) -> BTreeSet<Target> {
    contracts.iter().map(|contract| pause(*contract)).collect()
}

/// An incident in this stage that may propose.
fn staged(id: u64, stage: Stage) -> Incident {
    let mut incident = Incident::open(IncidentId(id), &reported(Response::Propose), at(0)).unwrap();
    incident.stage = stage;
    incident
}

fn waits(incident: &Incident, wanted: &[u8], others: &[(&Incident, &[u8])]) -> Option<u64> {
    let others = others.iter().map(|(other, contracts)| (*other, targets(contracts)));
    waits_for(incident, &targets(wanted), others).map(|id| id.0)
}

#[test]
fn whoever_is_further_goes_first_and_then_who_was_first() {
    let (one, two) = (staged(1, Stage::Idle), staged(2, Stage::Idle));
    assert_eq!(waits(&two, &[7], &[(&one, &[7]), (&two, &[7])]), Some(1));
    assert_eq!(waits(&one, &[7], &[(&one, &[7]), (&two, &[7])]), None);
    // The second was quicker: the first waits for it.
    let out = [
        Stage::Submitting { attempt: 1 },
        Stage::SubmitFailed { attempt: 1, retry_at: None, problem: String::new() },
        Stage::Proposed,
        Stage::Executing { attempt: 1 },
        Stage::ExecuteFailed { attempt: 1, retry_at: None, problem: String::new() },
    ];
    for stage in [Stage::Preparing { attempt: 1 }, Stage::Prepared].into_iter().chain(out.clone()) {
        let two = staged(2, stage.clone());
        assert_eq!(waits(&one, &[7], &[(&two, &[7])]), Some(2), "{stage:?}");
        assert_eq!(waits(&two, &[7], &[(&one, &[7])]), None, "{stage:?}");
    }
    // Both built at once, by twins: one of them leaves the house. Both out: neither is called back by this.
    let (one, two) = (staged(1, Stage::Prepared), staged(2, Stage::Prepared));
    assert_eq!((waits(&one, &[7], &[(&two, &[7])]), waits(&two, &[7], &[(&one, &[7])])), (None, Some(1)));
    for stage in out {
        assert!(!could_wait(&staged(2, stage)));
    }
}

#[test]
fn nobody_waits_for_what_is_over_stuck_or_stays_in_the_house() {
    let two = staged(2, Stage::Idle);
    let mut prepares = Incident::open(IncidentId(1), &reported(Response::Prepare), at(0)).unwrap();
    prepares.stage = Stage::Prepared;
    assert_eq!(waits(&two, &[7], &[(&prepares, &[7])]), None, "it may not propose");
    assert!(!could_wait(&prepares), "and what stays in the house needs not wait");

    let mut called_off = staged(1, Stage::Proposed);
    called_off.called_off = true;
    assert_eq!(waits(&two, &[7], &[(&called_off, &[7])]), None);
    let mut event = staged(1, Stage::Proposed);
    event.is_incident = Some(false);
    assert_eq!(waits(&two, &[7], &[(&event, &[7])]), None);
    for phase in [Phase::Resolved, Phase::PostMortem, Phase::Closed] {
        let mut over = staged(1, Stage::Proposed);
        over.phase = phase;
        assert_eq!(waits(&two, &[7], &[(&over, &[7])]), None);
    }
    for stage in [
        Stage::PrepareFailed { attempt: 3, retry_at: Some(at(9)), problem: String::new() },
        Stage::Unneeded,
        Stage::Executed { transaction: Default::default(), success: true },
        Stage::Verified { at: at(1), block: 1 },
    ] {
        assert_eq!(waits(&two, &[7], &[(&staged(1, stage.clone()), &[7])]), None, "{stage:?}");
    }
}

#[test]
fn it_waits_only_where_others_make_every_call_it_wants() {
    let (one, two) = (staged(1, Stage::Proposed), staged(2, Stage::Proposed));
    let three = staged(3, Stage::Idle);
    assert_eq!(waits(&three, &[7, 8], &[(&one, &[7])]), None, "nobody stops 8");
    assert_eq!(waits(&three, &[7, 8], &[(&one, &[7]), (&two, &[8, 9])]), Some(1));
    assert_eq!(waits(&three, &[9], &[(&one, &[7])]), None);
    assert_eq!(waits(&three, &[], &[(&one, &[])]), None);
}

#[test]
fn who_waits_begins_nothing_says_so_once_and_goes_on_when_it_may() {
    let ground = Surroundings::usual();
    let mut two = staged(2, Stage::Idle);
    let world = |waits_for| World { waits_for, ..ground.world() };
    let first = Some(IncidentId(1));
    let contains = |tasks: &[Task], wanted: fn(&Task) -> bool| tasks.iter().any(wanted);
    let prepares = |task: &Task| matches!(task, Task::Prepare { .. });

    let tasks = due(&two, &world(first), at(0)).tasks;
    assert!(tasks.contains(&Task::Yield { to: IncidentId(1) }) && !contains(&tasks, prepares));
    assert!(contains(&tasks, |task| matches!(task, Task::Page { .. })), "people are called all the same");
    two.apply(&Fact::ResponseWaits { on: IncidentId(1) }, at(1)).unwrap();
    assert!(two.apply(&Fact::ResponseWaits { on: IncidentId(1) }, at(1)).is_err(), "once");
    let tasks = due(&two, &world(first), at(1)).tasks;
    assert!(!contains(&tasks, |task| matches!(task, Task::Yield { .. })) && !contains(&tasks, prepares));
    assert!(two.waits_in_words().unwrap().starts_with("INC-1 makes the same calls"));

    assert!(contains(&due(&two, &world(None), at(2)).tasks, prepares));
    two.apply(&Fact::PreparationStarted { attempt: 1 }, at(2)).unwrap();
    assert_eq!(two.waits_in_words(), None);
    // What was begun goes on, whoever else is there now.
    let tasks = due(&two, &world(first), at(3)).tasks;
    assert!(tasks.contains(&Task::Prepare { attempt: 1, begun: true }));
    let moments = timeline::timeline(&[(at(1), Fact::ResponseWaits { on: IncidentId(1) })]);
    insta::assert_snapshot!(moments[0].sentence, @"the response waits: that of INC-1 makes the same calls and is open");
}
