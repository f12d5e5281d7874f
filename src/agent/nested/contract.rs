//! Whether an owner that is a contract takes a signature for its own: asked of the owner itself, at an agreed
//! block, in the form its parent's version asks, with the parent as the one who asks.
//!
//! Some contracts answer only whom they know (passkey signers that several Safes share), so a question
//! without a sender proves nothing, in either direction.

use std::collections::BTreeMap;

use alloy::primitives::Address;

use crate::agent::chain_of;
use crate::chain::{BlockRef, CallOutcome, Chain, SnapshotPlan, decode_revert};
use crate::domain::safe::contract_signature::{is_yes, question};
use crate::domain::safe::{OwnerSignature, SafeDomain, SafeTxHashes, SignatureKind};

/// What a contract owner answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The signature is its own.
    Yes,
    /// It is not, or the contract does not know the question; in a sentence.
    No(String),
    /// It could not be asked; in a sentence.
    Unknown(String),
}

impl Answer {
    /// Why it does not count; none where it does.
    pub fn why_not(&self) -> Option<&str> {
        match self {
            Self::Yes => None,
            Self::No(because) | Self::Unknown(because) => Some(because),
        }
    }
}

/// Asks each owner among `signatures` that is a contract, in one request for each endpoint. Signatures of
/// other kinds are not looked at.
pub async fn ask(
    chain: &Chain,
    block: &BlockRef,
    parent: &SafeDomain,
    hashes: &SafeTxHashes,
    signatures: &[OwnerSignature],
) -> BTreeMap<Address, Answer> {
    let mut plan = SnapshotPlan::new();
    let asked: Vec<_> = signatures
        .iter()
        .filter(|signature| signature.kind == SignatureKind::ContractSignature)
        .map(|signature| {
            let (data, yes) = question(parent.version, hashes, &signature.bytes);
            (signature.owner, plan.call_as(parent.safe.0, signature.owner, data), yes)
        })
        .collect();
    if asked.is_empty() {
        return BTreeMap::new();
    }
    let snapshot = match chain.read(block, plan).await {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let unknown = Answer::Unknown(chain_of(&error));
            return asked.into_iter().map(|(owner, _, _)| (owner, unknown.clone())).collect();
        }
    };
    let judged = asked.into_iter().map(|(owner, ticket, yes)| {
        let answer = match snapshot.call(ticket) {
            Ok(CallOutcome::Returned(answer)) if is_yes(&answer, yes) => Answer::Yes,
            Ok(CallOutcome::Returned(_)) => {
                Answer::No(format!("contract {owner} does not take it for its signature"))
            }
            Ok(CallOutcome::Reverted(data)) if data.is_empty() => Answer::No(format!(
                "contract {owner} does not answer what a parent {} asks: it must approve with approveHash",
                parent.version
            )),
            Ok(CallOutcome::Reverted(data)) => {
                Answer::No(format!("contract {owner} refuses it: {}", decode_revert(&data, &[])))
            }
            Err(error) => Answer::Unknown(chain_of(&error)),
        };
        (owner, answer)
    });
    judged.collect()
}
