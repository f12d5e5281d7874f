//! How many requests a feed may send.
//!
//! A request costs its feed a token *after* it has shown who sent it, so that a stranger cannot use up what is meant for
//! the sender; of a feed that authenticates nobody, every request does. Strangers are bounded otherwise: by how much
//! of bodies is held at once (`places`), and by the connections of the server.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Requests a minute when nothing else is said: a hundred a second, and about a hundredth of what the journal commits.
pub const REQUESTS_PER_MINUTE: u32 = 6_000;

/// A burst is what the rate allows in so many seconds.
const BURST_SECONDS: f64 = 10.0;

/// A bucket of tokens: full at first, filled as time passes.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    burst: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Option<Timestamp>,
}

impl Rate {
    pub(super) fn new(per_minute: u32) -> Self {
        let per_second = f64::from(per_minute.max(1)) / 60.0;
        let burst = (per_second * BURST_SECONDS).max(1.0);
        Self { per_second, burst, state: Mutex::new(State { tokens: burst, at: None }) }
    }

    /// Takes a token, or says after how many seconds there will be one.
    pub(super) fn take(&self, now: Timestamp) -> Result<(), u32> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back gives nothing, and takes nothing.
        let passed = state.at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
        state.tokens = (state.tokens + passed * self.per_second).min(self.burst);
        state.at = Some(now);
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            return Ok(());
        }
        let seconds = ((1.0 - state.tokens) / self.per_second).ceil().clamp(1.0, 60.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 60")]
        Err(seconds as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let rate = Rate::new(60);
        let passed = |from: i64, to: i64| (from..to).filter(|ms| rate.take(at(*ms)).is_ok()).count();
        assert_eq!(passed(0, 1_000), 10, "ten seconds' worth at once");
        assert_eq!(rate.take(at(1_000)), Ok(()), "and one that grew meanwhile");
        assert_eq!(rate.take(at(1_001)), Err(1));
        assert_eq!(passed(1_002, 11_002), 10);
        assert_eq!(passed(3_600_000, 3_600_100), 10, "no more is saved up than a burst");
        assert_eq!(rate.take(at(0)), Err(1), "a clock set back gives nothing");
    }

    #[test]
    fn a_slow_feed_is_told_how_long() {
        let rate = Rate::new(1);
        assert_eq!(rate.take(at(0)), Ok(()));
        assert_eq!(rate.take(at(0)), Err(60));
        assert_eq!(rate.take(at(30_000)), Err(30));
        assert_eq!(rate.take(at(60_000)), Ok(()));
    }
}
