//! What a webhook's sender and we know, and what it was before: a secret is changed without a request being refused.

use secrecy::{ExposeSecret as _, SecretString};

use super::feeds::{Feed, FeedKind};
use super::webhook::WebhookAuthentication;
use crate::config::problem::Findings;
use crate::config::reader::Table;

/// A shared secret, and the one before it while its sender may still use that.
#[derive(Clone, Debug)]
pub struct WebhookSecrets {
    /// The one that counts.
    pub present: SecretString,
    /// `previous_secret` or `previous_token`: counts beside it until it is taken out.
    pub previous: Option<SecretString>,
}

impl WebhookSecrets {
    /// All that count, the present one first.
    pub fn all(&self) -> Vec<SecretString> {
        std::iter::once(&self.present).chain(&self.previous).cloned().collect()
    }

    /// Whether nothing was changed: both are one and the same.
    pub fn are_the_same(&self) -> bool {
        let present = self.present.expose_secret();
        !present.is_empty() && self.previous.as_ref().is_some_and(|one| one.expose_secret() == present)
    }
}

impl WebhookAuthentication {
    /// The secrets that its sender shares with us, where it does.
    pub fn secrets(&self) -> Option<&WebhookSecrets> {
        match self {
            Self::Secret(secrets) | Self::Token(secrets) | Self::VendorSecret { secrets, .. } => {
                Some(secrets)
            }
            Self::PublicKey(_) | Self::Scanners(_) | Self::None => None,
        }
    }
}

impl Feed {
    /// The secrets that whoever posts to it shares with us, where somebody does.
    pub fn secrets(&self) -> Option<&WebhookSecrets> {
        match &self.kind {
            FeedKind::Webhook(feed) => feed.authentication.secrets(),
            FeedKind::Forta(_) | FeedKind::JsonLines(_) | FeedKind::Nats(_) | FeedKind::Chain(_) => None,
        }
    }

    /// The secret of before, which still counts, while it is being changed.
    pub fn previous_secret(&self) -> Option<&SecretString> {
        self.secrets()?.previous.as_ref()
    }
}

/// The secret under `key`, with what stands under `previous` beside it.
pub(super) fn read(
    table: &mut Table<'_>,
    key: &'static str,
    previous: &'static str,
    findings: &mut Findings,
) -> Option<WebhookSecrets> {
    let present = table.secret(key, findings);
    let named = table.has(previous);
    let previous = table.secret(previous, findings);
    // One that is named and cannot be had is a problem, told by the reader: not a feed without it.
    (!named || previous.is_some()).then_some(WebhookSecrets { present: present?, previous })
}
