//! What the chain says about the ground a window was signed on, at one agreed block.

use alloy::primitives::{Address, B256, Bytes, b256};
use alloy::sol_types::SolValue as _;
use futures_util::future::join_all;

use crate::agent::prepare::transaction;
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, CallOutcome, Chain, ChainError};
use crate::config::settings::Presigned;
use crate::domain::names::RunbookId;
use crate::domain::presigned::{CodePin, Ground, Reading, Seen, Window};
use crate::domain::runbook::PlannedAction;
use crate::domain::safe::multisend::call_only;
use crate::domain::safe::{SafeAddress, SafeState};

/// keccak256("eip1967.proxy.implementation") - 1 (ERC-1967).
const IMPLEMENTATION_SLOT: B256 = b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// keccak256("eip1967.proxy.beacon") - 1 (ERC-1967).
const BEACON_SLOT: B256 = b256!("0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50");

/// Selector of a beacon's `implementation()`.
const IMPLEMENTATION_CALL: [u8; 4] = [0x5c, 0x60, 0xda, 0x1b];

/// Contracts whose code is pinned: what they are, and where.
pub type Targets = Vec<(String, Address)>;

/// Every contract that a runbook's calls reach directly, and MultiSend where there are several calls.
pub fn targets(actions: &[&PlannedAction], state: &SafeState) -> Targets {
    let mut targets = Targets::new();
    for action in actions {
        let target = (action.call.contract.to_string(), action.call.address);
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    if actions.len() > 1 {
        targets.push(("MultiSendCallOnly".to_owned(), call_only(state.version)));
    }
    targets
}

/// All actions of a runbook, in order; none when there is none.
pub fn actions<'a>(agent: &'a Agent, runbook: &RunbookId) -> Vec<&'a PlannedAction> {
    agent.plans.get(runbook).map(|plan| plan.actions.iter().collect()).unwrap_or_default()
}

/// Reads the ground.
///
/// # Errors
/// When the endpoints do not agree on any of it.
pub async fn ground(
    chain: &Chain,
    block: &BlockRef,
    state: &SafeState,
    targets: &Targets,
) -> Result<Ground, ChainError> {
    let pins = targets.iter().map(|(what, address)| pin(chain, block, what, *address));
    let code = join_all(pins).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut owners = state.owners.clone();
    owners.sort();
    Ok(Ground {
        owners,
        threshold: state.threshold,
        version: state.version,
        singleton: state.singleton,
        guard: state.guard,
        module_guard: state.module_guard,
        code,
    })
}

async fn pin(chain: &Chain, block: &BlockRef, what: &str, address: Address) -> Result<CodePin, ChainError> {
    let (hash, implementation, beacon) = tokio::join!(
        chain.code_hash(block, address),
        chain.storage(block, address, IMPLEMENTATION_SLOT),
        chain.storage(block, address, BEACON_SLOT),
    );
    let (implementation, beacon) = (Address::from_word(implementation?), Address::from_word(beacon?));
    let behind = if !implementation.is_zero() {
        Some(implementation)
    } else if !beacon.is_zero() {
        Some(behind_beacon(chain, block, beacon).await?)
    } else {
        None
    };
    let implementation = match behind {
        Some(behind) => Some((behind, chain.code_hash(block, behind).await?)),
        None => None,
    };
    Ok(CodePin { what: what.to_owned(), address, hash: hash?, implementation })
}

async fn behind_beacon(chain: &Chain, block: &BlockRef, beacon: Address) -> Result<Address, ChainError> {
    let call = (beacon, Bytes::from_static(&IMPLEMENTATION_CALL));
    match chain.call_many(block, &[call]).await?.pop() {
        Some(Ok(CallOutcome::Returned(data))) => Ok(Address::abi_decode(&data).unwrap_or_default()),
        // A beacon that names nothing: zero has no code, which is a change from whatever was pinned.
        Some(Ok(CallOutcome::Reverted(_))) | None => Ok(Address::ZERO),
        Some(Err(error)) => Err(error),
    }
}

/// Reads everything a window stands on, at the newest agreed block.
pub async fn read(agent: &Agent, settings: &Presigned, window: &Window) -> Reading {
    let chain =
        agent.chains.get(&window.chain).ok_or_else(|| format!("chain {} is not configured", window.chain))?;
    let (block, state) = chain.newest_safe(window.domain.safe).await.map_err(|error| chain_of(&error))?;
    read_at(agent, settings, window, chain, &block, &state).await
}

async fn read_at(
    agent: &Agent,
    settings: &Presigned,
    window: &Window,
    chain: &Chain,
    block: &BlockRef,
    state: &SafeState,
) -> Reading {
    let targets = window.ground.code.iter().map(|pin| (pin.what.clone(), pin.address)).collect();
    let ground = ground(chain, block, state, &targets).await.map_err(|error| chain_of(&error))?;
    let otherwise = otherwise(agent, settings, window, state);
    Ok(Seen { nonce: state.nonce, ground, block: block.number, otherwise })
}

/// What the files say now and the window was not signed for.
fn otherwise(agent: &Agent, settings: &Presigned, window: &Window, state: &SafeState) -> Vec<String> {
    let mut reasons = Vec::new();
    let configured = agent.config.settings.safes.get(&settings.safe).map(|safe| SafeAddress(safe.address));
    if configured != Some(window.domain.safe) {
        reasons.push(format!("the configuration names another Safe than {}", window.domain.safe));
    }
    if settings.runbook != window.runbook {
        reasons.push(format!(
            "it is configured for runbook {} and was signed for {}",
            settings.runbook, window.runbook
        ));
        return reasons;
    }
    let Some(first) = window.entries.first() else { return reasons };
    let actions = actions(agent, &window.runbook);
    let at_first = SafeState { nonce: first.tx.nonce, ..state.clone() };
    match transaction(&actions, &at_first) {
        Ok(tx) if tx == first.tx => {}
        Ok(_) => {
            let calls =
                actions.iter().map(|action| action.call.describe()).collect::<Vec<_>>().join(", then ");
            reasons.push(format!(
                "runbook {} does {calls} now, and {} was signed",
                window.runbook,
                window.describe_calls()
            ));
        }
        Err(error) => {
            reasons.push(format!("runbook {} makes no transaction: {}", window.runbook, chain_of(&error)))
        }
    }
    reasons
}
