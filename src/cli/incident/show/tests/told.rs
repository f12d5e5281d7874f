//! Incidents told fact by fact, in memory.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::agent::store::{IncidentStore, Opening, Recorded};
use crate::cli::incident::show::text;
use crate::cli::output::{COLUMNS_MAX, Output};
use crate::clock::{Clock as _, ManualClock};
use crate::domain::condition::Response;
use crate::domain::incident::fact::{Actor, Fact, OwnerConfirmation, Retry, Source};
use crate::domain::incident::names::{PageKey, Purpose};
use crate::domain::incident::preparation::{
    Considered, Displaced, Expectation, PlannedCall, Preparation, Queue, Simulation,
};
use crate::domain::incident::timeline::timeline;
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

pub fn preparation(at: Timestamp) -> Box<Preparation> {
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
            }],
            behind: 0,
        },
        simulation: Simulation {
            block_number: 123,
            block_hash: B256::repeat_byte(1),
            method: "eth_simulateV1".into(),
            endpoints: vec!["a.example".into(), "b.example".into()],
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
    })
}

/// An incident told fact by fact.
pub struct Told {
    clock: Arc<ManualClock>,
    pub store: IncidentStore,
    id: IncidentId,
}

impl Told {
    pub async fn begin(report: Fact) -> Self {
        let clock = ManualClock::at("2026-11-21T02:12:44Z".parse().unwrap());
        let store = IncidentStore::new(Arc::new(MemoryJournal::new()), clock.clone());
        let id = store.open(Opening { facts: vec![report], containment: false }).await.unwrap().unwrap();
        Self { clock, store, id }
    }

    pub async fn then(&self, seconds: i64, facts: Vec<Fact>) {
        self.clock.step(SignedDuration::from_secs(seconds));
        let version = self.incident().version;
        assert_eq!(self.store.record(self.id, version, facts, false).await.unwrap(), Recorded::Applied);
    }

    pub fn incident(&self) -> Arc<Incident> {
        self.store.get(self.id).unwrap()
    }

    pub fn shown(&self, all: bool) -> String {
        let shown = text(&self.incident(), &timeline(&self.store.facts(self.id)), all, &roster(), &berlin());
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(COLUMNS_MAX), "{widest} columns:\n{shown}");
        shown
    }
}

pub fn berlin() -> Output {
    Output::plain(false, TimeZone::get("Europe/Berlin").unwrap())
}

pub fn report() -> Fact {
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
    PageKey { purpose: Purpose::Sign, call: 1, person: person.into(), channel: channel.into(), round: 0 }
}

pub async fn proposed() -> Told {
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
    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }
}
