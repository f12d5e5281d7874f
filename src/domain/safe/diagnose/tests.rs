//! Real keys, each common mistake, and what is said of it.

use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;

use super::numbers::N;
use super::*;
use crate::domain::safe::{OwnerSignature, SafeTxHash};

struct Bench {
    tx: SafeTx,
    domain: SafeDomain,
    owners: Vec<Address>,
    former: Vec<Address>,
    roster: Vec<Address>,
    others: Vec<(String, SafeTx, SafeDomain)>,
}

fn key(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(seed)).unwrap()
}

const ANA: u8 = 1;
const BEN: u8 = 2;
const GONE: u8 = 3;
const HOT: u8 = 4;
const STRANGER: u8 = 5;

impl Bench {
    fn new() -> Self {
        let safe = SafeAddress(Address::repeat_byte(0x5a));
        let domain = SafeDomain { version: SafeVersion::V1_4_1, chain_id: ChainId(1), safe };
        let tx =
            SafeTx::call(Address::repeat_byte(7), Bytes::from_static(&[1, 2, 3, 4]), SafeNonce::from(12));
        let earlier = SafeTx::call(Address::repeat_byte(8), Bytes::new(), SafeNonce::from(12));
        Self {
            others: vec![("the earlier proposal of INC-7".to_owned(), earlier, domain)],
            tx,
            domain,
            owners: vec![key(ANA).address(), key(BEN).address()],
            former: vec![key(GONE).address()],
            roster: vec![key(ANA).address(), key(BEN).address(), key(GONE).address(), key(HOT).address()],
        }
    }

    fn judge(&self, bytes: &[u8]) -> Result<Fit, Misfit> {
        let case = Case {
            tx: &self.tx,
            domain: &self.domain,
            owners: &self.owners,
            former_owners: &self.former,
            known_keys: &self.roster,
            chains: &[ChainId(1), ChainId(777_777)],
            safes: &[self.domain.safe, SafeAddress(Address::repeat_byte(0x6b))],
            others: &self.others,
        };
        judge(&case, bytes)
    }

    fn target(&self) -> B256 {
        hash(&self.tx, &self.domain).safe_tx.0
    }

    fn why(&self, bytes: &[u8]) -> String {
        // Addresses of the keys by name, so that the sentences can be read.
        let mut text = self.judge(bytes).unwrap_err().to_string();
        for (seed, name) in [(ANA, "ANA"), (BEN, "BEN"), (GONE, "GONE"), (HOT, "HOT"), (STRANGER, "STRANGER")]
        {
            text = text.replace(&key(seed).address().to_string(), name);
        }
        text
    }
}

fn signed(seed: u8, digest: B256) -> Vec<u8> {
    key(seed).sign_hash_sync(&digest).unwrap().as_bytes().to_vec()
}

fn personal(seed: u8, message: &[u8]) -> Vec<u8> {
    key(seed).sign_message_sync(message).unwrap().as_bytes().to_vec()
}

#[test]
fn what_is_right_counts_as_it_is() {
    let bench = Bench::new();
    let bytes = signed(ANA, bench.target());
    let fit = bench.judge(&bytes).unwrap();
    assert_eq!((fit.owner, fit.kind), (key(ANA).address(), SignatureKind::Eoa));
    assert_eq!((fit.signature.to_vec(), fit.repaired), (bytes, vec![]));
}

#[test]
fn what_says_the_same_in_another_way_is_put_right_and_said() {
    let bench = Bench::new();
    let right = signed(BEN, bench.target());
    let repaired = |bytes: &[u8]| {
        let fit = bench.judge(bytes).unwrap();
        assert_eq!(fit.owner, key(BEN).address());
        // What comes out is what the Safe takes.
        let again = recover(SafeTxHash(bench.target()), &fit.signature).unwrap();
        assert_eq!((again.owner, again.kind), (fit.owner, fit.kind));
        fit.repaired
    };
    let mut small = right.clone();
    small[64] -= 27;
    assert_eq!(repaired(&small), [Repair::SmallV]);

    let mut high = right.clone();
    let s = N - U256::from_be_slice(&right[32..64]);
    high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high[64] = if right[64] == 27 { 28 } else { 27 };
    assert_eq!(repaired(&high), [Repair::HighS]);
    high[64] -= 27;
    assert_eq!(repaired(&high), [Repair::SmallV, Repair::HighS]);

    let mut compact = right[..64].to_vec();
    if right[64] == 28 {
        compact[32] |= 0x80;
    }
    assert_eq!(repaired(&compact), [Repair::Compact]);

    let by_message = personal(BEN, bench.target().as_slice());
    assert_eq!(repaired(&by_message), [Repair::MarkedAsTyped]);
    let mut marked = by_message.clone();
    marked[64] += 4;
    assert_eq!(repaired(&marked), []);
    let mut wrongly = right.clone();
    wrongly[64] += 4;
    assert_eq!(repaired(&wrongly), [Repair::MarkedAsPersonal]);
}

#[test]
fn each_mistake_is_named() {
    let bench = Bench::new();
    let with = |change: &dyn Fn(&mut SafeTx, &mut SafeDomain)| {
        let (mut tx, mut domain) = (bench.tx.clone(), bench.domain);
        change(&mut tx, &mut domain);
        hash(&tx, &domain).safe_tx.0
    };
    let hashes = hash(&bench.tx, &bench.domain);
    let told: Vec<String> = [
        signed(ANA, with(&|tx, _| tx.nonce = SafeNonce::from(13))),
        personal(ANA, with(&|tx, _| tx.nonce = SafeNonce::from(0)).as_slice()),
        signed(BEN, with(&|_, domain| domain.chain_id = ChainId(10))),
        signed(BEN, with(&|_, domain| domain.chain_id = ChainId(777_777))),
        signed(BEN, with(&|_, domain| domain.version = SafeVersion::V1_1_1)),
        signed(BEN, with(&|_, domain| domain.safe = SafeAddress(Address::repeat_byte(0x6b)))),
        signed(ANA, hashes.domain),
        signed(ANA, hashes.message),
        personal(ANA, hashes.message.as_slice()),
        personal(ANA, hashes.safe_tx.to_string().as_bytes()),
        signed(ANA, hash(&SafeTx::rejection(bench.domain.safe.0, bench.tx.nonce), &bench.domain).safe_tx.0),
        signed(ANA, hash(&bench.others[0].1, &bench.domain).safe_tx.0),
        signed(GONE, bench.target()),
        signed(HOT, bench.target()),
        signed(STRANGER, bench.target()),
        OwnerSignature::approved_hash(key(ANA).address()).bytes.to_vec(),
        signed(ANA, bench.target())[..63].to_vec(),
        [&signed(ANA, bench.target())[..64], &[29]].concat(),
        vec![0xff; 64].into_iter().chain([27]).collect(),
    ]
    .iter()
    .map(|bytes| bench.why(bytes))
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    ANA signed the same transaction at nonce 13 instead of 12: it cannot be used here; sign the proposal as it is now
    ANA signed the same transaction at nonce 0 instead of 12: it cannot be used here; sign the proposal as it is now
    BEN signed the same transaction for chain 10 instead of 1: switch the wallet to the right chain and sign again
    BEN signed the same transaction for chain 777777 instead of 1: switch the wallet to the right chain and sign again
    BEN signed the same transaction for a Safe of version 1.2.0 (without the chain id) instead of 1.4.1: the signing tool believes in another version of the Safe; tell it the right one
    BEN signed the same transaction for another Safe, 0x6b6B6B6b6b6b6B6b6B6b6B6b6B6b6b6B6b6b6b6B: it cannot be used here; sign for this Safe
    ANA signed the domain hash instead of the safeTxHash: these are for comparing with the device; sign the typed data
    ANA signed the message hash instead of the safeTxHash: these are for comparing with the device; sign the typed data
    ANA signed the message hash instead of the safeTxHash: these are for comparing with the device; sign the typed data
    ANA signed the safeTxHash as text, letter by letter, instead of its 32 bytes: sign the typed data, or the hash as bytes
    ANA signed the rejection of this nonce, and not the proposal: whoever wants the pause signs the proposal; the signature of the rejection is not kept here
    ANA signed the earlier proposal of INC-7 instead: it cannot be used here; sign the proposal as it is now
    GONE signed the right hash and is no owner of this Safe any more: it was removed, and the Safe would refuse it
    HOT signed the right hash, and is a key of the roster that owns nothing of this Safe: sign with the owner key
    it recovers to STRANGER, whom nobody knows: somebody else signed, or something was signed that is not this proposal (tried: nonces 0 to 76, 22 other chains, 2 other Safes, other versions, the domain and message hash, the rejection, 1 other proposals)
    it only says that ANA approved the hash on the chain; the chain is asked for that by itself, so there is nothing to import
    the signature has 63 bytes, 65 are needed
    the signature ends with v = 29, which is none of 0 (contract), 1 (approved hash), 27 or 28 (key), 31 or 32 (eth_sign)
    no key could have made this signature: r or s is out of range
    ");
}

#[test]
fn a_signature_without_a_chain_in_its_domain_fits_every_chain() {
    let mut bench = Bench::new();
    bench.domain.version = SafeVersion::V1_1_1;
    let elsewhere = SafeDomain { chain_id: ChainId(10), ..bench.domain };
    assert!(bench.judge(&signed(ANA, hash(&bench.tx, &elsewhere).safe_tx.0)).is_ok());
    let newer = SafeDomain { version: SafeVersion::V1_4_1, ..bench.domain };
    let why = bench.why(&signed(ANA, hash(&bench.tx, &newer).safe_tx.0));
    assert!(why.contains("for a Safe of version 1.5.0 instead of 1.1.1"), "{why}");
}

#[test]
fn the_ends_of_the_numbers_are_no_trouble() {
    let mut bench = Bench::new();
    for nonce in [U256::ZERO, U256::MAX] {
        bench.tx.nonce = SafeNonce(nonce);
        assert!(matches!(bench.judge(&signed(STRANGER, B256::ZERO)), Err(Misfit::Stranger { .. })));
    }
    for length in [0, 1, 63, 66, 130] {
        assert!(matches!(bench.judge(&vec![7; length]), Err(Misfit::NoSignature(_))));
    }
}
