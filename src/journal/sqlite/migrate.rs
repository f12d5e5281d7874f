//! Brings the tables of a file up to date: the texts of `migrations/`, in order, each once, all in one
//! transaction.

use sqlx::{Any, Row};

use super::super::JournalError;
use super::fault::Place;
use super::{BEGIN, SqliteJournal};

/// The files of `migrations/`, in order. Append only: a text that was released never changes.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_journal", include_str!("../../../migrations/0001_journal.sql")),
    ("0002_safe_service", include_str!("../../../migrations/0002_safe_service.sql")),
    ("0003_safe_messages", include_str!("../../../migrations/0003_safe_messages.sql")),
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_run_in_order() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        let mut files: Vec<String> =
            folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let run: Vec<String> = MIGRATIONS.iter().map(|(name, _)| format!("{name}.sql")).collect();
        assert_eq!(run, files);
    }

    /// What one database takes and the other does not (see the notes at the top of the texts).
    #[test]
    fn the_texts_keep_to_what_both_databases_take() {
        for (name, text) in MIGRATIONS {
            let sql: String = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
            for word in sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                let word = word.to_ascii_uppercase();
                assert!(
                    ![
                        "BOOLEAN",
                        "BLOB",
                        "BYTEA",
                        "JSON",
                        "JSONB",
                        "INTEGER",
                        "AUTOINCREMENT",
                        "SERIAL",
                        "TRIGGER"
                    ]
                    .contains(&word.as_str()),
                    "{name}: {word}"
                );
            }
        }
    }
}
