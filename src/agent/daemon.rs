//! The agent as a process: every task named, owned and drained.
//!
//! A task that ends by itself or panics ends the process with an error, so that whoever supervises it
//! starts it anew; a process that looks healthy and hears nothing is the worst of all states. On `stop`
//! intake ends first, then what is running finishes, then the rest.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::feed::RunningFeed;
use super::intake::{Intake, IntakeError, Taken};
use super::{Agent, chain_of, driver};
use crate::domain::condition::Condition;
use crate::domain::names::{FeedName, RunbookId};
use crate::feeds::webhook::ReplayGuard;
use crate::feeds::{Delivery, FeedEnd, SharedHealth};
use crate::journal::Quarantine;

/// Deliveries that may wait for the intake. A feed that finds the queue full waits, or says 429.
const DELIVERIES_WAITING_MAX: usize = 16;

/// How often matches that could not be written are tried again.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// A part that runs until it is told to stop.
pub type Part = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The agent as a process.
pub struct Daemon {
    agent: Arc<Agent>,
    quarantine: Arc<dyn Quarantine>,
    conditions: Vec<(RunbookId, Condition)>,
    feeds: Vec<(RunningFeed, SharedHealth)>,
    named: Vec<FeedName>,
    replays: Option<Arc<dyn ReplayGuard>>,
    deliveries: (mpsc::Sender<Delivery>, mpsc::Receiver<Delivery>),
    parts: Vec<(String, Part)>,
    taken: SharedTaken,
}

/// What came in since the start, readable by others.
#[derive(Clone, Debug, Default)]
pub struct SharedTaken(Arc<Mutex<Taken>>);

impl SharedTaken {
    /// What came in since the start.
    pub fn snapshot(&self) -> Taken {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, taken: Taken) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = taken;
    }
}

/// The process must end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Intake could not begin.
    #[error("the agent cannot start")]
    Intake(#[from] IntakeError),
    /// A part ended that should not have.
    #[error("{part} ended: {because}")]
    Ended {
        /// Which.
        part: String,
        /// Why.
        because: String,
    },
    /// A part panicked.
    #[error("a part of the agent panicked: {0}")]
    Panicked(String),
}

impl Daemon {
    /// An agent without feeds or other parts yet.
    pub fn new(
        agent: Arc<Agent>,
        quarantine: Arc<dyn Quarantine>,
        conditions: Vec<(RunbookId, Condition)>,
    ) -> Self {
        Self {
            agent,
            quarantine,
            conditions,
            feeds: Vec::new(),
            named: Vec::new(),
            replays: None,
            deliveries: mpsc::channel(DELIVERIES_WAITING_MAX),
            parts: Vec::new(),
            taken: SharedTaken::default(),
        }
    }

    /// Where feeds that do not run by themselves (webhooks) hand over.
    pub fn deliveries(&self) -> mpsc::Sender<Delivery> {
        self.deliveries.0.clone()
    }

    /// What came in since the start.
    pub fn taken(&self) -> SharedTaken {
        self.taken.clone()
    }

    /// Adds a feed that runs by itself.
    pub fn feed(&mut self, feed: RunningFeed, health: SharedHealth) {
        self.named.push(feed.name().clone());
        self.feeds.push((feed, health));
    }

    /// Names a feed that does not run by itself, so that what it brought before is read again.
    pub fn names_feed(&mut self, feed: FeedName) {
        self.named.push(feed);
    }

    /// Whom to tell which signed requests were accepted before the start.
    pub fn remembers(&mut self, replays: Arc<dyn ReplayGuard>) {
        self.replays = Some(replays);
    }

    /// Adds another part: the web server.
    pub fn part(&mut self, name: impl Into<String>, part: Part) {
        self.parts.push((name.into(), part));
    }

    /// Runs until `stop` says true, then drains.
    ///
    /// # Errors
    /// When a part ends that should not, or panics: the process must end non-zero.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), DaemonError> {
        let Self { agent, quarantine, conditions, feeds, named, replays, deliveries, parts, taken } = self;
        let (sender, receiver) = deliveries;
        let (intake, mut places) = Intake::resume(Arc::clone(&agent), quarantine, conditions, &named).await?;
        super::reports::sweep(&agent).await;
        if let Some(replays) = replays {
            intake.requests().iter().for_each(|request| replays.keep(request.key.0, request.until));
        }
        let mut tasks: JoinSet<(String, Result<(), String>)> = JoinSet::new();
        for (name, part) in parts {
            tasks.spawn(async move { (name, part.await) });
        }
        for (feed, health) in feeds {
            let place = places.remove(feed.name());
            let name = format!("feed {}", feed.name());
            let running = feed.run(place, sender.clone(), stop.clone(), health);
            tasks.spawn(async move { (name, feed_ended(running.await)) });
        }
        drop(sender);
        let intake = take_in(intake, receiver, taken, stop.clone());
        tasks.spawn(async move { ("intake".to_owned(), intake.await) });
        let driving = driver::drive(agent, stop.clone());
        tasks.spawn(async move { ("driver".to_owned(), driving.await.map_err(|error| chain_of(&error))) });
        tracing::info!(feeds = named.len(), "the agent runs");
        watch_over(&mut tasks, &mut stop).await
    }
}

/// A file that was read to its end is a feed that is done; everything else that ends early is an error.
fn feed_ended(ended: Result<FeedEnd, String>) -> Result<(), String> {
    match ended {
        Ok(FeedEnd::Finished | FeedEnd::Stopped) => Ok(()),
        Ok(FeedEnd::ConsumerGone) => Err("the intake is gone".to_owned()),
        Err(because) => Err(because),
    }
}

async fn watch_over(
    tasks: &mut JoinSet<(String, Result<(), String>)>,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    let mut first_problem = None;
    while let Some(ended) = tasks.join_next().await {
        let stopping = *stop.borrow();
        match ended {
            Err(error) => return Err(DaemonError::Panicked(error.to_string())),
            Ok((part, Err(because))) => {
                first_problem.get_or_insert(DaemonError::Ended { part, because });
            }
            Ok((part, Ok(()))) if stopping || part.starts_with("feed ") => {
                tracing::info!(%part, "ended");
            }
            Ok((part, Ok(()))) => {
                let because = "it must not end by itself".to_owned();
                first_problem.get_or_insert(DaemonError::Ended { part, because });
            }
        }
        if let (Some(problem), false) = (first_problem.take(), stopping) {
            return Err(problem);
        }
    }
    Ok(())
}

async fn take_in(
    mut intake: Intake,
    mut deliveries: mpsc::Receiver<Delivery>,
    taken: SharedTaken,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let mut senders_gone = false;
    // Not a sleep begun anew each time: a flood of deliveries must not keep silence from being heard.
    let mut again = tokio::time::interval(RETRY_EVERY);
    again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            delivery = deliveries.recv(), if !senders_gone => match delivery {
                Some(delivery) => {
                    intake.take(delivery).await;
                    taken.set(intake.taken());
                }
                // Every feed was read to its end; incidents go on.
                None => senders_gone = true,
            },
            _ = again.tick() => {
                intake.retry().await;
                taken.set(intake.taken());
            }
            () = stopped(&mut stop) => return Ok(()),
        }
    }
}

/// Waits for `stop`; a sender that is gone cannot say it any more, which is one, too.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.map(drop).unwrap_or_default();
}

/// How every feed is doing, by name.
pub type FeedsHealth = BTreeMap<FeedName, SharedHealth>;
