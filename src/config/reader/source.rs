//! A file's text, and where in it an offset lies.

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::config::problem::{Findings, Place, Problem};

/// The largest file that is read, in bytes: a configuration is written by people.
pub(crate) const FILE_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file's text.
#[derive(Debug)]
pub(crate) struct Source {
    /// As the reader can open it.
    pub(crate) file: Arc<str>,
    /// All of it.
    pub(crate) text: String,
}

impl Source {
    /// Reads the file; a problem at `asked_by` (or at the file, where nothing named it) when that fails.
    pub(crate) fn read(path: &Path, asked_by: Option<&Place>, findings: &mut Findings) -> Option<Self> {
        let shown = path.display().to_string();
        let whole = Place::file(&shown);
        match read_text(path) {
            Ok(text) => Some(Self { file: shown.into(), text }),
            Err(why) => {
                findings.problem(match asked_by {
                    Some(place) => Problem::new(place, format!("the file {shown} {why}")),
                    None => Problem::new(&whole, why),
                });
                None
            }
        }
    }

    /// The line and column of a byte offset.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        Place::Spot { file: Arc::clone(&self.file), line, column }
    }

    /// The place where `span`, counted from `base`, begins.
    pub(super) fn place_of(&self, span: &Range<usize>, base: usize) -> Place {
        self.place(span.start.saturating_add(base))
    }
}

/// Reads a text file of at most [`FILE_MAX_BYTES`]; says why not as the end of a sentence.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX_BYTES) {
        return Err(format!("is larger than {FILE_MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 text from byte {} on", error.utf8_error().valid_up_to()))
}
