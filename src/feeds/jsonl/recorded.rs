//! A recording: JSON lines from beginning to end, plain or compressed with gzip.
//!
//! Lines are judged exactly as those of a feed are. However long a line or however much a compressed file
//! unfolds to, no more than one line is held.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::lines::Line;
use super::read_line;
use crate::domain::alert::Alert;
use crate::domain::names::FeedName;
use crate::feeds::Rejected;

/// The first bytes of anything compressed with gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The lines of one recording.
pub struct Recording {
    input: Box<dyn BufRead + Send>,
    feed: FeedName,
    number: u64,
    length: Option<u64>,
    read: Arc<AtomicU64>,
}

impl Recording {
    /// Opens a file; `-` is standard input. Its alerts count as authenticated: whoever replays a recording vouches
    /// for it.
    ///
    /// # Errors
    /// When it cannot be opened, or its first bytes cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let (source, length): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path)?;
            let length = file.metadata()?;
            if length.is_dir() {
                return Err(io::Error::other("it is a folder"));
            }
            (Box::new(file), Some(length.len()))
        };
        let mut input = BufReader::new(Counted { source, read: Arc::clone(&read) });
        let is_gzip = input.fill_buf()?.starts_with(&GZIP);
        let input: Box<dyn BufRead + Send> =
            if is_gzip { Box::new(BufReader::new(MultiGzDecoder::new(input))) } else { Box::new(input) };
        Ok(Self { input, feed: FeedName::new("replay"), number: 0, length, read })
    }

    /// How much of the file was read, from 0 to 1; `None` where nobody knows how long it is.
    #[expect(clippy::cast_precision_loss, reason = "a progress bar")]
    pub fn progress(&self) -> Option<f64> {
        let length = self.length.filter(|length| *length > 0)?;
        Some((self.read.load(Ordering::Relaxed) as f64 / length as f64).min(1.0))
    }

    /// The next line that is not blank, with its number; `None` at the end.
    ///
    /// # Errors
    /// When reading or unfolding fails. What follows cannot be read then.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, Result<Alert, Rejected>)>> {
        loop {
            let Some(line) = self.whole_line()? else { return Ok(None) };
            self.number = self.number.saturating_add(1);
            if let Some(item) = read_line(&line, self.number, &self.feed, true) {
                return Ok(Some((self.number, item)));
            }
        }
    }

    fn whole_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line::default();
        while !line.ended {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                break;
            }
            let taken = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
            line.take_in(bytes.get(..taken).unwrap_or(bytes));
            self.input.consume(taken);
        }
        Ok((line.length > 0).then_some(line))
    }
}

/// Counts what is read.
struct Counted {
    source: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read.fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts");
        std::fs::write(&path, bytes).unwrap();
        let mut recording = Recording::open(&path).unwrap();
        let mut found = Vec::new();
        while let Some((line, item)) = recording.next_line().unwrap() {
            found.push((line, item.map(|alert| alert.alert_id).map_err(|rejected| rejected.reason)));
        }
        assert_eq!(recording.progress(), (!bytes.is_empty()).then_some(1.0));
        found
    }

    #[test]
    fn plain_and_compressed_say_the_same() {
        let sample = include_bytes!("../../../tests/fixtures/feeds/sample.jsonl");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let (head, tail) = sample.split_at(700_000);
        gzip.write_all(head).unwrap();
        let mut compressed = gzip.finish().unwrap();
        // Two members, as rotated logs that were joined have.
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(tail).unwrap();
        compressed.extend(gzip.finish().unwrap());
        let plain = read(sample);
        assert_eq!(plain.len(), 1_000);
        assert_eq!(plain.iter().filter(|(_, item)| item.is_err()).count(), 10);
        assert_eq!(read(&compressed), plain);
    }

    #[test]
    fn lines_are_numbered_and_none_stops_the_next() {
        let found = read(b"\nnot json\r\n\n{}");
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
        assert!(found.iter().all(|(_, item)| item.is_err()));
        assert!(read(b"").is_empty());
    }

    #[test]
    fn a_bomb_is_one_long_line_and_not_kept() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            gzip.write_all(&vec![b'x'; 1024 * 1024]).unwrap();
        }
        let found = read(&gzip.finish().unwrap());
        assert_eq!(found.len(), 1);
        assert!(found[0].1.as_ref().unwrap_err().contains("ALERT_BODY_MAX_BYTES"));
    }
}
