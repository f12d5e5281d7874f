//! Who may silence what, for how long, and what becomes of it.

use super::*;
use crate::domain::condition::{Mutes, Response};
use crate::domain::incident::fixture::matched;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + minute * 60).unwrap()
}

fn vault() -> Scope {
    Scope { contract: Some("vault".into()), ..Scope::default() }
}

fn ana() -> Actor {
    Actor::Person("ana".into())
}

fn firing(hash: &str, by: Mute) -> HeldBack {
    let mutes = Mutes { by: vec![by], critical: Vec::new() };
    HeldBack { matched: crate::domain::condition::Match { mutes, ..matched(&[hash], Response::Page) } }
}

fn added(silences: &mut Silences, minutes: i64) -> SilenceId {
    let lasts = SignedDuration::from_mins(minutes);
    let fact = silences.add(vault(), ana(), "the monitor is being moved", at(0), lasts).unwrap();
    let SilenceFact::Added { id, .. } = &fact else { panic!("{fact:?}") };
    let id = *id;
    silences.apply(fact, at(0));
    id
}

#[test]
fn a_silence_has_a_fixed_end_and_may_end_sooner() {
    let mut silences = Silences::default();
    let id = added(&mut silences, 60);
    assert_eq!(id, SilenceId(1));
    assert_eq!(silences.scopes(at(59)), [ActiveSilence { id, scope: vault() }]);
    assert!(silences.scopes(at(60)).is_empty() && silences.scopes(at(-1)).is_empty());
    assert_eq!(silences.untold(at(60)).count(), 1);
    silences.apply(SilenceFact::Over { id, held: 0 }, at(60));
    assert_eq!(silences.untold(at(60)).count(), 0);

    let second = added(&mut silences, 60);
    assert_eq!(second, SilenceId(2));
    let ended = silences.end(second, Actor::Operator, "done", at(10)).unwrap();
    silences.apply(ended, at(10));
    assert!(!silences.get(second).unwrap().holds_at(at(10)) && silences.get(second).unwrap().holds_at(at(9)));
    let told = |error: SilenceError| error.to_string();
    let again = silences.end(second, Actor::Operator, "done", at(11)).unwrap_err();
    insta::assert_snapshot!(told(again), @"SIL-2 is over since 2026-01-01T00:10:00Z");
    let none = silences.end(SilenceId(9), Actor::Operator, "done", at(11)).unwrap_err();
    insta::assert_snapshot!(told(none), @"there is no SIL-9; `redhandle silence list --all` names them");
}

#[test]
fn what_would_silence_too_much_or_nobody_answers_for_is_refused() {
    let mut silences = Silences::default();
    let hour = SignedDuration::from_hours(1);
    let add = |silences: &Silences, scope, comment, lasts| {
        silences.add(scope, ana(), comment, at(0), lasts).unwrap_err()
    };
    assert_eq!(add(&silences, Scope::default(), "x", hour), SilenceError::Everything);
    assert_eq!(add(&silences, vault(), " \n", hour), SilenceError::NoComment);
    for lasts in [SILENCE_MAX + SignedDuration::from_secs(1), SignedDuration::ZERO, -hour] {
        assert_eq!(add(&silences, vault(), "x", lasts), SilenceError::Length(lasts));
    }
    insta::assert_snapshot!(
        add(&silences, vault(), "x", SILENCE_MAX * 2).to_string(),
        @"a silence lasts from 1s to 168h; this one would last 336h"
    );
    for _ in 0..SILENCES_MAX {
        added(&mut silences, 60);
    }
    assert_eq!(add(&silences, vault(), "x", hour), SilenceError::TooMany);
    // Those that are over make room.
    assert!(silences.add(vault(), ana(), "x", at(60), hour).is_ok());
}

#[test]
fn what_was_held_back_is_counted_and_the_newest_are_named() {
    let mut silences = Silences::default();
    let id = added(&mut silences, 60);
    let silenced = |hash: String| firing(&hash, Mute::Silenced { silence: id });
    let held = HELD_NAMED_MAX + 5;
    let firings = (0..held).map(|number| silenced(format!("0x{number}"))).collect();
    silences.apply(SilenceFact::HeldBack { firings }, at(1));
    let silence = silences.get(id).unwrap();
    assert_eq!((silence.held, silence.firings.len()), (held as u64, HELD_NAMED_MAX));
    assert_eq!(silence.firings[0], silenced("0x5".to_owned()));
    assert!(silences.knows(&silenced("0x7".to_owned())) && !silences.knows(&silenced("0xx".to_owned())));

    let excepted = firing("0xe", Mute::Excepted { address: alloy::primitives::Address::repeat_byte(7) });
    silences.apply(SilenceFact::HeldBack { firings: vec![excepted.clone(), excepted.clone()] }, at(2));
    let rules: Vec<_> = silences.by_rules().iter().map(|(rule, by)| (rule.as_str(), by.held)).collect();
    assert_eq!(
        rules,
        [(
            "pause-vault/drain: 0x0707070707070707070707070707070707070707 is excepted, and nobody else is accused",
            2
        )]
    );
    assert!(silences.knows(&excepted));
}

#[test]
fn facts_are_read_as_they_were_written() {
    let mut silences = Silences::default();
    let id = added(&mut silences, 60);
    let added = silences.add(vault(), Actor::Operator, "x", at(0), SignedDuration::from_hours(1)).unwrap();
    for fact in [
        added,
        SilenceFact::HeldBack { firings: vec![firing("0x1", Mute::Silenced { silence: id })] },
        SilenceFact::Ended { id, by: ana(), comment: "done".to_owned() },
        SilenceFact::Over { id, held: 3 },
    ] {
        let text = serde_json::to_string(&fact).unwrap();
        assert_eq!(serde_json::from_str::<SilenceFact>(&text).unwrap(), fact, "{text}");
    }
}
