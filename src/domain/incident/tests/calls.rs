//! What opens a call, what ends it, and what wakes nobody twice.

use crate::domain::condition::Response;
use crate::domain::incident::fact::{Actor, Fact, Retry, Role};
use crate::domain::incident::fixture::*;
use crate::domain::incident::names::Purpose;
use crate::domain::incident::state::Subject;
use crate::domain::incident::{Incident, Phase, Stage};
use crate::domain::roster::Roster;

fn failed(attempt: u32) -> Fact {
    Fact::PreparationFailed { attempt, problem: "no node".into(), retry: Retry::Later, draft: None }
}

fn then(incident: &mut Incident, facts: &[(i64, Fact)]) {
    for (second, fact) in facts {
        incident.apply(fact, at(*second)).unwrap_or_else(|refused| panic!("{refused}"));
    }
}

/// `purpose number open|answered|over`, of every call.
fn calls(incident: &Incident) -> String {
    let each = incident.calls.iter().map(|(purpose, call)| {
        let state = match (call.closed, call.answered) {
            (false, _) => "open",
            (true, Some(_)) => "answered",
            (true, None) => "over",
        };
        format!("{} {} {state}", purpose.as_str(), call.number)
    });
    each.collect::<Vec<_>>().join(", ")
}

#[test]
fn whoever_answered_for_a_trouble_is_not_woken_by_its_repetition_until_the_answer_is_old() {
    let start = Fact::PreparationStarted { attempt: 1 };
    let mut incident = incident(&[(0, reported(Response::Propose)), (0, start), (1, failed(1))]);
    assert_eq!(calls(&incident), "triage 1 open, blocked 1 open");
    then(&mut incident, &[(30, acknowledged("ana"))]);
    assert_eq!(calls(&incident), "triage 1 answered, blocked 1 answered");
    then(&mut incident, &[(61, Fact::PreparationStarted { attempt: 2 }), (62, failed(2))]);
    assert_eq!(calls(&incident), "triage 1 answered, blocked 1 answered");
    then(&mut incident, &[(931, Fact::PreparationStarted { attempt: 3 }), (932, failed(3))]);
    assert_eq!(calls(&incident), "triage 1 answered, blocked 2 open", "a quarter of an hour later");
}

#[test]
fn other_trouble_calls_again_although_somebody_answered_for_the_first() {
    let hash = hash_at(7);
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (0, Fact::PreparationStarted { attempt: 1 }),
        (1, failed(1)),
        (5, acknowledged("ana")),
        (6, Fact::PreparationStarted { attempt: 2 }),
        (7, prepared(2, 7)),
    ]);
    assert_eq!(calls(&incident), "triage 1 answered, blocked 1 over");
    let away =
        Fact::SubmissionFailed { safe_tx_hash: hash, attempt: 1, problem: "503".into(), retry: Retry::Later };
    then(&mut incident, &[(8, Fact::SubmissionStarted { safe_tx_hash: hash, attempt: 1 }), (9, away)]);
    assert_eq!(calls(&incident), "triage 1 answered, sign 1 open, blocked 2 open");
    then(&mut incident, &[(10, acknowledged("ben")), (11, confirmed(1, 7)), (11, confirmed(2, 7))]);
    let reverts = Fact::ExecutionFailed {
        safe_tx_hash: hash,
        attempt: 1,
        problem: "reverts".into(),
        retry: Retry::Later,
    };
    let begin = Fact::ExecutionStarted { safe_tx_hash: hash, attempt: 1, by: Actor::Agent };
    then(&mut incident, &[(12, begin), (13, reverts)]);
    assert_eq!(
        calls(&incident),
        "triage 1 answered, sign 1 over, execute 1 open, blocked 3 open",
        "another trouble"
    );
}

#[test]
fn an_answer_does_not_close_what_needs_signatures_nor_what_was_asked_later() {
    let nobody = Roster { shifts: vec![], ..roster() };
    let uncovered = Fact::Prepared(Box::new(preparation(1, 7, &nobody)));
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (0, Fact::PreparationStarted { attempt: 1 }),
        (1, uncovered),
        (1, Fact::SubmissionStarted { safe_tx_hash: hash_at(7), attempt: 1 }),
        (9, acknowledged("dee")),
    ]);
    assert_eq!(calls(&incident), "triage 1 answered, sign 1 open, coverage 1 open");
    // Quorum ends both, and asks for whoever executes.
    then(&mut incident, &[(10, confirmed(1, 7)), (11, confirmed(3, 7))]);
    assert_eq!(calls(&incident), "triage 1 answered, sign 1 over, execute 1 open, coverage 1 over");
    // An answer that was given earlier and written later.
    let gap = Fact::JournalGap { since: at(20), facts: 2, dropped: vec!["lost".into()] };
    then(&mut incident, &[(40, gap), (30, acknowledged("ana"))]);
    assert_eq!(incident.calls[&Purpose::JournalGap].subject, Subject::GapDropped);
    assert!(incident.open_call(Purpose::JournalGap).is_some());
}

#[test]
fn new_evidence_about_an_event_opens_its_triage_again() {
    let mut incident = incident(&[
        (0, reported(Response::Prepare)),
        (5, acknowledged("ana")),
        (9, triaged(Actor::Person("ana".into()), false)),
    ]);
    assert_eq!((calls(&incident).as_str(), incident.is_live()), ("triage 1 over", false));
    let more = matched(&["0x08", "0x09"], Response::Propose);
    then(&mut incident, &[(60, Fact::Matched { matched: more, response: Response::Propose })]);
    assert_eq!(calls(&incident), "triage 2 open");
    assert_eq!(
        (incident.phase, incident.is_incident, incident.response),
        (Phase::Reported, None, Response::Propose)
    );
}

#[test]
fn new_evidence_asks_the_chain_again_where_nothing_was_to_be_done() {
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (0, Fact::PreparationStarted { attempt: 1 }),
        (1, Fact::Unneeded { because: "paused already".into() }),
    ]);
    let more = matched(&["0x08"], Response::Propose);
    then(&mut incident, &[(60, Fact::Matched { matched: more, response: Response::Propose })]);
    assert_eq!(incident.stage, Stage::Idle);
}

#[test]
fn preparing_anew_keeps_the_signatures_of_the_same_hash_and_of_no_other() {
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (0, Fact::PreparationStarted { attempt: 1 }),
        (1, prepared(1, 7)),
        (8, Fact::PreparationStarted { attempt: 2 }),
        (9, confirmed(1, 7)),
        (9, prepared(2, 7)),
    ]);
    assert_eq!(incident.confirmed_owners(), 1, "an owner signed while it was prepared anew");
    let refused = incident.apply(&Fact::PreparationStarted { attempt: 3 }, at(20)).unwrap_err();
    assert_eq!(refused.because, "an owner signed the proposal already");
    let gone = Fact::Superseded { safe_tx_hash: hash_at(7), nonce: 8.into(), by: None, because: None };
    then(&mut incident, &[(30, gone), (30, Fact::PreparationStarted { attempt: 3 }), (31, prepared(3, 8))]);
    assert_eq!(incident.confirmed_owners(), 0);
}

#[test]
fn nobody_is_called_for_what_is_over() {
    for end in [
        vec![(2, triaged(Actor::Operator, false))],
        vec![
            (2, triaged(Actor::Operator, true)),
            (2, declared(Some("dee"))),
            (3, Fact::Resolved { by: Actor::Operator, summary: "paused by hand".into() }),
        ],
    ] {
        let mut incident =
            incident(&[(0, reported(Response::Propose)), (1, Fact::PreparationStarted { attempt: 1 })]);
        then(&mut incident, &end);
        then(&mut incident, &[(4, failed(1))]);
        assert_eq!(calls(&incident), "triage 1 over", "the outcome came late");
    }
}

#[test]
fn who_declares_without_a_commander_calls_for_one() {
    let mut incident =
        incident(&[(0, reported(Response::Propose)), (1, triaged(Actor::Agent, true)), (1, declared(None))]);
    assert_eq!(calls(&incident), "triage 1 open, command 1 open");
    let take = Fact::Assigned { by: Actor::Operator, role: Role::Commander, person: "ben".into() };
    then(&mut incident, &[(9, take)]);
    assert_eq!(calls(&incident), "triage 1 open, command 1 over");
    assert!(incident.is_commander(&Actor::Person("ben".into())));
}

#[test]
fn a_person_who_finds_it_real_has_answered_whether_it_is() {
    let ana = || Actor::Person("ana".into());
    let by = |by| incident(&[(0, reported(Response::Propose)), (1, triaged(by, true))]);
    assert_eq!(calls(&by(Actor::Agent)), "triage 1 open");
    assert_eq!(calls(&by(ana())), "triage 1 over");
    let Fact::Reported { title, severity, runbook, contract, response, matched, statement, .. } =
        reported(Response::Propose)
    else {
        panic!("a report");
    };
    let source = crate::domain::incident::Source::Trigger;
    let by_hand = Fact::Reported { source, title, severity, runbook, contract, response, matched, statement };
    let incident = incident(&[(0, by_hand), (0, triaged(ana(), true))]);
    assert_eq!(calls(&incident), "triage 1 open", "whoever pulls the handle wants the others to come");
}

#[test]
fn a_gap_that_is_over_is_told_and_one_that_lost_facts_is_a_call() {
    let gap = |facts, dropped: &[&str]| Fact::JournalGap {
        since: at(10),
        facts,
        dropped: dropped.iter().map(|text| (*text).to_owned()).collect(),
    };
    for (fact, subject) in [
        (gap(0, &[]), Subject::GapLasts),
        (gap(3, &[]), Subject::GapOver),
        (gap(3, &["one"]), Subject::GapDropped),
    ] {
        let incident = incident(&[(0, reported(Response::Propose)), (20, fact)]);
        assert_eq!(incident.calls[&Purpose::JournalGap].subject, subject);
    }
    let closed = &[
        (0, reported(Response::Propose)),
        (1, triaged(Actor::Operator, false)),
        (2, Fact::Closed { by: Actor::Operator, reason: "nothing".into() }),
        (3, gap(3, &["one"])),
    ];
    assert_eq!(calls(&incident(closed)), "triage 1 over", "a gap may be marked on what is closed");
}

#[test]
fn a_late_failure_undoes_neither_a_newer_attempt_nor_a_delivery() {
    let key = page(Purpose::Triage, "ana", "slack", 0, 0);
    let begin = |attempt| Fact::PageStarted { page: key.clone(), attempt };
    let fail =
        |attempt| Fact::PageFailed { page: key.clone(), attempt, problem: "429".into(), retry: Retry::Later };
    let mut incident = incident(&[(0, reported(Response::Page)), (1, begin(1))]);
    assert!(incident.apply(&begin(1), at(2)).is_err(), "begun already");
    then(&mut incident, &[(2, fail(1)), (3, begin(2))]);
    assert!(incident.apply(&fail(1), at(4)).is_err(), "of an older attempt");
    then(&mut incident, &[(5, Fact::PageDelivered { page: key.clone(), reference: None })]);
    assert!(incident.apply(&fail(2), at(6)).is_err(), "delivered already");
}
