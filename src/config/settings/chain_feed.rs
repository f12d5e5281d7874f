//! `[[feeds]] kind = "chain"`: events, views and Safes that are watched through a chain's own endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use alloy::json_abi::JsonAbi;
use jiff::SignedDuration;

use super::chains::Chain;
use super::contracts::Safe;
use super::feeds::{Feed, FeedKind};
use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Form, Mismatch, Name, Node, Placed, Table, Value, duration_text, known};
use crate::domain::alert::AlertSeverity;
use crate::domain::contract::{Contract, Contracts};
use crate::domain::names::{ChainId, ChainName, ContractName, FeedName, SafeName};
use crate::domain::watch::{
    ANY_EVENT_NAMES, EventRule, Subject, SubjectKind, View, ViewText, Watch, default_events, resolve_event,
    safe_abi,
};

const POLL: RangeInclusive<SignedDuration> = SignedDuration::from_millis(100)..=SignedDuration::from_mins(5);
const STALE_AFTER: RangeInclusive<SignedDuration> =
    SignedDuration::from_secs(5)..=SignedDuration::from_hours(24);
/// Ten blocks of Ethereum.
const STALE_AFTER_DEFAULT: SignedDuration = SignedDuration::from_mins(2);
const EVERY: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=SignedDuration::from_hours(24);
const CONFIRMATIONS: RangeInclusive<u64> = 0..=1_000;
const OVERLAP_BLOCKS: RangeInclusive<u64> = 0..=100;
const OVERLAP_BLOCKS_DEFAULT: u64 = 8;
const REORG_BLOCKS: RangeInclusive<u64> = 1..=1_000;
/// Deeper ones have not been seen on Ethereum since it is secured by stake.
const REORG_BLOCKS_DEFAULT: u64 = 12;
/// With the overlap no longer than the range that hosted providers answer.
const PAGE_BLOCKS: RangeInclusive<u64> = 1..=1_900;
const PAGE_BLOCKS_DEFAULT: u64 = 1_000;

/// Views of one feed at most, and Safes whose state it compares: all are asked at each new block.
const VIEWS_MAX: usize = 100;
const SAFES_MAX: usize = 30;
/// Contracts of one feed at most: three words of each are asked for at each new block.
const CONTRACTS_MAX: usize = 300;

/// Class names that this feed gives by itself.
const OWN_NAMES: [&str; 3] = ["DeepReorg", "SafeStateChanged", "ProxyStateChanged"];

/// A chain that is watched.
#[derive(Clone, Debug)]
pub struct ChainFeed {
    /// What is watched.
    pub watch: Watch,
    /// How long between two looks.
    pub poll: Duration,
    /// How many blocks must stand on top of one before it is read.
    pub confirmations: u64,
    /// How many blocks are read again each time.
    pub overlap_blocks: u64,
    /// How many blocks the chain may leave without an alert.
    pub reorg_blocks: u64,
    /// How many blocks are asked for at once at most.
    pub page_blocks: u64,
    /// How long the head may stand still until the feed counts as deaf.
    pub stale_after: Duration,
}

/// What of the rest of the file it is read with.
pub(super) struct Around<'a> {
    pub(super) chains: &'a BTreeMap<ChainName, Chain>,
    pub(super) contracts: &'a Contracts,
    pub(super) safes: &'a BTreeMap<SafeName, Safe>,
    /// The names that are written, well described or not.
    pub(super) contract_names: &'a BTreeSet<String>,
    pub(super) safe_names: &'a BTreeSet<String>,
}

/// A number as text or as a whole number: numbers with a point are written in quotes, because they must be exact.
struct NumberText(String);

impl Form for NumberText {
    fn wanted() -> String {
        "a number such as 1000000 or \"1_000_000.5\"".to_owned()
    }

    fn read(node: &Node) -> Result<Self, Mismatch> {
        match &node.value {
            Value::Integer(number) => Ok(Self(number.to_string())),
            Value::String(text) => Ok(Self(text.clone())),
            Value::Float(_) => Err(Mismatch::remedy("write it in quotes, so that it is exact")),
            Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
                Err(Mismatch::default())
            }
        }
    }
}

pub(super) fn read(
    table: &mut Table<'_>,
    feed: &str,
    chain_names: &BTreeSet<String>,
    ids: &BTreeMap<ChainName, ChainId>,
    around: &Around<'_>,
    findings: &mut Findings,
) -> Option<ChainFeed> {
    let chain: Option<Placed<String>> = table.required("chain", findings);
    let chain = chain.filter(|chain| known("chain", chain, chain_names.iter().map(String::as_str), findings));
    let chain = chain.map(|chain| ChainName::new(chain.value));
    let mut subjects = Vec::new();
    if let Some(chain) = &chain {
        subjects = read_subjects(table, chain, around, findings);
    } else {
        // Asked for all the same, so that they are no unknown keys.
        table.node("contracts");
        table.node("safes");
    }
    let abis: Vec<&JsonAbi> = subjects
        .iter()
        .filter(|subject| subject.kind == SubjectKind::Contract)
        .filter_map(|subject| around.contracts.get(&ContractName::new(subject.name.clone())))
        .map(|contract| &contract.abi)
        .collect();
    let mut events = read_events(table, &abis, findings);
    read_severities(table, &mut events, findings);
    let views = read_views(table, chain.as_ref(), &events, around, findings);
    if let (true, true, Some(chain)) = (subjects.is_empty(), views.is_empty(), &chain)
        && !table.has("contracts")
        && !table.has("safes")
        && !table.has("view")
    {
        let found = format!("{} watches nothing: no contract and no Safe is on {chain}", table.shown());
        findings.problem(Problem::new(table.place(), found).wanted("[contracts.NAME] or [safes.NAME]"));
    }
    let usual = chain.as_ref().and_then(|chain| around.chains.get(chain)).map(|chain| chain.poll);
    let poll = table.duration("poll", POLL, findings);
    let poll = poll.map_or(usual.unwrap_or(Duration::from_secs(2)), |poll| poll.unsigned_abs());
    let stale_after = table.duration("stale_after", STALE_AFTER, findings).unwrap_or(STALE_AFTER_DEFAULT);
    if stale_after.unsigned_abs() <= poll {
        let found = format!(
            "stale_after = \"{}\" is not longer than the time between two looks in {}",
            duration_text(stale_after),
            table.shown()
        );
        findings.problem(
            Problem::new(&table.place_of("stale_after"), found)
                .remedy("such a feed would count as deaf between any two looks"),
        );
    }
    let mut blocks = |key, bounds, usual| table.integer(key, bounds, findings).unwrap_or(usual);
    let confirmations = blocks("confirmations", CONFIRMATIONS, 0);
    let overlap_blocks = blocks("overlap_blocks", OVERLAP_BLOCKS, OVERLAP_BLOCKS_DEFAULT);
    let reorg_blocks = blocks("reorg_blocks", REORG_BLOCKS, REORG_BLOCKS_DEFAULT);
    let page_blocks = blocks("page_blocks", PAGE_BLOCKS, PAGE_BLOCKS_DEFAULT);
    let chain = chain?;
    let chain_id = *ids.get(&chain)?;
    Some(ChainFeed {
        watch: Watch { feed: FeedName::new(feed), chain, chain_id, subjects, events, views },
        poll,
        confirmations,
        overlap_blocks,
        reorg_blocks,
        page_blocks,
        stale_after: stale_after.unsigned_abs(),
    })
}

/// The contracts and Safes that are named, or else all of the chain.
fn read_subjects(
    table: &mut Table<'_>,
    chain: &ChainName,
    around: &Around<'_>,
    findings: &mut Findings,
) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    let (all_contracts, all_safes) = (!table.has("contracts"), !table.has("safes"));
    let wrong_chain = |name: &Placed<String>, what: &str, is_on: &ChainName, findings: &mut Findings| {
        let found = format!("{what} \"{}\" is on {is_on}, and this feed watches {chain}", name.value);
        findings.problem(Problem::new(&name.place, found).remedy("make a feed of its own for each chain"));
    };
    for name in table.list::<Placed<String>>("contracts", findings) {
        if !known("contract", &name, around.contract_names.iter().map(String::as_str), findings) {
            continue;
        }
        match around.contracts.get(&ContractName::new(name.value.clone())) {
            Some(contract) if contract.chain == *chain => subjects.push(of_contract(contract)),
            Some(contract) => wrong_chain(&name, "contract", &contract.chain, findings),
            None => {}
        }
    }
    for name in table.list::<Placed<String>>("safes", findings) {
        if !known("Safe", &name, around.safe_names.iter().map(String::as_str), findings) {
            continue;
        }
        match around.safes.get(&SafeName::new(name.value.clone())) {
            Some(safe) if safe.chain == *chain => subjects.push(of_safe(safe)),
            Some(safe) => wrong_chain(&name, "Safe", &safe.chain, findings),
            None => {}
        }
    }
    if all_contracts {
        let here = around.contracts.values().filter(|contract| contract.chain == *chain);
        subjects.extend(here.map(of_contract));
    }
    if all_safes {
        subjects.extend(around.safes.values().filter(|safe| safe.chain == *chain).map(of_safe));
    }
    let mut known = BTreeSet::new();
    subjects.retain(|subject| known.insert((subject.kind, subject.address)));
    let safes = subjects.iter().filter(|subject| subject.kind == SubjectKind::Safe).count();
    if safes > SAFES_MAX {
        let found = format!("{} watches {safes} Safes", table.shown());
        findings
            .problem(Problem::new(&table.place_of("safes"), found).wanted(format!("at most {SAFES_MAX}")));
    }
    let contracts = subjects.len().saturating_sub(safes);
    if contracts > CONTRACTS_MAX {
        let found = format!("{} watches {contracts} contracts", table.shown());
        let wanted = format!("at most {CONTRACTS_MAX}; make two feeds of them");
        findings.problem(Problem::new(&table.place_of("contracts"), found).wanted(wanted));
    }
    subjects
}

fn of_contract(contract: &Contract) -> Subject {
    let (name, address) = (contract.name.to_string(), contract.address);
    Subject { name, kind: SubjectKind::Contract, address }
}

fn of_safe(safe: &Safe) -> Subject {
    Subject { name: safe.name.to_string(), kind: SubjectKind::Safe, address: safe.address }
}

fn read_events(table: &mut Table<'_>, abis: &[&JsonAbi], findings: &mut Findings) -> Vec<EventRule> {
    if !table.has("events") {
        table.node("events");
        return default_events();
    }
    let mut events: Vec<EventRule> = Vec::new();
    for written in table.list::<Placed<String>>("events", findings) {
        match resolve_event(&written.value, abis) {
            Ok(rules) => events.extend(rules),
            Err(unknown) => {
                let problem =
                    Problem::new(&written.place, format!("event {unknown}")).wanted(ANY_EVENT_NAMES);
                let near = problem.near(&unknown.text, unknown.candidates.iter().map(String::as_str));
                let near = match near.remedy {
                    None => near.remedy("add it to the contract's ABI file"),
                    Some(_) => near,
                };
                findings.problem(near);
            }
        }
    }
    let mut known = BTreeSet::new();
    events.retain(|event| known.insert(event.topic));
    events
}

/// `severity = { RoleRevoked = "critical" }`.
fn read_severities(table: &mut Table<'_>, events: &mut [EventRule], findings: &mut Findings) {
    let Some(mut severities) = table.table("severity", findings) else { return };
    for (name, said) in severities.named_lists::<AlertSeverity>(findings) {
        let place = severities.place_of(&name);
        let names: Vec<String> = events.iter().map(|event| event.name.clone()).collect();
        let named = Placed { place: place.clone(), value: name.clone() };
        if !known("event that is watched", &named, names.iter().map(String::as_str), findings) {
            continue;
        }
        match said.as_slice() {
            [severity] => {
                events
                    .iter_mut()
                    .filter(|event| event.name == name)
                    .for_each(|event| event.severity = *severity);
            }
            [] => {}
            [_, ..] => {
                let found = format!("severity.{name} has several values");
                findings.problem(Problem::new(&place, found).wanted("one"));
            }
        }
    }
}

fn read_views(
    table: &mut Table<'_>,
    chain: Option<&ChainName>,
    events: &[EventRule],
    around: &Around<'_>,
    findings: &mut Findings,
) -> Vec<View> {
    let mut views: Vec<View> = Vec::new();
    for mut view in table.tables("view", findings) {
        let name: Option<Placed<Name>> = view.required("name", findings);
        let contract: Option<Placed<String>> = view.required("contract", findings);
        let written = ViewText {
            bound: view.optional("bound", findings),
            call: view.optional("call", findings),
            below: view.optional::<NumberText>("below", findings).map(|number| number.0),
            above: view.optional::<NumberText>("above", findings).map(|number| number.0),
            changes: view.optional("changes", findings).unwrap_or(false),
            decimals: view.optional::<NumberText>("decimals", findings).map(|number| number.0),
        };
        let every = view.duration("every", EVERY, findings).map(SignedDuration::unsigned_abs);
        let severity = view.optional("severity", findings).unwrap_or(AlertSeverity::High);
        let (place, shown) = (view.place().clone(), view.shown().to_owned());
        view.finish(findings);
        let (Some(name), Some(contract)) = (name, contract) else { continue };
        if !known("contract", &contract, around.contract_names.iter().map(String::as_str), findings) {
            continue;
        }
        let Some(found) = around.contracts.get(&ContractName::new(contract.value.clone())) else { continue };
        if chain.is_some_and(|chain| found.chain != *chain) {
            let problem =
                format!("contract \"{}\" is on {}, and this feed is not", contract.value, found.chain);
            findings
                .problem(Problem::new(&contract.place, problem).remedy("watch it in a feed of its chain"));
            continue;
        }
        let taken = OWN_NAMES.contains(&name.value.0.as_str())
            || events.iter().any(|event| event.name == name.value.0)
            || views.iter().any(|view| view.name == name.value.0);
        if taken {
            let found = format!("\"{}\" is the name of another class of this feed's alerts", name.value.0);
            findings.problem(Problem::new(&name.place, found).wanted("a name of its own"));
            continue;
        }
        match View::compile(name.value.0, found, &written, severity, every) {
            Ok(view) => views.push(view),
            Err(problem) => findings.problem(Problem::new(&place, format!("{shown}: {problem}"))),
        }
    }
    if views.len() > VIEWS_MAX {
        let found = format!("{} has {} views", table.shown(), views.len());
        findings.problem(Problem::new(&table.place_of("view"), found).wanted(format!("at most {VIEWS_MAX}")));
    }
    views
}

/// A Safe that is watched may be named wherever a contract may: conditions are about it, and expressions read it.
pub(super) fn name_safes(
    feeds: &[Feed],
    safes: &BTreeMap<SafeName, Safe>,
    contracts: &mut Contracts,
    contract_names: &mut BTreeSet<String>,
    root: &Table<'_>,
    findings: &mut Findings,
) {
    let watches = feeds.iter().filter_map(|feed| match &feed.kind {
        FeedKind::Chain(chain) => Some(&chain.watch),
        FeedKind::Forta(_) | FeedKind::JsonLines(_) | FeedKind::Webhook(_) | FeedKind::Nats(_) => None,
    });
    for subject in watches.flat_map(Watch::safes) {
        let Some(safe) = safes.get(&SafeName::new(subject.name.clone())) else { continue };
        let name = ContractName::new(subject.name.clone());
        match contracts.get(&name) {
            Some(known) if known.address == safe.address && known.chain == safe.chain => {}
            Some(_) => {
                let found =
                    format!("\"{name}\" is a contract and a Safe that is watched, at different addresses");
                let problem = Problem::new(&root.place_of("contracts"), found);
                findings.problem(problem.remedy("call one of them otherwise: conditions name both alike"));
            }
            None if contract_names.contains(name.as_str()) => {}
            None => {
                contract_names.insert(subject.name.clone());
                let (chain, chain_id, address) = (safe.chain.clone(), safe.chain_id, safe.address);
                contracts.insert(name.clone(), Contract { name, chain, chain_id, address, abi: safe_abi() });
            }
        }
    }
}
