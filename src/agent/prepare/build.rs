//! One Safe's proposal: built, hashed twice, simulated.

use alloy::json_abi::JsonAbi;

use super::{Problem, queue};
use crate::agent::proposal::{self, Authority, Shown};
use crate::agent::{Agent, chain_of};
use crate::chain::{BlockRef, Chain};
use crate::domain::incident::preparation::{PlannedCall, Queue, SkippedCall};
use crate::domain::incident::{Companion, CompanionRole, Preparation};
use crate::domain::names::SafeName;
use crate::domain::roster::CoverageReport;
use crate::domain::runbook::PlannedAction;
use crate::domain::safe::multisend::{BatchError, BatchedCall, batch, call_only};
use crate::domain::safe::{SafeState, SafeTx};

/// What is fixed while one Safe is tried.
pub(super) struct Base<'a> {
    pub(super) agent: &'a Agent,
    pub(super) chain: &'a Chain,
    pub(super) block: &'a BlockRef,
    pub(super) attempt: u32,
    pub(super) name: &'a SafeName,
    pub(super) state: &'a SafeState,
    pub(super) report: &'a CoverageReport,
}

impl Base<'_> {
    pub(super) async fn prepare(
        &self,
        needed: &[&PlannedAction],
        skipped: &[SkippedCall],
    ) -> Result<Box<Preparation>, Problem> {
        let tx = transaction(needed, self.state).map_err(|error| Problem::never(chain_of(&error)))?;
        let hashes = proposal::hashes(&tx, self.state);
        let expects: Vec<_> = needed.iter().map(|action| &action.expect).collect();
        let abis: Vec<&JsonAbi> =
            self.agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
        let simulate = proposal::simulate(
            self.chain,
            self.block,
            self.state,
            &tx,
            &expects,
            Authority::Pretended,
            &abis,
        );
        let (shown, queue) =
            tokio::join!(simulate, queue::queue(self.agent, self.chain, self.block, self.state));
        let Shown { simulation, safe_says } = shown.map_err(|error| Problem::later(chain_of(&error)))?;
        match safe_says {
            Some(says) if says.agrees(&hashes) => {}
            Some(says) => {
                // Two implementations of one hash disagree: somebody is wrong, so nobody signs.
                return Err(Problem::never(format!(
                    "the Safe's own hash of the transaction is {} and ours is {}: nothing may be signed",
                    says.safe_tx, hashes.safe_tx
                )));
            }
            None if simulation.failure.is_some() => {}
            None => return Err(Problem::later("the Safe did not say its own hash of the transaction")),
        }
        let companions = self.variant(&tx, &queue, needed).await.into_iter().collect();
        Ok(Box::new(Preparation {
            attempt: self.attempt,
            chain: self.chain.name().clone(),
            safe: self.name.clone(),
            domain: self.state.domain(),
            owners: self.state.owners.clone(),
            threshold: self.state.threshold,
            tx,
            hashes,
            calls: needed.iter().map(|action| planned(action)).collect(),
            skipped: skipped.to_vec(),
            considered: Vec::new(),
            coverage: self.report.clone(),
            queue,
            simulation,
            confirmed_on_chain: None,
            companions,
            purpose: None,
            upgrades: needed.iter().filter_map(|action| action.proof().cloned()).collect(),
        }))
    }
}

impl Base<'_> {
    /// The same calls at the next nonce, where what stands at this one is fully signed: whoever executes it first
    /// must not cost the signers another round. One that would not work is not put before them.
    async fn variant(&self, tx: &SafeTx, queue: &Queue, needed: &[&PlannedAction]) -> Option<Companion> {
        let head = match queue {
            Queue::Read { displaced, .. } => displaced.iter().find(|queued| queued.fully_signed)?,
            Queue::Unknown(_) => return None,
        };
        let tx = SafeTx { nonce: tx.nonce.next(), ..tx.clone() };
        let hashes = proposal::hashes(&tx, self.state);
        let expects: Vec<_> = needed.iter().map(|action| &action.expect).collect();
        let abis: Vec<&JsonAbi> =
            self.agent.config.settings.contracts.values().map(|contract| &contract.abi).collect();
        let shown = proposal::simulate(
            self.chain,
            self.block,
            self.state,
            &tx,
            &expects,
            Authority::Pretended,
            &abis,
        )
        .await;
        let Shown { simulation, safe_says } = match shown {
            Ok(shown) => shown,
            Err(error) => {
                tracing::error!(error = %chain_of(&error), "the variant at the next nonce could not be simulated");
                return None;
            }
        };
        let agrees = safe_says.is_some_and(|says| says.agrees(&hashes));
        if let Some(because) = simulation.why_not() {
            tracing::error!(%because, "the variant at the next nonce would not work");
            return None;
        }
        if !agrees {
            tracing::error!("the Safe does not agree on the hash of the variant at the next nonce");
            return None;
        }
        Some(Companion {
            role: CompanionRole::NextNonce,
            chain: self.chain.name().clone(),
            safe: Some(self.name.clone()),
            domain: self.state.domain(),
            owners: self.state.owners.clone(),
            threshold: self.state.threshold,
            hashes,
            calls: needed.iter().map(|action| planned(action)).collect(),
            purpose: format!(
                "the same at nonce {}: what stands at nonce {} ({}) is fully signed, and anybody may execute it first",
                tx.nonce, self.state.nonce, head.purpose
            ),
            tx,
            built_at_block: self.block.number,
            simulation: Some(simulation),
            coverage: self.report.clone(),
        })
    }
}

/// One call, or several as one through MultiSendCallOnly. All gas and refund fields are zero, and the nonce
/// is the Safe's *on-chain* nonce: behind a queued transaction the pause would wait for it.
pub fn transaction(needed: &[&PlannedAction], state: &SafeState) -> Result<SafeTx, BatchError> {
    if let [only] = needed {
        return Ok(SafeTx::call(only.call.address, only.call.data.clone(), state.nonce));
    }
    let calls: Vec<_> = needed
        .iter()
        .map(|action| BatchedCall::call(action.call.address, action.call.data.clone()))
        .collect();
    batch(&calls, call_only(state.version), state.nonce)
}

pub(in crate::agent) fn planned(action: &PlannedAction) -> PlannedCall {
    PlannedCall {
        contract: action.call.contract.clone(),
        address: action.call.address,
        call: action.call.describe(),
        data: action.call.data.clone(),
        expect: action.expect.text().to_owned(),
    }
}
