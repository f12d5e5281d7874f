//! Keys: what signs, wherever the key is kept.
//!
//! | file | the key is |
//! |---|---|
//! | `local` | in an encrypted file, or (for tests) in an environment variable |
//! | `kms` | in AWS KMS or GCP KMS, and never leaves it (features `aws-kms`, `gcp-kms`) |
//! | `hardware` | on a Ledger or a Trezor; a person reads and presses (features `ledger`, `trezor`) |
//!
//! *Invariants.* What is to be signed comes as typed data *and* as its digest; a device that computes the digest
//! itself must come to the same, or nothing is signed. Whatever was signed is recovered before it is given away, and
//! must be this key's. Every wait has an end. A build without a feature says which one to build with.
//!
//! It does not know what it signs for: proposals, confirmations and executions are the agent's.

#[cfg(not(all(feature = "aws-kms", feature = "gcp-kms", feature = "ledger", feature = "trezor")))]
mod absent;
mod error;
#[cfg(any(feature = "ledger", feature = "trezor"))]
mod hardware;
#[cfg(any(feature = "aws-kms", feature = "gcp-kms"))]
mod kms;
mod local;

use std::sync::Arc;
use std::time::Duration;

use alloy::consensus::SignableTransaction;
use alloy::network::TxSigner;
use alloy::primitives::{Address, B256, Bytes, Signature};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use async_trait::async_trait;
use serde_json::Value;

use crate::domain::safe::signature::recover_digest;
use crate::domain::safe::{SafeDomain, SafeTx, hash, typed_data};
pub use error::SignerError;

/// How long a key in the cloud is waited for.
#[cfg(any(feature = "aws-kms", feature = "gcp-kms"))]
const CLOUD_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long a person at a device is waited for: to find it, to read six lines, to press.
#[cfg(any(feature = "ledger", feature = "trezor"))]
const PERSON_WAIT_MAX: Duration = Duration::from_secs(180);

/// A key in AWS KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKmsKey {
    /// Key id, ARN or alias of an `ECC_SECG_P256K1` key.
    pub key_id: String,
    /// The region; none: as the environment says.
    pub region: Option<String>,
    /// Another address than Amazon's: a VPC endpoint, or a stand-in in tests.
    pub endpoint: Option<url::Url>,
}

/// A version of a key in GCP KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpKmsKey {
    /// The project.
    pub project: String,
    /// The location: `global`, `europe-west1`.
    pub location: String,
    /// The key ring.
    pub ring: String,
    /// The key.
    pub key: String,
    /// Its version.
    pub version: u64,
}

/// A key that signs.
#[derive(Clone, Debug)]
pub struct KeySigner {
    address: Address,
    backend: Arc<Backend>,
}

/// Where the key is.
#[derive(Debug)]
enum Backend {
    /// In this process's memory.
    Local(PrivateKeySigner),
    #[cfg(feature = "aws-kms")]
    AwsKms(Box<alloy::signers::aws::AwsSigner>),
    #[cfg(feature = "gcp-kms")]
    GcpKms(Box<alloy::signers::gcp::GcpSigner>),
    #[cfg(feature = "ledger")]
    Ledger(alloy::signers::ledger::LedgerSigner),
    #[cfg(feature = "trezor")]
    Trezor(alloy::signers::trezor::TrezorSigner),
}

impl Backend {
    fn name(&self) -> &'static str {
        match self {
            Self::Local(_) => "the key",
            #[cfg(feature = "aws-kms")]
            Self::AwsKms(_) => "AWS KMS",
            #[cfg(feature = "gcp-kms")]
            Self::GcpKms(_) => "GCP KMS",
            #[cfg(feature = "ledger")]
            Self::Ledger(_) => "the Ledger",
            #[cfg(feature = "trezor")]
            Self::Trezor(_) => "the Trezor",
        }
    }

    fn wait_max(&self) -> Duration {
        match self {
            Self::Local(_) => Duration::MAX,
            #[cfg(feature = "aws-kms")]
            Self::AwsKms(_) => CLOUD_WAIT_MAX,
            #[cfg(feature = "gcp-kms")]
            Self::GcpKms(_) => CLOUD_WAIT_MAX,
            #[cfg(feature = "ledger")]
            Self::Ledger(_) => PERSON_WAIT_MAX,
            #[cfg(feature = "trezor")]
            Self::Trezor(_) => PERSON_WAIT_MAX,
        }
    }
}

impl From<PrivateKeySigner> for KeySigner {
    fn from(key: PrivateKeySigner) -> Self {
        Self { address: key.address(), backend: Arc::new(Backend::Local(key)) }
    }
}

impl From<&PrivateKeySigner> for KeySigner {
    fn from(key: &PrivateKeySigner) -> Self {
        key.clone().into()
    }
}

impl From<&Self> for KeySigner {
    fn from(key: &Self) -> Self {
        key.clone()
    }
}

impl KeySigner {
    /// The address it signs as.
    pub fn address(&self) -> Address {
        self.address
    }

    /// What it is called in a sentence: `the Ledger`, `AWS KMS`.
    pub fn name(&self) -> &'static str {
        self.backend.name()
    }

    /// Signs a Safe transaction as its owner, or as the delegate who proposes it: 65 bytes as the Safe takes them.
    ///
    /// # Errors
    /// When the key is away or refuses, or what came back is not its signature.
    pub async fn sign_safe_tx(&self, tx: &SafeTx, domain: &SafeDomain) -> Result<Bytes, SignerError> {
        self.sign_typed_data(&typed_data(tx, domain), hash(tx, domain).safe_tx.0).await
    }

    /// Signs typed data, whose digest is `digest`.
    ///
    /// # Errors
    /// As [`KeySigner::sign_safe_tx`].
    pub async fn sign_typed_data(&self, typed: &Value, digest: B256) -> Result<Bytes, SignerError> {
        let signing = self.made_by_the_key(typed, digest);
        let name = self.name();
        let signature = within(name, self.backend.wait_max(), signing).await?;
        // Asserted in pairs: what was just made is read as anybody else would read it.
        let recovered = recover_digest(digest, &signature)
            .map_err(|error| SignerError::Garbled { name, problem: error.to_string() })?;
        if recovered.owner != self.address {
            return Err(SignerError::OtherKey { name, expected: self.address, found: recovered.owner });
        }
        Ok(signature)
    }

    #[cfg_attr(
        not(feature = "ledger"),
        expect(unused_variables, reason = "other keys are given the digest alone")
    )]
    async fn made_by_the_key(&self, typed: &Value, digest: B256) -> Result<Bytes, SignerError> {
        let failed = |error| SignerError::of(self.name(), error);
        let signature = match &*self.backend {
            Backend::Local(key) => key.sign_hash_sync(&digest).map_err(failed)?,
            #[cfg(feature = "aws-kms")]
            Backend::AwsKms(key) => {
                alloy::signers::Signer::sign_hash(&**key, &digest).await.map_err(failed)?
            }
            #[cfg(feature = "gcp-kms")]
            Backend::GcpKms(key) => {
                alloy::signers::Signer::sign_hash(&**key, &digest).await.map_err(failed)?
            }
            #[cfg(feature = "ledger")]
            Backend::Ledger(key) => hardware::typed_data_on_ledger(key, typed, digest).await?,
            #[cfg(feature = "trezor")]
            Backend::Trezor(key) => return hardware::hash_on_trezor(key, digest).await,
        };
        Ok(Bytes::from(signature.as_bytes().to_vec()))
    }
}

/// Waits for a key, and no longer than that.
async fn within<T>(
    name: &'static str,
    wait_max: Duration,
    signing: impl Future<Output = Result<T, SignerError>>,
) -> Result<T, SignerError> {
    if wait_max == Duration::MAX {
        return signing.await;
    }
    match tokio::time::timeout(wait_max, signing).await {
        Ok(signed) => signed,
        Err(_) => Err(SignerError::TooLate { name, seconds: wait_max.as_secs() }),
    }
}

/// As the chain's edge takes a gas key: it signs the transaction that it is given.
#[async_trait]
impl TxSigner<Signature> for KeySigner {
    fn address(&self) -> Address {
        self.address
    }

    async fn sign_transaction(
        &self,
        tx: &mut dyn SignableTransaction<Signature>,
    ) -> alloy::signers::Result<Signature> {
        let digest = tx.signature_hash();
        let signing = async {
            let signed = match &*self.backend {
                Backend::Local(key) => TxSigner::sign_transaction(key, tx).await,
                #[cfg(feature = "aws-kms")]
                Backend::AwsKms(key) => TxSigner::sign_transaction(&**key, tx).await,
                #[cfg(feature = "gcp-kms")]
                Backend::GcpKms(key) => TxSigner::sign_transaction(&**key, tx).await,
                #[cfg(feature = "ledger")]
                Backend::Ledger(key) => TxSigner::sign_transaction(key, tx).await,
                #[cfg(feature = "trezor")]
                Backend::Trezor(key) => TxSigner::sign_transaction(key, tx).await,
            };
            signed.map_err(|error| SignerError::of(self.name(), error))
        };
        let name = self.name();
        let signature =
            within(name, self.backend.wait_max(), signing).await.map_err(alloy::signers::Error::other)?;
        match signature.recover_address_from_prehash(&digest) {
            Ok(found) if found == self.address => Ok(signature),
            Ok(found) => Err(alloy::signers::Error::other(SignerError::OtherKey {
                name,
                expected: self.address,
                found,
            })),
            Err(error) => {
                Err(alloy::signers::Error::other(SignerError::Garbled { name, problem: error.to_string() }))
            }
        }
    }
}

#[cfg(test)]
mod tests;
