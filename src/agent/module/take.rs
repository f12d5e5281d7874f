//! Takes a nonce-free path: relays a deputy's signature, or calls as a member of a role.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use tokio::time::{Instant, sleep};

use super::rehearse::{Attempt, Outcome, rehearse};
use super::status::{ask, deputy_revert, roles_revert};
use super::{Place, place};
use crate::agent::prepare::needed;
use crate::agent::reads::read_all;
use crate::agent::{Agent, chain_of};
use crate::chain::TransactionDraft;
use crate::config::settings::{Module, ModuleKind};
use crate::domain::expression::Verdict;
use crate::domain::module::deputy_pause::DeputyPause;
use crate::domain::module::{PauseSignature, RoleKey, zodiac_roles};
use crate::domain::runbook::PlannedAction;
use crate::domain::safe::SafeState;
use crate::signer::KeySigner;

/// How long a transaction may wait to be mined.
const MINED_WAIT_MAX: Duration = Duration::from_secs(120);

/// How long the effect is waited for once it is.
const EFFECT_WAIT_MAX: Duration = Duration::from_secs(30);

/// A path was taken, and what the runbook expects holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Taken {
    /// The transactions, in order.
    pub transactions: Vec<B256>,
    /// The block at which the effect was read.
    pub block: u64,
    /// What was read.
    pub expects: Vec<String>,
}

/// A path was not taken, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It is another kind of module, another key, another module's signature.
    #[error("{0}")]
    Wrong(String),
    /// It would not work; nothing was sent.
    #[error("nothing was sent: {0}")]
    Refused(String),
    /// Something was sent, and what is expected is not there.
    #[error("sent as {}, and {because}", .transactions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Unfinished {
        /// What was sent.
        transactions: Vec<B256>,
        /// What is missing.
        because: String,
    },
}

/// Relays a deputy's signature; `key` pays the gas, and nothing else is asked of it.
///
/// # Errors
/// When the signature is of something else or somebody else, was used, or the pause would not work.
pub async fn relay(
    agent: &Agent,
    module: &Module,
    signed: &PauseSignature,
    key: &KeySigner,
) -> Result<Taken, TakeError> {
    match module.kind {
        ModuleKind::DeputyPause => {}
        ModuleKind::ZodiacRoles { .. } => {
            let text = format!(
                "module {0} is a Roles modifier: its member calls with `redhandle module pause {0}`",
                module.name
            );
            return Err(TakeError::Wrong(text));
        }
    }
    let place = place(agent, module).map_err(TakeError::Wrong)?;
    if signed.module != module.address {
        let text = format!(
            "the signature is for module {}, and {} is {}",
            signed.module, module.name, module.address
        );
        return Err(TakeError::Wrong(text));
    }
    if signed.chain_id != place.chain.id() {
        let text = format!(
            "the signature is for chain {}, and {} is on {}",
            signed.chain_id,
            module.name,
            place.chain.id()
        );
        return Err(TakeError::Wrong(text));
    }
    let signer = signed.signer().map_err(|error| TakeError::Wrong(error.to_string()))?;
    let refused = TakeError::Refused;
    let block = place.chain.head().await.map_err(|error| refused(chain_of(&error)))?;
    let deputy =
        ask(place.chain, &block, module.address, DeputyPause::deputyCall {}).await.map_err(refused)?;
    match deputy {
        Some(deputy) if deputy == signer => {}
        Some(deputy) => {
            let text = format!(
                "the signature recovers to {signer}, and the deputy is {deputy}: the deputy was replaced, or something else was signed"
            );
            return Err(TakeError::Wrong(text));
        }
        None => {
            return Err(TakeError::Wrong(format!(
                "{} names no deputy: it is no DeputyPauseModule",
                module.address
            )));
        }
    }
    let used = DeputyPause::usedNoncesCall { nonce: signed.nonce };
    if ask(place.chain, &block, module.address, used).await.map_err(refused)? == Some(true) {
        return Err(TakeError::Refused(format!("nonce {} was used already: sign another", signed.nonce)));
    }
    let calls = |_: &[&PlannedAction]| vec![(module.address, signed.calldata())];
    take(agent, &place, key, calls, |revert| deputy_revert(agent, revert)).await
}

/// Calls as a member of a role.
///
/// # Errors
/// When the key is not the member's, the role does not allow it, or the call would not work.
pub async fn pause_as_member(agent: &Agent, module: &Module, key: &KeySigner) -> Result<Taken, TakeError> {
    let (role, member): (RoleKey, Address) = match module.kind {
        ModuleKind::ZodiacRoles { role, member } => (role, member),
        ModuleKind::DeputyPause => {
            let text = format!(
                "module {0} wants a deputy's signature: `redhandle module sign {0}`, then `redhandle module relay {0} FILE`",
                module.name
            );
            return Err(TakeError::Wrong(text));
        }
    };
    if key.address() != member {
        return Err(TakeError::Wrong(format!(
            "the key is {}'s, and the configured member is {member}",
            key.address()
        )));
    }
    let place = place(agent, module).map_err(TakeError::Wrong)?;
    let calls = |actions: &[&PlannedAction]| {
        let call = |action: &&PlannedAction| {
            (
                module.address,
                zodiac_roles::exec_with_role(action.call.address, action.call.data.clone(), role),
            )
        };
        actions.iter().map(call).collect()
    };
    take(agent, &place, key, calls, |revert| roles_revert(agent, revert, member, role)).await
}

async fn take(
    agent: &Agent,
    place: &Place<'_>,
    key: &KeySigner,
    calls: impl Fn(&[&PlannedAction]) -> Vec<(Address, Bytes)>,
    explain: impl Fn(&Bytes) -> String,
) -> Result<Taken, TakeError> {
    let refused = TakeError::Refused;
    let chain = place.chain;
    let block = chain.head().await.map_err(|error| refused(chain_of(&error)))?;
    let state: SafeState =
        chain.safe_state(&block, place.safe).await.map_err(|error| refused(chain_of(&error)))?;
    let unless = place.plan.actions.iter().filter_map(|action| action.unless.as_ref());
    let values = read_all(chain, &block, unless.flat_map(|unless| unless.reads())).await;
    let (actions, skipped) = needed(place.plan, &values);
    if actions.is_empty() {
        let told: Vec<_> = skipped.iter().map(|skip| format!("{}: {}", skip.call, skip.because)).collect();
        return Err(refused(format!("there is nothing to do: {}", told.join("; "))));
    }
    let expects = actions.iter().map(|action| &action.expect).collect();
    let (from, safe) = (key.address(), place.safe);
    let attempt = Attempt { from, calls: calls(&actions), overrides: Vec::new(), expects, safe };
    let gas = match rehearse(chain, &block, state.nonce, &attempt).await {
        Outcome::Works { gas, .. } => gas,
        Outcome::Reverts(data) => return Err(refused(format!("it would revert: {}", explain(&data)))),
        Outcome::NoEffect(what) => {
            return Err(refused(format!("it would go through, and this would not hold afterwards: {what}")));
        }
        Outcome::Unknown(why) => return Err(refused(format!("what it would do is unknown: {why}"))),
    };
    let mut transactions = Vec::new();
    for ((to, data), gas_hint) in attempt.calls.iter().zip(gas) {
        let draft = TransactionDraft { to: *to, data: data.clone(), gas_hint };
        let unfinished = |transactions: &Vec<B256>, because: String| {
            if transactions.is_empty() {
                TakeError::Refused(because)
            } else {
                TakeError::Unfinished { transactions: transactions.clone(), because }
            }
        };
        let signed =
            chain.sign(key, &draft).await.map_err(|error| unfinished(&transactions, chain_of(&error)))?;
        transactions.push(signed.hash);
        chain.send(&signed).await.map_err(|error| unfinished(&transactions, chain_of(&error)))?;
        let receipt = chain.receipt(signed.hash, MINED_WAIT_MAX).await;
        let receipt = receipt.map_err(|error| unfinished(&transactions, chain_of(&error)))?;
        if !receipt.succeeded {
            return Err(unfinished(
                &transactions,
                "it reverted: somebody was quicker, or the chain moved on".to_owned(),
            ));
        }
    }
    effect(agent, place, &actions, transactions).await
}

/// Reads what is expected until it holds.
async fn effect(
    agent: &Agent,
    place: &Place<'_>,
    actions: &[&PlannedAction],
    transactions: Vec<B256>,
) -> Result<Taken, TakeError> {
    let deadline = Instant::now() + EFFECT_WAIT_MAX;
    loop {
        let because = match place.chain.head().await {
            Err(error) => chain_of(&error),
            Ok(block) => {
                let reads = actions.iter().flat_map(|action| action.expect.reads());
                let values = read_all(place.chain, &block, reads).await;
                let broken: Vec<_> = actions
                    .iter()
                    .map(|action| &action.expect)
                    .filter(|expect| expect.evaluate(&values) != Verdict::True)
                    .map(|expect| expect.text().to_owned())
                    .collect();
                if broken.is_empty() {
                    let expects = actions.iter().map(|action| action.expect.text().to_owned()).collect();
                    return Ok(Taken { transactions, block: block.number, expects });
                }
                format!("this does not hold yet: {}", broken.join("; "))
            }
        };
        if Instant::now() >= deadline {
            return Err(TakeError::Unfinished { transactions, because });
        }
        sleep(agent.poll).await;
    }
}
