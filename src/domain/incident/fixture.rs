//! A vault, a Safe of three owners with a threshold of two, and the people who hold its keys: for the
//! tests of whoever works with incidents.
//!
//! ana (owner 1) and ben (owner 2) are on call from the beginning; chi (owner 3) is not. dee has no key and
//! no shift, eve no channel.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::fact::{Actor, Fact, OwnerConfirmation, Source};
use super::names::{IncidentId, PageKey, Purpose};
use super::preparation::{Expectation, PlannedCall, Preparation, Queue, Simulation};
use super::{Incident, World};
use crate::domain::alert::{AlertHash, BotId};
use crate::domain::condition::{Match, Response};
use crate::domain::names::ChainId;
use crate::domain::roster::{
    EscalationPolicy, Interval, Key, Person, Role, Roster, Shift, Step, Target, coverage,
};
use crate::domain::runbook::{Action, Runbook, Severity};
use crate::domain::safe::{SafeAddress, SafeDomain, SafeNonce, SafeTx, SafeTxHash, SafeVersion, hash};

/// The beginning of the story, plus milliseconds.
pub(crate) fn at_ms(millis: i64) -> Timestamp {
    let start: Timestamp = "2026-11-21T02:12:44Z".parse().unwrap();
    start + SignedDuration::from_millis(millis)
}

/// The beginning of the story, plus seconds.
pub(crate) fn at(second: i64) -> Timestamp {
    at_ms(second * 1000)
}

pub(crate) fn owner(number: u8) -> Address {
    Address::repeat_byte(number)
}

pub(crate) fn person(id: &str, keys: &[u8], channels: &[&str]) -> Person {
    Person {
        id: id.into(),
        name: id.to_uppercase(),
        zone: TimeZone::UTC,
        channels: channels.iter().map(|channel| (*channel).into()).collect(),
        keys: keys.iter().map(|key| Key::always(owner(*key))).collect(),
        skills: vec![],
    }
}

pub(crate) fn shift(id: &str, from: Timestamp, to: Timestamp) -> Shift {
    Shift { person: id.into(), role: None, interval: Interval { from, to } }
}

pub(crate) fn step(minutes: i64, notify: &[Target]) -> Step {
    Step { after: SignedDuration::from_mins(minutes), notify: notify.to_vec() }
}

/// On call at once; the commander (dee) after three minutes; everybody with a key after ten; once more.
pub(crate) fn policy() -> EscalationPolicy {
    EscalationPolicy {
        name: "default".into(),
        steps: vec![
            step(0, &[Target::OnCall]),
            step(3, &[Target::Role(Role::Commander)]),
            step(10, &[Target::Signers]),
        ],
        repeat: 1,
    }
}

pub(crate) fn roster() -> Roster {
    let people = [
        person("ana", &[1], &["slack"]),
        person("ben", &[2], &["slack", "sms"]),
        person("chi", &[3], &["sms"]),
        person("dee", &[], &["slack"]),
        person("eve", &[], &[]),
    ];
    let hours = SignedDuration::from_hours(12);
    Roster {
        people: people.into_iter().map(|person| (person.id.clone(), person)).collect(),
        shifts: ["ana", "ben"].map(|id| shift(id, at(0) - hours, at(0) + hours)).to_vec(),
        roles: BTreeMap::from([(Role::Commander, vec![Target::Person("dee".into())])]),
        ..Roster::default()
    }
}

pub(crate) fn runbook() -> Runbook {
    Runbook {
        id: "pause-vault".into(),
        title: "Pause the vault".to_owned(),
        severity: Severity::Emergency,
        owner: "protocol-security".to_owned(),
        reviewed: jiff::civil::date(2026, 11, 1),
        safes: vec!["guardian".into()],
        respond: Response::Propose,
        declare_on_match: false,
        conditions: vec![],
        actions: vec![Action {
            contract: "vault".into(),
            call: "pause()".to_owned(),
            unless: None,
            expect: PAUSED.to_owned(),
            upgrade: None,
        }],
        recover: vec![],
        prose: String::new(),
        policy: None,
        objective: None,
    }
}

/// What the derivation is told, owned.
pub(crate) struct Surroundings {
    pub(crate) runbook: Option<Runbook>,
    pub(crate) roster: Roster,
    pub(crate) policy: Option<EscalationPolicy>,
    pub(crate) can_propose: bool,
    pub(crate) auto_execute: bool,
}

impl Surroundings {
    pub(crate) fn usual() -> Self {
        let (runbook, policy) = (Some(runbook()), Some(policy()));
        Self { runbook, roster: roster(), policy, can_propose: true, auto_execute: true }
    }

    pub(crate) fn world(&self) -> World<'_> {
        let (runbook, roster, policy) = (self.runbook.as_ref(), &self.roster, self.policy.as_ref());
        World {
            runbook,
            roster,
            policy,
            can_propose: self.can_propose,
            auto_execute: self.auto_execute,
            waits_for: None,
        }
    }
}

const PAUSED: &str = "read(\"vault\", \"paused()\") == true";

/// The proposal at this nonce, its coverage told from the roster.
pub(crate) fn preparation(attempt: u32, nonce: u64, roster: &Roster) -> Preparation {
    let domain = SafeDomain {
        version: SafeVersion::V1_4_1,
        chain_id: ChainId(1),
        safe: SafeAddress(Address::repeat_byte(0x5a)),
    };
    let data = Bytes::from(vec![0x84, 0x56, 0xcb, 0x59]);
    let tx = SafeTx::call(Address::repeat_byte(0xbb), data, SafeNonce::from(nonce));
    let owners = vec![owner(1), owner(2), owner(3)];
    Preparation {
        attempt,
        chain: "mainnet".into(),
        safe: "guardian".into(),
        hashes: hash(&tx, &domain),
        domain,
        coverage: coverage(&owners, 2, roster, at(0)),
        owners,
        threshold: 2,
        calls: vec![PlannedCall {
            contract: "vault".into(),
            address: tx.to,
            call: "vault.pause()".into(),
            data: tx.data.clone(),
            expect: PAUSED.to_owned(),
        }],
        tx,
        skipped: vec![],
        considered: vec![],
        queue: Queue::Read { displaced: vec![], behind: 0, suspect: vec![] },
        simulation: Simulation {
            block_number: 123,
            block_hash: B256::repeat_byte(1),
            method: "eth_simulateV1".into(),
            endpoints: vec!["a.example".into(), "b.example".into()],
            dissent: Vec::new(),
            overrides: vec![],
            gas_used: 61_000,
            expectations: vec![Expectation { expect: PAUSED.to_owned(), holds: true, because: None }],
            failure: None,
        },
        confirmed_on_chain: None,
        companions: vec![],
        purpose: None,
        upgrades: Vec::new(),
    }
}

/// The hash of the proposal at this nonce.
pub(crate) fn hash_at(nonce: u64) -> SafeTxHash {
    preparation(1, nonce, &roster()).safe_tx_hash()
}

pub(crate) fn matched(hashes: &[&str], response: Response) -> Match {
    Match {
        runbook: "pause-vault".into(),
        condition: "drain".into(),
        contract: "vault".into(),
        chain_id: ChainId(1),
        response,
        downgraded: None,
        early: response < Response::Propose,
        alerts: hashes.iter().map(|hash| AlertHash((*hash).to_owned())).collect(),
        bots: vec![BotId::new("0xa1")],
        at: at(0),
        because: format!("{} alerts of 1 bot about vault", hashes.len()),
        mutes: Default::default(),
    }
}

/// The first fact of most stories.
pub(crate) fn reported(response: Response) -> Fact {
    Fact::Reported {
        source: Source::Match("drain".into()),
        title: "Pause the vault".to_owned(),
        severity: Severity::Emergency,
        runbook: Some("pause-vault".into()),
        contract: Some("vault".into()),
        response,
        matched: Some(matched(&["0x01"], response)),
        statement: None,
    }
}

pub(crate) fn triaged(by: Actor, incident: bool) -> Fact {
    Fact::Triaged { by, incident, severity: Severity::Emergency, reason: "looked".to_owned() }
}

pub(crate) fn declared(commander: Option<&str>) -> Fact {
    Fact::Declared {
        by: Actor::Agent,
        commander: commander.map(Into::into),
        communications: None,
        responders: vec!["ana".into(), "ben".into()],
        objective: "stop the harm".to_owned(),
    }
}

pub(crate) fn prepared(attempt: u32, nonce: u64) -> Fact {
    Fact::Prepared(Box::new(preparation(attempt, nonce, &roster())))
}

pub(crate) fn confirmed(number: u8, nonce: u64) -> Fact {
    Fact::Confirmed(OwnerConfirmation {
        safe_tx_hash: hash_at(nonce),
        owner: owner(number),
        signature: Bytes::from(vec![number; 65]),
        source: "command".to_owned(),
    })
}

pub(crate) fn acknowledged(person: &str) -> Fact {
    Fact::Acknowledged { person: person.into(), via: "link".to_owned() }
}

pub(crate) fn page(purpose: Purpose, person: &str, channel: &str, round: u32, step: u32) -> PageKey {
    PageKey { purpose, call: 1, person: person.into(), channel: channel.into(), round, step }
}

/// The incident these facts make, each at its second.
pub(crate) fn incident(facts: &[(i64, Fact)]) -> Incident {
    let ((second, first), rest) = facts.split_first().unwrap();
    let mut incident = Incident::open(IncidentId(1), first, at(*second)).unwrap();
    for (second, fact) in rest {
        incident.apply(fact, at(*second)).unwrap_or_else(|refused| panic!("{refused}"));
    }
    incident
}
