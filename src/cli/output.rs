//! Two readers, two channels: the result on stdout, the rest on stderr.
//!
//! *Invariant.* A result that could not be written is no success: the first failure is remembered, nothing is written
//! after it (what came later would look as if nothing were missing), and [`Output::end`] makes it the exit. A reader
//! that closed its pipe has read what it wanted, and is no failure.

use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::sync::{Arc, OnceLock};

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::exit::{Exit, Failure};
use crate::domain::text::terminal;

/// Tables and paragraphs fit into this many columns.
pub const COLUMNS_MAX: u16 = 100;

/// Where results go, and in which form.
#[derive(Clone, Debug)]
pub struct Output {
    json: bool,
    colour: bool,
    zone: TimeZone,
    /// Why stdout could not be written.
    broken: Arc<OnceLock<String>>,
}

/// Stdout, with its first failure remembered for [`Output::end`].
#[derive(Clone, Debug)]
pub struct Stdout {
    broken: Arc<OnceLock<String>>,
}

impl Stdout {
    fn heed<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &done
            && !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted)
        {
            // A second failure adds nothing to the first.
            self.broken.set(error.to_string()).ok();
        }
        done
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(why) = self.broken.get() {
            return Err(io::Error::other(why.clone()));
        }
        self.heed(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.heed(io::stdout().flush())
    }
}

/// How a piece of text is to look on a terminal. Elsewhere it is plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// The answer.
    Bold,
    /// Proven good.
    Good,
    /// Bad, stale, unknown, unverified.
    Bad,
    /// Less important.
    Dim,
}

impl Output {
    /// Colour only on terminals, and never where `NO_COLOR` is set; times in the system's zone.
    pub fn new(json: bool) -> Self {
        let colour = !json && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour, zone: TimeZone::system(), broken: Arc::default() }
    }

    /// Without colour and in a zone of one's own: for tests.
    #[cfg(test)]
    pub fn plain(json: bool, zone: TimeZone) -> Self {
        Self { json, colour: false, zone, broken: Arc::default() }
    }

    /// Whether looks are drawn: a terminal that wants colours.
    pub fn has_colour(&self) -> bool {
        self.colour
    }

    /// The result is to be JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the result: `value` as JSON, or else `text` as it is. Text from outside must be escaped by
    /// whoever wrote `text`.
    pub fn result(&self, value: &impl Serialize, text: impl FnOnce(&Self) -> String) {
        if self.json {
            // Values of ours always serialise; a failure is shown instead of nothing.
            let json =
                serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
            self.line(&json);
        } else {
            let text = text(self);
            self.line(text.trim_end_matches('\n'));
        }
    }

    /// Prints one line to stdout; that it could not be is [`Output::end`]'s to say.
    pub fn line(&self, line: &str) {
        let mut out = self.stdout();
        writeln!(out, "{line}").and_then(|()| out.flush()).ok();
    }

    /// Stdout for whoever writes more than lines.
    pub fn stdout(&self) -> Stdout {
        Stdout { broken: Arc::clone(&self.broken) }
    }

    /// Takes what came of printing to stdout by other means.
    pub fn printed(&self, done: io::Result<()>) {
        self.stdout().heed(done).ok();
    }

    /// The exit of a command that is over: 1 instead of 0 where its result could not be written, and says so.
    pub fn end(&self, exit: Exit) -> Exit {
        let Some(why) = self.broken.get() else { return exit };
        self.note(&format!(
            "redhandle: the result could not be written to standard output: {why}; what the command did otherwise stays done"
        ));
        match exit {
            Exit::Done => Exit::No,
            Exit::No | Exit::Wrong => exit,
        }
    }

    /// Prints one line to stderr.
    pub fn note(&self, line: &str) {
        writeln!(io::stderr(), "{line}").ok();
    }

    /// Says why it failed, and gives the exit.
    pub fn fail(&self, failure: &Failure) -> Exit {
        if self.json {
            self.result(&serde_json::json!({ "problems": failure.problems }), |_| String::new());
        }
        for problem in &failure.problems {
            self.note(&format!("redhandle: {}", terminal(problem)));
        }
        failure.exit
    }

    /// A text in a look.
    pub fn look(&self, text: &str, look: Look) -> String {
        let code = match look {
            Look::Plain => return text.to_owned(),
            Look::Bold => "1",
            Look::Good => "32",
            Look::Bad => "1;31",
            Look::Dim => "2",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// An instant in the reader's zone and UTC: `2026-11-21 03:12:44 CET (02:12:44 UTC)`.
    pub fn time(&self, at: Timestamp) -> String {
        time_in(at, &self.zone)
    }

    /// The reader's zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// A table that fits; columns are separated by two spaces, and long cells wrap.
    pub fn table(&self, head: &[&str], rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS_MAX);
        table.set_header(head);
        for row in rows {
            table.add_row(row);
        }
        // Looks come after the layout, which would count their escape sequences as columns.
        let text = table.to_string();
        let mut lines: Vec<_> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        if let Some(first) = lines.first_mut() {
            *first = self.look(first, Look::Dim);
        }
        lines.join("\n")
    }
}

/// An instant in a zone and UTC; in UTC alone where that is the zone.
pub fn time_in(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    if local.offset().is_zero() {
        return at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    }
    format!("{} ({})", local.strftime("%Y-%m-%d %H:%M:%S %Z"), at.strftime("%H:%M:%S UTC"))
}
