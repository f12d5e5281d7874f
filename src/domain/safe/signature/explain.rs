//! Packed signatures explained owner by owner: which count, which do not and why, and what the contract
//! would say.
//!
//! Where [`check`](super::check) stops at the first problem as the contract does, this finds all of them.
//! What only the chain can tell (an approval, a contract's answer) is taken from the case, or is *unknown*:
//! it never counts.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes};

use super::mistake::{Mistake, Signed, mistake};
use super::packing::{places, read_place};
use super::{RecoverError, SIGNATURE_BYTES, SignatureKind, SplitError, StaticPart, recover};
use crate::domain::safe::hash::SafeDomain;
use crate::domain::safe::ids::SafeTxHash;
use crate::domain::safe::tx::SafeTx;
use crate::domain::safe::version::SafeVersion;

/// What the chain said about an owner's approval or a contract's signature; an error is why it was not learnt.
pub type Said = Result<bool, String>;

/// Signatures, and what is known about whom they should satisfy.
#[derive(Clone, Debug, Default)]
pub struct Case<'a> {
    /// What was to be signed.
    pub hash: SafeTxHash,
    /// The signatures, packed.
    pub packed: &'a [u8],
    /// The Safe's version; decides what kinds it takes and how it refuses.
    pub version: Option<SafeVersion>,
    /// Its owners.
    pub owners: Option<&'a [Address]>,
    /// Who used to be one.
    pub former_owners: &'a [Address],
    /// How many must sign.
    pub threshold: Option<u64>,
    /// The transaction and its Safe; without them a signature of another nonce is only "not an owner".
    pub of: Option<(&'a SafeTx, &'a SafeDomain)>,
    /// Who would execute it: an owner's own execution counts as its approval.
    pub executor: Option<Address>,
    /// Who approved the hash on chain, by owner.
    pub approved: BTreeMap<Address, Said>,
    /// Whether a contract says its signature is valid, by place in the row, counted from 1.
    pub contracts: BTreeMap<usize, Said>,
}

/// What is wrong with one signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The inner signature is not where it is said to be. Where the first word is no address either, it is
    /// a key's signature whose `v` is wrong.
    #[error("{source}{}", if *looks_like_a_key { "; its first word is no address, so it looks like a key's signature whose v is 0 instead of 27 or 28" } else { "" })]
    Inner {
        /// What is wrong.
        source: SplitError,
        /// Whether the first word holds more than an address.
        looks_like_a_key: bool,
    },
    /// The contract that should answer for it says no.
    #[error("contract {0} says that its signature is not valid")]
    ContractRefuses(Address),
    /// The owner never approved the hash, and is not who executes.
    #[error("owner {0} has not approved this hash on chain (approveHash), and is not who executes it")]
    NotApproved(Address),
    /// No signer can be read from it.
    #[error("it names no signer: {0}")]
    NoSigner(RecoverError),
    /// Safe 1.0.0 takes no `eth_sign` signatures.
    #[error("Safe {0} takes no eth_sign signatures (v = 31 or 32): they exist since 1.1.0")]
    NoEthSign(SafeVersion),
    /// An owner signed something else.
    #[error("owner {owner} signed, but {mistake}")]
    SignedSomethingElse {
        /// Who.
        owner: Address,
        /// What.
        mistake: Mistake,
    },
    /// It was an owner once.
    #[error("{0} is no owner any more: it was removed")]
    RemovedOwner(Address),
    /// It never was, as far as is known.
    #[error("{0} is not an owner: somebody else signed, or an owner signed something else")]
    NotAnOwner(Address),
    /// It stands before, too.
    #[error("owner {0} signed twice")]
    Duplicate(Address),
    /// Owners must ascend.
    #[error("it is out of order: {0} stands before it and is greater; signatures must ascend by owner")]
    Unsorted(Address),
}

impl Problem {
    /// What the contract reverts with, since 1.3.0 as a code and before in words.
    pub fn revert(&self, version: SafeVersion) -> &'static str {
        let (code, words) = match self {
            Self::Inner { source, .. } => match source {
                SplitError::OffsetPastEnd { .. } => {
                    ("GS022", "Invalid contract signature location: length not present")
                }
                SplitError::LengthPastEnd { .. } => {
                    ("GS023", "Invalid contract signature location: data not complete")
                }
                SplitError::OffsetInStaticPart { .. }
                | SplitError::TooShort { .. }
                | SplitError::Trailing { .. }
                | SplitError::Recover { .. } => {
                    ("GS021", "Invalid contract signature location: inside static part")
                }
            },
            Self::ContractRefuses(_) => ("GS024", "Invalid contract signature provided"),
            Self::NotApproved(_) => ("GS025", "Hash has not been approved"),
            Self::NoSigner(_)
            | Self::NoEthSign(_)
            | Self::SignedSomethingElse { .. }
            | Self::RemovedOwner(_)
            | Self::NotAnOwner(_)
            | Self::Duplicate(_)
            | Self::Unsorted(_) => ("GS026", "Invalid owner provided"),
        };
        if version >= SafeVersion::V1_3_0 { code } else { words }
    }
}

/// One signature of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its place, counted from 1.
    pub position: usize,
    /// Its 65 bytes.
    pub bytes: [u8; SIGNATURE_BYTES],
    /// How it says it was made; `None` for a `v` that means nothing.
    pub kind: Option<SignatureKind>,
    /// Who signed; for an approval or a contract, who is said to have.
    pub owner: Option<Address>,
    /// A contract's own signature.
    pub inner: Option<Bytes>,
    /// The contract only looks at the first `threshold` signatures.
    pub looked_at: bool,
    /// What is wrong with it, in the order in which the contract looks.
    pub problems: Vec<Problem>,
    /// What was not learnt about it.
    pub unknown: Option<String>,
}

impl Explained {
    /// Whether it counts towards the threshold.
    pub fn counts(&self) -> bool {
        self.looked_at && self.problems.is_empty() && self.unknown.is_none()
    }
}

/// A row of signatures, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Each signature.
    pub signatures: Vec<Explained>,
    /// What is wrong with them all together.
    pub problems: Vec<String>,
    /// What is not known, so that they do not count as good.
    pub unknown: Vec<String>,
    /// What is odd and harmless.
    pub notes: Vec<String>,
    /// What the contract would revert with, where that is known.
    pub reverts: Option<&'static str>,
}

impl Explanation {
    /// Whether they would pass: `None` when that is not known.
    pub fn passes(&self) -> Option<bool> {
        let looked_at = || self.signatures.iter().filter(|signature| signature.looked_at);
        if !self.problems.is_empty() || looked_at().any(|signature| !signature.problems.is_empty()) {
            return Some(false);
        }
        let unknown = !self.unknown.is_empty() || looked_at().any(|signature| signature.unknown.is_some());
        (!unknown).then_some(true)
    }
}

/// Explains packed signatures.
pub fn explain(case: &Case<'_>) -> Explanation {
    let threshold = case.threshold.and_then(|threshold| usize::try_from(threshold).ok());
    let (row, used) = row(case.packed, threshold);
    let mut signatures: Vec<Explained> = Vec::with_capacity(row.len());
    for (index, part) in row.into_iter().enumerate() {
        let looked_at = threshold.is_none_or(|threshold| index < threshold);
        let before: Vec<Address> = signatures.iter().filter_map(|signature| signature.owner).collect();
        signatures.push(one(case, index + 1, part, looked_at, &before));
    }
    let mut problems = Vec::new();
    let found = case.packed.len() / SIGNATURE_BYTES;
    let short = threshold.is_some_and(|threshold| found < threshold);
    if let Some(threshold) = threshold.filter(|_| short) {
        problems.push(format!("there are {found} signatures, and the threshold is {threshold}"));
    } else if found == 0 {
        problems
            .push(format!("{} bytes are too short for a signature of {SIGNATURE_BYTES}", case.packed.len()));
    }
    let mut unknown = Vec::new();
    if case.owners.is_none() {
        unknown.push("the owners are not known".to_owned());
    }
    if case.threshold.is_none() {
        unknown.push("the threshold is not known".to_owned());
    }
    let trailing = case.packed.len().saturating_sub(used);
    let mut notes = Vec::new();
    if trailing > 0 && !short {
        notes.push(format!("{trailing} bytes at the end belong to no signature; the contract ignores them"));
    }
    let beyond = signatures.iter().filter(|signature| !signature.looked_at).count();
    if beyond > 0 {
        notes.push(format!("{beyond} beyond the threshold: the contract does not look at them"));
    }
    let reverts = case.version.and_then(|version| {
        if short {
            return Some(if version >= SafeVersion::V1_3_0 { "GS020" } else { "Signatures data too short" });
        }
        let looked_at = signatures.iter().filter(|signature| signature.looked_at);
        looked_at.flat_map(|signature| &signature.problems).map(|problem| problem.revert(version)).next()
    });
    Explanation { signatures, problems, unknown, notes, reverts }
}

/// The places of the row, and where the last inner signature ends. As many as the threshold are always
/// read as signatures, because the contract does; after them the row ends where an inner signature begins.
fn row(packed: &[u8], threshold: Option<usize>) -> (Vec<StaticPart>, usize) {
    let Some(threshold) = threshold else {
        return match super::split(packed) {
            Ok((parts, trailing)) => (parts, packed.len().saturating_sub(trailing)),
            Err(_) => (Vec::new(), 0),
        };
    };
    let row_bytes = threshold.saturating_mul(SIGNATURE_BYTES);
    let mut parts = Vec::new();
    let mut used = 0_usize;
    let mut row_end = packed.len();
    for (index, place) in places(packed).enumerate() {
        let start = index * SIGNATURE_BYTES;
        if index >= threshold && start + SIGNATURE_BYTES > row_end {
            break;
        }
        let (part, end) = read_place(packed, place, row_bytes);
        if let (Some(Ok(inner)), true) = (&part.inner, end > 0) {
            row_end = row_end.min(end.saturating_sub(inner.len() + 32));
        }
        used = used.max(end).max(start + SIGNATURE_BYTES);
        parts.push(part);
    }
    (parts, used)
}

fn one(case: &Case<'_>, position: usize, part: StaticPart, looked_at: bool, before: &[Address]) -> Explained {
    let kind = SignatureKind::of_v(part.v());
    let mut problems = Vec::new();
    let mut unknown = None;
    let mut owner = match recover(case.hash, &part.bytes) {
        Ok(recovered) => Some(recovered.owner),
        Err(why) => {
            problems.push(Problem::NoSigner(why));
            None
        }
    };
    let inner = match part.inner {
        Some(Ok(inner)) => Some(inner),
        Some(Err(source)) => {
            let looks_like_a_key = part.bytes.get(..12) != Some(&[0; 12]);
            problems.push(Problem::Inner { source, looks_like_a_key });
            None
        }
        None => None,
    };
    match (kind, owner) {
        (Some(SignatureKind::EthSign), _)
            if case.version.is_some_and(|version| !version.takes_eth_sign()) =>
        {
            problems.extend(case.version.map(Problem::NoEthSign));
        }
        (Some(SignatureKind::ApprovedHash), Some(owner)) if case.executor != Some(owner) => {
            match case.approved.get(&owner) {
                Some(Ok(true)) => {}
                Some(Ok(false)) => problems.push(Problem::NotApproved(owner)),
                Some(Err(why)) => unknown = Some(format!("whether {owner} approved the hash: {why}")),
                None => unknown = Some(format!("only the chain knows whether {owner} approved the hash")),
            }
        }
        (Some(SignatureKind::ContractSignature), Some(owner)) if inner.is_some() => {
            match case.contracts.get(&position) {
                Some(Ok(true)) => {}
                Some(Ok(false)) => problems.push(Problem::ContractRefuses(owner)),
                Some(Err(why)) => unknown = Some(format!("whether contract {owner} agrees: {why}")),
                None => unknown = Some(format!("only the chain can ask contract {owner} whether it agrees")),
            }
        }
        (_, _) => {}
    }
    if let (Some(found), Some(owners)) = (owner, case.owners)
        && !owners.contains(&found)
    {
        let (real, problem) = stranger(case, &part.bytes, found, owners);
        owner = real.or(owner);
        problems.push(problem);
    }
    if let Some(owner) = owner {
        if before.contains(&owner) {
            problems.push(Problem::Duplicate(owner));
        } else if let Some(greater) = before.iter().max().filter(|greater| **greater > owner) {
            problems.push(Problem::Unsorted(*greater));
        }
    }
    Explained { position, bytes: part.bytes, kind, owner, inner, looked_at, problems, unknown }
}

/// Who stands behind a signature that recovers to nobody who owns the Safe.
fn stranger(
    case: &Case<'_>,
    bytes: &[u8; SIGNATURE_BYTES],
    found: Address,
    owners: &[Address],
) -> (Option<Address>, Problem) {
    if case.former_owners.contains(&found) {
        return (None, Problem::RemovedOwner(found));
    }
    let candidates = [owners, case.former_owners].concat();
    let signed = Signed { hash: case.hash, of: case.of, candidates: &candidates };
    match mistake(bytes, &signed) {
        Some((owner, mistake)) => (Some(owner), Problem::SignedSomethingElse { owner, mistake }),
        None => (None, Problem::NotAnOwner(found)),
    }
}
