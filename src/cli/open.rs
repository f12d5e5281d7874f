//! What commands open: the configuration, the journal, the agent.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::exit::Failure;
use super::{Context, output::Output};
use crate::agent::Agent;
use crate::agent::setup::{self, Keys, Surroundings};
use crate::clock::{Clock as _, SharedClock, SystemClock};
use crate::config::{Config, Environment};
use crate::domain::condition::Condition;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::names::RunbookId;
use crate::journal::{Journal, SqliteJournal};
use crate::notify;

/// Reads and checks every file.
pub fn config(context: &Context) -> Result<Config, Failure> {
    config_at(&context.config, &context.out)
}

/// Reads and checks every file, from `path`.
pub fn config_at(path: &Path, out: &Output) -> Result<Config, Failure> {
    let today = SystemClock.now().to_zoned(TimeZone::system()).date();
    let environment = Environment::from_os(std::env::vars_os());
    let config = crate::config::load(path, &environment, today)?;
    for warning in config.warnings.iter() {
        out.note(&format!("warning: {warning}"));
    }
    Ok(config)
}

/// An opened house: the agent and what is only the daemon's.
pub struct House {
    /// The agent; its incidents are as the journal tells them.
    pub agent: Arc<Agent>,
    /// The journal, as the database it is.
    pub journal: Arc<SqliteJournal>,
    /// Conditions, compiled.
    pub conditions: Vec<(RunbookId, Condition)>,
}

/// Opens everything for a command.
pub async fn house(context: &Context, keys: Keys) -> Result<House, Failure> {
    let config = config(context)?;
    let listen = config.settings.web.listen;
    house_of(config, listen, keys, None, SystemClock::shared()).await
}

/// Opens everything that a configuration names.
pub async fn house_of(
    config: Config,
    listen: SocketAddr,
    keys: Keys,
    console: Option<notify::Output>,
    clock: SharedClock,
) -> Result<House, Failure> {
    let journal = Arc::new(SqliteJournal::open(&config.settings.journal).await?);
    let as_journal: Arc<dyn Journal> = Arc::clone(&journal) as Arc<dyn Journal>;
    let around = Surroundings { journal: as_journal, clock, console, listen, keys };
    let (agent, conditions) = setup::agent(config, around)?;
    agent.store.sync().await?;
    Ok(House { agent: Arc::new(agent), journal, conditions })
}

impl House {
    /// One incident, or the sentence that there is none.
    pub fn incident(&self, id: IncidentId) -> Result<Arc<Incident>, Failure> {
        self.agent
            .store
            .get(id)
            .ok_or_else(|| Failure::wrong(format!("there is no {id}; `redhandle incident list` names them")))
    }
}
