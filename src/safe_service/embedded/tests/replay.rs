//! Every recorded request, in its order, put to the embedded service: statuses and errors must be those
//! of the real one, answers must have its fields and values. Where they differ, the reason stands here,
//! and a difference that is not listed fails the test.

use std::collections::BTreeMap;

use alloy::json_abi::JsonAbi;
use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::model::ModelChain;
use super::{Answered, Known, Running};
use crate::domain::safe::{SafeAddress, SafeNonce, SafeVersion};
use crate::safe_service::recordings::{self, Interaction};

const SAFE_141: &str = "0x42D718c3035d3f9A22222E4d8D48E11e60383D37";
const SAFE_130: &str = "0x8c5C6F754404CD47D250fB69320673C6EF30773A";
const SAFE_150: &str = "0xb89043c52A96E11397277486Ba7BBCa47670Fc20";
const SAFE_L1: &str = "0x551d34f9f8a0ce641268F40164804d408930Cff0";
const CHILD: &str = "0x42D371eec27a35084B1eD18Bb22B8491bA2Dc083";
const NESTED: &str = "0xDc42C2D5BeC9287c12EF17586656b80BC41d925E";
const NESTED_150: &str = "0xB2985b79E7eF3BE738F02e87b6Ce8d5748011e60";
const A: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const B: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const C: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const D: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
const E: &str = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";
/// What the Safes call.
const TARGETS: [&str; 7] = [
    "0x0E801D84Fa97b50751Dbf25036d067dCf18858bF",
    "0x8f86403A4DE0BB5791fa46B8e795C547942fE4Cf",
    "0x9d4454B023096f34B160D6B654540c56A1F81688",
    "0x5eb3Bc0a489C5A8288765d2336659EbCA68FCd00",
    "0x36C02dA8a0983159322a80FFE9F24b1acfF8B570",
    "0x5f3f1dBD7B74C6B46e8c44f98792A1dAf8d69154",
    "0x42D371eec27a35084B1eD18Bb22B8491bA2Dc083",
];
const SINGLETON_141: &str = "0x29fcB43b46531BcA003ddC8FCB67FFE91900C762";

/// Where the embedded service answers otherwise on purpose, and why.
fn deviations() -> BTreeMap<u64, &'static str> {
    let parent = "a contract signature in the form that the parent's version reverts on is refused";
    let indexed = "the real one also lists transactions that were executed without being proposed";
    let slash = "both forms of a path are served, none is redirected";
    let ahead = "a nonce absurdly far ahead is refused: it would poison every client's next nonce";
    BTreeMap::from([
        (3, "it lists the singletons of the Safes it knows; it has no list of its own"),
        (9, "it does not know how a Safe was created, and says so instead of crashing"),
        (36, "a number beyond 256 bits is 422, not a crash"),
        (38, "an odd number of hex digits is named, not padded until the hash is another"),
        (84, "delegates are added in v2 only; the signature of v1 names no chain"),
        (110, "it does not know how a Safe was created"),
        (113, "a chain has a number here, not a name"),
        (114, "a chain has a number here, not a name"),
        (122, "executions are read from the chain, also those of a Safe with an L1 singleton"),
        (124, "a nonce that the chain has passed is refused"),
        (130, "there is no index of module transactions, and no empty list in its place"),
        (131, indexed),
        (146, parent),
        (147, parent),
        (149, "confirmations are not replaced by what an indexer finds in the executed transaction"),
        (150, slash),
        (151, slash),
        (159, indexed),
        (160, "the recorded tag is of another answer; a tag of its own is answered 304"),
        (161, indexed),
        (162, indexed),
        (163, indexed),
        (169, indexed),
        (171, ahead),
        (172, ahead),
        (176, "a chain has a number here, not a name"),
    ])
}

/// What a configuration would say of that chain: its Safes, its targets, and the one that is delegatecalled.
fn known() -> Known {
    let abi = || JsonAbi::parse(["function pause()", "function unpause()", "function fail()"]).unwrap();
    let safes = [SAFE_141, SAFE_130, SAFE_150, SAFE_L1, CHILD, NESTED, NESTED_150];
    Known {
        safes: safes.map(|safe| SafeAddress(safe.parse().unwrap())).to_vec(),
        contracts: TARGETS.map(|target| (target.parse().unwrap(), abi())).to_vec(),
        delegatecalls: vec![TARGETS[0].parse().unwrap()],
    }
}

fn chain() -> ModelChain {
    let chain = ModelChain::default();
    let owners = [A, B, C];
    chain.add(SAFE_141, SafeVersion::V1_4_1, &owners, 2, SINGLETON_141);
    chain.add(SAFE_130, SafeVersion::V1_3_0, &owners, 2, "0x3E5c63644E683549055b9Be8653de26E0B4CD36E");
    chain.add(SAFE_150, SafeVersion::V1_5_0, &owners, 2, "0xEdd160fEBBD92E350D4D398fb636302fccd67C7e");
    chain.add(SAFE_L1, SafeVersion::V1_4_1, &owners, 2, "0x41675C099F32341bf84BFc5382aF534df5C7461a");
    chain.add(CHILD, SafeVersion::V1_4_1, &[D, E], 1, SINGLETON_141);
    chain.add(NESTED, SafeVersion::V1_4_1, &[CHILD, A, B], 2, SINGLETON_141);
    let handlers = [
        (SAFE_141, "0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99"),
        (SAFE_130, "0xf48f2B2d2a534e402487b3ee7C18c33Aec0Fe5e4"),
        (SAFE_150, "0x3EfCBb83A4A7AfcB4F68D501E2c2203a38be77f4"),
        (SAFE_L1, "0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99"),
        (NESTED, "0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99"),
    ];
    for (safe, handler) in handlers {
        chain.change(safe, |state| state.fallback_handler = Some(handler.parse().unwrap()));
    }
    chain
}

/// What happened on the chain before a request, as the recordings' labels and answers tell.
fn before(n: u64, chain: &ModelChain) {
    match n {
        67 => {
            chain.approve(SAFE_141, C, "0xf78a773033314080a9693480158f97ec0d8db37d26bb26169a43f4628f6373bd")
        }
        99 => chain.execute(
            SAFE_141,
            "0xf78a773033314080a9693480158f97ec0d8db37d26bb26169a43f4628f6373bd",
            "0x0bc6e135b086ffd3c720167aaaa6ffd7f59a69b5024216165f75581a638da5a8",
            true,
        ),
        117 => chain.execute(
            SAFE_130,
            "0x5551170ea0cb4f685587dd9fad5a3ab97669b13cdc894f47382501aa7600c9cd",
            "0x2fe8bac2e816ddbd87db6ae3013d3f6b2a30c5b054c1d0654a2c15abf105e8bc",
            true,
        ),
        120 => chain.execute(
            SAFE_150,
            "0x0db47af302e312dacc32e6293b51312b3aedef5e38862ccf6fa025cc5e726434",
            "0xc57428cd20398a4e01b8917fc1ae1bc73059ab3e81bed0d133a998a6a4f297de",
            true,
        ),
        122 => chain.execute(
            SAFE_L1,
            "0x82764d9cd92cc406fa528425febf00e041bacbf9e1d8874602a83c0a081d0b51",
            "0x1111111111111111111111111111111111111111111111111111111111111111",
            true,
        ),
        126 => chain.execute(
            SAFE_130,
            "0x169db616975bf5313d5ad8bbbcfb24148ec792f530d142d221546e7003a5e60e",
            "0x8526f117d4f03c8ef02f61abf13f32fa03475fb446c141d6c30ea3bba8aaaa66",
            false,
        ),
        // Two transactions that nobody proposed: a test of 1.5.0, and its guard.
        127 => chain.change(SAFE_150, |state| {
            state.nonce = SafeNonce::from(3);
            state.guard = Some("0x809d550fca64d94Bd9F66E60752A544199cfAC3D".parse().unwrap());
        }),
        // Likewise: two on this Safe, one of which enabled a module.
        129 => chain.change(SAFE_141, |state| {
            state.nonce = SafeNonce::from(3);
            state.modules = vec!["0x4c5859f0F772848b2D91F1D83E2Fe57935348029".parse().unwrap()];
        }),
        147 => chain.add(NESTED_150, SafeVersion::V1_5_0, &[CHILD, A], 2, SINGLETON_141),
        149 => chain.execute(
            NESTED,
            "0x018c4ad3a7907276f928f0ddb034486ad6bcc4e9ae1f5b7f7ac0d4d50f002f27",
            "0x3d2bb84b089212a3ef7baba04fc251905f2d83fbd0281dbe96e1308cdaa3656a",
            true,
        ),
        _ => {}
    }
}

/// Values that no second run can repeat, or that need an indexer: present on both sides, not compared.
const NOT_COMPARED: [&str; 23] = [
    "submissionDate",
    "created",
    "modified",
    "executionDate",
    "blockNumber",
    "currentBlockNumber",
    "currentBlockTimestamp",
    "erc20BlockNumber",
    "erc20BlockTimestamp",
    "masterCopiesBlockNumber",
    "masterCopiesBlockTimestamp",
    "executor",
    "ethGasPrice",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "gasUsed",
    "fee",
    "payment",
    "signatures",
    "settings",
    "host",
    "origin",
    "headers",
];

/// The comparable part of an answer: all names, and the values that must agree.
fn comparable(value: &Value, inside_confirmation: bool) -> Value {
    match value {
        Value::Object(fields) => {
            let confirmation = fields.contains_key("signatureType");
            let kept: Map<String, Value> = fields
                .iter()
                .map(|(name, value)| {
                    let skip =
                        NOT_COMPARED.contains(&name.as_str()) || (confirmation && name == "transactionHash");
                    let value = if skip { Value::Null } else { comparable(value, name == "confirmations") };
                    (name.clone(), value)
                })
                .collect();
            Value::Object(kept)
        }
        Value::Array(several) => {
            let mut several: Vec<Value> = several.iter().map(|one| comparable(one, false)).collect();
            // A list of Safes has no order at the real service.
            if several.iter().all(Value::is_string) {
                several.sort_by_key(ToString::to_string);
            }
            if inside_confirmation {
                several.sort_by_key(|one| one["owner"].to_string());
            }
            Value::Array(several)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// What differs, in a few words; `None` when nothing does.
fn difference(one: &Interaction, ours: &Answered) -> Option<String> {
    if ours.status != one.status {
        return Some(format!("status {} instead of {}: {:?}", ours.status, one.status, ours.body));
    }
    let (recorded, ours) = match (&one.answer, &ours.body) {
        (Some(recorded), Some(ours)) => (recorded, ours),
        (None, None) => return None,
        (recorded, ours) => return Some(format!("body {ours:?} instead of {recorded:?}")),
    };
    if one.status >= 400 {
        return (recorded != ours).then(|| format!("error {ours} instead of {recorded}"));
    }
    if one.path.trim_end_matches('/').ends_with("/about") {
        // Who it is differs on purpose; how it says so does not.
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        return (names(recorded) != names(ours)).then(|| format!("answer {ours} instead of {recorded}"));
    }
    let top = one.path.contains("/confirmations");
    let sorted = |value: &Value| {
        let mut value = comparable(value, false);
        if top && let Some(results) = value["results"].as_array_mut() {
            results.sort_by_key(|one| one["owner"].to_string());
        }
        value
    };
    let (recorded, ours) = (sorted(recorded), sorted(ours));
    (recorded != ours).then(|| format!("answer {ours} instead of {recorded}"))
}

/// Puts every request to the service; fails where one differs without being listed. Counts those that
/// were the same and those that differed as listed.
async fn replay(
    service: &Running,
    recordings: &[Interaction],
    host: &str,
    deviations: &BTreeMap<u64, &'static str>,
    before: impl Fn(u64, &ModelChain),
) -> [usize; 2] {
    let (mut same, mut differing) = (0, 0);
    let mut wrong = Vec::new();
    for one in recordings {
        before(one.n, &service.chain);
        let mut headers = one.headers.clone();
        headers.retain(|(name, _)| {
            !["host", "connection", "content-length", "accept-encoding"].contains(&name.as_str())
        });
        headers.push(("Host".to_owned(), host.to_owned()));
        service.clock.step(SignedDuration::from_millis(50));
        let ours = service.ask(&one.method, &one.path, &headers, one.body.clone()).await;
        match (difference(one, &ours), deviations.get(&one.n)) {
            (None, None) => same += 1,
            (Some(_), Some(_)) => differing += 1,
            (Some(difference), None) => wrong.push(format!("#{} {}: {difference}", one.n, one.label)),
            (None, Some(reason)) => wrong.push(format!("#{} no longer differs ({reason})", one.n)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!(
        "{same} of {} recorded interactions are answered alike, {differing} otherwise on purpose",
        recordings.len()
    );
    [same, differing]
}

#[tokio::test]
async fn every_recorded_request_is_answered_as_the_real_service_did() {
    let Some(recordings) = recordings::all("the embedded service's replay") else { return };
    let service = Running::start_knowing(chain(), None, known()).await;
    let deviations = deviations();
    let counts = replay(&service, &recordings, "127.0.0.1:18888", &deviations, before).await;
    assert_eq!(counts, [150, 26]);
}

#[tokio::test]
async fn the_official_client_is_served() {
    let Some(recordings) = recordings::official_client("the official client's replay") else { return };
    let service = Running::start_knowing(chain(), None, known()).await;
    service.chain.change(SAFE_130, |state| state.nonce = SafeNonce::from(2));
    service.chain.add(NESTED_150, SafeVersion::V1_5_0, &[CHILD, A], 2, SINGLETON_141);
    let slash = "both forms of a path are served, none is redirected";
    let unproposed = "nothing was proposed before, so fewer nonces are known";
    let deviations = BTreeMap::from([
        (1, slash),
        (3, slash),
        (4, "it lists the singletons of the Safes it knows; it has no list of its own"),
        (6, "it does not know how a Safe was created"),
        (11, unproposed),
        (14, unproposed),
        (20, unproposed),
        (21, unproposed),
        (25, slash),
        (27, slash),
        (29, "there is no index of transfers, and no empty list in its place"),
        (30, "there is no index of module transactions, and no empty list in its place"),
        (31, "nothing that it knows was executed"),
        (28, "the request before, which the real one redirected, has removed it"),
        (36, "who used the nonce was never proposed here, so its transaction is not named"),
    ]);
    let counts = replay(&service, &recordings, "127.0.0.1:18889", &deviations, |_, _| ()).await;
    assert_eq!(counts, [22, 15]);
}
