//! Layouts that solc printed, and the same ones after somebody put them together otherwise.

use serde_json::{Value, json};

use super::*;

const WIDE: &str = include_str!("../../../../tests/fixtures/layouts/Wide.json");
const APART: &str = include_str!("../../../../tests/fixtures/layouts/Apart.json");

fn wide() -> Value {
    serde_json::from_str(WIDE).unwrap()
}

fn at<'j>(json: &'j mut Value, label: &str) -> &'j mut Value {
    let all = json["storageLayout"]["storage"].as_array_mut().unwrap();
    all.iter_mut().find(|variable| variable["label"] == label).unwrap()
}

fn refused(json: &Value) -> String {
    StorageLayout::parse(&json.to_string()).unwrap_err().to_string()
}

#[test]
fn what_the_compiler_prints_is_taken_as_it_is() {
    for (text, variables) in [(WIDE, 27), (APART, 3)] {
        let layout = StorageLayout::parse(text).unwrap();
        assert_eq!(layout.len(), variables, "transient, constant and immutable ones are not storage");
        let found = compare(&layout, &layout);
        assert_eq!((found.clashes, found.warnings, found.appended), (vec![], vec![], 0));
    }
}

#[test]
fn all_that_no_compiler_writes_is_told_at_once() {
    let mut json = wide();
    at(&mut json, "since")["offset"] = json!(12);
    at(&mut json, "price")["offset"] = json!(17);
    at(&mut json, "days_")["offset"] = json!(1);
    at(&mut json, "name")["slot"] = json!("119");
    at(&mut json, "last")["offset"] = json!(32);
    json["storageLayout"]["types"]["t_uint16"]["numberOfBytes"] = json!("0");
    at(&mut json, "state")["type"] = json!("t_uint16");
    let leg = &mut json["storageLayout"]["types"]["t_struct(Leg)44_storage"]["members"];
    leg[1]["offset"] = json!(11);
    leg[2]["slot"] = json!("2");
    insta::assert_snapshot!(refused(&json).replace("; ", ";\n").replace(": ", ":\n"), @r"
    is no layout that a compiler writes:
    `price` (Price, 16 bytes) is at slot 101, offset 17, and reaches beyond the slot's 32 bytes;
    `state` (uint16, 0 bytes) is at slot 104, offset 24, and every type takes at least one byte;
    `days_` (uint40[7], 64 bytes) is at slot 105, offset 1, and such a type takes whole slots of 32 bytes;
    `last` (int8, 1 byte) is at slot 127, offset 32, and reaches beyond the slot's 32 bytes;
    `name` at slot 119, offset 0 is listed behind `list` at slot 120, offset 0, where variables are listed in the order of their places;
    `guardian` at slot 51, bytes 0 to 19 and `since` at slot 51, bytes 12 to 19 cover the same bytes;
    `price` at slots 101 to 102 and `supply` at slot 102, bytes 0 to 15 cover the same bytes;
    `days_` at slots 105 to 107 and `afterDays` at slot 107, byte 0 cover the same bytes;
    `grid` at slots 118 to 119 and `name` at slot 119, bytes 0 to 31 cover the same bytes;
    `amount` at slot 0, bytes 0 to 11 of struct Wide.Leg and `owner` at slot 0, bytes 11 to 30 of struct Wide.Leg cover the same bytes;
    `state` at slot 2, byte 0 of struct Wide.Leg reaches beyond the struct, which has 64 bytes. Nothing compared with it would be proof:
    take the file from the compiler again (`forge inspect CONTRACT storageLayout --json`), and leave it as it is
    ");
}

#[test]
fn a_namespace_is_looked_at_as_the_contract_is() {
    let text = r#"{"storage":[],"types":{"u":{"encoding":"inplace","label":"uint128","numberOfBytes":"16"}},"namespaces":{"erc7201:vault":[
        {"label":"a","type":"u","slot":"0","offset":0},{"label":"b","type":"u","slot":"0","offset":8}]}}"#;
    insta::assert_snapshot!(StorageLayout::parse(text).unwrap_err(), @"is no layout that a compiler writes: `a` at slot 0, bytes 0 to 15 of namespace erc7201:vault and `b` at slot 0, bytes 8 to 23 of namespace erc7201:vault cover the same bytes. Nothing compared with it would be proof: take the file from the compiler again (`forge inspect CONTRACT storageLayout --json`), and leave it as it is");
    let apart = text.replace(r#""offset":8"#, r#""offset":16"#);
    assert_eq!(StorageLayout::parse(&apart).unwrap().len(), 2);
}

/// The end of storage is an end, and a long list of problems is not all told.
#[test]
fn bounds_hold() {
    let mut json: Value = serde_json::from_str(APART).unwrap();
    at(&mut json, "c")["slot"] = json!(U256::MAX.to_string());
    assert_eq!(StorageLayout::parse(&json.to_string()).unwrap().len(), 3);
    json["storageLayout"]["types"]["t_mapping(t_address,t_uint256)"]["numberOfBytes"] = json!("64");
    assert!(
        refused(&json).contains("`c`") && refused(&json).contains("beyond the last slot"),
        "{}",
        refused(&json)
    );

    let mut json = wide();
    for variable in json["storageLayout"]["storage"].as_array_mut().unwrap() {
        variable["offset"] = json!(33);
    }
    assert!(refused(&json).contains("; and "), "{}", refused(&json));
}
