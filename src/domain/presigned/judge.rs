//! Whose signature it is, and of what.
//!
//! A signature that does not fit is looked at further, so that it is named as what it is: of another nonce, chain,
//! Safe or owner, or made in another way. Only where nothing fits is it a stranger's.

use std::fmt;

use alloy::primitives::{Address, B256, eip191_hash_message};

use super::intake::Brought;
use super::window::Window;
use crate::domain::names::{ChainId, SafeName};
use crate::domain::safe::signature::{recover, recover_digest};
use crate::domain::safe::{SafeAddress, SafeDomain, SafeNonce, SafeTx, SafeTxHash, SignatureKind, hash};

/// How far beyond a window's nonces a signature's own nonce is looked for, on each side.
const NONCES_AROUND: u64 = 64;

/// A signature that does not fit, named as what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The window has no such nonce.
    NoSuchNonce {
        /// The nonce.
        nonce: SafeNonce,
        /// The window's first and last.
        range: Option<(SafeNonce, SafeNonce)>,
    },
    /// The Safe has used the nonce.
    Used {
        /// The nonce.
        nonce: SafeNonce,
        /// The Safe's now.
        now: SafeNonce,
    },
    /// The signer is no owner.
    NoOwner {
        /// Who.
        signer: Address,
    },
    /// A good signature of this signer, for another nonce.
    OtherNonce {
        /// Which.
        nonce: SafeNonce,
    },
    /// A good signature of this signer, for another chain.
    OtherChain {
        /// Which.
        chain: ChainId,
    },
    /// A good signature of this signer, for another Safe of the configuration.
    OtherSafe {
        /// Which.
        safe: SafeName,
    },
    /// Another owner's signature.
    OtherOwner {
        /// Whose.
        owner: Address,
    },
    /// Made by a wallet that writes the last byte in another way.
    LastByte {
        /// As it is.
        is: u8,
        /// As it should be.
        should: u8,
    },
    /// A kind that only the chain can tell.
    NeedsChain(SignatureKind),
    /// It is no signature at all.
    Malformed(String),
    /// Somebody else signed, or something else was signed.
    Stranger {
        /// To whom it recovers.
        recovered: Address,
    },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchNonce { nonce, range: Some((first, last)) } => {
                write!(f, "nonce {nonce} is not in the window, which holds {first} to {last}")
            }
            Self::NoSuchNonce { nonce, range: None } => {
                write!(f, "nonce {nonce} is not in the window, which is empty")
            }
            Self::Used { nonce, now } => {
                write!(f, "nonce {nonce} is used: the Safe is at {now}, so this can never execute")
            }
            Self::NoOwner { signer } => {
                write!(f, "{signer} is no owner of the Safe, so its signature counts for nothing")
            }
            Self::OtherNonce { nonce } => {
                write!(f, "it is this owner's signature for nonce {nonce}: bring it as that")
            }
            Self::OtherChain { chain } => {
                write!(f, "it is this owner's signature for the same Safe on chain {chain}")
            }
            Self::OtherSafe { safe } => write!(f, "it is this owner's signature for Safe {safe}"),
            Self::OtherOwner { owner } => {
                write!(f, "it is the signature of another owner, {owner}: bring it as theirs")
            }
            Self::LastByte { is, should } => write!(
                f,
                "it is this owner's signature, but ends with {is:02x} where the Safe wants {should:02x}: replace the last byte"
            ),
            Self::NeedsChain(kind) => write!(
                f,
                "a signature of kind {} counts only once the chain says so, and cannot be signed in advance",
                kind.as_str()
            ),
            Self::Malformed(why) => f.write_str(why),
            Self::Stranger { recovered } => write!(
                f,
                "it recovers to {recovered}: somebody else signed, or the owner signed something else"
            ),
        }
    }
}

/// What else a signature might be of.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere {
    /// Other chains.
    pub chains: Vec<ChainId>,
    /// Other Safes.
    pub safes: Vec<(SafeName, SafeAddress)>,
}

/// Whether a signature stands in the window as it was brought; `now` is the Safe's nonce where it is known.
///
/// # Errors
/// Says what it is instead.
pub fn judge(
    window: &Window,
    brought: &Brought,
    now: Option<SafeNonce>,
    elsewhere: &Elsewhere,
) -> Result<(), Misfit> {
    let Brought { signer, nonce, signature, .. } = brought;
    if let Some(now) = now.filter(|now| nonce < now) {
        return Err(Misfit::Used { nonce: *nonce, now });
    }
    let entry = window.at(*nonce).ok_or(Misfit::NoSuchNonce { nonce: *nonce, range: window.range() })?;
    if !window.ground.owners.contains(signer) {
        return Err(Misfit::NoOwner { signer: *signer });
    }
    let digest = entry.hashes.safe_tx;
    let recovered = match recover(digest, signature) {
        Ok(recovered) => recovered,
        Err(error) => {
            return Err(last_byte(digest, brought).unwrap_or_else(|| Misfit::Malformed(error.to_string())));
        }
    };
    match recovered.kind {
        SignatureKind::Eoa | SignatureKind::EthSign if recovered.owner == *signer => Ok(()),
        SignatureKind::Eoa | SignatureKind::EthSign => {
            Err(explain(window, brought, recovered.owner, &entry.tx, elsewhere))
        }
        SignatureKind::ApprovedHash | SignatureKind::ContractSignature => {
            Err(last_byte(digest, brought).unwrap_or(Misfit::NeedsChain(recovered.kind)))
        }
    }
}

fn explain(
    window: &Window,
    brought: &Brought,
    recovered: Address,
    tx: &SafeTx,
    elsewhere: &Elsewhere,
) -> Misfit {
    let is_theirs = |digest: SafeTxHash| {
        recover(digest, &brought.signature)
            .is_ok_and(|found| found.owner == brought.signer && !found.kind.needs_chain())
    };
    if let Some(misfit) = last_byte(hash(tx, &window.domain).safe_tx, brought) {
        return misfit;
    }
    if window.ground.owners.contains(&recovered) {
        return Misfit::OtherOwner { owner: recovered };
    }
    let around = |from: SafeNonce| {
        let first = from.0.saturating_sub(alloy::primitives::U256::from(NONCES_AROUND));
        (0..=2 * NONCES_AROUND)
            .map(move |step| SafeNonce(first.saturating_add(alloy::primitives::U256::from(step))))
    };
    if let Some(nonce) = around(tx.nonce)
        .find(|nonce| is_theirs(hash(&SafeTx { nonce: *nonce, ..tx.clone() }, &window.domain).safe_tx))
    {
        return Misfit::OtherNonce { nonce };
    }
    let at = |domain: SafeDomain| hash(tx, &domain).safe_tx;
    if let Some(chain) =
        elsewhere.chains.iter().find(|chain| is_theirs(at(SafeDomain { chain_id: **chain, ..window.domain })))
    {
        return Misfit::OtherChain { chain: *chain };
    }
    if let Some((safe, _)) =
        elsewhere.safes.iter().find(|(_, safe)| is_theirs(at(SafeDomain { safe: *safe, ..window.domain })))
    {
        return Misfit::OtherSafe { safe: safe.clone() };
    }
    Misfit::Stranger { recovered }
}

/// Wallets write the parity as 0 or 1, or do not mark a personal message.
fn last_byte(digest: SafeTxHash, brought: &Brought) -> Option<Misfit> {
    let (is, rest) = brought.signature.split_last()?;
    let recovers = |digest: B256, v: u8| {
        let bytes: Vec<u8> = rest.iter().copied().chain([v]).collect();
        recover_digest(digest, &bytes).is_ok_and(|found| found.owner == brought.signer)
    };
    let parity = match is {
        0 | 27 => 27,
        1 | 28 => 28,
        2..=26 | 29.. => return None,
    };
    if *is < 2 && recovers(digest.0, parity) {
        return Some(Misfit::LastByte { is: *is, should: parity });
    }
    let personal = eip191_hash_message(digest.0);
    recovers(personal, parity).then(|| Misfit::LastByte { is: *is, should: parity + 4 })
}
