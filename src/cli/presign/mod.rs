//! `redhandle presign`: signatures collected in calm times for a runbook's transaction at a Safe's next nonces.

mod add;
mod prepare;
mod release;
mod sheet;
mod sign;
mod status;

pub use add::read_text;

use super::exit::{Exit, Failure};
use super::incident::no_such;
use super::{Context, open};
use crate::agent::chain_of;
use crate::agent::house::House;
use crate::agent::presigned::WindowsError;
use crate::agent::setup::Keys;
use crate::config::Reach;
use crate::config::settings::Presigned;
use crate::domain::names::WindowName;

/// Prepare, sign, collect, watch and release windows of pre-signed transactions.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Build and simulate the transactions of the next nonces, and keep the signatures that still fit.
    Prepare {
        /// The window.
        window: WindowName,
    },
    /// What a person signs: every nonce with its hashes, and with --json the typed data.
    Sheet(sheet::Args),
    /// Sign every nonce with an owner's keystore.
    Sign(sign::Args),
    /// Take in signatures that were made elsewhere.
    Add(add::Args),
    /// Each nonce: complete, short, used or void; exit code 1 when the window cannot be relied on.
    Status {
        /// One window; all without it.
        window: Option<WindowName>,
    },
    /// Let a window's signatures count for an incident.
    Release(release::Args),
    /// Delete a window and its signatures here; the owners' signatures stay good on the chain.
    Forget(release::ForgetArgs),
}

/// Runs one of them.
pub async fn presign(context: &Context, command: Command) -> Result<Exit, Failure> {
    let house = open::house(context, Keys::None, Reach::Safe).await?;
    match command {
        Command::Prepare { window } => prepare::prepare(context, &house, &window).await,
        Command::Sheet(args) => sheet::sheet(context, &house, args).await,
        Command::Sign(args) => sign::sign(context, &house, args).await,
        Command::Add(args) => add::add(context, &house, args).await,
        Command::Status { window } => status::status(context, &house, window.as_ref()).await,
        Command::Release(args) => release::release(context, &house, args).await,
        Command::Forget(args) => release::forget(context, &house, args),
    }
}

/// The settings of a window, or the sentence that there is none.
fn settings<'a>(house: &'a House, name: &WindowName) -> Result<&'a Presigned, Failure> {
    let windows = &house.agent.config.settings.presigned;
    windows
        .iter()
        .find(|window| window.name == *name)
        .ok_or_else(|| no_such("window", name.as_str(), windows.iter().map(|window| window.name.as_str())))
}

impl From<WindowsError> for Failure {
    fn from(error: WindowsError) -> Self {
        Self::no(chain_of(&error))
    }
}
