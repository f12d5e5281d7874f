//! What the Transaction Service shows of our proposal, compared with the proposal.
//!
//! Whether a proposal is genuine never depends on a service: one that does not answer, or does not have it, is
//! told and is no objection. One that shows something else is.

use super::Agent;
use super::queue::queued;
use super::service::ServiceLink;
use crate::domain::incident::Preparation;
use crate::domain::safe::SafeState;
use crate::domain::safe::queue_audit::{Finding, audit};

/// Whether what the service shows is the proposal, and in a sentence what was found.
pub async fn compare(agent: &Agent, preparation: &Preparation, state: &SafeState) -> Option<(bool, String)> {
    let service: &ServiceLink = agent.services.get(&preparation.chain)?;
    let hash = preparation.safe_tx_hash();
    let asked = service.client.transaction(hash);
    let Ok(asked) = tokio::time::timeout(super::follow::SERVICE_WAIT_MAX, asked).await else {
        return Some((true, format!("{} does not answer in time; nothing here depends on it", service.name)));
    };
    let found = match asked {
        Err(error) => {
            let told = super::chain_of(&error);
            return Some((true, format!("not compared: {told}; nothing here depends on it")));
        }
        Ok(None) => {
            return Some((true, format!("{} does not have it; it can be signed without", service.name)));
        }
        Ok(Some(found)) => found,
    };
    if found.tx != preparation.tx || found.safe != preparation.domain.safe {
        return Some((
            false,
            format!("{} shows something else under {hash}: do not sign there", service.name),
        ));
    }
    let audited = audit(state, &[queued(&found)], &[hash]);
    let wrong = |finding: &&Finding| finding.is_tampering() || **finding == Finding::Unsigned;
    let told: Vec<_> =
        audited.iter().flat_map(|item| &item.findings).filter(wrong).map(ToString::to_string).collect();
    if told.is_empty() {
        return Some((true, format!("{} shows the same", service.name)));
    }
    Some((false, format!("{}: {}", service.name, told.join("; "))))
}
