//! `redhandle module`: pauses that need neither a quorum nor the Safe's nonce.

mod act;
mod sign;
mod status;

pub use status::rows;

use super::exit::{Exit, Failure};
use super::incident::no_such;
use super::{Context, open};
use crate::agent::house::House;
use crate::agent::setup::Keys;
use crate::config::Reach;
use crate::config::settings::Module;
use crate::domain::names::ModuleName;

/// See, sign and take nonce-free paths.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Each path, simulated now: ready, closed, slow or unknown; exit code 1 when one is not ready.
    Status {
        /// One module; all without it.
        module: Option<ModuleName>,
    },
    /// Sign a pause as the deputy, with a random nonce: the result is what `relay` takes.
    Sign(sign::Args),
    /// Relay a deputy's signature: anybody may.
    Relay(act::RelayArgs),
    /// Pause as a member of a role.
    Pause(act::PauseArgs),
}

/// Runs one of them.
pub async fn module(context: &Context, command: Command) -> Result<Exit, Failure> {
    let keys = match &command {
        Command::Relay(args) if !args.key.is_named() => Keys::All,
        Command::Status { .. } | Command::Sign(_) | Command::Relay(_) | Command::Pause(_) => Keys::None,
    };
    let house = open::house(context, keys, Reach::Safe).await?;
    match command {
        Command::Status { module } => status::status(context, &house, module.as_ref()).await,
        Command::Sign(args) => sign::sign(context, &house, args).await,
        Command::Relay(args) => act::relay(context, &house, args).await,
        Command::Pause(args) => act::pause(context, &house, args).await,
    }
}

/// A module's settings, or the sentence that there is none.
fn settings<'a>(house: &'a House, name: &ModuleName) -> Result<&'a Module, Failure> {
    let modules = &house.agent.config.settings.modules;
    modules.get(name).ok_or_else(|| no_such("module", name.as_str(), modules.keys().map(ModuleName::as_str)))
}
