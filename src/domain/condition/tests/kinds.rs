//! Sequences, silence, and what a count may ask for beside numbers.

use insta::assert_snapshot;

use super::*;

const EVE: Address = Address::repeat_byte(0xee);

fn step(when: &str, anywhere: bool) -> StepSpec {
    StepSpec { when: when.to_owned(), anywhere }
}

pub(super) fn sequence(same: Same) -> ConditionSpec {
    let steps = vec![
        step("alert.bot == \"0xa1\"", same == Same::Attacker),
        step("alert.bot == \"0xb2\"", false),
        step("alert.bot == \"0xc3\"", false),
    ];
    ConditionSpec {
        when: "true".to_owned(),
        count: None,
        sequence: Some(SequenceSpec { same, within: SignedDuration::from_mins(10), steps }),
        ..spec()
    }
}

fn by(hash: &str, bot: &str, second: i64, attacker: Address) -> Alert {
    Alert { addresses: vec![attacker, VAULT], ..alert(hash, bot, second) }
}

pub(super) fn funded(hash: &str, second: i64, attacker: Address) -> Alert {
    Alert { addresses: vec![attacker], ..alert(hash, "0xa1", second) }
}

#[test]
fn steps_come_in_order_of_event_time_whatever_the_order_of_arrival() {
    let steps = [funded("0x1", 0, EVE), by("0x2", "0xb2", 60, EVE), by("0x3", "0xc3", 60, EVE)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let stream = order.map(|index| steps[index].clone());
        assert_eq!(story(&mut matcher(sequence(Same::Attacker)), &stream), "..F", "{order:?}");
    }
    let late = [funded("0x1", 61, EVE), steps[1].clone(), steps[2].clone()];
    assert_eq!(story(&mut matcher(sequence(Same::Attacker)), &late), "...", "funded afterwards");
    let table = [(660, "..."), (600, "..F")];
    for (last, expected) in table {
        let wide = [steps[0].clone(), steps[1].clone(), by("0x3", "0xc3", last, EVE)];
        assert_eq!(story(&mut matcher(sequence(Same::Attacker)), &wide), expected, "{last} s");
    }
}

#[test]
fn steps_share_what_is_asked_for_and_not_what_is_protected() {
    let other = Address::repeat_byte(0xdd);
    let stream = [funded("0x1", 0, other), by("0x2", "0xb2", 10, EVE), by("0x3", "0xc3", 20, EVE)];
    assert_eq!(story(&mut matcher(sequence(Same::Attacker)), &stream), "...");
    let vault = [funded("0x1", 0, VAULT), by("0x2", "0xb2", 10, EVE), by("0x3", "0xc3", 20, EVE)];
    assert_eq!(story(&mut matcher(sequence(Same::Attacker)), &vault), "...", "the vault is no attacker");
    let elsewhere = Alert { chain: ChainId(10), ..funded("0x1", 0, EVE) };
    let stream = [elsewhere, by("0x2", "0xb2", 10, EVE), by("0x3", "0xc3", 20, EVE)];
    assert_eq!(story(&mut matcher(sequence(Same::Attacker)), &stream), "...", "another chain");

    let stream = [by("0x1", "0xa1", 0, other), by("0x2", "0xb2", 10, EVE), by("0x3", "0xc3", 20, EVE)];
    assert_eq!(story(&mut matcher(sequence(Same::Contract)), &stream), "..F");
    assert_eq!(story(&mut matcher(sequence(Same::Transaction)), &stream), "..F");
    let mut elsewhere = stream.clone();
    elsewhere[1].transaction = Some(B256::repeat_byte(1));
    assert_eq!(story(&mut matcher(sequence(Same::Transaction)), &elsewhere), "...");
}

#[test]
fn a_sequence_is_spent_as_a_whole() {
    let mut matcher = matcher(sequence(Same::Attacker));
    let first = [funded("0x1", 0, EVE), by("0x2", "0xb2", 10, EVE), by("0x3", "0xc3", 20, EVE)];
    assert_eq!(story(&mut matcher, &first), "..F");
    assert_eq!(story(&mut matcher, &[by("0x4", "0xc3", 30, EVE)]), ".", "the same attack");
    assert_eq!(story(&mut matcher, &[funded("0x5", 5, EVE), by("0x6", "0xb2", 12, EVE)]), ".F");
    // Taken back, it fires again, once.
    let last = by("0x6", "0xb2", 12, EVE);
    matcher.forget(&last);
    assert_eq!(story(&mut matcher, &[last.clone(), last]), "F.");
}

#[test]
fn a_step_in_an_unknown_block_pages_until_it_is_known() {
    let mut matcher = matcher(sequence(Same::Attacker));
    assert_eq!(story(&mut matcher, &[funded("0x1", 0, EVE), by("0x2", "0xb2", 10, EVE)]), "..");
    let last = by("0x3", "0xc3", 20, EVE);
    let seen = matcher.observe(&last, &Known { block: Canonicity::Unknown, now: None });
    assert_eq!(seen.matches[0].downgraded, Some(Downgrade::UnknownBlock));
    let (matches, _) = matcher.learn(&BlockId::of(&last).unwrap(), Canonicity::Canonical);
    assert_eq!((matches.len(), matches[0].response), (1, Response::Propose));
    assert_snapshot!(matches[0].because, @"3 alerts from 3 bots about vault, in this order, all about the attacker 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE within 10m, satisfy all 3 steps of `sequence`: 0x1 (bot 0xa1), 0x2 (bot 0xb2), 0x3 (bot 0xc3)");
}

fn heartbeat(tenths: Option<u32>) -> ConditionSpec {
    ConditionSpec {
        when: "alert.bot == \"0xbeat\"".to_owned(),
        count: None,
        absent: Some(AbsenceSpec { after: SignedDuration::from_mins(10), tenths_of_interval: tenths }),
        respond: Response::Page,
        ..spec()
    }
}

/// Beats are made 30 s after their event time; the clock is what two bots have made.
fn beat(second: i64) -> Alert {
    Alert { addresses: Vec::new(), ..alert(&format!("0xbeat{second}"), "0xbeat", second - 30) }
}

fn others(second: i64) -> [Alert; 2] {
    ["0xd4", "0xe5"]
        .map(|bot| Alert { addresses: Vec::new(), ..alert(&format!("{bot}{second}"), bot, second - 30) })
}

#[test]
fn silence_is_told_once_and_again_after_a_beat() {
    let mut matcher = matcher(heartbeat(None));
    let mut fired = Vec::new();
    for second in (0..6_000).step_by(100) {
        let mut stream = others(second).to_vec();
        if second < 1_000 && second % 300 == 0 || second == 3_000 {
            stream.insert(0, beat(second));
        }
        for alert in stream {
            if matcher.observe(&alert, &Known::CANONICAL).matches.len() == 1 {
                fired.push(second);
            }
        }
    }
    // Beats until 900: silent from 1,500 on; one at 3,000: from 3,600 on.
    assert_eq!(fired, [1_600, 3_700]);
}

/// Where nobody else speaks, the clock stands still until the beat is back: it tells of the silence before it.
#[test]
fn a_beat_tells_of_the_silence_before_it() {
    let mut matcher = matcher(heartbeat(Some(25)));
    let mut told = Vec::new();
    for second in [0, 300, 600, 900, 1_200, 1_800, 2_100, 2_851, 3_151] {
        let seen = matcher.observe(&beat(second), &Known::CANONICAL);
        told.extend(seen.matches.iter().map(|found| (second, found.because.clone())));
    }
    // Twice the usual distance is none; one second more than two and a half times is.
    let [(2_851, because)] = told.as_slice() else { panic!("{told:?}") };
    assert_snapshot!(because, @"no heartbeat for 12m 31s, and 12m 30s would be the longest silence for `absent`; the last was 0xbeat2100");
}

#[test]
fn one_clock_in_the_future_makes_no_silence() {
    let mut matcher = matcher(heartbeat(None));
    assert_eq!(story(&mut matcher, &[beat(0), others(60)[0].clone(), others(9_000)[1].clone()]), "...");
    assert!(matcher.tick(at(600)).is_empty());
    assert_eq!(matcher.tick(at(601)).len(), 1, "the clock of the day counts");
    assert!(matcher.tick(at(9_000)).is_empty());
}

/// A beat that says it was made tomorrow was heard now: else nobody would miss the next ones until tomorrow.
#[test]
fn a_beat_from_the_future_hides_no_silence() {
    let mut matcher = matcher(heartbeat(None));
    let known = |now| Known { block: Canonicity::Canonical, now: Some(at(now)) };
    assert!(matcher.tick(at(0)).is_empty());
    let seen = matcher.observe(&beat(24 * 3_600), &known(300));
    assert!(seen.matches.is_empty());
    assert!(matcher.tick(at(900)).is_empty());
    assert_eq!(matcher.tick(at(901)).len(), 1);
    let seen = matcher.observe(&beat(1_000), &known(1_000));
    assert!(seen.matches.is_empty(), "told once");
    assert!(matcher.tick(at(1_600)).is_empty(), "and it was heard again");
}

#[test]
fn after_a_start_there_is_grace_and_then_silence() {
    let mut matcher = matcher(heartbeat(None));
    assert!(matcher.tick(at(0)).is_empty());
    assert!(matcher.tick(at(600)).is_empty());
    let told = matcher.tick(at(601));
    assert_snapshot!(told[0].because, @"no heartbeat for 10m 1s, and 10m would be the longest silence for `absent`; there was none since the start");
}

#[test]
fn the_usual_distance_is_learned_from_four_beats() {
    let mut matcher = matcher(heartbeat(Some(25)));
    assert!(matcher.tick(at(0)).is_empty());
    let beats = [0, 500, 1_000, 1_500].map(beat);
    assert_eq!(story(&mut matcher, &beats), "....");
    assert!(matcher.tick(at(1_500 + 1_250)).is_empty(), "two and a half times 500 s");
    assert_eq!(matcher.tick(at(1_500 + 1_251)).len(), 1);
}

#[test]
fn a_count_may_ask_for_feeds_for_stages_and_for_one_of_a_kind() {
    let from = |feed: &str, hash: &str, bot: &str| Alert { feed: feed.into(), ..alert(hash, bot, 0) };
    let count = CountSpec { alerts: 2, bots: 1, feeds: 2, within: SignedDuration::from_mins(10) };
    let feeds = ConditionSpec { count: Some(count), early: Early::Nothing, ..spec() };
    let stream = [from("forta", "0x1", "0xa1"), from("forta", "0x2", "0xb2"), from("other", "0x3", "0xb2")];
    assert_eq!(story(&mut matcher(feeds), &stream), "..F");

    let lists = BotLists::from([
        ("detectors".to_owned(), ["0xa1", "0xb2", "0xc3"].map(BotId::new).to_vec()),
        ("early".to_owned(), ["0xa1", "0xb2"].map(BotId::new).to_vec()),
        ("late".to_owned(), vec![BotId::new("0xc3")]),
    ]);
    let stages = StagesSpec { of: vec!["early".to_owned(), "late".to_owned()], at_least: 2 };
    let staged = ConditionSpec { stages: Some(stages), early: Early::Nothing, ..spec() };
    let condition = Condition::compile(staged, &lists, contracts()).unwrap();
    let mut matcher = Matcher::new(vec![("pause-vault".into(), condition)]);
    let stream = [alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 1), alert("0x3", "0xc3", 2)];
    assert_eq!(story(&mut matcher, &stream), "..F");

    let including = Some("alert.metadata.profit > 2000000000000000000000".to_owned());
    let rich = ConditionSpec { including, early: Early::Nothing, ..spec() };
    let mut profit = alert("0x3", "0xa1", 2);
    profit.metadata.insert("profit".to_owned(), serde_json::json!("2000000000000000000000.5"));
    let stream = [alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 1), profit];
    assert_eq!(story(&mut super::matcher(rich), &stream), "..F");
}

#[test]
fn what_can_never_fire_is_an_error_and_what_can_is_a_sentence() {
    let of = |spec: ConditionSpec| match Condition::compile(spec, &bots(), contracts()) {
        Ok(condition) => explain(&condition),
        Err(problems) => {
            let told = problems.iter().map(|problem| format!("{}: {problem}", problem.field()));
            told.collect::<Vec<_>>().join("\n")
        }
    };
    let absent = || Some(AbsenceSpec { after: SignedDuration::from_mins(10), tenths_of_interval: Some(25) });
    let stages =
        |at_least| Some(StagesSpec { of: vec!["detectors".to_owned(), "nobody".to_owned()], at_least });
    let mut anywhere = sequence(Same::Attacker);
    let steps = anywhere.sequence.as_mut().map(|sequence| &mut sequence.steps).unwrap();
    steps.iter_mut().for_each(|step| step.anywhere = true);
    let mut one = sequence(Same::Contract);
    one.sequence.as_mut().unwrap().steps.truncate(1);
    one.sequence.as_mut().unwrap().steps[0].anywhere = true;
    let mut typo = sequence(Same::Transaction);
    typo.sequence.as_mut().unwrap().steps[1].when = "alert.bot == bots.detector".to_owned();
    let table = [
        sequence(Same::Attacker),
        heartbeat(Some(25)),
        ConditionSpec {
            retracted_by: Some("detectors".to_owned()),
            max_age: SignedDuration::from_hours(2),
            ..spec()
        },
        anywhere,
        one,
        typo,
        ConditionSpec { absent: absent(), ..spec() },
        ConditionSpec { stages: stages(3), ..spec() },
        ConditionSpec { retracted_by: Some("detector".to_owned()), ..spec() },
        ConditionSpec { max_age: SignedDuration::ZERO, ..spec() },
        ConditionSpec { including: Some("alert.sevrity > 1".to_owned()), ..spec() },
        ConditionSpec {
            count: Some(CountSpec { alerts: 2, bots: 1, feeds: 3, within: SignedDuration::from_mins(1) }),
            ..spec()
        },
    ];
    assert_snapshot!(table.map(of).join("\n--\n"), @r#"
    pages, prepares and proposes when alerts with the same attacker come in this order within 10m, for vault: one with alert.bot == "0xa1"; then one with alert.bot == "0xb2" and about the contract; then one with alert.bot == "0xc3" and about the contract
    --
    pages when no alert with alert.bot == "0xbeat" was made for 10m (2.5 times the usual distance, once four were heard), because vault would go unwatched
    --
    pages, prepares and proposes when 2 alerts from 2 different bots, each with alert.severity >= CRITICAL && alert.bot in bots.detectors, about vault, fall within 10m; one such alert alone, if CRITICAL, pages and prepares; not on alerts whose attacker was cleared by one of bots.detectors; alerts older than 2h do not count
    --
    sequence: no step names the contract; at least one must not be `anywhere`
    --
    sequence: a sequence has from 2 to 8 steps, and this one 1
    sequence: no step names the contract; at least one must not be `anywhere`
    sequence: steps that share the contract cannot be anywhere
    --
    step: step 2: line 1, column 19: there is no list of bots "detector"; did you mean "detectors"?
      | alert.bot == bots.detector
      |                   ^
    --
    absent: absent and count say different things about when it fires; use one of them
    --
    count.stages: 3 different stages are asked for of 2 that are listed: it can never be met
    count.stages: there is no list of bots "nobody"
    --
    retracted_by: there is no list of bots "detector"; did you mean "detectors"?
    --
    max_age: max_age must be longer than nothing and at most 240h
    --
    count.including: line 1, column 7: an alert has no field "sevrity"; did you mean "severity"?
      | alert.sevrity > 1
      |       ^
    --
    count: feeds = 3 is more than alerts = 2, and each alert comes from one feed
    "#);
}
