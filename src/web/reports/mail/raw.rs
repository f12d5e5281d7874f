//! A mail as it travels (RFC 5322): from a mail server's pipe, or within a provider's form.

use mail_parser::{Address, MessageParser, MimeHeaders as _};

use super::NoLetter;
use super::letter::{Letter, header_lines};
use crate::agent::reports::Attachment;

pub(super) fn letter(raw: &[u8]) -> Result<Letter, NoLetter> {
    let no_letter = || NoLetter("it is no mail: it has no From".to_owned());
    let message = MessageParser::default().parse(raw).ok_or_else(no_letter)?;
    let from = message.from().map(people).unwrap_or_default();
    let from = from.into_iter().next().ok_or_else(no_letter)?;
    let mut head: String = String::new();
    for (name, value) in message.headers_raw() {
        head.push_str(name);
        head.push(':');
        head.push_str(value.trim_end());
        head.push('\n');
    }
    let headers = header_lines(&head);
    let of = |wanted: &str| {
        let named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    // What the receiving server wrote about the envelope, before what the sender wrote.
    let mut to: Vec<String> = [of("x-original-to"), of("delivered-to")].concat();
    to.extend([message.to(), message.cc()].into_iter().flatten().flat_map(people));
    let has_text = message.text_bodies().next().is_some_and(|part| part.is_text() && !part.is_text_html());
    let mut letter = Letter {
        from,
        to,
        subject: message.subject().unwrap_or_default().to_owned(),
        text: has_text.then(|| message.body_text(0)).flatten().map(std::borrow::Cow::into_owned),
        html: message.html_bodies().next().and_then(|part| part.text_contents()).map(str::to_owned),
        headers,
        ..Letter::default()
    };
    letter.claim_header("SPF", "received-spf");
    letter.claim_header("DKIM and SPF", "authentication-results");
    for part in message.attachments() {
        let media_type = part.content_type().map(|kind| {
            let rest = kind.subtype().unwrap_or("octet-stream");
            format!("{}/{rest}", kind.ctype())
        });
        let nested = part.message().map(|nested| nested.raw_message());
        letter.attach(Attachment {
            name: part.attachment_name().unwrap_or_default().to_owned(),
            media_type: media_type.unwrap_or_default(),
            bytes: nested.unwrap_or_else(|| part.contents()).to_vec(),
        });
    }
    Ok(letter)
}

/// `Name <address>` of each.
fn people(address: &Address<'_>) -> Vec<String> {
    let each = address.iter().filter_map(|one| {
        let address = one.address()?;
        Some(match one.name() {
            Some(name) if !name.is_empty() => format!("{name} <{address}>"),
            Some(_) | None => address.to_owned(),
        })
    });
    each.collect()
}
