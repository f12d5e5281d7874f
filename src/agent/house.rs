//! An opened house: what every command and the daemon stand on.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Agent;
use super::setup::{self, Keys, SetupProblems, Surroundings};
use super::store::StoreError;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::domain::condition::Condition;
use crate::domain::names::RunbookId;
use crate::journal::{JournalError, SqliteJournal};
use crate::notify;

/// The agent, its journal, its conditions.
pub struct House {
    /// The agent; its incidents are as the journal tells them.
    pub agent: Arc<Agent>,
    /// The journal, as the database it is.
    pub journal: Arc<SqliteJournal>,
    /// Conditions, compiled.
    pub conditions: Vec<(RunbookId, Condition)>,
}

/// The house cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// The files are wrong.
    #[error(transparent)]
    Setup(#[from] SetupProblems),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal cannot be followed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl House {
    /// Opens everything that a configuration names.
    ///
    /// # Errors
    /// When the files are wrong or the journal does not open.
    pub async fn open(
        config: Config,
        listen: SocketAddr,
        keys: Keys,
        console: Option<notify::Output>,
        clock: SharedClock,
    ) -> Result<Self, HouseError> {
        let journal = Arc::new(SqliteJournal::open(&config.settings.journal).await?);
        let around = Surroundings { journal: Arc::clone(&journal) as _, clock, console, listen, keys };
        Self::over(journal, config, around).await
    }

    /// Opens everything over a journal that is open already. Facts go through `around.journal`: the same
    /// journal, or it behind something that stands in front of it.
    ///
    /// # Errors
    /// When the files are wrong or the journal cannot be followed.
    pub async fn over(
        journal: Arc<SqliteJournal>,
        config: Config,
        around: Surroundings,
    ) -> Result<Self, HouseError> {
        let keys = around.keys;
        let (mut agent, conditions) = setup::agent(config, around)?;
        setup::connect(&mut agent, keys).await?;
        agent.store.sync().await?;
        agent.silences.sync().await?;
        Ok(Self { agent: Arc::new(agent), journal, conditions })
    }
}
