//! What the service says about how much may still be asked, and what hour it has.
//!
//! An exhausted quota is how a proposal does not reach its owners: it must be seen before the emergency.
//! The hosted service counts by account and month (5,000 without a key, 50,000 with a free one) and says
//! so in headers of every answer; self-hosted and embedded ones say nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde::Serialize;

/// The limit; hosted service.
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
/// Requests left; hosted service.
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// Seconds until the limit is lifted; hosted service.
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// The plan's name; hosted service, newer.
const PLAN: HeaderName = HeaderName::from_static("x-ratelimit-plan");
/// From 80 % on; hosted service, newer.
const WARNING: HeaderName = HeaderName::from_static("x-ratelimit-warning");

/// Characters of a plan or a warning that are kept.
const TEXT_CHARS_MAX: usize = 120;

/// A limit that is lifted within this time is one of requests a second or minute, not of a month.
const SHORT_WINDOW_S: u64 = 60;

/// No limit of requests a second is larger: the largest plan has 50.
const SHORT_WINDOW_REQUESTS_MAX: u64 = 100;

/// Larger than any number of seconds until a reset: such a number is an instant since 1970.
const INSTANT_FROM_S: u64 = 1_000_000_000;

/// Requests that are few whatever the limit is, where the limit is not said.
const FEW_REQUESTS: u64 = 500;

/// What the service last said about its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// Requests of a whole period.
    pub limit: Option<u64>,
    /// Requests left of it.
    pub remaining: Option<u64>,
    /// Seconds until a new period begins, counted from `at`.
    pub reset_s: Option<u64>,
    /// The plan, in the service's words.
    pub plan: Option<String>,
    /// A warning, in the service's words.
    pub warning: Option<String>,
    /// When it said so, by our clock.
    pub at: Timestamp,
}

/// What a quota is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Enough is left.
    Enough,
    /// Less than the stated share is left.
    Low,
    /// Nothing is left.
    Exhausted,
}

impl Quota {
    /// Judges it. `low_percent` is the share of the limit below which it is low; 0 never is.
    pub fn standing(&self, low_percent: u8) -> Standing {
        let Some(remaining) = self.remaining else { return Standing::Enough };
        if self.is_of_a_short_window() {
            return Standing::Enough;
        }
        if remaining == 0 {
            return Standing::Exhausted;
        }
        let low = match self.limit {
            Some(limit) => u128::from(remaining) * 100 < u128::from(limit) * u128::from(low_percent),
            None => low_percent > 0 && remaining < FEW_REQUESTS,
        };
        if low { Standing::Low } else { Standing::Enough }
    }

    /// A limit of requests a second refills by itself and endangers nothing.
    fn is_of_a_short_window(&self) -> bool {
        self.reset_s.is_some_and(|reset| reset <= SHORT_WINDOW_S)
            && self.limit.is_some_and(|limit| limit <= SHORT_WINDOW_REQUESTS_MAX)
    }

    /// `1,200 of 50,000 requests left, new ones in 3 days 2 h (plan Builder)`.
    pub fn in_words(&self) -> String {
        let mut text = match (self.remaining, self.limit) {
            (Some(left), Some(limit)) => format!("{} of {} requests left", grouped(left), grouped(limit)),
            (Some(left), None) => format!("{} requests left", grouped(left)),
            (None, Some(limit)) => {
                format!("{} requests a period, how many are left was not said", grouped(limit))
            }
            (None, None) => "how many requests are left was not said".to_owned(),
        };
        if let Some(reset) = self.reset_s {
            text.push_str(&format!(", new ones in {}", span(Duration::from_secs(reset))));
        }
        if let Some(plan) = &self.plan {
            text.push_str(&format!(" (plan {plan})"));
        }
        if let Some(warning) = &self.warning {
            text.push_str(&format!("; the service warns: {warning}"));
        }
        text
    }
}

/// `50,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in its two largest units: `2 h 10 min`.
pub fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")];
    let told: Vec<_> = parts.iter().skip_while(|(n, _)| *n == 0).take(2).collect();
    let told: Vec<_> = told.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    if told.is_empty() { "0 s".to_owned() } else { told.join(" ") }
}

/// What is remembered of the service's answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Its limits, as it last said them.
    pub quota: Option<Quota>,
    /// When it last answered anything that is not an error of its own, by our clock.
    pub answered_at: Option<Timestamp>,
    /// Requests that were sent since the start, repetitions included.
    pub requests: u64,
    /// The last failure since it last answered, and when.
    pub failed: Option<(Timestamp, String)>,
    /// How far its clock is ahead of ours; negative when ours is ahead. Answers take a moment, so a second or
    /// two are nothing.
    pub clock_ahead: Option<SignedDuration>,
}

/// What is remembered, shared by all clones of a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<Heard>>);

impl Memory {
    pub(super) fn heard(&self) -> Heard {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn note_request(&self) {
        self.change(|heard| heard.requests = heard.requests.saturating_add(1));
    }

    /// What the headers of an answer say.
    pub(super) fn note_headers(&self, headers: &HeaderMap, now: Timestamp) {
        let quota = quota_of(headers, now);
        let clock_ahead = date_of(headers).map(|theirs| theirs.duration_since(now));
        self.change(|heard| {
            if quota.is_some() {
                heard.quota = quota;
            }
            if clock_ahead.is_some() {
                heard.clock_ahead = clock_ahead;
            }
        });
    }

    /// It said that the month's requests are used up; some gateways say so without headers.
    pub(super) fn note_exhausted(&self, retry_after: Option<Duration>, now: Timestamp) {
        self.change(|heard| {
            let before = heard.quota.take();
            heard.quota = Some(Quota {
                limit: before.as_ref().and_then(|quota| quota.limit),
                remaining: Some(0),
                reset_s: retry_after.map(|wait| wait.as_secs()),
                plan: before.as_ref().and_then(|quota| quota.plan.clone()),
                warning: None,
                at: now,
            });
        });
    }

    pub(super) fn note_answer(&self, now: Timestamp) {
        self.change(|heard| {
            heard.answered_at = Some(now);
            heard.failed = None;
        });
    }

    pub(super) fn note_failure(&self, why: String, now: Timestamp) {
        self.change(|heard| heard.failed = Some((now, why)));
    }
}

fn quota_of(headers: &HeaderMap, now: Timestamp) -> Option<Quota> {
    let (limit, remaining) = (number(headers, &LIMIT), number(headers, &REMAINING));
    let (plan, warning) = (text(headers, &PLAN), text(headers, &WARNING));
    if limit.is_none() && remaining.is_none() && plan.is_none() && warning.is_none() {
        return None;
    }
    let reset_s = reset_of(headers, now).map(|reset| reset.as_secs());
    Some(Quota { limit, remaining, reset_s, plan, warning, at: now })
}

fn reset_of(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let reset = number(headers, &RESET)?;
    if reset < INSTANT_FROM_S {
        return Some(Duration::from_secs(reset));
    }
    let until = i64::try_from(reset).ok()?.saturating_sub(now.as_second());
    u64::try_from(until).ok().map(Duration::from_secs)
}

/// How long to wait: `Retry-After` in seconds or as a date, else the reset of the limit.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let named = number(headers, &RETRY_AFTER).map(Duration::from_secs).or_else(|| {
        let until = date(headers.get(RETRY_AFTER)?.to_str().ok()?)?;
        // Their date on their clock: a clock of ours that is wrong must not make the wait wrong.
        Duration::try_from(until.duration_since(date_of(headers).unwrap_or(now))).ok()
    });
    named.or_else(|| reset_of(headers, now))
}

/// What hour the service has.
fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    date(headers.get(DATE)?.to_str().ok()?)
}

fn date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    (!text.is_empty())
        .then(|| crate::domain::text::visible(&text.chars().take(TEXT_CHARS_MAX).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T01:00:00Z".parse().unwrap()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn quota(limit: u64, remaining: u64, reset: &str) -> Quota {
        let (limit, remaining) = (limit.to_string(), remaining.to_string());
        let pairs = [
            ("x-ratelimit-limit", &*limit),
            ("x-ratelimit-remaining", &*remaining),
            ("x-ratelimit-reset", reset),
        ];
        quota_of(&headers(&pairs), now()).unwrap()
    }

    #[test]
    fn a_quota_is_low_below_its_share_and_a_limit_a_second_is_none() {
        for (quota, low, standing) in [
            (quota(50_000, 10_000, "86400"), 20, Standing::Enough),
            (quota(50_000, 9_999, "86400"), 20, Standing::Low),
            (quota(50_000, 9_999, "86400"), 0, Standing::Enough),
            (quota(50_000, 0, "86400"), 0, Standing::Exhausted),
            (quota(5, 0, "1"), 20, Standing::Enough),
            (quota(u64::MAX, u64::MAX - 1, "1"), 100, Standing::Low),
        ] {
            assert_eq!(quota.standing(low), standing, "{quota:?} {low}");
        }
        let bare = quota_of(&headers(&[("x-ratelimit-remaining", "499")]), now()).unwrap();
        assert_eq!((bare.standing(20), bare.limit), (Standing::Low, None));
        assert_eq!(quota_of(&headers(&[("x-ratelimit-remaining", "-3")]), now()), None);
    }

    #[test]
    fn a_quota_is_told_with_everything_the_service_says_about_it() {
        let all = headers(&[
            ("x-ratelimit-limit", "50000"),
            ("x-ratelimit-remaining", "1200"),
            ("x-ratelimit-reset", "266400"),
            ("x-ratelimit-plan", "Builder"),
            ("x-ratelimit-warning", "80% of the monthly quota used"),
        ]);
        let told = quota_of(&all, now()).unwrap().in_words();
        assert_eq!(
            told,
            "1,200 of 50,000 requests left, new ones in 3 d 2 h (plan Builder); the service warns: 80% of the monthly quota used"
        );
        // Some gateways name the instant instead.
        assert_eq!(quota(9, 1, "1795312800").reset_s, Some(1_795_312_800 - now().as_second().unsigned_abs()));
    }

    #[test]
    fn a_wait_is_read_from_seconds_a_date_or_the_reset() {
        for (pairs, seconds) in [
            (vec![("retry-after", "7"), ("x-ratelimit-reset", "9")], Some(7)),
            (vec![("x-ratelimit-reset", "9")], Some(9)),
            (
                vec![
                    ("date", "Sun, 22 Nov 2026 03:10:00 GMT"),
                    ("retry-after", "Sun, 22 Nov 2026 03:10:30 GMT"),
                ],
                Some(30),
            ),
            (vec![("retry-after", "soon")], None),
            (vec![], None),
        ] {
            assert_eq!(retry_after(&headers(&pairs), now()), seconds.map(Duration::from_secs), "{pairs:?}");
        }
    }

    #[test]
    fn lengths_of_time_are_told_in_two_units() {
        for (seconds, told) in
            [(0, "0 s"), (59, "59 s"), (7_800, "2 h 10 min"), (3_605, "1 h"), (86_400, "1 d")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), told);
        }
    }
}
