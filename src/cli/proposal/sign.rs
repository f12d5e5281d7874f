//! Signing as an owner.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::{PasswordArgs, of, show, verify};
use crate::agent::house::House;
use crate::agent::setup::open_keystore;
use crate::agent::sign::{self, SignError};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::incident::IncidentId;
use crate::domain::names::PersonId;

/// Sign as an owner.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident it belongs to: INC-7.
    incident: IncidentId,
    /// The owner's encrypted keystore.
    #[arg(long, value_name = "FILE")]
    keystore: PathBuf,
    #[command(flatten)]
    password: PasswordArgs,
    /// Who signs: the key must be this person's.
    #[arg(long = "as", value_name = "PERSON")]
    person: Option<PersonId>,
    /// Do not ask before signing.
    #[arg(long)]
    yes: bool,
}

/// Shows, verifies, asks, signs.
pub async fn sign(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let (incident, preparation) = of(house, args.incident)?;
    if !context.out.is_json() {
        context.out.note(&show::text(&context.out, house, &incident, &preparation));
    }
    let scrutiny = verify::look(house, &incident, &preparation).await;
    if !context.out.is_json() {
        context.out.note(&verify::text(&context.out, &scrutiny));
    }
    if !scrutiny.genuine {
        let problems = scrutiny.checks.iter().filter(|check| !check.good);
        let problems = problems.map(|check| format!("not signed: {}: {}", check.what, check.found)).collect();
        return Err(Failure { exit: Exit::No, problems });
    }
    let password = args.password.read(&args.keystore)?;
    let key = open_keystore(&args.keystore, &password).map_err(Failure::wrong)?;
    if let Some(person) = &args.person {
        owns(house, person, key.address())?;
    }
    if !args.yes && !agreed() {
        return Err(Failure::no("not signed"));
    }
    let signed = sign::sign(&house.agent, args.incident, &key).await.map_err(|error| match error {
        SignError::NotAnOwner { .. } => Failure::wrong(error.to_string()),
        SignError::NoProposal(_) | SignError::WrongHash | SignError::Key(_) => Failure::no(error.to_string()),
        SignError::Store(error) => error.into(),
    })?;
    let (have, need) = signed.count;
    let json = serde_json::json!({
        "incident_id": args.incident,
        "safe_tx_hash": signed.confirmation.safe_tx_hash,
        "owner": signed.confirmation.owner,
        "signature": signed.confirmation.signature,
        "confirmations": have,
        "threshold": need,
        "not_at_service": signed.not_at_service,
    });
    context.out.result(&json, |_| {
        let mut text = format!("signed as {}: {have} of {need} confirmations", signed.confirmation.owner);
        if let Some(why) = &signed.not_at_service {
            text.push_str(&format!(
                "\nThe signature is in the journal and counts. The Transaction Service does not have it: {why}"
            ));
        }
        text
    });
    Ok(Exit::Done)
}

fn owns(house: &House, person: &PersonId, owner: alloy::primitives::Address) -> Result<(), Failure> {
    match house.agent.config.roster.person_of(owner) {
        Some(holder) if holder.id == *person => Ok(()),
        Some(holder) => Err(Failure::wrong(format!("the key {owner} is {}'s, not {person}'s", holder.id))),
        None => Err(Failure::wrong(format!("the roster knows nobody with the key {owner}"))),
    }
}

/// Asked on a terminal only: a script that signs says `--yes`.
fn agreed() -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    write!(std::io::stderr(), "Sign? Compare the hashes with your device first. Type yes: ").ok();
    std::io::stderr().flush().ok();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}
