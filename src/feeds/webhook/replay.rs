//! Each signed request counts once.
//!
//! A request is *claimed* while it is worked on and *kept* once its alerts are committed. One that failed is
//! *released*, because its sender will send the very same bytes again, and a guard that remembered them would
//! answer "already here" about alerts that are nowhere.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// What tells one signed request from others.
pub type ReplayKey = [u8; 32];

/// How many kept requests the memory guard holds: a window of five minutes at 300 a second.
pub const REPLAYS_MAX: usize = 100_000;

/// What a guard knows of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Claimed {
    /// Nothing: it is claimed now, and must be kept or released.
    Fresh,
    /// The same request is being worked on.
    InFlight,
    /// It was accepted before.
    Replayed,
}

/// Remembers the requests that were accepted.
pub trait ReplayGuard: Send + Sync + fmt::Debug {
    /// Checks and claims in one step.
    fn claim(&self, key: ReplayKey, now: Timestamp) -> Claimed;
    /// The claimed request was accepted: remember it until `until`, that moment included.
    fn keep(&self, key: ReplayKey, until: Timestamp);
    /// The claimed request was not accepted: it may come again.
    fn release(&self, key: ReplayKey);
}

/// A guard in memory. What is to survive a restart is written with the alerts that the request brought, and told to
/// it at the next start. What it forgets at [`REPLAYS_MAX`] can be sent once more within its window, and is then known
/// by its alerts' hashes.
#[derive(Debug, Default)]
pub struct MemoryReplayGuard(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    in_flight: HashSet<ReplayKey>,
    kept: HashMap<ReplayKey, Timestamp>,
    by_time: BTreeSet<(Timestamp, ReplayKey)>,
}

impl Memory {
    /// Forgets what the window protects from by now, and the oldest above the bound.
    fn forget(&mut self, now: Option<Timestamp>) {
        while let Some((until, key)) = self.by_time.first().copied() {
            let over = self.by_time.len() > REPLAYS_MAX;
            let past = now.is_some_and(|now| until < now);
            if !over && !past {
                break;
            }
            self.by_time.pop_first();
            self.kept.remove(&key);
        }
    }
}

impl MemoryReplayGuard {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReplayGuard for MemoryReplayGuard {
    fn claim(&self, key: ReplayKey, now: Timestamp) -> Claimed {
        let mut memory = self.memory();
        memory.forget(Some(now));
        if memory.kept.contains_key(&key) {
            Claimed::Replayed
        } else if memory.in_flight.insert(key) {
            Claimed::Fresh
        } else {
            Claimed::InFlight
        }
    }

    fn keep(&self, key: ReplayKey, until: Timestamp) {
        let mut memory = self.memory();
        memory.in_flight.remove(&key);
        if memory.kept.insert(key, until).is_none() {
            memory.by_time.insert((until, key));
        }
        memory.forget(None);
    }

    fn release(&self, key: ReplayKey) {
        self.memory().in_flight.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_request_counts_once_until_its_window_has_passed() {
        let guard = MemoryReplayGuard::default();
        let key = [1; 32];
        assert_eq!(guard.claim(key, second(0)), Claimed::Fresh);
        assert_eq!(guard.claim(key, second(0)), Claimed::InFlight);
        guard.release(key);
        assert_eq!(guard.claim(key, second(1)), Claimed::Fresh, "it failed, and comes again");
        guard.keep(key, second(300));
        assert_eq!(guard.claim(key, second(300)), Claimed::Replayed);
        assert_eq!(guard.claim(key, second(301)), Claimed::Fresh);
    }

    #[test]
    fn memory_is_bounded() {
        let guard = MemoryReplayGuard::default();
        for number in 0..=REPLAYS_MAX as i64 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            guard.keep(key, second(number));
        }
        let memory = guard.memory();
        assert_eq!((memory.kept.len(), memory.by_time.len()), (REPLAYS_MAX, REPLAYS_MAX));
        assert!(!memory.kept.contains_key(&[0; 32]), "the oldest went");
    }
}
