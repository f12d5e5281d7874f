//! What no configured feed brings makes nothing fire, and is told; what some feed may bring is let through.

use std::collections::BTreeSet;

use insta::assert_snapshot;

use super::*;

const FORTA: [&str; 3] = ["0xa1", "0xb2", "0xc3"];

fn origin(speakers: Speakers, authenticated: bool) -> Origin {
    let labels = !matches!(speakers, Speakers::Vendor(_));
    Origin { speakers, chains: None, authenticated: Some(authenticated), labels }
}

fn bots_of(bots: &[&str]) -> Speakers {
    Speakers::Bots(bots.iter().map(|bot| BotId::new(bot)).collect())
}

/// Forta asked for three bots on chain 1, and Tenderly.
fn two() -> Origins {
    let chains = Some(BTreeSet::from([ChainId(1)]));
    let forta = Origin { chains, ..origin(bots_of(&FORTA), true) };
    Origins::from([("forta".into(), forta), ("calls".into(), origin(Speakers::Vendor("tenderly"), true))])
}

/// The same, and whoever writes lines.
fn anyone() -> Origins {
    let mut origins = two();
    origins.insert("lines".into(), origin(Speakers::Anyone, true));
    origins
}

fn told_by(origins: &Origins, spec: ConditionSpec) -> String {
    let (bots, lists, macros) = (bots(), Lists::new(), Macros::new());
    let vendors = Vendors::from([("forta".into(), "forta".to_owned())]);
    let words = Words { bots: &bots, lists: &lists, macros: &macros, vendors: &vendors, origins };
    match Condition::compile_with(spec, words, contracts()) {
        Ok(condition) if condition.unbrought().is_empty() => "it can fire".to_owned(),
        Ok(condition) => {
            let told = condition.unbrought().iter().map(|(key, why)| format!("{key}, now: {why}"));
            told.collect::<Vec<_>>().join("\n")
        }
        Err(problems) => {
            let told = problems.iter().map(|problem| format!("{}: {problem}", problem.field()));
            told.collect::<Vec<_>>().join("\n")
        }
    }
}

fn single(when: &str) -> ConditionSpec {
    ConditionSpec { when: when.to_owned(), count: None, ..spec() }
}

/// `when`, with so many alerts, bots and feeds.
fn many(when: &str, bots: u32, feeds: u32) -> ConditionSpec {
    let within = SignedDuration::from_mins(10);
    ConditionSpec { count: Some(CountSpec { alerts: 9, bots, feeds, within }), ..single(when) }
}

fn distinct(when: &str, of: Distinct, at_least: u32) -> ConditionSpec {
    ConditionSpec { distinct: vec![DistinctSpec { of, at_least }], ..many(when, 1, 1) }
}

fn on(contract: &str, spec: ConditionSpec) -> ConditionSpec {
    ConditionSpec { about: vec![contract.into()], ..spec }
}

#[test]
fn alerts_that_no_feed_brings_are_told() {
    let sequence = |one: &str, other: &str| {
        let steps = [one, other].map(|when| StepSpec { when: when.to_owned(), anywhere: false }).to_vec();
        let within = SignedDuration::from_mins(10);
        ConditionSpec {
            sequence: Some(SequenceSpec { same: Same::Attacker, within, steps }),
            ..single("alert.severity >= LOW")
        }
    };
    let said: Vec<String> = [
        single("alert.feed == \"nosuch\""),
        single("alert.feed == \"frota\""),
        single("alert.feed in [\"one\", \"two\"] && alert.severity >= HIGH"),
        single("alert.bot == \"0xd4\""),
        single("alert.feed == \"calls\" && alert.bot in bots.detectors"),
        single("alert.feed != \"forta\" && alert.bot.startsWith(\"alchemy:\")"),
        single("alert.feed == \"calls\" && alert.bot in [\"0xd4\", \"0xe5\"]"),
        on("pool", many("alert.bot in bots.detectors", 2, 2)),
        sequence("alert.bot in bots.detectors", "alert.feed == \"calls\" && alert.bot in bots.detectors"),
        sequence("true", "alert.bot == \"alchemy:x\""),
        ConditionSpec { including: Some("alert.feed == \"nosuch\"".to_owned()), ..many("true", 1, 1) },
        ConditionSpec {
            absent: Some(AbsenceSpec { after: SignedDuration::from_hours(1), tenths_of_interval: None }),
            ..single("alert.feed == \"nosuch\"")
        },
        ConditionSpec { lasting: Some(SignedDuration::from_mins(5)), ..single("alert.severity >= LOW") },
    ]
    .map(|spec| told_by(&two(), spec))
    .to_vec();
    assert_snapshot!(said.join("\n--\n"), @r#"
    when: it can never be true: alert.feed is to be "nosuch", and no feed is called so; there are: calls, forta
    --
    when: it can never be true: alert.feed is to be "frota", and no feed is called so; did you mean "forta"?
    --
    when: it can never be true: alert.feed is to be one of "one", "two", and no feed is called so; there are: calls, forta
    --
    when: it can never be true: alert.bot is to be "0xd4", and no feed brings such alerts: calls brings those of "tenderly:…"; forta brings those of "0xa1", "0xb2", "0xc3"
    --
    when, now: alert.bot is to be one of "0xa1", "0xb2", "0xc3", and no feed brings such alerts: calls brings those of "tenderly:…"
    --
    when, now: alert.bot is to be beginning with "alchemy:", and no feed brings such alerts: calls brings those of "tenderly:…"
    --
    when: it can never be true: alert.bot is to be one of "0xd4", "0xe5", and no feed brings such alerts: calls brings those of "tenderly:…"
    --
    when, now: pool is on 10, and such alerts come from forta of chain 1 only
    --
    step, now: step 2: alert.bot is to be one of "0xa1", "0xb2", "0xc3", and no feed brings such alerts: calls brings those of "tenderly:…"
    --
    step: it can never be true: step 2: alert.bot is to be "alchemy:x", and no feed brings such alerts: calls brings those of "tenderly:…"; forta brings those of "0xa1", "0xb2", "0xc3"
    --
    count.including: it can never be true: alert.feed is to be "nosuch", and no feed is called so; there are: calls, forta
    --
    when: it can never be true: alert.feed is to be "nosuch", and no feed is called so; there are: calls, forta
    --
    for: the feeds that bring such alerts tell of events only: no state of theirs could last; states come from Alertmanager, Grafana, PagerDuty, Hypernative, and from alerts with state.id and state.phase in their metadata
    "#);
}

#[test]
fn more_than_the_feeds_can_bring_is_told() {
    let said: Vec<String> = [
        many("alert.severity >= HIGH", 1, 3),
        many("alert.feed == \"forta\"", 4, 1),
        many("alert.feed == \"forta\" && alert.bot != \"0xa1\"", 3, 1),
        on("pool", many("alert.severity >= HIGH", 1, 2)),
        distinct("alert.severity >= HIGH", Distinct::Vendors, 3),
        distinct("alert.bot in bots.detectors", Distinct::Vendors, 2),
        distinct("alert.feed == \"calls\"", Distinct::Entities, 1),
    ]
    .map(|spec| told_by(&two(), spec))
    .to_vec();
    assert_snapshot!(said.join("\n--\n"), @r"
    count: feeds = 3 can never be met: such alerts come from 2 feeds, calls and forta
    --
    count: bots = 4 can never be met: the feeds bring such alerts of 3 bots
    --
    count: bots = 3 can never be met: the feeds bring such alerts of 2 bots
    --
    count: feeds = 2 can never be met: such alerts come from 1 feed, calls
    --
    count: vendors = 3 can never be met: the feeds that bring such alerts are of 2 vendors, forta and tenderly
    --
    count: vendors = 2 can never be met: the feeds that bring such alerts are of 1 vendor, forta
    --
    count: entities = 1 can never be met: an entity is what a label is on, and the feeds that bring such alerts put none on them
    ");
    // Alerts that anybody may post stand in windows of their own.
    let apart = Origins::from([
        ("signed".into(), origin(Speakers::Anyone, true)),
        ("open".into(), origin(Speakers::Anyone, false)),
    ]);
    assert_snapshot!(told_by(&apart, many("true", 1, 2)), @"count: feeds = 2 can never be met: such alerts come from 1 feed, open");
}

#[test]
fn what_some_feed_may_bring_is_let_through() {
    for spec in [
        single("alert.feed == \"Forta\""),
        single("alert.feed != \"forta\""),
        single("alert.feed in [\"nosuch\", \"calls\"]"),
        single("alert.feed == \"nosuch\" || alert.severity >= HIGH"),
        single("alert.bot in [\"0xd4\", \"0xA1\"]"),
        single("alert.bot == \"tenderly:vault\""),
        single("alert.bot.startsWith(\"ten\")"),
        single("alert.bot.contains(\"vault\")"),
        on("pool", single("alert.severity >= HIGH")),
        many("true", 9, 2),
        many("alert.feed == \"forta\"", 3, 1),
        distinct("true", Distinct::Vendors, 2),
        distinct("true", Distinct::Entities, 9),
        distinct("true", Distinct::Attackers, 9),
    ] {
        assert_eq!(told_by(&two(), spec.clone()), "it can fire", "{}", spec.when);
    }
    // Who writes lines may speak for any bot, about any chain.
    for spec in [
        single("alert.bot == \"0xd4\""),
        on("pool", single("alert.bot in bots.detectors")),
        distinct("true", Distinct::Vendors, 9),
        ConditionSpec { lasting: Some(SignedDuration::from_mins(5)), ..single("alert.severity >= LOW") },
    ] {
        assert_eq!(told_by(&anyone(), spec.clone()), "it can fire", "{}", spec.when);
    }
    // Where nothing is known of the feeds, nothing is said of them.
    assert_eq!(told_by(&Origins::new(), many("alert.feed == \"nosuch\"", 9, 9)), "it can fire");
}
