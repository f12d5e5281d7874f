//! The channels against a receiver that keeps what it got and can misbehave.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::fixture::{hostile, page};
use super::*;
use crate::clock::ManualClock;

const SECRET: &str = "a secret of the operator's";

/// What the receiver does with the next messages.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Takes(&'static str),
    Answers(u16, &'static str),
    AsksForTime,
    Sleeps,
}

/// A receiver that keeps every message it was sent, whatever it then answers.
struct Receiver {
    got: Mutex<Vec<(HeaderMap, Bytes)>>,
    mood: Mutex<Mood>,
}

impl Receiver {
    fn with(mood: Mood) -> Arc<Self> {
        Arc::new(Self { got: Mutex::default(), mood: Mutex::new(mood) })
    }

    fn taken(&self) -> usize {
        self.got.lock().unwrap().len()
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> Response {
    receiver.got.lock().unwrap().push((headers, body));
    let mood = *receiver.mood.lock().unwrap();
    match mood {
        Mood::Takes(answer) => answer.into_response(),
        Mood::Answers(status, answer) => (StatusCode::from_u16(status).unwrap(), answer).into_response(),
        Mood::AsksForTime => {
            (StatusCode::TOO_MANY_REQUESTS, [("Retry-After", "7")], "slowly").into_response()
        }
        Mood::Sleeps => {
            tokio::time::sleep(Duration::from_secs(5)).await;
            "too late".into_response()
        }
    }
}

/// The server runs until the set is dropped.
async fn serve(receiver: &Arc<Receiver>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
    let router = Router::new().route("/secret-path", post(receive)).with_state(receiver.clone());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, server)
}

/// A server that reads a request, writes these bytes and closes.
async fn serve_bytes(answer: &'static [u8]) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 64 * 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer).await.unwrap();
        }
    });
    (url, server)
}

fn webhook(url: &str) -> Channel {
    let client = crate::http::client(Duration::from_millis(300)).unwrap();
    let secret = WebhookSecret::new(&SECRET.into()).unwrap();
    let clock = ManualClock::at("2026-11-21T03:00:05.9Z".parse().unwrap());
    Channel::Webhook(WebhookChannel::new(client, Endpoint::new(url).unwrap(), secret, clock))
}

fn slack(url: &str) -> Channel {
    let client = crate::http::client(Duration::from_millis(300)).unwrap();
    let clock = ManualClock::at("2026-11-21T03:00:05.9Z".parse().unwrap());
    Channel::Slack(SlackChannel::new(client, Endpoint::new_secret(url).unwrap(), clock))
}

/// HMAC as RFC 2104 writes it, apart from the library that made the signature.
fn hmac_sha256(key: &[u8], text: &[u8]) -> String {
    assert!(key.len() <= 64);
    let pad = |with: u8| (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    alloy::primitives::hex::encode(outer)
}

#[tokio::test]
async fn a_webhook_is_signed_and_carries_the_whole_message() {
    let receiver = Receiver::with(Mood::Takes(r#"{"id":"abc-1","more":1}"#));
    let (url, _server) = serve(&receiver).await;
    let delivered = webhook(&url).send(&page()).await.unwrap();
    assert_eq!(delivered.provider_ref.as_deref(), Some("abc-1"));

    let got = receiver.got.lock().unwrap();
    let (headers, body) = &got[0];
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("idempotency-key"), "INC-7/page/ana/1");
    assert_eq!(header("content-type"), "application/json");
    let timestamp = header(TIMESTAMP_HEADER);
    assert_eq!(timestamp, "1795230005");
    let signed = [timestamp.as_bytes(), b".", body].concat();
    assert_eq!(header(SIGNATURE_HEADER), format!("v1={}", hmac_sha256(SECRET.as_bytes(), &signed)));

    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "ack_url": "https://agent.example.org/ack/INC-7/ana/0123456789abcdef0123456789abcdef",
      "at": "2026-11-21T03:00:00Z",
      "at_local": "2026-11-21T04:00:00+01:00[Europe/Berlin]",
      "id": "INC-7/page/ana/1",
      "incident": "INC-7",
      "kind": "page",
      "lines": [
        {
          "label": "Chain",
          "value": "mainnet (1)"
        },
        {
          "label": "Safe",
          "value": "guardian 0x41675C099F32341bf84BFc5382aF534df5C7461a, nonce 12"
        },
        {
          "label": "Call",
          "value": "vault.pause()"
        },
        {
          "label": "safeTxHash",
          "value": "0x8f3b5e2d64c1f7a0b9d8e7c6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6"
        },
        {
          "label": "Needed",
          "value": "you, and one of ben, chi"
        },
        {
          "label": "Verify",
          "value": "redhandle proposal verify INC-7"
        }
      ],
      "severity": "emergency",
      "title": "The vault is losing assets: 2 bots agree",
      "to": {
        "name": "Ana",
        "person": "ana"
      }
    }
    "#);
}

#[tokio::test]
async fn a_repeated_message_can_be_recognised() {
    let receiver = Receiver::with(Mood::Takes(""));
    let (url, _server) = serve(&receiver).await;
    for _ in 0..2 {
        let delivered = webhook(&url).send(&hostile()).await.unwrap();
        assert_eq!(delivered.provider_ref, None, "an answer without an id is fine");
    }
    let got = receiver.got.lock().unwrap();
    assert_eq!(got[0].0["idempotency-key"], got[1].0["idempotency-key"]);
    let body: serde_json::Value = serde_json::from_slice(&got[0].1).unwrap();
    assert_eq!(body["title"], hostile().title, "JSON carries the text as it was");
}

#[tokio::test]
async fn each_misbehaviour_says_what_may_be_done_and_shows_no_secret() {
    let mut told = Vec::new();
    for mood in [
        Mood::Answers(500, "out of \u{1b}[31mmemory"),
        Mood::Answers(503, ""),
        Mood::AsksForTime,
        Mood::Answers(400, "invalid_payload"),
        Mood::Answers(404, "no_service"),
        Mood::Answers(302, "elsewhere"),
        Mood::Answers(502, "bad gateway"),
        Mood::Sleeps,
    ] {
        let receiver = Receiver::with(mood);
        let (url, _server) = serve(&receiver).await;
        for channel in [webhook(&url), slack(&url)] {
            let error = channel.send(&page()).await.unwrap_err();
            told.push(format!("{mood:?}: {error} -> {:?}", error.advice()));
            assert!(!format!("{error:?} {channel:?}").contains("secret"), "{error:?}");
        }
        assert_eq!(receiver.taken(), 2, "nothing is repeated here");
    }
    told.dedup();
    insta::assert_snapshot!(told.join("\n"), @r#"
    Answers(500, "out of \u{1b}[31mmemory"): http://127.0.0.1 cannot take the message now (HTTP 500): out of \u{1b}[31mmemory -> RetryNow
    Answers(503, ""): http://127.0.0.1 cannot take the message now (HTTP 503): it gave no reason -> RetryNow
    AsksForTime: http://127.0.0.1 cannot take the message now (HTTP 429): slowly -> RetryAfter(7s)
    Answers(400, "invalid_payload"): http://127.0.0.1 refused the message (HTTP 400): invalid_payload -> Never
    Answers(404, "no_service"): http://127.0.0.1 refused the message (HTTP 404): no_service -> Never
    Answers(302, "elsewhere"): http://127.0.0.1 refused the message (HTTP 302): elsewhere -> Never
    Answers(502, "bad gateway"): http://127.0.0.1 may or may not have the message: a gateway on the way gave up -> AskFirst
    Sleeps: http://127.0.0.1 may or may not have the message: it did not answer in time -> AskFirst
    "#);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_lost_and_no_answer_at_all_too() {
    let mut told = Vec::new();
    for answer in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":".as_slice(),
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let (url, _server) = serve_bytes(answer).await;
        let error = webhook(&url).send(&page()).await.unwrap_err();
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        told.push(format!("{error} -> {:?}", error.advice()));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    http://127.0.0.1 may or may not have the message: its answer broke off -> AskFirst
    http://127.0.0.1 may or may not have the message: the connection broke off before an answer -> AskFirst
    http://127.0.0.1 may or may not have the message: the connection broke off before an answer -> AskFirst
    http://127.0.0.1 may or may not have the message: the connection broke off before an answer -> AskFirst
    ");
}

#[tokio::test]
async fn nobody_there_is_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
    drop(listener);
    let error = webhook(&url).send(&page()).await.unwrap_err();
    assert_eq!(error.to_string(), "could not reach http://127.0.0.1");
    assert_eq!(error.advice(), Advice::RetryNow);
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn slack_has_taken_a_message_only_when_it_says_ok() {
    let receiver = Receiver::with(Mood::Takes("ok"));
    let (url, _server) = serve(&receiver).await;
    assert_eq!(slack(&url).send(&page()).await.unwrap(), Delivered::default());
    let sent: serde_json::Value = serde_json::from_slice(&receiver.got.lock().unwrap()[0].1).unwrap();
    assert_eq!(sent["blocks"][0]["text"]["text"], "PAGE · EMERGENCY · INC-7");

    *receiver.mood.lock().unwrap() = Mood::Takes("<html>Please sign in");
    let error = slack(&url).send(&page()).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Never);
    assert_eq!(error.to_string(), "http://127.0.0.1 refused the message (HTTP 200): <html>Please sign in");
}

#[tokio::test]
async fn an_endless_answer_is_read_only_so_far() {
    let receiver = Receiver::with(Mood::Takes(Box::leak("x".repeat(4 * ANSWER_MAX_BYTES).into_boxed_str())));
    let (url, _server) = serve(&receiver).await;
    assert!(webhook(&url).send(&page()).await.is_ok());
}

#[tokio::test]
async fn an_id_that_no_header_takes_is_unfit_and_nothing_is_sent() {
    let receiver = Receiver::with(Mood::Takes("ok"));
    let (url, _server) = serve(&receiver).await;
    let message = Message { id: MessageId("a\nb".into()), ..page() };
    let error = webhook(&url).send(&message).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Never);
    assert_eq!(receiver.taken(), 0);
}

#[test]
fn an_empty_secret_is_refused() {
    assert!(WebhookSecret::new(&"".into()).is_err());
}
