//! Against values that others computed: `cast` and the contracts in `foundry-tests`.

use alloy::primitives::{Address, B256, Bytes, address, hex, keccak256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolError as _;

use super::zodiac_roles::{ZodiacRoles, exec_with_role, explain};
use super::{PauseOrder, PauseSignature, RoleKey, pause_hash};
use crate::domain::names::ChainId;

const MODULE: Address = address!("0x5FbDB2315678afecb367f032d93F642f64180aa3");

#[test]
fn the_typed_data_is_the_modules() {
    let order = PauseOrder { chain_id: ChainId(31_337), module: MODULE, nonce: B256::repeat_byte(7) };
    // Step by step, as the contract does it.
    let word = |text: &str| keccak256(text.as_bytes());
    let kind = word("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    let domain = keccak256(
        [
            kind.as_slice(),
            word("DeputyPauseModule").as_slice(),
            word("1").as_slice(),
            &alloy::primitives::U256::from(31_337).to_be_bytes::<32>(),
            MODULE.into_word().as_slice(),
        ]
        .concat(),
    );
    let message =
        keccak256([word("PauseMessage(bytes32 nonce)").as_slice(), order.nonce.as_slice()].concat());
    let digest = keccak256([&[0x19, 1], domain.as_slice(), message.as_slice()].concat());
    assert_eq!(pause_hash(&order), digest);

    let key = PrivateKeySigner::from_bytes(&B256::repeat_byte(3)).unwrap();
    let signature = key.sign_hash_sync(&digest).unwrap().as_bytes().to_vec().into();
    let PauseOrder { chain_id, module, nonce } = order;
    let signed = PauseSignature { chain_id, module, nonce, signature };
    assert_eq!(signed.signer(), Ok(key.address()));
    assert_eq!(hex::encode(&signed.calldata()[..4]), "890777d9", "the selector in facts/actions.md");
    assert!(!format!("{signed:?}").contains(&hex::encode(&signed.signature)));
    let typed: alloy::dyn_abi::TypedData =
        serde_json::from_value(super::deputy_pause::typed_data(&order)).unwrap();
    assert_eq!(typed.eip712_signing_hash().unwrap(), digest);
}

#[test]
fn roles_are_named_as_zodiac_names_them() {
    let key: RoleKey = "pauser".parse().unwrap();
    assert!(key.0.starts_with(b"pauser\0"));
    assert_eq!(key.to_string(), "pauser");
    let hash = keccak256("pauser");
    let key: RoleKey = hash.to_string().parse().unwrap();
    assert_eq!((key.0, key.to_string()), (hash, hash.to_string()));
    for wrong in ["", "a name that is longer than 31 bytes", "tab\t", "0x12", &B256::ZERO.to_string()] {
        assert!(wrong.parse::<RoleKey>().is_err(), "{wrong:?}");
    }
}

#[test]
fn the_modifiers_refusals_are_named() {
    let role: RoleKey = "pauser".parse().unwrap();
    let call = exec_with_role(MODULE, Bytes::from_static(&[1, 2, 3, 4]), role);
    assert_eq!(hex::encode(&call[..4]), "c6fe8747");
    let said = |revert: Vec<u8>| explain(&revert, MODULE, role);
    let violation = |status| ZodiacRoles::ConditionViolation { status, info: B256::ZERO }.abi_encode();
    insta::assert_snapshot!(said(ZodiacRoles::NoMembership {}.abi_encode()).unwrap(), @"0x5FbDB2315678afecb367f032d93F642f64180aa3 is no member of role pauser");
    insta::assert_snapshot!(said(violation(3)).unwrap(), @"the role does not allow this function");
    insta::assert_snapshot!(said(violation(9)).unwrap(), @"the role's conditions refuse the call (status 9)");
    assert_eq!(said(vec![1, 2, 3, 4]), None);
}
