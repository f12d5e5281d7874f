//! The whole story on a local chain, in under a minute.
//!
//! Nothing here is staged but the people and the attacker: a real anvil, the real Safe contracts, the
//! agent as `redhandle run` puts it together from files in a folder, the real poller asking a server that
//! speaks the Forta API. What is printed is what the journal says.

mod folder;
mod measures;
mod narrator;
mod story;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use measures::{CoverageSeen, Measures, Summary};
pub use narrator::{Narrator, Paint};

use super::forta_server::FortaServer;
use super::ground::protocol::ProtocolRoles;
use super::ground::{AnvilOptions, LocalChain, LocalChainOptions, SafeSpec, Tools};
use crate::agent::chain_of;
use crate::agent::house::House;
use crate::agent::setup::Keys;
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::domain::names::ChainName;
use crate::domain::safe::SafeVersion;
use crate::web::assembly;
use folder::Folder;
use story::Story;

/// The key that the practice feed asks for.
const FORTA_KEY: &str = "practice-key-of-the-demo";

/// How the story is told.
#[derive(Clone, Debug, Default)]
pub struct DemoOptions {
    /// Where config, roster, runbook, journal and post-mortem are left; none: a new folder for temporary files.
    pub folder: Option<PathBuf>,
    /// The Foundry project with the contracts.
    pub foundry: Option<PathBuf>,
    /// Leave chain and agent running afterwards.
    pub keep: bool,
    /// How long people and attacker take, against the usual pace; 0 for a test.
    pub pace: f64,
}

/// The story could not be told to its end.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {because}")]
pub struct DemoError {
    /// At which point.
    pub doing: &'static str,
    /// Why, causes included.
    pub because: String,
}

/// Names the point at which something went wrong.
fn at<E: std::error::Error>(doing: &'static str) -> impl FnOnce(E) -> DemoError {
    move |error| DemoError { doing, because: chain_of(&error) }
}

/// Says that something is not as the story needs it.
fn broken(doing: &'static str, because: impl Into<String>) -> DemoError {
    DemoError { doing, because: because.into() }
}

/// Tells the story.
///
/// # Errors
/// When something is not installed, or anything does not happen as it must.
pub async fn tell(options: &DemoOptions, narrator: &Narrator) -> Result<Summary, DemoError> {
    let tools = Tools::find(options.foundry.as_deref()).map_err(at("looking for anvil and the contracts"))?;
    narrator.say("Laying the ground: a local chain with the real Safe contracts, a vault with a hole in it.");
    let chain = start_chain(&tools).await?;
    let ground = Ground::lay(chain).await?;
    let clock = SystemClock::shared();
    let feed = FortaServer::start(Arc::clone(&clock), Some(FORTA_KEY)).map_err(at("starting the feed"))?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(at("listening"))?;
    let listen = listener.local_addr().map_err(at("listening"))?;
    let folder = Folder::write(options.folder.as_deref(), &ground, feed.url(), listen)?;
    narrator.say(&format!("Config, roster, runbook, journal and post-mortem: {}", folder.path().display()));

    let today = crate::clock::Clock::now(&SystemClock).to_zoned(jiff::tz::TimeZone::UTC).date();
    let config = crate::config::load(&folder.config(), &Environment::default(), today)
        .map_err(|problems| broken("reading the files just written", problems.to_string()))?;
    let pages = folder.pages_file()?;
    let house = House::open(config, listen, Keys::All, Some(pages), clock)
        .await
        .map_err(at("opening the journal"))?;
    let (stop, stopped) = watch::channel(false);
    let daemon = assembly::daemon(&house, listener, &stopped).map_err(at("putting the agent together"))?;
    let story = Story::new(&ground, &feed, &house, &folder, narrator, options.pace);

    let mut running = pin!(daemon.run(stopped));
    let told = tokio::select! {
        ended = &mut running => match ended {
            Ok(()) => Err(broken("running the agent", "it ended by itself")),
            Err(error) => Err(at("running the agent")(error)),
        },
        told = story.tell() => told,
    };
    if let (Ok(_), true) = (&told, options.keep) {
        story::how_to_look(narrator, &folder, &ground);
        tokio::select! {
            ended = &mut running => ended.map_err(at("running the agent"))?,
            heard = tokio::signal::ctrl_c() => heard.map_err(at("waiting for Ctrl-C"))?,
        }
    }
    stop.send(true).ok();
    // A daemon that has ended already was polled to its end above only when the story failed.
    if told.is_ok() {
        running.await.map_err(at("stopping the agent"))?;
    }
    house.journal.close().await;
    told
}

async fn start_chain(tools: &Tools) -> Result<LocalChain, DemoError> {
    let options = LocalChainOptions {
        anvil: AnvilOptions::default(),
        name: ChainName::new("local"),
        safe_versions: vec![SafeVersion::V1_4_1],
    };
    LocalChain::start(tools, &options).await.map_err(at("starting the local chain"))
}

/// Everything that stands on the chain before the attack.
struct Ground {
    chain: LocalChain,
    protocol: super::ground::Protocol,
    guardian: crate::domain::safe::SafeAddress,
    governance: crate::domain::safe::SafeAddress,
}

/// Tokens that people have put into the vault.
const DEPOSITED_TOKENS: u64 = 1_000_000;

impl Ground {
    /// Two Safes (2 of 3 may pause, 3 of 5 may unpause) and a vault that people trust.
    async fn lay(chain: LocalChain) -> Result<Self, DemoError> {
        let safe = |owners: usize, threshold: u64, salt: u64| SafeSpec {
            version: SafeVersion::V1_4_1,
            owners: chain.actors.owner_addresses(owners),
            threshold,
            salt,
        };
        let guardian = chain.deploy_safe(&safe(3, 2, 1)).await.map_err(at("making the guardian Safe"))?;
        let governance = chain.deploy_safe(&safe(5, 3, 2)).await.map_err(at("making the governance Safe"))?;
        let roles = ProtocolRoles {
            admin: chain.actors.deployer.address(),
            pauser: guardian,
            unpauser: governance.0,
        };
        let protocol = chain.deploy_protocol(&roles).await.map_err(at("deploying the vault"))?;
        chain.deposit(&protocol, DEPOSITED_TOKENS).await.map_err(at("filling the vault"))?;
        Ok(Self { chain, protocol, guardian, governance })
    }
}

/// The attacker's and the people's pace.
fn paced(seconds: f64, pace: f64) -> Duration {
    Duration::from_secs_f64((seconds * pace).max(0.0))
}
