//! Signatures of owners, one at a time: four kinds, told apart by the last byte (`v`).
//!
//! | `v` | kind | the 65 bytes |
//! |---|---|---|
//! | 0 | contract (EIP-1271) | owner, offset of the inner signature, 0 |
//! | 1 | approved hash | owner, nothing, 1 |
//! | 27, 28 | EOA over the safeTxHash | r, s, v |
//! | 31, 32 | EOA over `personal_sign` of it | r, s, v + 4 |
//!
//! (`Safe.sol`, `checkNSignatures`, 1.0.0 to 1.5.0.) Whether a contract or an approval really stands
//! behind the first two only the chain can tell; this module never claims it does. A secp256r1 kind
//! (`v` = 2) exists in some libraries and in no released contract.

pub mod explain;
mod mistake;
mod packing;

pub use mistake::{CHAINS_TRIED, Mistake, NONCES_TRIED};
pub use packing::{CheckError, PackError, SplitError, StaticPart, check, pack, split, unpack};

use alloy::primitives::{Address, B256, Bytes, Signature, U256, eip191_hash_message};
use serde::{Deserialize, Serialize};

use super::ids::SafeTxHash;

/// Bytes of every signature's static part.
pub const SIGNATURE_BYTES: usize = 65;

/// What the contracts add to `v` of an `eth_sign` signature.
const ETH_SIGN_V_OFFSET: u8 = 4;

/// How an owner signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SignatureKind {
    /// A key signed the safeTxHash (EIP-712).
    Eoa,
    /// A key signed the safeTxHash as a personal message.
    EthSign,
    /// The owner called `approveHash` on chain, or executes the transaction itself.
    ApprovedHash,
    /// The owner is a contract and answers for the signature.
    ContractSignature,
}

impl SignatureKind {
    /// The kind's name at the Transaction Service.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eoa => "EOA",
            Self::EthSign => "ETH_SIGN",
            Self::ApprovedHash => "APPROVED_HASH",
            Self::ContractSignature => "CONTRACT_SIGNATURE",
        }
    }

    /// Whether only the chain can tell if it holds.
    pub fn needs_chain(self) -> bool {
        match self {
            Self::Eoa | Self::EthSign => false,
            Self::ApprovedHash | Self::ContractSignature => true,
        }
    }

    /// The kind that `v` stands for; `None` for a `v` that recovers nobody.
    fn of_v(v: u8) -> Option<Self> {
        match v {
            0 => Some(Self::ContractSignature),
            1 => Some(Self::ApprovedHash),
            27 | 28 => Some(Self::Eoa),
            31 | 32 => Some(Self::EthSign),
            2..=26 | 29 | 30 | 33.. => None,
        }
    }
}

/// One owner's signature of one safeTxHash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnerSignature {
    /// Who signed.
    pub owner: Address,
    /// How.
    pub kind: SignatureKind,
    /// The 65 bytes; for a contract its inner signature, which may be empty.
    pub bytes: Bytes,
}

impl OwnerSignature {
    /// The mark of an owner whose approval is on chain, or who executes the transaction.
    pub fn approved_hash(owner: Address) -> Self {
        let mut bytes = [0_u8; SIGNATURE_BYTES];
        bytes[12..32].copy_from_slice(owner.as_slice());
        bytes[64] = 1;
        Self { owner, kind: SignatureKind::ApprovedHash, bytes: Bytes::copy_from_slice(&bytes) }
    }

    /// The signature of an owner that is a contract.
    pub fn contract(owner: Address, inner: Bytes) -> Self {
        Self { owner, kind: SignatureKind::ContractSignature, bytes: inner }
    }
}

/// Who signed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recovered {
    /// The signer; for an approval or a contract, who is claimed to have signed.
    pub owner: Address,
    /// How.
    pub kind: SignatureKind,
}

/// Why 65 bytes name no signer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// Fewer bytes than a signature has.
    #[error("the signature has {found} bytes, {SIGNATURE_BYTES} are needed")]
    TooShort {
        /// How many there are.
        found: usize,
    },
    /// More bytes than one signature has.
    #[error(
        "the signature has {found} bytes, {SIGNATURE_BYTES} were expected: several signatures, or something after one"
    )]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// A last byte the contracts do not know.
    #[error(
        "the signature ends with v = {0}, which is none of 0 (contract), 1 (approved hash), 27 or 28 (key), 31 or 32 (eth_sign)"
    )]
    BadV(u8),
    /// `r` and `s` are not a point that anybody could have signed with.
    #[error("no key could have made this signature: r or s is out of range")]
    NotRecoverable,
}

/// Says who signed a safeTxHash, and how. For an approval or a contract signature it says who is
/// *claimed* to have: see [`SignatureKind::needs_chain`].
///
/// # Errors
/// When the bytes are not exactly one signature, or recover nobody.
pub fn recover(hash: SafeTxHash, bytes: &[u8]) -> Result<Recovered, RecoverError> {
    recover_digest(hash.0, bytes)
}

/// As [`recover`], for other hashes that owners and delegates sign: messages, delegations.
///
/// # Errors
/// When the bytes are not exactly one signature, or recover nobody.
pub fn recover_digest(digest: B256, bytes: &[u8]) -> Result<Recovered, RecoverError> {
    let part: &[u8; SIGNATURE_BYTES] = bytes.try_into().map_err(|_| {
        if bytes.len() < SIGNATURE_BYTES {
            RecoverError::TooShort { found: bytes.len() }
        } else {
            RecoverError::TooLong { found: bytes.len() }
        }
    })?;
    let [first @ .., v] = part;
    let (r, s) = first.split_at(32);
    let kind = SignatureKind::of_v(*v).ok_or(RecoverError::BadV(*v))?;
    let owner = match kind {
        SignatureKind::ApprovedHash | SignatureKind::ContractSignature => {
            Address::from_word(B256::from_slice(r))
        }
        SignatureKind::Eoa => recover_key(digest, r, s, *v)?,
        SignatureKind::EthSign => {
            recover_key(eip191_hash_message(digest), r, s, v.saturating_sub(ETH_SIGN_V_OFFSET))?
        }
    };
    Ok(Recovered { owner, kind })
}

fn recover_key(digest: B256, r: &[u8], s: &[u8], v: u8) -> Result<Address, RecoverError> {
    Signature::new(U256::from_be_slice(r), U256::from_be_slice(s), v == 28)
        .recover_address_from_prehash(&digest)
        .map_err(|_| RecoverError::NotRecoverable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_name_no_signer_are_refused_by_name() {
        let hash = SafeTxHash(B256::repeat_byte(7));
        let with_v = |v: u8| {
            let mut bytes = vec![0_u8; SIGNATURE_BYTES];
            bytes[64] = v;
            bytes
        };
        assert_eq!(recover(hash, &[]), Err(RecoverError::TooShort { found: 0 }));
        assert_eq!(recover(hash, &[0; 64]), Err(RecoverError::TooShort { found: 64 }));
        assert_eq!(recover(hash, &[0; 66]), Err(RecoverError::TooLong { found: 66 }));
        for v in [2, 26, 29, 30, 33, 255] {
            assert_eq!(recover(hash, &with_v(v)), Err(RecoverError::BadV(v)));
        }
        for v in [27, 28, 31, 32] {
            assert_eq!(recover(hash, &with_v(v)), Err(RecoverError::NotRecoverable));
        }
    }

    #[test]
    fn an_approval_names_its_owner() {
        let owner = Address::repeat_byte(0x3c);
        let approval = OwnerSignature::approved_hash(owner);
        let recovered = recover(SafeTxHash(B256::ZERO), &approval.bytes);
        assert_eq!(recovered, Ok(Recovered { owner, kind: SignatureKind::ApprovedHash }));
    }
}
