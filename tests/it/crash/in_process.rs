//! Killed at every append to the journal, before the fact is on disk and after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redhandle::journal::faults::Fault;

use super::{finished_by_the_next_life, once, people};
use crate::support::{Town, Waking};

/// Stories that are told side by side.
const LANES: usize = 6;

/// Tells the story with a death at one append. False when the story was over before.
async fn killed_at(append: u64, fault: Fault) -> bool {
    let what = format!("killed at append {append}, {fault:?}");
    let town = Town::new().await;
    town.alarm();
    let life = town.wake_as(Waking { faults: vec![(append, fault)], ..Waking::default() }).await;
    let killed = tokio::select! {
        () = life.facts.held() => true,
        () = people(&town, &life) => false,
    };
    if killed {
        life.crash();
        finished_by_the_next_life(&town, &what).await;
    } else {
        once(&town, &life, &what).await;
        life.stop().await;
    }
    killed
}

/// How many appends the story takes.
async fn appends() -> u64 {
    let town = Town::new().await;
    town.alarm();
    let life = town.wake().await;
    people(&town, &life).await;
    once(&town, &life, "nothing went wrong").await;
    let appends = life.facts.appends();
    life.stop().await;
    appends
}

async fn killed_at_each(fault: Fault) {
    let all = appends().await;
    assert!(all > 20, "{all} appends are no story");
    let next = Arc::new(AtomicU64::new(1));
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let next = Arc::clone(&next);
            // A lane of its own thread and runtime: what panics in it fails the test when it is joined.
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let mut killed = 0;
                    loop {
                        let append = next.fetch_add(1, Ordering::SeqCst);
                        if append > all {
                            return killed;
                        }
                        killed += u64::from(killed_at(append, fault).await);
                    }
                })
            })
        })
        .collect();
    let killed: u64 = lanes.into_iter().map(|lane| lane.join().unwrap()).sum();
    // Which pages meet which append differs from run to run, and so does their number, a little.
    assert!(killed * 10 >= all * 8, "{killed} deaths at {all} appends");
    eprintln!("{killed} deaths at {all} appends, {fault:?}");
}

#[tokio::test]
async fn killed_before_any_append_the_story_is_finished_with_one_proposal() {
    killed_at_each(Fault::HoldBefore).await;
}

#[tokio::test]
async fn killed_after_any_append_the_story_is_finished_with_one_proposal() {
    killed_at_each(Fault::HoldAfter).await;
}
