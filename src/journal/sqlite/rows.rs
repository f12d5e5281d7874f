//! Every SQL statement about facts, and rows to entries and back.
//!
//! A row is believed only if its content still hashes to what it carries; anything else is [`BadRow`], which
//! travels as a decoding error of sqlx and comes out as `Corrupt` with the fact's number.

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::super::chain;
use super::super::fact::{Entry, FactHash, Head, Stream, Version};
use super::WriteLock;

/// A row that is not a fact as it was written.
#[derive(Debug, thiserror::Error)]
#[error("fact {seq}: {what}")]
pub(super) struct BadRow {
    pub(super) seq: u64,
    pub(super) what: String,
}

fn bad(seq: i64, what: impl Into<String>) -> sqlx::Error {
    let seq = u64::try_from(seq).unwrap_or(0);
    sqlx::Error::Decode(Box::new(BadRow { seq, what: what.into() }))
}

const COLUMNS_AFTER: &str = "SELECT seq, stream, version, at, kind, body, prev, hash FROM fact \
     WHERE seq > $1 ORDER BY seq LIMIT $2";
const COLUMNS_OF_STREAM: &str = "SELECT seq, stream, version, at, kind, body, prev, hash FROM fact \
     WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3";
const COLUMNS_OF_LAST: &str = "SELECT seq, stream, version, at, kind, body, prev, hash FROM fact \
     WHERE stream = $1 ORDER BY version DESC LIMIT 1";

/// Numbers beyond SQL's are beyond every fact.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(seq: i64, what: &str, number: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| bad(seq, format!("its {what} is {number}")))
}

fn entry(row: &AnyRow) -> Result<Entry, sqlx::Error> {
    let number: i64 = row.try_get("seq")?;
    let hash = |column: &str| -> Result<FactHash, sqlx::Error> {
        let text: String = row.try_get(column)?;
        text.parse().map_err(|_| bad(number, format!("its `{column}` is not a hash")))
    };
    let at: String = row.try_get("at")?;
    let entry = Entry {
        seq: count(number, "number", number)?,
        stream: Stream::new(row.try_get::<String, _>("stream")?),
        version: Version(count(number, "version", row.try_get("version")?)?),
        at: at.parse().map_err(|_| bad(number, "its time is not a time"))?,
        kind: row.try_get("kind")?,
        body: row.try_get("body")?,
        prev: hash("prev")?,
        hash: hash("hash")?,
    };
    match chain::disagreement(&entry) {
        Some(what) => Err(bad(number, what)),
        None => Ok(entry),
    }
}

fn entries(rows: &[AnyRow]) -> Result<Vec<Entry>, sqlx::Error> {
    rows.iter().map(entry).collect()
}

pub(super) async fn after<'e>(
    db: impl Executor<'e, Database = Any>,
    seq: u64,
    limit: u32,
) -> Result<Vec<Entry>, sqlx::Error> {
    let query = sqlx::query::<Any>(COLUMNS_AFTER).bind(sql(seq)).bind(i64::from(limit));
    entries(&query.fetch_all(db).await?)
}

pub(super) async fn of_stream<'e>(
    db: impl Executor<'e, Database = Any>,
    stream: &Stream,
    after: Version,
    limit: usize,
) -> Result<Vec<Entry>, sqlx::Error> {
    let query = sqlx::query::<Any>(COLUMNS_OF_STREAM).bind(stream.as_str().to_owned());
    let query = query.bind(sql(after.0)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
    entries(&query.fetch_all(db).await?)
}

pub(super) async fn last_of_stream<'e>(
    db: impl Executor<'e, Database = Any>,
    stream: &Stream,
) -> Result<Option<Entry>, sqlx::Error> {
    let query = sqlx::query::<Any>(COLUMNS_OF_LAST).bind(stream.as_str().to_owned());
    query.fetch_optional(db).await?.as_ref().map(entry).transpose()
}

pub(super) async fn head<'e>(db: impl Executor<'e, Database = Any>) -> Result<Head, sqlx::Error> {
    let row =
        sqlx::query::<Any>("SELECT seq, hash FROM fact ORDER BY seq DESC LIMIT 1").fetch_optional(db).await?;
    let Some(row) = row else { return Ok(Head::EMPTY) };
    let seq: i64 = row.try_get("seq")?;
    let hash: String = row.try_get("hash")?;
    Ok(Head {
        seq: count(seq, "number", seq)?,
        hash: hash.parse().map_err(|_| bad(seq, "its `hash` is not a hash"))?,
    })
}

pub(super) async fn version(tx: &mut WriteLock, stream: &Stream) -> Result<Version, sqlx::Error> {
    let query = sqlx::query::<Any>("SELECT MAX(version) AS version FROM fact WHERE stream = $1");
    let row = query.bind(stream.as_str().to_owned()).fetch_one(&mut **tx).await?;
    match row.try_get::<Option<i64>, _>("version")? {
        None => Ok(Version(0)),
        Some(version) => Ok(Version(count(0, "version", version)?)),
    }
}

pub(super) async fn insert(tx: &mut WriteLock, entry: &Entry) -> Result<(), sqlx::Error> {
    let query = sqlx::query::<Any>(
        "INSERT INTO fact (seq, stream, version, at, kind, body, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let query = query.bind(sql(entry.seq)).bind(entry.stream.as_str().to_owned()).bind(sql(entry.version.0));
    let query = query.bind(entry.at.to_string()).bind(entry.kind.clone()).bind(entry.body.clone());
    query.bind(entry.prev.to_string()).bind(entry.hash.to_string()).execute(&mut **tx).await?;
    Ok(())
}

pub(super) async fn streams<'e>(
    db: impl Executor<'e, Database = Any>,
    prefix: &str,
) -> Result<Vec<(Stream, Version)>, sqlx::Error> {
    // `version = 1` written out: that is what the partial index is on. No LIKE: SQLite's ignores case, and
    // names may hold `%` and `_`.
    let query = sqlx::query::<Any>(
        "SELECT first.stream AS stream, \
         (SELECT MAX(every.version) FROM fact AS every WHERE every.stream = first.stream) AS version \
         FROM fact AS first WHERE first.version = 1 AND substr(first.stream, 1, CAST($1 AS INTEGER)) = $2",
    );
    let query = query.bind(i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX)).bind(prefix.to_owned());
    let mut found = Vec::new();
    for row in query.fetch_all(db).await? {
        let version = count(0, "version", row.try_get("version")?)?;
        found.push((Stream::new(row.try_get::<String, _>("stream")?), Version(version)));
    }
    // Sorted here: the order of text is each database's own.
    found.sort();
    Ok(found)
}
