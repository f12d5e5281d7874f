//! What `safe signatures` is given: signatures, and whatever else is known about whom they should satisfy.

use alloy::primitives::{Address, Bytes};

use crate::cli::safe::input::{Need, Reader};
use crate::cli::safe::transaction::{BESIDE, HASHED, claimed_hash, fields};
use crate::domain::safe::{SafeTx, SafeTxHash, SafeVersion};

/// The fields that are read beside those of a transaction at the Transaction Service.
const FIELDS: &[&str] = &[
    "tx",
    "safeAddress",
    "chainId",
    "safeVersion",
    "owners",
    "threshold",
    "formerOwners",
    "approvals",
    "onChainApprovalsBefore",
    "msgSender",
];

/// What was given.
#[derive(Debug, PartialEq)]
pub struct Given {
    /// The signatures, packed.
    pub signatures: Bytes,
    /// The transaction.
    pub tx: Option<SafeTx>,
    /// What is said to be its hash.
    pub claimed: Option<SafeTxHash>,
    /// The Safe.
    pub safe: Option<Address>,
    /// Its chain.
    pub chain_id: Option<u64>,
    /// Its version.
    pub version: Option<SafeVersion>,
    /// Its owners.
    pub owners: Option<Vec<Address>>,
    /// Who was an owner before.
    pub former_owners: Vec<Address>,
    /// How many must sign.
    pub threshold: Option<u64>,
    /// Who is said to have approved the hash on chain.
    pub approvals: Option<Vec<Address>>,
    /// Who would execute it.
    pub executor: Option<Address>,
    /// Fields that nobody reads.
    pub unread: Vec<String>,
}

/// Reads it.
///
/// # Errors
/// Every field that is missing or wrong, one sentence each.
pub fn parse(text: &str) -> Result<Given, Vec<String>> {
    let mut reader = Reader::new(text, "", "object with signatures").map_err(|problem| vec![problem])?;
    let (tx, mut problems) = match reader.raw("tx") {
        Some(inner) => inner_tx(inner),
        None if reader.has("to") => (Some(fields(&mut reader)), Vec::new()),
        None => (None, Vec::new()),
    };
    let given = Given {
        signatures: reader.bytes("signatures", Need::Required),
        tx,
        claimed: claimed_hash(&mut reader),
        safe: either(&mut reader, ["safe", "safeAddress"]),
        chain_id: reader.small_number("chainId"),
        version: reader.word("safeVersion", "a Safe's version, as 1.4.1"),
        owners: reader.addresses("owners"),
        former_owners: reader.addresses("formerOwners").unwrap_or_default(),
        threshold: reader.small_number("threshold"),
        approvals: reader.addresses("approvals").or_else(|| reader.addresses("onChainApprovalsBefore")),
        executor: either(&mut reader, ["executor", "msgSender"]),
        unread: reader.unknown(&[FIELDS, HASHED, BESIDE]).cloned().collect(),
    };
    if given.tx.is_none() && given.claimed.is_none() && problems.is_empty() {
        reader.problems.push(
            "neither tx nor safeTxHash is there; expected the transaction, or the hash that was signed"
                .to_owned(),
        );
    }
    if given.threshold == Some(0) {
        reader.problem("threshold", "0", "at least 1");
    }
    problems.append(&mut reader.problems);
    if problems.is_empty() { Ok(given) } else { Err(problems) }
}

fn inner_tx(text: &str) -> (Option<SafeTx>, Vec<String>) {
    let mut reader = match Reader::new(text, "tx.", "transaction") {
        Ok(reader) => reader,
        Err(problem) => return (None, vec![format!("tx: {problem}")]),
    };
    let tx = fields(&mut reader);
    reader.refuse_unknown(&[HASHED, BESIDE], "a Safe transaction at the Transaction Service");
    (Some(tx), reader.problems)
}

/// One of two names of the same thing.
fn either(reader: &mut Reader<'_>, [one, other]: [&str; 2]) -> Option<Address> {
    let name = if reader.has(one) { one } else { other };
    reader.has(name).then(|| reader.address(name, Need::Required))
}
