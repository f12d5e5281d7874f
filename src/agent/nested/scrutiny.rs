//! Is this approval what it says it is? Read from the chain: the child owns its parent, its transaction does
//! nothing but approve hashes of this incident, and the child itself says the same hash.

use crate::agent::follow::safe_now;
use crate::agent::proposal::{self, Authority};
use crate::agent::scrutiny::Check;
use crate::agent::{Agent, chain_of};
use crate::chain::Chain;
use crate::domain::incident::{Companion, Incident};
use crate::domain::safe::approval::approve_hash;
use crate::domain::safe::multisend::{BatchedCall, decode, is_call_only};
use crate::domain::safe::{Operation, SafeState, SafeTx, hash};

/// Every check of one approval, and of what it approves up to the proposal; the proposal is not judged here.
pub async fn scrutinise_approval(agent: &Agent, incident: &Incident, companion: &Companion) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut next = Some(companion);
    while let Some(companion) = next.take() {
        let Some(chain) = agent.chains.get(&companion.chain) else {
            checks.push(no("child Safe", format!("chain {} is not configured", companion.chain)));
            return checks;
        };
        one(chain, incident, companion, &mut checks).await;
        // A child's child: what it approves is an approval itself. Each is deeper, so this ends.
        let above = companion.approves().into_iter().filter_map(|of| incident.companion(of));
        next = above.map(|known| &known.companion).find(|above| above.is_approval());
    }
    checks
}

fn yes(what: &'static str, found: String) -> Check {
    Check { what, good: true, found }
}

fn no(what: &'static str, found: String) -> Check {
    Check { what, good: false, found }
}

async fn one(chain: &Chain, incident: &Incident, companion: &Companion, checks: &mut Vec<Check>) {
    let child = companion.domain.safe;
    let (block, state) = match safe_now(chain, &companion.as_proposal(1)).await {
        Ok(read) => read,
        Err(problem) => return checks.push(no("child Safe", problem)),
    };
    let (ours, tx) = (hash(&companion.tx, &state.domain()), &companion.tx);
    let found =
        format!("{child} version {}, {} of {} owners", state.version, state.threshold, state.owners.len());
    checks.push(Check { what: "child Safe", good: state.domain() == companion.domain, found });
    checks.push(Check {
        what: "child nonce",
        good: state.nonce == tx.nonce,
        found: format!("the child's is {}, the approval's {}", state.nonce, tx.nonce),
    });
    let found = format!("recomputed here: {}", ours.safe_tx);
    checks.push(Check { what: "child hash", good: ours == companion.hashes, found });
    checks.push(only_approves(incident, tx));
    for of in companion.approves() {
        checks.push(owns(chain, incident, of, child).await);
    }
    checks.push(simulated(chain, &block, &state, companion).await);
}

/// It calls `approveHash`, of Safes and hashes of this incident, and nothing else.
fn only_approves(incident: &Incident, tx: &SafeTx) -> Check {
    const WHAT: &str = "only approves";
    let calls = match tx.operation {
        Operation::Call => vec![BatchedCall::call(tx.to, tx.data.clone())],
        Operation::DelegateCall if is_call_only(tx.to) => match decode(&tx.data) {
            Ok(calls) => calls,
            Err(error) => return no(WHAT, chain_of(&error)),
        },
        Operation::DelegateCall => return no(WHAT, format!("a DELEGATECALL to {}", tx.to)),
    };
    let transactions = || {
        let proposal = incident.preparation.iter().map(|known| (known.domain.safe, known.safe_tx_hash()));
        let others = incident.companions.values().map(|known| &known.companion);
        proposal.chain(others.map(|known| (known.domain.safe, known.safe_tx_hash())))
    };
    let known = |call: &BatchedCall| {
        call.value.is_zero()
            && call.operation == Operation::Call
            && transactions().any(|(safe, hash)| safe.0 == call.to && approve_hash(hash) == call.data)
    };
    let clean =
        tx.value.is_zero() && tx.safe_tx_gas.is_zero() && tx.base_gas.is_zero() && !tx.pays_a_refund();
    match calls.iter().find(|call| !known(call)) {
        Some(stranger) => {
            no(WHAT, format!("it calls {} of {}, which is no approval asked for", stranger.data, stranger.to))
        }
        None if !clean => no(WHAT, "it sends value, or gas and refund fields are set".to_owned()),
        None => yes(WHAT, format!("approveHash, {} time(s), and nothing else", calls.len())),
    }
}

/// The child is an owner of the Safe whose hash it approves, now.
async fn owns(
    chain: &Chain,
    incident: &Incident,
    of: crate::domain::safe::SafeTxHash,
    child: crate::domain::safe::SafeAddress,
) -> Check {
    const WHAT: &str = "child owns";
    let Some(above) = incident.transaction(of) else {
        return no(WHAT, format!("{of} is no transaction of this incident"));
    };
    match safe_now(chain, &above).await {
        Ok((_, state)) if state.is_owner(child.0) => {
            yes(WHAT, format!("{child} is an owner of Safe {}", state.address))
        }
        Ok((_, state)) => no(WHAT, format!("{child} is no owner of Safe {}", state.address)),
        Err(problem) => no(WHAT, problem),
    }
}

async fn simulated(
    chain: &Chain,
    block: &crate::chain::BlockRef,
    state: &SafeState,
    companion: &Companion,
) -> Check {
    const WHAT: &str = "child's own hash";
    match proposal::simulate(chain, block, state, &companion.tx, &[], Authority::Pretended, &[]).await {
        Err(error) => no(WHAT, chain_of(&error)),
        Ok(shown) => match (shown.simulation.why_not(), shown.safe_says) {
            (Some(why), _) => no(WHAT, why),
            (None, Some(says)) if says.agrees(&companion.hashes) => {
                yes(WHAT, format!("getTransactionHash says {}; the approval would execute", says.safe_tx))
            }
            (None, Some(says)) => no(WHAT, format!("getTransactionHash says {}", says.safe_tx)),
            (None, None) => no(WHAT, "the Safe did not say its own hash".to_owned()),
        },
    }
}
