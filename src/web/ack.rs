//! Acknowledging a page with one tap on a phone, half asleep.
//!
//! `GET` only shows what would be acknowledged: link previews and mail scanners open every link they see. `POST`
//! acknowledges. "Recorded" is shown only when the port said so; anything else says loudly that it is not.

use std::sync::Arc;

use askama::Template;
use async_trait::async_trait;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::AckParts;
use super::page::{not_found, page};
use crate::domain::text::visible;

/// The stylesheet, a file of its own so that the security policy needs no exception.
const STYLESHEET: &str = include_str!("../../templates/page.css");

/// What a person sees before acknowledging.
#[derive(Clone, Debug, PartialEq)]
pub struct AckSummary {
    /// What happened, one sentence. May hold a stranger's text.
    pub title: String,
    /// The incident's severity.
    pub severity: String,
    /// How the person is called.
    pub person: String,
    /// Whether there is anything to acknowledge.
    pub state: AckState,
}

/// Whether there is anything to acknowledge.
#[derive(Clone, Debug, PartialEq)]
pub enum AckState {
    /// The person was paged and has not answered.
    Waiting,
    /// They have; the time is in their zone.
    Acknowledged {
        /// When.
        at: Zoned,
    },
    /// The incident does not need them any more.
    Over,
}

/// What an acknowledgement did.
#[derive(Clone, Debug, PartialEq)]
pub enum AckOutcome {
    /// It is recorded; the time is in the person's zone.
    Recorded {
        /// When.
        at: Zoned,
    },
    /// It was recorded before.
    Already {
        /// When; in the person's zone.
        at: Zoned,
    },
    /// The incident does not need them any more; nothing was recorded.
    Over,
    /// There is no such incident, or it never paged this person.
    Unknown,
}

/// The acknowledgement could not be recorded, or the incident not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing}")]
pub struct AckFailed {
    /// What was being done: `record the acknowledgement`.
    pub doing: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync + 'static>,
}

/// Records acknowledgements. Called only for names whose token was right.
#[async_trait]
pub trait Acknowledge: Send + Sync + std::fmt::Debug {
    /// What `person` would acknowledge; `None` when the incident never paged them. Changes nothing.
    ///
    /// # Errors
    /// When the incident cannot be read.
    async fn summary(&self, incident: &str, person: &str) -> Result<Option<AckSummary>, AckFailed>;

    /// Records that `person` is awake and on `incident`.
    ///
    /// # Errors
    /// When it could not be recorded.
    async fn acknowledge(&self, incident: &str, person: &str) -> Result<AckOutcome, AckFailed>;
}

type Names = Result<Path<(String, String, String)>, PathRejection>;

pub(super) fn routes(parts: AckParts) -> Router {
    Router::new()
        .route("/ack/page.css", get(stylesheet))
        .route("/ack/{incident}/{person}/{token}", get(show).post(acknowledge))
        .with_state(Arc::new(parts))
}

async fn stylesheet() -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, STYLESHEET)
}

#[derive(Template)]
#[template(path = "ack.html")]
struct AckPage<'a> {
    incident: &'a str,
    person: &'a str,
    severity: &'a str,
    title: &'a str,
    /// The button is offered.
    offer: bool,
    /// Set on what happened, good or bad; what it means below.
    verdict: Option<Verdict>,
}

struct Verdict {
    good: bool,
    word: &'static str,
    meaning: String,
}

async fn show(State(parts): State<Arc<AckParts>>, names: Names) -> Response {
    let Some((incident, person)) = authentic(&parts, names) else { return not_found().await };
    match parts.port.summary(&incident, &person).await {
        Ok(None) => not_found().await,
        Ok(Some(summary)) => {
            let (offer, verdict) = match &summary.state {
                AckState::Waiting => (true, None),
                AckState::Acknowledged { at } => (false, Some(recorded("Acknowledged", at))),
                AckState::Over => (false, Some(over())),
            };
            let (incident, title) = (visible(&incident), visible(&summary.title));
            let (person, severity) = (visible(&summary.person), visible(&summary.severity));
            let ack = AckPage {
                incident: &incident,
                person: &person,
                severity: &severity,
                title: &title,
                offer,
                verdict,
            };
            page(StatusCode::OK, &ack)
        }
        Err(error) => {
            tracing::error!(incident.id = %incident, error = &error as &dyn std::error::Error, "an acknowledge page could not be shown");
            // What happened is unknown, but the person is awake: let them say so.
            let meaning = "The incident cannot be read at the moment. You can still try to acknowledge it.";
            failed(&incident, &person, "Not readable", meaning)
        }
    }
}

async fn acknowledge(State(parts): State<Arc<AckParts>>, names: Names) -> Response {
    let Some((incident, person)) = authentic(&parts, names) else { return not_found().await };
    let verdict = match parts.port.acknowledge(&incident, &person).await {
        Ok(AckOutcome::Recorded { at }) => recorded("Acknowledged", &at),
        Ok(AckOutcome::Already { at }) => recorded("Already acknowledged", &at),
        Ok(AckOutcome::Over) => over(),
        Ok(AckOutcome::Unknown) => return not_found().await,
        Err(error) => {
            tracing::error!(incident.id = %incident, error = &error as &dyn std::error::Error, "an acknowledgement was not recorded");
            let meaning = "Your acknowledgement is not recorded, and pages will go on. Try again, and tell the others in \
                           your usual channel that you are on it.";
            return failed(&incident, &person, "Not recorded", meaning);
        }
    };
    let (incident, person) = (visible(&incident), visible(&person));
    let done = AckPage {
        incident: &incident,
        person: &person,
        severity: "",
        title: "",
        offer: false,
        verdict: Some(verdict),
    };
    page(StatusCode::OK, &done)
}

/// The names of a link of ours; nothing about why it is none.
fn authentic(parts: &AckParts, names: Names) -> Option<(String, String)> {
    let Path((incident, person, token)) = names.ok()?;
    parts.links.verify(&incident, &person, &token).then_some((incident, person))
}

fn recorded(word: &'static str, at: &Zoned) -> Verdict {
    let utc = at.with_time_zone(TimeZone::UTC);
    let when = if at.time_zone() == utc.time_zone() {
        utc.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    } else {
        format!("{} · {}", at.strftime("%Y-%m-%d %H:%M:%S %Z"), utc.strftime("%Y-%m-%d %H:%M:%S UTC"))
    };
    Verdict { good: true, word, meaning: format!("Recorded at {when}. Nothing is signed by this.") }
}

fn over() -> Verdict {
    Verdict {
        good: true,
        word: "Nothing to do",
        meaning: "This incident does not wait for you any more.".into(),
    }
}

fn failed(incident: &str, person: &str, word: &'static str, meaning: &str) -> Response {
    let (incident, person) = (visible(incident), visible(person));
    let verdict = Some(Verdict { good: false, word, meaning: meaning.to_owned() });
    let again =
        AckPage { incident: &incident, person: &person, severity: "", title: "", offer: true, verdict };
    page(StatusCode::SERVICE_UNAVAILABLE, &again)
}
