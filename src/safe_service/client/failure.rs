//! How a call to the service can fail, and what the caller may do then.
//!
//! | it failed because | [`Next`] for a read | for a write |
//! |---|---|---|
//! | it was refused: 4xx, 451, a redirect; the key is not taken: 401, 403 | never | never |
//! | too many requests: 429 | after the time it names | after the time it names |
//! | no connection; 5xx | later | later |
//! | sent, and no answer: time-out, cut connection, 504 | later | ask first |
//! | an answer that cannot be used: cut, too large, not JSON | later | ask first |

use std::time::Duration;

use super::refusal::FieldProblem;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum NewClientError {
    /// Not `http` or `https`, or without a host.
    #[error("`{0}` is not the address of a Transaction Service: http:// or https:// is needed")]
    Address(String),
    /// A key with characters that no header takes, a line break for example.
    #[error("the API key has characters that cannot stand in a header; is there a line break in it?")]
    Key,
    /// No TLS.
    #[error("could not make an HTTP client")]
    Http(#[source] reqwest::Error),
}

/// A call to the service that failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing}")]
pub struct ServiceError {
    /// What was being done.
    pub doing: String,
    /// It would have changed something at the service.
    pub writes: bool,
    /// Why it failed.
    #[source]
    pub failure: ServiceFailure,
}

impl ServiceError {
    /// What the caller may do next.
    pub fn next(&self) -> Next {
        match &self.failure {
            ServiceFailure::Refused { .. } | ServiceFailure::Unauthorized { .. } => Next::Never,
            ServiceFailure::RateLimited { retry_after, .. } => Next::After(*retry_after),
            ServiceFailure::Unavailable(_) => Next::Later,
            ServiceFailure::AnswerLost(_) => Next::AskFirst,
            ServiceFailure::Garbled(_) if self.writes => Next::AskFirst,
            ServiceFailure::Garbled(_) => Next::Later,
        }
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self.failure, ServiceFailure::Refused { status: 404, .. })
    }
}

/// What the caller may do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same call will fail the same way.
    Never,
    /// Not before this time has passed; `None` where the service did not say.
    After(Option<Duration>),
    /// The service did not act; try later, or go on without it.
    Later,
    /// The service may have acted: read before repeating.
    AskFirst,
}

/// Which limit a 429 speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// Requests a second: it is over in a moment.
    Second,
    /// The month's requests: nothing at the service works until it is lifted.
    Month,
    /// The service did not say.
    Unsaid,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceFailure {
    /// The service understood and said no.
    #[error("the Transaction Service refused ({status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// In the service's words, in one line; see [`crate::safe_service::words`].
        message: String,
        /// The same, one by one, each with its field.
        problems: Vec<FieldProblem>,
    },
    /// The key is missing, wrong or expired.
    #[error("the Transaction Service does not take the API key ({status}): {message}")]
    Unauthorized {
        /// HTTP status.
        status: u16,
        /// In the service's words.
        message: String,
        /// A key was shown.
        key_shown: bool,
    },
    /// Too many requests, or the month's quota is used up.
    #[error("the Transaction Service takes no more requests for now{}", wait(*.retry_after))]
    RateLimited {
        /// How long until it does again, if it said.
        retry_after: Option<Duration>,
        /// Which limit.
        limit: RateLimit,
    },
    /// It did not act.
    #[error("the Transaction Service is unavailable")]
    Unavailable(#[source] Unreachable),
    /// The request was sent and no answer came: it may have acted.
    #[error("the Transaction Service did not answer in time, and may have acted")]
    AnswerLost(#[source] Unreachable),
    /// It answered something that cannot be used.
    #[error("the Transaction Service gave an answer that cannot be used")]
    Garbled(#[source] Garbling),
}

fn wait(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| format!(" (again in {} s)", wait.as_secs()))
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// No connection.
    #[error("could not connect")]
    Connect(#[source] reqwest::Error),
    /// Connected, but no answer in time.
    #[error("no answer in time")]
    Timeout(#[source] reqwest::Error),
    /// Connected, then cut off before an answer.
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
    /// It answered that it cannot.
    #[error("it answered with status {0}")]
    Status(u16),
}

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Garbling {
    /// The body ended early, or came so slowly that the time ran out.
    #[error("the answer's body was cut off")]
    Cut(#[source] reqwest::Error),
    /// More than is ever needed.
    #[error("the answer's body has more than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: usize,
    },
    /// A list without end.
    #[error("the list has more than {pages_max} pages")]
    TooManyPages {
        /// The bound.
        pages_max: usize,
    },
    /// Something that says itself that it is not JSON: a web page, a sign-in form.
    #[error("the answer is {found} and not JSON: is a proxy or a web page in between?")]
    WrongType {
        /// Its content type.
        found: String,
    },
    /// Not JSON, or other JSON.
    #[error("the answer is not the JSON that was expected")]
    NotAsExpected(#[source] serde_json::Error),
    /// Something else than was asked for.
    #[error("{0}")]
    Unexpected(String),
}
