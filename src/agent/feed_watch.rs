//! Watches the feeds: one that is silent for longer than it may be is told to people, once for each silence.
//!
//! A feed that we ask lives as long as it answers, with an empty answer too. One that is pushed lives as long as it
//! delivers. Neither lives by what we cannot read: [`SharedHealth`] says what was understood. A pushed feed is watched
//! where `stale_after` says how long it may be quiet. A start begins with a grace of `stale_after`. A silence is an event like any other that is reported: it opens a triage, which pages by the
//! escalation policy. When the feed speaks again that is noted, and an event that nobody made an incident of is
//! closed: nobody is called for it any more.
//!
//! *Derived from the journal and from what is heard*: a restart finds the event that is open, and does not tell the
//! same silence twice. It does not know what a feed is: who writes [`SharedHealth`] does.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::command::{CommandError, Commands};
use super::daemon::FeedsHealth;
use super::store::Recorded;
use super::{Agent, chain_of};
use crate::config::settings::{Feed, Life};
use crate::domain::incident::{Actor, Fact, Incident, Phase, Source};
use crate::domain::names::FeedName;
use crate::domain::runbook::Severity;
use crate::feeds::SharedHealth;

/// How often feeds are looked at. It costs nothing but memory that is ours.
const EVERY: Duration = Duration::from_millis(500);

/// A silence that a person has closed, and that lasts, is told again after this long.
const TOLD_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Who reports it: no `redhandle report` can say that it is this.
const REPORTER: &str = "redhandle";

/// How the note begins that ends a silence.
const SPEAKS: &str = "the feed speaks again";

/// The watch over all feeds.
#[derive(Debug)]
pub struct FeedWatch {
    since: Timestamp,
    /// Deliveries that were understood, at the last look.
    understood: BTreeMap<FeedName, u64>,
}

/// Runs until `stop`.
///
/// # Errors
/// Never: what goes wrong is logged and tried again.
pub async fn watch(
    agent: Arc<Agent>,
    feeds: FeedsHealth,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let mut state = FeedWatch::new(agent.clock.now());
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
        state.look(&agent, &feeds).await;
    }
}

impl FeedWatch {
    /// A watch that begins now.
    pub fn new(since: Timestamp) -> Self {
        Self { since, understood: BTreeMap::new() }
    }

    /// Looks at every feed once.
    pub async fn look(&mut self, agent: &Agent, feeds: &FeedsHealth) {
        for feed in &agent.config.settings.feeds {
            let Some(health) = feeds.get(&feed.name) else { continue };
            let now = agent.clock.now();
            self.listen(feed, health, now);
            let Some(allowed) = feed.stale_after().and_then(|after| SignedDuration::try_from(after).ok())
            else {
                continue;
            };
            let last = heard(feed, health);
            let silent = now.duration_since(last.unwrap_or(self.since).max(self.since)) > allowed;
            let told = if silent {
                silence(agent, feed, health, last, allowed).await
            } else {
                speech(agent, feed, last).await
            };
            if let Err(error) = told {
                tracing::error!(feed = %feed.name, error = %chain_of(&error), "what is heard of a feed could not be told; it is tried again");
            }
        }
    }

    /// Notes when something was delivered that was understood: feeds count, and do not say when.
    fn listen(&mut self, feed: &Feed, health: &SharedHealth, now: Timestamp) {
        let understood = health.snapshot().understood;
        let before = self.understood.insert(feed.name.clone(), understood).unwrap_or(0);
        if understood != before {
            health.heard(now);
        }
    }
}

/// When the feed last showed that it lives; none: never since the start.
pub fn heard(feed: &Feed, health: &SharedHealth) -> Option<Timestamp> {
    let health = health.snapshot();
    match feed.life() {
        Life::Answers => health.last_ok,
        Life::Deliveries => health.heard,
    }
}

fn about(feed: &Feed) -> String {
    format!("the watch over feed {}", feed.name)
}

/// The newest event about the feed.
fn newest(agent: &Agent, feed: &Feed) -> Option<Arc<Incident>> {
    let about = about(feed);
    agent.store.all().into_iter().rev().find(|incident| match &incident.source {
        Source::Reporter { kind, contact } => kind == REPORTER && contact.as_deref() == Some(&*about),
        Source::Match(_) | Source::Trigger => false,
    })
}

/// Whether it was noted that the silence of this event is over.
fn is_over(agent: &Agent, event: &Incident) -> bool {
    let facts = agent.store.facts(event.id);
    facts
        .iter()
        .any(|(_, fact)| matches!(fact, Fact::Noted { by: Actor::Agent, text } if text.starts_with(SPEAKS)))
}

/// Reports the silence, unless it is told already.
async fn silence(
    agent: &Agent,
    feed: &Feed,
    health: &SharedHealth,
    last: Option<Timestamp>,
    allowed: SignedDuration,
) -> Result<(), CommandError> {
    let now = agent.clock.now();
    let told = |event: &Incident| {
        event.is_live() || (!is_over(agent, event) && now.duration_since(event.opened) < TOLD_AGAIN_AFTER)
    };
    if newest(agent, feed).is_some_and(|event| told(&event)) {
        return Ok(());
    }
    // Another process may have told it.
    agent.store.sync().await?;
    if newest(agent, feed).is_some_and(|event| told(&event)) {
        return Ok(());
    }
    let told = health.snapshot();
    let shows = match (feed.life(), told.unread_in_a_row) {
        (Life::Answers, 0) => "has not answered",
        (Life::Answers, _some) => "has answered nothing that we can read",
        (Life::Deliveries, 0) => "has delivered nothing",
        (Life::Deliveries, _some) => "has delivered nothing that we can read",
    };
    let since = match last {
        Some(at) => format!("since {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")),
        None => "since the agent started".to_owned(),
    };
    let error = told.last_error.as_ref().map(|why| format!("; what is wrong now: {why}")).unwrap_or_default();
    // Most often it is this: the sender speaks, and with another secret.
    let dropped = told.dropped().join("; ");
    let dropped = match dropped.as_str() {
        "" => String::new(),
        what => format!(" What came and was not taken: {what}."),
    };
    let statement = format!(
        "feed {} {shows} {since}, and {allowed:#} is the longest silence that its stale_after allows{error}. \
         Alerts that it would bring are not heard meanwhile.{dropped}",
        feed.name
    );
    tracing::error!(feed = %feed.name, "a feed is silent for longer than it may be");
    let commands = Commands::new(&agent.store, &agent.config.roster, now);
    let title = format!("Feed {} is silent: its alerts are not heard", feed.name);
    let (kind, contact) = (REPORTER.to_owned(), Some(about(feed)));
    commands.report(kind, contact, title, Some(statement), Severity::Incident, None).await?;
    Ok(())
}

/// Notes that the feed speaks again, and closes the event that nobody made an incident of.
async fn speech(agent: &Agent, feed: &Feed, last: Option<Timestamp>) -> Result<(), CommandError> {
    while let (Some(event), Some(last)) = (newest(agent, feed), last) {
        if last <= event.opened || is_over(agent, &event) {
            return Ok(());
        }
        let reason = format!("{SPEAKS}, since {}", last.strftime("%Y-%m-%d %H:%M:%S UTC"));
        let by = Actor::Agent;
        let mut facts = vec![Fact::Noted { by: by.clone(), text: reason.clone() }];
        // Whatever a person made of it is theirs to end.
        if event.phase == Phase::Reported {
            let (by, severity) = (by.clone(), event.severity);
            facts.push(Fact::Triaged { by: by.clone(), incident: false, severity, reason: reason.clone() });
            facts.push(Fact::Closed { by, reason });
        }
        match agent.store.record(event.id, event.version, facts, false).await? {
            Recorded::Applied | Recorded::Unwritten => {
                tracing::info!(feed = %feed.name, incident.id = %event.id, "a feed that was silent speaks again");
            }
            Recorded::Stale => {}
        }
    }
    Ok(())
}
