//! Rows of delegates.

use alloy::primitives::Address;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Micros, ROWS_MAX, Store, read};
use crate::domain::safe::SafeAddress;
use crate::safe_service::embedded::refusal::Refusal;

/// A stored delegate.
#[derive(Clone, Debug)]
pub(in crate::safe_service::embedded) struct StoredDelegate {
    /// `None`: every Safe of the delegator.
    pub(in crate::safe_service::embedded) safe: Option<SafeAddress>,
    pub(in crate::safe_service::embedded) delegate: Address,
    pub(in crate::safe_service::embedded) delegator: Address,
    pub(in crate::safe_service::embedded) label: String,
    pub(in crate::safe_service::embedded) expires_at: Option<Micros>,
}

/// Which delegates are asked for.
#[derive(Clone, Debug, Default)]
pub(in crate::safe_service::embedded) struct DelegateFilter {
    pub(in crate::safe_service::embedded) safe: Option<Address>,
    pub(in crate::safe_service::embedded) delegate: Option<Address>,
    pub(in crate::safe_service::embedded) delegator: Option<Address>,
    pub(in crate::safe_service::embedded) label: Option<String>,
}

impl Store {
    /// Delegates that match every filter that is given.
    pub(in crate::safe_service::embedded) async fn delegates(
        &self,
        filter: &DelegateFilter,
    ) -> Result<Vec<StoredDelegate>, Refusal> {
        let text =
            |address: Option<Address>| address.map(|address| address.to_checksum(None)).unwrap_or_default();
        let rows = sqlx::query(
            "SELECT safe, delegate, delegator, label, expires_at FROM sts_delegate WHERE chain_id = $1 \
             AND ($2 = '' OR safe = $2) AND ($3 = '' OR delegate = $3) AND ($4 = '' OR delegator = $4) \
             AND ($5 = '' OR label = $5) ORDER BY added_at, delegate, delegator, safe LIMIT $6",
        )
        .bind(self.chain.clone())
        .bind(text(filter.safe))
        .bind(text(filter.delegate))
        .bind(text(filter.delegator))
        .bind(filter.label.clone().unwrap_or_default())
        .bind(ROWS_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(delegate_of).collect()
    }

    /// Who may propose to a Safe: for it alone, or for every Safe of a delegator.
    pub(in crate::safe_service::embedded) async fn delegates_for(
        &self,
        safe: SafeAddress,
    ) -> Result<Vec<StoredDelegate>, Refusal> {
        let rows = sqlx::query(
            "SELECT safe, delegate, delegator, label, expires_at FROM sts_delegate WHERE chain_id = $1 \
             AND (safe = $2 OR safe = '') ORDER BY added_at, delegate, delegator, safe LIMIT $3",
        )
        .bind(self.chain.clone())
        .bind(safe.to_string())
        .bind(ROWS_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(delegate_of).collect()
    }

    pub(in crate::safe_service::embedded) async fn delegate_count(&self) -> Result<i64, Refusal> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM sts_delegate WHERE chain_id = $1")
            .bind(self.chain.clone())
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get::<i64, _>("n")?)
    }

    pub(in crate::safe_service::embedded) async fn put_delegate(
        &self,
        new: &StoredDelegate,
        now: Micros,
    ) -> Result<(), Refusal> {
        sqlx::query(
            "INSERT INTO sts_delegate (chain_id, safe, delegate, delegator, label, expires_at, added_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (chain_id, safe, delegate, delegator) \
             DO UPDATE SET label = excluded.label, expires_at = excluded.expires_at",
        )
        .bind(self.chain.clone())
        .bind(new.safe.map(|safe| safe.to_string()).unwrap_or_default())
        .bind(new.delegate.to_checksum(None))
        .bind(new.delegator.to_checksum(None))
        .bind(new.label.clone())
        .bind(new.expires_at)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Removes a delegate of a delegator, of one Safe or of all; says how many rows there were.
    pub(in crate::safe_service::embedded) async fn remove_delegate(
        &self,
        safe: Option<SafeAddress>,
        delegate: Address,
        delegator: Address,
    ) -> Result<u64, Refusal> {
        let done = sqlx::query(
            "DELETE FROM sts_delegate WHERE chain_id = $1 AND ($2 = '' OR safe = $2) AND delegate = $3 AND delegator = $4",
        )
        .bind(self.chain.clone())
        .bind(safe.map(|safe| safe.to_string()).unwrap_or_default())
        .bind(delegate.to_checksum(None))
        .bind(delegator.to_checksum(None))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

fn delegate_of(row: &AnyRow) -> Result<StoredDelegate, Refusal> {
    let safe: String = row.try_get("safe")?;
    let safe = if safe.is_empty() {
        None
    } else {
        Some(SafeAddress(safe.parse().map_err(|_| Refusal::Corrupt("safe"))?))
    };
    Ok(StoredDelegate {
        safe,
        delegate: read(row, "delegate")?,
        delegator: read(row, "delegator")?,
        label: row.try_get("label")?,
        expires_at: row.try_get("expires_at")?,
    })
}
