//! One request and its repetitions.
//!
//! Repeated are: requests that never got a connection, answers 429 (after the time the service names, if
//! that is short) and 5xx, and reads that timed out or were cut. A write whose answer was lost is *not*
//! repeated: the caller asks first. (Writes repeated after 5xx are safe: the service takes the same
//! proposal, confirmation or delegate twice without a change.)

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::failure::{Garbling, NewClientError, RateLimit, ServiceError, ServiceFailure, Unreachable};
use super::quota::{Heard, Memory, retry_after};
use super::refusal::{message_of, problems_of};
use crate::clock::{SharedClock, SystemClock};

/// Bytes of an answer that are read: 200 rows of large transactions fit.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Redirects are not followed: a POST would lose its body, and the key must not travel.
const REDIRECTED: &str = "it sends the request elsewhere instead of answering: is its address right?";

/// How a 429 says that it is the month's requests that are used up (the hosted service's gateway).
const MONTHLY: &str = "monthly quota";

/// A wait that is shorter is for a limit a second or minute.
const SHORT_WAIT_MAX: Duration = Duration::from_secs(60);

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
    clock: SharedClock,
    memory: Memory,
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
        let (clock, memory) = (SystemClock::shared(), Memory::default());
        Ok(Self { http, base, key, patience: Patience::default(), clock, memory })
    }

    pub(super) fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    pub(super) fn with_clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    pub(super) fn heard(&self) -> Heard {
        self.memory.heard()
    }

    /// How long the caller rests before it asks once more by itself.
    pub(super) fn rest(&self) -> Duration {
        self.patience.first_wait
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
        let asked = (|| self.attempt(method.clone(), path_and_query, body))
            .retry(waits)
            .when(|failure| may_repeat(failure, writes))
            .adjust(|failure, wait| self.wait_for(failure, wait))
            .await;
        let now = self.clock.now();
        match &asked {
            // Saying no is an answer, too.
            Ok(_) | Err(ServiceFailure::Refused { .. }) => self.memory.note_answer(now),
            Err(failure) => self.memory.note_failure(told(failure), now),
        }
        asked.map_err(|failure| ServiceError { doing: doing.to_owned(), writes, failure })
    }

    fn wait_for(&self, failure: &ServiceFailure, wait: Option<Duration>) -> Option<Duration> {
        match failure {
            // Nothing is to be expected before the month is over.
            ServiceFailure::RateLimited { retry_after: None, limit: RateLimit::Month } => None,
            ServiceFailure::RateLimited { retry_after: Some(named), .. } => {
                (*named <= self.patience.rate_limit_wait_max).then_some(())?;
                wait.map(|wait| wait.max(*named))
            }
            ServiceFailure::RateLimited { retry_after: None, .. }
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
        self.memory.note_request();
        let writes = body.is_some();
        let response = request.send().await.map_err(|cause| not_answered(cause, writes))?;
        self.answered(response, writes).await
    }

    async fn answered(&self, response: Response, writes: bool) -> Result<Answer, ServiceFailure> {
        let now = self.clock.now();
        self.memory.note_headers(response.headers(), now);
        let status = response.status().as_u16();
        if status >= 500 {
            let answered = Unreachable::Status(status);
            // A gateway that gave up waiting does not know what became of the request behind it.
            return Err(if writes && status == 504 {
                ServiceFailure::AnswerLost(answered)
            } else {
                ServiceFailure::Unavailable(answered)
            });
        }
        let headers = response.headers().clone();
        let answer = match read_whole(response).await {
            // A refusal is one, whatever became of its words.
            Err(_) if matches!(status, 300..=499) => Vec::new(),
            Ok(answer) => answer,
            Err(failure) => return Err(failure),
        };
        match status {
            200..=299 => {
                json_or_nothing(&headers, &answer)?;
                Ok(Answer { body: answer })
            }
            429 => Err(self.rate_limited(&headers, &answer)),
            _ => Err(self.refused(status, &answer)),
        }
    }

    fn rate_limited(&self, headers: &HeaderMap, answer: &[u8]) -> ServiceFailure {
        let now = self.clock.now();
        let retry_after = retry_after(headers, now);
        let monthly = message_of(answer).to_lowercase().contains(MONTHLY);
        let limit = match retry_after {
            _ if monthly => RateLimit::Month,
            Some(wait) if wait <= SHORT_WAIT_MAX => RateLimit::Second,
            Some(_) => RateLimit::Month,
            None => RateLimit::Unsaid,
        };
        if limit == RateLimit::Month {
            self.memory.note_exhausted(retry_after, now);
        }
        ServiceFailure::RateLimited { retry_after, limit }
    }

    fn refused(&self, status: u16, answer: &[u8]) -> ServiceFailure {
        let message = message_of(answer);
        if status == 404 && !answer.is_empty() && serde_json::from_slice::<Value>(answer).is_err() {
            // Somebody's error page: "no such transaction" must not be read out of a wrong address.
            let text = "it answered 404 with something that is not the service's: is its address right?";
            return ServiceFailure::Garbled(Garbling::Unexpected(text.to_owned()));
        }
        match status {
            300..=399 => {
                ServiceFailure::Refused { status, message: REDIRECTED.to_owned(), problems: Vec::new() }
            }
            401 | 403 => ServiceFailure::Unauthorized { status, message, key_shown: self.has_key() },
            _ => ServiceFailure::Refused { status, message, problems: problems_of(answer) },
        }
    }
}

/// A web page in place of an answer is named, not parsed. Without a type, the body itself decides.
fn json_or_nothing(headers: &HeaderMap, answer: &[u8]) -> Result<(), ServiceFailure> {
    let Some(found) = headers.get(CONTENT_TYPE).and_then(|found| found.to_str().ok()) else { return Ok(()) };
    if answer.is_empty() || found.to_ascii_lowercase().contains("json") {
        return Ok(());
    }
    let found = crate::domain::text::visible(&found.chars().take(60).collect::<String>());
    Err(ServiceFailure::Garbled(Garbling::WrongType { found }))
}

/// A failure and its cause in one line.
fn told(failure: &ServiceFailure) -> String {
    match std::error::Error::source(failure) {
        Some(cause) => format!("{failure}: {cause}"),
        None => failure.to_string(),
    }
}

fn may_repeat(failure: &ServiceFailure, writes: bool) -> bool {
    match failure {
        ServiceFailure::RateLimited { .. } | ServiceFailure::Unavailable(_) => true,
        ServiceFailure::AnswerLost(_) | ServiceFailure::Garbled(Garbling::Cut(_)) => !writes,
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
