//! What is due in each state.

use alloy::primitives::B256;
use jiff::SignedDuration;

use crate::domain::condition::Response;
use crate::domain::incident::due::PREPARATION_FRESH;
use crate::domain::incident::fact::{Actor, Fact, OwnerConfirmation, Retry};
use crate::domain::incident::fixture::*;
use crate::domain::incident::{Incident, Task, due};
use crate::domain::names::PersonId;
use crate::domain::safe::OwnerSignature;

/// Tasks of containment and command; pages have tests of their own.
fn tasks(incident: &Incident, around: &Surroundings, second: i64) -> String {
    let due = due(incident, &around.world(), at(second));
    let each = due.tasks.iter().filter_map(|task| match task {
        Task::Page { .. } | Task::Exhaust { .. } => None,
        Task::Prepare { attempt, begun }
        | Task::Submit { attempt, begun, .. }
        | Task::Reject { attempt, begun, .. }
        | Task::Execute { attempt, begun, .. } => {
            Some(format!("{} {attempt}{}", task.kind(), if *begun { " again" } else { "" }))
        }
        Task::Declare
        | Task::Follow { .. }
        | Task::Verify
        | Task::Watch
        | Task::DraftPostMortem
        | Task::Yield { .. } => Some(task.kind().to_owned()),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The facts of a story that goes well, up to the n-th.
fn story(response: Response, count: usize) -> Vec<(i64, Fact)> {
    let safe_tx_hash = hash_at(7);
    let all = [
        (0, reported(response)),
        (1, Fact::PreparationStarted { attempt: 1 }),
        (2, prepared(1, 7)),
        (3, Fact::SubmissionStarted { safe_tx_hash, attempt: 1 }),
        (4, Fact::Submitted { safe_tx_hash, service: "safe.example".into() }),
        (10, confirmed(1, 7)),
        (11, confirmed(2, 7)),
        (12, Fact::ExecutionStarted { safe_tx_hash, attempt: 1, by: Actor::Agent }),
        (13, Fact::Executed { safe_tx_hash, transaction: B256::repeat_byte(2), block: 130, success: true }),
        (14, Fact::Verified { block: 131, expects: vec!["paused".into()] }),
        (90, Fact::EffectLost { block: 140, because: "paused is false".into() }),
    ];
    all[..count].to_vec()
}

#[test]
fn each_stage_has_its_task_and_what_was_begun_is_due_again_after_a_crash() {
    let around = Surroundings::usual();
    let mut lines = vec![];
    for response in [Response::Page, Response::Prepare, Response::Propose] {
        for count in 1..=11 {
            let facts = story(response, count);
            let (second, last) = facts.last().unwrap();
            lines.push(format!("{response} {}: {}", last.kind(), tasks(&incident(&facts), &around, *second)));
        }
    }
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    page reported: 
    page preparation-started: prepare 1 again
    page prepared: follow
    page submission-started: submit 1 again, follow
    page submitted: follow
    page confirmed: follow
    page execution-started: execute 1 again, follow
    page executed: verify
    page verified: watch
    page effect-lost: watch
    prepare reported: prepare 1
    prepare preparation-started: prepare 1 again
    prepare prepared: follow
    prepare submission-started: submit 1 again, follow
    prepare submitted: follow
    prepare confirmed: follow
    prepare execution-started: execute 1 again, follow
    prepare executed: verify
    prepare verified: watch
    prepare effect-lost: watch
    propose reported: prepare 1
    propose preparation-started: prepare 1 again
    propose prepared: submit 1, follow
    propose submission-started: submit 1 again, follow
    propose submitted: follow
    propose confirmed: follow
    propose confirmed: execute 1, follow
    propose execution-started: execute 1 again, follow
    propose executed: verify
    propose verified: watch
    propose effect-lost: watch
    "#);
}

#[test]
fn a_proposal_that_was_prepared_early_is_prepared_anew_before_it_leaves() {
    let around = Surroundings::usual();
    let fresh = PREPARATION_FRESH.as_secs();
    let early = incident(&story(Response::Propose, 3));
    assert_eq!(tasks(&early, &around, 2 + fresh), "submit 1, follow");
    assert_eq!(tasks(&early, &around, 3 + fresh), "prepare 2, follow");
    let mut signed = early.clone();
    signed.apply(&confirmed(1, 7), at(4)).unwrap();
    assert_eq!(tasks(&signed, &around, 3 + fresh), "submit 1, follow", "an owner's signature is worth more");
}

#[test]
fn failures_are_tried_again_later_and_later_or_never() {
    let around = Surroundings::usual();
    let waits: Vec<_> = (1..=9)
        .map(|attempt| {
            let fail = Fact::PreparationFailed {
                attempt,
                problem: "no node".into(),
                retry: Retry::Later,
                draft: None,
            };
            let begun = Fact::PreparationStarted { attempt };
            let incident = incident(&[(0, reported(Response::Propose)), (0, begun), (1, fail)]);
            let wait = (1..=61).find(|wait| !tasks(&incident, &around, 1 + wait).is_empty()).unwrap();
            assert_eq!(tasks(&incident, &around, 1 + wait), format!("prepare {}", attempt + 1));
            let next = due(&incident, &around.world(), at(1)).next.unwrap();
            assert_eq!(next, at(1) + SignedDuration::from_secs(wait), "the driver is told when");
            wait
        })
        .collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);

    let never = |problem: &str| Fact::PreparationFailed {
        attempt: 1,
        problem: problem.to_owned(),
        retry: Retry::Never,
        draft: None,
    };
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (0, Fact::PreparationStarted { attempt: 1 }),
        (1, never("the runbook is gone")),
    ]);
    assert_eq!(tasks(&incident, &around, 10_000), "");
    let raise = Fact::ResponseRaised { by: Actor::Operator, response: Response::Propose };
    incident.apply(&raise, at(10_000)).unwrap();
    assert_eq!(tasks(&incident, &around, 10_000), "prepare 2", "a person wants it tried again");
}

#[test]
fn every_failure_has_its_retry() {
    let around = Surroundings::usual();
    let safe_tx_hash = hash_at(7);
    let mut facts = story(Response::Propose, 4);
    let retry = Retry::Later;
    facts.push((5, Fact::SubmissionFailed { safe_tx_hash, attempt: 1, problem: "503".into(), retry }));
    assert_eq!(tasks(&incident(&facts), &around, 5), "follow");
    assert_eq!(tasks(&incident(&facts), &around, 6), "submit 2, follow");
    facts.extend([(7, confirmed(1, 7)), (7, confirmed(2, 7))]);
    assert_eq!(
        tasks(&incident(&facts), &around, 7),
        "submit 2, execute 1, follow",
        "signed without the service"
    );
    facts.push((8, Fact::ExecutionStarted { safe_tx_hash, attempt: 1, by: Actor::Agent }));
    facts.push((9, Fact::ExecutionFailed { safe_tx_hash, attempt: 1, problem: "gas".into(), retry }));
    assert_eq!(tasks(&incident(&facts), &around, 9), "follow");
    assert_eq!(tasks(&incident(&facts), &around, 10), "execute 2, follow");
}

#[test]
fn what_an_event_or_an_ended_incident_leaves_to_do() {
    let around = Surroundings::usual();
    let operator = Actor::Operator;
    for count in 1..=11 {
        let mut event = incident(&story(Response::Propose, count));
        event.apply(&triaged(operator.clone(), false), at(100)).unwrap();
        // What left the house is followed until its nonce is spent, and called back.
        let of = hash_at(7);
        let left = [Task::Follow { safe_tx_hash: of }, Task::Reject { of, attempt: 1, begun: false }];
        let left = if (4..=8).contains(&count) { &left[..] } else { &[] };
        assert_eq!(due(&event, &around.world(), at(101)).tasks, left, "an event after {count} facts");

        let mut ended = incident(&story(Response::Propose, count));
        for fact in [
            triaged(operator.clone(), true),
            declared(Some("dee")),
            Fact::Resolved { by: operator.clone(), summary: "done".into() },
        ] {
            ended.apply(&fact, at(100)).unwrap();
        }
        let tasks = due(&ended, &around.world(), at(101)).tasks;
        assert_eq!(tasks, [left, &[Task::DraftPostMortem]].concat());
        ended.apply(&Fact::PostMortemDrafted { path: "x.md".into() }, at(102)).unwrap();
        assert_eq!(due(&ended, &around.world(), at(103)).tasks, left);
        ended.apply(&Fact::Closed { by: operator.clone(), reason: "done".into() }, at(104)).unwrap();
        assert_eq!(due(&ended, &around.world(), at(105)).tasks, left);
    }
}

#[test]
fn without_a_proposer_key_the_owners_are_called_all_the_same() {
    let around = Surroundings { can_propose: false, ..Surroundings::usual() };
    assert_eq!(tasks(&incident(&story(Response::Propose, 3)), &around, 2), "submit 1, follow");
    let mut facts = story(Response::Propose, 4);
    let retry = Retry::Later;
    let problem = "no proposer key is configured".to_owned();
    facts.push((5, Fact::SubmissionFailed { safe_tx_hash: hash_at(7), attempt: 1, problem, retry }));
    assert_eq!(tasks(&incident(&facts), &around, 600), "follow", "trying again changes nothing");
    let called = due(&incident(&facts), &around.world(), at(6)).tasks;
    assert!(called.iter().any(|task| matches!(task, Task::Page { page, .. }
        if page.purpose == crate::domain::incident::names::Purpose::Sign)));
}

#[test]
fn without_the_executors_permission_people_execute() {
    let around = Surroundings { auto_execute: false, ..Surroundings::usual() };
    for count in [7, 8] {
        assert_eq!(tasks(&incident(&story(Response::Propose, count)), &around, 12), "follow");
    }
}

#[test]
fn what_the_safe_executed_in_vain_is_prepared_anew() {
    let around = Surroundings::usual();
    let mut facts = story(Response::Propose, 5);
    let (safe_tx_hash, transaction) = (hash_at(7), B256::repeat_byte(2));
    facts.push((9, Fact::Executed { safe_tx_hash, transaction, block: 130, success: false }));
    assert_eq!(tasks(&incident(&facts), &around, 9), "prepare 2");
    facts.push((9, Fact::PreparationStarted { attempt: 2 }));
    facts.push((10, prepared(2, 8)));
    assert_eq!(tasks(&incident(&facts), &around, 10), "submit 1, follow");
}

#[test]
fn a_full_match_declares_where_the_runbook_says_so() {
    let mut around = Surroundings::usual();
    around.runbook.as_mut().unwrap().declare_on_match = true;
    let told = |response| tasks(&incident(&[(0, reported(response))]), &around, 0);
    assert_eq!(told(Response::Propose), "prepare 1, declare");
    assert_eq!(told(Response::Prepare), "prepare 1", "an early match does not");
    let mut incident = incident(&[(0, reported(Response::Propose)), (1, triaged(Actor::Agent, true))]);
    assert_eq!(tasks(&incident, &around, 1), "prepare 1, declare", "a crash between the two");
    incident.apply(&declared(Some("dee")), at(2)).unwrap();
    assert_eq!(tasks(&incident, &around, 2), "prepare 1");
}

#[test]
fn without_a_runbook_there_is_nothing_to_prepare() {
    let around = Surroundings { runbook: None, ..Surroundings::usual() };
    assert_eq!(tasks(&incident(&story(Response::Propose, 1)), &around, 1), "");
    assert_eq!(
        tasks(&incident(&story(Response::Propose, 2)), &around, 1),
        "prepare 1 again",
        "it then says why not"
    );
}

#[test]
fn a_task_that_was_begun_is_the_same_work() {
    let safe_tx_hash = hash_at(7);
    let key = page(crate::domain::incident::names::Purpose::Sign, "ana", "slack", 0, 0);
    for begun in [true, false] {
        for task in [
            Task::Prepare { attempt: 1, begun },
            Task::Submit { safe_tx_hash, attempt: 1, begun },
            Task::Execute { safe_tx_hash, attempt: 1, begun },
            Task::Reject { of: safe_tx_hash, attempt: 1, begun },
            Task::Page { page: key.clone(), attempt: 1, begun },
        ] {
            let again = task.identity();
            assert_eq!(again.identity(), again);
            assert_eq!(again == task, !begun, "{task:?}");
        }
    }
    let other = |attempt| Task::Prepare { attempt, begun: true }.identity();
    assert_ne!(other(1), other(2));
    assert_eq!(key.to_string(), "sign1/ana/slack/r0s0");
    let _: PersonId = key.person;
}

#[test]
fn a_signature_that_counts_already_tells_nothing_new() {
    let mut incident = incident(&story(Response::Propose, 3));
    let Fact::Confirmed(first) = confirmed(2, 7) else { unreachable!() };
    let Fact::Confirmed(second) = confirmed(3, 7) else { unreachable!() };
    assert!(!incident.has_counted(&first));
    incident.apply(&Fact::Confirmed(first.clone()), at(4)).unwrap();
    let elsewhere = OwnerConfirmation { source: "service".to_owned(), ..first.clone() };
    assert!(incident.has_counted(&first) && incident.has_counted(&elsewhere));
    assert!(!incident.has_counted(&second));
    // The chain's word that an owner approved gives way to a signature, and is the same word twice.
    let approval =
        OwnerConfirmation { signature: OwnerSignature::approved_hash(second.owner).bytes, ..second.clone() };
    incident.apply(&Fact::Confirmed(approval.clone()), at(5)).unwrap();
    assert!(incident.has_counted(&approval) && !incident.has_counted(&second));
}
