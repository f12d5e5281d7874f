//! Runs calls on the endpoints' own EVM, and reads what is expected afterwards.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall as _, SolValue as _};

use crate::agent::chain_of;
use crate::chain::{
    BlockRef, Chain, SimCall, SimulateError, SimulateMethod, SimulateRequest, StorageOverride,
};
use crate::domain::expression::{Read, ReadExpression, ReadValue, Verdict};
use crate::domain::safe::abi::Safe;
use crate::domain::safe::{SafeAddress, SafeNonce};

/// What is tried.
pub struct Attempt<'a> {
    /// Who calls.
    pub from: Address,
    /// What is called, one after the other.
    pub calls: Vec<(Address, Bytes)>,
    /// What is pretended.
    pub overrides: Vec<StorageOverride>,
    /// What must hold afterwards.
    pub expects: Vec<&'a ReadExpression>,
    /// The Safe, whose nonce must stay.
    pub safe: SafeAddress,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All calls went through, and all that is expected holds.
    Works {
        /// What was pretended.
        pretending: Vec<String>,
        /// Gas of each call, where it is known.
        gas: Vec<Option<u64>>,
    },
    /// A call reverts.
    Reverts(Bytes),
    /// The calls go through, and this does not hold afterwards.
    NoEffect(String),
    /// The nodes do not say.
    Unknown(String),
}

/// Tries it.
pub async fn rehearse(chain: &Chain, block: &BlockRef, nonce: SafeNonce, attempt: &Attempt<'_>) -> Outcome {
    let mut reads: Vec<&Read> = attempt.expects.iter().flat_map(|expect| expect.reads()).collect();
    reads.sort();
    reads.dedup();
    let call = |from, to, data| SimCall { from, to, data, value: U256::ZERO };
    let mut steps: Vec<_> =
        attempt.calls.iter().map(|(to, data)| call(attempt.from, *to, data.clone())).collect();
    steps.extend(reads.iter().map(|read| call(Address::ZERO, read.call().address, read.call().data.clone())));
    steps.push(call(Address::ZERO, attempt.safe.0, Safe::nonceCall {}.abi_encode().into()));
    let request = SimulateRequest { steps, overrides: attempt.overrides.clone(), balances: Vec::new() };
    let report = match chain.simulate(block, &request).await {
        Ok(report) => report,
        // As many as must agree do; who does not cannot veto a pause.
        Err(SimulateError::Dissent(report)) => *report,
        Err(error @ (SimulateError::NoQuorum(_) | SimulateError::Calls(_))) => {
            return Outcome::Unknown(chain_of(&error));
        }
    };
    let made = attempt.calls.len();
    if let Some(failed) = report.calls.iter().take(made).find(|call| !call.succeeded) {
        return Outcome::Reverts(failed.data.clone());
    }
    match report.method {
        SimulateMethod::SimulateV1 => {}
        SimulateMethod::FirstCallOnly => {
            return Outcome::Unknown("the node cannot simulate more than the first call".to_owned());
        }
    }
    let value = |(index, read): (usize, &&Read)| {
        let value = match report.calls.get(made + index) {
            Some(call) if call.succeeded => ReadValue::decode(read, &call.data),
            Some(_) => ReadValue::Failed("it reverts".to_owned()),
            None => ReadValue::Failed("it was not run".to_owned()),
        };
        ((*read).clone(), value)
    };
    let values: BTreeMap<Read, ReadValue> = reads.iter().enumerate().map(value).collect();
    let mut broken = Vec::new();
    for expect in &attempt.expects {
        match expect.evaluate(&values) {
            Verdict::True => {}
            Verdict::False => broken.push(expect.text().to_owned()),
            Verdict::Unknown(reason) => broken.push(format!("{} (unknown: {reason})", expect.text())),
        }
    }
    if !broken.is_empty() {
        return Outcome::NoEffect(broken.join("; "));
    }
    let after = report.calls.last().and_then(|call| U256::abi_decode(&call.data).ok());
    if after != Some(nonce.0) {
        return Outcome::NoEffect("the Safe's nonce stays".to_owned());
    }
    let gas = report.calls.iter().take(made).map(|call| call.gas_used).collect();
    Outcome::Works { pretending: report.assumed.clone(), gas }
}
