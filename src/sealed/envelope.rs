//! Bytes to sealed bytes and back.
//!
//! ```text
//! redhandle-sealed 1 NAME SALT CHECK NONCE \n ciphertext
//! ```
//!
//! The first line is the header, authenticated with the contents. Each write has its own random salt, and its own
//! key: HMAC-SHA-256 of the salt under the seal key (the expansion of HKDF, whose extraction a uniformly random key
//! does not need). So one seal key may seal many files, many times, and no nonce repeats under a key. CHECK, made
//! from the seal key and the salt in the same way, tells another key from a changed file.

use std::fmt;

use alloy::hex;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hmac::{Hmac, Mac as _};
use rand::RngCore as _;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Bytes of a seal key.
pub const SEAL_KEY_BYTES: usize = 32;

/// How a sealed file begins.
const MAGIC: &str = "redhandle-sealed";

/// The form that is written, and the only one that is read.
const VERSION: &str = "1";

const SALT_BYTES: usize = 32;
const CHECK_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;

/// The longest header: names have 64 bytes at most.
const HEADER_MAX_BYTES: usize = 512;

/// What seals.
#[derive(Clone)]
pub struct SealKey([u8; SEAL_KEY_BYTES]);

impl SealKey {
    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; SEAL_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A key made from this one for one purpose and one salt.
    fn derive(&self, purpose: &[u8], salt: &[u8]) -> [u8; 32] {
        // HMAC takes keys of every length, so the error never comes; an empty key would seal nothing readable.
        let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.0) else { return [0; 32] };
        mac.update(purpose);
        mac.update(salt);
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self, salt: &[u8]) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&self.derive(b"redhandle sealed 1: contents", salt).into())
    }

    fn check(&self, salt: &[u8]) -> Vec<u8> {
        let mut check = self.derive(b"redhandle sealed 1: check", salt).to_vec();
        check.truncate(CHECK_BYTES);
        check
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// Why sealed bytes do not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It does not begin as a sealed file does.
    #[error("it is no sealed file, or its first line was damaged")]
    NotSealed,
    /// A form of another release.
    #[error("it is sealed in form {0}, and this release reads form 1: use the release that wrote it")]
    Version(String),
    /// Another file under this name.
    #[error("it is the sealed file of \"{found}\", not of \"{wanted}\": it was renamed or copied")]
    OtherName {
        /// Whose it is.
        found: String,
        /// Whose was wanted.
        wanted: String,
    },
    /// Another key sealed it.
    #[error(
        "it was sealed with another key than the one configured; if the key was changed, use the old one"
    )]
    OtherKey,
    /// The key is right and the contents are not what was sealed.
    #[error(
        "it was changed or damaged since it was sealed: do not use it, restore a copy or prepare it anew"
    )]
    Changed,
    /// The cipher refused the contents.
    #[error("the contents could not be sealed")]
    Unsealable,
}

/// Seals `contents` under a name.
pub(super) fn seal(key: &SealKey, name: &str, contents: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let mut random = rand::rngs::OsRng;
    let (mut salt, mut nonce) = ([0_u8; SALT_BYTES], [0_u8; NONCE_BYTES]);
    random.fill_bytes(&mut salt);
    random.fill_bytes(&mut nonce);
    let check = hex::encode(key.check(&salt));
    let header = format!("{MAGIC} {VERSION} {name} {} {check} {}\n", hex::encode(salt), hex::encode(nonce));
    let payload = Payload { msg: contents, aad: header.as_bytes() };
    let sealed =
        key.cipher(&salt).encrypt(&Nonce::from(nonce), payload).map_err(|_| EnvelopeError::Unsealable)?;
    Ok([header.into_bytes(), sealed].concat())
}

/// Opens what was sealed under a name.
pub(super) fn open(key: &SealKey, name: &str, bytes: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let end = bytes.iter().take(HEADER_MAX_BYTES).position(|byte| *byte == b'\n');
    let (header, contents) =
        end.and_then(|end| bytes.split_at_checked(end + 1)).ok_or(EnvelopeError::NotSealed)?;
    let line = std::str::from_utf8(header).map_err(|_| EnvelopeError::NotSealed)?;
    let mut words = line.trim_end_matches('\n').split(' ');
    if words.next() != Some(MAGIC) {
        return Err(EnvelopeError::NotSealed);
    }
    match words.next() {
        Some(VERSION) => {}
        Some(other) => return Err(EnvelopeError::Version(other.chars().take(20).collect())),
        None => return Err(EnvelopeError::NotSealed),
    }
    let (Some(found), Some(salt), Some(check), Some(nonce), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(EnvelopeError::NotSealed);
    };
    let salt: [u8; SALT_BYTES] = array(salt)?;
    let check: [u8; CHECK_BYTES] = array(check)?;
    let nonce: [u8; NONCE_BYTES] = array(nonce)?;
    if found != name {
        return Err(EnvelopeError::OtherName {
            found: found.chars().take(64).collect(),
            wanted: name.to_owned(),
        });
    }
    if !bool::from(key.check(&salt).ct_eq(check.as_slice())) {
        return Err(EnvelopeError::OtherKey);
    }
    let payload = Payload { msg: contents, aad: header };
    key.cipher(&salt).decrypt(&Nonce::from(nonce), payload).map_err(|_| EnvelopeError::Changed)
}

fn array<const N: usize>(digits: &str) -> Result<[u8; N], EnvelopeError> {
    let bytes = hex::decode(digits).map_err(|_| EnvelopeError::NotSealed)?;
    bytes.try_into().map_err(|_| EnvelopeError::NotSealed)
}
