//! Reads a transaction as the Transaction Service writes it, and says every field that is wrong.

use crate::domain::safe::{SafeAddress, SafeNonce, SafeTx, SafeTxHash};

use super::input::{Need, Reader};

/// The ten fields that are hashed.
pub const HASHED: &[&str] = &[
    "to",
    "value",
    "data",
    "operation",
    "safeTxGas",
    "baseGas",
    "gasPrice",
    "gasToken",
    "refundReceiver",
    "nonce",
];

/// What the Transaction Service 6.10.1 writes beside them, asked and answering, v1 and v2: not hashed.
pub const BESIDE: &[&str] = &[
    "safe",
    "safeTxHash",
    "contractTransactionHash",
    "sender",
    "signature",
    "origin",
    "blockNumber",
    "confirmations",
    "confirmationsRequired",
    "dataDecoded",
    "ethGasPrice",
    "executionDate",
    "executor",
    "fee",
    "gasUsed",
    "isExecuted",
    "isSuccessful",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "modified",
    "payment",
    "proposedByDelegate",
    "proposer",
    "signatures",
    "submissionDate",
    "transactionHash",
    "transfers",
    "trusted",
    "txType",
];

/// A transaction as it was written, and what it says its hash is.
#[derive(Debug, PartialEq)]
pub struct Written {
    /// The transaction.
    pub tx: SafeTx,
    /// What it says its safeTxHash is.
    pub claimed: Option<SafeTxHash>,
}

/// Reads a transaction of `safe`.
///
/// # Errors
/// Every field that is missing, unknown or wrong, one sentence each.
pub fn parse(text: &str, safe: SafeAddress) -> Result<Written, Vec<String>> {
    let mut reader = Reader::new(text, "", "transaction").map_err(|problem| vec![problem])?;
    let tx = fields(&mut reader);
    let of = reader.address("safe", Need::Optional);
    if !of.is_zero() && of != safe.0 {
        reader.problem("safe", &of.to_string(), &format!("{safe}, which --safe names"));
    }
    let claimed = claimed_hash(&mut reader);
    reader.refuse_unknown(&[HASHED, BESIDE], "a Safe transaction at the Transaction Service");
    reader.end(Written { tx, claimed })
}

/// The ten hashed fields of an object.
pub fn fields(reader: &mut Reader<'_>) -> SafeTx {
    SafeTx {
        to: reader.address("to", Need::Required),
        value: reader.number("value"),
        data: reader.bytes("data", Need::Optional),
        operation: reader.operation(),
        safe_tx_gas: reader.number("safeTxGas"),
        base_gas: reader.number("baseGas"),
        gas_price: reader.number("gasPrice"),
        gas_token: reader.address("gasToken", Need::Optional),
        refund_receiver: reader.address("refundReceiver", Need::Optional),
        nonce: SafeNonce(reader.number("nonce")),
    }
}

/// The service calls it `safeTxHash` when it answers, `contractTransactionHash` when it is asked.
pub fn claimed_hash(reader: &mut Reader<'_>) -> Option<SafeTxHash> {
    let answered = reader.hash("safeTxHash").map(SafeTxHash);
    let asked = reader.hash("contractTransactionHash").map(SafeTxHash);
    if let (Some(answered), Some(asked)) = (answered, asked)
        && answered != asked
    {
        reader.problem("contractTransactionHash", &asked.to_string(), "the same hash as safeTxHash");
    }
    answered.or(asked)
}
