//! How the service says no: the statuses and bodies of the real one.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::chain_view::ChainViewError;

/// A request that is not granted.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Fields that cannot be, each with its texts.
    Fields(StatusCode, Map<String, Value>),
    /// A text about the request as a whole.
    NonField(StatusCode, String),
    /// The framework's own texts.
    Detail(StatusCode, String),
    /// A text in a list, as query errors without a field are.
    Listed(StatusCode, String),
    /// Nothing there, said without words.
    Absent,
    /// An address in the path without its checksum.
    Checksum(String),
    /// No key, or another one.
    Unauthorized,
    /// The chain cannot be read.
    Chain(ChainViewError),
    /// The database cannot be read or written.
    Store(sqlx::Error),
    /// A row that does not read back as it was written.
    Corrupt(&'static str),
    /// It cannot be answered now, and nothing is left out silently.
    Unavailable(String),
}

impl Refusal {
    /// One field, one text.
    pub(super) fn field(status: StatusCode, name: &str, text: impl Into<String>) -> Self {
        let mut fields = Map::new();
        fields.insert(name.to_owned(), json!([text.into()]));
        Self::Fields(status, fields)
    }

    /// A 422 about the request as a whole.
    pub(super) fn unprocessable(text: impl Into<String>) -> Self {
        Self::NonField(StatusCode::UNPROCESSABLE_ENTITY, text.into())
    }

    /// A 400 about the request as a whole.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::NonField(StatusCode::BAD_REQUEST, text.into())
    }

    /// A 404 with words.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::Detail(StatusCode::NOT_FOUND, text.into())
    }
}

impl From<ChainViewError> for Refusal {
    fn from(error: ChainViewError) -> Self {
        Self::Chain(error)
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let unavailable = |text: &str| (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "detail": text })));
        match self {
            Self::Fields(status, fields) => (status, Json(Value::Object(fields))).into_response(),
            Self::NonField(status, text) => {
                (status, Json(json!({ "nonFieldErrors": [text] }))).into_response()
            }
            Self::Detail(status, text) => (status, Json(json!({ "detail": text }))).into_response(),
            Self::Listed(status, text) => (status, Json(json!([text]))).into_response(),
            Self::Absent => StatusCode::NOT_FOUND.into_response(),
            Self::Checksum(address) => {
                let body = json!({
                    "code": 1,
                    "message": "Checksum address validation failed",
                    "arguments": [address],
                });
                (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
            }
            Self::Unauthorized => {
                let body = Json(json!({ "detail": "The bearer key is missing or wrong." }));
                let mut response = (StatusCode::UNAUTHORIZED, body).into_response();
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                response
            }
            Self::Chain(error) => {
                tracing::warn!(error = %Chain(&error), "the embedded Transaction Service cannot read the chain");
                unavailable("The chain cannot be read at the moment, so nothing was decided. Try again.")
                    .into_response()
            }
            Self::Store(error) => {
                tracing::error!(%error, "the embedded Transaction Service cannot use its database");
                unavailable("The database cannot be used at the moment. Read before you repeat a write.")
                    .into_response()
            }
            Self::Corrupt(what) => {
                tracing::error!(what, "the embedded Transaction Service read back what it never wrote");
                unavailable("A stored row is damaged; the operator's log says which kind.").into_response()
            }
            Self::Unavailable(text) => unavailable(&text).into_response(),
        }
    }
}

/// An error with its causes, for the log.
struct Chain<'a>(&'a ChainViewError);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
