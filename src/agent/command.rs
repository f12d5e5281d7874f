//! What people decide about an incident: triage, command, resolution.
//!
//! Each function reads the newest state, decides and appends; a refusal says what state the incident is
//! in. The agent decides nothing here that a person could not have decided with the same function.

use std::sync::Arc;

use jiff::civil::Date;

use super::store::{IncidentStore, Opening, StoreError};
use crate::domain::condition::Response;
use crate::domain::incident::fact::Role;
use crate::domain::incident::{Actor, Fact, Incident, IncidentId, Phase, Source};
use crate::domain::names::{PersonId, RunbookId};
use crate::domain::roster::Roster;
use crate::domain::runbook::{Runbook, Severity};

/// A decision could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The incident cannot take it, or the journal failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The roster has no such person.
    #[error("the roster has no person \"{person}\"; {hint}")]
    NoSuchPerson {
        /// Who was named.
        person: PersonId,
        /// The nearest, or all.
        hint: String,
    },
    /// Nobody is on call for a role, and nobody was named.
    #[error("nobody is on call as {role}; name somebody")]
    NobodyFor {
        /// Which role.
        role: &'static str,
    },
}

/// Who declares, and with whom.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// Leads it; none: by schedule.
    pub commander: Option<PersonId>,
    /// Speaks for it; none: by schedule.
    pub communications: Option<PersonId>,
    /// Work on it; empty: whoever is on call.
    pub responders: Vec<PersonId>,
    /// What is to be achieved; none: the runbook's.
    pub objective: Option<String>,
}

/// People decide through this.
#[derive(Clone)]
pub struct Commands<'a> {
    store: &'a IncidentStore,
    roster: &'a Roster,
    now: jiff::Timestamp,
}

impl<'a> Commands<'a> {
    /// Decisions taken at `now`: the schedules are read at that instant.
    pub fn new(store: &'a IncidentStore, roster: &'a Roster, now: jiff::Timestamp) -> Self {
        Self { store, roster, now }
    }

    /// Checks that the roster knows a person.
    ///
    /// # Errors
    /// When it does not; the nearest name is given.
    pub fn known(&self, person: &PersonId) -> Result<(), CommandError> {
        if self.roster.people.contains_key(person) {
            return Ok(());
        }
        let names: Vec<_> = self.roster.people.keys().map(PersonId::as_str).collect();
        let nearest = names
            .iter()
            .map(|name| (strsim::jaro_winkler(name, person.as_str()), name))
            .filter(|(score, _)| *score > 0.7)
            .max_by(|left, right| left.0.total_cmp(&right.0));
        let hint = match nearest {
            Some((_, name)) => format!("did you mean \"{name}\"?"),
            None => format!("it has {}", names.join(", ")),
        };
        Err(CommandError::NoSuchPerson { person: person.clone(), hint })
    }

    fn known_actor(&self, by: &Actor) -> Result<(), CommandError> {
        match by {
            Actor::Person(person) => self.known(person),
            Actor::Agent | Actor::Operator => Ok(()),
        }
    }

    /// Decides whether it is real, and how bad.
    ///
    /// # Errors
    /// When it was declared already.
    pub async fn triage(
        &self,
        id: IncidentId,
        by: Actor,
        incident: bool,
        severity: Option<Severity>,
        reason: String,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.store
            .decide(id, |now| {
                Ok(vec![Fact::Triaged {
                    by: by.clone(),
                    incident,
                    severity: severity.unwrap_or(now.severity),
                    reason: reason.clone(),
                }])
            })
            .await
    }

    /// Establishes command. An incident that is not triaged yet is triaged as real by the same person.
    ///
    /// # Errors
    /// When nobody can command, or it is declared already.
    pub async fn declare(
        &self,
        id: IncidentId,
        by: Actor,
        command: Command,
        runbook: Option<&Runbook>,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        let named = command.commander.iter().chain(&command.communications).chain(&command.responders);
        for person in named {
            self.known(person)?;
        }
        let commander = command.commander.clone().or_else(|| self.roster.commander_at(self.now));
        if commander.is_none() && by != Actor::Agent {
            return Err(CommandError::NobodyFor { role: Role::Commander.as_str() });
        }
        let communications =
            command.communications.clone().or_else(|| self.roster.communications_at(self.now));
        let mut responders = command.responders.clone();
        if responders.is_empty() {
            responders = self.roster.on_call(self.now);
        }
        let objective = command
            .objective
            .clone()
            .or_else(|| runbook.and_then(|runbook| runbook.objective.clone()))
            .or_else(|| runbook.map(|runbook| runbook.title.clone()))
            .unwrap_or_else(|| "stop the harm, then find out".to_owned());
        self.store
            .decide(id, |now| {
                let mut facts = Vec::new();
                if now.phase == Phase::Reported {
                    let reason = match by {
                        Actor::Agent => "the runbook says that a full match is an incident",
                        Actor::Person(_) | Actor::Operator => "declared",
                    };
                    facts.push(Fact::Triaged {
                        by: by.clone(),
                        incident: true,
                        severity: now.severity,
                        reason: reason.to_owned(),
                    });
                }
                facts.push(Fact::Declared {
                    by: by.clone(),
                    commander: commander.clone(),
                    communications: communications.clone(),
                    responders: responders.clone(),
                    objective: objective.clone(),
                });
                Ok(facts)
            })
            .await
    }

    /// Gives a role to a person.
    ///
    /// # Errors
    /// When the incident is not declared, or the roster does not know the person.
    pub async fn assign(
        &self,
        id: IncidentId,
        by: Actor,
        role: Role,
        person: PersonId,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.known(&person)?;
        self.one(id, Fact::Assigned { by, role, person }).await
    }

    /// Sets the objective anew.
    ///
    /// # Errors
    /// When the incident is not declared.
    pub async fn objective(
        &self,
        id: IncidentId,
        by: Actor,
        objective: String,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.one(id, Fact::ObjectiveSet { by, objective }).await
    }

    /// Writes something down.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn note(&self, id: IncidentId, by: Actor, text: String) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.one(id, Fact::Noted { by, text }).await
    }

    /// Raises how far the response may go by itself; it is never lowered by a command.
    ///
    /// # Errors
    /// When the incident is closed.
    pub async fn raise(
        &self,
        id: IncidentId,
        by: Actor,
        response: Response,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.one(id, Fact::ResponseRaised { by, response }).await
    }

    /// "I am here": stops the pages to this person, and answers the open questions.
    ///
    /// # Errors
    /// When the roster does not know the person, or the incident is closed.
    pub async fn acknowledge(
        &self,
        id: IncidentId,
        person: PersonId,
        via: &str,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known(&person)?;
        self.one(id, Fact::Acknowledged { person, via: via.to_owned() }).await
    }

    /// The harm is stopped and its cause dealt with.
    ///
    /// # Errors
    /// When the incident is not declared, or resolved already.
    pub async fn resolve(
        &self,
        id: IncidentId,
        by: Actor,
        summary: String,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.one(id, Fact::Resolved { by, summary }).await
    }

    /// The proposal is not wanted any more, although the incident goes on.
    ///
    /// # Errors
    /// When there is no proposal, or it was called off already.
    pub async fn stand_down(
        &self,
        id: IncidentId,
        by: Actor,
        reason: String,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.one(id, Fact::StoodDown { by, reason }).await
    }

    /// Adds something to be done so that it does not happen again.
    ///
    /// # Errors
    /// When the roster does not know the owner, or the incident is not declared yet.
    pub async fn add_action_item(
        &self,
        id: IncidentId,
        what: String,
        owner: PersonId,
        due: Date,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known(&owner)?;
        self.store
            .decide(id, |now| {
                let item = now.action_items.len() as u32 + 1;
                Ok(vec![Fact::ActionItemAdded { item, what: what.clone(), owner: owner.clone(), due }])
            })
            .await
    }

    /// An action item is done.
    ///
    /// # Errors
    /// When there is none of that number, or it is done already.
    pub async fn finish_action_item(
        &self,
        id: IncidentId,
        item: u32,
        by: Actor,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.one(id, Fact::ActionItemDone { item, by }).await
    }

    /// Nothing more will happen.
    ///
    /// # Errors
    /// When something still has to.
    pub async fn close(
        &self,
        id: IncidentId,
        by: Actor,
        reason: String,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        self.one(id, Fact::Closed { by, reason }).await
    }

    /// A responder starts a runbook by hand: reported, triaged and declared in one step.
    ///
    /// # Errors
    /// When nobody can command or the journal fails.
    pub async fn trigger(
        &self,
        runbook: &Runbook,
        by: Actor,
        reason: String,
        command: Command,
    ) -> Result<Arc<Incident>, CommandError> {
        self.known_actor(&by)?;
        if command.commander.is_none() && self.roster.commander_at(self.now).is_none() {
            return Err(CommandError::NobodyFor { role: Role::Commander.as_str() });
        }
        let report = Fact::Reported {
            source: Source::Trigger,
            title: runbook.title.clone(),
            severity: runbook.severity,
            runbook: Some(runbook.id.clone()),
            contract: runbook.actions.first().map(|action| action.contract.clone()),
            response: runbook.respond,
            matched: None,
            statement: None,
        };
        let triaged = Fact::Triaged { by: by.clone(), incident: true, severity: runbook.severity, reason };
        let id = self.open(vec![report, triaged]).await?;
        self.declare(id, by, command, Some(runbook)).await
    }

    /// Somebody says that something is wrong.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn report(
        &self,
        kind: String,
        contact: Option<String>,
        title: String,
        statement: Option<String>,
        severity: Severity,
        runbook: Option<RunbookId>,
    ) -> Result<Arc<Incident>, CommandError> {
        let report = Fact::Reported {
            source: Source::Reporter { kind, contact },
            title,
            severity,
            runbook,
            contract: None,
            // A report is not authenticated: it opens a triage and pages, nothing more.
            response: Response::Page,
            matched: None,
            statement,
        };
        let id = self.open(vec![report]).await?;
        self.store.get(id).ok_or_else(|| StoreError::Unknown(id).into())
    }

    async fn open(&self, facts: Vec<Fact>) -> Result<IncidentId, CommandError> {
        loop {
            self.store.sync().await?;
            if let Some(id) = self.store.open(Opening { facts: facts.clone(), containment: false }).await? {
                return Ok(id);
            }
        }
    }

    async fn one(&self, id: IncidentId, fact: Fact) -> Result<Arc<Incident>, CommandError> {
        self.store.decide(id, |_| Ok(vec![fact.clone()])).await
    }
}
