//! A practice ground for whoever uses a journal: one that fails or stands still where it is told to.
//!
//! Not for production. It exists outside `#[cfg(test)]` because the drills, the simulation and the integration
//! tests stand on it: every step of the agent is killed before its fact is on disk and after, and run again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::fact::{Entry, Head, Stream, Version, Write};
use super::{Appended, Journal, JournalError};

/// What goes wrong with one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing was written.
    FailBefore,
    /// It fails, but everything was written: the answer was lost.
    FailAfter,
    /// It stands still with nothing written, until [`FaultyJournal::release`].
    HoldBefore,
    /// It stands still with everything written, until [`FaultyJournal::release`].
    HoldAfter,
}

/// A journal with planned faults.
#[derive(Debug)]
pub struct FaultyJournal {
    inner: Arc<dyn Journal>,
    plan: Mutex<Plan>,
    gate: watch::Sender<Gate>,
}

#[derive(Debug, Default)]
struct Plan {
    faults: BTreeMap<u64, Fault>,
    appends: u64,
    down: bool,
}

#[derive(Debug, Default)]
struct Gate {
    released: u64,
    held: u64,
}

impl FaultyJournal {
    /// Wraps a journal; without faults it behaves as that one.
    pub fn new(inner: Arc<dyn Journal>) -> Arc<Self> {
        Arc::new(Self { inner, plan: Mutex::default(), gate: watch::Sender::new(Gate::default()) })
    }

    /// Plans a fault for the n-th append from the beginning, counted from 1.
    pub fn plan(&self, append: u64, fault: Fault) {
        self.with(|plan| plan.faults.insert(append, fault));
    }

    /// From now on nothing can be read or appended, as on a full or unplugged disk; until `set_down(false)`.
    pub fn set_down(&self, down: bool) {
        self.with(|plan| plan.down = down);
    }

    /// How many appends were asked for, failed ones included.
    pub fn appends(&self) -> u64 {
        self.with(|plan| plan.appends)
    }

    /// Waits until an append stands still.
    pub async fn held(&self) {
        // The sender lives as long as `self`.
        self.gate.subscribe().wait_for(|gate| gate.held > 0).await.ok();
    }

    /// Lets every append that stands still go on.
    pub fn release(&self) {
        self.gate.send_modify(|gate| gate.released += 1);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Plan) -> T) -> T {
        change(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn next(&self) -> Result<Option<Fault>, JournalError> {
        self.with(|plan| {
            plan.appends += 1;
            if plan.down { Err(unavailable("append to")) } else { Ok(plan.faults.remove(&plan.appends)) }
        })
    }

    fn up(&self) -> Result<(), JournalError> {
        if self.with(|plan| plan.down) { Err(unavailable("read")) } else { Ok(()) }
    }

    async fn hold(&self) {
        let released = self.gate.borrow().released;
        let _held = Held::new(&self.gate);
        self.gate.subscribe().wait_for(|gate| gate.released > released).await.ok();
    }
}

/// Counts an append as standing still, also when its caller gives up on it.
struct Held<'a>(&'a watch::Sender<Gate>);

impl<'a> Held<'a> {
    fn new(gate: &'a watch::Sender<Gate>) -> Self {
        gate.send_modify(|gate| gate.held += 1);
        Self(gate)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|gate| gate.held = gate.held.saturating_sub(1));
    }
}

fn unavailable(doing: &'static str) -> JournalError {
    JournalError::Unavailable {
        doing,
        place: "under test".into(),
        why: "a fault was planned here".into(),
        remedy: "take the fault out of the plan",
        source: None,
    }
}

#[async_trait]
impl Journal for FaultyJournal {
    async fn append(&self, writes: Vec<Write>) -> Result<Appended, JournalError> {
        match self.next()? {
            None => self.inner.append(writes).await,
            Some(Fault::FailBefore) => Err(unavailable("append to")),
            Some(Fault::FailAfter) => match self.inner.append(writes).await? {
                Appended::Applied { .. } | Appended::Stale { .. } | Appended::Refused { .. } => {
                    Err(unavailable("append to"))
                }
            },
            Some(Fault::HoldBefore) => {
                self.hold().await;
                self.inner.append(writes).await
            }
            Some(Fault::HoldAfter) => {
                let appended = self.inner.append(writes).await;
                self.hold().await;
                appended
            }
        }
    }

    async fn read(&self, stream: &Stream, after: Version) -> Result<Vec<Entry>, JournalError> {
        self.up()?;
        self.inner.read(stream, after).await
    }

    async fn read_part(
        &self,
        stream: &Stream,
        after: Version,
        limit: u32,
    ) -> Result<Vec<Entry>, JournalError> {
        self.up()?;
        self.inner.read_part(stream, after, limit).await
    }

    async fn last(&self, stream: &Stream) -> Result<Option<Entry>, JournalError> {
        self.up()?;
        self.inner.last(stream).await
    }

    async fn read_all(&self, after_seq: u64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.up()?;
        self.inner.read_all(after_seq, limit).await
    }

    async fn head(&self) -> Result<Head, JournalError> {
        self.up()?;
        self.inner.head().await
    }

    async fn streams(&self, prefix: &str) -> Result<Vec<(Stream, Version)>, JournalError> {
        self.up()?;
        self.inner.streams(prefix).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::MemoryJournal;
    use super::super::conformance::write;
    use super::*;

    async fn facts(journal: &dyn Journal) -> u64 {
        journal.head().await.unwrap().seq
    }

    #[tokio::test]
    async fn each_fault_happens_at_its_append_and_once() {
        let inner = Arc::new(MemoryJournal::new());
        let journal = FaultyJournal::new(inner.clone());
        journal.plan(1, Fault::FailBefore);
        journal.plan(3, Fault::FailAfter);
        assert!(journal.append(vec![write("a", 0, &["one"])]).await.is_err());
        assert_eq!(facts(inner.as_ref()).await, 0);
        assert!(matches!(journal.append(vec![write("a", 0, &["one"])]).await, Ok(Appended::Applied { .. })));
        assert!(journal.append(vec![write("a", 1, &["two"])]).await.is_err());
        assert_eq!(facts(inner.as_ref()).await, 2, "the answer was lost, not the fact");
        let again = journal.append(vec![write("a", 1, &["two"])]).await.unwrap();
        assert_eq!(again, Appended::Stale { stream: "a".into(), current: Version(2) });
        assert_eq!(journal.appends(), 4);
    }

    #[tokio::test]
    async fn a_held_append_goes_on_when_released_and_may_be_given_up_on() {
        for (fault, on_disk) in [(Fault::HoldBefore, 0), (Fault::HoldAfter, 1)] {
            let inner = Arc::new(MemoryJournal::new());
            let journal = FaultyJournal::new(inner.clone());
            journal.plan(1, fault);
            let given_up = journal.append(vec![write("a", 0, &["one"])]);
            assert!(tokio::time::timeout(Duration::from_millis(20), given_up).await.is_err());
            assert_eq!(facts(inner.as_ref()).await, on_disk, "killed there, this is what is found");

            journal.plan(2, fault);
            let (appended, ()) = tokio::join!(journal.append(vec![write("b", 0, &["one"])]), async {
                journal.held().await;
                assert_eq!(facts(inner.as_ref()).await, on_disk * 2);
                journal.release();
            });
            assert!(matches!(appended, Ok(Appended::Applied { .. })));
        }
    }

    #[tokio::test]
    async fn a_journal_that_is_down_answers_nothing_until_it_is_up() {
        let journal = FaultyJournal::new(Arc::new(MemoryJournal::new()));
        journal.set_down(true);
        assert!(journal.append(vec![write("a", 0, &["one"])]).await.unwrap_err().is_unavailable());
        assert!(journal.read(&"a".into(), Version(0)).await.is_err());
        assert!(journal.last(&"a".into()).await.is_err());
        assert!(journal.read_all(0, 1).await.is_err());
        assert!(journal.streams("").await.is_err());
        journal.set_down(false);
        assert_eq!(facts(journal.as_ref()).await, 0);
    }
}
