//! Every way in which a line can be no alert, decided on purpose: what a feed really writes is read, what cannot be
//! read is put aside with its line and reason, and nothing stops the next line.

use std::io::Write as _;

use redhandle::feeds::jsonl::Recording;
use serde_json::{Value, json};

fn good() -> Value {
    json!({
        "hash": format!("0x{}", "ab".repeat(32)), "alertId": "A", "name": "n", "severity": "CRITICAL",
        "createdAt": "2024-01-01T00:00:00Z", "chainId": 1,
        "source": {
            "transactionHash": "", "bot": { "id": "bot" },
            "block": { "number": 7, "hash": "", "timestamp": "2024-01-01T00:00:00Z", "chainId": 1 }
        }
    })
}

fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut alert = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    alert.pointer_mut(parent).unwrap()[key] = value;
    alert.to_string().into_bytes()
}

/// The text of a good alert with one piece replaced: for what `Value` cannot say.
fn text(from: &str, to: &str) -> Vec<u8> {
    let text = good().to_string();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

/// A filter of `m` bits and `k` functions, said to be `said` bits long.
fn bloom(k: u64, m: u64, bytes: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let bits = [&m.to_be_bytes(), &k.to_be_bytes(), &m.to_be_bytes(), bytes].concat();
    let bitset = base64::engine::general_purpose::STANDARD.encode(bits);
    with("/addressBloomFilter", json!({ "k": format!("0x{k:x}"), "m": format!("0x{m:x}"), "bitset": bitset }))
}

/// Read, or why not: a part of the reason.
const READ: &str = "";

fn table() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let plain = good().to_string().into_bytes();
    let join = |parts: &[&[u8]]| parts.concat();
    vec![
        ("a good one", plain.clone(), READ),
        ("CRLF", join(&[&plain, b"\r"]), READ),
        ("blanks around it", join(&[b"  \t", &plain, b"  "]), READ),
        ("severity in lower case", with("/severity", json!("critical")), READ),
        ("severity as the SDK's number", with("/severity", json!(5)), READ),
        ("a hash in upper case", with("/hash", json!(format!("0x{}", "AB".repeat(32)))), READ),
        ("null addresses", with("/addresses", Value::Null), READ),
        ("a null among addresses", with("/addresses", json!([null, "", "0x", "junk"])), READ),
        ("no chain but the block's", with("/chainId", Value::Null), READ),
        ("no block", with("/source/block", Value::Null), READ),
        ("an escaped NUL in a name", with("/name", json!("a\u{0}b")), READ),
        ("a field nobody knows", with("/more", json!({ "a": [1] })), READ),
        ("created in the future", with("/createdAt", json!("2999-01-01T00:00:00Z")), READ),
        ("created in year 0", with("/createdAt", json!("0000-01-01T00:00:00Z")), READ),
        ("created in a leap second", with("/createdAt", json!("2016-12-31T23:59:60Z")), READ),
        ("an empty filter", bloom(1 << 63, 1, &[0; 8]), READ),
        ("a filter", bloom(10, 64, &[0xff; 8]), READ),
        ("an empty object", b"{}".to_vec(), "source is missing"),
        ("an empty list", b"[]".to_vec(), "not a JSON object"),
        ("a list of alerts", join(&[b"[", &plain, b"]"]), "not a JSON object"),
        ("a node's batch of one alert", join(&[br#"{"metrics":[],"alerts":["#, &plain, b"]}"]), READ),
        (
            "a batch of one that is none",
            b"{\"alerts\":[{}]}".to_vec(),
            "alert 1 of 1 in the line: source is missing",
        ),
        ("a batch of no list", b"{\"alerts\":{}}".to_vec(), "alerts is not a list"),
        ("a batch of two lists", b"{\"alerts\":[],\"alerts\":[]}".to_vec(), "given twice"),
        (
            "a batch of too many",
            format!("{{\"alerts\":[{}0]}}", "0,".repeat(1_000)).into_bytes(),
            "BATCH_ALERTS_MAX",
        ),
        ("two batches", b"{\"alerts\":[]} {\"alerts\":[]}".to_vec(), "more follows"),
        ("null", b"null".to_vec(), "not a JSON object"),
        ("no JSON", b"not json".to_vec(), "not a JSON object"),
        ("cut", plain[..plain.len() / 2].to_vec(), "cut short"),
        ("two documents", join(&[&plain, b" ", &plain]), "more follows"),
        ("trailing garbage", join(&[&plain, b"}"]), "more follows"),
        ("a byte order mark", join(&[b"\xef\xbb\xbf", &plain]), "byte order mark"),
        (
            "bytes that are not UTF-8",
            text("\"n\"", "\"N\"").into_iter().map(|b| if b == b'N' { 0xff } else { b }).collect(),
            "not UTF-8",
        ),
        ("UTF-16", plain.iter().flat_map(|byte| [*byte, 0]).collect(), "not JSON"),
        ("a NUL byte in a name", text("\"n\"", "\"a\0b\""), "not JSON"),
        ("half of a surrogate pair", text("\"n\"", r#""\ud800""#), "not JSON"),
        ("NaN", text("\"number\":7", "\"number\":NaN"), "not JSON"),
        ("a field twice", text("\"name\":\"n\"", "\"name\":\"n\",\"name\":\"m\""), "given twice"),
        ("a null source", with("/source", Value::Null), "source is missing"),
        ("a source of another type", with("/source", json!("bot")), "source is not an object"),
        ("no bot", with("/source/bot", Value::Null), "source.bot.id is missing"),
        ("no hash", with("/hash", Value::Null), "hash is missing"),
        ("a hash that is too short", with("/hash", json!("0xabcd")), "hash is not 0x and 64"),
        ("a hash of another type", with("/hash", json!(7)), "hash is not text"),
        ("a severity nobody knows", with("/severity", json!("FATAL")), "severity is not one of"),
        ("a severity beyond the numbers", with("/severity", json!(6)), "severity is not one of"),
        ("a block before the first", with("/source/block/number", json!(-1)), "not a whole number"),
        ("a huge block", text("\"number\":7", "\"number\":99999999999999999999999"), "not a whole number"),
        ("a block in powers of ten", text("\"number\":7", "\"number\":1e3"), "not a whole number"),
        ("a chain in quotes", with("/chainId", json!("1")), "chainId is not a number"),
        ("two chains", with("/chainId", json!(10)), "differ"),
        ("no time", with("/createdAt", json!("")), "createdAt is missing"),
        ("a time that is none", with("/createdAt", json!("yesterday")), "RFC 3339"),
        ("a time without a zone", with("/createdAt", json!("2024-01-01T00:00:00")), "RFC 3339"),
        ("a time beyond time", with("/createdAt", json!("99999-01-01T00:00:00Z")), "RFC 3339"),
        ("addresses of another type", with("/addresses", json!([7])), "a list of text"),
        ("metadata of another type", with("/metadata", json!([1])), "metadata is not an object"),
        (
            "deep nesting",
            text("\"n\"", &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))),
            "ALERT_DEPTH_MAX",
        ),
        ("a very long line", with("/name", json!("x".repeat(2 << 20))), "ALERT_BODY_MAX_BYTES"),
        ("a filter without bits", bloom(1, 0, &[0xff; 8]), "does not hold m bits"),
        ("a filter of 2^63 functions", bloom(1 << 63, 64, &[0xff; 8]), "BLOOM_HASHES_MAX"),
        ("a filter that was cut", bloom(10, 128, &[0xff; 8]), "does not hold m bits"),
        ("a filter of half words", bloom(10, 64, &[0xff; 7]), "words of 8 bytes"),
    ]
}

#[test]
fn every_kind_of_malformed_line_is_decided_on_purpose() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (_, line, _) in table() {
        // A blank line before each says nothing, and counts as a line.
        file.write_all(b"\n").unwrap();
        file.write_all(&line).unwrap();
        file.write_all(b"\n").unwrap();
    }
    let mut recording = Recording::open(file.path()).unwrap();
    let mut wrong = Vec::new();
    for (index, (what, _, wanted)) in table().into_iter().enumerate() {
        let (number, item) = recording.next_line().unwrap().expect("a line was lost");
        assert_eq!(number, 2 * index as u64 + 2, "{what}");
        match item {
            Ok(_) if wanted == READ => {}
            Err(rejected) if wanted != READ && rejected.reason.contains(wanted) => {
                assert_eq!(rejected.line, Some(number));
            }
            item => wrong
                .push(format!("{what}: wanted {wanted:?}, got {:?}", item.map(|_| ()).map_err(|r| r.reason))),
        }
    }
    assert!(recording.next_line().unwrap().is_none());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
