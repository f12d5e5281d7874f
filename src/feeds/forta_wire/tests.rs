//! The recorded shape, line by line; what must be refused; and bytes nobody foresaw.

use alloy::primitives::address;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SAMPLE: &[u8] = include_bytes!("../../../tests/fixtures/feeds/sample.jsonl");
const MALFORMED: &str = include_str!("../../../tests/fixtures/feeds/malformed.json");

fn parse(raw: &[u8]) -> Result<Alert, Malformed> {
    parse_alert(raw, &FeedName::from("forta"), true)
}

fn sample() -> impl Iterator<Item = (u64, &'static [u8])> {
    (1..).zip(SAMPLE.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty())
}

fn malformed_lines() -> BTreeMap<u64, String> {
    let truth: Value = serde_json::from_str(MALFORMED).unwrap();
    let entries = truth["malformed"].as_array().unwrap();
    entries.iter().map(|e| (e["line"].as_u64().unwrap(), e["kind"].as_str().unwrap().to_owned())).collect()
}

/// A good alert, to be bent by one test at a time.
fn good() -> Value {
    json!({
        "hash": format!("0x{}", "ab".repeat(32)),
        "alertId": "ATTACK-DETECTOR-2",
        "name": "n", "description": "d", "protocol": "ethereum",
        "severity": "CRITICAL", "findingType": "EXPLOIT",
        "createdAt": "2023-08-11T07:06:57.82Z",
        "chainId": 1, "truncated": false,
        "source": {
            "transactionHash": "",
            "bot": {"id": format!("0x{}", "80".repeat(32))},
            "block": {"number": 7, "hash": "", "timestamp": "2023-08-11T07:06:47Z", "chainId": 1}
        }
    })
}

fn bent(pointer: &str, value: Value) -> Result<Alert, Malformed> {
    let mut alert = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    alert.pointer_mut(parent).unwrap()[key] = value;
    parse(alert.to_string().as_bytes())
}

fn reason(result: Result<Alert, Malformed>) -> String {
    result.err().map(|malformed| malformed.reason).unwrap_or_else(|| "it was read".to_owned())
}

#[test]
fn every_good_line_is_read_and_every_broken_one_is_refused() {
    let broken = malformed_lines();
    let mut reasons = BTreeMap::new();
    for (number, line) in sample() {
        match (parse(line), broken.get(&number)) {
            (Ok(_), None) => {}
            (Err(malformed), Some(kind)) => {
                reasons.insert(kind.clone(), malformed.reason);
            }
            (Ok(_), Some(kind)) => panic!("line {number} is {kind} and was read"),
            (Err(malformed), None) => panic!("line {number} is good: {malformed}"),
        }
    }
    insta::assert_debug_snapshot!(reasons, @r#"
    {
        "bad-time": "createdAt is missing",
        "bad-utf8": "not UTF-8",
        "bom": "starts with a byte order mark, which JSON does not allow",
        "cut": "cut short: the JSON does not end",
        "huge-int": "source.block.number is not a whole number of 64 bits",
        "null-source": "source is missing: nobody makes this claim",
        "two-docs": "more follows after the alert",
    }
    "#);
}

#[test]
fn what_the_wild_writes_is_read() {
    let alert = bent("/chainId", json!(null)).unwrap();
    assert_eq!(alert.chain, ChainId(1), "the block names the chain");
    assert_eq!(alert.created_at.to_string(), "2023-08-11T07:06:57.82Z");
    assert_eq!((alert.transaction, alert.block.unwrap().hash), (None, None));

    for word in ["INFORMATION", "INFO"] {
        assert_eq!(bent("/findingType", json!(word)).unwrap().finding_type, "INFO");
    }
    assert_eq!(bent("/findingType", json!(null)).unwrap().finding_type, "UNKNOWN");
    assert_eq!(bent("/severity", json!("critical")).unwrap().severity, AlertSeverity::Critical);
    assert_eq!(bent("/severity", json!(4)).unwrap().severity, AlertSeverity::High);

    for field in ["/addresses", "/metadata", "/relatedAlerts", "/labels", "/addressBloomFilter", "/truncated"]
    {
        assert!(bent(field, Value::Null).is_ok(), "{field}");
    }
}

#[test]
fn a_combiner_alert_may_have_no_block() {
    let zero = json!({"number": 0, "hash": "", "timestamp": "0001-01-01T00:00:00Z", "chainId": 0});
    assert_eq!(bent("/source/block", zero).unwrap().block, None);
    assert_eq!(bent("/source/block", Value::Null).unwrap().block, None);

    let mut local = good();
    local["chainId"] = Value::Null;
    local["source"]["block"] = Value::Null;
    assert_eq!(
        reason(parse(local.to_string().as_bytes())),
        "chainId is missing, and no block or source alert names a chain"
    );
    let hash = format!("0x{}", "CD".repeat(32));
    local["source"]["sourceAlert"] = json!({"hash": hash, "chainId": 137});
    let alert = parse(local.to_string().as_bytes()).unwrap();
    assert_eq!((alert.chain, alert.related), (ChainId(137), vec![AlertHash(hash.to_lowercase())]));
}

#[test]
fn addresses_are_read_in_any_case_and_what_is_none_is_left_out() {
    let written = json!([
        "0xC7F33CE32F6F039C37C6CC97CEC7921844EC0A09",
        "",
        "0x",
        "0xd1d53e79f58aeb75ad0e638f47fdbb8492c042aD",
        "So11111111111111111111111111111111111111112"
    ]);
    assert_eq!(
        bent("/addresses", written).unwrap().addresses,
        [
            address!("c7f33ce32f6f039c37c6cc97cec7921844ec0a09"),
            address!("d1d53e79f58aeb75ad0e638f47fdbb8492c042ad")
        ]
    );
}

#[test]
fn metadata_keeps_types_and_digits() {
    let mut raw = good().to_string();
    raw.pop();
    raw.push_str(
        r#","metadata":{"profit":123456789012345678901234567890,"n":7,"s":"0.5","list":[[0,0]],"none":null}}"#,
    );
    let metadata = parse(raw.as_bytes()).unwrap().metadata;
    assert_eq!(metadata["profit"], json!("123456789012345678901234567890"));
    assert_eq!((&metadata["n"], &metadata["s"]), (&json!(7), &json!("0.5")));
    assert_eq!((&metadata["list"], &metadata["none"]), (&json!([[0, 0]]), &Value::Null));
}

#[test]
fn a_retraction_says_whom_it_takes_back() {
    let (_, line) = sample().find(|(number, _)| *number == 306).unwrap();
    let alert = parse(line).unwrap();
    assert_eq!(alert.retracts().collect::<Vec<_>>(), ["0x3abe0bfe99eca3c629d71e7f538535b2d723c72f"]);
}

#[test]
fn a_filter_is_read_as_its_words() {
    let (_, line) = sample().find(|(number, _)| *number == 26).unwrap();
    let bloom = parse(line).unwrap().bloom.unwrap();
    assert_eq!((bloom.k, bloom.m, bloom.words.len()), (11, 87, 2));
    assert_eq!(bloom.words, [0xf48c_7213_37ef_52c7, 0x0000_0000_0077_6c1b]);
}

#[test]
fn a_filter_made_of_no_address_is_no_filter() {
    // m = 1, k = 2^63, one word without a bit: what the Go source makes of an empty list on some machines
    let bits = "AAAAAAAAAAGAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAA=";
    let empty = json!({"k": "0x8000000000000000", "m": "0x1", "bitset": bits, "itemCount": 0});
    assert_eq!(bent("/addressBloomFilter", empty).unwrap().bloom, None);
    let blank = json!({"k": "", "m": "", "bitset": "", "itemCount": 0});
    assert_eq!(bent("/addressBloomFilter", blank).unwrap().bloom, None);
}

#[test]
fn what_would_change_the_meaning_is_refused() {
    let bits = "AAAAAAAAAFcAAAAAAAAACwAAAAAAAABX9IxyEzfvUscAAAAAAHdsGw==";
    let table = [
        ("/hash", json!("0xabc")),
        ("/hash", Value::Null),
        ("/alertId", json!(" ")),
        ("/severity", json!("CRITCAL")),
        ("/severity", json!(6)),
        ("/createdAt", json!("yesterday")),
        ("/createdAt", json!("2023-08-11T07:06:57")),
        ("/createdAt", json!("2023-08-11T07:06:57+02:00[Europe/Paris]")),
        ("/chainId", json!(10)),
        ("/chainId", json!(-1)),
        ("/source/bot/id", json!("0x80ed")),
        ("/source/bot/id", json!("two words")),
        ("/source/bot", Value::Null),
        ("/source/block/number", json!(1.5)),
        ("/source/block/timestamp", json!("")),
        ("/source/transactionHash", json!("0x12")),
        ("/addresses", json!([7])),
        ("/addresses", json!("0x")),
        ("/metadata", json!([])),
        ("/truncated", json!("false")),
        ("/labels", json!(["x"])),
        ("/addressBloomFilter", json!({"k": "0xb", "m": "0x58", "bitset": bits})),
        ("/addressBloomFilter", json!({"k": "11", "m": "0x57", "bitset": bits})),
        ("/addressBloomFilter", json!({"k": "0xb", "m": "0x57", "bitset": "!"})),
        ("/addressBloomFilter", json!({"k": "0xb", "m": "0x57", "bitset": "AAAAAAAAAFc="})),
        ("/alertDocumentType", json!("PRIVATE")),
    ];
    let reasons: Vec<_> =
        table.into_iter().map(|(at, value)| format!("{at}: {}", reason(bent(at, value)))).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r"
    /hash: hash is not 0x and 64 hex digits
    /hash: hash is missing
    /alertId: alertId is missing
    /severity: severity is not one of UNKNOWN, INFO, LOW, MEDIUM, HIGH, CRITICAL
    /severity: severity is not one of UNKNOWN, INFO, LOW, MEDIUM, HIGH, CRITICAL
    /createdAt: createdAt is not an RFC 3339 time
    /createdAt: createdAt is not an RFC 3339 time
    /createdAt: createdAt is not an RFC 3339 time
    /chainId: chainId and source.block.chainId differ
    /chainId: chainId is not a whole number of 64 bits
    /source/bot/id: source.bot.id is not 0x and 64 hex digits
    /source/bot/id: source.bot.id is not printable ASCII without spaces
    /source/bot: source.bot.id is missing
    /source/block/number: source.block.number is not a whole number of 64 bits
    /source/block/timestamp: source.block.timestamp is missing
    /source/transactionHash: source.transactionHash is not 0x and 64 hex digits
    /addresses: addresses is not a list of text
    /addresses: addresses is not a list
    /metadata: metadata is not an object
    /truncated: truncated is not true or false
    /labels: labels[] is not an object
    /addressBloomFilter: addressBloomFilter's k and m are not those of its bitset
    /addressBloomFilter: addressBloomFilter.k is not a hex number
    /addressBloomFilter: addressBloomFilter.bitset is not base64
    /addressBloomFilter: addressBloomFilter.bitset is not long enough to hold a filter
    /alertDocumentType: a private alert: what it says is encrypted
    ");
}

#[test]
fn every_bound_is_refused_by_its_name() {
    let deep = |depth: usize| {
        let raw = good().to_string();
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!("{},\"x\":{nested}}}", raw.strip_suffix('}').unwrap())
    };
    let many = |n: usize| Value::Array(vec![json!("0x"); n]);
    let entries: serde_json::Map<String, Value> =
        (0..=ALERT_METADATA_MAX).map(|n| (n.to_string(), json!("v"))).collect();
    let reasons = [
        reason(bent("/description", json!("x".repeat(ALERT_BODY_MAX_BYTES)))),
        reason(parse(deep(ALERT_DEPTH_MAX).as_bytes())),
        reason(bent("/addresses", many(ALERT_ADDRESSES_MAX + 1))),
        reason(bent("/relatedAlerts", many(ALERT_RELATED_MAX + 1))),
        reason(bent("/labels", many(ALERT_LABELS_MAX + 1))),
        reason(bent("/metadata", Value::Object(entries))),
        reason(bent("/source/bot/id", json!("b".repeat(BOT_ID_MAX_BYTES + 1)))),
    ];
    insta::assert_snapshot!(reasons.join("\n"), @r"
    the alert, in bytes: over ALERT_BODY_MAX_BYTES (1048576)
    nesting: over ALERT_DEPTH_MAX (64)
    addresses: over ALERT_ADDRESSES_MAX (4096)
    relatedAlerts: over ALERT_RELATED_MAX (1024)
    labels: over ALERT_LABELS_MAX (1024)
    metadata: over ALERT_METADATA_MAX (4096)
    source.bot.id, in bytes: over BOT_ID_MAX_BYTES (128)
    ");
    assert!(parse(deep(ALERT_DEPTH_MAX - 1).as_bytes()).is_ok());
    assert!(bent("/addresses", many(ALERT_ADDRESSES_MAX)).is_ok());
}

#[test]
fn a_field_given_twice_is_refused() {
    let raw = good().to_string();
    let twice = format!("{{\"severity\":\"LOW\",{}", raw.strip_prefix('{').unwrap());
    assert_eq!(reason(parse(twice.as_bytes())), "a field is given twice");
    assert_eq!(reason(parse(b"[]")), "not a JSON object");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(raw in prop::collection::vec(any::<u8>(), 0..512)) {
        parse(&raw).ok();
    }

    #[test]
    fn a_mutated_line_is_read_or_refused_in_our_words(
        line in 0_usize..1_000,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let (_, line) = sample().nth(line).unwrap();
        let mut raw = line.to_vec();
        for (at, byte) in edits {
            let at = at.index(raw.len());
            raw[at] = byte;
        }
        if cuts {
            raw.truncate(cut.index(raw.len()));
        }
        if let Err(malformed) = parse(&raw) {
            prop_assert!(malformed.reason.len() < 200);
            prop_assert!(malformed.reason.chars().all(|c| c.is_ascii_graphic() || c == ' '));
        }
    }
}

#[test]
fn finding_types_are_the_words_that_conditions_know() {
    let words = ["EXPLOIT", "suspicious", "Degraded", "INFO", "INFORMATION", "SCAM", "UNKNOWN_TYPE", "7", ""];
    let read = words.map(|word| finding_type(&Json::Text(word.into())));
    assert!(read.iter().all(|word| crate::domain::alert::FINDING_TYPES.contains(word)), "{read:?}");
}

/// The shape of forta-core-go's `protocol/webhook`: what a node in local mode says of a combiner bot.
#[test]
fn a_nodes_combiner_alert_is_on_the_chain_that_the_node_scans() {
    let hash = |digit: &str| format!("0x{}", digit.repeat(64));
    let alert = serde_json::json!({
        "hash": hash("1"), "createdAt": "2024-01-01T00:00:00.379756298Z", "alertId": "ATTACK-DETECTOR-2",
        "name": "attack detector", "protocol": "ethereum", "description": "", "findingType": "EXPLOIT",
        "severity": "CRITICAL", "metadata": {}, "links": {}, "addresses": null, "relatedAlerts": null,
        "source": { "bot": { "id": hash("2"), "reference": "Qm", "image": "x" },
                    "sourceEvent": { "botId": hash("3"), "alertHash": hash("4") } },
    })
    .to_string();
    let feed = FeedName::new("node");
    let refused = parse_alert(alert.as_bytes(), &feed, true).unwrap_err().reason;
    assert_eq!(refused, "chainId is missing, and no block or source alert names a chain");
    let read = parse_alert_of(alert.as_bytes(), &feed, true, Some(ChainId(137))).unwrap();
    assert_eq!((read.chain, read.block), (ChainId(137), None));
    assert_eq!(read.related, [AlertHash(hash("4"))]);
}
