//! The loop that runs reconcilers.
//!
//! It derives what is due for every incident, starts each task that is not running, and waits for a
//! task to end, an incident to change, another process to write, or the next instant at which
//! something becomes due. It is the only place that spawns. Nothing it holds is needed for
//! correctness: forget it all, and the same tasks are due.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::store::StoreError;
use super::{Agent, TaskError, chain_of, reconcile};
use crate::domain::incident::{IncidentId, Task, due};

/// How often the journal is looked at for what other processes wrote. It is one indexed query.
const OTHERS_EVERY: Duration = Duration::from_millis(150);

/// How long a task that failed without being able to say so in the journal rests.
const FAILED_TASK_RESTS: Duration = Duration::from_secs(1);

/// How long running tasks may take to end once the agent is asked to stop.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// The agent cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The journal holds what cannot be understood.
    #[error("the journal cannot be followed")]
    Journal(#[from] StoreError),
    /// A task broke one of our own invariants.
    #[error("task {task} of {incident} panicked")]
    Panicked {
        /// Which incident.
        incident: IncidentId,
        /// Which task.
        task: &'static str,
    },
}

type Key = (IncidentId, Task);

/// Runs until `stop` says true, then drains.
///
/// # Errors
/// When the journal cannot be followed or a task panics: the process must end and be started anew.
pub async fn drive(agent: Arc<Agent>, mut stop: watch::Receiver<bool>) -> Result<(), DriverError> {
    let changed = agent.store.changed();
    let mut running: JoinSet<(Key, Result<(), TaskError>)> = JoinSet::new();
    let mut in_flight: HashSet<Key> = HashSet::new();
    let mut by_id: HashMap<tokio::task::Id, Key> = HashMap::new();
    let mut rests_until: HashMap<Key, Instant> = HashMap::new();
    while !*stop.borrow() {
        follow_journal(&agent).await?;
        let now = agent.clock.now();
        let moment = Instant::now();
        let mut look_again = OTHERS_EVERY;
        rests_until.retain(|_, until| *until > moment);
        for incident in agent.store.all() {
            let due = due(&incident, &agent.world(&incident), now);
            for task in due.tasks {
                let key = (incident.id, task.identity());
                if in_flight.contains(&key) || rests_until.contains_key(&key) {
                    continue;
                }
                let agent = Arc::clone(&agent);
                let incident = Arc::clone(&incident);
                in_flight.insert(key.clone());
                let done_key = key.clone();
                let handle = running.spawn(async move {
                    let result = reconcile(&agent, &incident, &task).await;
                    (done_key, result)
                });
                by_id.insert(handle.id(), key);
            }
            if let Some(next) = due.next {
                let wait = Duration::try_from(next.duration_since(now)).unwrap_or(Duration::ZERO);
                look_again = look_again.min(wait);
            }
        }
        tokio::select! {
            () = changed.notified() => {}
            () = tokio::time::sleep(look_again) => {}
            _ = stop.changed() => {}
            Some(ended) = running.join_next_with_id() => {
                let (key, result) = match ended {
                    Ok((id, ended)) => { by_id.remove(&id); ended }
                    Err(error) => return Err(panicked(&by_id, &error)),
                };
                settle(&agent, &key, result, &mut rests_until);
                in_flight.remove(&key);
            }
        }
    }
    drain(running).await;
    Ok(())
}

/// Reads what others wrote. A journal that cannot be read now is no reason to stop containing.
async fn follow_journal(agent: &Agent) -> Result<(), DriverError> {
    if agent.store.journal_rests() {
        return Ok(());
    }
    if agent.store.gap_since().is_some()
        && let Err(error) = agent.store.flush().await
    {
        tracing::warn!(error = %chain_of(&error), "facts are still kept in memory");
    }
    match agent.store.sync().await {
        Ok(_) => Ok(()),
        Err(StoreError::Journal(error)) if error.is_unavailable() => {
            tracing::error!(error = %chain_of(&error), "the journal cannot be read");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn settle(agent: &Agent, key: &Key, result: Result<(), TaskError>, rests: &mut HashMap<Key, Instant>) {
    let (incident, task) = key;
    let cadence = task.cadence(agent.poll);
    match result {
        Ok(()) => {
            if let Some(cadence) = cadence {
                rests.insert(key.clone(), Instant::now() + cadence);
            }
        }
        Err(error) => {
            tracing::warn!(incident.id = %incident, task = task.kind(), error = %chain_of(&error), "task failed; it stays due");
            rests.insert(key.clone(), Instant::now() + cadence.unwrap_or(FAILED_TASK_RESTS));
        }
    }
}

fn panicked(by_id: &HashMap<tokio::task::Id, Key>, error: &tokio::task::JoinError) -> DriverError {
    let (incident, task) = by_id
        .get(&error.id())
        .map_or((IncidentId(0), "unknown"), |(incident, task)| (*incident, task.kind()));
    DriverError::Panicked { incident, task }
}

/// Lets running tasks end, up to a deadline: what they began is in the journal either way.
async fn drain(mut running: JoinSet<(Key, Result<(), TaskError>)>) {
    let all = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_MAX, all).await.is_err() {
        tracing::warn!("some tasks did not end in time; they are due again at the next start");
    }
}
