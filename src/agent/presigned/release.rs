//! A window's signatures as confirmations of an incident's proposal.

use super::live;
use crate::agent::command::{CommandError, Commands};
use crate::agent::{Agent, TaskError, chain_of, follow};
use crate::chain::Chain;
use crate::config::settings::{Presigned, Release};
use crate::domain::condition::Response;
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::incident::{Actor, Fact, Incident, IncidentId, Preparation};
use crate::domain::names::PersonId;
use crate::domain::presigned::{Window, standing};

/// What a release came to.
#[derive(Clone, Debug)]
pub struct Released {
    /// Confirmations now, and needed; none while there is no proposal.
    pub count: Option<(usize, u64)>,
    /// Why the window's signatures do not count for the proposal as it is.
    pub why_not: Option<String>,
}

/// A release was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The incident is over, or the journal failed, or nobody knows the person.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It is recorded, and the proposal could not be looked at: a running agent will.
    #[error("it is released, and the signatures were not counted yet")]
    Follow(#[from] TaskError),
}

/// A person says that a window's signatures count for an incident.
///
/// # Errors
/// When it cannot be recorded.
pub async fn release(
    agent: &Agent,
    settings: &Presigned,
    id: IncidentId,
    by: PersonId,
) -> Result<Released, ReleaseError> {
    let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
    commands.known(&by)?;
    let fact = Fact::PresignedReleased { by: Actor::Person(by), window: settings.name.clone() };
    let incident = agent
        .store
        .decide(id, |newest| {
            let again = newest.released.contains(&settings.name);
            Ok::<_, CommandError>(if again { vec![] } else { vec![fact.clone()] })
        })
        .await?;
    let Some(preparation) = &incident.preparation else {
        return Ok(Released { count: None, why_not: None });
    };
    let why_not = match agent.chains.get(&preparation.chain) {
        Some(chain) => usable(agent, settings, chain, preparation).await.err(),
        None => Some(format!("chain {} is not configured", preparation.chain)),
    };
    follow::follow(agent, &incident, preparation.safe_tx_hash()).await?;
    let newest = agent.store.get(id).unwrap_or(incident);
    let need = newest.preparation.as_ref().map_or(0, |preparation| preparation.threshold);
    Ok(Released { count: Some((newest.confirmed_owners(), need)), why_not })
}

/// Confirmations that released windows have for a proposal. One that cannot be used is said aloud and does not count.
pub async fn confirmations(
    agent: &Agent,
    chain: &Chain,
    incident: &Incident,
    preparation: &Preparation,
) -> Vec<OwnerConfirmation> {
    if incident.has_quorum() {
        return Vec::new();
    }
    let mut confirmations = Vec::new();
    for settings in agent.config.settings.presigned.iter().filter(|window| counts(incident, window)) {
        // A window for another Safe or runbook has nothing to say, and nothing is to be said about it.
        if settings.safe != preparation.safe || Some(&settings.runbook) != incident.runbook.as_ref() {
            continue;
        }
        match usable(agent, settings, chain, preparation).await {
            Ok(found) => confirmations
                .extend(found.into_iter().filter(|one| !incident.confirmations.contains_key(&one.owner))),
            Err(because) => tracing::warn!(
                incident.id = %incident.id, window = %settings.name, %because,
                "pre-signed signatures do not count"
            ),
        }
    }
    confirmations
}

/// Windows that hold signatures of a proposal and are not released for its incident: a sentence each, with the command.
/// Whether the ground is unchanged is looked at when one is released.
pub fn on_offer(agent: &Agent, incident: &Incident, preparation: &Preparation) -> Vec<String> {
    let mut offers = Vec::new();
    for settings in &agent.config.settings.presigned {
        if settings.safe != preparation.safe || counts(incident, settings) {
            continue;
        }
        let Ok(Some(window)) = agent.presigned.load(&settings.name) else { continue };
        let Some(entry) = window.of(preparation.safe_tx_hash()) else { continue };
        offers.push(format!(
            "window {0} holds {1} of {2} signatures of this; to use them: redhandle presign release {0} {3} --as YOU",
            settings.name,
            entry.signatures.len(),
            preparation.threshold,
            incident.id
        ));
    }
    offers
}

/// Whether a window is released for an incident.
fn counts(incident: &Incident, window: &Presigned) -> bool {
    let by_itself = match (window.release, incident.response) {
        (Release::WithProposal, Response::Propose) => true,
        (Release::WithProposal, Response::Page | Response::Prepare) | (Release::ByHand, _) => false,
    };
    incident.is_live() && (by_itself || incident.released.contains(&window.name))
}

/// The window's signatures of a proposal, on ground that is unchanged at the newest agreed block.
async fn usable(
    agent: &Agent,
    settings: &Presigned,
    chain: &Chain,
    preparation: &Preparation,
) -> Result<Vec<OwnerConfirmation>, String> {
    let window = agent.presigned.load(&settings.name).map_err(|error| chain_of(&error))?;
    let window = window.ok_or_else(|| super::never_prepared(&settings.name))?;
    let signatures = fitting(&window, preparation)?;
    if chain.name() != &window.chain {
        return Err(format!("window {} is for chain {}", window.name, window.chain));
    }
    let reading = live::read(agent, settings, &window).await;
    let standing = standing(&window, settings.low, &reading);
    if standing.unknown.is_some() || !standing.void.is_empty() {
        return Err(standing.trouble().unwrap_or_default());
    }
    Ok(signatures)
}

fn fitting(window: &Window, preparation: &Preparation) -> Result<Vec<OwnerConfirmation>, String> {
    let safe_tx_hash = preparation.safe_tx_hash();
    let Some(entry) = window.of(safe_tx_hash) else {
        return Err(match window.at(preparation.tx.nonce) {
            Some(_) => format!(
                "window {} holds {} at nonce {}, and the proposal is another transaction",
                window.name,
                window.describe_calls(),
                preparation.tx.nonce
            ),
            None => format!("window {} has no nonce {}", window.name, preparation.tx.nonce),
        });
    };
    let mut confirmations = Vec::new();
    for (owner, signature) in &entry.signatures {
        // Asserted in pairs: judged when it came in, and again before it counts.
        match follow::check(safe_tx_hash, signature, &preparation.owners, preparation.domain.version) {
            Ok(signer) if signer == *owner => confirmations.push(OwnerConfirmation {
                safe_tx_hash,
                owner: *owner,
                signature: signature.clone(),
                source: "pre-signed".to_owned(),
            }),
            Ok(other) => {
                return Err(format!("a signature of window {} is {other}'s, not {owner}'s", window.name));
            }
            Err(because) => return Err(format!("a signature of window {}: {because}", window.name)),
        }
    }
    Ok(confirmations)
}
