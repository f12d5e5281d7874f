//! Whether a fact may follow.
//!
//! Every fact is named here beside the states it may meet, so that a new one breaks the build until
//! somebody has thought about it. A refusal is a sentence for the person whose command it was.

use alloy::primitives::Address;

use super::companions::needs_chain;
use super::fact::{Actor, Fact, Source};
use super::names::{PageKey, Purpose};
use super::stand_down::RejectionWork;
use super::state::{Incident, PageOutcome, Phase, Stage};
use crate::domain::safe::SafeTxHash;

type Admission = Result<(), String>;

impl Incident {
    /// Whether the fact may follow; if not, why.
    pub(super) fn admit(&self, fact: &Fact) -> Admission {
        self.may_still_change(fact)?;
        if let Some(admission) = self.admit_companion(fact) {
            return admission;
        }
        match fact {
            Fact::Reported { .. } => Err("it was reported already".to_owned()),
            Fact::Triaged { .. } => match self.phase {
                Phase::Reported | Phase::Triaged => Ok(()),
                Phase::Declared | Phase::Resolved | Phase::PostMortem | Phase::Closed => {
                    Err(format!("it is {} already", self.phase.as_str()))
                }
            },
            Fact::Declared { .. } => self.may_be_declared(),
            Fact::Assigned { .. } | Fact::ObjectiveSet { .. } | Fact::Resolved { .. } => {
                self.only_in(&[Phase::Declared])
            }
            Fact::Noted { .. } | Fact::Acknowledged { .. } | Fact::JournalGap { .. } => Ok(()),
            Fact::Matched { .. } | Fact::ResponseRaised { .. } => {
                // Evidence that comes later is another incident's: here nobody would act on it.
                self.only_in(&[Phase::Reported, Phase::Triaged, Phase::Declared])
            }
            Fact::PreparationStarted { .. } => self.may_prepare(),
            Fact::Prepared(_) | Fact::Unneeded { .. } | Fact::PreparationFailed { .. } => {
                self.only_while(matches!(self.stage, Stage::Preparing { .. }), "nothing is being prepared")
            }
            Fact::Waiting { until, .. } => match &self.stage {
                // Found when preparing; after what was scheduled; or that the wait is another than was thought.
                Stage::Preparing { .. } | Stage::Executed { success: true, .. } => Ok(()),
                Stage::Waiting { until: known, .. } if known != until => Ok(()),
                Stage::Waiting { .. } => Err("that is waited for already".to_owned()),
                Stage::Idle
                | Stage::PrepareFailed { .. }
                | Stage::Unneeded
                | Stage::Prepared
                | Stage::Submitting { .. }
                | Stage::SubmitFailed { .. }
                | Stage::Proposed
                | Stage::Executing { .. }
                | Stage::ExecuteFailed { .. }
                | Stage::Executed { .. }
                | Stage::Verified { .. } => Err(format!("containment is {}", self.stage.as_str())),
            },
            Fact::SubmissionStarted { safe_tx_hash, .. } => self.may_submit(safe_tx_hash),
            Fact::Submitted { safe_tx_hash, .. } | Fact::SubmissionFailed { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                self.only_while(matches!(self.stage, Stage::Submitting { .. }), "nothing is being submitted")
            }
            Fact::Confirmed(confirmation) => self.may_be_confirmed(&confirmation.safe_tx_hash),
            Fact::PresignedReleased { .. } => self.only_live(),
            Fact::CompanionPrepared(companion) => self.may_join(companion),
            Fact::ChildSigned { of, .. } => self.may_be_signed_by_a_child(*of),
            Fact::StoodDown { .. } => self.may_stand_down(),
            Fact::RejectionStarted { of, .. } => {
                self.only_while(self.loose().contains(of), "nothing of it is loose")
            }
            Fact::RejectionFailed { of, .. } => {
                let preparing = matches!(self.rejections.get(of), Some(RejectionWork::Preparing { .. }));
                self.only_while(
                    preparing && self.rejection_of(*of).is_none(),
                    "no rejection is being prepared",
                )
            }
            Fact::ApprovalGone { safe_tx_hash, owner } => self.may_lose(safe_tx_hash, owner),
            Fact::OwnersChanged { safe_tx_hash, .. } => {
                safe_tx_hash.as_ref().map_or(Ok(()), |hash| self.is_ours(hash))?;
                self.not_yet_executed()
            }
            Fact::Superseded { safe_tx_hash, .. } | Fact::Executed { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                self.not_yet_executed()
            }
            Fact::ExecutionStarted { safe_tx_hash, by, .. } => self.may_execute(safe_tx_hash, by),
            Fact::ExecutionSigned { safe_tx_hash, .. } | Fact::ExecutionFailed { safe_tx_hash, .. } => {
                self.is_ours(safe_tx_hash)?;
                self.only_while(matches!(self.stage, Stage::Executing { .. }), "nothing is being executed")
            }
            Fact::Verified { .. } => self.only_while(
                matches!(self.stage, Stage::Executed { success: true, .. })
                    || matches!(self.stage, Stage::Verified { .. } if self.effect_lost.is_some()),
                "there is nothing to verify",
            ),
            Fact::EffectMissing { .. } => self.only_while(
                matches!(self.stage, Stage::Executed { success: true, .. } if !self.effect_missing),
                "no effect is waited for",
            ),
            Fact::EffectLost { .. } => self.only_while(
                matches!(self.stage, Stage::Verified { .. } if self.effect_lost.is_none()),
                "no effect stands",
            ),
            Fact::PageStarted { page, attempt } => self.may_begin(page, *attempt),
            Fact::PageDelivered { page, .. } => self.was_begun(page),
            Fact::PageFailed { page, attempt, .. } => self.may_have_failed(page, *attempt),
            Fact::Exhausted { purpose } => self.may_be_exhausted(*purpose),
            Fact::PostMortemDrafted { .. } => self.only_in(&[Phase::Resolved, Phase::PostMortem]),
            Fact::ActionItemAdded { item, .. } => self.may_add(*item),
            Fact::ActionItemDone { item, .. } => self.may_finish(*item),
            Fact::Closed { .. } => self.may_be_closed(),
            Fact::Received(_) => self.may_be_received(),
            Fact::ResponseWaits { on } => {
                self.only_live()?;
                self.only_while(*on != self.id && self.waits_on != Some(*on), "it waits for that already")
            }
        }
    }

    /// Closed is final. What is left to be written then: notes, action items that are done, and that there
    /// was a gap.
    fn may_still_change(&self, fact: &Fact) -> Admission {
        let afterwards =
            matches!(fact, Fact::ActionItemDone { .. } | Fact::Noted { .. } | Fact::JournalGap { .. });
        if self.phase == Phase::Closed && !afterwards && !self.is_of_what_is_loose(fact) {
            return Err("the incident is closed".to_owned());
        }
        Ok(())
    }

    fn may_stand_down(&self) -> Admission {
        if self.called_off {
            return Err("it was called off already".to_owned());
        }
        self.only_live()?;
        self.only_while(self.proposal_is_open(), "there is no proposal to reject")
    }

    /// A refusal says where containment stands instead.
    fn only_while(&self, fits: bool, otherwise: &str) -> Admission {
        if fits { Ok(()) } else { Err(format!("{otherwise}; containment is {}", self.stage.as_str())) }
    }

    fn only_in(&self, phases: &[Phase]) -> Admission {
        if phases.contains(&self.phase) {
            return Ok(());
        }
        Err(format!("it is {}", self.phase.as_str()))
    }

    fn may_be_declared(&self) -> Admission {
        match (self.phase, self.is_incident) {
            (Phase::Triaged, Some(true)) => Ok(()),
            (Phase::Triaged, Some(false) | None) => {
                Err("triage found an event, not an incident; triage it again first".to_owned())
            }
            (Phase::Reported, _) => Err("it is not triaged yet".to_owned()),
            (Phase::Declared | Phase::Resolved | Phase::PostMortem | Phase::Closed, _) => {
                Err(format!("it is {} already", self.phase.as_str()))
            }
        }
    }

    /// Once, and right after the report: what came with it is known by then.
    fn may_be_received(&self) -> Admission {
        match (&self.source, self.version) {
            (Source::Reporter { .. }, 1) => Ok(()),
            (Source::Reporter { .. } | Source::Match(_) | Source::Trigger, _later) => {
                Err("only a person's report arrives, and only once".to_owned())
            }
        }
    }

    fn may_be_closed(&self) -> Admission {
        match (self.phase, self.is_incident) {
            (Phase::PostMortem, _) | (Phase::Triaged, Some(false)) => Ok(()),
            (Phase::Reported, _) => Err("it is not triaged yet".to_owned()),
            (Phase::Triaged, Some(true) | None) => Err("it is an incident: declare it".to_owned()),
            (Phase::Declared, _) => Err("it is not resolved yet".to_owned()),
            (Phase::Resolved, _) => Err("its post-mortem is not drafted yet".to_owned()),
            (Phase::Closed, _) => Err("it is closed already".to_owned()),
        }
    }

    /// We begin nothing for an event or for what is over.
    fn only_live(&self) -> Admission {
        match (self.phase.is_open(), self.is_incident) {
            (true, None | Some(true)) => Ok(()),
            (true, Some(false)) => Err("triage found an event, not an incident".to_owned()),
            (false, _) => Err(format!("it is {}", self.phase.as_str())),
        }
    }

    fn may_prepare(&self) -> Admission {
        self.only_live()?;
        self.only_while(!self.called_off, "it was called off")?;
        match &self.stage {
            Stage::Idle
            | Stage::PrepareFailed { .. }
            | Stage::Waiting { .. }
            | Stage::Executed { success: false, .. } => Ok(()),
            // A proposal that has not left the house may be built anew on newer state, unless an owner's
            // signature would be lost with it.
            Stage::Prepared if self.confirmations.is_empty() => Ok(()),
            Stage::Prepared => Err("an owner signed the proposal already".to_owned()),
            Stage::Preparing { .. }
            | Stage::Unneeded
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. }
            | Stage::Executed { .. }
            | Stage::Verified { .. } => Err(format!("containment is {} already", self.stage.as_str())),
        }
    }

    fn may_submit(&self, hash: &SafeTxHash) -> Admission {
        self.only_live()?;
        self.only_while(!self.called_off, "it was called off")?;
        self.is_ours(hash)?;
        match &self.stage {
            Stage::Prepared | Stage::SubmitFailed { .. } => Ok(()),
            Stage::Idle
            | Stage::Preparing { .. }
            | Stage::PrepareFailed { .. }
            | Stage::Unneeded
            | Stage::Waiting { .. }
            | Stage::Submitting { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. }
            | Stage::Executed { .. }
            | Stage::Verified { .. } => Err(format!("the proposal is {} already", self.stage.as_str())),
        }
    }

    fn may_be_confirmed(&self, hash: &SafeTxHash) -> Admission {
        self.is_ours(hash)?;
        match &self.stage {
            Stage::Idle => Err(format!("{hash} can never execute: the Safe's nonce has moved on")),
            Stage::Waiting { .. } => Err(format!("{hash} is executed already, and the next is waited for")),
            Stage::Preparing { .. }
            | Stage::PrepareFailed { .. }
            | Stage::Unneeded
            | Stage::Prepared
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. }
            | Stage::Executed { .. }
            | Stage::Verified { .. } => Ok(()),
        }
    }

    fn may_lose(&self, hash: &SafeTxHash, owner: &Address) -> Admission {
        self.is_ours(hash)?;
        self.not_yet_executed()?;
        match self.confirmations.get(owner) {
            Some(confirmation) if needs_chain(confirmation) => Ok(()),
            Some(_) | None => Err(format!("no approval of {owner} is counted")),
        }
    }

    /// A person may execute what owners signed whatever became of the incident; we may not.
    fn may_execute(&self, hash: &SafeTxHash, by: &Actor) -> Admission {
        match by {
            Actor::Agent => self.only_live()?,
            Actor::Person(_) | Actor::Operator => {}
        }
        self.is_ours(hash)?;
        self.not_yet_executed()?;
        if self.has_quorum() { Ok(()) } else { Err("too few owners confirmed".to_owned()) }
    }

    fn is_ours(&self, hash: &SafeTxHash) -> Admission {
        match &self.preparation {
            Some(preparation) if preparation.safe_tx_hash() == *hash => Ok(()),
            Some(preparation) => {
                Err(format!("{hash} is not the proposal, which is {}", preparation.safe_tx_hash()))
            }
            None => Err("no proposal is prepared".to_owned()),
        }
    }

    fn not_yet_executed(&self) -> Admission {
        match &self.stage {
            Stage::Prepared
            | Stage::Submitting { .. }
            | Stage::SubmitFailed { .. }
            | Stage::Proposed
            | Stage::Executing { .. }
            | Stage::ExecuteFailed { .. } => Ok(()),
            Stage::Idle
            | Stage::Preparing { .. }
            | Stage::PrepareFailed { .. }
            | Stage::Unneeded
            | Stage::Waiting { .. } => Err("no proposal is prepared".to_owned()),
            Stage::Executed { .. } | Stage::Verified { .. } => Err("it is executed already".to_owned()),
        }
    }

    fn may_begin(&self, page: &PageKey, attempt: u32) -> Admission {
        // Whether it is still wanted was decided by whoever began it; that it was begun stands.
        match self.calls.get(&page.purpose) {
            Some(call) if call.number >= page.call => {}
            Some(_) | None => return Err(format!("nobody was called for {}", page.purpose.as_str())),
        }
        match self.pages.get(page) {
            Some(state) if state.attempts >= attempt => {
                Err(format!("attempt {} of {page} was begun already", state.attempts))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn was_begun(&self, page: &PageKey) -> Admission {
        if self.pages.contains_key(page) { Ok(()) } else { Err(format!("no page {page} was begun")) }
    }

    /// A failure that comes late undoes neither a newer attempt nor a delivery.
    fn may_have_failed(&self, page: &PageKey, attempt: u32) -> Admission {
        match self.pages.get(page) {
            None => Err(format!("no page {page} was begun")),
            Some(state) if state.outcome == PageOutcome::Delivered => {
                Err(format!("{page} was delivered already"))
            }
            Some(state) if state.attempts != attempt => {
                Err(format!("{page} is at attempt {}, not {attempt}", state.attempts))
            }
            Some(_) => Ok(()),
        }
    }

    fn may_be_exhausted(&self, purpose: Purpose) -> Admission {
        match self.open_call(purpose) {
            None => Err(format!("no {} call is open", purpose.as_str())),
            Some(call) if call.exhausted.is_some() => {
                Err(format!("everybody was called for {} already", purpose.as_str()))
            }
            Some(_) => Ok(()),
        }
    }

    fn may_add(&self, item: u32) -> Admission {
        self.only_in(&[Phase::Declared, Phase::Resolved, Phase::PostMortem])?;
        let next = u32::try_from(self.action_items.len()).unwrap_or(u32::MAX).saturating_add(1);
        if item == next { Ok(()) } else { Err(format!("the next action item is number {next}")) }
    }

    fn may_finish(&self, item: u32) -> Admission {
        match self.action_items.iter().find(|candidate| candidate.item == item) {
            Some(found) if found.done.is_none() => Ok(()),
            Some(_) => Err(format!("action item {item} is done already")),
            None => Err(format!("there is no action item {item}")),
        }
    }
}
