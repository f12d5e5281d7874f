//! SendGrid's Inbound Parse: a form with the mail taken apart, or with all of it in `email`.
//!
//! Source: <https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook>

use serde::Deserialize;

use super::letter::{Letter, addresses, header_lines};
use super::{NoLetter, raw};
use crate::web::reports::form::Form;

/// The envelope, as JSON in a field.
#[derive(Default, Deserialize)]
struct Envelope {
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    from: Option<String>,
}

pub(super) fn letter(form: Form) -> Result<Letter, NoLetter> {
    let envelope: Envelope =
        form.some("envelope").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut letter = match form.some("email") {
        Some(whole) => raw::letter(whole.as_bytes())?,
        None => {
            let from = form
                .some("from")
                .ok_or_else(|| NoLetter("the form has neither from nor email".to_owned()))?;
            Letter {
                from: from.to_owned(),
                subject: form.get("subject").unwrap_or_default().to_owned(),
                text: form.some("text").map(str::to_owned),
                html: form.some("html").map(str::to_owned),
                headers: header_lines(form.get("headers").unwrap_or_default()),
                ..Letter::default()
            }
        }
    };
    let mut to = envelope.to;
    to.extend(addresses(form.get("to").unwrap_or_default()));
    to.append(&mut letter.to);
    letter.to = to;
    letter.envelope_from = envelope.from;
    for (about, field) in [
        ("SPF", "SPF"),
        ("DKIM", "dkim"),
        ("sender's address on the network", "sender_ip"),
        ("spam score", "spam_score"),
    ] {
        letter.claim(about, form.get(field));
    }
    letter.left_out = letter.left_out.saturating_add(form.left_out);
    form.files.into_iter().for_each(|file| letter.attach(file));
    Ok(letter)
}
