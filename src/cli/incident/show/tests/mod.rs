//! What people see of an incident, drawn from facts made in memory.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::agent::store::{IncidentStore, Opening, Recorded};
use crate::cli::incident::{in_short, list};
use crate::cli::output::{COLUMNS_MAX, Output};
use crate::clock::ManualClock;
use crate::domain::condition::Response;
use crate::domain::incident::fact::{Actor, Fact, OwnerConfirmation, Retry, Source};
use crate::domain::incident::names::{PageKey, Purpose};
use crate::domain::incident::preparation::{
    Considered, Displaced, Expectation, PlannedCall, Preparation, Queue, Simulation,
};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::names::ChainId;
use crate::domain::roster::{Key, Person, Roster, coverage};
use crate::domain::runbook::Severity;
use crate::domain::safe::{SafeAddress, SafeDomain, SafeNonce, SafeTx, SafeVersion, hash};
use crate::journal::MemoryJournal;

fn person(id: &str, key: u8) -> Person {
    Person {
        id: id.into(),
        name: id.to_uppercase(),
        zone: TimeZone::UTC,
        channels: vec!["console".into()],
        keys: vec![Key::always(owner(key))],
        skills: vec![],
    }
}

fn owner(key: u8) -> Address {
    Address::repeat_byte(key)
}

fn roster() -> Roster {
    let people = [person("ana", 1), person("ben", 2)];
    Roster {
        people: people.into_iter().map(|person| (person.id.clone(), person)).collect(),
        ..Roster::default()
    }
}

fn preparation(at: Timestamp) -> Box<Preparation> {
    let domain = SafeDomain {
        version: SafeVersion::V1_4_1,
        chain_id: ChainId(1),
        safe: SafeAddress(Address::repeat_byte(0x5a)),
    };
    let tx = SafeTx::call(
        Address::repeat_byte(0xbb),
        Bytes::from(vec![0x84, 0x56, 0xcb, 0x59]),
        SafeNonce::from(7),
    );
    let hashes = hash(&tx, &domain);
    let owners = vec![owner(1), owner(2), owner(3)];
    let report = coverage(&owners, 2, &roster(), at);
    Box::new(Preparation {
        attempt: 1,
        chain: "mainnet".into(),
        safe: "guardian".into(),
        domain,
        owners,
        threshold: 2,
        hashes,
        calls: vec![PlannedCall {
            contract: "vault".into(),
            address: tx.to,
            call: "vault.pause()".into(),
            data: tx.data.clone(),
            expect: "read(\"vault\", \"paused()\")".into(),
        }],
        tx,
        skipped: vec![],
        considered: vec![Considered {
            safe: "governance".into(),
            coverage: report.clone(),
            passed_over: Some("the simulation reverts: not the pauser".into()),
        }],
        coverage: report,
        queue: Queue::Read {
            displaced: vec![Displaced {
                safe_tx_hash: B256::repeat_byte(0xdd).into(),
                nonce: SafeNonce::from(7),
                purpose: "calls setCap(uint256) of vault".into(),
                confirmations: 1,
                fully_signed: false,
            }],
            behind: 0,
            suspect: vec![],
        },
        simulation: Simulation {
            block_number: 123,
            block_hash: B256::repeat_byte(1),
            method: "eth_simulateV1".into(),
            endpoints: vec!["a.example".into(), "b.example".into()],
            dissent: Vec::new(),
            overrides: vec![],
            gas_used: 61_000,
            expectations: vec![Expectation {
                expect: "read(\"vault\", \"paused()\")".into(),
                holds: true,
                because: None,
            }],
            failure: None,
        },
        confirmed_on_chain: None,
        companions: vec![],
        purpose: None,
        upgrades: Vec::new(),
    })
}

/// An incident told fact by fact.
struct Told {
    clock: Arc<ManualClock>,
    store: IncidentStore,
    id: IncidentId,
}

impl Told {
    async fn begin(report: Fact) -> Self {
        let clock = ManualClock::at("2026-11-21T02:12:44Z".parse().unwrap());
        let store = IncidentStore::new(Arc::new(MemoryJournal::new()), clock.clone());
        let id = store.open(Opening { facts: vec![report], containment: false }).await.unwrap().unwrap();
        Self { clock, store, id }
    }

    async fn then(&self, seconds: i64, facts: Vec<Fact>) {
        self.clock.step(SignedDuration::from_secs(seconds));
        let version = self.incident().version;
        assert_eq!(self.store.record(self.id, version, facts, false).await.unwrap(), Recorded::Applied);
    }

    fn incident(&self) -> Arc<Incident> {
        self.store.get(self.id).unwrap()
    }

    fn shown(&self, all: bool) -> String {
        let shown = text(&self.incident(), &timeline(&self.store.facts(self.id)), all, &roster(), &berlin());
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(COLUMNS_MAX), "{widest} columns:\n{shown}");
        shown
    }
}

fn berlin() -> Output {
    Output::plain(false, TimeZone::get("Europe/Berlin").unwrap())
}

fn report() -> Fact {
    Fact::Reported {
        source: Source::Trigger,
        title: "Pause the vault".into(),
        severity: Severity::Emergency,
        runbook: Some("pause-vault".into()),
        contract: Some("vault".into()),
        response: Response::Propose,
        matched: None,
        statement: None,
    }
}

fn page(person: &str, channel: &str) -> PageKey {
    PageKey {
        purpose: Purpose::Sign,
        call: 1,
        person: person.into(),
        channel: channel.into(),
        round: 0,
        step: 0,
    }
}

async fn proposed() -> Told {
    let told = Told::begin(report()).await;
    let by = Actor::Person("ana".into());
    told.then(
        5,
        vec![
            Fact::Triaged {
                by: by.clone(),
                incident: true,
                severity: Severity::Emergency,
                reason: "seen it".into(),
            },
            Fact::Declared {
                by,
                commander: Some("ana".into()),
                communications: None,
                responders: vec!["ana".into(), "ben".into()],
                objective: "stop the drain".into(),
            },
            Fact::PreparationStarted { attempt: 1 },
        ],
    )
    .await;
    let prepared = preparation(told.clock_now());
    let safe_tx_hash = prepared.safe_tx_hash();
    told.then(1, vec![Fact::Prepared(prepared), Fact::SubmissionStarted { safe_tx_hash, attempt: 1 }]).await;
    let failed = Fact::PageFailed {
        page: page("ben", "slack"),
        attempt: 1,
        problem: "HTTP 503 \u{1b}[31m".into(),
        retry: Retry::Later,
    };
    told.then(
        2,
        vec![
            Fact::Submitted { safe_tx_hash, service: "the embedded service".into() },
            Fact::PageStarted { page: page("ana", "console"), attempt: 1 },
            Fact::PageDelivered { page: page("ana", "console"), reference: None },
            Fact::PageStarted { page: page("ben", "slack"), attempt: 1 },
            failed,
        ],
    )
    .await;
    told.then(
        75,
        vec![
            Fact::Acknowledged { person: "ana".into(), via: "link".into() },
            Fact::Confirmed(OwnerConfirmation {
                safe_tx_hash,
                owner: owner(2),
                signature: Bytes::new(),
                source: "service".into(),
            }),
            Fact::Noted { by: Actor::Operator, text: "the bridge is \u{202e}fine\nreally".into() },
        ],
    )
    .await;
    told
}

impl Told {
    fn clock_now(&self) -> Timestamp {
        use crate::clock::Clock as _;
        self.clock.now()
    }
}

#[tokio::test]
async fn an_incident_whose_proposal_waits_for_signatures() {
    let told = proposed().await;
    insta::assert_snapshot!(told.shown(false), @r"
    INC-1: Pause the vault
    phase           declared
    severity        emergency
    reported        2026-11-21 03:12:44 CET (02:12:44 UTC) by a responder's trigger
    contract        vault
    runbook         pause-vault
    response        propose
    commander       ana (ANA)
    communications  nobody
    responders      ana, ben
    objective       stop the drain
    containment     proposed

    Proposal
    safeTxHash      0x3a055bb7f8f4b00f5124731fd8f24ef34b131398417c21971d3c080fed3f319e
    Safe            guardian 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A (mainnet), nonce 7
    call            vault.pause()
    simulation      passes, at block 123 by a.example, b.example
    signers         UNCOVERED, 0 on call for 2
    displaces       calls setCap(uint256) of vault
                    (0xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd)
    passed over     Safe governance: the simulation reverts: not the pauser
    confirmations   1 of 2
                    0x0202020202020202020202020202020202020202 (ben), by service

    Open calls
      sign, since 2026-11-21 03:12:50 CET (02:12:50 UTC): sign vault.pause() for Safe guardian
        ana             acknowledged 2026-11-21 03:14:07 CET (02:14:07 UTC); console: delivered
        ben             confirmed; slack: failed 1 time(s), tried again (HTTP 503 \u{1b}[31m)
      coverage, since 2026-11-21 03:12:50 CET (02:12:50 UTC): Safe guardian: signers UNCOVERED, 0 on
      call for 2; not on call: ana, ben; owners nobody in the roster holds:
      0x0303030303030303030303030303030303030303
        nobody was paged yet

    Timeline, from 2026-11-21 03:12:44 CET (02:12:44 UTC)
              +0 ms  03:12:44  reported by a responder's trigger: Pause the vault (emergency; page,
                               prepare and propose)
             +5.0 s  03:12:49  ana triaged it as an incident, severity emergency: seen it
             +5.0 s  03:12:49  ana declared it: incident commander ana, communications nobody,
                               responders ana, ben; objective: stop the drain
             +6.0 s  03:12:50  prepared 0x3a055bb7…ed3f319e for Safe guardian at nonce 7: vault.pause();
                               simulated at block 123 on 2 endpoints; signers UNCOVERED, 0 on call for
                               2; displaces 1 queued
             +8.0 s  03:12:52  submitted 0x3a055bb7…ed3f319e to the embedded service, read back and
                               equal
             +8.0 s  03:12:52  the page to ben by slack failed: HTTP 503 \u{1b}[31m; will try again
        +1 min 23 s  03:14:07  ana acknowledged (link)
        +1 min 23 s  03:14:07  owner 0x02020202…02020202 confirmed 0x3a055bb7…ed3f319e (service)
      6 details are left out; --all shows them
    ");
    insta::assert_snapshot!(in_short(&told.incident()), @r"
    INC-1 is declared (emergency): Pause the vault
    commander ana, communications nobody, responders ana, ben; containment proposed, 1 of 2 confirmations
    ");
}

#[tokio::test]
async fn the_whole_story_over_midnight() {
    let told = proposed().await;
    let safe_tx_hash = told.incident().preparation.as_ref().unwrap().safe_tx_hash();
    told.then(
        21 * 3600,
        vec![
            Fact::Executed { safe_tx_hash, transaction: B256::repeat_byte(0xee), block: 130, success: true },
            Fact::Verified { block: 131, expects: vec!["read(\"vault\", \"paused()\")".into()] },
        ],
    )
    .await;
    told.then(60, vec![Fact::EffectLost { block: 150, because: "paused() is false".into() }]).await;
    insta::assert_snapshot!(told.shown(true), @r#"
    INC-1: Pause the vault
    phase           declared
    severity        emergency
    reported        2026-11-21 03:12:44 CET (02:12:44 UTC) by a responder's trigger
    contract        vault
    runbook         pause-vault
    response        propose
    commander       ana (ANA)
    communications  nobody
    responders      ana, ben
    objective       stop the drain
    containment     the effect was there and is GONE, seen at block 150

    Proposal
    safeTxHash      0x3a055bb7f8f4b00f5124731fd8f24ef34b131398417c21971d3c080fed3f319e
    Safe            guardian 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A (mainnet), nonce 7
    call            vault.pause()
    simulation      passes, at block 123 by a.example, b.example
    signers         UNCOVERED, 0 on call for 2
    displaces       calls setCap(uint256) of vault
                    (0xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd)
    passed over     Safe governance: the simulation reverts: not the pauser
    confirmations   1 of 2
                    0x0202020202020202020202020202020202020202 (ben), by service

    Open calls
      effect-lost, since 2026-11-22 00:15:07 CET (23:15:07 UTC): paused() is false
        nobody was paged yet

    Timeline, from 2026-11-21 03:12:44 CET (02:12:44 UTC)
              +0 ms  03:12:44  reported by a responder's trigger: Pause the vault (emergency; page,
                               prepare and propose)
             +5.0 s  03:12:49  ana triaged it as an incident, severity emergency: seen it
             +5.0 s  03:12:49  ana declared it: incident commander ana, communications nobody,
                               responders ana, ben; objective: stop the drain
             +5.0 s  03:12:49  preparing the proposal
             +6.0 s  03:12:50  prepared 0x3a055bb7…ed3f319e for Safe guardian at nonce 7: vault.pause();
                               simulated at block 123 on 2 endpoints; signers UNCOVERED, 0 on call for
                               2; displaces 1 queued
             +6.0 s  03:12:50  submitting 0x3a055bb7…ed3f319e
             +8.0 s  03:12:52  submitted 0x3a055bb7…ed3f319e to the embedded service, read back and
                               equal
             +8.0 s  03:12:52  paging ana by console (sign)
             +8.0 s  03:12:52  console took the page to ana (sign)
             +8.0 s  03:12:52  paging ben by slack (sign)
             +8.0 s  03:12:52  the page to ben by slack failed: HTTP 503 \u{1b}[31m; will try again
        +1 min 23 s  03:14:07  ana acknowledged (link)
        +1 min 23 s  03:14:07  owner 0x02020202…02020202 confirmed 0x3a055bb7…ed3f319e (service)
        +1 min 23 s  03:14:07  the operator noted: the bridge is \u{202e}fine\nreally
      2026-11-22
       +21 h 01 min  00:14:07  executed in block 130 by 0xeeeeeeee…eeeeeeee
       +21 h 01 min  00:14:07  verified on the chain at block 131: read("vault", "paused()")
       +21 h 02 min  00:15:07  the effect is gone at block 150: paused() is false
    "#);
}

#[tokio::test]
async fn a_report_by_a_stranger_cannot_steer_the_terminal() {
    let told = Told::begin(Fact::Reported {
        source: Source::Reporter {
            kind: "hacker".into(),
            contact: Some("a\u{1b}]0;x\u{7}@example.org".into()),
        },
        title: "I have your \u{202e}keys\u{1b}[2J".into(),
        severity: Severity::Emergency,
        runbook: None,
        contract: None,
        response: Response::Page,
        matched: None,
        statement: Some(format!("line one\nline two {}", "x".repeat(900))),
    })
    .await;
    let shown = told.shown(true);
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
    insta::assert_snapshot!(shown, @r"
    INC-1: I have your \u{202e}keys\u{1b}[2J
    phase           reported
    severity        emergency
    reported        2026-11-21 03:12:44 CET (02:12:44 UTC) by hacker, who is reached at
                    a\u{1b}]0;x\u{7}@example.org
    as reported     line one\nline two
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (318
                    more characters)
    response        page
    commander       nobody
    communications  nobody
    responders      nobody
    containment     idle

    Open calls
      triage, since 2026-11-21 03:12:44 CET (02:12:44 UTC): I have your \u{202e}keys\u{1b}[2J
        nobody was paged yet

    Timeline, from 2026-11-21 03:12:44 CET (02:12:44 UTC)
              +0 ms  03:12:44  reported by hacker: I have your \u{202e}keys\u{1b}[2J (emergency; page)
    ");
    insta::assert_snapshot!(in_short(&told.incident()), @r"
    INC-1 is reported (emergency): I have your \u{202e}keys\u{1b}[2J
    Decide whether it is real: redhandle incident triage INC-1 --real|--event --reason …
    ");
    insta::assert_snapshot!(list::shown(&told.store.all(), false, &berlin()), @r"
    id     phase     severity   stage  about                              opened
    INC-1  reported  emergency  idle   I have your \u{202e}keys\u{1b}[2J  2026-11-21 03:12:44 CET
                                                                          (02:12:44 UTC)
    ");
    insta::assert_snapshot!(list::shown(&[], true, &berlin()), @"No incident is open.");
}

#[tokio::test]
async fn a_proposal_that_failed_is_not_offered_for_signing() {
    let told = Told::begin(report()).await;
    let mut draft = preparation(told.clock_now());
    draft.simulation.failure = Some("AccessControl: account is missing the role".into());
    draft.queue = Queue::Unknown("the service did not answer".into());
    told.then(
        1,
        vec![
            Fact::PreparationStarted { attempt: 1 },
            Fact::PreparationFailed {
                attempt: 1,
                problem: "Safe guardian: the simulation reverts".into(),
                retry: Retry::Later,
                draft: Some(draft),
            },
        ],
    )
    .await;
    insta::assert_snapshot!(told.shown(false), @r"
    INC-1: Pause the vault
    phase           reported
    severity        emergency
    reported        2026-11-21 03:12:44 CET (02:12:44 UTC) by a responder's trigger
    contract        vault
    runbook         pause-vault
    response        propose
    commander       nobody
    communications  nobody
    responders      nobody
    containment     preparation failed (attempt 1): Safe guardian: the simulation reverts; next attempt
                    2026-11-21 03:12:46 CET (02:12:46 UTC)

    Proposal that failed: nobody is asked to sign it
    safeTxHash      0x3a055bb7f8f4b00f5124731fd8f24ef34b131398417c21971d3c080fed3f319e
    Safe            guardian 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A (mainnet), nonce 7
    call            vault.pause()
    simulation      the simulation reverts: AccessControl: account is missing the role, at block 123 by
                    a.example, b.example
    signers         UNCOVERED, 0 on call for 2
    displaces       unknown: the service did not answer
    passed over     Safe governance: the simulation reverts: not the pauser

    Open calls
      triage, since 2026-11-21 03:12:44 CET (02:12:44 UTC): Pause the vault
        nobody was paged yet
      blocked, since 2026-11-21 03:12:45 CET (02:12:45 UTC): no proposal could be prepared: Safe
      guardian: the simulation reverts
        nobody was paged yet

    Timeline, from 2026-11-21 03:12:44 CET (02:12:44 UTC)
              +0 ms  03:12:44  reported by a responder's trigger: Pause the vault (emergency; page,
                               prepare and propose)
             +1.0 s  03:12:45  no proposal: Safe guardian: the simulation reverts; will try again
      1 details are left out; --all shows them
    ");
}
