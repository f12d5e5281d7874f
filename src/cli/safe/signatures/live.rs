//! What the chain says about signatures: approvals, the answers of owners that are contracts, and the Safe's
//! own judgement, all at one block.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;

use crate::agent::chain_of;
use crate::chain::snapshot::{CallTicket, SafeTicket};
use crate::chain::{CallOutcome, Snapshot, SnapshotPlan, decode_revert};
use crate::cli::exit::Failure;
use crate::cli::safe::asked::Live;
use crate::domain::safe::abi::{Safe, exec_calldata};
use crate::domain::safe::signature::explain::{Case, Explained, Explanation, Said, explain};
use crate::domain::safe::{
    ContractOwnerMessage, SafeState, SafeTx, SafeTxHash, SafeTxHashes, SafeVersion, SignatureKind,
    message_hash,
};

/// What was learnt.
pub struct Learnt {
    /// Approvals, by owner.
    pub approved: BTreeMap<Address, Said>,
    /// Contracts' answers, by place.
    pub contracts: BTreeMap<usize, Said>,
    /// Their own signatures explained, by place.
    pub inner: BTreeMap<usize, Inner>,
    /// What the Safe itself says.
    pub contract: ContractSays,
}

/// A contract's own signature.
pub struct Inner {
    /// What it was asked about, as the parent's version has it.
    pub message: ContractOwnerMessage,
    /// Its signatures, where it is a Safe.
    pub explanation: Option<Explanation>,
    /// What else is to be said, in sentences.
    pub notes: Vec<String>,
}

/// The Safe's own judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractSays {
    /// They satisfy it.
    Yes,
    /// It reverts.
    No(String),
    /// It was not asked, or did not answer.
    Unknown(String),
}

enum Judge {
    Check(CallTicket),
    Execute(CallTicket),
    None(String),
}

/// Asks for all that `rough`, an explanation without the chain, leaves open.
pub async fn learn(
    live: &Live,
    tx: &SafeTx,
    hashes: &SafeTxHashes,
    packed: &Bytes,
    rough: &Explanation,
    executor: Option<Address>,
) -> Result<Learnt, Failure> {
    let state = &live.state;
    let message = ContractOwnerMessage::asked_by(state.version, hashes);
    let mut plan = SnapshotPlan::new();
    let mut approvals = Vec::new();
    let mut contracts = Vec::new();
    for signature in &rough.signatures {
        let Some(owner) = signature.owner else { continue };
        match signature.kind {
            Some(SignatureKind::ApprovedHash) => {
                let data = Safe::approvedHashesCall { owner, hash: hashes.safe_tx.0 }.abi_encode();
                approvals.push((owner, plan.call(state.address.0, data.into())));
            }
            Some(SignatureKind::ContractSignature) => {
                let Some(inner) = signature.inner.clone() else { continue };
                let answer = plan.call_as(state.address.0, owner, message.calldata(inner));
                contracts.push((signature, answer, plan.safe(owner.into())));
            }
            Some(SignatureKind::Eoa | SignatureKind::EthSign) | None => {}
        }
    }
    let judge = ask_the_safe(&mut plan, state, tx, hashes, packed, executor.unwrap_or_default());
    let said = live.chain.read(&live.block, plan).await.map_err(|error| Failure::no(chain_of(&error)))?;
    let mut learnt = Learnt {
        approved: approvals.into_iter().map(|(owner, ticket)| (owner, approved(&said, ticket))).collect(),
        contracts: BTreeMap::new(),
        inner: BTreeMap::new(),
        contract: judgement(&said, judge),
    };
    for (signature, answer, child) in contracts {
        learnt.contracts.insert(signature.position, agrees(&said, answer, &message));
        let inner = inner(&said, signature, child, state.version, &message, hashes);
        learnt.inner.insert(signature.position, inner);
    }
    Ok(learnt)
}

fn approved(said: &Snapshot, ticket: CallTicket) -> Said {
    match said.call(ticket).map_err(|error| chain_of(&error))? {
        CallOutcome::Returned(word) => {
            let word = U256::try_from_be_slice(&word).filter(|_| word.len() == 32);
            word.map(|word| !word.is_zero()).ok_or_else(|| "approvedHashes answered no number".to_owned())
        }
        CallOutcome::Reverted(data) => Err(format!("approvedHashes reverted: {}", decode_revert(&data, &[]))),
    }
}

/// Yes is the question's own selector in the first four bytes of a word; everything else is no.
fn agrees(said: &Snapshot, ticket: CallTicket, message: &ContractOwnerMessage) -> Said {
    Ok(match said.call(ticket).map_err(|error| chain_of(&error))? {
        CallOutcome::Returned(word) => word.len() >= 32 && word.get(..4) == Some(&message.yes()),
        CallOutcome::Reverted(_) => false,
    })
}

/// Since 1.3.0 the Safe can be asked about signatures alone; before, only by trying to execute at its nonce.
fn ask_the_safe(
    plan: &mut SnapshotPlan,
    state: &SafeState,
    tx: &SafeTx,
    hashes: &SafeTxHashes,
    packed: &Bytes,
    executor: Address,
) -> Judge {
    let safe = state.address.0;
    if state.version >= SafeVersion::V1_3_0 {
        let data = Safe::checkSignaturesCall {
            dataHash: hashes.safe_tx.0,
            data: Bytes::from(hashes.preimage()),
            signatures: packed.clone(),
        };
        return Judge::Check(plan.call_as(executor, safe, data.abi_encode().into()));
    }
    if tx.nonce != state.nonce {
        return Judge::None(format!(
            "Safe {} checks signatures only while it executes, and it is at nonce {}, not {}",
            state.version, state.nonce, tx.nonce
        ));
    }
    Judge::Execute(plan.call_as(executor, safe, exec_calldata(tx, packed.clone())))
}

/// How Safes before 1.3.0 refuse what comes after the signatures: none of it is about them.
const AFTER_THE_SIGNATURES: [&str; 3] = [
    "Not enough gas to execute safe transaction",
    "Could not pay gas costs with ether",
    "Could not pay gas costs with token",
];

fn judgement(said: &Snapshot, judge: Judge) -> ContractSays {
    let (ticket, by_executing) = match judge {
        Judge::Check(ticket) => (ticket, false),
        Judge::Execute(ticket) => (ticket, true),
        Judge::None(why) => return ContractSays::Unknown(why),
    };
    match said.call(ticket) {
        Ok(CallOutcome::Returned(_)) => ContractSays::Yes,
        Ok(CallOutcome::Reverted(data)) => {
            let why = decode_revert(&data, &[]);
            if by_executing && AFTER_THE_SIGNATURES.iter().any(|words| why.contains(words)) {
                return ContractSays::Yes;
            }
            ContractSays::No(if data.is_empty() { "an empty revert".to_owned() } else { why })
        }
        Err(error) => ContractSays::Unknown(chain_of(&error)),
    }
}

/// A contract's own signature: explained where the contract is a Safe, in the form its parent asks.
fn inner(
    said: &Snapshot,
    signature: &Explained,
    child: SafeTicket,
    parent: SafeVersion,
    message: &ContractOwnerMessage,
    hashes: &SafeTxHashes,
) -> Inner {
    let packed = signature.inner.clone().unwrap_or_default();
    let mut notes = Vec::new();
    let state = match said.safe(child) {
        Ok(state) => state,
        Err(error) => {
            notes.push(format!("what it means is its own matter: {}", chain_of(&error)));
            return Inner { message: message.clone(), explanation: None, notes };
        }
    };
    if packed.is_empty() {
        notes.push(format!(
            "it is empty: Safe {} must have made the message its own on chain (SignMessageLib)",
            state.address
        ));
        return Inner { message: message.clone(), explanation: None, notes };
    }
    let of = |message: &ContractOwnerMessage| {
        let hash: B256 = message_hash(message.as_bytes(), &state.domain());
        let case = Case {
            hash: SafeTxHash(hash),
            packed: &packed,
            version: Some(state.version),
            owners: Some(&state.owners),
            threshold: Some(state.threshold),
            ..Case::default()
        };
        explain(&case)
    };
    let explanation = of(message);
    if explanation.passes() == Some(false) {
        let (other, newer) = match message {
            ContractOwnerMessage::Hash(_) => {
                (ContractOwnerMessage::Preimage(Bytes::from(hashes.preimage())), false)
            }
            ContractOwnerMessage::Preimage(_) => (ContractOwnerMessage::Hash(hashes.safe_tx.0), true),
        };
        if of(&other).passes() == Some(true) {
            notes.push(format!(
                "its owners signed the form that a Safe {} asks, but this Safe is {parent} and asks {}: sign again, or let {} approve the hash on chain",
                if newer { "1.5.0" } else { "up to 1.4.1" },
                if newer { "about the 66 bytes before the safeTxHash" } else { "about the safeTxHash itself" },
                state.address,
            ));
        }
    }
    if !parent.asks_contract_owners_about_the_hash() && state.version >= SafeVersion::V1_5_0 {
        notes.push(format!(
            "Safe {} is {} and cannot answer a Safe {parent} about a signature at all: only its approveHash works",
            state.address, state.version
        ));
    }
    Inner { message: message.clone(), explanation: Some(explanation), notes }
}
