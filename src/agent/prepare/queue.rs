//! What stands in the Safe's queue, by purpose, or by what is wrong with it.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolCall, SolValue};

use super::purpose::purpose;
use crate::agent::follow::check;
use crate::agent::queue::queued as as_audited;
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, CallOutcome, Chain, SnapshotPlan};
use crate::domain::incident::preparation::{Displaced, Queue};
use crate::domain::safe::abi::Safe;
use crate::domain::safe::queue_audit::{AuditedItem, Finding, audit};
use crate::domain::safe::{SafeState, SafeTxHash};
use crate::safe_service::wire::MultisigTransaction;

/// How long the queue is waited for once the simulation is done: a slow service must not hold up a pause.
const QUEUE_WAIT_MAX: Duration = Duration::from_millis(800);

/// How many transactions at our nonce are looked at; who queues more than these hides nothing that could not be
/// hidden otherwise.
const QUEUED_MAX: usize = 20;

/// How many transactions behind ours are looked at: who queues thousands must not hold up a pause.
const AUDITED_BEHIND_MAX: usize = 200;

/// How many suspicious transactions behind ours are told; `safe queue` tells them all.
const SUSPECT_MAX: usize = 5;

/// Reads the queue. The service is not believed: what is shown under a hash must hash to it, and a confirmation
/// counts when its signature recovers to an owner, or the chain has the approval.
pub(super) async fn queue(agent: &Agent, chain: &Chain, block: &BlockRef, state: &SafeState) -> Queue {
    let Some(service) = agent.services.get(chain.name()) else {
        return Queue::Unknown(format!("chain {} has no Transaction Service", chain.name()));
    };
    let asked = service.client.queue(state.address, state.nonce);
    let mut queued = match tokio::time::timeout(QUEUE_WAIT_MAX, asked).await {
        Err(_) => return Queue::Unknown(format!("{} did not say within {QUEUE_WAIT_MAX:?}", service.name)),
        Ok(Err(error)) => return Queue::Unknown(chain_of(&error)),
        Ok(Ok(queued)) => queued,
    };
    queued.sort_by_key(|queued| queued.tx.nonce);
    let ours = queued.iter().filter(|queued| queued.tx.nonce == state.nonce).count();
    let later = queued.len().saturating_sub(ours) as u64;
    let taken: Vec<_> = queued.iter().take(ours.saturating_add(AUDITED_BEHIND_MAX)).map(as_audited).collect();
    let audited = audit(state, &taken, &[]);
    let settings = &agent.config.settings;
    let trusted = settings.chains.get(chain.name()).map(|chain| chain.delegatecall_targets.as_slice());
    let told = |queued: &MultisigTransaction, found: &AuditedItem| {
        let purpose = purpose(&queued.tx, state.address, &settings.contracts);
        (found.in_brief(&purpose, trusted.unwrap_or_default()), purpose)
    };
    let (here, behind): (Vec<_>, Vec<_>) =
        queued.iter().zip(&audited).partition(|(queued, _)| queued.tx.nonce == state.nonce);
    let (genuine, forged): (Vec<_>, Vec<_>) =
        here.into_iter().partition(|(queued, found)| found.hash == queued.safe_tx_hash);
    let approvals = approvals(chain, block, state, &genuine).await;
    let displaced = |confirmed: u64, (queued, found): (&MultisigTransaction, &AuditedItem)| {
        let (suspicion, purpose) = told(queued, found);
        Displaced {
            safe_tx_hash: queued.safe_tx_hash,
            nonce: queued.tx.nonce,
            purpose: suspicion.unwrap_or(purpose),
            confirmations: confirmed,
            fully_signed: confirmed >= state.threshold,
        }
    };
    let genuine = genuine.into_iter().map(|item| displaced(confirmed(item.0, state, &approvals), item));
    let displaced: Vec<_> = genuine.chain(forged.into_iter().map(|item| displaced(0, item))).collect();
    // What anybody can put there without a signature is not worth a line of a page.
    let backed = |found: &AuditedItem| found.vouched || found.findings.iter().any(Finding::is_tampering);
    let suspect = behind.into_iter().filter(|(_, found)| backed(found)).filter_map(|(queued, found)| {
        told(queued, found).0.map(|suspicion| format!("nonce {}: {suspicion}", queued.tx.nonce))
    });
    Queue::Read { displaced, behind: later, suspect: suspect.take(SUSPECT_MAX).collect() }
}

type Approvals = BTreeSet<(SafeTxHash, Address)>;

/// Which owners approved which of them on the chain. What cannot be read is not counted: the pause must not wait.
async fn approvals(
    chain: &Chain,
    block: &BlockRef,
    state: &SafeState,
    queued: &[(&MultisigTransaction, &AuditedItem)],
) -> Approvals {
    let mut plan = SnapshotPlan::new();
    let mut asked = Vec::new();
    for (queued, _) in queued.iter().take(QUEUED_MAX) {
        for owner in &state.owners {
            let hash = queued.safe_tx_hash;
            let data = Safe::approvedHashesCall { owner: *owner, hash: hash.0 }.abi_encode();
            asked.push(((hash, *owner), plan.call(state.address.0, data.into())));
        }
    }
    if asked.is_empty() {
        return Approvals::new();
    }
    let snapshot = match chain.read(block, plan).await {
        Ok(snapshot) => snapshot,
        Err(error) => {
            tracing::warn!(error = %chain_of(&error), "approvals of what is queued could not be read");
            return Approvals::new();
        }
    };
    let approved = |ticket| match snapshot.call(ticket) {
        Ok(CallOutcome::Returned(data)) => U256::abi_decode(&data).is_ok_and(|value| !value.is_zero()),
        Ok(CallOutcome::Reverted(_)) | Err(_) => false,
    };
    asked.into_iter().filter(|(_, ticket)| approved(*ticket)).map(|(approval, _)| approval).collect()
}

/// How many owners of the Safe confirmed it.
fn confirmed(queued: &MultisigTransaction, state: &SafeState, approvals: &Approvals) -> u64 {
    let hash = queued.safe_tx_hash;
    let signed = |owner: &Address| {
        queued.confirmations.iter().filter(|one| one.owner == *owner).any(|one| {
            let Some(signature) = &one.signature else { return false };
            match check(hash, signature, &state.owners, state.version) {
                Ok(signer) => signer == *owner,
                // A contract's signature is checked by nobody but the contract. Taking it as good costs the signers
                // one signature more; taking it as bad could cost them the race.
                Err(_) => is_contract_signature(signature, *owner),
            }
        })
    };
    let counts = |owner: &&Address| approvals.contains(&(hash, **owner)) || signed(owner);
    state.owners.iter().filter(counts).count() as u64
}

fn is_contract_signature(signature: &[u8], owner: Address) -> bool {
    let is_that_kind = signature.get(64) == Some(&0);
    is_that_kind && signature.get(12..32) == Some(owner.as_slice())
}
