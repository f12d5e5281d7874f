//! What HTTP clients see beside the recordings: both forms of every path, tags, v1 numbers, methods, what is not
//! indexed, what may be delegatecalled, how far ahead a nonce may be.

use alloy::primitives::{Address, B256, Bytes};
use serde_json::{Value, json};

use super::people::{SAFE, body, chain, hash_of, key, list, pause, safe, words};
use super::{Known, Running};
use crate::domain::safe::{Operation, SafeNonce, SafeTx, SafeVersion, multisend};

/// Code of MultiSendCallOnly 1.3.0.
const CALL_ONLY_CODE: &str = "0xa9865ac2d9c7a1591619b188c4d88167b50df6cc0c5327fcbd1c8c75f7c066ad";

#[tokio::test]
async fn every_path_is_served_with_and_without_its_last_slash() {
    let service = Running::start(chain(), None).await;
    let hash = hash_of(&pause(0));
    let bare = list().trim_end_matches('/').to_owned();
    assert_eq!(service.post(&bare, &body(&pause(0), true)).await.status, 201);
    let owner = key(1).address().to_checksum(None);
    for path in [
        bare.clone(),
        bare.replace("v2", "v1"),
        format!("/api/v2/multisig-transactions/{hash}"),
        format!("/api/v1/multisig-transactions/{hash}"),
        format!("/api/v1/multisig-transactions/{hash}/confirmations"),
        format!("/api/v1/safes/{SAFE}"),
        format!("/api/v2/safes/{SAFE}/all-transactions"),
        format!("/api/v1/safes/{SAFE}/all-transactions"),
        format!("/api/v1/safes/{SAFE}/messages"),
        format!("/api/v2/delegates?safe={SAFE}"),
        format!("/api/v1/owners/{owner}/safes"),
        format!("/api/v2/owners/{owner}/safes"),
        format!("/api/v1/modules/{owner}/safes"),
        format!("/api/v2/modules/{owner}/safes"),
        "/api/v1/tokens".to_owned(),
        "/api/v1/about".to_owned(),
        "/api/v1/about/indexing".to_owned(),
        "/api/v1/about/singletons".to_owned(),
        "/api/v1/about/ethereum-rpc".to_owned(),
    ] {
        let (name, query) = path
            .split_once('?')
            .map_or((path.as_str(), String::new()), |(name, query)| (name, format!("?{query}")));
        let bare = service.get(&path).await;
        let slashed = service.get(&format!("{name}/{query}")).await;
        assert_eq!((bare.status, slashed.status), (200, 200), "{path}");
        assert_eq!(bare.body, slashed.body, "{path}");
    }
    let owned = service.get(&format!("/api/v2/owners/{owner}/safes/")).await.body.unwrap();
    assert_eq!((&owned["count"], &owned["results"][0]["address"]), (&json!(1), &json!(SAFE)));
}

#[tokio::test]
async fn whoever_has_the_newest_answer_is_told_so_and_no_more() {
    let service = Running::start(chain(), None).await;
    service.post(&list(), &body(&pause(0), true)).await;
    let url = format!("{}{}", service.address, list());
    let ask = async |tag: &str| {
        let answer = service.http.get(&url).header("if-none-match", tag).send().await.unwrap();
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), tag, answer.text().await.unwrap().len())
    };
    let (status, tag, length) = ask("\"another\"").await;
    assert_eq!(status, 200);
    assert!(length > 0 && tag.starts_with('"') && tag.len() == 34, "strong: {tag}");
    for same in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        assert_eq!(ask(&same).await, (304, tag.clone(), 0), "{same}");
    }
    service.post(&list(), &body(&pause(1), true)).await;
    let (status, newer, _) = ask(&tag).await;
    assert!(status == 200 && newer != tag);
    let refused = service.http.get(format!("{url}?nonce=x")).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().get("etag")), (400, None));
}

#[tokio::test]
async fn v1_writes_numbers_where_v2_writes_text() {
    let service = Running::start(chain(), None).await;
    service.chain.change(SAFE, |state| state.nonce = SafeNonce::from(7));
    let tx = SafeTx { safe_tx_gas: "18446744073709551616".parse().unwrap(), ..pause(7) };
    let to_v1 = list().replace("v2", "v1");
    assert_eq!(service.post(&to_v1, &body(&tx, true)).await.status, 201);
    for (api, nonce, base_gas) in [("v1", json!(7), json!(0)), ("v2", json!("7"), json!("0"))] {
        let page = service.get(&list().replace("v2", api)).await.body.unwrap();
        let one = service.get(&format!("/api/{api}/multisig-transactions/{}/", hash_of(&tx))).await;
        assert_eq!(Some(&page["results"][0]), one.body.as_ref());
        let shown = &page["results"][0];
        assert_eq!((&shown["nonce"], &shown["baseGas"]), (&nonce, &base_gas), "{api}");
        // Beyond 64 bits a number would be rounded by whoever reads it.
        assert_eq!(shown["safeTxGas"], "18446744073709551616", "{api}");
    }
}

#[tokio::test]
async fn what_needs_an_index_is_refused_rather_than_empty() {
    let known = Known { safes: vec![safe()], ..Known::default() };
    let service = Running::start_knowing(chain(), None, known).await;
    for path in ["module-transactions", "incoming-transfers", "transfers", "balances", "safe-operations"] {
        let refused = service.get(&format!("/api/v1/safes/{SAFE}/{path}/")).await;
        assert_eq!(refused.status, 501, "{path}");
        assert!(words(refused.body).contains("no index"), "{path}");
    }
    let creation = service.get(&format!("/api/v1/safes/{SAFE}/creation/")).await;
    assert_eq!(creation.status, 404);
    insta::assert_snapshot!(words(creation.body), @r#"{"detail":"This embedded service has no index of the chain: it does not know how Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37 was created."}"#);
    service.chain.set_broken(true);
    for path in ["about/indexing", "about/singletons", &format!("owners/{}/safes", key(1).address())] {
        assert_eq!(service.get(&format!("/api/v1/{path}/")).await.status, 503, "{path}");
    }
}

#[tokio::test]
async fn another_method_another_type_and_no_json_are_refused_in_the_real_services_words() {
    let service = Running::start(chain(), None).await;
    let put = service.http.put(format!("{}{}", service.address, list())).send().await.unwrap();
    let allowed = put.headers().get("allow").map(|allowed| allowed.to_str().unwrap().to_owned());
    assert_eq!((put.status().as_u16(), allowed.as_deref()), (405, Some("GET,HEAD,POST")));
    assert_eq!(put.text().await.unwrap(), r#"{"detail":"Method \"PUT\" not allowed."}"#);
    let header = |kind: &str| vec![("content-type".to_owned(), kind.to_owned())];
    let mut told = Vec::new();
    for (kind, text) in
        [("text/plain", "x"), ("application/json", "{"), ("application/json", "[]"), ("application/json", "")]
    {
        let refused = service.ask("POST", &list(), &header(kind), Some(text.to_owned())).await;
        told.push(format!("{} {}", refused.status, words(refused.body)));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    415 {"detail":"Unsupported media type \"text/plain\" in request."}
    400 {"detail":"JSON parse error - Expecting value: line 1 column 2 (char 1)"}
    422 {"nonFieldErrors":["Invalid data. Expected a dictionary, but got list."]}
    400 {"detail":"JSON parse error - Expecting value: line 1 column 1 (char 0)"}
    "#);
}

/// A body that delegatecalls.
fn delegatecall(to: Address, nonce: u64) -> Value {
    let data = multisend::calldata(&[]);
    body(&SafeTx { to, data, operation: Operation::DelegateCall, ..pause(nonce) }, true)
}

#[tokio::test]
async fn only_known_code_may_be_delegatecalled() {
    let configured = Address::repeat_byte(0xcc);
    let known = Known { delegatecalls: vec![configured], ..Known::default() };
    let service = Running::start_knowing(chain(), None, known).await;
    let (unknown, elsewhere) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
    service.chain.has_code(unknown, B256::repeat_byte(1));
    service.chain.has_code(elsewhere, CALL_ONLY_CODE.parse().unwrap());
    let refused = service.post(&list(), &delegatecall(unknown, 0)).await;
    assert_eq!(refused.status, 422);
    insta::assert_snapshot!(words(refused.body), @r#"{"nonFieldErrors":["Delegatecall to 0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa is not taken: its code could change anything of the Safe, and it is neither a library of Safe nor named in delegatecall_targets of the configuration"]}"#);
    let nothing = Address::repeat_byte(0xdd);
    assert_eq!(service.post(&list(), &delegatecall(nothing, 0)).await.status, 422);
    let canonical = multisend::call_only(SafeVersion::V1_4_1);
    for to in [configured, elsewhere, canonical] {
        assert_eq!(service.post(&list(), &delegatecall(to, 0)).await.status, 201, "{to}");
    }
    service.chain.set_broken(true);
    assert_eq!(service.post(&list(), &delegatecall(unknown, 0)).await.status, 503);
}

#[tokio::test]
async fn a_nonce_absurdly_far_ahead_and_odd_hex_are_refused_with_a_sentence() {
    let service = Running::start(chain(), None).await;
    service.chain.change(SAFE, |state| state.nonce = SafeNonce::from(4));
    assert_eq!(service.post(&list(), &body(&pause(1_004), true)).await.status, 201);
    let refused = service.post(&list(), &body(&pause(1_005), true)).await;
    assert_eq!(refused.status, 422);
    insta::assert_snapshot!(words(refused.body), @r#"{"nonFieldErrors":["Invalid nonce: nonce=1005 is 1001 ahead of nonce=4 of safe=0x42D718c3035d3f9A22222E4d8D48E11e60383D37 on the blockchain, and at most 1000 ahead is taken"]}"#);
    let mut odd = body(&pause(4), true);
    odd["data"] = json!("0x845");
    odd["contractTransactionHash"] = json!("0x12345");
    odd["signature"] = json!(format!("0x{}", "1".repeat(131)));
    let refused = service.post(&list(), &odd).await;
    assert_eq!(refused.status, 422);
    insta::assert_snapshot!(words(refused.body), @r#"{"contractTransactionHash":["5 hexadecimal digits are an odd number: one is missing or too many."],"data":["3 hexadecimal digits are an odd number: one is missing or too many."],"signature":["131 hexadecimal digits are an odd number: one is missing or too many."]}"#);
}

#[tokio::test]
async fn executions_are_found_by_what_became_of_them() {
    let service = Running::start(chain(), None).await;
    let tx = B256::repeat_byte(9).to_string();
    for (nonce, success) in [(0, true), (1, false)] {
        service.post(&list(), &body(&pause(nonce), true)).await;
        service.chain.execute(SAFE, &hash_of(&pause(nonce)).to_string(), &tx, success);
    }
    service.post(&list(), &body(&pause(2), true)).await;
    let after_the_first = "2026-11-18T00:00:00Z";
    let hash = hash_of(&pause(2));
    for (query, nonces) in [
        ("failed=true".to_owned(), "1"),
        ("failed=false".to_owned(), "0"),
        (format!("transaction_hash={tx}&ordering=nonce"), "0,1"),
        (format!("safe_tx_hash={hash}"), "2"),
        ("value__gt=0".to_owned(), ""),
        ("value=0&value__lt=1".to_owned(), "2,1,0"),
        (format!("execution_date__gte={after_the_first}"), "1,0"),
        (format!("execution_date__lte={after_the_first}"), ""),
        ("submission_date__gte=2030-01-01T00:00:00Z".to_owned(), ""),
        ("modified__lt=2030-01-01T00:00:00Z&executed=false".to_owned(), "2"),
    ] {
        let page = service.get(&format!("{}?{query}", list())).await.body.unwrap();
        let results = page["results"].as_array().unwrap_or_else(|| panic!("{query}: {page}"));
        let found: Vec<_> = results.iter().map(|one| one["nonce"].as_str().unwrap()).collect();
        assert_eq!(found.join(","), nonces, "{query}");
    }
    let history = service.get(&format!("/api/v2/safes/{SAFE}/all-transactions/")).await.body.unwrap();
    let shown: Vec<_> =
        history["results"].as_array().unwrap().iter().map(|one| one["nonce"].as_str().unwrap()).collect();
    assert_eq!(shown, ["1", "0"], "the newest first, and only what was executed");
    let long = service.get(&format!("/api/v2/safes/{SAFE}/all-transactions/?limit=1000&offset=1")).await;
    assert_eq!(long.body.unwrap()["previous"], history_address(&service));
    let data = Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59]);
    let decoded = service.post("/api/v1/data-decoder/", &json!({ "data": data })).await;
    assert_eq!(decoded.status, 404, "no configured contract has the function");
}

fn history_address(service: &Running) -> String {
    format!("{}/api/v2/safes/{SAFE}/all-transactions/?limit=100", service.address)
}
