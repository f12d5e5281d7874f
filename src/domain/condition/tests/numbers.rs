//! Metadata as numbers: exact, of any size, in any of the ways in which feeds write them.

use serde_json::{Value, json};

use super::*;

/// What `alert.metadata.x <comparison>` makes of a value: true, false, or no answer.
fn judged(comparison: &str, value: Value) -> Option<bool> {
    let when = format!("alert.metadata.x {comparison}");
    let mut matcher = matcher(ConditionSpec { when, count: None, ..spec() });
    let mut alert = alert("0xh", "0xa1", 0);
    alert.metadata.insert("x".to_owned(), value);
    let seen = matcher.observe(&alert, &Known::CANONICAL);
    seen.notes.is_empty().then_some(!seen.matches.is_empty())
}

#[test]
fn metadata_is_compared_as_the_exact_number_it_spells() {
    let two_to_256 = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    let two_to_600 = "4149515568880992958512407863691161151012446232242436899995657329690652811412908146399707048947103794288197886611300789182395151075411775307886874834113963687061181803401509523685376";
    let table = [
        // decimals as text, and beyond what binary fractions tell apart
        ("< 0.1", json!("0.0003399258343634117"), Some(true)),
        ("== 0.3", json!("0.30000000000000000"), Some(true)),
        ("== 0.3", json!("0.30000000000000004"), Some(false)),
        (">= 100", json!("100.0"), Some(true)),
        ("> 100", json!("100.000000000000000000000000000001"), Some(true)),
        // exponents
        ("< 0.00000002", json!("1e-08"), Some(true)),
        ("== 1000000000000000000000", json!("1e21"), Some(true)),
        ("== 1000000000000000000000", json!("1E+21"), Some(true)),
        ("> 1e300", json!("1e301"), Some(true)),
        ("> 0", json!("1e-99999"), Some(true)),
        ("> 0", json!("1e-100001"), None),
        // uint256 and more
        (
            "> 115792089237316195423570985008687907853269984665640564039457584007913129639935",
            json!(two_to_256),
            Some(true),
        ),
        (
            "== 115792089237316195423570985008687907853269984665640564039457584007913129639936",
            json!(two_to_256),
            Some(true),
        ),
        (
            "< 115792089237316195423570985008687907853269984665640564039457584007913129639936",
            json!(two_to_600),
            Some(false),
        ),
        ("> 1e180", json!(two_to_600), Some(true)),
        // hexadecimal, as nodes write amounts
        ("== 1000000000000000000000", json!("0x3635c9adc5dea00000"), Some(true)),
        (">= 0x10", json!("0X10"), Some(true)),
        ("< 0", json!("-0x1"), Some(true)),
        ("== 0", json!("0x00"), Some(true)),
        ("> 1", json!("0x"), None),
        // JSON's own numbers keep their digits as far as JSON readers do
        ("== 5", json!(5), Some(true)),
        ("> 18446744073709551614", json!(18_446_744_073_709_551_615_u64), Some(true)),
        ("> 1.5", json!(1.75), Some(true)),
        // signs, spaces, zeros
        ("== 7", json!(" 007 "), Some(true)),
        ("== 0", json!("-0.0"), Some(true)),
        ("< -1.5", json!("-1.50001"), Some(true)),
        // no numbers
        ("> 1", json!("1,000"), None),
        ("> 1", json!("5 ETH"), None),
        ("> 1", json!("NaN"), None),
        ("> 1", json!("Infinity"), None),
        ("> 1", json!("1e999999999999"), None),
        ("> 1", json!("9".repeat(401)), None),
        ("> 1", json!(""), None),
        ("> 1", json!(null), None),
        ("> 1", json!(["5"]), None),
        // text stays text
        ("== \"0x10\"", json!("16"), Some(false)),
        ("in [16, 17]", json!("0x11"), Some(true)),
        ("in [\"a\", \"b\"]", json!("B"), Some(true)),
    ];
    for (comparison, value, expected) in table {
        assert_eq!(judged(comparison, value.clone()), expected, "x {comparison} where x = {value}");
    }
}

#[test]
fn two_fields_are_compared_as_numbers_only_where_both_are_decimal() {
    let table = [
        ("1.50", "1.5", true),
        ("0x10", "16", false),
        ("0x00ab", "0xAB", false),
        ("0x00ab", "0x00AB", true),
        ("abc", "ABC", true),
    ];
    for (left, right, same) in table {
        let when = "alert.metadata.x == alert.metadata.y".to_owned();
        let mut matcher = matcher(ConditionSpec { when, count: None, ..spec() });
        let mut alert = alert("0xh", "0xa1", 0);
        alert.metadata.insert("x".to_owned(), json!(left));
        alert.metadata.insert("y".to_owned(), json!(right));
        assert_eq!(!matcher.observe(&alert, &Known::CANONICAL).matches.is_empty(), same, "{left} {right}");
    }
}
