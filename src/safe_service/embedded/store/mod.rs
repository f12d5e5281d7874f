//! The tables of `migrations/0002_safe_service.sql` and `0003_safe_messages.sql`. One SQL text for SQLite
//! and Postgres.

mod delegates;
mod messages;

use std::str::FromStr;

pub(super) use delegates::{DelegateFilter, StoredDelegate};
pub(super) use messages::StoredMessage;

use alloy::primitives::{Address, Bytes};
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};

use super::chain_view::Execution;
use super::refusal::Refusal;
use crate::domain::names::ChainId;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeTx, SafeTxHash, SignatureKind};

/// Transactions of one Safe that are looked at in one request.
pub(super) const ROWS_MAX: i64 = 5_000;

/// Digits of a stored nonce.
const NONCE_DIGITS: usize = 78;

/// Microseconds since 1970.
pub(super) type Micros = i64;

#[derive(Clone, Debug)]
pub(super) struct Store {
    pool: AnyPool,
    chain: String,
}

/// A stored transaction.
#[derive(Clone, Debug)]
pub(super) struct StoredTx {
    pub(super) hash: SafeTxHash,
    pub(super) safe: SafeAddress,
    pub(super) tx: SafeTx,
    pub(super) proposer: Address,
    pub(super) delegate: Option<Address>,
    pub(super) origin: String,
    pub(super) trusted: bool,
    pub(super) submitted_at: Micros,
    pub(super) modified_at: Micros,
    /// Known here only once it cannot be undone.
    pub(super) executed: Option<Execution>,
}

/// A stored approval of an owner.
#[derive(Clone, Debug)]
pub(super) struct StoredConfirmation {
    pub(super) owner: Address,
    pub(super) signature: Bytes,
    pub(super) kind: SignatureKind,
    pub(super) submitted_at: Micros,
}

const SELECT_TX: &str = "SELECT safe_tx_hash, safe, body, proposer, delegate, origin, trusted, submitted_at, \
     modified_at, executed_in, executed_success, executed_block, executed_at FROM sts_transaction \
     WHERE chain_id = $1 AND safe_tx_hash = $2";

const SELECT_QUEUE: &str = "SELECT safe_tx_hash, safe, body, proposer, delegate, origin, trusted, submitted_at, \
     modified_at, executed_in, executed_success, executed_block, executed_at FROM sts_transaction \
     WHERE chain_id = $1 AND safe = $2 AND nonce >= $3 AND nonce <= $4 \
     ORDER BY nonce DESC, submitted_at DESC, safe_tx_hash LIMIT $5";

impl Store {
    pub(super) fn new(pool: AnyPool, chain: ChainId) -> Self {
        Self { pool, chain: chain.to_string() }
    }

    pub(super) async fn transaction(&self, hash: SafeTxHash) -> Result<Option<StoredTx>, Refusal> {
        let row = sqlx::query(SELECT_TX)
            .bind(self.chain.clone())
            .bind(hash.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(transaction_of).transpose()
    }

    /// A Safe's transactions within a range of nonces, the highest nonce first.
    pub(super) async fn transactions(
        &self,
        safe: SafeAddress,
        from: SafeNonce,
        to: SafeNonce,
    ) -> Result<Vec<StoredTx>, Refusal> {
        let rows = sqlx::query(SELECT_QUEUE)
            .bind(self.chain.clone())
            .bind(safe.to_string())
            .bind(digits(from))
            .bind(digits(to))
            .bind(ROWS_MAX + 1)
            .fetch_all(&self.pool)
            .await?;
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) > ROWS_MAX {
            return Err(Refusal::Unavailable(format!(
                "More than {ROWS_MAX} transactions of this Safe match; narrow the question with nonce__gte."
            )));
        }
        rows.iter().map(transaction_of).collect()
    }

    /// Safes that something is stored of, at most `limit`.
    pub(super) async fn safes(&self, limit: i64) -> Result<Vec<SafeAddress>, Refusal> {
        let rows = sqlx::query(
            "SELECT safe FROM sts_transaction WHERE chain_id = $1 AND trusted = 1 \
             UNION SELECT safe FROM sts_message WHERE chain_id = $1 ORDER BY safe LIMIT $2",
        )
        .bind(self.chain.clone())
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(SafeAddress(read(row, "safe")?))).collect()
    }

    /// How many different nonces the Safe's trusted transactions have.
    pub(super) async fn unique_nonces(&self, safe: SafeAddress) -> Result<i64, Refusal> {
        let row = sqlx::query(
            "SELECT COUNT(DISTINCT nonce) AS n FROM sts_transaction WHERE chain_id = $1 AND safe = $2 AND trusted = 1",
        )
        .bind(self.chain.clone())
        .bind(safe.to_string())
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get::<i64, _>("n")?)
    }

    /// How many proposals of a Safe nobody entitled has signed, after those older than `before` are gone.
    pub(super) async fn untrusted_left(&self, safe: SafeAddress, before: Micros) -> Result<i64, Refusal> {
        sqlx::query(
            "DELETE FROM sts_transaction WHERE chain_id = $1 AND safe = $2 AND trusted = 0 AND submitted_at < $3",
        )
        .bind(self.chain.clone())
        .bind(safe.to_string())
        .bind(before)
        .execute(&self.pool)
        .await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM sts_transaction WHERE chain_id = $1 AND safe = $2 AND trusted = 0",
        )
        .bind(self.chain.clone())
        .bind(safe.to_string())
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get::<i64, _>("n")?)
    }

    /// Keeps a proposal and its confirmations. One that is there already stays as it is, except that an
    /// untrusted one becomes trusted and takes the newer origin. All or nothing.
    pub(super) async fn propose(
        &self,
        tx: &StoredTx,
        confirmations: &[StoredConfirmation],
    ) -> Result<(), Refusal> {
        let body =
            serde_json::to_string(&tx.tx).map_err(|_| Refusal::Corrupt("a transaction to be stored"))?;
        let mut unit = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO sts_transaction (chain_id, safe_tx_hash, safe, nonce, body, proposer, delegate, origin, \
             trusted, submitted_at, modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (chain_id, safe_tx_hash) DO UPDATE SET origin = excluded.origin, trusted = 1, \
             modified_at = excluded.modified_at WHERE sts_transaction.trusted = 0 AND excluded.trusted = 1",
        )
        .bind(self.chain.clone())
        .bind(tx.hash.to_string())
        .bind(tx.safe.to_string())
        .bind(digits(tx.tx.nonce))
        .bind(body)
        .bind(tx.proposer.to_checksum(None))
        .bind(tx.delegate.map(|delegate| delegate.to_checksum(None)))
        .bind(tx.origin.clone())
        .bind(i64::from(tx.trusted))
        .bind(tx.submitted_at)
        .bind(tx.modified_at)
        .execute(&mut *unit)
        .await?;
        self.insert_confirmations(&mut unit, tx.hash, confirmations).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Keeps confirmations; of each owner the first stays. The proposal becomes trusted.
    pub(super) async fn confirm(
        &self,
        hash: SafeTxHash,
        confirmations: &[StoredConfirmation],
    ) -> Result<(), Refusal> {
        let mut unit = self.pool.begin().await?;
        self.insert_confirmations(&mut unit, hash, confirmations).await?;
        sqlx::query("UPDATE sts_transaction SET trusted = 1 WHERE chain_id = $1 AND safe_tx_hash = $2")
            .bind(self.chain.clone())
            .bind(hash.to_string())
            .execute(&mut *unit)
            .await?;
        unit.commit().await?;
        Ok(())
    }

    async fn insert_confirmations(
        &self,
        unit: &mut sqlx::Transaction<'_, sqlx::Any>,
        hash: SafeTxHash,
        confirmations: &[StoredConfirmation],
    ) -> Result<(), Refusal> {
        for confirmation in confirmations {
            let done = sqlx::query(
                "INSERT INTO sts_confirmation (chain_id, safe_tx_hash, owner, signature, kind, submitted_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain_id, safe_tx_hash, owner) DO NOTHING",
            )
            .bind(self.chain.clone())
            .bind(hash.to_string())
            .bind(confirmation.owner.to_checksum(None))
            .bind(confirmation.signature.to_string())
            .bind(confirmation.kind.as_str())
            .bind(confirmation.submitted_at)
            .execute(&mut **unit)
            .await?;
            if done.rows_affected() > 0 {
                sqlx::query(
                    "UPDATE sts_transaction SET modified_at = $3 WHERE chain_id = $1 AND safe_tx_hash = $2",
                )
                .bind(self.chain.clone())
                .bind(hash.to_string())
                .bind(confirmation.submitted_at)
                .execute(&mut **unit)
                .await?;
            }
        }
        Ok(())
    }

    pub(super) async fn confirmations(&self, hash: SafeTxHash) -> Result<Vec<StoredConfirmation>, Refusal> {
        let rows = sqlx::query(
            "SELECT owner, signature, kind, submitted_at FROM sts_confirmation \
             WHERE chain_id = $1 AND safe_tx_hash = $2 ORDER BY submitted_at, owner",
        )
        .bind(self.chain.clone())
        .bind(hash.to_string())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(confirmation_of).collect()
    }

    /// Remembers an execution that can no longer be undone.
    pub(super) async fn settle(&self, hash: SafeTxHash, execution: &Execution) -> Result<(), Refusal> {
        sqlx::query(
            "UPDATE sts_transaction SET executed_in = $3, executed_success = $4, executed_block = $5, \
             executed_at = $6 WHERE chain_id = $1 AND safe_tx_hash = $2",
        )
        .bind(self.chain.clone())
        .bind(hash.to_string())
        .bind(execution.tx_hash.to_string())
        .bind(i64::from(execution.success))
        .bind(i64::try_from(execution.block).unwrap_or(i64::MAX))
        .bind(execution.at_s.and_then(|at_s| i64::try_from(at_s).ok()))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub(super) async fn erase(&self, hash: SafeTxHash) -> Result<(), Refusal> {
        let mut unit = self.pool.begin().await?;
        for statement in [
            "DELETE FROM sts_confirmation WHERE chain_id = $1 AND safe_tx_hash = $2",
            "DELETE FROM sts_transaction WHERE chain_id = $1 AND safe_tx_hash = $2",
        ] {
            sqlx::query(statement)
                .bind(self.chain.clone())
                .bind(hash.to_string())
                .execute(&mut *unit)
                .await?;
        }
        unit.commit().await?;
        Ok(())
    }
}

fn digits(nonce: SafeNonce) -> String {
    format!("{:0>NONCE_DIGITS$}", nonce.to_string())
}

fn read<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<T, Refusal> {
    row.try_get::<String, _>(column)?.parse().map_err(|_| Refusal::Corrupt(column))
}

fn read_optional<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<Option<T>, Refusal> {
    row.try_get::<Option<String>, _>(column)?
        .map(|text| text.parse().map_err(|_| Refusal::Corrupt(column)))
        .transpose()
}

fn transaction_of(row: &AnyRow) -> Result<StoredTx, Refusal> {
    let body: String = row.try_get("body")?;
    let executed = match read_optional(row, "executed_in")? {
        None => None,
        Some(tx_hash) => Some(Execution {
            tx_hash,
            success: row.try_get::<i64, _>("executed_success")? == 1,
            block: u64::try_from(row.try_get::<i64, _>("executed_block")?)
                .map_err(|_| Refusal::Corrupt("executed_block"))?,
            at_s: row.try_get::<Option<i64>, _>("executed_at")?.and_then(|at_s| u64::try_from(at_s).ok()),
        }),
    };
    Ok(StoredTx {
        hash: read(row, "safe_tx_hash")?,
        safe: SafeAddress(read(row, "safe")?),
        tx: serde_json::from_str(&body).map_err(|_| Refusal::Corrupt("body"))?,
        proposer: read(row, "proposer")?,
        delegate: read_optional(row, "delegate")?,
        origin: row.try_get("origin")?,
        trusted: row.try_get::<i64, _>("trusted")? == 1,
        submitted_at: row.try_get("submitted_at")?,
        modified_at: row.try_get("modified_at")?,
        executed,
    })
}

fn confirmation_of(row: &AnyRow) -> Result<StoredConfirmation, Refusal> {
    let kind: String = row.try_get("kind")?;
    Ok(StoredConfirmation {
        owner: read(row, "owner")?,
        signature: read(row, "signature")?,
        kind: serde_json::from_value(kind.into()).map_err(|_| Refusal::Corrupt("kind"))?,
        submitted_at: row.try_get("submitted_at")?,
    })
}
