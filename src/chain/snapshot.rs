//! Several reads of one block as one: contract calls, storage, code, balances and whole Safes, in one
//! JSON-RPC batch for each endpoint.
//!
//! A [`SnapshotPlan`] collects what is to be read and hands out a ticket for each; the [`Snapshot`] is
//! read with the tickets. Each value is agreed on by itself: one that the endpoints dispute does not
//! take the others with it.

use alloy::primitives::{Address, B256, Bytes, U256};

use super::Chain;
use super::ask::Ask;
use super::endpoint::Endpoint;
use super::error::{ChainError, RpcError};
use super::head::BlockRef;
use super::quorum::{Patience, Vote, agreed, hear};
use super::safe_state::{SafeQuestions, SafeReadError};
use crate::domain::safe::{SafeAddress, SafeState, singleton};

/// Reads in one snapshot at most.
pub const READS_MAX: usize = 2_000;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It returned; empty also when there is no contract.
    Returned(Bytes),
    /// It was reverted, with these data.
    Reverted(Bytes),
}

/// Ticket for a [`Snapshot::call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTicket(usize);

/// Ticket for a [`Snapshot::safe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafeTicket(usize);

/// What is to be read together.
#[derive(Clone, Debug, Default)]
pub struct SnapshotPlan {
    asks: Vec<Ask>,
    safes: Vec<SafeQuestions>,
}

impl SnapshotPlan {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a call of a contract's view.
    pub fn call(&mut self, to: Address, data: Bytes) -> CallTicket {
        CallTicket(self.ask(Ask::Call { to, data }))
    }

    /// Adds a call of a contract's view, as `from` would make it: some answers depend on who asks.
    pub fn call_as(&mut self, from: Address, to: Address, data: Bytes) -> CallTicket {
        CallTicket(self.ask(Ask::CallAs { from, to, data }))
    }

    /// Adds the code at an address; read as what a call returned.
    pub fn code(&mut self, address: Address) -> CallTicket {
        CallTicket(self.ask(Ask::Code { address }))
    }

    /// Adds a word of storage; read as what a call returned, 32 bytes.
    pub fn storage(&mut self, address: Address, slot: B256) -> CallTicket {
        CallTicket(self.ask(Ask::Storage { address, slot }))
    }

    /// Adds a whole Safe.
    pub fn safe(&mut self, safe: SafeAddress) -> SafeTicket {
        let questions = SafeQuestions::plan(safe, |ask| self.ask(ask));
        self.safes.push(questions);
        SafeTicket(self.safes.len().saturating_sub(1))
    }

    pub(super) fn asks(&self) -> &[Ask] {
        &self.asks
    }

    fn ask(&mut self, ask: Ask) -> usize {
        self.asks.push(ask);
        self.asks.len().saturating_sub(1)
    }
}

/// What was read, value by value.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The block of which it speaks.
    pub block: BlockRef,
    chain: Chain,
    answers: Vec<Result<CallOutcome, ChainError>>,
    safes: Vec<SafeQuestions>,
}

impl Snapshot {
    /// How a call ended.
    ///
    /// # Errors
    /// When too few endpoints gave one same answer, or when the ticket is of another plan.
    pub fn call(&self, ticket: CallTicket) -> Result<CallOutcome, ChainError> {
        self.answer(ticket.0)
    }

    /// A Safe.
    ///
    /// # Errors
    /// When there is no Safe, or when it could not be read.
    pub fn safe(&self, ticket: SafeTicket) -> Result<SafeState, SafeReadError> {
        let Some(questions) = self.safes.get(ticket.0) else {
            return Err(SafeReadError::Foreign(self.chain.malformed("reading a snapshot", FOREIGN_TICKET)));
        };
        questions.read(self.chain.id(), &self.block, |index| self.answer(index))
    }

    fn answer(&self, index: usize) -> Result<CallOutcome, ChainError> {
        match self.answers.get(index) {
            Some(answer) => answer.clone(),
            None => Err(self.chain.malformed("reading a snapshot", FOREIGN_TICKET)),
        }
    }
}

const FOREIGN_TICKET: &str = "the ticket belongs to another plan";

impl Chain {
    /// Reads all of `plan` at `block`.
    ///
    /// # Errors
    /// When the plan holds more than [`READS_MAX`] reads. What the endpoints refuse or dispute is an error
    /// of the single value.
    pub async fn read(&self, block: &BlockRef, plan: SnapshotPlan) -> Result<Snapshot, ChainError> {
        let SnapshotPlan { asks, safes } = plan;
        let answers = self.read_all(block, &asks).await?;
        Ok(Snapshot { block: *block, chain: self.clone(), answers, safes })
    }

    /// Calls views at `block`; the outcomes stand in the order of the calls.
    ///
    /// # Errors
    /// As [`Chain::read`]; an item's error names who said what about it.
    pub async fn call_many(
        &self,
        block: &BlockRef,
        calls: &[(Address, Bytes)],
    ) -> Result<Vec<Result<CallOutcome, ChainError>>, ChainError> {
        let asks: Vec<_> = calls.iter().map(|(to, data)| Ask::Call { to: *to, data: data.clone() }).collect();
        self.read_all(block, &asks).await
    }

    /// A Safe at `block`.
    ///
    /// # Errors
    /// As [`Snapshot::safe`].
    pub async fn safe_state(&self, block: &BlockRef, safe: SafeAddress) -> Result<SafeState, SafeReadError> {
        let mut plan = SnapshotPlan::new();
        let ticket = plan.safe(safe);
        let snapshot = self
            .read(block, plan)
            .await
            .map_err(|source| SafeReadError::unread(safe, "all of it", source))?;
        Ok(self.with_code_hash(block, snapshot.safe(ticket)?).await)
    }

    /// Some nodes take no state override, and a zkSync chain hashes code in its own way: they are asked for the code.
    pub(super) async fn with_code_hash(&self, block: &BlockRef, mut state: SafeState) -> SafeState {
        if !singleton::is_known(state.singleton_code_hash) {
            state.singleton_code_hash =
                self.code_hash(block, state.singleton).await.unwrap_or(state.singleton_code_hash);
        }
        state
    }

    /// One storage word.
    ///
    /// # Errors
    /// When too few endpoints say the same.
    pub async fn storage(&self, block: &BlockRef, address: Address, slot: B256) -> Result<B256, ChainError> {
        let word = self.read_word(block, Ask::Storage { address, slot }).await?;
        Ok(word.into())
    }

    /// An account's balance in wei.
    ///
    /// # Errors
    /// When too few endpoints say the same.
    pub async fn balance(&self, block: &BlockRef, address: Address) -> Result<U256, ChainError> {
        self.read_word(block, Ask::Balance { address }).await
    }

    /// keccak256 of the contract's code; `None` where there is no code.
    ///
    /// # Errors
    /// When too few endpoints say the same.
    pub async fn code_hash(&self, block: &BlockRef, address: Address) -> Result<Option<B256>, ChainError> {
        let code = self.read_one(block, Ask::Code { address }).await?;
        Ok((!code.is_empty()).then(|| alloy::primitives::keccak256(&code)))
    }

    async fn read_word(&self, block: &BlockRef, ask: Ask) -> Result<U256, ChainError> {
        let doing = ask.doing();
        let bytes = self.read_one(block, ask).await?;
        U256::try_from_be_slice(&bytes).ok_or_else(|| self.malformed(&doing, "more than 32 bytes"))
    }

    async fn read_one(&self, block: &BlockRef, ask: Ask) -> Result<Bytes, ChainError> {
        let doing = ask.doing();
        match self.read_all(block, &[ask]).await?.pop() {
            Some(Ok(CallOutcome::Returned(bytes))) => Ok(bytes),
            Some(Ok(CallOutcome::Reverted(_))) => Err(self.malformed(&doing, "reverted")),
            Some(Err(error)) => Err(error),
            None => Err(self.malformed(&doing, "nothing was answered")),
        }
    }

    async fn read_all(
        &self,
        block: &BlockRef,
        asks: &[Ask],
    ) -> Result<Vec<Result<CallOutcome, ChainError>>, ChainError> {
        let doing = format!("reading {} values", asks.len());
        if asks.len() > READS_MAX {
            return Err(self.malformed(&doing, format_args!("at most {READS_MAX} are read together")));
        }
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let votes = hear(self.each(|endpoint| read_at(endpoint, &doing, block, asks)), |votes| {
            Patience::until(self.decided(votes, asks))
        })
        .await;
        Ok(self.items(asks, &votes))
    }

    /// Whether each value is agreed on.
    pub(super) fn decided(&self, votes: &[Vote<Answers>], asks: &[Ask]) -> bool {
        (0..asks.len()).all(|index| agreed(&of_item(votes, index), self.agree).is_some())
    }

    /// What was answered to `plan` at `block`, value by value.
    pub(super) fn snapshot(&self, block: BlockRef, plan: SnapshotPlan, votes: &[Vote<Answers>]) -> Snapshot {
        let answers = self.items(&plan.asks, votes);
        Snapshot { block, chain: self.clone(), answers, safes: plan.safes }
    }

    fn items(&self, asks: &[Ask], votes: &[Vote<Answers>]) -> Vec<Result<CallOutcome, ChainError>> {
        let item = |(index, ask): (usize, &Ask)| {
            let said = of_item(votes, index);
            // What was being done is written down only where it failed: addresses are hashed to be written.
            agreed(&said, self.agree).cloned().ok_or_else(|| self.no_quorum(&said, &ask.doing(), show))
        };
        asks.iter().enumerate().map(item).collect()
    }
}

/// What one endpoint answered to each question.
pub(super) type Answers = Vec<Result<CallOutcome, RpcError>>;

async fn read_at(
    endpoint: &Endpoint,
    doing: &str,
    block: &BlockRef,
    asks: &[Ask],
) -> Result<Answers, RpcError> {
    let questions: Vec<_> = asks.iter().map(|ask| ask.question(block)).collect();
    let answers = endpoint.ask_batch(doing, &questions).await?;
    Ok(asks.iter().zip(answers).map(|(ask, answer)| ask.outcome(endpoint, doing, answer)).collect())
}

/// What was said about one question.
fn of_item(votes: &[Vote<Answers>], index: usize) -> Vec<Vote<CallOutcome>> {
    votes
        .iter()
        .map(|vote| {
            vote.map(|answers| {
                answers.get(index).cloned().unwrap_or_else(|| {
                    Err(RpcError::garbled(
                        &vote.endpoint,
                        "reading an item of a batch",
                        "it was not answered",
                    ))
                })
            })
        })
        .collect()
}

/// Bytes of a value that a disagreement shows at most.
const SHOWN_MAX_BYTES: usize = 32;

fn show(outcome: &CallOutcome) -> String {
    match outcome {
        CallOutcome::Returned(bytes) => match bytes.get(..SHOWN_MAX_BYTES) {
            Some(start) if bytes.len() > SHOWN_MAX_BYTES => {
                format!("{}… ({} bytes)", alloy::hex::encode_prefixed(start), bytes.len())
            }
            Some(_) | None => bytes.to_string(),
        },
        CallOutcome::Reverted(data) => format!("reverted: {}", super::decode_revert(data, &[])),
    }
}
