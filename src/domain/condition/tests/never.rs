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
    assert_snapshot!(said.join("\n"), @"");
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
    assert_snapshot!(said.join("\n--\n"), @"");
    // Attackers and entities may all be in one alert, and who may send is not known here.
    for (of, at_least) in [(Distinct::Attackers, 9), (Distinct::Entities, 9), (Distinct::Vendors, 2)] {
        assert_eq!(told(counted(|spec| spec.distinct = distinct(of, at_least))), "it can fire");
    }
}
