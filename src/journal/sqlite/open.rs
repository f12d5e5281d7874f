//! Opening the file: what can be said about it beforehand, the connections, and their settings.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection, Executor};

use super::super::JournalError;
use super::fault::{Place, is_busy};
use super::{SqliteJournal, migrate};

/// How long a writer waits for another process's write lock. Our own transactions take milliseconds.
pub(super) const BUSY_MAX: Duration = Duration::from_secs(10);
/// Connections that only read.
const READERS_MAX: u32 = 4;
/// How often the settings of a new connection are tried: two processes that open a new file at the same moment
/// both switch it to WAL, and SQLite answers one of them "busy" without waiting.
const SETTINGS_ATTEMPTS_MAX: u32 = 50;
const SETTINGS_PAUSE: Duration = Duration::from_millis(20);

/// What to do when there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    Create,
    Refuse,
}

pub(super) async fn open(
    path: &Path,
    if_missing: IfMissing,
    busy_max: Duration,
) -> Result<SqliteJournal, JournalError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let place = Arc::new(Place { path });
    prepare(&place, if_missing).await?;
    sqlx::any::install_default_drivers();
    let writer = pool(&place, 1, busy_max).await?;
    let reader = pool(&place, READERS_MAX, busy_max).await?;
    let journal = SqliteJournal { writer, reader, place: Arc::clone(&place) };
    migrate::migrate(&journal, &place).await?;
    Ok(journal)
}

/// Says in plain words what SQLite would say as "unable to open database file", and makes a new file readable
/// by its owner only: facts name people.
async fn prepare(place: &Place, if_missing: IfMissing) -> Result<(), JournalError> {
    let path = &place.path;
    match tokio::fs::metadata(path).await {
        Ok(meta) if meta.is_dir() => Err(place.unavailable("open", "it is a folder", "name a file in it")),
        // SQLite would quietly open it for reading and fail at the first append, in the middle of an incident.
        Ok(meta) if meta.permissions().readonly() => Err(place.unavailable(
            "open",
            "it is read-only",
            "give this user write access to the file and its folder",
        )),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match if_missing {
            IfMissing::Refuse => Err(place.unavailable("open", "there is no such file", "check the path")),
            IfMissing::Create => create(place).await,
        },
        Err(error) => Err(cannot_open(place, error)),
    }
}

async fn create(place: &Place) -> Result<(), JournalError> {
    let folder = place.path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
    if !tokio::fs::try_exists(&folder).await.unwrap_or(false) {
        return Err(place.unavailable("open", "its folder is missing", "make the folder, or check the path"));
    }
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(&place.path).await.map(drop).map_err(|error| cannot_open(place, error))
}

fn cannot_open(place: &Place, error: std::io::Error) -> JournalError {
    JournalError::Unavailable {
        doing: "open",
        place: place.name(),
        why: error.kind().to_string(),
        remedy: "check that the folder is there and this user may write in it",
        source: Some(error.into()),
    }
}

async fn pool(place: &Place, connections_max: u32, busy_max: Duration) -> Result<AnyPool, JournalError> {
    let settings: Arc<str> = Arc::from(format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        busy_max.as_millis()
    ));
    // A pool retries a connection whose settings fail until its time is up, and then says only that: the first
    // one is made without it, so that "not a database" is said as such and at once.
    let url = url(&place.path);
    probe(&url, &settings).await.map_err(|error| place.fault("open", error))?;
    let options = AnyPoolOptions::new()
        .max_connections(connections_max)
        // Those who queue inside this process each wait for a writer that itself may wait.
        .acquire_timeout(busy_max.saturating_mul(2))
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| {
            let settings = Arc::clone(&settings);
            Box::pin(async move { configure(connection, &settings).await })
        })
        // After a full disk or an I/O error SQLite has ended the transaction by itself; the driver's own rollback
        // then fails and it takes the connection to be inside one for ever. Such a connection is not used again.
        .after_release(|connection, _| {
            Box::pin(async move {
                // Waits for a rollback that is still on its way.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        });
    options.connect(&url).await.map_err(|error| place.fault("open", error))
}

async fn probe(url: &str, settings: &str) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    configure(&mut connection, settings).await?;
    connection.close().await
}

async fn configure(connection: &mut AnyConnection, settings: &str) -> Result<(), sqlx::Error> {
    let mut attempt = 1;
    loop {
        // Only numbers of our own were put into this text.
        match connection.execute(sqlx::raw_sql(AssertSqlSafe(settings.to_owned()))).await {
            Err(error) if is_busy(&error) && attempt < SETTINGS_ATTEMPTS_MAX => {
                attempt += 1;
                tokio::time::sleep(SETTINGS_PAUSE).await;
            }
            done => return done.map(|_| ()),
        }
    }
}

/// The path as an URL in which nothing of it can be mistaken for a query, a host or a dot segment.
fn url(path: &Path) -> String {
    let mut url = "sqlite://".to_owned();
    for byte in path.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_') {
            url.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            write!(url, "%{byte:02X}").ok();
        }
    }
    url.push_str("?mode=rw");
    url
}
