//! Pages one person by one channel.
//!
//! A page that was begun before a crash is sent again under the same id: twice is better than never.
//! What it says is written anew from the newest state, so that a late page is not an old one.

use super::message::{Words, words};
use super::store::Recorded;
use super::{Agent, TaskError, chain_of};
use crate::domain::incident::names::PageKey;
use crate::domain::incident::paging::pages_due;
use crate::domain::incident::{Fact, Incident, Retry, Task};
use crate::notify::{Advice, Kind, Message, MessageId, Recipient};

/// Sends the page, and records what became of it.
///
/// # Errors
/// When nothing can be recorded.
pub async fn page(
    agent: &Agent,
    incident: &Incident,
    page: &PageKey,
    attempt: u32,
    begun: bool,
) -> Result<(), TaskError> {
    if !begun {
        loop {
            let Some(newest) = agent.store.get(incident.id) else { return Ok(()) };
            if !is_due(agent, &newest, page, attempt) {
                return Ok(());
            }
            let fact = Fact::PageStarted { page: page.clone(), attempt };
            match agent.record(&newest, vec![fact]).await? {
                Recorded::Applied | Recorded::Unwritten => break,
                // Many pages start at once; being stale is the rule, and no reason to page later.
                Recorded::Stale => {}
            }
        }
    }
    let fact = match send(agent, incident, page).await {
        Ok(reference) => Fact::PageDelivered { page: page.clone(), reference },
        Err((problem, retry)) => Fact::PageFailed { page: page.clone(), attempt, problem, retry },
    };
    agent.record_outcome(incident, fact).await.map_err(TaskError::from)
}

/// Whether the newest state still wants it: somebody may have answered, or begun it already.
fn is_due(agent: &Agent, newest: &Incident, page: &PageKey, attempt: u32) -> bool {
    let wanted = Task::Page { page: page.clone(), attempt, begun: false };
    pages_due(newest, &agent.world(newest), agent.clock.now()).tasks.contains(&wanted)
}

async fn send(agent: &Agent, incident: &Incident, page: &PageKey) -> Result<Option<String>, (String, Retry)> {
    let never = |text: String| (text, Retry::Never);
    let channel = agent
        .channels
        .get(&page.channel)
        .ok_or_else(|| never(format!("channel {} is not configured", page.channel)))?;
    let person = agent
        .config
        .roster
        .people
        .get(&page.person)
        .ok_or_else(|| never(format!("the roster has no {}", page.person)))?;
    let newest = agent.store.get(incident.id);
    let incident = newest.as_deref().unwrap_or(incident);
    let Words { title, lines } = words(agent, incident, page.purpose, &page.person);
    let message = Message {
        id: MessageId(format!("{}/{page}", incident.id)),
        kind: Kind::Page,
        incident: incident.id.to_string(),
        severity: incident.severity.to_string(),
        title,
        lines,
        ack_url: agent.links.url(&incident.id.to_string(), page.person.as_str()),
        to: Recipient { person: page.person.clone(), name: person.name.clone() },
        at: agent.clock.now(),
        zone: person.zone.clone(),
    };
    match channel.send(&message).await {
        Ok(delivered) => Ok(delivered.provider_ref),
        Err(error) => {
            let retry = match error.advice() {
                Advice::RetryNow | Advice::RetryAfter(_) | Advice::AskFirst => Retry::Later,
                Advice::Never => Retry::Never,
            };
            Err((chain_of(&error), retry))
        }
    }
}
