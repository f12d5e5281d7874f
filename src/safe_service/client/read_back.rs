//! What was sent is read back and compared: every field, the hash recomputed, our signature recovered.
//!
//! A service that shows owners something else than we proposed is the attack this program exists to notice:
//! a difference is never retried, it is told. What may differ honestly is told as a note: somebody else
//! proposed the same transaction first, and the service keeps the first origin.

use std::fmt;

use serde_json::Value;

use super::{Next, Proposal, ServiceClient, ServiceError};
use crate::domain::safe::signature::recover;
use crate::domain::safe::{SafeDomain, SafeTx, SafeTxHash, hash};
use crate::safe_service::wire::MultisigTransaction;

/// Characters of a value that are shown in a difference.
const VALUE_CHARS_MAX: usize = 80;

/// How often a proposal that was taken is looked for: what is read may be a moment behind what is written.
const LOOKS_MAX: u32 = 3;

/// One thing in which what the service shows is not what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field, by the service's name.
    pub field: &'static str,
    /// What was sent.
    pub sent: String,
    /// What is shown. The service's text, made visible.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} and not {}", self.field, self.found, self.sent)
    }
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// What must not differ and does. Empty: it is what was sent.
    pub differences: Vec<Difference>,
    /// What differs honestly.
    pub notes: Vec<String>,
}

/// Why a proposal is not at the service as it was meant.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// What was to be sent is wrong in itself.
    #[error("the proposal was not sent: {0}")]
    Unsound(String),
    /// The service failed or refused.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The service took it and does not show it.
    #[error("the service took {0} and does not show it")]
    NotShown(SafeTxHash),
    /// The service shows something else.
    #[error("the service shows something else under {hash}: {}", list(.differences))]
    Altered {
        /// The proposal.
        hash: SafeTxHash,
        /// What differs.
        differences: Vec<Difference>,
    },
}

fn list(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Compares what the service shows with what was sent.
pub fn compare(domain: &SafeDomain, sent: &Proposal, found: &MultisigTransaction) -> ReadBack {
    let mut result = ReadBack::default();
    let mut differ = |field: &'static str, sent: String, found: String| {
        if sent != found {
            result.differences.push(Difference { field, sent: shown(&sent), found: shown(&found) });
        }
    };
    differ("safe", domain.safe.to_string(), found.safe.to_string());
    differ("safeTxHash", sent.hash.to_string(), found.safe_tx_hash.to_string());
    for ((field, sent), (_, found)) in fields(&sent.tx).into_iter().zip(fields(&found.tx)) {
        differ(field, sent, found);
    }
    // Every field may look right and the hash still be another's: it is computed from what is shown.
    let computed = hash(&found.tx, domain).safe_tx;
    differ("safeTxHash of the fields shown", sent.hash.to_string(), computed.to_string());
    differ("trusted", true.to_string(), found.trusted.to_string());
    let by_us = [found.proposer, found.proposed_by_delegate].contains(&Some(sent.sender));
    if !by_us {
        let by = found.proposer.map_or_else(|| "nobody".to_owned(), |proposer| proposer.to_string());
        result.notes.push(format!("the same transaction was proposed before, by {by}"));
    } else if !same_origin(sent.origin.as_deref(), found.origin.as_deref()) {
        let found = found.origin.clone().unwrap_or_default();
        let sent = sent.origin.clone().unwrap_or_default();
        result.differences.push(Difference { field: "origin", sent: shown(&sent), found: shown(&found) });
    }
    if found.proposer == Some(sent.sender) && found.proposed_by_delegate.is_none() {
        own_signature(sent, found, &mut result);
    }
    result
}

/// An owner's proposal is its first confirmation; a delegate's is none.
fn own_signature(sent: &Proposal, found: &MultisigTransaction, result: &mut ReadBack) {
    let own = found.confirmations.iter().find(|confirmation| confirmation.owner == sent.sender);
    let found = match own.map(|own| own.owner_signature(sent.hash)) {
        Some(Ok(_)) => return,
        Some(Err(error)) => error.to_string(),
        None => "missing".to_owned(),
    };
    let sent = format!("the signature of {}", sent.sender);
    result.differences.push(Difference { field: "confirmations", sent, found });
}

/// The ten fields of a transaction by the service's names, each as text.
fn fields(tx: &SafeTx) -> [(&'static str, String); 10] {
    [
        ("to", tx.to.to_string()),
        ("value", tx.value.to_string()),
        ("data", tx.data.to_string()),
        ("operation", tx.operation.as_u8().to_string()),
        ("safeTxGas", tx.safe_tx_gas.to_string()),
        ("baseGas", tx.base_gas.to_string()),
        ("gasPrice", tx.gas_price.to_string()),
        ("gasToken", tx.gas_token.to_string()),
        ("refundReceiver", tx.refund_receiver.to_string()),
        ("nonce", tx.nonce.to_string()),
    ]
}

fn shown(value: &str) -> String {
    let cut = crate::domain::text::cut(value, VALUE_CHARS_MAX);
    if cut.is_empty() { "nothing".to_owned() } else { crate::domain::text::visible(&cut) }
}

/// The service keeps an origin that is JSON as JSON: the order of its keys changes. None becomes `{}`.
fn same_origin(sent: Option<&str>, found: Option<&str>) -> bool {
    fn value(text: Option<&str>) -> Value {
        match text.map(str::trim) {
            None | Some("") => Value::Object(serde_json::Map::new()),
            Some(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        }
    }
    value(sent) == value(found)
}

impl ServiceClient {
    /// Proposes, reads back and compares. `may_be_there` asks before anything is sent: after a crash, or an
    /// attempt whose answer was lost. A lost answer is followed by the question whether the service has it,
    /// and only then by one repetition.
    ///
    /// # Errors
    /// When the service fails, refuses, does not show it afterwards or shows something else.
    pub async fn deliver(
        &self,
        domain: &SafeDomain,
        proposal: &Proposal,
        may_be_there: bool,
    ) -> Result<ReadBack, DeliverError> {
        sound(domain, proposal)?;
        if may_be_there && let Some(found) = self.transaction(proposal.hash).await? {
            let read = compare(domain, proposal, &found);
            // An unsigned copy of it may be there in anybody's name: sending it signed makes it trusted.
            if found.trusted {
                return judged(proposal, read);
            }
        }
        if let Err(error) = self.propose(domain.safe, proposal).await {
            if error.next() != Next::AskFirst {
                return Err(error.into());
            }
            tracing::warn!(hash = %proposal.hash, "the answer to the proposal was lost; asking whether it is there");
            if self.transaction(proposal.hash).await?.is_none() {
                self.propose(domain.safe, proposal).await?;
            }
        }
        for look in 1..=LOOKS_MAX {
            if let Some(found) = self.transaction(proposal.hash).await? {
                return judged(proposal, compare(domain, proposal, &found));
            }
            if look < LOOKS_MAX {
                tokio::time::sleep(self.transport.rest()).await;
            }
        }
        Err(DeliverError::NotShown(proposal.hash))
    }
}

/// What is sent is checked as strictly as what comes back.
fn sound(domain: &SafeDomain, proposal: &Proposal) -> Result<(), DeliverError> {
    let computed = hash(&proposal.tx, domain).safe_tx;
    if computed != proposal.hash {
        let text = format!("its fields hash to {computed} and not to {}", proposal.hash);
        return Err(DeliverError::Unsound(text));
    }
    match recover(proposal.hash, &proposal.signature) {
        Ok(recovered) if recovered.owner == proposal.sender => Ok(()),
        Ok(recovered) => Err(DeliverError::Unsound(format!(
            "it is to be sent as {} and is signed by {}",
            proposal.sender, recovered.owner
        ))),
        Err(error) => Err(DeliverError::Unsound(error.to_string())),
    }
}

fn judged(proposal: &Proposal, read: ReadBack) -> Result<ReadBack, DeliverError> {
    if read.differences.is_empty() {
        return Ok(read);
    }
    Err(DeliverError::Altered { hash: proposal.hash, differences: read.differences })
}
