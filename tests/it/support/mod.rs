//! The ground that integration tests stand on.
//!
//! | file | what |
//! |---|---|
//! | [`town`] | everything that is there before an agent runs: chain, Safes, vault, feed, a folder of files |
//! | [`files`] | what a team writes: settings, roster, runbook, keystores |
//! | [`life`] | one life of the agent, in this process: from start to stop or crash, with a faulty journal at hand |
//! | [`people`] | what the people of the story do: allow, sign, post |
//! | [`outsider`] | whoever executes what owners signed, without us |
//! | [`process`] | the real binary, as a command or as a child that can be killed |
//! | [`phone`] | somebody's server that pages are posted to |
//!
//! *Invariants.* Nothing waits for time: tests wait for conditions ([`until`]) up to a deadline. Whatever is started
//! here ends with the value that stands for it, and its `Drop` asserts that.

pub mod files;
pub mod life;
pub mod outsider;
pub mod people;
pub mod phone;
pub mod process;
pub mod town;

use std::time::{Duration, Instant};

pub use life::{Life, Waking};
pub use process::Process;
pub use town::Town;

/// How long anything may take before a test gives up: long, because other tests share the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `look` gives something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The same for whoever cannot wait asynchronously: `Drop`.
pub fn until_now(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
