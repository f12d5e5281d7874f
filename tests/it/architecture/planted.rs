//! Houses with planted faults: a check that cannot fail would be worth nothing.

use std::collections::BTreeMap;

use super::rules::{Rule, violations};

/// What is found in `source` when it stands in `file`: the rule and the line of each violation.
fn found(file: &str, source: &str) -> Vec<(Rule, usize)> {
    let source = format!("//! Planted.\n{source}");
    let files = BTreeMap::from([(file.to_owned(), source)]);
    violations(&files).into_iter().map(|violation| (violation.rule, violation.line)).collect()
}

#[test]
fn every_way_up_or_sideways_is_found() {
    for (file, source) in [
        ("src/domain/alert/mod.rs", "use crate::agent::Driver;"),
        ("src/domain/alert/mod.rs", "use crate::clock::Clock;"),
        ("src/domain/alert/mod.rs", "use crate::http;"),
        ("src/domain/names.rs", "use super::super::journal::Fact;"),
        ("src/domain/mod.rs", "use super::journal::Fact;"),
        ("src/domain/names.rs", "fn f() { crate::web::serve() }"),
        ("src/domain/names.rs", "fn f() -> Vec<crate::chain::Head> { g!(a, b) }"),
        ("src/domain/names.rs", "macro_rules! m { () => { $crate::chain::head() } }"),
        ("src/domain/names.rs", "mod inner { use super::super::super::feeds::Feed; }"),
        ("src/domain/names.rs", "use crate::{domain::{alert, safe::{self, SafeTx}}, feeds::{Feed as F}};"),
        ("src/domain/names.rs", "use crate::*;"),
        ("src/domain/names.rs", "use crate as root;"),
        ("src/domain/names.rs", "use redhandle::cli::main;"),
        ("src/domain/names.rs", "use crate::Shortcut;"),
        ("src/chain/head.rs", "use crate::journal::Journal;"),
        ("src/chain/head.rs", "use crate::agent::store;"),
        ("src/chain/mod.rs", "pub use crate::cli::Arguments;"),
        ("src/config/mod.rs", "pub(crate) use super::notify::Channel;"),
        ("src/agent/driver.rs", "use crate::web::Server;"),
        ("src/agent/driver.rs", "use crate::drill::Ground;"),
        ("src/web/mod.rs", "use crate::drill::Ground;"),
        ("src/web/mod.rs", "use crate::cli::demo;"),
        ("src/drill/mod.rs", "use crate::cli::demo;"),
        ("src/clock.rs", "use crate::domain::names::Name;"),
        ("src/http.rs", "use crate::clock::Clock;"),
        ("src/attic.rs", ""),
    ] {
        let line = if source.is_empty() { 1 } else { 2 };
        assert_eq!(found(file, source), [(Rule::Import, line)], "{file}: {source}");
    }
}

#[test]
fn whatever_makes_the_domain_impure_is_found() {
    for source in [
        "use tokio::sync::mpsc;",
        "#[tokio::main] fn f() {}",
        "use reqwest::Client;",
        "fn f() -> sqlx::Result<()> { g() }",
        "#[tracing::instrument] fn f() {}",
        "use axum::Router;",
        "use alloy::{primitives::Address, providers::Provider};",
        "use alloy::rpc::types::Block;",
        "fn f(e: alloy::transports::RpcError) {}",
        "use std::time::{Duration, SystemTime};",
        "use std::{collections::BTreeMap, time::Instant};",
        "use std::env;",
        "fn f() { std::fs::read(path); }",
        "use std::net::IpAddr;",
        "fn f() { std::process::exit(1) }",
        "use rand::Rng;",
        "use getrandom::fill;",
        "use ::tokio::time;",
        "use std::time; fn f() { time::SystemTime::now() }",
        "use std::time as t; fn f() { t::Instant::now() }",
        "fn f() { other::now() } use alloy as other; fn g() { other::providers::x() }",
        "use std::time::*;",
        "use std::*;",
        "use alloy::*;",
    ] {
        let all = found("src/domain/safe/tx.rs", source);
        assert!(!all.is_empty() && all.iter().all(|one| *one == (Rule::Purity, 2)), "{source}: {all:?}");
    }
}

#[test]
fn whoever_spawns_without_being_agent_is_found() {
    let excused =
        "#[expect(clippy::disallowed_methods, reason = \"a practice ground\")] fn f() { tokio::spawn(g()); }";
    for source in [
        "fn f() { tokio::spawn(g()); }",
        "use tokio::spawn;",
        "use tokio::task; fn f() { task::spawn(g()); }",
        "fn f() { set.spawn(async move { 1 }); }",
        "fn f() { local.spawn_local(g()); }",
        "fn f() { tokio::runtime::Handle::current().spawn(g()); }",
    ] {
        for file in ["src/feeds/poll.rs", "src/web/mod.rs", "src/cli/run.rs", "src/drill/ground.rs"] {
            assert_eq!(found(file, source), [(Rule::Spawn, 2)], "{file}: {source}");
        }
        assert_eq!(found("src/agent/driver.rs", source), [], "{source}");
    }
    assert_eq!(found("src/feeds/poll.rs", excused), [(Rule::Spawn, 2)], "the excuse is drill's alone");
    assert_eq!(found("src/drill/ground.rs", excused), []);
}

#[test]
fn names_openings_and_lengths_are_found() {
    assert_eq!(found("src/domain/utils.rs", ""), [(Rule::Name, 1)]);
    assert_eq!(found("src/domain/models/alert.rs", ""), [(Rule::Name, 1)]);
    assert_eq!(found("tests/it/common/mod.rs", ""), [(Rule::Name, 1)]);
    assert_eq!(found("src/domain/mod.rs", "\nmod helpers { }"), [(Rule::Name, 3)]);
    assert_eq!(found("src/domain/mod.rs", "#[cfg(test)]\nmod manager;"), [(Rule::Name, 3)]);

    let bare =
        BTreeMap::from([("benches/matching.rs".to_owned(), "// A comment is no opening.\n".to_owned())]);
    assert_eq!(violations(&bare)[0].rule, Rule::Opening);

    assert_eq!(found("src/domain/long.rs", &"\n".repeat(399)), []);
    assert_eq!(found("src/domain/long.rs", &"\n".repeat(400)), [(Rule::Length, 1)]);
    assert_eq!(found("src/agent/store/tests.rs", &"\n".repeat(449)), []);
    assert_eq!(
        found("src/agent/store/tests.rs", &"\n".repeat(450)),
        [(Rule::Length, 1)],
        "a reason has a bound"
    );
    assert_eq!(found("src/agent/store/tests.rs", ""), [(Rule::Length, 1)], "a reason outlived");
}

#[test]
fn what_is_allowed_is_not_found() {
    for (file, source) in [
        ("src/lib.rs", "pub mod cli; pub use crate::domain::names::Name;"),
        ("src/main.rs", "fn main() { redhandle::cli::main() }"),
        ("src/cli/run.rs", "use crate::{agent, clock, config, domain, drill, feeds, http, web};"),
        ("src/web/mod.rs", "use crate::{agent, clock, config, domain, http};"),
        ("src/drill/mod.rs", "use crate::{agent, chain, clock, domain, http, web};"),
        ("src/agent/mod.rs", "use crate::{chain, clock, domain, http, journal, notify}; use super::feeds;"),
        (
            "src/feeds/mod.rs",
            "use crate::{clock, domain, http}; use super::feeds::forta; use self::health::Health;",
        ),
        (
            "src/domain/safe/tx.rs",
            "use super::hash; use crate::domain::names; use super::super::alert::Alert;",
        ),
        (
            "src/domain/safe/tx.rs",
            "use alloy::primitives::Address; use std::time::Duration; fn f() { Address::ZERO; }",
        ),
        (
            "src/domain/safe/tx.rs",
            "// crate::agent\n/* tokio::spawn */ const TEXT: &str = \"crate::agent::x\";",
        ),
        (
            "src/domain/safe/tx.rs",
            "/// See [`crate::agent`].\nfn f<'a>(x: &'a str) -> impl Sized + use<'a> { x.tokio() }",
        ),
        (
            "src/domain/safe/tx.rs",
            "#[cfg(test)]\nmod tests { use crate::agent; fn f() { tokio::spawn(g()) } }",
        ),
        (
            "src/domain/safe/tx.rs",
            "#[cfg(test)]\n#[allow(x)]\nfn f<A, B>(a: [u8; 2], b: B) where A: C { std::fs::read() }",
        ),
        ("src/domain/safe/tx.rs", "#[cfg(test)] use std::{fs, env::{self}}; fn f() {}"),
        ("src/domain/safe/tx.rs", "#![cfg(test)]\nuse tokio::spawn;"),
        ("src/drill/anvil.rs", "fn f() { Command::new(x).spawn() }"),
        (
            "src/drill/anvil.rs",
            "fn f() { std::thread::Builder::new().name(n).spawn(move || 1); Keeper::spawn(a) }",
        ),
        ("src/feeds/poll.rs", "async fn f() { tokio::task::spawn_blocking(g).await }"),
    ] {
        assert_eq!(found(file, source), [], "{file}: {source}");
    }
}

#[test]
fn a_module_of_tests_may_use_anything_in_a_file_of_its_own() {
    let source = |text: &str| format!("//! Planted.\n{text}");
    let mut files = BTreeMap::from([
        ("src/domain/safe/mod.rs".to_owned(), source("#[cfg(test)]\nmod vectors;\nmod tx;")),
        ("src/domain/safe/vectors.rs".to_owned(), source("use tokio::spawn; use crate::agent;")),
        ("src/domain/safe/vectors/more.rs".to_owned(), source("use std::fs;")),
    ]);
    assert_eq!(violations(&files), []);

    files.insert("src/domain/safe/tx.rs".to_owned(), source("use std::fs;"));
    assert_eq!(violations(&files).len(), 1);
}

#[test]
fn a_violation_says_where_what_why_not_and_what_instead() {
    let files = BTreeMap::from([
        ("src/chain/head.rs".to_owned(), "//! Planted.\nuse crate::journal::Journal;".to_owned()),
        ("src/domain/names.rs".to_owned(), "//! Planted.\n\nuse std::time::Instant;".to_owned()),
    ]);
    insta::assert_snapshot!(super::told(&violations(&files)), @"
    src/chain/head.rs:2: `chain` uses `crate::journal::Journal`: edges are side by side and hide one outside system each: let agent carry a domain value from one to the other
    src/domain/names.rs:3: `domain` uses `std::time::Instant`: take `now` as an argument
    ");
}
