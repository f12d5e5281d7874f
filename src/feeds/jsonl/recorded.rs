//! A recording: JSON lines from beginning to end, plain or compressed with gzip.
//!
//! Lines are read exactly as those of a feed are, batches included. However long a line or however much a compressed file
//! unfolds to, no more than one line is held, and whoever reads is never held up for long: a file that goes on and on
//! without a line, or without an alert, is given up with a sentence. How much a file of alerts unfolds to is not
//! bounded, because a recording may be as long as it likes: with each line the reader gets on.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::lines::Line;
use super::said::{self, Said};
use crate::domain::alert::Alert;
use crate::domain::names::FeedName;
use crate::feeds::Rejected;

/// The first bytes of anything compressed with gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What is read at once, in bytes: of a pipe, as much as is there.
const BUFFER_BYTES: usize = 256 * 1024;
/// Bytes unfolded without the end of a line that says anything: one endless line, or endless empty ones. An alert may
/// have [`ALERT_BODY_MAX_BYTES`] and a batch [`LINE_MAX_BYTES`]; what is longer is one line that is neither, and this is no
/// recording of alerts. What is
/// not packed is as long as somebody made it: a line of it is passed over up to [`BYTES_WITHOUT_ALERT_MAX`].
///
/// [`ALERT_BODY_MAX_BYTES`]: crate::feeds::forta_wire::ALERT_BODY_MAX_BYTES
/// [`LINE_MAX_BYTES`]: super::LINE_MAX_BYTES
pub const BYTES_WITHOUT_LINE_MAX: u64 = 64 * 1024 * 1024;
/// Bytes without any alert among the lines.
pub const BYTES_WITHOUT_ALERT_MAX: u64 = 1024 * 1024 * 1024;

/// The lines of one recording.
pub struct Recording {
    input: Box<dyn BufRead + Send>,
    feed: FeedName,
    number: u64,
    length: Option<u64>,
    read: Arc<AtomicU64>,
    /// It is no file: what is not there yet is waited for.
    flows: bool,
    /// The end of another line is there.
    at_hand: bool,
    line_bytes: usize,
    /// Of the line that was read last, what is not given yet.
    rest: VecDeque<Result<Alert, Rejected>>,
    /// Which alert of its line was given last, from 1; 0 where the line was no batch.
    place: u64,
    batches_of_none: u64,
    without_line: u64,
    without_line_max: u64,
    bound_name: &'static str,
    without_alert: u64,
    without_alert_max: u64,
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
            let found = file.metadata()?;
            if found.is_dir() {
                return Err(io::Error::other("it is a folder"));
            }
            (Box::new(file), found.is_file().then_some(found.len()))
        };
        let mut input = BufReader::with_capacity(BUFFER_BYTES, Counted { source, read: Arc::clone(&read) });
        let is_gzip = input.fill_buf()?.starts_with(&GZIP);
        let (input, without_line_max, bound_name): (Box<dyn BufRead + Send>, _, _) = if is_gzip {
            let unfolded = BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(input));
            (Box::new(unfolded), BYTES_WITHOUT_LINE_MAX, "BYTES_WITHOUT_LINE_MAX")
        } else {
            (Box::new(input), BYTES_WITHOUT_ALERT_MAX, "BYTES_WITHOUT_ALERT_MAX")
        };
        Ok(Self {
            input,
            feed: FeedName::new("replay"),
            number: 0,
            length,
            read,
            flows: length.is_none(),
            at_hand: false,
            line_bytes: 0,
            rest: VecDeque::new(),
            place: 0,
            batches_of_none: 0,
            without_line: 0,
            without_line_max,
            bound_name,
            without_alert: 0,
            without_alert_max: BYTES_WITHOUT_ALERT_MAX,
        })
    }

    /// Looks whether [`Recording::open`] will find what it wants; reads nothing.
    ///
    /// # Errors
    /// When there is nothing, or nothing that may be read.
    pub fn look(path: &Path) -> io::Result<()> {
        if path == Path::new("-") {
            return Ok(());
        }
        let found = std::fs::metadata(path)?;
        if found.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        // Opening a pipe would take its reader away.
        if found.is_file() { File::open(path).map(drop) } else { Ok(()) }
    }

    /// How much of the file was read, from 0 to 1; `None` where nobody knows how long it is.
    #[expect(clippy::cast_precision_loss, reason = "a progress bar")]
    pub fn progress(&self) -> Option<f64> {
        let length = self.length.filter(|length| *length > 0)?;
        Some((self.read.load(Ordering::Relaxed) as f64 / length as f64).min(1.0))
    }

    /// Whether the next alert can be read without waiting for whoever writes it.
    pub fn is_at_hand(&self) -> bool {
        !self.flows || self.at_hand || !self.rest.is_empty()
    }

    /// The length of what was given last, in bytes; of an alert in a batch, its part of the line's.
    pub fn line_bytes(&self) -> usize {
        self.line_bytes
    }

    /// Which alert of its line was given last, from 1; `None` where the line was no batch.
    pub fn place_in_line(&self) -> Option<u64> {
        (self.place > 0).then_some(self.place)
    }

    /// How many lines so far were batches without alerts: they say something, and give nothing.
    pub fn batches_of_none(&self) -> u64 {
        self.batches_of_none
    }

    /// The next alert, or what is none, with its line's number; `None` at the end. Blank lines and batches without alerts
    /// give nothing.
    ///
    /// # Errors
    /// When reading or unfolding fails, and beyond [`BYTES_WITHOUT_LINE_MAX`] and [`BYTES_WITHOUT_ALERT_MAX`]; says at
    /// which line. What follows cannot be read then.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, Result<Alert, Rejected>)>> {
        if let Some(item) = self.rest.pop_front() {
            self.place = self.place.saturating_add(1);
            return Ok(Some((self.number, item)));
        }
        loop {
            let Some(line) = self.whole_line()? else { return Ok(None) };
            self.number = self.number.saturating_add(1);
            match said::of(&line, self.number, &self.feed, true) {
                Said::Nothing => {}
                Said::One(item) => {
                    self.place = 0;
                    self.line_bytes = line.kept.len();
                    self.passed(&line, item.is_ok())?;
                    return Ok(Some((self.number, item)));
                }
                Said::Several(items) => {
                    self.passed(&line, items.iter().any(Result::is_ok))?;
                    self.line_bytes = line.kept.len().checked_div(items.len()).unwrap_or_default();
                    self.rest = items.into();
                    if let Some(item) = self.rest.pop_front() {
                        self.place = 1;
                        return Ok(Some((self.number, item)));
                    }
                    self.batches_of_none = self.batches_of_none.saturating_add(1);
                }
            }
        }
    }

    /// Counts a line that says something.
    fn passed(&mut self, line: &Line, has_alert: bool) -> io::Result<()> {
        self.without_line = 0;
        self.without_alert = if has_alert { 0 } else { self.without_alert.saturating_add(line.length) };
        if self.without_alert > self.without_alert_max {
            let bound = self.without_alert_max;
            return Err(self.given_up(format!(
                "no alert in more than {bound} bytes (BYTES_WITHOUT_ALERT_MAX); expected alerts, one a line"
            )));
        }
        Ok(())
    }

    fn given_up(&self, why: String) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("after line {}: {why}", self.number))
    }

    fn whole_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line::default();
        while !line.ended {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let told = format!("after line {}: {error}", self.number);
                    return Err(io::Error::new(error.kind(), told));
                }
            };
            if bytes.is_empty() {
                break;
            }
            let taken = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
            line.take_in(bytes.get(..taken).unwrap_or(bytes));
            self.at_hand = self.flows && bytes.get(taken..).is_some_and(|rest| rest.contains(&b'\n'));
            self.input.consume(taken);
            self.without_line = self.without_line.saturating_add(taken as u64);
            if self.without_line > self.without_line_max {
                let (bound, name) = (self.without_line_max, self.bound_name);
                return Err(self.given_up(format!(
                    "more than {bound} bytes ({name}) without the end of a line that says anything; expected \
                     alerts, one a line"
                )));
            }
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

    fn packed(parts: &[(&[u8], usize)]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for (part, times) in parts {
            (0..*times).for_each(|_| gzip.write_all(part).unwrap());
        }
        gzip.finish().unwrap()
    }

    const MIB: usize = 1024 * 1024;

    #[test]
    fn a_long_line_is_not_kept_and_the_next_one_is_read() {
        let found = read(&packed(&[(&vec![b'x'; MIB], 4), (b"\nnot json", 1)]));
        assert_eq!(found.len(), 2);
        assert!(found[0].1.as_ref().unwrap_err().contains("ALERT_BODY_MAX_BYTES"));
    }

    /// What nobody packed cannot be more than it is: one monstrous line costs its own alert and no other.
    #[test]
    fn a_plain_line_of_a_hundred_megabytes_is_one_line_that_is_no_alert() {
        let sample = include_bytes!("../../../tests/fixtures/feeds/sample.jsonl");
        let alert = sample.split_inclusive(|byte| *byte == b'\n').next().unwrap();
        let (folder, part) = (tempfile::tempdir().unwrap(), vec![b'['; MIB]);
        let path = folder.path().join("plain.jsonl");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(alert).unwrap();
        (0..100).for_each(|_| file.write_all(&part).unwrap());
        file.write_all(b"\n").unwrap();
        file.write_all(alert).unwrap();
        let mut recording = Recording::open(&path).unwrap();
        let found: Vec<Result<(), String>> = std::iter::from_fn(|| recording.next_line().unwrap())
            .map(|(_, item)| item.map(|_| ()).map_err(|rejected| rejected.reason))
            .collect();
        assert!(matches!(found.as_slice(), [Ok(()), Err(_), Ok(())]), "{found:?}");
        assert!(found[1].as_ref().unwrap_err().contains("ALERT_BODY_MAX_BYTES"), "{found:?}");
        // What has no end is given up all the same.
        let mut recording = Recording::open(Path::new("/dev/zero")).unwrap();
        recording.without_line_max = 3 << 20;
        let told = recording.next_line().unwrap_err().to_string();
        assert!(told.contains("(BYTES_WITHOUT_ALERT_MAX)"), "{told}");
    }

    /// Gigabytes in a few megabytes would keep whoever reads for minutes: what is read of it is bounded. Its members
    /// are joined, which is legal.
    #[test]
    fn a_bomb_is_given_up_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        for (name, byte, bound) in
            [("one-line.gz", b'x', BYTES_WITHOUT_LINE_MAX), ("no-lines.gz", b'\n', 2 << 20)]
        {
            let mut bomb = packed(&[(b"not json\n", 1)]);
            let members = 3 * usize::try_from(bound).unwrap() / MIB;
            bomb.extend(packed(&[(&vec![byte; MIB], 1)]).repeat(members));
            let path = folder.path().join(name);
            std::fs::write(&path, bomb).unwrap();
            let mut recording = Recording::open(&path).unwrap();
            recording.without_line_max = bound;
            assert!(recording.next_line().unwrap().unwrap().1.is_err());
            let told = recording.next_line().unwrap_err().to_string();
            let line = if byte == b'x' { 1 } else { bound + 1 };
            let wanted = format!("after line {line}: more than {bound} bytes (BYTES_WITHOUT_LINE_MAX)");
            assert!(told.starts_with(&wanted), "{told}");
        }
    }

    #[test]
    fn lines_that_never_are_alerts_are_given_up_too() {
        let (folder, alert) =
            (tempfile::tempdir().unwrap(), include_bytes!("../../../tests/fixtures/feeds/sample.jsonl"));
        let alert = alert.split_inclusive(|byte| *byte == b'\n').next().unwrap();
        let path = folder.path().join("junk.gz");
        std::fs::write(&path, packed(&[(b"junk\n", 400), (alert, 1), (b"junk\n", 1_000)])).unwrap();
        let mut recording = Recording::open(&path).unwrap();
        recording.without_alert_max = 2_500;
        let mut read = 0;
        let told = loop {
            match recording.next_line() {
                Ok(line) => read += usize::from(line.is_some()),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(
            (read, told.starts_with("after line 902: no alert in more than 2500 bytes")),
            (901, true),
            "{told}"
        );
    }

    #[test]
    fn a_file_that_was_cut_says_after_which_line() {
        let sample = include_bytes!("../../../tests/fixtures/feeds/sample.jsonl");
        let whole = packed(&[(sample, 1)]);
        let (folder, half) = (tempfile::tempdir().unwrap(), whole.len() / 2);
        let path = folder.path().join("cut.gz");
        std::fs::write(&path, &whole[..half]).unwrap();
        let mut recording = Recording::open(&path).unwrap();
        let mut last = 0;
        let told = loop {
            match recording.next_line() {
                Ok(line) => last = line.unwrap().0,
                Err(error) => break error.to_string(),
            }
        };
        assert!(last > 100 && told.starts_with(&format!("after line {last}: ")), "{told}");
    }
}
