//! A SafeTx as the chain would run it: its calldata, its simulation, its hashes at the Safe itself.
//!
//! Used when a proposal is prepared (with a pretended quorum), verified by a sceptic, and executed (with
//! the real signatures). Nothing here decides or records.

use std::collections::BTreeMap;

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{SolCall, SolValue};

use crate::chain::{
    BlockRef, Chain, SimCall, SimOutcome, SimulateError, SimulateMethod, SimulateRequest, SimulationReport,
    StorageOverride, decode_revert,
};
use crate::domain::expression::{Read, ReadExpression, ReadValue, Verdict};
use crate::domain::incident::preparation::{Expectation, Simulation};
use crate::domain::safe::abi::{Safe, exec_calldata, hash_calldata};
use crate::domain::safe::signature::pack;
use crate::domain::safe::{OwnerSignature, SafeState, SafeTx, SafeTxHashes, hash};

/// Storage slot of `threshold` in every Safe since 1.0.0 (`OwnerManager.sol`; found again by running
/// each version).
const THRESHOLD_SLOT: u64 = 4;

/// Storage slot of `nonce`, likewise.
const NONCE_SLOT: u64 = 5;

/// On whose authority `execTransaction` is simulated.
#[derive(Clone, Debug)]
pub enum Authority {
    /// Nobody has signed yet: a threshold of one is pretended, and one owner calls.
    Pretended,
    /// These signatures, sent by this account.
    Signed {
        /// Packed, in the Safe's order.
        signatures: Bytes,
        /// Who pays the gas.
        sender: Address,
    },
}

/// What a simulation showed.
#[derive(Clone, Debug)]
pub struct Shown {
    /// For the proposal.
    pub simulation: Simulation,
    /// The Safe's own opinion of the hashes; none where the node runs one call only.
    pub safe_says: Option<SafeSays>,
}

/// The Safe's own opinion of the hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafeSays {
    /// `getTransactionHash(…)`.
    pub safe_tx: B256,
    /// `domainSeparator()`.
    pub domain: B256,
}

impl SafeSays {
    /// Ours are the Safe's.
    pub fn agrees(&self, ours: &SafeTxHashes) -> bool {
        self.safe_tx == ours.safe_tx.0 && self.domain == ours.domain
    }
}

/// Simulates the whole `execTransaction`, guard and modules included, then reads every `expect` and asks
/// the Safe for its hashes: one request for each endpoint.
///
/// # Errors
/// When the endpoints do not agree on a result. A revert is a result.
pub async fn simulate(
    chain: &Chain,
    block: &BlockRef,
    safe: &SafeState,
    tx: &SafeTx,
    expects: &[&ReadExpression],
    authority: Authority,
    abis: &[&JsonAbi],
) -> Result<Shown, SimulateError> {
    let mut reads: Vec<&Read> = expects.iter().flat_map(|expect| expect.reads()).collect();
    reads.sort();
    reads.dedup();
    let request = request(safe, tx, &reads, authority);
    let report = match chain.simulate(block, &request).await {
        Ok(report) => report,
        // As many as must agree do; who does not is shown, and cannot veto a pause.
        Err(SimulateError::Dissent(report)) => *report,
        Err(error @ (SimulateError::NoQuorum(_) | SimulateError::Calls(_))) => return Err(error),
    };
    let (endpoints, dissent) = voices(&report);
    let gas_used = report.calls.first().and_then(|call| call.gas_used).unwrap_or(0);
    let failure = report
        .calls
        .first()
        .map_or_else(|| Some("the node ran nothing".to_owned()), |call| why_failed(call, abis));
    let expectations = expectations(expects, &reads, &report, failure.is_some());
    let safe_says = safe_says(&report, reads.len());
    let simulation = Simulation {
        block_number: report.block.number,
        block_hash: report.block.hash,
        method: report.method.to_string(),
        endpoints,
        dissent,
        overrides: report.assumed.clone(),
        gas_used,
        expectations,
        failure,
    };
    Ok(Shown { simulation, safe_says })
}

/// Who said what most say, and what the others said or why they said nothing.
fn voices(report: &SimulationReport) -> (Vec<String>, Vec<String>) {
    let said = |text: &str| report.endpoints.iter().filter(|statement| statement.said == text).count();
    let most = report.endpoints.iter().max_by_key(|statement| said(&statement.said));
    let (agreeing, others): (Vec<_>, Vec<_>) =
        report.endpoints.iter().partition(|statement| most.is_some_and(|most| most.said == statement.said));
    (
        agreeing.into_iter().map(|statement| statement.endpoint.to_string()).collect(),
        others.into_iter().map(|statement| format!("{}: {}", statement.endpoint, statement.said)).collect(),
    )
}

/// `execTransaction`, then the reads, then what the Safe says about its hashes.
pub(super) fn request(
    safe: &SafeState,
    tx: &SafeTx,
    reads: &[&Read],
    authority: Authority,
) -> SimulateRequest {
    let (sender, signatures, overrides) = match authority {
        Authority::Signed { signatures, sender } => (sender, signatures, Vec::new()),
        Authority::Pretended => pretend(safe, tx),
    };
    let call = |from, to, data| SimCall { from, to, data, value: U256::ZERO };
    let mut steps = vec![call(sender, safe.address.0, exec_calldata(tx, signatures))];
    steps.extend(reads.iter().map(|read| call(Address::ZERO, read.call().address, read.call().data.clone())));
    steps.push(call(Address::ZERO, safe.address.0, hash_calldata(tx)));
    steps.push(call(Address::ZERO, safe.address.0, Safe::domainSeparatorCall {}.abi_encode().into()));
    SimulateRequest { steps, overrides, balances: Vec::new() }
}

/// One owner calls, which counts as that owner's approval, and one is made to suffice.
fn pretend(safe: &SafeState, tx: &SafeTx) -> (Address, Bytes, Vec<StorageOverride>) {
    let owner = safe.owners.first().copied().unwrap_or(Address::ZERO);
    // One signature always packs; an empty one would only make the simulation fail, and say so.
    let signatures = pack(vec![OwnerSignature::approved_hash(owner)]).unwrap_or_default();
    let threshold = StorageOverride {
        address: safe.address.0,
        slot: U256::from(THRESHOLD_SLOT).into(),
        value: U256::ONE.into(),
        meaning: format!(
            "the Safe's threshold is taken as 1 instead of {}, with owner {owner} as the sender, until real signatures exist",
            safe.threshold
        ),
    };
    let mut overrides = vec![threshold];
    if tx.nonce != safe.nonce {
        overrides.push(StorageOverride {
            address: safe.address.0,
            slot: U256::from(NONCE_SLOT).into(),
            value: tx.nonce.0.into(),
            meaning: format!("the Safe's nonce is taken as {} instead of {}", tx.nonce, safe.nonce),
        });
    }
    (owner, signatures, overrides)
}

/// Why an `execTransaction` would not do what it should; none where it would.
pub(super) fn why_failed(call: &SimOutcome, abis: &[&JsonAbi]) -> Option<String> {
    if !call.succeeded {
        return Some(decode_revert(&call.data, abis));
    }
    match bool::abi_decode(&call.data) {
        Ok(true) => None,
        Ok(false) => Some("execTransaction returns false: the call inside fails".to_owned()),
        Err(_) => Some("execTransaction returns something that is no bool: this is no Safe".to_owned()),
    }
}

fn expectations(
    expects: &[&ReadExpression],
    reads: &[&Read],
    report: &SimulationReport,
    failed: bool,
) -> Vec<Expectation> {
    let values: BTreeMap<Read, ReadValue> = reads
        .iter()
        .enumerate()
        .map(|(index, read)| {
            let value = match (report.method, report.calls.get(index + 1)) {
                (SimulateMethod::SimulateV1, Some(call)) if call.succeeded => {
                    ReadValue::decode(read, &call.data)
                }
                (SimulateMethod::SimulateV1, Some(call)) => {
                    ReadValue::Failed(format!("it reverts: {}", decode_revert(&call.data, &[])))
                }
                (SimulateMethod::SimulateV1 | SimulateMethod::FirstCallOnly, _) => {
                    ReadValue::Failed("the node cannot simulate more than the first call".to_owned())
                }
            };
            ((*read).clone(), value)
        })
        .collect();
    expects
        .iter()
        .map(|expect| {
            let (holds, because) = match expect.evaluate(&values) {
                _ if failed => (false, Some("the call itself fails".to_owned())),
                Verdict::True => (true, None),
                Verdict::False => (false, None),
                Verdict::Unknown(reason) => (false, Some(format!("unknown: {reason}"))),
            };
            Expectation { expect: expect.text().to_owned(), holds, because }
        })
        .collect()
}

fn safe_says(report: &SimulationReport, reads: usize) -> Option<SafeSays> {
    let word = |index: usize| {
        let call = report.calls.get(index)?;
        if call.succeeded { B256::abi_decode(&call.data).ok() } else { None }
    };
    Some(SafeSays { safe_tx: word(reads + 1)?, domain: word(reads + 2)? })
}

/// Recomputes a transaction's hashes for the Safe as it is now.
pub fn hashes(tx: &SafeTx, safe: &SafeState) -> SafeTxHashes {
    hash(tx, &safe.domain())
}
