//! `redhandle safe delegate`: an owner lets the proposer propose.
//!
//! A delegate can suggest and nothing else. The service wants an owner's signature that is at most two
//! hours old by *its* clock, so a machine whose clock is wrong is told so.

use alloy::primitives::Address;

use crate::agent::service::in_words;
use crate::agent::setup::Keys;
use crate::cli::exit::{Exit, Failure};
use crate::cli::proposal::{KeyArgs, key_failure};
use crate::cli::{Context, open};
use crate::domain::names::SafeName;
use crate::domain::safe::{SafeAddress, delegate_hash, delegate_typed_data, totp};
use crate::safe_service::client::NewDelegate;

/// Let the configured proposer propose for an owner.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The Safe, by its name in the configuration.
    safe: SafeName,
    #[command(flatten)]
    key: KeyArgs,
    /// Somebody else than the configured proposer.
    #[arg(long, value_name = "ADDRESS")]
    delegate: Option<Address>,
}

/// Signs as the owner, and hands it to the service.
pub async fn delegate(context: &Context, args: Args) -> Result<Exit, Failure> {
    let keys = if args.delegate.is_some() { Keys::None } else { Keys::All };
    let house = open::house(context, keys).await?;
    let agent = &house.agent;
    let safe = agent.config.settings.safes.get(&args.safe).ok_or_else(|| {
        let names: Vec<_> = agent.config.settings.safes.keys().map(ToString::to_string).collect();
        Failure::wrong(format!("no Safe is named \"{}\"; there is {}", args.safe, names.join(", ")))
    })?;
    let proposer = agent.proposer.as_ref().map(crate::signer::KeySigner::address);
    let delegate = args.delegate.or(proposer).ok_or_else(|| {
        Failure::wrong("there is no [proposer] in the configuration; configure one, or give --delegate")
    })?;
    let service = agent
        .services
        .get(&safe.chain)
        .ok_or_else(|| Failure::wrong(format!("chain {} has no Transaction Service", safe.chain)))?;
    let owner = args.key.open().await?;
    let now = agent.clock.now();
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let hour = totp(seconds);
    let typed = delegate_typed_data(safe.chain_id, delegate, hour);
    let signing = owner.sign_typed_data(&typed, delegate_hash(Some(safe.chain_id), delegate, hour));
    let signature = signing.await.map_err(|error| key_failure(&error))?;
    let new = NewDelegate {
        safe: Some(SafeAddress(safe.address)),
        delegate,
        delegator: owner.address(),
        signature,
        label: "Redhandle".to_owned(),
        expires: None,
    };
    service.client.add_delegate(&new).await.map_err(|error| {
        let why = in_words(SafeAddress(safe.address), &error);
        Failure::no(format!(
            "{} did not take the delegate: {why} (this machine's clock says {}; the service compares the hour)",
            service.name,
            context.out.time(now)
        ))
    })?;
    let json = serde_json::json!({
        "safe": args.safe, "delegate": delegate, "delegator": owner.address(), "service": service.name,
    });
    context.out.result(&json, |_| {
        format!(
            "{delegate} may propose to Safe {} for owner {}, at {}",
            args.safe,
            owner.address(),
            service.name
        )
    });
    Ok(Exit::Done)
}
