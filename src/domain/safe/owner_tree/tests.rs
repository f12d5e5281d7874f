//! Trees of Safes, and the small Safes that other tests of nesting are made of.

use alloy::primitives::{Address, B256};

use super::super::{SafeNonce, SafeVersion};
use super::*;
use crate::domain::names::ChainId;

/// The address of a key.
pub(crate) fn key(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// The address of a Safe that is an owner.
pub(crate) fn child(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// A Safe 1.4.1 at an address of this byte.
pub(crate) fn safe(number: u8, owners: &[Address], threshold: u64) -> SafeState {
    SafeState {
        address: SafeAddress(Address::repeat_byte(number)),
        chain: ChainId(31337),
        version: SafeVersion::V1_4_1,
        owners: owners.to_vec(),
        threshold,
        nonce: SafeNonce::default(),
        modules: vec![],
        guard: None,
        module_guard: None,
        fallback_handler: None,
        singleton: Address::repeat_byte(0xee),
        block_number: 1,
        block_hash: B256::ZERO,
    }
}

/// Readings in which these are Safes and every other owner is a key.
pub(crate) fn readings(safes: &[&SafeState]) -> BTreeMap<Address, OwnerReading> {
    let keys = safes.iter().flat_map(|safe| &safe.owners).map(|owner| (*owner, OwnerReading::Key));
    let mut readings: BTreeMap<_, _> = keys.collect();
    for safe in safes {
        readings.insert(safe.address.0, OwnerReading::Safe(Box::new((*safe).clone())));
    }
    readings
}

/// The tree of `root` over these Safes.
pub(crate) fn tree(root: &SafeState, below: &[&SafeState]) -> OwnerTree {
    let all: Vec<&SafeState> = std::iter::once(root).chain(below.iter().copied()).collect();
    OwnerTree::grow(root, &readings(&all))
}

#[test]
fn a_tree_ends_at_keys_and_says_by_which_ways_each_signs() {
    let bravo = safe(0xb0, &[key(1), key(2), key(3)], 2);
    let charlie = safe(0xc0, &[key(3), key(4)], 2);
    let alpha = safe(0xa0, &[child(0xb0), child(0xc0), key(3)], 2);
    let grown = tree(&alpha, &[&bravo, &charlie]);
    assert!(grown.is_nested());
    assert_eq!(grown.leaves(), BTreeSet::from([key(1), key(2), key(3), key(4)]));
    assert_eq!(grown.paths_to(key(3)), [vec![], vec![bravo.address], vec![charlie.address]]);
    assert_eq!(grown.paths_to(key(9)), Vec::<Vec<SafeAddress>>::new());
    assert_eq!(grown.find(charlie.address).unwrap().safe, charlie);
    assert_eq!(grown.blind_spots(), Vec::<String>::new());
    assert!(!tree(&bravo, &[]).is_nested());
    let json = serde_json::to_string(&grown).unwrap();
    assert_eq!(serde_json::from_str::<OwnerTree>(&json).unwrap(), grown);
}

#[test]
fn a_safe_that_owns_itself_is_cut_with_the_way_round() {
    let bravo = safe(0xb0, &[child(0xc0), key(1)], 1);
    let charlie = safe(0xc0, &[child(0xb0)], 1);
    let alpha = safe(0xa0, &[child(0xb0), child(0xa0)], 1);
    let grown = tree(&alpha, &[&bravo, &charlie]);
    insta::assert_snapshot!(grown.blind_spots().join("\n"), @"
    Safe 0xA0a0a0A0A0A0a0a0A0A0a0A0a0A0a0A0A0A0a0a0 owns itself (0xA0a0a0A0A0A0a0a0A0A0a0A0a0A0a0A0A0A0a0a0 owns 0xA0a0a0A0A0A0a0a0A0A0a0A0a0A0a0A0A0A0a0a0): its approval would wait for itself, so it cannot sign
    Safe 0xB0B0b0B0B0B0B0b0B0B0B0b0b0b0b0B0b0b0B0B0 owns itself (0xB0B0b0B0B0B0B0b0B0B0B0b0b0b0b0B0b0b0B0B0 owns 0xC0C0c0c0C0C0c0c0c0C0c0C0C0C0C0C0C0C0c0c0 owns 0xB0B0b0B0B0B0B0b0B0B0B0b0b0b0b0B0b0b0B0B0): its approval would wait for itself, so it cannot sign
    ");
}

/// Safes each owned by the next and by a key.
fn chain_of(length: u8) -> Vec<SafeState> {
    (0..length).map(|level| safe(0xa0 + level, &[child(0xa1 + level), key(level + 1)], 1)).collect()
}

#[test]
fn too_deep_and_too_many_are_cut_and_read_no_further() {
    let deep = chain_of(u8::try_from(NESTING_MAX_LEVELS).unwrap() + 2);
    let safes: Vec<&SafeState> = deep.iter().collect();
    let grown = OwnerTree::grow(safes[0], &readings(&safes));
    let cuts = grown.blind_spots();
    assert_eq!(cuts.len(), 1, "{cuts:?}");
    assert!(cuts[0].contains("stands below 6 levels of Safes"), "{cuts:?}");

    let owners: Vec<Address> =
        (0..=NESTED_SAFES_MAX).map(|n| child(0x50 + u8::try_from(n).unwrap())).collect();
    let many: Vec<SafeState> = owners.iter().map(|owner| safe(owner.0[0], &[key(1)], 1)).collect();
    let root = safe(0xa0, &owners, 1);
    let all: Vec<&SafeState> = std::iter::once(&root).chain(&many).collect();
    let grown = OwnerTree::grow(&root, &readings(&all));
    assert_eq!(grown.blind_spots().len(), 2, "the first counts as well: {:?}", grown.blind_spots());
    assert!(grown.blind_spots()[0].contains("more than 40 Safes"));
    assert_eq!(unread_owners(std::slice::from_ref(&root), &readings(&all)), BTreeSet::new());
}

#[test]
fn what_is_missing_is_asked_for_level_by_level() {
    let bravo = safe(0xb0, &[key(1), key(2)], 2);
    let alpha = safe(0xa0, &[child(0xb0), key(3)], 2);
    let mut known = BTreeMap::new();
    let ask = |known: &_| unread_owners(std::slice::from_ref(&alpha), known);
    assert_eq!(ask(&known), BTreeSet::from([key(3), child(0xb0)]));
    known.insert(key(3), OwnerReading::Key);
    known.insert(child(0xb0), OwnerReading::Safe(Box::new(bravo.clone())));
    assert_eq!(ask(&known), BTreeSet::from([key(1), key(2)]));
    let half = OwnerTree::grow(&alpha, &known);
    assert_eq!(half.blind_spots().len(), 2, "not read is not a key");
    known.insert(key(1), OwnerReading::Key);
    known.insert(key(2), OwnerReading::Unread { because: "the endpoints disagree".to_owned() });
    assert_eq!(ask(&known), BTreeSet::new());
    let spots = OwnerTree::grow(&alpha, &known).blind_spots();
    assert_eq!(spots.len(), 1);
    assert!(spots[0].ends_with("could not be read: the endpoints disagree"));
}
