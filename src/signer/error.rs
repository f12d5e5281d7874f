//! Why a key did not sign, in words that say what to do.

use std::sync::Arc;

use alloy::primitives::Address;

/// A key could not be opened, or did not sign.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SignerError {
    /// This build leaves it out.
    #[error(
        "this build has no support for {name}: build it with `cargo build --release --features {feature}`"
    )]
    NotBuilt {
        /// What it is called.
        name: &'static str,
        /// The feature of Cargo.toml.
        feature: &'static str,
    },
    /// There is no such file, it is none, or the password is another's.
    #[error("{0}")]
    Keystore(String),
    /// Not 32 bytes of a private key. What was found is not repeated.
    #[error("the private key is not 32 bytes in hexadecimal, or no key of the curve")]
    NotAKey,
    /// A device that is not plugged in or locked, a cloud that does not answer or does not know us.
    #[error("{name} could not be reached: {problem}; {remedy}")]
    Away {
        /// What it is called.
        name: &'static str,
        /// What it said.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The person at the device said no.
    #[error("it was refused on {name}: nothing was signed")]
    Refused {
        /// What it is called.
        name: &'static str,
    },
    /// Nobody answered.
    #[error("{name} did not sign within {seconds} s: nothing was signed")]
    TooLate {
        /// What it is called.
        name: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It cannot sign this.
    #[error("{name} did not sign")]
    NotSigned {
        /// What it is called.
        name: &'static str,
        /// Why.
        #[source]
        source: Arc<alloy::signers::Error>,
    },
    /// What the device would show is not what was asked for.
    #[error("the typed data does not hash to what is to be signed: {name} was not asked")]
    OtherData {
        /// What it is called.
        name: &'static str,
    },
    /// The signature recovers to another key.
    #[error("{name} signed with {found} and not with {expected}: the signature is thrown away")]
    OtherKey {
        /// What it is called.
        name: &'static str,
        /// Whose it should be.
        expected: Address,
        /// Whose it is.
        found: Address,
    },
    /// What came back is no signature.
    #[error("what {name} gave is no signature: {problem}")]
    Garbled {
        /// What it is called.
        name: &'static str,
        /// Why not.
        problem: String,
    },
}

/// What devices say when the person refuses. They have no code for it in common: Ledger's status word is 6985, Trezor
/// says "Action cancelled by user" or `ActionCancelled`.
const REFUSALS: [&str; 6] =
    ["6985", "conditions of use", "cancelled", "canceled", "rejected", "denied by the user"];

impl SignerError {
    /// Of what alloy says.
    pub(super) fn of(name: &'static str, error: alloy::signers::Error) -> Self {
        let said = chain_of(&error).to_lowercase();
        if REFUSALS.iter().any(|words| said.contains(words)) {
            return Self::Refused { name };
        }
        Self::NotSigned { name, source: Arc::new(error) }
    }

    /// Whether the call or the configuration is wrong, and not the world.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::NotBuilt { .. } | Self::Keystore(_) | Self::NotAKey => true,
            Self::Away { .. }
            | Self::Refused { .. }
            | Self::TooLate { .. }
            | Self::NotSigned { .. }
            | Self::OtherData { .. }
            | Self::OtherKey { .. }
            | Self::Garbled { .. } => false,
        }
    }
}
use crate::domain::text::chain_of;
