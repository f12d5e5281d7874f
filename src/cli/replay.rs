//! `redhandle replay`: what would have fired, when and why, over recorded alerts.
//!
//! `--json` prints one object a line for each firing as it is found, and the summary last. People get a
//! table at the end, and a progress bar on stderr where it takes longer than a second.

mod story;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Look, Output};
use super::{Context, open};
use crate::agent::replay::{Firing, Place, Replay, Story, Summary, UNKNOWN_BLOCKS_MAX};
use crate::agent::silences::SilenceBook;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Reach;
use crate::domain::condition::TRAILS_MAX;
use crate::domain::silence::Silences;
use crate::domain::text::terminal;
use crate::feeds::jsonl::Recording;
use crate::journal::SqliteJournal;

/// How wide the progress bar is, in columns.
const BAR_COLUMNS: usize = 40;
/// How many lines are read between two looks at the clock.
const LINES_A_LOOK: u64 = 256;
/// How many malformed lines people are told of one by one.
const MALFORMED_SHOWN_MAX: usize = 20;
/// How many withdrawals people are told of one by one.
const WITHDRAWN_SHOWN_MAX: usize = 20;
/// How many conditions people are told of that discarded alerts.
const DISCARDED_SHOWN_MAX: usize = 20;

/// Replay recorded alerts.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON lines in the order of delivery, an alert or a batch of them each, plain or gzip; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Runbooks to try in the place of those that are configured: a folder or a file.
    #[arg(long, value_name = "DIR")]
    runbooks: Option<PathBuf>,
    /// Tell what became of one alert instead: its hash, or as much of it as only this alert has (6 digits or more; the
    /// form with … that tables print).
    #[arg(long, value_name = "HASH")]
    why: Option<String>,
    /// Hold back what the journal's silences held back, each while it held.
    #[arg(long)]
    silences: bool,
}

/// Replays, and tells.
pub async fn replay(context: &Context, args: Args) -> Result<Exit, Failure> {
    let out = &context.out;
    let config = open::config_with(&context.config, args.runbooks.as_deref(), Reach::Chain, out)?;
    // What is not there at all is said before anything is told.
    for path in &args.files {
        Recording::look(path).map_err(|error| Failure::wrong(unreadable(path, &error)))?;
    }
    let mut replay = Replay::new(&config, args.why.as_deref())?;
    if args.silences {
        replay = replay.heeding(silences(&config.settings.journal).await?);
    }
    let mut progress = Progress::new(out);
    let mut told = Told { out, why: args.why.is_some(), kept: Vec::new() };
    let mut stopped = None;
    for path in args.files.iter() {
        if args.files.len() > 1 {
            replay.enter(path.display().to_string());
        }
        if let Err(error) = read(path, &mut replay, &mut progress, &mut told).await {
            stopped = Some(unreadable(path, &error));
            break;
        }
    }
    told.tell(replay.settle_all().await);
    progress.done();
    let firings = told.kept;
    stopped.iter().for_each(|why| replay.stopped(why));
    let (summary, story) = replay.finish();
    let exit = match story {
        Some(story) if !story.others.is_empty() => return Err(not_unique(&story, stopped)),
        Some(story) => {
            out.result(&story, |out| story::text(&story, out));
            if story.arrivals.is_empty() { Exit::Wrong } else { Exit::Done }
        }
        None => {
            out.result(&json!({ "summary": summary }), |out| text(&firings, &summary, out));
            Exit::Done
        }
    };
    // The summary stays the last line, and says so too.
    Ok(stopped.map_or(exit, |stopped| {
        out.note(&stopped);
        Exit::Wrong
    }))
}

/// The silences of a journal that is there: replaying makes none.
async fn silences(path: &Path) -> Result<Silences, Failure> {
    if !path.exists() {
        let told =
            format!("there is no journal at {}, and so no silences: leave --silences out", path.display());
        return Err(Failure::wrong(told));
    }
    let book = SilenceBook::new(Arc::new(SqliteJournal::open(path).await?));
    book.sync().await?;
    Ok(book.look(Silences::clone))
}

/// Firings on their way out: one by one for scripts, together at the end for people, and not at all where one
/// alert's story is wanted.
struct Told<'o> {
    out: &'o Output,
    why: bool,
    kept: Vec<Firing>,
}

impl Told<'_> {
    fn tell(&mut self, firings: Vec<Firing>) {
        for firing in firings {
            match (self.out.is_json(), self.why) {
                (_, true) => {}
                (true, false) => self.out.result(&firing, |_| String::new()),
                (false, false) => self.kept.push(firing),
            }
        }
    }
}

/// Replays one file. Lines are read ahead of the one that is judged, as far as nobody is waited for; what was read
/// before a failure is judged all the same.
async fn read(
    path: &Path,
    replay: &mut Replay,
    progress: &mut Progress,
    told: &mut Told<'_>,
) -> std::io::Result<()> {
    let mut recording = Recording::open(path)?;
    let mut ended = None;
    loop {
        while ended.is_none() && replay.has_room() && (replay.is_idle() || recording.is_at_hand()) {
            match recording.next_line() {
                Ok(Some((line, item))) => {
                    let place = Place { line, alert: recording.place_in_line() };
                    replay.foresee(place, recording.line_bytes(), item);
                }
                Ok(None) => ended = Some(Ok(())),
                Err(error) => ended = Some(Err(error)),
            }
        }
        let Some(firings) = replay.judge_next().await else {
            replay.pass(recording.batches_of_none());
            return ended.unwrap_or(Ok(()));
        };
        told.tell(firings);
        progress.passed(path, recording.progress());
    }
}

/// Several alerts are named so: which is meant only who asks can say.
fn not_unique(story: &Story, stopped: Option<String>) -> Failure {
    let known = story.others.len().saturating_add(1);
    let many = if story.others_beyond { format!("more than {known}") } else { known.to_string() };
    let mut problems =
        vec![format!("--why: {many} alerts are named so; give more digits of the one that is meant:")];
    problems.push(story.hash.clone());
    problems.extend(story.others.iter().map(ToString::to_string));
    problems.extend(stopped);
    Failure { exit: Exit::No, problems }
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
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
    if let Some(stopped) = &summary.stopped {
        text.push_str(&out.look(&format!("Not read to the end: {}", terminal(stopped)), Look::Bad));
        text.push('\n');
    }
    let Summary { lines, alerts, duplicates, malformed, fired, downgraded, .. } = summary;
    let newer = match summary.reincluded {
        0 => String::new(),
        some => format!(", {some} of them with a newer block"),
    };
    let none = match summary.batches_of_none {
        0 => String::new(),
        some => format!(", {some} batches without any"),
    };
    let headline = format!("{fired} firing(s), {downgraded} of them lowered to a page");
    text.push_str(&out.look(&headline, Look::Bold));
    text.push_str(&format!(
        "\n{lines} lines: {alerts} alerts ({duplicates} repeated{newer}), {malformed} that are no alerts{none}\n"
    ));
    text.push_str(&format!(
        "Alerts discarded: {} on no chain, {} retracted, {} too old. Blocks nobody could tell: {}.\n",
        summary.orphaned, summary.retracted, summary.late, summary.unknown_blocks
    ));
    for (condition, discarded) in summary.discarded.iter().take(DISCARDED_SHOWN_MAX) {
        text.push_str(&format!("  by {condition}: {discarded}\n"));
    }
    more(
        &mut text,
        summary.discarded.len(),
        DISCARDED_SHOWN_MAX,
        "  and by {} more conditions; --json names all",
    );
    if summary.trails_dropped > 0 {
        let (dropped, cut_short) = (summary.trails_dropped, summary.trails_cut_short);
        let lost = match cut_short {
            0 => "all out of time but for steps that are delivered late.".to_owned(),
            some => format!("{some} of them before their next step was out of time: firings may be missing."),
        };
        let told =
            format!("{dropped} trail(s) of sequences had to make room (TRAILS_MAX, {TRAILS_MAX}), {lost}");
        text.push_str(&out.look(&told, if cut_short > 0 { Look::Bad } else { Look::Plain }));
        text.push('\n');
    }
    if summary.unknown_blocks_beyond > 0 {
        text.push_str(&format!(
            "Of no more than {UNKNOWN_BLOCKS_MAX} such blocks each is remembered; {} further alerts were of such a block.\n",
            summary.unknown_blocks_beyond
        ));
    }
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
    for (condition, unjudged) in &summary.unjudged {
        text.push_str(&format!("{condition} could not judge {}\n", terminal(&unjudged.to_string())));
    }
    for (condition, why) in &summary.cannot_fire {
        text.push_str(&format!("{condition} cannot fire in full here: {}\n", terminal(why)));
    }
    for withdrawn in summary.withdrawn.iter().take(WITHDRAWN_SHOWN_MAX) {
        text.push_str(&format!(
            "Taken back after {} fired on {}: {} alert(s), {}\n",
            withdrawn.condition,
            withdrawn.contract,
            withdrawn.alerts.len(),
            terminal(&withdrawn.because)
        ));
    }
    let told = summary.withdrawn.len();
    let all = told.saturating_add(usize::try_from(summary.withdrawn_beyond).unwrap_or(usize::MAX));
    let shown = format!("and {{}} more were taken back; --json names the first {told}");
    more(&mut text, all, WITHDRAWN_SHOWN_MAX, &shown);
    for malformed in summary.malformed_lines.iter().take(MALFORMED_SHOWN_MAX) {
        let of = malformed.file.as_deref().map_or_else(String::new, |file| format!(" of {}", terminal(file)));
        text.push_str(&format!("Line {}{of}: {}\n", malformed.line, terminal(&malformed.reason)));
    }
    let all = usize::try_from(summary.malformed).unwrap_or(usize::MAX);
    let shown =
        format!("and {{}} more that are no alerts; --json names the first {}", summary.malformed_lines.len());
    more(&mut text, all, MALFORMED_SHOWN_MAX, &shown);
    text
}

/// Says how many more there are than are shown, in the place of `{}`.
fn more(text: &mut String, all: usize, shown_max: usize, said: &str) {
    match all.saturating_sub(shown_max) {
        0 => {}
        more => text.push_str(&format!("{}\n", said.replace("{}", &more.to_string()))),
    }
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
