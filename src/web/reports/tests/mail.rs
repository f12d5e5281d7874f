//! Each provider with a good request and with tampered ones, and what its mail becomes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

impl Ways {
    pub(super) async fn mailgun(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let time = SECONDS.to_string();
        let signature = hmac(MAILGUN_SECRET, format!("{time}{token}").as_bytes());
        let mut fields =
            vec![("timestamp", time.as_str()), ("token", token), ("signature", signature.as_str())];
        fields.extend(more);
        for given in [
            ("from", "Eve <eve@evil.example>"),
            ("recipient", "security+x@example.org"),
            ("subject", "I can drain it"),
            ("body-plain", "see file"),
        ] {
            if !more.iter().any(|(name, _)| *name == given.0) {
                fields.push(given);
            }
        }
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.post("/v1/mail/mailgun", &headers, form(&fields)).await
    }
}

#[tokio::test]
async fn mailgun_signs_time_and_token() {
    let ways = Ways::new();
    let headers = r#"[["Message-Id","<1@evil.example>"],["X-Mailgun-Spf","Pass"],["X-Mailgun-Dkim-Check-Result","Fail"]]"#;
    let answer = ways.mailgun("t1", &[("message-headers", headers)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let taken = ways.only();
    assert_eq!((taken.vouched, taken.way, taken.report.source), (false, Way::Mail, ReportSource::Hacker));
    assert_eq!(
        (taken.report.title.as_str(), taken.report.text.as_deref()),
        ("I can drain it", Some("see file"))
    );
    assert_eq!(taken.report.contact.as_deref(), Some("Eve <eve@evil.example>"));
    let claims: Vec<_> = taken.claims.iter().map(|claim| format!("{}={}", claim.about, claim.said)).collect();
    assert_eq!(claims, ["SPF=Pass", "DKIM=Fail"]);
    assert!(taken.once.is_some());
    let again = ways.mailgun("t2", &[("message-headers", headers)]).await.json();
    assert_eq!(
        (&again["repeated"], &again["incident"]),
        (&json!(true), &json!("INC-1")),
        "one Message-Id is one mail"
    );

    let signature = hmac(MAILGUN_SECRET, format!("{SECONDS}t3").as_bytes());
    let old = hmac(MAILGUN_SECRET, format!("{}t3", SECONDS - 301).as_bytes());
    let (now, late) = (SECONDS.to_string(), (SECONDS - 301).to_string());
    for (time, token, signature) in
        [(&*now, "t4", &*signature), (&now, "", &signature), (&late, "t3", &signature), (&late, "t3", &old)]
    {
        let body = form(&[("timestamp", time), ("token", token), ("signature", signature), ("from", "a@b")]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(ways.post("/v1/mail/mailgun", &headers, body).await.status, 401);
    }
    assert_eq!(
        ways.post("/v1/mail/mailgun", &[("content-type", "application/json")], "{}").await.status,
        415
    );
}

#[tokio::test]
async fn sendgrid_signs_time_and_body() {
    let ways = Ways::new();
    let body = multipart(
        &[
            ("headers", "Message-ID: <2@evil.example>\nSubject: x"),
            ("from", "Eve <eve@evil.example>"),
            ("to", "\"Sec, urity\" <other@example.org>"),
            ("envelope", r#"{"to":["Legal@Example.org"],"from":"eve@evil.example"}"#),
            ("subject", "Warrant"),
            ("html", "<p>Stop <b>this</b><script>alert(1)</script><img src=https://evil.example/x></p>"),
            ("SPF", "softfail"),
            ("dkim", "{@evil.example : pass}"),
        ],
        &[("attachment1", "letter.txt", "dear sirs")],
    );
    let random = SystemRandom::new();
    let sign = |time: &str, body: &str| {
        STANDARD.encode(ways.sendgrid.sign(&random, format!("{time}{body}").as_bytes()).unwrap())
    };
    let post = async |time: &str, signature: &str, body: &str| {
        let headers = [
            MULTIPART,
            ("x-twilio-email-event-webhook-timestamp", time),
            ("x-twilio-email-event-webhook-signature", signature),
        ];
        ways.post("/v1/mail/sendgrid", &headers, body).await.status
    };
    let now = SECONDS.to_string();
    assert_eq!(post(&now, &sign(&now, &body), &body).await, 200);
    let taken = ways.only();
    assert_eq!(taken.report.source, ReportSource::LawEnforcement, "the envelope says to whom");
    let text = taken.report.text.unwrap();
    assert!(
        text.contains("Stop this") && !text.contains("alert") && !text.contains("evil.example"),
        "{text}"
    );
    let names: Vec<_> = taken.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["letter.txt", "message.html"], "the HTML is kept as it was");

    let other = body.replace("Warrant", "Nothing");
    assert_eq!(post(&now, &sign(&now, &body), &other).await, 401);
    assert_eq!(post(&(SECONDS + 1).to_string(), &sign(&now, &body), &body).await, 401);
    let late = (SECONDS - 301).to_string();
    assert_eq!(post(&late, &sign(&late, &body), &body).await, 401);
    assert_eq!(post(&now, "", &body).await, 401);
}

#[tokio::test]
async fn postmark_shows_a_password() {
    let ways = Ways::new();
    let mail = json!({
        "From": "eve@evil.example",
        "FromFull": { "Email": "eve@evil.example", "Name": "Eve" },
        "OriginalRecipient": "451d9b@inbound.postmarkapp.com",
        "ToFull": [{ "Email": "security@example.org", "Name": "" }],
        "Subject": "poc",
        "MessageID": "22c74902",
        "TextBody": "attached",
        "Headers": [{ "Name": "Message-ID", "Value": "<3@evil.example>" }, { "Name": "Received-SPF", "Value": "Pass" }],
        "Attachments": [{ "Name": "poc.sol", "Content": STANDARD.encode("contract X {}"), "ContentType": "text/plain" }],
    });
    let basic = |shown: &str| format!("Basic {}", STANDARD.encode(shown));
    let post = async |auth: &str, body: &str| {
        ways.post("/v1/mail/postmark", &[("authorization", auth), ("content-type", "application/json")], body)
            .await
    };
    let good = basic(&format!("postmark:{PASSWORD}"));
    assert_eq!(post(&good, &mail.to_string()).await.status, 200);
    let taken = ways.only();
    assert_eq!(
        (taken.report.source, taken.files[0].bytes.as_slice()),
        (ReportSource::Hacker, &b"contract X {}"[..])
    );
    assert_eq!(taken.report.contact.as_deref(), Some("Eve <eve@evil.example>"));
    for wrong in [
        basic("postmark:x"),
        basic(&format!("other:{PASSWORD}")),
        "Basic !".to_owned(),
        "Bearer x".to_owned(),
    ] {
        let refused = post(&wrong, &mail.to_string()).await;
        assert_eq!((refused.status, refused.headers["www-authenticate"].to_str().unwrap()), (401, "Basic"));
    }
    // Sent again for days, it would never become a mail: it is kept for people instead.
    assert_eq!(post(&good, "{\"Subject\":7}").await.status, 200);
    assert!(ways.notes.aside.lock().unwrap()[0].0.starts_with("Postmark: it is not Postmark's document"));
}

const RAW: &str = "Return-Path: <eve@evil.example>\r\nX-Original-To: security@example.org\r\nFrom: =?utf-8?q?E=C3=BCe?= <eve@evil.example>\r\n\
To: legal@example.org\r\nSubject: look\r\nMessage-ID: <4@evil.example>\r\nMIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nthe words\r\n--b\r\n\
Content-Type: application/zip; name=\"..\\\\x.zip\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\nUEsDBA==\r\n--b--\r\n";

impl Ways {
    async fn raw(&self, mail: &str) -> Answer {
        let headers =
            [("authorization", "Bearer token-of-the-mail-server"), ("content-type", "message/rfc822")];
        self.post("/v1/mail/raw", &headers, mail).await
    }
}

#[tokio::test]
async fn a_raw_mail_is_taken_apart() {
    let ways = Ways::new();
    assert_eq!(ways.raw(RAW).await.status, 200);
    assert_eq!(ways.raw(RAW).await.json()["repeated"], true);
    let taken = ways.only();
    assert_eq!((taken.report.source, taken.report.title.as_str()), (ReportSource::Hacker, "look"));
    assert_eq!(taken.report.text.as_deref(), Some("the words"));
    assert_eq!(taken.report.contact.as_deref(), Some("Eüe <eve@evil.example>"));
    assert_eq!((taken.files.len(), taken.files[0].bytes.as_slice()), (1, &b"PK\x03\x04"[..]));
    assert_eq!(taken.files[0].media_type, "application/zip");
    let none = ways.post("/v1/mail/raw", &[("content-type", "message/rfc822")], RAW).await;
    assert_eq!(none.status, 401);
    assert_eq!(ways.post("/v1/mail/pigeon", &[], RAW).await.status, 404);
}

#[tokio::test]
async fn what_machines_send_of_themselves_opens_nothing() {
    let ways = Ways::new();
    for (from, to) in [
        ("Subject:", "Auto-Submitted: auto-replied\r\nSubject:"),
        ("<eve@evil.example>\r\nX-Orig", "<>\r\nX-Orig"),
        ("multipart/mixed", "multipart/report; report-type=delivery-status"),
        ("Subject:", "Precedence: auto_reply\r\nSubject:"),
    ] {
        let mail = RAW.replacen(from, to, 1);
        assert_ne!(mail, RAW);
        let answer = ways.raw(&mail).await;
        assert!(answer.status == 200 && answer.json()["set_aside"].is_string(), "{to}: {}", answer.text);
    }
    assert_eq!(ways.raw("no mail at all").await.json()["set_aside"], "it is no mail: it has no From");
    assert_eq!((ways.taken().len(), ways.notes.aside.lock().unwrap().len()), (0, 5));
    assert_eq!(ways.raw(&RAW.replacen("Subject:", "Auto-Submitted: no\r\nSubject:", 1)).await.status, 200);
    assert_eq!(ways.taken().len(), 1);
}

#[tokio::test]
async fn what_is_not_configured_is_not_there() {
    let ways = Ways::with(
        |settings| {
            settings.senders.clear();
            settings.slack = None;
            settings.mail = Some(ReportMail {
                addresses: vec![],
                sendgrid: None,
                mailgun: None,
                postmark: None,
                raw: None,
            });
        },
        false,
    );
    for path in [
        "/v1/reports",
        "/v1/slack/commands",
        "/v1/mail/sendgrid",
        "/v1/mail/mailgun",
        "/v1/mail/postmark",
        "/v1/mail/raw",
    ] {
        assert_eq!(ways.post(path, &[], "x").await.status, 404, "{path}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_mail_parser_panic(raw in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), html in "[<>/a-z!&;#\" -]{0,200}|\\PC{0,100}") {
        let mut mail = RAW.as_bytes().to_vec();
        mail.extend(&raw);
        proptest::prop_assert!(crate::web::reports::mail::read_any(&raw) <= 2);
        proptest::prop_assert!(crate::web::reports::mail::read_any(&mail) <= 2);
        let _text = mail_parser::decoders::html::html_to_text(&html);
    }
}
