//! What is SQLite's own: files that cannot be used, rows that were tampered with, writers that wait.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor};

use super::super::conformance::{put, write};
use super::super::{Verified, VerifyError, verify};
use super::*;

async fn fresh() -> (tempfile::TempDir, SqliteJournal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&folder.path().join("journal.db")).await.unwrap();
    (folder, journal)
}

async fn tamper(journal: &SqliteJournal, sql: &str) {
    journal.writer.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
}

/// Everything of an error that people read, with the folder's name taken out.
fn told(folder: &tempfile::TempDir, error: &JournalError) -> String {
    error.to_string().replace(&folder.path().display().to_string(), "DIR")
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    std::fs::write(dir.join("junk.db"), "this is not a database, and long enough for one".repeat(30))
        .unwrap();
    std::fs::create_dir(dir.join("folder.db")).unwrap();
    drop(SqliteJournal::open(&dir.join("locked.db")).await.unwrap());
    let mut permissions = std::fs::metadata(dir.join("locked.db")).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(dir.join("locked.db"), permissions).unwrap();

    let mut messages = Vec::new();
    for name in ["missing/journal.db", "folder.db", "locked.db", "junk.db", "junk.db/journal.db"] {
        let error = SqliteJournal::open(&dir.join(name)).await.unwrap_err();
        messages.push(format!(
            "{} [{}]",
            told(&folder, &error),
            if error.is_unavailable() { "unavailable" } else { "corrupt" }
        ));
    }
    let error = SqliteJournal::open_existing(&dir.join("typo.db")).await.unwrap_err();
    messages.push(told(&folder, &error));
    insta::assert_snapshot!(messages.join("\n"), @"
    could not open the journal DIR/missing/journal.db: its folder is missing; make the folder, or check the path [unavailable]
    could not open the journal DIR/folder.db: it is a folder; name a file in it [unavailable]
    could not open the journal DIR/locked.db: it is read-only; give this user write access to the file and its folder [unavailable]
    the journal DIR/junk.db cannot be trusted: the file is not an SQLite database; check the path [corrupt]
    could not open the journal DIR/junk.db/journal.db: not a directory; check that the folder is there and this user may write in it [unavailable]
    could not open the journal DIR/typo.db: there is no such file; check the path
    ");
    assert!(!dir.join("typo.db").exists());
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_left_alone() {
    let (folder, journal) = fresh().await;
    tamper(&journal, "INSERT INTO migration (name) VALUES ('9999_future')").await;
    let error = SqliteJournal::open(journal.path()).await.unwrap_err();
    insta::assert_snapshot!(told(&folder, &error), @"the journal DIR/journal.db cannot be trusted: it was made by a newer version of this program (it has `9999_future`); use that version");
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, journal) = fresh().await;
    put(&journal, vec![write("a", 0, &["one"])]).await;
    assert_eq!(std::fs::metadata(journal.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn commits_are_on_the_disk_before_they_are_reported() {
    let (_folder, journal) = fresh().await;
    for pool in [&journal.writer, &journal.reader] {
        for (pragma, want) in [("synchronous", "2"), ("journal_mode", "wal"), ("busy_timeout", "10000")] {
            let sql = match pragma {
                "busy_timeout" => "SELECT CAST(timeout AS TEXT) AS it FROM pragma_busy_timeout".to_owned(),
                other => format!("SELECT CAST({other} AS TEXT) AS it FROM pragma_{other}"),
            };
            let row = sqlx::query::<Any>(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
            assert_eq!(sqlx::Row::get::<String, _>(&row, "it"), want, "{pragma}");
        }
    }
}

#[tokio::test]
async fn tampering_is_found_and_placed() {
    let cases = [
        ("changed body", "UPDATE fact SET body = '{\"kind\":\"TWO\"}' WHERE seq = 2"),
        ("changed time", "UPDATE fact SET at = '2026-11-21T03:00:01.5Z' WHERE seq = 2"),
        ("unreadable time", "UPDATE fact SET at = 'yesterday' WHERE seq = 2"),
        ("moved between streams", "UPDATE fact SET stream = 'b', version = 9 WHERE seq = 3"),
        ("removed row", "DELETE FROM fact WHERE seq = 2"),
        (
            "the first of two breaks",
            "DELETE FROM fact WHERE seq = 2; UPDATE fact SET kind = 'x' WHERE seq = 4",
        ),
        ("removed first row", "DELETE FROM fact WHERE seq = 1"),
        (
            "reordered",
            "UPDATE fact SET seq = 99 WHERE seq = 2; UPDATE fact SET seq = 2 WHERE seq = 3; \
             UPDATE fact SET seq = 3 WHERE seq = 99",
        ),
        (
            "inserted at the end",
            "INSERT INTO fact SELECT 5, 'c', 1, at, kind, body, hash, hash FROM fact WHERE seq = 4",
        ),
        (
            "inserted before the beginning",
            "INSERT INTO fact SELECT -1, stream, 9, at, kind, body, prev, hash FROM fact WHERE seq = 4",
        ),
    ];
    let mut found = Vec::new();
    for (what, sql) in cases {
        let (_folder, journal) = fresh().await;
        put(&journal, vec![write("a", 0, &["one", "two", "three"]), write("b", 0, &["one"])]).await;
        tamper(&journal, sql).await;
        match verify(&journal, None).await {
            Err(VerifyError::Broken(broken)) => found.push(format!("{what}: {broken}")),
            other => panic!("{what}: {other:?}"),
        }
    }
    insta::assert_snapshot!(found.join("\n"), @"
    changed body: the chain of facts breaks at fact 2: its content hashes to 890bd4a0135ce69e483c03a113c860bcca68493d10a69de5ec5e94564b5019b3, but it carries ebb35439cb679bd78a74e959198c078e03b13d98fb7fa106d892643790a22048
    changed time: the chain of facts breaks at fact 2: its content hashes to 776d7ba996834040e79cc810d35f6647782cabba9c27e1f5101fdf586c8204cb, but it carries ebb35439cb679bd78a74e959198c078e03b13d98fb7fa106d892643790a22048
    unreadable time: the chain of facts breaks at fact 2: its time is not a time
    moved between streams: the chain of facts breaks at fact 3: its content hashes to c38e1f40c75d109e82a89e1dafc13954f84492909da7b04e835bf371bf6a83cc, but it carries 45725c8ab159c3a2d1057fb09b6f4c7387e39b543e61cac4ce698c3a309b298a
    removed row: the chain of facts breaks at fact 2: it is missing; the next one is fact 3
    the first of two breaks: the chain of facts breaks at fact 2: it is missing; the next one is fact 3
    removed first row: the chain of facts breaks at fact 1: it is missing; the next one is fact 2
    reordered: the chain of facts breaks at fact 2: its content hashes to 25939f5c4987e9844f0562fa0b992672c089787cf77f4f30f14febe66443ff85, but it carries 45725c8ab159c3a2d1057fb09b6f4c7387e39b543e61cac4ce698c3a309b298a
    inserted at the end: the chain of facts breaks at fact 5: its content hashes to 299f5e45297bad1a14e12cbd2ddb467d7c25e341445427128ac9137f981ff58f, but it carries 751b6d1a30d5d995c77f1b1aedec903cf881821c9ea046d916ec7975992e3ea7
    inserted before the beginning: the chain of facts breaks at fact 5: stream b is listed with version 9, which the chain does not have
    ");
}

/// Somebody who can compute hashes, and knows all of them, is found by whoever remembered a head.
#[tokio::test]
async fn a_cut_or_rewritten_tail_shows_against_a_remembered_head() {
    let (_folder, journal) = fresh().await;
    put(&journal, vec![write("a", 0, &["one", "two"])]).await;
    let (head, _) = put(&journal, vec![write("a", 2, &["three"])]).await;
    tamper(&journal, "DELETE FROM fact WHERE seq > 2").await;
    assert!(verify(&journal, None).await.is_ok(), "by itself the shorter chain holds");
    let cut = verify(&journal, Some(head)).await.unwrap_err().to_string();
    put(&journal, vec![write("a", 2, &["another three"])]).await;
    let rewritten = verify(&journal, Some(head)).await.unwrap_err().to_string();
    assert_eq!(
        cut,
        "the chain of facts breaks at fact 3: it is missing, and every fact up to the remembered 3"
    );
    assert!(rewritten.starts_with("the chain of facts breaks at fact 3: it carries "), "{rewritten}");
    assert!(rewritten.ends_with(&format!("but {} was remembered", head.hash)), "{rewritten}");
}

#[tokio::test]
async fn a_changed_fact_is_not_believed_when_its_stream_is_read() {
    let (folder, journal) = fresh().await;
    put(&journal, vec![write("a", 0, &["one", "two"])]).await;
    tamper(&journal, "UPDATE fact SET kind = 'acked' WHERE seq = 2").await;
    for error in [
        journal.read(&"a".into(), Version(0)).await.unwrap_err(),
        journal.last(&"a".into()).await.unwrap_err(),
    ] {
        assert!(matches!(error, JournalError::Corrupt { seq: Some(2), .. }));
        assert!(
            told(&folder, &error)
                .starts_with("the journal DIR/journal.db cannot be trusted: fact 2: its content")
        );
    }
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_heals_by_itself() {
    let (folder, journal) = fresh().await;
    put(&journal, vec![write("a", 0, &["one"])]).await;
    tamper(&journal, "PRAGMA max_page_count = 1").await;
    let mut error = None;
    for version in 1..200 {
        let long = "x".repeat(150);
        match journal.append(vec![write("a", version, &[&long])]).await {
            Ok(_) => {}
            Err(full) => {
                error = Some((version, full));
                break;
            }
        }
    }
    let (version, error) = error.unwrap();
    assert!(error.is_unavailable());
    insta::assert_snapshot!(told(&folder, &error), @"could not append to the journal DIR/journal.db: the disk is full; free some space; nothing needs to be restarted");
    tamper(&journal, "PRAGMA max_page_count = 100000").await;
    put(&journal, vec![write("a", version, &["two"])]).await;
    assert!(verify(&journal, None).await.is_ok());
}

#[tokio::test]
async fn a_writer_waits_for_another_process_and_says_so_when_it_waited_in_vain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let patient = SqliteJournal::open(&path).await.unwrap();
    let hasty = open::open(&path, open::IfMissing::Refuse, Duration::from_millis(50)).await.unwrap();
    put(&patient, vec![write("a", 0, &["one"])]).await;

    let other = SqliteJournal::open(&path).await.unwrap();
    let mut lock = other.writer.begin_with(BEGIN).await.unwrap();
    let error = hasty.append(vec![write("a", 1, &["two"])]).await.unwrap_err();
    assert!(error.is_unavailable());
    insta::assert_snapshot!(told(&folder, &error), @"could not append to the journal DIR/journal.db: another process kept it locked; find out who holds the file open (lsof) and try again");
    assert_eq!(hasty.head().await.unwrap().seq, 1, "readers do not wait");

    // The other process writes the same version and lets go: the patient one finds itself stale.
    let entries =
        chain::link(other.head().await.unwrap(), &write::check(vec![write("a", 1, &["theirs"])]).unwrap());
    rows::insert(&mut lock, &entries[0]).await.unwrap();
    let (appended, ()) = tokio::join!(patient.append(vec![write("a", 1, &["ours"])]), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        lock.commit().await.unwrap();
    });
    assert_eq!(appended.unwrap(), Appended::Stale { stream: "a".into(), current: Version(2) });
    let head = patient.head().await.unwrap();
    assert_eq!(verify(&hasty, None).await.unwrap(), Verified { facts: 2, head });
}

#[tokio::test]
async fn a_writer_who_gives_up_leaves_no_lock_behind() {
    let (_folder, journal) = fresh().await;
    for patience in 0..40 {
        let append = journal.append(vec![write(&format!("s{patience}"), 0, &["one"])]);
        // Cut off at many different moments; whether it was written is then unknown, and either is right.
        let given_up = tokio::time::timeout(Duration::from_micros(patience * 50), append).await;
        assert!(given_up.is_err() || given_up.unwrap().is_ok());
    }
    put(&journal, vec![write("after", 0, &["one"])]).await;
    let listed = journal.streams("").await.unwrap().len() as u64;
    assert_eq!(verify(&journal, None).await.unwrap().facts, listed);
}

#[tokio::test]
async fn two_who_open_a_new_file_at_once_both_succeed() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let opened = tokio::join!(
            SqliteJournal::open(&path),
            SqliteJournal::open(&path),
            SqliteJournal::open(&path),
            SqliteJournal::open(&path)
        );
        for journal in [opened.0, opened.1, opened.2, opened.3] {
            assert_eq!(journal.unwrap().head().await.unwrap(), Head::EMPTY);
        }
    }
}

#[tokio::test]
async fn a_closed_journal_is_unavailable() {
    let (_folder, journal) = fresh().await;
    journal.close().await;
    assert!(journal.append(vec![write("a", 0, &["one"])]).await.unwrap_err().is_unavailable());
    assert!(journal.head().await.unwrap_err().is_unavailable());
}
