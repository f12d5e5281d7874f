//! A heartbeat that must not fall silent.
//!
//! The clock is the newest time at which two bots have made an alert, or the wall clock where that is ahead.
//! A late beat is a beat of its own time. After a start nothing is missed before the grace (`after`) is over,
//! and a silence is told once: until the next beat.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::spec::AbsenceSpec;
use crate::domain::alert::{Alert, AlertHash, BotId};

/// From how many distances on the usual one is believed: four beats.
const INTERVALS_MIN: usize = 3;
/// How many of the last distances are remembered.
const INTERVALS_MAX: usize = 32;

/// What is known of one heartbeat.
#[derive(Clone, Debug, Default)]
pub(super) struct Vigil {
    began: Option<Timestamp>,
    last: Option<Beat>,
    intervals: VecDeque<SignedDuration>,
    /// The present silence was told.
    told: bool,
}

/// One beat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) at: Timestamp,
    pub(super) hash: AlertHash,
    pub(super) bot: BotId,
}

/// A silence that was just found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Silence {
    /// The last beat; `None` when there was none since the start.
    pub(super) last: Option<Beat>,
    /// Since when.
    pub(super) since: Timestamp,
    /// How long is too long.
    pub(super) allowed: SignedDuration,
}

impl Vigil {
    /// Takes in a beat that was made `at` this time.
    pub(super) fn beat(&mut self, alert: &Alert, at: Timestamp) {
        let found = Beat { at, hash: alert.hash.clone(), bot: alert.bot.clone() };
        match &self.last {
            Some(last) if last.at >= at => return,
            Some(last) => {
                // What comes after a silence says nothing about the usual.
                if !self.told {
                    self.intervals.push_back(at.duration_since(last.at));
                }
                if self.intervals.len() > INTERVALS_MAX {
                    self.intervals.pop_front();
                }
            }
            None => {}
        }
        self.last = Some(found);
        self.told = false;
    }

    /// What the clock says.
    pub(super) fn tick(&mut self, clock: Timestamp, spec: &AbsenceSpec) -> Option<Silence> {
        let began = *self.began.get_or_insert(clock);
        let since = self.last.as_ref().map_or(began, |beat| beat.at.max(began));
        let allowed = self.allowed(spec);
        if self.told || clock.duration_since(since) <= allowed {
            return None;
        }
        self.told = true;
        Some(Silence { last: self.last.clone(), since, allowed })
    }

    /// The clock after which [`Vigil::tick`] does something: at once while no clock was told, never while the present
    /// silence is told already.
    pub(super) fn wakes(&self, spec: &AbsenceSpec) -> Option<Timestamp> {
        let Some(began) = self.began else { return Some(Timestamp::MIN) };
        if self.told {
            return None;
        }
        let since = self.last.as_ref().map_or(began, |beat| beat.at.max(began));
        Some(since.checked_add(self.allowed(spec)).unwrap_or(Timestamp::MAX))
    }

    fn allowed(&self, spec: &AbsenceSpec) -> SignedDuration {
        let (Some(tenths), true) = (spec.tenths_of_interval, self.intervals.len() >= INTERVALS_MIN) else {
            return spec.after;
        };
        let mut sorted: Vec<SignedDuration> = self.intervals.iter().copied().collect();
        sorted.sort_unstable();
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(spec.after);
        usual.saturating_mul(i32::try_from(tenths).unwrap_or(i32::MAX)) / 10
    }
}
