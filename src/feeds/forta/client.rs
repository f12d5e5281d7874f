//! One question over HTTP, its answer within bounds, and what can go wrong with it.

use std::error::Error as _;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use super::FortaSettings;
use super::answer::{self, Page};
use super::query::Question;
use crate::domain::names::FeedName;
use crate::domain::text::{cut, visible};
use crate::http;

/// How long one question may take, in seconds. Large pages were seen to take several.
const QUESTION_SECONDS_MAX: u64 = 30;

/// The longest answer, in bytes, after decompression: 500 alerts of the longest recorded shape.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

/// The longest pause that the API may ask for, in seconds: longer, and a feed would be blind.
const RETRY_AFTER_SECONDS_MAX: u64 = 300;

/// Characters of one cause that are told.
const CAUSE_MAX_CHARS: usize = 300;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PollError {
    #[error("the API could not be reached")]
    Transport { source: reqwest::Error },
    #[error("the API answered HTTP 500, which it does when an answer is too large")]
    TooMuch,
    #[error("the answer is over ANSWER_MAX_BYTES ({ANSWER_MAX_BYTES})")]
    TooLong,
    #[error("the API does not accept the key (HTTP {0})")]
    Key(StatusCode),
    #[error("the API asks to slow down (HTTP 429)")]
    Busy { pause: Option<Duration> },
    #[error("the API answered HTTP {0}")]
    Status(StatusCode),
    #[error("the answer is not what the API promises")]
    Unreadable { source: serde_json::Error },
    #[error("the API refused the question: {messages}")]
    Refused { messages: String },
    #[error("the answer has no data")]
    NoData,
    #[error("the API's pages do not come to an end")]
    Circle,
}

impl PollError {
    /// What happened and its causes, for the operator.
    pub(super) fn reason(&self) -> String {
        let mut reason = self.to_string();
        let mut cause = self.source();
        while let Some(source) = cause {
            reason.push_str(": ");
            // The parser of JSON repeats what stands where something else was expected, however long it is.
            reason.push_str(&cut(&visible(&source.to_string()), CAUSE_MAX_CHARS));
            cause = source.source();
        }
        reason
    }

    /// True when a smaller page may work, at once. An answer that does not come in time counts: an answer of
    /// half the size may.
    pub(super) fn is_too_much(&self) -> bool {
        match self {
            Self::TooMuch | Self::TooLong => true,
            Self::Transport { source } => source.is_timeout() && !source.is_connect(),
            Self::Key(_)
            | Self::Busy { .. }
            | Self::Status(_)
            | Self::Unreadable { .. }
            | Self::Refused { .. }
            | Self::NoData
            | Self::Circle => false,
        }
    }

    /// How long the API asked to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { pause } => *pause,
            Self::TooMuch
            | Self::TooLong
            | Self::Transport { .. }
            | Self::Key(_)
            | Self::Status(_)
            | Self::Unreadable { .. }
            | Self::Refused { .. }
            | Self::NoData
            | Self::Circle => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    key: Option<SecretString>,
    feed: FeedName,
    authenticated: bool,
}

impl Client {
    pub(super) fn new(settings: &FortaSettings) -> Result<Self, reqwest::Error> {
        Self::with_timeout(settings, Duration::from_secs(QUESTION_SECONDS_MAX))
    }

    fn with_timeout(settings: &FortaSettings, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: http::client(timeout)?,
            url: settings.url.clone(),
            key: settings.key.clone(),
            feed: settings.name.clone(),
            authenticated: names_its_owner(&settings.url),
        })
    }

    pub(super) async fn ask(&self, question: &Question) -> Result<Page, PollError> {
        let mut request = self.http.post(self.url.clone()).json(question);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret());
        }
        let response = request.send().await.map_err(transport)?;
        let response = checked(response)?;
        let body = body(response).await?;
        answer::read(&body, &self.feed, self.authenticated)
    }
}

/// Over TLS, or from this very machine, the answer comes from whom the URL names. Over plain HTTP from
/// elsewhere it may come from anybody.
fn names_its_owner(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(domain)) => domain == "localhost",
        None => false,
    };
    here || url.scheme() == "https"
}

fn checked(response: reqwest::Response) -> Result<reqwest::Response, PollError> {
    match response.status() {
        StatusCode::OK => Ok(response),
        StatusCode::INTERNAL_SERVER_ERROR => Err(PollError::TooMuch),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Err(PollError::Key(status)),
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds = response.headers().get(RETRY_AFTER);
            let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
            let pause = seconds.map(|seconds| Duration::from_secs(seconds.min(RETRY_AFTER_SECONDS_MAX)));
            Err(PollError::Busy { pause })
        }
        status => Err(PollError::Status(status)),
    }
}

/// Reads the body, but no more of it than allowed.
async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, PollError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len().saturating_add(chunk.len()) > ANSWER_MAX_BYTES {
            return Err(PollError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The URL may hold a secret in its path; the operator knows it anyway.
fn transport(error: reqwest::Error) -> PollError {
    PollError::Transport { source: error.without_url() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::ChainId;

    fn settings(url: &str) -> FortaSettings {
        FortaSettings {
            name: FeedName::from("forta"),
            url: url.parse().unwrap(),
            key: None,
            chains: vec![ChainId(1)],
            bots: vec![],
            poll: Duration::from_secs(15),
            overlap: Duration::from_secs(1_200),
            page_size: 50,
        }
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_in_time_may_come_in_smaller_pages() {
        // The listener's backlog takes the connection; nobody ever answers.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = settings(&format!("http://{}/graphql", listener.local_addr().unwrap()));
        let client = Client::with_timeout(&settings, Duration::from_millis(100)).unwrap();
        let now = "2024-01-01T00:00:00Z".parse().unwrap();
        let error = client.ask(&Question::new(&[], ChainId(1), 50, now, now, None)).await.unwrap_err();
        assert!(error.is_too_much(), "{}", error.reason());

        drop(listener);
        let error = client.ask(&Question::new(&[], ChainId(1), 50, now, now, None)).await.unwrap_err();
        assert!(!error.is_too_much(), "{}", error.reason());
    }

    #[test]
    fn plain_http_from_elsewhere_is_not_authenticated() {
        let table = [
            ("https://api.forta.network/graphql", true),
            ("http://127.0.0.1:8080/graphql", true),
            ("http://[::1]:8080/graphql", true),
            ("http://localhost/graphql", true),
            ("http://api.forta.network/graphql", false),
            ("http://localhost.example/graphql", false),
        ];
        for (url, wanted) in table {
            assert_eq!(names_its_owner(&url.parse().unwrap()), wanted, "{url}");
        }
    }
}
