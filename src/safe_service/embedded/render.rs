//! The JSON of answers, field by field as the real service has them. What would need an indexer (gas,
//! fees, executor, decoded data) is null, as it is there before it is known.

use alloy::primitives::{Address, Bytes};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Value, json};

use super::chain_view::Execution;
use super::store::{Micros, StoredConfirmation, StoredTx};
use crate::domain::safe::SafeState;

/// A time as the real service writes it: microseconds unless they are zero.
pub(super) fn moment(micros: Micros) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    let digits = if time.subsec_nanosecond() == 0 { 0 } else { 6 };
    DateTimePrinter::new().precision(Some(digits)).timestamp_to_string(&time)
}

fn address(address: Option<Address>) -> Value {
    json!(address.map(|address| address.to_checksum(None)))
}

fn data(data: &Bytes) -> Value {
    if data.is_empty() { Value::Null } else { json!(data) }
}

/// A transaction.
pub(super) fn transaction(
    stored: &StoredTx,
    execution: Option<&Execution>,
    confirmations: &[StoredConfirmation],
    state: Option<&SafeState>,
) -> Value {
    let tx = &stored.tx;
    json!({
        "safe": stored.safe,
        "to": tx.to.to_checksum(None),
        "value": tx.value.to_string(),
        "data": data(&tx.data),
        "operation": tx.operation,
        "gasToken": tx.gas_token.to_checksum(None),
        "safeTxGas": tx.safe_tx_gas.to_string(),
        "baseGas": tx.base_gas.to_string(),
        "gasPrice": tx.gas_price.to_string(),
        "refundReceiver": tx.refund_receiver.to_checksum(None),
        "nonce": tx.nonce,
        "executionDate": null,
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
        "dataDecoded": null,
        "confirmationsRequired": state.map(|state| state.threshold),
        "confirmations": confirmations.iter().map(confirmation).collect::<Vec<_>>(),
        "trusted": stored.trusted,
        "signatures": null,
    })
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
        "version": state.version,
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
