//! What is lacking, kind by kind.

use insta::assert_snapshot;

use super::*;

fn told(matcher: &Matcher, hash: &str) -> Vec<String> {
    let standing = matcher.standing(&AlertHash(hash.to_owned()), true);
    standing.into_iter().map(|here| here.told).collect()
}

fn heard(matcher: &mut Matcher, alerts: &[Alert]) -> String {
    story(matcher, alerts)
}

/// Hash, bot and second.
type Said = (&'static str, &'static str, i64);

fn three(within_mins: i64) -> ConditionSpec {
    let within = SignedDuration::from_mins(within_mins);
    let count = Some(CountSpec { alerts: 3, bots: 3, feeds: 1, within });
    ConditionSpec { count, early: Early::Nothing, ..spec() }
}

#[test]
fn a_count_says_what_its_best_window_lacks() {
    let table: [(&[Said], &str); 6] = [
        (&[("0x1", "0xa1", 0)], "vault: 1 of 3 alerts, 1 of 3 different bots within 15m"),
        (
            &[("0x1", "0xa1", 0), ("0x2", "0xa1", 60)],
            "vault: 2 of 3 alerts, 1 of 3 different bots within 15m",
        ),
        // Both ends of a window count.
        (
            &[("0x1", "0xa1", 0), ("0x2", "0xb2", 900)],
            "vault: 2 of 3 alerts, 2 of 3 different bots within 15m",
        ),
        (
            &[("0x1", "0xa1", 0), ("0x2", "0xb2", 901)],
            "vault: 1 of 3 alerts, 1 of 3 different bots within 15m",
        ),
        // Ten minutes before and ten after are no window of fifteen.
        (
            &[("0x2", "0xb2", 0), ("0x1", "0xa1", 600), ("0x3", "0xc3", 1_200)],
            "vault: 2 of 3 alerts, 2 of 3 different bots within 15m",
        ),
        (
            &[("0x1", "0xa1", 0), ("0x2", "0xa1", 1), ("0x3", "0xb2", 2), ("0x4", "0xb2", 3)],
            "vault: 4 alerts (3 wanted), 2 of 3 different bots within 15m",
        ),
    ];
    for (stream, expected) in table {
        let mut matcher = matcher(three(15));
        let alerts: Vec<Alert> = stream.iter().map(|(hash, bot, second)| alert(hash, bot, *second)).collect();
        assert!(!heard(&mut matcher, &alerts).contains('F'));
        assert_eq!(told(&matcher, "0x1"), [expected], "{stream:?}");
    }
}

#[test]
fn who_took_part_or_was_never_taken_waits_for_nothing() {
    let mut matcher = matcher(three(15));
    let alerts = [alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 1)];
    assert_eq!(heard(&mut matcher, &alerts), "..");
    assert_eq!(matcher.standing(&AlertHash("0x1".to_owned()), false), [], "of another trust");
    assert_eq!(told(&matcher, "0x9"), [""; 0], "never seen");
    assert_eq!(heard(&mut matcher, &[alert("0x3", "0xc3", 2), alert("0x4", "0xa1", 3)]), "F.");
    for spent in ["0x1", "0x2", "0x3"] {
        assert_eq!(told(&matcher, spent), [""; 0], "{spent}");
    }
    // Whom others' firing has used up does not help it.
    assert_eq!(told(&matcher, "0x4"), ["vault: 1 of 3 alerts, 1 of 3 different bots within 15m"]);
}

#[test]
fn whatever_else_is_asked_is_told_as_well() {
    let stages = StagesSpec { of: vec!["detectors".to_owned()], at_least: 1 };
    let asked = ConditionSpec {
        including: Some("alert.alert_id == \"DRAIN\"".to_owned()),
        stages: Some(stages),
        distinct: vec![DistinctSpec { of: Distinct::Transactions, at_least: 2 }],
        group: vec![GroupBy::Chain],
        ..three(15)
    };
    let mut matcher = matcher(asked);
    assert_eq!(heard(&mut matcher, &[alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 1)]), "..");
    assert_eq!(
        told(&matcher, "0x1"),
        [
            "vault: 2 of 3 alerts, 2 of 3 different bots, 1 of 2 different transactions within 15m, none of them with \
          `including`"
        ]
    );
    let here = matcher.standing(&AlertHash("0x1".to_owned()), true).remove(0);
    assert!(!here.progress.is_complete());
    let json = serde_json::to_string(&here).unwrap();
    assert_snapshot!(json, @r#"{"runbook":"pause-vault","condition":"drain","contracts":["vault"],"kind":"count","needs":[{"of":"alerts","has":2,"wanted":3},{"of":"bots","has":2,"wanted":3},{"of":"transactions","has":1,"wanted":2}],"including":false,"within":"PT15M","told":"vault: 2 of 3 alerts, 2 of 3 different bots, 1 of 2 different transactions within 15m, none of them with `including`"}"#);
}

/// Alert ids are the steps `0` to `2`; the first need not name the contract.
fn steps() -> ConditionSpec {
    let step = |id: usize| StepSpec { when: format!("alert.alert_id.contains(\"{id}\")"), anywhere: id == 0 };
    let within = SignedDuration::from_mins(60);
    let sequence = SequenceSpec { same: Same::Transaction, within, steps: (0..3).map(step).collect() };
    ConditionSpec { when: "true".to_owned(), count: None, sequence: Some(sequence), ..spec() }
}

#[test]
fn a_sequence_says_which_steps_are_missing() {
    let table: [(&[(&str, i64)], &str); 6] = [
        (&[("0", 0)], "1 of 3 steps in order within 1h, steps 2 and 3 are missing"),
        (&[("0", 0), ("1", 10)], "2 of 3 steps in order within 1h, step 3 is missing"),
        (&[("1", 0), ("2", 10)], "2 of 3 steps in order within 1h, step 1 is missing"),
        // Out of order, or out of time.
        (&[("2", 0), ("1", 10), ("0", 20)], "1 of 3 steps in order within 1h, steps 2 and 3 are missing"),
        (&[("0", 0), ("1", 10), ("2", 3_601)], "2 of 3 steps in order within 1h, step 3 is missing"),
        // No alert is two steps.
        (&[("012", 0)], "1 of 3 steps in order within 1h, steps 2 and 3 are missing"),
    ];
    for (stream, expected) in table {
        let mut matcher = matcher(steps());
        let alerts = stream.iter().enumerate().map(|(index, (id, second))| {
            let named = alert(&format!("0x{index}"), "0xa1", *second);
            Alert { alert_id: (*id).to_owned(), ..named }
        });
        let alerts: Vec<Alert> = alerts.collect();
        assert!(!heard(&mut matcher, &alerts).contains('F'), "{stream:?}");
        let shared = format!("all about the transaction {}", B256::repeat_byte(9));
        for asked in &alerts {
            assert_eq!(told(&matcher, &asked.hash.0), [format!("vault, {shared}: {expected}")], "{stream:?}");
        }
    }
}

#[test]
fn a_state_says_for_how_long_it_has_lasted() {
    let when = "alert.severity >= CRITICAL".to_owned();
    let lasting = Some(SignedDuration::from_mins(10));
    let mut matcher = matcher(ConditionSpec { when, count: None, lasting, ..spec() });
    let state = |hash: &str, bot: &str, id: &str, second| {
        let mut alert = Alert { block: None, created_at: at(second), ..alert(hash, bot, 0) };
        write_state(&mut alert.metadata, id, StatePhase::Begin);
        alert
    };
    assert_eq!(heard(&mut matcher, &[state("0x1", "alertmanager:tvl", "s", 0)]), ".");
    assert_snapshot!(told(&matcher, "0x1").join("\n"), @"vault: the state lasts since 2026-01-01 00:00:00 UTC, and 10m is asked: for how long it has lasted is not known until two bots have told the time");
    let others = [state("0x2", "alertmanager:b", "t", 240), state("0x3", "alertmanager:tvl", "u", 240)];
    assert_eq!(heard(&mut matcher, &others), "..");
    assert_snapshot!(told(&matcher, "0x1").join("\n"), @"vault: the state lasts since 2026-01-01 00:00:00 UTC, for 4m where 10m is asked");
    assert_eq!(matcher.tick(at(600)).len(), 1);
    assert_eq!(told(&matcher, "0x1"), [""; 0]);
}
