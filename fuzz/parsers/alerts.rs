//! Alerts: Forta's words, the API's answer, lines, other vendors, the address filter.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use jiff::Timestamp;
use redhandle::domain::alert::{Alert, AlertSeverity, FieldMap, Sender};
use redhandle::domain::condition::bloom_contains;
use redhandle::domain::names::{ChainId, FeedName};
use redhandle::feeds::forta_wire::{
    ALERT_ADDRESSES_MAX, ALERT_BODY_MAX_BYTES, ALERT_METADATA_MAX, BLOOM_WORDS_MAX, parse_alert,
};
use redhandle::feeds::jsonl::Recording;
use redhandle::feeds::vendor::{Networks, Reading, Severities, VENDOR_ALERTS_MAX};
use redhandle::feeds::{BATCH_ALERTS_MAX, QUARANTINE_RAW_MAX_BYTES, forta};

use super::is_a_reason;

/// What was accepted is bounded, and comes back from the journal as it was.
pub(super) fn accepted(alert: &Alert) {
    assert!(alert.addresses.len() <= ALERT_ADDRESSES_MAX);
    assert!(alert.metadata.len() <= ALERT_METADATA_MAX);
    let hex = alert.hash.0.strip_prefix("0x").expect("an identity without 0x");
    assert!(
        hex.len() == 64 && hex.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    );
    assert_ne!(alert.chain, ChainId(0), "a claim about no chain");
    let kept = serde_json::to_string(alert).expect("an alert that cannot be kept");
    let back: Alert = serde_json::from_str(&kept).expect("a kept alert that cannot be read");
    assert_eq!(&back, alert, "the journal gives back another alert");
    if let Some(bloom) = &alert.bloom {
        assert!(bloom.words.len() <= BLOOM_WORDS_MAX);
        let asked = |address: u8| bloom_contains(bloom, [address; 20].into());
        assert_eq!(asked(7).is_ok(), asked(8).is_ok(), "a filter is readable or it is not");
    }
}

pub fn alert(data: &[u8]) {
    let feed = FeedName::from("fuzz");
    match parse_alert(data, &feed, false) {
        Ok(alert) => {
            assert!(data.len() <= ALERT_BODY_MAX_BYTES);
            assert!(!alert.authenticated && alert.feed == feed, "who sent it is not the body's to say");
            accepted(&alert);
            let padded = [b" ", data, b"\r\n"].concat();
            if padded.len() <= ALERT_BODY_MAX_BYTES {
                assert_eq!(parse_alert(&padded, &feed, false), Ok(alert), "blanks change nothing");
            }
        }
        Err(malformed) => is_a_reason(&malformed.reason),
    }
}

pub fn graphql(data: &[u8]) {
    match forta::alerts_of(data, &FeedName::from("fuzz")) {
        Ok(answer) => {
            for item in answer.alerts {
                match item {
                    Ok(alert) => accepted(&alert),
                    Err(rejected) => {
                        is_a_reason(&rejected.reason);
                        assert!(rejected.raw.len() <= QUARANTINE_RAW_MAX_BYTES);
                    }
                }
            }
        }
        Err(reason) => is_a_reason(&reason),
    }
}

/// How much a gzip may unfold to here, in bytes, so that both readings are done in no time.
const UNFOLDED_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What each line says, by its number.
type Lines = Vec<(u64, Result<Alert, String>)>;

/// What lines say, or why they cannot be read.
fn read_lines(bytes: &[u8]) -> Result<Lines, std::io::ErrorKind> {
    let mut file = tempfile::NamedTempFile::new().expect("no temporary file");
    file.write_all(bytes).expect("not written");
    let mut recording = Recording::open(file.path()).map_err(|error| error.kind())?;
    let mut found = Lines::new();
    while let Some((number, item)) = recording.next_line().map_err(|error| error.kind())? {
        assert!(found.last().is_none_or(|(last, _)| *last <= number), "lines are numbered upwards");
        found.push((number, item.map_err(|rejected| rejected.reason)));
    }
    Ok(found)
}

pub fn lines(data: &[u8]) {
    // As they are, which may be a broken gzip; and the same bytes as lines, plain and compressed.
    let as_they_are = read_lines(data);
    if data.starts_with(&[0x1f, 0x8b]) {
        // What it unfolds to says the same, unless a gzip stands within the gzip.
        let mut unfolded = Vec::new();
        let within = flate2::read::MultiGzDecoder::new(data).take(UNFOLDED_MAX_BYTES);
        let whole = { within }.read_to_end(&mut unfolded).is_ok();
        if (unfolded.len() as u64) < UNFOLDED_MAX_BYTES && !unfolded.starts_with(&[0x1f, 0x8b]) {
            assert_eq!(as_they_are.is_ok(), whole, "a broken gzip is told, and a whole one is read");
            if whole {
                assert_eq!(as_they_are, read_lines(&unfolded), "unfolded it says something else");
            }
        }
        return;
    }
    let plain = read_lines(data).expect("plain lines can always be read");
    let newlines = data.iter().filter(|byte| **byte == b'\n').count();
    assert!(plain.last().is_none_or(|(last, _)| *last <= newlines as u64 + 1), "more lines than there are");
    assert!(plain.len() <= (newlines + 1) * BATCH_ALERTS_MAX, "more alerts than batches may have");
    plain.iter().filter_map(|(_, item)| item.as_ref().err()).for_each(|reason| is_a_reason(reason));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(data).expect("not compressed");
    let compressed = gzip.finish().expect("not compressed");
    if !data.is_empty() {
        assert_eq!(read_lines(&compressed), Ok(plain), "compressed it says something else");
    }
}

fn senders() -> [Sender; 12] {
    let path = |text: &str| text.parse().expect("a path");
    let map = FieldMap {
        items: None,
        id: path("id"),
        rule: path("rule.name"),
        alert_id: Some(path("kind")),
        severity: Some(path("level")),
        at: Some(path("at")),
        chain: Some(path("chain")),
        block: Some(path("block")),
        block_hash: Some(path("hash")),
        transaction: Some(path("tx.0")),
        addresses: vec![path("who")],
        name: Some(path("name")),
        description: None,
    };
    [
        Sender::OpenZeppelinMonitor,
        Sender::Defender,
        Sender::Hypernative,
        Sender::Tenderly,
        Sender::Alertmanager,
        Sender::Grafana,
        Sender::PagerDuty,
        Sender::Alchemy,
        Sender::QuickNode,
        Sender::CloudEvents,
        Sender::OnchainMon,
        Sender::Map(Box::new(map)),
    ]
}

/// The first letter says whose words: a, b, c…
pub fn vendor(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let index = usize::from(first.wrapping_sub(b'a'));
    let Some(sender) = senders().into_iter().nth(index) else { return };
    let reading = Reading {
        feed: FeedName::from("fuzz"),
        sender,
        chain: Some(ChainId(1)),
        severity: AlertSeverity::Medium,
        networks: Networks::new([("our-fork".to_owned(), ChainId(1))]),
        severities: Severities::default(),
    };
    let received = Timestamp::UNIX_EPOCH;
    let read = reading.read(body, false, received);
    assert_eq!(read, reading.read(body, false, received), "read twice it says two things");
    match read {
        Ok(parts) => {
            assert!(parts.len() <= VENDOR_ALERTS_MAX);
            for part in parts {
                match part.alert {
                    Ok(alert) => {
                        assert!(!alert.authenticated && alert.feed == reading.feed);
                        let bot = alert.bot.as_str();
                        assert!(
                            bot.contains(':') && bot.bytes().all(|byte| byte.is_ascii_graphic()),
                            "{bot}"
                        );
                        accepted(&alert);
                    }
                    Err(malformed) => is_a_reason(&malformed.reason),
                }
            }
        }
        Err(malformed) => is_a_reason(&malformed.reason),
    }
}

/// Two bytes say k and m, the rest is the bits.
pub fn bloom(data: &[u8]) {
    let [k, m, bits @ ..] = data else { return };
    let words = |number: u64| number.to_be_bytes();
    let (k, m) = (u64::from(*k), u64::from(*m).saturating_mul(8));
    let bitset = [&words(m), &words(k), &words(m), bits].concat();
    let bitset = base64::engine::general_purpose::STANDARD.encode(bitset);
    let (hash, time) = ("ab".repeat(32), "2024-01-01T00:00:00Z");
    let text = format!(
        r#"{{"hash":"0x{hash}","alertId":"A","severity":"HIGH","createdAt":"{time}","chainId":1,"truncated":true,
        "source":{{"bot":{{"id":"b"}}}},"addressBloomFilter":{{"k":"0x{k:x}","m":"0x{m:x}","bitset":"{bitset}"}}}}"#
    );
    match parse_alert(text.as_bytes(), &FeedName::from("fuzz"), true) {
        Ok(alert) => {
            let holds = alert.bloom.as_ref().is_some_and(|bloom| {
                bloom_contains(bloom, [7; 20].into()).expect("what was accepted can be asked")
            });
            assert!(!holds || bits.iter().any(|byte| *byte != 0), "an empty filter holds nothing");
            accepted(&alert);
        }
        Err(malformed) => is_a_reason(&malformed.reason),
    }
}
