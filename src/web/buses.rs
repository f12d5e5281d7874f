//! Message buses as the files describe them, made into feeds of the daemon.

use super::assembly::AssemblyError;
use crate::agent::Agent;
use crate::agent::feed::RunningFeed;
use crate::config::settings::NatsFeed;
use crate::domain::names::FeedName;

/// The feed, or why this build has none.
///
/// # Errors
/// In a build without the feature `nats`.
#[cfg(not(feature = "nats"))]
pub(super) fn feed(name: &FeedName, _feed: &NatsFeed, _agent: &Agent) -> Result<RunningFeed, AssemblyError> {
    let because = "this build has no NATS: build it with --features nats, or take the feed out".to_owned();
    Err(AssemblyError { part: format!("feed {name}"), because })
}

/// The feed, or why this build has none.
///
/// # Errors
/// In a build without the feature `nats`.
#[cfg(feature = "nats")]
#[expect(clippy::unnecessary_wraps, reason = "a build without the feature has an error here")]
pub(super) fn feed(name: &FeedName, feed: &NatsFeed, agent: &Agent) -> Result<RunningFeed, AssemblyError> {
    use std::convert::Infallible;

    use crate::domain::alert::{AlertSeverity, Sender};
    use crate::feeds::nats::{NATS_ACK_WAIT, NatsListener, NatsSettings};
    use crate::feeds::vendor::{Networks, Reading, Severities};

    let reading = Reading {
        feed: name.clone(),
        sender: Sender::OnchainMon,
        chain: Some(feed.chain),
        severity: AlertSeverity::Unknown,
        networks: Networks::default(),
        severities: Severities::default(),
    };
    let settings = NatsSettings { reading, bus: feed.bus.clone(), ack_wait: NATS_ACK_WAIT };
    let listener = NatsListener::new(settings, std::sync::Arc::clone(&agent.clock));
    Ok(RunningFeed::new(name.clone(), |resume, deliveries, stop, health| async move {
        Ok::<_, Infallible>(listener.run(resume, deliveries, stop, health).await)
    }))
}
