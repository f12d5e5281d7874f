//! `redhandle proposal`: what owners are asked to sign.

mod approve;
mod companion;
mod execute;
mod export;
mod import;
mod inspect;
mod keys;
mod nested;
mod off_chain;
mod qr;
mod reject;
mod show;
mod sign;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use super::exit::{Exit, Failure};
use super::{Context, open};
use crate::agent::house::House;
use crate::agent::setup::Keys;
use crate::config::Reach;
use crate::domain::incident::{Incident, IncidentId, Preparation};
use crate::domain::safe::SafeTxHash;
pub use keys::{KeyArgs, failure as key_failure};

/// Proposals: list, show, check, sign, export, import, approve on chain, reject and execute.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Every proposal, newest first.
    List,
    /// One proposal: what it does, its hashes, who confirmed.
    Show {
        /// The incident it belongs to: INC-7.
        incident: IncidentId,
        /// One of its other transactions, by safeTxHash.
        #[arg(long, value_name = "SAFE_TX_HASH")]
        hash: Option<SafeTxHash>,
    },
    /// Recompute everything from the chain alone, and say yes or no.
    Verify {
        /// The incident it belongs to: INC-7; or a file that `proposal export` wrote, here or elsewhere.
        #[arg(value_name = "INCIDENT|FILE")]
        which: String,
        /// Ask nobody: recompute what a file says of itself.
        #[arg(long)]
        offline: bool,
        /// One of the incident's other transactions, by safeTxHash.
        #[arg(long, value_name = "SAFE_TX_HASH")]
        hash: Option<SafeTxHash>,
    },
    /// Write one file that carries the proposal to whoever signs it, and commands that do without us.
    Export(export::Args),
    /// Take signatures back from a file or pasted, and say of each whether it counts.
    Import(import::Args),
    /// Print the transaction by which an owner approves on the chain.
    Approve(approve::Args),
    /// Call the proposal off: prepare the rejection that uses up its nonce.
    Reject(reject::Args),
    /// Sign as an owner, after verifying.
    Sign(sign::Args),
    /// Execute what enough owners confirmed, and read the effect on the chain.
    Execute(execute::Args),
}

/// Runs one of them.
pub async fn proposal(context: &Context, command: Command) -> Result<Exit, Failure> {
    let keys = match &command {
        Command::Verify { which, offline, .. } if which.parse::<IncidentId>().is_err() => {
            return inspect::inspect(context, Path::new(which), *offline).await;
        }
        Command::Verify { offline: true, .. } => {
            return Err(Failure::wrong(
                "--offline is for files: an incident's proposal is verified against the chain",
            ));
        }
        Command::Execute(args) if !args.key.is_named() => Keys::All,
        Command::List
        | Command::Show { .. }
        | Command::Verify { .. }
        | Command::Sign(_)
        | Command::Export(_)
        | Command::Import(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Execute(_) => Keys::None,
    };
    let reach = match &command {
        Command::List | Command::Show { .. } => Reach::Journal,
        Command::Verify { .. } => Reach::Chain,
        Command::Sign(_)
        | Command::Export(_)
        | Command::Import(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Execute(_) => Reach::Safe,
    };
    let house = open::house(context, keys, reach).await?;
    match command {
        Command::List => show::list(context, &house),
        Command::Show { incident, hash } => show::show(context, &house, incident, hash).await,
        Command::Verify { which, hash, .. } => {
            let (incident, named) = choose(&house, Some(&which), None)?;
            verify::verify(context, &house, incident, hash.or(named)).await
        }
        Command::Export(args) => export::export(context, &house, args).await,
        Command::Import(args) => import::import(context, &house, args).await,
        Command::Approve(args) => approve::approve(context, &house, args).await,
        Command::Reject(args) => reject::reject(context, &house, args).await,
        Command::Sign(args) => sign::sign(context, &house, args).await,
        Command::Execute(args) => execute::execute(context, &house, args).await,
    }
}

/// An incident's proposal, or another of its transactions, or the sentence that there is none and why.
fn of(
    house: &House,
    id: IncidentId,
    hash: Option<SafeTxHash>,
) -> Result<(Arc<Incident>, Preparation), Failure> {
    let incident = open::incident(house, id)?;
    if let Some(hash) = hash {
        return match incident.transaction(hash).map(std::borrow::Cow::into_owned) {
            Some(known) => Ok((incident, known)),
            None => Err(Failure::wrong(format!(
                "{hash} is no transaction of {id}; `redhandle proposal show {id}` lists them"
            ))),
        };
    }
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

/// The incident that is meant, and which of its transactions: by its name or a transaction's hash; else by a hash that
/// came along; else the proposal of the only open one.
fn choose(
    house: &House,
    which: Option<&str>,
    came_along: Option<SafeTxHash>,
) -> Result<(IncidentId, Option<SafeTxHash>), Failure> {
    let all = house.agent.store.all();
    let with_hash = |hash: SafeTxHash| {
        let mut found = all.iter().filter(|incident| incident.transaction(hash).is_some());
        found.next_back().map(|incident| (incident.id, Some(hash)))
    };
    if let Some(text) = which {
        if let Ok(id) = text.parse::<IncidentId>() {
            let ours = house
                .agent
                .store
                .get(id)
                .filter(|one| came_along.is_some_and(|hash| one.transaction(hash).is_some()));
            return Ok((id, ours.and(came_along)));
        }
        let hash: SafeTxHash = text.parse().map_err(|_| {
            Failure::wrong(format!(
                "`{text}` is neither an incident such as INC-7 nor a safeTxHash of 32 bytes"
            ))
        })?;
        return with_hash(hash).ok_or_else(|| {
            Failure::no(format!(
                "no incident has the proposal {hash} now; `redhandle proposal list` names those there are"
            ))
        });
    }
    if let Some(hash) = came_along {
        return with_hash(hash).ok_or_else(|| {
            Failure::no(format!("it is for {hash}, which is no incident's proposal now; `redhandle proposal list` names those there are"))
        });
    }
    let open: Vec<_> =
        all.iter().filter(|incident| incident.preparation.is_some() && incident.phase.is_open()).collect();
    match open[..] {
        [only] => Ok((only.id, None)),
        [] => {
            Err(Failure::no("no open incident has a proposal; `redhandle proposal list` names all there are"))
        }
        [_, ..] => {
            let names: Vec<_> = open.iter().map(|incident| incident.id.to_string()).collect();
            Err(Failure::wrong(format!("which proposal: {}?", names.join(", "))))
        }
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
