//! `redhandle run`: the agent as a daemon.

use std::io::IsTerminal as _;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::exit::{Exit, Failure};
use super::{Context, open};
use crate::agent::house::House;
use crate::agent::preflight::{Level, preflight};
use crate::agent::setup::Keys;
use crate::clock::SystemClock;
use crate::config::{Config, Reach};
use crate::web::assembly;

/// Run the agent.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write logs as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

/// Runs until SIGTERM or SIGINT, then drains.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    start_logging(args.log_json);
    let config = open::config(context, Reach::Agent)?;
    let (listener, listen) = listen(&config).await?;
    let house = open::house_of(config, listen, Keys::All, None, SystemClock::shared()).await?;
    let (stop, stopped) = watch::channel(false);
    let daemon = assembly::daemon(&house, listener, &stopped).map_err(|error| Failure::of(&error))?;
    context.out.note(&format!(
        "redhandle {} runs: {} runbook(s), {} feed(s), http://{listen}",
        env!("CARGO_PKG_VERSION"),
        house.agent.config.runbooks.len(),
        house.agent.config.settings.feeds.len(),
    ));
    let signals = async move {
        match wait_for_signal().await {
            Ok(name) => tracing::info!(signal = name, "stopping: what is running may finish"),
            Err(error) => tracing::error!(%error, "signals cannot be heard; stopping"),
        }
        stop.send(true).ok();
        // The channel must stay open until the daemon has drained.
        std::future::pending::<()>().await;
    };
    let first_look = look_around(&house);
    tokio::select! {
        ended = daemon.run(stopped) => ended.map_err(|error| Failure::of(&error))?,
        () = signals => {}
        () = first_look => {}
    }
    house.journal.close().await;
    Ok(Exit::Done)
}

/// Says in the log what would be in the way of an emergency; the agent runs meanwhile. Never ends.
async fn look_around(house: &House) {
    for finding in preflight(&house.agent).await {
        match finding.level {
            Level::Problem => tracing::error!(place = %finding.place, "{}", finding.sentence),
            Level::Warning => tracing::warn!(place = %finding.place, "{}", finding.sentence),
            Level::Ok => tracing::debug!(place = %finding.place, "{}", finding.sentence),
        }
    }
    std::future::pending().await
}

/// Binds before anything else is opened, so that a taken port costs nothing.
pub async fn listen(config: &Config) -> Result<(TcpListener, SocketAddr), Failure> {
    let wanted = config.settings.web.listen;
    let told = |error: std::io::Error| {
        Failure::no(format!(
            "[web] listen: cannot listen on {wanted}: {error}; is another agent running? choose another address"
        ))
    };
    let listener = TcpListener::bind(wanted).await.map_err(told)?;
    let listen = listener.local_addr().map_err(told)?;
    Ok((listener, listen))
}

/// Logs go to stderr. `RUST_LOG` chooses what is said; the default is our own words from "info" on.
pub fn start_logging(json: bool) {
    start_logging_from(json, "warn,redhandle=info");
}

/// Logs go to stderr, by default from what `filter` says.
pub fn start_logging_from(json: bool, filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    // A second subscriber is refused; the first goes on.
    if json {
        logs.json().try_init().ok();
    } else {
        logs.with_target(false).try_init().ok();
    }
}

async fn wait_for_signal() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
