//! Signing as an owner.

use std::io::{IsTerminal as _, Write as _};

use super::{KeyArgs, nested, of, off_chain, show, verify};
use crate::agent::house::House;
use crate::agent::scrutiny::{STILL_WANTED, still_wanted};
use crate::agent::sign::{self, SignError, Signed};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::incident::IncidentId;
use crate::domain::incident::fact::OwnerConfirmation;
use crate::domain::names::PersonId;
use crate::domain::safe::SafeTxHash;
use crate::signer::KeySigner;

/// Sign as an owner.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident it belongs to: INC-7.
    incident: IncidentId,
    #[command(flatten)]
    key: KeyArgs,
    /// Who signs: the key must be this person's.
    #[arg(long = "as", value_name = "PERSON")]
    person: Option<PersonId>,
    /// Only this one of its transactions, by safeTxHash; without it, everything that the key is asked for.
    #[arg(long, value_name = "SAFE_TX_HASH")]
    hash: Option<SafeTxHash>,
    /// For a child Safe that can answer its parent without a transaction: sign a message of the child instead.
    #[arg(long, conflicts_with = "hash")]
    off_chain: bool,
    /// Sign although the incident is over or was found to be none.
    #[arg(long)]
    even_so: bool,
    /// Do not ask before signing.
    #[arg(long)]
    yes: bool,
}

/// Shows, verifies, asks, signs: each transaction that is asked for, one after the other.
pub async fn sign(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    if args.off_chain {
        return without_transaction(context, house, &args).await;
    }
    let (incident, proposal) = of(house, args.incident, args.hash)?;
    let mut asked = match args.hash {
        Some(hash) => vec![hash],
        None => incident.asked(),
    };
    // Where nothing is asked for, the proposal says why.
    if asked.is_empty() || (args.even_so && args.hash.is_none()) {
        asked = vec![proposal.safe_tx_hash()];
    }
    let mut key = None;
    let mut signed = Vec::new();
    for (index, hash) in asked.iter().enumerate() {
        if asked.len() > 1 && !context.out.is_json() {
            context.out.note(&format!("transaction {} of {} that are asked for", index + 1, asked.len()));
        }
        match one(context, house, &args, *hash, &mut key, asked.len() > 1).await? {
            Some(one) => signed.push(one),
            None if !context.out.is_json() => {
                context
                    .out
                    .note(&format!("{hash} is for the owners of another Safe: not signed with this key"));
            }
            None => {}
        }
    }
    let Some((first, others)) = signed.split_first() else {
        return Err(Failure::wrong("the key is no owner's of any transaction that is asked for"));
    };
    let mut value = json(args.incident, first);
    if let Some(fields) = value.as_object_mut() {
        let others: Vec<_> = others.iter().map(|other| json(args.incident, other)).collect();
        fields.insert("also_signed".to_owned(), others.into());
    }
    context.out.result(&value, |_| signed.iter().map(told).collect::<Vec<_>>().join("\n"));
    Ok(Exit::Done)
}

/// For a child Safe, as a message of the child about the proposal.
async fn without_transaction(context: &Context, house: &House, args: &Args) -> Result<Exit, Failure> {
    let (incident, preparation) = of(house, args.incident, None)?;
    if !context.out.is_json() {
        context.out.note(&show::text(&context.out, house, &incident, &preparation));
    }
    let scrutiny = verify::look(house, &incident, &preparation).await;
    if !scrutiny.genuine {
        let against = scrutiny.checks.iter().filter(|check| !check.good);
        let problems = against.map(|check| format!("not signed: {}: {}", check.what, check.found)).collect();
        return Err(Failure { exit: Exit::No, problems });
    }
    let key = args.key.open().await?;
    if let Some(person) = &args.person {
        owns(house, person, key.address())?;
    }
    let message = off_chain::asked(house, &preparation, &key).await?;
    context.out.note(&off_chain::text(&message, &preparation));
    if !args.yes && !agreed() {
        return Err(Failure::no("not signed"));
    }
    off_chain::go(context, house, args.incident, &preparation, &message, &key).await
}

/// One transaction. None: the key owns nothing of its Safe, and others are asked for as well.
async fn one(
    context: &Context,
    house: &House,
    args: &Args,
    hash: SafeTxHash,
    key: &mut Option<KeySigner>,
    of_several: bool,
) -> Result<Option<Signed>, Failure> {
    let (incident, preparation) = of(house, args.incident, Some(hash))?;
    if let Some(key) = key
        && of_several
        && !preparation.owners.contains(&key.address())
    {
        return Ok(None);
    }
    if !context.out.is_json() {
        context.out.note(&show::text(&context.out, house, &incident, &preparation));
    }
    if let Some(sentence) = nested::for_whom(&incident, hash) {
        context.out.note(&sentence);
    }
    let scrutiny = verify::look(house, &incident, &preparation).await;
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
    if key.is_none() {
        let opened = args.key.open().await?;
        if let Some(person) = &args.person {
            owns(house, person, opened.address())?;
        }
        *key = Some(opened);
    }
    let Some(key) = key else { return Ok(None) };
    if of_several && !preparation.owners.contains(&key.address()) {
        return Ok(None);
    }
    if !args.yes && !agreed() {
        return Err(Failure::no("not signed"));
    }
    if !args.even_so {
        // It may have been called off while the signer read.
        house.agent.store.sync().await.ok();
        let (newest, _) = of(house, args.incident, None)?;
        still_wanted(&newest, hash).map_err(|because| Failure::no(format!("not signed: {because}")))?;
    }
    if args.key.is_device() && !context.out.is_json() {
        context.out.note(&format!("Compare the hashes on {}, and press there.", key.name()));
    }
    let signed =
        sign::sign(&house.agent, args.incident, key.clone(), hash).await.map_err(|error| match error {
            SignError::NotAnOwner { .. } => Failure::wrong(error.to_string()),
            SignError::NoProposal(_)
            | SignError::Another { .. }
            | SignError::WrongHash
            | SignError::Key(_) => Failure::no(error.to_string()),
            SignError::Store(error) => error.into(),
        })?;
    if !signed.in_journal {
        return Err(unwritten(context, &json(args.incident, &signed), args.incident, &signed));
    }
    Ok(Some(signed))
}

fn json(id: IncidentId, signed: &Signed) -> serde_json::Value {
    let (have, need) = signed.count;
    serde_json::json!({
        "incident_id": id,
        "safe_tx_hash": signed.confirmation.safe_tx_hash,
        "owner": signed.confirmation.owner,
        "signature": signed.confirmation.signature,
        "confirmations": have,
        "threshold": need,
        "in_journal": signed.in_journal,
        "not_at_service": signed.not_at_service,
    })
}

fn told(signed: &Signed) -> String {
    let confirmation = &signed.confirmation;
    let (have, need) = signed.count;
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
