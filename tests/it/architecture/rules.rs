//! The layers of the house and what each may use; a violation says what is wrong and what to do instead.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{Import, Path, Reading, module_of, read};

/// The most lines a file may have: what a reader takes in at once.
const FILE_LINES_MAX: usize = 400;

/// Files that may be longer: how long, and why parts would be harder to read than the whole.
const LONG_FILES: [(&str, usize, &str); 2] = [
    ("src/agent/store/tests.rs", 450, "twins on one journal: the bench and what is done on it"),
    ("src/cli/incident/show/tests/mod.rs", 500, "whole screens, as people read them"),
];

/// Names that say of what kind a module is, and not what it is about.
const EMPTY_NAMES: [&str; 10] =
    ["common", "helper", "helpers", "manager", "managers", "misc", "models", "services", "util", "utils"];

/// What the domain must not reach: whatever makes a function's answer depend on more than its arguments.
const OUTSIDE_THE_DOMAIN: [(&str, &str); 16] = [
    ("alloy::providers", "take the values that were read as arguments"),
    ("alloy::rpc", "take the values that were read as arguments, in a type of the domain"),
    ("alloy::transports", "leave the error to the edge, and take what it means as an argument"),
    ("axum", "answer with a value, and let web make a response of it"),
    ("getrandom", "take the random value as an argument"),
    ("rand", "take the random value as an argument"),
    ("reqwest", "return what should be asked, and let an edge ask it"),
    ("sqlx", "return what should be stored, and let journal store it"),
    ("std::env", "take the setting as an argument; config reads it"),
    ("std::fs", "take the contents as an argument; an edge reads the file"),
    ("std::net", "return what should be sent, and let an edge send it"),
    ("std::process", "return what should be run, and let an edge run it"),
    ("std::time::Instant", "take `now` as an argument"),
    ("std::time::SystemTime", "take `now` as an argument"),
    ("tokio", "keep the function synchronous; what waits belongs to an edge or to agent"),
    ("tracing", "return what is worth telling; the caller logs it"),
];

const SPAWNERS: [&str; 4] =
    ["tokio::spawn", "tokio::task::spawn", "tokio::task::spawn_local", "tokio::task::Builder"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Import,
    Purity,
    Spawn,
    Name,
    Opening,
    Length,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub rule: Rule,
    pub file: String,
    pub line: usize,
    pub sentence: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Root,
    Cli,
    Web,
    Drill,
    Agent,
    Edge,
    Domain,
    Ground,
}

fn layer(module: &str) -> Option<Layer> {
    Some(match module {
        "cli" => Layer::Cli,
        "web" => Layer::Web,
        "drill" => Layer::Drill,
        "agent" => Layer::Agent,
        "feeds" | "chain" | "safe_service" | "signer" | "sealed" | "notify" | "journal" | "config" => {
            Layer::Edge
        }
        "domain" => Layer::Domain,
        "clock" | "http" => Layer::Ground,
        _ => return None,
    })
}

/// Why a module of layer `from` may not use one of layer `to`, when they are not the same module.
fn refusal(from: Layer, to: Layer) -> Option<&'static str> {
    match (from, to) {
        (Layer::Root | Layer::Cli, _)
        | (Layer::Web, Layer::Agent | Layer::Edge | Layer::Domain | Layer::Ground)
        | (Layer::Drill, Layer::Web | Layer::Agent | Layer::Edge | Layer::Domain | Layer::Ground)
        | (Layer::Agent, Layer::Edge | Layer::Domain | Layer::Ground)
        | (Layer::Edge, Layer::Domain | Layer::Ground) => None,
        (Layer::Domain, _) => Some(
            "the domain knows nothing but itself: take the value as an argument, or move what is pure down into domain",
        ),
        (Layer::Ground, _) => Some(
            "everything stands on it, so it stands on nothing of ours: move what needs both to the layer that uses it",
        ),
        (Layer::Edge, Layer::Edge) => Some(
            "edges are side by side and hide one outside system each: let agent carry a domain value from one to the other",
        ),
        (_, Layer::Root) => Some("the root only lists the modules: name the module that has it"),
        (Layer::Web, Layer::Web | Layer::Drill | Layer::Cli)
        | (Layer::Drill, Layer::Drill | Layer::Cli)
        | (Layer::Agent, Layer::Agent | Layer::Drill | Layer::Web | Layer::Cli)
        | (Layer::Edge, Layer::Agent | Layer::Drill | Layer::Web | Layer::Cli) => Some(
            "that is upwards: move what is shared down into a layer below both, or let the layer above pass it in",
        ),
    }
}

/// Every violation in a set of files (path from the package's root, source), in order of place.
pub fn violations(files: &BTreeMap<String, String>) -> Vec<Violation> {
    let readings: BTreeMap<&str, Reading> =
        files.iter().map(|(file, source)| (file.as_str(), read(file, source))).collect();
    let tests: BTreeSet<&Vec<String>> = readings.values().flat_map(|reading| &reading.test_modules).collect();

    let mut found = Vec::new();
    for (file, source) in files {
        let (module, reading) = (module_of(file), &readings[file.as_str()]);
        shape(file, source, &mut found);
        names(file, reading, &mut found);
        let for_tests = (1..=module.len()).any(|length| tests.contains(&module[..length].to_vec()));
        if file.starts_with("src/") && !for_tests {
            imports(file, &module, reading, &mut found);
            spawning(file, reading, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

fn shape(file: &str, source: &str, found: &mut Vec<Violation>) {
    let mut report = |rule, sentence: String| {
        found.push(Violation { rule, file: file.to_owned(), line: 1, sentence });
    };
    if !source.starts_with("//!") {
        report(
            Rule::Opening,
            "opens without `//!`: begin with what the file is for and what it does not know".into(),
        );
    }
    let lines = source.lines().count();
    match LONG_FILES.iter().find(|(long, ..)| *long == file) {
        None if lines > FILE_LINES_MAX => report(
            Rule::Length,
            format!(
                "has {lines} lines, more than {FILE_LINES_MAX}: split it by subject, or give LONG_FILES a reason"
            ),
        ),
        Some((_, most, why)) if lines > *most => {
            report(
                Rule::Length,
                format!("has {lines} lines, more than the {most} it may have ({why}): split it by subject"),
            );
        }
        Some(_) if lines <= FILE_LINES_MAX => {
            report(Rule::Length, format!("has {lines} lines, and is no longer long: take it off LONG_FILES"));
        }
        None | Some(_) => {}
    }
}

fn names(file: &str, reading: &Reading, found: &mut Vec<Violation>) {
    let mut report = |line, name: &str| {
        if EMPTY_NAMES.contains(&name) {
            let sentence =
                format!("the module `{name}` is named after its kind: name it after what it is about");
            found.push(Violation { rule: Rule::Name, file: file.to_owned(), line, sentence });
        }
    };
    for part in file.trim_end_matches(".rs").split('/') {
        report(1, part);
    }
    for (line, name) in &reading.modules {
        report(*line, name);
    }
}

fn imports(file: &str, module: &[String], reading: &Reading, found: &mut Vec<Violation>) {
    let mut report = |rule, line, sentence: String| {
        found.push(Violation { rule, file: file.to_owned(), line, sentence });
    };
    let from = match module.first() {
        None => Layer::Root,
        Some(name) => match layer(name) {
            Some(layer) => layer,
            None => {
                let sentence =
                    format!("`{name}` is on no floor of the house: give it one in DESIGN and in `layer`");
                return report(Rule::Import, 1, sentence);
            }
        },
    };
    for import in &reading.imports {
        match &import.path {
            Path::Ours(_) if import.known > 0 => {}
            Path::Ours(path) if from != Layer::Root => {
                if let Some(sentence) = misplaced(from, module, path) {
                    report(Rule::Import, import.line, sentence);
                }
            }
            Path::Foreign(_) if from == Layer::Domain => {
                if let Some(sentence) = impure(import) {
                    report(Rule::Purity, import.line, sentence);
                }
            }
            Path::Ours(_) | Path::Foreign(_) => {}
        }
    }
}

fn misplaced(from: Layer, module: &[String], path: &[String]) -> Option<String> {
    let own = module.first().map_or("", String::as_str);
    let Some(name) = path.first() else {
        return refusal(from, Layer::Root).map(|why| format!("`{own}` uses the whole crate: {why}"));
    };
    if name == own {
        return None;
    }
    let used = path.join("::");
    match layer(name) {
        Some(to) => refusal(from, to).map(|why| format!("`{own}` uses `crate::{used}`: {why}")),
        None => Some(format!(
            "`{own}` uses `crate::{used}`, and `{name}` is on no floor of the house: name the module that has it"
        )),
    }
}

fn impure(import: &Import) -> Option<String> {
    let Path::Foreign(parts) = &import.path else { return None };
    let within = |path: &[String], banned: &str| {
        let banned: Vec<&str> = banned.split("::").collect();
        path.len() >= banned.len() && banned.iter().zip(path).all(|(wanted, part)| wanted == part)
    };
    let path = parts.join("::");
    OUTSIDE_THE_DOMAIN.iter().find_map(|(banned, instead)| {
        if within(parts, banned) && !within(&parts[..import.known], banned) {
            return Some(format!("`domain` uses `{path}`: {instead}"));
        }
        let hidden = import.glob && banned.starts_with(&format!("{path}::"));
        hidden.then(|| format!("`domain` uses everything in `{path}`, `{banned}` too: name what is needed"))
    })
}

fn spawning(file: &str, reading: &Reading, found: &mut Vec<Violation>) {
    if file.starts_with("src/agent/") {
        return;
    }
    let named = reading.imports.iter().filter(|import| match &import.path {
        Path::Foreign(parts) => SPAWNERS
            .iter()
            .any(|spawner| format!("{}::", parts.join("::")).starts_with(&format!("{spawner}::"))),
        Path::Ours(_) => false,
    });
    for line in named.map(|import| import.line).chain(reading.spawns.iter().copied()) {
        let excused = reading.excuses.iter().any(|excuse| *excuse <= line);
        if file.starts_with("src/drill/") && excused {
            continue;
        }
        let sentence = "spawns a task, and only agent's driver does: offer `async fn run(self, …)` and let it be driven \
                        (in drill: `#[expect(clippy::disallowed_methods, reason = …)]`)";
        found.push(Violation {
            rule: Rule::Spawn,
            file: file.to_owned(),
            line,
            sentence: sentence.to_owned(),
        });
    }
}
