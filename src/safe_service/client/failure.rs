//! How a call to the service can fail, and what the caller may do then.

use std::time::Duration;

use serde_json::Value;

/// Characters of the service's words that are kept.
const MESSAGE_CHARS_MAX: usize = 600;

/// Fields in which the service explains itself, the most telling first; then any others.
const MESSAGE_FIELDS: [&str; 7] =
    ["data", "detail", "message", "nonFieldErrors", "delegate", "safe", "delegator"];

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
    /// Why it failed.
    #[source]
    pub failure: ServiceFailure,
}

impl ServiceError {
    /// What the caller may do next.
    pub fn next(&self) -> Next {
        match &self.failure {
            ServiceFailure::Refused { .. } | ServiceFailure::Unauthorized { .. } => Next::Never,
            ServiceFailure::RateLimited { retry_after } => Next::After(*retry_after),
            ServiceFailure::Unavailable(_) => Next::Later,
            ServiceFailure::AnswerLost(_) | ServiceFailure::Garbled(_) => Next::AskFirst,
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

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceFailure {
    /// The service understood and said no.
    #[error("the Transaction Service refused ({status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// In the service's words; see [`crate::safe_service::words`].
        message: String,
    },
    /// The key is missing, wrong or expired.
    #[error("the Transaction Service does not take the API key ({status}): {message}")]
    Unauthorized {
        /// HTTP status.
        status: u16,
        /// In the service's words.
        message: String,
    },
    /// Too many requests, or the month's quota is used up.
    #[error("the Transaction Service takes no more requests for now{}", wait(*.retry_after))]
    RateLimited {
        /// How long until it does again, if it said.
        retry_after: Option<Duration>,
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
    /// The body ended early.
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
    /// Not JSON, or other JSON.
    #[error("the answer is not the JSON that was expected")]
    NotAsExpected(#[source] serde_json::Error),
    /// Something else than was asked for.
    #[error("{0}")]
    Unexpected(String),
}

/// The service's words in the body of a refusal.
pub(super) fn message_of(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return "it gave no reason".to_owned();
    };
    let message = match &body {
        Value::Object(fields) => {
            MESSAGE_FIELDS.iter().find_map(|name| fields.get(*name).and_then(plain)).or_else(|| {
                let each: Vec<_> = fields
                    .iter()
                    .filter_map(|(name, value)| Some(format!("{name}: {}", plain(value)?)))
                    .collect();
                (!each.is_empty()).then(|| each.join("; "))
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => plain(&body),
    };
    let message = message.unwrap_or_else(|| "it gave no reason".to_owned());
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// A text, or texts, as one line.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(several) => {
            let texts: Vec<_> = several.iter().filter_map(plain).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_words_are_found_wherever_it_puts_them() {
        for (body, words) in [
            (r#"{"detail":"Not here."}"#, "Not here."),
            (
                r#"{"code":1,"message":"Checksum address validation failed","arguments":["0x1"]}"#,
                "Checksum address validation failed",
            ),
            (r#"{"safe":["b"],"nonFieldErrors":["a","c"]}"#, "a; c"),
            (r#"{"to":["x"],"value":["y","z"]}"#, "to: x; value: y; z"),
            (r#"["At least one query param must be provided"]"#, "At least one query param must be provided"),
            (r#"{"data":{"deep":1},"label":["l"]}"#, "label: l"),
            ("<html>Server Error (500)</html>", "it gave no reason"),
            ("", "it gave no reason"),
            ("{}", "it gave no reason"),
        ] {
            assert_eq!(message_of(body.as_bytes()), words);
        }
        let endless = format!(r#"{{"detail":"{}"}}"#, "x".repeat(10_000));
        assert_eq!(message_of(endless.as_bytes()).len(), MESSAGE_CHARS_MAX);
    }
}
