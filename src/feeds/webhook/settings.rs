//! What a webhook is: where it is reached, who may send to it, and in whose words.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::scheme::Scheme;
use crate::domain::names::FeedName;
use crate::feeds::vendor::Reading;

/// The shortest secret, in bytes: 128 bits if it is random.
pub const WEBHOOK_SECRET_MIN_BYTES: usize = 16;

/// How a sender shows that it is who it says.
#[derive(Clone, Debug)]
pub enum WebhookAuthentication {
    /// It signs with one of these secrets; see [`sign`](super::sign). More than one while a secret is being changed.
    Hmac(Vec<SecretString>),
    /// As its vendor does.
    Vendor(Scheme),
    /// It does not. Its alerts are not authenticated.
    Nobody,
}

/// One webhook.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// The feed's name.
    pub name: FeedName,
    /// Where it is reached: `/` and then letters, digits and `-._~/`.
    pub path: String,
    /// How a sender shows that it is who it says.
    pub authentication: WebhookAuthentication,
    /// How far a sender's clock may be from ours, in either direction; see [`WEBHOOK_WINDOW_SECONDS`](super::WEBHOOK_WINDOW_SECONDS).
    pub window: Duration,
    /// How many requests of its sender are taken a minute; see [`REQUESTS_PER_MINUTE`](super::REQUESTS_PER_MINUTE).
    pub requests_per_minute: u32,
    /// In whose words it speaks; none: Forta's.
    pub reading: Option<Reading>,
}

/// Why a webhook cannot be offered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Its path cannot be routed.
    #[error("the path of webhook {feed} is not a / followed by letters, digits and -._~/")]
    Path {
        /// The feed.
        feed: FeedName,
    },
    /// Another webhook has the same path.
    #[error("webhook {feed} has the same path as another")]
    SamePath {
        /// The feed.
        feed: FeedName,
    },
    /// It is to be signed, but with nothing that could not be guessed.
    #[error("webhook {feed} needs a secret of at least {WEBHOOK_SECRET_MIN_BYTES} bytes")]
    Secret {
        /// The feed.
        feed: FeedName,
    },
}

pub(super) fn check(settings: &WebhookSettings) -> Result<(), WebhookError> {
    // The router would panic on what it cannot route, and take `{x}` for a pattern.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if !settings.path.starts_with('/') || !settings.path.bytes().all(plain) {
        return Err(WebhookError::Path { feed: settings.name.clone() });
    }
    match &settings.authentication {
        WebhookAuthentication::Nobody => Ok(()),
        WebhookAuthentication::Hmac(secrets) => long_enough(secrets, settings),
        WebhookAuthentication::Vendor(scheme) => {
            scheme.secrets().map_or(Ok(()), |secrets| long_enough(secrets, settings))
        }
    }
}

fn long_enough(secrets: &[SecretString], settings: &WebhookSettings) -> Result<(), WebhookError> {
    let long = |secret: &SecretString| secret.expose_secret().len() >= WEBHOOK_SECRET_MIN_BYTES;
    if !secrets.is_empty() && secrets.iter().all(long) {
        Ok(())
    } else {
        Err(WebhookError::Secret { feed: settings.name.clone() })
    }
}
