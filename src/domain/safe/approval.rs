//! Approvals by Safes that own Safes: the transaction by which a child says yes to its parent's.
//!
//! A child approves with `approveHash` of the parent, called by the child at the child's own nonce; the
//! child's owners sign *that* transaction, and its hashes are the ones their devices show. What a
//! grandchild approves is the child's approval, and so on down.
//!
//! *Invariants.* Each Safe gets one transaction, because it has one next nonce: a Safe that owns two Safes
//! of the tree, or approves alternates of one proposal, approves all of it in one batch. Parents come
//! before their children; they execute in the reverse order, the innermost first.

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;

use super::abi::Safe;
use super::hash::{SafeTxHashes, hash};
use super::ids::{SafeAddress, SafeTxHash};
use super::multisend::{BatchError, BatchedCall, batch, call_only};
use super::owner_tree::OwnerTree;
use super::state::SafeState;
use super::tx::SafeTx;

/// One transaction of a parent that a child approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The parent.
    pub safe: SafeAddress,
    /// Its transaction.
    pub hash: SafeTxHash,
}

/// The transaction by which a Safe approves what Safes above it propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who approves: a Safe that is an owner.
    pub safe: SafeState,
    /// What it executes, at its own nonce.
    pub tx: SafeTx,
    /// The hashes that its owners sign.
    pub hashes: SafeTxHashes,
    /// What that approves; more than one only as a batch.
    pub approves: Vec<Approved>,
}

/// The approvals that the Safes of a tree can give to transactions of its first Safe, parents before
/// children.
///
/// # Errors
/// When a batch cannot be built.
pub fn approvals(tree: &OwnerTree, of: &[SafeTxHash]) -> Result<Vec<Approval>, BatchError> {
    let mut done: Vec<Approved> =
        of.iter().map(|hash| Approved { safe: tree.safe.address, hash: *hash }).collect();
    let mut approvals = Vec::new();
    for child in deepest_last(tree) {
        let parents: Vec<SafeAddress> = parents_of(tree, child.address);
        let approves: Vec<Approved> =
            done.iter().filter(|approved| parents.contains(&approved.safe)).copied().collect();
        if approves.is_empty() {
            continue;
        }
        let tx = approving(child, &approves)?;
        let hashes = hash(&tx, &child.domain());
        done.push(Approved { safe: child.address, hash: hashes.safe_tx });
        approvals.push(Approval { safe: child.clone(), tx, hashes, approves });
    }
    Ok(approvals)
}

/// `approveHash` of each, as one transaction of `child`.
fn approving(child: &SafeState, approves: &[Approved]) -> Result<SafeTx, BatchError> {
    if let [only] = approves {
        return Ok(SafeTx::call(only.safe.0, approve_hash(only.hash), child.nonce));
    }
    let calls: Vec<_> = approves
        .iter()
        .map(|approved| BatchedCall::call(approved.safe.0, approve_hash(approved.hash)))
        .collect();
    batch(&calls, call_only(child.version), child.nonce)
}

/// Calldata of `approveHash`.
pub fn approve_hash(hash: SafeTxHash) -> Bytes {
    Safe::approveHashCall { hashToApprove: hash.0 }.abi_encode().into()
}

/// Every Safe below, once, those whose deepest place is higher first.
fn deepest_last(tree: &OwnerTree) -> Vec<&SafeState> {
    let mut found: Vec<(usize, &SafeState)> = Vec::new();
    collect(tree, 0, &mut found);
    found.sort_by_key(|(depth, _)| *depth);
    found.into_iter().map(|(_, safe)| safe).collect()
}

fn collect<'a>(tree: &'a OwnerTree, depth: usize, found: &mut Vec<(usize, &'a SafeState)>) {
    for child in tree.children() {
        match found.iter_mut().find(|(_, known)| known.address == child.safe.address) {
            Some((known, _)) => *known = (*known).max(depth),
            None => found.push((depth, &child.safe)),
        }
        collect(child, depth + 1, found);
    }
}

fn parents_of(tree: &OwnerTree, child: SafeAddress) -> Vec<SafeAddress> {
    let mut parents: Vec<SafeAddress> = tree
        .walk()
        .into_iter()
        .filter(|(_, _, owner)| owner.address == child.0)
        .map(|(_, parent, _)| parent.address)
        .collect();
    parents.sort();
    parents.dedup();
    parents
}

#[cfg(test)]
mod tests {
    use super::super::owner_tree::tests::{child, key, safe, tree};
    use super::super::{SafeNonce, SafeVersion, multisend};
    use super::*;

    #[test]
    fn a_child_approves_its_parents_transaction_at_its_own_nonce() {
        let mut bravo = safe(0xb0, &[key(1), key(2)], 2);
        bravo.nonce = SafeNonce::from(7);
        bravo.version = SafeVersion::V1_3_0;
        let alpha = safe(0xa0, &[child(0xb0), key(3)], 2);
        let grown = tree(&alpha, &[&bravo]);
        let pause = SafeTxHash([9; 32].into());
        let approvals = approvals(&grown, &[pause]).unwrap();
        let [approval] = approvals.as_slice() else { panic!("{approvals:?}") };
        assert_eq!(approval.tx, SafeTx::call(child(0xa0), approve_hash(pause), SafeNonce::from(7)));
        assert_eq!(approval.hashes, hash(&approval.tx, &bravo.domain()));
        assert_eq!(approval.approves, [Approved { safe: alpha.address, hash: pause }]);
    }

    #[test]
    fn a_grandchild_approves_the_childs_approval() {
        let charlie = safe(0xc0, &[key(1)], 1);
        let bravo = safe(0xb0, &[child(0xc0)], 1);
        let alpha = safe(0xa0, &[child(0xb0)], 1);
        let pause = SafeTxHash([9; 32].into());
        let approvals = approvals(&tree(&alpha, &[&bravo, &charlie]), &[pause]).unwrap();
        let [middle, inner] = approvals.as_slice() else { panic!("{approvals:?}") };
        assert_eq!(middle.safe.address, bravo.address);
        assert_eq!(inner.safe.address, charlie.address);
        assert_eq!(inner.approves, [Approved { safe: bravo.address, hash: middle.hashes.safe_tx }]);
        assert_eq!(inner.tx.to, bravo.address.0);
    }

    #[test]
    fn a_safe_that_stands_in_two_places_approves_both_in_one_batch_because_it_has_one_nonce() {
        let charlie = safe(0xc0, &[key(1)], 1);
        let bravo = safe(0xb0, &[child(0xc0), key(2)], 2);
        // Charlie owns alpha itself, and bravo, which owns alpha.
        let alpha = safe(0xa0, &[child(0xc0), child(0xb0)], 2);
        let pause = SafeTxHash([9; 32].into());
        let approvals = approvals(&tree(&alpha, &[&bravo, &charlie]), &[pause]).unwrap();
        let [middle, inner] = approvals.as_slice() else { panic!("{approvals:?}") };
        assert_eq!(middle.safe.address, bravo.address);
        let both = [
            Approved { safe: alpha.address, hash: pause },
            Approved { safe: bravo.address, hash: middle.hashes.safe_tx },
        ];
        assert_eq!(inner.approves, both);
        assert_eq!(inner.tx.to, call_only(charlie.version));
        let calls = multisend::decode(&inner.tx.data).unwrap();
        assert_eq!(calls.iter().map(|call| call.to).collect::<Vec<_>>(), [child(0xa0), child(0xb0)]);
    }

    #[test]
    fn alternates_of_one_proposal_are_approved_together() {
        let bravo = safe(0xb0, &[key(1)], 1);
        let alpha = safe(0xa0, &[child(0xb0)], 1);
        let both = [SafeTxHash([9; 32].into()), SafeTxHash([8; 32].into())];
        let approvals = approvals(&tree(&alpha, &[&bravo]), &both).unwrap();
        assert_eq!(approvals[0].approves.iter().map(|one| one.hash).collect::<Vec<_>>(), both);
    }
}
