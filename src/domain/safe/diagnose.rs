//! Why a signature does not fit a proposal: found by trying what people get wrong, and named.
//!
//! A signature that recovers to no owner says nothing by itself: every 65 bytes recover to *somebody*. But if the
//! same bytes recover to an owner over another nonce's hash, that is what the owner signed; nobody finds such a pair
//! by chance. So each common mistake is tried, and the first that recovers to somebody who is known is the reason.
//!
//! What a wallet wrote in another way than the Safe takes it, while it says the same, is put right: `v` of 0 or 1, a
//! high `s`, the 64 bytes of EIP-2098, a personal signature that is marked as typed data.

mod numbers;
mod signed;

use std::fmt;

use alloy::hex;
use alloy::primitives::{Address, B256, Bytes, U256, eip191_hash_message};

use super::hash::{SafeDomain, hash};
use super::ids::{SafeAddress, SafeNonce};
use super::signature::{RecoverError, SignatureKind, recover};
use super::tx::SafeTx;
use super::version::SafeVersion;
use crate::domain::names::ChainId;
use numbers::{Key, normalise};
pub use signed::Signed;

/// How many nonces before and after the proposal's are tried. Whoever signs ahead of time signs tens (Base: 20).
pub const NONCES_TRIED: u64 = 64;

/// Chains with the most Safes: their ids are tried beside those that the configuration names.
/// Source: the networks of Safe's hosted Transaction Service (safe-core-sdk, `config.ts`), and anvil.
const CHAINS: [u64; 22] = [
    1,
    10,
    56,
    100,
    130,
    137,
    146,
    196,
    324,
    1_101,
    5_000,
    8_453,
    31_337,
    34_443,
    42_161,
    42_220,
    43_114,
    59_144,
    84_532,
    534_352,
    11_155_111,
    1_313_161_554,
];

/// The proposal a signature should be of, and who is known.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What should have been signed.
    pub tx: &'a SafeTx,
    /// Of which Safe.
    pub domain: &'a SafeDomain,
    /// The owners on the chain.
    pub owners: &'a [Address],
    /// Who was an owner and is none any more.
    pub former_owners: &'a [Address],
    /// Keys that belong to somebody known, owner or not.
    pub known_keys: &'a [Address],
    /// Other chains that may have been meant.
    pub chains: &'a [ChainId],
    /// Other Safes that may have been meant.
    pub safes: &'a [SafeAddress],
    /// Other transactions that may have been signed instead, and how they are called.
    pub others: &'a [(String, SafeTx, SafeDomain)],
}

/// A signature that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Whose.
    pub owner: Address,
    /// How.
    pub kind: SignatureKind,
    /// As the Safe takes it.
    pub signature: Bytes,
    /// What was put right.
    pub repaired: Vec<Repair>,
}

/// Something that was written another way and says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// `v` was 0 or 1.
    SmallV,
    /// `s` was in the upper half.
    HighS,
    /// 64 bytes, EIP-2098.
    Compact,
    /// A personal signature (`eth_sign`) marked as typed data.
    MarkedAsTyped,
    /// A typed-data signature marked as personal.
    MarkedAsPersonal,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SmallV => "its v was 0 or 1, and is 27 or 28 now",
            Self::HighS => "its s was in the upper half of the curve, and is the lower one now",
            Self::Compact => "it had the 64 bytes of EIP-2098, and has 65 now",
            Self::MarkedAsTyped => {
                "it is a personal signature (eth_sign) of the hash, and is marked so now (v + 4)"
            }
            Self::MarkedAsPersonal => "it is of the typed data and was marked as personal; v is 27 or 28 now",
        })
    }
}

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The bytes name no signer.
    #[error("{0}")]
    NoSignature(RecoverError),
    /// An approval: only the chain can say that there is one.
    #[error(
        "it only says that {owner} approved the hash on the chain; the chain is asked for that by itself, so there is nothing to import"
    )]
    Approval {
        /// Whose it is said to be.
        owner: Address,
    },
    /// A contract's: only the chain can say whether it holds.
    #[error(
        "it is the signature of a contract, {owner}: only that contract can say whether it holds; let it approve the hash on the chain instead"
    )]
    Contract {
        /// The contract.
        owner: Address,
    },
    /// Right, but by somebody who is no owner any more.
    #[error(
        "{owner} signed the right hash and is no owner of this Safe any more: it was removed, and the Safe would refuse it"
    )]
    RemovedOwner {
        /// Who.
        owner: Address,
    },
    /// Right, but by a key that is somebody's and no owner's.
    #[error(
        "{key} signed the right hash, and is a key of the roster that owns nothing of this Safe: sign with the owner key"
    )]
    NotTheOwnerKey {
        /// Which.
        key: Address,
    },
    /// An owner signed something else.
    #[error("{signer} signed {signed}: {}", .signed.remedy())]
    Another {
        /// Who.
        signer: Address,
        /// What.
        signed: Signed,
    },
    /// Nobody who is known.
    #[error(
        "it recovers to {recovered}, whom nobody knows: somebody else signed, or something was signed that is not this proposal (tried: {tried})"
    )]
    Stranger {
        /// Whom it recovers to.
        recovered: Address,
        /// What was tried.
        tried: String,
    },
}

/// Says whether a signature counts, and if not, why not.
///
/// # Errors
/// The reason, found by trying.
pub fn judge(case: &Case<'_>, bytes: &[u8]) -> Result<Fit, Misfit> {
    let (bytes, mut repaired) = normalise(bytes);
    let target = hash(case.tx, case.domain).safe_tx;
    let recovered = recover(target, &bytes).map_err(Misfit::NoSignature)?;
    let marked = match recovered.kind {
        SignatureKind::ApprovedHash => return Err(Misfit::Approval { owner: recovered.owner }),
        SignatureKind::ContractSignature => return Err(Misfit::Contract { owner: recovered.owner }),
        SignatureKind::Eoa | SignatureKind::EthSign => recovered.kind,
    };
    let Some(key) = Key::of(&bytes) else { return Err(Misfit::NoSignature(RecoverError::NotRecoverable)) };
    let mut right = vec![(recovered.owner, marked)];
    // The other way of signing the same hash.
    let other = if marked == SignatureKind::Eoa { SignatureKind::EthSign } else { SignatureKind::Eoa };
    right.extend(key.signer(digest(target.0, other)).map(|signer| (signer, other)));
    for (signer, kind) in &right {
        if case.owners.contains(signer) {
            let repair =
                if *kind == SignatureKind::Eoa { Repair::MarkedAsPersonal } else { Repair::MarkedAsTyped };
            repaired.extend((*kind != marked).then_some(repair));
            return Ok(Fit { owner: *signer, kind: *kind, signature: key.signature(*kind), repaired });
        }
    }
    for (signer, _) in &right {
        if case.former_owners.contains(signer) {
            return Err(Misfit::RemovedOwner { owner: *signer });
        }
        if case.known_keys.contains(signer) {
            return Err(Misfit::NotTheOwnerKey { key: *signer });
        }
    }
    match what_was_signed(case, &key) {
        Some((signer, signed)) => Err(Misfit::Another { signer, signed }),
        None => Err(Misfit::Stranger { recovered: recovered.owner, tried: tried(case) }),
    }
}

fn tried(case: &Case<'_>) -> String {
    let (first, last) = nonces(case.tx.nonce);
    format!(
        "nonces {first} to {last}, {} other chains, {} other Safes, other versions, the domain and message hash, the rejection, {} other proposals",
        chains(case).count(),
        case.safes.len(),
        case.others.len()
    )
}

/// The digest that a wallet signs for `hash`.
fn digest(hash: B256, kind: SignatureKind) -> B256 {
    match kind {
        SignatureKind::EthSign => eip191_hash_message(hash),
        SignatureKind::Eoa | SignatureKind::ApprovedHash | SignatureKind::ContractSignature => hash,
    }
}

/// Tries what people get wrong, the likeliest first.
fn what_was_signed(case: &Case<'_>, key: &Key) -> Option<(Address, Signed)> {
    let known = |signer: &Address| {
        case.owners.contains(signer)
            || case.former_owners.contains(signer)
            || case.known_keys.contains(signer)
    };
    let signer_of = |hash: B256| {
        [SignatureKind::Eoa, SignatureKind::EthSign]
            .into_iter()
            .find_map(|kind| key.signer(digest(hash, kind)).filter(|signer| known(signer)))
    };
    let (tx, domain) = (case.tx, case.domain);
    let hashes = hash(tx, domain);
    let text = [hashes.safe_tx.to_string(), hex::encode(hashes.safe_tx.0)];
    let plain = [(hashes.message, Signed::MessageHash), (hashes.domain, Signed::DomainHash)];
    let candidates = plain
        .into_iter()
        .chain(text.iter().map(|text| (eip191_hash_message(text.as_bytes()), Signed::HashAsText)))
        .chain(
            case.others
                .iter()
                .map(|(name, tx, domain)| (hash(tx, domain).safe_tx.0, Signed::Other { name: name.clone() })),
        )
        .chain(std::iter::once_with(|| {
            (hash(&SafeTx::rejection(domain.safe.0, tx.nonce), domain).safe_tx.0, Signed::Rejection)
        }))
        .chain(chains(case).map(|found| {
            let other = SafeDomain { chain_id: found, ..*domain };
            (hash(tx, &other).safe_tx.0, Signed::Chain { found, wanted: domain.chain_id })
        }))
        .chain(other_version(domain.version).into_iter().map(|found| {
            let other = SafeDomain { version: found, ..*domain };
            (hash(tx, &other).safe_tx.0, Signed::Version { found, wanted: domain.version })
        }))
        .chain(case.safes.iter().filter(|safe| **safe != domain.safe).map(|safe| {
            let other = SafeDomain { safe: *safe, ..*domain };
            (hash(tx, &other).safe_tx.0, Signed::Safe { found: *safe })
        }))
        .chain(other_nonces(tx.nonce).map(|found| {
            let other = SafeTx { nonce: found, ..tx.clone() };
            (hash(&other, domain).safe_tx.0, Signed::Nonce { found, wanted: tx.nonce })
        }));
    for (candidate, signed) in candidates {
        if let Some(signer) = signer_of(candidate) {
            return Some((signer, signed));
        }
    }
    None
}

fn chains<'a>(case: &'a Case<'_>) -> impl Iterator<Item = ChainId> + 'a {
    let configured = case.chains.iter().copied();
    let known = CHAINS.into_iter().map(ChainId).filter(|id| !case.chains.contains(id));
    configured.chain(known).filter(|id| *id != case.domain.chain_id && case.domain.version.has_chain_id())
}

/// A version whose domain is of the other form.
fn other_version(version: SafeVersion) -> Option<SafeVersion> {
    SafeVersion::ALL.into_iter().rev().find(|other| other.has_chain_id() != version.has_chain_id())
}

fn nonces(around: SafeNonce) -> (U256, U256) {
    let reach = U256::from(NONCES_TRIED);
    (around.0.saturating_sub(reach), around.0.saturating_add(reach))
}

/// The nearest first.
fn other_nonces(around: SafeNonce) -> impl Iterator<Item = SafeNonce> {
    (1..=NONCES_TRIED).flat_map(move |step| {
        let step = U256::from(step);
        [around.0.checked_sub(step), around.0.checked_add(step)].into_iter().flatten().map(SafeNonce)
    })
}

#[cfg(test)]
mod tests;
