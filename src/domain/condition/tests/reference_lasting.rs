//! `for` against a slow reference that is written from docs/CONDITIONS.md alone.
//!
//! The reference keeps every message for ever and judges all of them anew at each step. The wall clock is never behind
//! what is told, and is heard before each message, as a running agent hears it.

use proptest::prelude::*;

use super::*;

/// One message about a state.
#[derive(Clone, Debug)]
struct Message {
    /// Which state, and whose feed tells of it.
    state: (u8, u8),
    phase: StatePhase,
    /// When what it tells of happened.
    second: i64,
    /// How much later it comes.
    delay: i64,
    /// `when` holds of it.
    critical: bool,
}

const LASTS: i64 = 600;
/// Nothing is too old or forgotten here: when a state is forgotten is promised to nobody.
const MAX_AGE: i64 = 86_400;

/// What fired: which state, and when it had lasted.
type Fired = ((u8, u8), i64);

/// One state, as the reference remembers it.
#[derive(Clone, Debug, Default)]
struct State {
    /// When it was said to be there by who satisfies `when`.
    there: Vec<i64>,
    over: Vec<i64>,
    /// Begin of what has fired and not ended.
    fired: Option<i64>,
}

impl State {
    /// Since when it is there: the first word of it after its last end.
    fn since(&self) -> Option<i64> {
        let last = self.over.iter().max();
        self.there.iter().copied().filter(|there| last.is_none_or(|over| over < there)).min()
    }

    /// Whether it fires by `now`, and when it had lasted.
    fn fires(&mut self, now: i64) -> Option<i64> {
        let since = self.since()?;
        if self.fired.is_some() || since + LASTS > now {
            return None;
        }
        self.fired = Some(since);
        Some(since + LASTS)
    }
}

#[derive(Default)]
struct Reference(Vec<((u8, u8), State)>);

impl Reference {
    fn state(&mut self, of: (u8, u8)) -> &mut State {
        if !self.0.iter().any(|(known, _)| *known == of) {
            self.0.push((of, State::default()));
        }
        &mut self.0.iter_mut().find(|(known, _)| *known == of).unwrap().1
    }

    fn clock(&mut self, now: i64) -> Vec<Fired> {
        self.0.iter_mut().filter_map(|(of, state)| state.fires(now).map(|at| (*of, at))).collect()
    }

    /// What fires, and whether what had fired is told to have ended before it had lasted.
    fn take(&mut self, message: &Message, now: i64) -> (Vec<Fired>, bool) {
        let mut fired = self.clock(now);
        let state = self.state(message.state);
        let mut noted = false;
        if message.phase == StatePhase::End {
            // As is known now, it was there from the first word after the end before.
            let since = state.since();
            state.over.push(message.second);
            if state.fired.is_some_and(|fired| message.second >= fired) {
                noted = since.is_some_and(|since| message.second < since + LASTS);
                state.fired = None;
            }
        } else if message.critical {
            state.there.push(message.second);
        }
        fired.extend(self.clock(now));
        (fired, noted)
    }
}

fn told(number: usize, message: &Message) -> Alert {
    let Message { state: (id, feed), phase, second, critical, .. } = message;
    let mut alert = Alert {
        block: None,
        created_at: at(*second),
        feed: format!("feed-{feed}").as_str().into(),
        ..alert(&format!("{id}-{feed}-{number}"), "alertmanager:tvl", 0)
    };
    if !critical {
        alert.severity = AlertSeverity::Info;
    }
    write_state(&mut alert.metadata, &format!("s{id}"), *phase);
    alert
}

fn condition() -> ConditionSpec {
    ConditionSpec {
        when: "alert.severity >= CRITICAL && alert.bot == \"alertmanager:tvl\"".to_owned(),
        count: None,
        lasting: Some(SignedDuration::from_secs(LASTS)),
        max_age: SignedDuration::from_secs(MAX_AGE),
        ..spec()
    }
}

fn fired(matches: &[Match]) -> Vec<Fired> {
    matches
        .iter()
        .map(|found| {
            let mut parts = found.alerts[0].0.split('-').map(|part| part.parse::<u8>().unwrap());
            let state = (parts.next().unwrap(), parts.next().unwrap());
            (state, (found.at - at(0)).total(jiff::Unit::Second).unwrap() as i64)
        })
        .collect()
}

/// In the order in which they come, each with the wall clock at that moment.
fn delivered(mut messages: Vec<Message>) -> Vec<(Message, i64)> {
    messages.sort_by_key(|message| message.second + message.delay);
    messages.into_iter().map(|message| (message.clone(), message.second + message.delay)).collect()
}

fn message(seconds: i64, delays: i64) -> impl Strategy<Value = Message> {
    let phase = prop_oneof![
        3 => Just(StatePhase::Begin),
        2 => Just(StatePhase::Again),
        3 => Just(StatePhase::End),
    ];
    let delay = prop_oneof![3 => Just(0), 2 => 0..delays];
    (0_u8..2, 0_u8..2, phase, 0..seconds, delay, proptest::bool::weighted(0.8)).prop_map(
        |(id, feed, phase, minutes, delay, critical)| Message {
            state: (id, feed),
            phase,
            // Whole minutes: the ends of a length of time are often met.
            second: minutes * 60,
            delay: delay * 60,
            critical,
        },
    )
}

proptest! {
    #![proptest_config(cases(200))]

    /// Begins, repetitions and ends, late and overtaking each other.
    #[test]
    fn a_state_that_lasts_is_the_reference(
        messages in prop_oneof![
            proptest::collection::vec(message(60, 30), 0..30),
            proptest::collection::vec(message(600, 180), 0..30),
        ],
    ) {
        let mut matcher = matcher(condition());
        let mut reference = Reference::default();
        let deliveries = delivered(messages);
        for (number, (message, now)) in deliveries.iter().enumerate() {
            let mut matches = matcher.tick(at(*now));
            let known = Known { block: Canonicity::Canonical, now: Some(at(*now)) };
            let seen = matcher.observe(&told(number, message), &known);
            matches.extend(seen.matches);
            matches.extend(matcher.tick(at(*now)));
            let (mut found, (mut expected, noted)) = (fired(&matches), reference.take(message, *now));
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected, "message {} of {:#?}", number, deliveries);
            prop_assert_eq!(!seen.withdrawn.is_empty(), noted, "message {} of {:#?}", number, deliveries);
        }
    }
}
