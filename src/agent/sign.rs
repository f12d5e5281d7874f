//! An owner's signature: made, checked, recorded, and handed to the service.
//!
//! The journal has it first: a service that is away costs visibility, not the signature.

use super::service::in_words;
use super::store::{Recorded, StoreError};
use super::{Agent, chain_of, follow};
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::incident::{Fact, Incident, IncidentId, Preparation};
use crate::domain::safe::{SafeTxHash, hash};
use crate::signer::KeySigner;

/// A signature could not be given.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// There is nothing to sign.
    #[error("{0} has no proposal to sign")]
    NoProposal(IncidentId),
    /// The key is no owner's.
    #[error("{address} is no owner of Safe {safe}; its owners are {owners}")]
    NotAnOwner {
        /// The key's address.
        address: String,
        /// The Safe.
        safe: String,
        /// Its owners.
        owners: String,
    },
    /// It is not what the signer was shown.
    #[error(
        "not signed: you were shown {shown}, and the proposal is {newest} now: {because}; look at it again"
    )]
    Another {
        /// What the signer was shown.
        shown: SafeTxHash,
        /// What the proposal is now.
        newest: SafeTxHash,
        /// What is different.
        because: String,
    },
    /// The proposal's own hash is not what its fields say.
    #[error("the proposal's hash is not the hash of its fields: nothing was signed")]
    WrongHash,
    /// The key did not sign.
    #[error("not signed: {0}")]
    Key(String),
    /// It could not be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The signature and its owner.
    pub confirmation: OwnerConfirmation,
    /// Confirmations now, and needed.
    pub count: (usize, u64),
    /// Whether the journal has it. If not, it stands in the memory of this process alone.
    pub in_journal: bool,
    /// Why the service does not have it, where it does not.
    pub not_at_service: Option<String>,
}

/// Signs the transaction of an incident that the signer was shown: its newest proposal, or a companion of it.
///
/// # Errors
/// When there is none, it is another one, the key is no owner's, or the signature cannot be recorded.
pub async fn sign(
    agent: &Agent,
    id: IncidentId,
    key: impl Into<KeySigner>,
    expected: SafeTxHash,
) -> Result<Signed, SignError> {
    let key = key.into();
    look_again(agent, id).await?;
    let incident = agent.store.get(id).ok_or(StoreError::Unknown(id))?;
    is_as_shown(agent, &incident, expected)?;
    // Once: a person at a device is not asked again because somebody else wrote meanwhile.
    let confirmation = confirm(&incident, &key, expected).await?;
    keep(agent, confirmation, id).await
}

/// Records a checked confirmation of the newest proposal, and hands it to the service.
///
/// # Errors
/// When the proposal is another one meanwhile, or it cannot be recorded.
pub async fn keep(
    agent: &Agent,
    confirmation: OwnerConfirmation,
    id: IncidentId,
) -> Result<Signed, SignError> {
    loop {
        look_again(agent, id).await?;
        let incident = agent.store.get(id).ok_or(StoreError::Unknown(id))?;
        is_as_shown(agent, &incident, confirmation.safe_tx_hash)?;
        let fact = Fact::Confirmed(confirmation.clone());
        match agent.store.record(id, incident.version, vec![fact], true).await? {
            recorded @ (Recorded::Applied | Recorded::Unwritten) => {
                let not_at_service = hand_over(agent, &incident, &confirmation).await.err();
                let newest = agent.store.get(id).ok_or(StoreError::Unknown(id))?;
                let (have, needed) = newest.quorum_of(confirmation.safe_tx_hash).unwrap_or_default();
                return Ok(Signed {
                    confirmation,
                    count: (usize::try_from(have).unwrap_or(usize::MAX), needed),
                    in_journal: recorded == Recorded::Applied,
                    not_at_service,
                });
            }
            Recorded::Stale => {}
        }
    }
}

async fn look_again(agent: &Agent, id: IncidentId) -> Result<(), StoreError> {
    match agent.store.sync().await {
        Ok(_) => Ok(()),
        // The journal is never what stops a pause: the service can have it.
        Err(StoreError::Journal(error)) if error.is_unavailable() => {
            tracing::error!(incident.id = %id, error = %chain_of(&error), "the journal cannot be read");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn is_as_shown(agent: &Agent, incident: &Incident, shown: SafeTxHash) -> Result<(), SignError> {
    let newest = incident.preparation.as_ref().ok_or(SignError::NoProposal(incident.id))?;
    if incident.transaction(shown).is_some() {
        return Ok(());
    }
    let facts = agent.store.facts(incident.id);
    let known = facts.iter().rev().find_map(|(_, fact)| {
        let Fact::Prepared(preparation) = fact else { return None };
        if preparation.safe_tx_hash() == shown {
            return Some((**preparation).clone());
        }
        let companion = preparation.companions.iter().find(|companion| companion.safe_tx_hash() == shown);
        companion.map(|companion| companion.as_proposal(preparation.attempt))
    });
    let because = known.map_or_else(
        || "what you were shown was never a proposal of this incident".to_owned(),
        |known| difference(&known, newest),
    );
    Err(SignError::Another { shown, newest: newest.safe_tx_hash(), because })
}

/// What is different, as a signer would say it.
fn difference(shown: &Preparation, newest: &Preparation) -> String {
    let mut differences = Vec::new();
    if shown.domain.safe != newest.domain.safe {
        differences.push(format!("it is for Safe {} and no longer for {}", newest.safe, shown.safe));
    }
    if shown.tx.nonce != newest.tx.nonce {
        differences.push(format!("the nonce moved from {} to {}", shown.tx.nonce, newest.tx.nonce));
    }
    if (shown.tx.to, &shown.tx.data) != (newest.tx.to, &newest.tx.data) {
        differences.push(format!(
            "it does {} instead of {}",
            newest.describe_calls(),
            shown.describe_calls()
        ));
    }
    if differences.is_empty() {
        differences.push("its other fields changed".to_owned());
    }
    differences.join(", ")
}

async fn confirm(
    incident: &Incident,
    key: &KeySigner,
    safe_tx_hash: SafeTxHash,
) -> Result<OwnerConfirmation, SignError> {
    let preparation = incident.transaction(safe_tx_hash).ok_or(SignError::NoProposal(incident.id))?;
    let owner = key.address();
    if !preparation.owners.contains(&owner) {
        return Err(SignError::NotAnOwner {
            address: owner.to_string(),
            safe: preparation.safe.to_string(),
            owners: preparation.owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        });
    }
    if hash(&preparation.tx, &preparation.domain) != preparation.hashes {
        return Err(SignError::WrongHash);
    }
    let signing = key.sign_safe_tx(&preparation.tx, &preparation.domain);
    let signature = signing.await.map_err(|error| SignError::Key(chain_of(&error)))?;
    // Asserted in pairs: what was just made is read as anybody else would read it.
    match follow::check(safe_tx_hash, &signature, &preparation.owners, preparation.domain.version) {
        Ok(signer) if signer == owner => {
            Ok(OwnerConfirmation { safe_tx_hash, owner, signature, source: "command".to_owned() })
        }
        Ok(other) => Err(SignError::Key(format!("the signature is {other}'s"))),
        Err(because) => Err(SignError::Key(because)),
    }
}

async fn hand_over(
    agent: &Agent,
    incident: &Incident,
    confirmation: &OwnerConfirmation,
) -> Result<(), String> {
    let known = incident.transaction(confirmation.safe_tx_hash);
    let preparation = known.ok_or("there is no proposal any more")?;
    let service = agent
        .services
        .get(&preparation.chain)
        .ok_or_else(|| format!("chain {} has no Transaction Service", preparation.chain))?;
    service
        .client
        .confirm(confirmation.safe_tx_hash, &confirmation.signature)
        .await
        .map_err(|error| in_words(preparation.domain.safe, &error))
}
