//! A file that is read on from where it was left, if it is still the same file.

use std::io::{self, SeekFrom};
use std::path::Path;

use alloy::primitives::B256;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::lines::{Line, LineReader};
use crate::feeds::delivery::Cursor;

/// How many of a file's first bytes tell it from another: alerts begin to differ within them.
const HEAD_BYTES: usize = 1024;

/// The end of the last line that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Place {
    /// In bytes.
    offset: u64,
    /// How many lines are before it.
    pub(super) line: u64,
    /// SHA-256 of the file's first bytes, up to [`HEAD_BYTES`] or `offset`.
    head_hash: B256,
    /// Those bytes, while they are being collected.
    #[serde(skip)]
    head: Vec<u8>,
}

impl Place {
    pub(super) fn cursor(&self) -> Cursor {
        Cursor::of(json!({ "offset": self.offset, "line": self.line, "head_hash": self.head_hash }))
    }

    /// Moves over a line.
    pub(super) fn pass(&mut self, line: &Line) {
        self.offset = self.offset.saturating_add(line.length);
        self.line = self.line.saturating_add(1);
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        if room > 0 {
            let newline = line.ended.then_some(&b'\n');
            self.head.extend(line.kept.iter().chain(newline).take(room));
            self.head_hash = hash(&self.head);
        }
    }

    fn head_length(&self) -> usize {
        usize::try_from(self.offset).unwrap_or(HEAD_BYTES).min(HEAD_BYTES)
    }
}

/// An open file, read up to somewhere.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) lines: LineReader<File>,
    pub(super) place: Place,
    identity: Identity,
}

/// Why a file has to be read from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Shorter,
    Replaced,
}

impl Changed {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Shorter => {
                "the file became shorter than what was read of it; it is read from its start again, and \
                 what was cut before it was read is lost"
            }
            Self::Replaced => "another file has taken this one's place; it is read from its start",
        }
    }
}

/// Opens the file at `place`; from its start, with the reason, when `place` is not a place in this file.
pub(super) async fn open(path: &Path, place: &Place) -> io::Result<(Input, Option<Changed>)> {
    let mut file = File::open(path).await?;
    let about = file.metadata().await?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let identity = Identity::of(&about);
    let mut head = vec![0; place.head_length()];
    let changed = if about.len() < place.offset {
        Some(Changed::Shorter)
    } else {
        file.read_exact(&mut head).await?;
        (place.offset > 0 && hash(&head) != place.head_hash).then_some(Changed::Replaced)
    };
    let place = match changed {
        Some(_) => Place::default(),
        None => Place { head, ..place.clone() },
    };
    file.seek(SeekFrom::Start(place.offset)).await?;
    Ok((Input { lines: LineReader::new(file), place, identity }, changed))
}

/// Whether the path still leads to the file that is open, and all that was read is still there.
pub(super) async fn look_again(path: &Path, input: &Input) -> io::Result<Option<Changed>> {
    let about = tokio::fs::metadata(path).await?;
    if Identity::of(&about) != input.identity {
        return Ok(Some(Changed::Replaced));
    }
    let read = input.place.offset.saturating_add(input.lines.begun());
    Ok((about.len() < read).then_some(Changed::Shorter))
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    #[cfg(unix)]
    fn of(about: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(about.dev(), about.ino())
    }

    /// Elsewhere only a shorter file is noticed while it is followed.
    #[cfg(not(unix))]
    fn of(_about: &std::fs::Metadata) -> Self {
        Self(0, 0)
    }
}

fn hash(bytes: &[u8]) -> B256 {
    B256::new(Sha256::digest(bytes).into())
}
