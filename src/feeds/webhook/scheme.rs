//! How the field's vendors show that a request is theirs. Each scheme is checked over the raw bytes, before anything of
//! them is understood, and every comparison of secrets is in constant time.
//!
//! | scheme | what is signed, with what |
//! |---|---|
//! | OpenZeppelin Monitor | HMAC-SHA256 of body and `X-Timestamp` (milliseconds), `X-Signature` |
//! | Defender | HMAC-SHA256 of the body with `timestamp` as its last member, `Defender-Signature`, `Defender-Timestamp` |
//! | Hypernative | ECDSA P-256 with SHA-256 over the text of `data`, DER in base64, in the body |
//! | Tenderly | HMAC-SHA256 of body and the `Date` header, `X-Tenderly-Signature` |
//! | Grafana | HMAC-SHA256 of the body, or of time, `:` and body, `X-Grafana-Alerting-Signature` |
//! | PagerDuty | HMAC-SHA256 of the body, any of `v1=…` in `X-PagerDuty-Signature` |
//! | Alchemy | HMAC-SHA256 of the body, `X-Alchemy-Signature` |
//! | QuickNode | HMAC-SHA256 of nonce, time and body, `X-QN-Signature` |
//! | Forta node | a token signed by the scanner's key over its own text, `Authorization`, algorithm `ETH` |
//! | bearer | nothing is signed: a secret in `Authorization`, where the vendor has no signature |
//!
//! A scheme without a time cannot tell a late request from a replayed one; such a request counts once for as long as
//! the replay guard remembers it ([`UNTIMED_SECONDS`]), and its alerts are known by their hashes for longer.

mod jwt;

use std::time::Duration;

use alloy::primitives::Address;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::replay::ReplayKey;
use super::signature::unhex;
use super::with::With;
use crate::domain::alert::P256Key;
use crate::domain::names::FeedName;

/// How long a request without a time is remembered, in seconds: vendors send again for a day at most.
pub const UNTIMED_SECONDS: u64 = 24 * 60 * 60;

/// How a vendor shows that a request is its own.
#[derive(Clone, Debug)]
pub enum Scheme {
    /// OpenZeppelin Monitor.
    OpenZeppelinMonitor(Vec<SecretString>),
    /// Defender.
    Defender(Vec<SecretString>),
    /// Hypernative, with its public key.
    Hypernative(P256Key),
    /// Tenderly.
    Tenderly(Vec<SecretString>),
    /// Grafana; the header that carries the time, where one is set up.
    Grafana(Vec<SecretString>, Option<String>),
    /// PagerDuty.
    PagerDuty(Vec<SecretString>),
    /// Alchemy.
    Alchemy(Vec<SecretString>),
    /// QuickNode.
    QuickNode(Vec<SecretString>),
    /// A Forta node in local mode; the scanners that are ours.
    FortaNode(Vec<Address>),
    /// A secret in `Authorization: Bearer`.
    Bearer(Vec<SecretString>),
}

/// What a request proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// When it was sent, where that was signed too.
    pub(super) at: Option<Timestamp>,
    /// What tells it from others; `None` where the vendor sends the same again on purpose.
    pub(super) key: Option<ReplayKey>,
    /// With which of the secrets.
    pub(super) with: With,
}

impl Proof {
    fn made(self, with: With) -> Self {
        Self { with, ..self }
    }

    /// Until when the request is to be remembered.
    pub(super) fn until(&self, now: Timestamp, window: Duration) -> Timestamp {
        let kept = if self.at.is_some() { window } else { Duration::from_secs(UNTIMED_SECONDS) };
        self.at.unwrap_or(now).checked_add(kept).unwrap_or(Timestamp::MAX)
    }
}

/// Why a request is not the vendor's. What the sender is told never says which secret was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    NoSignature,
    NoTime,
    OutsideWindow,
    WrongSignature,
    NoToken,
    WrongToken,
}

impl Unproven {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::NoSignature => "The vendor's signature is missing, or is not written as it should be.",
            Self::NoTime => "The vendor's timestamp is missing, or is not written as it should be.",
            Self::OutsideWindow => "The request was sent too long ago, or is from the future.",
            Self::WrongSignature => "The signature is not of this request.",
            Self::NoToken => {
                "The feed's token is missing: send it in Authorization, after Bearer and a blank."
            }
            Self::WrongToken => "The token in Authorization is not the feed's.",
        }
    }
}

/// The text of a header.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

impl Scheme {
    /// What it is checked with; `None` where that is not secret.
    pub(super) fn secrets(&self) -> Option<&[SecretString]> {
        match self {
            Self::OpenZeppelinMonitor(secrets)
            | Self::Defender(secrets)
            | Self::Tenderly(secrets)
            | Self::Grafana(secrets, _)
            | Self::PagerDuty(secrets)
            | Self::Alchemy(secrets)
            | Self::QuickNode(secrets)
            | Self::Bearer(secrets) => Some(secrets),
            Self::Hypernative(_) | Self::FortaNode(_) => None,
        }
    }

    /// Checks a request; `window` bounds how far a signed time may be from `now`, both ends included.
    pub(super) fn prove(
        &self,
        feed: &FeedName,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
        window: Duration,
    ) -> Result<Proof, Unproven> {
        let header = |name: &str| text(headers, name);
        match self {
            Self::OpenZeppelinMonitor(secrets) => {
                let time = header("x-timestamp").ok_or(Unproven::NoTime)?;
                let given = header("x-signature").ok_or(Unproven::NoSignature)?;
                let with = hmac_of(secrets, &[body, time.as_bytes()], [given])?;
                timed(feed, milliseconds(time), &[body, time.as_bytes()], now, window)
                    .map(|proof| proof.made(with))
            }
            Self::Defender(secrets) => {
                let time = header("defender-timestamp").ok_or(Unproven::NoTime)?;
                let given = header("defender-signature").ok_or(Unproven::NoSignature)?;
                let signed = with_timestamp(body, time).ok_or(Unproven::WrongSignature)?;
                let with = hmac_of(secrets, &[&signed], [given])?;
                timed(feed, time.parse().ok(), &[&signed], now, window).map(|proof| proof.made(with))
            }
            Self::Tenderly(secrets) => {
                let time = header("date").ok_or(Unproven::NoTime)?;
                let given = header("x-tenderly-signature").ok_or(Unproven::NoSignature)?;
                let with = hmac_of(secrets, &[body, time.as_bytes()], [given])?;
                // Go writes its times in a form of its own; one that cannot be read is signed all the same.
                match go_time(time) {
                    Some(at) => timed(feed, Some(at), &[body, time.as_bytes()], now, window)
                        .map(|proof| proof.made(with)),
                    None => Ok(untimed(feed, &[body, time.as_bytes()]).made(with)),
                }
            }
            Self::Grafana(secrets, time_header) => {
                let given = header("x-grafana-alerting-signature").ok_or(Unproven::NoSignature)?;
                let Some(name) = time_header else {
                    let with = hmac_of(secrets, &[body], [given])?;
                    return Ok(untimed(feed, &[body]).made(with));
                };
                let time = header(name).ok_or(Unproven::NoTime)?;
                let with = hmac_of(secrets, &[time.as_bytes(), b":", body], [given])?;
                timed(feed, seconds(time), &[time.as_bytes(), body], now, window)
                    .map(|proof| proof.made(with))
            }
            Self::PagerDuty(secrets) => {
                let given = header("x-pagerduty-signature").ok_or(Unproven::NoSignature)?;
                let with = hmac_of(
                    secrets,
                    &[body],
                    given.split(',').filter_map(|one| one.trim().strip_prefix("v1=")),
                )?;
                Ok(untimed(feed, &[body]).made(with))
            }
            Self::Alchemy(secrets) => {
                let given = header("x-alchemy-signature").ok_or(Unproven::NoSignature)?;
                let with = hmac_of(secrets, &[body], [given])?;
                Ok(untimed(feed, &[body]).made(with))
            }
            Self::QuickNode(secrets) => {
                let nonce = header("x-qn-nonce").ok_or(Unproven::NoTime)?;
                let time = header("x-qn-timestamp").ok_or(Unproven::NoTime)?;
                let given = header("x-qn-signature").ok_or(Unproven::NoSignature)?;
                let signed = [nonce.as_bytes(), time.as_bytes(), body];
                let with = hmac_of(secrets, &signed, [given])?;
                timed(feed, seconds(time), &signed, now, window).map(|proof| proof.made(with))
            }
            Self::Hypernative(key) => {
                // Around it anybody may write another `id`, or other blanks: it is the same request.
                let data = hypernative(key, body)?;
                Ok(untimed(feed, &[data.as_bytes()]))
            }
            Self::FortaNode(scanners) => {
                let token = bearer(headers).ok_or(Unproven::NoSignature)?;
                let at = jwt::check(token, scanners, now)?;
                timed(feed, Some(at), &[token.as_bytes(), body], now, window)
            }
            Self::Bearer(secrets) => {
                let given = bearer(headers).ok_or(Unproven::NoToken)?;
                let fits = |secret: &SecretString| {
                    bool::from(given.as_bytes().ct_eq(secret.expose_secret().as_bytes()))
                };
                let with = With::of(secrets.iter().map(fits)).ok_or(Unproven::WrongToken)?;
                Ok(Proof { at: None, key: None, with })
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (kind, token) = text(headers, "authorization")?.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether any of the signatures, in hex, is of these parts with any of the secrets.
fn hmac_of<'a>(
    secrets: &[SecretString],
    parts: &[&[u8]],
    given: impl IntoIterator<Item = &'a str>,
) -> Result<With, Unproven> {
    /// How many signatures of a header are tried.
    const SIGNATURES_MAX: usize = 8;
    let given: Vec<_> = given.into_iter().take(SIGNATURES_MAX).filter_map(|one| unhex(one.trim())).collect();
    if given.is_empty() {
        return Err(Unproven::NoSignature);
    }
    let fits = |secret: &SecretString| {
        // HMAC takes a key of any length: this never fails.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
            return false;
        };
        parts.iter().for_each(|part| mac.update(part));
        given.iter().fold(false, |any, one| any | mac.clone().verify_slice(one).is_ok())
    };
    With::of(secrets.iter().map(fits)).ok_or(Unproven::WrongSignature)
}

fn timed(
    feed: &FeedName,
    at: Option<Timestamp>,
    parts: &[&[u8]],
    now: Timestamp,
    window: Duration,
) -> Result<Proof, Unproven> {
    let at = at.ok_or(Unproven::NoTime)?;
    let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
    if now.duration_since(at).abs() > window {
        return Err(Unproven::OutsideWindow);
    }
    Ok(Proof { at: Some(at), key: Some(key(feed, parts)), with: With::Present })
}

fn untimed(feed: &FeedName, parts: &[&[u8]]) -> Proof {
    Proof { at: None, key: Some(key(feed, parts)), with: With::Present }
}

fn key(feed: &FeedName, parts: &[&[u8]]) -> ReplayKey {
    let mut digest = Sha256::new();
    for part in std::iter::once(feed.as_str().as_bytes()).chain(parts.iter().copied()) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

fn digits(text: &str) -> Option<i64> {
    // Digits only: a sign or a space would be another text for the same moment.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn milliseconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(digits(text)?).ok()
}

fn seconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(digits(text)?).ok()
}

/// `2006-01-02 15:04:05.999999999 +0000 UTC …` as Go prints a time, or the form of the HTTP `Date` header.
fn go_time(text: &str) -> Option<Timestamp> {
    let mut parts = text.split(' ');
    let plain = match (parts.next(), parts.next(), parts.next()) {
        (Some(date), Some(time), Some(offset)) => format!("{date}T{time}{offset}").parse().ok(),
        _fewer_parts => None,
    };
    plain.or_else(|| jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp()))
}

/// What Defender signed: `JSON.stringify({...body, timestamp})`. It sends the same text without the last member, so
/// that nothing has to be read and written again.
fn with_timestamp(body: &[u8], time: &str) -> Option<Vec<u8>> {
    let inside = body.trim_ascii().strip_prefix(b"{")?.strip_suffix(b"}")?;
    let quoted = serde_json::to_string(time).ok()?;
    let mut signed = b"{".to_vec();
    signed.extend_from_slice(inside);
    if !inside.trim_ascii().is_empty() {
        signed.push(b',');
    }
    signed.extend_from_slice(format!("\"timestamp\":{quoted}}}").as_bytes());
    Some(signed)
}

/// The outer document of Hypernative. Nothing else of it is signed, its `id` neither.
#[derive(Deserialize)]
struct Signed<'a> {
    #[serde(rename = "digitalSignature", borrow)]
    signature: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    data: std::borrow::Cow<'a, str>,
}

/// The text that was signed.
fn hypernative<'b>(key: &P256Key, body: &'b [u8]) -> Result<std::borrow::Cow<'b, str>, Unproven> {
    let signed: Signed<'_> = serde_json::from_slice(body).map_err(|_other| Unproven::NoSignature)?;
    let signature = STANDARD.decode(signed.signature.trim()).map_err(|_other| Unproven::NoSignature)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.0)
        .verify(signed.data.as_bytes(), &signature)
        .map_err(|_unspecified| Unproven::WrongSignature)?;
    Ok(signed.data)
}

#[cfg(test)]
mod tests;
