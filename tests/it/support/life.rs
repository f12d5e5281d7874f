//! One life of the agent in this process, put together from files as `redhandle run` does it.
//!
//! It has a runtime of its own, so that its death is a death: whatever it was doing stops where it was.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redhandle::agent::daemon::DaemonError;
use redhandle::agent::house::House;
use redhandle::agent::setup::{Keys, Surroundings};
use redhandle::clock::{SharedClock, SystemClock};
use redhandle::domain::incident::{Fact, Incident};
use redhandle::journal::faults::{Fault, FaultyJournal};
use redhandle::journal::{SqliteJournal, Verified, verify};
use redhandle::web::assembly;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{LOOK_EVERY, PATIENCE, Town};

/// How it wakes.
pub struct Waking {
    /// What time it is.
    pub clock: SharedClock,
    /// What goes wrong with the journal, by the number of the append.
    pub faults: Vec<(u64, Fault)>,
    /// Where it listens; none: where the files say.
    pub listen: Option<SocketAddr>,
}

impl Default for Waking {
    fn default() -> Self {
        Self { clock: SystemClock::shared(), faults: Vec::new(), listen: None }
    }
}

/// A running agent.
pub struct Life {
    pub house: Arc<House>,
    /// The journal, where it can be made to fail.
    pub facts: Arc<FaultyJournal>,
    /// Where it listens.
    pub listen: SocketAddr,
    console: Arc<Mutex<Vec<u8>>>,
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<Result<(), DaemonError>>>,
    runtime: Option<Runtime>,
}

impl Town {
    /// Starts the agent on the files.
    pub async fn wake(&self) -> Life {
        self.wake_as(Waking::default()).await
    }

    /// Starts the agent on the files, with something that is not as usual.
    pub async fn wake_as(&self, waking: Waking) -> Life {
        // RUST_LOG=redhandle=debug shows what the agent says.
        let logs = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(logs).with_writer(std::io::stderr).try_init().ok();
        let config = self.config();
        let wanted = waking.listen.unwrap_or(config.settings.web.listen);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let console = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = watch::channel(false);
        let output = Arc::clone(&console);
        let starting = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::bind(wanted).await.unwrap();
            let listen = listener.local_addr().unwrap();
            let journal = Arc::new(SqliteJournal::open(&config.settings.journal).await.unwrap());
            let facts = FaultyJournal::new(Arc::clone(&journal) as _);
            for (append, fault) in waking.faults {
                facts.plan(append, fault);
            }
            let around = Surroundings {
                journal: Arc::clone(&facts) as _,
                clock: waking.clock,
                console: Some(output),
                listen,
                keys: Keys::All,
            };
            let house = House::over(journal, config, around).await.unwrap();
            let daemon = assembly::daemon(&house, listener, &stopped).unwrap();
            let running = tokio::runtime::Handle::current().spawn(daemon.run(stopped));
            (house, facts, listen, running)
        });
        let (house, facts, listen, running) = starting.await.unwrap();
        let house = Arc::new(house);
        Life { house, facts, listen, console, stop, running: Some(running), runtime: Some(runtime) }
    }
}

impl Life {
    /// Does something where the agent lives. None when it died meanwhile.
    pub async fn within<T: Send + 'static>(
        &self,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let done = self.runtime.as_ref().unwrap().spawn(job).await;
        match done {
            Ok(done) => Some(done),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_cancelled) => None,
        }
    }

    /// The newest incident that a runbook answers, or else the newest: what the agent itself reports beside it (a window
    /// of pre-signed transactions runs short, for example) is an event of its own, and may come at any time.
    pub fn newest(&self) -> Option<Arc<Incident>> {
        let all = self.house.agent.store.all();
        let answered = all.iter().rev().find(|incident| incident.runbook.is_some());
        answered.or(all.last()).cloned()
    }

    /// Everything that happened to the newest incident.
    pub fn facts(&self) -> Vec<Fact> {
        let newest = self.newest().map(|incident| self.house.agent.store.facts(incident.id));
        newest.unwrap_or_default().into_iter().map(|(_, fact)| fact).collect()
    }

    /// How many facts of a kind happened to the newest incident.
    pub fn count(&self, kind: &str) -> usize {
        self.facts().iter().filter(|fact| fact.kind() == kind).count()
    }

    /// Waits until the newest incident is as it must be.
    pub async fn until(&self, what: &str, is: impl Fn(&Incident) -> bool) -> Arc<Incident> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(incident) = self.newest().filter(|incident| is(incident)) {
                return incident;
            }
            assert!(!self.has_ended(), "the agent ended by itself; awaited was {what}");
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}; {}", self.told());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Where the newest incident stands and how it came there, for whoever reads a failure.
    fn told(&self) -> String {
        let Some(incident) = self.newest() else { return "there is no incident".to_owned() };
        let gap = self.house.agent.store.gap_since();
        let kinds: Vec<_> = self.facts().iter().map(Fact::kind).collect();
        format!(
            "{} is {:?}, {:?}, journal away since {gap:?}: {kinds:?}",
            incident.id, incident.phase, incident.stage
        )
    }

    /// Waits until a fact of this kind happened to the newest incident.
    pub async fn until_fact(&self, kind: &str) {
        self.until(kind, |incident| {
            let facts = self.house.agent.store.facts(incident.id);
            facts.iter().any(|(_, fact)| fact.kind() == kind)
        })
        .await;
    }

    /// The agent ended although nobody stopped it.
    pub fn has_ended(&self) -> bool {
        self.running.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// What the console channel printed.
    pub fn pages(&self) -> String {
        String::from_utf8(self.console.lock().unwrap().clone()).unwrap()
    }

    /// Walks the whole chain of facts on disk.
    pub async fn verified(&self) -> Verified {
        let journal = Arc::clone(&self.house.journal);
        self.within(async move { verify(&*journal, None).await.unwrap() }).await.unwrap()
    }

    /// Stops it as SIGTERM does, and waits until it has drained.
    pub async fn stop(mut self) {
        self.stop.send(true).unwrap();
        self.running.take().unwrap().await.unwrap().unwrap();
        let journal = Arc::clone(&self.house.journal);
        self.within(async move { journal.close().await }).await;
    }

    /// Kills it where it stands.
    pub fn crash(self) {
        drop(self);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let runtime = self.runtime.take().unwrap();
        // A runtime must not end inside another one.
        let ending = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(10)));
        ending.join().unwrap();
        if !std::thread::panicking() {
            let others = Arc::strong_count(&self.house.agent);
            assert_eq!(others, 1, "tasks of the agent outlived it");
        }
    }
}
