//! One suite, every store: what [`Journal`] and [`Quarantine`] promise.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::domain::names::FeedName;

/// A store under test and how to get another handle on the same facts.
pub(super) struct Store {
    journal: Arc<dyn Journal>,
    quarantine: Arc<dyn Quarantine>,
    again: Option<std::path::PathBuf>,
    _folder: Option<tempfile::TempDir>,
}

impl Store {
    fn memory() -> Self {
        let journal = Arc::new(MemoryJournal::new());
        Self { journal: journal.clone(), quarantine: journal, again: None, _folder: None }
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Arc::new(SqliteJournal::open(&path).await.unwrap());
        Self { journal: journal.clone(), quarantine: journal, again: Some(path), _folder: Some(folder) }
    }

    /// Another handle: on a file, a second one as another process has it.
    async fn twin(&self) -> Arc<dyn Journal> {
        match &self.again {
            None => self.journal.clone(),
            Some(path) => Arc::new(SqliteJournal::open(path).await.unwrap()),
        }
    }
}

macro_rules! every_store {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Store::memory()).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Store::sqlite().await).await;
            })+
        }
    };
}

every_store!(
    what_is_appended_is_read_back,
    an_unexpected_version_is_stale_and_writes_nothing,
    several_streams_are_written_together_or_not_at_all,
    out_of_bounds_is_refused_and_writes_nothing,
    exactly_one_racer_wins_each_version,
    racers_over_several_streams_leave_a_chain_that_holds,
    all_facts_are_read_in_order_and_in_batches,
    streams_are_listed_by_prefix,
    text_of_every_kind_survives,
    the_quarantine_keeps_the_newest_lines_and_counts_the_rest,
    the_quarantine_keeps_several_lines_in_their_order,
    the_quarantine_cuts_long_lines_and_says_so,
    a_long_stream_is_read_in_parts,
);

pub(super) fn fact(kind: &str, body: serde_json::Value) -> NewFact {
    NewFact { kind: kind.into(), at: "2026-11-21T03:00:00.5Z".parse().unwrap(), body }
}

pub(super) fn write(stream: &str, expected: u64, kinds: &[&str]) -> Write {
    let facts = kinds.iter().map(|kind| fact(kind, json!({ "kind": kind }))).collect();
    Write { stream: stream.into(), expected: Version(expected), facts }
}

/// Appends and insists that it was applied.
pub(super) async fn put(journal: &dyn Journal, writes: Vec<Write>) -> (Head, Vec<u64>) {
    match journal.append(writes).await.unwrap() {
        Appended::Applied { head, versions } => {
            (head, versions.into_iter().map(|version| version.0).collect())
        }
        stopped @ (Appended::Stale { .. } | Appended::Refused { .. }) => panic!("{stopped:?}"),
    }
}

fn kinds(entries: &[Entry]) -> Vec<(u64, u64, &str)> {
    entries.iter().map(|entry| (entry.seq, entry.version.0, entry.kind.as_str())).collect()
}

async fn what_is_appended_is_read_back(store: Store) {
    let journal = store.journal.as_ref();
    assert_eq!(journal.head().await.unwrap(), Head::EMPTY);
    assert_eq!(journal.read(&"incident/INC-1".into(), Version(0)).await.unwrap(), []);
    assert_eq!(journal.last(&"incident/INC-1".into()).await.unwrap(), None);

    let (_, versions) = put(journal, vec![write("incident/INC-1", 0, &["opened", "paged"])]).await;
    assert_eq!(versions, [2]);
    let (head, versions) =
        put(journal, vec![write("register", 0, &["seen"]), write("incident/INC-1", 2, &["acked"])]).await;
    assert_eq!(versions, [1, 3]);

    let read = journal.read(&"incident/INC-1".into(), Version(0)).await.unwrap();
    assert_eq!(kinds(&read), [(1, 1, "opened"), (2, 2, "paged"), (4, 3, "acked")]);
    assert_eq!(read[0].at, "2026-11-21T03:00:00.5Z".parse::<Timestamp>().unwrap());
    assert_eq!(read[0].body, r#"{"kind":"opened"}"#);
    assert_eq!(read[0].prev, FactHash::GENESIS);
    let later = journal.read(&"incident/INC-1".into(), Version(2)).await.unwrap();
    assert_eq!(kinds(&later), [(4, 3, "acked")]);
    assert_eq!(journal.last(&"incident/INC-1".into()).await.unwrap().as_ref(), later.last());
    assert_eq!(journal.head().await.unwrap(), head);
    assert_eq!(later[0].head(), head);
    assert_eq!(store.twin().await.head().await.unwrap(), head);
}

async fn an_unexpected_version_is_stale_and_writes_nothing(store: Store) {
    let journal = store.journal.as_ref();
    let (head, _) = put(journal, vec![write("a", 0, &["one", "two"])]).await;
    for expected in [0, 1, 3] {
        let appended = journal.append(vec![write("a", expected, &["three"])]).await.unwrap();
        assert_eq!(appended, Appended::Stale { stream: "a".into(), current: Version(2) });
    }
    assert_eq!(journal.head().await.unwrap(), head);
}

async fn several_streams_are_written_together_or_not_at_all(store: Store) {
    let journal = store.journal.as_ref();
    let (head, _) = put(journal, vec![write("b", 0, &["one"])]).await;
    let writes = vec![write("a", 0, &["one"]), write("b", 0, &["two"]), write("c", 0, &["one"])];
    let appended = journal.append(writes).await.unwrap();
    assert_eq!(appended, Appended::Stale { stream: "b".into(), current: Version(1) });
    assert_eq!(journal.head().await.unwrap(), head);
    assert_eq!(journal.streams("").await.unwrap(), [("b".into(), Version(1))]);
}

async fn out_of_bounds_is_refused_and_writes_nothing(store: Store) {
    let journal = store.journal.as_ref();
    let long = fact("long", json!("x".repeat(FACT_BODY_MAX_BYTES)));
    let long = Write { stream: "a".into(), expected: Version(0), facts: vec![long] };
    for writes in [vec![], vec![write("a", 0, &[])], vec![write("b", 0, &["fine"]), long]] {
        assert!(matches!(journal.append(writes).await.unwrap(), Appended::Refused { .. }));
    }
    assert_eq!(journal.head().await.unwrap(), Head::EMPTY);
}

/// Eight writers, each with its own handle where the store has handles, all wanting every version.
async fn exactly_one_racer_wins_each_version(store: Store) {
    const RACERS: u64 = 8;
    const VERSIONS: u64 = 25;
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let journal = if racer % 2 == 0 { store.journal.clone() } else { store.twin().await };
        racers.spawn(async move {
            let mut won = Vec::new();
            loop {
                let expected = journal.last(&"a".into()).await.unwrap().map_or(0, |entry| entry.version.0);
                if expected == VERSIONS {
                    return won;
                }
                match journal.append(vec![write("a", expected, &[&format!("racer-{racer}")])]).await.unwrap()
                {
                    Appended::Applied { versions, .. } => won.push(versions[0].0),
                    Appended::Stale { current, .. } => assert!(current.0 > expected),
                    Appended::Refused { reason } => panic!("{reason}"),
                }
            }
        });
    }
    let won: Vec<u64> = racers.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len() as u64, VERSIONS, "one winner each");
    assert_eq!(won.into_iter().collect::<BTreeSet<_>>(), (1..=VERSIONS).collect(), "and every version won");
    assert_eq!(verify(store.journal.as_ref(), None).await.unwrap().facts, VERSIONS);
}

/// Writers of different streams never make each other stale: they only queue.
async fn racers_over_several_streams_leave_a_chain_that_holds(store: Store) {
    let mut racers = JoinSet::new();
    for racer in 0..6_u64 {
        let journal = if racer % 2 == 0 { store.journal.clone() } else { store.twin().await };
        racers.spawn(async move {
            let stream = format!("incident/INC-{racer}");
            for version in 0..20 {
                put(journal.as_ref(), vec![write(&stream, version, &["step"])]).await;
            }
        });
    }
    racers.join_all().await;
    let head = store.journal.head().await.unwrap();
    let verified = verify(store.journal.as_ref(), Some(head)).await.unwrap();
    assert_eq!(verified, Verified { facts: 120, head });
}

async fn all_facts_are_read_in_order_and_in_batches(store: Store) {
    let journal = store.journal.as_ref();
    for stream in ["b", "a", "c"] {
        put(journal, vec![write(stream, 0, &["one", "two"])]).await;
    }
    let batch = |after, limit| async move {
        let read = journal.read_all(after, limit).await.unwrap();
        read.into_iter().map(|entry| (entry.seq, entry.stream.as_str().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(batch(0, 3).await, [(1, "b".into()), (2, "b".into()), (3, "a".into())]);
    assert_eq!(batch(5, 3).await, [(6, "c".into())]);
    assert_eq!(batch(6, 3).await, []);
    assert_eq!(batch(0, 0).await, []);
    assert_eq!(batch(u64::MAX, 3).await, []);
}

async fn streams_are_listed_by_prefix(store: Store) {
    let journal = store.journal.as_ref();
    for stream in ["incident/INC-2", "incident/INC-10", "Incident/x", "feed/forta", "feed_x", "feed/é"] {
        put(journal, vec![write(stream, 0, &["one", "two"])]).await;
    }
    let names = |prefix: &'static str| async move {
        let streams = journal.streams(prefix).await.unwrap();
        streams.into_iter().map(|(stream, version)| format!("{stream}@{version}")).collect::<Vec<_>>()
    };
    assert_eq!(names("incident/").await, ["incident/INC-10@2", "incident/INC-2@2"]);
    assert_eq!(names("feed_").await, ["feed_x@2"], "an underscore is itself");
    assert_eq!(names("feed/é").await, ["feed/é@2"]);
    assert_eq!(names("%").await, Vec::<String>::new());
    assert_eq!(names("").await.len(), 6);
}

async fn text_of_every_kind_survives(store: Store) {
    let journal = store.journal.as_ref();
    let body = json!({
        "text": "a\"b\\c\n\u{0}\u{202e}𝄞'; DROP TABLE fact; --",
        "number": 18_446_744_073_709_551_615_u64,
        "float": 0.1,
        "nested": [null, true, {"é": []}],
    });
    let facts = vec![fact("ünï; kind", body.clone())];
    put(journal, vec![Write { stream: "feed/é'".into(), expected: Version(0), facts }]).await;
    let read = journal.read(&"feed/é'".into(), Version(0)).await.unwrap();
    assert_eq!(read[0].body_as::<serde_json::Value>().unwrap(), body);
    assert!(verify(journal, None).await.is_ok());
}

fn rejected(feed: &str, line: u64, raw: &str) -> RejectedLine {
    RejectedLine {
        feed: feed.into(),
        at: Timestamp::UNIX_EPOCH,
        line,
        reason: "not JSON".into(),
        raw: raw.into(),
    }
}

async fn the_quarantine_keeps_the_newest_lines_and_counts_the_rest(store: Store) {
    let quarantine = store.quarantine.as_ref();
    let forta = FeedName::new("forta");
    assert_eq!(quarantine.list(&forta, 10).await.unwrap(), Shelf::default());
    quarantine.keep(rejected("other", 1, "{")).await.unwrap();
    for line in 1..=QUARANTINE_ROWS_MAX + 3 {
        quarantine.keep(rejected("forta", line, "{")).await.unwrap();
    }
    let shelf = quarantine.list(&forta, 2).await.unwrap();
    assert_eq!((shelf.kept, shelf.dropped), (QUARANTINE_ROWS_MAX, 3));
    let lines: Vec<u64> = shelf.lines.iter().map(|kept| kept.rejected.line).collect();
    assert_eq!(lines, [QUARANTINE_ROWS_MAX + 3, QUARANTINE_ROWS_MAX + 2]);
    assert_eq!(shelf.lines[0].number, QUARANTINE_ROWS_MAX + 3);
    let counts = quarantine.list(&forta, 0).await.unwrap();
    assert_eq!((counts.lines.len(), counts.kept, counts.dropped), (0, QUARANTINE_ROWS_MAX, 3));
    let other = quarantine.list(&"other".into(), 10).await.unwrap();
    assert_eq!((other.kept, other.dropped), (1, 0), "one feed does not push out another's");
    assert_eq!(other.lines[0].rejected, rejected("other", 1, "{"));
}

async fn the_quarantine_keeps_several_lines_in_their_order(store: Store) {
    let quarantine = store.quarantine.as_ref();
    quarantine.keep_many(Vec::new()).await.unwrap();
    let lines = [rejected("forta", 1, "{"), rejected("other", 1, "["), rejected("forta", 2, "}")];
    quarantine.keep_many(lines.into()).await.unwrap();
    let shelf = quarantine.list(&"forta".into(), 10).await.unwrap();
    let kept: Vec<_> = shelf.lines.iter().map(|kept| (kept.number, kept.rejected.raw.as_str())).collect();
    assert_eq!(kept, [(2, "}"), (1, "{")]);
    assert_eq!(quarantine.list(&"other".into(), 10).await.unwrap().kept, 1);
}

async fn a_long_stream_is_read_in_parts(store: Store) {
    let journal = store.journal.as_ref();
    put(journal, vec![write("feed/forta", 0, &["one", "two"]), write("b", 0, &["other"])]).await;
    put(journal, vec![write("feed/forta", 2, &["three"])]).await;
    let stream = Stream::new("feed/forta");
    let read = journal.read_part(&stream, Version(0), 2).await.unwrap();
    assert_eq!(kinds(&read), [(1, 1, "one"), (2, 2, "two")]);
    let read = journal.read_part(&stream, Version(1), 2).await.unwrap();
    assert_eq!(kinds(&read), [(2, 2, "two"), (4, 3, "three")]);
    assert_eq!(journal.read_part(&stream, Version(3), 2).await.unwrap(), []);
    assert_eq!(journal.read_part(&stream, Version(0), 0).await.unwrap(), []);
}

async fn the_quarantine_cuts_long_lines_and_says_so(store: Store) {
    let raw = format!("\0{}", "é".repeat(QUARANTINE_RAW_MAX_BYTES));
    store.quarantine.keep(rejected("forta", 1, &raw)).await.unwrap();
    let shelf = store.quarantine.list(&"forta".into(), 1).await.unwrap();
    let kept = &shelf.lines[0];
    assert_eq!(kept.raw_bytes, raw.len() as u64);
    assert!(kept.rejected.raw.starts_with("\u{fffd}é"));
    assert!(kept.rejected.raw.len() <= QUARANTINE_RAW_MAX_BYTES + 2);
}

#[tokio::test]
async fn a_file_is_found_again_as_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd name #1 100%?.db");
    let head = {
        let journal = SqliteJournal::open(&path).await.unwrap();
        let (head, _) = put(&journal, vec![write("a", 0, &["one", "two"])]).await;
        head
    };
    assert!(Path::new(&path).is_file(), "no character of the path was taken for something else");
    let journal = SqliteJournal::open_existing(&path).await.unwrap();
    assert_eq!(verify(&journal, Some(head)).await.unwrap(), Verified { facts: 2, head });
    put(&journal, vec![write("a", 2, &["three"])]).await;
    assert_eq!(verify(&journal, Some(head)).await.unwrap().facts, 3, "an older head is still part of it");
}
