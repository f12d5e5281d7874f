//! How a feed is doing, readable by others while it runs.
//!
//! A feed with several parts (one query a chain) is only as fresh as its stalest part: [`FeedHealth::last_ok`]
//! is the oldest of them, and `None` until every part has answered once. What counts as stale is the
//! agent's to judge.
//!
//! *Heard is what was understood*: an alert, wanted or not, or the word that there is none. What came and could not be
//! read proves nothing, and after [`UNREAD_IN_A_ROW`] of it an empty answer or a beat proves nothing either, until an
//! alert is read again: whoever answers us in words that we do not know brings no alert through.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::delivery::Rejected;
use crate::domain::alert::Alert;

/// How many items in a row that are no alerts make what says nothing worthless as a proof. One odd item among good ones
/// is its sender's; three and nothing else are a format that we do not read.
const UNREAD_IN_A_ROW: u64 = 3;

/// What a delivery brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Brought {
    /// Alerts.
    alerts: u64,
    /// Items that were no alerts.
    rejected: u64,
    /// Of these, what came: a notice of our own holds no bytes of anybody's.
    unread: u64,
}

impl Brought {
    pub(super) fn by(items: &[Result<Alert, Rejected>]) -> Self {
        let mut brought = Self::default();
        for item in items {
            match item {
                Ok(_) => brought.alerts = brought.alerts.saturating_add(1),
                Err(item) => {
                    brought.rejected = brought.rejected.saturating_add(1);
                    brought.unread = brought.unread.saturating_add(u64::from(!item.raw.is_empty()));
                }
            }
        }
        brought
    }

    /// The same where anybody may send: rubbish of strangers must not make what the sender says worthless.
    pub(super) fn of_strangers(self) -> Self {
        Self { unread: 0, ..self }
    }

    /// Of items that came, whether each is an alert.
    #[cfg(feature = "nats")]
    pub(super) fn of(items: impl Iterator<Item = bool>) -> Self {
        items.fold(Self::default(), |brought, is_alert| {
            let more = u64::from(!is_alert);
            Self {
                alerts: brought.alerts.saturating_add(u64::from(is_alert)),
                rejected: brought.rejected.saturating_add(more),
                unread: brought.unread.saturating_add(more),
            }
        })
    }
}

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
    /// Deliveries of which something was understood since the start, empty ones of whoever shows that way that he lives
    /// included.
    pub understood: u64,
    /// Items that were no alerts since the last alert, of the part where they are most.
    pub unread_in_a_row: u64,
    /// When the last delivery of which something was understood was noticed by whoever watches; none: none was.
    pub heard: Option<Timestamp>,
    /// Requests that were turned away since the start, strangers' too.
    pub turned_away: u64,
    /// When the last of them was, and why.
    pub last_turned_away: Option<(Timestamp, &'static str)>,
    /// When the last request was accepted that was made with the previous secret, since the start.
    pub previous_secret_used: Option<Timestamp>,
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
            let row = match self.unread_in_a_row {
                row if row >= UNREAD_IN_A_ROW => format!(", the last {row} in a row"),
                _one_odd => String::new(),
            };
            format!(
                "{} of {all} items since the start were no alerts{row}: see `redhandle feed quarantine`",
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
    understood: u64,
    heard: Option<Timestamp>,
    /// How often requests were turned away, by the reason; there are as many as sentences of ours.
    turned_away: BTreeMap<&'static str, u64>,
    last_turned_away: Option<(Timestamp, &'static str)>,
    /// How often the previous secret was used, and when last.
    previous_secret: (u64, Option<Timestamp>),
}

#[derive(Debug, Default)]
struct Part {
    last_ok: Option<Timestamp>,
    error: Option<String>,
    /// Items that could not be read, since the last that could.
    unread: u64,
}

impl Part {
    fn bring(&mut self, brought: Brought) {
        match brought.alerts {
            0 => self.unread = self.unread.saturating_add(brought.unread),
            _some => self.unread = 0,
        }
    }

    /// Whether what comes is understood, as far as is known.
    fn is_understood(&self) -> bool {
        self.unread < UNREAD_IN_A_ROW
    }
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
            understood: state.understood,
            unread_in_a_row: state.parts.values().map(|part| part.unread).max().unwrap_or(0),
            heard: state.heard,
            turned_away: state.turned_away.values().fold(0, |sum, times| sum.saturating_add(*times)),
            last_turned_away: state.last_turned_away,
            previous_secret_used: state.previous_secret.1,
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

    /// Notes that a request was accepted that was made with the previous secret; tells how often that was.
    pub(super) fn previous_secret_used(&self, at: Timestamp) -> u64 {
        let mut state = self.state();
        let times = state.previous_secret.0.saturating_add(1);
        state.previous_secret = (times, Some(at));
        times
    }

    /// Notes that something was delivered by now, and understood.
    pub fn heard(&self, at: Timestamp) {
        self.state().heard = Some(at);
    }

    /// Names a part before it has worked, so that one that never does keeps the feed red.
    pub(super) fn expect(&self, part: &str) {
        self.state().parts.entry(part.to_owned()).or_default();
    }

    /// A part works. That proves nothing of one of which nothing is understood; what was wrong is over all the same.
    pub(super) fn ok(&self, part: &str, at: Timestamp) {
        let mut state = self.state();
        let part = state.parts.entry(part.to_owned()).or_default();
        if part.is_understood() {
            part.last_ok = Some(at);
        }
        part.error = None;
    }

    /// What came through a part, as far as it was read.
    #[cfg(feature = "nats")]
    pub(super) fn read(&self, part: &str, brought: Brought) {
        self.state().parts.entry(part.to_owned()).or_default().bring(brought);
    }

    /// What was wrong with a part is over; that it works is not proven by that.
    pub(super) fn mended(&self, part: &str) {
        self.state().parts.entry(part.to_owned()).or_default().error = None;
    }

    pub(super) fn failed(&self, part: &str, reason: String) {
        self.state().parts.entry(part.to_owned()).or_default().error = Some(reason);
    }

    /// A delivery was committed.
    pub(super) fn accepted(&self, part: &str, brought: Brought) {
        let mut state = self.state();
        state.delivered = state.delivered.saturating_add(brought.alerts);
        state.rejected = state.rejected.saturating_add(brought.rejected);
        let part = state.parts.entry(part.to_owned()).or_default();
        part.bring(brought);
        let says_nothing = brought.rejected == 0 && part.is_understood();
        if brought.alerts > 0 || says_nothing {
            state.understood = state.understood.saturating_add(1);
        }
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
        health.accepted("webhook", Brought { alerts: 6, rejected: 2, unread: 2 });
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
    fn what_is_only_rejected_proves_nothing_and_one_odd_item_changes_nothing() {
        let alert = Brought { alerts: 1, ..Brought::default() };
        let odd = Brought { rejected: 1, unread: 1, ..Brought::default() };
        let (mixed, nothing) = (Brought { alerts: 1, ..odd }, Brought::default());
        // Our own word that a file was replaced: nothing that came.
        let notice = Brought { rejected: 1, ..Brought::default() };
        let cases: [(&[Brought], u64, u64); 8] = [
            (&[alert, odd, alert], 2, 0),
            (&[odd, odd, nothing], 1, 2),
            (&[mixed, odd, odd, nothing, odd, nothing], 2, 3),
            (&[odd, odd, odd], 0, 3),
            (&[odd, odd, odd, nothing, nothing], 0, 3),
            (&[odd, odd, odd, nothing, mixed, nothing], 2, 0),
            (&[Brought { rejected: 9, unread: 9, alerts: 0 }, nothing], 0, 9),
            (&[notice, notice, notice, notice, nothing], 1, 0),
        ];
        for (brought, understood, row) in cases {
            let health = SharedHealth::new();
            brought.iter().for_each(|one| health.accepted("webhook", *one));
            let told = health.snapshot();
            assert_eq!((told.understood, told.unread_in_a_row), (understood, row), "{brought:?}");
            // The same of what we ask: an answer counts as long as what it brings is understood.
            health.ok("webhook", at("2024-01-01T00:05:00Z"));
            assert_eq!(health.snapshot().last_ok.is_some(), row < UNREAD_IN_A_ROW, "{brought:?}");
        }
    }

    #[test]
    fn one_part_that_is_not_understood_makes_the_feed_stale_and_says_how_many() {
        let health = SharedHealth::new();
        for chain in ["chain 1", "chain 10"] {
            health.ok(chain, at("2024-01-01T00:04:00Z"));
        }
        health.failed("chain 10", "HTTP 503".into());
        health.accepted("chain 10", Brought { alerts: 0, rejected: 4, unread: 4 });
        for chain in ["chain 1", "chain 10"] {
            health.ok(chain, at("2024-01-01T00:05:00Z"));
        }
        let told = health.snapshot();
        assert_eq!((told.last_ok, told.last_error.as_deref()), (Some(at("2024-01-01T00:04:00Z")), None));
        insta::assert_snapshot!(told.dropped().join("\n"), @"4 of 4 items since the start were no alerts, the last 4 in a row: see `redhandle feed quarantine`");

        health.accepted("chain 10", Brought { alerts: 1, ..Brought::default() });
        health.ok("chain 10", at("2024-01-01T00:06:00Z"));
        assert_eq!(health.snapshot().last_ok, Some(at("2024-01-01T00:05:00Z")), "the other's");
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
