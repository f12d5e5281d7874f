//! `redhandle proposal`: what owners are asked to sign.

mod execute;
mod show;
mod sign;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use super::exit::{Exit, Failure};
use super::{Context, open};
use crate::agent::house::House;
use crate::agent::setup::Keys;
use crate::domain::incident::{Incident, IncidentId, Preparation};

/// List, show, verify, sign and execute proposals.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Every proposal, newest first.
    List,
    /// One proposal: what it does, its hashes, who confirmed.
    Show {
        /// The incident it belongs to: INC-7.
        incident: IncidentId,
    },
    /// Recompute everything from the chain alone, and say yes or no.
    Verify {
        /// The incident it belongs to: INC-7.
        incident: IncidentId,
    },
    /// Sign as an owner, after verifying.
    Sign(sign::Args),
    /// Execute what enough owners confirmed, and read the effect on the chain.
    Execute(execute::Args),
}

/// Runs one of them.
pub async fn proposal(context: &Context, command: Command) -> Result<Exit, Failure> {
    let keys = match &command {
        Command::Execute(args) if args.keystore.is_none() => Keys::All,
        Command::List
        | Command::Show { .. }
        | Command::Verify { .. }
        | Command::Sign(_)
        | Command::Execute(_) => Keys::None,
    };
    let house = open::house(context, keys).await?;
    match command {
        Command::List => show::list(context, &house),
        Command::Show { incident } => show::show(context, &house, incident).await,
        Command::Verify { incident } => verify::verify(context, &house, incident).await,
        Command::Sign(args) => sign::sign(context, &house, args).await,
        Command::Execute(args) => execute::execute(context, &house, args).await,
    }
}

/// An incident's proposal, or the sentence that there is none and why.
fn of(house: &House, id: IncidentId) -> Result<(Arc<Incident>, Preparation), Failure> {
    let incident = open::incident(house, id)?;
    match &incident.preparation {
        Some(preparation) => {
            let preparation = preparation.clone();
            Ok((incident, preparation))
        }
        None => Err(Failure::no(format!(
            "{id} has no proposal; containment is {}; `redhandle incident show {id}` says more",
            incident.stage.as_str()
        ))),
    }
}

/// Where a keystore's password comes from.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PasswordArgs {
    /// The environment variable that holds the keystore's password.
    #[arg(long, value_name = "NAME", conflicts_with = "password_file")]
    password_env: Option<String>,
    /// The file that holds the keystore's password.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// Reads the password: from where was said, or asked for on the terminal.
    pub fn read(&self, keystore: &std::path::Path) -> Result<SecretString, Failure> {
        if let Some(name) = &self.password_env {
            return std::env::var(name).map(SecretString::from).map_err(|_| {
                Failure::wrong(format!("--password-env: the environment variable {name} is not set"))
            });
        }
        if let Some(path) = &self.password_file {
            return std::fs::read_to_string(path)
                .map(|text| SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
                .map_err(|error| {
                    Failure::wrong(format!("--password-file: could not read {}: {error}", path.display()))
                });
        }
        rpassword::prompt_password(format!("Password of {}: ", keystore.display()))
            .map(SecretString::from)
            .map_err(|error| {
                Failure::wrong(format!(
                    "no terminal to ask for the password ({error}); give --password-env or --password-file"
                ))
            })
    }
}
