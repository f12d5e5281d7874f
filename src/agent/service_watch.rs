//! Watches the Transaction Services: does each answer, how many requests are left, is a Safe's queue tampered
//! with.
//!
//! One request at a time and one Safe after the other, so that watching costs at most one request in
//! [`EVERY`] (4,400 a month, of 50,000 in the free plan), or in [`EVERY_WITHOUT_KEY`] where no key is shown
//! (730 of 5,000). A queue of more than one page is read whole at first and each sixth look, in between only what
//! changed: one page instead of up to five.
//!
//! What is wrong is an event like any other that is reported: it opens a triage, which pages by the escalation
//! policy, once. A service that does not answer is red in `/healthz` and wakes nobody: every proposal can be
//! signed without it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;

use super::command::{CommandError, Commands};
use super::queue::{AuditedQueue, audited};
use super::service::ServiceLink;
use super::{Agent, chain_of};
use crate::config::settings::Safe;
use crate::domain::incident::{Incident, Source};
use crate::domain::names::{ChainName, SafeName};
use crate::domain::runbook::Severity;
use crate::domain::safe::{SafeAddress, SafeTxHash};
use crate::domain::text::cut;
use crate::safe_service::client::QueueReading;

/// How often each hosted service is asked one thing.
pub const EVERY: SignedDuration = SignedDuration::from_mins(10);

/// The same where no key is shown: there is a tenth of the requests.
pub const EVERY_WITHOUT_KEY: SignedDuration = SignedDuration::from_hours(1);

/// The same for the embedded one, which is this process and counts nothing.
pub const EVERY_EMBEDDED: SignedDuration = SignedDuration::from_mins(1);

/// The first look; the surface that the embedded service is on must be up.
const FIRST_AFTER: Duration = Duration::from_millis(500);

/// After so many looks at a queue it is read whole again: what was deleted is seen only then.
const WHOLE_EVERY_LOOKS: u32 = 6;

/// The same trouble that a person has closed is told again after this long.
const TOLD_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Findings that are named in one report.
const NAMED_MAX: usize = 10;

/// Characters of a report's title.
const TITLE_CHARS_MAX: usize = 200;

/// Who reports it: no `redhandle report` can say that it is this.
const REPORTER: &str = "redhandle";

/// What is remembered between two looks at one Safe's queue.
#[derive(Debug, Default)]
struct Known {
    looks: u32,
    reading: QueueReading,
}

/// The watch over all services.
#[derive(Debug, Default)]
pub struct ServiceWatch {
    queues: BTreeMap<SafeName, Known>,
    turns: BTreeMap<ChainName, usize>,
}

/// Runs until `stop`.
///
/// # Errors
/// Never: what goes wrong is logged, told and tried again.
pub async fn watch(agent: Arc<Agent>, mut stop: watch::Receiver<bool>) -> Result<(), String> {
    let mut state = ServiceWatch::default();
    let mut due: BTreeMap<ChainName, jiff::Timestamp> = BTreeMap::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(FIRST_AFTER) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
        for (name, service) in &agent.services {
            let now = agent.clock.now();
            let waits =
                due.get(name).is_some_and(|due| now < *due && due.duration_since(now) <= every(service));
            if waits {
                continue;
            }
            due.insert(name.clone(), now + every(service));
            tokio::select! {
                () = state.look(&agent, name, service) => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            }
        }
    }
}

/// How long between two looks at a service.
pub fn every(service: &ServiceLink) -> SignedDuration {
    match service.quota_low_percent {
        None => EVERY_EMBEDDED,
        Some(_) if service.client.has_key() => EVERY,
        Some(_) => EVERY_WITHOUT_KEY,
    }
}

impl ServiceWatch {
    /// Looks once: at the next Safe's queue, and at what the answer said about the quota.
    pub async fn look(&mut self, agent: &Agent, chain: &ChainName, service: &ServiceLink) {
        let safes: Vec<&Safe> =
            agent.config.settings.safes.values().filter(|safe| safe.chain == *chain).collect();
        let turn = self.turns.entry(chain.clone()).or_default();
        let next = safes.get(*turn % safes.len().max(1)).copied();
        *turn = turn.wrapping_add(1);
        match next {
            Some(safe) => self.queue(agent, service, safe).await,
            None => {
                if let Err(error) = service.client.about().await {
                    tracing::warn!(chain = %chain, error = %chain_of(&error), "the Transaction Service does not answer");
                }
            }
        }
        let about = format!("the watch over the Transaction Service of {chain}");
        if let Err(why) = service.quota() {
            let title = format!("The Transaction Service's quota on {chain} is red");
            tell(agent, &about, &title, &why).await;
        }
    }

    async fn queue(&mut self, agent: &Agent, service: &ServiceLink, safe: &Safe) {
        let name = &safe.name;
        match self.read(agent, service, safe).await {
            Err(problem) => {
                tracing::warn!(safe = %name, %problem, "the queue of a Safe could not be looked at");
            }
            Ok(queue) => {
                let Some(problem) = dangerous(&queue) else { return };
                let title = format!("The queue of Safe {name} is dangerous: sign nothing there");
                let statement =
                    format!("{} shows, for Safe {} ({name}): {problem}", service.name, safe.address);
                tracing::error!(safe = %name, %problem, "the queue of a Safe is dangerous");
                tell(agent, &format!("the watch over the queue of {name}"), &title, &statement).await;
            }
        }
    }

    async fn read(
        &mut self,
        agent: &Agent,
        service: &ServiceLink,
        safe: &Safe,
    ) -> Result<AuditedQueue, String> {
        let address = SafeAddress(safe.address);
        let chain =
            agent.chains.get(&safe.chain).ok_or_else(|| format!("chain {} is not configured", safe.chain))?;
        let known = self.queues.entry(safe.name.clone()).or_default();
        let (_, state) = chain.newest_safe(address).await.map_err(|error| chain_of(&error))?;
        let told = |error| service.in_words(address, &error);
        // Where everything is on one page, the whole costs no more than the changes.
        let saves = known.reading.pages > 1 && !known.looks.is_multiple_of(WHOLE_EVERY_LOOKS);
        let since = known.reading.newest_change().filter(|_| saves);
        match since {
            None => known.reading = service.client.queue_reading(address, state.nonce).await.map_err(told)?,
            Some(since) => {
                let changes =
                    service.client.queue_changes(address, state.nonce, since).await.map_err(told)?;
                known.reading.merge(changes);
                known.reading.items.retain(|item| item.tx.nonce >= state.nonce);
            }
        }
        known.looks = known.looks.wrapping_add(1);
        Ok(audited(&state, known.reading.clone(), &ours(agent)))
    }
}

/// The proposals that we made.
pub fn ours(agent: &Agent) -> Vec<SafeTxHash> {
    let incidents = agent.store.all();
    let made = incidents.iter().filter_map(|incident| incident.preparation.as_ref());
    made.map(crate::domain::incident::Preparation::safe_tx_hash).collect()
}

/// What people are woken for, in a sentence; none if nothing is.
fn dangerous(queue: &AuditedQueue) -> Option<String> {
    let items: Vec<_> = queue.items.iter().filter(|(_, audited)| audited.is_dangerous()).collect();
    if items.is_empty() {
        return None;
    }
    let told: Vec<String> = items
        .iter()
        .take(NAMED_MAX)
        .filter_map(|(item, audited)| {
            let gravest = audited.findings.first()?;
            Some(format!("{} at nonce {}: {gravest}", item.safe_tx_hash, audited.nonce))
        })
        .collect();
    let more = items.len().saturating_sub(told.len());
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    Some(format!("{}{more}", told.join("; ")))
}

/// Reports it, unless it is told already.
async fn tell(agent: &Agent, about: &str, title: &str, statement: &str) {
    match report(agent, about, title, statement).await {
        Ok(()) => {}
        Err(error) => {
            tracing::error!(%title, error = %chain_of(&error), "what is wrong with a Transaction Service could not be reported");
        }
    }
}

async fn report(agent: &Agent, about: &str, title: &str, statement: &str) -> Result<(), CommandError> {
    // Another process may have told it.
    agent.store.sync().await?;
    let now = agent.clock.now();
    if let Some(told) = newest(agent, about)
        && (told.is_live() || now.duration_since(told.opened) < TOLD_AGAIN_AFTER)
    {
        return Ok(());
    }
    let commands = Commands::new(&agent.store, &agent.config.roster, now);
    let (kind, contact) = (REPORTER.to_owned(), Some(about.to_owned()));
    let title = cut(title, TITLE_CHARS_MAX);
    commands.report(kind, contact, title, Some(statement.to_owned()), Severity::Incident, None).await?;
    Ok(())
}

/// The newest incident about it.
fn newest(agent: &Agent, about: &str) -> Option<Arc<Incident>> {
    agent.store.all().into_iter().rev().find(|incident| match &incident.source {
        Source::Reporter { kind, contact } => kind == REPORTER && contact.as_deref() == Some(about),
        Source::Match(_) | Source::Trigger => false,
    })
}
