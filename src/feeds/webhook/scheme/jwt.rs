//! The token of a Forta node in local mode: a JSON Web Token with an algorithm of its own, `ETH`, which is a secp256k1
//! signature over the Keccak-256 of the token's first two parts, by the scanner's key.

use alloy::primitives::{Address, Signature, keccak256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

use super::Unproven;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: Address,
    nbf: i64,
    exp: i64,
    iat: i64,
}

/// When the token was made, if a scanner of ours made it and it is valid now.
pub(super) fn check(token: &str, scanners: &[Address], now: Timestamp) -> Result<Timestamp, Unproven> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Unproven::NoSignature)?;
    let (header, claims) = signed.split_once('.').ok_or(Unproven::NoSignature)?;
    let decode = |part: &str| {
        URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_other| Unproven::NoSignature)
    };
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_other| Unproven::NoSignature)?;
    // No other algorithm is taken, whatever the token asks for.
    if header.alg != "ETH" {
        return Err(Unproven::NoSignature);
    }
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_other| Unproven::NoSignature)?;
    let signature = Signature::from_raw(&decode(signature)?).map_err(|_other| Unproven::NoSignature)?;
    let signer = signature
        .recover_address_from_prehash(&keccak256(signed.as_bytes()))
        .map_err(|_other| Unproven::WrongSignature)?;
    if signer != claims.sub || !scanners.contains(&signer) {
        return Err(Unproven::WrongSignature);
    }
    if now.as_second() < claims.nbf || now.as_second() > claims.exp {
        return Err(Unproven::OutsideWindow);
    }
    Timestamp::from_second(claims.iat).map_err(|_other| Unproven::NoTime)
}
