//! Signing a pause as the deputy.

use alloy::primitives::B256;

use super::settings;
use crate::agent::house::House;
use crate::agent::message::device_hex;
use crate::agent::module::{place, status};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::proposal::{KeyArgs, key_failure};
use crate::config::settings::ModuleKind;
use crate::domain::module::deputy_pause::typed_data;
use crate::domain::module::{PauseOrder, PauseSignature, pause_hash};
use crate::domain::names::ModuleName;

/// Sign a pause.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The module.
    module: ModuleName,
    #[command(flatten)]
    key: KeyArgs,
    /// Sign this nonce instead of a random one.
    #[arg(long, value_name = "HEX")]
    nonce: Option<B256>,
}

/// Signs; the result is JSON in both forms, for `module relay` to read.
pub async fn sign(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let module = settings(house, &args.module)?;
    match module.kind {
        ModuleKind::DeputyPause => {}
        ModuleKind::ZodiacRoles { .. } => {
            return Err(Failure::wrong(format!(
                "module {0} is a Roles modifier, which takes no signatures: its member calls with `redhandle module pause {0} --keystore FILE`",
                module.name
            )));
        }
    }
    let place = place(&house.agent, module).map_err(Failure::wrong)?;
    let key = args.key.open().await?;
    let report = status::report(&house.agent, module).await;
    let named = key.address().to_checksum(None);
    match &report.actor {
        Some(deputy) if !deputy.contains(&named) => {
            return Err(Failure::wrong(format!("the key {named} is not the deputy, which is {deputy}")));
        }
        Some(_) => {}
        // A chain that is away now may be there when it is relayed.
        None => context.out.note(&format!(
            "redhandle: whether {named} is the deputy was not learnt: {}",
            report.path.in_words()
        )),
    }
    let nonce = args.nonce.unwrap_or_else(status::random_nonce);
    let order = PauseOrder { chain_id: place.chain.id(), module: module.address, nonce };
    let hash = pause_hash(&order);
    let typed = typed_data(&order);
    let signature = key.sign_typed_data(&typed, hash).await.map_err(|error| key_failure(&error))?;
    let PauseOrder { chain_id, module, nonce } = order;
    let signed = PauseSignature { chain_id, module, nonce, signature };
    context.out.note(&format!(
        "signed {}; whoever has this can pause once, and nothing else",
        device_hex(hash.as_slice())
    ));
    let text = serde_json::to_string(&signed).map_err(|error| Failure::of(&error))?;
    context.out.result(&signed, |_| text);
    Ok(Exit::Done)
}
