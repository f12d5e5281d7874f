//! A signature as numbers: who made it over a digest, and the form in which the Safe takes it.

use alloy::primitives::{Address, B256, Bytes, Signature, U256, uint};

use super::Repair;
use crate::domain::safe::signature::{SIGNATURE_BYTES, SignatureKind};

/// The order of the curve (secp256k1).
pub const N: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

/// A signature's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    r: U256,
    s: U256,
    odd: bool,
}

impl Key {
    /// Of 65 bytes whose `v` is 27, 28, 31 or 32.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let part: &[u8; SIGNATURE_BYTES] = bytes.try_into().ok()?;
        let [first @ .., v] = part;
        let (r, s) = first.split_at(32);
        let odd = match v {
            27 | 31 => false,
            28 | 32 => true,
            0..=26 | 29 | 30 | 33.. => return None,
        };
        Some(Self { r: U256::from_be_slice(r), s: U256::from_be_slice(s), odd })
    }

    pub fn signer(&self, digest: B256) -> Option<Address> {
        Signature::new(self.r, self.s, self.odd).recover_address_from_prehash(&digest).ok()
    }

    pub fn signature(&self, kind: SignatureKind) -> Bytes {
        let v = 27 + u8::from(self.odd) + if kind == SignatureKind::EthSign { 4 } else { 0 };
        [&self.r.to_be_bytes::<32>()[..], &self.s.to_be_bytes::<32>(), &[v]].concat().into()
    }
}

/// Puts right what says the same. What is no signature comes back as it is.
pub fn normalise(bytes: &[u8]) -> (Bytes, Vec<Repair>) {
    let mut repaired = Vec::new();
    let mut whole: [u8; SIGNATURE_BYTES] = match (bytes.try_into(), <&[u8; 64]>::try_from(bytes)) {
        (Ok(whole), _) => whole,
        (Err(_), Ok(compact)) => {
            // EIP-2098: the highest bit of `s` is the parity.
            repaired.push(Repair::Compact);
            let mut whole = [0_u8; SIGNATURE_BYTES];
            let (first, v) = whole.split_at_mut(64);
            first.copy_from_slice(compact);
            let odd = first.get(32).is_some_and(|byte| byte & 0x80 != 0);
            first.iter_mut().skip(32).take(1).for_each(|byte| *byte &= 0x7f);
            v.fill(27 + u8::from(odd));
            whole
        }
        (Err(_), Err(_)) => return (Bytes::copy_from_slice(bytes), repaired),
    };
    let [first @ .., v] = &mut whole;
    let (r, s) = first.split_at_mut(32);
    // An approval or a contract's signature begins with an address: twelve bytes of nothing, which no key's `r` has.
    let names_an_owner = r.iter().take(12).all(|byte| *byte == 0);
    if *v <= 1 && !names_an_owner {
        *v += 27;
        repaired.push(Repair::SmallV);
    }
    let value = U256::from_be_slice(s);
    let parity = matches!(*v, 27 | 28 | 31 | 32);
    if parity && value > N >> 1 && value < N {
        s.copy_from_slice(&(N - value).to_be_bytes::<32>());
        // 27 and 28 change places, and so do 31 and 32.
        *v = if *v % 4 == 3 { *v + 1 } else { *v - 1 };
        repaired.push(Repair::HighS);
    }
    (Bytes::copy_from_slice(&whole), repaired)
}
