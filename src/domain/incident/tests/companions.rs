//! The proposal at n and n+1, races lost, rejections, approvals that a reorganisation undoes.

use alloy::primitives::{B256, Bytes};

use crate::domain::condition::Response;
use crate::domain::incident::companion::{Companion, CompanionRole, CompanionStage};
use crate::domain::incident::fact::{Actor, Fact, OwnerConfirmation, Retry, TakenBy};
use crate::domain::incident::fixture::*;
use crate::domain::incident::names::Purpose;
use crate::domain::incident::race::RACES_MAX;
use crate::domain::incident::{Incident, Stage, Task, due};
use crate::domain::safe::{OwnerSignature, SafeTx, SafeTxHash, hash};

/// The same calls at another nonce, as a companion.
fn variant(nonce: u64) -> Companion {
    companion(CompanionRole::NextNonce, preparation(1, nonce, &roster()).tx)
}

fn rejection(of: SafeTxHash, nonce: u64) -> Companion {
    let safe = preparation(1, nonce, &roster()).domain.safe;
    companion(CompanionRole::Rejection { of }, SafeTx::rejection(safe.0, nonce.into()))
}

fn companion(role: CompanionRole, tx: SafeTx) -> Companion {
    let like = preparation(1, 7, &roster());
    Companion {
        role,
        chain: like.chain,
        safe: Some(like.safe),
        hashes: hash(&tx, &like.domain),
        domain: like.domain,
        owners: like.owners,
        threshold: like.threshold,
        calls: if matches!(role, CompanionRole::NextNonce) { like.calls } else { vec![] },
        purpose: role.words().to_owned(),
        tx,
        simulation: Some(like.simulation),
        built_at_block: 123,
        coverage: like.coverage,
    }
}

fn with_variant(nonce: u64) -> Fact {
    let mut preparation = preparation(1, nonce, &roster());
    preparation.companions.push(variant(nonce + 1));
    Fact::Prepared(Box::new(preparation))
}

fn signed(number: u8, safe_tx_hash: SafeTxHash) -> Fact {
    // The last byte says: an ordinary signature. Whose it is was checked before it became a fact.
    let signature = Bytes::from([vec![number; 64], vec![27]].concat());
    Fact::Confirmed(OwnerConfirmation {
        safe_tx_hash,
        owner: owner(number),
        signature,
        source: "command".into(),
    })
}

fn approved(number: u8, safe_tx_hash: SafeTxHash) -> Fact {
    let signature = OwnerSignature::approved_hash(owner(number)).bytes;
    Fact::Confirmed(OwnerConfirmation {
        safe_tx_hash,
        owner: owner(number),
        signature,
        source: "chain".into(),
    })
}

fn submitted(safe_tx_hash: SafeTxHash) -> [Fact; 2] {
    [
        Fact::SubmissionStarted { safe_tx_hash, attempt: 1 },
        Fact::Submitted { safe_tx_hash, service: "safe.example".into() },
    ]
}

fn superseded(at_nonce: u64, nonce: u64) -> Fact {
    let by = TakenBy {
        safe_tx_hash: SafeTxHash(B256::repeat_byte(9)),
        transaction: B256::repeat_byte(8),
        purpose: Some("calls setCap(uint256) of vault".into()),
    };
    Fact::Superseded {
        safe_tx_hash: hash_at(at_nonce),
        nonce: nonce.into(),
        by: Some(Box::new(by)),
        because: None,
    }
}

fn executed(safe_tx_hash: SafeTxHash) -> Fact {
    Fact::Executed { safe_tx_hash, transaction: B256::repeat_byte(2), block: 130, success: true }
}

fn apply(incident: &mut Incident, second: i64, facts: impl IntoIterator<Item = Fact>) {
    for fact in facts {
        incident.apply(&fact, at(second)).unwrap_or_else(|refused| panic!("{refused}"));
    }
}

/// Everything due but pages, each by its nonce where it has a hash.
fn tasks(incident: &Incident, second: i64) -> String {
    let around = Surroundings::usual();
    let again = |begun: bool| if begun { " again" } else { "" };
    let each = due(incident, &around.world(), at(second)).tasks.into_iter().filter_map(|task| {
        let nonce = |hash| incident.transaction(hash).map(|known| known.tx.nonce.to_string()).unwrap();
        match task {
            Task::Page { .. } | Task::Exhaust { .. } => None,
            Task::Submit { safe_tx_hash, attempt, begun } => {
                Some(format!("submit@{} {attempt}{}", nonce(safe_tx_hash), again(begun)))
            }
            Task::Execute { safe_tx_hash, attempt, begun } => {
                Some(format!("execute@{} {attempt}{}", nonce(safe_tx_hash), again(begun)))
            }
            Task::Reject { of, attempt, begun } => {
                Some(format!("reject@{} {attempt}{}", nonce(of), again(begun)))
            }
            Task::Follow { safe_tx_hash } => Some(format!("follow@{}", nonce(safe_tx_hash))),
            Task::Prepare { attempt, begun } => Some(format!("prepare {attempt}{}", again(begun))),
            Task::Declare | Task::Verify | Task::Watch | Task::DraftPostMortem | Task::Yield { .. } => {
                Some(task.kind().to_owned())
            }
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

fn sorted(incident: &Incident, second: i64) -> String {
    let told = tasks(incident, second);
    let mut each: Vec<_> = told.split(", ").collect();
    each.sort_unstable();
    each.join(", ")
}

/// Proposed at 7, with the same at 8.
fn proposed_twice() -> Incident {
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (1, Fact::PreparationStarted { attempt: 1 }),
        (2, with_variant(7)),
    ]);
    assert_eq!(tasks(&incident, 2), "submit@7 1, follow@7", "the proposal leaves first");
    apply(&mut incident, 3, [Fact::SubmissionStarted { safe_tx_hash: hash_at(7), attempt: 1 }]);
    assert_eq!(tasks(&incident, 3), "submit@7 1 again, follow@7, submit@8 1, follow@8");
    apply(&mut incident, 3, [Fact::Submitted { safe_tx_hash: hash_at(7), service: "safe.example".into() }]);
    let [begun, done] = submitted(hash_at(8));
    apply(&mut incident, 4, [begun]);
    assert_eq!(tasks(&incident, 4), "follow@7, submit@8 1 again, follow@8", "after a crash it is due again");
    apply(&mut incident, 4, [done]);
    assert_eq!(tasks(&incident, 4), "follow@7, follow@8");
    assert_eq!(incident.asked(), [hash_at(7), hash_at(8)]);
    incident
}

#[test]
fn the_variant_becomes_the_proposal_with_the_signatures_it_has() {
    let mut incident = proposed_twice();
    apply(&mut incident, 5, [signed(1, hash_at(7)), signed(1, hash_at(8)), signed(2, hash_at(8))]);
    assert_eq!(incident.quorum_of(hash_at(7)), Some((1, 2)));
    assert_eq!(incident.quorum_of(hash_at(8)), Some((2, 2)));
    assert_eq!(tasks(&incident, 5), "follow@7, follow@8", "its turn comes with its nonce");
    assert!(incident.open_call(Purpose::Sign).is_some(), "the proposal's own are still asked for");
    apply(&mut incident, 6, [superseded(7, 8)]);
    assert!(incident.is_proposal(hash_at(8)) && incident.has_quorum());
    assert_eq!(tasks(&incident, 6), "execute@8 1, follow@8", "without a new signature");
    assert!(incident.open_call(Purpose::Sign).is_none());
    assert_eq!(incident.preparation.as_ref().unwrap().attempt, 2);
    apply(&mut incident, 7, [executed(hash_at(8))]);
    assert_eq!(tasks(&incident, 7), "verify");
}

#[test]
fn a_variant_that_was_executed_before_anybody_looked_is_the_pause() {
    let mut incident = proposed_twice();
    apply(&mut incident, 6, [executed(hash_at(8))]);
    assert!(matches!(incident.stage, Stage::Executed { success: true, .. }));
    assert!(incident.is_proposal(hash_at(8)));
    assert_eq!(tasks(&incident, 6), "verify");
}

#[test]
fn a_variant_that_is_left_over_is_called_back_once_the_effect_stands() {
    let mut incident = proposed_twice();
    apply(&mut incident, 5, [signed(1, hash_at(7)), signed(2, hash_at(7)), executed(hash_at(7))]);
    assert!(incident.loose().is_empty(), "first the effect");
    apply(&mut incident, 6, [Fact::Verified { block: 131, expects: vec![] }]);
    assert_eq!(incident.loose(), [hash_at(8)]);
    assert_eq!(tasks(&incident, 6), "watch, follow@8, reject@8 1");
    let rejection = rejection(hash_at(8), 8);
    let rejects = rejection.safe_tx_hash();
    apply(&mut incident, 7, [Fact::RejectionStarted { of: hash_at(8), attempt: 1 }]);
    assert_eq!(tasks(&incident, 7), "watch, follow@8, reject@8 1 again");
    apply(&mut incident, 8, [Fact::CompanionPrepared(Box::new(rejection))]);
    assert_eq!(incident.asked_for(Purpose::Reject), [rejects]);
    assert!(incident.open_call(Purpose::Reject).is_some());
    assert!(incident.warnings()[0].contains("can still be executed by anyone with 2 signatures"));
    // The recovery took the nonce: neither can execute any more.
    for dead in [hash_at(8), rejects] {
        let gone = Fact::Superseded { safe_tx_hash: dead, nonce: 9.into(), by: None, because: None };
        apply(&mut incident, 9, [gone]);
    }
    assert!(incident.loose().is_empty() && incident.open_call(Purpose::Reject).is_none());
    assert_eq!(tasks(&incident, 9), "watch");
}

#[test]
fn a_race_lost_is_planned_anew_and_says_why_old_signatures_are_void() {
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (1, Fact::PreparationStarted { attempt: 1 }),
        (2, prepared(1, 7)),
    ]);
    apply(&mut incident, 3, submitted(hash_at(7)));
    apply(&mut incident, 4, [signed(1, hash_at(7)), superseded(7, 8)]);
    assert!(incident.confirmations.is_empty());
    assert_eq!(tasks(&incident, 4), "prepare 2");
    apply(&mut incident, 5, [Fact::PreparationStarted { attempt: 2 }, prepared(2, 8)]);
    apply(&mut incident, 5, submitted(hash_at(8)));
    let call = incident.open_call(Purpose::Sign).unwrap();
    assert_eq!(call.number, 2, "everybody is called anew");
    assert!(
        call.because.contains("are void: 0x09090909…09090909 (calls setCap(uint256) of vault) was executed at nonce 7 before ours"),
        "{}",
        call.because
    );
    // The old signature is of no use.
    assert!(incident.apply(&signed(2, hash_at(7)), at(6)).is_err());
}

#[test]
fn a_nonce_that_keeps_moving_escalates_and_ends_with_a_person() {
    let mut incident = incident(&[(0, reported(Response::Propose))]);
    let mut now = 0;
    for race in 0..RACES_MAX {
        let nonce = 7 + u64::from(race);
        now += 1000;
        assert_eq!(tasks(&incident, now), format!("prepare {}", race + 1));
        let attempt = race + 1;
        apply(&mut incident, now, [Fact::PreparationStarted { attempt }, prepared(attempt, nonce)]);
        apply(&mut incident, now, submitted(hash_at(nonce)));
        apply(&mut incident, now, [superseded(nonce, nonce + 1)]);
        let told = incident.open_call(Purpose::Blocked).is_some();
        assert_eq!(told, race >= 2, "after {} races", race + 1);
        assert_eq!(tasks(&incident, now).is_empty(), race >= 3, "after {} races", race + 1);
    }
    assert_eq!(tasks(&incident, now + 100_000), "");
    assert!(matches!(incident.stage, Stage::PrepareFailed { retry_at: None, .. }));
    let raise = Fact::ResponseRaised { by: Actor::Operator, response: Response::Propose };
    apply(&mut incident, now, [raise]);
    assert_eq!(tasks(&incident, now), format!("prepare {}", RACES_MAX + 1));
}

#[test]
fn standing_down_leaves_nothing_that_can_be_executed() {
    let operator = Actor::Operator;
    let ways: [(&str, Vec<Fact>); 2] = [
        ("an event", vec![triaged(operator.clone(), false)]),
        ("called off", vec![Fact::StoodDown { by: operator.clone(), reason: "wrong vault".into() }]),
    ];
    for (way, facts) in ways {
        let mut incident = incident(&[
            (0, reported(Response::Propose)),
            (1, Fact::PreparationStarted { attempt: 1 }),
            (2, prepared(1, 7)),
        ]);
        apply(&mut incident, 3, submitted(hash_at(7)));
        apply(&mut incident, 4, [signed(1, hash_at(7)), signed(2, hash_at(7))]);
        apply(&mut incident, 5, facts);
        assert_eq!(tasks(&incident, 5), "follow@7, reject@7 1", "{way}: and never the execution");
        assert!(incident.asked_for(Purpose::Sign).is_empty(), "{way}");
        let failed = |attempt| Fact::RejectionFailed {
            of: hash_at(7),
            attempt,
            problem: "no node".into(),
            retry: Retry::Later,
        };
        apply(&mut incident, 6, [Fact::RejectionStarted { of: hash_at(7), attempt: 1 }, failed(1)]);
        assert_eq!(tasks(&incident, 6), "follow@7", "{way}");
        assert_eq!(tasks(&incident, 7), "follow@7, reject@7 2", "{way}");
        let rejection = rejection(hash_at(7), 7);
        let rejects = rejection.safe_tx_hash();
        apply(&mut incident, 8, [Fact::RejectionStarted { of: hash_at(7), attempt: 2 }]);
        apply(&mut incident, 8, [Fact::CompanionPrepared(Box::new(rejection))]);
        assert_eq!(sorted(&incident, 8), "follow@7, follow@7, submit@7 1", "{way}");
        let pages = due(&incident, &Surroundings::usual().world(), at(8)).tasks;
        let paged = |task: &Task| matches!(task, Task::Page { page, .. } if page.purpose == Purpose::Reject);
        assert!(pages.iter().any(paged), "{way}: signers are told although it is no incident");
        apply(&mut incident, 9, submitted(rejects));
        apply(&mut incident, 10, [signed(1, rejects), signed(2, rejects)]);
        assert_eq!(sorted(&incident, 10), "execute@7 1, follow@7, follow@7", "{way}");
        apply(&mut incident, 11, [executed(rejects)]);
        let companion = incident.companion(rejects).unwrap();
        assert!(matches!(companion.stage, CompanionStage::Executed { success: true, .. }), "{way}");
        let gone = Fact::Superseded { safe_tx_hash: hash_at(7), nonce: 8.into(), by: None, because: None };
        apply(&mut incident, 12, [gone]);
        assert_eq!((tasks(&incident, 12).as_str(), incident.warnings().len()), ("", 0), "{way}");
        assert!(incident.open_call(Purpose::Reject).is_none(), "{way}");
    }
}

#[test]
fn what_is_wanted_again_is_no_longer_rejected() {
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (1, Fact::PreparationStarted { attempt: 1 }),
        (2, prepared(1, 7)),
    ]);
    apply(&mut incident, 3, submitted(hash_at(7)));
    apply(&mut incident, 4, [triaged(Actor::Operator, false)]);
    let rejection = rejection(hash_at(7), 7);
    let rejects = rejection.safe_tx_hash();
    apply(&mut incident, 5, [Fact::RejectionStarted { of: hash_at(7), attempt: 1 }]);
    apply(&mut incident, 5, [Fact::CompanionPrepared(Box::new(rejection)), signed(1, rejects)]);
    let again = Fact::Matched { matched: matched(&["0x02"], Response::Propose), response: Response::Propose };
    apply(&mut incident, 6, [again]);
    assert_eq!(incident.asked(), [hash_at(7)]);
    assert!(incident.open_call(Purpose::Reject).is_none());
    assert_eq!(tasks(&incident, 6), "follow@7, follow@7", "the rejection is only watched");
}

#[test]
fn an_approval_that_is_undone_does_not_stand_in_the_way_of_a_signature() {
    let mut incident = incident(&[
        (0, reported(Response::Propose)),
        (1, Fact::PreparationStarted { attempt: 1 }),
        (2, prepared(1, 7)),
    ]);
    apply(&mut incident, 3, submitted(hash_at(7)));
    apply(&mut incident, 4, [approved(1, hash_at(7)), signed(2, hash_at(7))]);
    assert!(incident.has_quorum() && incident.open_call(Purpose::Sign).is_none());
    let gone = |number| Fact::ApprovalGone { safe_tx_hash: hash_at(7), owner: owner(number) };
    assert!(incident.apply(&gone(2), at(5)).is_err(), "a signature is never gone");
    apply(&mut incident, 5, [gone(1)]);
    assert!(!incident.has_quorum() && incident.open_call(Purpose::Sign).is_some());
    apply(&mut incident, 6, [approved(1, hash_at(7)), signed(1, hash_at(7))]);
    assert_eq!(incident.confirmations[&owner(1)].source, "command", "the signature replaces the approval");
    assert!(incident.apply(&gone(1), at(7)).is_err());
}

#[test]
fn what_a_companion_may_not_do_is_refused_by_name() {
    let mut incident = proposed_twice();
    for (fact, because) in [
        (Fact::SubmissionStarted { safe_tx_hash: hash_at(8), attempt: 2 }, "is proposed"),
        (
            Fact::ExecutionStarted { safe_tx_hash: hash_at(8), attempt: 1, by: Actor::Operator },
            "too few owners confirmed",
        ),
        (Fact::CompanionPrepared(Box::new(variant(8))), "is one of its transactions already"),
        (Fact::RejectionStarted { of: hash_at(7), attempt: 1 }, "nothing of it is loose"),
        (signed(1, hash_at(9)), "is not the proposal"),
    ] {
        let refused = incident.apply(&fact, at(9)).unwrap_err();
        assert!(refused.because.contains(because), "{refused}");
    }
}

#[test]
fn facts_of_companions_survive_the_journal_and_older_ones_are_read() {
    for fact in
        [with_variant(7), Fact::CompanionPrepared(Box::new(rejection(hash_at(7), 7))), superseded(7, 8)]
    {
        let text = serde_json::to_string(&fact).unwrap();
        assert_eq!(serde_json::from_str::<Fact>(&text).unwrap(), fact);
    }
    let old = format!(r#"{{"fact":"superseded","safe_tx_hash":"{}","nonce":"8"}}"#, hash_at(7));
    assert!(matches!(serde_json::from_str(&old).unwrap(), Fact::Superseded { by: None, because: None, .. }));
    let old = r#"{"fact":"owners-changed","owners":[],"threshold":2}"#;
    assert!(matches!(serde_json::from_str(old).unwrap(), Fact::OwnersChanged { safe_tx_hash: None, .. }));
}
