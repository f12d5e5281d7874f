//! A feed as the daemon runs it: its name, how it is begun, and how its end is told.
//!
//! The one place where what reads (a poller, a file, a bus, a chain) meets what the daemon knows of it. It does not know
//! what is read, and no error's kind: an end that is an error ends the process, with the whole chain of causes.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio::sync::{mpsc, watch};

use super::chain_of;
use crate::domain::names::FeedName;
use crate::feeds::{Cursor, Delivery, FeedEnd, SharedHealth};

/// A feed that runs, until it ends; an error with its causes.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<FeedEnd, String>> + Send>>;

type Begin = Box<
    dyn FnOnce(Option<Cursor>, mpsc::Sender<Delivery>, watch::Receiver<bool>, SharedHealth) -> Running + Send,
>;

/// A feed that polls, listens or reads by itself.
pub struct RunningFeed {
    name: FeedName,
    begin: Begin,
}

impl fmt::Debug for RunningFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningFeed").field("name", &self.name).finish_non_exhaustive()
    }
}

impl RunningFeed {
    /// A feed that `begin` runs: from its last place, to the intake, until `stop`, saying how it does. A feed that has no
    /// more to read says so by its end.
    pub fn new<B, R, E>(name: FeedName, begin: B) -> Self
    where
        B: FnOnce(Option<Cursor>, mpsc::Sender<Delivery>, watch::Receiver<bool>, SharedHealth) -> R,
        B: Send + 'static,
        R: Future<Output = Result<FeedEnd, E>> + Send + 'static,
        E: Error + 'static,
    {
        let begin: Begin = Box::new(move |resume, deliveries, stop, health| {
            let running = begin(resume, deliveries, stop, health);
            Box::pin(async move { running.await.map_err(|error| chain_of(&error)) })
        });
        Self { name, begin }
    }

    /// Its name.
    pub fn name(&self) -> &FeedName {
        &self.name
    }

    pub(super) fn run(
        self,
        resume: Option<Cursor>,
        deliveries: mpsc::Sender<Delivery>,
        stop: watch::Receiver<bool>,
        health: SharedHealth,
    ) -> Running {
        (self.begin)(resume, deliveries, stop, health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("feed lines cannot be read")]
    struct Unread(#[from] std::io::Error);

    #[tokio::test]
    async fn a_feed_begins_at_its_place_and_its_end_is_told_with_its_causes() {
        let (deliveries, _) = mpsc::channel(1);
        let (_stop, stopped) = watch::channel(false);
        let health = SharedHealth::new();
        let feed =
            RunningFeed::new("lines".into(), |resume, _deliveries, _stop, health: SharedHealth| async move {
                assert!(resume.is_none());
                health.heard(jiff::Timestamp::UNIX_EPOCH);
                Err::<FeedEnd, _>(Unread(std::io::Error::other("the disk is gone")))
            });
        assert_eq!(feed.name().to_string(), "lines");
        let ended = feed.run(None, deliveries.clone(), stopped.clone(), health.clone()).await;
        assert_eq!(ended.unwrap_err(), "feed lines cannot be read: the disk is gone");
        assert!(health.snapshot().heard.is_some(), "the daemon's own health is what it writes to");

        let feed = RunningFeed::new("done".into(), |_, _, _, _| async { Ok::<_, Unread>(FeedEnd::Finished) });
        assert_eq!(feed.run(None, deliveries, stopped, health).await, Ok(FeedEnd::Finished));
    }
}
