//! Signatures that come without any service: judged one by one, the good ones kept, the others named.
//!
//! Whoever is an owner is read from the chain, not from what was handed over. A signature enters as a fact with the
//! source `file`, as one given by command does, and is handed to the Transaction Service if that answers.

mod inspect;

use alloy::primitives::{Address, Bytes};
use serde::Serialize;

use super::sign::{self, SignError};
use super::{Agent, follow};
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::incident::{Fact, Incident, IncidentId, Preparation};
use crate::domain::names::ChainId;
use crate::domain::safe::diagnose::{Case, Fit, judge};
use crate::domain::safe::paste::Claim;
use crate::domain::safe::{SafeAddress, SafeDomain, SafeTx, SafeTxHash};
pub use inspect::inspect;

/// What became of one signature that was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Where it stood.
    pub place: String,
    /// What became of it.
    pub fate: Fate,
    /// Whose it is, where that is known.
    pub owner: Option<Address>,
    /// Why it is refused, or what was put right about it.
    pub remarks: Vec<String>,
}

/// What became of one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It counts now.
    Counted,
    /// This owner's confirmation was there already.
    Known,
    /// It does not count.
    Refused,
}

/// What came of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The incident.
    pub incident_id: IncidentId,
    /// The proposal.
    pub safe_tx_hash: SafeTxHash,
    /// Every signature, in the order it was handed over.
    pub signatures: Vec<Verdict>,
    /// Confirmations now.
    pub confirmations: usize,
    /// Confirmations needed.
    pub threshold: u64,
    /// Where the owners were read: the chain; or the journal, and why.
    pub owners_from: String,
    /// False: some stand in the memory of this process alone.
    pub in_journal: bool,
    /// Why the Transaction Service has none of them, where it has not.
    pub not_at_service: Option<String>,
}

/// Who is known around a proposal, for [`Case`].
#[derive(Debug, Default)]
struct Known {
    owners: Vec<Address>,
    former_owners: Vec<Address>,
    keys: Vec<Address>,
    chains: Vec<ChainId>,
    safes: Vec<SafeAddress>,
    others: Vec<(String, SafeTx, SafeDomain)>,
}

impl Known {
    /// `owners` are those of now; what else is known comes from the files people wrote and the incident's facts.
    fn of(agent: &Agent, owners: Vec<Address>, ours: SafeTxHash, safe: SafeAddress) -> Self {
        let mut known = Self { owners, ..Self::default() };
        for incident in agent.store.all() {
            for (_, fact) in agent.store.facts(incident.id) {
                known.learn(incident.id, &fact, ours, safe);
            }
        }
        let settings = &agent.config.settings;
        known.keys = agent
            .config
            .roster
            .people
            .values()
            .flat_map(|person| &person.keys)
            .map(|key| key.address)
            .collect();
        known.chains = settings.chains.values().map(|chain| chain.id).collect();
        known.safes = settings.safes.values().map(|safe| SafeAddress(safe.address)).collect();
        known
    }

    /// Owners that this Safe had, and other proposals that somebody may have signed instead.
    fn learn(&mut self, id: IncidentId, fact: &Fact, ours: SafeTxHash, safe: SafeAddress) {
        let owners = if let Fact::Prepared(preparation) = fact {
            if preparation.safe_tx_hash() != ours {
                let (calls, nonce) = (preparation.describe_calls(), preparation.tx.nonce);
                let name = format!("another proposal of {id} ({calls} at nonce {nonce})");
                self.others.push((name, preparation.tx.clone(), preparation.domain));
            }
            if preparation.domain.safe != safe {
                return;
            }
            &preparation.owners
        } else if let Fact::OwnersChanged { owners, .. } = fact {
            owners
        } else {
            return;
        };
        let gone = owners.iter().filter(|owner| !self.owners.contains(owner));
        let new: Vec<_> = gone.filter(|owner| !self.former_owners.contains(owner)).copied().collect();
        self.former_owners.extend(new);
    }

    fn judge(&self, tx: &SafeTx, domain: &SafeDomain, bytes: &[u8]) -> Result<Fit, String> {
        let case = Case {
            tx,
            domain,
            owners: &self.owners,
            former_owners: &self.former_owners,
            known_keys: &self.keys,
            chains: &self.chains,
            safes: &self.safes,
            others: &self.others,
        };
        judge(&case, bytes).map_err(|misfit| misfit.to_string())
    }
}

/// Takes in what was handed over for a transaction of an incident: the newest proposal if none is named.
///
/// # Errors
/// When there is no proposal, or nothing can be recorded. A bad signature is no error: it is named in the result.
pub async fn import(
    agent: &Agent,
    id: IncidentId,
    which: Option<SafeTxHash>,
    claims: &[Claim],
) -> Result<Import, SignError> {
    let incident = agent.store.get(id).ok_or(super::store::StoreError::Unknown(id))?;
    let newest = incident.preparation.as_ref().ok_or(SignError::NoProposal(id))?;
    let hash = which.unwrap_or_else(|| newest.safe_tx_hash());
    let preparation = incident.transaction(hash).ok_or(SignError::NoProposal(id))?;
    let preparation = &*preparation;
    let (owners, owners_from) = owners_now(agent, preparation).await;
    let known = Known::of(agent, owners, hash, preparation.domain.safe);
    let mut import = Import {
        incident_id: id,
        safe_tx_hash: hash,
        signatures: Vec::with_capacity(claims.len()),
        confirmations: incident
            .quorum_of(hash)
            .map_or(0, |(have, _)| usize::try_from(have).unwrap_or(usize::MAX)),
        threshold: preparation.threshold,
        owners_from,
        in_journal: true,
        not_at_service: None,
    };
    for claim in claims {
        let verdict = take(agent, &incident, preparation, &known, claim, &mut import).await?;
        import.signatures.push(verdict);
    }
    Ok(import)
}

async fn take(
    agent: &Agent,
    incident: &Incident,
    preparation: &Preparation,
    known: &Known,
    claim: &Claim,
    import: &mut Import,
) -> Result<Verdict, SignError> {
    let place = claim.place.clone();
    let refused = |remark: String| Verdict {
        place: place.clone(),
        fate: Fate::Refused,
        owner: claim.owner,
        remarks: vec![remark],
    };
    let bytes = match &claim.bytes {
        Ok(bytes) => bytes,
        Err(problem) => return Ok(refused(problem.clone())),
    };
    let fit = match known.judge(&preparation.tx, &preparation.domain, bytes) {
        Ok(fit) => fit,
        Err(problem) => return Ok(refused(problem)),
    };
    let mut remarks: Vec<_> = fit.repaired.iter().map(ToString::to_string).collect();
    if let Some(named) = claim.owner.filter(|named| *named != fit.owner) {
        remarks.push(format!("it stood beside {named}, and is {}'s", fit.owner));
    }
    let said = |fate, remarks| Verdict { place: place.clone(), fate, owner: Some(fit.owner), remarks };
    let confirmed = incident.confirmations_of(preparation.safe_tx_hash());
    let here = confirmed.is_some_and(|confirmed| confirmed.contains_key(&fit.owner));
    let twice = import
        .signatures
        .iter()
        .any(|before| before.fate == Fate::Counted && before.owner == Some(fit.owner));
    if here || twice {
        return Ok(said(Fate::Known, remarks));
    }
    let kept = keep(agent, incident.id, preparation.safe_tx_hash(), fit.owner, fit.signature.clone()).await?;
    (import.confirmations, import.threshold) = kept.count;
    import.in_journal &= kept.in_journal;
    import.not_at_service = kept.not_at_service.or(import.not_at_service.take());
    Ok(said(Fate::Counted, remarks))
}

async fn keep(
    agent: &Agent,
    id: IncidentId,
    safe_tx_hash: SafeTxHash,
    owner: Address,
    signature: Bytes,
) -> Result<sign::Signed, SignError> {
    let confirmation = OwnerConfirmation { safe_tx_hash, owner, signature, source: "file".to_owned() };
    sign::keep(agent, confirmation, id).await
}

/// The owners on the chain; where it cannot be read, those of when the proposal was prepared, and why.
async fn owners_now(agent: &Agent, preparation: &Preparation) -> (Vec<Address>, String) {
    let because = match agent.chains.get(&preparation.chain) {
        None => format!("chain {} is not configured", preparation.chain),
        Some(chain) => match follow::safe_now(chain, preparation).await {
            Ok((block, state)) => {
                return (state.owners, format!("{} at block {}", preparation.chain, block.number));
            }
            Err(problem) => problem,
        },
    };
    (preparation.owners.clone(), format!("the journal, because the chain could not be read: {because}"))
}
