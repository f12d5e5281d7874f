//! Who signed, judged signature by signature as the real service does: recovered here where a key signed,
//! asked of the chain where a contract or an approval is claimed.

use alloy::primitives::{Address, Bytes};

use super::chain_view::{ChainView, ChainViewError};
use crate::domain::safe::signature::{StaticPart, recover, split};
use crate::domain::safe::{
    ContractOwnerMessage, OwnerSignature, SafeState, SafeTxHashes, SignatureKind, signature,
};

/// Signatures in one request: more than any Safe has owners. Each costs a recovery or a call.
pub(super) const SIGNATURES_MAX: usize = 100;

/// One signature of a request.
pub(super) struct Claim {
    /// Who signed; nobody (zero) when it leads to no key.
    pub(super) owner: Address,
    /// As stored and shown: packed as if it stood alone.
    pub(super) packed: Bytes,
    /// How.
    pub(super) kind: SignatureKind,
    /// The 65 bytes that stood in the request.
    pub(super) shown: Bytes,
    part: StaticPart,
}

impl Claim {
    /// Reads the signatures of a request. Bytes that belong to none are ignored, as at the real service.
    pub(super) fn read_all(hashes: &SafeTxHashes, bytes: &Bytes) -> Vec<Self> {
        let Ok((parts, _trailing)) = split(bytes) else { return Vec::new() };
        parts.into_iter().take(SIGNATURES_MAX + 1).map(|part| Self::read(hashes, part)).collect()
    }

    fn read(hashes: &SafeTxHashes, part: StaticPart) -> Self {
        let shown = Bytes::copy_from_slice(&part.bytes);
        let (owner, kind) = match recover(hashes.safe_tx, &part.bytes) {
            Ok(recovered) => (recovered.owner, recovered.kind),
            // The real service calls a signature that leads nowhere one of the zero address.
            Err(_) => (Address::ZERO, SignatureKind::Eoa),
        };
        let packed = match &part.inner {
            Some(Ok(inner)) => {
                signature::pack(vec![OwnerSignature::contract(owner, inner.clone())]).unwrap_or_default()
            }
            Some(Err(_)) | None => shown.clone(),
        };
        Self { owner, packed, kind, shown, part }
    }

    /// Whether what it claims is so. A key's signature is what it is: its owner was recovered. The chain is
    /// asked about owners only: a stranger's contract is not called because a request names it.
    pub(super) async fn holds(
        &self,
        chain: &dyn ChainView,
        state: &SafeState,
        hashes: &SafeTxHashes,
    ) -> Result<bool, ChainViewError> {
        if self.kind.needs_chain() && !state.is_owner(self.owner) {
            return Ok(false);
        }
        match self.kind {
            SignatureKind::Eoa | SignatureKind::EthSign => Ok(true),
            SignatureKind::ApprovedHash => {
                chain.approved_hash(state.address, self.owner, hashes.safe_tx).await
            }
            SignatureKind::ContractSignature => match &self.part.inner {
                Some(Ok(inner)) => {
                    let message = ContractOwnerMessage::asked_by(state.version, hashes);
                    chain.is_valid_signature(self.owner, &message, inner).await
                }
                Some(Err(_)) | None => Ok(false),
            },
        }
    }
}

/// Addresses as the real service writes a list of them.
pub(super) fn listed(addresses: &[Address]) -> String {
    let quoted: Vec<_> = addresses.iter().map(|address| format!("'{}'", address.to_checksum(None))).collect();
    format!("[{}]", quoted.join(", "))
}

/// Addresses as the real service writes a set of them.
pub(super) fn set(addresses: &[Address]) -> String {
    if addresses.is_empty() {
        return "set()".to_owned();
    }
    let quoted: Vec<_> = addresses.iter().map(|address| format!("'{}'", address.to_checksum(None))).collect();
    format!("{{{}}}", quoted.join(", "))
}
