//! What the journal and the chain know of transactions that were sent for a proposal.

use alloy::primitives::Address;

use crate::agent::Agent;
use crate::chain::{Receipt, SignedTransaction};
use crate::domain::incident::{Fact, IncidentId, Preparation};
use crate::domain::safe::abi::execution_in_log;

/// What the receipt's own logs say: the Safe's, about this very transaction.
pub fn executed_by(receipt: &Receipt, preparation: &Preparation) -> Option<Fact> {
    let safe_tx_hash = preparation.safe_tx_hash();
    receipt
        .logs
        .iter()
        .filter(|_| receipt.succeeded)
        .filter(|log| log.address() == preparation.domain.safe.0)
        .filter_map(|log| execution_in_log(log.topics(), &log.data().data))
        .find(|execution| execution.safe_tx == safe_tx_hash)
        .map(|execution| Fact::Executed {
            safe_tx_hash,
            transaction: receipt.transaction,
            block: receipt.block_number,
            success: execution.success,
        })
}

/// The journalled transactions for one proposal.
#[derive(Clone, Debug, Default)]
pub struct Journalled {
    /// Of one account, oldest first.
    pub mine: Vec<SignedTransaction>,
    /// The newest of any other account.
    pub theirs: Option<SignedTransaction>,
}

impl Journalled {
    pub fn of(agent: &Agent, id: IncidentId, preparation: &Preparation, account: Address) -> Self {
        let mut found = Self::default();
        for (_, fact) in agent.store.facts(id) {
            let Fact::ExecutionSigned { safe_tx_hash, transaction, raw, .. } = fact else { continue };
            if safe_tx_hash != preparation.safe_tx_hash() {
                continue;
            }
            match SignedTransaction::read(&raw) {
                Some((signed, from)) if from == account => found.mine.push(signed),
                Some((signed, _)) => found.theirs = Some(signed),
                None => {
                    tracing::error!(incident.id = %id, %transaction, "a journalled transaction cannot be read");
                }
            }
        }
        found
    }
}
