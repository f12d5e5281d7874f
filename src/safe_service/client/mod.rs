//! A client of the Safe Transaction Service, hosted, self-hosted or embedded.
//!
//! Every call says what it was doing when it failed, and every failure says what the caller may do next:
//! try later, never, or *ask first*, because the answer was lost and the service may have acted. A write
//! is repeated here only where the service cannot have acted or where repeating changes nothing. A body
//! that is cut, too large or not what was asked for is an error, never an empty list.
//!
//! It does not judge proposals or signatures: see [`super::wire`] for what must be checked on reading.

mod delegates;
mod failure;
mod queue;
mod quota;
mod read_back;
mod refusal;
mod transport;

use std::time::Duration;

use alloy::primitives::{Address, Bytes};
use reqwest::Method;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

pub use delegates::{DELEGATORS_ASKED_MAX, DelegateRemoval, Delegations, NewDelegate, Removed};
pub use failure::{Garbling, NewClientError, Next, RateLimit, ServiceError, ServiceFailure, Unreachable};
pub use queue::{QueueReading, READING_PAGES_MAX, UnreadableRow};
pub use quota::{Heard, Quota, Standing, span};
pub use read_back::{DeliverError, Difference, ReadBack, compare};
pub use refusal::FieldProblem;
pub use transport::Patience;

use super::wire::{About, MultisigTransaction, Page, SafeInfo};
use crate::clock::SharedClock;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeTx, SafeTxHash};
use transport::{Answer, Transport};

/// Rows asked for at once; the service's own maximum.
const PAGE_ROWS: usize = 200;

/// Pages followed in one list: beyond, the queue is a flood and is refused, not cut.
pub const PAGES_MAX: usize = 20;

/// What is put before the owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The transaction.
    pub tx: SafeTx,
    /// Its hash, computed here.
    pub hash: SafeTxHash,
    /// The owner or delegate who proposes.
    pub sender: Address,
    /// The sender's signature of the hash.
    pub signature: Bytes,
    /// Free text, at most 200 characters.
    pub origin: Option<String>,
}

/// One Transaction Service.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    transport: Transport,
}

impl ServiceClient {
    /// A client of the service at `base_url`, with or without its `/api`; for the hosted one
    /// `https://api.safe.global/tx-service/eth`. One request, connection included, takes at most
    /// `timeout`.
    ///
    /// # Errors
    /// When the key cannot stand in a header, the address is not one of HTTP, or there is no TLS.
    pub fn new(
        base_url: &Url,
        api_key: Option<SecretString>,
        timeout: Duration,
    ) -> Result<Self, NewClientError> {
        Transport::new(base_url, api_key.as_ref(), timeout).map(|transport| Self { transport })
    }

    /// The same client with other patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { transport: self.transport.with_patience(patience) }
    }

    /// The same client by another clock: what it hears of the service is remembered with its time.
    #[must_use]
    pub fn with_clock(self, clock: SharedClock) -> Self {
        Self { transport: self.transport.with_clock(clock) }
    }

    /// What is remembered of the service's answers: its limits, its clock, when it last answered.
    pub fn heard(&self) -> Heard {
        self.transport.heard()
    }

    /// Whether it shows a key.
    pub fn has_key(&self) -> bool {
        self.transport.has_key()
    }

    /// Requests left before the service refuses, as it last said; `None` where it never said.
    pub fn remaining_quota(&self) -> Option<u64> {
        self.heard().quota.and_then(|quota| quota.remaining)
    }

    /// Which service this is.
    ///
    /// # Errors
    /// When it does not answer, or in another way.
    pub async fn about(&self) -> Result<About, ServiceError> {
        let doing = "ask the Transaction Service what it is".to_owned();
        let answer = self.read(&doing, "/api/v1/about/").await?;
        parse(&doing, &answer)
    }

    /// What the service reads about a Safe from its node; `None` when it knows no Safe there.
    ///
    /// # Errors
    /// When the service does not answer, or in another way.
    pub async fn safe(&self, safe: SafeAddress) -> Result<Option<SafeInfo>, ServiceError> {
        let doing = format!("read Safe {safe} from the Transaction Service");
        match self.read(&doing, &format!("/api/v1/safes/{safe}/")).await {
            Ok(answer) => {
                let info: SafeInfo = parse(&doing, &answer)?;
                same(&doing, "Safe", &info.address, &safe)?;
                Ok(Some(info))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a transaction before the owners. Repeating it changes nothing at the service.
    ///
    /// # Errors
    /// [`ServiceFailure::AnswerLost`] when the service may have taken it: ask [`transaction`](Self::transaction).
    pub async fn propose(&self, safe: SafeAddress, proposal: &Proposal) -> Result<(), ServiceError> {
        let Proposal { tx, hash, sender, signature, origin } = proposal;
        let doing = format!("propose {hash} to Safe {safe}");
        let body = json!({
            "to": tx.to.to_checksum(None),
            "value": tx.value.to_string(),
            "data": tx.data,
            "operation": tx.operation,
            "safeTxGas": tx.safe_tx_gas.to_string(),
            "baseGas": tx.base_gas.to_string(),
            "gasPrice": tx.gas_price.to_string(),
            "gasToken": tx.gas_token.to_checksum(None),
            "refundReceiver": tx.refund_receiver.to_checksum(None),
            "nonce": tx.nonce,
            "contractTransactionHash": hash,
            "sender": sender.to_checksum(None),
            "signature": signature,
            "origin": origin,
        });
        self.write(&doing, Method::POST, &format!("/api/v2/safes/{safe}/multisig-transactions/"), &body)
            .await?;
        Ok(())
    }

    /// Adds owners' signatures, packed. Repeating it changes nothing at the service.
    ///
    /// # Errors
    /// [`ServiceFailure::AnswerLost`] when the service may have taken it.
    pub async fn confirm(&self, hash: SafeTxHash, signature: &Bytes) -> Result<(), ServiceError> {
        let doing = format!("confirm {hash} at the Transaction Service");
        let path = format!("/api/v1/multisig-transactions/{hash}/confirmations/");
        self.write(&doing, Method::POST, &path, &json!({ "signature": signature })).await?;
        Ok(())
    }

    /// What the service knows of a transaction; `None` when nothing.
    ///
    /// # Errors
    /// When it does not answer, or with another transaction.
    pub async fn transaction(&self, hash: SafeTxHash) -> Result<Option<MultisigTransaction>, ServiceError> {
        let doing = format!("read {hash} from the Transaction Service");
        match self.read(&doing, &format!("/api/v2/multisig-transactions/{hash}/")).await {
            Ok(answer) => {
                let tx: MultisigTransaction = parse(&doing, &answer)?;
                same(&doing, "transaction", &tx.safe_tx_hash, &hash)?;
                Ok(Some(tx))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Everything queued from a nonce on, in order of nonce, unsigned proposals included. Ask with the
    /// Safe's nonce on chain: what is below is dead, though the service keeps it.
    ///
    /// # Errors
    /// When the service does not answer, or there are more than [`PAGES_MAX`] pages.
    pub async fn queue(
        &self,
        safe: SafeAddress,
        from_nonce: SafeNonce,
    ) -> Result<Vec<MultisigTransaction>, ServiceError> {
        let doing = format!("read the queue of Safe {safe} from nonce {from_nonce}");
        let path = format!("/api/v2/safes/{safe}/multisig-transactions/");
        let query =
            format!("executed=false&nonce__gte={from_nonce}&ordering=nonce&trusted=false&limit={PAGE_ROWS}");
        let queue: Vec<MultisigTransaction> = self.pages(&doing, &path, query).await?;
        for queued in &queue {
            same(&doing, "Safe", &queued.safe, &safe)?;
        }
        Ok(queue)
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        doing: &str,
        path: &str,
        first_query: String,
    ) -> Result<Vec<T>, ServiceError> {
        let mut rows = Vec::new();
        let mut query = first_query;
        for _ in 0..PAGES_MAX {
            let answer = self.read(doing, &format!("{path}?{query}")).await?;
            let page: Page<T> = parse(doing, &answer)?;
            rows.extend(page.results);
            match page.next {
                None => return Ok(rows),
                Some(next) => query = query_of(doing, &next)?,
            }
        }
        Err(garbled(doing, Garbling::TooManyPages { pages_max: PAGES_MAX }))
    }

    async fn read(&self, doing: &str, path_and_query: &str) -> Result<Answer, ServiceError> {
        self.transport.ask(doing, Method::GET, path_and_query, None).await
    }

    async fn write(
        &self,
        doing: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Answer, ServiceError> {
        self.transport.ask(doing, method, path, Some(body)).await
    }
}

/// Only the query of `next` is followed: behind a gateway its host is the service's inner one, and the
/// key must not follow wherever an answer points.
fn query_of(doing: &str, next: &str) -> Result<String, ServiceError> {
    match next.split_once('?') {
        Some((_, query)) if !query.is_empty() => Ok(query.to_owned()),
        Some(_) | None => {
            Err(garbled(doing, Garbling::Unexpected("the next page's address has no query".into())))
        }
    }
}

fn parse<T: DeserializeOwned>(doing: &str, answer: &Answer) -> Result<T, ServiceError> {
    serde_json::from_slice(&answer.body).map_err(|cause| garbled(doing, Garbling::NotAsExpected(cause)))
}

fn same<T: PartialEq + std::fmt::Display>(
    doing: &str,
    what: &str,
    found: &T,
    asked: &T,
) -> Result<(), ServiceError> {
    if found == asked {
        return Ok(());
    }
    let text = format!("it answered with {what} {found}, asked for {asked}");
    Err(garbled(doing, Garbling::Unexpected(text)))
}

fn garbled(doing: &str, garbling: Garbling) -> ServiceError {
    // Answers of writes are not looked into: what cannot be used here was read.
    ServiceError { doing: doing.to_owned(), writes: false, failure: ServiceFailure::Garbled(garbling) }
}

#[cfg(test)]
mod misbehaviour;
#[cfg(test)]
mod rejections;
#[cfg(test)]
pub(crate) mod stub;
#[cfg(test)]
mod tests;
