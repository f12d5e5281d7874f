//! A Safe's queue, read from its Transaction Service and audited against the chain's state of the Safe.
//!
//! What is told of it is told of one reading: it says how much was read, and what could not be.

use alloy::primitives::Bytes;

use super::service::ServiceLink;
use crate::domain::safe::queue_audit::{AuditedItem, QueuedItem, audit};
use crate::domain::safe::{SafeState, SafeTxHash};
use crate::safe_service::client::{QueueReading, UnreadableRow};
use crate::safe_service::wire::MultisigTransaction;

/// A queue that was read and looked at.
#[derive(Clone, Debug)]
pub struct AuditedQueue {
    /// Every item that could be read, with what was found; in order of nonce.
    pub items: Vec<(MultisigTransaction, AuditedItem)>,
    /// Rows that are no transaction as we know them.
    pub unreadable: Vec<UnreadableRow>,
    /// How many items the service says there are, where not all were read.
    pub cut_of: Option<u64>,
}

/// A queued transaction as the audit takes it.
pub fn queued(item: &MultisigTransaction) -> QueuedItem {
    let confirmations = item.confirmations.iter();
    let confirmations =
        confirmations.map(|one| (one.owner, one.signature.clone())).collect::<Vec<(_, Option<Bytes>)>>();
    QueuedItem {
        safe: item.safe,
        tx: item.tx.clone(),
        said_hash: item.safe_tx_hash,
        trusted: item.trusted,
        confirmations,
    }
}

/// Looks at every item of a reading. `ours` are the proposals that we made.
pub fn audited(state: &SafeState, reading: QueueReading, ours: &[SafeTxHash]) -> AuditedQueue {
    let QueueReading { items, unreadable, cut_of, pages: _ } = reading;
    let taken: Vec<_> = items.iter().map(queued).collect();
    let found = audit(state, &taken, ours);
    AuditedQueue { items: items.into_iter().zip(found).collect(), unreadable, cut_of }
}

/// Reads everything from the Safe's nonce on, and with `dead` what is below it as well, and looks at it.
///
/// # Errors
/// Says why the service could not be read, for a person.
pub async fn look(
    service: &ServiceLink,
    state: &SafeState,
    ours: &[SafeTxHash],
    dead: bool,
) -> Result<AuditedQueue, String> {
    let told = |error| service.in_words(state.address, &error);
    let mut reading = service.client.queue_reading(state.address, state.nonce).await.map_err(told)?;
    if dead {
        let mut below = service.client.dead_queue(state.address, state.nonce).await.map_err(told)?;
        reading.unreadable.append(&mut below.unreadable);
        reading.cut_of = reading.cut_of.or(below.cut_of);
        below.items.append(&mut reading.items);
        below.items.sort_by_key(|item| item.tx.nonce);
        reading.items = below.items;
    }
    Ok(audited(state, reading, ours))
}
