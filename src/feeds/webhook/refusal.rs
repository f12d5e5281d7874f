//! Every answer but 200.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::scheme::Unproven;
use super::signature::Unsigned;

/// When to send again, in seconds.
const RETRY_AFTER_SECONDS: u32 = 5;

/// Why a request was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Unsigned(Unsigned),
    Unproven(Unproven),
    NoBody,
    BrokenBody,
    SlowBody,
    TooLarge,
    TooManyAlerts,
    Encoded,
    Replayed,
    InFlight,
    OverRate { again_seconds: u32 },
    Busy,
    QueueFull,
    NotCommitted,
    Stopping,
}

impl Refusal {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Unsigned(why) => why.reason(),
            Self::Unproven(why) => why.sentence(),
            Self::NoBody => "The body is empty.",
            Self::BrokenBody => "The body could not be read to its end.",
            Self::SlowBody => "The body came too slowly.",
            Self::TooLarge => "The body is over WEBHOOK_BODY_MAX_BYTES (1048576).",
            Self::TooManyAlerts => "The body has more alerts than WEBHOOK_ALERTS_MAX (1000).",
            Self::Encoded => {
                "The body is encoded (Content-Encoding). Send it as it is: signatures are over plain bytes."
            }
            Self::Replayed => "This very request was accepted before; nothing was done again.",
            Self::InFlight => "This very request is being worked on.",
            Self::OverRate { .. } => "This feed sends more requests than its requests_per_minute.",
            Self::Busy => "Too many requests are being read.",
            Self::QueueFull => "Too many alerts are waiting.",
            Self::NotCommitted => "The alerts could not be stored.",
            Self::Stopping => "The agent is stopping.",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Unsigned(_) | Self::Unproven(_) => StatusCode::UNAUTHORIZED,
            Self::NoBody | Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge | Self::TooManyAlerts => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Replayed => StatusCode::CONFLICT,
            Self::OverRate { .. } | Self::Busy | Self::QueueFull => StatusCode::TOO_MANY_REQUESTS,
            Self::InFlight | Self::NotCommitted | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// When to send again, in seconds.
    fn again_seconds(self) -> u32 {
        if let Self::OverRate { again_seconds } = self { again_seconds } else { RETRY_AFTER_SECONDS }
    }

    fn comes_again(self) -> bool {
        let status = self.status();
        status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let answer = (self.status(), axum::Json(json!({ "error": self.sentence() })));
        if self.comes_again() {
            ([(RETRY_AFTER, self.again_seconds())], answer).into_response()
        } else {
            answer.into_response()
        }
    }
}
