//! What the Safe Transaction Service answers: claims about Safes, transactions, delegates; and refusals.

use alloy::primitives::Address;
use redhandle::domain::names::ChainId;
use redhandle::domain::safe::{SafeAddress, SafeDomain, SafeTx, SafeTxHash, SafeVersion, hash};
use redhandle::safe_service::wire::{About, Delegate, MultisigTransaction, Page, SafeInfo};
use redhandle::safe_service::words::explain;

pub fn service(data: &[u8]) {
    serde_json::from_slice::<About>(data).ok();
    serde_json::from_slice::<SafeInfo>(data).ok();
    if let Ok(page) = serde_json::from_slice::<Page<Delegate>>(data) {
        for delegate in page.results {
            let written = serde_json::to_string(&delegate).expect("a delegate that cannot be written");
            let back: Delegate =
                serde_json::from_str(&written).expect("a written delegate that cannot be read");
            assert_eq!(back, delegate, "it comes back as another");
        }
    }
    if let Ok(page) = serde_json::from_slice::<Page<MultisigTransaction>>(data) {
        page.results.iter().for_each(transaction);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let safe = SafeAddress(Address::repeat_byte(7));
        assert!(!explain(safe, text).is_empty());
    }
}

/// What is believed of a transaction is what was computed of it here.
fn transaction(claimed: &MultisigTransaction) {
    let written = serde_json::to_string(&claimed.tx).expect("a transaction that cannot be written");
    let back: SafeTx = serde_json::from_str(&written).expect("a written transaction that cannot be read");
    assert_eq!(back, claimed.tx, "it comes back as another");
    let of = |version| SafeDomain { chain_id: ChainId(1), safe: claimed.safe, version };
    let computed = hash(&claimed.tx, &of(SafeVersion::V1_4_1)).safe_tx;
    for confirmation in &claimed.confirmations {
        for of in [computed, claimed.safe_tx_hash, SafeTxHash::default()] {
            match confirmation.owner_signature(of) {
                Ok(signature) => assert_eq!(signature.owner, confirmation.owner, "somebody else's counts"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}
