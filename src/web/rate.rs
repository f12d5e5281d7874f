//! How often somebody may: a bucket that refills evenly.
//!
//! One bucket for each sender of the configuration, so that there are no more of them than somebody wrote down.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// A request costs a minute's worth of milliseconds; each millisecond brings `per_minute` of them.
const COST: u64 = 60_000;

/// A bucket that holds a minute's worth of requests, and begins full.
#[derive(Debug)]
pub struct Bucket {
    per_minute: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: u64,
    at: Option<Timestamp>,
}

impl Bucket {
    /// A bucket for so many requests a minute; one at least.
    pub fn new(per_minute: u32) -> Self {
        let per_minute = u64::from(per_minute.max(1));
        Self { per_minute, state: Mutex::new(State { left: per_minute.saturating_mul(COST), at: None }) }
    }

    /// Takes one request out.
    ///
    /// # Errors
    /// When it is empty: in how many seconds there is one again.
    pub fn take(&self, now: Timestamp) -> Result<(), u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back brings nothing, and does not hold up what comes after.
        let passed = state.at.map_or(0, |at| now.duration_since(at).as_millis().max(0));
        let brought = u64::try_from(passed).unwrap_or(u64::MAX).saturating_mul(self.per_minute);
        state.left = state.left.saturating_add(brought).min(self.per_minute.saturating_mul(COST));
        state.at = Some(now);
        match state.left.checked_sub(COST) {
            Some(left) => {
                state.left = left;
                Ok(())
            }
            None => {
                let lacking = COST.saturating_sub(state.left).div_ceil(self.per_minute);
                Err(lacking.div_ceil(1_000).max(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn it_lets_a_minutes_worth_through_and_then_one_at_a_time() {
        let bucket = Bucket::new(3);
        assert_eq!([(); 3].map(|()| bucket.take(second(100))), [Ok(()); 3]);
        assert_eq!(bucket.take(second(100)), Err(20));
        assert_eq!(bucket.take(second(110)), Err(10));
        assert_eq!(bucket.take(second(120)), Ok(()));
        assert_eq!(bucket.take(second(121)), Err(19));
        assert_eq!(bucket.take(second(10_000)), Ok(()), "it holds no more than a minute's worth");
        assert_eq!([(); 3].map(|()| bucket.take(second(10_000)).is_ok()), [true, true, false]);
    }

    #[test]
    fn a_clock_that_was_set_back_brings_nothing_and_blocks_nothing() {
        let bucket = Bucket::new(1);
        assert_eq!(bucket.take(second(1_000)), Ok(()));
        assert_eq!(bucket.take(second(0)), Err(60));
        assert_eq!(bucket.take(second(60)), Ok(()));
    }
}
