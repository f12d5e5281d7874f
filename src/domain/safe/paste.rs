//! Signatures as people hand them over: a file, a service's JSON, lines pasted from a terminal or a chat.
//!
//! Reading judges nothing but the form. Each piece keeps the place it stood at, so that a refusal can name it, and
//! one bad piece never loses the good ones. What is read:
//!
//! | what | example |
//! |---|---|
//! | 65 bytes in hexadecimal, one a line | `0x…` |
//! | several packed signatures | `0x…` of 130 bytes and more |
//! | with whom it is said to be of | `0x<owner>: 0x…` |
//! | as signed ahead of time, with the nonce | `0x<signer>:12:0x…` |
//! | JSON | a confirmation or a transaction of the Transaction Service, a list of either, a proposal file |

use alloy::hex;
use alloy::primitives::{Address, Bytes};
use serde_json::Value;

use super::exchange::{ExchangeFile, FILE_MAX_BYTES, FORMAT, ReadError};
use super::ids::{SafeNonce, SafeTxHash};
use super::numbers::parse_decimal;
use super::signature::{SIGNATURE_BYTES, split};

/// How many signatures are read at most: more owners than any Safe on record has.
pub const SIGNATURES_MAX: usize = 512;

/// One signature that was handed over, not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where it stood: `line 3`, `confirmations[1]`.
    pub place: String,
    /// Whose it is said to be.
    pub owner: Option<Address>,
    /// Which nonce it is said to be for.
    pub nonce: Option<SafeNonce>,
    /// What it is said to sign.
    pub hash: Option<SafeTxHash>,
    /// Its bytes, or why there are none.
    pub bytes: Result<Bytes, String>,
}

/// What was handed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pasted {
    /// The proposal that came along.
    pub file: Option<Box<ExchangeFile>>,
    /// Every signature, in its order.
    pub claims: Vec<Claim>,
}

/// Nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum PasteError {
    /// Too long.
    #[error("there are {found} bytes, at most {FILE_MAX_BYTES} are read")]
    TooLong {
        /// How many.
        found: usize,
    },
    /// Not one signature.
    #[error("there is no signature in it: expected 65 bytes in hexadecimal a line, or JSON with `signature`")]
    Nothing,
    /// More than [`SIGNATURES_MAX`].
    #[error("there are more than {SIGNATURES_MAX} signatures in it")]
    TooMany,
    /// A proposal file that cannot be read.
    #[error(transparent)]
    File(#[from] ReadError),
    /// JSON that cannot be read.
    #[error("it begins as JSON and is none: {0}")]
    Json(#[source] serde_json::Error),
}

/// Reads what was handed over.
///
/// # Errors
/// When there is no signature in it at all, or too much of anything.
pub fn read(text: &str) -> Result<Pasted, PasteError> {
    if text.len() > FILE_MAX_BYTES {
        return Err(PasteError::TooLong { found: text.len() });
    }
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    let mut pasted = Pasted::default();
    if trimmed.starts_with('{') || trimmed.starts_with('[') {
        let json: Value = serde_json::from_str(trimmed).map_err(PasteError::Json)?;
        if json.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("redhandle/"))
            || json.get("format").and_then(Value::as_str) == Some(FORMAT)
        {
            let file = ExchangeFile::read(trimmed)?;
            pasted.claims = of_file(&file, &json);
            pasted.file = Some(Box::new(file));
            // A file without signatures is a file all the same.
            return if pasted.claims.len() > SIGNATURES_MAX { Err(PasteError::TooMany) } else { Ok(pasted) };
        }
        of_json(&json, "", None, &mut pasted.claims);
    } else {
        for (index, line) in trimmed.lines().enumerate() {
            of_line(line, index + 1, &mut pasted.claims);
            if pasted.claims.len() > SIGNATURES_MAX {
                break;
            }
        }
    }
    match pasted.claims.len() {
        0 => Err(PasteError::Nothing),
        1..=SIGNATURES_MAX => Ok(pasted),
        _ => Err(PasteError::TooMany),
    }
}

fn of_file(file: &ExchangeFile, json: &Value) -> Vec<Claim> {
    let mut claims = Vec::new();
    let hash = Some(file.hashes.safe_tx);
    for key in ["confirmations", "signatures"] {
        if let Some(listed) = json.get(key) {
            of_json(listed, key, hash, &mut claims);
        }
    }
    claims
}

/// Signatures anywhere in JSON of the forms that are known: strings in lists, objects with `signature`, and objects
/// with `confirmations`.
fn of_json(json: &Value, place: &str, hash: Option<SafeTxHash>, claims: &mut Vec<Claim>) {
    if claims.len() > SIGNATURES_MAX {
        return;
    }
    match json {
        Value::String(text) => push(text, place, None, None, hash, claims),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                of_json(item, &format!("{place}[{index}]"), hash, claims);
            }
        }
        Value::Object(fields) => {
            let text = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str());
            let named = text(&["safeTxHash", "safe_tx_hash", "contractTransactionHash"]);
            let hash = named.and_then(|text| text.parse().ok()).or(hash);
            let below = |name: &str| {
                if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
            };
            if let Some(list) = fields.get("confirmations").filter(|list| list.is_array()) {
                return of_json(list, &below("confirmations"), hash, claims);
            }
            if let Some(list) = fields.get("results").filter(|list| list.is_array()) {
                return of_json(list, &below("results"), hash, claims);
            }
            if let Some(signature) = text(&["signature"]) {
                let owner = text(&["owner", "signer", "sender"]).and_then(|text| text.parse().ok());
                push(signature, &below("signature"), owner, None, hash, claims);
            } else if let Some(packed) = text(&["signatures"]) {
                push(packed, &below("signatures"), None, None, hash, claims);
            } else if let Some(list) = fields.get("signatures") {
                of_json(list, &below("signatures"), hash, claims);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let bytes = Err(format!("`{json}` is no signature"));
            claims.push(Claim { place: place.to_owned(), owner: None, nonce: None, hash, bytes });
        }
    }
}

/// One line: nothing, a remark after `#`, or `[owner:][nonce:]signature`.
fn of_line(line: &str, number: usize, claims: &mut Vec<Claim>) {
    let line = line.split('#').next().unwrap_or_default();
    let line = line.trim().trim_matches(['"', '\'', ',', '`', '>']).trim();
    if line.is_empty() {
        return;
    }
    let place = format!("line {number}");
    let mut parts: Vec<&str> =
        line.split([':', ' ', '\t', ',', '=', ';']).filter(|part| !part.is_empty()).collect();
    let Some(signature) = parts.pop() else { return };
    let mut owner = None;
    let mut nonce = None;
    for part in parts {
        if let Ok(address) = part.parse::<Address>() {
            owner = Some(address);
        } else if let Ok(number) = parse_decimal(part) {
            nonce = Some(SafeNonce(number));
        }
        // Any other word is what people write before a signature: a name, `signature`, `sig`.
    }
    push(signature, &place, owner, nonce, None, claims);
}

fn push(
    text: &str,
    place: &str,
    owner: Option<Address>,
    nonce: Option<SafeNonce>,
    hash: Option<SafeTxHash>,
    claims: &mut Vec<Claim>,
) {
    let claim = |place: String, bytes| Claim { place, owner, nonce, hash, bytes };
    let bytes = match bytes_of(text) {
        Ok(bytes) => bytes,
        Err(problem) => return claims.push(claim(place.to_owned(), Err(problem))),
    };
    let several = bytes.len() > SIGNATURE_BYTES;
    let parts = if several { split(&bytes).ok() } else { None };
    let Some((parts, trailing)) = parts else {
        return claims.push(claim(place.to_owned(), Ok(bytes)));
    };
    for (index, part) in parts.into_iter().enumerate() {
        let place = format!("{place}, signature {}", index + 1);
        let bytes = match part.inner {
            Some(Err(problem)) => Err(problem.to_string()),
            Some(Ok(_)) | None => Ok(Bytes::copy_from_slice(&part.bytes)),
        };
        // Whoever is named beside a row of several is named beside none of them.
        claims.push(Claim { place, owner: None, nonce, hash, bytes });
    }
    if trailing > 0 {
        let problem = format!(
            "{trailing} bytes after the last signature belong to none: it was cut, or two were run together"
        );
        claims.push(claim(format!("{place}, its end"), Err(problem)));
    }
}

fn bytes_of(text: &str) -> Result<Bytes, String> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if let Some(odd) = digits.chars().find(|character| !character.is_ascii_hexdigit()) {
        return Err(format!("`{}` is no hexadecimal digit", odd.escape_default()));
    }
    if digits.len() % 2 == 1 {
        return Err(format!(
            "{} hexadecimal digits are half a byte too many or too few: a digit was lost in copying",
            digits.len()
        ));
    }
    if digits.is_empty() {
        return Err("it is empty".to_owned());
    }
    hex::decode(digits).map(Bytes::from).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sig(byte: u8) -> String {
        format!("0x{}1b", format!("{byte:02x}").repeat(64))
    }

    fn places(text: &str) -> Vec<(String, Option<Address>, bool)> {
        let claims = read(text).unwrap().claims;
        claims.into_iter().map(|claim| (claim.place, claim.owner, claim.bytes.is_ok())).collect()
    }

    #[test]
    fn lines_are_read_in_every_form_people_send() {
        let owner = Address::repeat_byte(0x11);
        let (one, two) = (sig(1), sig(2));
        let text = format!(
            "# from the chat\n\n{one}\n{owner}: {two}\n{owner}:7:{one}\n\"{two}\",\n{}\n{}{}\nsignature = {one}  # ana\n",
            &one[2..],
            one,
            &two[2..]
        );
        let line = |number: usize| format!("line {number}");
        assert_eq!(
            places(&text),
            [
                (line(3), None, true),
                (line(4), Some(owner), true),
                (line(5), Some(owner), true),
                (line(6), None, true),
                (line(7), None, true),
                ("line 8, signature 1".to_owned(), None, true),
                ("line 8, signature 2".to_owned(), None, true),
                (line(9), None, true),
            ]
        );
        assert_eq!(read(&text).unwrap().claims[2].nonce, Some(SafeNonce::from(7)));
    }

    #[test]
    fn a_bad_piece_is_named_and_loses_no_good_one() {
        let good = sig(3);
        let text = format!("{good}\n0x123\n0xzz\n{}\n{good}", &good[..100]);
        let claims = read(&text).unwrap().claims;
        let problems: Vec<_> =
            claims.iter().map(|claim| claim.bytes.clone().err().unwrap_or_default()).collect();
        assert_eq!(claims.len(), 5);
        assert!(problems[1].contains("a digit was lost"), "{problems:?}");
        assert!(problems[2].contains("no hexadecimal digit"), "{problems:?}");
        assert!(claims[3].bytes.is_ok(), "its length is judged with the signature");
        assert!(claims[4].bytes.is_ok());
    }

    #[test]
    fn the_services_json_is_read() {
        let (owner, one, two) = (Address::repeat_byte(0x22), sig(4), sig(5));
        let hash = SafeTxHash(alloy::primitives::B256::repeat_byte(9));
        let confirmation =
            format!("{{\"owner\":\"{owner}\",\"signature\":\"{one}\",\"signatureType\":\"EOA\"}}");
        assert_eq!(places(&confirmation), [("signature".to_owned(), Some(owner), true)]);
        let transaction = format!(
            "{{\"safeTxHash\":\"{hash}\",\"nonce\":\"3\",\"confirmations\":[{confirmation},{{\"signature\":\"{two}\"}}]}}"
        );
        let claims = read(&transaction).unwrap().claims;
        assert_eq!(claims.len(), 2);
        assert!(claims.iter().all(|claim| claim.hash == Some(hash)));
        assert_eq!(claims[1].place, "confirmations[1].signature");
        let list = format!("{{\"count\":1,\"results\":[{confirmation}]}}");
        assert_eq!(places(&list), [("results[0].signature".to_owned(), Some(owner), true)]);
        assert_eq!(places(&format!("[\"{one}\", 3]")).len(), 2);
    }

    #[test]
    fn what_has_no_signature_or_too_many_is_refused() {
        assert!(matches!(read(""), Err(PasteError::Nothing)));
        assert!(matches!(read("# nothing\n\n"), Err(PasteError::Nothing)));
        assert!(matches!(read("{}"), Err(PasteError::Nothing)));
        assert!(matches!(read("{"), Err(PasteError::Json(_))));
        assert!(matches!(read(&(sig(1) + "\n").repeat(SIGNATURES_MAX + 1)), Err(PasteError::TooMany)));
        assert!(matches!(read(&" ".repeat(FILE_MAX_BYTES + 1)), Err(PasteError::TooLong { .. })));
        let newer = format!("{{\"format\":\"{FORMAT}\",\"formatVersion\":9}}");
        assert!(matches!(read(&newer), Err(PasteError::File(ReadError::Newer { found: 9 }))));
    }
}
