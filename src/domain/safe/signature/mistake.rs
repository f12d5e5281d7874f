//! What an owner signed instead, when a signature recovers to nobody who owns the Safe.
//!
//! A signature over anything else recovers to an address that nobody has ever seen, so "not an owner" is
//! all that the contracts can say. Here the likely mistakes are tried one by one: another nonce, another
//! chain, another version's domain, `eth_sign` without its mark. Only one thing is changed at a time, and a
//! mistake is named only when an owner's address comes out.

use std::fmt;

use alloy::primitives::{Address, B256, U256, eip191_hash_message};

use super::{ETH_SIGN_V_OFFSET, SIGNATURE_BYTES, recover_key};
use crate::domain::names::ChainId;
use crate::domain::safe::hash::{SafeDomain, hash, message_hash};
use crate::domain::safe::ids::{SafeNonce, SafeTxHash};
use crate::domain::safe::tx::{Operation, SafeTx};
use crate::domain::safe::version::SafeVersion;

/// Nonces tried on either side of the transaction's own; pre-signed ranges in the wild are 10 to 20 long.
pub const NONCES_TRIED: u64 = 50;

/// Chains on which Safes live and whose id may have been signed by mistake
/// (`@safe-global/safe-deployments` 1.37.63 names more than four hundred; these hold nearly all value), and
/// the ids of local chains.
pub const CHAINS_TRIED: [u64; 38] = [
    1, 10, 14, 25, 30, 50, 56, 57, 100, 122, 130, 137, 143, 146, 232, 250, 252, 288, 324, 480, 999, 1088,
    1101, 1284, 1337, 5000, 8453, 31337, 42161, 42220, 43114, 57073, 59144, 80094, 81457, 84532, 534_352,
    11_155_111,
];

/// What was signed instead of the safeTxHash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The same transaction at another nonce.
    Nonce(SafeNonce),
    /// The same transaction for another chain.
    Chain(ChainId),
    /// The same transaction, hashed as a Safe of another version hashes it: with or without the chain.
    Version(SafeVersion),
    /// The same transaction with the other operation.
    Operation(Operation),
    /// The struct hash alone.
    MessageHash,
    /// The domain separator alone.
    DomainHash,
    /// The safeTxHash as a message of the Safe.
    SafeMessage,
    /// The right hash, by `eth_sign`, whose `v` must be raised by 4.
    EthSignUnmarked,
    /// The right hash, plainly, but `v` says `eth_sign`.
    MarkedEthSign,
    /// The right hash with `v` 0 or 1 instead of 27 or 28.
    SmallV,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nonce(nonce) => write!(f, "it was made for nonce {nonce}"),
            Self::Chain(chain) => write!(f, "it was made for chain {chain}"),
            Self::Version(version) => {
                let with = if version.has_chain_id() { "with" } else { "without" };
                write!(f, "it was made for a Safe of version {version}, which hashes {with} the chain id")
            }
            Self::Operation(operation) => write!(f, "it was made for operation {}", operation.as_u8()),
            Self::MessageHash => f.write_str("the message hash alone was signed, not the safeTxHash"),
            Self::DomainHash => f.write_str("the domain hash alone was signed, not the safeTxHash"),
            Self::SafeMessage => f.write_str("it was signed as a message of the Safe, not as a transaction"),
            Self::EthSignUnmarked => {
                f.write_str("it was made with eth_sign: its v must be raised by 4, to 31 or 32")
            }
            Self::MarkedEthSign => {
                f.write_str("it was not made with eth_sign: its v must be lowered by 4, to 27 or 28")
            }
            Self::SmallV => f.write_str("its v is 0 or 1 and must be 27 or 28"),
        }
    }
}

/// What is known about the transaction, to try other ones like it.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// What should have been signed.
    pub hash: SafeTxHash,
    /// The transaction and its Safe, where they are known.
    pub of: Option<(&'a SafeTx, &'a SafeDomain)>,
    /// Who may have signed: owners now and before.
    pub candidates: &'a [Address],
}

/// Who made the signature, and what of; `None` when none of the usual mistakes explains it.
pub fn mistake(bytes: &[u8; SIGNATURE_BYTES], signed: &Signed<'_>) -> Option<(Address, Mistake)> {
    let [first @ .., v] = bytes;
    let (r, s) = first.split_at(32);
    let by = |digest: B256, v: u8| {
        let owner = recover_key(digest, r, s, v).ok()?;
        signed.candidates.contains(&owner).then_some(owner)
    };
    let plain = signed.hash.0;
    match *v {
        0 | 1 => return by(plain, v + 27).map(|owner| (owner, Mistake::SmallV)),
        27 | 28 => {
            if let Some(owner) = by(eip191_hash_message(plain), *v) {
                return Some((owner, Mistake::EthSignUnmarked));
            }
        }
        31 | 32 => {
            if let Some(owner) = by(plain, v.saturating_sub(ETH_SIGN_V_OFFSET)) {
                return Some((owner, Mistake::MarkedEthSign));
            }
        }
        2..=26 | 29 | 30 | 33.. => return None,
    }
    let (tx, domain) = signed.of?;
    others(tx, domain).find_map(|(digest, mistake)| {
        let owner = match *v {
            31 | 32 => by(eip191_hash_message(digest), v.saturating_sub(ETH_SIGN_V_OFFSET)),
            _ => by(digest, *v),
        };
        owner.map(|owner| (owner, mistake))
    })
}

/// What else could have been signed, the likeliest first.
fn others<'a>(tx: &'a SafeTx, domain: &'a SafeDomain) -> impl Iterator<Item = (B256, Mistake)> + 'a {
    let of = move |tx: &SafeTx, domain: &SafeDomain| hash(tx, domain).safe_tx.0;
    let ours = hash(tx, domain);
    let nonces = (1..=NONCES_TRIED).flat_map(move |distance| {
        let distance = U256::from(distance);
        [tx.nonce.0.checked_sub(distance), tx.nonce.0.checked_add(distance)]
    });
    let nonces = nonces.flatten().map(move |nonce| {
        let nonce = SafeNonce(nonce);
        (of(&SafeTx { nonce, ..tx.clone() }, domain), Mistake::Nonce(nonce))
    });
    let chains = CHAINS_TRIED.into_iter().map(ChainId).filter(|chain| *chain != domain.chain_id);
    let chains = chains
        .filter(|_| domain.version.has_chain_id())
        .map(move |chain_id| (of(tx, &SafeDomain { chain_id, ..*domain }), Mistake::Chain(chain_id)));
    let version = if domain.version.has_chain_id() { SafeVersion::V1_2_0 } else { SafeVersion::V1_3_0 };
    let operation = match tx.operation {
        Operation::Call => Operation::DelegateCall,
        Operation::DelegateCall => Operation::Call,
    };
    let rest = [
        (of(tx, &SafeDomain { version, ..*domain }), Mistake::Version(version)),
        (of(&SafeTx { operation, ..tx.clone() }, domain), Mistake::Operation(operation)),
        (ours.message, Mistake::MessageHash),
        (ours.domain, Mistake::DomainHash),
        (message_hash(ours.safe_tx.0.as_slice(), domain), Mistake::SafeMessage),
    ];
    nonces.chain(chains).chain(rest)
}
