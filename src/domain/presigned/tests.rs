//! Windows as values: what fits, what is named as something else, what stands.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use jiff::Timestamp;

use super::intake::read;
use super::*;
use crate::domain::incident::preparation::PlannedCall;
use crate::domain::names::{ChainId, ChainName, ContractName, RunbookId, SafeName, WindowName};
use crate::domain::safe::{SafeAddress, SafeDomain, SafeNonce, SafeTx, SafeVersion, hash};

const VAULT: Address = Address::repeat_byte(0xaa);

fn key(byte: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
}

fn domain() -> SafeDomain {
    let safe = SafeAddress(Address::repeat_byte(0x5a));
    SafeDomain { version: SafeVersion::V1_4_1, chain_id: ChainId(10), safe }
}

fn ground() -> Ground {
    let mut owners = vec![key(1).address(), key(2).address(), key(3).address()];
    owners.sort();
    Ground {
        owners,
        threshold: 2,
        version: SafeVersion::V1_4_1,
        singleton: Address::repeat_byte(1),
        guard: None,
        module_guard: None,
        code: vec![CodePin {
            what: "vault".to_owned(),
            address: VAULT,
            hash: Some(B256::repeat_byte(1)),
            implementation: Some((Address::repeat_byte(0xbb), Some(B256::repeat_byte(2)))),
        }],
    }
}

fn tx(nonce: u64) -> SafeTx {
    SafeTx::call(VAULT, Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59]), SafeNonce::from(nonce))
}

/// Nonces 5 to 8.
fn window() -> Window {
    let entry = |nonce| {
        let tx = tx(nonce);
        Entry { hashes: hash(&tx, &domain()), tx, signatures: Default::default() }
    };
    Window {
        name: WindowName::new("pause"),
        runbook: RunbookId::new("pause-vault"),
        chain: ChainName::new("optimism"),
        safe: SafeName::new("guardian"),
        domain: domain(),
        ground: ground(),
        block_number: 7,
        prepared_at: Timestamp::UNIX_EPOCH,
        calls: vec![PlannedCall {
            contract: ContractName::new("vault"),
            address: VAULT,
            call: "vault.pause()".to_owned(),
            data: tx(0).data,
            expect: "paused".to_owned(),
        }],
        entries: (5..9).map(entry).collect(),
    }
}

fn sign(by: u8, tx: &SafeTx, of: &SafeDomain) -> Bytes {
    key(by).sign_hash_sync(&hash(tx, of).safe_tx.0).unwrap().as_bytes().to_vec().into()
}

fn brought(by: u8, nonce: u64, signature: Bytes) -> Brought {
    let (signer, nonce) = (key(by).address(), SafeNonce::from(nonce));
    Brought { place: "line 1".to_owned(), signer, nonce, signature }
}

fn signed(window: &mut Window, by: &[u8], nonces: std::ops::Range<u64>) {
    for nonce in nonces {
        for one in by {
            let signature = sign(*one, &tx(nonce), &domain());
            let entry = window.entries.iter_mut().find(|entry| entry.tx.nonce == SafeNonce::from(nonce));
            entry.unwrap().signatures.insert(key(*one).address(), signature);
        }
    }
}

fn seen(nonce: u64, ground: Ground) -> Reading {
    Ok(Seen { nonce: SafeNonce::from(nonce), ground, block: 9, otherwise: vec![] })
}

#[test]
fn a_signature_that_does_not_fit_is_named_as_what_it_is() {
    let window = window();
    let other_chain = SafeDomain { chain_id: ChainId(1), ..domain() };
    let other_safe = SafeDomain { safe: SafeAddress(Address::repeat_byte(0x60)), ..domain() };
    let elsewhere = Elsewhere {
        chains: vec![ChainId(1), ChainId(10)],
        safes: vec![(SafeName::new("treasury"), other_safe.safe)],
    };
    let good = sign(1, &tx(6), &domain());
    let with_last = |bytes: &Bytes, change: fn(u8) -> u8| {
        let mut bytes = bytes.to_vec();
        let last = bytes.len() - 1;
        bytes[last] = change(bytes[last]);
        Bytes::from(bytes)
    };
    let personal: Bytes = key(1)
        .sign_message_sync(window.entries[1].hashes.safe_tx.0.as_slice())
        .unwrap()
        .as_bytes()
        .to_vec()
        .into();
    let judged = |brought: Brought| judge(&window, &brought, Some(SafeNonce::from(5)), &elsewhere);
    assert_eq!(judged(brought(1, 6, good.clone())), Ok(()));
    assert_eq!(judged(brought(1, 6, with_last(&personal, |v| v + 4))), Ok(()), "eth_sign, marked");
    let owner = key(2).address();
    let table = [
        (brought(1, 4, good.clone()), Misfit::Used { nonce: 4.into(), now: 5.into() }),
        (brought(1, 9, good.clone()), Misfit::NoSuchNonce { nonce: 9.into(), range: window.range() }),
        (brought(4, 6, sign(4, &tx(6), &domain())), Misfit::NoOwner { signer: key(4).address() }),
        (brought(1, 7, good.clone()), Misfit::OtherNonce { nonce: 6.into() }),
        (brought(1, 6, sign(1, &tx(6), &other_chain)), Misfit::OtherChain { chain: ChainId(1) }),
        (brought(1, 6, sign(1, &tx(6), &other_safe)), Misfit::OtherSafe { safe: SafeName::new("treasury") }),
        (brought(1, 6, sign(2, &tx(6), &domain())), Misfit::OtherOwner { owner }),
        (brought(1, 6, sign(4, &tx(6), &domain())), Misfit::Stranger { recovered: key(4).address() }),
        (
            brought(1, 6, good.slice(..64)),
            Misfit::Malformed("the signature has 64 bytes, 65 are needed".to_owned()),
        ),
    ];
    for (brought, expected) in table {
        assert_eq!(judged(brought), Err(expected));
    }
    let parity = judged(brought(1, 6, with_last(&good, |v| v - 27))).unwrap_err();
    assert!(matches!(parity, Misfit::LastByte { is: 0 | 1, should: 27 | 28 }), "{parity:?}");
    let unmarked = judged(brought(1, 6, personal)).unwrap_err();
    assert!(matches!(unmarked, Misfit::LastByte { is: 27 | 28, should: 31 | 32 }), "{unmarked:?}");
    let mut approval = vec![0_u8; 65];
    approval[12..32].copy_from_slice(key(1).address().as_slice());
    approval[64] = 1;
    let approval = judged(brought(1, 6, approval.into())).unwrap_err();
    insta::assert_snapshot!(approval, @"a signature of kind APPROVED_HASH counts only once the chain says so, and cannot be signed in advance");
}

#[test]
fn remaining_are_those_in_a_row_from_the_safes_nonce_on() {
    let mut window = window();
    signed(&mut window, &[1, 2], 5..7);
    signed(&mut window, &[1], 7..8);
    signed(&mut window, &[1, 2], 8..9);
    let at = |nonce| standing(&window, 2, &seen(nonce, ground()));
    assert_eq!([4, 5, 6, 7, 8, 9].map(|nonce| at(nonce).remaining), [0, 2, 1, 0, 1, 0]);
    let states: Vec<_> = at(6).entries.iter().map(|entry| entry.entry.in_words()).collect();
    assert_eq!(states, ["used", "complete", "has 1 of 2", "complete"]);
    assert!(at(5).is_good());
    insta::assert_snapshot!(at(6).trouble().unwrap(), @"window pause is short: 1 nonce is complete, and fewer than 2 is too few; prepare it anew and sign");
    let unknown = standing(&window, 2, &Err("no endpoint answers".to_owned()));
    assert_eq!(unknown.remaining, 0);
    insta::assert_snapshot!(unknown.trouble().unwrap(), @"whether window pause holds is unknown: no endpoint answers");
}

#[test]
fn whatever_changed_makes_it_void_with_the_reason() {
    let mut window = window();
    signed(&mut window, &[1, 2], 5..9);
    let changed = |change: fn(&mut Ground)| {
        let mut ground = ground();
        change(&mut ground);
        let standing = standing(&window, 2, &seen(5, ground));
        assert_eq!(standing.remaining, 0);
        assert!(standing.entries.iter().all(|entry| entry.entry == EntryState::Void));
        standing.void.join("; ")
    };
    insta::assert_snapshot!(changed(|ground| ground.threshold = 3), @"the threshold is 3 and was 2");
    insta::assert_snapshot!(changed(|ground| ground.version = SafeVersion::V1_5_0), @"the Safe's version is 1.5.0 and was 1.4.1");
    insta::assert_snapshot!(changed(|ground| ground.guard = Some(Address::repeat_byte(9))), @"the guard is 0x0909090909090909090909090909090909090909 and was none");
    insta::assert_snapshot!(changed(|ground| ground.module_guard = Some(Address::repeat_byte(9))), @"the module guard is 0x0909090909090909090909090909090909090909 and was none");
    insta::assert_snapshot!(changed(|ground| ground.singleton = Address::repeat_byte(9)), @"the singleton is 0x0909090909090909090909090909090909090909 and was 0x0101010101010101010101010101010101010101");
    insta::assert_snapshot!(changed(|ground| ground.code[0].hash = None), @"there is no code at vault (0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa) any more");
    insta::assert_snapshot!(changed(|ground| ground.code[0].hash = Some(B256::ZERO)), @"the code of vault (0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa) changed");
    insta::assert_snapshot!(changed(|ground| ground.code[0].implementation = Some((Address::repeat_byte(0xcc), None))), @"vault (0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa) was upgraded: its implementation is 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC and was 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB");
    insta::assert_snapshot!(changed(|ground| ground.code.clear()), @"the code of vault was not read");
    let swapped = changed(|ground| ground.owners[0] = Address::repeat_byte(9));
    assert!(
        swapped.starts_with("no owner any more: 0x") && swapped.contains("; owner since: 0x0909"),
        "{swapped}"
    );
}

#[test]
fn a_window_prepared_anew_keeps_what_still_fits() {
    let mut older = window();
    signed(&mut older, &[1, 2], 5..9);
    assert!(older.is_sound());
    let mut newer = window();
    newer.entries.remove(0);
    assert_eq!(newer.inherit(&older), (6, 2));
    let mut elsewhere = window();
    elsewhere.ground.threshold = 3;
    assert_eq!(elsewhere.inherit(&older), (0, 8));
    assert!(elsewhere.entries.iter().all(|entry| entry.signatures.is_empty()));

    let unsound: [fn(&mut Window); 4] = [
        |window| window.domain.chain_id = ChainId(1),
        |window| window.entries.swap(0, 1),
        |window| window.entries[0].tx.value = U256::ONE,
        |window| {
            let of_another = window.entries[1].signatures.clone();
            window.entries[0].signatures = of_another;
        },
    ];
    for change in unsound {
        let mut window = older.clone();
        change(&mut window);
        assert!(!window.is_sound());
    }
    let json = serde_json::to_vec(&older).unwrap();
    assert_eq!(serde_json::from_slice::<Window>(&json).unwrap(), older);
    let shown = format!("{older:?}");
    let one = older.entries[0].signatures.values().next().unwrap();
    assert!(!shown.contains(&alloy::hex::encode(one)), "no signature in Debug");
}

#[test]
fn both_forms_are_read_and_every_mistake_is_told_at_once() {
    let signer = key(1).address().to_checksum(None);
    let signature = format!("0x{}", "1b".repeat(65));
    let lines = format!("# of ana\n{signer}:5:{signature}\n\n{}:6:{signature}\n", signer.to_lowercase());
    let (good, problems) = read(&lines);
    assert_eq!((good.len(), problems.len()), (2, 0));
    let item = format!("{{\"signer\":\"{signer}\",\"nonce\":5,\"signature\":\"{signature}\"}}");
    assert_eq!(read(&item).0, [Brought { place: "item 1".to_owned(), ..good[0].clone() }]);
    assert_eq!(read(&format!("[{item},{}]", item.replace(":5,", ":\"6\","))).0.len(), 2);

    let wrong =
        format!("{signer}:5\n0x12:5:{signature}\n{signer}:x:{signature}\n{signer}:5:0x123\n{signer}:5:zz\n");
    let (good, problems) = read(&wrong);
    assert_eq!(good, []);
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    line 1: expected signer:nonce:signature
    line 2: the signer is no address: expected 0x and 40 hexadecimal digits
    line 3: the nonce is no whole number: expected decimal digits
    line 4: the signature is not hexadecimal (an odd number of digits): expected 0x and 130 hexadecimal digits
    line 5: the signature is not hexadecimal: expected 0x and 130 hexadecimal digits
    ");
    for nothing in ["", "\n# only words\n", "[]"] {
        assert_eq!(read(nothing).1.len(), 1, "{nothing:?}");
    }
    assert_eq!(read("[{]").1.len(), 1);
}

#[test]
fn a_key_is_32_random_bytes() {
    let digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let key: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    for good in [
        digits,
        &format!("0x{digits}"),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ] {
        assert_eq!(parse_seal_key(good), Ok(key), "{good}");
    }
    for bad in ["", "correct horse battery staple", &digits[2..], "AAEC"] {
        assert_eq!(parse_seal_key(bad), Err(SealKeyError::NoKey), "{bad}");
    }
    assert_eq!(parse_seal_key(&"00".repeat(32)), Err(SealKeyError::Example));
}
