//! Requests as anybody can send them: headers, signatures, tokens, bodies, through the real router.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use redhandle::clock::SystemClock;
use redhandle::domain::alert::{AlertSeverity, P256Key, Sender};
use redhandle::domain::names::{ChainId, FeedName};
use redhandle::feeds::vendor::{Networks, Reading, Severities};
use redhandle::feeds::webhook::{
    MemoryReplayGuard, Scheme, WebhookAuthentication, WebhookIntake, WebhookSettings, router,
};
use redhandle::feeds::{Delivery, SharedHealth};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tower_service::Service as _;

use super::alerts::accepted;

/// What no input can have signed with: nobody wrote it down but here, and no seed is signed.
const SECRET: &str = "a secret that no seed is signed with";

fn scheme(letter: u8) -> Option<(WebhookAuthentication, Option<Sender>)> {
    let secrets = || vec![SecretString::from(SECRET)];
    let vendor = WebhookAuthentication::Vendor;
    // The generator of P-256, whose private key is 1: known to everybody, and no seed is signed with it either.
    let generator = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let key: P256Key = generator.parse().expect("a key");
    Some(match letter {
        b'a' => (WebhookAuthentication::Hmac(secrets()), None),
        b'b' => (WebhookAuthentication::Nobody, None),
        b'c' => (vendor(Scheme::OpenZeppelinMonitor(secrets())), Some(Sender::OpenZeppelinMonitor)),
        b'd' => (vendor(Scheme::Defender(secrets())), Some(Sender::Defender)),
        b'e' => (vendor(Scheme::Hypernative(key)), Some(Sender::Hypernative)),
        b'f' => (vendor(Scheme::Tenderly(secrets())), Some(Sender::Tenderly)),
        b'g' => (vendor(Scheme::Grafana(secrets(), Some("x-sent-at".to_owned()))), Some(Sender::Grafana)),
        b'h' => (vendor(Scheme::PagerDuty(secrets())), Some(Sender::PagerDuty)),
        b'i' => (vendor(Scheme::Alchemy(secrets())), Some(Sender::Alchemy)),
        b'j' => (vendor(Scheme::QuickNode(secrets())), Some(Sender::QuickNode)),
        b'k' => (vendor(Scheme::FortaNode(vec![Address::repeat_byte(0xde)])), None),
        b'l' => (vendor(Scheme::Bearer(secrets())), Some(Sender::CloudEvents)),
        b'm' => (WebhookAuthentication::Nobody, Some(Sender::CloudEvents)),
        _ => return None,
    })
}

/// A letter that says how the sender is known, header lines, an empty line, a body.
pub fn webhook(data: &[u8]) {
    let Some((letter, rest)) = data.split_first() else { return };
    let cut = rest.windows(2).position(|two| two == b"\n\n").unwrap_or(rest.len());
    let (head, body) = rest.split_at(cut);
    let headers = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
    });
    send(*letter, headers.take(50).collect(), body.get(2..).unwrap_or_default());
}

/// A token in the place of the one that a Forta node signs.
pub fn jwt(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", data].concat()) else { return };
    let name = HeaderName::from_static("authorization");
    send(b'k', vec![(name, value)], br#"{"alerts":[]}"#);
}

fn send(letter: u8, headers: Vec<(HeaderName, HeaderValue)>, body: &[u8]) {
    let Some((authentication, sender)) = scheme(letter) else { return };
    let signed = !matches!(authentication, WebhookAuthentication::Nobody);
    let name = FeedName::from("fuzz");
    let reading = sender.map(|sender| Reading {
        feed: name.clone(),
        sender,
        chain: Some(ChainId(1)),
        severity: AlertSeverity::Medium,
        networks: Networks::new([]),
        severities: Severities::default(),
    });
    let settings = WebhookSettings {
        name,
        path: "/w".to_owned(),
        authentication,
        window: Duration::from_secs(300),
        requests_per_minute: 60,
        reading,
    };
    let (deliveries, mut received) = mpsc::channel::<Delivery>(1);
    let replays = Arc::new(MemoryReplayGuard::default());
    let intake = WebhookIntake { deliveries, replays, clock: SystemClock::shared() };
    let mut router = router([(settings, SharedHealth::new())], &intake).expect("a router");
    let mut request = Request::post("/w").body(Body::from(body.to_vec())).expect("a request");
    for (name, value) in headers {
        request.headers_mut().append(name, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (status, heard) = runtime.block_on(async {
        let mut heard = Vec::new();
        let answer = router.call(request);
        tokio::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => break (answer.expect("infallible").status(), heard),
                Some(delivery) = received.recv() => {
                    heard.extend(delivery.alerts);
                    delivery.receipt.accepted();
                }
            }
        }
    });
    assert!(!signed || heard.is_empty(), "nobody signed this, and it was believed");
    assert!(!signed || status != StatusCode::OK, "nobody signed this, and it was accepted");
    assert!(!status.is_server_error(), "{status}");
    assert!(status == StatusCode::OK || heard.is_empty(), "{status}, and something was handed over");
    for alert in heard.iter().flatten() {
        assert!(!alert.authenticated, "nobody showed who they are");
        accepted(alert);
    }
}
