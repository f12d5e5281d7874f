//! How a fact changes an incident, or why it cannot.
//!
//! This is the only code that changes one. Every state and every fact is named: a new variant breaks
//! the build here until somebody has thought about it.

use jiff::{SignedDuration, Timestamp};

use super::fact::{Fact, Retry};
use super::names::{IncidentId, PageKey, Purpose};
use super::state::{ActionItem, Call, Incident, PageOutcome, PageState, Phase, Stage};
use crate::domain::condition::Response;
use crate::domain::safe::SafeTxHash;

/// The fact does not fit the state. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{incident}: \"{fact}\" cannot follow: {because}")]
pub struct Refused {
    /// Which incident, where one exists.
    pub incident: String,
    /// Which fact.
    pub fact: &'static str,
    /// Why, in a sentence.
    pub because: String,
}

/// The longest wait between two attempts at the same task, in seconds.
const RETRY_WAIT_MAX_SECONDS: i64 = 60;

/// When attempt `attempt + 1` is due after attempt `attempt` failed at `at`: 1 s, 2 s, 4 s … 60 s.
/// An emergency does not wait long, and a dead service is not hammered.
fn retry_at(retry: Retry, attempt: u32, at: Timestamp) -> Option<Timestamp> {
    match retry {
        Retry::Never => None,
        Retry::Later => {
            let seconds = 1_i64.checked_shl(attempt.saturating_sub(1)).unwrap_or(RETRY_WAIT_MAX_SECONDS);
            let seconds = seconds.clamp(1, RETRY_WAIT_MAX_SECONDS);
            at.checked_add(SignedDuration::from_secs(seconds)).ok()
        }
    }
}

impl Incident {
    /// Begins an incident with its first fact.
    ///
    /// # Errors
    /// When the first fact is not [`Fact::Reported`].
    pub fn open(id: IncidentId, fact: &Fact, at: Timestamp) -> Result<Self, Refused> {
        let Fact::Reported { source, title, severity, runbook, contract, response, matched, statement } =
            fact
        else {
            return Err(Refused {
                incident: id.to_string(),
                fact: fact.kind(),
                because: "an incident begins with a report".to_owned(),
            });
        };
        let mut incident = Self {
            id,
            version: 1,
            opened: at,
            source: source.clone(),
            title: title.clone(),
            statement: statement.clone(),
            severity: *severity,
            runbook: runbook.clone(),
            contract: contract.clone(),
            response: *response,
            matches: matched.iter().cloned().collect(),
            phase: Phase::Reported,
            is_incident: None,
            commander: None,
            communications: None,
            responders: Vec::new(),
            objective: None,
            stage: Stage::Idle,
            preparation: None,
            prepared_at: None,
            draft: None,
            confirmations: Default::default(),
            calls: Default::default(),
            pages: Default::default(),
            acknowledged: Default::default(),
            effect_lost: None,
            action_items: Vec::new(),
            post_mortem: None,
        };
        incident.call(Purpose::Triage, at, title.clone());
        Ok(incident)
    }

    /// Applies the next fact, written at `at`. On refusal the incident is unchanged.
    ///
    /// # Errors
    /// When the fact does not fit the state.
    pub fn apply(&mut self, fact: &Fact, at: Timestamp) -> Result<(), Refused> {
        self.admit(fact).map_err(|because| Refused {
            incident: self.id.to_string(),
            fact: fact.kind(),
            because,
        })?;
        self.change(fact, at);
        self.version += 1;
        Ok(())
    }

    /// Whether the fact may follow.
    fn admit(&self, fact: &Fact) -> Result<(), String> {
        if self.phase == Phase::Closed && !matches!(fact, Fact::ActionItemDone { .. } | Fact::Noted { .. }) {
            return Err("the incident is closed".to_owned());
        }
        match fact {
            Fact::Reported { .. } => Err("it was reported already".to_owned()),
            Fact::Triaged { .. } => match self.phase {
                Phase::Reported | Phase::Triaged => Ok(()),
                Phase::Declared | Phase::Resolved | Phase::PostMortem | Phase::Closed => {
                    Err(format!("it is {} already", self.phase.as_str()))
                }
            },
            Fact::Declared { .. } => match (self.phase, self.is_incident) {
                (Phase::Triaged, Some(true)) => Ok(()),
                (Phase::Triaged, Some(false) | None) => {
                    Err("triage found an event, not an incident; triage it again first".to_owned())
                }
                (Phase::Reported, _) => Err("it is not triaged yet".to_owned()),
                (Phase::Declared | Phase::Resolved | Phase::PostMortem | Phase::Closed, _) => {
                    Err(format!("it is {} already", self.phase.as_str()))
                }
            },
            Fact::Assigned { .. } | Fact::ObjectiveSet { .. } => self.only_in(&[Phase::Declared]),
            Fact::Matched { .. }
            | Fact::ResponseRaised { .. }
            | Fact::Noted { .. }
            | Fact::PageStarted { .. }
            | Fact::PageDelivered { .. }
            | Fact::PageFailed { .. }
            | Fact::Acknowledged { .. }
            | Fact::Exhausted { .. }
            | Fact::JournalGap { .. } => Ok(()),
            Fact::PreparationStarted { .. } => match &self.stage {
                // A proposal that has not left the house may be built anew on newer state.
                Stage::Idle | Stage::PrepareFailed { .. } | Stage::Prepared => Ok(()),
                other => Err(format!("containment is {} already", other.as_str())),
            },
            Fact::Prepared(_) | Fact::Unneeded { .. } | Fact::PreparationFailed { .. } => match &self.stage {
                Stage::Preparing { .. } => Ok(()),
                other => Err(format!("nothing is being prepared; containment is {}", other.as_str())),
            },
            Fact::SubmissionStarted { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                match &self.stage {
                    Stage::Prepared | Stage::SubmitFailed { .. } => Ok(()),
                    other => Err(format!("the proposal is {} already", other.as_str())),
                }
            }
            Fact::Submitted { safe_tx_hash, .. } | Fact::SubmissionFailed { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                match &self.stage {
                    Stage::Submitting { .. } => Ok(()),
                    other => Err(format!("nothing is being submitted; the proposal is {}", other.as_str())),
                }
            }
            Fact::Confirmed(confirmation) => self.is_ours(&confirmation.safe_tx_hash),
            Fact::Superseded { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                self.not_yet_executed()
            }
            Fact::ExecutionStarted { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                self.not_yet_executed()?;
                if self.has_quorum() { Ok(()) } else { Err("too few owners confirmed".to_owned()) }
            }
            Fact::Executed { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                self.not_yet_executed()
            }
            Fact::ExecutionFailed { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                match &self.stage {
                    Stage::Executing { .. } => Ok(()),
                    other => Err(format!("nothing is being executed; the proposal is {}", other.as_str())),
                }
            }
            Fact::Verified { .. } => match &self.stage {
                Stage::Executed { .. } => Ok(()),
                Stage::Verified { .. } if self.effect_lost.is_some() => Ok(()),
                other => Err(format!("there is nothing to verify; containment is {}", other.as_str())),
            },
            Fact::EffectLost { .. } => match &self.stage {
                Stage::Verified { .. } if self.effect_lost.is_none() => Ok(()),
                other => Err(format!("no effect stands; containment is {}", other.as_str())),
            },
            Fact::Resolved { .. } => self.only_in(&[Phase::Declared]),
            Fact::PostMortemDrafted { .. } => self.only_in(&[Phase::Resolved, Phase::PostMortem]),
            Fact::ActionItemAdded { item, .. } => {
                self.only_in(&[Phase::Declared, Phase::Resolved, Phase::PostMortem])?;
                let next = self.action_items.len() as u32 + 1;
                if *item == next { Ok(()) } else { Err(format!("the next action item is number {next}")) }
            }
            Fact::ActionItemDone { item, .. } => {
                match self.action_items.iter().find(|candidate| candidate.item == *item) {
                    Some(found) if found.done.is_none() => Ok(()),
                    Some(_) => Err(format!("action item {item} is done already")),
                    None => Err(format!("there is no action item {item}")),
                }
            }
            Fact::Closed { .. } => match (self.phase, self.is_incident) {
                (Phase::PostMortem, _) | (Phase::Triaged, Some(false)) => Ok(()),
                (Phase::Reported, _) => Err("it is not triaged yet".to_owned()),
                (Phase::Triaged, Some(true) | None) => Err("it is an incident: declare it".to_owned()),
                (Phase::Declared, _) => Err("it is not resolved yet".to_owned()),
                (Phase::Resolved, _) => Err("its post-mortem is not drafted yet".to_owned()),
                (Phase::Closed, _) => Err("it is closed already".to_owned()),
            },
        }
    }

    /// Changes the state. The fact was admitted.
    fn change(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Reported { .. } => {}
            Fact::Matched { matched, response } => {
                self.matches.push(matched.clone());
                self.response = self.response.max(*response);
            }
            Fact::ResponseRaised { response, .. } => self.response = self.response.max(*response),
            Fact::Triaged { incident, severity, .. } => {
                self.phase = Phase::Triaged;
                self.is_incident = Some(*incident);
                self.severity = *severity;
                if !incident {
                    self.close_all_calls();
                }
            }
            Fact::Declared { commander, communications, responders, objective, .. } => {
                self.phase = Phase::Declared;
                self.commander.clone_from(commander);
                self.communications.clone_from(communications);
                self.responders.clone_from(responders);
                self.objective = Some(objective.clone());
            }
            Fact::Assigned { role, person, .. } => match role {
                super::fact::Role::Commander => self.commander = Some(person.clone()),
                super::fact::Role::Communications => self.communications = Some(person.clone()),
                super::fact::Role::Responder => {
                    if !self.responders.contains(person) {
                        self.responders.push(person.clone());
                    }
                }
            },
            Fact::ObjectiveSet { objective, .. } => self.objective = Some(objective.clone()),
            Fact::Noted { .. } => {}
            Fact::PreparationStarted { attempt } => self.stage = Stage::Preparing { attempt: *attempt },
            Fact::Prepared(preparation) => {
                self.preparation = Some((**preparation).clone());
                self.prepared_at = Some(at);
                self.draft = None;
                self.confirmations.clear();
                self.stage = Stage::Prepared;
                self.close_call(Purpose::Blocked);
                self.call_about_coverage(at);
            }
            Fact::Unneeded { .. } => {
                self.stage = Stage::Unneeded;
                self.close_call(Purpose::Blocked);
            }
            Fact::PreparationFailed { attempt, problem, retry, draft } => {
                self.draft = draft.as_deref().cloned();
                self.stage = Stage::PrepareFailed {
                    attempt: *attempt,
                    retry_at: retry_at(*retry, *attempt, at),
                    problem: problem.clone(),
                };
                self.call(Purpose::Blocked, at, format!("no proposal could be prepared: {problem}"));
            }
            Fact::SubmissionStarted { attempt, .. } => {
                self.stage = Stage::Submitting { attempt: *attempt };
                self.call_signers(at);
            }
            Fact::Submitted { .. } => {
                self.stage = Stage::Proposed;
                self.close_call(Purpose::Blocked);
            }
            Fact::SubmissionFailed { attempt, problem, retry, .. } => {
                self.stage = Stage::SubmitFailed {
                    attempt: *attempt,
                    retry_at: retry_at(*retry, *attempt, at),
                    problem: problem.clone(),
                };
                self.call(
                    Purpose::Blocked,
                    at,
                    format!(
                        "the Transaction Service does not have the proposal ({problem}); sign it without"
                    ),
                );
            }
            Fact::Confirmed(confirmation) => {
                // The first confirmation of an owner stands, as at the service.
                self.confirmations.entry(confirmation.owner).or_insert_with(|| confirmation.clone());
                if self.has_quorum() {
                    self.close_call(Purpose::Sign);
                    self.close_call(Purpose::Coverage);
                }
            }
            Fact::Superseded { .. } => {
                self.stage = Stage::Idle;
                self.confirmations.clear();
                self.close_call(Purpose::Sign);
            }
            Fact::ExecutionStarted { attempt, .. } => self.stage = Stage::Executing { attempt: *attempt },
            Fact::Executed { transaction, success, .. } => {
                self.stage = Stage::Executed { transaction: *transaction, success: *success };
                self.close_call(Purpose::Sign);
                self.close_call(Purpose::Coverage);
                self.close_call(Purpose::Blocked);
                if !success {
                    self.call(
                        Purpose::Blocked,
                        at,
                        "the Safe executed, but the call inside failed".to_owned(),
                    );
                }
            }
            Fact::ExecutionFailed { attempt, problem, retry, .. } => {
                self.stage = Stage::ExecuteFailed {
                    attempt: *attempt,
                    retry_at: retry_at(*retry, *attempt, at),
                    problem: problem.clone(),
                };
                self.call(
                    Purpose::Blocked,
                    at,
                    format!("the confirmed proposal could not be executed: {problem}"),
                );
            }
            Fact::Verified { block, .. } => {
                self.stage = Stage::Verified { at, block: *block };
                self.effect_lost = None;
                self.close_call(Purpose::Blocked);
                self.close_call(Purpose::EffectLost);
            }
            Fact::EffectLost { block, because } => {
                self.effect_lost = Some(*block);
                self.call(Purpose::EffectLost, at, because.clone());
            }
            Fact::PageStarted { page, attempt } => self.page(page, *attempt, at, PageOutcome::Started),
            Fact::PageDelivered { page, .. } => self.page_ends(page, PageOutcome::Delivered),
            Fact::PageFailed { page, problem, retry, .. } => self.page_ends(
                page,
                match retry {
                    Retry::Later => PageOutcome::FailedForNow(problem.clone()),
                    Retry::Never => PageOutcome::FailedForGood(problem.clone()),
                },
            ),
            Fact::Acknowledged { person, .. } => {
                self.acknowledged.insert(person.clone(), at);
                // One person who looks is enough for a question; a signature is needed from each.
                for (purpose, call) in &mut self.calls {
                    match purpose {
                        Purpose::Triage
                        | Purpose::Coverage
                        | Purpose::Blocked
                        | Purpose::EffectLost
                        | Purpose::JournalGap => call.closed = true,
                        Purpose::Sign => {}
                    }
                }
            }
            Fact::Exhausted { purpose } => {
                if let Some(call) = self.calls.get_mut(purpose) {
                    call.exhausted = Some(at);
                }
            }
            Fact::JournalGap { facts, since, .. } => self.call(
                Purpose::JournalGap,
                at,
                format!("the journal could not be written since {since}; {facts} facts were kept in memory"),
            ),
            Fact::Resolved { .. } => {
                self.phase = Phase::Resolved;
                self.close_all_calls();
            }
            Fact::PostMortemDrafted { path } => {
                self.phase = Phase::PostMortem;
                self.post_mortem = Some(path.clone());
            }
            Fact::ActionItemAdded { item, what, owner, due } => self.action_items.push(ActionItem {
                item: *item,
                what: what.clone(),
                owner: owner.clone(),
                due: *due,
                done: None,
            }),
            Fact::ActionItemDone { item, .. } => {
                if let Some(found) = self.action_items.iter_mut().find(|candidate| candidate.item == *item) {
                    found.done = Some(at);
                }
            }
            Fact::Closed { .. } => {
                self.phase = Phase::Closed;
                self.close_all_calls();
            }
        }
    }

    fn only_in(&self, phases: &[Phase]) -> Result<(), String> {
        if phases.contains(&self.phase) {
            return Ok(());
        }
        Err(format!("it is {}", self.phase.as_str()))
    }

    fn is_ours(&self, hash: &SafeTxHash) -> Result<(), String> {
        match &self.preparation {
            Some(preparation) if preparation.safe_tx_hash() == *hash => Ok(()),
            Some(preparation) => {
                Err(format!("{hash} is not the proposal, which is {}", preparation.safe_tx_hash()))
            }
            None => Err("no proposal is prepared".to_owned()),
        }
    }

    fn not_yet_executed(&self) -> Result<(), String> {
        match &self.stage {
            Stage::Prepared
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. } => Ok(()),
            Stage::Idle | Stage::Preparing { .. } | Stage::PrepareFailed { .. } | Stage::Unneeded => {
                Err("no proposal is prepared".to_owned())
            }
            Stage::Executed { .. } | Stage::Verified { .. } => Err("it is executed already".to_owned()),
        }
    }

    /// Opens a call, unless one for the purpose is open already.
    fn call(&mut self, purpose: Purpose, at: Timestamp, because: String) {
        let number = match self.calls.get_mut(&purpose) {
            Some(open) if !open.closed => {
                open.because = because;
                return;
            }
            Some(closed) => closed.number + 1,
            None => 1,
        };
        self.calls.insert(purpose, Call { number, since: at, because, exhausted: None, closed: false });
    }

    fn call_signers(&mut self, at: Timestamp) {
        if self.has_quorum() {
            return;
        }
        let Some(preparation) = &self.preparation else { return };
        let because = format!("sign {} for Safe {}", preparation.describe_calls(), preparation.safe);
        self.call(Purpose::Sign, at, because);
    }

    /// A quorum that is not on call is made known at once, before anybody waits for it.
    fn call_about_coverage(&mut self, at: Timestamp) {
        let Some(preparation) = &self.preparation else { return };
        if preparation.coverage.can_reach_quorum() {
            self.close_call(Purpose::Coverage);
            return;
        }
        let because = preparation.coverage.sentence(&preparation.safe);
        self.call(Purpose::Coverage, at, because);
    }

    fn close_call(&mut self, purpose: Purpose) {
        if let Some(call) = self.calls.get_mut(&purpose) {
            call.closed = true;
        }
    }

    fn close_all_calls(&mut self) {
        for call in self.calls.values_mut() {
            call.closed = true;
        }
    }

    fn page(&mut self, key: &PageKey, attempts: u32, last: Timestamp, outcome: PageOutcome) {
        self.pages.insert(key.clone(), PageState { attempts, last, outcome });
    }

    fn page_ends(&mut self, key: &PageKey, outcome: PageOutcome) {
        if let Some(state) = self.pages.get_mut(key) {
            state.outcome = outcome;
        }
    }
}

/// Whether the response allows the proposal to leave the house.
pub fn may_propose(incident: &Incident) -> bool {
    match incident.response {
        Response::Page | Response::Prepare => false,
        Response::Propose => true,
    }
}
