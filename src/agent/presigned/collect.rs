//! Takes signatures in: judged one by one, those that fit are sealed at once, the others are named.

use std::collections::BTreeSet;

use super::live;
use super::store::WindowsError;
use crate::agent::Agent;
use crate::config::settings::Presigned;
use crate::domain::presigned::{Brought, Elsewhere, Standing, judge, standing};

/// What became of the signatures that were brought.
#[derive(Clone, Debug)]
pub struct Added {
    /// New in the window, and sealed.
    pub added: usize,
    /// There already.
    pub known: usize,
    /// What does not fit: place, and what it is instead.
    pub misfits: Vec<(String, String)>,
    /// How the window stands with them.
    pub standing: Standing,
}

/// Signatures were not taken; the window is as it was.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// There is no window to add to.
    #[error("{0}")]
    NotPrepared(String),
    /// The window is void.
    #[error("{0}")]
    Void(String),
    /// The window could not be read or kept.
    #[error(transparent)]
    Windows(#[from] WindowsError),
}

/// Judges and keeps signatures. What the chain says decides; where it says nothing they are kept all the same, because
/// they are judged again before they are used.
///
/// # Errors
/// When there is no window, it is void, or it cannot be kept.
pub async fn add(agent: &Agent, settings: &Presigned, brought: &[Brought]) -> Result<Added, AddError> {
    let not_prepared = || AddError::NotPrepared(super::never_prepared(&settings.name));
    let window = agent.presigned.load(&settings.name)?.ok_or_else(not_prepared)?;
    let reading = live::read(agent, settings, &window).await;
    let seen = standing(&window, settings.low, &reading);
    if !seen.void.is_empty() {
        return Err(AddError::Void(seen.trouble().unwrap_or_default()));
    }
    let elsewhere = elsewhere(agent, settings);
    let done = agent.presigned.change(&settings.name, |newest| {
        let mut window = newest.ok_or_else(not_prepared)?;
        let (mut added, mut known, mut misfits) = (0, 0, Vec::new());
        for one in brought {
            if let Err(misfit) = judge(&window, one, seen.safe_nonce, &elsewhere) {
                misfits.push((one.place.clone(), misfit.to_string()));
                continue;
            }
            let entry = window.entries.iter_mut().find(|entry| entry.tx.nonce == one.nonce);
            match entry.map(|entry| entry.signatures.insert(one.signer, one.signature.clone())) {
                Some(Some(_)) => known += 1,
                Some(None) => added += 1,
                None => {}
            }
        }
        Ok::<_, AddError>((window.clone(), (window, added, known, misfits)))
    })?;
    let (window, added, known, misfits) = done?;
    Ok(Added { added, known, misfits, standing: standing(&window, settings.low, &reading) })
}

/// What else of ours a signature might be of.
fn elsewhere(agent: &Agent, settings: &Presigned) -> Elsewhere {
    let all = &agent.config.settings;
    // A chain people often mean beside those that are configured.
    let mainnet = crate::domain::names::ChainId(1);
    let chains: BTreeSet<_> = all.chains.values().map(|chain| chain.id).chain([mainnet]).collect();
    let safes = all.safes.values().filter(|safe| safe.name != settings.safe);
    Elsewhere {
        chains: chains.into_iter().collect(),
        safes: safes.map(|safe| (safe.name.clone(), safe.address.into())).collect(),
    }
}
