//! A Safe of two people and what they send.

use alloy::primitives::{Address, B256, Bytes};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};

use super::model::ModelChain;
use crate::domain::names::ChainId;
use crate::domain::safe::{SafeAddress, SafeDomain, SafeNonce, SafeTx, SafeTxHash, SafeVersion, hash};

pub(super) const SAFE: &str = "0x42D718c3035d3f9A22222E4d8D48E11e60383D37";
pub(super) const SINGLETON: &str = "0x29fcB43b46531BcA003ddC8FCB67FFE91900C762";

pub(super) fn key(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(number)).unwrap()
}

pub(super) fn sign(key: &PrivateKeySigner, digest: B256) -> Bytes {
    key.sign_hash_sync(&digest).unwrap().as_bytes().to_vec().into()
}

pub(super) fn safe() -> SafeAddress {
    SafeAddress(SAFE.parse().unwrap())
}

/// Keys 1 and 2 own the Safe, both must sign; key 3 is nobody.
pub(super) fn chain() -> ModelChain {
    let chain = ModelChain::default();
    let owners = [key(1).address().to_checksum(None), key(2).address().to_checksum(None)];
    chain.add(SAFE, SafeVersion::V1_4_1, &[&owners[0], &owners[1]], 2, SINGLETON);
    chain
}

pub(super) fn pause(nonce: u64) -> SafeTx {
    SafeTx::call(
        Address::repeat_byte(0x0e),
        Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59]),
        SafeNonce::from(nonce),
    )
}

pub(super) fn hash_of(tx: &SafeTx) -> SafeTxHash {
    let domain = SafeDomain { version: SafeVersion::V1_4_1, chain_id: ChainId(31_337), safe: safe() };
    hash(tx, &domain).safe_tx
}

/// A proposal's body by an owner, signed or not.
pub(super) fn body(tx: &SafeTx, signed: bool) -> Value {
    let hash = hash_of(tx);
    let mut body = serde_json::to_value(tx).unwrap();
    body["contractTransactionHash"] = json!(hash);
    body["sender"] = json!(key(1).address().to_checksum(None));
    body["signature"] = if signed { json!(sign(&key(1), hash.0)) } else { Value::Null };
    body
}

pub(super) fn list() -> String {
    format!("/api/v2/safes/{SAFE}/multisig-transactions/")
}

pub(super) fn words(body: Option<Value>) -> String {
    body.map(|body| body.to_string()).unwrap_or_default()
}
