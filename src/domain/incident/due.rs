//! Which tasks follow from the state.
//!
//! *Derived, never scheduled*: a crash forgets nothing, because on restart the same facts make the
//! same tasks due. A task that was begun (its intent is a fact) and has no outcome is due again, and
//! says so, so that whoever does it asks before repeating.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::apply::may_propose;
use super::companion_tasks::companions_due;
use super::names::{IncidentId, PageKey, Purpose};
use super::paging;
use super::stand_down::stand_down_due;
use super::state::{Incident, Phase, Stage};
use crate::domain::condition::Response;
use crate::domain::roster::{EscalationPolicy, Roster};
use crate::domain::runbook::Runbook;
use crate::domain::safe::SafeTxHash;

/// How old a preparation may be when it is submitted: what owners are asked to sign was simulated on
/// live state.
pub const PREPARATION_FRESH: SignedDuration = SignedDuration::from_secs(5);

/// What the derivation needs to know beside the incident: the files people wrote.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The incident's runbook, where it has one and it still exists.
    pub runbook: Option<&'a Runbook>,
    /// Who is who, and who is on call.
    pub roster: &'a Roster,
    /// The escalation policy for this incident.
    pub policy: Option<&'a EscalationPolicy>,
    /// A proposer key is configured: proposals can leave the house.
    pub can_propose: bool,
    /// An executor key is configured and may act by itself at threshold.
    pub auto_execute: bool,
    /// Another incident's open response makes the same calls.
    pub waits_for: Option<IncidentId>,
}

/// One thing that must happen next. Its identity is what it is: two equal tasks are the same work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// Triage and declare, because the runbook says a match is enough.
    Declare,
    /// Build, simulate and hash the proposal.
    Prepare {
        /// Which attempt, from 1.
        attempt: u32,
        /// Its intent is a fact already.
        begun: bool,
    },
    /// Hand the proposal to the Transaction Service, and read it back.
    Submit {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// Which attempt, from 1.
        attempt: u32,
        /// Its intent is a fact already: ask before repeating.
        begun: bool,
    },
    /// Look for confirmations, executions and a moved nonce.
    Follow {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
    },
    /// Execute the confirmed proposal.
    Execute {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// Which attempt, from 1.
        attempt: u32,
        /// Its intent is a fact already: ask before repeating.
        begun: bool,
    },
    /// Build, simulate and hash the rejection of a transaction that is not wanted any more.
    Reject {
        /// Of which transaction.
        of: SafeTxHash,
        /// Which attempt, from 1.
        attempt: u32,
        /// Its intent is a fact already.
        begun: bool,
    },
    /// Read every `expect` on the chain until it holds.
    Verify,
    /// Keep reading it.
    Watch,
    /// Page one person by one channel.
    Page {
        /// Which page.
        page: PageKey,
        /// Which attempt, from 1.
        attempt: u32,
        /// Its intent is a fact already. Twice is better than never.
        begun: bool,
    },
    /// Note that nobody answered, so that everybody is called.
    Exhaust {
        /// Which call.
        purpose: Purpose,
    },
    /// Draft the post-mortem from the timeline.
    DraftPostMortem,
    /// Note, here and there, that another incident's response goes first.
    Yield {
        /// Whose.
        to: IncidentId,
    },
}

impl Task {
    /// How often a task that is due for long is looked at again; none: once until its outcome is a fact.
    pub fn cadence(&self, poll: Duration) -> Option<Duration> {
        /// How many polls lie between two looks at an effect that was verified already.
        const WATCH_POLLS: u32 = 5;
        match self {
            Self::Follow { .. } | Self::Verify => Some(poll),
            Self::Watch => Some(poll.saturating_mul(WATCH_POLLS)),
            Self::Declare
            | Self::Prepare { .. }
            | Self::Submit { .. }
            | Self::Execute { .. }
            | Self::Reject { .. }
            | Self::Page { .. }
            | Self::Exhaust { .. }
            | Self::DraftPostMortem
            | Self::Yield { .. } => None,
        }
    }

    /// Containment goes on even when the journal cannot be written; everything else fails closed.
    pub fn is_containment(&self) -> bool {
        match self {
            Self::Prepare { .. }
            | Self::Submit { .. }
            | Self::Follow { .. }
            | Self::Execute { .. }
            | Self::Reject { .. }
            | Self::Verify
            | Self::Watch
            | Self::Page { .. }
            | Self::Exhaust { .. }
            | Self::Yield { .. } => true,
            Self::Declare | Self::DraftPostMortem => false,
        }
    }

    /// The task without whether it was begun: while it runs it becomes begun, and is still the same work.
    pub fn identity(&self) -> Self {
        let mut same = self.clone();
        match &mut same {
            Self::Prepare { begun, .. }
            | Self::Submit { begun, .. }
            | Self::Execute { begun, .. }
            | Self::Reject { begun, .. }
            | Self::Page { begun, .. } => *begun = false,
            Self::Declare
            | Self::Follow { .. }
            | Self::Verify
            | Self::Watch
            | Self::Exhaust { .. }
            | Self::DraftPostMortem
            | Self::Yield { .. } => {}
        }
        same
    }

    /// The task's word, for logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Declare => "declare",
            Self::Prepare { .. } => "prepare",
            Self::Submit { .. } => "submit",
            Self::Follow { .. } => "follow",
            Self::Execute { .. } => "execute",
            Self::Reject { .. } => "reject",
            Self::Verify => "verify",
            Self::Watch => "watch",
            Self::Page { .. } => "page",
            Self::Exhaust { .. } => "exhaust",
            Self::DraftPostMortem => "draft-post-mortem",
            Self::Yield { .. } => "yield",
        }
    }
}

/// What is due now, and when to look again if nothing happens before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Due now, the most urgent first.
    pub tasks: Vec<Task>,
    /// The earliest instant at which more becomes due by itself.
    pub next: Option<Timestamp>,
}

impl Due {
    pub(super) fn at(&mut self, when: Timestamp) {
        self.next = Some(self.next.map_or(when, |next| next.min(when)));
    }
}

/// Derives what must happen next.
pub fn due(incident: &Incident, world: &World<'_>, now: Timestamp) -> Due {
    let mut due = Due::default();
    if incident.is_incident != Some(false) {
        containment(incident, world, now, &mut due);
    }
    companions_due(incident, world, now, &mut due);
    stand_down_due(incident, now, &mut due);
    if incident.phase == Phase::Resolved {
        due.tasks.push(Task::DraftPostMortem);
    }
    if declares_itself(incident, world) {
        due.tasks.push(Task::Declare);
    }
    let pages = paging::pages_due(incident, world, now);
    due.tasks.extend(pages.tasks);
    if let Some(next) = pages.next {
        due.at(next);
    }
    due
}

/// A full match of a runbook that says so declares the incident without waiting for a person.
fn declares_itself(incident: &Incident, world: &World<'_>) -> bool {
    let undeclared = match incident.phase {
        Phase::Reported => true,
        Phase::Triaged => incident.is_incident == Some(true),
        Phase::Declared | Phase::Resolved | Phase::PostMortem | Phase::Closed => false,
    };
    undeclared
        && world.runbook.is_some_and(|runbook| runbook.declare_on_match)
        && incident.matches.iter().any(|matched| !matched.early)
}

/// Prepared early, on state that is no longer live: to be built anew before it leaves the house.
fn is_stale(incident: &Incident, now: Timestamp) -> bool {
    incident.prepared_at.is_none_or(|at| now.duration_since(at) > PREPARATION_FRESH)
}

fn containment(incident: &Incident, world: &World<'_>, now: Timestamp, due: &mut Due) {
    if !incident.phase.is_open() {
        return;
    }
    let has_actions = world.runbook.is_some_and(|runbook| !runbook.actions.is_empty());
    // One open response for one target: what was begun goes on, nothing is begun.
    let wanted = !incident.called_off && world.waits_for.is_none();
    let may_prepare = wanted && has_actions && incident.response >= Response::Prepare;
    let mut after_wait = |retry_at: &Option<Timestamp>| match retry_at {
        Some(at) if *at <= now => true,
        Some(at) => {
            due.at(*at);
            false
        }
        None => false,
    };
    let hash = incident.preparation.as_ref().map(|preparation| preparation.safe_tx_hash());
    let anew = incident.preparation.as_ref().map_or(1, |preparation| preparation.attempt.saturating_add(1));
    // Without a proposer key the first attempt fails and says so: that calls the owners, who sign offline.
    let may_submit = wanted && may_propose(incident);
    let may_execute = may_submit && world.auto_execute && incident.has_quorum();

    let mut tasks = Vec::new();
    if let Some(to) = world.waits_for.filter(|to| incident.waits_on != Some(*to)) {
        tasks.push(Task::Yield { to });
    }
    match (&incident.stage, hash) {
        (Stage::Idle, _) if may_prepare => {
            // After a race that was lost, not before the nonce had time to rest.
            if after_wait(&Some(incident.replan_at.unwrap_or(now))) {
                tasks.push(Task::Prepare { attempt: anew, begun: false });
            }
        }
        (Stage::Executed { success: false, .. }, _) if may_prepare => {
            tasks.push(Task::Prepare { attempt: anew, begun: false });
        }
        (Stage::Preparing { attempt }, _) => tasks.push(Task::Prepare { attempt: *attempt, begun: true }),
        (Stage::PrepareFailed { attempt, retry_at, .. }, _) if may_prepare => {
            if after_wait(retry_at) {
                tasks.push(Task::Prepare { attempt: attempt + 1, begun: false });
            }
        }
        (Stage::Waiting { until, .. }, _) if may_prepare => {
            if after_wait(&Some(*until)) {
                tasks.push(Task::Prepare { attempt: anew, begun: false });
            } else {
                // The chain's clock counts, and somebody may cancel.
                tasks.push(Task::Watch);
            }
        }
        (Stage::Prepared, Some(safe_tx_hash)) => {
            if may_submit && incident.confirmations.is_empty() && is_stale(incident, now) {
                tasks.push(Task::Prepare { attempt: anew, begun: false });
            } else if may_submit {
                tasks.push(Task::Submit { safe_tx_hash, attempt: 1, begun: false });
            }
            if may_execute {
                tasks.push(Task::Execute { safe_tx_hash, attempt: 1, begun: false });
            }
            tasks.push(Task::Follow { safe_tx_hash });
        }
        (Stage::Submitting { attempt }, Some(safe_tx_hash)) => {
            tasks.push(Task::Submit { safe_tx_hash, attempt: *attempt, begun: true });
            // A slow service holds up neither what owners signed without it nor what the chain knows.
            if may_execute {
                tasks.push(Task::Execute { safe_tx_hash, attempt: 1, begun: false });
            }
            tasks.push(Task::Follow { safe_tx_hash });
        }
        (Stage::SubmitFailed { attempt, retry_at, .. }, Some(safe_tx_hash)) => {
            if may_submit && world.can_propose && after_wait(retry_at) {
                tasks.push(Task::Submit { safe_tx_hash, attempt: attempt + 1, begun: false });
            }
            if may_execute {
                tasks.push(Task::Execute { safe_tx_hash, attempt: 1, begun: false });
            }
            tasks.push(Task::Follow { safe_tx_hash });
        }
        (Stage::Proposed, Some(safe_tx_hash)) => {
            if may_execute {
                tasks.push(Task::Execute { safe_tx_hash, attempt: 1, begun: false });
            }
            tasks.push(Task::Follow { safe_tx_hash });
        }
        (Stage::Executing { attempt }, Some(safe_tx_hash)) => {
            // Begun by a command or by us: only we may go on with it by ourselves.
            if world.auto_execute {
                tasks.push(Task::Execute { safe_tx_hash, attempt: *attempt, begun: true });
            }
            tasks.push(Task::Follow { safe_tx_hash });
        }
        (Stage::ExecuteFailed { attempt, retry_at, .. }, Some(safe_tx_hash)) => {
            if may_execute && after_wait(retry_at) {
                tasks.push(Task::Execute { safe_tx_hash, attempt: attempt + 1, begun: false });
            }
            tasks.push(Task::Follow { safe_tx_hash });
        }
        (Stage::Executed { success: true, .. }, _) => tasks.push(Task::Verify),
        (Stage::Verified { .. }, _) => tasks.push(Task::Watch),
        (
            Stage::Idle
            | Stage::PrepareFailed { .. }
            | Stage::Unneeded
            | Stage::Waiting { .. }
            | Stage::Executed { .. },
            _,
        )
        | (
            Stage::Prepared
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. },
            None,
        ) => {}
    }
    due.tasks.extend(tasks);
}
