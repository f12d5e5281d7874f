//! Builds and simulates the transactions of the next nonces, and seals them with the signatures that still fit.

use alloy::json_abi::JsonAbi;

use super::live;
use super::store::WindowsError;
use crate::agent::prepare::{needed, planned, transaction};
use crate::agent::proposal::{self, Authority};
use crate::agent::reads::read_all;
use crate::agent::{Agent, chain_of};
use crate::config::settings::Presigned;
use crate::domain::presigned::{Entry, Window};
use crate::domain::runbook::PlannedAction;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeState};

/// A window that was prepared and sealed.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// As it is now.
    pub window: Window,
    /// Signatures of the window before that still count.
    pub kept: usize,
    /// Signatures of the window before that were left: their nonce is used, or the ground changed.
    pub left: usize,
    /// Each nonce was simulated and passed: at this block, by these endpoints.
    pub simulated: String,
    /// What people should know.
    pub notes: Vec<String>,
}

/// A window was not prepared; what was there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The chain could not be asked.
    #[error("{0}")]
    Chain(String),
    /// The transactions would not work, or not be these in an emergency.
    #[error("{0}")]
    Refused(String),
    /// The window could not be read or kept.
    #[error(transparent)]
    Windows(#[from] WindowsError),
}

/// Prepares a window from live state.
///
/// # Errors
/// When a transaction would fail, the calls depend on what the chain says, or the window cannot be kept.
pub async fn prepare(agent: &Agent, settings: &Presigned) -> Result<Prepared, PrepareError> {
    let actions = live::actions(agent, &settings.runbook);
    let refused = |text: String| Err(PrepareError::Refused(text));
    let Some(safe) = agent.config.settings.safes.get(&settings.safe) else {
        return refused(format!("Safe {} is not configured", settings.safe));
    };
    let Some(chain) = agent.chains.get(&safe.chain) else {
        return refused(format!("chain {} is not configured", safe.chain));
    };
    if let Some(there) = actions.iter().find(|action| action.call.chain != safe.chain) {
        return refused(format!(
            "contract {} is on {}, and Safe {} on {}",
            there.call.contract, there.call.chain, safe.name, safe.chain
        ));
    }
    if let Some(upgrade) = actions.iter().find(|action| action.upgrade.is_some()) {
        return refused(format!(
            "runbook {} upgrades {}, and what an upgrade calls is found when it is made, from the chain as it then is: it cannot be signed before; name a runbook without upgrades",
            settings.runbook, upgrade.call.contract
        ));
    }
    let (block, state) = chain
        .newest_safe(SafeAddress(safe.address))
        .await
        .map_err(|error| PrepareError::Chain(chain_of(&error)))?;
    all_are_needed(agent, settings, chain, &block).await?;

    let mut entries = Vec::new();
    let mut simulated = String::new();
    let mut nonce = state.nonce;
    for _ in 0..settings.nonces {
        let (entry, by) = rehearsed(agent, chain, &block, &state, nonce, &actions).await?;
        entries.push(entry);
        simulated = by;
        nonce = nonce.next();
    }
    let targets = live::targets(&actions, &state);
    let ground = live::ground(chain, &block, &state, &targets)
        .await
        .map_err(|error| PrepareError::Chain(chain_of(&error)))?;
    let window = Window {
        name: settings.name.clone(),
        runbook: settings.runbook.clone(),
        chain: safe.chain.clone(),
        safe: settings.safe.clone(),
        domain: state.domain(),
        ground,
        block_number: block.number,
        prepared_at: agent.clock.now(),
        calls: actions.iter().map(|action| planned(action)).collect(),
        entries,
    };
    let notes = notes(&actions, &state);
    let changed = agent.presigned.change::<_, std::convert::Infallible>(&settings.name, |older| {
        let mut window = window;
        let (kept, left) = older.map_or((0, 0), |older| window.inherit(&older));
        Ok((window.clone(), (window, kept, left)))
    })?;
    let (window, kept, left) = match changed {
        Ok(done) => done,
        Err(never) => match never {},
    };
    Ok(Prepared { window, kept, left, simulated, notes })
}

/// A window holds what all actions do together. If the chain says now that one has nothing to do, an incident would
/// propose something else.
async fn all_are_needed(
    agent: &Agent,
    settings: &Presigned,
    chain: &crate::chain::Chain,
    block: &crate::chain::BlockRef,
) -> Result<(), PrepareError> {
    let Some(plan) = agent.plans.get(&settings.runbook) else {
        return Err(PrepareError::Refused(format!("runbook {} could not be compiled", settings.runbook)));
    };
    let unless = plan.actions.iter().filter_map(|action| action.unless.as_ref());
    let values = read_all(chain, block, unless.flat_map(|unless| unless.reads())).await;
    let (_, skipped) = needed(plan, &values);
    if skipped.is_empty() {
        return Ok(());
    }
    let told: Vec<_> =
        skipped.iter().map(|skip| format!("{} has nothing to do: {}", skip.call, skip.because)).collect();
    Err(PrepareError::Refused(format!(
        "{}; what would be signed now is not what an incident would propose; prepare when every action is needed",
        told.join("; ")
    )))
}

async fn rehearsed(
    agent: &Agent,
    chain: &crate::chain::Chain,
    block: &crate::chain::BlockRef,
    state: &SafeState,
    nonce: SafeNonce,
    actions: &[&PlannedAction],
) -> Result<(Entry, String), PrepareError> {
    let at_nonce = SafeState { nonce, ..state.clone() };
    let tx = transaction(actions, &at_nonce).map_err(|error| PrepareError::Refused(chain_of(&error)))?;
    let hashes = proposal::hashes(&tx, state);
    let expects: Vec<_> = actions.iter().map(|action| &action.expect).collect();
    let abis: Vec<&JsonAbi> =
        agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
    let shown = proposal::simulate(chain, block, state, &tx, &expects, Authority::Pretended, &abis)
        .await
        .map_err(|error| PrepareError::Chain(chain_of(&error)))?;
    if let Some(why) = shown.simulation.why_not() {
        return Err(PrepareError::Refused(format!("at nonce {nonce}: {why}")));
    }
    match shown.safe_says {
        Some(says) if says.agrees(&hashes) => {}
        Some(says) => {
            return Err(PrepareError::Refused(format!(
                "at nonce {nonce} the Safe's own hash is {} and ours is {}: nothing may be signed",
                says.safe_tx, hashes.safe_tx
            )));
        }
        None => {
            return Err(PrepareError::Refused(format!(
                "at nonce {nonce} the Safe did not say its own hash of the transaction"
            )));
        }
    }
    let by = format!("block {}, {}", shown.simulation.block_number, shown.simulation.endpoints.join(", "));
    Ok((Entry { tx, hashes, signatures: Default::default() }, by))
}

fn notes(actions: &[&PlannedAction], state: &SafeState) -> Vec<String> {
    let mut notes = Vec::new();
    let conditional: Vec<_> = actions.iter().filter(|action| action.unless.is_some()).collect();
    if actions.len() > 1 && !conditional.is_empty() {
        notes.push(format!(
            "{} of {} actions have an `unless`: in an incident in which one holds already, fewer calls are proposed, and these signatures do not fit",
            conditional.len(),
            actions.len()
        ));
    }
    if let Some(guard) = state.guard {
        notes.push(format!("the Safe has a transaction guard, {guard}, which is asked when it is executed"));
    }
    if !state.version.has_chain_id() {
        notes.push(format!(
            "a Safe {} signs without the chain: these signatures are good for a Safe of this address on every chain",
            state.version
        ));
    }
    notes
}
