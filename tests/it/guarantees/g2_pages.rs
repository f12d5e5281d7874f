//! A page is attempted on each of a person's channels until acknowledged, resolved or exhausted; exhaustion
//! escalates.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use redhandle::clock::{Clock as _, ManualClock, SystemClock};
use redhandle::domain::incident::names::{PageKey, Purpose};
use redhandle::domain::incident::{Fact, Phase, Task, due};

use crate::support::files::WEBHOOK_SECRET;
use crate::support::phone::Phone;
use crate::support::{Life, Town, Waking, until};

/// Pages that would be due at `at` if nothing happened until then.
fn pages_due(life: &Life, at: Timestamp) -> Vec<PageKey> {
    let incident = life.newest().unwrap();
    let due = due(&incident, &life.house.agent.world(&incident), at);
    due.tasks
        .into_iter()
        .filter_map(|task| match task {
            Task::Page { page, .. } => Some(page),
            _ => None,
        })
        .collect()
}

fn attempts(life: &Life, person: &str, channel: &str, round: u32) -> usize {
    let begun = |fact: &Fact| match fact {
        Fact::PageStarted { page, .. } => {
            page.purpose == Purpose::Triage
                && page.person.as_str() == person
                && page.channel.as_str() == channel
                && page.round == round
        }
        _ => false,
    };
    life.facts().iter().filter(|fact| begun(fact)).count()
}

async fn until_attempts(life: &Life, person: &str, channel: &str, round: u32, count: usize) {
    until(&format!("attempt {count} at {person} by {channel} in round {round}"), async || {
        (attempts(life, person, channel, round) >= count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn g2_a_page_is_attempted_on_each_channel_until_acknowledged_resolved_or_exhausted_and_exhaustion_escalates()
 {
    let town = Town::new().await;
    let phone = Phone::start();
    town.hear_a_webhook();
    town.write("secrets/phone", "what the phone's server knows");
    town.add(&phone.channel());
    // Chi is not on call, and no step names them: only exhaustion reaches them.
    let roster = town.roster(&["ana", "ben"]);
    town.write("roster.toml", &roster.replace("[\"console\"]", "[\"console\", \"phone\"]"));
    town.edit("roster.toml", "[\"role:commander\", \"signers\"]", "[\"role:commander\"]");
    phone.refuse(true);
    let clock = ManualClock::at(SystemClock.now());
    let life = town.wake_as(Waking { clock: Arc::clone(&clock) as _, ..Waking::default() }).await;
    let status = town.post("/feeds/monitor", Some(WEBHOOK_SECRET), town.alert(0)).await;
    assert_eq!(status, Some(200));

    // Each channel of each person on call; the one that refuses again and again, up to its bound.
    for attempt in 1..=4 {
        for person in ["ana", "ben"] {
            until_attempts(&life, person, "console", 0, 1).await;
            until_attempts(&life, person, "phone", 0, attempt).await;
        }
        until("the outcomes", async || (life.count("page-failed") >= 2 * attempt).then_some(())).await;
        clock.step(SignedDuration::from_secs(20));
    }
    assert!(pages_due(&life, clock.now()).is_empty(), "four attempts are the bound of a round");

    // Nobody answers: again from the beginning, then everybody.
    phone.refuse(false);
    clock.step(SignedDuration::from_mins(10));
    for person in ["ana", "ben"] {
        for channel in ["console", "phone"] {
            until_attempts(&life, person, channel, 1, 1).await;
        }
    }
    assert_eq!((attempts(&life, "chi", "console", 0), attempts(&life, "chi", "console", 1)), (0, 0));
    clock.step(SignedDuration::from_mins(10));
    life.until_fact("exhausted").await;
    for channel in ["console", "phone"] {
        until_attempts(&life, "chi", channel, 2, 1).await;
    }
    until("pages to have their outcome", async || pages_due(&life, clock.now()).is_empty().then_some(()))
        .await;
    assert!(phone.rings().iter().any(|ring| ring["to"]["person"] == "chi"), "it left the house");
    assert!(life.pages().contains("Pause the vault: is it real?"));

    // Acknowledged: nothing more is due, however late it gets.
    life.acknowledges("chi").await.unwrap();
    let much_later = clock.now() + SignedDuration::from_hours(5);
    assert_eq!(pages_due(&life, much_later), []);

    // The second bot makes it a proposal, and calls the signers; resolved, nobody is called any more.
    life.allow_the_proposer(&town).await;
    let status = town.post_at(clock.now(), "/feeds/monitor", Some(WEBHOOK_SECRET), town.alert(1)).await;
    assert_eq!(status, Some(200));
    life.until("command and the call to sign", |incident| {
        incident.phase == Phase::Declared && incident.open_call(Purpose::Sign).is_some()
    })
    .await;
    assert!(!pages_due(&life, much_later).is_empty(), "signers are called again and again");
    life.resolves("ana").await.unwrap().unwrap();
    assert_eq!(pages_due(&life, much_later), []);
    life.stop().await;
}
