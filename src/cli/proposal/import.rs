//! Signatures taken back without a service: from a file, or pasted.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{choose, of};
use crate::agent::exchange::{self, Fate, Import, Verdict};
use crate::agent::house::House;
use crate::agent::sign::SignError;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::safe::SafeTxHash;
use crate::domain::safe::exchange::FILE_MAX_BYTES;
use crate::domain::safe::paste::{self, Pasted};

/// Import signatures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file with signatures; `-` is standard input, to paste into.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// The incident or safeTxHash they are for; if not given, what the file says, or the only open proposal.
    #[arg(long = "for", value_name = "INCIDENT|HASH")]
    which: Option<String>,
}

/// Judges each, keeps the good ones, names the others.
pub async fn import(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let text = read(&args.file)?;
    let pasted =
        paste::read(&text).map_err(|error| Failure::wrong(format!("{}: {error}", args.file.display())))?;
    let named = named(&pasted);
    let (id, hash) = choose(house, args.which.as_deref(), named)?;
    let (_, preparation) = of(house, id, hash)?;
    let ours = preparation.safe_tx_hash();
    if let Some(file) = &pasted.file {
        let theirs = file.recompute().safe_tx;
        if theirs != ours {
            return Err(Failure::no(format!(
                "the file is of another proposal ({theirs}) than {id} has now ({ours}): export it anew, and sign that"
            )));
        }
    }
    if pasted.claims.is_empty() {
        return Err(Failure::no(format!("{} holds no signature yet", args.file.display())));
    }
    let import =
        exchange::import(&house.agent, id, Some(ours), &pasted.claims).await.map_err(
            |error| match error {
                SignError::Store(error) => error.into(),
                SignError::NoProposal(_)
                | SignError::NotAnOwner { .. }
                | SignError::Another { .. }
                | SignError::WrongHash
                | SignError::Key(_) => Failure::no(error.to_string()),
            },
        )?;
    context.out.result(&import, |out| words(out, house, &import));
    let refused = import.signatures.iter().any(|verdict| verdict.fate == Fate::Refused);
    if !import.in_journal {
        return Err(Failure::no(
            "the signatures count in this process only, because the journal cannot be written: keep them, and import them again",
        ));
    }
    Ok(if refused { Exit::No } else { Exit::Done })
}

/// The proposal that every signature says it is of.
fn named(pasted: &Pasted) -> Option<SafeTxHash> {
    let of_file = pasted.file.as_ref().map(|file| file.recompute().safe_tx);
    of_file.or_else(|| pasted.claims.iter().find_map(|claim| claim.hash))
}

/// Reads a file or standard input, and no more than fits.
pub fn read(path: &Path) -> Result<String, Failure> {
    let limit = FILE_MAX_BYTES as u64 + 1;
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    match read {
        Ok(_) if text.len() > FILE_MAX_BYTES => {
            Err(Failure::wrong(format!("{} is longer than {FILE_MAX_BYTES} bytes", path.display())))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::wrong(format!("could not read {}: {error}", path.display()))),
    }
}

fn words(out: &Output, house: &House, import: &Import) -> String {
    let mut lines = vec![format!("{}  safeTxHash {}", import.incident_id, import.safe_tx_hash)];
    lines.extend(import.signatures.iter().map(|verdict| line(out, house, verdict)));
    lines.push(format!("owners read from {}", import.owners_from));
    lines.push(format!("{} of {} needed confirmations are there", import.confirmations, import.threshold));
    if let Some(why) = &import.not_at_service {
        lines.push(format!(
            "They are in the journal and count. The Transaction Service does not have them: {why}"
        ));
    }
    lines.join("\n")
}

fn line(out: &Output, house: &House, verdict: &Verdict) -> String {
    let mark = match verdict.fate {
        Fate::Counted => out.look("counted", Look::Good),
        Fate::Known => "known  ".to_owned(),
        Fate::Refused => out.look("REFUSED", Look::Bad),
    };
    let who = verdict.owner.map(|owner| {
        let person = house
            .agent
            .config
            .roster
            .person_of(owner)
            .map_or("nobody in the roster", |person| person.id.as_str());
        format!("  {owner}  {person}")
    });
    let mut text = format!("{mark}  {}{}", verdict.place, who.unwrap_or_default());
    for remark in &verdict.remarks {
        text.push_str(&format!("\n         {remark}"));
    }
    text
}
