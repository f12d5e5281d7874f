//! Layouts as the compiler writes them, and what is said of each change.

use super::*;

/// A layout from `label type slot offset` lines; the types are those below.
fn layout(variables: &[(&str, &str, u64, u32)]) -> StorageLayout {
    parse(variables, &[])
}

fn parse(variables: &[(&str, &str, u64, u32)], members: &[(&str, &str, u64, u32)]) -> StorageLayout {
    let list = |variables: &[(&str, &str, u64, u32)]| -> Vec<serde_json::Value> {
        variables
            .iter()
            .map(|(label, kind, slot, offset)| {
                serde_json::json!({ "astId": 7, "contract": "src/A.sol:A", "label": label, "offset": offset, "slot": slot.to_string(), "type": kind })
            })
            .collect()
    };
    let value = |label: &str, bytes: &str| serde_json::json!({ "encoding": "inplace", "label": label, "numberOfBytes": bytes });
    let json = serde_json::json!({
        "storage": list(variables),
        "types": {
            "u256": value("uint256", "32"), "i256": value("int256", "32"), "u128": value("uint128", "16"),
            "u64": value("uint64", "8"), "bool": value("bool", "1"), "addr": value("address", "20"),
            "token": value("contract IERC20", "20"), "state": value("enum A.State", "1"),
            "price": value("Price", "32"),
            "text": { "encoding": "bytes", "label": "string", "numberOfBytes": "32" },
            "gap50": { "encoding": "inplace", "label": "uint256[50]", "numberOfBytes": "1600", "base": "u256" },
            "gap49": { "encoding": "inplace", "label": "uint256[49]", "numberOfBytes": "1568", "base": "u256" },
            "list": { "encoding": "dynamic_array", "label": "uint256[]", "numberOfBytes": "32", "base": "u256" },
            "list128": { "encoding": "dynamic_array", "label": "uint128[]", "numberOfBytes": "32", "base": "u128" },
            "by_addr": { "encoding": "mapping", "label": "mapping(address => uint256)", "numberOfBytes": "32", "key": "addr", "value": "u256" },
            "by_number": { "encoding": "mapping", "label": "mapping(uint256 => uint256)", "numberOfBytes": "32", "key": "u256", "value": "u256" },
            "pool": { "encoding": "inplace", "label": "struct A.Pool", "numberOfBytes": (members.len() * 32).max(32).to_string(), "members": list(members) },
            "pools": { "encoding": "mapping", "label": "mapping(address => struct A.Pool)", "numberOfBytes": "32", "key": "addr", "value": "pool" },
            "pool_list": { "encoding": "dynamic_array", "label": "struct A.Pool[]", "numberOfBytes": "32", "base": "pool" },
        }
    });
    StorageLayout::parse(&json.to_string()).unwrap()
}

/// The verdict, the clashes and the warnings, a line each.
fn told(old: &StorageLayout, new: &StorageLayout) -> String {
    let found = compare(old, new);
    let clashes = found.clashes.iter().map(|clash| format!("- {clash}"));
    let warnings = found.warnings.iter().map(|warning| format!("? {warning}"));
    std::iter::once(found.headline()).chain(clashes).chain(warnings).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_kept_and_what_is_appended_is_fine() {
    let old = layout(&[("a", "u256", 0, 0), ("b", "addr", 1, 0)]);
    assert_eq!(told(&old, &old), "compatible: 2 variables kept, 0 appended");
    let packed =
        layout(&[("a", "u256", 0, 0), ("b", "token", 1, 0), ("c", "bool", 1, 20), ("d", "text", 2, 0)]);
    assert_eq!(told(&old, &packed), "compatible: 2 variables kept, 2 appended");
}

#[test]
fn moved_retyped_removed_and_inserted_variables_are_told_with_slot_and_offset() {
    let old =
        layout(&[("a", "u256", 0, 0), ("b", "u128", 1, 0), ("c", "u64", 1, 16), ("m", "by_addr", 2, 0)]);
    let table = [
        layout(&[
            ("x", "u256", 0, 0),
            ("a", "u256", 1, 0),
            ("b", "u128", 2, 0),
            ("c", "u64", 2, 16),
            ("m", "by_addr", 3, 0),
        ]),
        layout(&[("a", "i256", 0, 0), ("b", "u128", 1, 0), ("c", "u64", 1, 16), ("m", "by_number", 2, 0)]),
        layout(&[("a", "u256", 0, 0), ("b", "u64", 1, 0), ("c", "u64", 1, 16), ("m", "u256", 2, 0)]),
        layout(&[("a", "u256", 0, 0), ("b", "u128", 1, 0), ("m", "by_addr", 2, 0)]),
        layout(&[("a", "u256", 0, 0), ("x", "bool", 1, 8), ("c", "u64", 1, 16), ("m", "by_addr", 2, 0)]),
        layout(&[("a", "u256", 0, 0), ("c", "u64", 1, 0), ("b", "u128", 1, 8), ("m", "by_addr", 2, 0)]),
    ];
    let all: Vec<_> = table.iter().map(|new| told(&old, new)).collect();
    insta::assert_snapshot!(all.join("\n\n"), @r"
    incompatible: 4 clashes
    - `a` moves from slot 0, offset 0 to slot 1, offset 0, and `x` takes its place; add new variables behind all old ones
    - `b` moves from slot 1, offset 0 to slot 2, offset 0, and `a` takes its place; add new variables behind all old ones
    - `c` moves from slot 1, offset 16 to slot 2, offset 16
    - `m` moves from slot 2, offset 0 to slot 3, offset 0, and `b` takes its place; add new variables behind all old ones

    incompatible: 2 clashes
    - `a` at slot 0, offset 0 was uint256 and is int256 now
    - the keys of `m` at slot 2, offset 0 were address and are uint256 now

    incompatible: 2 clashes
    - `b` at slot 1, offset 0 was uint128 (16 bytes) and is uint64 (8 bytes) now
    - `m` at slot 2, offset 0 was mapping(address => uint256) and is uint256 now

    incompatible: 1 clash
    - `c` at slot 1, offset 16 is removed: what it held stays in storage, and a variable that comes there later inherits it

    incompatible: 1 clash
    - `b` at slot 1, offset 0 is removed: what it held stays in storage, and a variable that comes there later inherits it

    incompatible: 2 clashes
    - `b` moves from slot 1, offset 0 to slot 1, offset 8, and `c` takes its place; add new variables behind all old ones
    - `c` moves from slot 1, offset 16 to slot 1, offset 0
    ");
}

#[test]
fn another_name_is_a_warning_and_another_meaning_of_the_same_width_too() {
    let old = layout(&[("a", "u256", 0, 0), ("p", "price", 1, 0), ("s", "state", 2, 0)]);
    let new = layout(&[("total", "u256", 0, 0), ("p", "u256", 1, 0), ("s", "bool", 2, 0)]);
    insta::assert_snapshot!(told(&old, &new), @r"
    compatible: 3 variables kept, 0 appended
    ? `a` at slot 0, offset 0 is called `total` in the new layout
    ? `p` at slot 1, offset 0 was Price and is uint256 now: of the same width, look whether it means the same
    ? `s` at slot 2, offset 0 was enum A.State and is bool now: of the same width, look whether it means the same
    ");
}

#[test]
fn a_gap_gives_way_by_as_much_as_was_added() {
    let old = layout(&[("a", "u256", 0, 0), ("__gap", "gap50", 1, 0), ("b", "u256", 51, 0)]);
    let right =
        layout(&[("a", "u256", 0, 0), ("x", "u256", 1, 0), ("__gap", "gap49", 2, 0), ("b", "u256", 51, 0)]);
    assert_eq!(told(&old, &right), "compatible: 3 variables kept, 1 appended");
    let forgotten =
        layout(&[("a", "u256", 0, 0), ("x", "u256", 1, 0), ("__gap", "gap50", 2, 0), ("b", "u256", 52, 0)]);
    insta::assert_snapshot!(told(&old, &forgotten), @r"
    incompatible: 1 clash
    - `b` moves from slot 51, offset 0 to slot 52, offset 0; the gap before it must shrink by as many slots as were added
    ? the gap `__gap` ended with slot 50 and ends with slot 51 now: it should shrink by as many slots as were added
    ");
}

#[test]
fn structs_are_compared_member_by_member_wherever_they_stand() {
    let members = [("x", "u256", 0, 0), ("y", "addr", 1, 0)];
    let grown = [("x", "u256", 0, 0), ("y", "addr", 1, 0), ("z", "u256", 2, 0)];
    let shifted = [("z", "u256", 0, 0), ("x", "u256", 1, 0), ("y", "addr", 2, 0)];
    let variables = |kind| [("p", kind, 4, 0)];
    for (kind, new, fine) in [
        ("pool", &grown[..], true),
        ("pools", &grown[..], true),
        ("pool_list", &grown[..], false),
        ("pool", &shifted[..], false),
        ("pools", &shifted[..], false),
    ] {
        let found = compare(&parse(&variables(kind), &members), &parse(&variables(kind), new));
        assert_eq!(found.is_compatible(), fine, "{kind}: {:?}", found.clashes);
    }
    let said = |kind| told(&parse(&variables(kind), &members), &parse(&variables(kind), &shifted));
    insta::assert_snapshot!([said("pool"), said("pools"), said("pool_list")].join("\n\n"), @r"
    incompatible: 2 clashes
    - `p.x` moves from slot 4, offset 0 to slot 5, offset 0, and `p.z` takes its place; add new variables behind all old ones
    - `p.y` moves from slot 5, offset 0 to slot 6, offset 0, and `p.x` takes its place; add new variables behind all old ones

    incompatible: 2 clashes
    - `p[…].x` moves from slot 0, offset 0 of each value of `p` to slot 1, offset 0 of each value of `p`, and `p[…].z` takes its place; add new variables behind all old ones
    - `p[…].y` moves from slot 1, offset 0 of each value of `p` to slot 2, offset 0 of each value of `p`, and `p[…].x` takes its place; add new variables behind all old ones

    incompatible: 1 clash
    - an element of the array `p` at slot 4, offset 0 had 64 bytes and has 96 now: all elements but the first move
    ");
    let lists = told(&layout(&[("l", "list", 0, 0)]), &layout(&[("l", "list128", 0, 0)]));
    assert!(lists.contains("had 32 bytes and has 16 now"), "{lists}");
}

#[test]
fn layouts_that_show_nothing_prove_nothing_and_say_so() {
    let empty = StorageLayout::parse(r#"{"storage":[],"types":null}"#).unwrap();
    insta::assert_snapshot!(told(&empty, &empty), @r"
    neither layout shows a variable: what lies in namespaces was not compared
    ? neither layout shows a variable: the compiler does not show what lies in ERC-7201 namespaces. Give layouts of a contract that declares the namespaces' structs as variables
    ");
    let some = layout(&[("a", "u256", 0, 0)]);
    assert!(told(&empty, &some).contains("is it the right file?"));
}

#[test]
fn namespaces_are_compared_by_their_id() {
    let with = |kind: &str| {
        let text = format!(
            r#"{{"storage":[],"types":{{"u":{{"encoding":"inplace","label":"uint256","numberOfBytes":"32"}},"a":{{"encoding":"inplace","label":"address","numberOfBytes":"20"}}}},"namespaces":{{"erc7201:vault":[{{"label":"left","type":"{kind}","slot":"0","offset":0}}]}}}}"#
        );
        StorageLayout::parse(&text).unwrap()
    };
    assert!(compare(&with("u"), &with("u")).is_compatible());
    let said = told(&with("u"), &with("a"));
    assert!(said.contains("slot 0, offset 0 of namespace erc7201:vault was uint256 (32 bytes)"), "{said}");
    let gone = StorageLayout::parse(r#"{"storage":[],"types":{}}"#).unwrap();
    assert!(told(&with("u"), &gone).contains("the namespace erc7201:vault is not in the new layout"));
}

#[test]
fn what_is_no_layout_is_told_apart() {
    for (text, why) in [
        ("", "is no storage layout"),
        ("[]", "is no storage layout"),
        (r#"{"abi":[],"bytecode":{}}"#, "extra_output = [\"storageLayout\"]"),
        (r#"{"storage":[{"label":"a","offset":0,"slot":"x","type":"t"}],"types":{}}"#, "\"x\" is no slot"),
        (r#"{"storage":[{"label":"a","offset":0,"slot":"0","type":"t"}],"types":{}}"#, "names the type t"),
        (
            r#"{"storage":[],"types":{"t":{"encoding":"new","label":"T","numberOfBytes":"1"}}}"#,
            "not known here",
        ),
    ] {
        let said = StorageLayout::parse(text).unwrap_err().to_string();
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn a_type_that_holds_itself_ends() {
    let text = r#"{"storage":[{"label":"tree","offset":0,"slot":"0","type":"s"}],"types":{
        "s":{"encoding":"inplace","label":"struct A.Node","numberOfBytes":"32","members":[{"label":"below","offset":0,"slot":"0","type":"m"}]},
        "m":{"encoding":"mapping","label":"mapping(uint256 => struct A.Node)","numberOfBytes":"32","key":"u","value":"s"},
        "u":{"encoding":"inplace","label":"uint256","numberOfBytes":"32"}}}"#;
    let layout = StorageLayout::parse(text).unwrap();
    assert!(compare(&layout, &layout).is_compatible());
}
