//! How a page or a notice leaves.
//!
//! *Invariants.* A channel says "delivered" only when the other side said so. Every failure says what the caller
//! may do about it ([`SendError::advice`]); nothing is retried here. Each channel escapes strangers' text for
//! its own surface. Secrets (a webhook's key, Slack's URL) never show in errors or in `Debug`.
//!
//! *Deliberately unknown here:* who is paged when, what was tried before, and whether it was acknowledged.

mod console;
mod endpoint;
mod error;
mod links;
mod message;
mod post;
mod slack;
mod webhook;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use console::{ConsoleChannel, Output};
pub use endpoint::{BadEndpoint, Endpoint};
pub use error::{Advice, SendError};
pub use links::{AckLinks, BadLinks, LINK_SECRET_MIN_BYTES};
pub use message::{Kind, LINES_SHOWN_MAX, Line, Message, MessageId, Recipient, TEXT_SHOWN_MAX_CHARS};
pub use post::{ANSWER_MAX_BYTES, RETRY_AFTER_MAX, SEND_TIMEOUT};
pub use slack::SlackChannel;
pub use webhook::{EmptySecret, SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookChannel, WebhookSecret};

/// A message that the other side took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// How the other side calls it, if it said.
    pub provider_ref: Option<String>,
}

/// A way for a message to leave.
#[derive(Clone, Debug)]
pub enum Channel {
    /// Text on a terminal.
    Console(ConsoleChannel),
    /// A signed POST to whatever the operator runs.
    Webhook(WebhookChannel),
    /// A Slack channel, through an incoming webhook.
    Slack(SlackChannel),
}

impl Channel {
    /// Sends a message, once.
    ///
    /// # Errors
    /// When the other side did not say that it took it; [`SendError::advice`] tells what is known.
    pub async fn send(&self, message: &Message) -> Result<Delivered, SendError> {
        match self {
            Self::Console(channel) => channel.send(message),
            Self::Webhook(channel) => channel.send(message).await,
            Self::Slack(channel) => channel.send(message).await,
        }
    }
}
