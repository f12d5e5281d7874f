//! Keys in this process's memory: from an encrypted file, or from a secret that only tests should use.

use std::path::Path;

use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use secrecy::{ExposeSecret, SecretString};

use super::{KeySigner, SignerError};
use crate::domain::text::chain_of;

impl KeySigner {
    /// Opens an encrypted keystore (Web3 Secret Storage, version 3).
    ///
    /// # Errors
    /// Says which file, and whether it is the password.
    pub fn keystore(path: &Path, password: &SecretString) -> Result<Self, SignerError> {
        if !path.is_file() {
            let problem = format!("there is no keystore at {}; `cast wallet new` makes one", path.display());
            return Err(SignerError::Keystore(problem));
        }
        let opened = PrivateKeySigner::decrypt_keystore(path, password.expose_secret());
        opened.map(Self::from).map_err(|error| {
            let cause = chain_of(&error);
            SignerError::Keystore(if cause.to_lowercase().contains("mac") {
                format!(
                    "the password does not open {}; is it the password of another keystore?",
                    path.display()
                )
            } else {
                format!("{} is not a keystore: {cause}", path.display())
            })
        })
    }

    /// Takes a private key as it is: for tests and practice chains, where nothing can be lost.
    ///
    /// # Errors
    /// When it is none. It is not repeated.
    pub fn private_key(key: &SecretString) -> Result<Self, SignerError> {
        let bytes: B256 = key.expose_secret().trim().parse().map_err(|_| SignerError::NotAKey)?;
        PrivateKeySigner::from_bytes(&bytes).map(Self::from).map_err(|_| SignerError::NotAKey)
    }
}
