//! Signing every nonce of a window with one key.

use std::io::{IsTerminal as _, Write as _};

use super::prepare::hashes;
use super::settings;
use super::sheet::{owners_of, unsigned};
use crate::agent::house::House;
use crate::agent::presigned::{add, look, never_prepared};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::proposal::{KeyArgs, key_failure};
use crate::domain::names::{PersonId, WindowName};
use crate::domain::presigned::{Brought, Entry};
use crate::domain::safe::hash;

/// Sign every nonce.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The window.
    window: WindowName,
    /// Who signs: the key must be this person's.
    #[arg(long)]
    person: PersonId,
    #[command(flatten)]
    key: KeyArgs,
    /// Do not ask before signing.
    #[arg(long)]
    yes: bool,
}

/// Shows, compares with the chain, asks, signs, seals.
pub async fn sign(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let settings = settings(house, &args.window)?;
    let Some((window, standing)) = look(&house.agent, settings).await? else {
        return Err(Failure::no(never_prepared(&args.window)));
    };
    let owners = owners_of(house, &window, &args.person)?;
    // A short window is what signing is for; a void or unknown one is not signed.
    if standing.unknown.is_some() || !standing.void.is_empty() {
        return Err(Failure::no(format!("nothing was signed: {}", standing.trouble().unwrap_or_default())));
    }
    if !context.out.is_json() {
        context.out.note(&hashes(&window));
    }
    let key = args.key.open().await?;
    if !owners.contains(&key.address()) {
        return Err(Failure::wrong(format!(
            "the key {} is not {}'s owner key of Safe {}",
            key.address(),
            args.person,
            window.safe
        )));
    }
    let entries = unsigned(&window, &standing, key.address());
    if !entries.is_empty() && !args.yes && !agreed(entries.len()) {
        return Err(Failure::no("nothing was signed"));
    }
    let mut brought = Vec::new();
    for entry in entries {
        let Entry { tx, hashes, .. } = entry;
        if hash(tx, &window.domain) != *hashes {
            return Err(Failure::no(
                "a transaction's hash is not the hash of its fields: nothing was signed",
            ));
        }
        let signature = key.sign_safe_tx(tx, &window.domain).await.map_err(|error| key_failure(&error))?;
        brought.push(Brought {
            place: format!("nonce {}", tx.nonce),
            signer: key.address(),
            nonce: tx.nonce,
            signature,
        });
    }
    let added = add(&house.agent, settings, &brought).await.map_err(|error| Failure::of(&error))?;
    super::add::report(context, &args.window, &added, &[])
}

/// Asked on a terminal only: a script that signs says `--yes`.
fn agreed(count: usize) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let mut stderr = std::io::stderr();
    write!(
        stderr,
        "These signatures can be used later, without asking again. Sign {count} transaction(s)? Type yes: "
    )
    .ok();
    stderr.flush().ok();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}
