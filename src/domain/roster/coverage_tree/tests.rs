//! Tables: who is on call, and whether the Safe of Safes can sign.

use jiff::SignedDuration;

use super::*;
use crate::domain::incident::fixture::{at, owner, person, shift};
use crate::domain::safe::owner_tree::tests::{child, key, readings, safe, tree};
use crate::domain::safe::{OwnerReading, SafeState};

/// Each person holds the keys of these numbers; those named are on call.
fn roster(people: &[(&str, &[u8])], on_call: &[&str]) -> Roster {
    let hours = SignedDuration::from_hours(12);
    Roster {
        people: people.iter().map(|(id, keys)| ((*id).into(), person(id, keys, &["slack"]))).collect(),
        shifts: on_call.iter().map(|id| shift(id, at(0) - hours, at(0) + hours)).collect(),
        ..Roster::default()
    }
}

/// 2 of 3, each a 2 of 3: keys 1 to 3, 4 to 6, 7 to 9.
fn nine_keys() -> (SafeState, Vec<SafeState>) {
    let below = [(0xb0, 1), (0xc0, 4), (0xd0, 7)]
        .map(|(address, first)| safe(address, &[key(first), key(first + 1), key(first + 2)], 2));
    (safe(0xa0, &[child(0xb0), child(0xc0), child(0xd0)], 2), below.to_vec())
}

const NINE: [(&str, &[u8]); 9] = [
    ("ana", &[1]),
    ("ben", &[2]),
    ("chi", &[3]),
    ("dee", &[4]),
    ("eve", &[5]),
    ("fay", &[6]),
    ("gus", &[7]),
    ("hal", &[8]),
    ("ida", &[9]),
];

fn grown((root, below): &(SafeState, Vec<SafeState>)) -> OwnerTree {
    tree(root, &below.iter().collect::<Vec<_>>())
}

#[test]
fn thresholds_are_satisfied_down_to_people() {
    let tree = grown(&nine_keys());
    let table: [(&[&str], &str); 6] = [
        (&["ana", "ben", "dee", "eve"], "exact, 2 owners can sign for 2 (one key less breaks it)"),
        // Four keys again, and only one Safe has two of its own.
        (&["ana", "ben", "dee", "gus"], "UNCOVERED, 1 owner can sign for 2"),
        (&["ana", "ben", "chi", "dee", "eve"], "exact, 2 owners can sign for 2 (one key less breaks it)"),
        (
            &["ana", "ben", "chi", "dee", "eve", "fay"],
            "covered, 2 owners can sign for 2 (any 1 of the keys may be missing)",
        ),
        (
            &["ana", "ben", "chi", "dee", "eve", "fay", "gus", "hal", "ida"],
            "covered, 3 owners can sign for 2 (any 3 of the keys may be missing)",
        ),
        (&[], "UNCOVERED, 0 owners can sign for 2"),
    ];
    for (on_call, headline) in table {
        let report = tree_coverage(&tree, &roster(&NINE, on_call), at(0));
        assert_eq!(report.headline(), headline, "{on_call:?}");
        let met = report.state.is_met();
        let nested = report.nested.unwrap();
        assert_eq!(nested.fewest.len(), if met { 4 } else { 0 }, "{on_call:?}");
        assert_eq!(report.available.len() + report.missing.len(), 9);
    }
}

#[test]
fn a_person_whose_key_stands_in_two_safes_counts_in_both_and_is_lost_in_both() {
    let bravo = safe(0xb0, &[key(1), key(2)], 1);
    let charlie = safe(0xc0, &[key(1), key(3)], 1);
    let alpha = safe(0xa0, &[child(0xb0), child(0xc0)], 2);
    let tree = tree(&alpha, &[&bravo, &charlie]);
    let people: [(&str, &[u8]); 3] = [("ana", &[1]), ("ben", &[2]), ("chi", &[3])];
    let report = tree_coverage(&tree, &roster(&people, &["ana"]), at(0));
    assert_eq!(report.state, Coverage::Exact);
    assert_eq!(report.nested.unwrap().fewest, [PersonId::new("ana")]);
    // Without ana, ben and chi are needed both; with all three any one may be missing.
    let report = tree_coverage(&tree, &roster(&people, &["ben", "chi"]), at(0));
    assert_eq!(report.state, Coverage::Exact);
    assert_eq!(report.nested.unwrap().fewest.len(), 2);
    let report = tree_coverage(&tree, &roster(&people, &["ana", "ben", "chi"]), at(0));
    assert_eq!(report.state, Coverage::Covered { margin: 1 });
    assert_eq!(report.nested.unwrap().fewest, [PersonId::new("ana")]);
    let ways = ways_of(&tree, &"ana".into(), &roster(&people, &[]), at(0));
    assert_eq!(ways, [vec![bravo.address], vec![charlie.address]]);
}

#[test]
fn what_could_not_be_looked_behind_is_never_green() {
    let bravo = safe(0xb0, &[key(1)], 1);
    let alpha = safe(0xa0, &[child(0xb0), child(0xc0), key(2)], 2);
    let mut known = readings(&[&alpha, &bravo]);
    known.insert(child(0xc0), OwnerReading::Unread { because: "no endpoint answers".to_owned() });
    let tree = OwnerTree::grow(&alpha, &known);
    let people: [(&str, &[u8]); 2] = [("ana", &[1]), ("ben", &[2])];
    let says = |on_call: &[&str]| tree_coverage(&tree, &roster(&people, on_call), at(0)).state;
    // It would decide: unknown. It could not help: uncovered. It is not needed: proven without it.
    assert!(matches!(says(&["ana"]), Coverage::Unknown { cause } if cause.contains("no endpoint answers")));
    assert_eq!(says(&[]), Coverage::Uncovered);
    assert_eq!(says(&["ana", "ben"]), Coverage::Exact);
    let report = tree_coverage(&tree, &roster(&people, &["ana", "ben"]), at(0));
    assert!(report.reasons.iter().any(|reason| reason.contains("no endpoint answers")), "{report:?}");
}

#[test]
fn a_safe_that_owns_itself_helps_nobody_and_a_contract_counts_by_its_holder() {
    let bravo = safe(0xb0, &[child(0xa0), key(1)], 1);
    let alpha = safe(0xa0, &[child(0xb0), child(0x77)], 2);
    let mut known = readings(&[&alpha, &bravo]);
    known.insert(child(0x77), OwnerReading::Contract { because: "VERSION() reverted".to_owned() });
    let tree = OwnerTree::grow(&alpha, &known);
    let report = tree_coverage(&tree, &roster(&[("ana", &[1])], &["ana"]), at(0));
    assert_eq!(
        (report.state.clone(), report.unknown_owners.clone()),
        (Coverage::Uncovered, vec![owner(0x77)])
    );
    assert!(report.reasons.iter().any(|reason| reason.contains("owns itself")), "{report:?}");
    // Somebody who holds the smart wallet signs as it.
    let report = tree_coverage(&tree, &roster(&[("ana", &[1]), ("ben", &[0x77])], &["ana", "ben"]), at(0));
    assert_eq!(report.state, Coverage::Exact);
}

#[test]
fn keys_alone_are_counted_as_ever_and_reports_of_before_are_read() {
    let alpha = safe(0xa0, &[key(1), key(2)], 1);
    let roster = roster(&[("ana", &[1]), ("ben", &[2])], &["ana", "ben"]);
    let report = tree_coverage(&tree(&alpha, &[]), &roster, at(0));
    assert_eq!(report, coverage(&alpha.owners, 1, &roster, at(0)));
    let json = serde_json::to_value(&report).unwrap();
    assert!(json.get("nested").is_none());
    assert_eq!(serde_json::from_value::<CoverageReport>(json).unwrap(), report);
    let nested = tree_coverage(&grown(&nine_keys()), &roster, at(0));
    let json = serde_json::to_string(&nested).unwrap();
    assert_eq!(serde_json::from_str::<CoverageReport>(&json).unwrap(), nested);
}

#[test]
fn among_many_people_some_few_are_found() {
    let owners: Vec<Address> = (1..=20).map(key).collect();
    let bravo = safe(0xb0, &owners, 3);
    let alpha = safe(0xa0, &[child(0xb0)], 1);
    let names: Vec<String> = (1..=20).map(|number| format!("p{number}")).collect();
    let keys: Vec<[u8; 1]> = (1..=20).map(|number| [number]).collect();
    let people: Vec<(&str, &[u8])> =
        names.iter().zip(&keys).map(|(name, key)| (name.as_str(), key.as_slice())).collect();
    let on_call: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = tree_coverage(&tree(&alpha, &[&bravo]), &roster(&people, &on_call), at(0));
    assert_eq!(report.state, Coverage::Covered { margin: 17 });
    assert_eq!(report.nested.unwrap().fewest.len(), 3);
}
