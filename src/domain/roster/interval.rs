//! Stretches of time: half-open, in instants, made from wall clocks.
//!
//! People write what their wall clock shows. Twice a year a wall clock shows an hour twice or not at
//! all; then a stretch starts at the earlier reading and ends at the later one. One hour too many on
//! call is a nuisance, one hour with nobody is the hour in which it happens.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// From one instant up to, and not including, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// The first instant inside.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
}

/// Why two readings of a wall clock make no stretch of time.
#[derive(Debug, Error)]
pub enum IntervalError {
    /// It ends before or when it starts.
    #[error("{from} to {to} is no stretch of time: the end must be after the start")]
    Empty {
        /// Where it was to start.
        from: DateTime,
        /// Where it was to end.
        to: DateTime,
    },
    /// The year is beyond what instants can hold.
    #[error("could not place {wall} on the time line")]
    OutOfRange {
        /// The reading.
        wall: DateTime,
        /// What the calendar says.
        #[source]
        source: jiff::Error,
    },
}

impl Interval {
    /// Reads both ends on a wall clock in `zone`: the earlier start and the later end where the clock is
    /// ambiguous or skips.
    ///
    /// # Errors
    /// When the end is not after the start, or a reading is beyond the calendar.
    pub fn from_wall(from: DateTime, to: DateTime, zone: &TimeZone) -> Result<Self, IntervalError> {
        if to <= from {
            return Err(IntervalError::Empty { from, to });
        }
        Ok(Self { from: earlier(from, zone)?, to: later(to, zone)? })
    }

    /// Whether `at` lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// How long it is.
    pub fn length(&self) -> SignedDuration {
        self.from.duration_until(self.to)
    }
}

/// The instant at which a wall clock in `zone` shows `wall`; the earlier one where there are two or none.
///
/// # Errors
/// When the reading is beyond the calendar.
pub fn earlier(wall: DateTime, zone: &TimeZone) -> Result<Timestamp, IntervalError> {
    zone.to_ambiguous_timestamp(wall).earlier().map_err(|source| IntervalError::OutOfRange { wall, source })
}

/// As [`earlier`], but the later instant.
///
/// # Errors
/// When the reading is beyond the calendar.
pub fn later(wall: DateTime, zone: &TimeZone) -> Result<Timestamp, IntervalError> {
    zone.to_ambiguous_timestamp(wall).later().map_err(|source| IntervalError::OutOfRange { wall, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(from: &str, to: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        let interval = Interval::from_wall(from.parse().unwrap(), to.parse().unwrap(), &zone).unwrap();
        format!("{} to {}, {:#}", interval.from, interval.to, interval.length())
    }

    #[test]
    fn ordinary_days_are_read_as_written() {
        assert_eq!(
            wall("2026-11-21T18:00", "2026-11-22T06:00", "Europe/Berlin"),
            "2026-11-21T17:00:00Z to 2026-11-22T05:00:00Z, 12h"
        );
    }

    #[test]
    fn where_the_clock_repeats_or_skips_more_is_covered() {
        // 02:30 happens twice on 2026-10-25: as a start it is the first, as an end it is the second.
        assert_eq!(
            wall("2026-10-25T02:30", "2026-10-25T12:00", "Europe/Berlin"),
            "2026-10-25T00:30:00Z to 2026-10-25T11:00:00Z, 10h 30m"
        );
        assert_eq!(
            wall("2026-10-24T18:00", "2026-10-25T02:30", "Europe/Berlin"),
            "2026-10-24T16:00:00Z to 2026-10-25T01:30:00Z, 9h 30m"
        );
        // 02:30 does not happen on 2026-03-29: the start is 01:30, the end 03:30.
        assert_eq!(
            wall("2026-03-29T02:30", "2026-03-29T12:00", "Europe/Berlin"),
            "2026-03-29T00:30:00Z to 2026-03-29T10:00:00Z, 9h 30m"
        );
        assert_eq!(
            wall("2026-03-28T18:00", "2026-03-29T02:30", "Europe/Berlin"),
            "2026-03-28T17:00:00Z to 2026-03-29T01:30:00Z, 8h 30m"
        );
    }

    #[test]
    fn the_end_is_outside_and_must_come_after_the_start() {
        let zone = TimeZone::UTC;
        let (from, to) = ("2026-01-01T00:00".parse().unwrap(), "2026-01-02T00:00".parse().unwrap());
        let day = Interval::from_wall(from, to, &zone).unwrap();
        assert!(day.contains(day.from) && !day.contains(day.to));
        assert!(matches!(Interval::from_wall(to, from, &zone), Err(IntervalError::Empty { .. })));
        assert!(matches!(Interval::from_wall(to, to, &zone), Err(IntervalError::Empty { .. })));
    }
}
