//! Reads every `expect` on the chain until it holds, and keeps reading.
//!
//! Green means read on the chain at a named block. A read that fails is not green and not red: it is
//! read again, and after the effect was verified a lasting failure to read is no loss of the effect.

use jiff::SignedDuration;

use super::reads::read_all;
use super::{Agent, TaskError, chain_of, upgrade};
use crate::chain::{BlockRef, Chain};
use crate::domain::contract::Contracts;
use crate::domain::expression::{ReadExpression, Verdict};
use crate::domain::incident::{Fact, Incident, Preparation, Stage};

/// How long after its execution an effect may take to be readable before people are called.
const EFFECT_WAIT: SignedDuration = SignedDuration::from_secs(15);

/// The proposal's `expect`s, compiled.
///
/// # Errors
/// When one no longer compiles: the configuration changed under an open incident.
pub fn expects(preparation: &Preparation, contracts: &Contracts) -> Result<Vec<ReadExpression>, String> {
    preparation
        .calls
        .iter()
        .map(|call| {
            ReadExpression::compile(&call.expect, contracts).map_err(|errors| {
                let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
                format!("`{}` no longer compiles: {}", call.expect, errors.join("; "))
            })
        })
        .collect()
}

/// What the expectations are worth at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All hold.
    Holds(Vec<String>),
    /// At least one is false.
    Broken(String),
    /// At least one cannot be told.
    Unknown(String),
}

/// Reads the expectations.
pub async fn standing(chain: &Chain, block: &BlockRef, expects: &[ReadExpression]) -> Standing {
    let values = read_all(chain, block, expects.iter().flat_map(|expect| expect.reads())).await;
    let mut held = Vec::new();
    let mut unknown = None;
    for expect in expects {
        match expect.evaluate(&values) {
            Verdict::True => held.push(expect.text().to_owned()),
            Verdict::False => return Standing::Broken(format!("{} is false", expect.text())),
            Verdict::Unknown(reason) => {
                unknown.get_or_insert(format!("{} is unknown: {reason}", expect.text()));
            }
        }
    }
    unknown.map_or(Standing::Holds(held), Standing::Unknown)
}

async fn look(agent: &Agent, preparation: &Preparation) -> Result<(BlockRef, Standing), TaskError> {
    let chain = agent
        .chains
        .get(&preparation.chain)
        .ok_or_else(|| TaskError::NotNow(format!("chain {} is not configured", preparation.chain)))?;
    let expects = expects(preparation, &agent.config.settings.contracts).map_err(TaskError::NotNow)?;
    let block = chain.head().await.map_err(|error| TaskError::NotNow(chain_of(&error)))?;
    let standing = standing(chain, &block, &expects).await;
    let standing = upgrade::effect::stands(chain, &block, preparation, standing).await;
    Ok((block, standing))
}

/// Looks whether the effect is there.
///
/// # Errors
/// When the chain cannot be read: the same look stays due.
pub async fn verify(agent: &Agent, incident: &Incident) -> Result<(), TaskError> {
    let Some(preparation) = &incident.preparation else { return Ok(()) };
    match look(agent, preparation).await? {
        (block, Standing::Holds(expects)) => {
            let chain = agent.chains.get(&preparation.chain);
            let next = match chain {
                Some(chain) => upgrade::effect::goes_on(agent, chain, &block, preparation).await?,
                None => None,
            };
            let fact = next.unwrap_or(Fact::Verified { block: block.number, expects });
            agent.record_outcome(incident, fact).await.map_err(TaskError::from)
        }
        (block, Standing::Broken(because) | Standing::Unknown(because)) => {
            tracing::info!(incident.id = %incident.id, %because, "the effect is not there yet");
            let waited = incident.executed_at.map(|at| agent.clock.now().duration_since(at));
            if incident.effect_missing || waited.is_none_or(|waited| waited < EFFECT_WAIT) {
                return Ok(());
            }
            let fact = Fact::EffectMissing { block: block.number, because };
            agent.record_outcome(incident, fact).await.map_err(TaskError::from)
        }
    }
}

/// Looks whether the effect is still there.
///
/// # Errors
/// When the chain cannot be read: the same look stays due.
pub async fn watch(agent: &Agent, incident: &Incident) -> Result<(), TaskError> {
    if matches!(incident.stage, Stage::Waiting { .. }) {
        return upgrade::effect::watch(agent, incident).await;
    }
    let Some(preparation) = &incident.preparation else { return Ok(()) };
    let (block, standing) = look(agent, preparation).await?;
    let fact = match (standing, incident.effect_lost) {
        (Standing::Broken(because), None) => Fact::EffectLost { block: block.number, because },
        (Standing::Holds(expects), Some(_)) => Fact::Verified { block: block.number, expects },
        (Standing::Broken(_), Some(_)) | (Standing::Holds(_), None) => return Ok(()),
        (Standing::Unknown(because), _) => return Err(TaskError::NotNow(because)),
    };
    agent.record_outcome(incident, fact).await.map_err(TaskError::from)
}
