//! A daemon put together: feeds, webhooks, embedded services, the web surface.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::buses;
use super::ports::{AgentAcks, AgentHealth};
use super::reports::{AgentDesk, ReportParts};
use super::webhooks::webhook_settings;
use super::{AckParts, Gate, Parts, router, serve};
use crate::agent::daemon::{Daemon, FeedsHealth};
use crate::agent::feed::RunningFeed;
use crate::agent::house::House;
use crate::agent::service::AgreedChain;
use crate::agent::{chain_feed, chain_of, feed_watch, presigned, service_watch, setup};
use crate::config::settings::{self, FeedKind, JsonLinesFrom, SafeService};
use crate::domain::names::{ChainName, FeedName};
use crate::domain::safe::SafeAddress;
use crate::feeds::forta::{FortaPoller, FortaSettings};
use crate::feeds::jsonl::{JSONL_BATCH_LINES, JsonlFeed, JsonlSettings, JsonlSource};
use crate::feeds::webhook::{MemoryReplayGuard, ReplayGuard, WebhookIntake};
use crate::feeds::{SharedHealth, webhook};
use crate::safe_service::{EmbeddedService, Known};

/// How often a followed file is looked at.
const FILE_POLL: std::time::Duration = std::time::Duration::from_millis(500);

/// The daemon cannot be put together.
#[derive(Debug, thiserror::Error)]
#[error("{part}: {because}")]
pub struct AssemblyError {
    /// Which part.
    pub part: String,
    /// Why.
    pub because: String,
}

fn broken(part: impl Into<String>, error: &dyn std::error::Error) -> AssemblyError {
    AssemblyError { part: part.into(), because: chain_of(error) }
}

/// Puts the daemon together. It serves on `listener` until `stop`.
///
/// # Errors
/// When a feed or the web surface cannot be made.
pub fn daemon(
    house: &House,
    listener: TcpListener,
    stop: &watch::Receiver<bool>,
) -> Result<Daemon, AssemblyError> {
    let agent = Arc::clone(&house.agent);
    let quarantine = Arc::clone(&house.journal) as Arc<dyn crate::journal::Quarantine>;
    let mut daemon = Daemon::new(Arc::clone(&agent), quarantine, house.conditions.clone());
    let mut health = FeedsHealth::new();
    let mut webhooks = Vec::new();
    for feed in &agent.config.settings.feeds {
        let shared = SharedHealth::new();
        health.insert(feed.name.clone(), shared.clone());
        match &feed.kind {
            FeedKind::Forta(forta) => {
                let part = format!("feed {}", feed.name);
                let poller = FortaPoller::new(forta_settings(&feed.name, forta), Arc::clone(&agent.clock))
                    .map_err(|error| broken(part, &error))?;
                let running = RunningFeed::new(feed.name.clone(), |resume, deliveries, stop, health| {
                    poller.run(resume, deliveries, stop, health)
                });
                daemon.feed(running, shared);
            }
            FeedKind::JsonLines(lines) => {
                let reader = JsonlFeed::new(lines_settings(&feed.name, lines), Arc::clone(&agent.clock));
                let running = RunningFeed::new(feed.name.clone(), |resume, deliveries, stop, health| {
                    reader.run(resume, deliveries, stop, health)
                });
                daemon.feed(running, shared);
            }
            FeedKind::Webhook(hook) => {
                daemon.names_feed(feed.name.clone());
                webhooks.push((webhook_settings(&feed.name, hook), shared));
            }
            FeedKind::Nats(bus) => daemon.feed(buses::feed(&feed.name, bus, &agent)?, shared),
            FeedKind::Chain(watched) => {
                // The configuration has checked that it is there.
                let Some(chain) = agent.chains.get(&watched.watch.chain) else { continue };
                daemon.feed(chain_feed::feed(watched, chain.clone(), &agent), shared);
            }
        }
    }
    let replays = Arc::new(MemoryReplayGuard::default());
    daemon.remembers(Arc::clone(&replays) as Arc<dyn ReplayGuard>);
    let intake = WebhookIntake { deliveries: daemon.deliveries(), replays, clock: Arc::clone(&agent.clock) };
    let hooks = webhook::router(webhooks, &intake).map_err(|error| broken("webhook feeds", &error))?;
    drop(intake);
    let web = &agent.config.settings.web;
    let gate = Gate::for_listener(web.listen, web.key.as_ref()).map_err(|error| broken("[web]", &error))?;
    let surface = router(Parts {
        ack: Some(AckParts { links: agent.links.clone(), port: Arc::new(AgentAcks(Arc::clone(&agent))) }),
        health: Arc::new(AgentHealth::new(Arc::clone(&agent), health.clone(), daemon.taken())),
        clock: Arc::clone(&agent.clock),
        open: vec![hooks],
        guarded: embedded_services(house),
        reports: Some(reports(house)),
        gate,
    });
    let (service_stop, watch_stop, feeds_stop) = (stop.clone(), stop.clone(), stop.clone());
    let stop = stop.clone();
    let serving = async move {
        match serve(listener, surface, stop).await {
            Ok(_) => Ok(()),
            Err(error) => Err(chain_of(&error)),
        }
    };
    daemon.part("web", Box::pin(serving));
    let watching = service_watch::watch(Arc::clone(&agent), service_stop);
    daemon.part("the watch over Transaction Services", Box::pin(watching));
    let watching = feed_watch::watch(Arc::clone(&agent), health, feeds_stop);
    daemon.part("the watch over feeds", Box::pin(watching));
    if !agent.config.settings.presigned.is_empty() {
        let watching = presigned::watch(Arc::clone(&house.agent), watch_stop);
        daemon.part("the watch over pre-signed windows", Box::pin(watching));
    }
    Ok(daemon)
}

/// The ways by which people report.
fn reports(house: &House) -> axum::Router {
    let agent = &house.agent;
    let desk = AgentDesk::new(Arc::clone(agent), Arc::clone(&house.journal) as _);
    let (settings, clock) = (agent.config.settings.reports.clone(), Arc::clone(&agent.clock));
    super::reports::router(ReportParts { settings, desk: Arc::new(desk), clock })
}

/// Every embedded Transaction Service, each below its chain's path.
fn embedded_services(house: &House) -> Vec<axum::Router> {
    let settings = &house.agent.config.settings.chains;
    settings
        .iter()
        .filter(|(_, chain)| matches!(chain.safe_service, SafeService::Embedded))
        .filter_map(|(name, _)| Some((name, house.agent.chains.get(name)?)))
        .map(|(name, chain)| {
            let view = Arc::new(AgreedChain(chain.clone()));
            let pool = house.journal.pool().clone();
            let known = known_to_the_service(&house.agent.config.settings, name);
            let service = EmbeddedService::new(pool, view, Arc::clone(&house.agent.clock), known);
            // The gate in front asks for the key.
            axum::Router::new().nest(&setup::embedded_path(name), service.router(None))
        })
        .collect()
}

/// What the configuration tells an embedded service about its chain.
fn known_to_the_service(settings: &settings::Settings, chain: &ChainName) -> Known {
    let safes = settings.safes.values().filter(|safe| safe.chain == *chain);
    let contracts = settings.contracts.values().filter(|contract| contract.chain == *chain);
    Known {
        safes: safes.map(|safe| SafeAddress(safe.address)).collect(),
        contracts: contracts.map(|contract| (contract.address, contract.abi.clone())).collect(),
        delegatecalls: settings
            .chains
            .get(chain)
            .map(|chain| chain.delegatecall_targets.clone())
            .unwrap_or_default(),
    }
}

fn forta_settings(name: &FeedName, feed: &settings::FortaFeed) -> FortaSettings {
    FortaSettings {
        name: name.clone(),
        url: feed.url.clone(),
        key: feed.key.clone(),
        chains: feed.chains.clone(),
        bots: feed.bots.clone(),
        poll: feed.poll,
        overlap: feed.overlap,
        page_size: feed.page_size,
    }
}

fn lines_settings(name: &FeedName, feed: &settings::JsonLinesFeed) -> JsonlSettings {
    let source = match &feed.from {
        JsonLinesFrom::Stdin => JsonlSource::Stdin,
        JsonLinesFrom::File(path) => JsonlSource::File { path: path.clone(), follow: true },
    };
    // Whoever can write the file or our standard input runs as us or was let in by us.
    JsonlSettings {
        name: name.clone(),
        source,
        authenticated: true,
        batch_lines: JSONL_BATCH_LINES,
        poll: FILE_POLL,
    }
}
