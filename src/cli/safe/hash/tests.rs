//! Hashes and the transactions they are of.

use alloy::primitives::Address;
use jiff::tz::TimeZone;

use super::*;
use crate::cli::safe::input::checked_address;
use crate::domain::names::ChainId;
use crate::domain::safe::{SafeAddress, SafeVersion};

const SAFE: &str = "0x42D718c3035d3f9A22222E4d8D48E11e60383D37";

fn safe_address() -> SafeAddress {
    SAFE.to_lowercase().parse::<Address>().unwrap().into()
}

fn json(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> String {
    let mut tx = json!({
        "to": "0x0E801D84Fa97b50751Dbf25036d067dCf18858bF", "value": "0", "data": "0x8456cb59", "operation": 0,
        "safeTxGas": 0, "baseGas": "0", "gasPrice": "0", "gasToken": null, "nonce": 7, "confirmations": [],
    });
    change(tx.as_object_mut().unwrap());
    tx.to_string()
}

fn domain(version: SafeVersion) -> SafeDomain {
    SafeDomain { version, chain_id: ChainId(1), safe: safe_address() }
}

#[test]
fn the_hashes_stand_as_a_hardware_wallet_shows_them() {
    let written = parse(&json(|_| ()), safe_address()).unwrap();
    let hashes = hash(&written.tx, &domain(SafeVersion::V1_4_1));
    let out = Output::plain(false, TimeZone::UTC);
    insta::assert_snapshot!(labelled(&hashes, &out), @r"
    Domain hash   0xC2963E4B6FB847B0CF69632D17F6E3AADB45A767DCDD1FE6D1C62737ED433446
    Message hash  0xBA6A00B435F517E7B125196BB912D5C828594682AEC0AF97470419EAE4FC2052
    safeTxHash    0xF6ECEAE29166B7536C7481068F3D7CFFD5F419ED8E6D2B7ACB08CBA01C3283D9
    ");
    let same = serde_json::from_str::<SafeTx>(&json(|_| ())).unwrap();
    assert_eq!(written.tx, same, "the two readers of the service's JSON agree");
}

#[test]
fn every_wrong_field_is_told_at_once() {
    let text = json(|tx| {
        tx.insert("to".into(), "0x0e801D84Fa97b50751Dbf25036d067dCf18858bF".into());
        tx.insert("value".into(), "0x10".into());
        tx.insert("data".into(), "0x845".into());
        tx.insert("operation".into(), 2.into());
        tx.insert("gasPrice".into(), "-1".into());
        tx.insert("gasToken".into(), "0x00".into());
        tx.insert("safe".into(), "0x0000000000000000000000000000000000000001".into());
        tx.insert("safeTxHash".into(), "0xab".into());
        tx.insert("baseGas".into(), format!("1{}", "0".repeat(78)).into());
        tx.insert("gasTokn".into(), "0x00".into());
        tx.remove("nonce");
    });
    insta::assert_snapshot!(parse(&text, safe_address()).unwrap_err().join("\n"), @r"
    to: the checksum of `0x0e801D84Fa97b50751Dbf25036d067dCf18858bF` is wrong: a character differs from where it was copied; copy it again (these digits would be written 0x0E801D84Fa97b50751Dbf25036d067dCf18858bF)
    value is 0x10; expected a whole decimal number, as a string or as a number (`0x10` is not a whole decimal number)
    data is 0x845; expected bytes: 0x and an even number of hex digits (it has 3 hex digits, an odd number: half a byte is missing)
    operation is 2; expected 0 (call) or 1 (delegatecall)
    baseGas is 1000000000000000000000000000000000000000000000000000000000000000000000000000000; expected a whole decimal number, as a string or as a number (a number of 79 digits is more than 2^256 - 1)
    gasPrice is -1; expected a whole decimal number, as a string or as a number (it is negative)
    gasToken: `0x00` is no address; expected 0x and 40 hex digits
    nonce is missing; expected a whole decimal number, as a string or as a number
    safe is 0x0000000000000000000000000000000000000001; expected 0x42D718c3035d3f9A22222E4d8D48E11e60383D37, which --safe names
    safeTxHash is 0xab; expected a hash: 0x and 64 hex digits
    gasTokn is no field of a Safe transaction at the Transaction Service; did you mean gasToken?
    ");
    insta::assert_snapshot!(parse("[]", safe_address()).unwrap_err().join("\n"), @"this is no transaction as JSON: invalid type: sequence, expected a JSON object at line 1 column 0");
    insta::assert_snapshot!(parse(r#"{"to":1,"to":2}"#, safe_address()).unwrap_err().join("\n"), @"this is no transaction as JSON: to is written twice at line 1 column 15");
}

#[test]
fn a_number_that_json_readers_round_keeps_its_digits() {
    let text = json(|_| ()).replace("\"nonce\":7", "\"nonce\":92233720368547758080001");
    let written = parse(&text, safe_address()).unwrap();
    assert_eq!(written.tx.nonce.to_string(), "92233720368547758080001");
    let fraction = json(|_| ()).replace("\"nonce\":7", "\"nonce\":7.0");
    assert!(parse(&fraction, safe_address()).is_err());
}

#[test]
fn what_a_signer_should_know_is_said() {
    let text = json(|tx| {
        tx.insert("operation".into(), "1".into());
        tx.insert("gasPrice".into(), 5.into());
    });
    let written = parse(&text, safe_address()).unwrap();
    insta::assert_snapshot!(cautions(&written.tx, domain(SafeVersion::V1_1_1), None).join("\n"), @r"
    note: Safe 1.1.1 does not hash the chain id: a signature holds for this Safe address on every chain
    warning: operation 1 is a delegatecall: the code at 0x0E801D84Fa97b50751Dbf25036d067dCf18858bF runs as the Safe itself
    warning: gasPrice is not 0: whoever executes it is paid by the Safe
    ");
    assert!(
        cautions(&parse(&json(|_| ()), safe_address()).unwrap().tx, domain(SafeVersion::V1_4_1), None)
            .is_empty()
    );
}

#[test]
fn one_case_has_no_checksum_and_mixed_case_must_have_the_right_one() {
    let right = "0x0E801D84Fa97b50751Dbf25036d067dCf18858bF";
    for good in [right.to_owned(), right.to_lowercase(), format!("0x{}", right[2..].to_uppercase())] {
        assert!(checked_address(&good).is_ok(), "{good}");
    }
    for bad in ["", "0x", &right[2..], &right.replace("0E", "0e"), &format!("{right}0")] {
        assert!(checked_address(bad).is_err(), "{bad}");
    }
}
