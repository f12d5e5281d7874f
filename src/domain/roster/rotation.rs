//! A rotation: people taking turns, handing over at the same reading of one wall clock.
//!
//! Turns are counted in civil days, never in seconds: "every seven days at 09:00" is 167 hours in the
//! week the clocks go forward and 169 in the week they go back. The instant at which one turn ends is the
//! instant at which the next begins, so that there is never a hole and never an overlap; where the clock
//! skips or repeats the hand-over, it is where a clock that was not touched yet would show it.

use std::num::NonZeroU16;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::Interval;
use crate::domain::names::{PersonId, RotationName};

/// People taking turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Its name in the roster.
    pub name: RotationName,
    /// The wall clock that is read; written by its IANA name.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub zone: TimeZone,
    /// When the first turn begins, on that clock.
    pub start: DateTime,
    /// How long a turn is, in civil days.
    pub every_days: NonZeroU16,
    /// Who takes turns, in this order, over and over.
    pub people: Vec<PersonId>,
}

/// One turn of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn<'a> {
    /// Whose turn it is, overrides not applied.
    pub person: &'a PersonId,
    /// From hand-over to hand-over.
    pub interval: Interval,
}

impl Rotation {
    /// The turn that contains `at`; none before the first turn, or when nobody takes turns.
    pub fn turn_at(&self, at: Timestamp) -> Option<Turn<'_>> {
        let index = self.index_at(at)?;
        let person = usize::try_from(index).ok()?.checked_rem(self.people.len())?;
        Some(Turn {
            person: self.people.get(person)?,
            interval: Interval { from: self.boundary(index)?, to: self.boundary(index.checked_add(1)?)? },
        })
    }

    /// The first hand-over strictly after `after`.
    pub fn next_boundary(&self, after: Timestamp) -> Option<Timestamp> {
        let mut index = self.index_at(after).map_or(Some(0), |index| index.checked_add(1))?;
        // In a zone that skips a whole day two hand-overs fall on one instant.
        loop {
            let boundary = self.boundary(index)?;
            if boundary > after {
                return Some(boundary);
            }
            index = index.checked_add(1)?;
        }
    }

    /// The last turn that has begun at `at`.
    fn index_at(&self, at: Timestamp) -> Option<i64> {
        let wall = at.to_zoned(self.zone.clone()).datetime();
        let days = i64::from(self.start.date().until(wall.date()).ok()?.get_days());
        // The wall clock may have been moved by up to a day, and the hour of the hand-over may be still to
        // come: begin one turn too far and walk back. Three steps are the most it takes.
        let mut index = days.checked_div(i64::from(self.every_days.get()))?.checked_add(2)?;
        while index >= 0 {
            if self.boundary(index)? <= at {
                return Some(index);
            }
            index = index.checked_sub(1)?;
        }
        None
    }

    /// The instant at which turn `index` begins.
    fn boundary(&self, index: i64) -> Option<Timestamp> {
        let days = index.checked_mul(i64::from(self.every_days.get()))?;
        let span = Span::new().try_days(days).ok()?;
        let wall = self.start.checked_add(span).ok()?;
        self.zone.to_ambiguous_timestamp(wall).compatible().ok()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn rotation(zone: &str, start: &str, every_days: u16) -> Rotation {
        Rotation {
            name: "primary".into(),
            zone: TimeZone::get(zone).unwrap(),
            start: start.parse().unwrap(),
            every_days: NonZeroU16::new(every_days).unwrap(),
            people: vec!["ana".into(), "ben".into(), "chi".into()],
        }
    }

    fn turn(rotation: &Rotation, at: &str) -> String {
        rotation.turn_at(at.parse().unwrap()).map_or_else(
            || "nobody".to_owned(),
            |turn| {
                format!(
                    "{} {} to {}, {}h",
                    turn.person,
                    turn.interval.from,
                    turn.interval.to,
                    turn.interval.length().as_secs_f64() / 3600.0
                )
            },
        )
    }

    #[test]
    fn a_turn_keeps_its_wall_clock_when_the_clocks_are_moved() {
        let berlin_spring = rotation("Europe/Berlin", "2026-03-23T09:00", 7);
        let berlin_autumn = rotation("Europe/Berlin", "2026-10-19T09:00", 7);
        // The south goes the other way round: back in April, forward in September or October.
        let auckland = rotation("Pacific/Auckland", "2026-03-30T09:00", 7);
        let santiago = rotation("America/Santiago", "2026-08-31T09:00", 7);
        // Lord Howe moves its clocks by half an hour.
        let lord_howe = rotation("Australia/Lord_Howe", "2026-03-30T09:00", 7);
        insta::assert_snapshot!(
            [
                turn(&berlin_spring, "2026-03-28T12:00:00Z"),
                turn(&berlin_autumn, "2026-10-24T12:00:00Z"),
                turn(&auckland, "2026-04-02T12:00:00Z"),
                turn(&santiago, "2026-09-04T12:00:00Z"),
                turn(&lord_howe, "2026-04-02T12:00:00Z"),
            ]
            .join("\n"),
            @r"
            ana 2026-03-23T08:00:00Z to 2026-03-30T07:00:00Z, 167h
            ana 2026-10-19T07:00:00Z to 2026-10-26T08:00:00Z, 169h
            ana 2026-03-29T20:00:00Z to 2026-04-05T21:00:00Z, 169h
            ana 2026-08-31T13:00:00Z to 2026-09-07T12:00:00Z, 167h
            ana 2026-03-29T22:00:00Z to 2026-04-05T22:30:00Z, 168.5h
            "
        );
    }

    #[test]
    fn a_hand_over_that_the_clock_skips_happens_once_and_leaves_no_hole() {
        let nightly = rotation("Europe/Berlin", "2026-03-27T02:30", 1);
        insta::assert_snapshot!(
            [
                turn(&nightly, "2026-03-29T01:29:59Z"),
                turn(&nightly, "2026-03-29T01:30:00Z"),
                turn(&nightly, "2026-03-30T00:30:00Z"),
            ]
            .join("\n"),
            @r"
            ben 2026-03-28T01:30:00Z to 2026-03-29T01:30:00Z, 24h
            chi 2026-03-29T01:30:00Z to 2026-03-30T00:30:00Z, 23h
            ana 2026-03-30T00:30:00Z to 2026-03-31T00:30:00Z, 24h
            "
        );
    }

    #[test]
    fn a_hand_over_that_the_clock_shows_twice_happens_the_first_time() {
        let nightly = rotation("Europe/Berlin", "2026-10-23T02:30", 1);
        insta::assert_snapshot!(
            [
                turn(&nightly, "2026-10-25T00:29:59Z"),
                turn(&nightly, "2026-10-25T00:30:00Z"),
                turn(&nightly, "2026-10-25T01:30:00Z"),
            ]
            .join("\n"),
            @r"
            ben 2026-10-24T00:30:00Z to 2026-10-25T00:30:00Z, 24h
            chi 2026-10-25T00:30:00Z to 2026-10-26T01:30:00Z, 25h
            chi 2026-10-25T00:30:00Z to 2026-10-26T01:30:00Z, 25h
            "
        );
    }

    #[test]
    fn a_zone_that_changed_its_rules_is_read_by_the_rules_of_the_day() {
        // Samoa crossed the date line: 2011-12-30 never happened there.
        let samoa = rotation("Pacific/Apia", "2011-12-28T09:00", 1);
        // Turkey stayed on summer time from 2016 on.
        let istanbul = rotation("Europe/Istanbul", "2016-10-24T09:00", 7);
        insta::assert_snapshot!(
            [
                turn(&samoa, "2011-12-30T18:00:00Z"),
                turn(&samoa, "2011-12-30T19:00:00Z"),
                turn(&istanbul, "2016-11-01T12:00:00Z"),
            ]
            .join("\n"),
            @r"
            ben 2011-12-29T19:00:00Z to 2011-12-30T19:00:00Z, 24h
            ana 2011-12-30T19:00:00Z to 2011-12-31T19:00:00Z, 24h
            ben 2016-10-31T06:00:00Z to 2016-11-07T06:00:00Z, 168h
            "
        );
    }

    #[test]
    fn before_the_first_turn_and_without_people_there_is_nobody() {
        let mut rotation = rotation("Europe/Berlin", "2026-03-23T09:00", 7);
        assert_eq!(turn(&rotation, "2026-03-23T07:59:59Z"), "nobody");
        assert_eq!(
            rotation.next_boundary("2020-01-01T00:00:00Z".parse().unwrap()),
            Some("2026-03-23T08:00:00Z".parse().unwrap())
        );
        rotation.people.clear();
        assert_eq!(turn(&rotation, "2026-03-24T07:59:59Z"), "nobody");
    }

    proptest! {
        /// Whatever the zone, the hour and the length: every instant after the start lies in one turn, each
        /// turn begins where the one before ends, and the people follow one another in order.
        #[test]
        fn turns_leave_no_hole_and_no_overlap(
            zone in prop::sample::select(vec![
                "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe",
                "Pacific/Auckland", "Pacific/Apia", "Africa/Casablanca", "Asia/Kolkata", "UTC",
            ]),
            day in 0_i32..365, hour in 0_i8..24, half in 0_i8..2, every in 1_u16..15,
            offset in 0_i64..(3 * 365 * 86_400),
        ) {
            let start = jiff::civil::date(2025, 1, 1).at(hour, half * 30, 0, 0)
                .checked_add(Span::new().days(day)).unwrap();
            let rotation = rotation(zone, &start.to_string(), every);
            let first = rotation.boundary(0).unwrap();
            let at = first.checked_add(SignedDuration::from_secs(offset)).unwrap();

            let turn = rotation.turn_at(at).unwrap();
            prop_assert!(turn.interval.contains(at));
            prop_assert_eq!(rotation.next_boundary(at), Some(turn.interval.to));

            let next = rotation.turn_at(turn.interval.to).unwrap();
            prop_assert_eq!(next.interval.from, turn.interval.to);
            let place = |person: &PersonId| rotation.people.iter().position(|p| p == person).unwrap();
            prop_assert_eq!((place(turn.person) + 1) % 3, place(next.person));

            // A turn is its civil days long, give or take what the clocks were moved by.
            let civil = SignedDuration::from_hours(24 * i64::from(every));
            let moved = (turn.interval.length().as_secs() - civil.as_secs()).abs();
            prop_assert!(moved <= 3600, "{moved}");
        }
    }
}
