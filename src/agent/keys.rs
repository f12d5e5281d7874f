//! Our two keys, opened from where the files say they are: here, in a cloud, on a device.

use super::setup::{Keys, SetupProblem, SetupProblems};
use super::{Agent, chain_of};
use crate::config::settings::{KeySource, Keystore};
use crate::signer::{AwsKmsKey, GcpKmsKey, KeySigner, SignerError};

/// A key, or why there is none, and the setting that names it.
type Opened = (&'static str, Result<KeySigner, SignerError>);

/// A key that can be opened without asking anybody; none: it is elsewhere, and [`connect`] finds it.
pub fn here(source: &KeySource) -> Option<Opened> {
    match source {
        KeySource::Keystore(Keystore { path, password }) => {
            Some(("keystore", KeySigner::keystore(path, password)))
        }
        KeySource::PrivateKey(key) => Some(("private_key", KeySigner::private_key(key))),
        KeySource::AwsKms { .. } | KeySource::GcpKms { .. } | KeySource::Ledger(_) | KeySource::Trezor(_) => {
            None
        }
    }
}

/// Finds the keys that are elsewhere: in a cloud, on a device.
///
/// # Errors
/// Everything that is wrong, in a sentence each.
pub async fn connect(agent: &mut Agent, keys: Keys) -> Result<(), SetupProblems> {
    if keys == Keys::None {
        return Ok(());
    }
    let settings = &agent.config.settings;
    let proposer = settings.proposer.as_ref().map(|proposer| &proposer.key);
    let executor = settings.executor.as_ref().map(|executor| &executor.key);
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for (whose, source) in [("proposer", proposer), ("executor", executor)] {
        let connected = match source {
            None => None,
            Some(source) => {
                elsewhere(source).await.map(|(place, opened)| (format!("[{whose}] {place}"), opened))
            }
        };
        found.push(match connected {
            None => None,
            Some((_, Ok(signer))) => Some(signer),
            Some((place, Err(problem))) => {
                problems.push(SetupProblem { place, problem: chain_of(&problem) });
                None
            }
        });
    }
    let mut found = found.into_iter();
    if let Some(signer) = found.next().flatten() {
        agent.proposer = Some(signer);
    }
    if let Some(signer) = found.next().flatten() {
        agent.executor = Some(signer);
    }
    if problems.is_empty() { Ok(()) } else { Err(SetupProblems(problems)) }
}

/// A key that is not in this machine's files; none: it is.
async fn elsewhere(source: &KeySource) -> Option<Opened> {
    Some(match source {
        KeySource::Keystore(_) | KeySource::PrivateKey(_) => return None,
        KeySource::AwsKms { key_id, region, endpoint } => {
            let key =
                AwsKmsKey { key_id: key_id.clone(), region: region.clone(), endpoint: endpoint.clone() };
            ("aws-kms", KeySigner::aws_kms(&key).await)
        }
        KeySource::GcpKms { project, location, ring, key, version } => {
            let key = GcpKmsKey {
                project: project.clone(),
                location: location.clone(),
                ring: ring.clone(),
                key: key.clone(),
                version: *version,
            };
            ("gcp-kms", KeySigner::gcp_kms(&key).await)
        }
        KeySource::Ledger(path) => ("ledger", KeySigner::ledger(path).await),
        KeySource::Trezor(path) => ("trezor", KeySigner::trezor(path).await),
    })
}
