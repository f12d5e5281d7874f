//! What commands open: the configuration, the journal, the agent.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::exit::Failure;
use super::{Context, output::Output};
use crate::agent::house::{House, HouseError};
use crate::agent::setup::Keys;
use crate::clock::{Clock as _, SharedClock, SystemClock};
use crate::config::{Config, Environment, Reach};
use crate::domain::incident::{Incident, IncidentId};
use crate::notify;

/// Reads and checks every file, with the secrets that `reach` needs.
pub fn config(context: &Context, reach: Reach) -> Result<Config, Failure> {
    config_with(&context.config, None, reach, &context.out)
}

/// Reads and checks every file, from `path`, with other runbooks where they are given.
pub fn config_with(
    path: &Path,
    runbooks: Option<&Path>,
    reach: Reach,
    out: &Output,
) -> Result<Config, Failure> {
    let today = SystemClock.now().to_zoned(TimeZone::system()).date();
    let environment = Environment::from_os(std::env::vars_os());
    let config = crate::config::load_with(path, &environment, today, runbooks, reach)?;
    for warning in config.warnings.iter() {
        out.note(&format!("warning: {warning}"));
    }
    Ok(config)
}

/// Opens everything for a command that goes as far as `reach`, or as far as the keys it opens.
pub async fn house(context: &Context, keys: Keys, reach: Reach) -> Result<House, Failure> {
    let reach = match keys {
        Keys::None => reach,
        Keys::All => reach.max(Reach::Keys),
    };
    let config = config(context, reach)?;
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
    House::open(config, listen, keys, console, clock).await.map_err(|error| match error {
        HouseError::Setup(problems) => problems.into(),
        HouseError::Journal(error) => error.into(),
        HouseError::Store(error) => error.into(),
    })
}

/// One incident, or the sentence that there is none.
pub fn incident(house: &House, id: IncidentId) -> Result<Arc<Incident>, Failure> {
    let unknown = || Failure::wrong(format!("there is no {id}; `redhandle incident list` names them"));
    house.agent.store.get(id).ok_or_else(unknown)
}
