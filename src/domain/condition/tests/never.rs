//! What can never fire is refused with its reason, and what could is let through.

use insta::assert_snapshot;

use super::*;

fn single(when: &str) -> ConditionSpec {
    ConditionSpec { when: when.to_owned(), count: None, ..spec() }
}

fn told(spec: ConditionSpec) -> String {
    match Condition::compile(spec, &bots(), contracts()) {
        Ok(_) => "it can fire".to_owned(),
        Err(problems) => {
            let told = problems.iter().map(|problem| format!("{}: {problem}", problem.field()));
            told.collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn contradictions_are_told() {
    let said: Vec<String> = [
        "alert.severity >= CRITICAL && alert.severity < HIGH",
        "alert.severity > CRITICAL",
        "alert.severity > LOW && alert.severity < MEDIUM",
        "alert.severity == HIGH && alert.severity in [LOW, CRITICAL]",
        "alert.alert_id == \"a\" && alert.alert_id == \"b\"",
        "alert.alert_id == \"a\" && alert.alert_id != \"A\"",
        "alert.bot in bots.detectors && alert.bot == \"0xd4\"",
        "alert.bot in bots.detectors && !(alert.bot in [\"0xa1\", \"0xB2\", \"0xc3\"])",
        "alert.metadata.x > 10 && alert.metadata.x < 5",
        "alert.metadata.x > 10 && alert.metadata.x == \"ten\"",
        "!has(alert.metadata.x) && alert.metadata.x > 1",
        "alert.name.contains(\"drain\") && alert.name == \"paused\"",
        "alert.name.startsWith(\"A\") && !alert.name.startsWith(\"a\")",
        "alert.chain == 10",
        "alert.chain in [10, 8453] && alert.severity >= HIGH",
        "alert.chain != 1",
        "size(alert.addresses) > 5 && size(alert.addresses) < 3",
        "alert.addresses.exists(a, a == \"0x01\" && a == \"0x02\")",
        "alert.created_at < timestamp(\"2026-01-01T00:00:00Z\") && alert.created_at > timestamp(\"2026-02-01T00:00:00Z\")",
        "CRITICAL < HIGH",
        "false",
        "(alert.severity > CRITICAL || alert.chain == 10) && alert.name == \"x\"",
        "!(alert.severity >= LOW || alert.severity < LOW)",
        "alert.severity >= LOW ? alert.severity < LOW : alert.severity > CRITICAL",
    ]
    .map(|when| format!("{when}\n  {}", told(single(when))))
    .to_vec();
    assert_snapshot!(said.join("\n"), @r#"
    alert.severity >= CRITICAL && alert.severity < HIGH
      when: it can never be true: alert.severity cannot be CRITICAL and also at most MEDIUM
    alert.severity > CRITICAL
      when: it can never be true: alert.severity cannot be one that there is and also at least 6
    alert.severity > LOW && alert.severity < MEDIUM
      when: it can never be true: alert.severity cannot be at least MEDIUM and also at most LOW
    alert.severity == HIGH && alert.severity in [LOW, CRITICAL]
      when: it can never be true: alert.severity cannot be HIGH and also one of LOW, CRITICAL
    alert.alert_id == "a" && alert.alert_id == "b"
      when: it can never be true: alert.alert_id cannot be "a" and also "b"
    alert.alert_id == "a" && alert.alert_id != "A"
      when: it can never be true: alert.alert_id cannot be "a" and also not "a"
    alert.bot in bots.detectors && alert.bot == "0xd4"
      when: it can never be true: alert.bot cannot be one of "0xa1", "0xb2", "0xc3" and also "0xd4"
    alert.bot in bots.detectors && !(alert.bot in ["0xa1", "0xB2", "0xc3"])
      when: it can never be true: alert.bot cannot be one of "0xa1", "0xb2", "0xc3" and also not one of "0xa1", "0xb2", "0xc3"
    alert.metadata.x > 10 && alert.metadata.x < 5
      when: it can never be true: alert.metadata.x cannot be above 10 and also below 5
    alert.metadata.x > 10 && alert.metadata.x == "ten"
      when: it can never be true: alert.metadata.x cannot be above 10 and also "ten"
    !has(alert.metadata.x) && alert.metadata.x > 1
      when: it can never be true: alert.metadata.x cannot be lacking and also above 1
    alert.name.contains("drain") && alert.name == "paused"
      when: it can never be true: alert.name cannot be containing "drain" and also "paused"
    alert.name.startsWith("A") && !alert.name.startsWith("a")
      when: it can never be true: alert.name cannot be beginning with "a" and also not beginning with "a"
    alert.chain == 10
      when: it can never be true: alert.chain is to be 10, and vault is on 1
    alert.chain in [10, 8453] && alert.severity >= HIGH
      when: it can never be true: alert.chain is to be one of 10, 8453, and vault is on 1
    alert.chain != 1
      when: it can never be true: alert.chain is to be 0 or at least 2, and vault is on 1
    size(alert.addresses) > 5 && size(alert.addresses) < 3
      when: it can never be true: one value cannot be at least 6 and also at most 2
    alert.addresses.exists(a, a == "0x01" && a == "0x02")
      when: it can never be true: one value cannot be "0x01" and also "0x02"
    alert.created_at < timestamp("2026-01-01T00:00:00Z") && alert.created_at > timestamp("2026-02-01T00:00:00Z")
      when: it can never be true: alert.created_at cannot be below 2026-01-01T00:00:00Z and also above 2026-02-01T00:00:00Z
    CRITICAL < HIGH
      when: it can never be true: it compares what is known already, and that never holds
    false
      when: it can never be true: what is always false is to be true
    (alert.severity > CRITICAL || alert.chain == 10) && alert.name == "x"
      when: it can never be true: alert.chain is to be 10, and vault is on 1
    !(alert.severity >= LOW || alert.severity < LOW)
      when: it can never be true: alert.severity cannot be at most INFO and also at least LOW
    alert.severity >= LOW ? alert.severity < LOW : alert.severity > CRITICAL
      when: it can never be true: alert.severity cannot be at least LOW and also at most INFO
    "#);
}

#[test]
fn what_could_fire_is_never_refused() {
    for when in [
        "true",
        "alert.severity >= CRITICAL && alert.severity <= CRITICAL",
        "alert.severity == HIGH || alert.severity == LOW && alert.name == \"x\"",
        "(alert.severity == CRITICAL || alert.severity == LOW) && alert.severity != LOW",
        "alert.chain == 1 && alert.chain != 10",
        "alert.chain == 10 || alert.severity >= HIGH",
        "alert.metadata.x > 10 && alert.metadata.x < 11",
        "alert.metadata.x == \"1000\" && alert.metadata.x > 999",
        "alert.metadata.x == \"0x10\" && alert.metadata.x == 16",
        "alert.metadata.x != 5 && alert.metadata.x > 5",
        "alert.metadata.x == true && alert.metadata.x == \"true\"",
        "has(alert.metadata.x) && alert.metadata.x > 1",
        "!has(alert.metadata.x) || alert.metadata.x > 1",
        "alert.name.contains(\"a\") && !alert.name.contains(\"b\")",
        "alert.name.startsWith(\"A\") && alert.name.endsWith(\"Z\") && alert.name != \"AZ\"",
        "alert.addresses.exists(a, a == \"0x01\") && alert.addresses.exists(b, b == \"0x02\")",
        "alert.addresses.all(a, a == \"0x01\" && a == \"0x02\")",
        "!alert.addresses.exists(a, a == \"0x01\")",
        "alert.metadata.x > alert.metadata.y && alert.metadata.y > alert.metadata.x",
        "alert.block.number % 2 == 0 && alert.block.number % 3 == 1",
        "alert.bot in bots.detectors && alert.bot != \"0xa1\"",
        "!(alert.severity < HIGH && alert.chain == 1)",
        "alert.severity >= 4.5",
    ] {
        assert_eq!(told(single(when)), "it can fire", "{when}");
    }
    // One of several contracts is enough.
    let both = ConditionSpec { about: vec!["vault".into(), "pool".into()], ..single("alert.chain == 10") };
    assert_eq!(told(both), "it can fire");
}

fn counted(change: impl Fn(&mut ConditionSpec)) -> ConditionSpec {
    let mut spec = spec();
    change(&mut spec);
    spec
}

#[test]
fn more_than_there_can_be_is_told() {
    let distinct = |of, at_least| vec![DistinctSpec { of, at_least }];
    let within = |hours| SignedDuration::from_hours(hours);
    let stages = |of: &[&str], at_least| {
        Some(StagesSpec { of: of.iter().map(|name| (*name).to_owned()).collect(), at_least })
    };
    let said: Vec<String> = [
        counted(|spec| spec.count.as_mut().unwrap().bots = 4),
        counted(|spec| {
            spec.when = "alert.bot == \"0xa1\" || alert.bot == \"0xb2\" && alert.severity > LOW".to_owned();
            spec.count = Some(CountSpec { alerts: 3, bots: 3, feeds: 1, within: within(1) });
        }),
        counted(|spec| spec.including = Some("alert.severity < HIGH".to_owned())),
        counted(|spec| spec.stages = stages(&["detectors", "detectors"], 2)),
        counted(|spec| {
            spec.when = "alert.bot == \"0xd4\"".to_owned();
            spec.count.as_mut().unwrap().bots = 1;
            spec.stages = stages(&["detectors"], 1);
        }),
        counted(|spec| spec.count.as_mut().unwrap().within = within(25)),
        counted(|spec| spec.distinct = distinct(Distinct::Vendors, 3)),
        counted(|spec| spec.distinct = distinct(Distinct::Attackers, 0)),
        counted(|spec| spec.distinct = distinct(Distinct::Contracts, 2)),
        counted(|spec| {
            spec.distinct = distinct(Distinct::Contracts, 2);
            spec.about = vec!["vault".into(), "pool".into()];
            spec.group = vec![GroupBy::Chain];
        }),
        counted(|spec| {
            spec.distinct = distinct(Distinct::Transactions, 2);
            spec.group = vec![GroupBy::Contract, GroupBy::Transaction];
        }),
        counted(|spec| {
            spec.count = None;
            spec.group = vec![GroupBy::Attacker];
        }),
        counted(|spec| spec.group = vec![GroupBy::Attacker, GroupBy::Attacker]),
        counted(|spec| spec.lasting = Some(within(1))),
        counted(|spec| {
            spec.count = None;
            spec.lasting = Some(within(1));
        }),
        counted(|spec| {
            spec.count = None;
            spec.when = "alert.bot in [\"tenderly:x\", \"alchemy:y\"]".to_owned();
            spec.lasting = Some(within(241));
        }),
        counted(|spec| {
            let steps = ["alert.chain == 10", "alert.severity < LOW"];
            let steps = steps.map(|when| StepSpec { when: when.to_owned(), anywhere: false }).to_vec();
            spec.count = None;
            spec.sequence = Some(SequenceSpec { same: Same::Contract, within: within(25), steps });
        }),
    ]
    .map(told)
    .to_vec();
    assert_snapshot!(said.join("\n--\n"), @r#"
    count: alerts = 2 is fewer than bots = 4, and each alert comes from one bot; ask for at least 4 alerts
    count: 4 different bots are asked for, and `when` admits only 3: it can never be met
    --
    count: 3 different bots are asked for, and `when` admits only 2: it can never be met
    --
    count.including: it can never be true: alert.severity cannot be at most MEDIUM and also CRITICAL
    --
    count.stages: 2 different stages are asked for, and the bots that `when` admits stand for 1: it can never be met
    --
    count.stages: 1 different stages are asked for, and the bots that `when` admits stand for 0: it can never be met
    --
    max_age: within = 25h is longer than max_age = 24h, and what is older than that does not count; write max_age = "25h" or more
    --
    count: vendors = 3 can never be met: alerts = 2, and each has one vendor
    --
    count: attackers is 0; leave it out
    --
    count: contracts = 2 can never be met: each contract has windows of its own; write group = ["chain"]
    --
    count: contracts = 2 can never be met: `about` has 1 on one chain
    --
    count: transactions = 2 can never be met: the alerts are grouped by their transaction
    --
    group: group says nothing without `count`
    --
    group: "attacker" stands in it twice
    --
    for: for and count say different things about when it fires; use one of them
    for: `when` admits only bots that tell of events: no state of theirs could last; states come from Alertmanager, Grafana, PagerDuty, Hypernative, and from alerts with state.id and state.phase in their metadata
    --
    for: `when` admits only bots that tell of events: no state of theirs could last; states come from Alertmanager, Grafana, PagerDuty, Hypernative, and from alerts with state.id and state.phase in their metadata
    --
    for: for must be longer than nothing and at most 240h
    for: `when` admits only bots that tell of events: no state of theirs could last; states come from Alertmanager, Grafana, PagerDuty, Hypernative, and from alerts with state.id and state.phase in their metadata
    --
    max_age: within = 25h is longer than max_age = 24h, and what is older than that does not count; write max_age = "25h" or more
    step: it can never be true: step 1: alert.chain is to be 10, and vault is on 1
    step: it can never be true: step 2: alert.severity cannot be at most INFO and also CRITICAL
    "#);
    // Attackers and entities may all be in one alert, and who may send is not known here.
    for (of, at_least) in [(Distinct::Attackers, 9), (Distinct::Entities, 9), (Distinct::Vendors, 2)] {
        assert_eq!(told(counted(|spec| spec.distinct = distinct(of, at_least))), "it can fire");
    }
}

#[test]
fn steps_that_are_on_no_chain_together_are_an_error() {
    let steps = |one: &str, other: &str| {
        let steps = [one, other].map(|when| StepSpec { when: when.to_owned(), anywhere: false }).to_vec();
        let mut spec = ConditionSpec { count: None, about: vec!["vault".into(), "pool".into()], ..spec() };
        spec.sequence =
            Some(SequenceSpec { same: Same::Attacker, within: SignedDuration::from_mins(10), steps });
        told(spec)
    };
    assert_snapshot!(
        steps("alert.chain == 1", "alert.chain == 10"),
        @"step: it can never be true: no contract is on the chain of every step: step 1 asks for alert.chain to be 1, and pool is on 10; step 2 asks for alert.chain to be 10, and vault is on 1"
    );
    for (one, other) in [
        ("alert.chain == 1", "alert.chain in [1, 10]"),
        ("alert.chain == 10 || alert.severity == CRITICAL", "alert.chain == 1"),
        ("alert.chain == 10", "true"),
    ] {
        assert_eq!(steps(one, other), "it can fire", "{one}; {other}");
    }
}

/// Forta says INFORMATION or INFO of the same thing; here it is one word, and others are none.
#[test]
fn a_finding_type_that_there_is_not_is_an_error() {
    let refused = |when: &str| {
        let spec = ConditionSpec { when: when.to_owned(), count: None, ..spec() };
        let problems = Condition::compile(spec, &bots(), contracts()).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(refused("alert.finding_type == \"INFORMATION\""), @"it can never be true: alert.finding_type is one of EXPLOIT, SUSPICIOUS, DEGRADED, INFO, SCAM, UNKNOWN; Forta's INFORMATION is INFO here");
    assert_snapshot!(refused("alert.finding_type in [\"EXPLIOT\", \"x\"]"), @"it can never be true: alert.finding_type is one of EXPLOIT, SUSPICIOUS, DEGRADED, INFO, SCAM, UNKNOWN");
    for good in ["== \"exploit\"", "in [\"nothing\", \"INFO\"]", "!= \"INFORMATION\""] {
        assert_eq!(refused(&format!("alert.finding_type {good}")), "", "{good}");
    }
}
