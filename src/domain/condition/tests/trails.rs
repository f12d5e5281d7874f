//! More trails than are kept: which make room, and that it is counted and said.

use insta::assert_snapshot;

use super::kinds::{funded, sequence};
use super::*;

fn attacker(number: usize) -> Address {
    let mut address = [0x11; 20];
    address[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Address::from(address)
}

/// As many accounts as are kept, and some: one a `step` of milliseconds.
fn stream(many: usize, step_ms: i64) -> impl Iterator<Item = Alert> {
    (0..many).map(move |number| {
        let second = i64::try_from(number).unwrap() * step_ms / 1_000;
        funded(&format!("0x{number}"), second, attacker(number))
    })
}

#[test]
fn trails_that_make_room_are_counted_and_said() {
    // All within the ten minutes of the sequence; and a day of them, of which the oldest are out of time.
    for (step_ms, cut_short) in [(5, 40), (1_300, 0)] {
        let mut matcher = matcher(sequence(Same::Attacker));
        let mut said = Vec::new();
        for alert in stream(TRAILS_MAX + 40, step_ms) {
            said.extend(matcher.observe(&alert, &Known::CANONICAL).notes);
        }
        let counters = matcher.counters().next().unwrap().2.into_owned();
        assert_eq!((counters.trails_dropped, counters.trails_cut_short), (40, cut_short), "{step_ms}");
        assert_eq!(said.len(), 40);
        if cut_short > 0 {
            assert_snapshot!(said[0].why, @"a trail of the sequence, quiet for 5m 27s, had to make room: more than 65536 (TRAILS_MAX); its next step will be missed");
        }
        // The oldest is gone, the newest is not.
        assert!(!matcher.holds(&AlertHash("0x0".to_owned()), true));
        assert!(matcher.holds(&AlertHash(format!("0x{}", TRAILS_MAX + 39)), true));
    }
}
