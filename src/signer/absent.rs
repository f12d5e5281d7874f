//! What a build leaves out, and the feature that brings it.

#[cfg(any(not(feature = "ledger"), not(feature = "trezor")))]
use crate::domain::hd_path::HdPath;

use super::{KeySigner, SignerError};

#[cfg(not(feature = "aws-kms"))]
impl KeySigner {
    /// Not in this build.
    ///
    /// # Errors
    /// Always: names the feature.
    pub async fn aws_kms(_key: &super::AwsKmsKey) -> Result<Self, SignerError> {
        Err(SignerError::NotBuilt { name: "AWS KMS", feature: "aws-kms" })
    }
}

#[cfg(not(feature = "gcp-kms"))]
impl KeySigner {
    /// Not in this build.
    ///
    /// # Errors
    /// Always: names the feature.
    pub async fn gcp_kms(_key: &super::GcpKmsKey) -> Result<Self, SignerError> {
        Err(SignerError::NotBuilt { name: "GCP KMS", feature: "gcp-kms" })
    }
}

#[cfg(not(feature = "ledger"))]
impl KeySigner {
    /// Not in this build.
    ///
    /// # Errors
    /// Always: names the feature.
    pub async fn ledger(_path: &HdPath) -> Result<Self, SignerError> {
        Err(SignerError::NotBuilt { name: "Ledger", feature: "ledger" })
    }
}

#[cfg(not(feature = "trezor"))]
impl KeySigner {
    /// Not in this build.
    ///
    /// # Errors
    /// Always: names the feature.
    pub async fn trezor(_path: &HdPath) -> Result<Self, SignerError> {
        Err(SignerError::NotBuilt { name: "Trezor", feature: "trezor" })
    }
}
