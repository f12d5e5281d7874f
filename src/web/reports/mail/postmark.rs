//! Postmark's inbound webhook: one JSON document, attachments in base64.
//!
//! Source: <https://postmarkapp.com/developer/webhooks/inbound-webhook>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::NoLetter;
use super::letter::Letter;
use crate::agent::reports::Attachment;
use crate::domain::text::{cut, visible};

/// Characters of what the parser says that are told.
const ERROR_MAX_CHARS: usize = 300;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inbound {
    from: String,
    #[serde(default)]
    to_full: Vec<Person>,
    #[serde(default)]
    cc_full: Vec<Person>,
    #[serde(default)]
    original_recipient: Option<String>,
    #[serde(default)]
    from_full: Option<Person>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    text_body: Option<String>,
    #[serde(default)]
    html_body: Option<String>,
    #[serde(default, rename = "MessageID")]
    message_id: Option<String>,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    attachments: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Person {
    email: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    #[serde(default)]
    name: String,
    content: String,
    #[serde(default)]
    content_type: String,
}

/// What is odd about a document. The parser repeats what stands where something else was expected, however long it is.
fn odd(error: &serde_json::Error) -> String {
    cut(&visible(&error.to_string()), ERROR_MAX_CHARS)
}

pub(super) fn letter(body: &[u8]) -> Result<Letter, NoLetter> {
    let inbound: Inbound = serde_json::from_slice(body)
        .map_err(|error| NoLetter(format!("it is not Postmark's document: {}", odd(&error))))?;
    let from = match inbound.from_full {
        Some(Person { email, name: Some(name) }) if !name.trim().is_empty() => format!("{name} <{email}>"),
        Some(Person { email, .. }) => email,
        None => inbound.from,
    };
    let mut to: Vec<String> = inbound.original_recipient.into_iter().collect();
    to.extend(inbound.to_full.into_iter().chain(inbound.cc_full).map(|person| person.email));
    let mut letter = Letter {
        from,
        to,
        subject: inbound.subject.unwrap_or_default(),
        text: inbound.text_body,
        html: inbound.html_body,
        headers: inbound.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        ..Letter::default()
    };
    // The mail's own id stands in its headers; Postmark's is another's, and better than none.
    if let (None, Some(id)) = (letter.header("message-id"), inbound.message_id) {
        letter.headers.push(("Message-ID".to_owned(), id));
    }
    for (about, header) in [
        ("SPF", "received-spf"),
        ("DKIM and SPF", "authentication-results"),
        ("spam status", "x-spam-status"),
        ("spam score", "x-spam-score"),
    ] {
        letter.claim_header(about, header);
    }
    for file in inbound.attachments {
        // What is no base64 is kept as it came: it is evidence all the same.
        let bytes = STANDARD.decode(file.content.trim()).unwrap_or_else(|_odd| file.content.into_bytes());
        letter.attach(Attachment { name: file.name, media_type: file.content_type, bytes });
    }
    Ok(letter)
}
