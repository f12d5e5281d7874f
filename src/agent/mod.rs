//! Reconcilers that keep incidents moving, and the driver that runs them.
//!
//! ```text
//! feeds ─▶ intake ─▶ matcher (domain) ─▶ incident (domain) ─▶ due tasks ─▶ driver ─▶ reconcilers ─▶ facts
//! ```
//!
//! | file | does |
//! |---|---|
//! | [`setup`] | makes the agent from the files people wrote |
//! | [`intake`] | alerts to incidents; acknowledged after commit |
//! | [`blocks`] | whether an alert's block is on its chain |
//! | [`replay`] | the same judgement over recorded alerts |
//! | [`store`] | incidents as the journal tells them; compare-and-swap |
//! | [`silences`] | who silenced what, and what that held back |
//! | [`driver`] | derives what is due and runs it; the only place that spawns |
//! | [`prepare`], [`submit`], [`follow`], [`execute`], [`reject`], [`verify`], [`page`], [`draft`] | one kind of task each |
//! | [`command`] | what people decide |
//! | [`reports`] | what people report, with its evidence; acknowledged after commit |
//! | [`service`] | the Transaction Service of a chain, hosted or embedded |
//! | [`queue`], [`service_watch`], [`pace`] | a Safe's queue read and audited; services watched; how often they are asked |
//! | [`feed_watch`] | feeds that are silent for longer than they may be |
//! | [`upgrade`] | other code behind a contract: pins, layouts, slots, timelocks |
//! | [`preflight`] | the files against the chain |
//! | [`presigned`] | windows of signatures collected in advance: prepared, watched, used |
//! | [`module`] | pauses that need no Safe nonce: proven, signed, relayed |
//!
//! **Invariants.** A reconciler takes an incident and a task and nothing else; it may run twice, and two
//! of them at once, here or in another process. Intent is journalled before an effect, the outcome after
//! it, failures included. Reconcilers never call each other. What a reconciler must *not* do is decide:
//! decisions are the domain's, on the state that the journal has.

pub mod at_service;
pub mod blocks;
pub mod chain_feed;
pub mod command;
pub mod daemon;
pub mod draft;
pub mod driver;
pub mod exchange;
pub mod execute;
pub mod feed;
pub mod feed_watch;
pub mod files;
pub mod follow;
pub mod house;
pub mod intake;
mod intent;
mod keys;
pub mod message;
pub mod module;
pub mod nested;
pub mod pace;
pub mod page;
mod past;
pub mod preflight;
pub mod prepare;
pub mod presigned;
pub mod proposal;
pub mod queue;
pub mod reads;
pub mod reject;
pub mod replay;
pub mod reports;
pub mod scrutiny;
pub mod service;
pub mod service_watch;
pub mod setup;
pub mod sign;
pub mod silences;
pub mod store;
pub mod submit;
pub mod upgrade;
pub mod verify;
mod wanted;
mod yielding;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::chain::{Chain, Relay};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::domain::incident::{Fact, Incident, Task, World};
use crate::domain::names::{ChainName, ChannelName, RunbookId};
use crate::domain::runbook::{Plan, Runbook};
pub use crate::domain::text::chain_of;
use crate::journal::EvidenceStore;
use crate::notify::{AckLinks, Channel};
use crate::signer::KeySigner;
use service::ServiceLink;
use store::{IncidentStore, Recorded, StoreError};

/// Everything that reconcilers work with.
pub struct Agent {
    /// Incidents, as the journal tells them.
    pub store: Arc<IncidentStore>,
    /// What time it is.
    pub clock: SharedClock,
    /// The files people wrote.
    pub config: Arc<Config>,
    /// Each runbook's machine part, compiled.
    pub plans: BTreeMap<RunbookId, Plan>,
    /// Chains by name.
    pub chains: BTreeMap<ChainName, Chain>,
    /// Transaction Services by chain.
    pub services: BTreeMap<ChainName, ServiceLink>,
    /// Channels by name.
    pub channels: BTreeMap<ChannelName, Channel>,
    /// Silences, as the journal tells them.
    pub silences: silences::SilenceBook,
    /// Windows of pre-signed transactions, sealed at rest.
    pub presigned: presigned::Windows,
    /// Signs proposals: a Safe delegate, never an owner.
    pub proposer: Option<KeySigner>,
    /// Pays gas for executions.
    pub executor: Option<KeySigner>,
    /// Private relays that executions are handed to first, by chain.
    pub relays: BTreeMap<ChainName, Relay>,
    /// Links by which a page is acknowledged.
    pub links: AckLinks,
    /// How often chain and service are looked at while something is awaited.
    pub poll: Duration,
    /// Where drafts of post-mortems are written.
    pub post_mortems: PathBuf,
    /// Files that came with reports.
    pub evidence: Arc<EvidenceStore>,
}

/// A task could not be done, and could not say so in the journal either.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The outcome could not be recorded.
    #[error("could not record what happened")]
    Store(#[from] StoreError),
    /// A chain or service could not be asked; the same task stays due.
    #[error("{0}")]
    NotNow(String),
}

impl Agent {
    /// What the derivation of tasks needs to know beside the incident.
    pub fn world<'a>(&'a self, incident: &Incident) -> World<'a> {
        let runbook = self.runbook(incident);
        let roster = &self.config.roster;
        let policy = runbook
            .and_then(|runbook| runbook.policy.as_ref())
            .or(self.config.settings.policy.as_ref())
            .and_then(|name| roster.policies.get(name));
        let auto_execute = self.executor.is_some()
            && self.config.settings.executor.as_ref().is_some_and(|executor| executor.auto);
        let can_propose = self.proposer.is_some();
        World { runbook, roster, policy, can_propose, auto_execute, waits_for: self.waits_for(incident) }
    }

    /// The incident's runbook.
    pub fn runbook(&self, incident: &Incident) -> Option<&Runbook> {
        incident.runbook.as_ref().and_then(|id| self.config.runbooks.get(id))
    }

    /// Records facts about containment on the newest state, as long as the incident is at `version`.
    async fn record(&self, incident: &Incident, facts: Vec<Fact>) -> Result<Recorded, StoreError> {
        self.store.record(incident.id, incident.version, facts, true).await
    }

    /// Records an outcome on whatever the state is now: effects happened, so their outcome stands, unless
    /// it no longer fits (somebody else recorded it).
    async fn record_outcome(&self, incident: &Incident, fact: Fact) -> Result<(), StoreError> {
        loop {
            let Some(newest) = self.store.get(incident.id) else {
                return Err(StoreError::Unknown(incident.id));
            };
            // Of one signature several may tell at once: whoever made it, the service, the next look.
            if let Fact::Confirmed(confirmation) = &fact
                && newest.has_counted(confirmation)
            {
                return Ok(());
            }
            match self.store.record(incident.id, newest.version, vec![fact.clone()], true).await {
                Ok(Recorded::Applied | Recorded::Unwritten) => return Ok(()),
                Ok(Recorded::Stale) => {}
                Err(StoreError::Refused(refused)) => {
                    tracing::debug!(incident.id = %incident.id, %refused, "somebody else was quicker");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Does one task, and records its outcome.
async fn reconcile(agent: &Agent, incident: &Incident, task: &Task) -> Result<(), TaskError> {
    match task {
        Task::Declare => agent.declare(incident).await,
        Task::Prepare { attempt, begun } => prepare::prepare(agent, incident, *attempt, *begun).await,
        Task::Submit { safe_tx_hash, attempt, begun } => {
            submit::submit(agent, incident, *safe_tx_hash, *attempt, *begun).await
        }
        Task::Follow { safe_tx_hash } => follow::follow(agent, incident, *safe_tx_hash).await,
        Task::Execute { safe_tx_hash, attempt, begun } => {
            execute::execute(agent, incident, *safe_tx_hash, *attempt, *begun).await
        }
        Task::Reject { of, attempt, begun } => reject::reject(agent, incident, *of, *attempt, *begun).await,
        Task::Verify => verify::verify(agent, incident).await,
        Task::Watch => verify::watch(agent, incident).await,
        Task::Page { page, attempt, begun } => page::page(agent, incident, page, *attempt, *begun).await,
        Task::Exhaust { purpose } => {
            let _stale_is_fine = agent.record(incident, vec![Fact::Exhausted { purpose: *purpose }]).await?;
            Ok(())
        }
        Task::DraftPostMortem => draft::draft(agent, incident).await,
        Task::Yield { to } => agent.yields(incident, *to).await,
    }
}

impl Agent {
    /// Declares what its runbook says a match declares.
    async fn declare(&self, incident: &Incident) -> Result<(), TaskError> {
        use crate::domain::incident::Actor;
        let commands = command::Commands::new(&self.store, &self.config.roster, self.clock.now());
        let runbook = self.runbook(incident);
        match commands.declare(incident.id, Actor::Agent, command::Command::default(), runbook).await {
            Ok(_) => Ok(()),
            // A person declared it in between.
            Err(command::CommandError::Store(StoreError::Refused(_))) => Ok(()),
            Err(command::CommandError::Store(error)) => Err(error.into()),
            Err(error) => Err(TaskError::NotNow(chain_of(&error))),
        }
    }
}
