//! Signing a transaction and handing it to every endpoint.
//!
//! Two steps, so that the hash can be journalled before anything is sent: [`Chain::sign`] asks for
//! nonce, gas and fees and signs; [`Chain::send`] sends the same bytes to all. Sending them twice
//! has no further effect. Whether a lost answer was a yes is asked with
//! [`Chain::transaction_known`], never guessed.

use std::time::Duration;

use alloy::consensus::transaction::SignerRecoverable as _;
use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718 as _, Encodable2718};
use alloy::network::TxSigner;
use alloy::primitives::{Address, Bytes, Signature, TxHash, TxKind, U256};
use serde_json::json;

use super::Chain;
use super::endpoint::Endpoint;
use super::error::{ChainError, Retry, RpcError, RpcErrorKind, Statement};
use super::quorum::{Patience, Vote, answers_in, hear, reached_by};
use super::terms::{Terms, terms};
use crate::domain::ether::Wei;

/// A key that pays gas.
pub type GasKey = dyn TxSigner<Signature> + Send + Sync;

/// The least tip, in wei for each gas: what got into the next mainnet block in quiet and in busy hours.
const TIP_FLOOR_WEI: u128 = 1_000_000_000;

/// The most that is offered for each gas, in wei. Far above every fee spike on record; it bounds what a
/// quorum of wrong endpoints could make the gas key burn.
const FEE_CAP_WEI: u128 = 10_000_000_000_000;

/// Gas added to what a simulation used: half as much again, and a little for very small calls.
const GAS_MARGIN: u64 = 50_000;

/// A node takes the place of a transaction for a tenth more (geth's default) or an eighth (its blob pool, Nethermind):
/// a bid is worth making from an eighth more on.
const REPLACEMENT_PART: u128 = 8;

/// How long the other endpoints are waited for: to say their terms, and to take the transaction that one of them
/// has accepted.
const GRACE: Duration = Duration::from_millis(250);

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionDraft {
    /// The called contract.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
    /// Gas that the call used in simulation; a margin is added here.
    pub gas_hint: Option<u64>,
}

/// A transaction that is ready to be sent; its hash is what it will be known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    /// Its hash.
    pub hash: TxHash,
    /// The account's nonce it takes.
    pub nonce: u64,
    /// The transaction as it goes over the wire.
    pub raw: Bytes,
    unsigned: TxEip1559,
}

impl SignedTransaction {
    /// Reads one that was kept as it goes over the wire, and who signed it. [`None`]: it is none of ours.
    pub fn read(raw: &Bytes) -> Option<(Self, Address)> {
        let mut rest = raw.as_ref();
        let envelope = TxEnvelope::decode_2718(&mut rest).ok().filter(|_| rest.is_empty())?;
        let from = envelope.recover_signer().ok()?;
        let hash = *envelope.tx_hash();
        let unsigned = envelope.as_eip1559()?.tx().clone();
        Some((Self { hash, nonce: unsigned.nonce, raw: raw.clone(), unsigned }, from))
    }

    /// The chain it is for.
    pub fn chain_id(&self) -> u64 {
        self.unsigned.chain_id
    }

    /// The most it can cost: its gas limit times its highest fee.
    pub fn most_wei(&self) -> U256 {
        most_wei(&self.unsigned)
    }
}

/// Why a transaction was not signed or not sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BroadcastError {
    /// Nonce, gas or fees were not learnt.
    #[error("could not learn the {what} for a transaction of {from}")]
    Unprepared {
        /// What was not learnt.
        what: &'static str,
        /// The sender.
        from: Address,
        /// Who said what.
        #[source]
        source: ChainError,
    },
    /// Enough endpoints say that it would revert now.
    #[error("the transaction to {to} would revert: {}", super::decode_revert(data, &[]))]
    WouldRevert {
        /// The called contract.
        to: Address,
        /// The revert data.
        data: Bytes,
    },
    /// It may cost more than is allowed.
    #[error("it takes {needed} to be mined now, and {left} may still be spent")]
    TooDear {
        /// The least that gets it mined, or that outbids the one before.
        needed: Wei,
        /// What may be spent.
        left: Wei,
    },
    /// The key could not sign.
    #[error("the gas key of {from} could not sign")]
    Unsigned {
        /// The sender.
        from: Address,
        /// Why not.
        #[source]
        source: std::sync::Arc<alloy::signers::Error>,
    },
    /// No endpoint accepted it. It may be known to one of them all the same.
    #[error("no endpoint accepted transaction {hash} ({})", in_words(said))]
    NotAccepted {
        /// The transaction.
        hash: TxHash,
        /// Who said what.
        said: Vec<Statement>,
    },
}

impl BroadcastError {
    /// When the same may be tried again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unprepared { source, .. } => source.retry(),
            Self::WouldRevert { .. } | Self::Unsigned { .. } | Self::TooDear { .. } => Retry::Never,
            Self::NotAccepted { .. } => Retry::AskFirst,
        }
    }
}

fn in_words(said: &[Statement]) -> String {
    said.iter().map(|s| format!("{}: {}", s.endpoint, s.said)).collect::<Vec<_>>().join("; ")
}

impl Chain {
    /// Signs and sends: [`Chain::sign`], then [`Chain::send`].
    ///
    /// # Errors
    /// As those two.
    pub async fn broadcast(
        &self,
        signer: &GasKey,
        draft: &TransactionDraft,
    ) -> Result<TxHash, BroadcastError> {
        let signed = self.sign(signer, draft).await?;
        self.send(&signed).await?;
        Ok(signed.hash)
    }

    /// Asks every endpoint for nonce, gas and fees, and signs an EIP-1559 transaction.
    ///
    /// # Errors
    /// When fewer than `agree` endpoints answer, or when that many say that it would revert.
    pub async fn sign(
        &self,
        signer: &GasKey,
        draft: &TransactionDraft,
    ) -> Result<SignedTransaction, BroadcastError> {
        self.sign_within(signer, draft, Wei(U256::MAX)).await
    }

    /// The same for `most` at most: bids less if it must, and nothing below what gets into the next block.
    ///
    /// # Errors
    /// As [`Chain::sign`]; and when `most` is too little.
    pub async fn sign_within(
        &self,
        signer: &GasKey,
        draft: &TransactionDraft,
        most: Wei,
    ) -> Result<SignedTransaction, BroadcastError> {
        let transaction = self.draw_up(signer.address(), draft).await?;
        let tip = transaction.max_priority_fee_per_gas;
        // The highest fee is twice the base fee and the tip: with the base fee alone it just gets in now.
        let least = transaction.max_fee_per_gas.saturating_sub(tip) / 2 + tip;
        seal(signer, capped(transaction, least, most)?).await
    }

    /// Signs a transaction that takes the place of one which waits too long: the same call at the same nonce,
    /// for a quarter more, or for what the moment asks if that is more. Either of the two may be mined.
    ///
    /// # Errors
    /// As [`Chain::sign`]; that it would revert may mean that the first one is mined.
    pub async fn outbid(
        &self,
        signer: &GasKey,
        waiting: &SignedTransaction,
    ) -> Result<SignedTransaction, BroadcastError> {
        self.outbid_within(signer, waiting, Wei(U256::MAX)).await
    }

    /// The same for `most` at most: at least an eighth more than what waits, or nothing.
    ///
    /// # Errors
    /// As [`Chain::outbid`]; and when `most` is too little.
    pub async fn outbid_within(
        &self,
        signer: &GasKey,
        waiting: &SignedTransaction,
        most: Wei,
    ) -> Result<SignedTransaction, BroadcastError> {
        let old = &waiting.unsigned;
        let to = old.to.to().copied().unwrap_or_default();
        let draft = TransactionDraft { to, data: old.input.clone(), gas_hint: None };
        let new = self.draw_up(signer.address(), &draft).await?;
        // Nodes take a successor that offers a tenth more on both fees.
        let more = |old: u128, new: u128| new.max(old.saturating_add(old / 4)).min(FEE_CAP_WEI);
        let transaction = TxEip1559 {
            nonce: old.nonce,
            max_fee_per_gas: more(old.max_fee_per_gas, new.max_fee_per_gas),
            max_priority_fee_per_gas: more(old.max_priority_fee_per_gas, new.max_priority_fee_per_gas),
            ..new
        };
        // The tip must rise by as much, and is a part of the fee.
        let tip = transaction.max_priority_fee_per_gas;
        let least = (old.max_fee_per_gas + old.max_fee_per_gas.div_ceil(REPLACEMENT_PART)).max(tip);
        seal(signer, capped(transaction, least, most)?).await
    }

    async fn draw_up(&self, from: Address, draft: &TransactionDraft) -> Result<TxEip1559, BroadcastError> {
        let asks = self.each(|endpoint| terms(endpoint, from, draft));
        let votes = hear(asks, |votes| Patience::with_grace(answers_in(votes) >= self.agree, GRACE)).await;
        let unprepared = |what| BroadcastError::Unprepared {
            what,
            from,
            source: self.no_quorum(&votes, "preparing a transaction", |_: &Terms| "answered".to_owned()),
        };
        let answers = || votes.iter().filter_map(Vote::answer);
        let nonce = reached_by(answers().map(|t| t.nonce), self.agree).ok_or_else(|| unprepared("nonce"))?;
        let base_fee =
            reached_by(answers().map(|t| t.base_fee_wei), self.agree).ok_or_else(|| unprepared("fee"))?;
        let tip = reached_by(answers().map(|t| t.tip_wei), self.agree).ok_or_else(|| unprepared("fee"))?;
        let gas_limit = self.gas_limit(&votes, draft)?.ok_or_else(|| unprepared("gas"))?;
        // Twice the base fee outlasts six full blocks in a row, each of which raises it by an eighth.
        let tip = tip.clamp(TIP_FLOOR_WEI, FEE_CAP_WEI);
        let max_fee = base_fee.saturating_mul(2).saturating_add(tip).min(FEE_CAP_WEI);
        Ok(TxEip1559 {
            chain_id: self.id.0,
            nonce,
            gas_limit,
            max_fee_per_gas: max_fee,
            max_priority_fee_per_gas: tip,
            to: TxKind::Call(draft.to),
            value: U256::ZERO,
            access_list: alloy::eips::eip2930::AccessList::default(),
            input: draft.data.clone(),
        })
    }

    /// Sends the same bytes to every endpoint; one acceptance is enough.
    ///
    /// # Errors
    /// When none accepts it; it may be under way all the same.
    pub async fn send(&self, transaction: &SignedTransaction) -> Result<(), BroadcastError> {
        let asks = self.each(|endpoint| send_to(endpoint, &transaction.raw));
        let votes = hear(asks, |votes| Patience::with_grace(answers_in(votes) > 0, GRACE)).await;
        if answers_in(&votes) > 0 {
            return Ok(());
        }
        let said = votes.iter().map(|vote| vote.statement(|()| "accepted".to_owned())).collect();
        Err(BroadcastError::NotAccepted { hash: transaction.hash, said })
    }

    /// The estimate that enough endpoints reach, or the hint with its margin, whichever is more.
    fn gas_limit(
        &self,
        votes: &[Vote<Terms>],
        draft: &TransactionDraft,
    ) -> Result<Option<u64>, BroadcastError> {
        let estimates = || votes.iter().filter_map(Vote::answer).map(|terms| &terms.gas);
        let reverts: Vec<_> = estimates()
            .filter_map(|gas| match gas {
                Err(RpcErrorKind::Reverted { data }) => Some(data),
                Ok(_) | Err(_) => None,
            })
            .collect();
        if let Some(data) = reverts.first().filter(|_| reverts.len() >= self.agree) {
            return Err(BroadcastError::WouldRevert { to: draft.to, data: (*data).clone() });
        }
        let estimate = reached_by(estimates().filter_map(|gas| gas.as_ref().ok().copied()), self.agree);
        let with_margin = |gas: u64| gas.saturating_add(gas / 2).saturating_add(GAS_MARGIN);
        Ok(estimate.max(draft.gas_hint).map(with_margin))
    }
}

fn most_wei(transaction: &TxEip1559) -> U256 {
    U256::from(transaction.gas_limit).saturating_mul(U256::from(transaction.max_fee_per_gas))
}

/// Lowers the highest fee to what may be spent, if that is not below `least`.
fn capped(transaction: TxEip1559, least: u128, most: Wei) -> Result<TxEip1559, BroadcastError> {
    if most_wei(&transaction) <= most.0 {
        return Ok(transaction);
    }
    let gas = U256::from(transaction.gas_limit.max(1));
    let affordable = u128::try_from(most.0 / gas).unwrap_or(u128::MAX);
    if affordable < least {
        return Err(BroadcastError::TooDear {
            needed: Wei(gas.saturating_mul(U256::from(least))),
            left: most,
        });
    }
    Ok(TxEip1559 { max_fee_per_gas: affordable, ..transaction })
}

async fn seal(signer: &GasKey, mut unsigned: TxEip1559) -> Result<SignedTransaction, BroadcastError> {
    let signature = signer
        .sign_transaction(&mut unsigned)
        .await
        .map_err(|source| BroadcastError::Unsigned { from: signer.address(), source: source.into() })?;
    let envelope = TxEnvelope::from(unsigned.clone().into_signed(signature));
    let (hash, nonce) = (*envelope.tx_hash(), unsigned.nonce);
    Ok(SignedTransaction { hash, nonce, raw: envelope.encoded_2718().into(), unsigned })
}

async fn send_to(endpoint: &Endpoint, raw: &Bytes) -> Result<(), RpcError> {
    match endpoint.ask::<TxHash>("sending a transaction", "eth_sendRawTransaction", json!([raw])).await {
        Ok(_hash) => Ok(()),
        Err(error) if is_known_already(&error.kind) => Ok(()),
        Err(error) => Err(error),
    }
}

/// JSON-RPC has no code for it, only each client's words: geth and reth "already known", Nethermind
/// "AlreadyKnown", Besu "Known transaction", Erigon "already known", anvil "transaction already imported".
fn is_known_already(kind: &RpcErrorKind) -> bool {
    match kind {
        RpcErrorKind::Refused { message, .. } => {
            let message = message.to_lowercase().replace(' ', "");
            ["alreadyknown", "knowntransaction", "alreadyimported"]
                .iter()
                .any(|words| message.contains(words))
        }
        RpcErrorKind::Unreachable
        | RpcErrorKind::Timeout
        | RpcErrorKind::Reverted { .. }
        | RpcErrorKind::Unsupported
        | RpcErrorKind::Garbled { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use alloy::signers::local::PrivateKeySigner;

    use super::*;

    #[test]
    fn a_fee_is_lowered_to_what_may_be_spent_and_not_below_what_is_worth_it() {
        let bid = TxEip1559 { gas_limit: 100, max_fee_per_gas: 50, ..TxEip1559::default() };
        let cap = |least: u128, most: u64| capped(bid.clone(), least, Wei(U256::from(most)));
        assert_eq!(cap(30, 5_000).unwrap().max_fee_per_gas, 50);
        assert_eq!(cap(30, 4_999).unwrap().max_fee_per_gas, 49);
        assert_eq!(cap(30, 3_000).unwrap().max_fee_per_gas, 30);
        let refused = cap(30, 2_999).unwrap_err();
        insta::assert_snapshot!(refused, @"it takes 0.000000000000003 ether to be mined now, and 0.000000000000002999 ether may still be spent");
    }

    #[tokio::test]
    async fn a_kept_transaction_is_read_as_it_was_signed() {
        let signer = PrivateKeySigner::random();
        let unsigned = TxEip1559 { chain_id: 31_337, nonce: 7, gas_limit: 21_000, ..TxEip1559::default() };
        let signed = seal(&signer, unsigned).await.unwrap();
        assert_eq!(SignedTransaction::read(&signed.raw), Some((signed.clone(), signer.address())));
        let longer: Bytes = [signed.raw.as_ref(), &[0]].concat().into();
        for garbage in [Bytes::new(), longer, signed.raw.slice(1..)] {
            assert_eq!(SignedTransaction::read(&garbage), None);
        }
    }

    #[test]
    fn the_same_transaction_twice_is_accepted_in_every_dialect() {
        let refused = |message: &str| RpcErrorKind::Refused { code: -32000, message: message.to_owned() };
        for words in ["already known", "AlreadyKnown", "Known transaction", "transaction already imported"] {
            assert!(is_known_already(&refused(words)), "{words}");
        }
        assert!(!is_known_already(&refused("nonce too low")));
        assert!(!is_known_already(&RpcErrorKind::Timeout));
    }
}
