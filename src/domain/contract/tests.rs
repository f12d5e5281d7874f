//! Calls written as text.

use insta::assert_snapshot;

use super::*;
use alloy::primitives::{U256, address, hex};

/// A vault with overloads, for the tests of every module that needs a contract.
pub(crate) fn vault() -> Contract {
    let functions = [
        "function pause()",
        "function pause(bytes32 market)",
        "function pause(address market)",
        "function setCap(address account, uint256 cap)",
        "function setMode(uint8 mode)",
        "function setMode(uint256 mode)",
        "function shift(int8 by)",
        "function note(string why, bytes proof)",
        "function limits(address[] accounts, (uint16,bool)[2] caps)",
        "function sweep() payable",
        "function paused() view returns (bool)",
        "function owner() view returns (address)",
        "function totalAssets() view returns (uint256)",
        "function totalSupply() view returns (uint256)",
        "function drift() view returns (int256 by)",
        "function symbol() view returns (string)",
        "function root() view returns (bytes32)",
        "function balanceOf(address account) view returns (uint256)",
        "function guardians() view returns (address[])",
        "function round() view returns (uint80 id, int256 answer, uint256 updatedAt)",
        "function check() view",
    ];
    Contract {
        name: "vault".into(),
        chain: "mainnet".into(),
        chain_id: ChainId(1),
        address: address!("0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        abi: JsonAbi::parse(functions).unwrap(),
    }
}

#[test]
fn a_call_is_found_and_encoded() {
    let account = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
    let table = [
        ("pause()".to_owned(), "pause()", "8456cb59", "vault.pause()"),
        (" pause ( ) ".to_owned(), "pause()", "8456cb59", "vault.pause()"),
        (
            format!("setCap({account}, 0)"),
            "setCap(address,uint256)",
            "",
            "vault.setCap(account: 0x5FbDB2315678afecb367f032d93F642f64180aa3, cap: 0)",
        ),
        ("setMode(uint)(300)".to_owned(), "setMode(uint256)", "", "vault.setMode(mode: 300)"),
        ("setMode(300)".to_owned(), "setMode(uint256)", "", "vault.setMode(mode: 300)"),
        ("shift(-128)".to_owned(), "shift(int8)", "", "vault.shift(by: -128)"),
        (
            r#"note("say \"no\", now", 0xC0ffee)"#.to_owned(),
            "note(string,bytes)",
            "",
            r#"vault.note(why: "say \"no\", now", proof: 0xc0ffee)"#,
        ),
        (
            format!("limits([{account}], [(1, true), (0x2, false)])"),
            "limits(address[],(uint16,bool)[2])",
            "",
            "vault.limits(accounts: [0x5FbDB2315678afecb367f032d93F642f64180aa3], caps: [(1, true), (2, false)])",
        ),
        (format!("pause(bytes32)(0x{})", "11".repeat(32)), "pause(bytes32)", "", ""),
    ];
    for (text, signature, data, described) in table {
        let call = vault().resolve(&text).unwrap();
        assert_eq!(call.signature, signature, "{text}");
        assert_eq!(call.data.get(..4).unwrap(), call.selector.as_slice());
        if !data.is_empty() {
            assert_eq!(hex::encode(&call.data), data);
        }
        if !described.is_empty() {
            assert_eq!(call.describe(), described);
        }
    }
}

#[test]
fn calldata_is_what_solidity_expects() {
    let call = vault().resolve("setCap(0x5FbDB2315678afecb367f032d93F642f64180aa3, 0x0100)").unwrap();
    // selector, then two 32-byte words, by hand from the ABI specification
    let expected = format!(
        "{}0000000000000000000000005fbdb2315678afecb367f032d93f642f64180aa3{:064x}",
        hex::encode(&alloy::primitives::keccak256("setCap(address,uint256)")[..4]),
        256
    );
    assert_eq!(hex::encode(&call.data), expected);
}

#[test]
fn what_cannot_be_called_says_why() {
    let said = [
        "pauze()",
        "pause(1, 2)",
        "pause(0x12)",
        "setMode(7)",
        "setMode(uint16)(7)",
        "setMode(uint8)(7, 8)",
        "setCap(0x5FbDB2315678afecb367f032d93F642f64180aA3, 0)",
        "setCap(0x5FbD, 0)",
        "shift(128)",
        "shift(x)",
        "note(why, 0x)",
        "limits([], [(1, true)])",
        "pause",
        "pause(",
        "pause() now",
        "pause)(",
        "note(\"a, 0x)",
        "withdraw()",
    ]
    .map(|text| vault().resolve(text).unwrap_err().to_string())
    .join("\n");
    assert_snapshot!(said, @r#"
    contract "vault" has no function "pauze" with 0 arguments; nearest: pause(), pause(address), pause(bytes32); its ABI is balanceOf(address), check(), drift(), guardians(), limits(address[],(uint16,bool)[2]), note(string,bytes), owner(), pause(), pause(bytes32), pause(address), paused(), root() and 9 more
    contract "vault" has no function "pause" with 2 arguments; nearest: pause(), pause(bytes32), pause(address); its ABI is balanceOf(address), check(), drift(), guardians(), limits(address[],(uint16,bool)[2]), note(string,bytes), owner(), pause(), pause(bytes32), pause(address), paused(), root() and 9 more
    no function "pause" of contract "vault" takes these arguments: argument 1 (market) of pause(bytes32) of contract "vault": 0x12 is 1 of the 32 bytes of a bytes32; argument 1 (market) of pause(address) of contract "vault": 0x12 is not an address (0x and 40 hex digits)
    `setMode(7)` could be several functions of contract "vault": setMode(uint8), setMode(uint256); write which, as in `setMode(uint8)(…)`
    contract "vault" has no function "setMode(uint16)"; nearest: setMode(uint8), setMode(uint256); its ABI is balanceOf(address), check(), drift(), guardians(), limits(address[],(uint16,bool)[2]), note(string,bytes), owner(), pause(), pause(bytes32), pause(address), paused(), root() and 9 more
    setMode(uint8) of contract "vault" takes 1 argument, and 2 are given
    argument 1 (account) of setCap(address,uint256) of contract "vault": 0x5FbDB2315678afecb367f032d93F642f64180aA3 fails its EIP-55 checksum: a mistyped address? (0x5FbDB2315678afecb367f032d93F642f64180aa3 would pass)
    argument 1 (account) of setCap(address,uint256) of contract "vault": 0x5FbD is not an address (0x and 40 hex digits)
    argument 1 (by) of shift(int8) of contract "vault": 128 does not fit int8
    argument 1 (by) of shift(int8) of contract "vault": x is not an int8
    argument 1 (why) of note(string,bytes) of contract "vault": why is not a string
    argument 2 (caps) of limits(address[],(uint16,bool)[2]) of contract "vault": a list of 1 is not a (uint16,bool)[2]
    `pause` is not a call such as `pause()` or `setCap(0x…, 0)`: at character 6: expected `(` after the name, found the end
    `pause(` is not a call such as `pause()` or `setCap(0x…, 0)`: at character 7: expected an argument, found the end
    `pause() now` is not a call such as `pause()` or `setCap(0x…, 0)`: at character 9: expected nothing after the last `)`, found `n`
    `pause)(` is not a call such as `pause()` or `setCap(0x…, 0)`: it does not begin with a function's name
    `note("a, 0x)` is not a call such as `pause()` or `setCap(0x…, 0)`: at character 13: expected a closing `"`, found the end
    contract "vault" has no function "withdraw" with 0 arguments; its ABI is balanceOf(address), check(), drift(), guardians(), limits(address[],(uint16,bool)[2]), note(string,bytes), owner(), pause(), pause(bytes32), pause(address), paused(), root() and 9 more
    "#);
}

#[test]
fn nesting_and_length_are_bounded() {
    let deep = format!("f({}1{})", "[".repeat(40), "]".repeat(40));
    assert_eq!(CallText::parse(&deep), Err(CallTextError::TooDeep));
    let long = format!("f({})", "1,".repeat(CALL_CHARS_MAX));
    assert_eq!(CallText::parse(&long), Err(CallTextError::TooLong));
}

#[test]
fn reads_are_views_and_actions_are_not() {
    assert!(vault().resolve_read("totalAssets()").is_ok());
    assert!(vault().resolve_action("sweep()").is_ok());
    let said = [
        vault().resolve_read("sweep()").unwrap_err(),
        vault().resolve_action("paused()").unwrap_err(),
        vault().resolve_read("check()").unwrap_err(),
    ]
    .map(|error| error.to_string())
    .join("\n");
    assert_snapshot!(said, @r#"
    sweep() of contract "vault" is not a view: only view and pure functions can be read
    paused() of contract "vault" is a view: as an action it would change nothing
    check() of contract "vault" returns nothing to read
    "#);
}

#[test]
fn outputs_are_decoded_by_the_abi() {
    let call = vault().resolve_read("totalAssets()").unwrap();
    let word = U256::MAX.to_be_bytes::<32>();
    assert_eq!(call.decode_output(&word).unwrap(), vec![DynSolValue::Uint(U256::MAX, 256)]);
    assert_eq!(vault().resolve_read("round()").unwrap().decode_output(&[0; 96]).unwrap().len(), 3);
    let said = [call.decode_output(&[]).unwrap_err(), call.decode_output(&[1, 2]).unwrap_err()]
        .map(|error| error.to_string())
        .join("\n");
    assert_snapshot!(said, @r#"
    totalAssets() of contract "vault" returned nothing: is there a contract at its address?
    totalAssets() of contract "vault" returned 2 bytes that do not fit its ABI
    "#);
}

proptest::proptest! {
    /// Whatever is written is a call or is refused.
    #[test]
    fn any_text_is_answered(text in "[a-z(){}\\[\\],\" 0-9x\\\\-]{0,40}") {
        if let Ok(call) = vault().resolve(&text) {
            proptest::prop_assert!(vault().abi.functions().any(|function| function.selector() == call.selector));
        }
    }

    #[test]
    fn every_cap_is_encoded_as_it_is_written(cap: [u64; 4]) {
        let cap = U256::from_limbs(cap);
        let call = vault().resolve(&format!("setCap(0x5fbdb2315678afecb367f032d93f642f64180aa3, {cap})")).unwrap();
        proptest::prop_assert_eq!(U256::from_be_slice(&call.data[36..68]), cap);
        let hex = vault().resolve(&format!("setCap(0x5fbdb2315678afecb367f032d93f642f64180aa3, {cap:#x})")).unwrap();
        proptest::prop_assert_eq!(call, hex);
    }
}
