//! The HTTP surface of a running agent.
//!
//! *Invariants.* Every route authenticates: acknowledge links by their token, feeds' webhooks by themselves, all else
//! by the [`Gate`]. Pages are views: what they do goes through a port that somebody else implements. Bodies and times
//! are bounded; answers say nothing about why a token was wrong; nothing is cached, framed or scripted.
//!
//! *Deliberately unknown here:* what an acknowledgement changes and how health is found out.
//!
//! Connections are bounded in number, and closed when nothing could be answered for too long (`limits`). Who may open
//! how many of them is a proxy's to say, which stands in front of an open network.

mod ack;
pub mod assembly;
mod buses;
mod gate;
mod health;
mod limits;
mod page;
mod ports;
mod rate;
pub mod reports;
mod serve;
mod webhooks;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

pub use ack::{AckFailed, AckOutcome, AckState, AckSummary, Acknowledge};
pub use gate::{BEARER_KEY_MIN_BYTES, Gate, GateError};
pub use health::{Check, CheckState, Health};
pub use limits::CONNECTIONS_MAX;
pub use ports::AgentHealth;
pub use serve::{DRAIN_MAX, Drained, serve};

use crate::clock::SharedClock;
use crate::notify::AckLinks;

/// The largest body of a request: a feed's batch of alerts.
pub const BODY_MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long a request may take, its body included.
pub const REQUEST_MAX: Duration = Duration::from_secs(30);

/// What the surface is put together from.
#[derive(Debug)]
pub struct Parts {
    /// Acknowledge links, if there are people to page.
    pub ack: Option<AckParts>,
    /// What `GET /healthz` tells; behind the gate.
    pub health: Arc<dyn Health>,
    /// Tells how old a proof of health is.
    pub clock: SharedClock,
    /// Routes that authenticate by themselves: feeds' webhooks.
    pub open: Vec<Router>,
    /// Routes that rely on the gate: the embedded Safe service.
    pub guarded: Vec<Router>,
    /// Routes that authenticate by themselves and bound their own bodies: people's reports, whose files are larger.
    pub reports: Option<Router>,
    /// Who may pass to the guarded routes.
    pub gate: Gate,
}

/// What acknowledge links need.
#[derive(Clone, Debug)]
pub struct AckParts {
    /// Tells a link of ours from a guess.
    pub links: AckLinks,
    /// Records acknowledgements.
    pub port: Arc<dyn Acknowledge>,
}

/// Puts the surface together.
pub fn router(parts: Parts) -> Router {
    let Parts { ack, health, clock, open, guarded, reports, gate } = parts;
    let guarded = guarded.into_iter().fold(health::routes(health, clock), Router::merge);
    let mut router = gate::guard(guarded, gate);
    if let Some(ack) = ack {
        router = router.merge(ack::routes(ack));
    }
    let router = open.into_iter().fold(router, Router::merge).fallback(page::not_found);
    let timeout = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_MAX);
    let router = router
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_MAX_BYTES))
        .layer(timeout);
    let router = reports.into_iter().fold(router, Router::merge);
    SAFE_DEFAULTS.iter().fold(router, |router, (name, value)| {
        let value = HeaderValue::from_static(value);
        router.layer(SetResponseHeaderLayer::if_not_present(HeaderName::clone(name), value))
    })
}

/// Headers of every answer that does not say otherwise.
const SAFE_DEFAULTS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];
