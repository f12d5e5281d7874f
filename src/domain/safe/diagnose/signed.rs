//! What was signed instead of the proposal, and what the signer is to do about it.

use std::fmt;

use crate::domain::names::ChainId;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeVersion};

/// What was signed instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The same at another nonce.
    Nonce {
        /// Which.
        found: SafeNonce,
        /// Which it should be.
        wanted: SafeNonce,
    },
    /// The same for another chain.
    Chain {
        /// Which.
        found: ChainId,
        /// Which it should be.
        wanted: ChainId,
    },
    /// The same with the domain of another version: with the chain id, or without.
    Version {
        /// One that hashes so.
        found: SafeVersion,
        /// What the Safe is.
        wanted: SafeVersion,
    },
    /// The same for another Safe.
    Safe {
        /// Which.
        found: SafeAddress,
    },
    /// The domain hash.
    DomainHash,
    /// The message hash.
    MessageHash,
    /// The hash as text, `0x…` in letters.
    HashAsText,
    /// The rejection at the same nonce.
    Rejection,
    /// Another transaction that is known.
    Other {
        /// How it is called.
        name: String,
    },
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nonce { found, wanted } => {
                write!(f, "the same transaction at nonce {found} instead of {wanted}")
            }
            Self::Chain { found, wanted } => {
                write!(f, "the same transaction for chain {found} instead of {wanted}")
            }
            Self::Version { found, wanted } => write!(
                f,
                "the same transaction for a Safe of version {found}{} instead of {wanted}",
                if found.has_chain_id() { "" } else { " (without the chain id)" }
            ),
            Self::Safe { found } => write!(f, "the same transaction for another Safe, {found}"),
            Self::DomainHash => f.write_str("the domain hash instead of the safeTxHash"),
            Self::MessageHash => f.write_str("the message hash instead of the safeTxHash"),
            Self::HashAsText => {
                f.write_str("the safeTxHash as text, letter by letter, instead of its 32 bytes")
            }
            Self::Rejection => f.write_str("the rejection of this nonce, and not the proposal"),
            Self::Other { name } => write!(f, "{name} instead"),
        }
    }
}

impl Signed {
    /// What the signer is to do.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Nonce { .. } | Self::Other { .. } => {
                "it cannot be used here; sign the proposal as it is now"
            }
            Self::Chain { .. } => "switch the wallet to the right chain and sign again",
            Self::Version { .. } => {
                "the signing tool believes in another version of the Safe; tell it the right one"
            }
            Self::Safe { .. } => "it cannot be used here; sign for this Safe",
            Self::DomainHash | Self::MessageHash => {
                "these are for comparing with the device; sign the typed data"
            }
            Self::HashAsText => "sign the typed data, or the hash as bytes",
            Self::Rejection => {
                "whoever wants the pause signs the proposal; the signature of the rejection is not kept here"
            }
        }
    }
}
