//! Events, views and Safes of a chain, read through our own agreeing endpoints: a feed that needs no vendor.
//!
//! Each look asks for the newest agreed block. If it moved, what was read last is checked to be on the chain still;
//! then come the logs since, a few blocks of overlap included, in pages, and in the end views, Safes and the
//! slots of proxies at the new block. The place is stored with what it brought, so that a restart reads nothing twice that matters and leaves
//! nothing out.
//!
//! **When blocks leave the chain.** The feed goes back to the newest block it has read that is still there, reads on
//! from it, and names the blocks of alerts that are gone, in the same delivery as the logs that came instead. The same
//! transaction in another block is the same alert with a newer block. Deeper than [`OnchainSettings::reorg_blocks`],
//! that is an alert itself.
//!
//! **Not knowing is red.** Endpoints that disagree, a call that reverts, a head that stands still: the part concerned
//! shows it in the feed's health, and nothing is taken for fine.
//!
//! It knows no endpoint: [`ChainEye`] is answered by the agent.

mod pass;
mod place;
mod port;
mod state;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::place::Place;
pub use self::port::{ChainEye, Readings};
use super::delivery::{Cursor, Delivery};
use super::health::SharedHealth;
use super::outbox::{FeedEnd, Outbox, stopped};
use crate::clock::SharedClock;
use crate::domain::alert::AlertHash;
use crate::domain::names::FeedName;
use crate::domain::watch::Watch;

/// The longest pause after failures, in seconds.
const BACKOFF_SECONDS_MAX: u64 = 30;

/// Alerts that the overlap would bring again, remembered by hash and block.
const SEEN_MAX: usize = 10_000;

/// The part of the feed's health that stands for the chain itself.
const HEAD: &str = "head";

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct OnchainSettings {
    /// What is watched.
    pub watch: Watch,
    /// How long between two looks.
    pub poll: Duration,
    /// How many blocks must stand on top of one before it is read. 0 reads the newest: an alert is early, and whether
    /// its block is on the chain is asked anyway.
    pub confirmations: u64,
    /// How many blocks are read again each time: nodes index logs late.
    pub overlap_blocks: u64,
    /// How many blocks the chain may leave without an alert.
    pub reorg_blocks: u64,
    /// How many blocks are asked for at once at most.
    pub page_blocks: u64,
}

/// Why the feed cannot run.
#[derive(Debug, thiserror::Error)]
pub enum OnchainError {
    /// The stored place is not one of ours. Starting anywhere else could lose events without a word.
    #[error("feed {feed} cannot read the place where it stopped")]
    Place {
        /// The feed.
        feed: FeedName,
        /// Why.
        source: serde_json::Error,
    },
}

/// Reads a chain, again and again.
pub struct OnchainFeed {
    settings: OnchainSettings,
    eye: Arc<dyn ChainEye>,
    clock: SharedClock,
    place: Place,
    seen: Seen,
    /// How many blocks the next page asks for.
    page_blocks: u64,
    /// When each view is read again.
    views_due: BTreeMap<String, Instant>,
    /// What was wrong with each part when it was last read.
    troubles: BTreeMap<String, String>,
    /// Views, Safes and proxies were read since the start.
    compared: bool,
}

impl std::fmt::Debug for OnchainFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnchainFeed").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why a pass ended early.
enum Broken {
    /// The chain did not say.
    Unread(String),
    End(FeedEnd),
}

impl From<String> for Broken {
    fn from(reason: String) -> Self {
        Self::Unread(reason)
    }
}

impl OnchainFeed {
    /// Prepares the feed; nothing is asked yet.
    pub fn new(settings: OnchainSettings, eye: Arc<dyn ChainEye>, clock: SharedClock) -> Self {
        let page_blocks = settings.page_blocks.max(1);
        Self {
            settings,
            eye,
            clock,
            place: Place::default(),
            seen: Seen::default(),
            page_blocks,
            views_due: BTreeMap::new(),
            troubles: BTreeMap::new(),
            compared: false,
        }
    }

    /// Looks until `stop` is true or nobody receives any more. `resume` is the cursor stored last.
    ///
    /// # Errors
    /// When `resume` cannot be read. Everything that goes wrong later shows in `health`, and looking goes on.
    pub async fn run(
        mut self,
        resume: Option<Cursor>,
        deliveries: mpsc::Sender<Delivery>,
        mut stop: watch::Receiver<bool>,
        health: SharedHealth,
    ) -> Result<FeedEnd, OnchainError> {
        let feed = self.settings.watch.feed.clone();
        if let Some(cursor) = resume {
            self.place =
                Place::read(&cursor).map_err(|source| OnchainError::Place { feed: feed.clone(), source })?;
        }
        health.expect(HEAD);
        self.parts().iter().for_each(|part| health.expect(part));
        let mut outbox = Outbox { feed, deliveries, stop: stop.clone(), health };
        let mut failures = 0_u32;
        loop {
            // Leaving a pass half-way is safe: its place has not moved.
            let passed = tokio::select! {
                () = stopped(&mut stop) => return Ok(FeedEnd::Stopped),
                passed = self.pass(&mut outbox) => passed,
            };
            let pause = match passed {
                Ok(()) => {
                    failures = 0;
                    self.settings.poll
                }
                Err(Broken::End(end)) => return Ok(end),
                Err(Broken::Unread(reason)) => {
                    failures = failures.saturating_add(1);
                    // What is too much for the endpoints at once may be little enough in parts.
                    self.page_blocks = (self.page_blocks / 2).max(1);
                    outbox.health.failed(HEAD, reason);
                    backoff(self.settings.poll, failures)
                }
            };
            if let Err(end) = outbox.pause(pause).await {
                return Ok(end);
            }
        }
    }

    /// The parts of the feed's health beside the head.
    fn parts(&self) -> Vec<String> {
        let watch = &self.settings.watch;
        let views = watch.views.iter().map(|view| state::view_part(&view.name));
        let safes = watch.safes().map(|safe| state::safe_part(&safe.name));
        let proxies = watch.proxies().map(|proxy| state::proxy_part(&proxy.name));
        views.chain(safes).chain(proxies).collect()
    }
}

/// Alerts that were handed over, by hash and block.
#[derive(Debug, Default)]
struct Seen {
    known: BTreeSet<(AlertHash, B256)>,
    order: VecDeque<(AlertHash, B256)>,
}

impl Seen {
    fn has(&self, key: &(AlertHash, B256)) -> bool {
        self.known.contains(key)
    }

    fn remember(&mut self, key: (AlertHash, B256)) {
        if self.known.insert(key.clone()) {
            self.order.push_back(key);
        }
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// Doubles with every failure in a row.
fn backoff(poll: Duration, failures: u32) -> Duration {
    let longest = Duration::from_secs(BACKOFF_SECONDS_MAX).max(poll);
    poll.max(Duration::from_millis(100)).saturating_mul(2_u32.saturating_pow(failures.min(16))).min(longest)
}
