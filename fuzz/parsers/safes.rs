//! What is about a Safe: calls as people write them, files, what is pasted, signatures, transactions.

use std::sync::LazyLock;

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256};
use redhandle::domain::contract::{CallText, Contract, display_value};
use redhandle::domain::names::{ChainId, ChainName, ContractName};
use redhandle::domain::safe::exchange::{ExchangeFile, FILE_MAX_BYTES};
use redhandle::domain::safe::paste::{self, SIGNATURES_MAX};
use redhandle::domain::safe::signature::{pack, split, unpack};
use redhandle::domain::safe::{SafeAddress, SafeDomain, SafeTx, SafeTxHash, SafeVersion, hash};

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let abi = JsonAbi::parse([
        "function pause()",
        "function set(uint256 a, int8 b, bool c, address d)",
        "function bytesOf(bytes a, bytes32 b, string c)",
        "function lists(uint256[] a, address[2] b, (uint8,string)[] c)",
        "function set(uint8 a)",
    ]);
    Contract {
        name: ContractName::new("vault"),
        chain: ChainName::new("mainnet"),
        chain_id: ChainId(1),
        address: Address::repeat_byte(7),
        abi: abi.expect("an ABI"),
    }
});

pub fn call(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = CallText::parse(text);
    match CONTRACT.resolve(text) {
        Ok(call) => {
            assert!(parsed.is_ok(), "resolved, and not a call");
            assert!(!call.describe().is_empty());
            for argument in &call.arguments {
                display_value(&argument.value);
            }
            let again = CONTRACT.resolve(text).expect("resolved once");
            assert_eq!(again, call, "the same text is two calls");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub fn proposal_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match ExchangeFile::read(text) {
        Ok(file) => {
            assert!(text.len() <= FILE_MAX_BYTES);
            let good = file.check().iter().all(|check| check.good);
            let written = serde_json::to_string(&file).expect("a file that cannot be written");
            if written.len() <= FILE_MAX_BYTES {
                let back = ExchangeFile::read(&written).expect("a written file that cannot be read");
                assert_eq!(back, file, "it comes back as another");
                assert_eq!(back.check().iter().all(|check| check.good), good);
            }
            file.inner_calls().ok();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub fn paste(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match paste::read(text) {
        Ok(pasted) => {
            assert!(pasted.claims.len() <= SIGNATURES_MAX);
            assert!(
                pasted.file.is_some() || !pasted.claims.is_empty(),
                "nothing was read, and nothing is said"
            );
            assert_eq!(paste::read(text).ok(), Some(pasted), "read twice it says two things");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub fn signatures(data: &[u8]) {
    let of = SafeTxHash(B256::repeat_byte(0x5a));
    if let Ok((parts, trailing)) = split(data) {
        assert!(!parts.is_empty() && trailing < data.len());
        assert!(parts.len() <= data.len() / 65);
    }
    let Ok(row) = unpack(of, data) else { return };
    let Ok(packed) = pack(row.clone()) else { return };
    let mut sorted = row;
    sorted.sort_by_key(|signature| signature.owner);
    assert_eq!(
        unpack(of, &packed).expect("packed, and cannot be unpacked"),
        sorted,
        "packed it says something else"
    );
}

pub fn safe_tx(data: &[u8]) {
    let Ok(tx) = serde_json::from_slice::<SafeTx>(data) else { return };
    let written = serde_json::to_string(&tx).expect("a transaction that cannot be written");
    let back: SafeTx = serde_json::from_str(&written).expect("a written transaction that cannot be read");
    assert_eq!(back, tx, "it comes back as another");
    let of = SafeDomain {
        version: SafeVersion::V1_4_1,
        chain_id: ChainId(1),
        safe: SafeAddress(Address::repeat_byte(9)),
    };
    assert_eq!(hash(&back, &of).safe_tx, hash(&tx, &of).safe_tx);
}
