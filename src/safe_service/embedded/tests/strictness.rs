//! Where the embedded service is stricter than the real one, what it does when the chain is away, and a
//! whole proposal through the client.

use alloy::primitives::B256;
use jiff::SignedDuration;
use serde_json::json;

use super::Running;
use super::people::{SAFE, body, chain, hash_of, key, list, pause, safe, sign, words};
use crate::clock::Clock;
use crate::domain::names::ChainId;
use crate::domain::safe::signature::recover;
use crate::domain::safe::{SafeNonce, SignatureKind, delegate_hash, totp};
use crate::safe_service::client::{DelegateRemoval, NewDelegate, Removed};
use crate::safe_service::{Proposal, ServiceClient, ServiceFailure};

#[tokio::test]
async fn a_nonce_that_the_chain_has_passed_is_refused() {
    let service = Running::start(chain(), None).await;
    service.chain.change(SAFE, |state| state.nonce = SafeNonce::from(4));
    let refused = service.post(&list(), &body(&pause(3), true)).await;
    assert_eq!(refused.status, 422);
    insta::assert_snapshot!(words(refused.body), @r#"{"nonFieldErrors":["Invalid nonce: nonce=3 is lower than nonce=4 of safe=0x42D718c3035d3f9A22222E4d8D48E11e60383D37 on the blockchain"]}"#);
    assert_eq!(service.post(&list(), &body(&pause(4), true)).await.status, 201);
    assert_eq!(service.post(&list(), &body(&pause(9), true)).await.status, 201);
}

#[tokio::test]
async fn while_the_chain_cannot_be_read_nothing_is_accepted_and_no_list_is_empty() {
    let service = Running::start(chain(), None).await;
    let hash = hash_of(&pause(0));
    assert_eq!(service.post(&list(), &body(&pause(0), true)).await.status, 201);
    service.chain.set_broken(true);
    let confirmations = format!("/api/v1/multisig-transactions/{hash}/confirmations/");
    let confirmation = json!({ "signature": sign(&key(2), hash.0) });
    let told = service.post(&list(), &body(&pause(1), true)).await;
    assert_eq!(told.status, 503);
    insta::assert_snapshot!(words(told.body), @r#"{"detail":"The chain cannot be read at the moment, so nothing was decided. Try again."}"#);
    assert_eq!(service.post(&confirmations, &confirmation).await.status, 503);
    for path in [list(), format!("/api/v2/multisig-transactions/{hash}/"), format!("/api/v1/safes/{SAFE}/")] {
        assert_eq!(service.get(&path).await.status, 503, "{path}");
    }
    service.chain.set_broken(false);
    let queue = service.get(&list()).await.body.unwrap();
    assert_eq!(queue["count"], 1);
    assert_eq!(queue["results"][0]["confirmations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn numbers_bodies_and_signatures_without_end_are_refused() {
    let service = Running::start(chain(), None).await;
    for field in ["value", "safeTxGas", "baseGas", "gasPrice", "nonce"] {
        let mut beyond = body(&pause(0), true);
        beyond[field] =
            "115792089237316195423570985008687907853269984665640564039457584007913129639936".into();
        let refused = service.post(&list(), &beyond).await;
        assert_eq!(refused.status, 422);
        let expected = json!({ field: ["Ensure this value is less than or equal to 2**256-1."] });
        assert_eq!(refused.body, Some(expected));
    }
    let mut long = body(&pause(0), true);
    long["data"] = format!("0x{}", "ab".repeat(300 << 10)).into();
    assert_eq!(service.post(&list(), &long).await.status, 413);
    let mut many = body(&pause(0), true);
    many["signature"] = format!("0x{}", "11".repeat(65 * 101)).into();
    let refused = service.post(&list(), &many).await;
    insta::assert_snapshot!(words(refused.body), @r#"{"nonFieldErrors":["At most 100 signatures are taken at once"]}"#);
    assert_eq!(service.get(&list()).await.body.unwrap()["count"], 0);
}

#[tokio::test]
async fn without_the_key_nothing_is_told() {
    let service = Running::start(chain(), Some("k-right".into())).await;
    let bearer = |key: &str| vec![("authorization".to_owned(), format!("Bearer {key}"))];
    for headers in [vec![], bearer("k-wrong"), bearer(""), bearer("k-righ")] {
        for path in ["/api/v1/about/", &list(), "/elsewhere"] {
            let refused = service.ask("GET", path, &headers, None).await;
            assert_eq!(refused.status, 401, "{headers:?} {path}");
        }
    }
    assert_eq!(service.ask("GET", "/api/v1/about", &bearer("k-right"), None).await.status, 200);
    assert_eq!(service.ask("GET", "/elsewhere", &bearer("k-right"), None).await.status, 404);
}

#[tokio::test]
async fn an_execution_is_believed_for_good_only_when_it_lies_deep() {
    let service = Running::start(chain(), None).await;
    let hash = hash_of(&pause(0)).to_string();
    let executed = || async {
        let path = format!("/api/v2/multisig-transactions/{hash}/");
        service.get(&path).await.body.unwrap()["isExecuted"].as_bool().unwrap()
    };
    service.post(&list(), &body(&pause(0), true)).await;
    assert!(!executed().await);
    let in_tx = B256::repeat_byte(9).to_string();
    service.chain.execute(SAFE, &hash, &in_tx, true);
    assert!(executed().await);
    service.chain.undo(SAFE, &hash);
    assert!(!executed().await, "a reorg took it back");
    service.chain.execute(SAFE, &hash, &in_tx, true);
    service.chain.change(SAFE, |state| state.block_number += 64);
    assert!(executed().await);
    service.chain.undo(SAFE, &hash);
    assert!(executed().await, "64 blocks deep it is remembered");
}

#[tokio::test]
async fn unsigned_proposals_have_an_end_and_an_age() {
    let service = Running::start(chain(), None).await;
    for nonce in 0..100 {
        assert_eq!(service.post(&list(), &body(&pause(nonce), false)).await.status, 201);
    }
    let refused = service.post(&list(), &body(&pause(100), false)).await;
    assert_eq!(refused.status, 422);
    assert_eq!(service.post(&list(), &body(&pause(100), true)).await.status, 201, "a signed one always fits");
    assert_eq!(service.post(&list(), &body(&pause(3), false)).await.status, 201, "the same again too");
    service.clock.step(SignedDuration::from_hours(31 * 24));
    assert_eq!(service.post(&list(), &body(&pause(101), false)).await.status, 201);
    let all = service.get(&format!("{}?trusted=false", list())).await.body.unwrap();
    assert_eq!(all["count"], 2);
}

/// Everything the agent does with a service, through the client.
#[tokio::test]
async fn a_delegate_proposes_and_the_owners_confirm_through_the_client() {
    let service = Running::start(chain(), Some("k-local".into())).await;
    let url = service.address.parse().unwrap();
    let client = ServiceClient::new(&url, Some("k-local".into()), std::time::Duration::from_secs(5)).unwrap();
    let (bot, owner) = (key(3), key(1));
    let tx = pause(0);
    let hash = hash_of(&tx);
    let proposal = Proposal {
        tx: tx.clone(),
        hash,
        sender: bot.address(),
        signature: sign(&bot, hash.0),
        origin: Some("redhandle".to_owned()),
    };
    let early = client.propose(safe(), &proposal).await.unwrap_err();
    assert!(matches!(early.failure, ServiceFailure::Refused { status: 422, .. }));

    let hour = totp(u64::try_from(service.clock.now().as_second()).unwrap());
    let delegation = sign(&owner, delegate_hash(Some(ChainId(31_337)), bot.address(), hour));
    let new = NewDelegate {
        safe: Some(safe()),
        delegate: bot.address(),
        delegator: owner.address(),
        signature: delegation.clone(),
        label: "redhandle".to_owned(),
        expires: Some(service.clock.now() + SignedDuration::from_hours(1)),
    };
    client.add_delegate(&new).await.unwrap();
    let delegates = client.delegates(safe()).await.unwrap();
    assert_eq!((delegates.len(), delegates[0].delegate), (1, bot.address()));

    client.propose(safe(), &proposal).await.unwrap();
    client.propose(safe(), &proposal).await.unwrap();
    let read = client.transaction(hash).await.unwrap().unwrap();
    assert_eq!((read.tx, read.trusted, read.confirmations.len()), (tx, true, 0));
    assert_eq!((read.proposer, read.proposed_by_delegate), (Some(owner.address()), Some(bot.address())));

    for number in [1, 2] {
        client.confirm(hash, &sign(&key(number), hash.0)).await.unwrap();
    }
    let not_an_owner = client.confirm(hash, &sign(&bot, hash.0)).await.unwrap_err();
    assert!(matches!(not_an_owner.failure, ServiceFailure::Refused { status: 400, .. }));
    let queue = client.queue(safe(), SafeNonce::default()).await.unwrap();
    let signers: Vec<_> = queue[0]
        .confirmations
        .iter()
        .map(|one| recover(hash, &one.owner_signature(hash).unwrap().bytes).unwrap())
        .collect();
    assert_eq!(signers.len(), 2);
    assert!(signers.iter().all(|one| one.kind == SignatureKind::Eoa));

    service.clock.step(SignedDuration::from_mins(61));
    let late = Proposal { tx: pause(1), hash: hash_of(&pause(1)), ..proposal.clone() };
    let late = Proposal { signature: sign(&bot, late.hash.0), ..late };
    let expired = client.propose(safe(), &late).await.unwrap_err();
    assert!(
        matches!(expired.failure, ServiceFailure::Refused { status: 422, .. }),
        "the delegation has ended"
    );

    let removal = DelegateRemoval {
        safe: Some(safe()),
        delegate: bot.address(),
        delegator: owner.address(),
        signature: delegation,
    };
    assert_eq!(client.remove_delegate(&removal).await.unwrap(), Removed::Now);
    assert_eq!(client.remove_delegate(&removal).await.unwrap(), Removed::WasAbsent);
    assert_eq!(client.safe(safe()).await.unwrap().unwrap().threshold, 2);
}

#[tokio::test]
async fn a_delegate_of_somebody_who_is_no_longer_owner_may_not_propose() {
    let service = Running::start(chain(), None).await;
    let (bot, owner) = (key(3), key(1));
    let hour = totp(u64::try_from(service.clock.now().as_second()).unwrap());
    let new = json!({
        "safe": SAFE,
        "delegate": bot.address().to_checksum(None),
        "delegator": owner.address().to_checksum(None),
        "signature": sign(&owner, delegate_hash(Some(ChainId(31_337)), bot.address(), hour)),
        "label": "redhandle",
    });
    assert_eq!(service.post("/api/v2/delegates", &new).await.status, 201);
    let mut proposal = body(&pause(0), true);
    proposal["sender"] = json!(bot.address().to_checksum(None));
    proposal["signature"] = json!(sign(&bot, hash_of(&pause(0)).0));
    service.chain.change(SAFE, |state| state.owners.retain(|one| *one != owner.address()));
    assert_eq!(service.post(&list(), &proposal).await.status, 422);
    service.chain.change(SAFE, |state| state.owners.push(owner.address()));
    assert_eq!(service.post(&list(), &proposal).await.status, 201);
}

#[tokio::test]
async fn a_filter_that_is_not_known_is_refused_rather_than_ignored() {
    let service = Running::start(chain(), None).await;
    for query in [
        "failed=x",
        "value=x",
        "modified__gt=now",
        "executed=maybe",
        "nonce__gte=-1",
        "ordering=value",
        "to=0x12",
    ] {
        let refused = service.get(&format!("{}?{query}", list())).await;
        assert_eq!(refused.status, 400, "{query}");
    }
    for nonce in 0..4 {
        service.post(&list(), &body(&pause(nonce), true)).await;
    }
    for (query, nonces) in [
        ("nonce__gt=1", "3,2"),
        ("nonce__lt=2", "1,0"),
        ("nonce__lt=0", ""),
        ("nonce__gte=1&nonce__lte=2&ordering=nonce", "1,2"),
        ("nonce__gt=115792089237316195423570985008687907853269984665640564039457584007913129639935", ""),
        ("nonce=2&limit=1&offset=0", "2"),
        ("limit=2&offset=3", "0"),
        ("has_confirmations=false", ""),
        ("executed=true", ""),
    ] {
        let page = service.get(&format!("{}?{query}", list())).await.body.unwrap();
        let found: Vec<_> =
            page["results"].as_array().unwrap().iter().map(|one| one["nonce"].as_str().unwrap()).collect();
        assert_eq!(found.join(","), nonces, "{query}");
    }
}
