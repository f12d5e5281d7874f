//! Mailgun's routes: a form with the mail taken apart, or with all of it in `body-mime`.
//!
//! Source: <https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http>

use jiff::Timestamp;
use secrecy::SecretString;

use super::letter::{Letter, addresses};
use super::{NoLetter, raw};
use crate::agent::reports::digest;
use crate::domain::report::Once;
use crate::web::reports::answer::Refusal;
use crate::web::reports::form::Form;
use crate::web::reports::proof;

/// Checks what Mailgun signed. The token is good for one mail.
pub(super) fn prove(form: &Form, secret: &SecretString, now: Timestamp) -> Result<Once, Refusal> {
    let field = |name: &str| form.some(name).unwrap_or_default();
    let token = field("token");
    let until = proof::mailgun(field("timestamp"), token, field("signature"), secret, now)?;
    Ok(Once { key: digest(&[b"mailgun", token.as_bytes()]), until })
}

pub(super) fn letter(form: Form, once: Once) -> Result<Letter, NoLetter> {
    let mut letter = match form.some("body-mime") {
        Some(whole) => raw::letter(whole.as_bytes())?,
        None => {
            let from = form.some("from").or(form.some("sender"));
            let from = from.ok_or_else(|| NoLetter("the form has neither from nor body-mime".to_owned()))?;
            let headers = form.some("message-headers").and_then(|text| serde_json::from_str(text).ok());
            let mut letter = Letter {
                from: from.to_owned(),
                subject: form.get("subject").unwrap_or_default().to_owned(),
                text: form.some("body-plain").map(str::to_owned),
                html: form.some("body-html").map(str::to_owned),
                headers: headers.unwrap_or_default(),
                ..Letter::default()
            };
            // Beside the list stands each header as a field of its own.
            if let (None, Some(id)) = (letter.header("message-id"), form.some("message-id")) {
                letter.headers.push(("Message-Id".to_owned(), id.to_owned()));
            }
            letter
        }
    };
    let mut to = addresses(form.get("recipient").unwrap_or_default());
    to.extend(letter.header("to").map(addresses).unwrap_or_default());
    to.append(&mut letter.to);
    letter.to = to;
    letter.envelope_from = form.get("sender").map(str::to_owned);
    letter.claim_header("SPF", "x-mailgun-spf");
    letter.claim_header("DKIM", "x-mailgun-dkim-check-result");
    letter.claim_header("spam score", "x-mailgun-sscore");
    letter.left_out = letter.left_out.saturating_add(form.left_out);
    form.files.into_iter().for_each(|file| letter.attach(file));
    letter.once = Some(once);
    Ok(letter)
}
