//! A mail, whoever handed it over, and the report it makes.

use mail_parser::decoders::html::html_to_text;

use crate::agent::reports::{Arrived, Attachment, REPORT_FILES_MAX, digest};
use crate::config::settings::MailAddress;
use crate::domain::report::{
    CONTACT_MAX_CHARS, Claim, Once, Report, ReportSource, TEXT_MAX_BYTES, TITLE_MAX_CHARS, Way,
};
use crate::domain::text::visible;

/// Claims of a provider that are kept, and characters of each.
const CLAIMS_MAX: usize = 12;
const CLAIM_MAX_CHARS: usize = 500;

/// Bytes of HTML that are reduced to text; all of it is kept as a file.
const HTML_MAX_BYTES: usize = 1024 * 1024;

/// A mail.
#[derive(Clone, Debug, Default)]
pub(super) struct Letter {
    /// The From header, as the provider gives it.
    pub(super) from: String,
    /// The envelope's sender, where it is told: empty for a bounce.
    pub(super) envelope_from: Option<String>,
    /// Addresses of ours that may have been written to: the envelope's first.
    pub(super) to: Vec<String>,
    pub(super) subject: String,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    /// Headers in their order.
    pub(super) headers: Vec<(String, String)>,
    pub(super) claims: Vec<Claim>,
    pub(super) files: Vec<Attachment>,
    pub(super) left_out: u32,
    pub(super) once: Option<Once>,
}

impl Letter {
    /// The first header of a name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.trim())
    }

    /// Keeps a file, while there is room.
    pub(super) fn attach(&mut self, file: Attachment) {
        if self.files.len() < REPORT_FILES_MAX {
            self.files.push(file);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Keeps what somebody said about the mail.
    pub(super) fn claim(&mut self, about: &str, said: Option<&str>) {
        if let Some(said) =
            said.map(str::trim).filter(|said| !said.is_empty() && self.claims.len() < CLAIMS_MAX)
        {
            let said = said.chars().take(CLAIM_MAX_CHARS).collect();
            self.claims.push(Claim { about: about.to_owned(), said });
        }
    }

    /// Keeps what a header says about the mail.
    pub(super) fn claim_header(&mut self, about: &str, header: &str) {
        let said = self.header(header).map(str::to_owned);
        self.claim(about, said.as_deref());
    }

    /// Why a machine sent it of itself, where one did.
    ///
    /// Source: RFC 3834, section 5; RFC 3464 for reports of delivery.
    pub(super) fn is_of_a_machine(&self) -> Option<String> {
        let automatic = self.header("auto-submitted").filter(|value| {
            let word = value.split(';').next().unwrap_or_default().trim();
            !word.is_empty() && !word.eq_ignore_ascii_case("no")
        });
        if automatic.is_some() {
            return Some("it was sent by a machine (Auto-Submitted)".to_owned());
        }
        let is = |header, wanted: &str| {
            self.header(header).is_some_and(|value| value.to_ascii_lowercase().starts_with(wanted))
        };
        let nobody = |address: &str| matches!(address.trim(), "" | "<>");
        if self.envelope_from.as_deref().is_some_and(nobody) || self.header("return-path").is_some_and(nobody)
        {
            return Some("it is a bounce: its envelope has no sender".to_owned());
        }
        if is("content-type", "multipart/report") {
            return Some("it is a report of delivery (multipart/report)".to_owned());
        }
        is("precedence", "auto_reply").then(|| "it is an automatic answer (Precedence)".to_owned())
    }

    /// Its head, for people who look at what was set aside.
    pub(super) fn in_short(&self) -> String {
        let text = self.text.as_deref().unwrap_or_default();
        format!("From: {}\nTo: {}\nSubject: {}\n\n{text}", self.from, self.to.join(", "), self.subject)
    }

    /// What the address that was written to says; never what the mail says.
    fn source(&self, addresses: &[MailAddress]) -> ReportSource {
        let of = |written: &String| {
            let address = bare_address(written);
            let plain = without_tag(&address);
            let is =
                |known: &&MailAddress| known.address == address || Some(&known.address) == plain.as_ref();
            addresses.iter().find(is).map(|known| known.source)
        };
        self.to.iter().find_map(of).unwrap_or(ReportSource::Other)
    }

    /// The report it makes.
    pub(super) fn arrived(mut self, provider: &str, addresses: &[MailAddress]) -> Arrived {
        let source = self.source(addresses);
        let text = self.body();
        let id = self.header("message-id").filter(|id| !id.is_empty()).map(str::to_owned);
        let from = bare_address(&self.from);
        // Relayed by two addresses or two providers, it is one mail.
        let key = match &id {
            Some(id) => digest(&[b"mail", id.as_bytes(), from.as_bytes()]),
            None => digest(&[
                b"mail-without-id",
                from.as_bytes(),
                self.subject.as_bytes(),
                text.as_deref().unwrap_or("").as_bytes(),
            ]),
        };
        let line = |text: &str, chars_max: usize| -> Option<String> {
            let line: String = visible(text.trim()).chars().take(chars_max).collect();
            (!line.is_empty()).then_some(line)
        };
        let title = line(&self.subject, TITLE_MAX_CHARS).unwrap_or_else(|| "(no subject)".to_owned());
        let contact = line(&self.from, CONTACT_MAX_CHARS);
        Arrived {
            report: Report { source, title, text, contact, severity: None, runbook: None },
            way: Way::Mail,
            sender: Some(provider.to_owned()),
            vouched: false,
            key: Some(key),
            once: self.once,
            claims: self.claims,
            files: self.files,
            left_out: self.left_out,
        }
    }

    /// Its words: the text, or the HTML reduced to text, nothing of it fetched. What does not fit is kept as a file.
    fn body(&mut self) -> Option<String> {
        let text = self.text.take().filter(|text| !text.trim().is_empty());
        let (words, whole) = match (text, self.html.take()) {
            (Some(text), _) if text.len() > TEXT_MAX_BYTES => {
                let whole = text.clone().into_bytes();
                (text, Some(("message.txt", "text/plain", whole)))
            }
            (Some(text), _) => (text, None),
            (None, Some(html)) => {
                let part = html.get(..html.floor_char_boundary(HTML_MAX_BYTES)).unwrap_or_default();
                (html_to_text(part), Some(("message.html", "text/html", html.into_bytes())))
            }
            (None, None) => return None,
        };
        if let Some((name, media_type, bytes)) = whole {
            if self.files.len() >= REPORT_FILES_MAX {
                self.files.pop();
                self.left_out = self.left_out.saturating_add(1);
            }
            self.files.push(Attachment { name: name.to_owned(), media_type: media_type.to_owned(), bytes });
        }
        let words = words.trim();
        let cut = words.get(..words.floor_char_boundary(TEXT_MAX_BYTES)).unwrap_or_default();
        (!cut.is_empty()).then(|| cut.to_owned())
    }
}

/// The address in `Name <address>`, in lower case.
fn bare_address(written: &str) -> String {
    let inside =
        written.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address);
    inside.unwrap_or(written).trim().to_lowercase()
}

/// `security@…` of `security+tag@…`.
fn without_tag(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let (plain, _tag) = local.split_once('+')?;
    Some(format!("{plain}@{domain}"))
}

/// Addresses between commas; a name in quotes may have one.
pub(super) fn addresses(line: &str) -> Vec<String> {
    let mut quoted = false;
    let parts = line.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Headers as they stand in a mail: one that goes on begins with a space.
pub(super) fn header_lines(raw: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in raw.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    headers
}
