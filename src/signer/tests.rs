//! Keys that are here; those that are elsewhere need what `tests/it/signers.rs` puts in their place.

use alloy::primitives::U256;
use secrecy::SecretString;

use super::*;
use crate::domain::names::ChainId;
use crate::domain::safe::{SafeAddress, SafeNonce, SafeVersion};

const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

fn signer() -> KeySigner {
    KeySigner::private_key(&SecretString::from(KEY)).unwrap()
}

fn transaction() -> (SafeTx, SafeDomain) {
    let domain = SafeDomain {
        version: SafeVersion::V1_4_1,
        chain_id: ChainId(1),
        safe: SafeAddress(Address::repeat_byte(0x5a)),
    };
    let data = Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59]);
    (SafeTx::call(Address::repeat_byte(7), data, SafeNonce(U256::from(12))), domain)
}

#[tokio::test]
async fn a_key_signs_the_safe_tx_hash_and_nothing_else() {
    let (tx, domain) = transaction();
    let signature = signer().sign_safe_tx(&tx, &domain).await.unwrap();
    let recovered = recover_digest(hash(&tx, &domain).safe_tx.0, &signature).unwrap();
    assert_eq!(recovered.owner, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse::<Address>().unwrap());
    assert!(matches!(signature.last(), Some(27 | 28)));
}

#[tokio::test]
async fn a_transaction_is_signed_by_the_key_it_says() {
    let mut transaction = alloy::consensus::TxEip1559 { chain_id: 31_337, ..Default::default() };
    let signer = signer();
    let signature = TxSigner::sign_transaction(&signer, &mut transaction).await.unwrap();
    let digest = transaction.signature_hash();
    assert_eq!(signature.recover_address_from_prehash(&digest).unwrap(), signer.address());
}

#[test]
fn a_private_key_is_32_bytes_and_is_never_repeated() {
    for text in [
        "",
        "0x",
        "0x00",
        &KEY[..60],
        &format!("{KEY}00"),
        &format!("0x{}", "00".repeat(32)),
        &"f".repeat(64),
    ] {
        let refused = KeySigner::private_key(&SecretString::from(text)).unwrap_err();
        assert!(refused.is_ours());
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"the private key is not 32 bytes in hexadecimal, or no key of the curve");
        }
    }
    assert!(KeySigner::private_key(&SecretString::from(&KEY[2..])).is_ok());
    assert!(!format!("{:?}", signer()).contains(&KEY[2..]));
}

#[test]
fn a_keystore_that_does_not_open_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let password = SecretString::from("right");
    let missing = KeySigner::keystore(&path, &password).unwrap_err();
    assert!(missing.to_string().contains("there is no keystore at"), "{missing}");
    std::fs::write(&path, "{}").unwrap();
    let garbage = KeySigner::keystore(&path, &password).unwrap_err();
    assert!(garbage.to_string().contains("is not a keystore"), "{garbage}");
}

#[tokio::test]
async fn what_waits_too_long_is_given_up() {
    let never = std::future::pending::<Result<(), SignerError>>();
    let late = within("the Ledger", Duration::from_millis(5), never).await.unwrap_err();
    insta::assert_snapshot!(late, @"the Ledger did not sign within 0 s: nothing was signed");
}

#[test]
fn a_refusal_on_the_device_is_told_as_one() {
    let of = |text: &str| SignerError::of("the Ledger", alloy::signers::Error::message(text));
    for said in ["APDU_CODE_CONDITIONS_NOT_SATISFIED: 6985", "Action cancelled by user", "denied by the user"]
    {
        insta::allow_duplicates! {
            insta::assert_snapshot!(of(said), @"it was refused on the Ledger: nothing was signed");
        }
    }
    assert!(matches!(of("the cable is broken"), SignerError::NotSigned { .. }));
}

#[cfg(not(feature = "ledger"))]
#[tokio::test]
async fn a_build_without_a_device_says_which_feature_it_wants() {
    let path = crate::domain::hd_path::HdPath::Account(0);
    let refused = KeySigner::ledger(&path).await.unwrap_err();
    assert!(refused.is_ours());
    insta::assert_snapshot!(refused, @"this build has no support for Ledger: build it with `cargo build --release --features ledger`");
}
