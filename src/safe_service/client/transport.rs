//! One request and its repetitions.
//!
//! Repeated are: requests that never got a connection, answers 429 (after the time the service names, if
//! that is short) and 5xx, and reads that timed out. A write whose answer was lost is *not* repeated: the
//! caller asks first. (Writes repeated after 5xx are safe: the service takes the same proposal,
//! confirmation or delegate twice without a change.)

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::failure::{Garbling, NewClientError, ServiceError, ServiceFailure, Unreachable, message_of};

/// Bytes of an answer that are read: 200 rows of large transactions fit.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Said by the hosted service; seconds until the limit is lifted.
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// Said by the hosted service; requests left.
const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");

/// Redirects are not followed: a POST would lose its body, and the key must not travel.
const REDIRECTED: &str = "it sends the request elsewhere instead of answering: is its address right?";

/// No quota was ever said.
const UNKNOWN: i64 = -1;

/// How often and how long to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Repetitions after the first attempt.
    pub retries_max: usize,
    /// Wait before the first repetition; doubles from one to the next.
    pub first_wait: Duration,
    /// A rate limit that lasts longer is handed to the caller at once.
    pub rate_limit_wait_max: Duration,
}

impl Default for Patience {
    /// Three repetitions within about a second and a half: a proposal is urgent, and there are ways
    /// without the service.
    fn default() -> Self {
        Self {
            retries_max: 3,
            first_wait: Duration::from_millis(200),
            rate_limit_wait_max: Duration::from_secs(5),
        }
    }
}

/// An answer that was read whole.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    base: String,
    key: Option<HeaderValue>,
    patience: Patience,
    remaining: Arc<AtomicI64>,
}

impl Transport {
    pub(super) fn new(
        base_url: &Url,
        api_key: Option<&SecretString>,
        timeout: Duration,
    ) -> Result<Self, NewClientError> {
        if !matches!(base_url.scheme(), "http" | "https") || !base_url.has_host() {
            return Err(NewClientError::Address(base_url.to_string()));
        }
        let mut plain = base_url.clone();
        plain.set_query(None);
        plain.set_fragment(None);
        let base = plain.as_str().trim_end_matches('/');
        let base = base.strip_suffix("/api").unwrap_or(base).to_owned();
        let key = match api_key {
            None => None,
            Some(key) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
                    .map_err(|_| NewClientError::Key)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let http = crate::http::client(timeout).map_err(NewClientError::Http)?;
        let remaining = Arc::new(AtomicI64::new(UNKNOWN));
        Ok(Self { http, base, key, patience: Patience::default(), remaining })
    }

    pub(super) fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    pub(super) fn remaining_quota(&self) -> Option<u64> {
        u64::try_from(self.remaining.load(Ordering::Relaxed)).ok()
    }

    /// Asks, and asks again where that is safe.
    pub(super) async fn ask(
        &self,
        doing: &str,
        method: Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ServiceError> {
        let waits = ExponentialBuilder::default()
            .with_min_delay(self.patience.first_wait)
            .with_max_times(self.patience.retries_max);
        let writes = body.is_some();
        (|| self.attempt(method.clone(), path_and_query, body))
            .retry(waits)
            .when(|failure| may_repeat(failure, writes))
            .adjust(|failure, wait| self.wait_for(failure, wait))
            .await
            .map_err(|failure| ServiceError { doing: doing.to_owned(), failure })
    }

    fn wait_for(&self, failure: &ServiceFailure, wait: Option<Duration>) -> Option<Duration> {
        match failure {
            ServiceFailure::RateLimited { retry_after: Some(named) } => {
                (*named <= self.patience.rate_limit_wait_max).then_some(())?;
                wait.map(|wait| wait.max(*named))
            }
            ServiceFailure::RateLimited { retry_after: None }
            | ServiceFailure::Refused { .. }
            | ServiceFailure::Unauthorized { .. }
            | ServiceFailure::Unavailable(_)
            | ServiceFailure::AnswerLost(_)
            | ServiceFailure::Garbled(_) => wait,
        }
    }

    async fn attempt(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ServiceFailure> {
        let mut request = self
            .http
            .request(method, format!("{}{path_and_query}", self.base))
            .header(ACCEPT, "application/json");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|cause| not_answered(cause, body.is_some()))?;
        self.note_quota(response.headers());
        let status = response.status();
        if status.as_u16() == 429 {
            return Err(ServiceFailure::RateLimited { retry_after: reset_after(response.headers()) });
        }
        if status.is_server_error() {
            let answered = Unreachable::Status(status.as_u16());
            // A gateway that gave up waiting does not know what became of the request behind it.
            return Err(if body.is_some() && status.as_u16() == 504 {
                ServiceFailure::AnswerLost(answered)
            } else {
                ServiceFailure::Unavailable(answered)
            });
        }
        let answer = read_whole(response).await?;
        if status.is_success() {
            return Ok(Answer { body: answer });
        }
        let (status, message) = (status.as_u16(), message_of(&answer));
        if status == 404 && !answer.is_empty() && serde_json::from_slice::<Value>(&answer).is_err() {
            // Somebody's error page: "no such transaction" must not be read out of a wrong address.
            let text = "it answered 404 with something that is not the service's: is its address right?";
            return Err(ServiceFailure::Garbled(Garbling::Unexpected(text.to_owned())));
        }
        Err(match status {
            300..=399 => ServiceFailure::Refused { status, message: REDIRECTED.to_owned() },
            401 | 403 => ServiceFailure::Unauthorized { status, message },
            _ => ServiceFailure::Refused { status, message },
        })
    }

    fn note_quota(&self, headers: &HeaderMap) {
        if let Some(left) = number(headers, &RATE_LIMIT_REMAINING) {
            self.remaining.store(i64::try_from(left).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

fn may_repeat(failure: &ServiceFailure, writes: bool) -> bool {
    match failure {
        ServiceFailure::RateLimited { .. } | ServiceFailure::Unavailable(_) => true,
        ServiceFailure::AnswerLost(_) => !writes,
        ServiceFailure::Refused { .. } | ServiceFailure::Unauthorized { .. } | ServiceFailure::Garbled(_) => {
            false
        }
    }
}

fn not_answered(cause: reqwest::Error, writes: bool) -> ServiceFailure {
    let cause = cause.without_url();
    if cause.is_connect() {
        return ServiceFailure::Unavailable(Unreachable::Connect(cause));
    }
    let unreachable =
        if cause.is_timeout() { Unreachable::Timeout(cause) } else { Unreachable::Broken(cause) };
    if writes { ServiceFailure::AnswerLost(unreachable) } else { ServiceFailure::Unavailable(unreachable) }
}

async fn read_whole(mut response: Response) -> Result<Vec<u8>, ServiceFailure> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                return Err(ServiceFailure::Garbled(Garbling::TooLarge { bytes_max: ANSWER_BYTES_MAX }));
            }
            Err(cause) => return Err(ServiceFailure::Garbled(Garbling::Cut(cause.without_url()))),
        }
    }
}

/// Both headers are seconds from now; a date in `Retry-After` is not understood and counts as unsaid.
fn reset_after(headers: &HeaderMap) -> Option<Duration> {
    number(headers, &RATE_LIMIT_RESET).or_else(|| number(headers, &RETRY_AFTER)).map(Duration::from_secs)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
