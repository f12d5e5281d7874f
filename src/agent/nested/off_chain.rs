//! A child's approval without a transaction: its owners sign, as a message of the child, what the parent asks,
//! and enough of them together are the child's contract signature.
//!
//! Which children can is known by the release of their handler; what counts in the end is what the child
//! answers its parent on chain. Each signature is journalled when it is made; whoever looks next and finds
//! enough of them puts them together.

use alloy::primitives::Bytes;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

use super::contract::{self, Answer};
use crate::agent::store::Recorded;
use crate::agent::{Agent, TaskError, chain_of};
use crate::chain::{Chain, SnapshotPlan};
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::incident::{Fact, Incident, IncidentId, Preparation};
use crate::domain::safe::contract_signature::{
    InnerPackError, OffChain, alone, child_hashes, inner_signature, off_chain,
};
use crate::domain::safe::owner_tree::OwnerKind;
use crate::domain::safe::signature::recover;
use crate::domain::safe::{
    ContractOwnerMessage, OwnerSignature, SafeAddress, SafeState, SafeTxHash, SafeTxHashes, SignatureKind,
};

/// What an owner of a child would sign.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The child.
    pub child: SafeState,
    /// Of the child's message: a device shows the first two, the third is signed.
    pub hashes: SafeTxHashes,
    /// Whether that works for this child and parent.
    pub works: OffChain,
}

/// The children of the proposal's Safe that this key owns, read now.
///
/// # Errors
/// When the chain cannot be read; says why.
pub async fn asks(
    agent: &Agent,
    preparation: &Preparation,
    owner: alloy::primitives::Address,
) -> Result<Vec<Ask>, String> {
    let chain = chain(agent, preparation)?;
    let block = chain.head().await.map_err(|error| chain_of(&error))?;
    let root = chain.safe_state(&block, preparation.domain.safe).await.map_err(|error| chain_of(&error))?;
    let Some(tree) = chain.owner_trees(&block, &[root]).await.pop() else { return Ok(Vec::new()) };
    let children = tree.owners.iter().filter_map(|node| match &node.kind {
        OwnerKind::Safe(child) if child.safe.is_owner(owner) => Some(&child.safe),
        OwnerKind::Safe(_)
        | OwnerKind::Key
        | OwnerKind::Contract { .. }
        | OwnerKind::Cut(_)
        | OwnerKind::Unread { .. } => None,
    });
    Ok(children.map(|child| ask(preparation, child)).collect())
}

fn ask(preparation: &Preparation, child: &SafeState) -> Ask {
    let parent = preparation.domain.version;
    let asked = ContractOwnerMessage::asked_by(parent, &preparation.hashes);
    Ask { child: child.clone(), hashes: child_hashes(&asked, child), works: off_chain(parent, child) }
}

fn chain<'a>(agent: &'a Agent, preparation: &Preparation) -> Result<&'a Chain, String> {
    let name = &preparation.chain;
    agent.chains.get(name).ok_or_else(|| format!("chain {name} is not configured"))
}

/// Signs what was shown, records it, and puts the child's signature together if enough have signed. True when
/// the parent counts the child now.
///
/// # Errors
/// In a sentence: the child cannot sign this way, the key is none of its owners', or nothing can be recorded.
pub async fn sign(
    agent: &Agent,
    id: IncidentId,
    preparation: &Preparation,
    shown: &Ask,
    key: &PrivateKeySigner,
) -> Result<bool, String> {
    let (child, message) = (shown.child.address, shown.hashes.safe_tx);
    match &shown.works {
        OffChain::Works | OffChain::AskTheChain { .. } => {}
        OffChain::Impossible { because } => return Err(because.clone()),
    }
    if !shown.child.is_owner(key.address()) {
        return Err(format!("{} is no owner of Safe {child}", key.address()));
    }
    let signature = key.sign_hash_sync(&message.0).map_err(|error| chain_of(&error))?;
    let signature = Bytes::from(signature.as_bytes().to_vec());
    // Asserted in pairs: what was just made is read as anybody else would read it.
    let read = recover(message, &signature).map_err(|error| chain_of(&error))?;
    if read.owner != key.address() {
        return Err(format!("the signature is {}'s", read.owner));
    }
    let of = preparation.safe_tx_hash();
    let fact = Fact::ChildSigned { of, child, message, owner: read.owner, signature };
    loop {
        agent.store.sync().await.map_err(|error| chain_of(&error))?;
        let incident = agent.store.get(id).ok_or_else(|| format!("there is no {id}"))?;
        if incident.transaction(of).is_none() {
            return Err(format!("not signed: {of} is no proposal of {id} any more; look at it again"));
        }
        match agent.store.record(id, incident.version, vec![fact.clone()], true).await {
            Ok(Recorded::Applied | Recorded::Unwritten) => break,
            Ok(Recorded::Stale) => {}
            Err(error) => return Err(chain_of(&error)),
        }
    }
    let newest = agent.store.get(id).ok_or_else(|| format!("there is no {id}"))?;
    complete(agent, chain(agent, preparation)?, &newest, preparation)
        .await
        .map_err(|error| chain_of(&error))?;
    let newest = agent.store.get(id).ok_or_else(|| format!("there is no {id}"))?;
    Ok(newest.confirmations_of(of).is_some_and(|known| known.contains_key(&child.0)))
}

/// Puts together what enough owners of a child signed, asks the child on chain, and records its confirmation.
///
/// # Errors
/// When the chain cannot be read, or nothing can be recorded.
pub async fn complete(
    agent: &Agent,
    chain: &Chain,
    incident: &Incident,
    preparation: &Preparation,
) -> Result<(), TaskError> {
    let of = preparation.safe_tx_hash();
    let counted =
        |child: SafeAddress| incident.confirmations_of(of).is_some_and(|known| known.contains_key(&child.0));
    let open: Vec<_> = incident
        .child_messages
        .iter()
        .filter(|(_, message)| message.of == of && !counted(message.child))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let not_now = |error: &dyn std::error::Error| TaskError::NotNow(chain_of(error));
    let block = chain.head().await.map_err(|error| not_now(&error))?;
    let mut plan = SnapshotPlan::new();
    let tickets: Vec<_> =
        open.iter().map(|(hash, message)| (**hash, *message, plan.safe(message.child))).collect();
    let snapshot = chain.read(&block, plan).await.map_err(|error| not_now(&error))?;
    for (hash, message, ticket) in tickets {
        let child = snapshot.safe(ticket).map_err(|error| not_now(&error))?;
        let Some(signature) = together(preparation, &child, hash, message.signatures.iter()) else {
            continue;
        };
        let asked = std::slice::from_ref(&signature);
        let answers = contract::ask(chain, &block, &preparation.domain, &preparation.hashes, asked).await;
        match answers.get(&child.address.0) {
            Some(Answer::Yes) => confirm(agent, incident, preparation, &signature).await?,
            Some(Answer::No(because) | Answer::Unknown(because)) => {
                tracing::warn!(incident.id = %incident.id, safe = %child.address, %because, "a child's signature does not count");
            }
            None => {}
        }
    }
    Ok(())
}

/// The child's signature; none while too few signed, or when the child is another than they signed for.
fn together<'a>(
    preparation: &Preparation,
    child: &SafeState,
    message: SafeTxHash,
    signatures: impl Iterator<Item = (&'a alloy::primitives::Address, &'a Bytes)>,
) -> Option<OwnerSignature> {
    if ask(preparation, child).hashes.safe_tx != message {
        tracing::warn!(safe = %child.address, "the child's version changed: what its owners signed is worth nothing");
        return None;
    }
    let signatures = signatures
        .map(|(owner, bytes)| OwnerSignature {
            owner: *owner,
            kind: SignatureKind::Eoa,
            bytes: bytes.clone(),
        })
        .collect();
    match inner_signature(child, signatures) {
        Ok(inner) => Some(OwnerSignature::contract(child.address.0, inner)),
        Err(InnerPackError::TooFew { .. }) => None,
        Err(InnerPackError::Pack(error)) => {
            tracing::error!(safe = %child.address, %error, "the signatures of a child cannot be packed");
            None
        }
    }
}

async fn confirm(
    agent: &Agent,
    incident: &Incident,
    preparation: &Preparation,
    signature: &OwnerSignature,
) -> Result<(), TaskError> {
    let safe_tx_hash = preparation.safe_tx_hash();
    let owner = signature.owner;
    let packed = alone(owner, &signature.bytes).map_err(|error| TaskError::NotNow(error.to_string()))?;
    let confirmation =
        OwnerConfirmation { safe_tx_hash, owner, signature: packed.clone(), source: "command".to_owned() };
    agent.record_outcome(incident, Fact::Confirmed(confirmation)).await?;
    // The service is told as a courtesy: what counts is in the journal.
    if let Some(service) = agent.services.get(&preparation.chain)
        && let Err(error) = service.client.confirm(safe_tx_hash, &packed).await
    {
        tracing::warn!(incident.id = %incident.id, error = %chain_of(&error), "the Transaction Service does not have the child's signature");
    }
    Ok(())
}
