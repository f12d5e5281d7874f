//! What is written is read back, and every lie in a file is found.

use alloy::primitives::B256;

use super::*;

fn file() -> ExchangeFile {
    let safe = SafeAddress(Address::repeat_byte(0x5a));
    let domain = SafeDomain { version: SafeVersion::V1_4_1, chain_id: ChainId(1), safe };
    let data = Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59]);
    let transaction = SafeTx::call(Address::repeat_byte(7), data.clone(), SafeNonce::from(12));
    let call = CallPart {
        to: transaction.to,
        contract: "vault".to_owned(),
        call: "vault.pause()".to_owned(),
        data,
        expect: String::new(),
    };
    ExchangeFile {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        how_to: Vec::new(),
        written_at: None,
        incident: None,
        chain: ChainPart { id: ChainId(1), name: "mainnet".to_owned() },
        safe: SafePart {
            address: safe,
            name: "guardian".to_owned(),
            version: SafeVersion::V1_4_1,
            threshold: Some(2),
            nonce: Some(SafeNonce::from(12)),
            owners: Vec::new(),
        },
        typed_data: Some(typed_data(&transaction, &domain)),
        hashes: hash(&transaction, &domain).into(),
        transaction,
        calls: vec![call],
        simulation: None,
        confirmations: Vec::new(),
        signatures: Vec::new(),
        commands: Vec::new(),
    }
}

fn bad(file: &ExchangeFile) -> Vec<&'static str> {
    file.check().into_iter().filter(|check| !check.good).map(|check| check.what).collect()
}

#[test]
fn what_is_written_is_read_back_and_checks() {
    let file = file();
    let text = serde_json::to_string_pretty(&file).unwrap();
    assert_eq!(ExchangeFile::read(&text).unwrap(), file);
    assert_eq!(bad(&file), Vec::<&str>::new());
    assert!(text.contains("\"id\": \"1\"") && text.contains("\"nonce\": \"12\""), "{text}");
}

#[test]
fn every_lie_is_found_by_its_name() {
    let changed = |change: &dyn Fn(&mut ExchangeFile)| {
        let mut file = file();
        change(&mut file);
        bad(&file)
    };
    assert_eq!(changed(&|file| file.hashes.message = B256::ZERO), ["hashes"]);
    assert_eq!(changed(&|file| file.chain.id = ChainId(10)), ["hashes", "typed data"]);
    assert_eq!(changed(&|file| file.transaction.nonce = SafeNonce::from(13)), ["hashes", "typed data"]);
    assert_eq!(changed(&|file| file.typed_data = Some(Value::Null)), ["typed data"]);
    assert_eq!(changed(&|file| file.calls[0].data = Bytes::new()), ["calls"]);
    assert_eq!(changed(&|file| file.calls.clear()), ["calls"]);
    let refund = changed(&|file| file.transaction.gas_price = alloy::primitives::U256::from(1));
    assert_eq!(refund, ["hashes", "typed data", "gas and refund"]);
    let delegated = changed(&|file| file.transaction.operation = Operation::DelegateCall);
    assert_eq!(delegated, ["hashes", "typed data", "operation", "calls"]);
}

#[test]
fn other_files_are_refused_in_words() {
    let text = serde_json::to_string(&file()).unwrap();
    let other = text.replace(FORMAT, "somebody/else");
    insta::assert_snapshot!(ExchangeFile::read(&other).unwrap_err(), @"its format is `somebody/else` and not `redhandle/safe-proposal`");
    let newer = text.replace("\"formatVersion\":1", "\"formatVersion\":2");
    insta::assert_snapshot!(ExchangeFile::read(&newer).unwrap_err(), @"its format version is 2 and this release reads up to 1: use a newer redhandle");
    assert!(matches!(ExchangeFile::read("{}"), Err(ReadError::NotTheFormat(_))));
    assert!(matches!(ExchangeFile::read(&" ".repeat(FILE_MAX_BYTES + 1)), Err(ReadError::TooLong { .. })));
    let odd = text.replace("\"0x8456cb59\"", "\"0x8456cb5\"");
    assert!(matches!(ExchangeFile::read(&odd), Err(ReadError::NotTheFormat(_))));
}
