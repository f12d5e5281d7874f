//! Brings the execution to the chain: signs, journals, sends, waits, outbids.
//!
//! Every transaction is a fact before it is sent, so that after a crash or a lost answer it is known: it is
//! asked for, sent again as it is, and outbid at its own nonce. A second one beside it is signed only when the
//! first can never be mined, or is another account's. Whether the Safe executed is read before each step and
//! from the receipt's own logs; who sent the transaction that did it does not matter.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use alloy::json_abi::JsonAbi;
use alloy::primitives::{B256, Bytes};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::journalled::{Journalled, executed_by};
use super::route::Route;
use super::signatures::{backing, signatures};
use super::spending::{Allowance, allowance};
use super::{Failure, later};
use crate::agent::proposal::{self, Authority};
use crate::agent::store::Recorded;
use crate::agent::{Agent, chain_of, follow};
use crate::chain::{BlockRef, BroadcastError, Chain, Receipt, SignedTransaction, TransactionDraft};
use crate::config::settings::SpendingCap;
use crate::domain::ether::Wei;
use crate::domain::incident::{Fact, IncidentId, Preparation, Retry};
use crate::domain::safe::SafeState;
use crate::domain::safe::abi::exec_calldata;
use crate::signer::KeySigner;

/// How long a bid is waited for before it is raised: one slot of mainnet.
const SPELL: Duration = Duration::from_secs(12);

/// How many bids one attempt makes at most. Each is a quarter higher than the one before.
const BIDS_MAX: u32 = 6;

/// How long a transaction that may be mined already is asked for before it is sent again.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// One attempt to have the Safe execute.
pub struct Delivery<'a> {
    agent: &'a Agent,
    chain: &'a Chain,
    id: IncidentId,
    preparation: &'a Preparation,
    executor: &'a KeySigner,
    /// The most it may spend; none: a person sends it, and decides.
    cap: Option<SpendingCap>,
    route: Route<'a>,
    /// What the journal knew when this began.
    journalled: Journalled,
    /// Of our account: what waits now.
    mine: Option<SignedTransaction>,
    /// All that may be mined.
    out: Vec<B256>,
    /// All that was ever known here.
    seen: BTreeSet<B256>,
    begun: Instant,
}

/// What became of the bids so far.
enum Spell {
    Executed(Box<Fact>),
    Waiting,
    /// One was mined and the Safe did not execute, for this reason.
    Spent(String),
}

impl<'a> Delivery<'a> {
    /// Takes up what the journal knows of.
    pub fn of(
        agent: &'a Agent,
        chain: &'a Chain,
        id: IncidentId,
        preparation: &'a Preparation,
        executor: &'a KeySigner,
        cap: Option<SpendingCap>,
    ) -> Self {
        let route = Route::new(chain, agent.relays.get(chain.name()));
        let journalled = Journalled::of(agent, id, preparation, executor.address());
        let seen: BTreeSet<B256> = journalled.mine.iter().map(|known| known.hash).collect();
        let out = journalled.mine.iter().chain(&journalled.theirs).map(|known| known.hash).collect();
        let (mine, begun) = (None, Instant::now());
        Self { agent, chain, id, preparation, executor, cap, route, journalled, mine, out, seen, begun }
    }

    /// Delivers. Gives the fact that it was executed, by whomever.
    ///
    /// # Errors
    /// When it was not within this attempt, and why; names the transaction that still waits.
    pub async fn run(mut self) -> Result<Fact, Failure> {
        if let Some(executed) = self.resume().await? {
            return Ok(executed);
        }
        for _ in 0..BIDS_MAX {
            if let Some(executed) = self.executed_already().await? {
                return Ok(executed);
            }
            let next = match self.mine.clone() {
                None => self.sign().await,
                Some(waiting) => self.raise(&waiting).await,
            };
            match next {
                Ok(next) => self.dispatch(next).await?,
                // What waits may have been mined while a higher bid was drawn up.
                Err(failure) if self.mine.is_none() => return Err(failure),
                Err((problem, _)) => {
                    tracing::warn!(incident.id = %self.id, %problem, "no higher bid could be made");
                }
            }
            match self.wait(SPELL).await? {
                Spell::Executed(executed) => return Ok(*executed),
                Spell::Spent(because) => return self.executed_already().await?.ok_or_else(|| later(because)),
                Spell::Waiting => {}
            }
        }
        match self.executed_already().await? {
            Some(executed) => Ok(executed),
            None => Err(self.still_waiting()),
        }
    }

    fn still_waiting(&self) -> Failure {
        let seconds = self.begun.elapsed().as_secs();
        match &self.mine {
            Some(waiting) => later(format!(
                "transaction {} at nonce {} of {} is not mined after {seconds} s; it still waits, and may be mined yet{}",
                waiting.hash,
                waiting.nonce,
                self.executor.address(),
                self.route.told()
            )),
            None => later(format!("no transaction was mined within {seconds} s{}", self.route.told())),
        }
    }

    /// What an earlier attempt sent, or another account: asked for, and sent again as it is.
    async fn resume(&mut self) -> Result<Option<Fact>, Failure> {
        if self.out.is_empty() {
            return Ok(None);
        }
        if let Some(executed) = self.executed_already().await? {
            return Ok(Some(executed));
        }
        if let Spell::Executed(executed) = self.wait(FIRST_LOOK).await? {
            return Ok(Some(*executed));
        }
        let Journalled { mine, theirs } = self.journalled.clone();
        // The newest that any node takes or has; a higher bid may have been signed and never accepted.
        for bid in mine.into_iter().rev().filter(|bid| self.out.contains(&bid.hash)).collect::<Vec<_>>() {
            if self.mine.is_none() && self.is_under_way(&bid).await {
                self.mine = Some(bid);
            }
        }
        let theirs = match theirs {
            Some(theirs) if self.out.contains(&theirs.hash) => self.is_under_way(&theirs).await,
            Some(_) | None => false,
        };
        if self.mine.is_none() && !theirs {
            self.out.clear();
            return Ok(None);
        }
        match self.wait(SPELL).await? {
            Spell::Executed(executed) => Ok(Some(*executed)),
            Spell::Spent(_) | Spell::Waiting => Ok(None),
        }
    }

    /// Sends the same bytes again. Whether any node has it then; where nobody knows, it is taken as waiting, for a
    /// second transaction beside it is what must not be.
    async fn is_under_way(&mut self, known: &SignedTransaction) -> bool {
        match self.route.hand_in(known).await {
            Ok(()) => true,
            Err(problem) => {
                tracing::warn!(incident.id = %self.id, %problem, "what was signed before is not taken again");
                self.chain.transaction_known(known.hash).await.unwrap_or(true)
            }
        }
    }

    /// Whether the Safe executed it, by whatever transaction. A nonce that something else took is a failure.
    async fn executed_already(&self) -> Result<Option<Fact>, Failure> {
        let (block, state) = follow::safe_now(self.chain, self.preparation).await.map_err(later)?;
        if state.nonce == self.preparation.tx.nonce {
            return Ok(None);
        }
        match follow::find_execution(self.chain, &block, self.preparation).await.map_err(later)? {
            Some(executed) => Ok(Some(executed)),
            None => Err(later(format!(
                "the Safe's nonce is {} and the proposal's is {}",
                state.nonce, self.preparation.tx.nonce
            ))),
        }
    }

    /// A transaction at the account's next nonce, rehearsed with the real signatures.
    async fn sign(&self) -> Result<SignedTransaction, Failure> {
        let draft = self.draft().await?;
        let allowed = self.allowance(None);
        self.chain
            .sign_within(self.executor, &draft, allowed.left)
            .await
            .map_err(|error| refused(&error, &allowed))
    }

    /// What the next transaction may cost; `replaces` is the one whose place it takes.
    fn allowance(&self, replaces: Option<&SignedTransaction>) -> Allowance {
        let Some(cap) = &self.cap else {
            return Allowance { left: Wei(alloy::primitives::U256::MAX), because: String::new() };
        };
        let place = replaces.map(|waiting| (waiting.chain_id(), waiting.nonce));
        allowance(self.agent, self.id, self.executor.address(), cap, place)
    }

    async fn draft(&self) -> Result<TransactionDraft, Failure> {
        let (block, state) = follow::safe_now(self.chain, self.preparation).await.map_err(later)?;
        let newest = self.agent.store.get(self.id).ok_or_else(|| later("the incident is gone"))?;
        let mut backing = backing(self.chain, &block, &newest, self.preparation).await.map_err(later)?;
        // Whoever sends it approves it by that.
        backing.approved.insert(self.executor.address());
        let signatures = signatures(&newest, self.preparation, &state, &backing).map_err(later)?;
        let gas = self.rehearse(&block, &state, &signatures).await?;
        Ok(TransactionDraft {
            to: self.preparation.domain.safe.0,
            data: exec_calldata(&self.preparation.tx, signatures),
            gas_hint: Some(gas),
        })
    }

    /// A higher bid at the same nonce; or a new transaction where the old one can never be mined.
    async fn raise(&mut self, waiting: &SignedTransaction) -> Result<SignedTransaction, Failure> {
        // Nobody knows: then it is taken as waiting.
        if self.route.is_private(waiting.hash)
            || self.chain.transaction_known(waiting.hash).await.unwrap_or(true)
        {
            let allowed = self.allowance(Some(waiting));
            let bid = self.chain.outbid_within(self.executor, waiting, allowed.left).await;
            return bid.map_err(|error| refused(&error, &allowed));
        }
        // Dropped, or its nonce went to something else: the account's next nonce is right for both.
        self.mine = None;
        self.out.retain(|transaction| *transaction != waiting.hash);
        self.sign().await
    }

    /// Journals it, then sends it. Where a twin with the same key journalled another one meanwhile, that one is
    /// sent instead.
    async fn dispatch(&mut self, next: SignedTransaction) -> Result<(), Failure> {
        let next = self.journal(next).await?;
        self.seen.insert(next.hash);
        let sent = self.route.hand_in(&next).await;
        let refused = match &sent {
            Ok(()) => false,
            // A refusal may be a lost yes.
            Err(_) => matches!(self.chain.transaction_known(next.hash).await, Ok(false)),
        };
        match sent {
            Err(problem) if refused && self.out.is_empty() => return Err(later(problem)),
            // What was sent before still waits, and is what the next bid must outbid.
            Err(problem) if refused => {
                tracing::warn!(incident.id = %self.id, %problem, "a higher bid was not accepted");
            }
            Ok(()) | Err(_) => {
                if !self.out.contains(&next.hash) {
                    self.out.push(next.hash);
                }
                self.mine = Some(next);
            }
        }
        Ok(())
    }

    async fn journal(&self, next: SignedTransaction) -> Result<SignedTransaction, Failure> {
        let account = self.executor.address();
        let fact = Fact::ExecutionSigned {
            safe_tx_hash: self.preparation.safe_tx_hash(),
            transaction: next.hash,
            account_nonce: next.nonce,
            raw: next.raw.clone(),
        };
        loop {
            let newest = self.agent.store.get(self.id).ok_or_else(|| later("the incident is gone"))?;
            let known = Journalled::of(self.agent, self.id, self.preparation, account);
            if let Some(other) = known.mine.into_iter().rfind(|other| !self.seen.contains(&other.hash)) {
                return Ok(other);
            }
            match self.agent.record(&newest, vec![fact.clone()]).await {
                Ok(Recorded::Applied | Recorded::Unwritten) => return Ok(next),
                Ok(Recorded::Stale) => {}
                Err(error) => return Err(later(chain_of(&error))),
            }
        }
    }

    /// Waits until one of them is mined. What only a private relay has is made public meanwhile, when its blocks are over.
    async fn wait(&mut self, spell: Duration) -> Result<Spell, Failure> {
        let mut rest = spell;
        while self.route.has_private() && !rest.is_zero() {
            let step = rest.min(FIRST_LOOK);
            match self.wait_once(step).await? {
                Spell::Waiting => rest = rest.saturating_sub(step),
                over @ (Spell::Executed(_) | Spell::Spent(_)) => return Ok(over),
            }
            if let Some(mine) = self.mine.clone() {
                self.route.publish_if_due(&mine).await;
            }
        }
        if rest.is_zero() { Ok(Spell::Waiting) } else { self.wait_once(rest).await }
    }

    async fn wait_once(&mut self, spell: Duration) -> Result<Spell, Failure> {
        let chain = self.chain;
        let mut asks: FuturesUnordered<_> =
            self.out.iter().map(|transaction| chain.receipt(*transaction, spell)).collect();
        let mut mined = None;
        while let Some(answer) = asks.next().await {
            if let Ok(receipt) = answer {
                mined = Some(receipt);
                break;
            }
        }
        drop(asks);
        let Some(receipt) = mined else { return Ok(Spell::Waiting) };
        if let Some(executed) = executed_by(&receipt, self.preparation) {
            return Ok(Spell::Executed(Box::new(executed)));
        }
        let because = self.why_spent(&receipt).await;
        let spent = receipt.transaction;
        self.out.retain(|transaction| *transaction != spent);
        // Its nonce is used: nothing of that account waits at it any more.
        if self.mine.as_ref().is_some_and(|mine| mine.hash == spent) {
            self.mine = None;
        }
        Ok(Spell::Spent(because))
    }

    /// Why a mined transaction did not make the Safe execute, as well as can be said.
    async fn why_spent(&self, receipt: &Receipt) -> String {
        let what = format!("transaction {} was mined in block {}", receipt.transaction, receipt.block_number);
        if receipt.succeeded {
            return format!("{what}, but the Safe did not execute");
        }
        match self.draft().await {
            Ok(_) => format!("{what} and reverted; the same would succeed now"),
            Err((why, _)) => format!("{what} and reverted: {why}"),
        }
    }

    async fn rehearse(
        &self,
        block: &BlockRef,
        state: &SafeState,
        signatures: &Bytes,
    ) -> Result<u64, Failure> {
        let contracts = &self.agent.config.settings.contracts;
        let abis: Vec<&JsonAbi> = contracts.values().map(|contract| &contract.abi).collect();
        let expects = crate::agent::verify::expects(self.preparation, contracts)
            .map_err(|problem| (problem, Retry::Never))?;
        let expects: Vec<_> = expects.iter().collect();
        let authority = Authority::Signed { signatures: signatures.clone(), sender: self.executor.address() };
        let tx = &self.preparation.tx;
        let shown = proposal::simulate(self.chain, block, state, tx, &expects, authority, &abis)
            .await
            .map_err(|error| later(chain_of(&error)))?;
        match shown.simulation.why_not() {
            None => Ok(shown.simulation.gas_used),
            Some(why) => Err(later(format!("with the real signatures {why}"))),
        }
    }
}

/// Why no transaction was signed; where money is why, what a person can do.
fn refused(error: &BroadcastError, allowed: &Allowance) -> Failure {
    match error {
        BroadcastError::TooDear { .. } => later(format!(
            "{error}: {}; raise the cap in [executor], or execute it by hand (`redhandle proposal execute`), which no cap holds back",
            allowed.because
        )),
        BroadcastError::Unprepared { .. }
        | BroadcastError::WouldRevert { .. }
        | BroadcastError::Unsigned { .. }
        | BroadcastError::NotAccepted { .. } => later(chain_of(error)),
    }
}
