//! `redhandle safe delegate`: an owner lets the proposer propose, changes that, or ends it; and who may.
//!
//! A delegate can suggest and nothing else. The service wants an owner's signature that is at most two
//! hours old by *its* clock: where it refuses one, both clocks are compared and the difference is told.

use alloy::primitives::Address;
use jiff::Timestamp;
use serde_json::json;

use crate::agent::service::ServiceLink;
use crate::agent::setup::Keys;
use crate::agent::{Agent, chain_of};
use crate::cli::exit::{Exit, Failure};
use crate::cli::proposal::{KeyArgs, key_failure};
use crate::cli::{Context, open};
use crate::config::Reach;
use crate::config::settings::Safe;
use crate::domain::names::SafeName;
use crate::domain::safe::{SafeAddress, delegate_hash, delegate_typed_data, totp};
use crate::domain::text::terminal;
use crate::safe_service::client::{DelegateRemoval, NewDelegate, Removed};

/// Characters of a label (service 6.10.1).
const LABEL_CHARS_MAX: usize = 50;

/// Let the configured proposer propose for an owner; or list who may, or end it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The Safe, by its name in the configuration.
    safe: SafeName,
    #[command(flatten)]
    key: KeyArgs,
    /// Somebody else than the configured proposer.
    #[arg(long, value_name = "ADDRESS")]
    delegate: Option<Address>,
    /// For every Safe of the owner, not for this one alone.
    #[arg(long)]
    everywhere: bool,
    /// Free text that the service shows beside the delegate; given again, it is changed.
    #[arg(long, value_name = "TEXT", default_value = "Redhandle")]
    label: String,
    /// When it ends, for example 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    expires: Option<Timestamp>,
    /// End it: the delegate may no longer propose for this owner.
    #[arg(long, conflicts_with_all = ["list", "expires"])]
    remove: bool,
    /// List everybody who may propose to this Safe, owner-wide delegates included.
    #[arg(long, conflicts_with_all = ["keystore", "ledger", "trezor", "everywhere", "expires"])]
    list: bool,
}

/// Signs as the owner, and hands it to the service; or lists.
pub async fn delegate(context: &Context, args: Args) -> Result<Exit, Failure> {
    let keys = if args.delegate.is_some() || args.list { Keys::None } else { Keys::All };
    if args.label.chars().count() > LABEL_CHARS_MAX {
        return Err(Failure::wrong(format!(
            "--label is longer than {LABEL_CHARS_MAX} characters: shorten it"
        )));
    }
    let house = open::house(context, keys, Reach::Safe).await?;
    let agent = &house.agent;
    let safe = agent.config.settings.safes.get(&args.safe).ok_or_else(|| {
        let names: Vec<_> = agent.config.settings.safes.keys().map(ToString::to_string).collect();
        Failure::wrong(format!("no Safe is named \"{}\"; there is {}", args.safe, names.join(", ")))
    })?;
    let service = agent
        .services
        .get(&safe.chain)
        .ok_or_else(|| Failure::wrong(format!("chain {} has no Transaction Service", safe.chain)))?;
    if args.list {
        return list(context, agent, service, safe).await;
    }
    let proposer = agent.proposer.as_ref().map(crate::signer::KeySigner::address);
    let delegate = args.delegate.or(proposer).ok_or_else(|| {
        Failure::wrong("there is no [proposer] in the configuration; configure one, or give --delegate")
    })?;
    let now = agent.clock.now();
    if args.expires.is_some_and(|expires| expires <= now) {
        return Err(Failure::wrong(
            "--expires has passed already: name a later instant, or --remove the delegate",
        ));
    }
    let owner = args.key.open().await?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let hour = totp(seconds);
    let typed = delegate_typed_data(safe.chain_id, delegate, hour);
    let signing = owner.sign_typed_data(&typed, delegate_hash(Some(safe.chain_id), delegate, hour));
    let signature = signing.await.map_err(|error| key_failure(&error))?;
    let of = (!args.everywhere).then_some(SafeAddress(safe.address));
    if args.remove {
        let removal = DelegateRemoval { safe: of, delegate, delegator: owner.address(), signature };
        return remove(context, service, safe, removal).await;
    }
    let new = NewDelegate {
        safe: of,
        delegate,
        delegator: owner.address(),
        signature,
        label: args.label.clone(),
        expires: args.expires,
    };
    service.client.add_delegate(&new).await.map_err(|error| {
        let why = service.hour_in_words(SafeAddress(safe.address), &error);
        Failure::no(format!(
            "{} did not take the delegate: {why} (this machine's clock says {}; the service compares the hour)",
            service.name,
            context.out.time(now)
        ))
    })?;
    let json = json!({
        "safe": args.safe, "delegate": delegate, "delegator": owner.address(), "service": service.name,
        "everywhere": args.everywhere, "label": args.label, "expires": args.expires,
    });
    let whose = if args.everywhere { "every Safe".to_owned() } else { format!("Safe {}", args.safe) };
    context.out.result(&json, |_| {
        format!("{delegate} may propose to {whose} for owner {}, at {}", owner.address(), service.name)
    });
    Ok(Exit::Done)
}

async fn remove(
    context: &Context,
    service: &ServiceLink,
    safe: &Safe,
    removal: DelegateRemoval,
) -> Result<Exit, Failure> {
    let removed = service.client.remove_delegate(&removal).await.map_err(|error| {
        let why = service.hour_in_words(SafeAddress(safe.address), &error);
        Failure::no(format!("{} did not remove the delegate: {why}", service.name))
    })?;
    let DelegateRemoval { delegate, delegator, .. } = removal;
    let now = removed == Removed::Now;
    let json = json!({
        "safe": safe.name, "delegate": delegate, "delegator": delegator, "service": service.name, "removed": now,
    });
    context.out.result(&json, |_| {
        if now {
            format!(
                "{delegate} may no longer propose for owner {delegator} at {}; what it proposed before stays in the queue",
                service.name
            )
        } else {
            format!(
                "{delegate} was no delegate of {delegator} at {}, so nothing was removed; is it one of another owner, or owner-wide (--everywhere)?",
                service.name
            )
        }
    });
    Ok(if now { Exit::Done } else { Exit::No })
}

async fn list(context: &Context, agent: &Agent, service: &ServiceLink, safe: &Safe) -> Result<Exit, Failure> {
    let address = SafeAddress(safe.address);
    let chain = agent
        .chains
        .get(&safe.chain)
        .ok_or_else(|| Failure::wrong(format!("chain {} has no endpoints", safe.chain)))?;
    let unread = |error: &dyn std::error::Error| {
        Failure::no(format!("the owners of Safe {} cannot be read: {}", safe.name, chain_of(error)))
    };
    let block = chain.head().await.map_err(|error| unread(&error))?;
    let state = chain.safe_state(&block, address).await.map_err(|error| unread(&error))?;
    let found = service.client.delegations(address, &state.owners).await.map_err(|error| {
        Failure::no(format!(
            "the delegates of Safe {} are unknown: {}",
            safe.name,
            service.in_words(address, &error)
        ))
    })?;
    let now = agent.clock.now();
    let rows: Vec<_> = found
        .delegates
        .iter()
        .map(|one| {
            let state = if !state.is_owner(one.delegator) {
                "void: no owner now"
            } else if one.expiry_date.is_some_and(|expiry| expiry <= now) {
                "expired"
            } else {
                "may propose"
            };
            (one, state)
        })
        .collect();
    let json: Vec<_> = rows.iter().map(|(one, state)| json!({ "delegation": one, "state": state })).collect();
    context.out.result(&json!({ "safe": safe.name, "delegates": json, "cut": found.cut }), |out| {
        if rows.is_empty() {
            return format!("nobody may propose to Safe {} for an owner, at {}", safe.name, service.name);
        }
        let table = rows.iter().map(|(one, state)| {
            vec![
                one.delegate.to_string(),
                one.delegator.to_string(),
                if one.safe.is_none() { "every Safe".to_owned() } else { safe.name.to_string() },
                (*state).to_owned(),
                terminal(&one.label),
            ]
        });
        let mut text = out.table(&["delegate", "for owner", "at", "state", "label"], table.collect());
        if found.cut {
            text.push_str("\nThe Safe has so many owners that not all were asked for owner-wide delegates.");
        }
        text
    });
    Ok(Exit::Done)
}
