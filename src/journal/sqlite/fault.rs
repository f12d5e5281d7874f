//! SQLite's errors sorted into `Unavailable` and `Corrupt`, each with what a person can do.
//!
//! Codes: <https://www.sqlite.org/rescode.html>; the low byte is the primary code.

use std::path::PathBuf;

use super::super::JournalError;
use super::rows::BadRow;

/// Which file, for messages.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
}

impl Place {
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn corrupt(&self, seq: Option<u64>, what: impl Into<String>) -> JournalError {
        JournalError::Corrupt { place: self.name(), seq, what: what.into(), source: None }
    }

    pub(super) fn unavailable(
        &self,
        doing: &'static str,
        why: impl Into<String>,
        remedy: &'static str,
    ) -> JournalError {
        JournalError::Unavailable { doing, place: self.name(), why: why.into(), remedy, source: None }
    }

    /// Sorts an error of the driver.
    pub(super) fn fault(&self, doing: &'static str, error: sqlx::Error) -> JournalError {
        let (why, remedy) = match self.judge(&error) {
            Judged::Corrupt { seq, what } => {
                return JournalError::Corrupt { place: self.name(), seq, what, source: Some(error.into()) };
            }
            Judged::Unavailable { why, remedy } => (why.to_owned(), remedy),
        };
        JournalError::Unavailable { doing, place: self.name(), why, remedy, source: Some(error.into()) }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is sqlx's and grows")]
    fn judge(&self, error: &sqlx::Error) -> Judged {
        let corrupt = |what: &str| Judged::Corrupt { seq: None, what: what.to_owned() };
        let unavailable = |why, remedy| Judged::Unavailable { why, remedy };
        match error {
            sqlx::Error::Decode(cause) => match cause.downcast_ref::<BadRow>() {
                Some(row) => Judged::Corrupt { seq: Some(row.seq), what: row.what.clone() },
                None => corrupt("a row does not hold what its table should"),
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::RowNotFound => {
                corrupt("a row does not hold what its table should")
            }
            sqlx::Error::PoolTimedOut => unavailable(
                "too many writers were waiting",
                "look for what keeps writing or holds the file locked",
            ),
            sqlx::Error::PoolClosed => unavailable("it was closed", "start the program again"),
            sqlx::Error::Database(answer) => match primary_code(answer.code().as_deref()) {
                Some(5 | 6) => unavailable(
                    "another process kept it locked",
                    "find out who holds the file open (lsof) and try again",
                ),
                Some(8) => {
                    unavailable("it is read-only", "give this user write access to the file and its folder")
                }
                Some(10) => {
                    unavailable("the disk did not do its work", "look at the disk and the system's log")
                }
                Some(13) => unavailable("the disk is full", "free some space; nothing needs to be restarted"),
                Some(3 | 14 | 23) => unavailable(
                    "it could not be opened",
                    "check that the folder is there and this user may write in it",
                ),
                Some(11) => corrupt("the file is damaged; keep a copy of it, and restore the newest backup"),
                Some(19) => corrupt("a fact of that number is already there; run `redhandle journal verify`"),
                Some(26) => corrupt("the file is not an SQLite database; check the path"),
                Some(1) => corrupt("its tables are not those of a journal; check the path"),
                Some(_) | None => unavailable("the database refused", "see the cause"),
            },
            _ => unavailable("the database did not answer", "see the cause"),
        }
    }
}

enum Judged {
    Unavailable { why: &'static str, remedy: &'static str },
    Corrupt { seq: Option<u64>, what: String },
}

/// Whether SQLite said that somebody else holds a lock.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|answer| primary_code(answer.code().as_deref()));
    matches!(code, Some(5 | 6))
}

fn primary_code(code: Option<&str>) -> Option<i32> {
    code?.parse::<i32>().ok().map(|code| code & 0xff)
}
