//! One POST, and what its answer means for a message.
//!
//! The rule: what was refused before it was taken may be repeated; what may have been taken is `Lost`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::{Endpoint, SendError};
use crate::domain::text::{cut, visible};

/// How long one attempt may take, connection included: the next channel is waiting. For
/// [`crate::http::client`], which the channels are given.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
pub const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// The longest `Retry-After` that is obeyed: whoever asks for more must not silence a page for the night.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// Characters of an answer that are told in an error.
const TOLD_MAX_CHARS: usize = 200;

/// Sends a body and reads the answer of a server that took it.
pub(super) async fn post(
    client: &reqwest::Client,
    to: &Endpoint,
    headers: HeaderMap,
    body: Vec<u8>,
    now: Timestamp,
) -> Result<String, SendError> {
    let request = client.post(to.url().clone()).headers(headers).body(body);
    let response = request.send().await.map_err(|error| not_sent(to, error))?;
    let (status, after) = (response.status(), retry_after(response.headers(), now));
    let answer = read(response).await;
    if status.is_success() {
        return answer.map_err(|error| lost(to, "its answer broke off", Some(error)));
    }
    Err(refusal(to, status, told(&answer.unwrap_or_default()), after))
}

/// The beginning of an answer, fit for an error message.
pub(super) fn told(answer: &str) -> String {
    match answer.trim() {
        "" => "it gave no reason".to_owned(),
        answer => visible(&cut(answer, TOLD_MAX_CHARS)),
    }
}

/// A server's "no". The gateways among them do not know whether the message went through.
fn refusal(to: &Endpoint, status: StatusCode, told: String, after: Option<Duration>) -> SendError {
    let to = to.to_string();
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            SendError::Lost { to, why: "a gateway on the way gave up", source: None }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            SendError::Busy { to, status: status.as_u16(), told, after }
        }
        status if status.is_server_error() => SendError::Busy { to, status: status.as_u16(), told, after },
        // 4xx; and 1xx or 3xx, which no receiver of messages has reason to send (redirects are not followed:
        // the message is for the host that was configured).
        status => SendError::Refused { to, status: status.as_u16(), told },
    }
}

fn not_sent(to: &Endpoint, error: reqwest::Error) -> SendError {
    // The URL may be a secret.
    let error = error.without_url();
    if error.is_builder() {
        SendError::Unfit { to: to.to_string(), why: "the request cannot be built", source: error.into() }
    } else if error.is_connect() {
        SendError::NotReached { to: to.to_string(), source: error.into() }
    } else if error.is_timeout() {
        lost(to, "it did not answer in time", Some(error))
    } else {
        lost(to, "the connection broke off before an answer", Some(error))
    }
}

fn lost(to: &Endpoint, why: &'static str, source: Option<reqwest::Error>) -> SendError {
    SendError::Lost { to: to.to_string(), why, source: source.map(|error| error.without_url().into()) }
}

/// Reads up to [`ANSWER_MAX_BYTES`]; what follows is of no interest.
async fn read(mut response: reqwest::Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_MAX_BYTES {
        match response.chunk().await? {
            None => break,
            Some(chunk) => bytes.extend(chunk.iter().take(ANSWER_MAX_BYTES.saturating_sub(bytes.len()))),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Seconds or a date, as RFC 9110 has it (section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    Some(after.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::super::Advice;
    use super::*;

    #[test]
    fn every_status_says_what_may_be_done() {
        let to = Endpoint::new("https://example.org/secret").unwrap();
        let after = Some(Duration::from_secs(7));
        let advice = |status: u16, after| {
            let error = refusal(&to, StatusCode::from_u16(status).unwrap(), "told".into(), after);
            assert!(!error.to_string().contains("secret"));
            error.advice()
        };
        for status in [408, 425, 429, 500, 501, 503, 507] {
            assert_eq!(advice(status, None), Advice::RetryNow, "{status}");
            assert_eq!(advice(status, after), Advice::RetryAfter(Duration::from_secs(7)), "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422] {
            assert_eq!(advice(status, after), Advice::Never, "{status}");
        }
        for status in [502, 504] {
            assert_eq!(advice(status, after), Advice::AskFirst, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now = "2026-11-21T03:00:00Z".parse().unwrap();
        for (text, want) in [
            ("7", Some(7)),
            ("86400", Some(300)),
            ("Sat, 21 Nov 2026 03:01:30 GMT", Some(90)),
            ("Sat, 21 Nov 2026 02:00:00 GMT", Some(0)),
            ("Sun, 22 Nov 2026 03:00:00 GMT", Some(300)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            assert_eq!(retry_after(&headers, now), want.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
