//! How many alerts a second one core takes through parsing, deduplication and matching, with 1, 100 and 10,000
//! conditions, beside parsing the same bytes only; and what memory a long replay takes.
//!
//!     cargo bench --bench feeds
//!
//! The lines are those of the recorded sample, each time with other hashes, later times and, in one of fifty, a watched
//! contract among its addresses; conditions are of every kind, over lists of the sample's bots and others. Parsing
//! only and the three matchers take turns on the same bytes in one process, each as often first as last, so that what else
//! the machine does hits all alike; what counts are the ratios. *Match* is all that `run` does before the journal: asking whether the
//! chain has to be asked, then observing.
//!
//! The replay is `redhandle replay`'s own code over a file of a million lines, plain and gzip, in processes of their
//! own that print their peak memory (Linux: `VmHWM`). With `-- --smoke` everything is small, with `-- --throughput`
//! or `-- --memory` only that part is done; without `--bench` (`cargo test --benches`) nothing is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench ends by panicking, and its result is what it prints"
)]

#[path = "feeds/conditions.rs"]
mod made;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use alloy::primitives::Address;
use jiff::{SignedDuration, Timestamp};
use redhandle::agent::replay::Replay;
use redhandle::config::Environment;
use redhandle::domain::condition::{Known, Matcher};
use redhandle::domain::names::FeedName;
use redhandle::feeds::forta_wire::parse_alert;
use redhandle::feeds::jsonl::Recording;
use serde_json::Value;

use self::made::conditions;

const SAMPLE: &[u8] = include_bytes!("../tests/fixtures/feeds/sample.jsonl");
/// The environment variable by which this binary is a replay of the file it names.
const REPLAY: &str = "BENCH_REPLAY";
/// How many conditions.
const CONDITIONS: [usize; 3] = [1, 100, 10_000];
/// Parsing only, and a matcher for each number of conditions.
const RUNNERS: usize = 1 + CONDITIONS.len();
/// One line in so many names a watched contract more.
const WATCHED_ONE_IN: u64 = 50;

struct Size {
    lines: usize,
    rounds: usize,
    replayed: usize,
}

fn main() {
    if let Ok(file) = std::env::var(REPLAY) {
        replay(Path::new(&file));
        return;
    }
    let arguments: BTreeSet<String> = std::env::args().collect();
    if !arguments.contains("--bench") {
        eprintln!("this measures, and tests nothing: cargo bench --bench feeds");
        return;
    }
    let size = if arguments.contains("--smoke") {
        Size { lines: 2_000, rounds: 3, replayed: 20_000 }
    } else {
        Size { lines: 20_000, rounds: 31, replayed: 1_000_000 }
    };
    let (no_throughput, no_memory) = (arguments.contains("--memory"), arguments.contains("--throughput"));
    if !no_throughput {
        throughput(&size);
    }
    if !no_memory {
        memory(&size);
    }
    if cfg!(debug_assertions) {
        println!("This is a debug build: its numbers say nothing.");
    }
}

/// Chance that comes from a number (splitmix64): every run measures the same bytes.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll() % sides as u64).unwrap()
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.roll().is_multiple_of(times)
    }

    fn hash(&mut self) -> String {
        let words: [u64; 4] = std::array::from_fn(|_| self.roll());
        format!("0x{}", words.iter().map(|word| format!("{word:016x}")).collect::<String>())
    }
}

// --- the stream ---

/// The recorded lines; some are no JSON, and one is no text.
fn recorded() -> impl Iterator<Item = &'static [u8]> {
    SAMPLE.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// Lines like the recorded ones, second after second.
struct Stream {
    templates: Vec<Result<Value, Vec<u8>>>,
    watched: Vec<(u64, Address)>,
    dice: Dice,
    number: i64,
    last: Vec<u8>,
}

impl Stream {
    fn new(seed: u64, watched: Vec<(u64, Address)>) -> Self {
        let read = |line: &[u8]| serde_json::from_slice(line).map_err(|_broken| line.to_owned());
        let templates = recorded().map(read).collect();
        Self { templates, watched, dice: Dice(seed), number: 0, last: Vec::new() }
    }

    fn line(&mut self) -> &[u8] {
        self.number += 1;
        // Deliveries repeat.
        if !self.dice.one_in(100) {
            self.last = self.new_line();
        }
        &self.last
    }

    fn new_line(&mut self) -> Vec<u8> {
        let at = self.dice.below(self.templates.len());
        let mut alert = match &self.templates[at] {
            Ok(alert @ Value::Object(_)) => alert.clone(),
            Ok(other) => return other.to_string().into_bytes(),
            Err(broken) => return broken.clone(),
        };
        let at = Timestamp::from_second(1_767_225_600 + self.number).unwrap();
        alert["hash"] = self.dice.hash().into();
        alert["createdAt"] = (at + SignedDuration::from_secs(30)).to_string().into();
        if alert["source"]["block"]["number"].as_u64().is_some_and(|number| number > 0) {
            alert["source"]["block"]["timestamp"] = at.to_string().into();
            alert["source"]["block"]["number"] = (20_000_000 + self.number / 12).into();
            alert["source"]["block"]["hash"] = self.dice.hash().into();
        }
        if self.dice.one_in(WATCHED_ONE_IN) {
            let chain = alert["chainId"].as_u64();
            let here: Vec<&Address> = self
                .watched
                .iter()
                .filter(|(on, _)| Some(*on) == chain)
                .map(|(_, address)| address)
                .collect();
            if let (false, Some(addresses)) = (here.is_empty(), alert["addresses"].as_array_mut()) {
                addresses.push(here[self.dice.below(here.len())].to_string().into());
            }
        }
        alert.to_string().into_bytes()
    }
}

// --- throughput ---

/// Time on the processor, so that what else the machine does counts less; on the clock where the system does not say.
struct Spent(Instant, Option<f64>);

impl Spent {
    fn begin() -> Self {
        Self(Instant::now(), Self::on_processor())
    }

    fn seconds(&self) -> f64 {
        match (self.1, Self::on_processor()) {
            (Some(then), Some(now)) => now - then,
            _ => self.0.elapsed().as_secs_f64(),
        }
    }

    /// Linux: the first number of a thread's `schedstat` is nanoseconds (proc_pid_schedstat(5)).
    fn on_processor() -> Option<f64> {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(told.split(' ').next()?.parse::<f64>().ok()? / 1e9)
    }
}

fn throughput(size: &Size) {
    eprintln!("compiling conditions, making lines");
    let (mut matchers, mut watched): (Vec<Matcher>, Vec<_>) = CONDITIONS.map(conditions).into_iter().unzip();
    let mut stream = Stream::new(4, watched.pop().unwrap());
    let feed = FeedName::new("bench");
    let mut seconds: [Vec<f64>; RUNNERS] = Default::default();
    let mut told = [(0_u64, 0_usize); 3];
    let (mut alerts, mut bytes) = (Vec::new(), 0_usize);
    for round in 0..size.rounds {
        eprint!("\rround {} of {}", round + 1, size.rounds);
        // Each round has lines of its own, and matchers go on: nothing is made or dropped beside what is measured.
        let lines: Vec<Vec<u8>> = (0..size.lines).map(|_| stream.line().to_owned()).collect();
        bytes += lines.iter().map(Vec::len).sum::<usize>();
        let (mut spent, mut parsed) = ([0.0; RUNNERS], 0_usize);
        // Whoever comes first finds the bytes farther from the processor: each does with one part of them.
        for (turn, lines) in lines.chunks(size.lines.div_ceil(RUNNERS)).enumerate() {
            for runner in (0..RUNNERS).map(|step| (turn + step) % RUNNERS) {
                let began = Spent::begin();
                match runner {
                    0 => parsed += parse(lines, &feed),
                    number => run(&mut matchers[number - 1], lines, &feed, &mut told[number - 1]),
                }
                spent[runner] += began.seconds();
            }
        }
        alerts.push(parsed as f64);
        seconds.iter_mut().zip(spent).for_each(|(seconds, spent)| seconds.push(spent));
    }
    eprintln!();
    println!(
        "{} lines, {:.1} MB, {} of them alerts, in {} rounds; alerts a second of one core",
        size.lines * size.rounds,
        bytes as f64 / 1e6,
        alerts.iter().sum::<f64>(),
        size.rounds
    );
    println!(
        "{:<28} {:>10} {:>10} {:>10} {:>9} {:>9} {:>7} {:>7}",
        "", "median", "min", "max", "of parse", "of one", "kept", "fired"
    );
    // Ratios are of one round, and the median is taken of them.
    let ratio = |one: usize, other: usize| {
        median(seconds[one].iter().zip(&seconds[other]).map(|(one, other)| one / other).collect())
    };
    for (at, seconds) in seconds.iter().enumerate() {
        let mut rates: Vec<f64> =
            seconds.iter().zip(&alerts).map(|(seconds, alerts)| alerts / seconds).collect();
        rates.sort_by(f64::total_cmp);
        let (low, high, middle) = (rates[0], rates[rates.len() - 1], median(rates));
        let name = match at {
            0 => "parse only".to_owned(),
            at => format!("with {} condition(s)", CONDITIONS[at - 1]),
        };
        let (kept, fired) = if at == 0 {
            (String::new(), String::new())
        } else {
            (told[at - 1].0.to_string(), told[at - 1].1.to_string())
        };
        let of_one = if at == 0 { String::new() } else { format!("{:.2}", ratio(at, 1)) };
        println!(
            "{name:<28} {middle:>10.0} {low:>10.0} {high:>10.0} {:>9.2} {of_one:>9} {kept:>7} {fired:>7}",
            ratio(0, at),
        );
    }
    println!("of parse: throughput of parsing only (aim: 0.75); of one: cost of one condition (aim: 1.3)");
}

/// How many of them are alerts.
fn parse(lines: &[Vec<u8>], feed: &FeedName) -> usize {
    lines.iter().filter(|line| black_box(parse_alert(line, feed, true)).is_ok()).count()
}

/// Adds how many were kept, and how many matches there were.
fn run(matcher: &mut Matcher, lines: &[Vec<u8>], feed: &FeedName, told: &mut (u64, usize)) {
    for line in lines {
        let Ok(alert) = parse_alert(line, feed, true) else { continue };
        let look = matcher.look(&alert);
        black_box(matcher.asks(&alert, &look));
        let observation = matcher.observe_looked_up(&alert, look, &Known::CANONICAL);
        told.0 += u64::from(observation.kept && !observation.repeated);
        told.1 += observation.matches.len();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

// --- memory ---

fn memory(size: &Size) {
    let folder = tempfile::tempdir().unwrap();
    let (plain, gzip) = (folder.path().join("alerts.jsonl"), folder.path().join("alerts.jsonl.gz"));
    eprintln!("writing {} lines", size.replayed);
    let mut stream = Stream::new(5, Vec::new());
    let mut files = (
        BufWriter::new(std::fs::File::create(&plain).unwrap()),
        flate2::write::GzEncoder::new(std::fs::File::create(&gzip).unwrap(), flate2::Compression::fast()),
    );
    for _ in 0..size.replayed {
        let line = stream.line();
        files.0.write_all(line).and_then(|()| files.0.write_all(b"\n")).unwrap();
        files.1.write_all(line).and_then(|()| files.1.write_all(b"\n")).unwrap();
    }
    files.0.flush().unwrap();
    files.1.finish().unwrap();
    for file in [&plain, &gzip] {
        let length = std::fs::metadata(file).unwrap().len();
        eprintln!(
            "replaying {} ({:.0} MB)",
            file.file_name().unwrap().to_string_lossy(),
            length as f64 / 1e6
        );
        let status = Command::new(std::env::current_exe().unwrap()).env(REPLAY, file).status().unwrap();
        assert!(status.success());
    }
}

/// This process replays a file by the runbooks of the corpus, and says what it took.
fn replay(file: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus/redhandle.toml");
    let today = jiff::civil::date(2026, 1, 1);
    let environment = Environment::from_os(std::iter::empty());
    let config = redhandle::config::load(&root, &environment, today).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let before = peak_kib();
    let mut replay = Replay::new(&config, None).unwrap();
    let mut recording = Recording::open(file).unwrap();
    let mut fired = 0_usize;
    let began = Instant::now();
    runtime.block_on(async {
        while let Some((line, item)) = recording.next_line().unwrap() {
            fired += replay.take(line, item).await.len();
        }
    });
    let took = began.elapsed().as_secs_f64();
    let (summary, _) = replay.finish();
    assert_eq!(fired as u64, summary.fired);
    println!(
        "{}: {} lines replayed in {took:.1} s, {:.0} lines a second; {} alerts, {} repeated, {} matched, {fired} fired",
        file.file_name().unwrap().to_string_lossy(),
        summary.lines,
        summary.lines as f64 / took,
        summary.alerts,
        summary.duplicates,
        summary.matched
    );
    match (before, peak_kib()) {
        (Some(before), Some(peak)) => println!(
            "  peak memory {:.0} MiB, of which {:.0} MiB were taken before the first line",
            peak / 1024.0,
            before / 1024.0
        ),
        (_, _) => println!("  peak memory: this system does not tell"),
    }
}

/// The most memory this process has held at once, in KiB.
fn peak_kib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
