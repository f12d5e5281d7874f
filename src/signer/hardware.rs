//! Keys on a device, where a person reads what is to be signed and presses.
//!
//! A Ledger is given the domain hash and the message hash, and shows both. Through alloy a Trezor signs no typed data:
//! it signs the safeTxHash as a personal message, shows it, and the Safe takes that (`eth_sign`, `v` 31 or 32).

use std::panic::AssertUnwindSafe;

use alloy::primitives::B256;
#[cfg(feature = "trezor")]
use alloy::primitives::Bytes;
use alloy::signers::Signer as _;
use futures_util::FutureExt as _;

use super::{KeySigner, PERSON_WAIT_MAX, SignerError};
use crate::domain::hd_path::HdPath;
use crate::domain::text::chain_of;

#[cfg(feature = "ledger")]
const LEDGER: &str = "the Ledger";
#[cfg(feature = "trezor")]
const TREZOR: &str = "the Trezor";

#[cfg(feature = "ledger")]
const LEDGER_REMEDY: &str = "plug it in, unlock it, open its Ethereum app, close Ledger Live, and on Linux install Ledger's udev rules";
#[cfg(feature = "trezor")]
const TREZOR_REMEDY: &str =
    "plug one in and unlock it, close Trezor Suite, and on Linux install Trezor's udev rules";

/// The libraries below panic where the system offers no access to USB devices at all, instead of saying so.
async fn reached<T>(
    name: &'static str,
    remedy: &'static str,
    opening: impl Future<Output = Result<T, SignerError>>,
) -> Result<T, SignerError> {
    AssertUnwindSafe(opening).catch_unwind().await.unwrap_or_else(|_panic| {
        let problem = "this machine offers no access to USB devices".to_owned();
        Err(SignerError::Away { name, problem, remedy })
    })
}

#[cfg(feature = "ledger")]
impl KeySigner {
    /// Finds the Ledger, and the key on it.
    ///
    /// # Errors
    /// When there is no device, or it is locked.
    pub async fn ledger(path: &HdPath) -> Result<Self, SignerError> {
        use alloy::signers::ledger::{HDPath, LedgerSigner};

        let path = match path {
            HdPath::Account(account) => HDPath::LedgerLive(usize::try_from(*account).unwrap_or_default()),
            HdPath::Path(path) => HDPath::Other(path.clone()),
        };
        let opening = async {
            let away =
                |error| SignerError::Away { name: LEDGER, problem: chain_of(&error), remedy: LEDGER_REMEDY };
            LedgerSigner::new(path, None).await.map_err(away)
        };
        let signer = super::within(LEDGER, PERSON_WAIT_MAX, reached(LEDGER, LEDGER_REMEDY, opening)).await?;
        Ok(Self { address: signer.address(), backend: super::Backend::Ledger(signer).into() })
    }
}

/// The device computes the digest of what it is given; it must be the one that is meant.
#[cfg(feature = "ledger")]
pub(super) async fn typed_data_on_ledger(
    key: &alloy::signers::ledger::LedgerSigner,
    typed: &serde_json::Value,
    digest: B256,
) -> Result<alloy::primitives::Signature, SignerError> {
    use alloy::dyn_abi::TypedData;

    let typed: Option<TypedData> = serde_json::from_value(typed.clone()).ok();
    let same = typed.filter(|typed| typed.eip712_signing_hash().is_ok_and(|found| found == digest));
    let typed = same.ok_or(SignerError::OtherData { name: LEDGER })?;
    key.sign_dynamic_typed_data(&typed).await.map_err(|error| SignerError::of(LEDGER, error))
}

#[cfg(feature = "trezor")]
impl KeySigner {
    /// Finds the Trezor, and the key on it.
    ///
    /// # Errors
    /// When there is no device, there are several, or it is locked.
    pub async fn trezor(path: &HdPath) -> Result<Self, SignerError> {
        use alloy::signers::trezor::{HDPath, TrezorSigner};

        let path = match path {
            HdPath::Account(account) => HDPath::TrezorLive(usize::try_from(*account).unwrap_or_default()),
            HdPath::Path(path) => HDPath::Other(path.clone()),
        };
        let opening = async {
            let away =
                |error| SignerError::Away { name: TREZOR, problem: chain_of(&error), remedy: TREZOR_REMEDY };
            TrezorSigner::new(path, None).await.map_err(away)
        };
        let signer = super::within(TREZOR, PERSON_WAIT_MAX, reached(TREZOR, TREZOR_REMEDY, opening)).await?;
        Ok(Self { address: signer.address(), backend: super::Backend::Trezor(signer).into() })
    }
}

/// A personal message of the 32 bytes, marked as the Safe wants it.
#[cfg(feature = "trezor")]
pub(super) async fn hash_on_trezor(
    key: &alloy::signers::trezor::TrezorSigner,
    digest: B256,
) -> Result<Bytes, SignerError> {
    let signature =
        key.sign_message(digest.as_slice()).await.map_err(|error| SignerError::of(TREZOR, error))?;
    let mut bytes = signature.as_bytes();
    let [.., v] = &mut bytes;
    *v += 4;
    Ok(Bytes::copy_from_slice(&bytes))
}
