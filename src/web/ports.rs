//! What the surface's routes do, carried out by the agent.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{AckFailed, AckOutcome, AckState, AckSummary, Acknowledge, Check, CheckState, Health};
use crate::agent::Agent;
use crate::agent::command::{CommandError, Commands};
use crate::agent::daemon::{FeedsHealth, SharedTaken};
use crate::agent::intake::Taken;
use crate::agent::service::ServiceLink;
use crate::agent::service_watch;
use crate::agent::store::StoreError;
use crate::chain::Chain;
use crate::config::settings::Life;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::names::{ChainName, FeedName, PersonId};
use crate::domain::silence::Silence;
use crate::feeds::SharedHealth;
use crate::journal::STRANGERS_SHARE_PERCENT;

/// How long a look at the journal is good as a proof: the driver looks several times a second.
const JOURNAL_GOOD_FOR: SignedDuration = SignedDuration::from_secs(30);
/// How long a chain's head is good as a proof that its endpoints agree.
const CHAIN_GOOD_FOR: SignedDuration = SignedDuration::from_mins(1);

/// Acknowledgements, recorded as facts.
pub struct AgentAcks(pub Arc<Agent>);

impl fmt::Debug for AgentAcks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentAcks")
    }
}

impl AgentAcks {
    /// The incident, if it ever paged this person.
    async fn paged(
        &self,
        incident: &str,
        person: &PersonId,
        doing: &'static str,
    ) -> Result<Option<Arc<Incident>>, AckFailed> {
        let failed = |error: StoreError| AckFailed { doing, source: error.into() };
        self.0.store.sync().await.map_err(failed)?;
        let Ok(id) = incident.parse::<IncidentId>() else { return Ok(None) };
        let paged = |incident: &Arc<Incident>| incident.pages.keys().any(|page| page.person == *person);
        Ok(self.0.store.get(id).filter(paged))
    }

    /// When the person answered, if nothing was asked of them since.
    fn answered(incident: &Incident, person: &PersonId) -> Option<Timestamp> {
        let at = *incident.acknowledged.get(person)?;
        let asked_since = incident.calls.values().any(|call| !call.closed && call.since > at);
        (!asked_since).then_some(at)
    }

    fn in_their_zone(&self, person: &PersonId, at: Timestamp) -> jiff::Zoned {
        let zone = self.0.config.roster.people.get(person).map(|person| person.zone.clone());
        at.to_zoned(zone.unwrap_or(jiff::tz::TimeZone::UTC))
    }
}

#[async_trait]
impl Acknowledge for AgentAcks {
    async fn summary(&self, incident: &str, person: &str) -> Result<Option<AckSummary>, AckFailed> {
        let person = PersonId::new(person);
        let Some(incident) = self.paged(incident, &person, "read the incident").await? else {
            return Ok(None);
        };
        let state = match Self::answered(&incident, &person) {
            Some(at) => AckState::Acknowledged { at: self.in_their_zone(&person, at) },
            None if incident.calls.values().all(|call| call.closed) => AckState::Over,
            None => AckState::Waiting,
        };
        let name =
            self.0.config.roster.people.get(&person).map_or_else(|| person.to_string(), |p| p.name.clone());
        Ok(Some(AckSummary {
            title: incident.title.clone(),
            severity: incident.severity.to_string(),
            person: name,
            state,
        }))
    }

    async fn acknowledge(&self, incident: &str, person: &str) -> Result<AckOutcome, AckFailed> {
        const DOING: &str = "record the acknowledgement";
        let person = PersonId::new(person);
        let Some(incident) = self.paged(incident, &person, DOING).await? else {
            return Ok(AckOutcome::Unknown);
        };
        if let Some(at) = Self::answered(&incident, &person) {
            return Ok(AckOutcome::Already { at: self.in_their_zone(&person, at) });
        }
        if incident.calls.values().all(|call| call.closed) {
            return Ok(AckOutcome::Over);
        }
        let commands = Commands::new(&self.0.store, &self.0.config.roster, self.0.clock.now());
        match commands.acknowledge(incident.id, person.clone(), "link").await {
            Ok(newest) => {
                let at = newest.acknowledged.get(&person).copied().unwrap_or_else(|| self.0.clock.now());
                Ok(AckOutcome::Recorded { at: self.in_their_zone(&person, at) })
            }
            Err(CommandError::Store(StoreError::Refused(_))) => Ok(AckOutcome::Over),
            Err(error) => Err(AckFailed { doing: DOING, source: error.into() }),
        }
    }
}

/// The agent's health, from what is known.
pub struct AgentHealth {
    agent: Arc<Agent>,
    feeds: FeedsHealth,
    taken: SharedTaken,
    started: Timestamp,
}

impl fmt::Debug for AgentHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentHealth")
    }
}

impl AgentHealth {
    /// Health of this agent and these feeds, with what came in.
    pub fn new(agent: Arc<Agent>, feeds: FeedsHealth, taken: SharedTaken) -> Self {
        let started = agent.clock.now();
        Self { agent, feeds, taken, started }
    }

    fn journal(&self) -> Check {
        let state = match (self.agent.store.gap_since(), self.agent.store.synced()) {
            (Some(since), _) => CheckState::Broken { why: format!("it cannot be written since {since}") },
            (None, Some(at)) => CheckState::Proven { at, good_for: JOURNAL_GOOD_FOR },
            (None, None) => CheckState::Broken { why: "it was not read yet".to_owned() },
        };
        Check { name: "journal".to_owned(), state }
    }

    fn feed(&self, feed: &crate::config::settings::Feed) -> Option<Check> {
        let health = self.feeds.get(&feed.name)?.snapshot();
        let heard = match feed.life() {
            Life::Answers => health.last_ok,
            Life::Deliveries => health.heard,
        };
        let good_for = feed.stale_after().and_then(|after| SignedDuration::try_from(after).ok());
        let since = self.started.strftime("%Y-%m-%d %H:%M:%S UTC");
        let state = match (health.last_error, heard, feed.life(), good_for) {
            (Some(why), ..) => CheckState::Broken { why },
            (None, Some(at), _, Some(good_for)) => CheckState::Proven { at, good_for },
            (None, None, Life::Answers, _) => {
                let why = match health.rejected {
                    0 => "it has not answered yet",
                    _some => "it has answered nothing that we can read: see dropped",
                };
                CheckState::Broken { why: why.to_owned() }
            }
            (None, None, Life::Deliveries, Some(good_for)) => {
                let why = format!("never heard since the start at {since}; stale_after is {good_for:#}");
                match self.agent.clock.now().duration_since(self.started) > good_for {
                    true => CheckState::Broken { why },
                    false => CheckState::Untold { why },
                }
            }
            // Nobody promises to write a line or to post: whether it is deaf or has nothing to say is not known.
            (None, None, Life::Deliveries, None) => CheckState::Untold {
                why: format!(
                    "never heard since the start at {since}, and nothing proves that it works; no stale_after is set, so nobody is told if it stays so"
                ),
            },
            (None, Some(at), _, None) => CheckState::Untold {
                why: format!(
                    "last heard at {}; no stale_after is set, so nobody is told when it falls silent",
                    at.strftime("%Y-%m-%d %H:%M:%S UTC")
                ),
            },
        };
        Some(Check { name: format!("feed {}", feed.name), state })
    }

    /// A hosted service must have answered, and have requests left. The embedded one is this process.
    fn service(&self, chain: &ChainName, service: &ServiceLink) -> Option<Check> {
        service.quota_low_percent?;
        let heard = service.client.heard();
        let state = match (heard.failed, service.quota(), heard.answered_at) {
            (_, Err(why), _) if heard.requests > 0 => CheckState::Broken { why },
            (Some((at, why)), _, _) => CheckState::Broken { why: format!("it failed at {at}: {why}") },
            (None, _, Some(at)) => {
                // Two looks may fall out; the third must not.
                let good_for = service_watch::every(service).saturating_mul(3);
                CheckState::Proven { at, good_for }
            }
            (None, _, None) => CheckState::Broken { why: "it has not been asked yet".to_owned() },
        };
        Some(Check { name: format!("transaction service {chain}"), state })
    }

    /// Whether there is room for what comes with reports. Nothing is promised of a folder that holds nothing yet.
    fn evidence(&self) -> Option<Check> {
        let store = &self.agent.evidence;
        let mib = |bytes: u64| bytes / (1024 * 1024);
        let state = match store.filled() {
            Ok(filled) if filled.files == 0 => return None,
            Ok(filled) => {
                let percent = store.filled_percent(filled);
                if percent < STRANGERS_SHARE_PERCENT {
                    CheckState::Proven { at: self.agent.clock.now(), good_for: CHAIN_GOOD_FOR }
                } else {
                    let why = format!(
                        "the evidence folder is filled to {percent} % ({} files, {} of {} MiB): from \
                         {STRANGERS_SHARE_PERCENT} % on no files of strangers are kept, and none at all from 100 %; move old \
                         ones elsewhere or raise [reports] evidence_max_mib",
                        filled.files,
                        mib(filled.bytes),
                        mib(store.bytes_max()),
                    );
                    CheckState::Broken { why }
                }
            }
            Err(error) => CheckState::Broken { why: crate::agent::chain_of(&error) },
        };
        Some(Check { name: "evidence".to_owned(), state })
    }

    async fn chain(&self, chain: &Chain) -> Check {
        let state = match chain.head().await {
            Ok(_) => CheckState::Proven { at: self.agent.clock.now(), good_for: CHAIN_GOOD_FOR },
            Err(error) => CheckState::Broken { why: crate::agent::chain_of(&error) },
        };
        Check { name: format!("chain {}", chain.name()), state }
    }
}

#[async_trait]
impl Health for AgentHealth {
    async fn silences(&self) -> Vec<String> {
        let now = self.agent.clock.now();
        self.agent.silences.look(|silences| silences.active(now).map(Silence::in_short).collect())
    }

    fn dropped(&self) -> Vec<String> {
        let of = |feed: &FeedName, health: &SharedHealth| {
            let dropped = health.snapshot().dropped();
            dropped.into_iter().map(|what| format!("feed {feed}: {what}")).collect::<Vec<_>>()
        };
        self.feeds.iter().flat_map(|(feed, health)| of(feed, health)).collect()
    }

    fn rotating(&self) -> Vec<String> {
        let said = |feed: &crate::config::settings::Feed| {
            feed.previous_secret()?;
            let since = self.started.strftime("%Y-%m-%d %H:%M:%S UTC");
            let used = self.feeds.get(&feed.name)?.snapshot().previous_secret_used;
            let told = used.map_or_else(
                || format!("the previous secret was not used since the start at {since}"),
                |at| format!("the previous secret was last used at {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")),
            );
            Some(format!("feed {}: {told}", feed.name))
        };
        self.agent.config.settings.feeds.iter().filter_map(said).collect()
    }

    fn intake(&self) -> Option<Taken> {
        Some(self.taken.snapshot())
    }

    async fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.journal()];
        checks.extend(self.evidence());
        checks.extend(self.agent.config.settings.feeds.iter().filter_map(|feed| self.feed(feed)));
        checks.extend(self.agent.services.iter().filter_map(|(chain, service)| self.service(chain, service)));
        // Side by side: one dead chain must not make the answer late for the others.
        checks.extend(
            futures_util::future::join_all(self.agent.chains.values().map(|chain| self.chain(chain))).await,
        );
        checks
    }
}
