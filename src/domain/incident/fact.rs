//! Everything that can have happened to an incident.
//!
//! Facts are written once and never changed; their serialised form is the journal's, so a variant is
//! only ever added, and a field only added with a default.

use alloy::primitives::{Address, B256, Bytes};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::companion::Companion;
use super::names::{IncidentId, PageKey, Purpose};
pub use super::parts::{Actor, OwnerConfirmation, Retry, Role, Source, TakenBy};
use super::preparation::Preparation;
use crate::domain::condition::{Match, Response};
use crate::domain::names::{ContractName, PersonId, RunbookId, WindowName};
use crate::domain::report::Arrival;
use crate::domain::runbook::Severity;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeTxHash};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Fact {
    /// An event became known. The first fact of every incident.
    Reported {
        /// From where.
        source: Source,
        /// One line, in our own words; never an alert's text.
        title: String,
        /// In doubt the higher.
        severity: Severity,
        /// The runbook that answers it, where one does.
        runbook: Option<RunbookId>,
        /// What it is about, where it is about a configured contract.
        contract: Option<ContractName>,
        /// How far the response may go by itself.
        response: Response,
        /// Why the runbook was chosen.
        matched: Option<Match>,
        /// What a reporter wrote: somebody else's text, escaped wherever it is shown.
        statement: Option<String>,
    },
    /// A further match of the same runbook and contract; it may raise the response.
    Matched {
        /// The match.
        matched: Match,
        /// How far the response may go now.
        response: Response,
    },
    /// Somebody decided whether it is real.
    Triaged {
        /// Who.
        by: Actor,
        /// True: an incident. False: an event, to be closed.
        incident: bool,
        /// How bad.
        severity: Severity,
        /// Why.
        reason: String,
    },
    /// The incident is declared: command is established.
    Declared {
        /// Who.
        by: Actor,
        /// Exactly one commander.
        commander: Option<PersonId>,
        /// Public communications officer.
        communications: Option<PersonId>,
        /// Who works on it.
        responders: Vec<PersonId>,
        /// What is to be achieved.
        objective: String,
    },
    /// A role changed hands.
    Assigned {
        /// Who decided.
        by: Actor,
        /// `commander`, `communications` or `responder`.
        role: Role,
        /// Who has it now.
        person: PersonId,
    },
    /// The objective was set anew.
    ObjectiveSet {
        /// Who.
        by: Actor,
        /// What is to be achieved.
        objective: String,
    },
    /// The scribe wrote something down.
    Noted {
        /// Who.
        by: Actor,
        /// What.
        text: String,
    },
    /// A responder raised how far the response may go.
    ResponseRaised {
        /// Who.
        by: Actor,
        /// How far now.
        response: Response,
    },
    /// Intent: the proposal is being built from live state.
    PreparationStarted {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The proposal is built, simulated and hashed.
    Prepared(Box<Preparation>),
    /// Every action's `unless` holds already.
    Unneeded {
        /// Which, in words.
        because: String,
    },
    /// There is nothing to sign before a time: what was scheduled at a timelock is not ready.
    Waiting {
        /// From when on the next proposal is prepared.
        until: Timestamp,
        /// What is waited for, in a sentence.
        because: String,
    },
    /// The proposal could not be built, or its simulation failed.
    PreparationFailed {
        /// Which attempt.
        attempt: u32,
        /// What went wrong, in a sentence.
        problem: String,
        /// Whether to try again.
        retry: Retry,
        /// How far it came, where it came far enough to show.
        draft: Option<Box<Preparation>>,
    },
    /// Intent: the proposal is on its way to the Transaction Service.
    SubmissionStarted {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The service has it, and what it has was read back and is what we sent.
    Submitted {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// The service, by host.
        service: String,
    },
    /// The service refused it or could not be reached. The proposal can be signed without it.
    SubmissionFailed {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// Which attempt.
        attempt: u32,
        /// What went wrong, in a sentence.
        problem: String,
        /// Whether to try again.
        retry: Retry,
    },
    /// An owner's confirmation, checked against the Safe's owners on the chain.
    Confirmed(OwnerConfirmation),
    /// Another Safe transaction that belongs to the proposal is built and hashed.
    CompanionPrepared(Box<Companion>),
    /// An owner of a child Safe signed, as a message of the child, what its parent asks about a transaction.
    ChildSigned {
        /// The parent's transaction.
        of: SafeTxHash,
        /// The child.
        child: SafeAddress,
        /// The hash that was signed: of the child's `SafeMessage`.
        message: SafeTxHash,
        /// By whom: recovered from the signature and found among the child's owners.
        owner: Address,
        /// 65 bytes.
        signature: Bytes,
    },
    /// The proposal is not wanted any more, although the incident goes on: it is to be rejected.
    StoodDown {
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// Intent: the rejection of a transaction of ours is being built.
    RejectionStarted {
        /// Of which transaction.
        of: SafeTxHash,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The rejection could not be built, or its simulation failed.
    RejectionFailed {
        /// Of which transaction.
        of: SafeTxHash,
        /// Which attempt.
        attempt: u32,
        /// What went wrong, in a sentence.
        problem: String,
        /// Whether to try again.
        retry: Retry,
    },
    /// An owner's approval on the chain that was counted is not there any more.
    ApprovalGone {
        /// Of which transaction.
        safe_tx_hash: SafeTxHash,
        /// Whose.
        owner: Address,
    },
    /// The signatures of a pre-signed window count for this incident: a person said so.
    PresignedReleased {
        /// Who.
        by: Actor,
        /// Which window.
        window: WindowName,
    },
    /// The Safe's owners or threshold changed without its nonce: who must sign is counted anew.
    OwnersChanged {
        /// Of which transaction; none: of the proposal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        safe_tx_hash: Option<SafeTxHash>,
        /// Owners on the chain now.
        owners: Vec<Address>,
        /// Confirmations needed now.
        threshold: u64,
    },
    /// The Safe's nonce moved past the proposal without executing it: it can never execute.
    Superseded {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// The Safe's nonce now.
        nonce: SafeNonce,
        /// What was executed instead, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Box<TakenBy>>,
        /// Why it can never execute, where its nonce is not what was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// Intent: the confirmed proposal is being executed.
    ExecutionStarted {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// Which attempt, from 1.
        attempt: u32,
        /// Who sends it.
        by: Actor,
    },
    /// Intent, more exactly: this very transaction goes to the chain. After a crash or a lost answer it is
    /// asked for, sent again as it is, or outbid; never a second one beside it.
    ExecutionSigned {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// The transaction's hash.
        transaction: B256,
        /// The executor account's nonce.
        account_nonce: u64,
        /// The signed transaction.
        raw: Bytes,
    },
    /// The chain executed it: read from the chain, never believed from the service.
    Executed {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// The transaction that did it.
        transaction: B256,
        /// Its block.
        block: u64,
        /// False: the Safe's nonce is spent, but the inner call failed.
        success: bool,
    },
    /// The execution could not be sent, or reverted.
    ExecutionFailed {
        /// Which proposal.
        safe_tx_hash: SafeTxHash,
        /// Which attempt.
        attempt: u32,
        /// What went wrong, in a sentence.
        problem: String,
        /// Whether to try again.
        retry: Retry,
    },
    /// Every `expect` was read on the chain and holds.
    Verified {
        /// At which block.
        block: u64,
        /// What was read.
        expects: Vec<String>,
    },
    /// Executed, and what was expected is still not there.
    EffectMissing {
        /// At which block.
        block: u64,
        /// What was read, or why it could not be.
        because: String,
    },
    /// An `expect` that held no longer does.
    EffectLost {
        /// At which block.
        block: u64,
        /// Which, and what was read.
        because: String,
    },
    /// Intent: a page is on its way.
    PageStarted {
        /// Which page.
        page: PageKey,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The channel took the page.
    PageDelivered {
        /// Which page.
        page: PageKey,
        /// The provider's own reference.
        reference: Option<String>,
    },
    /// The channel did not take the page.
    PageFailed {
        /// Which page.
        page: PageKey,
        /// Which attempt.
        attempt: u32,
        /// What went wrong, in a sentence.
        problem: String,
        /// Whether to try again.
        retry: Retry,
    },
    /// A person said: I am here.
    Acknowledged {
        /// Who.
        person: PersonId,
        /// `link` or `command`.
        via: String,
    },
    /// Every step of the policy was tried and nobody answered: everybody is called.
    Exhausted {
        /// Which call.
        purpose: Purpose,
    },
    /// Facts could not be written for a while; they stand after this one.
    JournalGap {
        /// Since when.
        since: Timestamp,
        /// How many facts were kept in memory.
        facts: u32,
        /// Facts that no longer applied when the journal came back.
        dropped: Vec<String>,
    },
    /// The harm is stopped and its cause dealt with.
    Resolved {
        /// Who.
        by: Actor,
        /// How.
        summary: String,
    },
    /// A first draft of the post-mortem was written.
    PostMortemDrafted {
        /// Where.
        path: String,
    },
    /// Something to be done so that it does not happen again.
    ActionItemAdded {
        /// Its number within the incident, from 1.
        item: u32,
        /// What.
        what: String,
        /// Who does it.
        owner: PersonId,
        /// By when.
        due: Date,
    },
    /// An action item is done.
    ActionItemDone {
        /// Which.
        item: u32,
        /// Who says so.
        by: Actor,
    },
    /// Nothing more will happen.
    Closed {
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// How a report arrived, and what came with it. Stands beside its *reported*.
    Received(Box<Arrival>),
    /// Another incident's response makes the same calls: this one's waits for it.
    ResponseWaits {
        /// For which.
        on: IncidentId,
    },
}
