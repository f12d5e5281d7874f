//! DeputyPauseModule: typed data, calldata, and what its reverts mean.
//!
//! Source: `ethereum-optimism/optimism`, `packages/contracts-bedrock/src/safe/DeputyPauseModule.sol` 1.0.1; the same
//! contract, rebuilt, is in `foundry-tests/src`.

#![allow(missing_docs, reason = "sol! generates the contract's own names; ours are documented")]

use std::fmt;

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolCall as _, SolError as _, SolStruct as _, SolValue as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::names::ChainId;
use crate::domain::safe::signature::{RecoverError, recover_digest};

sol! {
    /// What the deputy signs.
    struct PauseMessage {
        bytes32 nonce;
    }

    /// The module.
    #[derive(Debug, PartialEq, Eq)]
    interface DeputyPause {
        function deputy() external view returns (address);
        function usedNonces(bytes32 nonce) external view returns (bool);
        function foundationSafe() external view returns (address);
        function pause(bytes32 nonce, bytes signature) external;

        error DeputyPauseModule_InvalidDeputy();
        error DeputyPauseModule_Unauthorized();
        error DeputyPauseModule_NonceAlreadyUsed();
        error DeputyPauseModule_ExecutionFailed(string reason);
        error DeputyPauseModule_SuperchainNotPaused();
    }
}

/// Where a pause is ordered: the module on its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseOrder {
    /// The chain.
    pub chain_id: ChainId,
    /// The module.
    pub module: Address,
    /// Random, and never used before.
    pub nonce: B256,
}

/// A signed order: whoever has it can pause, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseSignature {
    /// The chain.
    pub chain_id: ChainId,
    /// The module.
    pub module: Address,
    /// The nonce that was signed.
    pub nonce: B256,
    /// The deputy's 65 bytes.
    pub signature: Bytes,
}

/// The signature is authority, and stands in no log.
impl fmt::Debug for PauseSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PauseSignature(module {} on {}, nonce {})", self.module, self.chain_id, self.nonce)
    }
}

impl PauseSignature {
    /// What it orders.
    pub fn order(&self) -> PauseOrder {
        PauseOrder { chain_id: self.chain_id, module: self.module, nonce: self.nonce }
    }

    /// Who signed it.
    ///
    /// # Errors
    /// When the bytes are no signature.
    pub fn signer(&self) -> Result<Address, RecoverError> {
        recover_digest(pause_hash(&self.order()), &self.signature).map(|found| found.owner)
    }

    /// Calldata that pauses.
    pub fn calldata(&self) -> Bytes {
        DeputyPause::pauseCall { nonce: self.nonce, signature: self.signature.clone() }.abi_encode().into()
    }
}

fn domain(order: &PauseOrder) -> Eip712Domain {
    Eip712Domain::new(
        Some("DeputyPauseModule".into()),
        Some("1".into()),
        Some(U256::from(order.chain_id.0)),
        Some(order.module),
        None,
    )
}

/// What the deputy signs.
pub fn pause_hash(order: &PauseOrder) -> B256 {
    PauseMessage { nonce: order.nonce }.eip712_signing_hash(&domain(order))
}

/// The JSON for `eth_signTypedData_v4`.
pub fn typed_data(order: &PauseOrder) -> Value {
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"),
                field("version", "string"),
                field("chainId", "uint256"),
                field("verifyingContract", "address"),
            ],
            "PauseMessage": [field("nonce", "bytes32")],
        },
        "primaryType": "PauseMessage",
        "domain": {
            "name": "DeputyPauseModule",
            "version": "1",
            "chainId": order.chain_id,
            "verifyingContract": order.module.to_checksum(None),
        },
        "message": { "nonce": order.nonce },
    })
}

/// Why the call inside failed, where a revert of the module says that it did. It hands on the cause as a string, which
/// is bytes and seldom text.
pub fn cause(revert: &[u8]) -> Option<Bytes> {
    let data = revert.strip_prefix(&DeputyPause::DeputyPauseModule_ExecutionFailed::SELECTOR)?;
    Bytes::abi_decode(data).ok()
}

/// The module's errors, so that a revert is named.
pub fn errors() -> JsonAbi {
    super::zodiac_roles::abi_of(&[
        "error DeputyPauseModule_InvalidDeputy()",
        "error DeputyPauseModule_Unauthorized()",
        "error DeputyPauseModule_NonceAlreadyUsed()",
        "error DeputyPauseModule_ExecutionFailed(string reason)",
        "error DeputyPauseModule_SuperchainNotPaused()",
    ])
}
