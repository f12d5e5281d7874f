//! The JSON of answers, field by field as the real service has them. What would need an indexer (gas,
//! fees, executor) is null, as it is there before it is known.

use alloy::primitives::{Address, Bytes, U256, address};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Value, json};

use super::chain_view::Execution;
use super::decode;
use super::known::Known;
use super::store::{Micros, StoredConfirmation, StoredTx};
use crate::domain::safe::{Operation, SafeState, multisend};

/// A time as the real service writes it: microseconds unless they are zero.
pub(super) fn moment(micros: Micros) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    let digits = if time.subsec_nanosecond() == 0 { 0 } else { 6 };
    DateTimePrinter::new().precision(Some(digits)).timestamp_to_string(&time)
}

/// A block's time.
pub(super) fn of_seconds(at_s: u64) -> String {
    moment(i64::try_from(at_s).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

fn address(address: Option<Address>) -> Value {
    json!(address.map(|address| address.to_checksum(None)))
}

fn data(data: &Bytes) -> Value {
    if data.is_empty() { Value::Null } else { json!(data) }
}

/// Which form of a transaction: v1 writes nonce and gas as numbers, v2 as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    V1,
    V2,
}

impl Api {
    /// A number that JSON's readers may round is a text in v1 too.
    fn number(self, number: U256) -> Value {
        match (self, u64::try_from(number)) {
            (Self::V1, Ok(number)) => json!(number),
            (Self::V1, Err(_)) | (Self::V2, _) => json!(number.to_string()),
        }
    }
}

/// A transaction and all that is shown with it.
pub(super) struct Whole<'a> {
    pub(super) stored: &'a StoredTx,
    pub(super) execution: Option<&'a Execution>,
    pub(super) confirmations: &'a [StoredConfirmation],
    pub(super) state: Option<&'a SafeState>,
    pub(super) known: &'a Known,
}

impl Whole<'_> {
    /// As the real service shows it.
    pub(super) fn shown(&self, api: Api) -> Value {
        let (stored, execution) = (self.stored, self.execution);
        let tx = &stored.tx;
        let executed_at = execution.and_then(|execution| execution.at_s).map(of_seconds);
        json!({
            "safe": stored.safe,
            "to": tx.to.to_checksum(None),
            "value": tx.value.to_string(),
            "data": data(&tx.data),
            "operation": tx.operation,
            "gasToken": tx.gas_token.to_checksum(None),
            "safeTxGas": api.number(tx.safe_tx_gas),
            "baseGas": api.number(tx.base_gas),
            "gasPrice": tx.gas_price.to_string(),
            "refundReceiver": tx.refund_receiver.to_checksum(None),
            "nonce": api.number(tx.nonce.0),
            "executionDate": executed_at,
            "submissionDate": moment(stored.submitted_at),
            "modified": moment(stored.modified_at),
            "blockNumber": execution.map(|execution| execution.block),
            "transactionHash": execution.map(|execution| execution.tx_hash),
            "safeTxHash": stored.hash,
            "proposer": stored.proposer.to_checksum(None),
            "proposedByDelegate": address(stored.delegate),
            "executor": null,
            "isExecuted": execution.is_some(),
            "isSuccessful": execution.map(|execution| execution.success),
            "ethGasPrice": null,
            "maxFeePerGas": null,
            "maxPriorityFeePerGas": null,
            "gasUsed": null,
            "fee": null,
            "payment": null,
            "origin": stored.origin,
            "dataDecoded": self.decoded(),
            "confirmationsRequired": self.state.map(|state| state.threshold),
            "confirmations": self.confirmations.iter().map(confirmation).collect::<Vec<_>>(),
            "trusted": stored.trusted,
            "signatures": null,
        })
    }

    /// What the calldata says; nothing for a delegatecall of anything but a batch, as at the real service: it
    /// would not be the call it looks like.
    fn decoded(&self) -> Option<Value> {
        let tx = &self.stored.tx;
        match tx.operation {
            Operation::Call => decode::decode(self.known, Some(tx.to), &tx.data),
            Operation::DelegateCall if multisend::decode(&tx.data).is_ok() => {
                decode::decode(self.known, Some(tx.to), &tx.data)
            }
            Operation::DelegateCall => None,
        }
    }
}

/// A confirmation.
pub(super) fn confirmation(stored: &StoredConfirmation) -> Value {
    json!({
        "owner": stored.owner.to_checksum(None),
        "submissionDate": moment(stored.submitted_at),
        "transactionHash": null,
        "signature": stored.signature,
        "signatureType": stored.kind.as_str(),
    })
}

/// A Safe.
pub(super) fn safe(state: &SafeState) -> Value {
    let or_zero = |found: Option<Address>| found.unwrap_or(Address::ZERO).to_checksum(None);
    let list = |addresses: &[Address]| addresses.iter().map(|one| one.to_checksum(None)).collect::<Vec<_>>();
    json!({
        "address": state.address,
        "nonce": state.nonce,
        "threshold": state.threshold,
        "owners": list(&state.owners),
        "masterCopy": state.singleton.to_checksum(None),
        "modules": list(&state.modules),
        "fallbackHandler": or_zero(state.fallback_handler),
        "guard": or_zero(state.guard),
        "moduleGuard": or_zero(state.module_guard),
        "version": version(state),
    })
}

/// The L2 singletons, which tell their transactions in logs: canonical, and of 1.3.0 that of the EIP-155
/// deployer (`safe_l2.json` and `gnosis_safe_l2.json` in `@safe-global/safe-deployments` 1.37.63).
const L2_SINGLETONS: [Address; 4] = [
    address!("0x3E5c63644E683549055b9Be8653de26E0B4CD36E"),
    address!("0xfb1bffC9d739B8D520DaF37dF666da4C687191EA"),
    address!("0x29fcB43b46531BcA003ddC8FCB67FFE91900C762"),
    address!("0xEdd160fEBBD92E350D4D398fb636302fccd67C7e"),
];

/// The Safe's version as the real service writes it: `+L2` where the singleton is known to be one.
pub(super) fn version(state: &SafeState) -> String {
    let l2 = if L2_SINGLETONS.contains(&state.singleton) { "+L2" } else { "" };
    format!("{}{l2}", state.version)
}

/// A Safe as lists by owner show it.
pub(super) fn last_status(state: &SafeState) -> Value {
    let list = |addresses: &[Address]| addresses.iter().map(|one| one.to_checksum(None)).collect::<Vec<_>>();
    json!({
        "address": state.address,
        "owners": list(&state.owners),
        "threshold": state.threshold,
        "nonce": Api::V1.number(state.nonce.0),
        "masterCopy": state.singleton.to_checksum(None),
        "fallbackHandler": address(state.fallback_handler),
        "guard": address(state.guard),
        "moduleGuard": address(state.module_guard),
        "enabledModules": list(&state.modules),
    })
}

/// What this service is.
pub(super) fn about(host: &str) -> Value {
    json!({
        "name": "Redhandle embedded Safe Transaction Service",
        "version": env!("CARGO_PKG_VERSION"),
        "api_version": "v1",
        "secure": false,
        "host": host,
        "headers": [],
        "settings": {},
    })
}
