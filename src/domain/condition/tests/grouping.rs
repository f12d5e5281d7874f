//! Windows by what alerts have in common, and what they must differ in.

use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::domain::alert::AlertLabel;

const EVE: Address = Address::repeat_byte(0xee);
const BOB: Address = Address::repeat_byte(0xbb);
const BRIDGE: Address = Address::repeat_byte(0x77);

/// The vault and a second contract on its chain.
fn two_on_one_chain() -> Contracts {
    let bridge = Contract { name: "bridge".into(), address: BRIDGE, ..vault() };
    Contracts::from([("vault".into(), vault()), ("bridge".into(), bridge)])
}

fn grouped(group: &[GroupBy], distinct: &[(Distinct, u32)]) -> Matcher {
    let distinct =
        distinct.iter().map(|(of, at_least)| DistinctSpec { of: *of, at_least: *at_least }).collect();
    let spec = ConditionSpec {
        about: vec!["vault".into(), "bridge".into()],
        count: Some(CountSpec { alerts: 2, bots: 1, feeds: 1, within: SignedDuration::from_mins(10) }),
        early: Early::Nothing,
        group: group.to_vec(),
        distinct,
        ..spec()
    };
    let condition = Condition::compile(spec, &bots(), &two_on_one_chain()).unwrap();
    Matcher::new(vec![("r".into(), condition)])
}

fn accusing(hash: &str, second: i64, attackers: &[Address]) -> Alert {
    let mut alert = alert(hash, "0xa1", second);
    for (index, attacker) in attackers.iter().enumerate() {
        let label = "attacker-eoa".to_owned();
        let entity = format!("{attacker:#x}");
        if index == 0 {
            alert.metadata.insert("attackerAddress".to_owned(), json!(entity));
        }
        alert.labels.push(AlertLabel { label, entity, remove: false });
    }
    alert
}

fn about(alert: Alert, contracts: &[Address]) -> Alert {
    Alert { addresses: contracts.to_vec(), ..alert }
}

#[test]
fn each_group_has_a_window_of_its_own() {
    let mut by_attacker = grouped(&[GroupBy::Contract, GroupBy::Attacker], &[]);
    let stream = [accusing("0x1", 0, &[EVE]), accusing("0x2", 10, &[BOB]), accusing("0x3", 20, &[EVE])];
    assert_eq!(story(&mut by_attacker, &stream), "..F");
    assert_eq!(story(&mut grouped(&[], &[]), &stream), ".F.");
    // Whom nobody accuses in so many words is anybody named, but never what is protected.
    let nobody = about(alert("0x4", "0xa1", 30), &[VAULT]);
    let seen = by_attacker.observe(&nobody, &Known::CANONICAL);
    assert_eq!((seen.kept, &seen.notes[0].why), (false, &Why::NoGroup));

    let mut by_transaction = grouped(&[GroupBy::Contract, GroupBy::Transaction], &[]);
    let other = Alert { transaction: Some(B256::repeat_byte(1)), ..alert("0x2", "0xa1", 1) };
    assert_eq!(story(&mut by_transaction, &[alert("0x1", "0xa1", 0), other, alert("0x3", "0xb2", 2)]), "..F");
}

#[test]
fn an_alert_of_several_groups_fires_and_is_spent_once() {
    let mut matcher = grouped(&[GroupBy::Contract, GroupBy::Attacker], &[]);
    let stream = [
        accusing("0x1", 0, &[EVE]),
        accusing("0x2", 1, &[BOB]),
        accusing("0x3", 2, &[EVE, BOB]),
        accusing("0x4", 3, &[EVE]),
    ];
    // 3 completes one of its two groups; in the other it is spent, so that 1 waits for 4.
    assert_eq!(story(&mut matcher, &stream), "..FF");
    let mut found = grouped(&[GroupBy::Attacker], &[]);
    let _first = found.observe(&about(accusing("0x1", 0, &[EVE]), &[VAULT]), &Known::CANONICAL);
    let seen = found.observe(&about(accusing("0x2", 1, &[EVE]), &[BRIDGE]), &Known::CANONICAL);
    assert_eq!(seen.matches[0].contract, "bridge".into(), "the one that the completing alert is about");
    assert_snapshot!(seen.matches[0].because, @"2 alerts from 1 bot about bridge, all about the attacker 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE within 10m, satisfy `count` (2 alerts from any bot): 0x1 (bot 0xa1), 0x2 (bot 0xa1)");
}

#[test]
fn contracts_stand_together_where_the_group_is_their_chain() {
    let mut together = grouped(&[GroupBy::Chain], &[(Distinct::Contracts, 2)]);
    let stream = [
        about(alert("0x1", "0xa1", 0), &[VAULT]),
        about(alert("0x2", "0xa1", 1), &[VAULT]),
        about(alert("0x3", "0xa1", 2), &[BRIDGE]),
    ];
    assert_eq!(story(&mut together, &stream), "..F");
    // What was completed is taken back, and fires again with the same alert.
    together.forget(&stream[2]);
    assert_eq!(story(&mut together, &stream[2..]), "F");
    let apart = [about(alert("0x4", "0xa1", 0), &[VAULT]), about(alert("0x5", "0xa1", 1), &[BRIDGE])];
    assert_eq!(story(&mut grouped(&[], &[]), &apart), "..");
}

#[test]
fn vendors_are_those_of_the_configuration_or_of_the_bots() {
    let bots = bots();
    let (lists, macros) = (Lists::new(), Macros::new());
    let vendors = Vendors::from([("one".into(), "acme".to_owned()), ("two".into(), "acme".to_owned())]);
    let words =
        Words { bots: &bots, lists: &lists, macros: &macros, vendors: &vendors, origins: &Origins::new() };
    let wants = || ConditionSpec {
        when: "true".to_owned(),
        count: Some(CountSpec { alerts: 2, bots: 1, feeds: 1, within: SignedDuration::from_mins(10) }),
        distinct: vec![DistinctSpec { of: Distinct::Vendors, at_least: 2 }],
        early: Early::Nothing,
        ..spec()
    };
    let from = |feed: &str, hash: &str, bot: &str| Alert { feed: feed.into(), ..alert(hash, bot, 0) };
    let table = [
        (from("forta", "0x1", "0xa1"), from("other", "0x2", "0xb2"), ".."),
        (from("one", "0x1", "tenderly:a"), from("two", "0x2", "alchemy:b"), ".."),
        (from("x", "0x1", "tenderly:a"), from("y", "0x2", "tenderly:b"), ".."),
        (from("x", "0x1", "tenderly:a"), from("x", "0x2", "0xb2"), ".F"),
        (from("one", "0x1", "0xa1"), from("forta", "0x2", "0xb2"), ".F"),
    ];
    for (one, other, expected) in table {
        let condition = Condition::compile_with(wants(), words, contracts()).unwrap();
        let told = format!("{} {}", one.bot, other.bot);
        assert_eq!(
            story(&mut Matcher::new(vec![("r".into(), condition)]), &[one, other]),
            expected,
            "{told}"
        );
    }
}

#[test]
fn attackers_transactions_and_entities_are_counted_as_they_are_said() {
    let by = |of| grouped(&[], &[(of, 2)]);
    let eve = [accusing("0x1", 0, &[EVE]), accusing("0x2", 1, &[EVE]), accusing("0x3", 2, &[BOB])];
    assert_eq!(story(&mut by(Distinct::Attackers), &eve), "..F");
    // Addresses that are only named are nobody's attackers.
    let named =
        [about(alert("0x1", "0xa1", 0), &[VAULT, EVE]), about(alert("0x2", "0xa1", 1), &[VAULT, BOB])];
    assert_eq!(story(&mut by(Distinct::Attackers), &named), "..");
    let moved = Alert { transaction: Some(B256::repeat_byte(1)), ..alert("0x3", "0xa1", 2) };
    let stream = [alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 1), moved];
    assert_eq!(story(&mut by(Distinct::Transactions), &stream), "..F");
    let labelled = |hash: &str, entity: &str, remove| {
        let label = AlertLabel { label: "Victim".to_owned(), entity: entity.to_owned(), remove };
        Alert { labels: vec![label], ..alert(hash, "0xa1", 0) }
    };
    let stream = [
        labelled("0x1", "https://a.example", false),
        labelled("0x2", "HTTPS://A.example", false),
        labelled("0x3", "https://b.example", true),
        labelled("0x4", "https://c.example", false),
    ];
    assert_eq!(story(&mut by(Distinct::Entities), &stream), "...F");
}

#[test]
fn who_only_takes_back_never_counts() {
    let suppressed = |when: &str| ConditionSpec {
        when: when.to_owned(),
        early: Early::Nothing,
        retracted_by: Some("detectors".to_owned()),
        ..spec()
    };
    let stream = [alert("0x1", "0xa1", 0), alert("0x2", "0xd4", 1), alert("0x3", "0xe5", 2)];
    let mut open = matcher(suppressed("alert.severity >= HIGH"));
    assert_eq!(open.observe(&stream[0], &Known::CANONICAL).notes[0].why, Why::Suppressor);
    assert_eq!(story(&mut open, &stream[1..]), ".F");
    // Who is named as a detector is one, and counts; what takes a mark off never does.
    let mut named = matcher(suppressed("alert.bot in bots.detectors"));
    let mut back = accusing("0x2", 1, &[EVE]);
    back.bot = BotId::new("0xb2");
    back.labels[0].remove = true;
    assert_eq!(story(&mut named, &[stream[0].clone(), back, alert("0x4", "0xc3", 3)]), "..F");
}

#[test]
fn groups_and_differences_are_said() {
    let spec = ConditionSpec {
        about: vec!["vault".into(), "bridge".into()],
        group: vec![GroupBy::Attacker],
        distinct: vec![DistinctSpec { of: Distinct::Vendors, at_least: 2 }],
        early: Early::Nothing,
        ..spec()
    };
    let condition = Condition::compile(spec, &bots(), &two_on_one_chain()).unwrap();
    assert_snapshot!(explain(&condition), @"pages, prepares and proposes when 2 alerts from 2 different bots and 2 different vendors, each with alert.severity >= CRITICAL && alert.bot in bots.detectors, about vault or bridge, fall within 10m, all with the same attacker, whichever of the contracts each is about; one alert alone does nothing");
}
