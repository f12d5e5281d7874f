//! `redhandle replay`: what would have fired, when and why, over recorded alerts.
//!
//! `--json` prints one object a line for each firing as it is found, and the summary last. People get a
//! table at the end, and a progress bar on stderr where it takes longer than a second.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Look, Output};
use super::{Context, open};
use crate::agent::replay::{Firing, Replay, Story, Summary};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::condition::Canonicity;
use crate::domain::text::terminal;
use crate::feeds::jsonl::Recording;

/// How wide the progress bar is, in columns.
const BAR_COLUMNS: usize = 40;
/// How many lines are read between two looks at the clock.
const LINES_A_LOOK: u64 = 256;
/// How many malformed lines people are told of one by one.
const MALFORMED_SHOWN_MAX: usize = 20;

/// Replay recorded alerts.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON lines in the order of delivery, one alert each, plain or gzip; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Runbooks to try in the place of those that are configured: a folder or a file.
    #[arg(long, value_name = "DIR")]
    runbooks: Option<PathBuf>,
    /// Tell what became of one alert instead.
    #[arg(long, value_name = "HASH")]
    why: Option<String>,
}

/// Replays, and tells.
pub async fn replay(context: &Context, args: Args) -> Result<Exit, Failure> {
    let out = &context.out;
    let config = open::config_with(&context.config, args.runbooks.as_deref(), out)?;
    let mut replay = Replay::new(&config, args.why.as_deref())?;
    let mut progress = Progress::new(out);
    let mut firings = Vec::new();
    for path in &args.files {
        let mut recording = Recording::open(path).map_err(|error| unreadable(path, &error))?;
        while let Some((line, item)) = recording.next_line().map_err(|error| unreadable(path, &error))? {
            for firing in replay.take(line, item).await {
                match (out.is_json(), args.why.is_some()) {
                    (_, true) => {}
                    (true, false) => out.result(&firing, |_| String::new()),
                    (false, false) => firings.push(firing),
                }
            }
            progress.passed(path, recording.progress());
        }
    }
    for firing in replay.settle_all().await {
        match (out.is_json(), args.why.is_some()) {
            (_, true) => {}
            (true, false) => out.result(&firing, |_| String::new()),
            (false, false) => firings.push(firing),
        }
    }
    progress.done();
    let (summary, story) = replay.finish();
    match story {
        Some(story) => {
            out.result(&story, |out| story_text(&story, out));
            Ok(if story.arrivals.is_empty() { Exit::Wrong } else { Exit::Done })
        }
        None => {
            out.result(&json!({ "summary": summary }), |out| text(&firings, &summary, out));
            Ok(Exit::Done)
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::wrong(format!("{} cannot be read: {error}", path.display()))
}

fn text(firings: &[Firing], summary: &Summary, out: &Output) -> String {
    let mut text = String::new();
    if !firings.is_empty() {
        let rows = firings.iter().map(|firing| {
            let response = match firing.downgraded {
                Some(downgrade) => format!("{} ({downgrade})", firing.response),
                None => firing.response.to_string(),
            };
            let at = firing.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
            vec![at, firing.condition.to_string(), response, terminal(&firing.because).to_string()]
        });
        text.push_str(&out.table(&["WHEN", "CONDITION", "RESPONSE", "BECAUSE"], rows.collect()));
        text.push_str("\n\n");
    }
    let Summary { lines, alerts, duplicates, malformed, fired, downgraded, .. } = summary;
    let headline = format!("{fired} firing(s), {downgraded} of them lowered to a page");
    text.push_str(&out.look(&headline, Look::Bold));
    text.push_str(&format!(
        "\n{lines} lines: {alerts} alerts ({duplicates} repeated), {malformed} that are no alerts\n"
    ));
    text.push_str(&format!(
        "Discarded: {} on no chain, {} retracted, {} too old. Blocks nobody could tell: {}.\n",
        summary.orphaned, summary.retracted, summary.late, summary.unknown_blocks
    ));
    for (chain, problem) in &summary.failing_chains {
        text.push_str(&format!("Chain {chain} did not answer: {}\n", terminal(problem)));
    }
    let silent: Vec<&str> = summary
        .conditions
        .iter()
        .filter(|(_, fired)| **fired == 0)
        .map(|(condition, _)| condition.as_str())
        .collect();
    if !silent.is_empty() {
        text.push_str(&format!("Never fired: {}\n", silent.join(", ")));
    }
    for withdrawn in &summary.withdrawn {
        text.push_str(&format!(
            "Taken back after {} fired on {}: {} alert(s), {}\n",
            withdrawn.condition,
            withdrawn.contract,
            withdrawn.alerts.len(),
            terminal(&withdrawn.because)
        ));
    }
    for malformed in summary.malformed_lines.iter().take(MALFORMED_SHOWN_MAX) {
        text.push_str(&format!("Line {}: {}\n", malformed.line, terminal(&malformed.reason)));
    }
    text
}

fn story_text(story: &Story, out: &Output) -> String {
    if story.arrivals.is_empty() {
        return format!("No alert {} is in what was read.", terminal(&story.hash));
    }
    let mut text = String::new();
    for arrival in &story.arrivals {
        let block = match arrival.block {
            Some(Canonicity::Canonical) => "; its block is on the chain",
            Some(Canonicity::Orphaned) => "; its block is not on the chain",
            Some(Canonicity::Unknown) => "; nobody could say whether its block is on the chain",
            None => "",
        };
        let at = arrival.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        text.push_str(&out.look(&format!("Line {}, about {at}{block}", arrival.line), Look::Bold));
        text.push('\n');
        if arrival.repeated {
            text.push_str("  a repetition: it changed nothing\n");
            continue;
        }
        for condition in &arrival.conditions {
            for told in &condition.told {
                text.push_str(&format!("  {}: {}\n", condition.condition, terminal(told)));
            }
        }
    }
    for firing in &story.firings {
        text.push_str(&format!("It took part: {}: {}\n", firing.condition, terminal(&firing.because)));
    }
    if story.firings.is_empty() {
        text.push_str("It took part in no firing.\n");
    }
    for withdrawn in &story.withdrawn {
        text.push_str(&format!("It was taken back from {}: {}\n", withdrawn.condition, withdrawn.because));
    }
    text
}

/// A bar on stderr, for people who wait longer than a second.
struct Progress {
    begun_ms: Option<i64>,
    told_ms: i64,
    lines: u64,
    shown: bool,
}

impl Progress {
    fn new(out: &Output) -> Self {
        let wanted = !out.is_json() && std::io::stderr().is_terminal();
        let now = SystemClock.now().as_millisecond();
        Self { begun_ms: wanted.then_some(now), told_ms: now, lines: 0, shown: false }
    }

    fn passed(&mut self, path: &Path, part: Option<f64>) {
        self.lines = self.lines.saturating_add(1);
        let Some(begun) = self.begun_ms.filter(|_| self.lines.is_multiple_of(LINES_A_LOOK)) else { return };
        let now = SystemClock.now().as_millisecond();
        if now.saturating_sub(begun) < 1_000 || now.saturating_sub(self.told_ms) < 100 {
            return;
        }
        (self.told_ms, self.shown) = (now, true);
        let bar = part.map_or_else(String::new, |part| {
            let full = (0..BAR_COLUMNS).take_while(|column| bar_part(*column) < part).count();
            format!("[{}{}] ", "#".repeat(full), " ".repeat(BAR_COLUMNS.saturating_sub(full)))
        });
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let line = format!("\r{bar}{} lines, {}", self.lines, terminal(&file));
        write!(std::io::stderr(), "{line}").ok();
    }

    fn done(&self) {
        if self.shown {
            write!(std::io::stderr(), "\r\u{1b}[2K").ok();
        }
    }
}

/// Where a column of the bar begins, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a bar of few columns")]
fn bar_part(column: usize) -> f64 {
    column as f64 / BAR_COLUMNS as f64
}
