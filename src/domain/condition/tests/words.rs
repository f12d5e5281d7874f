//! Lists and macros by name.

use insta::assert_snapshot;

use super::*;

fn lists() -> Lists {
    let texts = |texts: &[&str]| ListItems::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
    Lists::from([
        ("drain_ids".to_owned(), texts(&["ATTACK-DETECTOR-2", "DRAIN"])),
        ("routers".to_owned(), texts(&["0x0101010101010101010101010101010101010101"])),
        ("layer_two".to_owned(), ListItems::Numbers(vec![10, 8453])),
        ("long".to_owned(), texts(&["a", "b", "c", "d", "e", "f", "g"])),
        ("none".to_owned(), ListItems::Texts(Vec::new())),
    ])
}

fn macros(texts: &[(&str, &str)]) -> Macros {
    texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn compiled(spec: ConditionSpec, macros: &Macros) -> Result<Condition, String> {
    let (bots, lists, vendors) = (bots(), lists(), Vendors::new());
    let words = Words { bots: &bots, lists: &lists, macros, vendors: &vendors, origins: &Origins::new() };
    Condition::compile_with(spec, words, contracts()).map_err(|problems| {
        let told = problems.iter().map(|problem| format!("{}: {problem}", problem.field()));
        told.collect::<Vec<_>>().join("\n")
    })
}

fn single(when: &str) -> ConditionSpec {
    ConditionSpec { when: when.to_owned(), count: None, ..spec() }
}

const MACROS: [(&str, &str); 4] = [
    ("critical", "alert.severity >= CRITICAL"),
    ("drained", "critical && alert.alert_id in lists.drain_ids"),
    ("by_router", "alert.addresses.exists(a, a in lists.routers)"),
    ("trusted", "alert.bot in bots.detectors"),
];

#[test]
fn lists_and_macros_mean_what_they_stand_for() {
    let macros = macros(&MACROS);
    let table = [
        ("alert.alert_id in lists.drain_ids", true),
        ("!(alert.alert_id in lists.drain_ids)", false),
        ("alert.chain in lists.layer_two || drained", true),
        ("alert.chain in lists.layer_two || alert.severity < LOW", false),
        ("alert.addresses.exists(a, a in lists.routers)", true),
        ("lists.routers.all(r, r in alert.addresses)", true),
        ("size(lists.long) == 7 && critical", true),
        ("drained && trusted", true),
        ("!drained", false),
        ("by_router", true),
        // The variable of a macro is its own, wherever it is used.
        ("lists.long.exists(a, a == \"a\" && by_router)", true),
        (
            "alert.addresses.exists(a, a == \"0x0202020202020202020202020202020202020202\" && by_router)",
            false,
        ),
        ("[\"x\"].exists(critical, critical == \"x\")", true),
    ];
    for (when, expected) in table {
        let condition = compiled(single(when), &macros).unwrap_or_else(|told| panic!("{when}: {told}"));
        let mut matcher = Matcher::new(vec![("r".into(), condition)]);
        assert_eq!(story(&mut matcher, &[alert("0x1", "0xa1", 0)]) == "F", expected, "{when}");
    }
}

#[test]
fn macros_may_stand_wherever_an_alert_is_judged() {
    let macros = macros(&MACROS);
    let counted = ConditionSpec {
        when: "trusted".to_owned(),
        including: Some("drained".to_owned()),
        early: Early::Nothing,
        ..spec()
    };
    let condition = compiled(counted, &macros).unwrap();
    assert_snapshot!(explain(&condition), @r#"pages, prepares and proposes when 2 alerts from 2 different bots, each with trusted, about vault, fall within 10m, at least one with drained; one alert alone does nothing; critical is alert.severity >= CRITICAL; drained is critical && alert.alert_id in lists.drain_ids; trusted is alert.bot in bots.detectors; lists.drain_ids is "ATTACK-DETECTOR-2", "DRAIN""#);
    let other = Alert { alert_id: "OTHER".to_owned(), ..alert("0x1", "0xa1", 0) };
    let mut matcher = Matcher::new(vec![("r".into(), condition)]);
    let stream =
        [other.clone(), Alert { hash: AlertHash("0x2".to_owned()), bot: BotId::new("0xb2"), ..other }];
    assert_eq!(story(&mut matcher, &stream), "..");
    assert_eq!(story(&mut matcher, &[alert("0x3", "0xb2", 5)]), "F");

    let steps =
        ["trusted", "drained"].map(|when| StepSpec { when: when.to_owned(), anywhere: false }).to_vec();
    let within = SignedDuration::from_mins(10);
    let sequence = Some(SequenceSpec { same: Same::Contract, within, steps });
    let ordered = ConditionSpec { when: "true".to_owned(), count: None, sequence, ..spec() };
    let mut matcher = Matcher::new(vec![("r".into(), compiled(ordered, &macros).unwrap())]);
    assert_eq!(story(&mut matcher, &[alert("0x1", "0xa1", 0), alert("0x2", "0xa1", 1)]), ".F");
    let long = compiled(single("alert.alert_id in lists.long"), &macros).unwrap();
    assert_snapshot!(explain(&long), @r#"pages, prepares and proposes on each alert with alert.alert_id in lists.long, about vault; lists.long is "a", "b", "c", "d", "e" and 2 more"#);
}

#[test]
fn wrong_words_are_told_with_what_was_probably_meant() {
    let macros = macros(&[
        ("critical", "alert.severity >= CRITICAL"),
        ("loop_a", "loop_b"),
        ("loop_b", "critical && loop_c"),
        ("loop_c", "loop_a"),
        ("typo", "alert.sevrity > 1"),
        ("deep", "typo || critical"),
    ]);
    let said: Vec<String> = [
        "alert.alert_id in lists.drain_id",
        "alert.alert_id in lists.nothing_like_it",
        "alert.alert_id in lists.none",
        "alert.alert_id in lists",
        "alert.alert_id in lists.layer_two",
        "crticial",
        "critical.x == 1",
        "has(critical)",
        "critical == 5",
        "loop_a",
        "typo",
        "deep",
    ]
    .map(|when| compiled(single(when), &macros).expect_err(when))
    .to_vec();
    assert_snapshot!(said.join("\n"), @r#"
    when: line 1, column 25: there is no list "drain_id" in [lists]; did you mean "drain_ids"?
      | alert.alert_id in lists.drain_id
      |                         ^
    when: line 1, column 25: there is no list "nothing_like_it" in [lists]; there are: drain_ids, layer_two, long, none, routers
      | alert.alert_id in lists.nothing_like_it
      |                         ^
    when: line 1, column 25: the list "none" is empty
      | alert.alert_id in lists.none
      |                         ^
    when: line 1, column 19: name a list, as in lists.drain_ids
      | alert.alert_id in lists
      |                   ^
    when: line 1, column 16: text is never in a list of whole numbers
      | alert.alert_id in lists.layer_two
      |                ^
    when: line 1, column 1: unknown name "crticial"; did you mean "CRITICAL"?
      | crticial
      | ^
    when: line 1, column 10: unknown name "critical"; did you mean "CRITICAL"?
      | critical.x == 1
      |          ^
    when: line 1, column 5: this is always there
      | has(critical)
      |     ^
    when: line 1, column 10: true or false is never equal to a whole number
      | critical == 5
      |          ^
    when: line 1, column 1: the macro "loop_a" uses itself: loop_a uses loop_b uses loop_c uses loop_a
      | loop_a
      | ^
    when: line 1, column 1: the macro "typo" is wrong: an alert has no field "sevrity"; did you mean "severity"?
      | typo
      | ^
    when: line 1, column 1: the macro "typo" is wrong: an alert has no field "sevrity"; did you mean "severity"?
      | deep
      | ^
    "#);
}

#[test]
fn every_macro_is_checked_whether_it_is_used_or_not() {
    let macros = macros(&[
        ("alert", "true"),
        ("CRITICAL", "true"),
        ("good", "alert.severity >= HIGH"),
        ("never", "good && alert.severity < LOW"),
        ("no_truth", "alert.severity"),
        ("again", "again || good"),
        ("loop", "good"),
        ("wrong", "good && nosuch"),
    ]);
    let (bots, lists, vendors) = (bots(), lists(), Vendors::new());
    let words =
        Words { bots: &bots, lists: &lists, macros: &macros, vendors: &vendors, origins: &Origins::new() };
    let told: Vec<String> =
        words.wrong_macros().into_iter().map(|(name, error)| format!("{name}: {}", error.message)).collect();
    assert_snapshot!(told.join("\n"), @r#"
    CRITICAL: "CRITICAL" has a meaning already; call the macro something else
    again: the macro "again" uses itself: again uses again
    alert: "alert" has a meaning already; call the macro something else
    loop: "loop" has a meaning already; call the macro something else
    never: it can never be true: alert.severity cannot be at least HIGH and also at most INFO
    no_truth: the result must be true or false, and this is a whole number
    wrong: unknown name "nosuch"; did you mean "no_truth"?
    "#);
}

#[test]
fn what_macros_stand_for_is_bounded_as_if_it_were_written_out() {
    // Each uses the one before twice: written out, the last has 2^40 parts.
    let names: Vec<String> = (0..40).map(|n| format!("m{n}")).collect();
    let mut macros = Macros::from([(names[0].clone(), "alert.severity >= LOW".to_owned())]);
    for pair in names.windows(2) {
        macros.insert(pair[1].clone(), format!("{0} && {0}", pair[0]));
    }
    let told = compiled(single("m39"), &macros).unwrap_err();
    assert!(told.contains("more than 400 parts, macros written out"), "{told}");
    assert!(compiled(single("m6"), &macros).is_ok());
    let mut nested = Macros::from([(
        "inner".to_owned(),
        "alert.addresses.exists(a, alert.addresses.exists(b, a == b))".to_owned(),
    )]);
    nested.insert("outer".to_owned(), "alert.addresses.all(c, inner)".to_owned());
    let told = compiled(single("outer"), &nested).unwrap_err();
    assert!(told.contains("nested deeper than 2"), "{told}");
    // A chain of five hundred needs no deep stack.
    let mut chain = Macros::from([("c0".to_owned(), "alert.severity >= LOW".to_owned())]);
    for n in 1..500 {
        chain.insert(format!("c{n}"), format!("c{}", n - 1));
    }
    assert!(compiled(single("c499"), &chain).is_ok());
}

#[test]
fn what_is_written_over_several_lines_is_explained_on_one() {
    let spec = ConditionSpec {
        when: "\nalert.severity >= CRITICAL\n    && alert.name == \"a  b\"\n".to_owned(),
        including: Some("alert.chain == 1\n|| alert.chain == 10\n".to_owned()),
        ..spec()
    };
    assert_snapshot!(explain(&compile_spec(spec)), @r#"pages, prepares and proposes when 2 alerts from 2 different bots, each with alert.severity >= CRITICAL && alert.name == "a  b", about vault, fall within 10m, at least one with alert.chain == 1 || alert.chain == 10; one such alert alone, if CRITICAL, pages and prepares"#);
}
