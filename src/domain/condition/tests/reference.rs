//! The window against a slow reference that is written from the description alone.

use proptest::prelude::*;

use super::*;

/// An alert as the reference sees it: hash, bot, event second.
type Event = (u8, u8, i64);

/// Fires for every event, in order of arrival, that completes a window of fresh events: tries each second a window
/// could begin, keeps what lies in it, and counts. The same hash again with a later second is a newer block.
fn reference(events: &[Event], alerts: usize, bots: usize, within: i64) -> Vec<Option<Vec<u8>>> {
    let mut fresh: Vec<Event> = Vec::new();
    let mut known: Vec<Event> = Vec::new();
    let mut fired = Vec::new();
    for &event in events {
        let (hash, _, second) = event;
        let older = known.iter().position(|(known, _, _)| *known == hash).map(|at| known.remove(at));
        known.push(older.filter(|(_, _, at)| *at >= second).unwrap_or(event));
        let spent = older.is_some_and(|older| !fresh.contains(&older));
        if spent || older.is_some_and(|(_, _, at)| at >= second) {
            fired.push(None);
            continue;
        }
        fresh.retain(|(known, _, _)| *known != hash);
        fresh.push(event);
        let found = (second - within..=second).find_map(|start| {
            let inside: Vec<Event> =
                fresh.iter().copied().filter(|(_, _, at)| (start..=start + within).contains(at)).collect();
            let first = inside.iter().map(|(_, _, at)| *at).min()?;
            let mut names: Vec<u8> = inside.iter().map(|(_, bot, _)| *bot).collect();
            names.sort_unstable();
            names.dedup();
            // A window begins at one of its alerts, so that "within" is measured from the first.
            (first == start && inside.len() >= alerts && names.len() >= bots).then_some(inside)
        });
        fired.push(found.map(|inside| {
            fresh.retain(|event| !inside.contains(event));
            let mut hashes: Vec<u8> = inside.iter().map(|(hash, _, _)| *hash).collect();
            hashes.sort_unstable();
            hashes
        }));
    }
    fired
}

fn observed(events: &[Event], alerts: u32, bots: u32, within: i64) -> Vec<Option<Vec<u8>>> {
    let mut matcher = matcher(ConditionSpec {
        when: "true".to_owned(),
        count: Some(CountSpec { alerts, bots, feeds: 1, within: SignedDuration::from_secs(within) }),
        early: Early::Nothing,
        ..spec()
    });
    events
        .iter()
        .map(|(hash, bot, second)| {
            let found = matcher
                .observe(&alert(&hash.to_string(), &format!("0x{bot}"), *second), &Known::CANONICAL)
                .matches;
            let mut hashes: Vec<u8> =
                found.first()?.alerts.iter().map(|hash| hash.0.parse().unwrap()).collect();
            hashes.sort_unstable();
            Some(hashes)
        })
        .collect()
}

proptest! {
    #[test]
    fn the_window_is_the_reference(
        events in proptest::collection::vec((0_u8..30, 0_u8..4, 0_i64..60), 0..40),
        alerts in 1_u32..5,
        fewer in 0_u32..4,
        within in 1_i64..25,
    ) {
        let bots = alerts.saturating_sub(fewer).max(1);
        prop_assert_eq!(
            observed(&events, alerts, bots, within),
            reference(&events, alerts as usize, bots as usize, within)
        );
    }

    /// Whether anything fires at all does not depend on the order of arrival.
    #[test]
    fn order_of_arrival_decides_nothing(
        events in proptest::collection::vec((0_u8..4, 0_i64..60), 0..12)
            .prop_map(|events| events.into_iter().enumerate().map(|(n, (bot, at))| (n as u8, bot, at)).collect::<Vec<Event>>())
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        within in 1_i64..25,
    ) {
        let (one, other) = events;
        let fires = |events: &[Event]| observed(events, 3, 2, within).iter().any(Option::is_some);
        prop_assert_eq!(fires(&one), fires(&other));
    }
}
