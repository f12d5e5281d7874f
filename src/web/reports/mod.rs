//! What people report over HTTP: by a sender's token or an open form, by Slack, by mail.
//!
//! | route | who passes |
//! |---|---|
//! | `POST /v1/reports` | whoever shows a sender's token; anybody, where `[reports] open` says so |
//! | `POST /v1/slack/commands` | Slack, by its signature, for the workspaces of `teams` |
//! | `POST /v1/mail/sendgrid`, `…/mailgun`, `…/postmark`, `…/raw` | the provider, by what it signs or shows; its mail is anybody's |
//!
//! *Invariants.* A way that is not configured is not there. A request is proven over its raw bytes before anything of them
//! is understood, and bounded before it is read. It is answered 2xx only when what it brought is committed, its files
//! included. No answer repeats a stranger's text but escaped, to the one who sent it.

mod answer;
mod desk;
mod form;
mod http;
mod mail;
mod proof;
mod slack;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request};
use axum::http::{StatusCode, header};
use axum::routing::post;
use tokio::sync::{Semaphore, SemaphorePermit};

use self::answer::Refusal;
pub use self::desk::{AgentDesk, Desk};
use super::rate::Bucket;
use crate::clock::SharedClock;
use crate::config::settings::Reports;

/// The longest report of a known sender, files included, in bytes.
pub const REPORT_BODY_MAX_BYTES: usize = 24 * 1024 * 1024;

/// The longest report by the open form, files included, in bytes.
pub const OPEN_BODY_MAX_BYTES: usize = 4 * 1024 * 1024;

/// The longest mail as a provider posts it, in bytes: Postmark lets 35 MiB in, and posts them as base64 in JSON.
pub const MAIL_BODY_MAX_BYTES: usize = 50 * 1024 * 1024;

/// The longest slash command, in bytes: Slack's own limit of a message is 40,000 characters.
pub const SLACK_BODY_MAX_BYTES: usize = 256 * 1024;

/// How long a body may take to arrive.
const BODY_MAX: Duration = Duration::from_secs(30);

/// Bodies that are read at once, for each way: what they take in memory is bounded with their length.
const READING_MAX: usize = 2;

/// What the routes are made of.
#[derive(Debug)]
pub struct ReportParts {
    /// Who may report, by which way.
    pub settings: Reports,
    /// Where reports go.
    pub desk: Arc<dyn Desk>,
    /// What time it is.
    pub clock: SharedClock,
}

/// What all routes share.
#[derive(Debug)]
struct Surface {
    settings: Reports,
    desk: Arc<dyn Desk>,
    clock: SharedClock,
    /// One for each sender, in the order of the settings.
    senders: Vec<Bucket>,
    open: Bucket,
    slack: Bucket,
    /// For those of the workspaces whom nobody named.
    slack_strangers: Bucket,
    mail: Bucket,
    known_bodies: Semaphore,
    open_bodies: Semaphore,
    slack_bodies: Semaphore,
    mail_bodies: Semaphore,
}

/// The routes that are configured.
pub fn router(parts: ReportParts) -> Router {
    let ReportParts { settings, desk, clock } = parts;
    let bucket = || Bucket::new(settings.per_minute);
    let reading = || Semaphore::new(READING_MAX);
    let surface = Arc::new(Surface {
        senders: settings.senders.iter().map(|_sender| bucket()).collect(),
        open: Bucket::new(settings.open_per_minute),
        slack: bucket(),
        slack_strangers: Bucket::new(settings.open_per_minute),
        mail: bucket(),
        known_bodies: reading(),
        open_bodies: reading(),
        slack_bodies: Semaphore::new(16),
        mail_bodies: reading(),
        settings,
        desk,
        clock,
    });
    let limit = DefaultBodyLimit::max;
    let mut router = Router::new();
    if surface.settings.open || !surface.settings.senders.is_empty() {
        router = router.route("/v1/reports", post(http::receive).layer(limit(REPORT_BODY_MAX_BYTES)));
    }
    if surface.settings.slack.is_some() {
        router = router.route("/v1/slack/commands", post(slack::receive).layer(limit(SLACK_BODY_MAX_BYTES)));
    }
    if surface.settings.mail.is_some() {
        router = router.route("/v1/mail/{provider}", post(mail::receive).layer(limit(MAIL_BODY_MAX_BYTES)));
    }
    router.with_state(surface)
}

/// Reads a body of at most `bytes_max`, when there is room to hold one; the room is held as long as the permit is.
async fn read_body(
    request: Request,
    bytes_max: usize,
    room: &Semaphore,
) -> Result<(Bytes, SemaphorePermit<'_>), Refusal> {
    let told = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > bytes_max as u64) {
        return Err(Refusal::TooLarge { bytes_max });
    }
    let Ok(room) = room.try_acquire() else { return Err(Refusal::Busy) };
    match tokio::time::timeout(BODY_MAX, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) if body.len() > bytes_max => Err(Refusal::TooLarge { bytes_max }),
        Ok(Ok(body)) if body.is_empty() => Err(Refusal::Unreadable("the body is empty".to_owned())),
        Ok(Ok(body)) => Ok((body, room)),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Refusal::TooLarge { bytes_max })
        }
        Ok(Err(_broken)) => Err(Refusal::Unreadable("the body broke off".to_owned())),
        Err(_elapsed) => Err(Refusal::SlowBody),
    }
}
