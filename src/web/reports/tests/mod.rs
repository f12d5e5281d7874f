//! Every way with a desk that only writes down: what passes, what does not, and what is handed on.

mod mail;
mod slack;

use std::sync::Mutex;

use alloy::primitives::B256;
use axum::body::Body;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tower_service::Service as _;

use super::*;
use crate::agent::reports::{Arrived, ReportError, Taken};
use crate::agent::store::StoreError;
use crate::clock::ManualClock;
use crate::config::settings::{
    MailAddress, MailProof, ReportMail, ReportSender, SendgridProof, SlackCommand,
};
use crate::domain::alert::P256Key;
use crate::domain::incident::IncidentId;
use crate::domain::names::RunbookId;
use crate::domain::report::{ReportSource, Way};
use crate::journal::JournalError;

const NOW: &str = "2025-11-21T03:00:00Z";
const SECONDS: i64 = 1_763_694_000;
const TOKEN: &str = "token-of-the-helpdesk";
const SLACK_SECRET: &str = "slack-signing-secret-1";
const MAILGUN_SECRET: &str = "mailgun-signing-key-1";
const PASSWORD: &str = "a-password-of-postmark";

/// Writes down what it is handed; numbers by key.
#[derive(Debug, Default)]
struct Notes {
    taken: Mutex<Vec<Arrived>>,
    aside: Mutex<Vec<(String, String)>>,
    away: bool,
}

#[async_trait::async_trait]
impl Desk for Notes {
    fn has_runbook(&self, id: &RunbookId) -> bool {
        id.as_str() == "pause-vault"
    }

    async fn take(&self, arrived: Arrived) -> Result<Taken, ReportError> {
        if self.away {
            return Err(StoreError::NotTaken("the journal is away".to_owned()).into());
        }
        let mut taken = self.taken.lock().unwrap();
        let known = |key: B256| taken.iter().position(|one| one.key == Some(key));
        if let Some(place) = arrived.key.and_then(known) {
            return Ok(Taken::Repeated { id: IncidentId(place as u64 + 1), evidence: Vec::new() });
        }
        taken.push(arrived);
        Ok(Taken::Opened { id: IncidentId(taken.len() as u64), evidence: Vec::new() })
    }

    async fn set_aside(&self, reason: String, raw: String) -> Result<(), JournalError> {
        self.aside.lock().unwrap().push((reason, raw));
        Ok(())
    }
}

struct Ways {
    router: Router,
    notes: Arc<Notes>,
    sendgrid: EcdsaKeyPair,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

fn settings(key: &EcdsaKeyPair) -> Reports {
    let address = |address: &str, source| MailAddress { address: address.to_owned(), source };
    Reports {
        page: ReportSource::ALL.into(),
        per_minute: 600,
        open_per_minute: 3,
        open: false,
        evidence: "evidence".into(),
        evidence_max_bytes: 1_000,
        senders: vec![
            ReportSender {
                name: "helpdesk".into(),
                token: TOKEN.into(),
                source: Some(ReportSource::Support),
            },
            ReportSender { name: "partner".into(), token: "token-of-a-partner".into(), source: None },
        ],
        slack: Some(SlackCommand {
            secret: SLACK_SECRET.into(),
            teams: ["T0AA".to_owned()].into(),
            users: None,
            source: ReportSource::SecurityTeam,
        }),
        mail: Some(ReportMail {
            addresses: vec![
                address("security@example.org", ReportSource::Hacker),
                address("legal@example.org", ReportSource::LawEnforcement),
            ],
            sendgrid: Some(SendgridProof::PublicKey(P256Key(key.public_key().as_ref().try_into().unwrap()))),
            mailgun: Some(MAILGUN_SECRET.into()),
            postmark: Some(MailProof { user: "postmark".into(), password: PASSWORD.into() }),
            raw: Some("token-of-the-mail-server".into()),
        }),
    }
}

impl Ways {
    fn new() -> Self {
        Self::with(|_| {}, false)
    }

    fn with(change: impl FnOnce(&mut Reports), away: bool) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let sendgrid =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let mut settings = settings(&sendgrid);
        change(&mut settings);
        let notes = Arc::new(Notes { away, ..Notes::default() });
        let desk = Arc::clone(&notes) as Arc<dyn Desk>;
        let clock = ManualClock::at(NOW.parse().unwrap());
        Self { router: router(ReportParts { settings, desk, clock }), notes, sendgrid }
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        let mut request = axum::http::Request::builder().method(Method::POST).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.into())).unwrap();
        let response: Response = self.router.clone().call(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 1_000_000).await.unwrap();
        Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn json(&self, token: &str, body: &Value) -> Answer {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        self.post("/v1/reports", &headers, body.to_string()).await
    }

    fn taken(&self) -> Vec<Arrived> {
        self.notes.taken.lock().unwrap().clone()
    }

    fn only(&self) -> Arrived {
        let taken = self.taken();
        assert_eq!(taken.len(), 1, "{taken:?}");
        taken[0].clone()
    }
}

fn hmac(secret: &str, text: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text);
    alloy::hex::encode(mac.finalize().into_bytes())
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn multipart(fields: &[(&str, &str)], files: &[(&str, &str, &str)]) -> String {
    let mut body = String::new();
    for (name, text) in fields {
        body += &format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    }
    for (name, file, text) in files {
        body += &format!(
            "--xx\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: text/plain\r\n\r\n{text}\r\n"
        );
    }
    body + "--xx--\r\n"
}

const MULTIPART: (&str, &str) = ("content-type", "multipart/form-data; boundary=xx");

#[tokio::test]
async fn a_known_sender_reports_by_json_or_form() {
    let ways = Ways::new();
    let answer = ways.json(TOKEN, &json!({ "title": "odd withdrawals", "contact": "t-17" })).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json(), json!({ "incident": "INC-1", "repeated": false, "evidence": [] }));
    let auth = format!("Bearer {TOKEN}");
    let headers = [("authorization", auth.as_str()), MULTIPART];
    let body = multipart(&[("title", "more of it")], &[("f", "../../log.txt", "line")]);
    assert_eq!(ways.post("/v1/reports", &headers, body).await.status, 202);
    let taken = ways.taken();
    assert!(
        taken
            .iter()
            .all(|one| one.vouched && one.way == Way::Http && one.report.source == ReportSource::Support)
    );
    assert_eq!(taken[0].sender.as_deref(), Some("helpdesk"));
    assert_eq!((taken[1].files.len(), taken[1].files[0].bytes.as_slice()), (1, &b"line"[..]));
}

#[tokio::test]
async fn each_refusal_has_its_status() {
    let ways = Ways::new();
    let good = json!({ "title": "x", "source": "hacker" });
    let (json_type, partner) =
        (("content-type", "application/json"), ("authorization", "Bearer token-of-a-partner"));
    let none = ways.post("/v1/reports", &[json_type], good.to_string()).await;
    assert_eq!((none.status, none.headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
    for token in ["token-of-a-partner2", "token-of-a-partne", ""] {
        assert_eq!(ways.json(token, &good).await.status, 401, "{token:?}");
    }
    let status =
        async |headers: &[(&str, &str)], body: &str| ways.post("/v1/reports", headers, body).await.status;
    assert_eq!(status(&[partner, ("content-type", "text/plain")], "x").await, 415);
    assert_eq!(status(&[partner], "x").await, 415);
    assert_eq!(status(&[partner, json_type], "{").await, 400);
    assert_eq!(status(&[partner, json_type], "").await, 400);
    assert_eq!(status(&[partner, json_type], "[]").await, 400);
    assert_eq!(status(&[partner, json_type], &"[".repeat(10_000)).await, 400);
    assert_eq!(status(&[partner, MULTIPART], "junk").await, 400);
    assert_eq!(status(&[partner, json_type, ("idempotency-key", "two words")], &good.to_string()).await, 400);
    assert_eq!(status(&[partner, json_type, ("content-length", "100000000")], "{}").await, 413);
    let long = ways.post("/v1/reports", &[partner, json_type], vec![b' '; REPORT_BODY_MAX_BYTES + 1]).await;
    assert_eq!(long.status, 413);
    let odd = json!({ "title": 7, "source": "police", "runbook": "no-such", "steps": [] });
    let told = ways.json("token-of-a-partner", &odd).await;
    assert_eq!(told.status, 422);
    let problems = told.json()["problems"].as_array().unwrap().clone();
    let mut lines: Vec<_> = problems
        .iter()
        .map(|told| format!("{}: {}", told["field"].as_str().unwrap(), told["problem"].as_str().unwrap()))
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @"
    runbook: there is none of that id
    source: it is not known; expected one of support, customer, hacker, security-team, law-enforcement, other
    steps: it is not known; expected source, title, text, contact, severity, runbook
    title: expected text
    ");
    assert!(ways.taken().is_empty());
}

#[tokio::test]
async fn too_many_are_told_when_to_come_again() {
    let ways = Ways::with(|settings| settings.per_minute = 2, false);
    let good = json!({ "title": "x" });
    assert_eq!(ways.json(TOKEN, &good).await.status, 202);
    assert_eq!(ways.json(TOKEN, &good).await.status, 202);
    let refused = ways.json(TOKEN, &good).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "30"));
    let other = json!({ "title": "x", "source": "other" });
    assert_eq!(ways.json("token-of-a-partner", &other).await.status, 202, "each sender has its own");
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_acknowledged() {
    let ways = Ways::with(|_| {}, true);
    let refused = ways.json(TOKEN, &json!({ "title": "x" })).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (503, "5"));
    let slack = ways.slack(&[("text", "report it burns"), ("trigger_id", "1")]).await;
    assert!(slack.json()["text"].as_str().unwrap().starts_with("NOT RECORDED"), "{}", slack.text);
    assert_eq!(ways.mailgun("token-1", &[]).await.status, 503);
}

#[tokio::test]
async fn strangers_come_in_only_where_it_says_so_and_are_told_apart() {
    let post = [("content-type", "application/json")];
    let said = json!({ "title": "<!channel> drained", "source": "customer" }).to_string();
    assert_eq!(Ways::new().post("/v1/reports", &post, said.clone()).await.status, 401);
    let ways = Ways::with(|settings| settings.open = true, false);
    assert_eq!(ways.post("/v1/reports", &post, said).await.status, 202);
    let taken = ways.only();
    assert_eq!((taken.vouched, taken.way, taken.sender), (false, Way::OpenForm, None));
    let bold = json!({ "title": "x", "source": "customer", "severity": "normal", "runbook": "pause-vault" });
    assert_eq!(ways.post("/v1/reports", &post, bold.to_string()).await.status, 422);
    assert_eq!(ways.json("wrong-token-of-somebody", &bold).await.status, 401, "a wrong token is no stranger");
    ways.post("/v1/reports", &post, "{}").await;
    assert_eq!(ways.post("/v1/reports", &post, "{}").await.status, 429);
}

#[tokio::test]
async fn a_key_names_one_report_of_its_sender() {
    let ways = Ways::with(|settings| settings.open = true, false);
    let post = async |token: Option<&str>| {
        let token = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json"), ("idempotency-key", "k-1")];
        headers.extend(token.as_deref().map(|token| ("authorization", token)));
        ways.post("/v1/reports", &headers, json!({ "title": "x", "source": "support" }).to_string())
            .await
            .json()
    };
    assert_eq!(post(Some(TOKEN)).await["repeated"], false);
    assert_eq!(post(Some(TOKEN)).await, json!({ "incident": "INC-1", "repeated": true, "evidence": [] }));
    assert_eq!(post(Some("token-of-a-partner")).await["repeated"], false, "another's key is another");
    assert_eq!(post(None).await["repeated"], false);
    assert_eq!(post(None).await["repeated"], false, "strangers cannot take each other's keys");
}
