//! What is sealed.

use std::collections::BTreeMap;
use std::fmt;

use alloy::primitives::{Address, Bytes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ground::Ground;
use crate::domain::incident::preparation::PlannedCall;
use crate::domain::names::{ChainName, RunbookId, SafeName, WindowName};
use crate::domain::safe::signature::recover;
use crate::domain::safe::{SafeDomain, SafeNonce, SafeTx, SafeTxHash, SafeTxHashes, hash};

/// One transaction and the signatures collected for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What is signed.
    pub tx: SafeTx,
    /// Its hashes, as the Safe itself gave them too.
    pub hashes: SafeTxHashes,
    /// By owner: 65 bytes each. They are authority, and stand in no log.
    pub signatures: BTreeMap<Address, Bytes>,
}

/// Signatures are told by their number only.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("nonce", &self.tx.nonce)
            .field("safe_tx_hash", &self.hashes.safe_tx)
            .field("signatures", &self.signatures.len())
            .finish_non_exhaustive()
    }
}

impl Entry {
    fn is_signed_by_owners(&self, ground: &Ground) -> bool {
        self.signatures.iter().all(|(owner, bytes)| {
            ground.owners.contains(owner)
                && recover(self.hashes.safe_tx, bytes)
                    .is_ok_and(|found| found.owner == *owner && !found.kind.needs_chain())
        })
    }
}

/// A window: the same calls at consecutive nonces of one Safe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its name in the configuration.
    pub name: WindowName,
    /// Whose actions it holds.
    pub runbook: RunbookId,
    /// The chain, by name.
    pub chain: ChainName,
    /// The Safe, by name.
    pub safe: SafeName,
    /// What the hashes are bound to.
    pub domain: SafeDomain,
    /// What was so when the transactions were prepared.
    pub ground: Ground,
    /// The block of that.
    pub block_number: u64,
    /// When that was.
    pub prepared_at: Timestamp,
    /// What each transaction does.
    pub calls: Vec<PlannedCall>,
    /// In the order of their nonces.
    pub entries: Vec<Entry>,
}

impl Window {
    /// The entry at a nonce.
    pub fn at(&self, nonce: SafeNonce) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tx.nonce == nonce)
    }

    /// The entry with this hash.
    pub fn of(&self, safe_tx: SafeTxHash) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.hashes.safe_tx == safe_tx)
    }

    /// First and last nonce; none for a window without entries.
    pub fn range(&self) -> Option<(SafeNonce, SafeNonce)> {
        Some((self.entries.first()?.tx.nonce, self.entries.last()?.tx.nonce))
    }

    /// How many signatures it holds.
    pub fn signatures(&self) -> usize {
        self.entries.iter().map(|entry| entry.signatures.len()).sum()
    }

    /// Every stored hash is that of its fields, nonces follow one another, and each signature is its owner's. What
    /// was sealed was so; this is asserted again when it is opened.
    pub fn is_sound(&self) -> bool {
        let hashes = self.entries.iter().all(|entry| hash(&entry.tx, &self.domain) == entry.hashes);
        let mut pairs = self.entries.iter().zip(self.entries.iter().skip(1));
        let in_order = pairs.all(|(one, next)| one.tx.nonce.next() == next.tx.nonce);
        hashes && in_order && self.entries.iter().all(|entry| entry.is_signed_by_owners(&self.ground))
    }

    /// Takes over the signatures of an older window for transactions that are still the same, if it was signed on
    /// the same ground. Says how many, and how many were left.
    pub fn inherit(&mut self, older: &Self) -> (usize, usize) {
        let before = older.signatures();
        if !self.ground.changes_since(&older.ground).is_empty() {
            return (0, before);
        }
        for entry in &mut self.entries {
            if let Some(old) = older.of(entry.hashes.safe_tx) {
                entry.signatures.extend(old.signatures.iter().map(|(owner, bytes)| (*owner, bytes.clone())));
            }
        }
        let kept = self.signatures();
        (kept, before.saturating_sub(kept))
    }

    /// All calls in one line.
    pub fn describe_calls(&self) -> String {
        self.calls.iter().map(|call| call.call.as_str()).collect::<Vec<_>>().join(", then ")
    }
}
