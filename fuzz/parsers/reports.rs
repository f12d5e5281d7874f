//! What people report: JSON and forms, Slack's command, mail as its providers post it, through the real router.
//!
//! What a sender has to prove is proven here, with secrets that stand in this file, so that what stands behind the
//! proofs is reached. The first letter says which way; a capital one shows nothing, and is believed nowhere.

use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::hex;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use redhandle::agent::reports::{Arrived, REPORT_FILES_MAX, ReportError, Taken};
use redhandle::clock::ManualClock;
use redhandle::config::settings::{
    MailAddress, MailProof, ReportMail, ReportSender, Reports, SendgridProof, SlackCommand,
};
use redhandle::domain::incident::IncidentId;
use redhandle::domain::names::RunbookId;
use redhandle::domain::report::{CONTACT_MAX_CHARS, ReportSource, TEXT_MAX_BYTES, TITLE_MAX_CHARS, Way};
use redhandle::journal::JournalError;
use redhandle::web::reports::{Desk, ReportParts, router};
use secrecy::SecretString;
use serde_json::Value;
use tower_service::Service as _;

use super::is_a_reason;

const NOW_SECONDS: i64 = 1_763_694_000;
const TOKEN: &str = "a token of the fuzzed helpdesk";
const SECRET: &str = "a secret of the fuzzed providers";
const FORM: &str = "multipart/form-data; boundary=xx";
const URL_ENCODED: &str = "application/x-www-form-urlencoded";
/// Claims of a provider that are kept for each mail.
const CLAIMS_MAX: usize = 12;

/// Writes down what it is handed; what comes with a key that it knows came before.
#[derive(Debug, Default)]
struct Notes {
    taken: Mutex<Vec<Arrived>>,
    aside: Mutex<Vec<String>>,
}

impl Notes {
    fn taken(&self) -> Vec<Arrived> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn aside(&self) -> Vec<String> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Desk for Notes {
    fn has_runbook(&self, id: &RunbookId) -> bool {
        id.as_str() == "pause-vault"
    }

    async fn take(&self, arrived: Arrived) -> Result<Taken, ReportError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let known = arrived.key.and_then(|key| taken.iter().position(|one| one.key == Some(key)));
        let id = |place: usize| IncidentId(place as u64 + 1);
        if let Some(place) = known {
            return Ok(Taken::Repeated { id: id(place), evidence: Vec::new() });
        }
        taken.push(arrived);
        Ok(Taken::Opened { id: id(taken.len() - 1), evidence: Vec::new() })
    }

    async fn set_aside(&self, reason: String, _raw: String) -> Result<(), JournalError> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).push(reason);
        Ok(())
    }
}

fn settings() -> Reports {
    let address = |address: &str, source| MailAddress { address: address.to_owned(), source };
    let proof = || MailProof { user: "provider".to_owned(), password: SecretString::from(SECRET) };
    Reports {
        page: ReportSource::ALL.into(),
        per_minute: 600,
        open_per_minute: 600,
        open: true,
        evidence: "evidence".into(),
        evidence_max_bytes: 1_000,
        senders: vec![ReportSender { name: "helpdesk".to_owned(), token: TOKEN.into(), source: None }],
        slack: Some(SlackCommand {
            secret: SECRET.into(),
            teams: ["T1".to_owned()].into(),
            users: None,
            source: ReportSource::SecurityTeam,
        }),
        mail: Some(ReportMail {
            addresses: vec![
                address("security@example.org", ReportSource::Hacker),
                address("legal@example.org", ReportSource::LawEnforcement),
            ],
            sendgrid: Some(SendgridProof::Password(proof())),
            mailgun: Some(SECRET.into()),
            postmark: Some(proof()),
            raw: Some(SECRET.into()),
        }),
    }
}

fn hmac(parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    parts.iter().for_each(|part| mac.update(part));
    hex::encode(mac.finalize().into_bytes())
}

fn basic() -> String {
    let shown = format!("provider:{SECRET}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(shown))
}

/// What is posted.
#[derive(Clone)]
struct Post {
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Post {
    fn new(path: &'static str, form: &str, body: &[u8]) -> Self {
        Self { path, headers: vec![("content-type", form.to_owned())], body: body.to_vec() }
    }

    fn showing(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

struct Answer {
    status: StatusCode,
    json: Value,
}

/// Posts it; what is not JSON is no answer of ours.
async fn post(router: &mut Router, post: Post) -> Answer {
    let mut request = Request::post(post.path);
    for (name, value) in post.headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(post.body)).expect("a request");
    let response = router.call(request).await.expect("infallible");
    let status = response.status();
    let body: Bytes = to_bytes(response.into_body(), 100_000).await.expect("a bounded answer");
    let json = serde_json::from_slice(&body).expect("an answer that is JSON");
    Answer { status, json }
}

/// Posts it twice, and gives the first answer with what was handed over and set aside.
fn posted(one: Post, keyed: bool) -> (Answer, Vec<Arrived>, Vec<String>) {
    let notes = Arc::new(Notes::default());
    let desk = Arc::clone(&notes) as Arc<dyn Desk>;
    let clock = ManualClock::at(Timestamp::from_second(NOW_SECONDS).expect("a time"));
    let mut router = router(ReportParts { settings: settings(), desk, clock });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let first = post(&mut router, one.clone()).await;
        let (taken, aside) = (notes.taken(), notes.aside());
        assert!(!first.status.is_server_error(), "{}", first.status);
        assert!(taken.len() + aside.len() <= 1, "one request, and several things came of it");
        let done = !taken.is_empty() || !aside.is_empty();
        assert!(first.status.is_success() || !done, "{}, and something came of it", first.status);
        taken.iter().for_each(bounded);
        aside.iter().for_each(|reason| is_a_reason(reason));
        let again = post(&mut router, one).await;
        assert_eq!(again.status, first.status, "sent again it is judged otherwise");
        if keyed {
            assert_eq!(notes.taken().len(), taken.len(), "sent again it is another report");
        }
        (first, taken, aside)
    })
}

/// What is handed over is bounded, and who vouches for nothing decides nothing.
fn bounded(arrived: &Arrived) {
    let report = &arrived.report;
    assert!((1..=TITLE_MAX_CHARS).contains(&report.title.chars().count()), "a title of {:?}", report.title);
    assert!(!report.title.contains(['\n', '\r']), "{:?}", report.title);
    assert!(report.text.as_ref().is_none_or(|text| !text.is_empty() && text.len() <= TEXT_MAX_BYTES));
    if let Some(contact) = &report.contact {
        assert!(contact.chars().count() <= CONTACT_MAX_CHARS);
        assert!(!contact.contains(['\n', '\r']), "{contact:?}");
    }
    assert!(arrived.files.len() <= REPORT_FILES_MAX, "{} files", arrived.files.len());
    assert!(arrived.claims.len() <= CLAIMS_MAX);
    assert!(arrived.claims.iter().all(|claim| claim.said.chars().count() <= 500));
    if !arrived.vouched {
        assert!(report.severity.is_none() && report.runbook.is_none(), "a stranger decides");
    }
}

/// What a refusal says is ours.
fn refused(answer: &Answer) {
    is_a_reason(answer.json["error"].as_str().expect("a refusal says why"));
    for problem in answer.json["problems"].as_array().into_iter().flatten() {
        is_a_reason(problem["problem"].as_str().expect("a problem says what"));
        assert!(problem["field"].as_str().expect("a problem says where").len() <= 1_000);
    }
}

/// `POST /v1/reports`: `t` and `o` JSON with a token and without, `f` and `p` a form with files.
pub fn report(data: &[u8]) {
    let Some((letter, body)) = data.split_first() else { return };
    let (form, known) = match letter {
        b't' => ("application/json", true),
        b'o' => ("application/json", false),
        b'f' => (FORM, true),
        b'p' => (FORM, false),
        _ => return,
    };
    let mut request = Post::new("/v1/reports", form, body);
    if known {
        request = request.showing("authorization", format!("Bearer {TOKEN}"));
        request = request.showing("idempotency-key", "one".to_owned());
    }
    let (answer, taken, aside) = posted(request, known);
    assert!(aside.is_empty(), "only mail is set aside");
    let Some(arrived) = taken.first() else { return refused(&answer) };
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(arrived.vouched, known);
    assert_eq!(arrived.way, if known { Way::Http } else { Way::OpenForm });
    assert_eq!(arrived.key.is_some(), known, "a stranger's key would keep others' reports out");
    if form != FORM {
        let said: Value = serde_json::from_slice(body).expect("what was taken is JSON");
        let word = |field: &str| said[field].as_str().map(str::trim).filter(|text| !text.is_empty());
        assert_eq!(Some(arrived.report.title.as_str()), word("title"));
        assert_eq!(arrived.report.text.as_deref(), word("text"));
        assert_eq!(arrived.report.contact.as_deref(), word("contact"));
        assert_eq!(word("source").and_then(ReportSource::of_word), Some(arrived.report.source));
    }
}

/// Slack's command: `s` a body that Slack signed, `S` one that nobody did.
pub fn slack(data: &[u8]) {
    let Some((letter, body)) = data.split_first() else { return };
    let time = NOW_SECONDS.to_string();
    let mut request = Post::new("/v1/slack/commands", URL_ENCODED, body);
    let signature = match letter {
        b's' => format!("v0={}", hmac(&[b"v0:", time.as_bytes(), b":", body])),
        b'S' => format!("v0={}", "ab".repeat(32)),
        _ => return,
    };
    request = request.showing("x-slack-request-timestamp", time).showing("x-slack-signature", signature);
    let (answer, taken, aside) = posted(request, true);
    assert!(aside.is_empty(), "only mail is set aside");
    if *letter == b'S' {
        assert!(!answer.status.is_success(), "nobody signed this, and it was accepted");
    }
    if answer.status != StatusCode::OK {
        return refused(&answer);
    }
    let said = answer.json["text"].as_str().expect("Slack shows a text");
    assert!(!said.contains(['<', '>']) && !said.contains("@here"), "markup in {said:?}");
    assert!(said.len() < 8_000 && !said.chars().any(char::is_control), "{said:?}");
    assert_eq!((&answer.json["response_type"], &answer.json["mrkdwn"]), (&"ephemeral".into(), &false.into()));
    assert_eq!(said.starts_with("Recorded as INC-1:"), !taken.is_empty(), "{said}");
    assert!(taken.iter().all(|one| one.vouched && one.way == Way::Slack && one.key.is_some()));
}

/// Mail: `g` SendGrid's form, `h` the same URL-encoded, `m` Mailgun's URL-encoded, `n` its multipart, `p` Postmark's
/// document, `r` a mail as it travels; in capitals without proof.
pub fn mail(data: &[u8]) {
    let Some((letter, body)) = data.split_first() else { return };
    let time = NOW_SECONDS.to_string();
    let signed = [
        ("timestamp", time.clone()),
        ("token", "t1".to_owned()),
        ("signature", hmac(&[time.as_bytes(), b"t1"])),
    ];
    let request = match letter.to_ascii_lowercase() {
        b'g' => Post::new("/v1/mail/sendgrid", FORM, body).showing("authorization", basic()),
        b'h' => Post::new("/v1/mail/sendgrid", URL_ENCODED, body).showing("authorization", basic()),
        b'm' => {
            let proof: String = signed.iter().map(|(name, value)| format!("{name}={value}&")).collect();
            let proof = if letter.is_ascii_uppercase() { String::new() } else { proof };
            Post::new("/v1/mail/mailgun", URL_ENCODED, &[proof.as_bytes(), body].concat())
        }
        b'n' => {
            let part = |(name, value): &(&str, String)| {
                format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            };
            let proof: String = signed.iter().map(part).collect();
            let proof = if letter.is_ascii_uppercase() { String::new() } else { proof };
            Post::new("/v1/mail/mailgun", FORM, &[proof.as_bytes(), body].concat())
        }
        b'p' => Post::new("/v1/mail/postmark", "application/json", body).showing("authorization", basic()),
        b'r' => Post::new("/v1/mail/raw", "message/rfc822", body)
            .showing("authorization", format!("Bearer {SECRET}")),
        _ => return,
    };
    let unproven = letter.is_ascii_uppercase();
    let request = if unproven {
        let headers = request.headers.into_iter().filter(|(name, _)| *name != "authorization").collect();
        Post { headers, ..request }
    } else {
        request
    };
    let (answer, taken, aside) = posted(request, true);
    if unproven {
        assert!(!answer.status.is_success(), "nobody showed who they are, and it was accepted");
    }
    if !answer.status.is_success() {
        return refused(&answer);
    }
    assert_eq!(taken.len() + aside.len(), 1, "accepted, and nothing came of it");
    if let Some(why) = answer.json["set_aside"].as_str() {
        is_a_reason(why);
        assert!(!aside.is_empty());
    }
    for one in &taken {
        assert!(!one.vouched && one.way == Way::Mail && one.key.is_some());
        assert!(!one.report.title.chars().any(char::is_control), "{:?}", one.report.title);
        assert!(one.report.contact.as_ref().is_none_or(|from| !from.chars().any(char::is_control)));
    }
}
