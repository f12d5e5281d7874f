//! Taking in signatures that were made elsewhere.

use std::io::Read as _;

use super::settings;
use crate::agent::house::House;
use crate::agent::presigned::{self, Added};
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::domain::names::WindowName;
use crate::domain::presigned::IntakeError;
use crate::domain::presigned::intake::{TEXT_MAX_BYTES, read};
use crate::domain::text::terminal;

/// Take in signatures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The window.
    window: WindowName,
    /// Lines signer:nonce:signature, or JSON; "-" reads standard input.
    file: String,
}

/// Reads, judges, seals what fits, and names what does not.
pub async fn add(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let settings = settings(house, &args.window)?;
    let text = read_text(&args.file)?;
    let (brought, unread) = read(&text);
    if brought.is_empty() {
        let problems = unread.iter().map(ToString::to_string).collect();
        return Err(Failure { exit: Exit::Wrong, problems });
    }
    let added =
        presigned::add(&house.agent, settings, &brought).await.map_err(|error| Failure::of(&error))?;
    report(context, &args.window, &added, &unread)
}

/// Says what became of signatures.
pub fn report(
    context: &Context,
    window: &WindowName,
    added: &Added,
    unread: &[IntakeError],
) -> Result<Exit, Failure> {
    let mut problems: Vec<String> = unread.iter().map(ToString::to_string).collect();
    problems.extend(added.misfits.iter().map(|(place, what)| format!("{place}: {what}")));
    let json = serde_json::json!({
        "window": window,
        "added": added.added,
        "known": added.known,
        "problems": problems,
        "standing": added.standing,
    });
    context.out.result(&json, |_| {
        let mut text = format!("{} signature(s) added and sealed", added.added);
        if added.known > 0 {
            text.push_str(&format!(", {} known already", added.known));
        }
        text.push_str(&format!("; {} nonce(s) complete from the Safe's nonce on", added.standing.remaining));
        text
    });
    for problem in &problems {
        context.out.note(&format!("redhandle: not taken: {}", terminal(problem)));
    }
    Ok(if problems.is_empty() { Exit::Done } else { Exit::No })
}

/// The text of a file or of standard input, with a bound.
pub fn read_text(file: &str) -> Result<String, Failure> {
    let bound = u64::try_from(TEXT_MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let done = if file == "-" {
        std::io::stdin().take(bound + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(bound + 1).read_to_end(&mut bytes))
    };
    done.map_err(|error| Failure::wrong(format!("{file} could not be read: {error}")))?;
    if bytes.len() > TEXT_MAX_BYTES {
        return Err(Failure::wrong(format!("{file} is longer than {TEXT_MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Failure::wrong(format!("{file} is no text")))
}
