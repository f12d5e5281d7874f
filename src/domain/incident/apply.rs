//! How a fact changes an incident.
//!
//! [`Incident::apply`] is the only code that changes one: it asks whether the fact may follow
//! (`admit`), and if so lets it. Every fact is named: a new variant breaks the build here
//! until somebody has thought about it.

use jiff::Timestamp;

pub use super::calls::ANSWER_HOLDS;
use super::companions::count;
use super::fact::{Actor, Fact, Retry, Role, Source};
use super::names::{IncidentId, Purpose};
use super::stand_down::RejectionWork;
use super::state::{ActionItem, Incident, PageOutcome, Phase, Sent, Stage, Subject};
use crate::domain::condition::Response;
use crate::domain::names::PersonId;

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
            companions: Default::default(),
            child_messages: Default::default(),
            called_off: false,
            rejections: Default::default(),
            races_lost: 0,
            lost: None,
            replan_at: None,
            waits_on: None,
            released: Default::default(),
            calls: Default::default(),
            pages: Default::default(),
            acknowledged: Default::default(),
            sent: None,
            executed_at: None,
            effect_missing: false,
            effect_lost: None,
            action_items: Vec::new(),
            post_mortem: None,
            arrival: None,
        };
        incident.call(Purpose::Triage, Subject::Itself, at, title.clone());
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

    /// Changes the state. The fact was admitted.
    fn change(&mut self, fact: &Fact, at: Timestamp) {
        if !self.change_companion(fact, at) {
            self.change_itself(fact, at);
        }
        self.close_rejection_if_done();
    }

    fn change_itself(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Reported { .. } | Fact::Noted { .. } => {}
            Fact::Matched { matched, response } => {
                self.matches.push(matched.clone());
                self.evidence(*response, at);
            }
            Fact::ResponseRaised { response, .. } => {
                self.response = self.response.max(*response);
                self.called_off = false;
                self.races_lost = 0;
                self.replan_at = None;
                self.look_again(at);
            }
            Fact::Triaged { by, incident, severity, .. } => {
                self.severity = *severity;
                self.triaged(by, *incident);
            }
            Fact::Declared { commander, communications, responders, objective, .. } => {
                self.phase = Phase::Declared;
                self.commander.clone_from(commander);
                self.communications.clone_from(communications);
                self.responders.clone_from(responders);
                self.objective = Some(objective.clone());
                self.call_for_command(at);
            }
            Fact::Assigned { role, person, .. } => self.assigned(*role, person),
            Fact::ObjectiveSet { objective, .. } => self.objective = Some(objective.clone()),
            Fact::PreparationStarted { attempt } => {
                self.stage = Stage::Preparing { attempt: *attempt };
                self.waits_on = None;
            }
            Fact::ResponseWaits { on } => self.waits_on = Some(*on),
            Fact::Prepared(preparation) => self.prepared(preparation, at),
            Fact::Unneeded { .. } => {
                self.stage = Stage::Unneeded;
                self.close_call(Purpose::Blocked);
            }
            Fact::Waiting { until, because } => {
                self.stage = Stage::Waiting { until: *until, because: because.clone() };
                self.close_call(Purpose::Blocked);
            }
            Fact::PreparationFailed { attempt, problem, retry, draft } => {
                self.draft = draft.as_deref().cloned();
                self.preparation_failed(*attempt, problem, *retry, at);
            }
            Fact::SubmissionStarted { attempt, .. } => {
                self.stage = Stage::Submitting { attempt: *attempt };
                self.waits_on = None;
                self.call_signers(at);
            }
            Fact::Submitted { .. } => {
                self.stage = Stage::Proposed;
                self.close_call(Purpose::Blocked);
            }
            Fact::SubmissionFailed { attempt, problem, retry, .. } => {
                self.submission_failed(*attempt, problem, *retry, at);
            }
            Fact::ExecutionFailed { attempt, problem, retry, .. } => {
                self.execution_failed(*attempt, problem, *retry, at);
            }
            Fact::Confirmed(confirmation) => {
                count(&mut self.confirmations, confirmation);
                if self.asked_is_signed(Purpose::Sign) {
                    self.close_call(Purpose::Sign);
                    self.close_call(Purpose::Coverage);
                }
                if self.has_quorum() {
                    self.call_for_execution(at);
                }
            }
            Fact::PresignedReleased { window, .. } => {
                self.released.insert(window.clone());
            }
            Fact::CompanionPrepared(companion) => {
                self.join(companion);
                self.call_signers(at);
                self.call_for_rejection(at);
            }
            Fact::StoodDown { .. } => self.stand_down(),
            Fact::RejectionStarted { of, attempt } => {
                self.rejections.insert(*of, RejectionWork::Preparing { attempt: *attempt });
            }
            Fact::RejectionFailed { of, attempt, problem, retry } => {
                self.rejection_failed(*of, *attempt, problem, *retry, at);
            }
            Fact::ChildSigned { of, child, message, owner, signature } => {
                self.child_signed(*of, *child, *message, (*owner, signature.clone()));
            }
            Fact::ApprovalGone { owner, .. } => {
                self.confirmations.remove(owner);
                self.count_anew(at);
            }
            Fact::OwnersChanged { owners, threshold, .. } => {
                if let Some(preparation) = &mut self.preparation {
                    preparation.owners.clone_from(owners);
                    preparation.threshold = *threshold;
                }
                self.count_anew(at);
            }
            Fact::Superseded { nonce, by, because, .. } => {
                self.superseded(*nonce, by.as_deref(), because.as_deref(), at);
            }
            Fact::ExecutionStarted { attempt, .. } => self.stage = Stage::Executing { attempt: *attempt },
            Fact::ExecutionSigned { transaction, account_nonce, raw, .. } => {
                let (transaction, account_nonce, raw) = (*transaction, *account_nonce, raw.clone());
                self.sent = Some(Sent { transaction, account_nonce, raw, at });
            }
            Fact::EffectMissing { because, .. } => {
                self.effect_missing = true;
                let because = format!("executed, but the effect is not there: {because}");
                self.call(Purpose::Blocked, Subject::Effect, at, because);
            }
            Fact::Executed { transaction, success, .. } => {
                self.stage = Stage::Executed { transaction: *transaction, success: *success };
                self.executed(*success, at);
            }
            Fact::Verified { block, .. } => {
                self.stage = Stage::Verified { at, block: *block };
                self.effect_lost = None;
                self.close_call(Purpose::Blocked);
                self.close_call(Purpose::EffectLost);
            }
            Fact::EffectLost { block, because } => {
                self.effect_lost = Some(*block);
                self.call(Purpose::EffectLost, Subject::Itself, at, because.clone());
            }
            Fact::PageStarted { page, attempt } => self.page_begins(page, *attempt, at),
            Fact::PageDelivered { page, .. } => self.page_ends(page, PageOutcome::Delivered),
            Fact::PageFailed { page, problem, retry, .. } => self.page_ends(
                page,
                match retry {
                    Retry::Later => PageOutcome::FailedForNow(problem.clone()),
                    Retry::Never => PageOutcome::FailedForGood(problem.clone()),
                },
            ),
            Fact::Acknowledged { person, .. } => self.answer(person, at),
            Fact::Exhausted { purpose } => self.exhaust(*purpose, at),
            Fact::JournalGap { since, facts, dropped } => self.gap(*since, *facts, dropped, at),
            Fact::Resolved { .. } => {
                self.phase = Phase::Resolved;
                self.close_all_calls();
            }
            Fact::PostMortemDrafted { path } => {
                self.phase = Phase::PostMortem;
                self.post_mortem = Some(path.clone());
            }
            Fact::ActionItemAdded { item, what, owner, due } => {
                let (what, owner) = (what.clone(), owner.clone());
                self.action_items.push(ActionItem { item: *item, what, owner, due: *due, done: None });
            }
            Fact::ActionItemDone { item, .. } => {
                if let Some(found) = self.action_items.iter_mut().find(|candidate| candidate.item == *item) {
                    found.done = Some(at);
                }
            }
            Fact::Received(arrival) => {
                if arrival.quiet {
                    self.close_call(Purpose::Triage);
                }
                self.arrival = Some(arrival.clone());
            }
            Fact::Closed { .. } => {
                self.phase = Phase::Closed;
                self.close_all_calls();
            }
        }
    }

    /// New evidence. What was judged on less is judged again: an event that matches once more may be real.
    fn evidence(&mut self, response: Response, at: Timestamp) {
        self.response = self.response.max(response);
        if self.is_incident == Some(false) {
            self.phase = Phase::Reported;
            self.is_incident = None;
            self.call(Purpose::Triage, Subject::Itself, at, self.title.clone());
        }
        self.look_again(at);
    }

    /// Where containment had come to rest without a proposal, the chain is asked again.
    fn look_again(&mut self, at: Timestamp) {
        match &mut self.stage {
            Stage::Unneeded => self.stage = Stage::Idle,
            Stage::PrepareFailed { retry_at: retry_at @ None, .. } => *retry_at = Some(at),
            Stage::Waiting { until, .. } => *until = at,
            Stage::Idle
            | Stage::Preparing { .. }
            | Stage::PrepareFailed { .. }
            | Stage::Prepared
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. }
            | Stage::Executed { .. }
            | Stage::Verified { .. } => {}
        }
    }

    fn triaged(&mut self, by: &Actor, incident: bool) {
        self.phase = Phase::Triaged;
        self.is_incident = Some(incident);
        self.called_off = false;
        if !incident {
            self.close_all_calls();
            return;
        }
        // "Is it real?" is answered by a person who says so. Whoever pulls the handle by hand wants the
        // others to come all the same.
        match (by, &self.source) {
            (Actor::Person(_) | Actor::Operator, Source::Match(_) | Source::Reporter { .. }) => {
                self.close_call(Purpose::Triage);
            }
            (Actor::Agent, _) | (_, Source::Trigger) => {}
        }
    }

    /// Exactly one leads. Where the schedule names nobody, somebody must take it.
    fn call_for_command(&mut self, at: Timestamp) {
        if self.commander.is_none() {
            let because = "it is declared, and nobody is on schedule as incident commander".to_owned();
            self.call(Purpose::Command, Subject::Itself, at, because);
        }
    }

    fn assigned(&mut self, role: Role, person: &PersonId) {
        match role {
            Role::Commander => {
                self.commander = Some(person.clone());
                self.close_call(Purpose::Command);
            }
            Role::Communications => self.communications = Some(person.clone()),
            Role::Responder => {
                if !self.responders.contains(person) {
                    self.responders.push(person.clone());
                }
            }
        }
    }

    /// A gap that lasts has kept nothing yet that stands in the journal; one that is over says how much.
    fn gap(&mut self, since: Timestamp, facts: u32, dropped: &[String], at: Timestamp) {
        let (subject, from, because) = match (facts, dropped) {
            (0, []) => (Subject::GapLasts, since, format!("the journal cannot be written since {since}")),
            (_, []) => (
                Subject::GapOver,
                since,
                format!("the journal could not be written since {since}; it can again, and nothing was lost"),
            ),
            // Whoever answered while it lasted did not know of this.
            (_, dropped) => (
                Subject::GapDropped,
                at,
                format!(
                    "the journal could not be written since {since}; {} of {facts} facts no longer fit what \
                     others wrote meanwhile",
                    dropped.len()
                ),
            ),
        };
        self.call(Purpose::JournalGap, subject, from, because);
    }
}

/// Whether the response allows the proposal to leave the house.
pub fn may_propose(incident: &Incident) -> bool {
    match incident.response {
        Response::Page | Response::Prepare => false,
        Response::Propose => true,
    }
}
