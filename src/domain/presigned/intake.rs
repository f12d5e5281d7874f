//! The texts people bring signatures in.
//!
//! Two forms: lines `signer:nonce:signature`, as Base's and Optimism's tools keep them, or JSON, an object or a list
//! of objects with `signer`, `nonce` and `signature`. Everything that is wrong is told at once, with its place.

use alloy::primitives::{Address, Bytes};
use serde::Deserialize;

use super::NONCES_MAX;
use crate::domain::safe::SafeNonce;

/// The longest text that is read, in bytes.
pub const TEXT_MAX_BYTES: usize = 1 << 20;

/// The most signatures one text may bring: every nonce of a window by more owners than a Safe has.
pub const SIGNATURES_MAX: usize = 50 * NONCES_MAX as usize;

/// A signature as it was brought; nothing about it is believed yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Brought {
    /// Where it stood: `line 3`, `item 1`.
    pub place: String,
    /// Who is said to have signed.
    pub signer: Address,
    /// At which nonce.
    pub nonce: SafeNonce,
    /// The signature.
    pub signature: Bytes,
}

/// The signature stays out of logs.
impl std::fmt::Debug for Brought {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Brought({}, {}, nonce {})", self.place, self.signer, self.nonce)
    }
}

/// What cannot be read as a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct IntakeError {
    /// Where.
    pub place: String,
    /// What is wrong, and what was expected.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    signer: String,
    nonce: serde_json::Value,
    signature: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Json {
    Many(Vec<serde_json::Value>),
    One(serde_json::Value),
}

/// Reads all signatures of a text, and everything in it that is none.
pub fn read(text: &str) -> (Vec<Brought>, Vec<IntakeError>) {
    let whole = |problem: String| (Vec::new(), vec![IntakeError { place: "the text".to_owned(), problem }]);
    if text.len() > TEXT_MAX_BYTES {
        return whole(format!("{} bytes are too many; {TEXT_MAX_BYTES} at most", text.len()));
    }
    let text = text.trim();
    let results: Vec<Result<Brought, IntakeError>> = if text.starts_with(['[', '{']) {
        match serde_json::from_str::<Json>(text) {
            Ok(Json::Many(items)) => {
                items.into_iter().enumerate().map(|(index, item)| of_json(index, item)).collect()
            }
            Ok(Json::One(item)) => vec![of_json(0, item)],
            Err(error) => return whole(format!("it is not JSON: {error}")),
        }
    } else {
        let lines = text.lines().enumerate().map(|(index, line)| (index, line.trim()));
        lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(index, line)| of_line(index, line))
            .collect()
    };
    if results.is_empty() {
        return whole(
            "there is no signature in it; expected lines signer:nonce:signature, or JSON".to_owned(),
        );
    }
    if results.len() > SIGNATURES_MAX {
        return whole(format!("{} signatures are too many; {SIGNATURES_MAX} at most", results.len()));
    }
    let (mut brought, mut problems) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(one) => brought.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    (brought, problems)
}

fn of_json(index: usize, item: serde_json::Value) -> Result<Brought, IntakeError> {
    let place = format!("item {}", index + 1);
    let item: Item = serde_json::from_value(item).map_err(|error| IntakeError {
        place: place.clone(),
        problem: format!("{error}; expected {{\"signer\", \"nonce\", \"signature\"}}"),
    })?;
    let nonce = match &item.nonce {
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => String::new(),
    };
    parts(place, &item.signer, &nonce, &item.signature)
}

fn of_line(index: usize, line: &str) -> Result<Brought, IntakeError> {
    let place = format!("line {}", index + 1);
    let mut fields = line.split(':').map(str::trim);
    match (fields.next(), fields.next(), fields.next(), fields.next()) {
        (Some(signer), Some(nonce), Some(signature), None) => parts(place, signer, nonce, signature),
        _ => Err(IntakeError { place, problem: "expected signer:nonce:signature".to_owned() }),
    }
}

fn parts(place: String, signer: &str, nonce: &str, signature: &str) -> Result<Brought, IntakeError> {
    let wrong = |problem: String| IntakeError { place: place.clone(), problem };
    let digits = signer.strip_prefix("0x").unwrap_or(signer);
    let address: Address = digits
        .parse()
        .map_err(|_| wrong("the signer is no address: expected 0x and 40 hexadecimal digits".to_owned()))?;
    let mixed = digits.bytes().any(|byte| byte.is_ascii_uppercase())
        && digits.bytes().any(|byte| byte.is_ascii_lowercase());
    if mixed && address.to_checksum(None).strip_prefix("0x") != Some(digits) {
        return Err(wrong(format!(
            "the signer's checksum is wrong: compare every digit, these digits are written {}",
            address.to_checksum(None)
        )));
    }
    let nonce = nonce
        .parse()
        .map_err(|_| wrong("the nonce is no whole number: expected decimal digits".to_owned()))?;
    let hex = signature.strip_prefix("0x").unwrap_or(signature);
    let bytes = alloy::hex::decode(hex).map_err(|_| {
        let odd = if hex.len() % 2 == 1 { " (an odd number of digits)" } else { "" };
        wrong(format!("the signature is not hexadecimal{odd}: expected 0x and 130 hexadecimal digits"))
    })?;
    Ok(Brought { place, signer: address, nonce, signature: bytes.into() })
}
