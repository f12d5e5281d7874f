//! The key that seals a window.
//!
//! 32 random bytes, in hexadecimal or base64. A passphrase is refused: whoever steals the file guesses at leisure, and
//! nobody has to remember this key, since a program reads it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// Bytes of a key.
pub const SEAL_KEY_BYTES: usize = 32;

/// What is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealKeyError {
    /// Neither 64 hexadecimal digits nor 44 characters of base64.
    #[error(
        "the key is not 32 bytes in hexadecimal or base64 (a passphrase is none); `openssl rand -hex 32` makes one"
    )]
    NoKey,
    /// All bytes the same: an example that was never replaced.
    #[error("the key is one byte repeated, which anybody guesses; `openssl rand -hex 32` makes one")]
    Example,
}

/// Reads a key.
///
/// # Errors
/// When it is not 32 bytes, or plainly no secret. What was written is not repeated.
pub fn parse_seal_key(text: &str) -> Result<[u8; SEAL_KEY_BYTES], SealKeyError> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let bytes = if digits.len() == 2 * SEAL_KEY_BYTES {
        alloy::hex::decode(digits).ok()
    } else {
        STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()
    };
    let key: [u8; SEAL_KEY_BYTES] =
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(SealKeyError::NoKey)?;
    let [first, ..] = key;
    if key.iter().all(|byte| *byte == first) { Err(SealKeyError::Example) } else { Ok(key) }
}
