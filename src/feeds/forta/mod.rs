//! The Forta API, polled.
//!
//! Each chain is asked on its own, because the API answers for chain 1 when none is named, and each question
//! names its dates, because the API otherwise answers for today only and midnight would swallow yesterday.
//! A pass reads from the newest alert known, less an overlap, to the end; what the overlap repeats is left
//! out by `seen`. The place moves only when a whole pass has been accepted: pages come by block, places
//! are kept by creation time, and an alert of page two may be older than all of page one.
//!
//! An error is never an empty answer: it shows in the feed's health, and the same question is asked again.
//! The tests of the whole are with the practice API, in `drill::forta_server`.

mod answer;
mod client;
mod page_size;
mod query;
mod seen;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use url::Url;

pub use self::answer::{Answered, alerts_of};

use self::answer::Page;
use self::client::{Client, PollError};
use self::page_size::PageSize;
use self::query::{After, Question};
use self::seen::Seen;
use super::delivery::{Cursor, Delivery};
use super::health::SharedHealth;
use super::outbox::{FeedEnd, Outbox, stopped};
use crate::clock::SharedClock;
use crate::domain::alert::BotId;
use crate::domain::names::{ChainId, FeedName};

/// Where the API lives.
pub const FORTA_API_URL: &str = "https://api.forta.network/graphql";

/// How often to ask, in seconds: a Forta node publishes its alerts every 15.
pub const FORTA_POLL_SECONDS: u64 = 15;

/// How far to look back behind the newest alert, in seconds. Forta's own combiner feed takes alerts of up to
/// 20 minutes.
pub const FORTA_OVERLAP_SECONDS: u64 = 20 * 60;

/// How many alerts to ask for at once. The API publishes no limit; Forta's own clients ask for 500 to 2,000
/// and halve when it answers HTTP 500.
pub const FORTA_PAGE_SIZE: u32 = 500;

/// The longest pause after failures, in seconds, unless the API itself asks for a longer one.
const BACKOFF_SECONDS_MAX: u64 = 60;

/// The most pages of one pass. More means that the API's cursor runs in circles.
const PAGES_MAX: u32 = 10_000;

/// What to ask, whom, and how often.
#[derive(Clone, Debug)]
pub struct FortaSettings {
    /// The feed's name.
    pub name: FeedName,
    /// Where the API lives; see [`FORTA_API_URL`].
    pub url: Url,
    /// The API key, sent as a bearer token.
    pub key: Option<SecretString>,
    /// The chains to ask for, one question each.
    pub chains: Vec<ChainId>,
    /// The bots to ask for; all of them when empty.
    pub bots: Vec<BotId>,
    /// How often to ask; see [`FORTA_POLL_SECONDS`].
    pub poll: Duration,
    /// How far to look back behind the newest alert; see [`FORTA_OVERLAP_SECONDS`].
    pub overlap: Duration,
    /// How many alerts to ask for at once; see [`FORTA_PAGE_SIZE`].
    pub page_size: u32,
}

/// Why a poller cannot run.
#[derive(Debug, thiserror::Error)]
pub enum FortaError {
    /// There is nothing to ask for.
    #[error("feed {feed} names no chain")]
    NoChains {
        /// The feed.
        feed: FeedName,
    },
    /// No HTTP client could be made.
    #[error("feed {feed} could not make an HTTP client")]
    Client {
        /// The feed.
        feed: FeedName,
        /// Why.
        source: reqwest::Error,
    },
    /// The stored place is not one of ours. Starting anywhere else could lose alerts without a word.
    #[error("feed {feed} cannot read the place where it stopped")]
    Place {
        /// The feed.
        feed: FeedName,
        /// Why.
        source: serde_json::Error,
    },
}

/// Where the feed is: for each chain, when the newest alert of the last complete pass was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Place {
    newest: BTreeMap<u64, Timestamp>,
}

impl Place {
    fn cursor(&self) -> Cursor {
        let newest = self.newest.iter().map(|(chain, at)| (chain.to_string(), Value::String(at.to_string())));
        Cursor::of(json!({ "newest": Map::from_iter(newest) }))
    }
}

/// Asks the Forta API for alerts, again and again.
#[derive(Debug)]
pub struct FortaPoller {
    settings: FortaSettings,
    client: Client,
    clock: SharedClock,
    place: Place,
    seen: Seen,
}

/// One chain's state between passes.
#[derive(Debug)]
struct Chain {
    id: ChainId,
    /// Its name in the feed's health.
    part: String,
    page_size: PageSize,
    failures: u32,
    due: Instant,
}

/// Why a pass ended early.
enum Broken {
    Poll(PollError),
    End(FeedEnd),
}

impl FortaPoller {
    /// Prepares a poller; nothing is sent yet.
    ///
    /// # Errors
    /// When no chain is named, or no HTTP client can be made.
    pub fn new(settings: FortaSettings, clock: SharedClock) -> Result<Self, FortaError> {
        let feed = settings.name.clone();
        if settings.chains.is_empty() {
            return Err(FortaError::NoChains { feed });
        }
        let client = Client::new(&settings).map_err(|source| FortaError::Client { feed, source })?;
        Ok(Self { settings, client, clock, place: Place::default(), seen: Seen::default() })
    }

    /// Polls until `stop` is true or nobody receives any more. `resume` is the cursor stored last.
    ///
    /// # Errors
    /// When `resume` cannot be read. Everything that goes wrong later shows in `health`, and polling goes on.
    pub async fn run(
        mut self,
        resume: Option<Cursor>,
        deliveries: mpsc::Sender<Delivery>,
        mut stop: watch::Receiver<bool>,
        health: SharedHealth,
    ) -> Result<FeedEnd, FortaError> {
        if let Some(cursor) = resume {
            let feed = self.settings.name.clone();
            self.place = cursor.read().map_err(|source| FortaError::Place { feed, source })?;
        }
        let mut chains = self.chains();
        for chain in &chains {
            health.expect(&chain.part);
        }
        let mut outbox = Outbox {
            feed: self.settings.name.clone(),
            deliveries,
            stop: stop.clone(),
            health: health.clone(),
        };
        loop {
            let Some(chain) = chains.iter_mut().min_by_key(|chain| chain.due) else {
                return Ok(FeedEnd::Finished);
            };
            let step = async {
                tokio::time::sleep_until(chain.due).await;
                self.visit(chain, &mut outbox).await
            };
            // Leaving a pass half-way is safe: its place has not moved.
            tokio::select! {
                () = stopped(&mut stop) => return Ok(FeedEnd::Stopped),
                ended = step => if let Err(end) = ended { return Ok(end) },
            }
        }
    }

    fn chains(&self) -> Vec<Chain> {
        let mut ids = self.settings.chains.clone();
        ids.sort_unstable();
        ids.dedup();
        let due = Instant::now();
        let chain = |id| Chain {
            id,
            part: format!("chain {id}"),
            page_size: PageSize::new(self.settings.page_size),
            failures: 0,
            due,
        };
        ids.into_iter().map(chain).collect()
    }

    /// Makes one pass and says when to come back.
    async fn visit(&mut self, chain: &mut Chain, outbox: &mut Outbox) -> Result<(), FeedEnd> {
        let asked_at = self.clock.now();
        let pause = match self.pass(chain, asked_at, outbox).await {
            Ok(()) => {
                chain.failures = 0;
                outbox.health.ok(&chain.part, asked_at);
                self.settings.poll
            }
            Err(Broken::End(end)) => return Err(end),
            Err(Broken::Poll(error)) => {
                chain.failures = chain.failures.saturating_add(1);
                outbox.health.failed(&chain.part, format!("{}: {}", chain.part, error.reason()));
                error.retry_after().unwrap_or_else(|| backoff(self.settings.poll, chain.failures))
            }
        };
        chain.due = Instant::now() + pause;
        Ok(())
    }

    /// Reads one chain from its place to the end.
    async fn pass(&mut self, chain: &mut Chain, now: Timestamp, outbox: &mut Outbox) -> Result<(), Broken> {
        let known = self.place.newest.get(&chain.id.0).copied();
        let start = known.unwrap_or(now);
        let mut newest = known;
        let mut after: Option<After> = None;
        for _ in 0..PAGES_MAX {
            let question = self.question(chain, start, now, after.clone());
            let page = self.page(chain, question).await.map_err(Broken::Poll)?;
            for alert in page.alerts.iter().flatten() {
                // An alert dated in the future must not carry the place past everything until then.
                newest = newest.max(Some(alert.created_at.min(now.max(start))));
            }
            let next = page.next.clone();
            if next.is_some() && next == after {
                return Err(Broken::Poll(PollError::Circle));
            }
            // A chain on which nothing has happened yet still gets a place: its first day, so that whatever
            // happens before a restart is asked for after it.
            let place = next.is_none().then(|| self.place_with(chain.id, newest.unwrap_or(start)));
            self.deliver(chain, page, place, outbox).await?;
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
        Err(Broken::Poll(PollError::Circle))
    }

    fn question(&self, chain: &Chain, start: Timestamp, now: Timestamp, after: Option<After>) -> Question {
        let overlap = SignedDuration::try_from(self.settings.overlap).unwrap_or(SignedDuration::MAX);
        let since = start.checked_sub(overlap).unwrap_or(Timestamp::MIN);
        Question::new(&self.settings.bots, chain.id, chain.page_size.current(), since, now, after)
    }

    /// Asks for one page, for less of it while the API says that it was too much.
    async fn page(&self, chain: &mut Chain, mut question: Question) -> Result<Page, PollError> {
        loop {
            match self.client.ask(&question).await {
                Ok(page) => {
                    chain.page_size.worked();
                    return Ok(page);
                }
                Err(error) if error.is_too_much() && chain.page_size.halve() => {
                    question.first(chain.page_size.current());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn place_with(&self, chain: ChainId, newest: Timestamp) -> Place {
        let mut place = self.place.clone();
        place.newest.insert(chain.0, newest);
        place
    }

    /// Hands over what is new on a page, and only then remembers it.
    async fn deliver(
        &mut self,
        chain: &Chain,
        page: Page,
        place: Option<Place>,
        outbox: &mut Outbox,
    ) -> Result<(), Broken> {
        let (fresh, keys) = self.seen.fresh(page.alerts);
        let place = place.filter(|place| *place != self.place);
        if fresh.is_empty() && place.is_none() {
            return Ok(());
        }
        let cursor = place.as_ref().map(Place::cursor);
        outbox.hand_over(&chain.part, fresh, cursor).await.map_err(Broken::End)?;
        self.seen.remember(keys);
        if let Some(place) = place {
            self.place = place;
        }
        Ok(())
    }
}

/// Doubles with every failure in a row.
fn backoff(poll: Duration, failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.min(16));
    let longest = Duration::from_secs(BACKOFF_SECONDS_MAX).max(poll);
    poll.max(Duration::from_millis(100)).saturating_mul(doubled).min(longest)
}
