//! Lines of any input, none of them kept longer than allowed.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use crate::feeds::forta_wire::ALERT_BODY_MAX_BYTES;

/// The longest line, in bytes: a Forta node's batch of a thousand alerts of the recorded size (2.3 kB) is a third of it.
/// A line that is one alert may have [`ALERT_BODY_MAX_BYTES`].
pub const LINE_MAX_BYTES: usize = 8 * ALERT_BODY_MAX_BYTES;

/// A line, or as much of it as is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Its bytes without the newline: at most one more than [`LINE_MAX_BYTES`].
    pub(super) kept: Vec<u8>,
    /// Its length in bytes, newline included.
    pub(super) length: u64,
    /// False for a last line that has no newline.
    pub(super) ended: bool,
}

impl Line {
    /// Longer than any line may be.
    pub(super) fn is_too_long(&self) -> bool {
        self.kept.len() > LINE_MAX_BYTES
    }

    /// Longer than an alert may be: if anything, a batch.
    pub(super) fn is_no_single_alert(&self) -> bool {
        self.kept.len() > ALERT_BODY_MAX_BYTES
    }

    /// Its bytes without the line's end, either kind.
    pub(super) fn text(&self) -> &[u8] {
        self.kept.strip_suffix(b"\r").unwrap_or(&self.kept)
    }

    pub(super) fn take_in(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        let (text, ended) = bytes.strip_suffix(b"\n").map_or((bytes, false), |text| (text, true));
        let room = (LINE_MAX_BYTES + 1).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(text.get(..room).unwrap_or(text));
        self.ended = ended;
    }
}

/// Reads lines. Giving up on [`LineReader::next`] half-way loses nothing.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    input: BufReader<R>,
    begun: Line,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::new(input), begun: Line::default() }
    }

    /// The next line that has ended; `None` when there is none at present.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let bytes = self.input.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let taken = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
            self.begun.take_in(bytes.get(..taken).unwrap_or(bytes));
            self.input.consume(taken);
            if self.begun.ended {
                return Ok(Some(std::mem::take(&mut self.begun)));
            }
        }
    }

    /// What stands after the last newline.
    pub(super) fn rest(&mut self) -> Option<Line> {
        (self.begun.length > 0).then(|| std::mem::take(&mut self.begun))
    }

    /// How many bytes of a line that has not ended were read.
    pub(super) fn begun(&self) -> u64 {
        self.begun.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_over_long_line_is_measured_but_not_kept() {
        let mut input = vec![b'x'; LINE_MAX_BYTES + 5_000];
        input.extend_from_slice(b"\nab\r\n\nrest");
        let mut lines = LineReader::new(input.as_slice());

        let long = lines.next().await.unwrap().unwrap();
        assert!(long.is_too_long());
        assert_eq!((long.kept.len(), long.length), (LINE_MAX_BYTES + 1, 8_393_609));
        let short = lines.next().await.unwrap().unwrap();
        assert_eq!((short.text(), short.length, short.is_too_long()), (b"ab".as_slice(), 4, false));
        assert_eq!(lines.next().await.unwrap().unwrap().text(), b"");
        assert_eq!(lines.next().await.unwrap(), None);
        assert_eq!(lines.begun(), 4);
        assert_eq!(lines.rest().unwrap().text(), b"rest");
        assert_eq!(lines.rest(), None);
    }
}
