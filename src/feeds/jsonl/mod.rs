//! Alerts as JSON lines, from a file or from standard input.
//!
//! One line, one alert, or a batch of them as a Forta node's log files have it: then its alerts one by one, in order, all
//! in the same delivery. A line that cannot be read is handed over as rejected with its number, however long
//! it is, and the next one is read. A file's place is the end of the last accepted line, so that a restart
//! goes on there; standard input has no place and is read once.
//!
//! A followed file may grow, be cut or be replaced (logs are rotated): the latter two are handed over as a
//! rejected item that says so, because alerts may have been lost by them. Compressed files are read as
//! recordings only ([`Recording`]).

mod file;
mod lines;
mod recorded;
mod said;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

pub use self::lines::LINE_MAX_BYTES;
pub use self::recorded::{BYTES_WITHOUT_ALERT_MAX, BYTES_WITHOUT_LINE_MAX, Recording};

use self::file::{Changed, Place};
use self::lines::LineReader;
use self::said::Said;
use super::delivery::{Cursor, Delivery, Rejected};
use super::health::SharedHealth;
use super::outbox::{FeedEnd, Outbox, stopped};
use crate::clock::SharedClock;
use crate::domain::alert::Alert;
use crate::domain::names::FeedName;

/// How many alerts make a delivery when nothing else is said; a line is never parted, however many it holds.
pub const JSONL_BATCH_LINES: usize = 200;

/// A batch is handed over at this size, in bytes, however few its lines.
const BATCH_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How long a batch that has lines waits for more, in milliseconds: an alert on a slow pipe must not.
const BATCH_WAIT_MILLISECONDS: u64 = 50;

/// The part's name in the feed's health: there is only one.
const PART: &str = "lines";

/// Where the lines are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonlSource {
    /// Standard input, to its end.
    Stdin,
    /// A file.
    File {
        /// Where it is.
        path: PathBuf,
        /// Go on when it grows, instead of finishing at its end.
        follow: bool,
    },
}

impl JsonlSource {
    /// `-` is standard input, as on any command line.
    pub fn named(name: &str, follow: bool) -> Self {
        match name {
            "-" => Self::Stdin,
            path => Self::File { path: path.into(), follow },
        }
    }
}

/// What to read and how.
#[derive(Clone, Debug)]
pub struct JsonlSettings {
    /// The feed's name.
    pub name: FeedName,
    /// Where the lines are.
    pub source: JsonlSource,
    /// Whether whoever writes the lines is who they are taken for.
    pub authenticated: bool,
    /// At how many alerts a delivery is handed over; see [`JSONL_BATCH_LINES`].
    pub batch_lines: usize,
    /// How often to look whether a followed file has grown.
    pub poll: Duration,
}

/// Why lines could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JsonlError {
    /// The file cannot be opened.
    #[error("could not open {path} of feed {feed}")]
    Open {
        /// The feed.
        feed: FeedName,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading failed on the way.
    #[error("could not read on in feed {feed}")]
    Read {
        /// The feed.
        feed: FeedName,
        /// Why.
        source: io::Error,
    },
    /// The stored place is not one of ours.
    #[error("feed {feed} cannot read the place where it stopped")]
    Place {
        /// The feed.
        feed: FeedName,
        /// Why.
        source: serde_json::Error,
    },
}

/// Why reading stopped before the end.
enum Broken {
    Io(io::Error),
    End(FeedEnd),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads alerts from lines.
#[derive(Debug)]
pub struct JsonlFeed {
    settings: JsonlSettings,
    clock: SharedClock,
}

impl JsonlFeed {
    /// Prepares a feed; nothing is opened yet.
    pub fn new(settings: JsonlSettings, clock: SharedClock) -> Self {
        Self { settings, clock }
    }

    /// Reads to the end, or for ever when the file is followed. `resume` is the cursor stored last.
    ///
    /// # Errors
    /// When the file cannot be opened or read; when followed, that shows in `health` and is tried again.
    /// When `resume` cannot be read.
    pub async fn run(
        self,
        resume: Option<Cursor>,
        deliveries: mpsc::Sender<Delivery>,
        mut stop: watch::Receiver<bool>,
        health: SharedHealth,
    ) -> Result<FeedEnd, JsonlError> {
        let feed = self.settings.name.clone();
        let place = match resume {
            Some(cursor) => {
                cursor.read().map_err(|source| JsonlError::Place { feed: feed.clone(), source })?
            }
            None => Place::default(),
        };
        health.expect(PART);
        let mut outbox = Outbox { feed: feed.clone(), deliveries, stop: stop.clone(), health };
        let work = async {
            match &self.settings.source {
                JsonlSource::Stdin => self.read_stdin(&mut outbox).await,
                JsonlSource::File { path, follow: false } => self.read_once(path, place, &mut outbox).await,
                JsonlSource::File { path, follow: true } => self.follow(path, place, &mut outbox).await,
            }
        };
        // Leaving half-way is safe: what was not accepted is read again.
        tokio::select! {
            () = stopped(&mut stop) => Ok(FeedEnd::Stopped),
            ended = work => ended,
        }
    }

    async fn read_stdin(&self, outbox: &mut Outbox) -> Result<FeedEnd, JsonlError> {
        let mut lines = LineReader::new(stdin().map_err(|source| self.unreadable(source))?);
        let mut place = Place::default();
        let read = self.drain(&mut lines, &mut place, false, true, outbox).await;
        self.finished(read, outbox)
    }

    async fn read_once(&self, path: &Path, place: Place, outbox: &mut Outbox) -> Result<FeedEnd, JsonlError> {
        let opened = file::open(path, &place).await;
        let (mut input, changed) = opened.map_err(|source| JsonlError::Open {
            feed: self.settings.name.clone(),
            path: path.to_owned(),
            source,
        })?;
        let read = async {
            self.report(changed, &input.place, outbox).await.map_err(Broken::End)?;
            self.drain(&mut input.lines, &mut input.place, true, true, outbox).await
        };
        let read = read.await;
        self.finished(read, outbox)
    }

    fn finished(&self, read: Result<(), Broken>, outbox: &Outbox) -> Result<FeedEnd, JsonlError> {
        match read {
            Ok(()) => {
                outbox.health.ok(PART, self.clock.now());
                Ok(FeedEnd::Finished)
            }
            Err(Broken::End(end)) => Ok(end),
            Err(Broken::Io(source)) => Err(self.unreadable(source)),
        }
    }

    fn unreadable(&self, source: io::Error) -> JsonlError {
        JsonlError::Read { feed: self.settings.name.clone(), source }
    }

    /// Reads on for ever; whatever fails is shown and tried again.
    async fn follow(
        &self,
        path: &Path,
        mut place: Place,
        outbox: &mut Outbox,
    ) -> Result<FeedEnd, JsonlError> {
        loop {
            match self.follow_one(path, &mut place, outbox).await {
                Ok(()) => {}
                Err(Broken::End(end)) => return Ok(end),
                Err(Broken::Io(error)) => {
                    outbox.health.failed(PART, format!("could not read {}: {error}", path.display()));
                    if let Err(end) = outbox.pause(self.settings.poll).await {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// Follows one file until another has to be opened.
    async fn follow_one(&self, path: &Path, place: &mut Place, outbox: &mut Outbox) -> Result<(), Broken> {
        let (mut input, changed) = file::open(path, place).await?;
        self.report(changed, &input.place, outbox).await.map_err(Broken::End)?;
        place.clone_from(&input.place);
        loop {
            let read = self.drain(&mut input.lines, &mut input.place, true, false, outbox).await;
            place.clone_from(&input.place);
            read?;
            let changed = file::look_again(path, &input).await?;
            if changed.is_some() {
                // What was written to the old file before it was put away, unended last line included.
                self.drain(&mut input.lines, &mut input.place, true, true, outbox).await?;
                *place = Place::default();
                return self.report(changed, place, outbox).await.map_err(Broken::End);
            }
            outbox.health.ok(PART, self.clock.now());
            outbox.pause(self.settings.poll).await.map_err(Broken::End)?;
        }
    }

    /// Says that a file is no longer what it was: as an item, so that it is stored and seen.
    async fn report(
        &self,
        changed: Option<Changed>,
        place: &Place,
        outbox: &mut Outbox,
    ) -> Result<(), FeedEnd> {
        let Some(changed) = changed else { return Ok(()) };
        let notice = vec![Err(Rejected::new(None, changed.reason(), b""))];
        outbox.hand_over(PART, notice, Some(place.cursor())).await
    }

    /// Hands over everything up to the present end; with `finish`, a last line without newline too.
    async fn drain(
        &self,
        lines: &mut LineReader<tokio::fs::File>,
        place: &mut Place,
        has_place: bool,
        finish: bool,
        outbox: &mut Outbox,
    ) -> Result<(), Broken> {
        loop {
            let batch = self.batch(lines, place, finish).await?;
            if batch.place != *place {
                let cursor = has_place.then(|| batch.place.cursor());
                outbox.hand_over(PART, batch.items, cursor).await.map_err(Broken::End)?;
                *place = batch.place;
            }
            if batch.at_end {
                return Ok(());
            }
        }
    }

    async fn batch(
        &self,
        lines: &mut LineReader<tokio::fs::File>,
        place: &Place,
        finish: bool,
    ) -> io::Result<Batch> {
        let mut batch = Batch { items: Vec::new(), place: place.clone(), at_end: false };
        let mut bytes = 0_u64;
        while batch.items.len() < self.settings.batch_lines.max(1) && bytes < BATCH_BYTES_MAX {
            let wait = Duration::from_millis(BATCH_WAIT_MILLISECONDS);
            let next = match tokio::time::timeout(wait, lines.next()).await {
                Ok(next) => next?,
                Err(_still_waiting) if batch.items.is_empty() => continue,
                Err(_still_waiting) => break,
            };
            batch.at_end = next.is_none();
            let Some(line) = next.or_else(|| if finish { lines.rest() } else { None }) else { break };
            batch.place.pass(&line);
            bytes = bytes.saturating_add(line.length);
            match said::of(&line, batch.place.line, &self.settings.name, self.settings.authenticated) {
                Said::Nothing => {}
                Said::One(item) => batch.items.push(item),
                Said::Several(items) => batch.items.extend(items),
            }
        }
        Ok(batch)
    }
}

/// What is handed over together.
struct Batch {
    items: Vec<Result<Alert, Rejected>>,
    place: Place,
    at_end: bool,
}

/// Standard input as a file of its own, so that closing it does not close the process's.
#[cfg(unix)]
fn stdin() -> io::Result<tokio::fs::File> {
    use std::os::fd::AsFd as _;
    let own = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(tokio::fs::File::from_std(own.into()))
}

/// Standard input as a file of its own, so that closing it does not close the process's.
#[cfg(windows)]
fn stdin() -> io::Result<tokio::fs::File> {
    use std::os::windows::io::AsHandle as _;
    let own = io::stdin().as_handle().try_clone_to_owned()?;
    Ok(tokio::fs::File::from_std(own.into()))
}
