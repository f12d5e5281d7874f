//! How a sender shows who it is. Every comparison of secrets is in constant time, and of digests where lengths differ.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::answer::Refusal;
use crate::config::settings::MailProof;
use crate::domain::alert::P256Key;

/// How far a signed time may be from ours, in both directions.
pub(super) const SIGNED_WINDOW: Duration = Duration::from_secs(300);

fn same(shown: &[u8], secret: &[u8]) -> bool {
    bool::from(Sha256::digest(shown).ct_eq(&Sha256::digest(secret)))
}

fn unproven<T>(why: &'static str) -> Result<T, Refusal> {
    Err(Refusal::Unproven { challenge: None, why })
}

/// The one value of a header; a header that stands twice says nothing.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Which of some tokens a request shows; `None` where it shows nothing.
pub(super) fn bearer<'s>(
    headers: &HeaderMap,
    mut tokens: impl Iterator<Item = &'s SecretString>,
) -> Option<Result<usize, Refusal>> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    let wrong = |why| Some(Err(Refusal::Unproven { challenge: Some("Bearer"), why }));
    let Some(shown) = text(headers, "authorization")
        .and_then(|shown| shown.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
    else {
        return wrong("Authorization is not one bearer token");
    };
    // Every token is compared: how long this takes tells nothing of which.
    let found = tokens.by_ref().enumerate().fold(None, |found, (index, token)| {
        if same(shown.as_bytes(), token.expose_secret().as_bytes()) { Some(index) } else { found }
    });
    found.map_or_else(|| wrong("the token is nobody's"), |index| Some(Ok(index)))
}

/// A name and a password.
pub(super) fn basic(headers: &HeaderMap, proof: &MailProof) -> Result<(), Refusal> {
    let shown = text(headers, "authorization")
        .and_then(|shown| shown.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, shown)| STANDARD.decode(shown.trim()).ok());
    let wanted = format!("{}:{}", proof.user, proof.password.expose_secret());
    match shown {
        Some(shown) if same(&shown, wanted.as_bytes()) => Ok(()),
        Some(_) | None => {
            Err(Refusal::Unproven { challenge: Some("Basic"), why: "the name or password is wrong" })
        }
    }
}

/// Unix seconds as they were signed, within the window. Digits only: a sign or a space would be another text.
fn recent(seconds: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    let at = digits
        .then(|| seconds.parse().ok())
        .flatten()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    let Some(at) = at else { return unproven("the signed time is missing or is not Unix seconds") };
    let window = SignedDuration::try_from(SIGNED_WINDOW).unwrap_or(SignedDuration::MAX);
    if now.duration_since(at).abs() > window {
        return unproven("the signed time is too far from the present");
    }
    Ok(at)
}

fn is_hmac(secret: &SecretString, parts: &[&[u8]], hex: &str) -> bool {
    let digits = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some(given) = digits.then(|| alloy::hex::decode(hex).ok()).flatten() else { return false };
    // HMAC takes a key of any length: this is never an error.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
    parts.iter().for_each(|part| mac.update(part));
    mac.verify_slice(&given).is_ok()
}

/// Slack's signature: `v0=` and HMAC-SHA256 of `v0:{time}:{body}`.
///
/// Source: <https://docs.slack.dev/authentication/verifying-requests-from-slack>
pub(super) fn slack(
    headers: &HeaderMap,
    body: &[u8],
    secret: &SecretString,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(time) = text(headers, "x-slack-request-timestamp") else {
        return unproven("X-Slack-Request-Timestamp is missing");
    };
    let Some(given) = text(headers, "x-slack-signature").and_then(|given| given.strip_prefix("v0=")) else {
        return unproven("X-Slack-Signature is missing or is not v0=<hex>");
    };
    if !is_hmac(secret, &[b"v0:", time.as_bytes(), b":", body], given) {
        return unproven("X-Slack-Signature is not of this body and time");
    }
    recent(time, now).map(drop)
}

/// Mailgun's signature: HMAC-SHA256 of time and token. It covers nothing else of the request, so a token counts for one
/// mail only. Gives until when a replay would be taken for recent.
///
/// Source: <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>
pub(super) fn mailgun(
    time: &str,
    token: &str,
    signature: &str,
    secret: &SecretString,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    if token.is_empty() || !is_hmac(secret, &[time.as_bytes(), token.as_bytes()], signature) {
        return unproven("Mailgun's signature is not of its time and token");
    }
    let at = recent(time, now)?;
    Ok(at.checked_add(SIGNED_WINDOW).unwrap_or(Timestamp::MAX))
}

/// SendGrid's signature under a security policy: ECDSA P-256 with SHA-256 over time and body, DER in base64.
///
/// Source: <https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/securing-your-parse-webhooks>
pub(super) fn sendgrid(
    headers: &HeaderMap,
    body: &[u8],
    key: &P256Key,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(time) = text(headers, "x-twilio-email-event-webhook-timestamp") else {
        return unproven("X-Twilio-Email-Event-Webhook-Timestamp is missing");
    };
    let given = text(headers, "x-twilio-email-event-webhook-signature");
    let Some(given) = given.and_then(|given| STANDARD.decode(given).ok()) else {
        return unproven("X-Twilio-Email-Event-Webhook-Signature is missing or is not base64");
    };
    let signed = [time.as_bytes(), body].concat();
    if UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.0).verify(&signed, &given).is_err() {
        return unproven("X-Twilio-Email-Event-Webhook-Signature is not of this body and time");
    }
    recent(time, now).map(drop)
}
