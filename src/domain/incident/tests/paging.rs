//! Who is woken when, in nights that go well and in nights that do not.

use proptest::prelude::*;

use super::walk::{Answers, Night};
use crate::domain::condition::Response;
use crate::domain::incident::fact::{Actor, Fact, Retry};
use crate::domain::incident::fixture::*;
use crate::domain::incident::names::Purpose;
use crate::domain::incident::paging::pages_due;
use crate::domain::incident::{Incident, Task};
use crate::domain::roster::{Role, Roster, Target};

const HOUR: i64 = 3_600;

fn triage() -> Vec<(i64, Fact)> {
    vec![(0, reported(Response::Page))]
}

/// The triage call is answered; a proposal waits for signatures.
fn sign(roster: &Roster) -> Vec<(i64, Fact)> {
    vec![
        (0, reported(Response::Propose)),
        (0, triaged(Actor::Operator, true)),
        (0, Fact::PreparationStarted { attempt: 1 }),
        (0, Fact::Prepared(Box::new(preparation(1, 7, roster)))),
        (0, Fact::SubmissionStarted { safe_tx_hash: hash_at(7), attempt: 1 }),
    ]
}

#[test]
fn a_call_walks_its_steps_and_rounds_and_then_calls_everybody_once() {
    let mut night = Night::of(&triage(), Surroundings::usual());
    insta::assert_snapshot!(night.until(3 * HOUR).told(), @r#"
     0:00 triage1/ana/slack/r0s0, triage1/ben/slack/r0s0, triage1/ben/sms/r0s0
     3:00 triage1/dee/slack/r0s1
    10:00 triage1/ana/slack/r0s2, triage1/ben/slack/r0s2, triage1/ben/sms/r0s2, triage1/chi/sms/r0s2
    17:00 triage1/ana/slack/r1s0, triage1/ben/slack/r1s0, triage1/ben/sms/r1s0
    20:00 triage1/dee/slack/r1s1
    27:00 triage1/ana/slack/r1s2, triage1/ben/slack/r1s2, triage1/ben/sms/r1s2, triage1/chi/sms/r1s2
    34:00 triage exhausted, triage1/ana/slack/r2s0, triage1/ben/slack/r2s0, triage1/ben/sms/r2s0, triage1/chi/sms/r2s0, triage1/dee/slack/r2s0
    "#);
    assert_eq!(
        pages_due(&night.incident, &night.around.world(), at(9 * HOUR)).tasks,
        [],
        "and is silent then"
    );
}

#[test]
fn an_answer_stops_a_question_for_everybody() {
    let mut night = Night::of(&triage(), Surroundings::usual());
    night.until(100).told();
    night.fact(&acknowledged("ben"));
    assert_eq!(night.until(3 * HOUR).told(), "");
}

#[test]
fn a_step_that_reaches_nobody_gives_its_time_to_the_next_at_once() {
    let nobody_on_call = Roster { shifts: vec![], ..roster() };
    let mut night = Night::of(&triage(), Surroundings { roster: nobody_on_call, ..Surroundings::usual() });
    insta::assert_snapshot!(night.until(10 * 60).told(), @r#"
    0:00 triage1/dee/slack/r0s1
    7:00 triage1/ana/slack/r0s2, triage1/ben/slack/r0s2, triage1/ben/sms/r0s2, triage1/chi/sms/r0s2
    "#);
}

#[test]
fn a_person_without_channels_is_not_reached() {
    let mut around = Surroundings::usual();
    around.roster.shifts = vec![shift("eve", at(-HOUR), at(HOUR))];
    let mut night = Night::of(&triage(), around);
    assert_eq!(night.until(60).told(), " 0:00 triage1/dee/slack/r0s1", "the next step begins at once");
}

#[test]
fn when_nobody_at_all_can_be_reached_by_the_policy_everybody_is_called_at_once() {
    let mut around = Surroundings::usual();
    around.roster.shifts.clear();
    around.policy.as_mut().unwrap().steps =
        vec![step(0, &[Target::OnCall]), step(5, &[Target::Role(Role::Scribe)])];
    let mut night = Night::of(&triage(), around);
    insta::assert_snapshot!(night.until(HOUR).told(), @r#" 0:00 triage exhausted, triage1/ana/slack/r2s0, triage1/ben/slack/r2s0, triage1/ben/sms/r2s0, triage1/chi/sms/r2s0, triage1/dee/slack/r2s0"#);
}

#[test]
fn channels_that_refuse_for_good_are_skipped_and_others_of_the_person_are_tried() {
    let mut night = Night::of(&triage(), Surroundings::usual()).channel("slack", Answers::FailsForGood);
    insta::assert_snapshot!(night.until(9 * 60).told(), @r#"
    0:00 triage1/ana/slack/r0s0, triage1/ben/slack/r0s0, triage1/ben/sms/r0s0
    3:00 triage1/dee/slack/r0s1, triage1/ana/slack/r0s2, triage1/ben/slack/r0s2, triage1/ben/sms/r0s2, triage1/chi/sms/r0s2
    "#);
}

#[test]
fn a_failed_page_is_tried_again_later_and_later_and_the_next_step_does_not_wait_for_it() {
    let mut around = Surroundings::usual();
    around.roster.shifts = vec![shift("ana", at(-HOUR), at(HOUR))];
    let mut night = Night::of(&triage(), around).channel("slack", Answers::FailsForNow);
    insta::assert_snapshot!(night.until(9 * 60).told(), @r#"
    0:00 triage1/ana/slack/r0s0
    0:02 triage1/ana/slack/r0s0 #2
    0:06 triage1/ana/slack/r0s0 #3
    0:14 triage1/ana/slack/r0s0 #4, triage1/dee/slack/r0s1
    0:16 triage1/dee/slack/r0s1 #2
    0:20 triage1/dee/slack/r0s1 #3
    0:28 triage1/dee/slack/r0s1 #4, triage1/ana/slack/r0s2, triage1/ben/slack/r0s2, triage1/ben/sms/r0s2, triage1/chi/sms/r0s2
    0:30 triage1/ana/slack/r0s2 #2, triage1/ben/slack/r0s2 #2
    0:34 triage1/ana/slack/r0s2 #3, triage1/ben/slack/r0s2 #3
    0:42 triage1/ana/slack/r0s2 #4, triage1/ben/slack/r0s2 #4
    7:00 triage1/ana/slack/r1s0
    7:02 triage1/ana/slack/r1s0 #2
    7:06 triage1/ana/slack/r1s0 #3
    7:14 triage1/ana/slack/r1s0 #4, triage1/dee/slack/r1s1
    7:16 triage1/dee/slack/r1s1 #2
    7:20 triage1/dee/slack/r1s1 #3
    7:28 triage1/dee/slack/r1s1 #4, triage1/ana/slack/r1s2, triage1/ben/slack/r1s2, triage1/ben/sms/r1s2, triage1/chi/sms/r1s2
    7:30 triage1/ana/slack/r1s2 #2, triage1/ben/slack/r1s2 #2
    7:34 triage1/ana/slack/r1s2 #3, triage1/ben/slack/r1s2 #3
    7:42 triage1/ana/slack/r1s2 #4, triage1/ben/slack/r1s2 #4
    "#);
}

#[test]
fn an_outage_of_ours_does_not_use_up_the_rounds_and_everybody_is_tried_until_it_is_over() {
    let mut night = Night::of(&triage(), Surroundings::usual())
        .channel("slack", Answers::FailsForNow)
        .channel("sms", Answers::FailsForNow);
    let told = night.until(2 * HOUR).told();
    let exhausted = told.lines().find(|line| line.contains("exhausted")).unwrap();
    assert!(exhausted.trim_start().starts_with("14:"), "two rounds, each given its time: {exhausted}");
    let mut night = night.channel("slack", Answers::Takes).channel("sms", Answers::Takes);
    let told = night.until(2 * HOUR + 300).told();
    for person in ["ana", "ben", "chi", "dee"] {
        assert!(told.contains(person), "{person} is reached once channels work again: {told}");
    }
    assert_eq!(night.until(4 * HOUR).told(), "");
}

#[test]
fn a_shift_that_begins_in_the_middle_of_a_wait_is_paged_then_and_once() {
    let mut around = Surroundings::usual();
    around.roster.shifts = vec![shift("ana", at(-HOUR), at(HOUR)), shift("chi", at(90), at(HOUR))];
    let mut night = Night::of(&triage(), around);
    insta::assert_snapshot!(night.until(4 * 60).told(), @r#"
    0:00 triage1/ana/slack/r0s0
    1:30 triage1/chi/sms/r0s0
    3:00 triage1/dee/slack/r0s1
    "#);
}

#[test]
fn who_comes_late_is_not_woken_for_every_round_that_was_missed() {
    let mut around = Surroundings::usual();
    around.roster.shifts.push(shift("chi", at(25 * 60), at(HOUR)));
    around.policy.as_mut().unwrap().repeat = 5;
    let mut night = Night::of(&triage(), around);
    night.until(25 * 60 - 1).told();
    assert_eq!(night.until(25 * 60).told(), "25:00 triage1/chi/sms/r1s0");
}

#[test]
fn after_a_crash_what_was_on_its_way_is_sent_again_under_its_own_name() {
    let mut night = Night::of(&triage(), Surroundings::usual());
    let key = page(Purpose::Triage, "ana", "slack", 0, 0);
    night.fact(&Fact::PageStarted { page: key.clone(), attempt: 1 });
    let due = pages_due(&night.incident, &night.around.world(), at(60)).tasks;
    assert!(due.contains(&Task::Page { page: key, attempt: 1, begun: true }), "{due:?}");
}

#[test]
fn a_new_call_pages_again_whoever_answered_the_one_before() {
    let mut night = Night::of(&triage(), Surroundings::usual());
    night.until(5).told();
    night.fact(&acknowledged("ana"));
    night.until(10);
    night.fact(&Fact::PreparationStarted { attempt: 1 });
    night.fact(&Fact::PreparationFailed {
        attempt: 1,
        problem: "no".into(),
        retry: Retry::Never,
        draft: None,
    });
    insta::assert_snapshot!(night.until(60).told(), @r#" 0:10 blocked1/ana/slack/r0s0, blocked1/ben/slack/r0s0, blocked1/ben/sms/r0s0"#);
}

#[test]
fn those_who_can_sign_now_are_asked_first_and_everybody_with_a_key_after_the_first_delay() {
    let mut night = Night::of(&sign(&roster()), Surroundings::usual());
    insta::assert_snapshot!(night.until(30 * 60).told(), @r#"
     0:00 sign1/ana/slack/r0s0, sign1/ben/slack/r0s0, sign1/ben/sms/r0s0
     3:00 sign1/ana/slack/r0s1, sign1/ben/slack/r0s1, sign1/ben/sms/r0s1, sign1/chi/sms/r0s1
    17:00 sign1/ana/slack/r1s0, sign1/ben/slack/r1s0, sign1/ben/sms/r1s0
    20:00 sign1/ana/slack/r1s1, sign1/ben/slack/r1s1, sign1/ben/sms/r1s1, sign1/chi/sms/r1s1
    "#);
}

#[test]
fn one_who_answered_or_signed_is_left_alone_and_the_others_are_asked_until_enough_have() {
    let mut night = Night::of(&sign(&roster()), Surroundings::usual());
    night.until(10).told();
    night.fact(&acknowledged("ana"));
    insta::assert_snapshot!(night.until(4 * 60).told(), @r#" 3:00 sign1/ben/slack/r0s1, sign1/ben/sms/r0s1, sign1/chi/sms/r0s1"#);
    night.fact(&acknowledged("chi"));
    assert_eq!(night.until(10 * 60).told(), "", "two of two are at it");
    night.fact(&confirmed(1, 7));
    assert_eq!(night.until(15 * 60).told(), "");
    // chi said so at 4:00 and has not signed: the answer is old.
    // The call is in its second round by then, and ana, who signed, is not asked to.
    insta::assert_snapshot!(night.until(20 * 60).told(), @r#"
    19:00 sign1/ben/slack/r1s0, sign1/ben/sms/r1s0
    20:00 sign1/ben/slack/r1s1, sign1/ben/sms/r1s1, sign1/chi/sms/r1s1
    "#);
    night.fact(&confirmed(3, 7));
    assert_eq!(night.until(3 * HOUR).told(), "");
}

#[test]
fn who_signed_is_still_woken_for_other_trouble() {
    let mut facts = sign(&roster());
    let hash = hash_at(7);
    facts.extend([
        (0, confirmed(1, 7)),
        (0, confirmed(2, 7)),
        (0, Fact::ExecutionStarted { safe_tx_hash: hash, attempt: 1, by: Actor::Agent }),
    ]);
    let problem = "reverts".to_owned();
    facts.push((0, Fact::ExecutionFailed { safe_tx_hash: hash, attempt: 1, problem, retry: Retry::Never }));
    let mut night = Night::of(&facts, Surroundings::usual());
    insta::assert_snapshot!(night.until(60).told(), @r#" 0:00 blocked1/ana/slack/r0s0, blocked1/ben/slack/r0s0, blocked1/ben/sms/r0s0"#);
}

#[test]
fn where_too_few_are_on_call_everybody_with_a_key_is_asked_at_once_and_the_gap_is_told() {
    let roster = Roster { shifts: vec![shift("ana", at(-HOUR), at(HOUR))], ..roster() };
    let facts = sign(&roster);
    let mut night = Night::of(&facts, Surroundings { roster, ..Surroundings::usual() });
    insta::assert_snapshot!(night.until(60).told(), @r#" 0:00 sign1/ana/slack/r0s0, sign1/ben/slack/r0s0, sign1/ben/sms/r0s0, sign1/chi/sms/r0s0, coverage1/ana/slack/r0s0, coverage1/ben/slack/r0s0, coverage1/ben/sms/r0s0, coverage1/chi/sms/r0s0, coverage1/dee/slack/r0s0"#);
    night.fact(&acknowledged("dee"));
    assert!(night.incident.open_call(Purpose::Coverage).is_some(), "dee holds no key");
    night.fact(&acknowledged("chi"));
    night.fact(&acknowledged("ana"));
    assert_eq!(night.until(10 * 60).told(), "", "with chi there are enough");
}

#[test]
fn owners_that_nobody_in_the_roster_holds_end_in_everybody_being_called() {
    let mut around = Surroundings::usual();
    for person in around.roster.people.values_mut() {
        person.keys.clear();
    }
    let facts = sign(&around.roster);
    let told = Night::of(&facts, around).until(60).told();
    assert!(told.contains("sign exhausted"), "{told}");
}

#[test]
fn a_gap_that_is_over_is_said_once_to_who_is_first_in_line() {
    let mut facts = triage();
    facts.push((0, triaged(Actor::Operator, true)));
    let mut lasts = facts.clone();
    lasts.push((0, Fact::JournalGap { since: at(0), facts: 0, dropped: vec![] }));
    facts.push((0, Fact::JournalGap { since: at(0), facts: 4, dropped: vec![] }));
    let over = Night::of(&facts, Surroundings::usual()).until(3 * HOUR).told();
    let lasting = Night::of(&lasts, Surroundings::usual()).until(3 * HOUR).told();
    assert_eq!(
        over,
        " 0:00 journal-gap1/ana/slack/r0s0, journal-gap1/ben/slack/r0s0, journal-gap1/ben/sms/r0s0"
    );
    assert!(lasting.contains("journal-gap exhausted"), "{lasting}");
}

#[test]
fn without_a_policy_those_on_call_are_paged_and_then_everybody() {
    let mut night = Night::of(&triage(), Surroundings { policy: None, ..Surroundings::usual() });
    insta::assert_snapshot!(night.until(HOUR).told(), @r#"
    0:00 triage1/ana/slack/r0s0, triage1/ben/slack/r0s0, triage1/ben/sms/r0s0
    5:00 triage exhausted, triage1/ana/slack/r1s0, triage1/ben/slack/r1s0, triage1/ben/sms/r1s0, triage1/chi/sms/r1s0, triage1/dee/slack/r1s0
    "#);
}

#[test]
fn signers_of_a_policy_are_everybody_with_a_key_until_a_safe_is_chosen() {
    let mut around = Surroundings::usual();
    around.policy.as_mut().unwrap().steps = vec![step(0, &[Target::Signers])];
    let mut night = Night::of(&triage(), around);
    assert_eq!(
        night.until(60).told(),
        " 0:00 triage1/ana/slack/r0s0, triage1/ben/slack/r0s0, triage1/ben/sms/r0s0, triage1/chi/sms/r0s0"
    );
}

/// What is wanted now, whatever the order.
fn wanted(incident: &Incident, around: &Surroundings, second: i64) -> Vec<Task> {
    let mut tasks = pages_due(incident, &around.world(), at(second)).tasks;
    tasks.sort();
    tasks
}

fn any_answers() -> impl Strategy<Value = Answers> {
    prop::sample::select(vec![Answers::Takes, Answers::FailsForNow, Answers::FailsForGood])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Until the instant that is named, nothing new is due; no page is wanted twice; and the walk ends.
    #[test]
    fn nothing_is_due_before_its_instant(
        signs in any::<bool>(),
        slack in any_answers(),
        sms in any_answers(),
        delays in prop::collection::vec(0_i64..20, 1..4),
        repeat in 0_u32..3,
        shifts in prop::collection::vec((0_usize..5, 0_i64..60, 1_i64..60), 0..5),
        answers in prop::collection::vec((0_usize..5, 0_i64..60), 0..4),
    ) {
        const PEOPLE: [&str; 5] = ["ana", "ben", "chi", "dee", "eve"];
        let mut around = Surroundings::usual();
        let mut delays = delays;
        delays.sort_unstable();
        let targets = [Target::OnCall, Target::Role(Role::Commander), Target::Signers];
        let policy = around.policy.as_mut().unwrap();
        policy.steps = delays.iter().zip(targets).map(|(after, target)| step(*after, &[target])).collect();
        policy.repeat = repeat;
        around.roster.shifts = shifts.iter()
            .map(|(who, from, length)| shift(PEOPLE[*who], at(from * 60), at((from + length) * 60)))
            .collect();
        let facts = if signs { sign(&around.roster) } else { triage() };
        let mut night = Night::of(&facts, around).channel("slack", slack).channel("sms", sms);
        let mut answers = answers;
        answers.sort_by_key(|(_, minute)| *minute);
        for (who, minute) in answers {
            night.until(minute * 60);
            night.fact(&acknowledged(PEOPLE[who]));
        }
        night.until(65 * 60);
        while let Some(next) = pages_due(&night.incident, &night.around.world(), night.now).next {
            let seconds = next.duration_since(at(0)).as_secs();
            if seconds > 3 * HOUR {
                break;
            }
            let now = night.now.duration_since(at(0)).as_secs();
            for second in [now, (now + seconds) / 2, seconds - 1] {
                if second >= now && second < seconds {
                    prop_assert_eq!(wanted(&night.incident, &night.around, second), vec![], "at {}", second);
                }
            }
            let tasks = wanted(&night.incident, &night.around, seconds);
            let mut once = tasks.clone();
            once.dedup();
            prop_assert_eq!(once, tasks);
            night.until(seconds);
        }
        let open = |purpose| night.incident.open_call(purpose);
        prop_assert!(open(Purpose::Triage).is_none_or(|call| call.exhausted.is_some()), "it came to an end");
    }
}
