//! Taking a nonce-free path.

use super::settings;
use crate::agent::house::House;
use crate::agent::module::{TakeError, Taken, pause_as_member, relay as relaying};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::presign::read_text;
use crate::cli::proposal::KeyArgs;
use crate::domain::module::PauseSignature;
use crate::domain::names::ModuleName;

/// Relay a deputy's signature.
#[derive(Debug, clap::Args)]
pub struct RelayArgs {
    /// The module.
    module: ModuleName,
    /// What `module sign` printed; "-" reads standard input.
    file: String,
    #[command(flatten)]
    pub key: KeyArgs,
}

/// Pause as a member of a role.
#[derive(Debug, clap::Args)]
pub struct PauseArgs {
    /// The module.
    module: ModuleName,
    #[command(flatten)]
    key: KeyArgs,
}

/// Relays; the configured executor pays unless a keystore is given.
pub async fn relay(context: &Context, house: &House, args: RelayArgs) -> Result<Exit, Failure> {
    let module = settings(house, &args.module)?;
    let text = read_text(&args.file)?;
    let signed: PauseSignature = serde_json::from_str(text.trim()).map_err(|error| {
        Failure::wrong(format!(
            "{}: {error}; expected what `redhandle module sign {}` prints",
            args.file, args.module
        ))
    })?;
    let key = if args.key.is_named() {
        args.key.open().await?
    } else {
        let nobody = "no key pays the gas: give --keystore, --ledger or --trezor, or configure [executor]";
        house.agent.executor.clone().ok_or_else(|| Failure::wrong(nobody))?
    };
    report(context, relaying(&house.agent, module, &signed, &key).await)
}

/// Calls as the member.
pub async fn pause(context: &Context, house: &House, args: PauseArgs) -> Result<Exit, Failure> {
    let module = settings(house, &args.module)?;
    let key = args.key.open().await?;
    report(context, pause_as_member(&house.agent, module, &key).await)
}

fn report(context: &Context, taken: Result<Taken, TakeError>) -> Result<Exit, Failure> {
    let taken = taken.map_err(|error| match error {
        TakeError::Wrong(text) => Failure::wrong(text),
        TakeError::Refused(_) | TakeError::Unfinished { .. } => Failure::of(&error),
    })?;
    context.out.result(&taken, |_| {
        let sent: Vec<_> = taken.transactions.iter().map(ToString::to_string).collect();
        format!(
            "sent {}, and verified on the chain at block {}: {}",
            sent.join(", "),
            taken.block,
            taken.expects.join("; ")
        )
    });
    Ok(Exit::Done)
}
