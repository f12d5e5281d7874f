//! Delegates, and taking a proposal back: what the service itself lets somebody do with a signature that
//! dies within two hours.
//!
//! A delegation is for one Safe, or for every Safe of its delegator; the service lists the second kind only
//! when it is asked for the delegate or the delegator, never when asked for a Safe.

use std::collections::BTreeSet;

use alloy::primitives::{Address, Bytes};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use super::{PAGE_ROWS, ServiceClient, ServiceError};
use crate::domain::safe::{SafeAddress, SafeTxHash};
use crate::safe_service::wire::Delegate;

/// Owners whose delegations are asked for one by one: a Safe with more is listed without owner-wide ones.
pub const DELEGATORS_ASKED_MAX: usize = 20;

/// An owner lets somebody propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelegate {
    /// The Safe; `None` for every Safe of the delegator.
    pub safe: Option<SafeAddress>,
    /// Who may propose.
    pub delegate: Address,
    /// The owner who allows it.
    pub delegator: Address,
    /// The delegator's signature of [`delegate_hash`](crate::domain::safe::delegate_hash).
    pub signature: Bytes,
    /// Free text, at most 50 characters.
    pub label: String,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// Somebody may no longer propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegateRemoval {
    /// The Safe; `None` for all of the delegator's.
    pub safe: Option<SafeAddress>,
    /// Who may no longer propose.
    pub delegate: Address,
    /// The owner who had allowed it.
    pub delegator: Address,
    /// The delegator's or the delegate's signature of
    /// [`delegate_hash`](crate::domain::safe::delegate_hash).
    pub signature: Bytes,
}

/// What a removal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Removed {
    /// It was there and is gone.
    Now,
    /// There was none.
    WasAbsent,
}

/// The delegations that let anybody propose to one Safe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegations {
    /// Those for the Safe, then those of its owners for all their Safes.
    pub delegates: Vec<Delegate>,
    /// The Safe has more than [`DELEGATORS_ASKED_MAX`] owners: of the rest, owner-wide ones are not listed.
    pub cut: bool,
}

impl ServiceClient {
    /// Who may propose to a Safe for one of its owners, as far as it was said for this Safe. Owner-wide
    /// delegations are not among them: see [`delegations`](Self::delegations).
    ///
    /// # Errors
    /// When the service does not answer, or there are too many pages.
    pub async fn delegates(&self, safe: SafeAddress) -> Result<Vec<Delegate>, ServiceError> {
        let doing = format!("read the delegates of Safe {safe}");
        self.pages(&doing, "/api/v2/delegates/", format!("safe={safe}&limit={PAGE_ROWS}")).await
    }

    /// Everybody who may propose to a Safe for one of its owners, owner-wide delegations included. One
    /// request, and one for each owner.
    ///
    /// # Errors
    /// When the service does not answer, or there are too many pages.
    pub async fn delegations(
        &self,
        safe: SafeAddress,
        owners: &[Address],
    ) -> Result<Delegations, ServiceError> {
        let mut found = Delegations { delegates: self.delegates(safe).await?, cut: false };
        let owners: BTreeSet<_> = owners.iter().collect();
        found.cut = owners.len() > DELEGATORS_ASKED_MAX;
        for owner in owners.into_iter().take(DELEGATORS_ASKED_MAX) {
            let doing = format!("read the delegates of {owner}");
            let query = format!("delegator={}&limit={PAGE_ROWS}", owner.to_checksum(None));
            let of_owner: Vec<Delegate> = self.pages(&doing, "/api/v2/delegates/", query).await?;
            found.delegates.extend(of_owner.into_iter().filter(|delegate| delegate.safe.is_none()));
        }
        Ok(found)
    }

    /// Through which of a Safe's owners somebody may propose to it at this time, owner-wide delegations
    /// included. One request.
    ///
    /// # Errors
    /// When the service does not answer, or there are too many pages.
    pub async fn delegations_of(
        &self,
        delegate: Address,
        safe: SafeAddress,
        owners: &[Address],
        now: Timestamp,
    ) -> Result<Vec<Delegate>, ServiceError> {
        let doing = format!("read for whom {delegate} may propose");
        let query = format!("delegate={}&limit={PAGE_ROWS}", delegate.to_checksum(None));
        let mut found: Vec<Delegate> = self.pages(&doing, "/api/v2/delegates/", query).await?;
        found.retain(|one| {
            one.delegate == delegate
                && one.safe.is_none_or(|of| of == safe)
                && owners.contains(&one.delegator)
                && one.expiry_date.is_none_or(|expiry| now < expiry)
        });
        Ok(found)
    }

    /// Lets somebody propose for an owner, or changes the label and the end of a delegation that is there.
    ///
    /// # Errors
    /// [`AnswerLost`](super::ServiceFailure::AnswerLost) when the service may have taken it: ask
    /// [`delegations_of`](Self::delegations_of).
    pub async fn add_delegate(&self, new: &NewDelegate) -> Result<(), ServiceError> {
        let doing = format!("make {} a delegate of {}", new.delegate, new.delegator);
        let mut body = json!({
            "safe": new.safe,
            "delegate": new.delegate.to_checksum(None),
            "delegator": new.delegator.to_checksum(None),
            "signature": new.signature,
            "label": new.label,
        });
        if let (Some(expires), Some(fields)) = (new.expires, body.as_object_mut()) {
            fields.insert("expiryDate".to_owned(), json!(expires));
        }
        self.write(&doing, Method::POST, "/api/v2/delegates/", &body).await?;
        Ok(())
    }

    /// Lets somebody no longer propose for an owner. What they proposed before stays.
    ///
    /// # Errors
    /// [`AnswerLost`](super::ServiceFailure::AnswerLost) when the service may have done it: ask
    /// [`delegations_of`](Self::delegations_of).
    pub async fn remove_delegate(&self, removal: &DelegateRemoval) -> Result<Removed, ServiceError> {
        let doing = format!("remove delegate {} of {}", removal.delegate, removal.delegator);
        let mut body = json!({
            "delegator": removal.delegator.to_checksum(None),
            "signature": removal.signature,
        });
        if let (Some(safe), Some(fields)) = (removal.safe, body.as_object_mut()) {
            fields.insert("safe".to_owned(), json!(safe));
        }
        let path = format!("/api/v2/delegates/{}/", removal.delegate.to_checksum(None));
        self.erase(&doing, &path, &body).await
    }

    /// Takes a queued transaction back. Only its proposer, or the delegate who proposed it, may: `signature`
    /// is of [`delete_request_hash`](crate::domain::safe::delete_request_hash). It is cosmetic: signatures
    /// that were published stay usable until the nonce is spent.
    ///
    /// # Errors
    /// [`AnswerLost`](super::ServiceFailure::AnswerLost) when the service may have done it: ask
    /// [`transaction`](Self::transaction).
    pub async fn take_back(&self, hash: SafeTxHash, signature: &Bytes) -> Result<Removed, ServiceError> {
        let doing = format!("take {hash} back from the Transaction Service");
        let path = format!("/api/v2/multisig-transactions/{hash}/");
        self.erase(&doing, &path, &json!({ "signature": signature })).await
    }

    async fn erase(
        &self,
        doing: &str,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<Removed, ServiceError> {
        match self.write(doing, Method::DELETE, path, body).await {
            Ok(_) => Ok(Removed::Now),
            Err(error) if error.is_not_found() => Ok(Removed::WasAbsent),
            Err(error) => Err(error),
        }
    }
}
