//! How a feed is doing, readable by others while it runs.
//!
//! A feed with several parts (one query a chain) is only as fresh as its stalest part: [`FeedHealth::last_ok`]
//! is the oldest of them, and `None` until every part has answered once. What counts as stale is the
//! agent's to judge.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// A feed's state at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedHealth {
    /// Up to when the feed is known to have worked, all parts of it.
    pub last_ok: Option<Timestamp>,
    /// What is wrong now; gone once the part concerned works again.
    pub last_error: Option<String>,
    /// Alerts accepted by the consumer since the start.
    pub delivered: u64,
    /// Items handed over as rejected, and accepted as such, since the start.
    pub rejected: u64,
    /// Deliveries that were accepted since the start, empty ones of whoever shows that way that he lives included.
    pub deliveries: u64,
    /// When the last of them was noticed by whoever watches; none: none was.
    pub heard: Option<Timestamp>,
    /// Requests that were turned away since the start, strangers' too.
    pub turned_away: u64,
    /// When the last of them was, and why.
    pub last_turned_away: Option<(Timestamp, &'static str)>,
}

impl FeedHealth {
    /// What came and was dropped since the start, for people: no reason to be red, because strangers can cause it, and the
    /// first thing to look at where a feed is silent.
    pub fn dropped(&self) -> Vec<String> {
        let requests = self.last_turned_away.map(|(at, why)| {
            let at = at.strftime("%Y-%m-%d %H:%M:%S UTC");
            let times = match self.turned_away {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            };
            let why = why.trim_end_matches('.');
            format!("requests were turned away {times} since the start, the last at {at}: {why}")
        });
        let items = (self.rejected > 0).then(|| {
            let all = self.rejected.saturating_add(self.delivered);
            format!(
                "{} of {all} items since the start were no alerts: see `redhandle feed quarantine`",
                self.rejected
            )
        });
        requests.into_iter().chain(items).collect()
    }
}

/// The one copy of a feed's health: the feed writes, others read.
#[derive(Clone, Debug, Default)]
pub struct SharedHealth(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    parts: BTreeMap<String, Part>,
    delivered: u64,
    rejected: u64,
    deliveries: u64,
    heard: Option<Timestamp>,
    /// How often requests were turned away, by the reason; there are as many as sentences of ours.
    turned_away: BTreeMap<&'static str, u64>,
    last_turned_away: Option<(Timestamp, &'static str)>,
}

#[derive(Debug, Default)]
struct Part {
    last_ok: Option<Timestamp>,
    error: Option<String>,
}

impl SharedHealth {
    /// Health of a feed that has not worked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is known now.
    pub fn snapshot(&self) -> FeedHealth {
        let state = self.state();
        let stalest = state.parts.values().map(|part| part.last_ok).min().flatten();
        let errors: Vec<&str> = state.parts.values().filter_map(|part| part.error.as_deref()).collect();
        FeedHealth {
            last_ok: stalest,
            last_error: (!errors.is_empty()).then(|| errors.join("; ")),
            delivered: state.delivered,
            rejected: state.rejected,
            deliveries: state.deliveries,
            heard: state.heard,
            turned_away: state.turned_away.values().fold(0, |sum, times| sum.saturating_add(*times)),
            last_turned_away: state.last_turned_away,
        }
    }

    /// Notes that a request was turned away; tells how often that was, for this reason.
    pub(super) fn turned_away(&self, at: Timestamp, why: &'static str) -> u64 {
        let mut state = self.state();
        state.last_turned_away = Some((at, why));
        let times = state.turned_away.entry(why).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// Notes that something was delivered by now.
    pub fn heard(&self, at: Timestamp) {
        self.state().heard = Some(at);
    }

    /// Names a part before it has worked, so that one that never does keeps the feed red.
    pub(super) fn expect(&self, part: &str) {
        self.state().parts.entry(part.to_owned()).or_default();
    }

    pub(super) fn ok(&self, part: &str, at: Timestamp) {
        let mut state = self.state();
        let part = state.parts.entry(part.to_owned()).or_default();
        part.last_ok = Some(at);
        part.error = None;
    }

    /// What was wrong with a part is over; that it works is not proven by that.
    pub(super) fn mended(&self, part: &str) {
        self.state().parts.entry(part.to_owned()).or_default().error = None;
    }

    pub(super) fn failed(&self, part: &str, reason: String) {
        self.state().parts.entry(part.to_owned()).or_default().error = Some(reason);
    }

    pub(super) fn accepted(&self, delivered: usize, rejected: usize) {
        let mut state = self.state();
        state.deliveries = state.deliveries.saturating_add(1);
        state.delivered = state.delivered.saturating_add(delivered as u64);
        state.rejected = state.rejected.saturating_add(rejected as u64);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_feed_is_as_fresh_as_its_stalest_part() {
        let health = SharedHealth::new();
        health.expect("chain 1");
        health.expect("chain 10");
        health.ok("chain 1", at("2024-01-01T00:05:00Z"));
        assert_eq!(health.snapshot().last_ok, None);

        health.ok("chain 10", at("2024-01-01T00:04:00Z"));
        assert_eq!(health.snapshot().last_ok, Some(at("2024-01-01T00:04:00Z")));
    }

    #[test]
    fn what_was_dropped_is_told() {
        let health = SharedHealth::new();
        assert!(health.snapshot().dropped().is_empty());
        health.accepted(6, 2);
        assert_eq!(health.turned_away(at("2024-01-01T00:04:00Z"), "too large"), 1);
        assert_eq!(health.turned_away(at("2024-01-01T00:05:00Z"), "not signed"), 1);
        assert_eq!(health.turned_away(at("2024-01-01T00:06:00Z"), "not signed"), 2);
        insta::assert_snapshot!(health.snapshot().dropped().join("\n"), @r"
        requests were turned away 3 times since the start, the last at 2024-01-01 00:06:00 UTC: not signed
        2 of 8 items since the start were no alerts: see `redhandle feed quarantine`
        ");
        assert_eq!(health.snapshot().last_error, None, "a stranger turns no feed red");
    }

    #[test]
    fn an_error_stays_until_its_own_part_works_again() {
        let health = SharedHealth::new();
        health.failed("chain 1", "HTTP 503".into());
        health.ok("chain 10", at("2024-01-01T00:04:00Z"));
        assert_eq!(health.snapshot().last_error.as_deref(), Some("HTTP 503"));
        health.ok("chain 1", at("2024-01-01T00:05:00Z"));
        assert_eq!(health.snapshot().last_error, None);

        health.failed("chain 1", "HTTP 503".into());
        health.mended("chain 1");
        let mended = health.snapshot();
        assert_eq!((mended.last_error, mended.last_ok), (None, Some(at("2024-01-01T00:04:00Z"))));
    }
}
