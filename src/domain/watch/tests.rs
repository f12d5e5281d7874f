//! Events read by the number of their topics, views, Safes, and what tells one alert from another.

use std::collections::BTreeSet;

use alloy::json_abi::JsonAbi;
use alloy::primitives::{U256, address, b256, keccak256};

use super::*;
use crate::domain::alert::{Alert, AlertSeverity};
use crate::domain::condition::{About, about};
use crate::domain::contract::tests::vault;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeState, SafeVersion};

const SAFE: Address = address!("0x00000000000000000000000000000000000000bb");
const ANA: Address = address!("0x00000000000000000000000000000000000000a1");

pub(super) fn watch() -> Watch {
    let vault = vault();
    Watch {
        feed: "chain-mainnet".into(),
        chain: "mainnet".into(),
        chain_id: ChainId(1),
        subjects: vec![
            Subject { name: "vault".to_owned(), kind: SubjectKind::Contract, address: vault.address },
            Subject { name: "guardian".to_owned(), kind: SubjectKind::Safe, address: SAFE },
        ],
        events: default_events(),
        views: Vec::new(),
    }
}

pub(super) fn block(number: u64) -> SeenBlock {
    SeenBlock { number, hash: keccak256(number.to_be_bytes()), timestamp_s: 1_700_000_000 + number }
}

pub(super) fn log(address: Address, signature: &str, topics: &[B256], data: &[u8]) -> SeenLog {
    let topics = [&[keccak256(signature)], topics].concat();
    let data = Bytes::copy_from_slice(data);
    SeenLog { address, topics, data, transaction: B256::repeat_byte(7), index: 3, block: block(5) }
}

pub(super) fn only(watch: &Watch, log: SeenLog) -> Alert {
    let mut alerts = event_alerts(watch, &[log]);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    alerts.pop().unwrap()
}

#[test]
fn an_event_is_the_same_alert_whether_its_arguments_are_indexed_or_not() {
    let watch = watch();
    let old = only(&watch, log(SAFE, "AddedOwner(address)", &[], ANA.into_word().as_slice()));
    let new = only(&watch, log(SAFE, "AddedOwner(address)", &[ANA.into_word()], &[]));
    for alert in [&old, &new] {
        assert_eq!(alert.alert_id, "AddedOwner");
        assert_eq!(alert.bot.as_str(), "chain:mainnet");
        assert_eq!(alert.severity, AlertSeverity::Critical);
        assert_eq!(alert.metadata["owner"], "0x00000000000000000000000000000000000000a1");
        assert_eq!(alert.metadata["contract"], "guardian");
        assert_eq!(alert.addresses, [SAFE, ANA]);
        assert!(alert.authenticated);
        assert_eq!(about(alert, ChainId(1), SAFE), About::Yes);
        assert_eq!(about(alert, ChainId(1), ANA), About::No, "named is not meant");
    }
    assert_ne!(old.hash, new.hash, "they are different logs");
    // One of two indexed cannot be told; the alert stands all the same.
    let hash = b256!("0x00000000000000000000000000000000000000000000000000000000000000ff");
    let odd = only(&watch, log(SAFE, "ApproveHash(bytes32,address)", &[hash], ANA.into_word().as_slice()));
    assert!(odd.metadata.contains_key("undecoded_topics"), "{odd:?}");
    let plain = only(
        &watch,
        log(
            SAFE,
            "ApproveHash(bytes32,address)",
            &[],
            &[hash.as_slice(), ANA.into_word().as_slice()].concat(),
        ),
    );
    assert_eq!(plain.metadata["approvedHash"], hash.to_string());
}

#[test]
fn identity_is_the_transaction_and_the_log_and_not_the_block() {
    let watch = watch();
    let one = log(SAFE, "AddedOwner(address)", &[ANA.into_word()], &[]);
    let elsewhere = SeenLog { block: block(9), index: 0, ..one.clone() };
    let later = SeenLog { transaction: B256::repeat_byte(8), ..one.clone() };
    let hash = |log: &SeenLog| only(&watch, log.clone()).hash;
    assert_eq!(hash(&one), hash(&elsewhere));
    assert_ne!(hash(&one), hash(&later));
    let twice = event_alerts(&watch, &[one.clone(), one.clone()]);
    assert_eq!(twice.iter().map(|alert| &alert.hash).collect::<BTreeSet<_>>().len(), 2);
    // Who emits what is not watched there says nothing.
    assert!(event_alerts(&watch, &[log(SAFE, "Paused(address)", &[], &[0; 32])]).is_empty());
    assert!(event_alerts(&watch, &[log(ANA, "AddedOwner(address)", &[ANA.into_word()], &[])]).is_empty());
}

#[test]
fn events_are_found_by_name_and_signature_and_slips_are_told() {
    let with_events = JsonAbi::parse([
        "function pause()",
        "event Paused(address by)",
        "event CapChanged(uint256 indexed cap)",
    ])
    .unwrap();
    let without = JsonAbi::parse(["function pause()"]).unwrap();
    let odd = JsonAbi::parse(["event Drained(uint257 amount)"]).unwrap();
    let names = |text: &str, abi: &JsonAbi| match resolve_event(text, &[abi]) {
        Ok(rules) => rules.into_iter().map(|rule| rule.signature).collect::<Vec<_>>().join(", "),
        Err(unknown) => format!("✗ {unknown}"),
    };
    let said: Vec<String> = [
        ("Paused", &with_events),
        ("Paused(address)", &without),
        ("CapChanged", &with_events),
        ("CapChanged", &without),
        ("CapChanged(uint256)", &with_events),
        ("CapChanged(uint8)", &with_events),
        ("Drained(uint256 amount)", &without),
        ("Drained(uint256 amount)", &with_events),
        ("RoleRevokd(bytes32,address,address)", &without),
        ("Paused(addres)", &without),
        ("Drained", &odd),
    ]
    .iter()
    .map(|(text, abi)| format!("{text}: {}", names(text, abi)))
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    Paused: Paused(address)
    Paused(address): Paused(address)
    CapChanged: CapChanged(uint256)
    CapChanged: ✗ "CapChanged": no ABI of a contract watched declares it, and it is none of those known by name
    CapChanged(uint256): CapChanged(uint256)
    CapChanged(uint8): ✗ "CapChanged(uint8)": the ABI declares it with other arguments
    Drained(uint256 amount): Drained(uint256)
    Drained(uint256 amount): ✗ "Drained(uint256 amount)": no ABI of a contract watched declares it
    RoleRevokd(bytes32,address,address): ✗ "RoleRevokd(bytes32,address,address)": it looks like a slip of an event known by name
    Paused(addres): ✗ "Paused(addres)": it is no signature of an event
    Drained: ✗ "Drained": an ABI declares it with a type that there is not
    "#);
}

#[test]
fn arguments_cannot_say_who_is_harmed() {
    let mut watch = watch();
    watch.events = resolve_event("Moved(address address1, address potential_victim)", &[]).unwrap();
    let data = [ANA.into_word(), ANA.into_word()].concat();
    let alert = only(&watch, log(SAFE, "Moved(address,address)", &[], &data));
    assert_eq!(alert.metadata["arg_address1"], alert.metadata["arg_potential_victim"]);
    assert_eq!(about(&alert, ChainId(1), SAFE), About::Yes);
    assert_eq!(about(&alert, ChainId(1), ANA), About::No);
}

fn view(text: ViewText) -> Result<View, ViewProblem> {
    View::compile("low".to_owned(), &vault(), &text, AlertSeverity::High, None)
}

fn bound(text: &str, decimals: Option<&str>) -> Result<View, ViewProblem> {
    view(ViewText {
        bound: Some(text.to_owned()),
        decimals: decimals.map(str::to_owned),
        ..ViewText::default()
    })
}

fn word(number: u64) -> Result<Bytes, String> {
    Ok(Bytes::from(U256::from(number).to_be_bytes_vec()))
}

#[test]
fn a_bound_is_exact_and_says_what_is_wrong_with_it() {
    let table = [
        ("totalAssets() < totalSupply()", None, vec![word(1), word(2)], Some(true)),
        ("totalAssets() < totalSupply()", None, vec![word(2), word(2)], Some(false)),
        ("totalAssets() <= totalSupply()", None, vec![word(2), word(2)], Some(true)),
        ("totalAssets() < 0.000002", Some("6"), vec![word(1)], Some(true)),
        ("totalAssets() != 2", Some("0"), vec![word(2)], Some(false)),
        ("paused() == true", None, vec![word(1)], Some(true)),
        ("drift() < 0", None, vec![Ok(Bytes::from([0xff; 32]))], Some(true)),
        ("totalAssets() > 1.5", Some("totalSupply()"), vec![word(16), word(1)], Some(true)),
    ];
    for (text, decimals, answers, beyond) in table {
        let view = bound(text, decimals).unwrap();
        assert_eq!(view.questions().count(), answers.len(), "{text}");
        assert_eq!(view.judge(&answers).unwrap().beyond, beyond, "{text}");
        assert!(
            view.judge(&[Err("it reverts".to_owned()), word(1)]).is_err(),
            "unknown is no answer: {text}"
        );
    }
    let told: Vec<String> = [
        bound("totalAssets()", None),
        bound("1 < 2", None),
        bound("totalAssets() < 1.5", None),
        bound("owner() == 1", None),
        bound("totalAsets() < 1", None),
        bound("totalAssets() < 1", Some("many")),
        view(ViewText { call: Some("owner()".to_owned()), ..ViewText::default() }),
    ]
    .into_iter()
    .map(|view| view.unwrap_err().to_string().split(';').next().unwrap().to_owned())
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    `totalAssets()` compares nothing
    `1 2` compares two numbers, and reads nothing
    1.5 has 1 digits behind the point, and the unit has 0 decimals
    owner() does not return one number, so that it cannot be compared
    contract "vault" has no function "totalAsets" with 0 arguments
    decimals = "many" is neither a number of at most 77 nor a call such as decimals()
    write either `bound`, or `call` with one of `below`, `above` and `changes = true`
    "#);
}

#[test]
fn a_value_that_may_not_change_is_told_when_it_does() {
    let watch = watch();
    let owner = ViewText { call: Some("owner()".to_owned()), changes: true, ..ViewText::default() };
    let view = view(owner).unwrap();
    let mut memory = Memory::default();
    let mut at = |number: u64, owner: Address| {
        let judged = view.judge(&[Ok(Bytes::from(owner.into_word().to_vec()))]).unwrap();
        memory.view(&watch, &view, judged, &block(number))
    };
    assert_eq!(at(1, ANA), None);
    assert_eq!(at(2, ANA), None);
    let changed = at(3, SAFE).unwrap();
    assert_eq!((changed.alert_id.as_str(), changed.severity), ("low", AlertSeverity::High));
    assert_eq!(changed.metadata["before"], "0x00000000000000000000000000000000000000a1");
    assert_eq!(changed.metadata["value"], "0x00000000000000000000000000000000000000bb");
    let back = at(4, ANA).unwrap();
    assert_ne!(changed.hash, back.hash);
}

#[test]
fn a_view_that_moves_to_another_contract_is_looked_at_anew() {
    let watch = watch();
    let mut view = bound("totalAssets() < 5", None).unwrap();
    let mut memory = Memory::default();
    let beyond = view.judge(&[word(4)]).unwrap();
    assert!(memory.view(&watch, &view, beyond.clone(), &block(1)).is_some());
    assert_eq!(memory.view(&watch, &view, beyond.clone(), &block(2)), None);
    view.subject.address = SAFE;
    let moved = memory.view(&watch, &view, beyond, &block(3)).unwrap();
    assert_eq!(moved.addresses, [SAFE]);
}

#[test]
fn a_safe_that_changes_without_an_event_is_told_and_one_with_is_told_once() {
    let watch = watch();
    let subject = watch.safes().next().unwrap().clone();
    let state = |owners: &[Address], singleton: Address| {
        SafeReading::State(Box::new(SafeState {
            address: SafeAddress(SAFE),
            chain: ChainId(1),
            version: SafeVersion::V1_1_1,
            owners: owners.to_vec(),
            threshold: 1,
            nonce: SafeNonce(U256::ZERO),
            modules: Vec::new(),
            guard: None,
            module_guard: None,
            fallback_handler: None,
            singleton,
            singleton_code_hash: None,
            block_number: 1,
            block_hash: B256::ZERO,
        }))
    };
    let mut memory = Memory::default();
    let none = BTreeSet::new();
    let told = BTreeSet::from([(SAFE, SafeField::Owners)]);
    let mut at = |number: u64, reading: &SafeReading, told: &BTreeSet<(Address, SafeField)>| {
        let alerts = memory.safe(&watch, &subject, reading, told, &block(number));
        let said = |alert: &Alert| {
            let of = |key: &str| alert.metadata[key].as_str().unwrap().to_owned();
            format!("{} {}: {} → {}", alert.alert_id, of("field"), of("before"), of("after"))
        };
        alerts.iter().map(said).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(at(1, &state(&[ANA], SAFE), &none), "");
    // The order of owners is the contract's business.
    assert_eq!(at(2, &state(&[ANA, SAFE], SAFE), &told), "", "an event told it");
    assert_eq!(at(3, &state(&[SAFE, ANA], SAFE), &none), "");
    insta::assert_snapshot!(at(4, &state(&[ANA], ANA), &none), @"
    SafeStateChanged owners: 0x00000000000000000000000000000000000000a1,0x00000000000000000000000000000000000000bb → 0x00000000000000000000000000000000000000a1
    SafeStateChanged singleton: 0x00000000000000000000000000000000000000bb → 0x00000000000000000000000000000000000000a1
    ");
    let gone = SafeReading::NoSafe("getOwners() did not answer as a Safe does".to_owned());
    assert_eq!(at(5, &gone, &told), "SafeStateChanged kind: a Safe → no Safe");
    assert_eq!(at(6, &gone, &none), "");
}
