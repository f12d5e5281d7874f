//! A stream of alerts: when it fires again, what is forgotten, what comes back after a restart.

use super::*;

#[test]
fn a_window_fires_once_and_again_only_with_other_alerts() {
    let stream: Vec<Alert> = (0..7)
        .map(|n| alert(&format!("0x{n}"), ["0xa1", "0xb2"][n % 2], i64::try_from(n).unwrap()))
        .collect();
    // 0 announces, 1 completes and spends both; 2 waits (its window is no longer new), 3 completes with it, …
    assert_eq!(story(&mut matcher(spec()), &stream), "eF.F.F.");
    let single = ConditionSpec { count: None, ..spec() };
    assert_eq!(story(&mut matcher(single), &stream), "FFFFFFF");
}

#[test]
fn early_is_said_once_while_its_window_is_open() {
    let stream: Vec<Alert> =
        [0, 300, 600, 601, 1_200, 1_202].iter().map(|s| alert(&format!("0x{s}"), "0xa1", *s)).collect();
    assert_eq!(story(&mut matcher(spec()), &stream), "e..e.e");
}

#[test]
fn each_contract_and_condition_has_windows_of_its_own() {
    let both = ConditionSpec { about: vec!["vault".into(), "pool".into()], ..spec() };
    let other = ConditionSpec { id: "other".into(), early: Early::Nothing, ..both.clone() };
    let mut matcher = Matcher::new(vec![("a".into(), compile_spec(both)), ("b".into(), compile_spec(other))]);
    let on_pool = Alert { chain: ChainId(10), addresses: vec![POOL], ..alert("0xh1", "0xa1", 0) };
    matcher.restore(&on_pool, &Known::CANONICAL);
    assert!(
        matcher.observe(&alert("0xh2", "0xb2", 1), &Known::CANONICAL).matches.iter().all(|found| found.early)
    );
    let found = matcher.observe(&alert("0xh3", "0xa1", 2), &Known::CANONICAL).matches;
    let told: Vec<_> = found
        .iter()
        .map(|found| (found.runbook.as_str(), found.contract.as_str(), found.chain_id.0))
        .collect();
    assert_eq!(told, [("a", "vault", 1), ("b", "vault", 1)]);
}

#[test]
fn a_month_late_is_too_late_and_says_so() {
    let month = 30 * 24 * 3600;
    let mut matcher = matcher(spec());
    assert_eq!(
        story(&mut matcher, &[alert("0x1", "0xa1", month), alert("0x2", "0xb2", month + 5_000)]),
        "ee"
    );
    let old = [alert("0x3", "0xa1", 0), alert("0x4", "0xb2", 10)];
    for alert in &old {
        let observation = matcher.observe(alert, &Known::CANONICAL);
        assert!(observation.matches.is_empty() && !observation.kept);
        assert!(matches!(observation.notes[0].why, Why::TooLate(_)));
    }
    // A day late still counts, and its partner is still there.
    let day = month - 24 * 3600 + 1;
    assert_eq!(story(&mut matcher, &[alert("0x5", "0xa1", day), alert("0x6", "0xb2", day + 60)]), "eF");
}

#[test]
fn one_clock_in_the_future_outdates_nobody() {
    let future = alert("0xf", "0xc3", 10_000_000);
    let stream = [future.clone(), alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 60)];
    assert_eq!(story(&mut matcher(spec()), &stream), "eeF");
    let stream = [alert("0x1", "0xa1", 0), future, alert("0x2", "0xb2", 60)];
    assert_eq!(story(&mut matcher(spec()), &stream), "eeF");
}

#[test]
fn lacked_fields_are_no_match_and_are_counted() {
    let spec = ConditionSpec { when: "alert.metadata.loss > 1".to_owned(), ..spec() };
    let mut matcher = matcher(spec);
    matcher.restore(&alert("0x1", "0xa1", 0), &Known::CANONICAL);
    let mut text = alert("0x2", "0xa1", 0);
    text.metadata.insert("loss".to_owned(), serde_json::json!("a lot"));
    let observation = matcher.observe(&text, &Known::CANONICAL);
    assert_eq!(observation.notes[0].why, Why::UnfitField("metadata.loss".to_owned()));
    let mut good = alert("0x3", "0xa1", 0);
    good.metadata.insert("loss".to_owned(), serde_json::json!(2));
    assert!(matcher.observe(&good, &Known::CANONICAL).kept);
    matcher.restore(&Alert { chain: ChainId(9), ..alert("0x4", "0xa1", 0) }, &Known::CANONICAL);
    let (runbook, condition, counters) = matcher.counters().next().unwrap();
    assert_eq!((runbook.as_str(), condition.as_str()), ("pause-vault", "drain"));
    let expected = Counters {
        seen: 4,
        about: 3,
        when_true: 1,
        lacked: [("metadata.loss".to_owned(), 2)].into(),
        fired_early: 1,
        ..Counters::default()
    };
    assert_eq!(*counters, expected);
}

#[test]
fn a_noisy_bot_cannot_push_evidence_out() {
    let mut matcher = matcher(ConditionSpec {
        count: Some(CountSpec { alerts: 3, bots: 3, feeds: 1, within: SignedDuration::from_hours(10) }),
        early: Early::Nothing,
        ..spec()
    });
    assert_eq!(story(&mut matcher, &[alert("0xquiet", "0xb2", 0)]), ".");
    let mut displaced = 0;
    for n in 0..2_000 {
        displaced += matcher.observe(&alert(&format!("0x{n}"), "0xa1", n), &Known::CANONICAL).notes.len();
    }
    assert_eq!(displaced, 2_001 - WINDOW_ALERTS_MAX);
    assert!(matcher.holds(&AlertHash("0xquiet".to_owned()), true));
    assert!(!matcher.holds(&AlertHash("0x0".to_owned()), true));
    assert_eq!(story(&mut matcher, &[alert("0xlast", "0xc3", 2_000)]), "F");
}

#[test]
fn what_could_not_be_stored_is_taken_back() {
    let mut matcher = matcher(spec());
    let (first, then) = (alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 60));
    assert_eq!(story(&mut matcher, &[first, then.clone()]), "eF");
    matcher.forget(&then);
    assert!(!matcher.holds(&then.hash, true));
    assert_eq!(story(&mut matcher, &[then.clone(), then]), "F.", "the same outcome again, once");
}

#[test]
fn restored_in_order_it_goes_on_as_if_nothing_had_happened() {
    let stream: Vec<Alert> = (0..40)
        .map(|n| {
            alert(&format!("0x{n}"), ["0xa1", "0xb2", "0xa1"][n % 3], i64::try_from(n * 131 % 1_700).unwrap())
        })
        .collect();
    let whole = story(&mut matcher(spec()), &stream);
    for cut in 0..stream.len() {
        let mut before = matcher(spec());
        let kept: Vec<&Alert> =
            stream[..cut].iter().filter(|alert| before.observe(alert, &Known::CANONICAL).kept).collect();
        let mut after = matcher(spec());
        kept.into_iter().for_each(|alert| after.restore(alert, &Known::CANONICAL));
        assert_eq!(story(&mut after, &stream[cut..]), whole[cut..], "restarted after {cut}");
    }
}

#[test]
fn a_match_taken_back_leaves_its_alerts_as_evidence_for_the_next() {
    let mut matcher = matcher(spec());
    let [first, second] = [alert("0x1", "0xa1", 0), alert("0x2", "0xb2", 10)];
    for alert in [&first, &second] {
        for matched in matcher.observe(alert, &Known::CANONICAL).matches {
            matcher.take_back(alert, &matched);
        }
    }
    let third = matcher.observe(&alert("0x3", "0xa1", 20), &Known::CANONICAL);
    let fired: Vec<_> = third.matches.iter().map(|matched| (matched.early, matched.alerts.len())).collect();
    assert_eq!(fired, [(false, 3)]);
}
