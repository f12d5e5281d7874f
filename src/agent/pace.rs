//! How often a Transaction Service is asked about one proposal.
//!
//! A month of the hosted service's free plan has 50,000 requests. Asking every two seconds uses 1,800 an hour
//! and the month in 28 hours, so that the next proposal would not reach anybody. The first minutes matter
//! most: signatures come then. Later it is asked less and less, never not at all; signatures that people
//! hand in here, and the chain, are looked at as often as before.
//!
//! | since the first look | is asked every | requests at most |
//! |---|---|---|
//! | 10 minutes | poll (2 s) | 300 |
//! | 1 hour | 5 s | 600 |
//! | 1 day | 30 s | 2,760 |
//! | later | 5 min | 288 a day |
//!
//! With a quota that is low, every 30 seconds at the least. What is remembered is lost with the process: it
//! costs requests, and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::safe::SafeTxHash;

/// Proposals that are remembered; beyond, the one that was asked about the longest ago is forgotten.
const REMEMBERED_MAX: usize = 1_024;

/// Until this long after the first look, and then this long between two.
const STEPS: [(SignedDuration, SignedDuration); 3] = [
    (SignedDuration::from_mins(10), SignedDuration::ZERO),
    (SignedDuration::from_hours(1), SignedDuration::from_secs(5)),
    (SignedDuration::from_hours(24), SignedDuration::from_secs(30)),
];
/// After the last of the steps.
const LATER: SignedDuration = SignedDuration::from_mins(5);
/// With few requests left.
const SPARING: SignedDuration = SignedDuration::from_secs(30);

#[derive(Clone, Copy, Debug)]
struct Looks {
    first: Timestamp,
    last: Timestamp,
}

/// When each proposal was asked about; shared by all clones.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<Mutex<HashMap<SafeTxHash, Looks>>>);

impl Pace {
    /// Whether the service is to be asked about a proposal now; a yes counts as a look. A clock that went back
    /// is no reason to wait.
    pub fn is_due(&self, hash: SafeTxHash, now: Timestamp, quota_is_fine: bool) -> bool {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(looks) = remembered.get_mut(&hash) else {
            if remembered.len() >= REMEMBERED_MAX
                && let Some(oldest) =
                    remembered.iter().min_by_key(|(_, looks)| looks.last).map(|(hash, _)| *hash)
            {
                remembered.remove(&oldest);
            }
            remembered.insert(hash, Looks { first: now, last: now });
            return true;
        };
        let since_first = now.duration_since(looks.first);
        let step = STEPS.iter().find(|(until, _)| since_first < *until).map_or(LATER, |(_, every)| *every);
        let every = if quota_is_fine { step } else { step.max(SPARING) };
        let waited = now.duration_since(looks.last);
        if waited >= every || waited.is_negative() {
            looks.last = now;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    /// Requests in the first `seconds` when somebody wants to ask every two.
    fn asked(seconds: i64, quota_is_fine: bool) -> usize {
        let (pace, hash) = (Pace::default(), SafeTxHash(B256::ZERO));
        let begun: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let looks = (0..seconds).step_by(2).map(|second| begun + SignedDuration::from_secs(second));
        looks.filter(|now| pace.is_due(hash, *now, quota_is_fine)).count()
    }

    #[test]
    fn a_proposal_nobody_signs_does_not_use_up_the_month() {
        let (hour, day) = (3_600, 86_400);
        assert_eq!(asked(600, true), 300);
        assert!(asked(hour, true) <= 900);
        assert!(asked(day, true) <= 300 + 600 + 2_760);
        assert!(asked(30 * day, true) <= 3_660 + 29 * 288, "a quarter of 50,000");
        assert!(asked(hour, false) <= 121);
    }

    #[test]
    fn each_proposal_has_its_own_pace_and_a_clock_that_goes_back_asks() {
        let (pace, now) = (Pace::default(), "2026-11-22T03:00:00Z".parse::<Timestamp>().unwrap());
        let (one, other) = (SafeTxHash(B256::ZERO), SafeTxHash(B256::repeat_byte(1)));
        assert!(pace.is_due(one, now, false) && pace.is_due(other, now, false));
        assert!(!pace.is_due(one, now, false));
        assert!(pace.is_due(one, now - SignedDuration::from_hours(1), false));
        for number in 0..2_000_u64 {
            let hash = SafeTxHash(B256::from(alloy::primitives::U256::from(number + 5)));
            assert!(pace.is_due(hash, now, true));
        }
        assert!(pace.0.lock().unwrap().len() <= REMEMBERED_MAX);
    }
}
