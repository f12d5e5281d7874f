//! What a sender is told.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::agent::reports::{ReportError, Taken};
use crate::domain::incident::IncidentId;
use crate::domain::report::{Evidence, FieldProblem};
use crate::domain::text::chain_of;

/// When to come again after trouble of ours, in seconds.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Why a report was not taken. Nothing of it was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Who sends it was not shown. Why is for the operator alone.
    Unproven {
        /// How it is shown: `Bearer` or `Basic`; none: by a signature.
        challenge: Option<&'static str>,
        /// What was wrong.
        why: &'static str,
    },
    /// The sender is who it says, and may not.
    Forbidden(&'static str),
    /// There is no such way.
    NoSuchWay,
    /// It cannot be read.
    Unreadable(String),
    SlowBody,
    TooLarge {
        bytes_max: usize,
    },
    /// It is in no form that is known here.
    OtherForm {
        wanted: &'static str,
    },
    /// It can be read and not be taken.
    Fields(Vec<FieldProblem>),
    /// The idempotency key belongs to another report.
    OtherContent(IncidentId),
    TooOften {
        seconds: u64,
    },
    /// As many bodies are being read as there is room for.
    Busy,
    /// It could not be committed.
    NotStored,
}

impl Refusal {
    /// It could not be committed; the operator hears why.
    pub(super) fn not_stored(error: &ReportError) -> Self {
        tracing::error!(error = %chain_of(error), "a report could not be stored: its sender was told to send it again");
        Self::NotStored
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unproven { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NoSuchWay => StatusCode::NOT_FOUND,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::OtherForm { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Fields(_) | Self::OtherContent(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::NotStored => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Unproven { .. } => "who sends this was not shown".to_owned(),
            Self::Forbidden(why) => (*why).to_owned(),
            Self::NoSuchWay => "there is no such way".to_owned(),
            Self::Unreadable(why) => why.clone(),
            Self::SlowBody => "the body came too slowly".to_owned(),
            Self::TooLarge { bytes_max } => format!("the body is longer than {bytes_max} bytes"),
            Self::OtherForm { wanted } => format!("the body must be {wanted}"),
            Self::Fields(_) => "the report cannot be taken as it is".to_owned(),
            Self::OtherContent(id) => format!("this idempotency key belongs to another report, {id}"),
            Self::TooOften { seconds } => format!("too many reports; send it again in {seconds} s"),
            Self::Busy => "too many reports are being read; send it again".to_owned(),
            Self::NotStored => {
                "the report could not be stored: nothing is recorded, send it again".to_owned()
            }
        }
    }

    fn comes_again(&self) -> Option<u64> {
        match self {
            Self::TooOften { seconds } => Some(*seconds),
            Self::Busy | Self::NotStored => Some(RETRY_AFTER_SECONDS),
            Self::Unproven { .. }
            | Self::Forbidden(_)
            | Self::NoSuchWay
            | Self::Unreadable(_)
            | Self::SlowBody
            | Self::TooLarge { .. }
            | Self::OtherForm { .. }
            | Self::Fields(_)
            | Self::OtherContent(_) => None,
        }
    }

    /// Says for the operator what anybody may cause, without what they wrote.
    pub(super) fn note(&self, way: &str) {
        match self {
            Self::Unproven { why, .. } => tracing::info!(way, "a report was refused: {why}"),
            Self::TooLarge { .. } | Self::TooOften { .. } | Self::Busy | Self::Forbidden(_) => {
                tracing::warn!(way, "a report was refused: {}", self.sentence());
            }
            Self::NoSuchWay
            | Self::Unreadable(_)
            | Self::SlowBody
            | Self::OtherForm { .. }
            | Self::Fields(_)
            | Self::OtherContent(_)
            | Self::NotStored => tracing::debug!(way, status = %self.status(), "a report was refused"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problems = if let Self::Fields(problems) = &self { problems.as_slice() } else { &[] };
        let body = if problems.is_empty() {
            json!({ "error": self.sentence() })
        } else {
            json!({ "error": self.sentence(), "problems": problems })
        };
        let mut response = (self.status(), axum::Json(body)).into_response();
        if let Some(seconds) = self.comes_again() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Unproven { challenge: Some(challenge), .. } = self {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// What a sender is told of a report that is committed.
pub(super) fn taken(status: StatusCode, taken: Taken) -> Result<Response, Refusal> {
    let (id, evidence, repeated) = match taken {
        Taken::Opened { id, evidence } => (id, evidence, false),
        Taken::Repeated { id, evidence } => (id, evidence, true),
        Taken::OtherContent(id) => return Err(Refusal::OtherContent(id)),
        Taken::Replayed => {
            return Err(Refusal::Unproven { challenge: None, why: "its proof was used for another report" });
        }
    };
    let body = json!({ "incident": id, "repeated": repeated, "evidence": files(&evidence) });
    Ok((status, axum::Json(body)).into_response())
}

fn files(evidence: &[Evidence]) -> Vec<serde_json::Value> {
    let each = evidence.iter().map(|file| {
        json!({
            "name": file.name,
            "bytes": file.bytes,
            "sha256": alloy::hex::encode(file.sha256),
            "kept": file.not_kept.is_none(),
            "because": file.not_kept,
        })
    });
    each.collect()
}
