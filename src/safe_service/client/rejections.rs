//! Every recorded rejection of the real service, in words that say what to do. One table.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::Address;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use super::*;
use crate::safe_service::recordings::{self, Act, Scripted, TIMEOUT};
use crate::safe_service::words;

const PLACE: &str = "[chains.mainnet] safe_service.key";

fn safe() -> SafeAddress {
    "0x42D718c3035d3f9A22222E4d8D48E11e60383D37".parse::<Address>().unwrap().into()
}

/// Without what differs from one recording to the next.
fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        let (before, after) = rest.split_at(at);
        let digits = after[2..].chars().take_while(char::is_ascii_hexdigit).count();
        out.push_str(before);
        out.push_str(if digits >= 40 { "0x…" } else { &after[..2 + digits] });
        rest = &after[2 + digits..];
    }
    out + rest
}

#[tokio::test]
async fn every_recorded_rejection_says_what_to_do() {
    let Some(recordings) = recordings::all("recorded rejections in words") else { return };
    let mut table: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut refused, mut broken) = (0, 0);
    for one in recordings.iter().filter(|one| one.status >= 300 && one.status != 304) {
        let server = Scripted::play(std::iter::repeat_n(Act::recorded(one), 2)).await;
        let quick = Patience { retries_max: 0, ..Patience::default() };
        let client = ServiceClient::new(&server.url, None, TIMEOUT).unwrap().with_patience(quick);
        // The same request as was recorded, whatever this client would send by itself.
        let method: Method = one.method.parse().unwrap();
        let body = json!({});
        let body = (method != Method::GET).then_some(&body);
        let error = client.transport.ask("do it", method, &one.path, body).await.unwrap_err();
        let told = words::explain_failure(safe(), &error, PLACE);
        match &error.failure {
            ServiceFailure::Refused { .. } => refused += 1,
            ServiceFailure::Unavailable(_) => broken += 1,
            ServiceFailure::Unauthorized { .. }
            | ServiceFailure::RateLimited { .. }
            | ServiceFailure::AnswerLost(_)
            | ServiceFailure::Garbled(_) => panic!("#{}: {error:?}", one.n),
        }
        assert!(!told.contains("the Transaction Service refused"), "#{} has no words: {told}", one.n);
        table.entry(format!("{} {}", one.status, steady(&told))).or_default().push(one.n);
    }
    let told: Vec<_> = table.iter().map(|(told, numbers)| format!("{told}  {numbers:?}")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    301 the Transaction Service sends the request elsewhere (301), which is not followed, because a proposal would lose its body and the key would travel: correct the service's address to the one it names  [150, 151]
    400 0x… is not an owner of Safe 0x…, and only owners confirm: another key signed, or something else was signed; a delegate may propose, not confirm  [59, 60, 88]
    400 0x… is not an owner of Safe 0x…, and only owners make delegates  [74]
    400 0x… signed twice in one message: send each owner's signature once  [63]
    400 `label` (free text about the delegate) is longer than 50 characters: shorten it  [76]
    400 `nonce` (its place in the Safe's order) is not a whole number: write decimal digits  [56]
    400 `signature` is too short to be a signature, which has 65 bytes: it was cut when it was copied; copy it whole  [62]
    400 it is executed already, and what happened is not taken back: nothing is left to delete  [104]
    400 only who proposed a transaction may take it back, with a signature at most two hours old: sign with that key, and check this machine's clock; or reject it on chain, by another transaction at its nonce  [91]
    400 the chain does not stand behind this signature: an approveHash that is not mined yet, or a contract owner that does not confirm it  [66]
    400 the delegation is not signed by 0x…, or its hour has passed: check this machine's clock and sign again; a delegation is valid for one to two hours  [72, 73, 75, 84]
    400 the delegation would end in the past: name a later end, and check this machine's clock  [78]
    400 the list of delegates was asked for without a Safe, a delegate or a delegator: name one  [70]
    400 the message is signed by a key that owns nothing of Safe 0x…: sign with an owner's key  [136]
    400 the message is there already: add signatures to it instead of making it again  [138]
    400 the removal is signed neither by the delegate nor by who made it one, or its hour has passed: check this machine's clock and sign again with one of the two keys  [96]
    400 the request was damaged on its way, or is no JSON: send it again; if it happens twice, look for a proxy that changes bodies  [40]
    400 the service knows no Safe at 0x…: check the address and that the service is of the right chain; a Safe made a moment ago needs half a minute  [77]
    400 this owner has signed it already: nothing is left to do for them  [140]
    400 this transaction is executed already: check its effect on the chain; nothing is left to sign  [101]
    404 the Transaction Service knows nothing of it (404): check the address of Safe 0x… and that the service is of the right chain; a Safe made a moment ago needs half a minute  [7, 98, 135]
    404 the service does not know this transaction: it was never proposed there, or deleted; propose it again  [17, 61, 92, 95]
    405 the Transaction Service does not know this kind of request (405): its address is another program's, or its version is too old; check both  [41]
    415 the Transaction Service does not know this kind of request (415): its address is another program's, or its version is too old; check both  [42]
    422 `data` (the calldata) is not hexadecimal: it begins with 0x, and two digits make a byte; copy it again  [37]
    422 `operation` is neither 0 (call) nor 1 (delegatecall): use 0, or 1 with MultiSendCallOnly alone  [33]
    422 `origin` (free text about the proposal) is longer than 200 characters: shorten it  [39]
    422 `sender` (who proposes) is missing: add it  [155]
    422 `sender`: an address was not written with its checksum: copy it again from where it comes from  [27]
    422 `signature` is too short to be a signature, which has 65 bytes: it was cut when it was copied; copy it whole  [24]
    422 `to` (who is called) is null, which it must not be: name it; the zero address is one  [158]
    422 `to`: an address was not written with its checksum: copy it again from where it comes from  [26]
    422 `value` (wei sent along, at most 2^256 - 1) is negative: write zero or more  [34]
    422 `value` (wei sent along, at most 2^256 - 1) is not a whole number: write decimal digits  [35]
    422 a delegate's signature must be sent alone: propose first, then add the owners' signatures  [87]
    422 an address was not written with its checksum: copy it again from where it comes from  [8, 28]
    422 operation 2 (create) is no Safe operation: use 0 (call), or 1 (delegatecall) with MultiSendCallOnly alone  [32]
    422 the Safe's nonce has moved on, so this proposal can never execute: read the nonce of Safe 0x… from the chain, propose again at it, and collect all signatures again  [103]
    422 the chain does not stand behind this signature: an approveHash that is not mined yet, or a contract owner that does not confirm it  [143, 174]
    422 the proposal says it is from 0x…, but another owner or delegate signed it: sign with the key of 0x…, or name the signer as the sender  [19]
    422 the proposer key 0x… is not a delegate of Safe 0x…: have an owner add it as delegate (`redhandle safe delegate`), or let an owner propose  [22, 23, 79]
    422 the request lacks `baseGas`, `contractTransactionHash`, `gasPrice`, `operation`, `safeTxGas`, `sender`: add them  [31]
    422 the service computes another hash for this transaction: a field, the chain or the Safe's version differs; do not sign it until the three hashes agree  [21, 29, 30, 38]
    422 the service knows no Safe at 0x…: check the address and that the service is of the right chain; a Safe made a moment ago needs half a minute  [113, 114]
    422 the signature leads to 0x…, who is neither owner nor delegate of Safe 0x…: another key signed, or something else was signed; compare the safeTxHash and sign again  [20]
    422 the signature was made by no key at all: it was damaged on the way; sign again  [18, 25]
    422 this transaction is executed already: check its effect on the chain; nothing is left to sign  [102]
    500 could not do it: the Transaction Service is unavailable: it answered with status 500; it is tried again by itself; meanwhile the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash  [9, 36]
    ");
    assert_eq!((refused, broken), (67, 2));
}

#[test]
fn what_no_recording_has_says_what_to_do_as_well() {
    let error = |failure| ServiceError { doing: "propose it".to_owned(), writes: true, failure };
    let refused = |status| ServiceFailure::Refused {
        status,
        message: "it gave no reason".to_owned(),
        problems: Vec::new(),
    };
    let unauthorized =
        |status, key_shown| ServiceFailure::Unauthorized { status, message: String::new(), key_shown };
    let limited = |wait: Option<u64>, limit| ServiceFailure::RateLimited {
        retry_after: wait.map(Duration::from_secs),
        limit,
    };
    let hostile = vec![FieldProblem { field: Some("a\u{1b}[2J".to_owned()), text: "x\u{202e}y".to_owned() }];
    let told: Vec<_> = [
        unauthorized(401, true),
        unauthorized(401, false),
        unauthorized(403, true),
        limited(Some(1), RateLimit::Second),
        limited(Some(266_400), RateLimit::Month),
        limited(None, RateLimit::Unsaid),
        refused(451),
        refused(413),
        refused(422),
        ServiceFailure::Refused { status: 422, message: "x".to_owned(), problems: hostile },
        ServiceFailure::Unavailable(Unreachable::Status(502)),
        ServiceFailure::AnswerLost(Unreachable::Status(504)),
        ServiceFailure::Garbled(Garbling::WrongType { found: "text/html".to_owned() }),
    ]
    .into_iter()
    .map(|failure| words::explain_failure(safe(), &error(failure), PLACE))
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    the Transaction Service does not take the key in [chains.mainnet] safe_service.key (401): it is mistyped, expired or withdrawn; make a new one at developer.safe.global, put it where [chains.mainnet] safe_service.key points, and restart; the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    the Transaction Service asks for a key (401), and [chains.mainnet] safe_service.key names none: make one at developer.safe.global and name it there; the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    the Transaction Service does not let this machine in (403): the key in [chains.mainnet] safe_service.key may be bound to other addresses or another chain; correct that at the service, or use another key; the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    too many requests at once for the Transaction Service (429): it takes more in 1 s; it is tried again by itself
    the month's requests to the Transaction Service are used up (429), and it takes more in 3 d 2 h: a larger plan or another service, named at [chains.mainnet] safe_service.key, lifts it at once; until then the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    the Transaction Service takes no more requests for now (429), and when it takes more it did not say; it is tried again by itself; meanwhile the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    whoever runs the Transaction Service has banned Safe 0x42D718c3035d3f9A22222E4d8D48E11e60383D37 (451), and will take nothing for it: use another service or the embedded one; the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    the proposal is too large for the Transaction Service (413): split it; the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    the Transaction Service refused: it gave no reason. The same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    the Transaction Service refused: x\u{202e}y. The same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    could not propose it: the Transaction Service is unavailable: it answered with status 502; it is tried again by itself; meanwhile the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    could not propose it: the Transaction Service did not answer in time, and may have acted: it answered with status 504; it is asked whether it acted before anything is repeated; meanwhile the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    could not propose it: the Transaction Service gave an answer that cannot be used: the answer is text/html and not JSON: is a proxy or a web page in between?; check its address; it is asked again; meanwhile the same proposal can be signed without it: with `redhandle proposal sign`, or with approveHash
    ");
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much_and_to_which_side() {
    let told: Vec<_> = [Some(7_800), Some(-7_800), Some(3), None]
        .into_iter()
        .map(|seconds| words::explain_hour("it was not taken", seconds.map(SignedDuration::from_secs)))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    it was not taken; your clock is 2 h 10 min behind the service: set it (`timedatectl set-ntp true`) and sign again; the hour is part of what is signed, and the service takes its own hour and the one before
    it was not taken; your clock is 2 h 10 min ahead of the service: set it (`timedatectl set-ntp true`) and sign again; the hour is part of what is signed, and the service takes its own hour and the one before
    it was not taken; the clocks agree to the minute, so it is not the hour: another key signed, or another chain, delegate or Safe
    it was not taken; the service did not say what hour it has: compare this machine's clock with another
    ");
}
