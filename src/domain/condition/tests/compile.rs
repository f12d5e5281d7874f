//! Conditions that cannot be right.

use insta::assert_snapshot;

use super::*;

fn problems(spec: ConditionSpec) -> String {
    let problems = Condition::compile(spec, &bots(), contracts()).expect_err("it should not compile");
    problems.iter().map(|problem| format!("{}: {problem}", problem.field())).collect::<Vec<_>>().join("\n")
}

#[test]
fn when_cannot_be_nonsense() {
    let said: Vec<String> = [
        "alert.severity >=",
        "alert.nosuch == 1",
        "alert.serverity >= CRITICAL",
        "alert.severity >= \"x\"",
        "alert.severity >= CRITCAL",
        "alert.severity",
        "alert.metadata.profit",
        "alert.metadata > 1",
        "alert.bot in bots.atack_detector",
        "alert.bot in bots.detector",
        "alert.bot == 4",
        "alert.chain == \"mainnet\"",
        "1 in alert.addresses",
        "alert.addresses.contains(\"0x01\")",
        "alert.block.hash == \"0x01\"",
        "alert.name + \"x\" == \"y\"",
        "alert.name && true",
        "severity > 3",
        "read(\"vault\", \"paused()\")",
        "alert.created_at > \"2026-01-01T00:00:00Z\"",
        "alert.description.matches(\"drain.*\")",
        "has(alert.nosuch)",
        "alert",
    ]
    .into_iter()
    .map(|when| problems(ConditionSpec { when: when.to_owned(), ..spec() }))
    .collect();
    assert_snapshot!(said.join("\n\n"), @r#"
    when: line 1, column 18: syntax error: unexpected end
      | alert.severity >=
      |                  ^

    when: line 1, column 7: an alert has no field "nosuch"; it has severity, bot, alert_id, name, description, protocol, finding_type, feed, chain, hash, transaction, block.number, addresses, created_at, event_time, metadata.NAME
      | alert.nosuch == 1
      |       ^

    when: line 1, column 7: an alert has no field "serverity"; did you mean "severity"?
      | alert.serverity >= CRITICAL
      |       ^

    when: line 1, column 16: a whole number and text have no order; only numbers and times have one
      | alert.severity >= "x"
      |                ^

    when: line 1, column 19: unknown name "CRITCAL"; did you mean "CRITICAL"?
      | alert.severity >= CRITCAL
      |                   ^

    when: line 1, column 7: the result must be true or false, and this is a whole number
      | alert.severity
      |       ^

    when: line 1, column 16: the result must be true or false; compare the metadata field, as in `== "true"`
      | alert.metadata.profit
      |                ^

    when: line 1, column 7: name the metadata field, as in alert.metadata.profit
      | alert.metadata > 1
      |       ^

    when: line 1, column 19: there is no list of bots "atack_detector"; there are: detectors
      | alert.bot in bots.atack_detector
      |                   ^

    when: line 1, column 19: there is no list of bots "detector"; did you mean "detectors"?
      | alert.bot in bots.detector
      |                   ^

    when: line 1, column 11: text is never equal to a whole number
      | alert.bot == 4
      |           ^

    when: line 1, column 13: a whole number is never equal to text
      | alert.chain == "mainnet"
      |             ^

    when: line 1, column 3: a whole number is never in a list of texts
      | 1 in alert.addresses
      |   ^

    when: line 1, column 17: only text is searched for text; this searches a list of texts for text; to look into a list, write `x in list`
      | alert.addresses.contains("0x01")
      |                 ^

    when: line 1, column 13: an alert has no field "block.hash"; did you mean "block.number"?
      | alert.block.hash == "0x01"
      |             ^

    when: line 1, column 12: only whole numbers can be calculated with; these are text and text
      | alert.name + "x" == "y"
      |            ^

    when: line 1, column 7: `&&` and `||` join true or false, and this is text
      | alert.name && true
      |       ^

    when: line 1, column 1: unknown name "severity"
      | severity > 3
      | ^

    when: line 1, column 1: `when` looks at the alert alone; what the chain must say belongs in `confirm`
      | read("vault", "paused()")
      | ^

    when: line 1, column 18: a time and text have no order; only numbers and times have one
      | alert.created_at > "2026-01-01T00:00:00Z"
      |                  ^

    when: line 1, column 19: there are no regular expressions here: texts change with a bot's release
      | alert.description.matches("drain.*")
      |                   ^

    when: line 1, column 11: an alert has no field "nosuch"; it has severity, bot, alert_id, name, description, protocol, finding_type, feed, chain, hash, transaction, block.number, addresses, created_at, event_time, metadata.NAME
      | has(alert.nosuch)
      |           ^

    when: line 1, column 1: name the alert's field, as in alert.severity
      | alert
      | ^
    "#);
}

#[test]
fn every_problem_is_reported_at_once() {
    let hopeless = ConditionSpec {
        when: "alert.severity > \"high\"".to_owned(),
        about: vec!["vualt".into(), "vault".into(), "vault".into()],
        count: Some(CountSpec { alerts: 1, bots: 2, within: SignedDuration::ZERO }),
        confirm: Some("read(\"vault\", \"totalAssets()\")".to_owned()),
        respond: Response::Page,
        early: Early::Respond(Response::Propose),
        ..spec()
    };
    assert_snapshot!(problems(hopeless), @r#"
    when: line 1, column 16: a whole number and text have no order; only numbers and times have one
      | alert.severity > "high"
      |                ^
    about: unknown contract "vualt"; did you mean "vault"?
    about: contract "vault" is named twice
    count: alerts = 1 is fewer than bots = 2, and each alert comes from one bot; ask for at least 2 alerts
    count.within: within must be longer than nothing and at most 240h
    early: early = "propose" goes further than respond = "page"
    confirm: line 1, column 1: the result must be true or false, and this is a whole number
      | read("vault", "totalAssets()")
      | ^
    "#);
}

#[test]
fn what_can_never_be_met_is_refused() {
    let count = |alerts, bots, within| Some(CountSpec { alerts, bots, within });
    let minute = SignedDuration::from_mins(1);
    let said: Vec<String> = [
        ConditionSpec { about: vec![], ..spec() },
        ConditionSpec { count: count(0, 0, minute), ..spec() },
        ConditionSpec { count: count(1000, 1, minute), ..spec() },
        ConditionSpec { count: count(4, 4, minute), ..spec() },
        ConditionSpec {
            count: count(2, 2, minute),
            when: "alert.bot == \"0xa1\" && alert.severity > LOW".to_owned(),
            ..spec()
        },
        ConditionSpec {
            count: count(2, 2, minute),
            when: "alert.bot in [\"0xa1\", \"0xA1\"]".to_owned(),
            ..spec()
        },
        ConditionSpec { count: count(2, 2, -minute), ..spec() },
        ConditionSpec { count: count(2, 2, WITHIN_MAX + minute), ..spec() },
        ConditionSpec { early: Early::Respond(Response::Propose), ..spec() },
    ]
    .into_iter()
    .map(problems)
    .collect();
    assert_snapshot!(said.join("\n"), @r#"
    about: it names no contract; a condition must say which contracts it protects
    count: alerts is 0; leave `count` out when one alert is enough
    count: bots is 0; leave `count` out when one alert is enough
    count: 1000 alerts are more than the 256 a window holds
    count: 4 different bots are asked for, and `when` admits only 3: it can never be met
    count: 2 different bots are asked for, and `when` admits only 1: it can never be met
    count: 2 different bots are asked for, and `when` admits only 1: it can never be met
    count.within: within must be longer than nothing and at most 240h
    count.within: within must be longer than nothing and at most 240h
    early: early = "propose" would propose on one alert although `count` asks for more; drop one of them
    "#);
    // either bot may do, so nothing is known about how many there are
    let open = "alert.bot == \"0xa1\" || alert.severity > LOW".to_owned();
    compile_spec(ConditionSpec { count: count(2, 2, minute), when: open, ..spec() });
}

#[test]
fn a_condition_explains_itself() {
    let confirm = Some("read(\"vault\", \"totalAssets()\") < read(\"vault\", \"totalSupply()\")".to_owned());
    let said: Vec<String> = [
        ConditionSpec { confirm, ..spec() },
        ConditionSpec {
            count: None,
            respond: Response::Page,
            about: vec!["vault".into(), "pool".into()],
            ..spec()
        },
        ConditionSpec { early: Early::Nothing, respond: Response::Prepare, ..spec() },
        ConditionSpec { early: Early::Respond(Response::Page), ..spec() },
    ]
    .into_iter()
    .map(|spec| explain(&compile_spec(spec)))
    .collect();
    assert_snapshot!(said.join("\n"), @r#"
    pages, prepares and proposes when 2 alerts from 2 different bots, each with alert.severity >= CRITICAL && alert.bot in bots.detectors, about vault, fall within 10m; one such alert alone, if CRITICAL, pages and prepares; beyond a page only if the chain confirms read("vault", "totalAssets()") < read("vault", "totalSupply()")
    pages on each alert with alert.severity >= CRITICAL && alert.bot in bots.detectors, about vault or pool
    pages and prepares when 2 alerts from 2 different bots, each with alert.severity >= CRITICAL && alert.bot in bots.detectors, about vault, fall within 10m; one alert alone does nothing
    pages, prepares and proposes when 2 alerts from 2 different bots, each with alert.severity >= CRITICAL && alert.bot in bots.detectors, about vault, fall within 10m; one such alert alone pages
    "#);
}

#[test]
fn early_is_read_and_written_as_one_word() {
    for word in ["critical", "nothing", "page", "prepare", "propose"] {
        let early: Early = serde_json::from_str(&format!("{word:?}")).unwrap();
        assert_eq!(serde_json::to_string(&early).unwrap(), format!("{word:?}"));
    }
    assert!(serde_json::from_str::<Early>("\"soon\"").is_err());
    assert!(Response::Page < Response::Prepare && Response::Prepare < Response::Propose);
}

/// `when` by itself, over one alert.
#[test]
fn fields_mean_what_they_say() {
    let table = [
        ("alert.severity == 5 && alert.severity >= HIGH", Some(true)),
        ("alert.bot == \"0xA1\"", Some(true)),
        ("alert.bot in bots[\"detectors\"]", Some(true)),
        ("alert.alert_id in [\"ATTACK-DETECTOR-1\", \"ATTACK-DETECTOR-2\"]", Some(true)),
        (
            "alert.finding_type == \"EXPLOIT\" && alert.protocol == \"Ethereum\" && alert.feed == \"forta\"",
            Some(true),
        ),
        ("alert.chain == 1 && alert.hash == \"0xH\"", Some(true)),
        (
            "alert.transaction == \"0x0909090909090909090909090909090909090909090909090909090909090909\"",
            Some(true),
        ),
        ("alert.block.number == 1000000", Some(true)),
        ("\"0x5FBDB2315678AFECB367F032D93F642F64180AA3\" in alert.addresses", Some(true)),
        ("alert.addresses.exists(a, a == \"0x5fbdb2315678afecb367f032d93f642f64180aa3\")", Some(true)),
        ("alert.metadata.anomalyScore < 0.1", Some(true)),
        ("alert.metadata.anomalyScore > 0.1", Some(false)),
        ("0.1 > alert.metadata[\"anomalyScore\"]", Some(true)),
        ("alert.metadata.profit > 1000000000000000000000", Some(true)),
        ("alert.event_time >= timestamp(\"2026-01-01T00:00:00Z\")", Some(true)),
        ("alert.created_at > alert.event_time", Some(true)),
        ("alert.description.contains(\"EVIL\")", Some(true)),
        ("has(alert.metadata.profit) && !has(alert.metadata.loss)", Some(true)),
        ("has(alert.metadata.loss) && alert.metadata.loss > 1", Some(false)),
        ("alert.metadata.loss > 1 || alert.severity == CRITICAL", Some(true)),
        ("alert.metadata.loss > 1", None),
        ("alert.metadata.loss > 1 && alert.severity == CRITICAL", None),
        ("alert.metadata.profit == true", None),
    ];
    for (when, expected) in table {
        let spec = ConditionSpec { when: when.to_owned(), count: None, ..spec() };
        let mut matcher = matcher(spec);
        let observation = matcher.observe(&alert("0xh", "0xa1", 0));
        let found = (!observation.matches.is_empty(), observation.notes.is_empty());
        let wanted = match expected {
            Some(holds) => (holds, true),
            None => (false, false),
        };
        assert_eq!(found, wanted, "{when}: {:?}", observation.notes);
    }
}
