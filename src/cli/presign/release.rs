//! Releasing a window for an incident, and forgetting one.

use super::settings;
use crate::agent::house::House;
use crate::agent::presigned::{self, release::ReleaseError};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, open};
use crate::domain::incident::IncidentId;
use crate::domain::names::{PersonId, WindowName};

/// Let a window's signatures count for an incident.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The window.
    window: WindowName,
    /// The incident: INC-7.
    incident: IncidentId,
    /// Who says so, as the roster calls them.
    #[arg(long = "as", value_name = "PERSON")]
    person: PersonId,
}

/// Records it, and counts.
pub async fn release(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let settings = settings(house, &args.window)?;
    open::incident(house, args.incident)?;
    let released = presigned::release(&house.agent, settings, args.incident, args.person.clone()).await;
    let released = released.map_err(|error| match error {
        ReleaseError::Command(error) => error.into(),
        ReleaseError::Follow(_) => Failure::of(&error),
    })?;
    let json = serde_json::json!({
        "window": args.window,
        "incident_id": args.incident,
        "by": args.person,
        "confirmations": released.count.map(|(have, _)| have),
        "threshold": released.count.map(|(_, need)| need),
        "why_not": released.why_not,
    });
    context.out.result(&json, |_| match (&released.why_not, released.count) {
        (Some(why), _) => format!("released, and nothing of it counts now: {why}"),
        (None, None) => {
            "released; there is no proposal yet, and its signatures count as soon as there is".to_owned()
        }
        (None, Some((have, need))) => format!("released: {have} of {need} confirmations"),
    });
    Ok(if released.why_not.is_none() { Exit::Done } else { Exit::No })
}

/// Delete a window here.
#[derive(Debug, clap::Args)]
pub struct ForgetArgs {
    /// The window.
    window: WindowName,
    /// Yes: its signatures are deleted and must be collected again.
    #[arg(long)]
    yes: bool,
}

/// Deletes it, also one that does not open any more.
pub fn forget(context: &Context, house: &House, args: ForgetArgs) -> Result<Exit, Failure> {
    settings(house, &args.window)?;
    if !args.yes {
        return Err(Failure::wrong(format!(
            "forgetting window {} deletes its signatures, and they must be collected again; say --yes",
            args.window
        )));
    }
    let was_there = house.agent.presigned.forget(&args.window)?;
    let json = serde_json::json!({ "window": args.window, "was_there": was_there });
    context.out.result(&json, |_| {
        if was_there {
            "forgotten here. Whoever else has these signatures can use them until the Safe has passed their nonces.".to_owned()
        } else {
            "there was nothing to forget".to_owned()
        }
    });
    Ok(Exit::Done)
}
