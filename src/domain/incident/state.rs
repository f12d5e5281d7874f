//! The incident: a fold over its facts.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, Bytes};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::companion::CompanionState;
use super::fact::{Actor, OwnerConfirmation, Source};
use super::names::{IncidentId, PageKey, Purpose};
use super::nesting::ChildMessage;
use super::preparation::Preparation;
use super::race::LostRace;
pub use super::stage::{Phase, Stage};
use super::stand_down::RejectionWork;
use crate::domain::condition::{Match, Response};
use crate::domain::names::{ContractName, PersonId, RunbookId, SafeName, WindowName};
use crate::domain::report::Arrival;
use crate::domain::runbook::Severity;
use crate::domain::safe::SafeTxHash;

/// What a call is about, within its purpose. While the subject is the same, the trouble is the same, and
/// whoever answered for it is not woken by its next repetition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The purpose says it all.
    Itself,
    /// No proposal can be prepared.
    Preparation,
    /// The service does not take it.
    Submission,
    /// The chain does not take it.
    Execution,
    /// The Safe executed, and what it called failed.
    InnerCall,
    /// The Safe executed, and what was expected is not there.
    Effect,
    /// The Safe's nonce moves under the proposal again and again.
    Race,
    /// Executed once, and the variant at the next nonce could execute it again.
    Leftover,
    /// The rejection is signed.
    Signed,
    /// What was called off was executed all the same.
    TooLate,
    /// Signers of this Safe.
    Safe(SafeName),
    /// The journal cannot be written now.
    GapLasts,
    /// The journal could not be written; all that was kept stands in it now.
    GapOver,
    /// The journal could not be written, and some of what was kept no longer fits.
    GapDropped,
}

/// A transaction on its way to the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Its hash.
    pub transaction: B256,
    /// The executor account's nonce that it takes.
    pub account_nonce: u64,
    /// As it goes over the wire.
    pub raw: Bytes,
    /// When it was signed.
    pub at: Timestamp,
}

/// A call to people for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The how-many-th for this purpose.
    pub number: u32,
    /// Since when.
    pub since: Timestamp,
    /// What it is about.
    pub subject: Subject,
    /// Why, in a sentence.
    pub because: String,
    /// Nobody answered; everybody is called.
    pub exhausted: Option<Timestamp>,
    /// Answered or no longer needed.
    pub closed: bool,
    /// When somebody answered it, where that is what closed it.
    pub answered: Option<Timestamp>,
}

/// What became of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageState {
    /// Attempts begun.
    pub attempts: u32,
    /// When the last began.
    pub last: Timestamp,
    /// What became of it.
    pub outcome: PageOutcome,
}

/// What became of a page's last attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageOutcome {
    /// Begun; after a crash: unknown, and repeated.
    Started,
    /// The channel took it.
    Delivered,
    /// The channel refused; it may take it later.
    FailedForNow(String),
    /// The channel refused for good.
    FailedForGood(String),
}

/// Something to be done so that it does not happen again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActionItem {
    /// Its number within the incident.
    pub item: u32,
    /// What.
    pub what: String,
    /// Who.
    pub owner: PersonId,
    /// By when.
    pub due: Date,
    /// Done when.
    pub done: Option<Timestamp>,
}

/// An event, or an incident: something reported that may need a coordinated response.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// How many facts it is made of; the next append must name this.
    pub version: u64,
    /// When it was reported.
    pub opened: Timestamp,
    /// From where.
    pub source: Source,
    /// One line.
    pub title: String,
    /// Somebody else's words about it, to be escaped wherever they are shown.
    pub statement: Option<String>,
    /// How bad.
    pub severity: Severity,
    /// Which runbook answers it.
    pub runbook: Option<RunbookId>,
    /// What it is about.
    pub contract: Option<ContractName>,
    /// How far the response may go by itself.
    pub response: Response,
    /// Matches, oldest first.
    pub matches: Vec<Match>,
    /// Where it stands.
    pub phase: Phase,
    /// The verdict of triage: real?
    pub is_incident: Option<bool>,
    /// Leads it.
    pub commander: Option<PersonId>,
    /// Speaks for it.
    pub communications: Option<PersonId>,
    /// Works on it.
    pub responders: Vec<PersonId>,
    /// What is to be achieved.
    pub objective: Option<String>,
    /// Where containment stands.
    pub stage: Stage,
    /// The newest proposal.
    pub preparation: Option<Preparation>,
    /// When it was prepared.
    pub prepared_at: Option<Timestamp>,
    /// The newest attempt at one that failed, as far as it came.
    pub draft: Option<Preparation>,
    /// Confirmations of the newest proposal, one an owner.
    pub confirmations: BTreeMap<Address, OwnerConfirmation>,
    /// Other Safe transactions that belong to it, by their hashes.
    #[serde(serialize_with = "companions_as_list")]
    pub companions: BTreeMap<SafeTxHash, CompanionState>,
    /// What owners of child Safes signed as messages of the child, by the hash they signed.
    pub child_messages: BTreeMap<SafeTxHash, ChildMessage>,
    /// A person said that the proposal is not wanted any more, although the incident goes on.
    pub called_off: bool,
    /// Rejections that are being built or could not be, by what they reject.
    pub rejections: BTreeMap<SafeTxHash, RejectionWork>,
    /// How often another transaction took the nonce, since a person looked or ours was executed.
    pub races_lost: u32,
    /// The newest of those.
    pub lost: Option<LostRace>,
    /// Whose open response this one's waits for.
    pub waits_on: Option<IncidentId>,
    /// When the proposal is prepared anew after a race that was lost; none: at once.
    pub replan_at: Option<Timestamp>,
    /// Pre-signed windows whose signatures count for this incident, because a person said so.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub released: BTreeSet<WindowName>,
    /// Open and closed calls.
    pub calls: BTreeMap<Purpose, Call>,
    /// Every page.
    #[serde(serialize_with = "pages_as_list")]
    pub pages: BTreeMap<PageKey, PageState>,
    /// When each person last said: I am here. It holds for [`ANSWER_HOLDS`](super::apply::ANSWER_HOLDS).
    pub acknowledged: BTreeMap<PersonId, Timestamp>,
    /// The transaction that was last signed to execute it.
    pub sent: Option<Sent>,
    /// When it was executed.
    pub executed_at: Option<Timestamp>,
    /// Executed, and people were told that the effect is not there.
    pub effect_missing: bool,
    /// What was expected held when it was last proven, and no longer did at this block.
    pub effect_lost: Option<u64>,
    /// Things to do.
    pub action_items: Vec<ActionItem>,
    /// The draft of the post-mortem.
    pub post_mortem: Option<String>,
    /// How a person's report arrived, and what came with it.
    pub arrival: Option<Box<Arrival>>,
}

fn companions_as_list<S: serde::Serializer>(
    companions: &BTreeMap<SafeTxHash, CompanionState>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(companions.values())
}

fn pages_as_list<S: serde::Serializer>(
    pages: &BTreeMap<PageKey, PageState>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pages.iter().map(|(key, state)| (key.to_string(), state)))
}

impl Incident {
    /// Owners who confirmed and still are owners, as the proposal knows them.
    pub fn confirmed_owners(&self) -> usize {
        self.preparation.as_ref().map_or(0, |preparation| {
            self.confirmations.keys().filter(|owner| preparation.owners.contains(owner)).count()
        })
    }

    /// Enough owners confirmed.
    pub fn has_quorum(&self) -> bool {
        self.preparation
            .as_ref()
            .is_some_and(|preparation| self.confirmed_owners() as u64 >= preparation.threshold)
    }

    /// It is worked on: not over, and not found to be a mere event. Only then is anybody called.
    pub fn is_live(&self) -> bool {
        self.phase.is_open() && self.is_incident != Some(false)
    }

    /// Whether `actor` may be named as having led: the commander, by name.
    pub fn is_commander(&self, actor: &Actor) -> bool {
        matches!((actor, &self.commander), (Actor::Person(person), Some(commander)) if person == commander)
    }
}
