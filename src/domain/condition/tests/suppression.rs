//! Silences, inhibition, exceptions: what they hold back, and what pages through them.

use super::*;
use crate::domain::alert::BotId;

/// What is silenced, by one silence of this scope.
fn silence(scope: Scope) -> Vec<ActiveSilence> {
    vec![ActiveSilence { id: SilenceId(1), scope }]
}

fn on_vault() -> Scope {
    Scope { contract: Some("vault".into()), ..Scope::default() }
}

fn on_bot(bot: &str) -> Scope {
    Scope { bot: Some(BotId::new(bot)), ..Scope::default() }
}

fn high(hash: &str, bot: &str, second: i64) -> Alert {
    Alert { severity: AlertSeverity::High, ..alert(hash, bot, second) }
}

fn any_severity() -> ConditionSpec {
    ConditionSpec { when: "alert.bot in bots.detectors".to_owned(), ..spec() }
}

/// One alert is enough.
fn single() -> ConditionSpec {
    ConditionSpec { count: None, ..any_severity() }
}

fn held(matcher: &mut Matcher) -> Vec<String> {
    matcher.take_held().into_iter().map(|held| held.matched.because).collect()
}

#[test]
fn a_silenced_firing_is_held_back_and_told() {
    let mut matcher = matcher(any_severity());
    matcher.silence(silence(on_vault()));
    assert_eq!(story(&mut matcher, &[high("0x1", "0xa1", 0), high("0x2", "0xb2", 60)]), "..");
    insta::assert_snapshot!(held(&mut matcher).join("\n"), @"2 alerts from 2 bots about vault within 10m satisfy `count` (2 alerts from 2 different bots): 0x1 (bot 0xa1), 0x2 (bot 0xb2); held back: silenced by SIL-1");
    assert!(matcher.take_held().is_empty(), "each is told once");
    // Other contracts, other runbooks and feeds are heard.
    for scope in [
        Scope { contract: Some("pool".into()), ..Scope::default() },
        Scope { runbook: Some("other".into()), ..Scope::default() },
        Scope { feed: Some("other".into()), contract: Some("vault".into()), ..Scope::default() },
    ] {
        let mut matcher = super::matcher(any_severity());
        matcher.silence(silence(scope));
        assert_eq!(story(&mut matcher, &[high("0x1", "0xa1", 0), high("0x2", "0xb2", 60)]), ".F");
    }
}

#[test]
fn two_bots_that_say_critical_page_through_a_silence_and_no_further() {
    for scope in [on_vault(), on_bot("0xa1"), Scope { feed: Some("forta".into()), ..Scope::default() }] {
        let mut matcher = matcher(spec());
        matcher.silence(silence(scope));
        let first = matcher.observe(&alert("0x1", "0xa1", 0), &Known::CANONICAL);
        assert!(first.matches.is_empty() && first.kept, "one bot is held back, and not forgotten");
        assert_eq!(held(&mut matcher).len(), 1);
        let second = matcher.observe(&alert("0x2", "0xb2", 60), &Known::CANONICAL);
        let [fired] = second.matches.iter().filter(|one| !one.early).collect::<Vec<_>>()[..] else {
            panic!("{second:?}")
        };
        assert_eq!((fired.response, fired.downgraded), (Response::Page, Some(Downgrade::Suppressed)));
        assert!(fired.because.ends_with(
            "; silenced by SIL-1, but 2 different bots say CRITICAL, so this pages all the same and goes no further"
        ));
    }
}

#[test]
fn corroboration_counts_across_firings_and_conditions_that_ask_for_none() {
    let mut matcher = matcher(single());
    matcher.silence(silence(on_vault()));
    let hour = CORROBORATES_WITHIN.as_secs();
    // The same bot twice, another that is not CRITICAL, another too late: none of them corroborates.
    let quiet = [
        alert("0x1", "0xa1", 0),
        alert("0x2", "0xa1", 60),
        high("0x3", "0xb2", 120),
        alert("0x4", "0xb2", 61 + hour),
    ];
    assert_eq!(story(&mut matcher, &quiet), "....");
    assert_eq!(held(&mut matcher).len(), 4);
    assert_eq!(story(&mut matcher, &[alert("0x5", "0xc3", 62 + hour)]), "F");
}

#[test]
fn bots_that_anybody_can_be_do_not_page_through_a_silence() {
    let mut matcher = matcher(single());
    matcher.silence(silence(on_vault()));
    let stranger = |hash, bot| Alert { authenticated: false, ..alert(hash, bot, 0) };
    assert_eq!(story(&mut matcher, &[stranger("0x1", "0xa1"), stranger("0x2", "0xb2")]), "..");
    assert_eq!(held(&mut matcher).len(), 2);
}

#[test]
fn a_silenced_bot_spends_nobody_elses_evidence() {
    let mut matcher = matcher(any_severity());
    matcher.silence(silence(on_bot("0xa1")));
    // The silenced one makes a window complete: held back. Two others are heard in full.
    let alerts = [high("0x1", "0xa1", 0), high("0x2", "0xb2", 60), high("0x3", "0xc3", 120)];
    assert_eq!(story(&mut matcher, &alerts), "..F");
    assert_eq!(held(&mut matcher).len(), 1);
    // Nor does what it announces keep the next from being announced.
    let mut matcher = super::matcher(spec());
    matcher.silence(silence(on_bot("0xa1")));
    let first = story(&mut matcher, &[alert("0x1", "0xa1", 0)]);
    matcher.silence(Vec::new());
    assert_eq!(first + &story(&mut matcher, &[alert("0x2", "0xb2", 2_000)]), ".e");
}

#[test]
fn what_is_held_back_for_a_silenced_bots_sake_does_not_keep_another_from_being_announced() {
    let mut matcher = matcher(ConditionSpec { early: Early::Respond(Response::Page), ..any_severity() });
    matcher.silence(silence(on_bot("0xa1")));
    assert_eq!(story(&mut matcher, &[high("0x1", "0xa1", 0), high("0x2", "0xb2", 60)]), ".e");
    assert_eq!(held(&mut matcher).len(), 2, "the first alone, and both together");
}

#[test]
fn what_a_silence_held_back_counts_again_with_what_comes_when_it_is_over() {
    let mut matcher = matcher(any_severity());
    matcher.silence(silence(on_vault()));
    assert_eq!(story(&mut matcher, &[high("0x1", "0xa1", 0), high("0x2", "0xb2", 60)]), "..");
    matcher.silence(Vec::new());
    let fired = matcher.observe(&high("0x3", "0xc3", 120), &Known::CANONICAL).matches;
    assert_eq!(fired.len(), 1);
    assert_eq!((fired[0].alerts.len(), fired[0].response), (3, Response::Propose));
    // And the other way round: what waits when a silence begins is silenced.
    let mut matcher = super::matcher(any_severity());
    assert_eq!(story(&mut matcher, &[high("0x1", "0xa1", 0)]), ".");
    matcher.silence(silence(on_bot("0xa1")));
    assert_eq!(story(&mut matcher, &[high("0x2", "0xb2", 60)]), ".");
}

#[test]
fn whoever_is_excepted_is_held_back_unless_somebody_else_is_accused() {
    let keeper = Address::repeat_byte(0xee);
    let excepting = ConditionSpec { except: vec![keeper], ..single() };
    let accusing = |hash: &str, bot: &str, who: &[Address]| {
        let mut alert = high(hash, bot, 0);
        for (key, who) in ["attackerAddress", "txFrom"].iter().zip(who) {
            alert.metadata.insert((*key).to_owned(), who.to_string().into());
        }
        alert
    };
    let mut matcher = matcher(excepting);
    let seen = matcher.observe(&accusing("0x1", "0xa1", &[keeper]), &Known::CANONICAL);
    assert!(seen.matches.is_empty());
    let notes: Vec<String> = seen.notes.iter().map(|note| note.why.to_string()).collect();
    insta::assert_snapshot!(notes.join("\n"), @"0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE is excepted, and nobody else is accused: firings that need it are held back");
    assert_eq!(held(&mut matcher).len(), 1);
    assert_eq!(matcher.counters().map(|(_, _, counters)| counters.muted).sum::<u64>(), 1);
    // Whoever else is accused, or nobody in so many words: it fires.
    let other = Address::repeat_byte(0xdd);
    assert_eq!(
        story(&mut matcher, &[accusing("0x2", "0xb2", &[keeper, other]), high("0x3", "0xc3", 0)]),
        "FF"
    );
}

fn source_and_target() -> Matcher {
    let source = ConditionSpec { id: "bridge-down".into(), respond: Response::Page, ..any_severity() };
    let source = ConditionSpec { when: "alert.bot == \"0xf0\"".to_owned(), count: None, ..source };
    let target = ConditionSpec { inhibited_by: vec![Inhibitor::named("bridge-down")], ..single() };
    let conditions =
        vec![("infra".into(), compile_spec(source)), ("pause-vault".into(), compile_spec(target))];
    assert!(unknown_inhibitors(&conditions).is_empty());
    Matcher::new(conditions)
}

#[test]
fn a_condition_is_inhibited_about_the_same_contract_for_the_sources_time() {
    let hour = INHIBITS_FOR.as_secs();
    let mut matcher = source_and_target();
    assert_eq!(story(&mut matcher, &[high("0x0", "0xa1", 0)]), "F", "nothing has fired yet");
    assert_eq!(story(&mut matcher, &[high("0x1", "0xf0", 100)]), "F");
    let alerts = [high("0x2", "0xa1", 100 + hour), high("0x3", "0xb2", 101 + hour)];
    assert_eq!(story(&mut matcher, &alerts), ".F", "both ends count");
    insta::assert_snapshot!(held(&mut matcher).join("\n"), @"1 alert about vault satisfies `when`: 0x2 (bot 0xa1); held back: inhibited by condition infra/bridge-down, which fired about the same contract");
    // Two that say CRITICAL page through it.
    let mut matcher = source_and_target();
    let alerts = [high("0x1", "0xf0", 0), alert("0x2", "0xa1", 10), alert("0x3", "0xb2", 20)];
    assert_eq!(story(&mut matcher, &alerts), "F.F");
    // What anybody could have sent, and what is silenced, mutes nothing.
    let mut matcher = source_and_target();
    let stranger = Alert { authenticated: false, ..high("0x1", "0xf0", 0) };
    assert_eq!(story(&mut matcher, &[stranger, high("0x2", "0xa1", 10)]), "FF");
    let mut matcher = source_and_target();
    matcher.silence(silence(on_bot("0xf0")));
    assert_eq!(story(&mut matcher, &[high("0x1", "0xf0", 0), high("0x2", "0xa1", 10)]), ".F");
}

#[test]
fn an_inhibitor_that_does_not_exist_or_is_the_condition_itself_is_told() {
    let of = |name: &str| {
        let spec = ConditionSpec { inhibited_by: vec![Inhibitor::named(name)], ..single() };
        let conditions = vec![("pause-vault".into(), compile_spec(spec))];
        unknown_inhibitors(&conditions).pop().map(|(_, _, told)| told).unwrap_or_default()
    };
    insta::assert_snapshot!(of("bridge-dwon"), @r#"inhibited_by names "bridge-dwon", and no runbook has such a condition"#);
    insta::assert_snapshot!(of("drain"), @"inhibited_by names the condition itself: it would mute its next firing");
}

#[test]
fn sequences_and_heartbeats_are_silenced_as_well() {
    let steps = vec![
        StepSpec { when: "alert.bot == \"0xa1\"".to_owned(), anywhere: false },
        StepSpec { when: "alert.bot == \"0xb2\"".to_owned(), anywhere: false },
    ];
    let within = SignedDuration::from_hours(1);
    let sequence = Some(SequenceSpec { same: Same::Contract, within, steps });
    let mut matcher = matcher(ConditionSpec { sequence, when: "true".to_owned(), ..single() });
    matcher.silence(silence(on_bot("0xa1")));
    let alerts = [high("0x1", "0xa1", 0), high("0x2", "0xb2", 60)];
    assert_eq!(story(&mut matcher, &alerts), "..");
    assert_eq!(held(&mut matcher).len(), 1);
    matcher.silence(Vec::new());
    assert_eq!(story(&mut matcher, &[high("0x3", "0xb2", 120)]), "F", "the first step counts again");

    let absent = Some(AbsenceSpec { after: SignedDuration::from_mins(10), tenths_of_interval: None });
    let mut matcher = super::matcher(ConditionSpec { absent, ..single() });
    matcher.silence(silence(Scope { condition: Some("drain".into()), ..Scope::default() }));
    assert!(matcher.tick(at(0)).is_empty() && matcher.tick(at(3_600)).is_empty());
    assert_eq!(held(&mut matcher).len(), 1);
}
