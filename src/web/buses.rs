//! Message buses as the files describe them, made into feeds of the daemon.

use super::assembly::AssemblyError;
use crate::agent::Agent;
use crate::agent::daemon::Feed;
use crate::config::settings::NatsFeed;
use crate::domain::names::FeedName;

/// The feed, or why this build has none.
///
/// # Errors
/// In a build without the feature `nats`.
#[cfg(not(feature = "nats"))]
pub(super) fn feed(name: &FeedName, _bus: &NatsFeed, _agent: &Agent) -> Result<Box<dyn Feed>, AssemblyError> {
    let because = "this build has no NATS: build it with --features nats, or take the feed out".to_owned();
    Err(AssemblyError { part: format!("feed {name}"), because })
}

/// The feed, or why this build has none.
///
/// # Errors
/// In a build without the feature `nats`.
#[cfg(feature = "nats")]
pub(super) fn feed(name: &FeedName, bus: &NatsFeed, agent: &Agent) -> Result<Box<dyn Feed>, AssemblyError> {
    Ok(Box::new(on::Bus::new(name, bus, agent)))
}

#[cfg(feature = "nats")]
mod on {
    use std::sync::Arc;

    use tokio::sync::{mpsc, watch};

    use crate::agent::Agent;
    use crate::agent::daemon::Feed;
    use crate::config::settings::{self, NatsCredentials};
    use crate::domain::alert::{AlertSeverity, Sender};
    use crate::domain::names::FeedName;
    use crate::feeds::nats::{NATS_ACK_WAIT, NatsInstance, NatsListener, NatsLogin, NatsSettings};
    use crate::feeds::vendor::{Networks, Reading};
    use crate::feeds::{Cursor, Delivery, SharedHealth};
    use crate::web::assembly::Running;

    /// A bus as the daemon runs it.
    pub(super) struct Bus {
        name: FeedName,
        listener: NatsListener,
    }

    impl Bus {
        pub(super) fn new(name: &FeedName, bus: &settings::NatsFeed, agent: &Agent) -> Self {
            let reading = Reading {
                feed: name.clone(),
                sender: Sender::OnchainMon,
                chain: Some(bus.chain),
                severity: AlertSeverity::Unknown,
                networks: Networks::new(Vec::new()),
            };
            let settings = NatsSettings {
                reading,
                instances: bus.instances.iter().map(instance).collect(),
                quorum: bus.quorum,
                quorum_within: bus.quorum_within,
                authenticated: bus.authenticated,
                durable: bus.durable.clone(),
                lossy: bus.lossy,
                ack_wait: NATS_ACK_WAIT,
            };
            Self { name: name.clone(), listener: NatsListener::new(settings, Arc::clone(&agent.clock)) }
        }
    }

    fn instance(instance: &settings::NatsInstance) -> NatsInstance {
        let settings::NatsInstance { name, servers, subject, stream, credentials, ca } = instance.clone();
        let login = match credentials {
            NatsCredentials::None => NatsLogin::Nobody,
            NatsCredentials::Token(token) => NatsLogin::Token(token),
            NatsCredentials::User { user, password } => NatsLogin::User(user, password),
            NatsCredentials::NKey(seed) => NatsLogin::NKey(seed),
            NatsCredentials::Credentials(creds) => NatsLogin::Credentials(creds),
        };
        NatsInstance { name, servers, subject, stream, login, ca }
    }

    impl Feed for Bus {
        fn name(&self) -> &FeedName {
            &self.name
        }

        fn run(
            self: Box<Self>,
            resume: Option<Cursor>,
            deliveries: mpsc::Sender<Delivery>,
            stop: watch::Receiver<bool>,
            health: SharedHealth,
        ) -> Running {
            Box::pin(async move { Ok(self.listener.run(resume, deliveries, stop, health).await) })
        }
    }
}
