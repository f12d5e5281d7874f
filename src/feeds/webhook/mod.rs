//! Alerts that others send us over HTTP.
//!
//! Only a router is made here; whoever serves it decides where it listens. A request is checked over its raw
//! bytes (signature, time, replay) before anything of it is understood, and it is answered 200 only when the
//! consumer has committed what it brought. Every other answer means: not here, and says whether to come again.
//!
//! | answer | meaning for the sender |
//! |---|---|
//! | 200 | committed; `rejected` lists what could not be read, and was committed as such |
//! | 400 | no body, or it broke off |
//! | 401 | not signed as agreed |
//! | 408, 413 | the body came too slowly, or is too large |
//! | 409 | accepted before |
//! | 415 | compressed: signatures are over plain bytes |
//! | 429, 503 | send it again after `Retry-After`: over the feed's rate, too busy, or not committed |
//!
//! A feed without authentication takes anything from anybody: its alerts are marked so, and may open a triage
//! but never prepare a proposal. No answer repeats anything of a request.

mod body;
mod handshake;
mod places;
mod rate;
mod refusal;
mod replay;
mod scheme;
mod settings;
mod signature;
mod with;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use self::places::Places;
use self::rate::Rate;
use self::refusal::Refusal;
use self::settings::check;
use self::signature::Claim;
use self::with::With;
use super::delivery::{AcceptedRequest, Delivery, Outcome, Receipt, Rejected};
use super::forta_wire::parse_alert_of;
use super::health::{Brought, SharedHealth};
use super::vendor::{Reading, cloud_event};
use crate::clock::SharedClock;
use crate::domain::alert::{Alert, Sender};

pub use self::body::WEBHOOK_ALERTS_MAX;
pub use self::places::BODIES_AT_ONCE_MAX;
pub use self::rate::REQUESTS_PER_MINUTE;
pub use self::replay::{Claimed, MemoryReplayGuard, REPLAYS_MAX, ReplayGuard, ReplayKey};
pub use self::scheme::{Scheme, UNTIMED_SECONDS};
pub use self::settings::{WEBHOOK_SECRET_MIN_BYTES, WebhookAuthentication, WebhookError, WebhookSettings};
pub use self::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};

/// The longest body, in bytes.
pub const WEBHOOK_BODY_MAX_BYTES: usize = 1024 * 1024;

/// How far a sender's clock may be from ours when nothing else is said, in seconds.
pub const WEBHOOK_WINDOW_SECONDS: u64 = 300;

/// How long the consumer may take to commit, in seconds; senders give up after 5 to 10.
const RECEIPT_SECONDS_MAX: u64 = 8;

/// The part's name in the feed's health: there is only one.
const PART: &str = "webhook";

/// What all webhooks share.
#[derive(Clone, Debug)]
pub struct WebhookIntake {
    /// Where alerts go.
    pub deliveries: mpsc::Sender<Delivery>,
    /// Which signed requests were accepted before.
    pub replays: Arc<dyn ReplayGuard>,
    /// Tells whether a request is recent.
    pub clock: SharedClock,
}

/// Makes the routes of some webhooks.
///
/// # Errors
/// When a path cannot be routed or is taken, or a secret is missing or too short.
pub fn router(
    feeds: impl IntoIterator<Item = (WebhookSettings, SharedHealth)>,
    intake: &WebhookIntake,
) -> Result<Router, WebhookError> {
    let mut router = Router::new();
    let mut paths = BTreeSet::new();
    let places = Places::new();
    for (settings, health) in feeds {
        check(&settings)?;
        if !paths.insert(settings.path.clone()) {
            return Err(WebhookError::SamePath { feed: settings.name });
        }
        health.expect(PART);
        let path = settings.path.clone();
        let (rate, places) = (Rate::new(settings.requests_per_minute), places.clone());
        let methods = handshake::with(&settings, post(receive));
        let webhook = Arc::new(Webhook { settings, health, intake: intake.clone(), rate, places });
        router = router.route(&path, methods.with_state(webhook));
    }
    Ok(router)
}

async fn receive(State(webhook): State<Arc<Webhook>>, request: Request) -> Response {
    match webhook.take(request).await {
        Ok(report) => axum::Json(report).into_response(),
        Err(refusal) => {
            webhook.note(refusal);
            refusal.into_response()
        }
    }
}

#[derive(Debug)]
struct Webhook {
    settings: WebhookSettings,
    health: SharedHealth,
    intake: WebhookIntake,
    rate: Rate,
    /// Shared by all webhooks.
    places: Places,
}

impl Webhook {
    async fn take(&self, request: Request) -> Result<Value, Refusal> {
        if request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(Refusal::Encoded);
        }
        let secrets = match &self.settings.authentication {
            WebhookAuthentication::Hmac(secrets) => secrets,
            WebhookAuthentication::Vendor(scheme) => return self.take_of_vendor(scheme, request).await,
            WebhookAuthentication::Nobody => {
                self.within_rate()?;
                let headers = request.headers().clone();
                let body = self.places.read(request).await?;
                return self.hand_over(&headers, &body.bytes, false, None).await;
            }
        };
        let headers = request.headers().clone();
        // What is not even signed is refused before its body is read.
        let claim = Claim::read(request.headers()).map_err(Refusal::Unsigned)?;
        let body = self.places.read(request).await?;
        let body_bytes = &body.bytes;
        let with = claim.is_of(body_bytes, secrets).map_err(Refusal::Unsigned)?;
        let now = self.intake.clock.now();
        claim.is_recent(now, self.settings.window).map_err(Refusal::Unsigned)?;
        self.within_rate()?;

        let key = claim.replay_key(&self.settings.name, body_bytes);
        let (claimed, until) = (self.claim(key, now)?, claim.until(self.settings.window));
        let report = self.hand_over(&headers, body_bytes, true, Some(accepted(key, until))).await?;
        claimed.keep(until);
        self.made(with);
        Ok(report)
    }

    async fn take_of_vendor(&self, scheme: &Scheme, request: Request) -> Result<Value, Refusal> {
        let headers = request.headers().clone();
        let held = self.places.read(request).await?;
        let body = held.bytes.as_slice();
        let now = self.intake.clock.now();
        let (feed, window) = (&self.settings.name, self.settings.window);
        let proof = scheme.prove(feed, &headers, body, now, window).map_err(Refusal::Unproven)?;
        self.within_rate()?;
        let Some(key) = proof.key else {
            let report = self.hand_over(&headers, body, true, None).await?;
            self.made(proof.with);
            return Ok(report);
        };
        let claimed = match self.claim(key, now) {
            // Vendors send again what they did not hear an answer to, and give up a webhook that answers with errors.
            Err(Refusal::Replayed) => return Ok(json!({ "accepted": 0, "rejected": [], "repeated": true })),
            claimed => claimed?,
        };
        let until = proof.until(now, window);
        let report = self.hand_over(&headers, body, true, Some(accepted(key, until))).await?;
        claimed.keep(until);
        self.made(proof.with);
        Ok(report)
    }

    /// Notes that the old secret is still in use; a request that was not accepted, or came twice, is no use of it.
    fn made(&self, with: With) {
        match with {
            With::Present => {}
            With::Previous => {
                let times = self.health.previous_secret_used(self.intake.clock.now());
                if times.is_power_of_two() {
                    let feed = self.settings.name.as_str();
                    tracing::info!(feed, times, "webhook requests are still made with the previous secret");
                }
            }
        }
    }

    fn within_rate(&self) -> Result<(), Refusal> {
        let now = self.intake.clock.now();
        self.rate.take(now).map_err(|again_seconds| Refusal::OverRate { again_seconds })
    }

    fn claim(&self, key: ReplayKey, now: Timestamp) -> Result<ClaimedRequest<'_>, Refusal> {
        match self.intake.replays.claim(key, now) {
            Claimed::Fresh => Ok(ClaimedRequest { guard: Some(&*self.intake.replays), key }),
            Claimed::InFlight => Err(Refusal::InFlight),
            Claimed::Replayed => Err(Refusal::Replayed),
        }
    }

    async fn hand_over(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        authenticated: bool,
        request: Option<AcceptedRequest>,
    ) -> Result<Value, Refusal> {
        let alerts = match &self.settings.reading {
            // Of whatever vendor, what is sent in its place to show that it lives is no alert that went wrong.
            Some(_) if body::is_beat(body) => Vec::new(),
            Some(reading) if !matches!(reading.sender, Sender::Forta | Sender::FortaNode) => {
                self.parse_of_vendor(reading, headers, body, authenticated)?
            }
            Some(_) | None => self.parse(body, authenticated)?,
        };
        let report = report(&alerts);
        let brought = Brought::by(&alerts);
        let brought = if authenticated { brought } else { brought.of_strangers() };
        // A batch without alerts shows that its sender lives; there is nothing to commit.
        if !alerts.is_empty() {
            self.deliver(alerts, request).await?;
        }
        self.health.accepted(PART, brought);
        self.health.ok(PART, self.intake.clock.now());
        Ok(report)
    }

    fn parse(&self, body: &[u8], authenticated: bool) -> Result<Vec<Result<Alert, Rejected>>, Refusal> {
        if body.trim_ascii().is_empty() {
            return Err(Refusal::NoBody);
        }
        let chain = self.settings.reading.as_ref().and_then(|reading| reading.chain);
        let parse = |item: body::Item<'_>| {
            let wrong = item.wrong.map_or(Ok(()), Err);
            wrong
                .and_then(|()| parse_alert_of(item.raw, &self.settings.name, authenticated, chain))
                .map_err(|malformed| Rejected::malformed(item.line, malformed, item.raw))
        };
        let items = body::items(body).map_err(|body::TooMany| Refusal::TooManyAlerts)?;
        Ok(items.into_iter().map(parse).collect())
    }

    fn parse_of_vendor(
        &self,
        reading: &Reading,
        headers: &HeaderMap,
        body: &[u8],
        authenticated: bool,
    ) -> Result<Vec<Result<Alert, Rejected>>, Refusal> {
        let event =
            cloud_event::from_headers(headers, body).filter(|_| reading.sender == Sender::CloudEvents);
        let body = event.as_deref().unwrap_or(body);
        if body.trim_ascii().is_empty() {
            return Err(Refusal::NoBody);
        }
        let parts = match reading.read(body, authenticated, self.intake.clock.now()) {
            Ok(parts) => parts,
            Err(malformed) => return Ok(vec![Err(Rejected::malformed(None, malformed, body))]),
        };
        let rejected = |malformed, raw: &[u8]| Rejected::malformed(None, malformed, raw);
        Ok(parts
            .into_iter()
            .map(|part| part.alert.map_err(|malformed| rejected(malformed, &part.raw)))
            .collect())
    }

    async fn deliver(
        &self,
        alerts: Vec<Result<Alert, Rejected>>,
        request: Option<AcceptedRequest>,
    ) -> Result<(), Refusal> {
        let (receipt, settlement) = Receipt::pair();
        let feed = self.settings.name.clone();
        let delivery = Delivery { feed, alerts, cursor: None, request, orphaned: Vec::new(), receipt };
        self.intake.deliveries.try_send(delivery).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::QueueFull,
            TrySendError::Closed(_) => Refusal::Stopping,
        })?;
        match timeout(Duration::from_secs(RECEIPT_SECONDS_MAX), settlement.outcome()).await {
            Ok(Outcome::Accepted) => Ok(()),
            Ok(Outcome::Refused(reason)) => {
                self.health.failed(PART, format!("a delivery was refused: {reason}"));
                Err(Refusal::NotCommitted)
            }
            Ok(Outcome::Lost) | Err(_) => Err(Refusal::NotCommitted),
        }
    }

    /// Says for the operator what went wrong: it is counted, and logged when it begins and each time it has doubled. What
    /// any stranger can cause does not turn the feed red.
    fn note(&self, refusal: Refusal) {
        let feed = self.settings.name.as_str();
        let why = refusal.sentence();
        match refusal {
            // It was here before, or will be: nothing is turned away.
            Refusal::Replayed | Refusal::InFlight => {
                tracing::debug!(feed, "a webhook request was refused: {why}");
                return;
            }
            // Only its sender can cause it, where the feed knows its sender: alerts are being turned away.
            Refusal::OverRate { .. }
                if !matches!(self.settings.authentication, WebhookAuthentication::Nobody) =>
            {
                self.health.failed(PART, why.to_owned());
            }
            Refusal::QueueFull | Refusal::NotCommitted | Refusal::Stopping => {
                if self.health.snapshot().last_error.is_none() {
                    self.health.failed(PART, why.to_owned());
                }
            }
            Refusal::Unsigned(_)
            | Refusal::Unproven(_)
            | Refusal::NoBody
            | Refusal::BrokenBody
            | Refusal::SlowBody
            | Refusal::TooLarge
            | Refusal::TooManyAlerts
            | Refusal::Encoded
            | Refusal::OverRate { .. }
            | Refusal::Busy => {}
        }
        let times = self.health.turned_away(self.intake.clock.now(), why);
        if times.is_power_of_two() {
            tracing::warn!(feed, times, "webhook requests are turned away: {why}");
        }
    }
}

/// A claim on a request: given back unless it is kept, also when the sender hangs up meanwhile.
struct ClaimedRequest<'a> {
    guard: Option<&'a dyn ReplayGuard>,
    key: ReplayKey,
}

impl ClaimedRequest<'_> {
    fn keep(mut self, until: Timestamp) {
        if let Some(guard) = self.guard.take() {
            guard.keep(self.key, until);
        }
    }
}

impl Drop for ClaimedRequest<'_> {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.release(self.key);
        }
    }
}

fn accepted(key: ReplayKey, until: Timestamp) -> AcceptedRequest {
    AcceptedRequest { key: key.into(), until }
}

/// What the sender is told of each item that could not be read.
fn report(alerts: &[Result<Alert, Rejected>]) -> Value {
    let rejected: Vec<Value> = alerts
        .iter()
        .enumerate()
        .filter_map(|(index, alert)| Some(json!({ "index": index, "reason": alert.as_ref().err()?.reason })))
        .collect();
    json!({ "accepted": alerts.len().saturating_sub(rejected.len()), "rejected": rejected })
}
