//! A proposal file of anybody's, against the chain.
//!
//! Nothing of the file is believed but the transaction itself: what can be read on the chain is read, what can be run is
//! run, and every signature in it is recovered.

use alloy::json_abi::JsonAbi;
use alloy::primitives::B256;

use super::Known;
use crate::agent::proposal::{self, Authority};
use crate::agent::scrutiny::Check;
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, Chain};
use crate::domain::safe::exchange::ExchangeFile;
use crate::domain::safe::paste::Claim;
use crate::domain::safe::{SafeState, SafeTxHashes};

/// Checks what only the chain knows.
pub async fn inspect(agent: &Agent, file: &ExchangeFile, claims: &[Claim]) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut note = |what, good, found: String| checks.push(Check { what, good, found });
    let Some(chain) = agent.chains.values().find(|chain| chain.id() == file.chain.id) else {
        note(
            "chain",
            false,
            format!("no chain with id {} is configured: nothing was asked of it", file.chain.id),
        );
        return checks;
    };
    match chain.verify_chain_id().await {
        Ok(()) => note("chain", true, format!("{} is chain {}", chain.name(), chain.id())),
        Err(error) => note("chain", false, chain_of(&error)),
    }
    let (block, state) = match safe_now(chain, file).await {
        Ok(found) => found,
        Err(problem) => {
            note("Safe", false, problem);
            return checks;
        }
    };
    let (good, found) = the_safe(file, &state);
    note("Safe", good, found);
    let nonce = file.transaction.nonce;
    let found = format!("the Safe's is {}, the transaction's {nonce}", state.nonce);
    let words = match state.nonce.0.cmp(&nonce.0) {
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Less => ": it cannot execute before others do",
        std::cmp::Ordering::Greater => ": its nonce is spent, and it can never execute",
    };
    note("nonce", state.nonce == nonce, format!("{found}{words}"));
    checks.extend(the_calls(agent, file));
    checks.extend(the_run(agent, chain, &block, &state, file).await);
    checks.push(the_signatures(agent, file, &state, claims));
    checks
}

async fn safe_now(chain: &Chain, file: &ExchangeFile) -> Result<(BlockRef, SafeState), String> {
    let block = chain.head().await.map_err(|error| chain_of(&error))?;
    let state = chain.safe_state(&block, file.safe.address).await.map_err(|error| chain_of(&error))?;
    Ok((block, state))
}

fn the_safe(file: &ExchangeFile, state: &SafeState) -> (bool, String) {
    let mut differs = Vec::new();
    if file.safe.version != state.version {
        differs.push(format!("its version is {}, the file says {}", state.version, file.safe.version));
    }
    if file.safe.threshold.is_some_and(|threshold| threshold != state.threshold) {
        differs.push(format!("{} owners must sign now", state.threshold));
    }
    let (mut then, mut now): (Vec<_>, _) =
        (file.safe.owners.iter().map(|owner| owner.address).collect(), state.owners.clone());
    then.sort();
    now.sort();
    if !then.is_empty() && then != now {
        let words: Vec<_> = now.iter().map(ToString::to_string).collect();
        differs.push(format!("its owners are {}", words.join(", ")));
    }
    let found = format!(
        "{} version {}, {} of {} owners",
        state.address,
        state.version,
        state.threshold,
        state.owners.len()
    );
    if differs.is_empty() {
        (true, found)
    } else {
        (false, format!("{found}; since the file was written: {}", differs.join("; ")))
    }
}

/// Each call by the configuration's own names; the file's words are not believed.
fn the_calls(agent: &Agent, file: &ExchangeFile) -> Vec<Check> {
    let inside = match file.inner_calls() {
        Ok(inside) => inside,
        Err(problem) => return vec![Check { what: "call", good: false, found: problem }],
    };
    let plans = agent.plans.values().flat_map(|plan| &plan.actions);
    let known: Vec<_> = plans.collect();
    let each = inside.into_iter().map(|call| {
        let planned =
            known.iter().find(|action| action.call.address == call.to && action.call.data == call.data);
        let contract = agent.config.settings.contracts.values().find(|contract| contract.address == call.to);
        match (planned, contract) {
            (Some(action), _) => Check {
                what: "call",
                good: true,
                found: format!("{} at {}, as a runbook says", action.call.describe(), call.to),
            },
            (None, Some(contract)) => Check {
                what: "call",
                good: false,
                found: format!("{} on {} is in no runbook", call.data, contract.name),
            },
            (None, None) => {
                Check { what: "call", good: false, found: format!("{} is no configured contract", call.to) }
            }
        }
    });
    each.collect()
}

/// Runs it, and asks the Safe for its own hashes.
async fn the_run(
    agent: &Agent,
    chain: &Chain,
    block: &BlockRef,
    state: &SafeState,
    file: &ExchangeFile,
) -> Vec<Check> {
    let abis: Vec<&JsonAbi> =
        agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
    let run =
        proposal::simulate(chain, block, state, &file.transaction, &[], Authority::Pretended, &abis).await;
    let shown = match run {
        Ok(shown) => shown,
        Err(error) => return vec![Check { what: "run", good: false, found: chain_of(&error) }],
    };
    let ours: SafeTxHashes = file.recompute();
    let theirs = shown.safe_says.map(|says| says.safe_tx).unwrap_or(B256::ZERO);
    let agrees = shown.safe_says.is_some_and(|says| says.agrees(&ours));
    let own = if agrees {
        format!("getTransactionHash says {theirs}")
    } else {
        format!("the Safe itself says {theirs}, the file hashes to {}", ours.safe_tx)
    };
    let why_not = shown.simulation.why_not();
    let found =
        why_not.clone().unwrap_or_else(|| format!("goes through at block {}", shown.simulation.block_number));
    vec![
        Check { what: "Safe's own hash", good: agrees, found: own },
        Check { what: "run", good: why_not.is_none(), found },
    ]
}

/// Whether every signature in the file is an owner's, of this very transaction.
fn the_signatures(agent: &Agent, file: &ExchangeFile, state: &SafeState, claims: &[Claim]) -> Check {
    let ours = file.recompute().safe_tx;
    let known = Known::of(agent, state.owners.clone(), ours, file.safe.address);
    let mut good = 0;
    let mut problems = Vec::new();
    for claim in claims {
        let judged = match &claim.bytes {
            Ok(bytes) => known.judge(&file.transaction, &state.domain(), bytes).map(|_| ()),
            Err(problem) => Err(problem.clone()),
        };
        match judged {
            Ok(()) => good += 1,
            Err(problem) => problems.push(format!("{}: {problem}", claim.place)),
        }
    }
    let found = if problems.is_empty() {
        format!("{good} in the file count, {} are needed", state.threshold)
    } else {
        format!("{good} in the file count, {} are needed; {}", state.threshold, problems.join("; "))
    };
    Check { what: "signatures", good: problems.is_empty(), found }
}
