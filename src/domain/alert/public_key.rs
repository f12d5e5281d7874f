//! The public key of a vendor that signs with ECDSA over P-256.

use std::str::FromStr;

use alloy::primitives::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A public key of P-256 as SEC 1 writes it uncompressed: 4, then both coordinates. That the point is on the curve is
/// found out when something is verified with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct P256Key(pub [u8; 65]);

/// Text that is no such key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no public key of P-256: PEM or base64 of SubjectPublicKeyInfo, or 65 bytes in hex that begin with 04"
)]
pub struct NoP256Key;

/// SubjectPublicKeyInfo of P-256 up to the point: RFC 5480, the algorithm's and the curve's identifiers.
const PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl FromStr for P256Key {
    type Err = NoP256Key;

    fn from_str(text: &str) -> Result<Self, NoP256Key> {
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        let compact: String =
            lines.flat_map(|line| line.chars().filter(|letter| !letter.is_whitespace())).collect();
        let point = match hex::decode(&compact) {
            Ok(point) => point,
            Err(_not_hex) => {
                let info = STANDARD.decode(&compact).map_err(|_other| NoP256Key)?;
                info.strip_prefix(PREFIX).ok_or(NoP256Key)?.to_vec()
            }
        };
        let point = <[u8; 65]>::try_from(point).map_err(|_other| NoP256Key)?;
        if point.first() == Some(&4) { Ok(Self(point)) } else { Err(NoP256Key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_pem_base64_or_hex() {
        let point = format!("04{}", "ab".repeat(64));
        let raw =
            hex::decode(format!("3059301306072a8648ce3d020106082a8648ce3d030107034200{point}")).unwrap();
        let base64 = STANDARD.encode(raw);
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n",
            &base64[..64],
            &base64[64..]
        );
        let wanted: P256Key = point.parse().unwrap();
        for text in [format!("0x{point}"), base64, pem] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
        for odd in ["", "04ab", &format!("05{}", "ab".repeat(64)), "no key"] {
            assert_eq!(odd.parse::<P256Key>(), Err(NoP256Key), "{odd}");
        }
    }
}
