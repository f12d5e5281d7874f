//! The client against recorded answers, and against everything that can go wrong on the way.

use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256};
use serde_json::Value;

use super::*;
use crate::safe_service::recordings::{self, Act, Interaction, Scripted, TIMEOUT};

const QUICK: Patience = Patience {
    retries_max: 2,
    first_wait: Duration::from_millis(5),
    rate_limit_wait_max: Duration::from_secs(2),
};

fn client(server: &Scripted) -> ServiceClient {
    ServiceClient::new(&server.url, None, TIMEOUT).unwrap().with_patience(QUICK)
}

fn safe() -> SafeAddress {
    "0x42D718c3035d3f9A22222E4d8D48E11e60383D37".parse::<Address>().unwrap().into()
}

fn any_proposal() -> Proposal {
    Proposal {
        tx: SafeTx::call(Address::ZERO, Bytes::new(), SafeNonce::default()),
        hash: SafeTxHash(B256::ZERO),
        sender: Address::ZERO,
        signature: Bytes::from(vec![7; 65]),
        origin: None,
    }
}

/// The recorded proposal, where it is one that this client can make.
fn recorded_proposal(body: &Value) -> Option<Proposal> {
    Some(Proposal {
        tx: serde_json::from_value(body.clone()).ok()?,
        hash: serde_json::from_value(body["contractTransactionHash"].clone()).ok()?,
        sender: serde_json::from_value(body["sender"].clone()).ok()?,
        signature: serde_json::from_value(body["signature"].clone()).ok()?,
        origin: serde_json::from_value(body["origin"].clone()).ok()?,
    })
}

/// What a recorded answer must become.
fn expect<T: std::fmt::Debug>(interaction: &Interaction, result: Result<T, ServiceError>) {
    let at = format!("#{} {}", interaction.n, interaction.label);
    match (interaction.status, result) {
        (200..=299, Ok(_)) => {}
        (500..=599, Err(error)) => {
            assert!(
                matches!(error.failure, ServiceFailure::Unavailable(Unreachable::Status(_))),
                "{at}: {error:?}"
            );
            assert_eq!(error.next(), Next::Later);
        }
        (300..=499, Err(error)) => {
            let next = error.next();
            let ServiceFailure::Refused { status, message, .. } = error.failure else {
                panic!("{at}: {:?}", error.failure)
            };
            assert_eq!((status, next), (interaction.status, Next::Never), "{at}");
            let said = interaction.answer.as_ref().map(Value::to_string).unwrap_or_default();
            let quoted = serde_json::to_string(&message).unwrap();
            let words = quoted.trim_matches('"').rsplit(": ").next().unwrap();
            let wordless = message == "it gave no reason" || (300..400).contains(&interaction.status);
            let told = said.contains(words) || (said.is_empty() && wordless);
            assert!(told, "{at}: {message} is not what the service said: {said}");
        }
        (_, result) => panic!("{at}: {result:?}"),
    }
}

async fn play(interaction: &Interaction) -> (Scripted, ServiceClient) {
    let server = Scripted::play(std::iter::repeat_n(Act::recorded(interaction), 3)).await;
    let client = client(&server);
    (server, client)
}

#[tokio::test]
async fn every_recorded_proposal_is_answered_as_the_service_meant_it() {
    let Some(recordings) = recordings::all("recorded proposals") else { return };
    let (mut played, mut same_bodies) = (0, 0);
    for one in recordings {
        if one.method != "POST" || !one.path.ends_with("/multisig-transactions/") {
            continue;
        }
        let (server, client) = play(&one).await;
        let body: Value =
            one.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        let proposal = recorded_proposal(&body);
        let to: Address = one.path.split('/').nth(4).unwrap().parse().unwrap();
        expect(&one, client.propose(to.into(), proposal.as_ref().unwrap_or(&any_proposal())).await);
        let asked = server.asked();
        if proposal.is_some()
            && one.status == 201
            && body["value"].is_string()
            && body["gasToken"].is_string()
        {
            let mut sent: Value = serde_json::from_str(&asked[0].body).unwrap();
            let mut recorded = body.clone();
            // The service takes null for empty calldata; this client writes it as bytes.
            for side in [&mut sent, &mut recorded] {
                if side["data"].is_null() {
                    side["data"] = "0x".into();
                }
                side.as_object_mut().unwrap().remove("extra");
                side.as_object_mut().unwrap().remove("foo");
            }
            let known: Vec<_> = sent.as_object().unwrap().keys().cloned().collect();
            recorded.as_object_mut().unwrap().retain(|name, _| known.contains(name));
            assert_eq!(sent, recorded, "#{}", one.n);
            assert_eq!(asked[0].path, one.path, "#{}", one.n);
            same_bodies += 1;
        }
        played += 1;
    }
    assert_eq!((played, same_bodies), (64, 26));
}

#[tokio::test]
async fn every_recorded_confirmation_is_answered_as_the_service_meant_it() {
    let Some(recordings) = recordings::all("recorded confirmations") else { return };
    let mut played = 0;
    for one in recordings {
        if one.method != "POST" || !one.path.ends_with("/confirmations/") {
            continue;
        }
        let (server, client) = play(&one).await;
        let body: Value = serde_json::from_str(one.body.as_deref().unwrap()).unwrap();
        let signature = serde_json::from_value(body["signature"].clone()).unwrap();
        let hash = one.path.split('/').nth(4).unwrap().parse().unwrap();
        expect(&one, client.confirm(hash, &signature).await);
        let asked = &server.asked()[0];
        assert_eq!(asked.path, one.path);
        assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), body);
        played += 1;
    }
    assert_eq!(played, 14);
}

#[tokio::test]
async fn every_recorded_delegation_is_answered_as_the_service_meant_it() {
    let Some(recordings) = recordings::all("recorded delegations") else { return };
    let mut played = 0;
    for one in recordings {
        if !one.path.starts_with("/api/v2/delegates/") {
            continue;
        }
        let (server, client) = play(&one).await;
        let body: Value =
            one.body.as_deref().map(|body| serde_json::from_str(body).unwrap()).unwrap_or_default();
        let read = |name: &str| serde_json::from_value(body[name].clone()).ok();
        let of = read("safe").map(SafeAddress);
        match one.method.as_str() {
            "GET" => {
                let result = client.delegates(safe()).await;
                if one.status == 200 {
                    let said = one.answer.as_ref().unwrap()["results"].as_array().unwrap().len();
                    assert_eq!(result.as_ref().unwrap().len(), said);
                }
                expect(&one, result);
            }
            "POST" => {
                let new = NewDelegate {
                    safe: of,
                    delegate: read("delegate").unwrap(),
                    delegator: read("delegator").unwrap(),
                    signature: serde_json::from_value(body["signature"].clone()).unwrap(),
                    label: body["label"].as_str().unwrap().to_owned(),
                    expires: body["expiryDate"].as_str().map(|date| date.parse().unwrap()),
                };
                expect(&one, client.add_delegate(&new).await);
            }
            "DELETE" => {
                let removal = DelegateRemoval {
                    safe: of,
                    delegate: one.path.split('/').nth(4).unwrap().parse().unwrap(),
                    delegator: read("delegator").unwrap(),
                    signature: serde_json::from_value(body["signature"].clone()).unwrap(),
                };
                let result = client.remove_delegate(&removal).await;
                if one.status == 404 {
                    assert_eq!(result.unwrap(), Removed::WasAbsent);
                } else {
                    assert!(!matches!(result, Ok(Removed::WasAbsent)));
                    expect(&one, result);
                }
                assert_eq!(server.asked()[0].path, one.path);
            }
            other => panic!("{other}"),
        }
        played += 1;
    }
    assert_eq!(played, 19);
}

#[tokio::test]
async fn every_recorded_read_is_parsed_and_its_signatures_hold() {
    let Some(recordings) = recordings::all("recorded reads") else { return };
    let (mut lists, mut details, mut safes, mut signatures) = (0, 0, 0, 0);
    for one in recordings.iter().filter(|one| one.method == "GET") {
        let path = one.path.split('?').next().unwrap();
        let third = path.split('/').nth(4).unwrap_or_default();
        let mut read = Vec::new();
        if path.starts_with("/api/v2/safes/")
            && path.ends_with("/multisig-transactions/")
            && one.status == 200
        {
            // Pages beside were not recorded: without them the client would read on.
            let mut alone = one.clone();
            alone.answer.as_mut().unwrap()["next"] = Value::Null;
            let (_server, client) = play(&alone).await;
            read =
                client.queue(third.parse::<Address>().unwrap().into(), SafeNonce::default()).await.unwrap();
            assert_eq!(read.len(), one.answer.as_ref().unwrap()["results"].as_array().unwrap().len());
            lists += 1;
        } else if path.starts_with("/api/v2/multisig-transactions/") {
            let (_server, client) = play(one).await;
            let found = client.transaction(third.parse().unwrap()).await.unwrap();
            assert_eq!(found.is_some(), one.status == 200, "#{}", one.n);
            read.extend(found);
            details += 1;
        } else if path.starts_with("/api/v1/safes/") && path.matches('/').count() == 5 {
            let (_server, client) = play(one).await;
            let result = client.safe(third.parse::<Address>().unwrap().into()).await;
            match one.status {
                200 => assert_eq!(result.unwrap().unwrap().address.to_string(), third),
                404 => assert_eq!(result.unwrap(), None),
                _ => expect(one, result),
            }
            safes += 1;
        } else if path == "/api/v1/about/" {
            let (_server, client) = play(one).await;
            assert_eq!(client.about().await.unwrap().version, "6.10.1");
        }
        for tx in read {
            for confirmation in &tx.confirmations {
                let signature = confirmation.owner_signature(tx.safe_tx_hash).unwrap();
                assert_eq!(Some(signature.kind), confirmation.kind);
                signatures += 1;
            }
        }
    }
    assert_eq!((lists, details, safes, signatures), (16, 14, 9, 45));
}

/// A failed call as it is told, and what may be done next.
fn verdict<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> (String, Next) {
    let error = result.unwrap_err();
    let cause = std::error::Error::source(&error.failure);
    let text = cause.map_or_else(|| error.failure.to_string(), |cause| format!("{}: {cause}", error.failure));
    (text, error.next())
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_never_repeated() {
    for act in [Act::Hang, Act::Drop, Act::answer(504, &[], "")] {
        let server = Scripted::play([act.clone(), Act::answer(201, &[], "")]).await;
        let error = client(&server).propose(safe(), &any_proposal()).await.unwrap_err();
        assert!(matches!(error.failure, ServiceFailure::AnswerLost(_)), "{act:?}: {error:?}");
        assert_eq!(error.next(), Next::AskFirst);
        assert_eq!(server.asked().len(), 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_read_is_repeated_and_then_given_up() {
    let hash = SafeTxHash(B256::repeat_byte(1));
    for act in [Act::Hang, Act::Drop, Act::answer(502, &[], "")] {
        let server = Scripted::play(std::iter::repeat_n(act.clone(), 9)).await;
        let error = client(&server).transaction(hash).await.unwrap_err();
        assert!(matches!(error.failure, ServiceFailure::Unavailable(_)), "{act:?}: {error:?}");
        assert_eq!(error.next(), Next::Later);
        assert_eq!(server.asked().len(), 3, "{act:?}");
    }
    let nobody = Scripted::play([]).await.url.clone();
    let client = ServiceClient::new(&nobody, None, TIMEOUT).unwrap().with_patience(QUICK);
    let error = client.propose(safe(), &any_proposal()).await.unwrap_err();
    assert!(matches!(error.failure, ServiceFailure::Unavailable(Unreachable::Connect(_))), "{error:?}");
}

#[tokio::test]
async fn a_service_that_recovers_is_asked_again() {
    let acts = [Act::answer(503, &[], ""), Act::answer(500, &[], "<html>"), Act::answer(201, &[], "")];
    let server = Scripted::play(acts).await;
    client(&server).propose(safe(), &any_proposal()).await.unwrap();
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_when_short_and_told_when_long() {
    let quota = r#"{"detail":"Monthly quota exceeded."}"#;
    let short = Act::answer(429, &[("X-RateLimit-Reset", "1"), ("X-RateLimit-Remaining", "0")], quota);
    let ok = Act::answer(201, &[("X-RateLimit-Remaining", "4999")], "");
    let server = Scripted::play([short, ok]).await;
    let client_of_it = client(&server);
    assert_eq!(client_of_it.remaining_quota(), None);
    let started = Instant::now();
    client_of_it.propose(safe(), &any_proposal()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(client_of_it.remaining_quota(), Some(4999));

    let long = Act::answer(429, &[("X-RateLimit-Reset", "86400"), ("X-RateLimit-Remaining", "0")], quota);
    let server = Scripted::play([long]).await;
    let client_of_it = client(&server);
    let error = client_of_it.propose(safe(), &any_proposal()).await.unwrap_err();
    assert_eq!(error.next(), Next::After(Some(Duration::from_secs(86_400))));
    assert_eq!((client_of_it.remaining_quota(), server.asked().len()), (Some(0), 1));
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_is_never_an_empty_list() {
    let empty = r#"{"count":0,"next":null,"previous":null,"results":[],"countUniqueNonce":0}"#;
    let large = format!("\"{}\"", "x".repeat(transport::ANSWER_BYTES_MAX));
    let endless = r#"{"count":9,"next":"http://elsewhere.example/x?offset=1","previous":null,"results":[]}"#;
    let mut told = Vec::new();
    for act in [
        Act::cut_answer(200, &[], empty, empty.len() + 1),
        Act::answer(200, &[], &empty[..20]),
        Act::answer(200, &[], "<html>welcome</html>"),
        Act::answer(200, &[], "{}"),
        Act::answer(200, &[], &large),
        Act::answer(404, &[], "<html>not here</html>"),
        Act::answer(301, &[("location", "http://elsewhere.example/")], ""),
        Act::answer(401, &[], r#"{"detail":"Invalid API key"}"#),
        Act::answer(200, &[], endless),
    ] {
        let copies = if told.len() == 8 { PAGES_MAX } else { 3 };
        let server = Scripted::play(std::iter::repeat_n(act, copies)).await;
        let (text, next) = verdict(client(&server).queue(safe(), SafeNonce::default()).await);
        told.push(format!("{next:?}: {text}"));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    Later: the Transaction Service gave an answer that cannot be used: the answer's body was cut off
    Later: the Transaction Service gave an answer that cannot be used: the answer is not the JSON that was expected
    Later: the Transaction Service gave an answer that cannot be used: the answer is not the JSON that was expected
    Later: the Transaction Service gave an answer that cannot be used: the answer is not the JSON that was expected
    Later: the Transaction Service gave an answer that cannot be used: the answer's body has more than 16777216 bytes
    Later: the Transaction Service gave an answer that cannot be used: it answered 404 with something that is not the service's: is its address right?
    Never: the Transaction Service refused (301): it sends the request elsewhere instead of answering: is its address right?
    Never: the Transaction Service does not take the API key (401): Invalid API key
    Later: the Transaction Service gave an answer that cannot be used: the list has more than 20 pages
    ");
}

#[tokio::test]
async fn another_answer_than_was_asked_for_is_refused() {
    let Some(recordings) = recordings::all("an answer about another transaction") else { return };
    let one = recordings.iter().find(|one| one.n == 15).unwrap();
    let (_server, client) = play(one).await;
    let (text, next) = verdict(client.transaction(SafeTxHash(B256::ZERO)).await);
    assert_eq!(next, Next::Later);
    insta::assert_snapshot!(text, @"the Transaction Service gave an answer that cannot be used: it answered with transaction 0xf78a773033314080a9693480158f97ec0d8db37d26bb26169a43f4628f6373bd, asked for 0x0000000000000000000000000000000000000000000000000000000000000000");
}

#[tokio::test]
async fn the_key_goes_to_the_service_only_and_pages_are_followed_there() {
    let first = r#"{"count":2,"next":"http://elsewhere.example/steal/?limit=200&offset=200&safe=x","previous":null,"results":[]}"#;
    let last = r#"{"count":2,"next":null,"previous":null,"results":[]}"#;
    let server = Scripted::play([Act::answer(200, &[], first), Act::answer(200, &[], last)]).await;
    let with_api: Url = format!("{}/api/", server.url).parse().unwrap();
    let client = ServiceClient::new(&with_api, Some("k-local".into()), TIMEOUT).unwrap();
    assert_eq!(client.delegates(safe()).await.unwrap(), Vec::new());
    let asked = server.asked();
    assert_eq!(asked[0].path, format!("/api/v2/delegates/?safe={}&limit=200", safe()));
    assert_eq!(asked[1].path, "/api/v2/delegates/?limit=200&offset=200&safe=x");
    assert!(asked.iter().all(|one| one.head.to_lowercase().contains("authorization: bearer k-local")));
    assert!(!format!("{client:?}").contains("k-local"));
}

#[test]
fn a_client_that_cannot_work_is_not_made() {
    let url: Url = "https://api.safe.global/tx-service/eth".parse().unwrap();
    assert!(matches!(ServiceClient::new(&url, Some("two\nlines".into()), TIMEOUT), Err(NewClientError::Key)));
    let file: Url = "file:///tmp".parse().unwrap();
    assert!(matches!(ServiceClient::new(&file, None, TIMEOUT), Err(NewClientError::Address(_))));
}
