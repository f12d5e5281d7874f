//! Looks at every window now and then, and calls people when one is void, short or unknown.
//!
//! What is wrong with a window is an event like any other that is reported: it opens a triage, which pages by the
//! escalation policy. One at a time for each window; what changes about it is noted there, and so is its end. A chain
//! that does not answer once is no reason to wake anybody; one that stays silent is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch as channel;
use tokio::time::Instant;

use super::{in_order, look, never_prepared};
use crate::agent::command::{CommandError, Commands};
use crate::agent::{Agent, chain_of};
use crate::config::settings::Presigned;
use crate::domain::incident::{Actor, Fact, Incident, Source};
use crate::domain::names::WindowName;
use crate::domain::runbook::Severity;

/// How many looks in a row must find nothing out before people are called.
const UNKNOWN_LOOKS_MAX: u32 = 3;

/// After how long the same trouble, which people closed, calls them again.
const CALLED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The longest sleep between two rounds.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Who reports it: no `redhandle report` can say that it is this.
const REPORTER: &str = "redhandle";

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Good(String),
    Trouble(String),
    /// The chain did not say.
    Unknown(String),
}

/// Runs until `stop`.
///
/// # Errors
/// Never: what fails is said in the log and tried again.
pub async fn watch(agent: Arc<Agent>, mut stop: channel::Receiver<bool>) -> Result<(), String> {
    let mut states: BTreeMap<WindowName, State> = BTreeMap::new();
    let windows = &agent.config.settings.presigned;
    while !*stop.borrow() {
        let mut next = Instant::now() + SLEEP_MAX;
        for settings in windows {
            let state = states.entry(settings.name.clone()).or_default();
            if state.due.is_none_or(|due| due <= Instant::now()) {
                state.due = Some(Instant::now() + settings.watch);
                one(&agent, settings, state).await;
            }
            next = state.due.map_or(next, |due| due.min(next));
        }
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            _ = stop.changed() => {}
        }
    }
    Ok(())
}

/// What is remembered of one window between two looks; forgotten, everything is found again.
#[derive(Debug, Default)]
struct State {
    due: Option<Instant>,
    unknown_looks: u32,
    said: Option<String>,
}

async fn one(agent: &Agent, settings: &Presigned, state: &mut State) {
    let found = match look(agent, settings).await {
        Err(error) => {
            Found::Trouble(format!("window {} cannot be used: {}", settings.name, chain_of(&error)))
        }
        Ok(None) => Found::Trouble(never_prepared(&settings.name)),
        Ok(Some((_, standing))) => match (standing.trouble(), &standing.unknown) {
            (None, _) => Found::Good(in_order(&standing)),
            (Some(trouble), Some(_)) => Found::Unknown(trouble),
            (Some(trouble), None) => Found::Trouble(trouble),
        },
    };
    let done = match found {
        Found::Good(how) => {
            state.unknown_looks = 0;
            over(agent, settings, state, &how).await
        }
        Found::Unknown(trouble) => {
            state.unknown_looks = state.unknown_looks.saturating_add(1);
            tracing::warn!(window = %settings.name, %trouble, "a pre-signed window could not be looked at");
            if state.unknown_looks < UNKNOWN_LOOKS_MAX {
                return;
            }
            // What exactly the endpoints say changes with each look; people are told once.
            let told = format!("whether window {} holds is unknown: the chain does not say", settings.name);
            call(agent, settings, state, told).await
        }
        Found::Trouble(trouble) => {
            state.unknown_looks = 0;
            call(agent, settings, state, trouble).await
        }
    };
    if let Err(error) = done {
        state.said = None;
        tracing::error!(window = %settings.name, error = %chain_of(&error), "what is wrong with a pre-signed window could not be reported");
    }
}

fn about(settings: &Presigned) -> String {
    format!("the watch over pre-signed window {}", settings.name)
}

/// The newest incident about this window.
fn newest(agent: &Agent, settings: &Presigned) -> Option<Arc<Incident>> {
    let whose = about(settings);
    agent.store.all().into_iter().rev().find(|incident| match &incident.source {
        Source::Reporter { kind, contact } => kind == REPORTER && contact.as_ref() == Some(&whose),
        Source::Match(_) | Source::Trigger => false,
    })
}

async fn call(
    agent: &Agent,
    settings: &Presigned,
    state: &mut State,
    trouble: String,
) -> Result<(), CommandError> {
    if state.said.as_ref() == Some(&trouble) && newest(agent, settings).is_some_and(|open| open.is_live()) {
        return Ok(());
    }
    // Another process may have reported it.
    agent.store.sync().await?;
    let now = agent.clock.now();
    let commands = Commands::new(&agent.store, &agent.config.roster, now);
    match newest(agent, settings) {
        Some(open) if open.is_live() => {
            let told = open.title == trouble || state.said.as_ref() == Some(&trouble);
            if !told {
                commands.note(open.id, Actor::Agent, trouble.clone()).await?;
            }
        }
        Some(closed) if closed.title == trouble && now.duration_since(closed.opened) < CALLED_AGAIN_AFTER => {
        }
        Some(_) | None => {
            tracing::error!(window = %settings.name, %trouble, "a pre-signed window cannot be relied on");
            commands
                .report(
                    REPORTER.to_owned(),
                    Some(about(settings)),
                    trouble.clone(),
                    None,
                    Severity::Incident,
                    None,
                )
                .await?;
        }
    }
    state.said = Some(trouble);
    Ok(())
}

/// The trouble is over: said once where it was told.
async fn over(agent: &Agent, settings: &Presigned, state: &mut State, how: &str) -> Result<(), CommandError> {
    if state.said.as_deref() == Some("") {
        return Ok(());
    }
    agent.store.sync().await?;
    if let Some(open) = newest(agent, settings).filter(|open| open.is_live()) {
        let commands = Commands::new(&agent.store, &agent.config.roster, agent.clock.now());
        let text = format!("window {} is in order: {how}", settings.name);
        let said = agent.store.facts(open.id).into_iter().rev().find_map(|(_, fact)| {
            let Fact::Noted { text, .. } = fact else { return None };
            Some(text)
        });
        let again =
            said.is_some_and(|said| said.starts_with(&format!("window {} is in order", settings.name)));
        if !again {
            commands.note(open.id, Actor::Agent, text).await?;
        }
    }
    state.said = Some(String::new());
    Ok(())
}
