//! Rows of messages and their confirmations.

use alloy::primitives::{Address, B256, Bytes};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Micros, ROWS_MAX, Store, StoredConfirmation, read};
use crate::domain::safe::SafeAddress;
use crate::safe_service::embedded::refusal::Refusal;

/// A stored message of a Safe.
#[derive(Clone, Debug)]
pub(in crate::safe_service::embedded) struct StoredMessage {
    /// What owners sign.
    pub(in crate::safe_service::embedded) hash: B256,
    pub(in crate::safe_service::embedded) safe: SafeAddress,
    /// A text, or EIP-712 typed data.
    pub(in crate::safe_service::embedded) message: Value,
    pub(in crate::safe_service::embedded) proposed_by: Address,
    pub(in crate::safe_service::embedded) safe_app_id: Option<i64>,
    pub(in crate::safe_service::embedded) origin: String,
    pub(in crate::safe_service::embedded) created_at: Micros,
    pub(in crate::safe_service::embedded) modified_at: Micros,
}

impl Store {
    pub(in crate::safe_service::embedded) async fn message(
        &self,
        hash: B256,
    ) -> Result<Option<StoredMessage>, Refusal> {
        let row = sqlx::query(
            "SELECT message_hash, safe, message, proposed_by, safe_app_id, origin, created_at, modified_at \
             FROM sts_message WHERE chain_id = $1 AND message_hash = $2",
        )
        .bind(self.chain.clone())
        .bind(hash.to_string())
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(message_of).transpose()
    }

    /// A Safe's messages, the oldest first. There are at most [`ROWS_MAX`]: more are not taken.
    pub(in crate::safe_service::embedded) async fn messages(
        &self,
        safe: SafeAddress,
    ) -> Result<Vec<StoredMessage>, Refusal> {
        let rows = sqlx::query(
            "SELECT message_hash, safe, message, proposed_by, safe_app_id, origin, created_at, modified_at \
             FROM sts_message WHERE chain_id = $1 AND safe = $2 ORDER BY created_at, message_hash LIMIT $3",
        )
        .bind(self.chain.clone())
        .bind(safe.to_string())
        .bind(ROWS_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(message_of).collect()
    }

    pub(in crate::safe_service::embedded) async fn message_count(
        &self,
        safe: SafeAddress,
    ) -> Result<i64, Refusal> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM sts_message WHERE chain_id = $1 AND safe = $2")
            .bind(self.chain.clone())
            .bind(safe.to_string())
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get::<i64, _>("n")?)
    }

    /// Keeps a new message with its first confirmation, both or neither. `false`: it was there already,
    /// and nothing changed.
    pub(in crate::safe_service::embedded) async fn create_message(
        &self,
        new: &StoredMessage,
        confirmation: &StoredConfirmation,
    ) -> Result<bool, Refusal> {
        let mut unit = self.pool.begin().await?;
        let done = sqlx::query(
            "INSERT INTO sts_message (chain_id, message_hash, safe, message, proposed_by, safe_app_id, origin, \
             created_at, modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (chain_id, message_hash) DO NOTHING",
        )
        .bind(self.chain.clone())
        .bind(new.hash.to_string())
        .bind(new.safe.to_string())
        .bind(new.message.to_string())
        .bind(new.proposed_by.to_checksum(None))
        .bind(new.safe_app_id)
        .bind(new.origin.clone())
        .bind(new.created_at)
        .bind(new.modified_at)
        .execute(&mut *unit)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.insert_message_confirmation(&mut unit, new.hash, confirmation).await?;
        unit.commit().await?;
        Ok(true)
    }

    /// Keeps another confirmation. `false`: the owner has one already, and nothing changed.
    pub(in crate::safe_service::embedded) async fn confirm_message(
        &self,
        hash: B256,
        confirmation: &StoredConfirmation,
    ) -> Result<bool, Refusal> {
        let mut unit = self.pool.begin().await?;
        if !self.insert_message_confirmation(&mut unit, hash, confirmation).await? {
            return Ok(false);
        }
        sqlx::query("UPDATE sts_message SET modified_at = $3 WHERE chain_id = $1 AND message_hash = $2")
            .bind(self.chain.clone())
            .bind(hash.to_string())
            .bind(confirmation.submitted_at)
            .execute(&mut *unit)
            .await?;
        unit.commit().await?;
        Ok(true)
    }

    async fn insert_message_confirmation(
        &self,
        unit: &mut sqlx::Transaction<'_, sqlx::Any>,
        hash: B256,
        confirmation: &StoredConfirmation,
    ) -> Result<bool, Refusal> {
        let done = sqlx::query(
            "INSERT INTO sts_message_confirmation (chain_id, message_hash, owner, signature, kind, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain_id, message_hash, owner) DO NOTHING",
        )
        .bind(self.chain.clone())
        .bind(hash.to_string())
        .bind(confirmation.owner.to_checksum(None))
        .bind(confirmation.signature.to_string())
        .bind(confirmation.kind.as_str())
        .bind(confirmation.submitted_at)
        .execute(&mut **unit)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// A message's confirmations, the oldest first.
    pub(in crate::safe_service::embedded) async fn message_confirmations(
        &self,
        hash: B256,
    ) -> Result<Vec<StoredConfirmation>, Refusal> {
        let rows = sqlx::query(
            "SELECT owner, signature, kind, created_at FROM sts_message_confirmation \
             WHERE chain_id = $1 AND message_hash = $2 ORDER BY created_at, owner",
        )
        .bind(self.chain.clone())
        .bind(hash.to_string())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(confirmation_of).collect()
    }
}

fn message_of(row: &AnyRow) -> Result<StoredMessage, Refusal> {
    let message: String = row.try_get("message")?;
    Ok(StoredMessage {
        hash: read(row, "message_hash")?,
        safe: SafeAddress(read(row, "safe")?),
        message: serde_json::from_str(&message).map_err(|_| Refusal::Corrupt("message"))?,
        proposed_by: read(row, "proposed_by")?,
        safe_app_id: row.try_get("safe_app_id")?,
        origin: row.try_get("origin")?,
        created_at: row.try_get("created_at")?,
        modified_at: row.try_get("modified_at")?,
    })
}

fn confirmation_of(row: &AnyRow) -> Result<StoredConfirmation, Refusal> {
    let kind: String = row.try_get("kind")?;
    let signature: Bytes = read(row, "signature")?;
    Ok(StoredConfirmation {
        owner: read(row, "owner")?,
        signature,
        kind: serde_json::from_value(kind.into()).map_err(|_| Refusal::Corrupt("kind"))?,
        submitted_at: row.try_get("created_at")?,
    })
}
