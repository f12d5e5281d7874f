//! The queue of a Safe, read whole or as far as the bound: with what could not be read, and what was cut.
//!
//! A row that is not a transaction must not hide the others, nor be hidden by them: it is kept with the
//! reason. After one whole reading, [`ServiceClient::queue_changes`] asks only for what changed since.

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Garbling;
use super::{PAGE_ROWS, ServiceClient, ServiceError, garbled, parse, query_of, same};
use crate::domain::safe::{SafeAddress, SafeNonce};
use crate::safe_service::wire::{MultisigTransaction, Page};

/// Characters of the reason why a row could not be read.
const REASON_CHARS_MAX: usize = 200;

/// Pages read at once where a list may be cut.
pub const READING_PAGES_MAX: usize = 5;

/// What one reading of a queue found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueReading {
    /// The transactions, in the order asked for.
    pub items: Vec<MultisigTransaction>,
    /// Rows that are no transaction as we know them.
    pub unreadable: Vec<UnreadableRow>,
    /// Pages that were read.
    pub pages: usize,
    /// How many rows the service says there are, where not all were read.
    pub cut_of: Option<u64>,
}

/// A row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRow {
    /// What it says its hash is; the service's text, not escaped.
    pub said_hash: Option<String>,
    /// Why it could not be read.
    pub because: String,
}

impl QueueReading {
    /// The newest change that was seen: where the next incremental reading begins.
    pub fn newest_change(&self) -> Option<Timestamp> {
        self.items.iter().map(|item| item.modified).max()
    }

    /// This reading with what changed since. What was executed leaves; what was deleted cannot be seen here
    /// and stays until the next whole reading.
    pub fn merge(&mut self, changes: Self) {
        self.unreadable.extend(changes.unreadable);
        for change in changes.items {
            self.items.retain(|item| item.safe_tx_hash != change.safe_tx_hash);
            if !change.is_executed {
                self.items.push(change);
            }
        }
        self.items.sort_by_key(|item| item.tx.nonce);
        self.cut_of = self.cut_of.or(changes.cut_of);
    }
}

impl ServiceClient {
    /// Everything queued from a nonce on, unsigned proposals included, up to [`READING_PAGES_MAX`] pages of
    /// 200. Ask with the Safe's nonce on chain.
    ///
    /// # Errors
    /// When the service does not answer, or answers with another Safe's transactions.
    pub async fn queue_reading(
        &self,
        safe: SafeAddress,
        from_nonce: SafeNonce,
    ) -> Result<QueueReading, ServiceError> {
        let doing = format!("read the queue of Safe {safe} from nonce {from_nonce}");
        let query =
            format!("executed=false&nonce__gte={from_nonce}&ordering=nonce&trusted=false&limit={PAGE_ROWS}");
        self.reading(&doing, safe, query, READING_PAGES_MAX).await
    }

    /// What the service still shows below a nonce and never saw executed: displaced, dead. The newest page.
    ///
    /// # Errors
    /// As [`queue_reading`](Self::queue_reading).
    pub async fn dead_queue(
        &self,
        safe: SafeAddress,
        below_nonce: SafeNonce,
    ) -> Result<QueueReading, ServiceError> {
        let doing = format!("read what is dead in the queue of Safe {safe} below nonce {below_nonce}");
        let query =
            format!("executed=false&nonce__lt={below_nonce}&ordering=-nonce&trusted=false&limit={PAGE_ROWS}");
        self.reading(&doing, safe, query, 1).await
    }

    /// What changed since an instant, from a nonce on, executed or not: one request where a whole reading is
    /// several. It does not see what was deleted.
    ///
    /// # Errors
    /// As [`queue_reading`](Self::queue_reading).
    pub async fn queue_changes(
        &self,
        safe: SafeAddress,
        from_nonce: SafeNonce,
        since: Timestamp,
    ) -> Result<QueueReading, ServiceError> {
        let doing = format!("read what changed in the queue of Safe {safe} since {since}");
        let query = format!(
            "nonce__gte={from_nonce}&modified__gt={since}&ordering=modified&trusted=false&limit={PAGE_ROWS}"
        );
        self.reading(&doing, safe, query, READING_PAGES_MAX).await
    }

    async fn reading(
        &self,
        doing: &str,
        safe: SafeAddress,
        first_query: String,
        pages_max: usize,
    ) -> Result<QueueReading, ServiceError> {
        let path = format!("/api/v2/safes/{safe}/multisig-transactions/");
        let mut reading = QueueReading::default();
        let mut query = first_query;
        while reading.pages < pages_max {
            let answer = self.read(doing, &format!("{path}?{query}")).await?;
            let page: Page<Value> = parse(doing, &answer)?;
            reading.pages += 1;
            for row in page.results {
                match serde_json::from_value::<MultisigTransaction>(row.clone()) {
                    Ok(item) => {
                        same(doing, "Safe", &item.safe, &safe)?;
                        reading.items.push(item);
                    }
                    Err(error) => reading.unreadable.push(UnreadableRow {
                        said_hash: row.get("safeTxHash").and_then(Value::as_str).map(short),
                        because: short(&error.to_string()),
                    }),
                }
            }
            let Some(next) = page.next else {
                reading.cut_of = None;
                return Ok(reading);
            };
            let next = query_of(doing, &next)?;
            if next == query {
                let text = "a page of the list names itself as the next one".to_owned();
                return Err(garbled(doing, Garbling::Unexpected(text)));
            }
            query = next;
            reading.cut_of = Some(page.count);
        }
        Ok(reading)
    }
}

fn short(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}
