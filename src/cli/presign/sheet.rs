//! What one person signs.

use alloy::primitives::Address;

use super::prepare::hashes;
use super::settings;
use crate::agent::house::House;
use crate::agent::presigned::{look, never_prepared};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Look;
use crate::domain::names::{PersonId, WindowName};
use crate::domain::presigned::{Entry, EntryState, Standing, Window};
use crate::domain::safe::typed_data;

/// What a person signs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The window.
    window: WindowName,
    /// Who signs.
    #[arg(long)]
    person: PersonId,
}

/// Prints it.
pub async fn sheet(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let Some((window, standing)) = look(&house.agent, settings(house, &args.window)?).await? else {
        return Err(Failure::no(never_prepared(&args.window)));
    };
    let owners = owners_of(house, &window, &args.person)?;
    let open: Vec<_> = owners.iter().map(|owner| (*owner, unsigned(&window, &standing, *owner))).collect();
    let json = serde_json::json!({
        "window": window.name,
        "person": args.person,
        "trouble": standing.trouble(),
        "sheets": open.iter().map(|(owner, entries)| serde_json::json!({
            "signer": owner,
            "entries": entries.iter().map(|entry| serde_json::json!({
                "nonce": entry.tx.nonce,
                "domain_hash": entry.hashes.domain,
                "message_hash": entry.hashes.message,
                "safe_tx_hash": entry.hashes.safe_tx,
                "typed_data": typed_data(&entry.tx, &window.domain),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
    context.out.result(&json, |out| {
        let mut text = hashes(&window);
        if standing.unknown.is_some() || !standing.void.is_empty() {
            text.push_str(&format!("\n\n{}", out.look(&standing.trouble().unwrap_or_default(), Look::Bad)));
        }
        for (owner, entries) in &open {
            let nonces: Vec<_> = entries.iter().map(|entry| entry.tx.nonce.to_string()).collect();
            text.push_str(&format!("\n\n{} signs as {owner}: ", args.person));
            if nonces.is_empty() {
                text.push_str("everything is signed.");
            } else {
                text.push_str(&format!("nonce {}.", nonces.join(", ")));
            }
        }
        text.push_str(&format!(
            "\n\nCompare the domain hash and each message hash with the device. Sign with\n  redhandle presign sign {0} --person {1} --keystore FILE\nor elsewhere (--json has the typed data), and bring lines signer:nonce:signature:\n  redhandle presign add {0} FILE",
            args.window, args.person
        ));
        text
    });
    Ok(Exit::Done)
}

/// What an owner has not signed and could still be executed.
pub fn unsigned<'a>(window: &'a Window, standing: &Standing, owner: Address) -> Vec<&'a Entry> {
    let is_open = |entry: &&Entry| {
        let known = standing.entries.iter().find(|known| known.nonce == entry.tx.nonce);
        let state = known.map(|known| &known.entry);
        match state {
            Some(EntryState::Used | EntryState::Void) => false,
            Some(EntryState::Complete | EntryState::Short { .. } | EntryState::Unknown) | None => {
                !entry.signatures.contains_key(&owner)
            }
        }
    };
    window.entries.iter().filter(is_open).collect()
}

/// The owners a person signs as.
pub fn owners_of(house: &House, window: &Window, person: &PersonId) -> Result<Vec<Address>, Failure> {
    let roster = &house.agent.config.roster;
    if !roster.people.contains_key(person) {
        let names = roster.people.keys().map(PersonId::as_str);
        return Err(crate::cli::incident::no_such("person", person.as_str(), names));
    }
    let theirs = |owner: &&Address| roster.person_of(**owner).is_some_and(|holder| holder.id == *person);
    let owners: Vec<_> = window.ground.owners.iter().filter(theirs).copied().collect();
    if owners.is_empty() {
        let text = format!(
            "{person} holds no owner key of Safe {} in the roster: there is nothing for them to sign",
            window.safe
        );
        return Err(Failure::wrong(text));
    }
    Ok(owners)
}
