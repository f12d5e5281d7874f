//! The upgrades inside a proposal, as a sceptic looks at them.

use super::Checks;
use crate::agent::upgrade::{self, Resolved};
use crate::chain::{BlockRef, Chain};
use crate::domain::incident::Preparation;
use crate::domain::safe::SafeState;

/// Every upgrade inside: its code against the pins, its storage, what is found in a simulation afterwards.
pub(super) async fn the_upgrades(
    checks: &mut Checks,
    chain: &Chain,
    block: &BlockRef,
    state: &SafeState,
    preparation: &Preparation,
    resolved: &Resolved,
) {
    let actions = resolved.plan.actions.iter().filter(|action| {
        preparation
            .calls
            .iter()
            .any(|call| call.address == action.call.address && call.data == action.call.data)
    });
    let mut proofs: Vec<_> = actions.filter_map(|action| action.proof().cloned()).collect();
    for proof in &proofs {
        for line in proof.lines() {
            checks.note("upgrade", true, line);
        }
    }
    if proofs.is_empty() {
        return;
    }
    let found = upgrade::effect::after(chain, block, state, &preparation.tx, &mut proofs, resolved).await;
    for expectation in found {
        let because = expectation.because.map(|because| format!(": {because}")).unwrap_or_default();
        checks.note("upgrade", expectation.holds, format!("{}{because}", expectation.expect));
    }
}
