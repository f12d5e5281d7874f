//! Findings on a message bus: NATS, as Lido's onchain-mon publishes them.
//!
//! *Never lost.* Where a JetStream stream holds the subject we keep a durable place on it, and a finding is
//! acknowledged only after its delivery was accepted; one that was refused is handed back, and comes again. Where there
//! is no stream all that is left is a plain subscription: what is said while we are away is lost, which keeps the feed
//! red unless the configuration says that it is wanted so. Each such gap is handed over as a rejected item.
//!
//! *Believed.* A feed may hear several instances of the same monitors. A claim waits, unacknowledged, until enough
//! of them have made it (`tally`); one that never gets there is put where people can see it, with who made it.
//!
//! | file | what |
//! |---|---|
//! | `ear` | one instance: its connection, its stream or subscription, its health |
//! | `login` | connecting: who we are, whom we trust, what to do where that fails |
//! | `desk` | all instances: reading, counting votes, delivering, acknowledging |
//! | `tally` | which claims wait for how many |

mod desk;
mod ear;
mod login;
mod tally;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use self::desk::Desk;
use self::ear::Ear;
use super::delivery::{Cursor, Delivery};
use super::health::SharedHealth;
use super::outbox::{FeedEnd, Outbox, stopped};
use super::vendor::Reading;
use crate::clock::SharedClock;
use crate::domain::nats::{NatsBus, NatsInstance};

/// Messages between the instances and the desk. A full queue makes the readers wait, and JetStream with them.
const HEARD_WAITING_MAX: usize = 64;

/// How long a server waits for our acknowledgement before it delivers again: several times what a commit takes.
pub const NATS_ACK_WAIT: Duration = Duration::from_secs(60);

/// What to hear and how.
#[derive(Clone, Debug)]
pub struct NatsSettings {
    /// Whose words, and about which chain.
    pub reading: Reading,
    /// The monitors, and how many of them must agree.
    pub bus: NatsBus,
    /// How long a server waits for our acknowledgement before it delivers again; see [`NATS_ACK_WAIT`].
    pub ack_wait: Duration,
}

/// Hears findings over NATS.
#[derive(Debug)]
pub struct NatsListener {
    settings: NatsSettings,
    clock: SharedClock,
}

impl NatsListener {
    /// Prepares a feed; nothing is connected yet.
    pub fn new(settings: NatsSettings, clock: SharedClock) -> Self {
        Self { settings, clock }
    }

    /// Hears until `stop`. Whatever fails shows in `health` and is tried again. The place is kept by the streams, so
    /// that no cursor is needed.
    pub async fn run(
        self,
        _resume: Option<Cursor>,
        deliveries: mpsc::Sender<Delivery>,
        mut stop: watch::Receiver<bool>,
        health: SharedHealth,
    ) -> FeedEnd {
        crate::http::install_tls();
        let (sender, receiver) = mpsc::channel(HEARD_WAITING_MAX);
        let ears = self.settings.bus.instances.iter().enumerate().map(|(index, instance)| {
            let part = part(instance);
            health.expect(&part);
            Ear {
                index,
                instance,
                part,
                durable: &self.settings.bus.durable,
                lossy: self.settings.bus.lossy,
                ack_wait: self.settings.ack_wait,
                health: health.clone(),
                clock: &self.clock,
                heard: sender.clone(),
            }
            .listen()
        });
        let hearing = futures_util::future::join_all(ears);
        let feed = self.settings.reading.feed.clone();
        let outbox = Outbox { feed, deliveries, stop: stop.clone(), health: health.clone() };
        let desk = Desk::new(&self.settings, outbox, &self.clock);
        // Leaving half-way is safe: what was not acknowledged comes again.
        tokio::select! {
            () = stopped(&mut stop) => FeedEnd::Stopped,
            _ears_never_end = hearing => FeedEnd::Finished,
            end = desk.work(receiver) => end,
        }
    }
}

/// An instance's part in the feed's health.
fn part(instance: &NatsInstance) -> String {
    format!("instance {}", instance.name)
}
