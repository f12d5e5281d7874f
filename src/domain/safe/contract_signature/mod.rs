//! Signatures of owners that are Safes, without a transaction of theirs: whether a child can give one to
//! its parent, over what, and what its inner signature is worth.
//!
//! What decides is who answers `isValidSignature` for the child, and which form the parent's version asks:
//!
//! | who answers for the child | parent up to 1.4.1 (66-byte preimage) | parent 1.5.0 (safeTxHash) |
//! |---|---|---|
//! | the Safe itself (1.0.0 to 1.2.0) | yes | only with a handler |
//! | `CompatibilityFallbackHandler` 1.3.0, 1.4.1 | yes | yes |
//! | `CompatibilityFallbackHandler` 1.5.0 | **no** | yes, if the child is 1.5.0 too |
//! | no handler | no | no |
//! | another handler | the chain must say | the chain must say |
//!
//! (`CompatibilityFallbackHandler.sol` and `Safe.sol` of each release.) `approveHash` always works, so that is
//! what is said where this does not. A verdict here is never the last word: what counts is what the
//! owner answers the *parent* on chain; here it is said early, and said why.

use alloy::primitives::{Address, B256, Bytes, address};

use super::hash::{SafeTxHashes, message_hashes};
use super::ids::{SafeAddress, SafeTxHash};
use super::nested::ContractOwnerMessage;
use super::owner_tree::{OwnerKind, OwnerTree};
use super::signature::{CheckError, PackError, check, pack};
use super::state::SafeState;
use super::version::SafeVersion;
use super::{OwnerSignature, SignatureKind};

/// Where the handlers of the releases stand (`safe-deployments` 1.37.63; canonical, EIP-155, zkSync).
const HANDLERS: [(Address, SafeVersion); 6] = [
    (address!("0xf48f2B2d2a534e402487b3ee7C18c33Aec0Fe5e4"), SafeVersion::V1_3_0),
    (address!("0x017062a1dE2FE6b99BE3d9d37841FeD19F573804"), SafeVersion::V1_3_0),
    (address!("0x2f870a80647BbC554F3a0EBD093f11B4d2a7492A"), SafeVersion::V1_3_0),
    (address!("0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99"), SafeVersion::V1_4_1),
    (address!("0x9301E98DD367135f21bdF66f342A249c9D5F9069"), SafeVersion::V1_4_1),
    (address!("0x3EfCBb83A4A7AfcB4F68D501E2c2203a38be77f4"), SafeVersion::V1_5_0),
];

/// `DefaultCallbackHandler` 1.1.1, which answers token callbacks only.
const CALLBACKS_ONLY: Address = address!("0xd5D82B6aDDc9027B22dCA772Aa68D5d74cdBdF44");
/// `TokenCallbackHandler` 1.5.0, likewise.
const TOKEN_CALLBACKS_ONLY: Address = address!("0x54e86d004d71a8D2112ec75FaCE57D730b0433F3");

/// Who answers `isValidSignature` for a Safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answerer {
    /// The handler of a release.
    Handler(SafeVersion),
    /// A handler that is none of those.
    Stranger(Address),
    /// No handler, or one that does not know the question.
    Nobody,
}

fn answerer(child: &SafeState) -> Answerer {
    match child.fallback_handler {
        None | Some(CALLBACKS_ONLY | TOKEN_CALLBACKS_ONLY) => Answerer::Nobody,
        Some(handler) => HANDLERS
            .iter()
            .find(|(known, _)| *known == handler)
            .map_or(Answerer::Stranger(handler), |(_, version)| Answerer::Handler(*version)),
    }
}

/// Whether `isValidSignature(bytes,bytes)` is a function of the Safe itself.
fn answers_itself(version: SafeVersion) -> bool {
    version <= SafeVersion::V1_2_0
}

/// Whether a child can answer its parent with signatures alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OffChain {
    /// It can.
    Works,
    /// Nobody here knows its handler: only the chain can say.
    AskTheChain {
        /// Why, in a sentence.
        because: String,
    },
    /// It cannot; it must execute `approveHash`.
    Impossible {
        /// Why, in a sentence.
        because: String,
    },
}

/// Whether this child can give a parent of that version a signature that needs no transaction.
pub fn off_chain(parent: SafeVersion, child: &SafeState) -> OffChain {
    let by_hash = parent.asks_contract_owners_about_the_hash();
    let impossible = |because: String| OffChain::Impossible { because };
    let safe = child.address;
    match answerer(child) {
        _ if !by_hash && answers_itself(child.version) => OffChain::Works,
        Answerer::Handler(SafeVersion::V1_5_0) if !by_hash => impossible(format!(
            "Safe {safe} has the 1.5.0 handler, which does not know the question that a parent {parent} asks: it must approve with approveHash"
        )),
        Answerer::Handler(SafeVersion::V1_5_0) if child.version < SafeVersion::V1_5_0 => impossible(format!(
            "Safe {safe} is {} with the 1.5.0 handler, which cannot check its signatures: it must approve with approveHash",
            child.version
        )),
        Answerer::Handler(_) => OffChain::Works,
        Answerer::Stranger(handler) => OffChain::AskTheChain {
            because: format!(
                "Safe {safe} has fallback handler {handler}, which is none of the Safe releases'"
            ),
        },
        Answerer::Nobody => impossible(format!(
            "Safe {safe} has no fallback handler that answers for its signatures: it must approve with approveHash"
        )),
    }
}

/// What the owners of a child sign so that it can answer: the hashes of a `SafeMessage` of the child. The
/// third is what they sign; the first two are what their devices show.
pub fn child_hashes(asked: &ContractOwnerMessage, child: &SafeState) -> SafeTxHashes {
    message_hashes(asked.as_bytes(), &child.domain())
}

/// What a child asks an owner of its own that is a contract, while it answers `asked`; none where it can
/// ask nothing that any contract could answer.
pub fn asks_further(asked: &ContractOwnerMessage, child: &SafeState) -> Option<ContractOwnerMessage> {
    let own = child_hashes(asked, child);
    if child.version.asks_contract_owners_about_the_hash() {
        return Some(ContractOwnerMessage::Hash(own.safe_tx.0));
    }
    // Up to the 1.3.0 handler what is passed on is what was asked, not the message made of it; a Safe 1.4.1
    // insists that it hashes to what is signed (GS027).
    let passes_the_question_on =
        answers_itself(child.version) || answerer(child) == Answerer::Handler(SafeVersion::V1_3_0);
    match (passes_the_question_on, child.version) {
        (true, SafeVersion::V1_4_1) => None,
        (true, _) => Some(ContractOwnerMessage::Preimage(Bytes::copy_from_slice(asked.as_bytes()))),
        (false, _) => Some(ContractOwnerMessage::Preimage(own.preimage().into())),
    }
}

/// What an inner signature is worth, as far as can be told without the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    /// Keys that signed, each recovered.
    pub keys: Vec<Address>,
    /// What only the chain can tell, one sentence each; empty when signatures alone suffice.
    pub ask: Vec<String>,
}

/// Why an inner signature is worth nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InnerError {
    /// The child cannot answer at all.
    #[error("{0}")]
    Impossible(String),
    /// Its owners did not sign it, or not enough of them did.
    #[error("the signature of Safe {child} does not hold")]
    Signatures {
        /// The child.
        child: SafeAddress,
        /// What is wrong.
        #[source]
        source: CheckError,
    },
    /// They signed the message in the form that a parent of another version asks.
    #[error(
        "the owners of Safe {child} signed {signed} and not {wanted}, which is what a parent {parent} asks (GS026 on the chain)"
    )]
    WrongForm {
        /// The child.
        child: SafeAddress,
        /// The parent's version.
        parent: SafeVersion,
        /// What they signed.
        signed: &'static str,
        /// What they should have.
        wanted: &'static str,
    },
}

const THE_HASH: &str = "the 32-byte safeTxHash";
const THE_PREIMAGE: &str = "its 66-byte preimage";

/// Judges the inner signature of a child, for a transaction of a parent of that version.
///
/// # Errors
/// Says what the chain would refuse, and why.
pub fn judge(
    parent: SafeVersion,
    hashes: &SafeTxHashes,
    child: &OwnerTree,
    inner: &[u8],
) -> Result<Worth, InnerError> {
    let asked = ContractOwnerMessage::asked_by(parent, hashes);
    let mut worth = Worth::default();
    match off_chain(parent, &child.safe) {
        OffChain::Works => {}
        OffChain::AskTheChain { because } => worth.ask.push(because),
        OffChain::Impossible { because } => return Err(InnerError::Impossible(because)),
    }
    match read_inner(&asked, child, inner, &mut worth) {
        Ok(()) => Ok(worth),
        Err(error) => {
            let other = other_form(&asked, hashes);
            let wrong_form = read_inner(&other, child, inner, &mut Worth::default()).is_ok();
            Err(if wrong_form { wrong(child.safe.address, parent) } else { error })
        }
    }
}

fn other_form(asked: &ContractOwnerMessage, hashes: &SafeTxHashes) -> ContractOwnerMessage {
    match asked {
        ContractOwnerMessage::Hash(_) => ContractOwnerMessage::Preimage(hashes.preimage().into()),
        ContractOwnerMessage::Preimage(_) => ContractOwnerMessage::Hash(hashes.safe_tx.0),
    }
}

fn wrong(child: SafeAddress, parent: SafeVersion) -> InnerError {
    let (signed, wanted) = if parent.asks_contract_owners_about_the_hash() {
        (THE_PREIMAGE, THE_HASH)
    } else {
        (THE_HASH, THE_PREIMAGE)
    };
    InnerError::WrongForm { child, parent, signed, wanted }
}

fn read_inner(
    asked: &ContractOwnerMessage,
    child: &OwnerTree,
    inner: &[u8],
    worth: &mut Worth,
) -> Result<(), InnerError> {
    let safe = &child.safe;
    let message = child_hashes(asked, safe).safe_tx;
    if inner.is_empty() {
        worth.ask.push(format!("whether Safe {} signed {message} as a message on chain", safe.address));
        return Ok(());
    }
    let threshold = usize::try_from(safe.threshold).unwrap_or(usize::MAX);
    let refused = |source| InnerError::Signatures { child: safe.address, source };
    for signature in check(message, inner, &safe.owners, threshold).map_err(refused)? {
        match signature.kind {
            SignatureKind::Eoa | SignatureKind::EthSign => worth.keys.push(signature.owner),
            SignatureKind::ApprovedHash => worth
                .ask
                .push(format!("whether {} approved {message} at Safe {}", signature.owner, safe.address)),
            SignatureKind::ContractSignature => further(asked, child, &signature, worth)?,
        }
    }
    Ok(())
}

/// A contract signature within a contract signature.
fn further(
    asked: &ContractOwnerMessage,
    child: &OwnerTree,
    signature: &OwnerSignature,
    worth: &mut Worth,
) -> Result<(), InnerError> {
    let owner = child.owners.iter().find(|owner| owner.address == signature.owner);
    let Some(OwnerKind::Safe(grandchild)) = owner.map(|owner| &owner.kind) else {
        worth.ask.push(format!("whether contract {} takes its signature for its own", signature.owner));
        return Ok(());
    };
    match off_chain(child.safe.version, &grandchild.safe) {
        OffChain::Works => {}
        OffChain::AskTheChain { because } => worth.ask.push(because),
        OffChain::Impossible { because } => return Err(InnerError::Impossible(because)),
    }
    match asks_further(asked, &child.safe) {
        Some(asked) => read_inner(&asked, grandchild, &signature.bytes, worth),
        None => Err(InnerError::Impossible(format!(
            "Safe {} is 1.4.1 with the 1.3.0 handler and can check no signature of a contract (GS027): Safe {} must approve with approveHash",
            child.safe.address, signature.owner
        ))),
    }
}

/// Packs the signatures of a child's owners as its inner signature: as many as it needs, no more.
///
/// # Errors
/// When they are too few, an owner occurs twice, or bytes are not of their kind.
pub fn inner_signature(
    child: &SafeState,
    mut signatures: Vec<OwnerSignature>,
) -> Result<Bytes, InnerPackError> {
    signatures.retain(|signature| child.is_owner(signature.owner));
    let threshold = usize::try_from(child.threshold).unwrap_or(usize::MAX);
    if signatures.len() < threshold {
        return Err(InnerPackError::TooFew { child: child.address, found: signatures.len(), threshold });
    }
    signatures.sort_by_key(|signature| signature.owner);
    signatures.truncate(threshold);
    Ok(pack(signatures)?)
}

/// Why there is no inner signature yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InnerPackError {
    /// Not enough owners of the child signed.
    #[error("{found} of the {threshold} signatures that Safe {child} needs are there")]
    TooFew {
        /// The child.
        child: SafeAddress,
        /// How many there are.
        found: usize,
        /// How many it needs.
        threshold: usize,
    },
    /// They cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// A contract signature as it travels by itself: 65 bytes that name the owner, and the inner signature
/// behind them, as the Transaction Service takes and gives it.
pub fn alone(owner: Address, inner: &Bytes) -> Result<Bytes, PackError> {
    pack(vec![OwnerSignature::contract(owner, inner.clone())])
}

/// Reads a signature that travels by itself, of any kind: what [`super::signature::recover`] cannot,
/// because a contract's inner signature stands behind the 65 bytes.
///
/// # Errors
/// When it is no signature, or several.
pub fn read_alone(hash: SafeTxHash, bytes: &[u8]) -> Result<OwnerSignature, super::signature::SplitError> {
    let mut signatures = super::signature::unpack(hash, bytes)?;
    match (signatures.pop(), signatures.len()) {
        (Some(only), 0) => Ok(only),
        (_, more) => {
            Err(super::signature::SplitError::Trailing { bytes: more * super::signature::SIGNATURE_BYTES })
        }
    }
}

/// The question a parent puts to a contract owner about its transaction, as calldata, with the four bytes
/// that mean yes.
pub fn question(parent: SafeVersion, hashes: &SafeTxHashes, inner: &Bytes) -> (Bytes, [u8; 4]) {
    let asked = ContractOwnerMessage::asked_by(parent, hashes);
    (asked.calldata(inner.clone()), asked.yes())
}

/// Whether a contract owner's answer means yes: a word of the four bytes and zeros, as Solidity reads it.
pub fn is_yes(answer: &[u8], yes: [u8; 4]) -> bool {
    let mut word = B256::ZERO;
    for (place, byte) in word.iter_mut().zip(yes) {
        *place = byte;
    }
    answer.get(..32) == Some(word.as_slice())
}

#[cfg(test)]
mod tests;
