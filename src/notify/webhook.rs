//! A signed POST to whatever the operator runs: a pager, a phone gateway, a chat bot.
//!
//! The receiver checks `X-Redhandle-Signature: v1=HEX`, where HEX is the HMAC-SHA256, under the shared secret, of the
//! text of `X-Redhandle-Timestamp` (seconds since 1970), a dot, and the body as it came. It refuses timestamps that
//! are minutes old, and takes a repeated `Idempotency-Key` for the same message. Strings in the body are as the
//! alert had them, apart from their length: the receiver escapes them for its own surface.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::Sha256;
use url::Url;

use super::message::{Kind, Line, Message, MessageId, Recipient};
use super::post::post;
use super::{Delivered, Endpoint, SendError};
use crate::clock::SharedClock;
use crate::domain::text::cut;

/// Carries the second the message was signed in.
pub const TIMESTAMP_HEADER: &str = "X-Redhandle-Timestamp";
/// Carries `v1=` and the signature in hex.
pub const SIGNATURE_HEADER: &str = "X-Redhandle-Signature";
/// Characters of the receiver's own id that are kept.
const PROVIDER_REF_MAX_CHARS: usize = 200;

/// What the receiver shares with us.
#[derive(Clone)]
pub struct WebhookSecret(Hmac<Sha256>);

/// An empty secret signs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's secret is empty; anybody could sign with it")]
pub struct EmptySecret;

impl WebhookSecret {
    /// Takes a secret.
    ///
    /// # Errors
    /// When it is empty.
    pub fn new(secret: &SecretString) -> Result<Self, EmptySecret> {
        let bytes = secret.expose_secret().as_bytes();
        if bytes.is_empty() {
            return Err(EmptySecret);
        }
        // HMAC takes keys of any length.
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| EmptySecret)
    }

    fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        let mac = self.0.clone().chain_update(timestamp).chain_update(b".").chain_update(body);
        format!("v1={}", alloy::primitives::hex::encode(mac.finalize().into_bytes()))
    }
}

/// Sends messages to one URL.
#[derive(Clone)]
pub struct WebhookChannel {
    client: reqwest::Client,
    to: Endpoint,
    secret: WebhookSecret,
    clock: SharedClock,
}

impl fmt::Debug for WebhookChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookChannel({})", self.to)
    }
}

/// The body. Fields are only ever added.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a MessageId,
    kind: Kind,
    incident: &'a str,
    severity: &'a str,
    title: String,
    lines: Vec<Line>,
    ack_url: Option<&'a Url>,
    to: &'a Recipient,
    at: Timestamp,
    at_local: String,
}

impl WebhookChannel {
    /// Sends to `to` with `client` (from [`crate::http::client`]), signed with `secret` at the time of `clock`.
    pub fn new(client: reqwest::Client, to: Endpoint, secret: WebhookSecret, clock: SharedClock) -> Self {
        Self { client, to, secret, clock }
    }

    pub(super) async fn send(&self, message: &Message) -> Result<Delivered, SendError> {
        let now = self.clock.now();
        let body = serde_json::to_vec(&body(message)).map_err(|error| self.unfit("it is not JSON", error))?;
        let headers = self.headers(message, now, &body)?;
        let answer = post(&self.client, &self.to, headers, body, now).await?;
        Ok(Delivered { provider_ref: provider_ref(&answer) })
    }

    fn headers(&self, message: &Message, now: Timestamp, body: &[u8]) -> Result<HeaderMap, SendError> {
        let timestamp = now.as_second().to_string();
        let signature = self.secret.sign(&timestamp, body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            (HeaderName::from_static("idempotency-key"), message.id.0.as_str()),
            (HeaderName::from_static("x-redhandle-timestamp"), &timestamp),
            (HeaderName::from_static("x-redhandle-signature"), &signature),
        ] {
            let value = HeaderValue::from_str(value)
                .map_err(|error| self.unfit("its id has characters that no header takes", error))?;
            headers.insert(name, value);
        }
        Ok(headers)
    }

    fn unfit(&self, why: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> SendError {
        SendError::Unfit { to: self.to.to_string(), why, source: error.into() }
    }
}

fn body(message: &Message) -> Body<'_> {
    Body {
        id: &message.id,
        kind: message.kind,
        incident: &message.incident,
        severity: &message.severity,
        title: message.title_shown(),
        lines: message.shown(),
        ack_url: message.ack_url.as_ref(),
        to: &message.to,
        at: message.at,
        at_local: message.at.to_zoned(message.zone.clone()).to_string(),
    }
}

/// The receiver's own id for the message, if it answers JSON with an `id`.
fn provider_ref(answer: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Answer {
        id: String,
    }
    let Answer { id } = serde_json::from_str(answer).ok()?;
    Some(cut(&id, PROVIDER_REF_MAX_CHARS))
}
