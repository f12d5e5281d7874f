//! `GET /healthz`: is the agent able to do its work, and since when is that known?
//!
//! Green means proven within the age that the check itself states. What cannot be told, of a feed that speaks only in
//! emergencies, is *unknown*: not green, and nothing that a supervisor could mend. No check at all, a proof that is too old, and a
//! proof from the future (a clock was moved) are red, and say why.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::agent::intake::Taken;
use crate::clock::SharedClock;

/// How far in the future a proof may be: machines' clocks differ a little.
const CLOCK_SKEW_MAX: SignedDuration = SignedDuration::from_secs(5);

/// Something that has to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What: `journal`, `feed forta`, `rpc mainnet`.
    pub name: String,
    /// What is known about it.
    pub state: CheckState,
}

/// What is known about a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// It worked.
    Proven {
        /// When.
        at: Timestamp,
        /// For how long that means anything.
        good_for: SignedDuration,
    },
    /// Nobody can say, and nothing is known to be wrong: it speaks only when it has something to say.
    Untold {
        /// Why, for people.
        why: String,
    },
    /// It does not work, or nobody knows.
    Broken {
        /// Why, for people.
        why: String,
    },
}

/// Knows the checks. Answers from what is known; a request must not cause work.
#[async_trait]
pub trait Health: Send + Sync + std::fmt::Debug {
    /// All checks.
    async fn checks(&self) -> Vec<Check>;

    /// What is silenced now, for people: no reason to be red, and nothing to be forgotten.
    async fn silences(&self) -> Vec<String> {
        Vec::new()
    }

    /// What was dropped since the start, by feed, for people: no reason to be red.
    fn dropped(&self) -> Vec<String> {
        Vec::new()
    }

    /// Which feeds still take a secret of before, and when it was last used, for people: no reason to be red.
    fn rotating(&self) -> Vec<String> {
        Vec::new()
    }

    /// What came in since the start: no reason to be red, and the first thing to look at where nothing fires.
    fn intake(&self) -> Option<Taken> {
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Green,
    /// Not green, and no reason to act at once.
    Unknown,
    Red,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    status: Status,
    /// When the oldest of the proofs was made; only if everything is green.
    proven_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    checks: Vec<CheckReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    silences: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rotating: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intake: Option<Taken>,
}

impl Report {
    fn empty() -> Self {
        Self {
            status: Status::Green,
            proven_at: None,
            why: None,
            checks: Vec::new(),
            silences: Vec::new(),
            dropped: Vec::new(),
            rotating: Vec::new(),
            intake: None,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct CheckReport {
    name: String,
    status: Status,
    proven_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Clone)]
struct Part {
    health: Arc<dyn Health>,
    clock: SharedClock,
}

pub(super) fn routes(health: Arc<dyn Health>, clock: SharedClock) -> Router {
    Router::new().route("/healthz", get(healthz)).with_state(Part { health, clock })
}

async fn healthz(State(part): State<Part>) -> Response {
    let checks = part.health.checks().await;
    let mut report = report(checks, part.clock.now());
    report.silences = part.health.silences().await;
    report.dropped = part.health.dropped();
    report.rotating = part.health.rotating();
    report.intake = part.health.intake();
    let status = match report.status {
        Status::Green | Status::Unknown => StatusCode::OK,
        Status::Red => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report)).into_response()
}

fn report(checks: Vec<Check>, now: Timestamp) -> Report {
    let checks: Vec<CheckReport> = checks.into_iter().map(|check| judge(check, now)).collect();
    let are = |status| checks.iter().filter(|check| check.status == status).count();
    let why = match (checks.len(), are(Status::Red), are(Status::Unknown)) {
        (0, ..) => Some((Status::Red, "nothing was checked".to_owned())),
        (_, 0, 0) => None,
        (all, 0, unknown) => Some((Status::Unknown, format!("{unknown} of {all} checks cannot be told"))),
        (all, red, _) => Some((Status::Red, format!("{red} of {all} checks are red"))),
    };
    match why {
        Some((status, why)) => Report { status, why: Some(why), checks, ..Report::empty() },
        None => {
            let proven_at = checks.iter().filter_map(|check| check.proven_at).min();
            Report { proven_at, checks, ..Report::empty() }
        }
    }
}

fn judge(check: Check, now: Timestamp) -> CheckReport {
    let (proven_at, why) = match check.state {
        CheckState::Untold { why } => {
            return CheckReport {
                name: check.name,
                status: Status::Unknown,
                proven_at: None,
                why: Some(why),
            };
        }
        CheckState::Broken { why } => (None, Some(why)),
        CheckState::Proven { at, good_for } => {
            let age = now.duration_since(at);
            let why = if age > good_for {
                Some(format!("proven {} s ago, which is good for {} s", age.as_secs(), good_for.as_secs()))
            } else if age < -CLOCK_SKEW_MAX {
                Some(format!("proven {} s in the future: a clock is wrong", age.abs().as_secs()))
            } else {
                None
            };
            (Some(at), why)
        }
    };
    let status = if why.is_none() { Status::Green } else { Status::Red };
    CheckReport { name: check.name, status, proven_at, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven(name: &str, ago: i64, good_for: i64) -> Check {
        let at = now() - SignedDuration::from_secs(ago);
        let good_for = SignedDuration::from_secs(good_for);
        Check { name: name.into(), state: CheckState::Proven { at, good_for } }
    }

    fn now() -> Timestamp {
        "2026-11-21T03:00:00Z".parse().unwrap()
    }

    #[test]
    fn green_names_the_oldest_proof() {
        let report =
            report(vec![proven("journal", 1, 60), proven("feed forta", 60, 60), proven("rpc", -5, 1)], now());
        assert_eq!(report.status, Status::Green);
        assert_eq!(report.proven_at, Some("2026-11-21T02:59:00Z".parse().unwrap()));
    }

    #[test]
    fn nothing_stale_unknown_or_impossible_is_green() {
        let broken = Check { name: "rpc".into(), state: CheckState::Broken { why: "never asked".into() } };
        let mut told = Vec::new();
        for checks in [
            vec![],
            vec![proven("journal", 61, 60)],
            vec![proven("journal", 1, 60), broken],
            vec![proven("journal", -6, 60)],
        ] {
            let report = report(checks, now());
            assert_eq!((report.status, report.proven_at), (Status::Red, None));
            let reasons = report.checks.iter().filter_map(|check| check.why.clone());
            told.push(report.why.clone().into_iter().chain(reasons).collect::<Vec<_>>().join("; "));
        }
        let untold =
            |why: &str| Check { name: "feed hook".into(), state: CheckState::Untold { why: why.into() } };
        let unknown = report(vec![proven("journal", 1, 60), untold("never heard")], now());
        assert_eq!((unknown.status, unknown.proven_at), (Status::Unknown, None));
        assert_eq!(unknown.why.as_deref(), Some("1 of 2 checks cannot be told"));
        insta::assert_snapshot!(told.join("\n"), @"
    nothing was checked
    1 of 1 checks are red; proven 61 s ago, which is good for 60 s
    1 of 2 checks are red; never asked
    1 of 1 checks are red; proven 6 s in the future: a clock is wrong
    ");
    }
}
