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
use alloy::primitives::{Address, Bytes, TxHash, TxKind, U64, U128, U256};
use alloy::signers::Signer;
use alloy::signers::local::PrivateKeySigner;
use serde::Deserialize;
use serde_json::json;

use super::Chain;
use super::endpoint::{Endpoint, Question};
use super::error::{ChainError, Retry, RpcError, RpcErrorKind, Statement};
use super::quorum::{Patience, Vote, answers_in, hear, reached_by};

/// The least tip, in wei for each gas: what got into the next mainnet block in quiet and in busy hours.
const TIP_FLOOR_WEI: u128 = 1_000_000_000;

/// The most that is offered for each gas, in wei. Far above every fee spike on record; it bounds what a
/// quorum of wrong endpoints could make the gas key burn.
const FEE_CAP_WEI: u128 = 10_000_000_000_000;

/// Gas added to what a simulation used: half as much again, and a little for very small calls.
const GAS_MARGIN: u64 = 50_000;

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
            Self::WouldRevert { .. } | Self::Unsigned { .. } => Retry::Never,
            Self::NotAccepted { .. } => Retry::AskFirst,
        }
    }
}

fn in_words(said: &[Statement]) -> String {
    said.iter().map(|s| format!("{}: {}", s.endpoint, s.said)).collect::<Vec<_>>().join("; ")
}

/// What one endpoint says about the account and the fees of the moment.
#[derive(Clone, Debug)]
struct Terms {
    nonce: u64,
    base_fee_wei: u128,
    tip_wei: u128,
    gas: Result<u64, RpcErrorKind>,
}

impl Chain {
    /// Signs and sends: [`Chain::sign`], then [`Chain::send`].
    ///
    /// # Errors
    /// As those two.
    pub async fn broadcast(
        &self,
        signer: &PrivateKeySigner,
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
        signer: &PrivateKeySigner,
        draft: &TransactionDraft,
    ) -> Result<SignedTransaction, BroadcastError> {
        let transaction = self.draw_up(signer.address(), draft).await?;
        seal(signer, transaction).await
    }

    /// Signs a transaction that takes the place of one which waits too long: the same call at the same nonce,
    /// for a quarter more, or for what the moment asks if that is more. Either of the two may be mined.
    ///
    /// # Errors
    /// As [`Chain::sign`]; that it would revert may mean that the first one is mined.
    pub async fn outbid(
        &self,
        signer: &PrivateKeySigner,
        waiting: &SignedTransaction,
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
        seal(signer, transaction).await
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

async fn seal(signer: &PrivateKeySigner, unsigned: TxEip1559) -> Result<SignedTransaction, BroadcastError> {
    let signature = signer
        .sign_hash(&unsigned.signature_hash())
        .await
        .map_err(|source| BroadcastError::Unsigned { from: signer.address(), source: source.into() })?;
    let envelope = TxEnvelope::from(unsigned.clone().into_signed(signature));
    let (hash, nonce) = (*envelope.tx_hash(), unsigned.nonce);
    Ok(SignedTransaction { hash, nonce, raw: envelope.encoded_2718().into(), unsigned })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeeHeader {
    base_fee_per_gas: Option<U128>,
}

async fn terms(endpoint: &Endpoint, from: Address, draft: &TransactionDraft) -> Result<Terms, RpcError> {
    let doing = "preparing a transaction";
    let call = json!({ "from": from, "to": draft.to, "data": draft.data });
    let questions: [Question; 4] = [
        ("eth_getTransactionCount".into(), json!([from, "pending"])),
        ("eth_getBlockByNumber".into(), json!(["latest", false])),
        ("eth_maxPriorityFeePerGas".into(), json!([])),
        // Without a block some nodes estimate on what waits, where a transaction to outbid is done already.
        ("eth_estimateGas".into(), json!([call, "latest"])),
    ];
    let mut answers = endpoint.ask_batch(doing, &questions).await?.into_iter();
    let mut next = || {
        answers.next().unwrap_or_else(|| Err(RpcError::garbled(endpoint.label(), doing, "too few answers")))
    };
    let nonce: U64 = endpoint.parse(doing, &next()?)?;
    let header: FeeHeader = endpoint.parse(doing, &next()?)?;
    // Not every node knows the method; the floor holds then.
    let tip = next().and_then(|raw| endpoint.parse::<U128>(doing, &raw)).unwrap_or_default();
    let gas = next().and_then(|raw| endpoint.parse::<U64>(doing, &raw)).map_err(|error| error.kind);
    Ok(Terms {
        nonce: nonce.to(),
        base_fee_wei: header.base_fee_per_gas.unwrap_or_default().to(),
        tip_wei: tip.to(),
        gas: gas.map(|gas| gas.to()),
    })
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
    use super::*;

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
