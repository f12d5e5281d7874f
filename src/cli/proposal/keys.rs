//! Which key signs: an encrypted file, or a device.

use std::path::PathBuf;

use super::PasswordArgs;
use crate::agent::chain_of;
use crate::cli::exit::Failure;
use crate::domain::hd_path::HdPath;
use crate::signer::{KeySigner, SignerError};

/// The key that signs. One must be named.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "key", required = false, multiple = true)]
pub struct KeyArgs {
    /// An encrypted keystore.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ledger", "trezor"])]
    pub keystore: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordArgs,
    /// A Ledger.
    #[arg(long, conflicts_with = "trezor")]
    ledger: bool,
    /// A Trezor.
    #[arg(long)]
    trezor: bool,
    /// Where on the device the key is: the number of an account, or a path such as m/44'/60'/0'/0/0; the first
    /// account if not given.
    #[arg(long, value_name = "PATH")]
    hd_path: Option<HdPath>,
}

impl KeyArgs {
    /// Whether a key is named at all.
    pub fn is_named(&self) -> bool {
        self.keystore.is_some() || self.ledger || self.trezor
    }

    /// Whether a person must press on a device.
    pub fn is_device(&self) -> bool {
        self.ledger || self.trezor
    }

    /// Opens the key, or asks for the device.
    pub async fn open(&self) -> Result<KeySigner, Failure> {
        let path = self.hd_path.clone().unwrap_or(HdPath::Account(0));
        if self.hd_path.is_some() && !(self.ledger || self.trezor) {
            return Err(Failure::wrong("--hd-path is for --ledger and --trezor"));
        }
        let opened = if let Some(keystore) = &self.keystore {
            KeySigner::keystore(keystore, &self.password.read(keystore)?)
        } else if self.ledger {
            KeySigner::ledger(&path).await
        } else if self.trezor {
            KeySigner::trezor(&path).await
        } else {
            return Err(Failure::wrong("no key is named: give --keystore FILE, --ledger or --trezor"));
        };
        opened.map_err(|error| failure(&error))
    }
}

/// A key that does not open is the caller's to correct; one that is away or refuses is an answer.
pub fn failure(error: &SignerError) -> Failure {
    let told = chain_of(error);
    if error.is_ours() { Failure::wrong(told) } else { Failure::no(told) }
}
