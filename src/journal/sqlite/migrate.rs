//! Brings the tables of a file up to date: the texts of `migrations/`, in order, each once, all in one
//! transaction.

use sqlx::{Any, Row};

use super::super::JournalError;
use super::fault::Place;
use super::{BEGIN, SqliteJournal};

/// The files of `migrations/`, in order. Append only: a text that was released never changes.
const MIGRATIONS: &[(&str, &str)] = &[("0001_journal", include_str!("../../../migrations/0001_journal.sql"))];

/// Runs what has not run yet.
pub(super) async fn migrate(journal: &SqliteJournal, place: &Place) -> Result<(), JournalError> {
    let unknown = run(journal).await.map_err(|error| place.fault("set up", error))?;
    match unknown {
        None => Ok(()),
        Some(name) => {
            let what =
                format!("it was made by a newer version of this program (it has `{name}`); use that version");
            Err(place.corrupt(None, what))
        }
    }
}

/// Answers the name of a migration that this program does not know, having changed nothing then.
async fn run(journal: &SqliteJournal) -> Result<Option<String>, sqlx::Error> {
    let mut tx = journal.writer.begin_with(BEGIN).await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS migration (name TEXT NOT NULL PRIMARY KEY)")
        .execute(&mut *tx)
        .await?;
    let rows = sqlx::query::<Any>("SELECT name FROM migration").fetch_all(&mut *tx).await?;
    let done: Vec<String> = rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
    if let Some(unknown) = done.iter().find(|done| !MIGRATIONS.iter().any(|(name, _)| name == done)) {
        return Ok(Some(unknown.clone()));
    }
    for (name, text) in MIGRATIONS.iter().filter(|(name, _)| !done.iter().any(|done| done == name)) {
        sqlx::raw_sql(*text).execute(&mut *tx).await?;
        sqlx::query::<Any>("INSERT INTO migration (name) VALUES ($1)").bind(*name).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(None)
}
