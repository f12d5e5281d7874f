//! Every parser of what others write, and what must hold of it beside "no panic".
//!
//! Compiled twice: by `fuzz/fuzz_targets/`, which libFuzzer drives, and by `tests/it/fuzz_seeds.rs`, which runs the seeds
//! and mutations of them in every `make test`, so that no target rots. Only the library's public words are used.
//!
//! A finding becomes a file in `fuzz/seeds/NAME/`, and so a test for ever.

mod alerts;
mod files;
mod layouts;
mod maps;
mod reports;
mod safes;
mod services;
mod silences;
mod watch;
mod webhooks;

/// One parser.
pub struct Parser {
    /// What it is called: also the target's and the folder's name.
    pub name: &'static str,
    /// Gives it some bytes. Panics where something does not hold.
    pub run: fn(&[u8]),
    /// Mutated inputs in the ordinary test: fewer where each reads files.
    #[allow(dead_code, reason = "libFuzzer mutates by itself")]
    pub mutations: usize,
}

/// All of them.
pub const PARSERS: [Parser; 28] = [
    Parser { name: "alert", run: alerts::alert, mutations: 600 },
    Parser { name: "graphql", run: alerts::graphql, mutations: 400 },
    Parser { name: "lines", run: alerts::lines, mutations: 60 },
    Parser { name: "vendor", run: alerts::vendor, mutations: 1_000 },
    Parser { name: "bloom", run: alerts::bloom, mutations: 600 },
    Parser { name: "webhook", run: webhooks::webhook, mutations: 300 },
    Parser { name: "jwt", run: webhooks::jwt, mutations: 300 },
    Parser { name: "condition", run: files::condition, mutations: 40 },
    Parser { name: "runbook", run: files::runbook, mutations: 40 },
    Parser { name: "settings", run: files::settings, mutations: 40 },
    Parser { name: "roster", run: files::roster, mutations: 40 },
    Parser { name: "maintenance", run: files::maintenance, mutations: 40 },
    Parser { name: "abi", run: files::abi, mutations: 40 },
    Parser { name: "call", run: safes::call, mutations: 1_000 },
    Parser { name: "proposal_file", run: safes::proposal_file, mutations: 300 },
    Parser { name: "paste", run: safes::paste, mutations: 500 },
    Parser { name: "signatures", run: safes::signatures, mutations: 100 },
    Parser { name: "safe_tx", run: safes::safe_tx, mutations: 500 },
    Parser { name: "map", run: maps::map, mutations: 600 },
    Parser { name: "view", run: watch::view, mutations: 400 },
    Parser { name: "event", run: watch::event, mutations: 100 },
    Parser { name: "silence", run: silences::silence, mutations: 600 },
    Parser { name: "subject", run: files::subject, mutations: 40 },
    Parser { name: "report", run: reports::report, mutations: 200 },
    Parser { name: "slack", run: reports::slack, mutations: 200 },
    Parser { name: "mail", run: reports::mail, mutations: 300 },
    Parser { name: "service", run: services::service, mutations: 600 },
    Parser { name: "layout", run: layouts::layout, mutations: 400 },
];

/// Runs the parser of that name.
#[allow(dead_code, reason = "the ordinary test goes through PARSERS")]
pub fn run(name: &str, data: &[u8]) {
    let parser = PARSERS.iter().find(|parser| parser.name == name).expect("no parser is called so");
    (parser.run)(data);
}

/// A reason is ours: one line, bounded, and without control characters.
fn is_a_reason(reason: &str) {
    assert!(!reason.is_empty());
    assert!(reason.len() <= 1_000, "{} bytes of reason", reason.len());
    assert!(!reason.chars().any(char::is_control), "{reason:?}");
}
