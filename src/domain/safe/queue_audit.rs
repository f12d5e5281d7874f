//! What is wrong with a Safe's queue, as somebody else tells it.
//!
//! The service that keeps a queue is believed in nothing: each hash is computed from the fields shown, each
//! signature recovered. What is found is told with the item, the gravest first, and nothing is left out
//! because something graver was found.
//!
//! It knows no service and no chain: approvals on chain and contract signatures cannot be judged here and
//! are not; who is trusted beyond released libraries is not known either.

mod brief;
mod words;

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;
use serde::Serialize;

use super::abi::Safe;
use super::hash::hash;
use super::ids::{SafeAddress, SafeNonce, SafeTxHash};
use super::multisend::{BatchedCall, decode};
use super::signature::{RecoverError, SignatureKind, recover};
use super::state::SafeState;
use super::trusted::{TrustedLibrary, is_plain_multi_send, trusted_library};
use super::tx::{Operation, SafeTx};

/// Places before an item that nobody has filled, beyond which its nonce is far ahead. Ranges of signed
/// pauses in the wild are 10 to 20 nonces long, and filled.
pub const NONCE_GAP_MAX: u64 = 20;

/// One queued transaction, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedItem {
    /// The Safe it is said to be of.
    pub safe: SafeAddress,
    /// Its fields.
    pub tx: SafeTx,
    /// What its hash is said to be.
    pub said_hash: SafeTxHash,
    /// Whether it is said to come from somebody who may propose.
    pub trusted: bool,
    /// Who is said to have approved it, and with what signature.
    pub confirmations: Vec<(Address, Option<Bytes>)>,
}

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Worth knowing.
    Note,
    /// Look before signing anything of this Safe.
    Warning,
    /// Sign nothing: somebody means harm, or the service lies.
    Danger,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is of another Safe than was asked for.
    OtherSafe(SafeAddress),
    /// Its fields hash to something else.
    HashMismatch {
        /// What they hash to for this Safe, its version and chain.
        computed: SafeTxHash,
    },
    /// Unknown code would run as the Safe itself.
    UntrustedDelegateCall {
        /// Whose code.
        to: Address,
        /// Plain MultiSend, or a batch inside which such a call stands.
        through: &'static str,
    },
    /// Calldata of a batch that is none: what it does cannot be told.
    UnreadableBatch(String),
    /// Whoever executes it, or somebody it names, is paid by the Safe.
    Refund {
        /// Wei, or units of the token, per unit of gas.
        price: U256,
        /// The token; zero is the chain's own.
        token: Address,
        /// Who is paid; zero is whoever executes.
        receiver: Address,
    },
    /// A gas or refund field is set that pays nothing.
    GasFields(Vec<&'static str>),
    /// It would be executed after this many places that nobody has filled; wallets that ask the service for
    /// the next nonce get one behind it.
    NonceFarAhead {
        /// Unfilled places before it.
        gap: U256,
    },
    /// Places before it are unfilled, so that it waits.
    Waits {
        /// Unfilled places before it.
        gap: U256,
    },
    /// Nobody who may propose has signed it: anybody could have put it there.
    Unsigned,
    /// A signature is somebody else's than it is said to be, or nobody's: the hosted gateway answers 502
    /// for such an item.
    ForgedConfirmation {
        /// Whose it is said to be.
        said: Address,
        /// What it is.
        found: String,
    },
    /// Somebody signed who is no owner now.
    FormerOwner(Address),
    /// An owner is counted twice.
    Duplicate(Address),
    /// It changes who may act for the Safe, or what the Safe is.
    ChangesTheSafe(&'static str),
    /// A trusted library runs as the Safe.
    Library(&'static str),
    /// It has the signatures of as many owners as must sign: anybody may execute it now.
    Executable,
    /// Others at the same nonce: only one of them can ever be executed.
    Siblings {
        /// How many others.
        others: usize,
        /// One of them is ours.
        ours: bool,
    },
    /// Its nonce is spent: it can never be executed, and its signatures are worth nothing here.
    Dead,
}

impl Finding {
    /// How it is to be taken.
    pub fn gravity(&self) -> Gravity {
        match self {
            Self::OtherSafe(_)
            | Self::HashMismatch { .. }
            | Self::UntrustedDelegateCall { .. }
            | Self::Refund { .. }
            | Self::ForgedConfirmation { .. } => Gravity::Danger,
            Self::UnreadableBatch(_)
            | Self::GasFields(_)
            | Self::NonceFarAhead { .. }
            | Self::Unsigned
            | Self::FormerOwner(_)
            | Self::Duplicate(_)
            | Self::ChangesTheSafe(_)
            | Self::Siblings { ours: true, .. } => Gravity::Warning,
            Self::Waits { .. }
            | Self::Library(_)
            | Self::Executable
            | Self::Siblings { ours: false, .. }
            | Self::Dead => Gravity::Note,
        }
    }

    /// Whether it shows that the queue was tampered with, or that the service lies. What anybody may put
    /// there does not.
    pub fn is_tampering(&self) -> bool {
        match self {
            Self::OtherSafe(_) | Self::HashMismatch { .. } | Self::ForgedConfirmation { .. } => true,
            Self::UntrustedDelegateCall { .. }
            | Self::UnreadableBatch(_)
            | Self::Refund { .. }
            | Self::GasFields(_)
            | Self::NonceFarAhead { .. }
            | Self::Waits { .. }
            | Self::Unsigned
            | Self::FormerOwner(_)
            | Self::Duplicate(_)
            | Self::ChangesTheSafe(_)
            | Self::Library(_)
            | Self::Executable
            | Self::Siblings { .. }
            | Self::Dead => false,
        }
    }
}

/// One item and everything that was found about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedItem {
    /// What its fields hash to; this, not what is said, is what anybody would sign.
    pub hash: SafeTxHash,
    /// Its nonce.
    pub nonce: SafeNonce,
    /// Owners whose signature was recovered.
    pub signed_by: Vec<Address>,
    /// It is said to come from somebody who may propose, or an owner's signature proves it.
    pub vouched: bool,
    /// The gravest first.
    pub findings: Vec<Finding>,
}

impl AuditedItem {
    /// The gravest of its findings.
    pub fn gravity(&self) -> Option<Gravity> {
        self.findings.iter().map(Finding::gravity).max()
    }

    /// Whether people are to be woken: tampering, or unknown code with somebody's authority behind it. What
    /// anybody can put into a queue without a signature wakes nobody.
    pub fn is_dangerous(&self) -> bool {
        self.findings.iter().any(|finding| {
            finding.is_tampering()
                || (self.vouched && matches!(finding, Finding::UntrustedDelegateCall { .. }))
        })
    }
}

/// Looks at every item. `ours` are the proposals that we made.
pub fn audit(state: &SafeState, items: &[QueuedItem], ours: &[SafeTxHash]) -> Vec<AuditedItem> {
    let mut places: BTreeMap<SafeNonce, Vec<SafeTxHash>> = BTreeMap::new();
    for item in items {
        places.entry(item.tx.nonce).or_default().push(hash(&item.tx, &state.domain()).safe_tx);
    }
    items.iter().map(|item| one(state, item, ours, &places)).collect()
}

fn one(
    state: &SafeState,
    item: &QueuedItem,
    ours: &[SafeTxHash],
    places: &BTreeMap<SafeNonce, Vec<SafeTxHash>>,
) -> AuditedItem {
    let computed = hash(&item.tx, &state.domain()).safe_tx;
    let mut findings = Vec::new();
    if item.safe != state.address {
        findings.push(Finding::OtherSafe(item.safe));
    }
    if item.said_hash != computed {
        findings.push(Finding::HashMismatch { computed });
    }
    what_runs(state, &item.tx, &mut findings);
    gas(&item.tx, &mut findings);
    let dead = item.tx.nonce < state.nonce;
    if dead {
        findings.push(Finding::Dead);
    } else {
        place(state, item.tx.nonce, places, &mut findings);
    }
    let signed_by = signatures(state, item, &mut findings);
    let vouched = item.trusted || !signed_by.is_empty();
    if !vouched {
        findings.push(Finding::Unsigned);
    }
    let enough = u64::try_from(signed_by.len()).is_ok_and(|signed| signed >= state.threshold);
    if enough && item.tx.nonce == state.nonce {
        findings.push(Finding::Executable);
    }
    let others: Vec<_> =
        places.get(&item.tx.nonce).into_iter().flatten().filter(|other| **other != computed).collect();
    if !others.is_empty() {
        let of_ours = others.iter().any(|other| ours.contains(other));
        findings.push(Finding::Siblings { others: others.len(), ours: of_ours });
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.gravity()));
    AuditedItem { hash: computed, nonce: item.tx.nonce, signed_by, vouched, findings }
}

fn place(
    state: &SafeState,
    nonce: SafeNonce,
    places: &BTreeMap<SafeNonce, Vec<SafeTxHash>>,
    findings: &mut Vec<Finding>,
) {
    let before = nonce.0.saturating_sub(state.nonce.0);
    let filled = U256::from(places.range(state.nonce..nonce).count());
    let gap = before.saturating_sub(filled);
    if gap > U256::from(NONCE_GAP_MAX) {
        findings.push(Finding::NonceFarAhead { gap });
    } else if !gap.is_zero() {
        findings.push(Finding::Waits { gap });
    }
}

fn gas(tx: &SafeTx, findings: &mut Vec<Finding>) {
    if tx.pays_a_refund() {
        let (price, token, receiver) = (tx.gas_price, tx.gas_token, tx.refund_receiver);
        findings.push(Finding::Refund { price, token, receiver });
    }
    let set = [
        ("safeTxGas", !tx.safe_tx_gas.is_zero()),
        ("baseGas", !tx.base_gas.is_zero()),
        ("gasToken", !tx.gas_token.is_zero() && !tx.pays_a_refund()),
        ("refundReceiver", !tx.refund_receiver.is_zero() && !tx.pays_a_refund()),
    ];
    let set: Vec<_> = set.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
    if !set.is_empty() {
        findings.push(Finding::GasFields(set));
    }
}

/// What would run as the Safe, and what it would change of the Safe.
fn what_runs(state: &SafeState, tx: &SafeTx, findings: &mut Vec<Finding>) {
    match tx.operation {
        Operation::Call => changes(state, tx.to, &tx.data, findings),
        Operation::DelegateCall => match trusted_library(state.chain, tx.to) {
            Some(TrustedLibrary::MultiSendCallOnly) => batch(state, tx, findings, "MultiSendCallOnly"),
            Some(library @ TrustedLibrary::SafeMigration) => {
                findings.push(Finding::ChangesTheSafe("the singleton"));
                findings.push(Finding::Library(library.name()));
            }
            Some(library @ TrustedLibrary::SignMessageLib) => findings.push(Finding::Library(library.name())),
            None if is_plain_multi_send(tx.to) => {
                findings.push(Finding::UntrustedDelegateCall { to: tx.to, through: "plain MultiSend" });
                batch(state, tx, findings, "plain MultiSend");
            }
            None => findings.push(Finding::UntrustedDelegateCall { to: tx.to, through: "itself" }),
        },
    }
}

fn batch(state: &SafeState, tx: &SafeTx, findings: &mut Vec<Finding>, through: &'static str) {
    let calls: Vec<BatchedCall> = match decode(&tx.data) {
        Ok(calls) => calls,
        Err(error) => return findings.push(Finding::UnreadableBatch(error.to_string())),
    };
    for call in calls {
        match call.operation {
            Operation::Call => changes(state, call.to, &call.data, findings),
            Operation::DelegateCall => {
                findings.push(Finding::UntrustedDelegateCall { to: call.to, through });
            }
        }
    }
}

/// A call of the Safe to itself that changes who may act.
fn changes(state: &SafeState, to: Address, data: &[u8], findings: &mut Vec<Finding>) {
    if to != state.address.0 {
        return;
    }
    let Some(selector) = data.first_chunk::<4>() else { return };
    let what = match *selector {
        Safe::addOwnerWithThresholdCall::SELECTOR => "owners: one is added",
        Safe::removeOwnerCall::SELECTOR => "owners: one is removed",
        Safe::swapOwnerCall::SELECTOR => "owners: one is replaced",
        Safe::changeThresholdCall::SELECTOR => "the threshold",
        Safe::enableModuleCall::SELECTOR => "modules: one is enabled, which may act without owners",
        Safe::disableModuleCall::SELECTOR => "modules: one is disabled",
        Safe::setGuardCall::SELECTOR => "the guard",
        Safe::setModuleGuardCall::SELECTOR => "the module guard",
        Safe::setFallbackHandlerCall::SELECTOR => "the fallback handler",
        // `changeMasterCopy(address)` of Safes before 1.3.0.
        [0x7d, 0xe7, 0xed, 0xef] => "the singleton",
        _ => return,
    };
    findings.push(Finding::ChangesTheSafe(what));
}

/// Recovers every signature; answers the owners who signed.
fn signatures(state: &SafeState, item: &QueuedItem, findings: &mut Vec<Finding>) -> Vec<Address> {
    let mut signed: Vec<Address> = Vec::new();
    let mut seen: Vec<Address> = Vec::new();
    for (said, bytes) in &item.confirmations {
        let said = *said;
        if seen.contains(&said) {
            findings.push(Finding::Duplicate(said));
            continue;
        }
        seen.push(said);
        let forged = |found: String| Finding::ForgedConfirmation { said, found };
        let bytes: &[u8] = bytes.as_ref().map_or(&[], |bytes| bytes);
        // Signatures are of the hash that is said; where that is another than computed, it was told already.
        match recover(item.said_hash, bytes) {
            Ok(recovered) if recovered.owner != said => {
                findings.push(forged(format!("the signature of {}", recovered.owner)));
            }
            Ok(_) if !state.is_owner(said) => findings.push(Finding::FormerOwner(said)),
            Ok(recovered) => match recovered.kind {
                SignatureKind::Eoa | SignatureKind::EthSign => signed.push(said),
                // Only the chain can tell.
                SignatureKind::ApprovedHash | SignatureKind::ContractSignature => {}
            },
            // A contract's signature: its static part and what the contract wants.
            Err(RecoverError::TooLong { .. }) if bytes.get(64) == Some(&0) => {
                let named = bytes.get(12..32).map(Address::from_slice);
                if named != Some(said) {
                    findings.push(forged("the signature of another contract".to_owned()));
                }
            }
            Err(RecoverError::TooShort { found: 0 }) => {
                findings.push(forged("no signature at all".to_owned()))
            }
            Err(error) => findings.push(forged(format!("no signature ({error})"))),
        }
    }
    signed
}

#[cfg(test)]
mod tests;
