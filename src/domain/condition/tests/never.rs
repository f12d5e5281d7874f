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
      when: it can never be true: alert.severity is never at least 6
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
      when: it can never be true: size(alert.addresses) cannot be at least 6 and also at most 2
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

/// What no alert can be, whatever else is asked of it.
#[test]
fn what_no_alert_is_is_told() {
    let said: Vec<String> = [
        "size(alert.addresses) < 0",
        "size(alert.addresses) == -1",
        "0 > size(alert.addresses)",
        "size(alert.name) == 0",
        "size(alert.metadata.x) < 1",
        "alert.name == \"\"",
        "alert.transaction == \"\"",
        "alert.metadata.x == \"\"",
        "alert.bot in [\"\"]",
        "alert.finding_type == \"INFORMATION\"",
        "alert.finding_type in [\"EXPLIOT\", \"SUSPICIOS\"]",
        "alert.finding_type.startsWith(\"ex\") && alert.finding_type.contains(\"y\")",
        "alert.transaction == \"0x1234\"",
        "\"0x5FbDB2315678afecb367f032d93F642f64180a\" in alert.addresses",
        "alert.chain < 0",
        "alert.block.number == -1",
        "alert.chain == 1.5",
        "!has(alert.severity)",
        "!has(alert.addresses) && alert.severity > LOW",
        "alert.name.startsWith(\"drain\") && alert.name.startsWith(\"pause\")",
        "alert.name.endsWith(\"ed\") && alert.name.endsWith(\"ing\")",
        "alert.name.startsWith(\"drained\") && !alert.name.contains(\"DRAIN\")",
        "alert.name.endsWith(\"ed\") && !alert.name.endsWith(\"d\")",
    ]
    .map(|when| format!("{when}\n  {}", told(single(when))))
    .to_vec();
    assert_snapshot!(said.join("\n"), @r#"
    size(alert.addresses) < 0
      when: it can never be true: size(alert.addresses) is never at most -1
    size(alert.addresses) == -1
      when: it can never be true: size(alert.addresses) is never -1
    0 > size(alert.addresses)
      when: it can never be true: size(alert.addresses) is never at most -1
    size(alert.name) == 0
      when: it can never be true: size(alert.name) is never 0
    size(alert.metadata.x) < 1
      when: line 1, column 21: a metadata field has no size
      | size(alert.metadata.x) < 1
      |                     ^
    alert.name == ""
      when: it can never be true: alert.name is never "": what is empty counts as lacking; write !has(alert.name)
    alert.transaction == ""
      when: it can never be true: alert.transaction is never "": what is empty counts as lacking; write !has(alert.transaction)
    alert.metadata.x == ""
      when: it can never be true: alert.metadata.x is never "": what is empty counts as lacking; write !has(alert.metadata.x)
    alert.bot in [""]
      when: it can never be true: alert.bot is never "": it always says something
    alert.finding_type == "INFORMATION"
      when: it can never be true: alert.finding_type is never "information": it is one of UNKNOWN, EXPLOIT, SUSPICIOUS, DEGRADED, INFO, SCAM
    alert.finding_type in ["EXPLIOT", "SUSPICIOS"]
      when: it can never be true: alert.finding_type is never "expliot": it is one of UNKNOWN, EXPLOIT, SUSPICIOUS, DEGRADED, INFO, SCAM
    alert.finding_type.startsWith("ex") && alert.finding_type.contains("y")
      when: it can never be true: alert.finding_type is never containing "y"
    alert.transaction == "0x1234"
      when: it can never be true: alert.transaction is never "0x1234": it is 0x and 64 hex digits
    "0x5FbDB2315678afecb367f032d93F642f64180a" in alert.addresses
      when: it can never be true: alert.addresses never has "0x5fbdb2315678afecb367f032d93f642f64180a": an address is 0x and 40 hex digits
    alert.chain < 0
      when: it can never be true: alert.chain is never at most -1
    alert.block.number == -1
      when: it can never be true: alert.block.number is never -1
    alert.chain == 1.5
      when: it can never be true: alert.chain is to be 1.5, and vault is on 1
    !has(alert.severity)
      when: it can never be true: alert.severity is always there
    !has(alert.addresses) && alert.severity > LOW
      when: it can never be true: alert.addresses is always there
    alert.name.startsWith("drain") && alert.name.startsWith("pause")
      when: it can never be true: alert.name cannot be beginning with "drain" and also beginning with "pause"
    alert.name.endsWith("ed") && alert.name.endsWith("ing")
      when: it can never be true: alert.name cannot be ending with "ed" and also ending with "ing"
    alert.name.startsWith("drained") && !alert.name.contains("DRAIN")
      when: it can never be true: alert.name cannot be beginning with "drained" and also not containing "drain"
    alert.name.endsWith("ed") && !alert.name.endsWith("d")
      when: it can never be true: alert.name cannot be ending with "ed" and also not ending with "d"
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
        "size(alert.addresses) == 0",
        "size(alert.name) == 1",
        "size(alert.addresses) != -1",
        "alert.name != \"\"",
        "!(alert.name == \"\")",
        "alert.name == \"\" || alert.severity == HIGH",
        "!(\"0x01\" in alert.addresses)",
        "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\" in alert.addresses",
        "alert.finding_type == \"info\"",
        "alert.finding_type != \"INFORMATION\"",
        "alert.transaction.startsWith(\"0x\")",
        "!has(alert.transaction)",
        "alert.name.startsWith(\"dr\") && alert.name.startsWith(\"drain\") && alert.name.contains(\"pause\")",
        "alert.name.contains(\"a\") && !alert.name.startsWith(\"a\")",
        "alert.name.startsWith(\"dr\") && !alert.name.startsWith(\"drain\") && !alert.name.contains(\"drain\")",
    ] {
        assert_eq!(told(single(when)), "it can fire", "{when}");
    }
    // One of several contracts is enough.
    let both = ConditionSpec { about: vec!["vault".into(), "pool".into()], ..single("alert.chain == 10") };
    assert_eq!(told(both), "it can fire");
}

#[test]
fn steps_that_can_share_no_transaction_are_an_error() {
    let steps = |same: Same, one: &str, other: &str| {
        let steps = [one, other].map(|when| StepSpec { when: when.to_owned(), anywhere: false }).to_vec();
        let mut spec = ConditionSpec { count: None, ..spec() };
        spec.sequence = Some(SequenceSpec { same, within: SignedDuration::from_mins(10), steps });
        told(spec)
    };
    let is = |digit: u8| format!("alert.transaction == \"0x{}\"", digit.to_string().repeat(64));
    let said = [
        steps(Same::Transaction, "true", "!has(alert.transaction)"),
        steps(Same::Transaction, &is(1), &is(2)),
    ];
    assert_snapshot!(said.join("\n"), @r#"
    step: it can never be true: step 2 asks for alerts without a transaction, and all steps are to share one
    step: it can never be true: all steps are to share one transaction, and with step 2 alert.transaction cannot be "0x1111111111111111111111111111111111111111111111111111111111111111" and also "0x2222222222222222222222222222222222222222222222222222222222222222"
    "#);
    for (same, one, other) in [
        (Same::Attacker, "true", "!has(alert.transaction)"),
        (Same::Contract, is(1).as_str(), is(2).as_str()),
        (Same::Transaction, is(1).as_str(), is(1).as_str()),
        (Same::Transaction, is(1).as_str(), "has(alert.transaction)"),
        (Same::Transaction, "!has(alert.transaction) || alert.severity == CRITICAL", "true"),
    ] {
        assert_eq!(steps(same, one, other), "it can fire", "{one}; {other}");
    }
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
