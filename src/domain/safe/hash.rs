//! The hashes of a Safe transaction, in every version.
//!
//! Three of them meet the signer: hardware wallets show the *domain* and the *message* hash, the rest of
//! the world speaks of the *safeTxHash*, which is `keccak256(0x1901 || domain || message)`.

use alloy::primitives::{B256, Bytes, U256, keccak256};
use alloy::sol_types::{Eip712Domain, SolStruct};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ids::{SafeAddress, SafeTxHash};
use super::tx::SafeTx;
use super::version::SafeVersion;
use crate::domain::names::ChainId;

/// The largest integer that every JSON reader keeps exactly: 2^53 - 1.
const JSON_SAFE_INTEGER_MAX: u64 = 9_007_199_254_740_991;

/// The structs as the contracts name them; the names are part of what is hashed.
mod typed {
    alloy::sol! {
        /// `SAFE_TX_TYPEHASH` of `Safe.sol`, the same since 1.0.0.
        struct SafeTx {
            address to;
            uint256 value;
            bytes data;
            uint8 operation;
            uint256 safeTxGas;
            uint256 baseGas;
            uint256 gasPrice;
            address gasToken;
            address refundReceiver;
            uint256 nonce;
        }

        /// `SAFE_MSG_TYPEHASH` of `CompatibilityFallbackHandler.sol`.
        struct SafeMessage {
            bytes message;
        }
    }
}

/// What separates one Safe's hashes from every other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeDomain {
    /// Decides whether the chain is part of the domain.
    pub version: SafeVersion,
    /// The chain; ignored before 1.3.0.
    pub chain_id: ChainId,
    /// The verifying contract.
    pub safe: SafeAddress,
}

impl SafeDomain {
    /// The domain separator, as the contract's `domainSeparator()` says it.
    pub fn separator(&self) -> B256 {
        let chain_id = self.version.has_chain_id().then(|| U256::from(self.chain_id.0));
        Eip712Domain::new(None, None, chain_id, Some(self.safe.0), None).hash_struct()
    }
}

/// The three hashes of one Safe transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeTxHashes {
    /// The domain separator.
    pub domain: B256,
    /// The struct hash of the transaction.
    pub message: B256,
    /// What the owners sign.
    pub safe_tx: SafeTxHash,
}

impl SafeTxHashes {
    /// The 66 bytes whose hash is the safeTxHash; `encodeTransactionData` of the contracts.
    pub fn preimage(&self) -> [u8; 66] {
        preimage(self.domain, self.message)
    }
}

fn preimage(domain: B256, message: B256) -> [u8; 66] {
    let mut bytes = [0_u8; 66];
    let (prefix, hashes) = bytes.split_at_mut(2);
    let (first, second) = hashes.split_at_mut(32);
    prefix.copy_from_slice(&[0x19, 0x01]);
    first.copy_from_slice(domain.as_slice());
    second.copy_from_slice(message.as_slice());
    bytes
}

/// Hashes a transaction of a Safe.
pub fn hash(tx: &SafeTx, of: &SafeDomain) -> SafeTxHashes {
    let message = typed::SafeTx {
        to: tx.to,
        value: tx.value,
        data: tx.data.clone(),
        operation: tx.operation.as_u8(),
        safeTxGas: tx.safe_tx_gas,
        baseGas: tx.base_gas,
        gasPrice: tx.gas_price,
        gasToken: tx.gas_token,
        refundReceiver: tx.refund_receiver,
        nonce: tx.nonce.0,
    }
    .eip712_hash_struct();
    let domain = of.separator();
    SafeTxHashes { domain, message, safe_tx: SafeTxHash(keccak256(preimage(domain, message))) }
}

/// The hash that owners sign to make a message the Safe's own (`SafeMessage`).
pub fn message_hash(message: &[u8], of: &SafeDomain) -> B256 {
    message_hashes(message, of).safe_tx.0
}

/// The three hashes of a message of the Safe (`SafeMessage`), as those of a transaction: a hardware wallet
/// shows the first two, and owners sign the third.
pub fn message_hashes(message: &[u8], of: &SafeDomain) -> SafeTxHashes {
    let message = typed::SafeMessage { message: Bytes::copy_from_slice(message) };
    let (domain, message) = (of.separator(), message.eip712_hash_struct());
    SafeTxHashes { domain, message, safe_tx: SafeTxHash(keccak256(preimage(domain, message))) }
}

/// The JSON for `eth_signTypedData_v4`. Numbers are decimal strings; a chain id that JSON would round is
/// hexadecimal, which wallets take as well.
pub fn typed_data(tx: &SafeTx, of: &SafeDomain) -> Value {
    let (domain_type, domain) = domain_json(of);
    let message = json!({
        "to": tx.to.to_checksum(None),
        "value": tx.value.to_string(),
        "data": tx.data,
        "operation": tx.operation.as_u8(),
        "safeTxGas": tx.safe_tx_gas.to_string(),
        "baseGas": tx.base_gas.to_string(),
        "gasPrice": tx.gas_price.to_string(),
        "gasToken": tx.gas_token.to_checksum(None),
        "refundReceiver": tx.refund_receiver.to_checksum(None),
        "nonce": tx.nonce.to_string(),
    });
    json!({
        "types": {
            "EIP712Domain": domain_type,
            "SafeTx": [
                field("to", "address"),
                field("value", "uint256"),
                field("data", "bytes"),
                field("operation", "uint8"),
                field("safeTxGas", "uint256"),
                field("baseGas", "uint256"),
                field("gasPrice", "uint256"),
                field("gasToken", "address"),
                field("refundReceiver", "address"),
                field("nonce", "uint256"),
            ],
        },
        "primaryType": "SafeTx",
        "domain": domain,
        "message": message,
    })
}

/// The JSON for `eth_signTypedData_v4` of a message of the Safe: `SafeMessage(bytes message)`.
pub fn message_typed_data(message: &[u8], of: &SafeDomain) -> Value {
    let (domain_type, domain) = domain_json(of);
    json!({
        "types": { "EIP712Domain": domain_type, "SafeMessage": [field("message", "bytes")] },
        "primaryType": "SafeMessage",
        "domain": domain,
        "message": { "message": Bytes::copy_from_slice(message) },
    })
}

/// The domain's type and value: with the chain id from 1.3.0 on.
fn domain_json(of: &SafeDomain) -> (Vec<Value>, Value) {
    let mut domain_type = vec![field("verifyingContract", "address")];
    let mut domain = json!({ "verifyingContract": of.safe });
    if of.version.has_chain_id() {
        domain_type.insert(0, field("chainId", "uint256"));
        if let Some(fields) = domain.as_object_mut() {
            fields.insert("chainId".to_owned(), json_chain_id(of.chain_id));
        }
    }
    (domain_type, domain)
}

pub(super) fn field(name: &str, kind: &str) -> Value {
    json!({ "name": name, "type": kind })
}

pub(super) fn json_chain_id(chain: ChainId) -> Value {
    if chain.0 <= JSON_SAFE_INTEGER_MAX { json!(chain.0) } else { json!(format!("{:#x}", chain.0)) }
}
