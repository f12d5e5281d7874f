//! Every fact in every state.

use alloy::primitives::B256;
use proptest::prelude::*;

use crate::domain::condition::Response;
use crate::domain::incident::fact::{Actor, Fact, Retry, Role};
use crate::domain::incident::fixture::*;
use crate::domain::incident::names::{IncidentId, Purpose};
use crate::domain::incident::{Incident, Phase, Stage};
use crate::domain::safe::SafeNonce;

fn ana() -> Actor {
    Actor::Person("ana".into())
}

/// One of each fact, and a few with what makes a difference.
fn facts() -> Vec<Fact> {
    let safe_tx_hash = hash_at(7);
    let key = page(Purpose::Triage, "ana", "slack", 0, 0);
    vec![
        reported(Response::Propose),
        Fact::Matched { matched: matched(&["0x02"], Response::Propose), response: Response::Propose },
        triaged(ana(), true),
        triaged(ana(), false),
        declared(Some("dee")),
        Fact::Assigned { by: ana(), role: Role::Commander, person: "ana".into() },
        Fact::ObjectiveSet { by: ana(), objective: "stop it".into() },
        Fact::Noted { by: ana(), text: "seen".into() },
        Fact::ResponseRaised { by: ana(), response: Response::Propose },
        Fact::PreparationStarted { attempt: 1 },
        prepared(1, 7),
        Fact::Unneeded { because: "paused already".into() },
        Fact::PreparationFailed { attempt: 1, problem: "no node".into(), retry: Retry::Later, draft: None },
        Fact::SubmissionStarted { safe_tx_hash, attempt: 1 },
        Fact::Submitted { safe_tx_hash, service: "safe.example".into() },
        Fact::SubmissionFailed { safe_tx_hash, attempt: 1, problem: "503".into(), retry: Retry::Later },
        confirmed(1, 7),
        confirmed(2, 7),
        Fact::Superseded { safe_tx_hash, nonce: SafeNonce::from(8), by: None, because: None },
        Fact::ExecutionStarted { safe_tx_hash, attempt: 1, by: Actor::Agent },
        Fact::Executed { safe_tx_hash, transaction: B256::repeat_byte(2), block: 130, success: true },
        Fact::Executed { safe_tx_hash, transaction: B256::repeat_byte(2), block: 130, success: false },
        Fact::ExecutionFailed { safe_tx_hash, attempt: 1, problem: "reverts".into(), retry: Retry::Never },
        Fact::Verified { block: 131, expects: vec!["paused".into()] },
        Fact::EffectLost { block: 140, because: "paused is false".into() },
        Fact::PageStarted { page: key.clone(), attempt: 1 },
        Fact::PageDelivered { page: key.clone(), reference: None },
        Fact::PageFailed { page: key, attempt: 1, problem: "429".into(), retry: Retry::Later },
        acknowledged("ana"),
        Fact::Exhausted { purpose: Purpose::Triage },
        Fact::JournalGap { since: at(0), facts: 3, dropped: vec![] },
        Fact::Resolved { by: ana(), summary: "paused".into() },
        Fact::PostMortemDrafted { path: "INC-1.md".into() },
        Fact::ActionItemAdded {
            item: 1,
            what: "more detectors".into(),
            owner: "ben".into(),
            due: jiff::civil::date(2026, 12, 1),
        },
        Fact::ActionItemDone { item: 1, by: ana() },
        Fact::Closed { by: ana(), reason: "done".into() },
    ]
}

fn after(names: &[usize]) -> Incident {
    let all = facts();
    let told: Vec<_> = names.iter().map(|index| (1, all[*index].clone())).collect();
    incident(&told)
}

/// The states a fact may meet, by the facts that lead there.
fn states() -> Vec<(&'static str, Incident)> {
    let told: [(&str, &[usize]); 20] = [
        ("reported", &[0]),
        ("event", &[0, 3]),
        ("triaged", &[0, 2]),
        ("declared", &[0, 2, 4]),
        ("preparing", &[0, 9]),
        ("unneeded", &[0, 9, 11]),
        ("prepare failed", &[0, 9, 12]),
        ("prepared", &[0, 9, 10]),
        ("prepared, signed", &[0, 9, 10, 16]),
        ("submitting", &[0, 9, 10, 13]),
        ("submit failed", &[0, 9, 10, 13, 15]),
        ("proposed", &[0, 9, 10, 13, 14]),
        ("quorum", &[0, 9, 10, 13, 14, 16, 17]),
        ("executing", &[0, 9, 10, 13, 14, 16, 17, 19]),
        ("execute failed", &[0, 9, 10, 13, 14, 16, 17, 19, 22]),
        ("executed", &[0, 9, 10, 13, 14, 20]),
        ("inner failed", &[0, 9, 10, 13, 14, 21]),
        ("verified", &[0, 9, 10, 13, 14, 20, 23]),
        ("resolved", &[0, 2, 4, 31]),
        ("closed", &[0, 2, 4, 31, 32, 35]),
    ];
    told.map(|(name, path)| (name, after(path))).to_vec()
}

#[test]
fn a_fact_stands_in_the_journal_by_its_word() {
    for fact in facts() {
        assert_eq!(serde_json::to_value(&fact).unwrap()["fact"], fact.kind());
    }
}

#[test]
fn every_fact_is_admitted_or_refused_in_every_state() {
    let mut table = String::new();
    for (name, state) in states() {
        let admitted: Vec<_> = facts()
            .iter()
            .filter(|fact| state.clone().apply(fact, at(2)).is_ok())
            .map(|fact| {
                if matches!(fact, Fact::Triaged { incident: false, .. }) {
                    "triaged-as-event"
                } else if matches!(fact, Fact::Executed { success: false, .. }) {
                    "executed-in-vain"
                } else {
                    fact.kind()
                }
            })
            .filter(|kind| !matches!(*kind, "noted" | "acknowledged" | "journal-gap" | "page-started"))
            .collect();
        table.push_str(&format!("{name}: {}\n", admitted.join(" ")));
    }
    insta::assert_snapshot!(table, @r#"
    reported: matched triaged triaged-as-event response-raised preparation-started exhausted
    event: matched triaged triaged-as-event response-raised closed
    triaged: matched triaged triaged-as-event declared response-raised preparation-started
    declared: matched assigned objective-set response-raised preparation-started resolved action-item-added
    preparing: matched triaged triaged-as-event response-raised prepared unneeded preparation-failed exhausted
    unneeded: matched triaged triaged-as-event response-raised exhausted
    prepare failed: matched triaged triaged-as-event response-raised preparation-started exhausted
    prepared: matched triaged triaged-as-event response-raised preparation-started submission-started confirmed confirmed superseded executed executed-in-vain exhausted
    prepared, signed: matched triaged triaged-as-event response-raised submission-started confirmed confirmed superseded executed executed-in-vain exhausted
    submitting: matched triaged triaged-as-event response-raised submitted submission-failed confirmed confirmed superseded executed executed-in-vain exhausted
    submit failed: matched triaged triaged-as-event response-raised submission-started confirmed confirmed superseded executed executed-in-vain exhausted
    proposed: matched triaged triaged-as-event response-raised confirmed confirmed superseded executed executed-in-vain exhausted
    quorum: matched triaged triaged-as-event response-raised confirmed confirmed superseded execution-started executed executed-in-vain exhausted
    executing: matched triaged triaged-as-event response-raised confirmed confirmed superseded execution-started executed executed-in-vain execution-failed exhausted
    execute failed: matched triaged triaged-as-event response-raised confirmed confirmed superseded execution-started executed executed-in-vain exhausted
    executed: matched triaged triaged-as-event response-raised confirmed confirmed verified exhausted
    inner failed: matched triaged triaged-as-event response-raised preparation-started confirmed confirmed exhausted
    verified: matched triaged triaged-as-event response-raised confirmed confirmed effect-lost exhausted
    resolved: post-mortem-drafted action-item-added
    closed:
    "#);
}

#[test]
fn a_refusal_says_why() {
    let mut sentences = std::collections::BTreeSet::new();
    for (_, state) in states() {
        for fact in facts() {
            if let Err(refused) = state.clone().apply(&fact, at(2)) {
                // Where it stands is said at the end; which states refuse is in the table above.
                let because = refused.because.split("; ").next().unwrap();
                let because = because.split(" is ").take(2).collect::<Vec<_>>().join(" is ");
                sentences.insert(because);
            }
        }
    }
    let text = sentences.into_iter().collect::<Vec<_>>().join("\n");
    let short = text.replace(&hash_at(7).to_string(), "0x7…");
    insta::assert_snapshot!(short, @r#"
    an owner signed the proposal already
    containment is executed already
    containment is executing already
    containment is execution failed already
    containment is not needed already
    containment is preparing already
    containment is proposed already
    containment is submission failed already
    containment is submitting already
    containment is verified already
    it is an incident: declare it
    it is declared
    it is declared already
    it is executed already
    it is not resolved yet
    it is not triaged yet
    it is reported
    it is resolved
    it is resolved already
    it is triaged
    it was reported already
    its post-mortem is not drafted yet
    no effect stands
    no page triage1/ana/slack/r0s0 was begun
    no proposal is prepared
    no triage call is open
    nothing is being executed
    nothing is being prepared
    nothing is being submitted
    the incident is closed
    the proposal is executed already
    the proposal is executing already
    the proposal is execution failed already
    the proposal is proposed already
    the proposal is submitting already
    the proposal is verified already
    there is no action item 1
    there is nothing to verify
    too few owners confirmed
    triage found an event, not an incident
    "#);
}

#[test]
fn a_refusal_changes_nothing_and_each_fact_counts_once() {
    for (name, state) in states() {
        for fact in facts() {
            let mut next = state.clone();
            match next.apply(&fact, at(2)) {
                Ok(()) => assert_eq!(next.version, state.version + 1, "{name} {}", fact.kind()),
                Err(_) => {
                    assert_eq!(format!("{next:?}"), format!("{state:?}"), "{name} {}", fact.kind());
                }
            }
        }
    }
}

#[test]
fn an_incident_begins_with_a_report_and_with_nothing_else() {
    for fact in facts() {
        let opened = Incident::open(IncidentId(1), &fact, at(0));
        assert_eq!(opened.is_ok(), matches!(fact, Fact::Reported { .. }), "{}", fact.kind());
    }
}

/// Facts with other attempts, nonces and people than the table has.
fn any_fact() -> impl Strategy<Value = Fact> {
    let count = facts().len();
    prop_oneof![
        6 => (0..count).prop_map(|index| facts()[index].clone()),
        1 => (1_u32..4, 7_u64..9).prop_map(|(attempt, nonce)| prepared(attempt, nonce)),
        1 => (1_u8..4, 7_u64..9).prop_map(|(number, nonce)| confirmed(number, nonce)),
        1 => (7_u64..9, 1_u32..4).prop_map(|(nonce, attempt)| Fact::SubmissionStarted {
            safe_tx_hash: hash_at(nonce),
            attempt,
        }),
        1 => any::<bool>().prop_map(|agent| declared((!agent).then_some("ana"))),
        1 => (0_u32..2, 0_u32..2, 1_u32..4).prop_map(|(round, step, attempt)| Fact::PageStarted {
            page: page(Purpose::Triage, "ben", "sms", round, step),
            attempt,
        }),
    ]
}

fn was_executed(stage: &Stage) -> bool {
    matches!(stage, Stage::Executed { success: true, .. } | Stage::Verified { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever comes, in whatever order.
    #[test]
    fn invariants_hold_after_any_facts(told in prop::collection::vec(any_fact(), 1..50)) {
        let mut state = Incident::open(IncidentId(1), &reported(Response::Prepare), at(0)).unwrap();
        let mut admitted = vec![];
        for (fact, second) in told.into_iter().zip(1..) {
            let before = state.clone();
            if state.apply(&fact, at(second)).is_err() {
                prop_assert_eq!(format!("{:?}", state), format!("{:?}", before));
                continue;
            }
            admitted.push((fact, second));
            prop_assert!(state.response >= before.response, "the response is never lowered");
            if before.phase == Phase::Closed {
                prop_assert_eq!(state.phase, Phase::Closed);
            }
            if was_executed(&before.stage) {
                prop_assert!(was_executed(&state.stage), "{:?}", state.stage);
            }
            let hash = state.preparation.as_ref().map(|preparation| preparation.safe_tx_hash());
            prop_assert!(state.confirmations.values().all(|one| Some(one.safe_tx_hash) == hash));
            // What can still be executed outlives the incident; nothing else calls anybody.
            let mut others = state.calls.iter().filter(|(purpose, _)| **purpose != Purpose::Reject);
            prop_assert!(state.is_live() || others.all(|(_, call)| call.closed), "{:?}", state.calls);
            for (purpose, call) in &before.calls {
                prop_assert!(state.calls[purpose].number >= call.number);
            }
        }
        let mut again = Incident::open(IncidentId(1), &reported(Response::Prepare), at(0)).unwrap();
        for (fact, second) in &admitted {
            again.apply(fact, at(*second)).unwrap();
        }
        prop_assert_eq!(format!("{again:?}"), format!("{state:?}"), "the same facts make the same incident");
        prop_assert_eq!(state.version, admitted.len() as u64 + 1);
    }
}
