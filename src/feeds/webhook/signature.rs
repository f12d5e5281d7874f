//! Who sent it, and when: an HMAC over the time and the raw bytes.
//!
//! `X-Redhandle-Signature: v1=<hex>` is HMAC-SHA256 of `{timestamp}.{body}`, where the timestamp is the text of
//! `X-Redhandle-Timestamp` (Unix seconds). It is checked before anything of the body is understood. Several
//! signatures may stand in the header, and several secrets may be valid, so that a secret can be changed.

use std::time::Duration;

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::replay::ReplayKey;
use super::with::With;
use crate::domain::names::FeedName;

/// Carries the signature.
pub const SIGNATURE_HEADER: &str = "x-redhandle-signature";

/// Carries the time of sending, in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "x-redhandle-timestamp";

/// How many signatures of a header are tried.
const SIGNATURES_MAX: usize = 4;

/// The version of the scheme.
const VERSION: &str = "v1=";

/// What the headers claim, before it is checked.
#[derive(Debug)]
pub(super) struct Claim {
    /// The timestamp as it was written, because that is what was signed.
    written: String,
    at: Timestamp,
    signatures: Vec<Vec<u8>>,
}

/// Why a request is not authenticated. All of it is the same to the sender; the operator may know more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsigned {
    NoTimestamp,
    NoSignature,
    OutsideWindow,
    WrongSignature,
}

impl Unsigned {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NoTimestamp => "X-Redhandle-Timestamp is missing or is not Unix seconds",
            Self::NoSignature => "X-Redhandle-Signature is missing or is not v1=<hex>",
            Self::OutsideWindow => "X-Redhandle-Timestamp is too far from the present",
            Self::WrongSignature => "X-Redhandle-Signature is not of this body and timestamp",
        }
    }
}

impl Claim {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Unsigned> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let written = text(TIMESTAMP_HEADER).ok_or(Unsigned::NoTimestamp)?;
        // Digits only: a sign or a space would be another text for the same moment.
        let seconds =
            written.bytes().all(|byte| byte.is_ascii_digit()).then(|| written.parse().ok()).flatten();
        let at =
            seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(Unsigned::NoTimestamp)?;
        let given = text(SIGNATURE_HEADER).ok_or(Unsigned::NoSignature)?.split(',').take(SIGNATURES_MAX);
        let signatures: Vec<_> = given.filter_map(|one| unhex(one.trim().strip_prefix(VERSION)?)).collect();
        if signatures.is_empty() {
            return Err(Unsigned::NoSignature);
        }
        Ok(Self { written: written.to_owned(), at, signatures })
    }

    /// Checks the time in both directions, the bound included.
    pub(super) fn is_recent(&self, now: Timestamp, window: Duration) -> Result<(), Unsigned> {
        let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        let apart = now.duration_since(self.at).abs();
        if apart <= window { Ok(()) } else { Err(Unsigned::OutsideWindow) }
    }

    /// Checks the signatures against every secret, each comparison in constant time.
    pub(super) fn is_of(&self, body: &[u8], secrets: &[SecretString]) -> Result<With, Unsigned> {
        let fits = |secret: &SecretString| {
            let mac = mac(secret, &self.written, body);
            let each = self
                .signatures
                .iter()
                .map(|one| mac.clone().is_some_and(|mac| mac.verify_slice(one).is_ok()));
            each.fold(false, |any, fits| any | fits)
        };
        With::of(secrets.iter().map(fits)).ok_or(Unsigned::WrongSignature)
    }

    /// What tells this request from others: what was signed, whatever the signature was.
    pub(super) fn replay_key(&self, feed: &FeedName, body: &[u8]) -> ReplayKey {
        let mut digest = Sha256::new();
        for part in [feed.as_str().as_bytes(), self.written.as_bytes()] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.update(body);
        digest.finalize().into()
    }

    /// When the window makes a replay impossible, and the key can be forgotten.
    pub(super) fn until(&self, window: Duration) -> Timestamp {
        self.at.checked_add(window).unwrap_or(Timestamp::MAX)
    }
}

/// Signs a body as a sender does: the value of the signature header.
pub fn sign(secret: &SecretString, at: Timestamp, body: &[u8]) -> String {
    let digest = mac(secret, &at.as_second().to_string(), body).map(|mac| mac.finalize().into_bytes());
    format!("{VERSION}{}", alloy::hex::encode(digest.unwrap_or_default()))
}

fn mac(secret: &SecretString, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes a key of any length: this is never None.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

/// Hex of exactly one digest.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| alloy::hex::decode(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_what_openssl_computes() {
        // printf '1704067200.{}' | openssl dgst -sha256 -hmac practice-secret-0001
        let secret = SecretString::from("practice-secret-0001");
        let at = Timestamp::from_second(1_704_067_200).unwrap();
        insta::assert_snapshot!(sign(&secret, at, b"{}"), @r"
        v1=c2770306734d12bf79fa027c7ffc3a5ee6376deb2b6a9bdc0fa412b476c55c49
        ");
    }

    #[test]
    fn headers_are_read_strictly() {
        let read = |timestamp: &str, signature: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(TIMESTAMP_HEADER, timestamp.parse().unwrap());
            headers.insert(SIGNATURE_HEADER, signature.parse().unwrap());
            Claim::read(&headers).err()
        };
        let hex = "ab".repeat(32);
        assert_eq!(read("1704067200", &format!("v1={hex}")), None);
        assert_eq!(read("1704067200", &format!("v2=x, v1={hex}")), None);
        for timestamp in ["", "-1", "+1704067200", "1704067200.5", "99999999999999999999", " 1"] {
            assert_eq!(read(timestamp, &format!("v1={hex}")), Some(Unsigned::NoTimestamp), "{timestamp:?}");
        }
        for signature in ["", "v1=", "v1=abcd", &hex, &format!("v1=0x{}", "ab".repeat(31))] {
            assert_eq!(read("1704067200", signature), Some(Unsigned::NoSignature), "{signature:?}");
        }
    }
}
