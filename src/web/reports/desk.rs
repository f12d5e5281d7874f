//! Where reports go: a port, and the agent behind it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::agent::Agent;
use crate::agent::reports::{self, Arrived, ReportError, Taken};
use crate::domain::names::{FeedName, RunbookId};
use crate::journal::{JournalError, Quarantine, RejectedLine};

/// The name under which `feed quarantine` lists what came by mail and is no report.
pub const MAIL_SHELF: &str = "reports-mail";

/// Takes reports.
#[async_trait]
pub trait Desk: Send + Sync + fmt::Debug {
    /// Whether there is such a runbook.
    fn has_runbook(&self, id: &RunbookId) -> bool;

    /// Takes a report; when this answers, it is committed.
    ///
    /// # Errors
    /// When it could not be committed.
    async fn take(&self, arrived: Arrived) -> Result<Taken, ReportError>;

    /// Keeps a mail that is no report, for people to look at.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn set_aside(&self, reason: String, raw: String) -> Result<(), JournalError>;
}

/// The agent's desk.
pub struct AgentDesk {
    agent: Arc<Agent>,
    quarantine: Arc<dyn Quarantine>,
}

impl AgentDesk {
    /// A desk that records through this agent, and keeps the rest here.
    pub fn new(agent: Arc<Agent>, quarantine: Arc<dyn Quarantine>) -> Self {
        Self { agent, quarantine }
    }
}

impl fmt::Debug for AgentDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentDesk")
    }
}

#[async_trait]
impl Desk for AgentDesk {
    fn has_runbook(&self, id: &RunbookId) -> bool {
        self.agent.config.runbooks.contains_key(id)
    }

    async fn take(&self, arrived: Arrived) -> Result<Taken, ReportError> {
        reports::take(&self.agent, arrived).await
    }

    async fn set_aside(&self, reason: String, raw: String) -> Result<(), JournalError> {
        let (feed, at) = (FeedName::new(MAIL_SHELF), self.agent.clock.now());
        self.quarantine.keep(RejectedLine { feed, at, line: 1, reason, raw }).await
    }
}
