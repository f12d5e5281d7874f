//! Builds, simulates and hashes the proposal, from live state.
//!
//! Nothing leaves the house here: preparing is cheap and reversible, so it may begin on one alert. What
//! the chain says is read once, at one agreed block, and everything is decided on that.
//!
//! | file | does |
//! |---|---|
//! | `choose` | what is needed, and which Safe does it |
//! | `build` | one Safe's proposal: built, hashed twice, simulated |
//! | `queue` | what stands in the Safe's queue |
//! | `purpose` | what a Safe transaction does, in words |

mod build;
mod choose;
mod purpose;
mod queue;

pub use build::transaction;
pub use choose::needed;
pub use purpose::purpose;

use jiff::Timestamp;

use super::nested::approvals;
use super::upgrade::Resolved;
use super::{Agent, TaskError, chain_of, upgrade};
use crate::chain::Chain;
use crate::domain::incident::preparation::{Considered, Preparation};
use crate::domain::incident::{Fact, Incident, Retry, Task};
use crate::domain::runbook::Plan;
use build::Base;
pub(super) use build::planned;
use choose::{Everything, confirm, look_behind, rank, read_everything};

/// Why no proposal came out.
struct Problem {
    text: String,
    retry: Retry,
    draft: Option<Box<Preparation>>,
}

impl Problem {
    fn later(text: impl Into<String>) -> Self {
        Self { text: text.into(), retry: Retry::Later, draft: None }
    }

    fn never(text: impl Into<String>) -> Self {
        Self { text: text.into(), retry: Retry::Never, draft: None }
    }
}

enum Built {
    Ready(Box<Preparation>),
    /// Nothing is to be signed before this time, and why.
    Waiting(Timestamp, String),
    Unneeded(String),
}

/// Prepares, and records what came out.
///
/// # Errors
/// When nothing can be recorded.
pub async fn prepare(agent: &Agent, incident: &Incident, attempt: u32, begun: bool) -> Result<(), TaskError> {
    if !begun {
        let task = Task::Prepare { attempt, begun };
        if !agent.begin(incident.id, &task, &Fact::PreparationStarted { attempt }).await? {
            return Ok(());
        }
    }
    let fact = match build(agent, incident, attempt).await {
        Ok(Built::Ready(preparation)) => Fact::Prepared(preparation),
        Ok(Built::Unneeded(because)) => Fact::Unneeded { because },
        Ok(Built::Waiting(ready, because)) => {
            Fact::Waiting { until: upgrade::effect::not_before(agent.clock.now(), ready), because }
        }
        Err(Problem { text, retry, draft }) => {
            Fact::PreparationFailed { attempt, problem: text, retry, draft }
        }
    };
    agent.record_outcome(incident, fact).await.map_err(TaskError::from)
}

async fn build(agent: &Agent, incident: &Incident, attempt: u32) -> Result<Built, Problem> {
    let runbook = agent
        .runbook(incident)
        .ok_or_else(|| Problem::never("its runbook is not among the runbooks any more"))?;
    let plan = agent
        .plans
        .get(&runbook.id)
        .ok_or_else(|| Problem::never(format!("runbook {} could not be compiled", runbook.id)))?;
    let chain = chain_of_plan(agent, plan)?;
    let (block, resolved) = match Resolved::without_upgrades(plan) {
        Some(resolved) => (None, resolved),
        None => {
            // What an upgrade calls is read from the chain, too, and all of it at one block.
            let block = chain.head().await.map_err(|error| Problem::later(chain_of(&error)))?;
            let resolved = upgrade::resolve(agent, chain, &block, plan, Some(incident))
                .await
                .map_err(|refusal| Problem { text: refusal.text, retry: refusal.retry, draft: None })?;
            (Some(block), resolved)
        }
    };
    let plan = &resolved.plan;
    let Everything { block, values, safes } = read_everything(agent, chain, block, runbook, plan).await?;

    let confirmed_on_chain = confirm(incident, plan, &values)?;
    let (needed, mut skipped) = needed(plan, &values);
    skipped.extend(resolved.skipped.iter().cloned());
    if needed.is_empty() {
        if let Some((ready, because)) = resolved.wait() {
            return Ok(Built::Waiting(ready, because));
        }
        let because =
            skipped.iter().map(|skip| format!("{}: {}", skip.call, skip.because)).collect::<Vec<_>>();
        return Ok(Built::Unneeded(because.join("; ")));
    }
    let candidates = rank(agent, look_behind(chain, &block, safes).await);
    let mut considered: Vec<Considered> = Vec::new();
    let mut failed: Option<Box<Preparation>> = None;
    for (name, tree, report) in candidates {
        let Ok(tree) = tree else {
            let passed_over = tree.err();
            considered.push(Considered { safe: name, coverage: report, passed_over });
            continue;
        };
        let state = &tree.safe;
        let base = Base { agent, chain, block: &block, attempt, name: &name, state, report: &report };
        let mut preparation = match base.prepare(&needed, &skipped).await {
            Ok(preparation) => preparation,
            // One Safe that cannot is no reason not to try the next.
            Err(problem) => {
                considered.push(Considered { safe: name, coverage: report, passed_over: Some(problem.text) });
                continue;
            }
        };
        preparation.confirmed_on_chain.clone_from(&confirmed_on_chain);
        preparation.upgrades.extend(resolved.waiting.iter().cloned());
        upgrade::effect::prove(chain, &block, state, &mut preparation, &resolved).await;
        let why_not = preparation.simulation.why_not();
        let chosen = Considered { safe: name, coverage: report, passed_over: why_not.clone() };
        if why_not.is_none() {
            preparation.considered.push(chosen);
            preparation.considered.append(&mut considered);
            approvals::add(agent, chain, &block, &tree, &mut preparation).await;
            return Ok(Built::Ready(preparation));
        }
        considered.push(chosen);
        failed.get_or_insert(preparation);
    }
    Err(none_can(considered, failed))
}

/// Every Safe was tried: says of each why it cannot.
fn none_can(considered: Vec<Considered>, failed: Option<Box<Preparation>>) -> Problem {
    let reasons: Vec<_> = considered
        .iter()
        .map(|safe| {
            let why = safe.passed_over.as_deref().unwrap_or("it was not tried");
            format!("Safe {}: {why}", safe.safe)
        })
        .collect();
    let draft = failed.map(|mut preparation| {
        preparation.considered = considered;
        preparation
    });
    Problem { text: reasons.join("; "), retry: Retry::Later, draft }
}

fn chain_of_plan<'a>(agent: &'a Agent, plan: &Plan) -> Result<&'a Chain, Problem> {
    let action = plan.actions.first().ok_or_else(|| Problem::never("the runbook has no action"))?;
    let name = &action.call.chain;
    agent.chains.get(name).ok_or_else(|| Problem::never(format!("chain {name} is not configured")))
}
