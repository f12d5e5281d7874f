//! `for`: states that last, and those that end in time.

use insta::assert_snapshot;

use super::doubt::{EVE, retraction};
use super::*;

/// Ten minutes of a critical state of Alertmanager about the vault.
fn lasting() -> ConditionSpec {
    ConditionSpec {
        when: "alert.severity >= CRITICAL && alert.bot == \"alertmanager:tvl\"".to_owned(),
        count: None,
        lasting: Some(SignedDuration::from_mins(10)),
        ..spec()
    }
}

fn told(hash: &str, id: &str, phase: StatePhase, second: i64) -> Alert {
    let mut alert = Alert { block: None, created_at: at(second), ..alert(hash, "alertmanager:tvl", 0) };
    if phase == StatePhase::End {
        alert.severity = AlertSeverity::Info;
    }
    write_state(&mut alert.metadata, id, phase);
    alert
}

fn begin(hash: &str, second: i64) -> Alert {
    told(hash, "s", StatePhase::Begin, second)
}

fn end(hash: &str, second: i64) -> Alert {
    told(hash, "s", StatePhase::End, second)
}

fn quiet(matcher: &mut Matcher, alert: &Alert) -> Observation {
    let seen = matcher.observe(alert, &Known::CANONICAL);
    assert!(seen.matches.is_empty(), "{:?}", seen.matches);
    seen
}

fn heard(matcher: &mut Matcher, alert: &Alert) {
    let Observation { .. } = quiet(matcher, alert);
}

/// The seconds at which ticks of one minute make it fire.
fn fired(matcher: &mut Matcher, until: i64) -> Vec<i64> {
    (0..=until).step_by(60).filter(|second| !matcher.tick(at(*second)).is_empty()).collect()
}

#[test]
fn a_state_fires_when_it_has_lasted_and_once() {
    let mut matcher = matcher(lasting());
    assert!(quiet(&mut matcher, &begin("0x1", 0)).kept);
    assert!(matcher.tick(at(599)).is_empty());
    let found = matcher.tick(at(600));
    assert_eq!((found.len(), found[0].at, found[0].response), (1, at(600), Response::Propose));
    assert_snapshot!(found[0].because, @"1 alert about vault, whose state has lasted for 10m, satisfies `when` and `for`: 0x1 (bot alertmanager:tvl)");
    assert_eq!(fired(&mut matcher, 7_200), [] as [i64; 0]);
    heard(&mut matcher, &told("0x2", "s", StatePhase::Again, 3_600));
    assert_eq!(fired(&mut matcher, 7_200), [] as [i64; 0], "it is the same state");
    heard(&mut matcher, &end("0x3", 7_200));
    heard(&mut matcher, &begin("0x4", 7_260));
    assert_eq!(fired(&mut matcher, 9_000), [7_860], "it has begun again");
}

/// A retraction ends what waits as an end does, if it is one that is heeded.
#[test]
fn who_was_cleared_keeps_no_state_going_and_only_trusted_bots_clear() {
    let clears = retraction("0xc3", 60, EVE);
    let table = [
        (clears.clone(), 0, "a trusted one"),
        (Alert { authenticated: false, ..clears.clone() }, 1, "anybody"),
        (Alert { chain: ChainId(10), ..clears }, 1, "on another chain"),
    ];
    for (retraction, fires, who) in table {
        let mut matcher = matcher(ConditionSpec { retracted_by: Some("detectors".to_owned()), ..lasting() });
        let mut begin = begin("0x1", 0);
        begin.metadata.insert("attackerAddress".to_owned(), serde_json::json!(EVE));
        heard(&mut matcher, &begin);
        let seen = quiet(&mut matcher, &retraction);
        assert_eq!(seen.notes.len(), 1 - fires, "{who}: {:?}", seen.notes);
        assert_eq!(fired(&mut matcher, 1_200).len(), fires, "{who}");
    }
}

#[test]
fn an_end_cancels_what_is_pending_and_both_ends_count() {
    for (second, fires) in [(599, false), (600, true), (601, true)] {
        let mut matcher = matcher(lasting());
        heard(&mut matcher, &begin("0x1", 0));
        // The clock of the data has come as far as the end.
        let clock = |bot| Alert { created_at: at(second), block: None, ..alert(bot, bot, 0) };
        let seen = matcher.observe(&clock("0xd4"), &Known::CANONICAL).matches.len()
            + matcher.observe(&clock("0xe5"), &Known::CANONICAL).matches.len();
        assert_eq!(seen == 1, fires, "{second} s");
        let seen = quiet(&mut matcher, &end("0x2", second));
        assert!(seen.kept && seen.withdrawn.is_empty());
        assert!(matcher.tick(at(90_000)).is_empty(), "{second} s");
    }
}

/// In a recording in which nobody else speaks the clock stands still until the end is told.
#[test]
fn an_end_tells_of_a_state_that_had_lasted() {
    for (second, fires) in [(599, false), (600, true), (7_200, true)] {
        let mut matcher = matcher(lasting());
        heard(&mut matcher, &begin("0x1", 0));
        let seen = matcher.observe(&end("0x2", second), &Known::CANONICAL);
        let found: Vec<Timestamp> = seen.matches.iter().map(|found| found.at).collect();
        assert_eq!(found, if fires { vec![at(600)] } else { Vec::new() }, "{second} s");
        assert!(seen.kept && seen.withdrawn.is_empty());
        assert!(matcher.tick(at(90_000)).is_empty(), "{second} s: once");
        // Told again, it tells nothing new.
        assert!(quiet(&mut matcher, &end("0x3", second + 1)).withdrawn.is_empty());
        let mut matcher = super::matcher(lasting());
        heard(&mut matcher, &begin("0x1", 0));
        let seen = matcher.observe(&told("0x2", "s", StatePhase::Again, second), &Known::CANONICAL);
        assert_eq!(seen.matches.len(), usize::from(fires), "{second} s: it goes on");
    }
}

#[test]
fn an_end_may_overtake_its_begin_and_be_told_late() {
    let mut overtaken = matcher(lasting());
    assert!(quiet(&mut overtaken, &end("0x2", 300)).kept);
    assert_eq!(quiet(&mut overtaken, &begin("0x1", 0)).notes[0].why, Why::Ended);
    assert!(overtaken.tick(at(9_000)).is_empty());

    let mut late = matcher(lasting());
    heard(&mut late, &begin("0x1", 0));
    assert_eq!(late.tick(at(600)).len(), 1);
    let seen = quiet(&mut late, &end("0x2", 300));
    assert_eq!(seen.withdrawn[0].alerts, [AlertHash("0x1".to_owned())]);
    assert_snapshot!(seen.withdrawn[0].because, @"its end was told late: it had lasted 5m, and 10m is asked for");
}

#[test]
fn what_was_said_after_an_end_that_is_told_late_has_begun_the_state_anew() {
    let mut matcher = matcher(lasting());
    heard(&mut matcher, &begin("0x1", 0));
    assert_eq!(matcher.tick(at(600)).len(), 1);
    // The word of its end was lost on the way, and comes after that of the next begin.
    heard(&mut matcher, &begin("0x2", 1_260));
    assert!(matcher.tick(at(1_860)).is_empty(), "it is the same state, as far as is known");
    assert!(quiet(&mut matcher, &end("0x3", 1_200)).withdrawn.is_empty());
    assert!(matcher.holds(&AlertHash("0x2".to_owned()), true));
    let found = matcher.tick(at(1_920));
    assert_eq!((found.len(), found[0].at), (1, at(1_860)));
    assert_eq!(found[0].alerts, [AlertHash("0x2".to_owned())]);
    assert_eq!(fired(&mut matcher, 9_000), [] as [i64; 0], "once");
}

#[test]
fn states_are_told_apart_and_events_are_none() {
    let mut matcher = matcher(lasting());
    heard(&mut matcher, &begin("0x1", 0));
    // The end of another state, of another feed's, and of anybody's.
    heard(&mut matcher, &told("0x2", "other", StatePhase::End, 60));
    heard(&mut matcher, &Alert { feed: "else".into(), ..end("0x3", 60) });
    heard(&mut matcher, &Alert { authenticated: false, ..end("0x4", 60) });
    assert_eq!(fired(&mut matcher, 900), [600]);

    let mut event = begin("0x5", 1_000);
    event.metadata.remove(STATE_ID);
    assert_eq!(quiet(&mut matcher, &event).notes[0].why, Why::NoState);
    // A Forta bot tells of events, whatever it writes into its metadata.
    let open = ConditionSpec { when: "alert.severity >= CRITICAL".to_owned(), ..lasting() };
    let mut open = super::matcher(open);
    let forta = Alert { bot: BotId::new("0xa1"), ..begin("0x6", 1_000) };
    assert_eq!(quiet(&mut open, &forta).notes[0].why, Why::NoState);
    assert!(open.tick(at(9_000)).is_empty());
}

#[test]
fn what_pends_survives_a_restart_and_what_is_forgotten_does_not() {
    let (start, over) = (begin("0x1", 0), end("0x2", 300));
    let mut restored = matcher(lasting());
    restored.restore(&start, &Known::CANONICAL);
    restored.listen_anew();
    assert!(restored.holds(&start.hash, true));
    assert_eq!(fired(&mut restored, 900), [600]);
    restored.restore(&over, &Known::CANONICAL);
    assert!(restored.holds(&over.hash, true));

    let mut forgotten = matcher(lasting());
    heard(&mut forgotten, &start);
    heard(&mut forgotten, &over);
    forgotten.forget(&start);
    assert!(fired(&mut forgotten, 900).is_empty());
}

#[test]
fn anybodys_state_pages_and_announced_work_does_no_more() {
    let mut open = matcher(lasting());
    heard(&mut open, &Alert { authenticated: false, ..begin("0x1", 0) });
    assert_eq!(open.tick(at(600))[0].response, Response::Page);

    let window = MaintenanceWindow {
        contract: "vault".into(),
        from: at(0),
        to: at(60),
        by: "ana".to_owned(),
        why: "upgrade".to_owned(),
    };
    let conditions = vec![("r".into(), compile_spec(lasting()))];
    let mut maintained = Matcher::with_maintenance(conditions, Maintenance::new(vec![window]));
    heard(&mut maintained, &begin("0x1", 0));
    let found = maintained.tick(at(600));
    assert_eq!((found[0].response, found[0].downgraded), (Response::Page, Some(Downgrade::Maintenance)));
    assert!(maintained.tick(at(1_200)).is_empty(), "once");
}

#[test]
fn it_says_how_long() {
    assert_snapshot!(explain(&compile_spec(lasting())), @r#"pages, prepares and proposes when a state with alert.severity >= CRITICAL && alert.bot == "alertmanager:tvl", about vault, has lasted for 10m"#);
}
