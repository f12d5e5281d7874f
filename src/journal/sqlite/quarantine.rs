//! The quarantine of rejected lines, in the journal's file.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{Any, Row};

use super::super::JournalError;
use super::super::quarantine::{QUARANTINE_ROWS_MAX, Quarantine, Quarantined, RejectedLine, Shelf, trim};
use super::{BEGIN, SqliteJournal, WriteLock};
use crate::domain::names::FeedName;

#[async_trait]
impl Quarantine for SqliteJournal {
    async fn keep_many(&self, rejected: Vec<RejectedLine>) -> Result<(), JournalError> {
        insert_all(self, rejected).await.map_err(|error| self.place.fault("keep a line in", error))
    }

    async fn list(&self, feed: &FeedName, limit: u32) -> Result<Shelf, JournalError> {
        select(self, feed, limit).await.map_err(|error| self.place.fault("read", error))
    }
}

async fn insert_all(journal: &SqliteJournal, rejected: Vec<RejectedLine>) -> Result<(), sqlx::Error> {
    let mut tx = journal.writer.begin_with(BEGIN).await?;
    for (rejected, raw_bytes) in rejected.into_iter().map(trim) {
        insert(&mut tx, &rejected, raw_bytes).await?;
    }
    tx.commit().await
}

async fn insert(tx: &mut WriteLock, rejected: &RejectedLine, raw_bytes: u64) -> Result<(), sqlx::Error> {
    let feed = rejected.feed.as_str();
    let query = sqlx::query::<Any>("SELECT MAX(number) AS number FROM quarantine WHERE feed = $1");
    let row = query.bind(feed.to_owned()).fetch_one(&mut **tx).await?;
    let number = row.try_get::<Option<i64>, _>("number")?.unwrap_or(0).saturating_add(1);
    let query = sqlx::query::<Any>(
        "INSERT INTO quarantine (feed, number, at, line, reason, raw, raw_bytes) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    let query =
        query.bind(feed.to_owned()).bind(number).bind(rejected.at.to_string()).bind(sql(rejected.line));
    let query = query.bind(rejected.reason.clone()).bind(rejected.raw.clone()).bind(sql(raw_bytes));
    query.execute(&mut **tx).await?;
    let query = sqlx::query::<Any>("DELETE FROM quarantine WHERE feed = $1 AND number <= $2");
    query
        .bind(feed.to_owned())
        .bind(number.saturating_sub(sql(QUARANTINE_ROWS_MAX)))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn select(journal: &SqliteJournal, feed: &FeedName, limit: u32) -> Result<Shelf, sqlx::Error> {
    // One statement, one moment: counts and lines agree even while another process keeps a line.
    let query = sqlx::query::<Any>(
        "SELECT number, at, line, reason, raw, raw_bytes, \
         (SELECT COUNT(*) FROM quarantine WHERE feed = $1) AS kept, \
         (SELECT MAX(number) FROM quarantine WHERE feed = $1) AS ever \
         FROM quarantine WHERE feed = $1 ORDER BY number DESC LIMIT $2",
    );
    // At least one row, or there would be no counts.
    let query = query.bind(feed.as_str().to_owned()).bind(i64::from(limit.max(1)));
    let rows = query.fetch_all(&journal.reader).await?;
    let Some(newest) = rows.first() else { return Ok(Shelf::default()) };
    let kept = count(newest, "kept")?;
    let dropped = count(newest, "ever")?.saturating_sub(kept);
    let listed = rows.iter().take(usize::try_from(limit).unwrap_or(usize::MAX));
    let lines = listed.map(|row| line(feed, row)).collect::<Result<_, _>>()?;
    Ok(Shelf { lines, kept, dropped })
}

fn line(feed: &FeedName, row: &AnyRow) -> Result<Quarantined, sqlx::Error> {
    let at: String = row.try_get("at")?;
    let rejected = RejectedLine {
        feed: feed.clone(),
        at: at.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        line: count(row, "line")?,
        reason: row.try_get("reason")?,
        raw: row.try_get("raw")?,
    };
    Ok(Quarantined { number: count(row, "number")?, rejected, raw_bytes: count(row, "raw_bytes")? })
}

fn count(row: &AnyRow, column: &str) -> Result<u64, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
