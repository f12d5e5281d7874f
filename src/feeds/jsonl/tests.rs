//! The sample file, restarts, and files that change under the reader.

use std::fs;
use std::io::Write as _;

use serde_json::Value;

use super::*;
use crate::clock::ManualClock;
use crate::feeds::forta_wire::ALERT_BODY_MAX_BYTES;
use crate::feeds::{BATCH_ALERTS_MAX, FeedHealth};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/feeds/sample.jsonl");
const MALFORMED: &str = include_str!("../../../tests/fixtures/feeds/malformed.json");

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

type Item = Result<Alert, Rejected>;

/// Runs a feed over `path`, committing deliveries, until it ends or `enough` says so.
async fn read(
    path: &Path,
    follow: bool,
    cursor: &mut Option<Cursor>,
    mut enough: impl FnMut(&[Item], &FeedHealth) -> bool,
) -> (FeedEnd, Vec<Item>) {
    let settings = JsonlSettings {
        name: FeedName::from("lines"),
        source: JsonlSource::File { path: path.to_owned(), follow },
        authenticated: true,
        batch_lines: 64,
        poll: Duration::from_millis(5),
    };
    let clock = ManualClock::at("2024-01-01T00:00:00Z".parse().unwrap());
    let health = SharedHealth::new();
    let (deliveries, mut received) = mpsc::channel::<Delivery>(2);
    let (stop, stopped) = watch::channel(false);
    let run = JsonlFeed::new(settings, clock).run(cursor.clone(), deliveries, stopped, health.clone());
    let consume = async {
        let mut items = Vec::new();
        while !enough(&items, &health.snapshot()) {
            match tokio::time::timeout(Duration::from_millis(5), received.recv()).await {
                Ok(Some(delivery)) => {
                    items.extend(delivery.alerts);
                    *cursor = delivery.cursor;
                    delivery.receipt.accepted();
                }
                Ok(None) => break,
                Err(_nothing_yet) => {}
            }
        }
        stop.send(true).ok();
        items
    };
    let (ended, items) = tokio::time::timeout(PATIENCE, async { tokio::join!(run, consume) }).await.unwrap();
    (ended.unwrap(), items)
}

async fn read_all(path: &Path, cursor: &mut Option<Cursor>) -> Vec<Item> {
    let (ended, items) = read(path, false, cursor, |_, _| false).await;
    assert_eq!(ended, FeedEnd::Finished);
    items
}

fn rejected(items: &[Item]) -> Vec<(Option<u64>, &str)> {
    items
        .iter()
        .filter_map(|item| item.as_ref().err())
        .map(|item| (item.line, item.reason.as_str()))
        .collect()
}

fn append(path: &Path, text: &[u8]) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text).unwrap();
}

/// The sample's first lines, with their newlines.
fn lines(n: usize) -> Vec<u8> {
    let sample = fs::read(SAMPLE).unwrap();
    sample.split_inclusive(|byte| *byte == b'\n').take(n).flatten().copied().collect()
}

fn line(n: usize) -> Vec<u8> {
    lines(n).split_off(lines(n - 1).len())
}

#[tokio::test]
async fn the_sample_is_read_and_its_broken_lines_are_rejected_by_number() {
    let truth: Value = serde_json::from_str(MALFORMED).unwrap();
    let broken = truth["malformed"].as_array().unwrap().iter();
    let broken: Vec<_> = broken.map(|entry| entry["line"].as_u64()).collect();

    let items = read_all(Path::new(SAMPLE), &mut None).await;

    assert_eq!(items.len() as u64, truth["lines"].as_u64().unwrap());
    assert_eq!(rejected(&items).into_iter().map(|(line, _)| line).collect::<Vec<_>>(), broken);
}

#[tokio::test]
async fn a_restart_goes_on_after_the_last_accepted_line() {
    let whole = read_all(Path::new(SAMPLE), &mut None).await;
    let mut cursor = None;
    let mut parts = Vec::new();
    while parts.len() < whole.len() {
        let (_, part) = read(Path::new(SAMPLE), false, &mut cursor, |items, _| items.len() >= 128).await;
        parts.extend(part);
    }
    assert_eq!(parts, whole, "each line once, and with its own number");
    assert!(read_all(Path::new(SAMPLE), &mut cursor).await.is_empty());
}

#[tokio::test]
async fn an_over_long_line_is_rejected_and_the_next_one_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let mut text = vec![b' '; ALERT_BODY_MAX_BYTES + 10];
    text.push(b'\n');
    text.extend_from_slice(b"\r\n\n");
    text.extend(lines(1).strip_suffix(b"\n").unwrap());
    fs::write(&path, text).unwrap();

    let items = read_all(&path, &mut None).await;

    assert_eq!(rejected(&items), [(Some(1), "the line, in bytes: over ALERT_BODY_MAX_BYTES (1048576)")]);
    assert_eq!(items.iter().flatten().count(), 1, "the last line needs no newline");
}

#[tokio::test]
async fn a_followed_file_grows_and_a_line_is_read_when_it_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let second = line(2);
    let (start, end) = second.split_at(700);
    let mut step = 0;
    let (ended, items) = read(&path, true, &mut None, |items, health| match (step, items.len()) {
        (0, 0) if health.last_error.is_some() => {
            step = 1;
            fs::write(&path, [lines(1).as_slice(), start].concat()).unwrap();
            false
        }
        (1, 1) if health.last_ok.is_some() => {
            step = 2;
            append(&path, end);
            false
        }
        (_, seen) => seen == 2 && health.last_error.is_none(),
    })
    .await;
    assert_eq!((ended, rejected(&items)), (FeedEnd::Stopped, vec![]));
}

#[tokio::test]
async fn a_file_that_is_cut_or_replaced_is_reported_and_read_from_its_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    fs::write(&path, lines(3)).unwrap();
    let mut step = 0;
    let (_, items) = read(&path, true, &mut None, |items, health| match (step, items.len()) {
        (0, 3) if health.last_ok.is_some() => {
            step = 1;
            fs::write(&path, lines(1)).unwrap();
            false
        }
        (1, 5) => {
            step = 2;
            append(&path, &line(2));
            fs::rename(&path, path.with_extension("1")).unwrap();
            fs::write(&path, line(4)).unwrap();
            false
        }
        (_, seen) => seen == 8,
    })
    .await;
    let told = rejected(&items);
    assert_eq!(told, [(None, Changed::Shorter.reason()), (None, Changed::Replaced.reason())]);
    assert!(items[6].is_err(), "the old file's last line comes before its successor's first");
}

#[tokio::test]
async fn a_file_replaced_while_we_were_away_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    fs::write(&path, lines(2)).unwrap();
    let mut cursor = None;
    assert_eq!(read_all(&path, &mut cursor).await.len(), 2);

    let other = lines(6).split_off(lines(2).len());
    fs::write(&path, other).unwrap();
    let items = read_all(&path, &mut cursor).await;
    assert_eq!((items.len(), rejected(&items)), (5, vec![(None, Changed::Replaced.reason())]));

    fs::write(&path, lines(1)).unwrap();
    let items = read_all(&path, &mut cursor).await;
    assert_eq!((items.len(), rejected(&items)), (2, vec![(None, Changed::Shorter.reason())]));
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error() {
    let settings = JsonlSettings {
        name: FeedName::from("lines"),
        source: JsonlSource::named("/nonexistent/alerts.jsonl", false),
        authenticated: true,
        batch_lines: JSONL_BATCH_LINES,
        poll: Duration::from_secs(1),
    };
    let clock = ManualClock::at("2024-01-01T00:00:00Z".parse().unwrap());
    let (deliveries, _received) = mpsc::channel(1);
    let (_stop, stopped) = watch::channel(false);
    let ended = JsonlFeed::new(settings, clock).run(None, deliveries, stopped, SharedHealth::new()).await;
    assert!(matches!(ended, Err(JsonlError::Open { .. })));
}

/// A node's batch of these lines, in its words.
fn batch(lines: &[&[u8]]) -> Vec<u8> {
    let metrics = br#"],"metrics":[{"botId":"0x1","timestamp":"2024-01-01T00:00:00Z","metrics":[{"name":"tx.success","count":1}]}]}"#;
    let alerts: Vec<&[u8]> = lines.iter().map(|line| line.trim_ascii_end()).collect();
    [br#"{"alerts":["#, alerts.join(&b","[..]).as_slice(), metrics, b"\n"].concat()
}

fn hashes(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.as_ref().map_or("-", |alert| alert.hash.0.as_str())).collect()
}

/// The same alerts, one a line and in every envelope: the same alerts, in the same order.
#[tokio::test]
async fn a_batch_gives_its_alerts_one_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forta-local-alerts-logs");
    let [one, two, three] = [1, 2, 3].map(line);
    fs::write(&path, [one.as_slice(), &two, &three, &one].concat()).unwrap();
    let plain = read_all(&path, &mut None).await;
    assert_eq!(plain.iter().flatten().count(), 4);

    let none = br#"{"alerts":null,"metrics":[]}"#;
    let last = [br#" {"alerts": ["#, one.trim_ascii_end(), b"]}\r\n"].concat();
    let empty = b"\n{\"alerts\":[]}\n".to_vec();
    fs::write(&path, [batch(&[&one, &two]), none.to_vec(), empty, three, last].concat()).unwrap();
    assert_eq!(read_all(&path, &mut None).await, plain);

    // The recording reads what the feed reads, and says where.
    let mut recording = Recording::open(&path).unwrap();
    let mut found = Vec::new();
    while let Some((line, item)) = recording.next_line().unwrap() {
        assert!(recording.line_bytes() > 100);
        found.push((line, recording.place_in_line(), item.unwrap().hash));
    }
    let places: Vec<_> = found.iter().map(|(line, place, _)| (*line, *place)).collect();
    assert_eq!(places, [(1, Some(1)), (1, Some(2)), (4, None), (5, Some(1))]);
    assert_eq!(recording.batches_of_none(), 2);
    assert!(found.iter().map(|(_, _, hash)| hash.0.as_str()).eq(hashes(&plain)));
}

#[tokio::test]
async fn a_malformed_alert_costs_itself_and_a_malformed_envelope_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let [one, two] = [1, 2].map(line);
    let deep = [vec![b'['; 100], vec![b']'; 100]].concat();
    let too_many = format!("{{\"alerts\":[{}0]}}\n", "0,".repeat(BATCH_ALERTS_MAX));
    let unended =
        batch(&[&one]).trim_ascii_end().split_last().map(|(_, rest)| [rest, b"\n"].concat()).unwrap();
    let two_batches = [batch(&[&one]).trim_ascii_end(), batch(&[&two]).as_slice()].concat();
    let lines = [
        batch(&[&one, b"{}", &deep, b"7", &two]),
        br#"{"alerts":7}"#.to_vec(),
        b"\n".to_vec(),
        br#"{"alerts":[],"alerts":[]}"#.to_vec(),
        b"\n".to_vec(),
        too_many.into_bytes(),
        unended,
        two_batches,
        [b"\xef\xbb\xbf", batch(&[&one]).as_slice()].concat(),
        [br#"{"alerts":["#, one.trim_ascii_end(), b",\xff]}\n"].concat(),
        [b"[", one.trim_ascii_end(), b"]\n"].concat(),
        two,
    ];
    fs::write(&path, lines.concat()).unwrap();
    let items = read_all(&path, &mut None).await;
    assert_eq!(items.iter().flatten().count(), 3, "{:?}", hashes(&items));
    let told: Vec<String> =
        rejected(&items).into_iter().map(|(line, reason)| format!("{}: {reason}", line.unwrap())).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    1: alert 2 of 5 in the line: source is missing: nobody makes this claim
    1: alert 3 of 5 in the line: nesting: over ALERT_DEPTH_MAX (64)
    1: alert 4 of 5 in the line: not a JSON object
    2: alerts is not a list
    3: a field is given twice
    4: the batch, in alerts: over BATCH_ALERTS_MAX (1000)
    5: cut short: the JSON does not end
    6: more follows after the alert
    7: starts with a byte order mark, which JSON does not allow
    8: not UTF-8
    9: not a JSON object
    ");
    assert_eq!(items[1].as_ref().unwrap_err().raw, b"{}", "what is put aside is the alert, not the batch");
}

/// A batch may be longer than an alert; each of its alerts may not.
#[tokio::test]
async fn a_batch_has_its_own_bound_in_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let one = line(1);
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(ALERT_BODY_MAX_BYTES)).into_bytes();
    let full = batch(&vec![one.as_slice(); BATCH_ALERTS_MAX]);
    assert!(full.len() > ALERT_BODY_MAX_BYTES && full.len() < LINE_MAX_BYTES / 2, "{}", full.len());
    let over = batch(&[long.as_slice(); 9]);
    fs::write(&path, [full, batch(&[&one, &long]), over, one.clone()].concat()).unwrap();
    let items = read_all(&path, &mut None).await;
    assert_eq!(items.iter().flatten().count(), BATCH_ALERTS_MAX + 2);
    let told = rejected(&items);
    assert_eq!(
        told[0],
        (Some(2), "alert 2 of 2 in the line: the alert, in bytes: over ALERT_BODY_MAX_BYTES (1048576)")
    );
    assert!(
        told[1].1.starts_with("the line, in bytes: over LINE_MAX_BYTES (8388608)") && told.len() == 2,
        "{told:?}"
    );
}

/// A delivery never parts a line, so that the place after it means all of its alerts.
#[tokio::test]
async fn a_restart_within_a_batch_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.jsonl");
    let all: Vec<Vec<u8>> = (1..=100).map(line).collect();
    let parts: Vec<Vec<u8>> =
        all.chunks(10).map(|part| batch(&part.iter().map(Vec::as_slice).collect::<Vec<_>>())).collect();
    fs::write(&path, parts.concat()).unwrap();
    let mut cursor = None;
    let (_, first) = read(&path, false, &mut cursor, |items, _| !items.is_empty()).await;
    assert_eq!(first.len(), 70, "at 64 alerts a delivery is full, and its last batch is whole");
    let rest = read_all(&path, &mut cursor).await;
    assert_eq!([hashes(&first), hashes(&rest)].concat().len(), 100);
}
