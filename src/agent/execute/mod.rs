//! Executes the confirmed proposal.
//!
//! Simulated again with the real signatures before anything is sent. The executor's key pays gas and
//! nothing else: with the owners' signatures anyone may send the transaction, so a twin that sends it
//! too costs gas and changes nothing.

use std::time::Duration;

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, Bytes};
use alloy::signers::local::PrivateKeySigner;

use super::proposal::{self, Authority};
use super::store::Recorded;
use super::{Agent, TaskError, chain_of, follow};
use crate::chain::{BlockRef, Chain, TransactionDraft};
use crate::domain::incident::{Actor, Fact, Incident, Preparation, Retry};
use crate::domain::safe::signature::{pack, recover};
use crate::domain::safe::{OwnerSignature, SafeState, SignatureKind};

/// How long a sent transaction is waited for before somebody looks again.
const RECEIPT_WAIT_MAX: Duration = Duration::from_secs(90);

/// Executes by itself, with the configured executor, and records what came out.
///
/// # Errors
/// When nothing can be recorded.
pub async fn execute(agent: &Agent, incident: &Incident, attempt: u32, begun: bool) -> Result<(), TaskError> {
    let Some(executor) = &agent.executor else { return Ok(()) };
    execute_with(agent, incident, executor, Actor::Agent, attempt, begun).await.map(|_| ())
}

/// Executes with this key in somebody's name. True when it was executed.
///
/// # Errors
/// When nothing can be recorded.
pub async fn execute_with(
    agent: &Agent,
    incident: &Incident,
    executor: &PrivateKeySigner,
    by: Actor,
    attempt: u32,
    begun: bool,
) -> Result<bool, TaskError> {
    let Some(preparation) = &incident.preparation else { return Ok(false) };
    let safe_tx_hash = preparation.safe_tx_hash();
    let by_itself = by == Actor::Agent;
    if !begun {
        match agent.record(incident, vec![Fact::ExecutionStarted { safe_tx_hash, attempt, by }]).await? {
            Recorded::Applied | Recorded::Unwritten => {}
            Recorded::Stale => return Ok(false),
        }
    }
    let sent = if by_itself && preparation.owners.contains(&executor.address()) {
        // Said as a failure, so that people are called: the owners signed, and somebody else must execute.
        Err(later(format!(
            "the executor key {} is an owner of the Safe: an agent holds no owner key; configure a gas-only key",
            executor.address()
        )))
    } else {
        send(agent, incident, preparation, executor).await
    };
    let (fact, executed) = match sent {
        Ok(fact) => (fact, true),
        Err((problem, retry)) => (Fact::ExecutionFailed { safe_tx_hash, attempt, problem, retry }, false),
    };
    agent.record_outcome(incident, fact).await?;
    Ok(executed)
}

type Failure = (String, Retry);

fn later(text: impl Into<String>) -> Failure {
    (text.into(), Retry::Later)
}

async fn send(
    agent: &Agent,
    incident: &Incident,
    preparation: &Preparation,
    executor: &PrivateKeySigner,
) -> Result<Fact, Failure> {
    let chain = agent
        .chains
        .get(&preparation.chain)
        .ok_or_else(|| (format!("chain {} is not configured", preparation.chain), Retry::Never))?;
    let (block, state) = follow::safe_now(chain, preparation).await.map_err(later)?;
    if state.nonce != preparation.tx.nonce {
        // Ask before repeating: it may be done, by us before a crash or by somebody else.
        return match follow::find_execution(chain, &block, preparation).await.map_err(later)? {
            Some(executed) => Ok(executed),
            None => Err(later(format!(
                "the Safe's nonce is {} and the proposal's is {}",
                state.nonce, preparation.tx.nonce
            ))),
        };
    }
    let signatures = signatures(incident, preparation, &state).map_err(later)?;
    let gas = rehearse(agent, chain, &block, &state, preparation, &signatures, executor.address()).await?;
    let draft = TransactionDraft {
        to: preparation.domain.safe.0,
        data: proposal::exec_calldata(&preparation.tx, signatures),
        gas_hint: Some(gas),
    };
    let transaction = chain.broadcast(executor, &draft).await.map_err(|error| later(chain_of(&error)))?;
    let receipt =
        chain.receipt(transaction, RECEIPT_WAIT_MAX).await.map_err(|error| later(chain_of(&error)))?;
    let block = chain.block(receipt.block_number).await.map_err(|error| later(chain_of(&error)))?;
    let block = block.ok_or_else(|| later("the block that executed it is gone"))?;
    match follow::find_execution(chain, &block, preparation).await.map_err(later)? {
        Some(executed) => Ok(executed),
        None => Err(later(format!("transaction {transaction} was mined but the Safe did not execute"))),
    }
}

/// The confirmations as the Safe takes them: of owners it has now, no more than it needs.
///
/// # Errors
/// When too few are left.
pub fn signatures(
    incident: &Incident,
    preparation: &Preparation,
    state: &SafeState,
) -> Result<Bytes, String> {
    let hash = preparation.safe_tx_hash();
    let ours = proposal::hashes(&preparation.tx, state);
    if ours.safe_tx != hash {
        return Err(format!(
            "for the Safe as it is now ({}) the transaction's hash is {}, not {hash}: it was signed for another version",
            state.version.as_str(),
            ours.safe_tx
        ));
    }
    let mut usable = Vec::new();
    let mut reasons = Vec::new();
    for confirmation in incident.confirmations.values() {
        match usable_signature(confirmation.owner, &confirmation.signature, preparation, state) {
            Ok(signature) => usable.push(signature),
            Err(because) => reasons.push(format!("{}: {because}", confirmation.owner)),
        }
    }
    let threshold = usize::try_from(state.threshold).unwrap_or(usize::MAX);
    if usable.len() < threshold {
        let mut text = format!("{} of {threshold} needed confirmations are there", usable.len());
        if !reasons.is_empty() {
            text.push_str(&format!(" (not counted: {})", reasons.join("; ")));
        }
        return Err(text);
    }
    usable.sort_by_key(|signature| signature.owner);
    usable.truncate(threshold);
    pack(usable).map_err(|error| error.to_string())
}

fn usable_signature(
    owner: Address,
    signature: &Bytes,
    preparation: &Preparation,
    state: &SafeState,
) -> Result<OwnerSignature, String> {
    if !state.is_owner(owner) {
        return Err("no longer an owner".to_owned());
    }
    let recovered = recover(preparation.safe_tx_hash(), signature).map_err(|error| error.to_string())?;
    if recovered.owner != owner {
        return Err(format!("the signature is {}'s", recovered.owner));
    }
    match recovered.kind {
        SignatureKind::Eoa | SignatureKind::EthSign | SignatureKind::ApprovedHash => {
            Ok(OwnerSignature { owner, kind: recovered.kind, bytes: signature.clone() })
        }
        SignatureKind::ContractSignature => Err("contract signatures are not supported yet".to_owned()),
    }
}

async fn rehearse(
    agent: &Agent,
    chain: &Chain,
    block: &BlockRef,
    state: &SafeState,
    preparation: &Preparation,
    signatures: &Bytes,
    sender: Address,
) -> Result<u64, Failure> {
    let abis: Vec<&JsonAbi> =
        agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
    let expects = super::verify::expects(preparation, &agent.config.settings.contracts)
        .map_err(|problem| (problem, Retry::Never))?;
    let expects: Vec<_> = expects.iter().collect();
    let authority = Authority::Signed { signatures: signatures.clone(), sender };
    let shown = proposal::simulate(chain, block, state, &preparation.tx, &expects, authority, &abis)
        .await
        .map_err(|error| later(chain_of(&error)))?;
    match shown.simulation.why_not() {
        None => Ok(shown.simulation.gas_used),
        Some(why) => Err(later(format!("with the real signatures {why}"))),
    }
}
