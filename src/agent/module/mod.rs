//! Nonce-free paths: how each stands, and taking one.
//!
//! | file | does |
//! |---|---|
//! | [`rehearse`] | runs calls on the endpoints' own EVM, and reads what is expected afterwards |
//! | [`status`] | each path, proven just now or not |
//! | [`take`] | relays a deputy's signature, or calls as a member of a role |
//!
//! **Invariants.** A path is ready only when the whole of it was simulated just now, module, Safe and guard included,
//! and everything the runbook expects held afterwards. What was pretended for that is said. Nothing is sent that was
//! not simulated with what is really sent.

pub mod rehearse;
pub mod status;
pub mod take;

pub use status::{report, reports};
pub use take::{TakeError, Taken, pause_as_member, relay};

use super::Agent;
use super::preflight::Finding;
use super::setup::SetupProblem;
use crate::chain::Chain;
use crate::config::Config;
use crate::config::settings::Module;
use crate::domain::module::PathState;
use crate::domain::names::ChainName;
use crate::domain::runbook::Plan;
use crate::domain::safe::SafeAddress;

/// What the files say of modules and cannot be so.
pub fn name_problems(config: &Config) -> Vec<SetupProblem> {
    let problem = |module: &Module| {
        let runbook = config.runbooks.get(&module.runbook);
        match runbook {
            None => Some(format!("there is no runbook \"{}\"", module.runbook)),
            Some(runbook) if runbook.actions.is_empty() => {
                Some(format!("runbook \"{}\" has no action that a module could take", module.runbook))
            }
            Some(_) => None,
        }
    };
    let of = |module: &Module| {
        let place = format!("[modules.{}]", module.name);
        problem(module).map(|problem| SetupProblem { place, problem })
    };
    config.settings.modules.values().filter_map(of).collect()
}

/// A module with what it stands on.
pub struct Place<'a> {
    /// The settings.
    pub module: &'a Module,
    /// Its Safe's chain.
    pub chain: &'a Chain,
    /// Its Safe.
    pub safe: SafeAddress,
    /// What it is another path for.
    pub plan: &'a Plan,
}

/// Finds what a module stands on.
///
/// # Errors
/// Says what is not configured.
pub fn place<'a>(agent: &'a Agent, module: &'a Module) -> Result<Place<'a>, String> {
    let safe = agent.config.settings.safes.get(&module.safe);
    let safe = safe.ok_or_else(|| format!("Safe {} is not configured", module.safe))?;
    let chain = agent.chains.get(&safe.chain);
    let chain = chain.ok_or_else(|| no_chain(agent, &safe.chain))?;
    let plan = agent.plans.get(&module.runbook);
    let plan = plan.ok_or_else(|| format!("runbook {} could not be compiled", module.runbook))?;
    if let Some(there) = plan.actions.iter().find(|action| action.call.chain != safe.chain) {
        let there = &there.call;
        return Err(format!(
            "contract {} is on {}, and Safe {} on {}",
            there.contract, there.chain, safe.name, safe.chain
        ));
    }
    if let Some(upgrade) = plan.actions.iter().find(|action| action.upgrade.is_some()) {
        return Err(format!(
            "runbook {} upgrades {}, which no module of ours does: name a runbook without upgrades",
            module.runbook, upgrade.call.contract
        ));
    }
    Ok(Place { module, chain, safe: SafeAddress(safe.address), plan })
}

/// Why a chain cannot be asked.
fn no_chain(agent: &Agent, name: &ChainName) -> String {
    match agent.config.settings.chains.get(name).and_then(|chain| chain.absent.as_ref()) {
        Some(why) => format!("chain {name} cannot be asked: {why}"),
        None => format!("chain {name} is not configured"),
    }
}

/// Every path as `check` tells it.
pub async fn findings(agent: &Agent) -> Vec<Finding> {
    let told = |report: crate::domain::module::PathReport| {
        let place = format!("[modules.{}]", report.module);
        match &report.path {
            PathState::Ready(_) => Finding::ok(place, report.path.in_words()),
            PathState::Closed(_) | PathState::Slow(_) | PathState::Unknown(_) => {
                Finding::problem(place, report.path.in_words())
            }
        }
    };
    reports(agent, None).await.into_iter().map(told).collect()
}
