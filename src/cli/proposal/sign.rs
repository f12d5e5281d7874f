//! Signing as an owner.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::{PasswordArgs, nested, of, off_chain, show, verify};
use crate::agent::house::House;
use crate::agent::scrutiny::{STILL_WANTED, still_wanted};
use crate::agent::setup::open_keystore;
use crate::agent::sign::{self, SignError, Signed};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::incident::IncidentId;
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::names::PersonId;
use crate::domain::safe::SafeTxHash;

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
    /// Another transaction of the incident, by safeTxHash: a child Safe's approval. Without it: what is asked
    /// of the person, the proposal first.
    #[arg(long, value_name = "HASH")]
    tx: Option<SafeTxHash>,
    /// For a child Safe that can answer its parent without a transaction: sign a message of the child instead.
    #[arg(long, conflicts_with = "tx")]
    off_chain: bool,
    /// Sign although the incident is over or was found to be none.
    #[arg(long)]
    even_so: bool,
    /// Do not ask before signing.
    #[arg(long)]
    yes: bool,
}

/// Shows, verifies, asks, signs.
pub async fn sign(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let (incident, proposal) = of(house, args.incident)?;
    // A message of a child is about the proposal itself.
    let person = args.person.as_ref().filter(|_| !args.off_chain);
    let (_, preparation) = nested::meant(house, args.incident, person, args.tx)?;
    let shown = preparation.safe_tx_hash();
    let approval = incident.companion(shown).filter(|known| known.companion.is_approval());
    // Whoever signs for a child is shown its parent's proposal first: that is what the approval is worth.
    let subject = if approval.is_some() { &proposal } else { &preparation };
    if !context.out.is_json() {
        context.out.note(&show::text(&context.out, house, &incident, subject));
    }
    let mut scrutiny = verify::look(house, &incident, subject).await;
    nested::scrutinise(house, &incident, shown, &mut scrutiny).await;
    if let Some(known) = approval {
        let sentence = crate::agent::nested::page::sentence(&known.companion, &proposal);
        context.out.note(&format!("{sentence}; the hash to sign is {shown}"));
    }
    if !context.out.is_json() {
        context.out.note(&verify::text(&context.out, &scrutiny));
    }
    let against = scrutiny.checks.iter().filter(|check| !check.good);
    let against: Vec<_> = against.filter(|check| !(args.even_so && check.what == STILL_WANTED)).collect();
    if !against.is_empty() {
        let mut problems: Vec<_> =
            against.iter().map(|check| format!("not signed: {}: {}", check.what, check.found)).collect();
        if against.iter().all(|check| check.what == STILL_WANTED) {
            problems.push("an owner who wants it all the same says --even-so".to_owned());
        }
        return Err(Failure { exit: Exit::No, problems });
    }
    let password = args.password.read(&args.keystore)?;
    let key = open_keystore(&args.keystore, &password).map_err(Failure::wrong)?;
    if let Some(person) = &args.person {
        owns(house, person, key.address())?;
    }
    let message = match args.off_chain {
        true => Some(off_chain::asked(house, &preparation, &key).await?),
        false => None,
    };
    if let Some(message) = &message {
        context.out.note(&off_chain::text(message, &preparation));
    }
    if !args.yes && !agreed() {
        return Err(Failure::no("not signed"));
    }
    if !args.even_so {
        // It may have been called off while the signer read.
        house.agent.store.sync().await.ok();
        let (newest, _) = of(house, args.incident)?;
        still_wanted(&newest).map_err(|because| Failure::no(format!("not signed: {because}")))?;
    }
    if let Some(message) = &message {
        return off_chain::go(context, house, args.incident, &preparation, message, &key).await;
    }
    let signed = sign::sign(&house.agent, args.incident, &key, shown).await.map_err(|error| match error {
        SignError::NotAnOwner { .. } => Failure::wrong(error.to_string()),
        SignError::NoProposal(_) | SignError::Another { .. } | SignError::WrongHash | SignError::Key(_) => {
            Failure::no(error.to_string())
        }
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
        "in_journal": signed.in_journal,
        "not_at_service": signed.not_at_service,
    });
    if !signed.in_journal {
        return Err(unwritten(context, &json, args.incident, &signed));
    }
    context.out.result(&json, |_| {
        let confirmation = &signed.confirmation;
        let mut text = format!(
            "signed {} as {}: {have} of {need} confirmations",
            confirmation.safe_tx_hash, confirmation.owner
        );
        if let Some(why) = &signed.not_at_service {
            text.push_str(&format!(
                "\nThe signature is in the journal and counts. The Transaction Service does not have it: {why}"
            ));
        }
        text
    });
    Ok(Exit::Done)
}

/// The signature is there and the journal does not have it: this process ends, and it must not end with it.
fn unwritten(context: &Context, json: &serde_json::Value, id: IncidentId, signed: &Signed) -> Failure {
    let OwnerConfirmation { safe_tx_hash, owner, signature, .. } = &signed.confirmation;
    context
        .out
        .result(json, |_| format!("safeTxHash {safe_tx_hash}\nowner      {owner}\nsignature  {signature}"));
    let service = match &signed.not_at_service {
        None => "the Transaction Service has it, and the agent reads it there".to_owned(),
        Some(why) => format!(
            "nor does the Transaction Service have it ({why}): keep the signature above, or nobody has it"
        ),
    };
    Failure {
        exit: Exit::No,
        problems: vec![
            format!("the signature is made, and the journal does not have it; {service}"),
            format!("give it in again with `redhandle proposal sign {id}` once the journal can be written"),
        ],
    }
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
