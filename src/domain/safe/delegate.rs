//! The typed data of the Transaction Service itself: who may propose for an owner, and who takes a
//! proposal back.
//!
//! Both carry a time-based number, the hour since 1970, so that a signature dies within two hours. The
//! service takes the current hour and the one before; a clock that is off by more makes every one invalid.

use alloy::primitives::{Address, B256, U256};
use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolStruct};
use serde_json::{Value, json};

use super::hash::{field, json_chain_id};
use super::ids::{SafeAddress, SafeTxHash};
use crate::domain::names::ChainId;

/// How long one number lasts (service 6.10.1: `totp = unix_seconds // 3600`).
pub const TOTP_PERIOD_SECONDS: u64 = 3600;

/// The name in the service's EIP-712 domain.
const DOMAIN_NAME: &str = "Safe Transaction Service";
/// The version in the service's EIP-712 domain.
const DOMAIN_VERSION: &str = "1.0";

sol! {
    struct Delegate {
        address delegateAddress;
        uint256 totp;
    }

    struct DeleteRequest {
        bytes32 safeTxHash;
        uint256 totp;
    }
}

/// The hour that a signature made at this time names.
pub fn totp(unix_seconds: u64) -> u64 {
    unix_seconds / TOTP_PERIOD_SECONDS
}

fn domain(chain: Option<ChainId>, contract: Option<SafeAddress>) -> Eip712Domain {
    Eip712Domain::new(
        Some(DOMAIN_NAME.into()),
        Some(DOMAIN_VERSION.into()),
        chain.map(|chain| U256::from(chain.0)),
        contract.map(|safe| safe.0),
        None,
    )
}

/// What a delegator signs to add, change or remove a delegate. Without a chain the signature holds on
/// every chain; the service takes both, Redhandle only ever asks for the one with a chain.
pub fn delegate_hash(chain: Option<ChainId>, delegate: Address, totp: u64) -> B256 {
    let request = Delegate { delegateAddress: delegate, totp: U256::from(totp) };
    request.eip712_signing_hash(&domain(chain, None))
}

/// What the proposer, or the delegate who proposed, signs to take a queued transaction back. Deletion is
/// cosmetic: a signature once published stays usable.
pub fn delete_request_hash(chain: ChainId, safe: SafeAddress, tx: SafeTxHash, totp: u64) -> B256 {
    let request = DeleteRequest { safeTxHash: tx.0, totp: U256::from(totp) };
    request.eip712_signing_hash(&domain(Some(chain), Some(safe)))
}

/// The JSON with which an owner's wallet signs a delegation (`eth_signTypedData_v4`).
pub fn delegate_typed_data(chain: ChainId, delegate: Address, totp: u64) -> Value {
    json!({
        "types": {
            "EIP712Domain": [field("name", "string"), field("version", "string"), field("chainId", "uint256")],
            "Delegate": [field("delegateAddress", "address"), field("totp", "uint256")],
        },
        "primaryType": "Delegate",
        "domain": { "name": DOMAIN_NAME, "version": DOMAIN_VERSION, "chainId": json_chain_id(chain) },
        "message": { "delegateAddress": delegate.to_checksum(None), "totp": totp },
    })
}
